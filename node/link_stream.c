/*
 * One link: bytes of a stream cut into frames, and frames into bytes.
 *
 * Happy path: one read is always under way; what it brings is cut at the 4-byte lengths and each
 * whole frame handed up. Frames to send are packed into chunks; one write of up to eight chunks is
 * under way, and what nng reports as sent comes off the front.
 *
 * Failures: a length above the limit closes as OVERSIZED before anything is allocated for it; the
 * buffer grows by doubling, only as bytes really arrive, so a claim costs the claimant its own bytes. The first
 * frames are a handshake and must be small. An end or error of the stream closes as LINK_FAILED, in the
 * middle of a frame as TRUNCATED. A peer that does not
 * read lets the queue grow to its limit and is closed as SILENT.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "node/link_internal.h"
#include "protocols/limits.h"

#define LENGTH_BYTES 4u
#define IN_BYTES_FIRST 4096u
#define IN_BYTES_KEPT 65536u
#define SMALL_FRAME_BYTES 16384u
#define SMALL_FRAMES_BEFORE_SHRINK 8u
#define CHUNK_BYTES 16384u
#define IOV_MAX_OF_NNG 8u
#define FLUSH_MS 1000u
#define LINGER_MS 250u

struct moot_link *moot_link_find(const struct moot_links *links, uint32_t id)
{
    struct moot_link *link = links->slots[(id & 0xffu) % MOOT_LINKS_MAX];
    return link != NULL && link->id == id ? link : NULL;
}

/* --- the end of a link */

static void link_free(struct moot_link *link)
{
    /* Both operations first: the stream may not go while either could still name it. */
    moot_link_op_deinit(&link->read);
    moot_link_op_deinit(&link->write);
    nng_stream_free(link->stream);
    while (link->out_first != NULL) {
        struct moot_link_chunk *chunk = link->out_first;
        link->out_first = chunk->next;
        free(chunk);
    }
    free(link->in);
    free(link);
}

static void finish_if_idle(struct moot_link *link)
{
    if (link->state != MOOT_LINK_CLOSING || link->read.busy || link->write.busy || link->holds > 0)
        return;
    struct moot_links *links = link->links;
    uint32_t id = link->id;
    uint32_t dial = link->dial;
    enum moot_status why = link->why;
    links->slots[(id & 0xffu) % MOOT_LINKS_MAX] = NULL;
    links->count--;
    link_free(link);
    if (!links->dead)
        links->callbacks.down(links->callbacks.context, id, dial, why);
}

void moot_link_close(struct moot_link *link, enum moot_status why)
{
    if (link->state == MOOT_LINK_CLOSING)
        return;
    if (link->state == MOOT_LINK_OPEN)
        link->why = why;
    link->state = MOOT_LINK_CLOSING;
    nng_stream_close(link->stream);
    finish_if_idle(link);
}

static void linger(struct moot_link *link)
{
    link->state = MOOT_LINK_LINGERING;
    uint64_t until_ms = uv_now(link->links->loop) + LINGER_MS;
    if (until_ms < link->deadline_ms)
        link->deadline_ms = until_ms;
}

void moot_link_flush(struct moot_link *link, enum moot_status why)
{
    if (link->state != MOOT_LINK_OPEN)
        return;
    link->why = why;
    link->state = MOOT_LINK_FLUSHING;
    link->deadline_ms = uv_now(link->links->loop) + FLUSH_MS;
    if (link->out_bytes == 0)
        linger(link);
    moot_links_tick_start(link->links);
}

bool moot_link_tick(struct moot_links *links, uint64_t now_ms)
{
    bool waits = false;
    for (uint32_t i = 0; i < MOOT_LINKS_MAX; i++) {
        struct moot_link *link = links->slots[i];
        if (link == NULL ||
            (link->state != MOOT_LINK_FLUSHING && link->state != MOOT_LINK_LINGERING))
            continue;
        if (now_ms >= link->deadline_ms)
            moot_link_close(link, link->why);
        else
            waits = true;
    }
    return waits;
}

/* --- receiving */

static size_t frame_bytes_max(const struct moot_link *link)
{
    /* Message 2 comes to the dialler, hello and message 3 to the listener: all of them small. */
    uint32_t handshake_frames = link->dial != 0 ? 1 : 2;
    return link->frames_in < handshake_frames ? MOOT_LINK_FIRST_FRAME_BYTES_MAX
                                              : MOOT_FRAME_BYTES_MAX;
}

