/* Noise: whatever is altered, replayed, reordered, cut, out of turn or of small order does not pass. */
#include "crypto/noise.h"

#include <sodium.h>

#include "crypto/identity.h"
#include "tests/lib/test.h"

#define ROOM 512U

struct message {
    uint8_t b[ROOM];
    size_t size;
};

struct pair {
    struct moot_noise initiator, responder;
};

static const struct moot_bytes nothing = {NULL, 0};

static struct pair pair_new(enum moot_noise_pattern pattern, const char *initiator_prologue)
{
    static const uint8_t secrets[5][32] = {{1}, {2}, {3}, {4}, {5}};
    const uint8_t *psk = pattern == MOOT_NOISE_XXPSK3 ? secrets[4] : NULL;
    struct pair pair;
    moot_noise_init(&pair.initiator, pattern, MOOT_NOISE_INITIATOR,
                    moot_bytes_of_text(initiator_prologue), secrets[0], secrets[1], psk);
    moot_noise_init(&pair.responder, pattern, MOOT_NOISE_RESPONDER, moot_bytes_of_text("mesh"),
                    secrets[2], secrets[3], psk);
    return pair;
}

static struct message written(struct moot_noise *from, const char *payload)
{
    struct message message = {.size = 0};
    assert_int_equal(moot_noise_write(from, moot_bytes_of_text(payload), message.b,
                                      sizeof message.b, &message.size),
                     MOOT_OK);
    return message;
}

static enum moot_status reads(struct moot_noise *to, const struct message *message)
{
    uint8_t payload[ROOM];
    size_t size = 0;
    return moot_noise_read(to, moot_bytes_of(message->b, message->size), payload, sizeof payload,
                           &size);
}

/* Up to and with message `count`; returns whether all of them were read. */
static bool play(struct pair *pair, unsigned count)
{
    bool good = true;
    for (unsigned i = 0; i < count && good; i++) {
        struct moot_noise *from = i % 2 == 0 ? &pair->initiator : &pair->responder;
        struct moot_noise *to = i % 2 == 0 ? &pair->responder : &pair->initiator;
        struct message message = written(from, "hello");
        good = reads(to, &message) == MOOT_OK;
    }
    return good;
}

static void assert_spent(struct moot_noise *noise)
{
    static const uint8_t zero[32] = {0};
    uint8_t ret[ROOM];
    size_t size = 0;
    assert_memory_equal(noise->static_secret, zero, sizeof zero);
    assert_memory_equal(noise->ephemeral_secret, zero, sizeof zero);
    assert_int_equal(moot_noise_write(noise, nothing, ret, sizeof ret, &size), MOOT_BAD_HANDSHAKE);
    assert_int_equal(moot_noise_read(noise, nothing, ret, sizeof ret, &size), MOOT_BAD_HANDSHAKE);
}

static const enum moot_noise_pattern patterns[2] = {MOOT_NOISE_XX, MOOT_NOISE_XXPSK3};

static void test_a_handshake_agrees_on_keys_hash_and_identities(void **state)
{
    (void)state;
    for (unsigned p = 0; p < 2; p++) {
        struct pair pair = pair_new(patterns[p], "mesh");
        assert_true(play(&pair, 3));
        assert_memory_equal(pair.initiator.hash, pair.responder.hash, 64);
        assert_memory_equal(pair.initiator.remote_static, pair.responder.static_public, 32);
        assert_memory_equal(pair.responder.remote_static, pair.initiator.static_public, 32);
        struct moot_noise_cipher send[2];
        struct moot_noise_cipher receive[2];
        moot_noise_split(&pair.initiator, &send[0], &receive[0]);
        moot_noise_split(&pair.responder, &send[1], &receive[1]);
        assert_memory_equal(send[0].key, receive[1].key, 32);
        assert_memory_equal(send[1].key, receive[0].key, 32);
        assert_memory_not_equal(send[0].key, send[1].key, 32);
    }
}

/*
 * Message 1 of XX is in the clear: what was altered there shows at the latest in message 2, because
 * both sides have hashed something else. So: nobody ever gets through all three.
 */
