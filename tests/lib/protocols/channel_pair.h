/*
 * Two devices and the two ends of a channel between them, in memory: what the tests, the fuzz target
 * and the benchmark of the channel share. Everything comes from the seed.
 */
#ifndef TESTS_LIB_PROTOCOLS_CHANNEL_PAIR_H
#define TESTS_LIB_PROTOCOLS_CHANNEL_PAIR_H

#include "protocols/channel.h"
#include "tests/lib/test.h"

#define TEST_CHANNEL_ARENA_BYTES (8u << 20)

/* One end: a device, its randomness and memory, its channel. */
struct test_end {
    struct moot_identity identity;
    uint8_t static_secret[32];
    struct test_random stream;
    struct moot_random random;
    struct moot_channel_local local;
    struct moot_arena arena;
    struct moot_channel channel;
};

struct test_pair {
    struct moot_digest mesh;
    struct moot_digest psk;
    struct test_end dialler, listener;
};

/* Makes both ends; no message yet. Free with test_pair_free. */
void test_pair_init(struct test_pair *pair, uint64_t seed);
void test_pair_free(struct test_pair *pair);

/* Starts a session: empties both arenas, makes the listener wait and the dialler say message 1. */
struct moot_bytes test_pair_hello(struct test_pair *pair, enum moot_channel_mode mode);
/* Feeds `frame` to an end; fails the test unless it is accepted. */
struct moot_channel_result test_end_receive(struct test_end *end, struct moot_bytes frame);
/* The whole handshake; fails the test unless both end ESTABLISHED with the right peer. */
void test_pair_establish(struct test_pair *pair, enum moot_channel_mode mode);
/* One sealed frame; fails the test unless sealing works. */
struct moot_bytes test_end_seal(struct test_end *end, struct moot_bytes message);

#endif
