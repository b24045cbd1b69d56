/* Ed25519 identities: RFC 8032's answers, the tag, and every way a signature can be false. */
#include "crypto/identity.h"

#include "tests/lib/test.h"

/* RFC 8032, section 7.1, TEST 3. */
#define SEED "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"
#define PUBLIC "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
#define MESSAGE "af82"
#define SIGNATURE                                                                                  \
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"                             \
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"

static struct moot_identity identity_of(const char *hex)
{
    uint8_t seed[32];
    struct moot_identity identity;
    assert_int_equal(test_hex_decode(hex, seed, sizeof seed), 32);
    moot_identity_init(&identity, seed);
    return identity;
}

static void test_the_rfc_8032_answers_are_met(void **state)
{
    (void)state;
    struct moot_identity identity = identity_of(SEED);
    uint8_t message[2];
    struct moot_signature signature;
    test_hex_decode(MESSAGE, message, sizeof message);
    test_assert_hex(identity.key.b, 32, PUBLIC);
    moot_identity_sign(&identity, NULL, moot_bytes_of(message, 2), &signature);
    test_assert_hex(signature.b, 64, SIGNATURE);
    assert_true(moot_identity_verify(&identity.key, NULL, moot_bytes_of(message, 2), &signature));
}

static void test_a_tag_is_signed_in_front_of_the_bytes(void **state)
{
    (void)state;
    struct moot_identity identity = identity_of(SEED);
    struct moot_signature signature;
    moot_identity_sign(&identity, "moot/test/1", moot_bytes_of_text("abc"), &signature);
    assert_true(
        moot_identity_verify(&identity.key, "moot/test/1", moot_bytes_of_text("abc"), &signature));
    assert_true(moot_identity_verify(&identity.key, NULL, moot_bytes_of_text("moot/test/1abc"),
                                     &signature));
    assert_false(
        moot_identity_verify(&identity.key, "moot/test/2", moot_bytes_of_text("abc"), &signature));
    assert_false(moot_identity_verify(&identity.key, NULL, moot_bytes_of_text("abc"), &signature));
}

static void test_any_flipped_bit_makes_it_false(void **state)
{
    (void)state;
    struct moot_identity identity = identity_of(SEED);
    uint8_t message[20] = "the hearth is warm";
    struct moot_bytes bytes = moot_bytes_of(message, sizeof message);
    struct moot_signature signature;
    moot_identity_sign(&identity, NULL, bytes, &signature);
    for (size_t bit = 0; bit < sizeof signature.b * 8; bit++) {
        signature.b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(moot_identity_verify(&identity.key, NULL, bytes, &signature));
        signature.b[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < sizeof message * 8; bit++) {
        message[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(moot_identity_verify(&identity.key, NULL, bytes, &signature));
        message[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < 256; bit++) {
        identity.key.b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(moot_identity_verify(&identity.key, NULL, bytes, &signature));
        identity.key.b[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(moot_identity_verify(&identity.key, NULL, bytes, &signature));
}

/* S + L verifies under a careless equation: one signature would have two forms. */
static void test_a_second_form_of_a_signature_is_refused(void **state)
{
    (void)state;
    struct moot_identity identity = identity_of(SEED);
    uint8_t order[32];
    struct moot_signature signature;
    test_hex_decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order, 32);
    moot_identity_sign(&identity, NULL, moot_bytes_of_text("abc"), &signature);
    unsigned carry = 0;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)signature.b[32 + i] + order[i];
        signature.b[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_false(moot_identity_verify(&identity.key, NULL, moot_bytes_of_text("abc"), &signature));
}

/* With the neutral point as key and R, and S = 0, every message would verify. */
static void test_a_key_of_small_order_signs_nothing(void **state)
{
    (void)state;
    struct moot_key key = {{1}};
    struct moot_signature signature = {{1}};
    assert_false(moot_identity_verify(&key, NULL, moot_bytes_of_text("abc"), &signature));
}

static void test_what_is_too_long_to_sign_does_not_verify(void **state)
{
    (void)state;
    static const uint8_t bytes[4097];
    struct moot_identity identity = identity_of(SEED);
    struct moot_signature signature;
    moot_identity_sign(&identity, NULL, moot_bytes_of(bytes, 4096), &signature);
    assert_true(moot_identity_verify(&identity.key, NULL, moot_bytes_of(bytes, 4096), &signature));
    assert_false(moot_identity_verify(&identity.key, NULL, moot_bytes_of(bytes, 4097), &signature));
    assert_false(moot_identity_verify(&identity.key, "t", moot_bytes_of(bytes, 4096), &signature));
    assert_false(
        moot_identity_verify(&identity.key, "t", moot_bytes_of(bytes, SIZE_MAX), &signature));
}

static void test_deinit_leaves_no_secret(void **state)
{
    (void)state;
    static const struct moot_identity zero;
    struct moot_identity identity = identity_of(SEED);
    moot_identity_deinit(&identity);
    assert_memory_equal(&identity, &zero, sizeof zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rfc_8032_answers_are_met),
        cmocka_unit_test(test_a_tag_is_signed_in_front_of_the_bytes),
        cmocka_unit_test(test_any_flipped_bit_makes_it_false),
        cmocka_unit_test(test_a_second_form_of_a_signature_is_refused),
        cmocka_unit_test(test_a_key_of_small_order_signs_nothing),
        cmocka_unit_test(test_what_is_too_long_to_sign_does_not_verify),
        cmocka_unit_test(test_deinit_leaves_no_secret),
    };
    return moot_crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
