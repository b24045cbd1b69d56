/*
 * A link set whose events are counted, on a loop that is run until something has happened. Shared by the
 * tests and the benchmark of the links.
 */
#ifndef TESTS_LIB_NODE_LINK_SIDE_H
#define TESTS_LIB_NODE_LINK_SIDE_H

#include "node/limits.h"
#include "node/link.h"
#include "tests/lib/test.h"

/* What has happened on one side. */
struct test_side {
    struct moot_links *links;
    uint32_t up, down, down_without_link;
    uint32_t link, dial;  /* of the last up */
    char remote[64];      /* of the last up */
    enum moot_status why; /* of the last down */
    uint32_t down_link, down_dial;
    uint64_t frames, frame_bytes;
    size_t last_size;
    uint64_t sum; /* over all frame bytes, in order */
    /* More to do than count; may be NULL. */
    void (*on_up)(struct test_side *side, uint32_t link, uint32_t dial);
    void (*on_frame)(struct test_side *side, uint32_t link, struct moot_bytes frame);
    void (*on_down)(struct test_side *side, uint32_t link);
    void *context;
};

/* Fails the test when it cannot. */
void test_side_init(struct test_side *side, uv_loop_t *loop);
/* Listens at a free port of 127.0.0.1. */
void test_side_listen(struct test_side *side);
uint16_t test_side_port(const struct test_side *side);
/* Frees the links; the loop must run on to let the memory go (test_loop_end). */
void test_side_free(struct test_side *side);
/* The sum that `frame` would add. */
uint64_t test_side_sum(uint64_t sum, struct moot_bytes frame);

/* Runs the loop until `done` says so; fails the test after `ms_max`. */
void test_loop_until(uv_loop_t *loop, bool (*done)(void *context), void *context, uint64_t ms_max);
/* Runs the loop for a while. */
void test_loop_for(uv_loop_t *loop, uint64_t ms);
/* Runs the loop until nothing is left on it, and closes it. */
void test_loop_end(uv_loop_t *loop);

/* A plain connection to 127.0.0.1:port; the caller closes it. */
int test_socket_connect(uint16_t port);
/* Writes everything. */
void test_socket_write(int socket, const void *bytes, size_t size);

#endif
