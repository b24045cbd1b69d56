/*
 * All links of one node: the link set, its two loop handles and its orderly end.
 *
 * Happy path: nng's threads wake the loop, which takes every completed operation in order and lets
 * link_dial.c and link_stream.c go on from there. Deadlines of dials and of flushed closes are looked
 * at in a tick that runs only while there are any.
 *
 * Failures are those of single links and dials. The end: moot_links_free closes every stream and
 * returns; as the operations come back to the loop, memory is freed piece by piece, the set itself
 * last. If the loop does not run any more, that rest is left to the end of the process.
 */
#include "node/link.h"

#include <stdlib.h>

#include "node/link_internal.h"

#define TICK_MS 50u

_Static_assert(MOOT_LINKS_MAX <= 256, "a link's number keeps its slot in 8 bits");

static void handle_closed(uv_handle_t *handle)
{
    struct moot_links *links = handle->data;
    if (--links->handles > 0)
        return;
    uv_mutex_destroy(&links->mutex);
    free(links);
}

/* Once moot_links_free was called and nothing of nng is left: lets go of the loop, then of the memory. */
static void end_if_idle(struct moot_links *links)
{
    if (!links->dead || links->closing || links->count > 0 || !moot_link_dial_stop(links))
        return;
    links->closing = true;
    links->handles = 2;
    uv_close((uv_handle_t *)&links->wake, handle_closed);
    uv_close((uv_handle_t *)&links->tick, handle_closed);
}

static void op_dispatch(struct moot_link_op *op)
{
    op->busy = false;
    switch (op->kind) {
    case MOOT_LINK_OP_ACCEPT:
        moot_link_accept_done(op->owner);
        break;
    case MOOT_LINK_OP_DIAL:
        moot_link_dial_done(op->owner);
        break;
    case MOOT_LINK_OP_READ:
        moot_link_read_done(op->owner);
        break;
    case MOOT_LINK_OP_WRITE:
        moot_link_write_done(op->owner);
        break;
    }
}

static void look_at_time(struct moot_links *links)
{
    uint64_t now_ms = uv_now(links->loop);
    bool dials_wait = moot_link_dial_tick(links, now_ms);
    bool links_wait = moot_link_tick(links, now_ms);
    if (!dials_wait && !links_wait && links->ticking && !links->closing) {
        (void)uv_timer_stop(&links->tick);
        links->ticking = false;
    }
}

static void on_wake(uv_async_t *wake)
{
    struct moot_links *links = wake->data;
    struct moot_link_op *next;
    for (struct moot_link_op *op = moot_link_op_take_all(links); op != NULL; op = next) {
        next = op->next; /* handling the operation may start it again or free it */
        op_dispatch(op);
    }
    look_at_time(links);
    end_if_idle(links);
}

static void on_tick(uv_timer_t *tick)
{
    struct moot_links *links = tick->data;
    look_at_time(links);
    end_if_idle(links);
}

void moot_links_tick_start(struct moot_links *links)
{
    if (links->ticking || links->closing)
        return;
    links->ticking = true;
    (void)uv_timer_start(&links->tick, on_tick, TICK_MS, TICK_MS);
}

struct moot_links *moot_links_new(uv_loop_t *loop, const struct moot_link_callbacks *callbacks,
                                  struct moot_error *error)
{
    struct moot_links *links = calloc(1, sizeof *links);
    if (links == NULL) {
        (void)moot_error_set(error, MOOT_NO_MEMORY, "links");
        return NULL;
    }
    links->loop = loop;
    links->callbacks = *callbacks;
    int failed = uv_mutex_init(&links->mutex);
    if (failed == 0) {
        failed = uv_async_init(loop, &links->wake, on_wake);
        if (failed != 0)
            uv_mutex_destroy(&links->mutex);
    }
    if (failed != 0) {
        (void)moot_error_set(error, MOOT_NO_MEMORY, "links: %s", uv_strerror(failed));
        free(links);
        return NULL;
    }
    (void)uv_timer_init(loop, &links->tick); /* cannot fail */
    links->wake.data = links;
    links->tick.data = links;
    return links;
}

const char *moot_links_address(const struct moot_links *links)
{
    return links->address;
}

uint32_t moot_links_count(const struct moot_links *links)
{
    return links->count;
}

void moot_links_send(struct moot_links *links, uint32_t id, struct moot_bytes frame)
{
    struct moot_link *link = moot_link_find(links, id);
    if (link != NULL && link->state == MOOT_LINK_OPEN)
        moot_link_queue(link, frame);
}

void moot_links_close(struct moot_links *links, uint32_t id, enum moot_status why, bool flush)
{
    struct moot_link *link = moot_link_find(links, id);
    if (link == NULL)
        return;
    if (flush)
        moot_link_flush(link, why);
    else
        moot_link_close(link, why);
}

void moot_links_free(struct moot_links *links)
{
    if (links == NULL || links->dead)
        return;
    links->dead = true;
    for (uint32_t i = 0; i < MOOT_LINKS_MAX; i++) {
        if (links->slots[i] != NULL)
            moot_link_close(links->slots[i], MOOT_STOPPING);
    }
    (void)moot_link_dial_stop(links);
    end_if_idle(links);
}
