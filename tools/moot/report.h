/* How a failure is told: two lines on stderr, or with --json one error document on stdout. */
#ifndef MOOT_TOOLS_REPORT_H
#define MOOT_TOOLS_REPORT_H

#include <jansson.h>

#include "tools/moot/cli.h"

/* {"error":{"code","text","advice","detail","exit"}} as the API has it; the caller owns it. */
json_t *moot_report_document(enum moot_status status, const char *detail);

/* Reports one of our own failures; returns its exit code. */
int moot_report(struct moot_cli *cli, enum moot_status status, const char *format, ...)
    MOOT_PRINTF(3, 4);
int moot_report_error(struct moot_cli *cli, const struct moot_error *error);

/* Reports an error document, the API's or ours; with --json as it is. Returns its exit code. */
int moot_report_answer(struct moot_cli *cli, const json_t *document);

/* Prints a document of our own on stdout, one line. */
void moot_report_json(struct moot_cli *cli, const json_t *document);

#endif
