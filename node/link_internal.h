/*
 * What the files of the links share. One owner: everything here is touched by the loop's thread only,
 * except `done_first`, `done_last` and `next` of an operation, which the mutex guards.
 *
 *   OPEN ──close, flush──▶ FLUSHING ──all sent──▶ LINGERING ──peer closed, or time──▶ CLOSING ──▶ gone
 *     └────close, failure, end of stream───────────────────────────────────────────────▶ CLOSING
 *
 * A link is gone, and `down` is called, once none of its operations is under way (busy) and the loop
 * does not stand inside one of its callbacks (holds).
 */
#ifndef MOOT_NODE_LINK_INTERNAL_H
#define MOOT_NODE_LINK_INTERNAL_H

#include <nng/nng.h>

#include "node/limits.h"
#include "node/link.h"

enum moot_link_op_kind {
    MOOT_LINK_OP_ACCEPT = 1,
    MOOT_LINK_OP_DIAL,
    MOOT_LINK_OP_READ,
    MOOT_LINK_OP_WRITE
};

/* One nng operation: from start to the loop's handling of its completion it is busy, and then neither it
 * nor its owner may be freed. */
struct moot_link_op {
    struct moot_link_op *next;
    struct moot_links *links;
    void *owner;
    enum moot_link_op_kind kind;
    nng_aio *aio;
    bool busy;
};

/* Bytes on their way out: small frames share one. */
struct moot_link_chunk {
    struct moot_link_chunk *next;
    size_t size, capacity, sent;
    uint8_t data[];
};

enum moot_link_state {
    MOOT_LINK_OPEN = 1,
    MOOT_LINK_FLUSHING,  /* sends what is queued, takes no more, throws away what comes */
    MOOT_LINK_LINGERING, /* all is sent: gives the peer a moment to read it before the close */
    MOOT_LINK_CLOSING    /* nng has been told; its operations come back now */
};

struct moot_link {
    struct moot_links *links;
    uint32_t id, dial;
    enum moot_link_state state;
    enum moot_status why; /* from FLUSHING on */
    uint64_t deadline_ms; /* FLUSHING and LINGERING: closed by then */
    uint32_t holds;
    nng_stream *stream;
    struct moot_link_op read, write;

    uint8_t *in;
    size_t in_size, in_capacity;
    uint32_t frames_in;    /* stops counting once the handshake's small frames are over */
    uint32_t small_frames; /* in a row: after some a large buffer is given back */

    struct moot_link_chunk *out_first, *out_last;
    size_t out_bytes;
};

struct moot_link_dial {
    struct moot_link_dial *next;
    struct moot_links *links;
    uint32_t number;
    enum moot_status failed; /* could not even start: told in the loop's next turn */
    uint64_t deadline_ms;
    nng_stream_dialer *dialer;
    struct moot_link_op op;
};

struct moot_links {
    uv_loop_t *loop;
    struct moot_link_callbacks callbacks;
    uv_async_t wake;
    uv_timer_t tick; /* runs only while something waits for time */
    bool ticking;
    bool dead;    /* moot_links_free was called: no callback any more */
    bool closing; /* the two handles are on their way out, then the memory */
    uint32_t handles;

    uv_mutex_t mutex;
    struct moot_link_op *done_first, *done_last;

    nng_stream_listener *listener;
    struct moot_link_op accept;
    uint64_t accept_again_ms; /* 0: not pausing */
    char address[160];

    struct moot_link_dial *dials;
    struct moot_link *slots[MOOT_LINKS_MAX];
    uint32_t count, generation;
};

/* --- link_op.c: operations and their completion queue */

/* false when there is no memory. */
bool moot_link_op_init(struct moot_link_op *op, struct moot_links *links,
                       enum moot_link_op_kind kind, void *owner);
/* Not while busy. Waits for nng's thread to leave the callback that reported the completion. */
void moot_link_op_deinit(struct moot_link_op *op);
/* All completed operations, in order, no longer busy only once the caller says so. */
struct moot_link_op *moot_link_op_take_all(struct moot_links *links);

/* --- link_dial.c: how links come to be */

void moot_link_accept_done(struct moot_links *links);
void moot_link_dial_done(struct moot_link_dial *dial);
/* Tells about dials that could not start, ends those whose time is over, takes up accepting again. True while
 * something still waits for time. */
bool moot_link_dial_tick(struct moot_links *links, uint64_t now_ms);
/* Stops accepting and all dials; true once nothing of either is left. */
bool moot_link_dial_stop(struct moot_links *links);

/* --- link_stream.c: one link */

/* Makes a link of a stream (moved in any case) and tells `up`, or `down` of the dial. */
void moot_link_adopt(struct moot_links *links, nng_stream *stream, uint32_t dial);
struct moot_link *moot_link_find(const struct moot_links *links, uint32_t id);
void moot_link_read_done(struct moot_link *link);
void moot_link_write_done(struct moot_link *link);
void moot_link_queue(struct moot_link *link, struct moot_bytes frame);
/* May free the link. */
void moot_link_close(struct moot_link *link, enum moot_status why);
void moot_link_flush(struct moot_link *link, enum moot_status why);
bool moot_link_tick(struct moot_links *links, uint64_t now_ms);

/* --- link.c */

/* Makes sure that the tick runs. */
void moot_links_tick_start(struct moot_links *links);

#endif