/* Hands up every whole frame at the front of the buffer and keeps the rest. */
static void frames_deliver(struct moot_link *link)
{
    struct moot_links *links = link->links;
    size_t at = 0;
    while (link->state == MOOT_LINK_OPEN && link->in_size - at >= LENGTH_BYTES) {
        size_t size = moot_u32_get(link->in + at);
        if (size > frame_bytes_max(link)) {
            moot_link_close(link, MOOT_OVERSIZED);
            return;
        }
        if (link->in_size - at - LENGTH_BYTES < size)
            break;
        if (link->frames_in < 2)
            link->frames_in++;
        link->small_frames = size <= SMALL_FRAME_BYTES ? link->small_frames + 1 : 0;
        links->callbacks.frame(links->callbacks.context, link->id,
                               moot_bytes_of(link->in + at + LENGTH_BYTES, size));
        at += LENGTH_BYTES + size;
    }
    link->in_size -= at;
    if (at > 0 && link->in_size > 0)
        memmove(link->in, link->in + at, link->in_size);
}

/* Room for at least one more byte, more for a busy link, and a large buffer back once it is not needed. */
static bool in_room(struct moot_link *link, bool filled)
{
    size_t capacity = link->in_capacity;
    bool busy = filled && capacity < IN_BYTES_KEPT && frame_bytes_max(link) == MOOT_FRAME_BYTES_MAX;
    if (link->in_size == capacity || busy) {
        capacity = capacity == 0 ? IN_BYTES_FIRST : capacity * 2;
        if (capacity > MOOT_FRAME_BYTES_MAX + LENGTH_BYTES)
            capacity = MOOT_FRAME_BYTES_MAX + LENGTH_BYTES;
        MOOT_INVARIANT(capacity >
                       link->in_size); /* a frame that fills the largest buffer is whole */
    } else if (capacity > IN_BYTES_KEPT && link->in_size <= IN_BYTES_KEPT / 2 &&
               link->small_frames >= SMALL_FRAMES_BEFORE_SHRINK) {
        capacity = IN_BYTES_KEPT;
    }
    if (capacity == link->in_capacity)
        return true;
    uint8_t *in = realloc(link->in, capacity);
    if (in == NULL)
        return link->in_size < link->in_capacity;
    link->in = in;
    link->in_capacity = capacity;
    return true;
}

static void read_start(struct moot_link *link, bool filled)
{
    if (!in_room(link, filled)) {
        moot_link_close(link, MOOT_NO_MEMORY);
        return;
    }
    nng_iov iov = {.iov_buf = link->in + link->in_size,
                   .iov_len = link->in_capacity - link->in_size};
    int failed = nng_aio_set_iov(link->read.aio, 1, &iov);
    MOOT_INVARIANT(failed == 0);
    link->read.busy = true;
    nng_stream_recv(link->stream, link->read.aio);
}

void moot_link_read_done(struct moot_link *link)
{
    if (link->state == MOOT_LINK_CLOSING) {
        finish_if_idle(link);
        return;
    }
    if (nng_aio_result(link->read.aio) != 0) {
        /* after a flush the reason is the flush's */
        moot_link_close(link, link->in_size > 0 ? MOOT_TRUNCATED : MOOT_LINK_FAILED);
        return;
    }
    link->holds++;
    link->in_size += nng_aio_count(link->read.aio);
    bool filled = link->in_size == link->in_capacity;
    frames_deliver(link);
    if (link->state == MOOT_LINK_FLUSHING || link->state == MOOT_LINK_LINGERING)
        link->in_size = 0;
    if (link->state != MOOT_LINK_CLOSING)
        read_start(link, filled);
    link->holds--;
    finish_if_idle(link);
}

/* --- sending */

static void write_start(struct moot_link *link)
{
    nng_iov iov[IOV_MAX_OF_NNG];
    unsigned count = 0;
    for (struct moot_link_chunk *chunk = link->out_first; chunk != NULL && count < IOV_MAX_OF_NNG;
         chunk = chunk->next) {
        iov[count].iov_buf = chunk->data + chunk->sent;
        iov[count].iov_len = chunk->size - chunk->sent;
        count++;
    }
    int failed = nng_aio_set_iov(link->write.aio, count, iov);
    MOOT_INVARIANT(failed == 0);
    link->write.busy = true;
    nng_stream_send(link->stream, link->write.aio);
}

/* Takes what was sent off the front; nng reports part of it when the kernel took only part. */
static void sent_drop(struct moot_link *link, size_t sent)
{
    MOOT_INVARIANT(sent <= link->out_bytes);
    link->out_bytes -= sent;
    while (sent > 0 ||
           (link->out_first != NULL && link->out_first->sent == link->out_first->size)) {
        struct moot_link_chunk *chunk = link->out_first;
        size_t part = chunk->size - chunk->sent;
        if (part > sent) {
            chunk->sent += sent;
            return;
        }
        sent -= part;
        link->out_first = chunk->next;
        if (link->out_first == NULL)
            link->out_last = NULL;
        free(chunk);
    }
}