static void test_every_altered_byte_of_every_message_stops_the_handshake(void **state)
{
    (void)state;
    for (unsigned p = 0; p < 2; p++) {
        for (unsigned which = 0; which < 3; which++) {
            struct pair start = pair_new(patterns[p], "mesh");
            assert_true(play(&start, which));
            bool first_of_xx = which == 0 && patterns[p] == MOOT_NOISE_XX;
            struct moot_noise *from = which % 2 == 0 ? &start.initiator : &start.responder;
            struct message message = written(from, "hello");
            for (size_t at = 0; at < message.size; at++) {
                for (unsigned change = 1; change < 256; change += change) {
                    struct pair pair = start;
                    struct moot_noise *to = which % 2 == 0 ? &pair.responder : &pair.initiator;
                    message.b[at] ^= (uint8_t)change;
                    enum moot_status status = reads(to, &message);
                    message.b[at] ^= (uint8_t)change;
                    if (first_of_xx) {
                        assert_int_equal(status, MOOT_OK);
                        struct message answer = written(&pair.responder, "");
                        to = &pair.initiator;
                        status = reads(to, &answer);
                    }
                    assert_int_equal(status, MOOT_BAD_HANDSHAKE);
                    assert_spent(to);
                }
            }
        }
    }
}

static void test_a_message_cut_or_lengthened_anywhere_stops_the_handshake(void **state)
{
    (void)state;
    for (unsigned p = 0; p < 2; p++) {
        for (unsigned which = 0; which < 3; which++) {
            struct pair start = pair_new(patterns[p], "mesh");
            assert_true(play(&start, which));
            struct moot_noise *from = which % 2 == 0 ? &start.initiator : &start.responder;
            struct message message = written(from, "");
            size_t whole = message.size;
            for (message.size = 0; message.size <= whole + 1; message.size++) {
                struct pair pair = start;
                struct moot_noise *to = which % 2 == 0 ? &pair.responder : &pair.initiator;
                enum moot_status status = reads(to, &message);
                /* One byte more in the clear is a payload of one byte: seen in message 2. */
                bool clear_tail = which == 0 && p == 0 && message.size == whole + 1;
                bool good = message.size == whole || clear_tail;
                assert_int_equal(status, good ? MOOT_OK : MOOT_BAD_HANDSHAKE);
                if (clear_tail) {
                    struct message answer = written(&pair.responder, "");
                    assert_int_equal(reads(&pair.initiator, &answer), MOOT_BAD_HANDSHAKE);
                }
            }
        }
    }
}

static void test_another_prologue_or_psk_or_pattern_does_not_meet(void **state)
{
    (void)state;
    struct pair pair = pair_new(MOOT_NOISE_XX, "other mesh");
    assert_false(play(&pair, 3));
    pair = pair_new(MOOT_NOISE_XXPSK3, "other mesh");
    assert_false(play(&pair, 1)); /* with a psk even message 1 is sealed */

    static const uint8_t wrong[32] = {99};
    pair = pair_new(MOOT_NOISE_XXPSK3, "mesh");
    assert_true(play(&pair, 2));
    struct message last = written(&pair.initiator, "let me in");
    struct moot_noise attempt = pair.responder; /* an open invitation is tried on a copy */
    moot_noise_psk_set(&attempt, wrong);
    assert_int_equal(reads(&attempt, &last), MOOT_BAD_HANDSHAKE);
    assert_int_equal(reads(&pair.responder, &last), MOOT_OK);

    struct pair plain = pair_new(MOOT_NOISE_XX, "mesh");
    struct pair with_psk = pair_new(MOOT_NOISE_XXPSK3, "mesh");
    struct message first = written(&plain.initiator, "");
    assert_int_equal(reads(&with_psk.responder, &first), MOOT_BAD_HANDSHAKE);
}

static void test_a_message_out_of_turn_is_the_senders_fault(void **state)
{
    (void)state;
    struct pair pair = pair_new(MOOT_NOISE_XX, "mesh");
    struct message first = written(&pair.initiator, "");
    assert_int_equal(reads(&pair.responder, &first), MOOT_OK);
    assert_int_equal(reads(&pair.responder, &first), MOOT_BAD_HANDSHAKE); /* it is his turn */

    pair = pair_new(MOOT_NOISE_XX, "mesh"); /* reflected: well-formed, but it is his to write */
    assert_int_equal(reads(&pair.initiator, &first), MOOT_BAD_HANDSHAKE);
    assert_spent(&pair.initiator);

    pair = pair_new(MOOT_NOISE_XX, "mesh");
    assert_true(play(&pair, 3));
    assert_int_equal(reads(&pair.responder, &first), MOOT_BAD_HANDSHAKE); /* a fourth message */
    assert_spent(&pair.responder);
}

