/*
 * The handshake of a channel: it proves devices, and nothing altered, replayed, mixed or guessed gets
 * through it. Sealed frames are in test_channel_frame.c.
 */
#include "crypto/digest.h"
#include "journal/codec.h"
#include "tests/lib/protocols/channel_pair.h"

static int setup(void **state)
{
    struct test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    test_pair_init(pair, 1);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    test_pair_free(*state);
    free(*state);
    return 0;
}

/* Feeds altered bytes to a copy of the channel; says what came of it and checks that the channel broke. */
static enum moot_status try_on_copy(struct test_end *end, struct moot_bytes frame)
{
    struct moot_channel copy = end->channel;
    size_t used = end->arena.used;
    struct moot_channel_result result;
    enum moot_status status = moot_channel_receive(&copy, frame, &end->local, &end->arena, &result);
    end->arena.used = used;
    if (status != MOOT_OK) {
        assert_int_equal(copy.state, MOOT_CHANNEL_BROKEN);
        assert_false(result.established);
        assert_int_equal(result.send.size, 0);
        assert_int_equal(result.message.size, 0);
    }
    moot_channel_deinit(&copy);
    return status;
}

/* Every bit flipped, every cut, and one byte more: all must be refused with one of two reasons. */
static void assert_every_change_refused(struct test_end *end, struct moot_bytes good,
                                        enum moot_status one, enum moot_status other)
{
    uint8_t *bytes = malloc(good.size + 1);
    assert_non_null(bytes);
    memcpy(bytes, good.data, good.size);
    for (size_t bit = 0; bit < good.size * 8; bit++) {
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1u << (bit % 8)));
        enum moot_status status = try_on_copy(end, moot_bytes_of(bytes, good.size));
        if (status != one && status != other)
            fail_msg("bit %zu flipped: status %d", bit, (int)status);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1u << (bit % 8)));
    }
    for (size_t size = 0; size < good.size; size++) {
        uint8_t *cut = malloc(size == 0 ? 1 : size); /* exact, so that the sanitizers see */
        assert_non_null(cut);
        memcpy(cut, bytes, size);
        enum moot_status status = try_on_copy(end, moot_bytes_of(cut, size));
        if (status == MOOT_OK)
            fail_msg("cut to %zu bytes was accepted", size);
        free(cut);
    }
    bytes[good.size] = 0;
    assert_int_not_equal(try_on_copy(end, moot_bytes_of(bytes, good.size + 1)), MOOT_OK);
    assert_int_equal(try_on_copy(end, good), MOOT_OK); /* the test itself is sound */
    free(bytes);
}

static void members_prove_themselves_and_exchange_greetings(void **state)
{
    test_pair_establish(*state, MOOT_CHANNEL_MEMBER);
}

static void a_joiner_with_the_right_code_gets_in(void **state)
{
    test_pair_establish(*state, MOOT_CHANNEL_JOIN);
}

static void every_bit_flip_and_cut_of_message_1_is_met_with_silence(void **state)
{
    struct test_pair *pair = *state;
    for (int mode = MOOT_CHANNEL_MEMBER; mode <= MOOT_CHANNEL_JOIN; mode++) {
        struct moot_bytes hello = test_pair_hello(pair, (enum moot_channel_mode)mode);
        assert_every_change_refused(&pair->listener, hello, MOOT_BAD_GREETING, MOOT_WRONG_MESH);
    }
}

static void every_bit_flip_and_cut_of_message_2_is_refused(void **state)
{
    struct test_pair *pair = *state;
    struct moot_channel_result reply =
        test_end_receive(&pair->listener, test_pair_hello(pair, MOOT_CHANNEL_MEMBER));
    assert_every_change_refused(&pair->dialler, reply.send, MOOT_BAD_HANDSHAKE, MOOT_BAD_HANDSHAKE);
}

static void every_bit_flip_and_cut_of_message_3_is_refused(void **state)
{
    struct test_pair *pair = *state;
    for (int mode = MOOT_CHANNEL_MEMBER; mode <= MOOT_CHANNEL_JOIN; mode++) {
        struct moot_bytes hello = test_pair_hello(pair, (enum moot_channel_mode)mode);
        struct moot_channel_result reply = test_end_receive(&pair->listener, hello);
        struct moot_channel_result proof = test_end_receive(&pair->dialler, reply.send);
        assert_every_change_refused(&pair->listener, proof.send, MOOT_BAD_HANDSHAKE,
                                    MOOT_CODE_WRONG);
    }
}

