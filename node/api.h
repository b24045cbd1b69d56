/*
 * The control API: HTTP/1.1 and JSON on a unix socket (docs/API.md). libmicrohttpd runs on the loop's
 * own thread, so every answer is built between two turns of the engine.
 */
#ifndef MOOT_NODE_API_H
#define MOOT_NODE_API_H

#include <uv.h>

#include "node/config.h"
#include "node/shell.h"

struct moot_api;

/* All borrowed until the close. */
struct moot_api_options {
    const char *address; /* "unix:PATH" */
    struct moot_shell *shell;
    const struct moot_config *config;
};

/*
 * Listens. A socket file at PATH that nobody answers is replaced. BAD_ARGUMENT: no "unix:" address,
 * or its path is too long. STORE_LOCKED: somebody answers there. FILE_IO: the path, or something there that
 * is no socket. NO_MEMORY.
 */
MOOT_MUST_USE enum moot_status moot_api_open(uv_loop_t *loop,
                                             const struct moot_api_options *options,
                                             struct moot_api **ret, struct moot_error *error);

/* Takes no new requests and removes the socket. */
void moot_api_stop(struct moot_api *api);

/* Stops, and sends what is ready; whoever still waits is answered `stopping`. Bounded: jobs are not
 * waited for. For a process that is about to end. */
void moot_api_flush(struct moot_api *api);

/* Flushes, then lets go of everything; runs the loop for that, also until jobs have ended. NULL is fine. */
void moot_api_close(struct moot_api *api);

/* ---- the table, for docs and tests ---- */

enum moot_api_role { MOOT_API_READ = 1, MOOT_API_ACT = 2 };

struct moot_api_row {
    const char *method;
    const char *pattern; /* "/v1/proposals/ID/approve"; KEY takes the rest of the path */
    enum moot_api_role role;
};
/* Row `index` of the table; false past its end. */
bool moot_api_row(size_t index, struct moot_api_row *ret);

/* The HTTP status for an exit code of the command line. */
unsigned moot_api_http_status(int exit_code);

#endif
