/* A device's seed and key decide no branch and no address while it makes its key and signs. */
#include "crypto/identity.h"

#include "tests/ctime/secrets.h"

/* RFC 8032, section 7.1, TEST 3. */
#define SEED "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"
#define PUBLIC "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
#define SIGNATURE                                                                                  \
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"                             \
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"

static void test_a_seed_becomes_a_key_and_signs(void **state)
{
    (void)state;
    static const uint8_t message[] = {0xaf, 0x82};
    struct moot_identity identity;
    struct moot_signature signature;
    uint8_t seed[32];
    assert_int_equal(test_hex_decode(SEED, seed, sizeof seed), sizeof seed);
    secret_mark(seed, sizeof seed);
    moot_identity_init(&identity, seed);
    moot_identity_sign(&identity, NULL, moot_bytes_of(message, sizeof message), &signature);
    secret_reveal(identity.key.b, sizeof identity.key.b);
    secret_reveal(signature.b, sizeof signature.b);
    test_assert_hex(identity.key.b, 32, PUBLIC);
    test_assert_hex(signature.b, 64, SIGNATURE);
    moot_identity_deinit(&identity);
    assert_false(secret_is(&identity, sizeof identity)); /* zeros, all over */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_becomes_a_key_and_signs),
    };
    return moot_crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
