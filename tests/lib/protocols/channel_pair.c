/*
 * Two ends of a channel in memory.
 *
 * Happy path: init makes identities from the seed, establish plays the handshake. Failures: an
 * unexpected status fails the test that called.
 */
#include "tests/lib/protocols/channel_pair.h"

static void fill(void *context, uint8_t *ret, size_t size)
{
    test_random_bytes(context, ret, size);
}

static void end_init(struct test_end *end, uint64_t seed, const char *greeting)
{
    end->stream = test_random_seeded(seed);
    end->random = (struct moot_random){.fill = fill, .context = &end->stream};
    uint8_t identity_seed[32];
    test_random_bytes(&end->stream, identity_seed, sizeof identity_seed);
    test_random_bytes(&end->stream, end->static_secret, sizeof end->static_secret);
    moot_identity_init(&end->identity, identity_seed);
    end->local = (struct moot_channel_local){.identity = &end->identity,
                                             .static_secret = end->static_secret,
                                             .random = &end->random,
                                             .greeting = moot_bytes_of_text(greeting)};
    void *memory = malloc(TEST_CHANNEL_ARENA_BYTES);
    assert_non_null(memory);
    moot_arena_init(&end->arena, memory, TEST_CHANNEL_ARENA_BYTES);
}

void test_pair_init(struct test_pair *pair, uint64_t seed)
{
    memset(pair, 0, sizeof *pair);
    assert_true(moot_crypto_init());
    memset(pair->mesh.b, 7, sizeof pair->mesh.b);
    moot_channel_psk(moot_bytes_of_text("a code of one time"), &pair->psk);
    end_init(&pair->dialler, seed * 2 + 1, "greeting of the dialler");
    end_init(&pair->listener, seed * 2 + 2, "greeting of the listener");
    pair->listener.local.psks = &pair->psk;
    pair->listener.local.psk_count = 1;
}

void test_pair_free(struct test_pair *pair)
{
    struct test_end *ends[2] = {&pair->dialler, &pair->listener};
    for (size_t i = 0; i < 2; i++) {
        moot_channel_deinit(&ends[i]->channel);
        moot_identity_deinit(&ends[i]->identity);
        free(ends[i]->arena.base);
    }
}

struct moot_bytes test_pair_hello(struct test_pair *pair, enum moot_channel_mode mode)
{
    moot_arena_reset(&pair->dialler.arena);
    moot_arena_reset(&pair->listener.arena);
    moot_channel_listen(&pair->listener.channel, &pair->mesh);
    struct moot_bytes frame = {0};
    assert_int_equal(moot_channel_dial(&pair->dialler.channel, mode, &pair->mesh,
                                       mode == MOOT_CHANNEL_JOIN ? &pair->psk : NULL,
                                       &pair->dialler.local, &pair->dialler.arena, &frame),
                     MOOT_OK);
    return frame;
}

struct moot_channel_result test_end_receive(struct test_end *end, struct moot_bytes frame)
{
    struct moot_channel_result result;
    assert_int_equal(moot_channel_receive(&end->channel, frame, &end->local, &end->arena, &result),
                     MOOT_OK);
    return result;
}

void test_pair_establish(struct test_pair *pair, enum moot_channel_mode mode)
{
    struct moot_bytes hello = test_pair_hello(pair, mode);
    struct moot_channel_result reply = test_end_receive(&pair->listener, hello);
    assert_false(reply.established);
    struct moot_channel_result proof = test_end_receive(&pair->dialler, reply.send);
    assert_true(proof.established);
    struct moot_channel_result done = test_end_receive(&pair->listener, proof.send);
    assert_true(done.established);
    assert_true(moot_key_equal(&pair->dialler.channel.peer, &pair->listener.identity.key));
    assert_true(moot_key_equal(&pair->listener.channel.peer, &pair->dialler.identity.key));
    assert_true(moot_bytes_equal(proof.greeting, pair->listener.local.greeting));
    assert_true(moot_bytes_equal(done.greeting, pair->dialler.local.greeting));
    assert_memory_equal(pair->dialler.channel.handshake_hash, pair->listener.channel.handshake_hash,
                        64);
}

struct moot_bytes test_end_seal(struct test_end *end, struct moot_bytes message)
{
    struct moot_bytes frame = {0};
    assert_int_equal(moot_channel_seal(&end->channel, message, &end->arena, &frame), MOOT_OK);
    return frame;
}
