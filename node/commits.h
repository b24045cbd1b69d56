/*
 * The store's reports on a libuv loop: a wake-up from the store's thread becomes a turn of the loop
 * that delivers. One per store; everything here is called on the loop's thread.
 */
#ifndef MOOT_NODE_COMMITS_H
#define MOOT_NODE_COMMITS_H

#include <uv.h>

#include "node/store.h"

/* In the caller's memory; must not move, and must live until the `done` of moot_commits_stop. */
struct moot_commits {
    uv_async_t async;
    struct moot_node_store *store; /* borrowed */
    void (*done)(void *context);
    void *done_context;
};

/*
 * Starts the store's thread and delivers its reports on `loop`: the functions of `events` (whose
 * `wake` is set here) are called with its context. Errors are those of moot_node_store_start;
 * nothing is left to stop after one.
 */
enum moot_status moot_commits_start(struct moot_commits *commits, uv_loop_t *loop,
                                    struct moot_node_store *store,
                                    const struct moot_node_store_events *events,
                                    struct moot_error *error);

/*
 * Stops the store's thread (which first commits what is queued), delivers the last reports, and lets
 * go of the loop; `done` (may be NULL) is called from the loop when that is done. The store may be
 * closed as soon as this returns.
 */
void moot_commits_stop(struct moot_commits *commits, void (*done)(void *context), void *context);

#endif
