/* The command line taken apart against the command table. */
#ifndef MOOT_TOOLS_ARGS_H
#define MOOT_TOOLS_ARGS_H

#include <jansson.h>

#include "tools/moot/cli.h"

/*
 * Fills command, arguments and flags of `cli`. `arguments` is memory for argc pointers, which
 * cli->arguments then points into. Flags may stand anywhere; after "--" everything is an argument.
 * Failure: the exit code (2), already reported, with the nearest word where there is one. 0 when
 * good; command is then set.
 */
int moot_args_parse(struct moot_cli *cli, int argc, const char *const *argv,
                    const char **arguments);

/* The number given with a flag; `fallback` when it was not given. False: reported, exit 2. */
bool moot_args_number(struct moot_cli *cli, enum moot_flag flag, uint64_t most, uint64_t fallback,
                      uint64_t *ret);

/* The epoch given with a flag as the API wants it: a number, or "+N" as text. NULL: reported, exit 2. */
json_t *moot_args_epoch(struct moot_cli *cli, enum moot_flag flag);

#endif