/* Points of small order, u-coordinates 0, 1 and p - 1: every shared secret with them is zero. */
static void test_keys_of_small_order_are_refused(void **state)
{
    (void)state;
    static const char *const points[3] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    for (unsigned i = 0; i < 3; i++) {
        struct pair pair = pair_new(MOOT_NOISE_XX, "mesh");
        struct message first = written(&pair.initiator, "");
        test_hex_decode(points[i], first.b, 32);
        assert_int_equal(reads(&pair.responder, &first), MOOT_OK); /* the secret comes with 2 */
        uint8_t ret[ROOM];
        size_t size = 0;
        assert_int_equal(moot_noise_write(&pair.responder, nothing, ret, sizeof ret, &size),
                         MOOT_BAD_HANDSHAKE);
        assert_spent(&pair.responder);

        pair = pair_new(MOOT_NOISE_XX, "mesh");
        assert_true(play(&pair, 1));
        struct message second = written(&pair.responder, "");
        test_hex_decode(points[i], second.b, 32);
        assert_int_equal(reads(&pair.initiator, &second), MOOT_BAD_HANDSHAKE);
        assert_spent(&pair.initiator);
    }
}

static void test_a_payload_too_large_for_a_message_is_refused_and_harmless(void **state)
{
    (void)state;
    static uint8_t payload[MOOT_NOISE_MESSAGE_BYTES_MAX];
    static uint8_t wire[MOOT_NOISE_MESSAGE_BYTES_MAX];
    static uint8_t back[MOOT_NOISE_MESSAGE_BYTES_MAX];
    size_t size = 0;
    struct pair pair = pair_new(MOOT_NOISE_XX, "mesh");
    size_t most = sizeof payload - 32;
    assert_int_equal(moot_noise_write(&pair.initiator, moot_bytes_of(payload, most + 1), wire,
                                      sizeof wire, &size),
                     MOOT_OVERSIZED);
    assert_int_equal(
        moot_noise_write(&pair.initiator, moot_bytes_of(payload, most), wire, sizeof wire, &size),
        MOOT_OK);
    assert_int_equal(size, sizeof wire);
    assert_int_equal(
        moot_noise_read(&pair.responder, moot_bytes_of(wire, size), back, sizeof back, &size),
        MOOT_OK);
    assert_int_equal(size, most);
}

/* Two ends of one direction after a whole handshake. */
static void ends_new(struct moot_noise_cipher *ret_send, struct moot_noise_cipher *ret_receive)
{
    struct pair pair = pair_new(MOOT_NOISE_XX, "mesh");
    struct moot_noise_cipher unused;
    assert_true(play(&pair, 3));
    moot_noise_split(&pair.initiator, ret_send, &unused);
    moot_noise_split(&pair.responder, &unused, ret_receive);
}

static struct message sealed(struct moot_noise_cipher *send, const char *ad, const char *text)
{
    struct message record = {.size = strlen(text) + MOOT_NOISE_TAG_BYTES};
    assert_int_equal(
        moot_noise_seal(send, moot_bytes_of_text(ad), moot_bytes_of_text(text), record.b), MOOT_OK);
    return record;
}

static enum moot_status opens(struct moot_noise_cipher *receive, const char *ad,
                              const struct message *record, const char *text)
{
    uint8_t plain[ROOM];
    enum moot_status status = moot_noise_open(receive, moot_bytes_of_text(ad),
                                              moot_bytes_of(record->b, record->size), plain);
    if (status == MOOT_OK) {
        assert_int_equal(record->size - MOOT_NOISE_TAG_BYTES, strlen(text));
        assert_memory_equal(plain, text, strlen(text));
    }
    return status;
}

static void test_records_replayed_or_reordered_do_not_open_and_do_no_harm(void **state)
{
    (void)state;
    struct moot_noise_cipher send;
    struct moot_noise_cipher receive;
    ends_new(&send, &receive);
    struct message one = sealed(&send, "", "one");
    struct message two = sealed(&send, "", "two");
    assert_int_equal(opens(&receive, "", &two, "two"), MOOT_BAD_RECORD);
    assert_int_equal(opens(&receive, "", &one, "one"), MOOT_OK);
    assert_int_equal(opens(&receive, "", &one, "one"), MOOT_BAD_RECORD);
    assert_int_equal(opens(&receive, "", &two, "two"), MOOT_OK);
    assert_int_equal(opens(&send, "", &two, "two"), MOOT_BAD_RECORD); /* reflected */
}