static void another_mesh_gets_no_reply(void **state)
{
    struct test_pair *pair = *state;
    struct moot_bytes hello = test_pair_hello(pair, MOOT_CHANNEL_MEMBER);
    pair->listener.channel.mesh.b[31] ^= 1u;
    assert_int_equal(try_on_copy(&pair->listener, hello), MOOT_WRONG_MESH);
}

static void a_wrong_code_is_refused_as_such(void **state)
{
    struct test_pair *pair = *state;
    struct moot_digest others[3];
    for (uint8_t i = 0; i < 3; i++)
        moot_channel_psk(moot_bytes_of(&i, 1), &others[i]);
    for (uint32_t count = 0; count <= 3; count++) {
        pair->listener.local.psks = others;
        pair->listener.local.psk_count = count;
        struct moot_channel_result reply =
            test_end_receive(&pair->listener, test_pair_hello(pair, MOOT_CHANNEL_JOIN));
        struct moot_channel_result proof = test_end_receive(&pair->dialler, reply.send);
        assert_int_equal(try_on_copy(&pair->listener, proof.send), MOOT_CODE_WRONG);
    }
}

static void the_open_invitation_that_fits_is_named(void **state)
{
    struct test_pair *pair = *state;
    for (uint32_t place = 0; place < MOOT_INVITES_MAX; place++) {
        struct moot_digest open[MOOT_INVITES_MAX];
        for (uint8_t i = 0; i < MOOT_INVITES_MAX; i++)
            moot_channel_psk(moot_bytes_of(&i, 1), &open[i]);
        open[place] = pair->psk;
        pair->listener.local.psks = open;
        pair->listener.local.psk_count = MOOT_INVITES_MAX;
        struct moot_channel_result reply =
            test_end_receive(&pair->listener, test_pair_hello(pair, MOOT_CHANNEL_JOIN));
        struct moot_channel_result proof = test_end_receive(&pair->dialler, reply.send);
        struct moot_channel_result done = test_end_receive(&pair->listener, proof.send);
        assert_true(done.established);
        assert_int_equal(done.psk_index, place);
    }
}

static void old_messages_of_another_session_are_refused(void **state)
{
    struct test_pair *pair = *state;
    struct moot_bytes messages[2][3];
    struct moot_channel dialler[2];
    struct moot_channel listener[2];
    for (size_t i = 0; i < 2; i++) {
        /* No reset in between: both sessions' bytes stay. */
        moot_channel_listen(&pair->listener.channel, &pair->mesh);
        assert_int_equal(moot_channel_dial(&pair->dialler.channel, MOOT_CHANNEL_MEMBER, &pair->mesh,
                                           NULL, &pair->dialler.local, &pair->dialler.arena,
                                           &messages[i][0]),
                         MOOT_OK);
        messages[i][1] = test_end_receive(&pair->listener, messages[i][0]).send;
        dialler[i] = pair->dialler.channel;
        listener[i] = pair->listener.channel;
        messages[i][2] = test_end_receive(&pair->dialler, messages[i][1]).send;
    }
    for (size_t i = 0; i < 2; i++) {
        pair->dialler.channel = dialler[i];
        pair->listener.channel = listener[i];
        /* Spliced: message 2 or 3 of the other session. */
        assert_int_equal(try_on_copy(&pair->dialler, messages[1 - i][1]), MOOT_BAD_HANDSHAKE);
        assert_int_equal(try_on_copy(&pair->listener, messages[1 - i][2]), MOOT_BAD_HANDSHAKE);
        /* Reflected, out of order and repeated. */
        assert_int_equal(try_on_copy(&pair->dialler, messages[i][0]), MOOT_BAD_HANDSHAKE);
        assert_int_equal(try_on_copy(&pair->listener, messages[i][1]), MOOT_BAD_HANDSHAKE);
        assert_int_equal(try_on_copy(&pair->dialler, messages[i][2]), MOOT_BAD_HANDSHAKE);
        assert_int_equal(try_on_copy(&pair->listener, messages[i][0]), MOOT_BAD_HANDSHAKE);
        /* And the right one works. */
        assert_int_equal(try_on_copy(&pair->dialler, messages[i][1]), MOOT_OK);
        assert_int_equal(try_on_copy(&pair->listener, messages[i][2]), MOOT_OK);
    }
    /* A whole recorded session played to a fresh listener stops at message 3. */
    moot_channel_listen(&pair->listener.channel, &pair->mesh);
    test_end_receive(&pair->listener, messages[0][0]);
    assert_int_equal(try_on_copy(&pair->listener, messages[0][2]), MOOT_BAD_HANDSHAKE);
}

