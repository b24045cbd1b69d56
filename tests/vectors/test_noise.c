/* The published vectors of Noise_XX and Noise_XXpsk3, both sides, handshake and transport. */
#include <jansson.h>

#include "crypto/identity.h"
#include "crypto/noise.h"
#include "tests/lib/test.h"

#define VECTORS "noise/25519_ChaChaPoly_BLAKE2b.json"
#define BYTES_MAX 512U

struct side {
    struct moot_noise noise;
    struct moot_noise_cipher send, receive;
};

struct field {
    uint8_t b[BYTES_MAX];
    size_t size;
};

/* The hex of a field; fails the test when it is missing. */
static struct field field_of(const json_t *object, const char *name)
{
    struct field field = {.size = 0};
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL) {
        fail_msg("no field %s", name);
    }
    field.size = test_hex_decode(text, field.b, sizeof field.b);
    return field;
}

static void side_init(struct side *side, const json_t *vector, bool initiator)
{
    struct field prologue = field_of(vector, initiator ? "init_prologue" : "resp_prologue");
    struct field fixed = field_of(vector, initiator ? "init_static" : "resp_static");
    struct field fresh = field_of(vector, initiator ? "init_ephemeral" : "resp_ephemeral");
    const json_t *psks = json_object_get(vector, initiator ? "init_psks" : "resp_psks");
    uint8_t psk[32];
    assert_int_equal(fixed.size, 32);
    assert_int_equal(fresh.size, 32);
    if (psks != NULL) {
        assert_int_equal(json_array_size(psks), 1);
        const char *text = json_string_value(json_array_get(psks, 0));
        assert_int_equal(test_hex_decode(text, psk, sizeof psk), 32);
    }
    moot_noise_init(&side->noise, psks != NULL ? MOOT_NOISE_XXPSK3 : MOOT_NOISE_XX,
                    initiator ? MOOT_NOISE_INITIATOR : MOOT_NOISE_RESPONDER,
                    moot_bytes_of(prologue.b, prologue.size), fixed.b, fresh.b,
                    psks != NULL ? psk : NULL);
}

static void play_message(struct side *from, struct side *to, const json_t *message, bool handshake)
{
    struct field plain = field_of(message, "payload");
    struct field expected = field_of(message, "ciphertext");
    struct moot_bytes payload = moot_bytes_of(plain.b, plain.size);
    uint8_t wire[BYTES_MAX];
    uint8_t back[BYTES_MAX];
    size_t wire_size = plain.size + MOOT_NOISE_TAG_BYTES;
    size_t back_size = plain.size;
    if (handshake) {
        assert_int_equal(
            moot_noise_write(&from->noise, payload, wire, plain.size + 112, &wire_size), MOOT_OK);
    } else {
        assert_int_equal(moot_noise_seal(&from->send, moot_bytes_of(NULL, 0), payload, wire),
                         MOOT_OK);
    }
    assert_int_equal(wire_size, expected.size);
    assert_memory_equal(wire, expected.b, expected.size);
    struct moot_bytes sealed = moot_bytes_of(wire, wire_size);
    if (handshake) {
        assert_int_equal(moot_noise_read(&to->noise, sealed, back, sizeof back, &back_size),
                         MOOT_OK);
    } else {
        assert_int_equal(moot_noise_open(&to->receive, moot_bytes_of(NULL, 0), sealed, back),
                         MOOT_OK);
    }
    assert_int_equal(back_size, plain.size);
    assert_memory_equal(back, plain.b, plain.size);
}

static void play_vector(const json_t *vector)
{
    struct side sides[2];
    struct field hash = field_of(vector, "handshake_hash");
    const json_t *messages = json_object_get(vector, "messages");
    size_t count = json_array_size(messages);
    assert_true(count > 3);
    side_init(&sides[0], vector, true);
    side_init(&sides[1], vector, false);
    for (size_t i = 0; i < count; i++) {
        play_message(&sides[i % 2], &sides[1 - i % 2], json_array_get(messages, i), i < 3);
        if (i == 2) {
            for (unsigned s = 0; s < 2; s++) {
                assert_int_equal(hash.size, sizeof sides[s].noise.hash);
                assert_memory_equal(sides[s].noise.hash, hash.b, hash.size);
                moot_noise_split(&sides[s].noise, &sides[s].send, &sides[s].receive);
            }
        }
    }
}

static void test_every_published_vector_of_our_two_patterns_is_met(void **state)
{
    (void)state;
    char path[TEST_PATH_MAX];
    test_vectors_path(VECTORS, path);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    const json_t *vectors = json_object_get(root, "vectors");
    unsigned plain = 0;
    unsigned with_psk = 0;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const char *name = json_string_value(json_object_get(vector, "protocol_name"));
        bool is_plain = strcmp(name, "Noise_XX_25519_ChaChaPoly_BLAKE2b") == 0;
        bool is_psk = strcmp(name, "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2b") == 0;
        if (is_plain || is_psk) {
            play_vector(vector);
        }
        plain += is_plain ? 1 : 0;
        with_psk += is_psk ? 1 : 0;
    }
    json_decref(root);
    assert_true(plain > 0 && with_psk > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_published_vector_of_our_two_patterns_is_met),
    };
    return moot_crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
