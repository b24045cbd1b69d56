/*
 * Links: framed byte streams to other devices, over nng streams (never SP sockets: they can be wedged
 * by strangers). 4-byte big-endian length, then the frame. All calls and callbacks are on the uv loop;
 * nng's threads only queue a completed operation and wake the loop. Deadlines are the engine's.
 */
#ifndef MOOT_NODE_LINK_H
#define MOOT_NODE_LINK_H

#include <stdint.h>
#include <uv.h>

#include "crypto/base/bytes.h"
#include "crypto/base/status.h"

struct moot_links; /* all links of one node */

struct moot_link_callbacks {
    void *context;
    /* A link is open. dial is the caller's number for its own dial, 0 for one that was accepted.
     * remote is the peer's address as text, without the port for accepted ones' quota: "127.0.0.1". */
    void (*up)(void *context, uint32_t link, uint32_t dial, const char *remote);
    /* One frame; borrowed for the call. */
    void (*frame)(void *context, uint32_t link, struct moot_bytes frame);
    /* The link is gone (also after close). For a dial that failed link is 0 and dial is set. */
    void (*down)(void *context, uint32_t link, uint32_t dial, enum moot_status why);
};

/* NULL on failure. Starts no thread before the first listen or dial. */
struct moot_links *moot_links_new(uv_loop_t *loop, const struct moot_link_callbacks *callbacks,
                                  struct moot_error *error);

/* url "tcp://127.0.0.1:0": a free port; the address really used is in moot_links_address. */
enum moot_status moot_links_listen(struct moot_links *links, const char *url,
                                   struct moot_error *error);
/* "tcp://127.0.0.1:41234", or "" when not listening. */
const char *moot_links_address(const struct moot_links *links);

/* Starts a dial; ends in up or down with this number (never 0), after this has returned (but for
 * NO_MEMORY), at the latest after MOOT_LINK_DIAL_MS_MAX. */
void moot_links_dial(struct moot_links *links, uint32_t dial, const char *url);

/* Queues one frame (copied, at most MOOT_FRAME_BYTES_MAX). The first two frames that an accepted link
 * receives and the first of a dialled one are a handshake: at most MOOT_LINK_FIRST_FRAME_BYTES_MAX,
 * else the receiver closes as OVERSIZED. A link that does not exist any more is ignored. Past
 * MOOT_LINK_SEND_BYTES_MAX the link is closed as SILENT. */
void moot_links_send(struct moot_links *links, uint32_t link, struct moot_bytes frame);

/* Closes when `flush` is false at once, else after what is queued is sent and the peer had a moment to
 * read it (at most one second); nothing is received any more in either case. `down` comes later,
 * with this reason. */
void moot_links_close(struct moot_links *links, uint32_t link, enum moot_status why, bool flush);

/* Open links, for status and tests. */
uint32_t moot_links_count(const struct moot_links *links);

/* Stops listening and all links; afterwards no callback comes and `links` must not be used. Never
 * waits: memory goes, and the two handles on the loop close, as nng's operations come back while the
 * loop runs on. A daemon that leaves by _exit need not run it; a test runs it until it ends. */
void moot_links_free(struct moot_links *links);

#endif
