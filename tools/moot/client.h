/*
 * Talking to a node: HTTP and JSON over its unix socket. Every failure on the way (no socket, no
 * rights, too late, not a node) becomes the same error document that a node would have sent.
 */
#ifndef MOOT_TOOLS_CLIENT_H
#define MOOT_TOOLS_CLIENT_H

#include <jansson.h>

#include "tools/moot/cli.h"

#define MOOT_CLIENT_ANSWER_MS_DEFAULT 30000u
#define MOOT_CLIENT_ANSWER_BYTES_MAX 67108864u /* a longer answer is refused as oversized */

struct moot_answer {
    json_t *json; /* the answer, or an error document; owned */
    char *body;   /* what the node sent, with NUL; NULL when nothing came. Owned. */
    int exit;     /* 0: good; else the exit code in the error document */
};
void moot_answer_free(struct moot_answer *answer); /* of one that is all zero, too */

/* `prefix` + `segment` percent-encoded + `suffix`; the caller frees it. */
char *moot_client_path(const char *prefix, const char *segment, const char *suffix);

struct moot_request {
    const char *method; /* "GET", "POST", "PUT" */
    const char *path;
    const json_t *body;  /* POST; NULL: {} */
    const char *file;    /* PUT: path of the file that is sent, streamed */
    uint64_t timeout_ms; /* 0: MOOT_CLIENT_ANSWER_MS_DEFAULT */
    FILE *stream;        /* not NULL: a good answer goes there as it arrives, json stays NULL */
    bool exact;          /* keep control characters in the text of the answer */
};
/* Never prints; frees what *ret held before. */
void moot_client_call(struct moot_cli *cli, const struct moot_request *request,
                      struct moot_answer *ret);

/* The same, again while nothing listens there and --wait allows it. */
void moot_client_read(struct moot_cli *cli, const struct moot_request *request,
                      struct moot_answer *ret);

/* GET, reported when it fails: the exit code. */
int moot_client_get(struct moot_cli *cli, const char *path, struct moot_answer *ret);
/* The same for prefix + segment + suffix. */
int moot_client_get_at(struct moot_cli *cli, const char *prefix, const char *segment,
                       const char *suffix, struct moot_answer *ret);
/*
 * POST with the members of `body` (moved; NULL: none) and dry_run when asked for; reported when it
 * fails. timeout_ms 0: the default, or --wait's when given and longer.
 */
int moot_client_post(struct moot_cli *cli, const char *path, json_t *body, uint64_t timeout_ms,
                     struct moot_answer *ret);

/* Prints the answer unchanged, one document and a newline: what --json does. */
void moot_answer_print(struct moot_cli *cli, const struct moot_answer *answer);
/* If --json or --dry-run decide what is printed: prints it and returns true. */
bool moot_answer_printed(struct moot_cli *cli, const struct moot_answer *answer);

#endif