static void test_records_altered_cut_or_with_other_data_do_not_open(void **state)
{
    (void)state;
    struct moot_noise_cipher send;
    struct moot_noise_cipher receive;
    ends_new(&send, &receive);
    struct message record = sealed(&send, "ad", "the hearth is warm");
    for (size_t bit = 0; bit < record.size * 8; bit++) {
        record.b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(opens(&receive, "ad", &record, ""), MOOT_BAD_RECORD);
        record.b[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    struct message part = record;
    for (part.size = 0; part.size < record.size; part.size++) {
        assert_int_equal(opens(&receive, "ad", &part, ""), MOOT_BAD_RECORD);
    }
    part.size = record.size + 1;
    assert_int_equal(opens(&receive, "ad", &part, ""), MOOT_BAD_RECORD);
    assert_int_equal(opens(&receive, "ae", &record, ""), MOOT_BAD_RECORD);
    assert_int_equal(opens(&receive, "", &record, ""), MOOT_BAD_RECORD);
    assert_int_equal(opens(&receive, "ad", &record, "the hearth is warm"), MOOT_OK);
}

static void test_rekey_goes_on_when_both_do_it_and_fails_when_one_does(void **state)
{
    (void)state;
    struct moot_noise_cipher send;
    struct moot_noise_cipher receive;
    ends_new(&send, &receive);
    struct message before = sealed(&send, "", "before");
    assert_int_equal(opens(&receive, "", &before, "before"), MOOT_OK);
    uint8_t old[32];
    memcpy(old, send.key, sizeof old);
    moot_noise_rekey(&send);
    assert_memory_not_equal(send.key, old, sizeof old);
    assert_int_equal(send.nonce, 1); /* the counter goes on */
    struct message after = sealed(&send, "", "after");
    assert_int_equal(opens(&receive, "", &after, "after"), MOOT_BAD_RECORD);
    moot_noise_rekey(&receive);
    assert_int_equal(opens(&receive, "", &after, "after"), MOOT_OK);
}

/* REKEY is 32 zero bytes under the last counter: spelled out once more from the primitive. */
static void test_rekey_is_the_frameworks(void **state)
{
    (void)state;
    static const uint8_t nonce[12] = {0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255};
    struct moot_noise_cipher cipher = {.key = {9}, .nonce = 5, .has_key = true};
    uint8_t expected[32] = {0};
    crypto_stream_chacha20_ietf_xor_ic(expected, expected, 32, nonce, 1, cipher.key);
    moot_noise_rekey(&cipher);
    assert_memory_equal(cipher.key, expected, sizeof expected);
    assert_int_equal(cipher.nonce, 5);
}

static void test_the_counter_ends_before_it_wraps(void **state)
{
    (void)state;
    struct moot_noise_cipher send = {.key = {9}, .nonce = UINT64_MAX - 1, .has_key = true};
    struct moot_noise_cipher receive = send;
    struct message last = sealed(&send, "", "last");
    assert_int_equal(opens(&receive, "", &last, "last"), MOOT_OK);
    uint8_t ret[ROOM];
    assert_int_equal(moot_noise_seal(&send, nothing, nothing, ret), MOOT_LIMIT);
    assert_int_equal(opens(&receive, "", &last, "last"), MOOT_LIMIT);
}

static void test_deinit_leaves_no_secret(void **state)
{
    (void)state;
    static const struct moot_noise zero;
    struct pair pair = pair_new(MOOT_NOISE_XXPSK3, "mesh");
    assert_true(play(&pair, 3));
    moot_noise_deinit(&pair.initiator);
    assert_memory_equal(&pair.initiator, &zero, sizeof zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_handshake_agrees_on_keys_hash_and_identities),
        cmocka_unit_test(test_every_altered_byte_of_every_message_stops_the_handshake),
        cmocka_unit_test(test_a_message_cut_or_lengthened_anywhere_stops_the_handshake),
        cmocka_unit_test(test_another_prologue_or_psk_or_pattern_does_not_meet),
        cmocka_unit_test(test_a_message_out_of_turn_is_the_senders_fault),
        cmocka_unit_test(test_keys_of_small_order_are_refused),
        cmocka_unit_test(test_a_payload_too_large_for_a_message_is_refused_and_harmless),
        cmocka_unit_test(test_records_replayed_or_reordered_do_not_open_and_do_no_harm),
        cmocka_unit_test(test_records_altered_cut_or_with_other_data_do_not_open),
        cmocka_unit_test(test_rekey_goes_on_when_both_do_it_and_fails_when_one_does),
        cmocka_unit_test(test_rekey_is_the_frameworks),
        cmocka_unit_test(test_the_counter_ends_before_it_wraps),
        cmocka_unit_test(test_deinit_leaves_no_secret),
    };
    return moot_crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