void moot_link_write_done(struct moot_link *link)
{
    if (link->state == MOOT_LINK_CLOSING) {
        finish_if_idle(link);
        return;
    }
    if (nng_aio_result(link->write.aio) != 0) {
        moot_link_close(link, MOOT_LINK_FAILED);
        return;
    }
    sent_drop(link, nng_aio_count(link->write.aio));
    if (link->out_bytes > 0)
        write_start(link);
    else if (link->state == MOOT_LINK_FLUSHING)
        linger(link);
}

static struct moot_link_chunk *chunk_with_room(struct moot_link *link, size_t size)
{
    struct moot_link_chunk *chunk = link->out_last;
    if (chunk != NULL && chunk->capacity - chunk->size >= size)
        return chunk; /* also while its front is being sent: those bytes are not touched */
    size_t capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    chunk = malloc(sizeof *chunk + capacity);
    if (chunk == NULL)
        return NULL;
    *chunk = (struct moot_link_chunk){.capacity = capacity};
    if (link->out_last == NULL)
        link->out_first = chunk;
    else
        link->out_last->next = chunk;
    link->out_last = chunk;
    return chunk;
}

void moot_link_queue(struct moot_link *link, struct moot_bytes frame)
{
    MOOT_REQUIRE(frame.size <= MOOT_FRAME_BYTES_MAX);
    size_t size = LENGTH_BYTES + frame.size;
    if (link->out_bytes + size > MOOT_LINK_SEND_BYTES_MAX) {
        moot_link_close(link, MOOT_SILENT);
        return;
    }
    struct moot_link_chunk *chunk = chunk_with_room(link, size);
    if (chunk == NULL) {
        moot_link_close(link, MOOT_NO_MEMORY);
        return;
    }
    moot_u32_put(chunk->data + chunk->size, (uint32_t)frame.size);
    if (frame.size > 0)
        memcpy(chunk->data + chunk->size + LENGTH_BYTES, frame.data, frame.size);
    chunk->size += size;
    link->out_bytes += size;
    if (!link->write.busy)
        write_start(link);
}

/* --- the start of a link */

/* The peer's address without its port, as the quota of strangers counts it. */
static void remote_format(nng_stream *stream, char *text, size_t size)
{
    nng_sockaddr address;
    memset(&address, 0, sizeof address);
    (void)snprintf(text, size, "local");
    if (nng_stream_get_addr(stream, NNG_OPT_REMADDR, &address) != 0)
        return;
    if (address.s_family == NNG_AF_INET)
        (void)uv_inet_ntop(AF_INET, &address.s_in.sa_addr, text, size);
    else if (address.s_family == NNG_AF_INET6)
        (void)uv_inet_ntop(AF_INET6, address.s_in6.sa_addr, text, size);
}

static struct moot_link *link_new(struct moot_links *links, nng_stream *stream)
{
    struct moot_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return NULL;
    link->links = links;
    link->stream = stream;
    link->state = MOOT_LINK_OPEN;
    if (moot_link_op_init(&link->read, links, MOOT_LINK_OP_READ, link) &&
        moot_link_op_init(&link->write, links, MOOT_LINK_OP_WRITE, link))
        return link;
    moot_link_op_deinit(&link->read);
    moot_link_op_deinit(&link->write);
    free(link);
    return NULL;
}

void moot_link_adopt(struct moot_links *links, nng_stream *stream, uint32_t dial)
{
    enum moot_status failed = MOOT_TOO_MANY_LINKS;
    uint32_t slot = 0;
    while (slot < MOOT_LINKS_MAX && links->slots[slot] != NULL)
        slot++;
    struct moot_link *link = NULL;
    if (slot < MOOT_LINKS_MAX) {
        link = link_new(links, stream);
        failed = MOOT_NO_MEMORY;
    }
    if (link == NULL) {
        nng_stream_free(stream);
        if (dial != 0)
            links->callbacks.down(links->callbacks.context, 0, dial, failed);
        return;
    }
    /* A number never comes back soon, so a late call for a link that is gone finds nothing. */
    links->generation = links->generation == 0xffffffu ? 1 : links->generation + 1;
    link->id = links->generation << 8 | slot;
    link->dial = dial;
    links->slots[slot] = link;
    links->count++;
    char remote[64];
    remote_format(stream, remote, sizeof remote);
    link->holds++;
    links->callbacks.up(links->callbacks.context, link->id, dial, remote);
    if (link->state != MOOT_LINK_CLOSING)
        read_start(link, false);
    link->holds--;
    finish_if_idle(link);
}
