/*
 * nng operations and the queue on which they come back to the loop.
 *
 * Happy path: an operation is started on the loop; nng completes it on one of its threads, whose
 * callback does two things only: append to the queue under the mutex, wake the loop. The loop takes
 * the whole queue and handles each operation in order.
 *
 * Failures: none of its own; what an operation came to is read from it on the loop. Freeing waits
 * until the callback has returned (it is past its last step, so this takes microseconds); therefore
 * nothing of the link set is touched by another thread once its operations are freed.
 */
#include "crypto/base/contract.h"
#include "node/link_internal.h"

static void op_completed(void *arg)
{
    struct moot_link_op *op = arg;
    struct moot_links *links = op->links;
    uv_mutex_lock(&links->mutex);
    op->next = NULL;
    if (links->done_last == NULL)
        links->done_first = op;
    else
        links->done_last->next = op;
    links->done_last = op;
    uv_mutex_unlock(&links->mutex);
    (void)uv_async_send(&links->wake);
}

bool moot_link_op_init(struct moot_link_op *op, struct moot_links *links,
                       enum moot_link_op_kind kind, void *owner)
{
    *op = (struct moot_link_op){.links = links, .kind = kind, .owner = owner};
    return nng_aio_alloc(&op->aio, op_completed, op) == 0;
}

void moot_link_op_deinit(struct moot_link_op *op)
{
    MOOT_REQUIRE(!op->busy);
    if (op->aio != NULL)
        nng_aio_free(op->aio);
    op->aio = NULL;
}

struct moot_link_op *moot_link_op_take_all(struct moot_links *links)
{
    uv_mutex_lock(&links->mutex);
    struct moot_link_op *first = links->done_first;
    links->done_first = NULL;
    links->done_last = NULL;
    uv_mutex_unlock(&links->mutex);
    return first;
}
