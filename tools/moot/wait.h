/* Waiting for a node to get somewhere: asking again every 150 ms, never longer than --wait allows. */
#ifndef MOOT_TOOLS_WAIT_H
#define MOOT_TOOLS_WAIT_H

#include "tools/moot/client.h"

/* What a look at the newest answer says. */
enum moot_wait_verdict { MOOT_WAIT_ON = 1, MOOT_WAIT_THERE, MOOT_WAIT_ENDED };

/* May fill `line` (256 bytes) with what it waits for; people see each new one. */
struct moot_wait {
    const char *path;
    enum moot_wait_verdict (*judge)(const json_t *answer, const void *context, char *line);
    const void *context;
};
#define MOOT_WAIT_LINE_BYTES 256

/*
 * Asks until the judge says THERE (0) or ENDED (8; 6 when the state is "conflicted"), time is up
 * (7), or the node has not answered for 5 s (3). *ret holds the newest answer. Reports nothing:
 * see moot_wait_report.
 */
int moot_wait_for(struct moot_cli *cli, const struct moot_wait *wait, struct moot_answer *ret);

/* Prints the newest answer with the failure beside it (json: member "error"); returns `code`. */
int moot_wait_report(struct moot_cli *cli, int code, struct moot_answer *answer,
                     const char *detail);

/* Waits until a proposal is in `state` or past it, then prints it. The exit code. */
int moot_wait_proposal(struct moot_cli *cli, const char *id, const char *state);

/* The end of every verb that answers with a proposal: dry run, --wait, --json or text. */
int moot_wait_finish(struct moot_cli *cli, const struct moot_answer *answer);

#endif
