/* Help made from the command table: the list, one page, docs/CLI.md. */
#ifndef MOOT_TOOLS_HELP_H
#define MOOT_TOOLS_HELP_H

#include <stdio.h>

#include "tools/moot/table.h"

void moot_help_list(FILE *out);
void moot_help_page(FILE *out, const struct moot_command *command);
/* docs/CLI.md, whole. */
void moot_help_markdown(FILE *out);

#endif