/* An attacker with its own, honest Noise session who puts somebody else's proof into it. */
struct forger {
    struct moot_noise noise;
    uint8_t message[2048];
    size_t size;
};

static void forger_hello(struct test_pair *pair, struct forger *forger, uint8_t *frame,
                         size_t *ret_size)
{
    uint8_t prologue[15 + 2 + 32];
    memcpy(prologue, "moot/prologue/1", 15);
    prologue[15] = 1;
    prologue[16] = MOOT_CHANNEL_MEMBER;
    memcpy(prologue + 17, pair->mesh.b, 32);
    uint8_t secrets[64];
    test_random_bytes(&pair->dialler.stream, secrets, sizeof secrets);
    moot_noise_init(&forger->noise, MOOT_NOISE_XX, MOOT_NOISE_INITIATOR,
                    moot_bytes_of(prologue, sizeof prologue), secrets, secrets + 32, NULL);
    size_t size = 0;
    assert_int_equal(
        moot_noise_write(&forger->noise, moot_bytes_of(NULL, 0), frame + 22, 64, &size), MOOT_OK);
    assert_int_equal(size, 32);
    struct moot_bytes parts[2] = {moot_digest_bytes(&pair->mesh), moot_bytes_of(frame + 22, 32)};
    struct moot_digest tag;
    moot_digest_of("moot/hello/1", parts, 2, &tag);
    memcpy(frame, "MOOT\1\1", 6);
    memcpy(frame + 6, tag.b, 16);
    *ret_size = 54;
}

enum forgery { HONEST = 1, OTHER_KEY, OTHER_ROLE, OTHER_STATIC, OTHER_HASH, NOT_CANONICAL };

static enum moot_status forge(struct test_pair *pair, enum forgery forgery)
{
    struct forger forger;
    uint8_t hello[128];
    size_t hello_size = 0;
    moot_channel_listen(&pair->listener.channel, &pair->mesh);
    forger_hello(pair, &forger, hello, &hello_size);
    struct moot_channel_result reply =
        test_end_receive(&pair->listener, moot_bytes_of(hello, hello_size));
    uint8_t payload[2048];
    size_t size = 0;
    assert_int_equal(moot_noise_read(&forger.noise, reply.send, payload, sizeof payload, &size),
                     MOOT_OK);

    uint8_t claim[1 + 64 + 32];
    claim[0] = forgery == OTHER_ROLE ? MOOT_CHANNEL_LISTENER : MOOT_CHANNEL_DIALLER;
    memcpy(claim + 1, forger.noise.hash, 64);
    memcpy(claim + 65, forger.noise.static_public, 32);
    if (forgery == OTHER_STATIC)
        claim[65] ^= 1u;
    if (forgery == OTHER_HASH)
        claim[1] ^= 1u;
    struct moot_signature signature;
    moot_identity_sign(&pair->dialler.identity, "moot/link/1", moot_bytes_of(claim, sizeof claim),
                       &signature);
    uint8_t proof[512];
    struct moot_writer writer;
    moot_writer_init(&writer, proof, sizeof proof);
    moot_write_array(&writer, 3);
    moot_write_key(&writer, forgery == OTHER_KEY ? &pair->listener.identity.key
                                                 : &pair->dialler.identity.key);
    moot_write_signature(&writer, &signature);
    moot_write_bin(&writer, moot_bytes_of_text("x"));
    if (forgery == NOT_CANONICAL)
        moot_write_nil(&writer);
    assert_int_equal(moot_noise_write(&forger.noise, moot_bytes_of(proof, writer.size),
                                      forger.message, sizeof forger.message, &forger.size),
                     MOOT_OK);
    return try_on_copy(&pair->listener, moot_bytes_of(forger.message, forger.size));
}

static void a_proof_that_names_another_key_role_or_session_is_refused(void **state)
{
    assert_int_equal(forge(*state, HONEST), MOOT_OK);
    for (int forgery = OTHER_KEY; forgery <= NOT_CANONICAL; forgery++)
        assert_int_equal(forge(*state, (enum forgery)forgery), MOOT_BAD_HANDSHAKE);
}

