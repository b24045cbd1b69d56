/* See node/commits.h. libuv merges wake-ups; one delivery hands out everything that waits. */
#include "node/commits.h"

static void on_async(uv_async_t *async)
{
    struct moot_commits *commits = (struct moot_commits *)async->data;
    moot_node_store_deliver(commits->store);
}

/* On the store's thread. uv_async_send is safe from any thread until the handle is closed, which
 * moot_commits_stop does after that thread has ended. */
static void wake(void *context)
{
    (void)uv_async_send((uv_async_t *)context);
}

static void on_closed(uv_handle_t *handle)
{
    struct moot_commits *commits = (struct moot_commits *)handle->data;
    if (commits->done != NULL) {
        commits->done(commits->done_context);
    }
}

enum moot_status moot_commits_start(struct moot_commits *commits, uv_loop_t *loop,
                                    struct moot_node_store *store,
                                    const struct moot_node_store_events *events,
                                    struct moot_error *error)
{
    *commits = (struct moot_commits){.store = store};
    int rc = uv_async_init(loop, &commits->async, on_async);
    if (rc != 0) {
        return moot_error_set(error, MOOT_NO_MEMORY, "no wake-up for the store: %s",
                              uv_strerror(rc));
    }
    commits->async.data = commits;
    struct moot_node_store_events woken = *events;
    woken.wake = wake;
    woken.wake_context = &commits->async;
    enum moot_status status = moot_node_store_start(store, &woken, error);
    if (status != MOOT_OK) {
        uv_close((uv_handle_t *)&commits->async, NULL);
    }
    return status;
}

void moot_commits_stop(struct moot_commits *commits, void (*done)(void *context), void *context)
{
    commits->done = done;
    commits->done_context = context;
    moot_node_store_stop(commits->store);
    moot_node_store_deliver(commits->store);
    uv_close((uv_handle_t *)&commits->async, on_closed);
}