static void two_hundred_bad_greetings_are_met_with_silence(void **state)
{
    static const char *texts[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\x16\x03\x01\x02\x00\x01",
        "EHLO x\r\n",
        "MOOT",
        "MOOT\x01",
        "MOOT\x01\x01",
        "moot\x01\x01 lower case, and long enough for a tag",
        "*1\r\n$4\r\nPING\r\n",
        "OPTIONS * RTSP/1.0\r\n\r\n",
        "\x03",
        "HELP\n",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    struct test_pair *pair = *state;
    struct moot_bytes hello = test_pair_hello(pair, MOOT_CHANNEL_MEMBER);
    uint8_t bytes[256];
    size_t tried = 0;
    for (size_t i = 0; i < MOOT_COUNT_OF(texts); i++, tried++)
        assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of_text(texts[i])),
                         MOOT_BAD_GREETING);
    for (unsigned version = 0; version < 256; version++) { /* every other version */
        memcpy(bytes, hello.data, hello.size);
        bytes[4] = (uint8_t)version;
        if (version != 1) {
            assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(bytes, hello.size)),
                             MOOT_BAD_GREETING);
            tried++;
        }
    }
    for (unsigned mode = 0; mode < 256; mode++) { /* every other mode; 2 has another length */
        memcpy(bytes, hello.data, hello.size);
        bytes[5] = (uint8_t)mode;
        if (mode != MOOT_CHANNEL_MEMBER) {
            assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(bytes, hello.size)),
                             MOOT_BAD_GREETING);
            tried++;
        }
    }
    struct test_random random = test_random_start("bad greetings");
    for (size_t i = 0; i < 200; i++, tried++) { /* noise of every length behind a good start */
        memcpy(bytes, hello.data, 6);
        test_random_bytes(&random, bytes + 6, sizeof bytes - 6);
        enum moot_status status = try_on_copy(&pair->listener, moot_bytes_of(bytes, i));
        assert_int_equal(status, i == hello.size ? MOOT_WRONG_MESH : MOOT_BAD_GREETING);
    }
    assert_true(tried >= 200);
}

static void short_memory_is_an_answer_in_every_step(void **state)
{
    struct test_pair *pair = *state;
    struct moot_bytes hello = test_pair_hello(pair, MOOT_CHANNEL_MEMBER);
    pair->listener.arena.used = pair->listener.arena.size;
    assert_int_equal(try_on_copy(&pair->listener, hello), MOOT_NO_MEMORY);
    pair->listener.arena.used = 0;
    struct moot_channel_result reply = test_end_receive(&pair->listener, hello);
    size_t used = pair->dialler.arena.used;
    pair->dialler.arena.used = pair->dialler.arena.size;
    assert_int_equal(try_on_copy(&pair->dialler, reply.send), MOOT_NO_MEMORY);
    pair->dialler.arena.used = used;
    struct moot_channel_result proof = test_end_receive(&pair->dialler, reply.send);
    pair->listener.arena.used = pair->listener.arena.size;
    assert_int_equal(try_on_copy(&pair->listener, proof.send), MOOT_NO_MEMORY);
}

static void a_broken_channel_stays_broken_and_holds_no_keys(void **state)
{
    struct test_pair *pair = *state;
    test_pair_establish(pair, MOOT_CHANNEL_MEMBER);
    struct moot_bytes good = test_end_seal(&pair->dialler, moot_bytes_of_text("hello"));
    struct moot_channel_result result;
    struct test_end *end = &pair->listener;
    assert_int_equal(moot_channel_receive(&end->channel, moot_bytes_of_text("no record of ours"),
                                          &end->local, &end->arena, &result),
                     MOOT_BAD_RECORD);
    assert_int_not_equal(
        moot_channel_receive(&end->channel, good, &end->local, &end->arena, &result), MOOT_OK);
    static const struct moot_noise_cipher none;
    static const struct moot_noise no_noise;
    assert_memory_equal(&end->channel.send, &none, sizeof none);
    assert_memory_equal(&end->channel.receive, &none, sizeof none);
    assert_memory_equal(&end->channel.noise, &no_noise, sizeof no_noise);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(members_prove_themselves_and_exchange_greetings),
        TEST(a_joiner_with_the_right_code_gets_in),
        TEST(every_bit_flip_and_cut_of_message_1_is_met_with_silence),
        TEST(every_bit_flip_and_cut_of_message_2_is_refused),
        TEST(every_bit_flip_and_cut_of_message_3_is_refused),
        TEST(another_mesh_gets_no_reply),
        TEST(a_wrong_code_is_refused_as_such),
        TEST(the_open_invitation_that_fits_is_named),
        TEST(old_messages_of_another_session_are_refused),
        TEST(a_proof_that_names_another_key_role_or_session_is_refused),
        TEST(two_hundred_bad_greetings_are_met_with_silence),
        TEST(short_memory_is_an_answer_in_every_step),
        TEST(a_broken_channel_stays_broken_and_holds_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
