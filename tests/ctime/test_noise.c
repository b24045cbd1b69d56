/*
 * Keys of the secure channel decide no branch and no address: key agreement, key derivation,
 * sealing, rekeying. The two verdicts that a peer may learn anyhow (its tag is false, its key gives
 * an all-zero secret) are branches by design: for the handshake's own keys the test stops before
 * them.
 */
#include "crypto/noise.h"

#include <string.h>

#include "crypto/identity.h"
#include "crypto/noise_kdf.h"
#include "tests/ctime/secrets.h"

static void test_a_handshake_starts(void **state)
{
    (void)state;
    uint8_t secrets[3][32] = {{1}, {2}, {3}};
    uint8_t message[256];
    size_t size = 0;
    struct moot_noise noise;
    secret_mark(secrets, sizeof secrets);
    moot_noise_init(&noise, MOOT_NOISE_XXPSK3, MOOT_NOISE_INITIATOR, moot_bytes_of_text("mesh"),
                    secrets[0], secrets[1], secrets[2]);
    assert_true(secret_is(noise.psk, sizeof noise.psk) || RUNNING_ON_VALGRIND == 0);
    secret_reveal(noise.static_public, sizeof noise.static_public);
    assert_int_equal(
        moot_noise_write(&noise, moot_bytes_of_text("hi"), message, sizeof message, &size),
        MOOT_OK);
    secret_reveal(message, size);
    assert_int_equal(size, 32 + 2 + MOOT_NOISE_TAG_BYTES);
    moot_noise_deinit(&noise);
    assert_false(secret_is(&noise, sizeof noise));
}

static void test_keys_are_derived(void **state)
{
    (void)state;
    uint8_t chaining_key[64] = {1}, shared[32] = {2}, once[3][64], again[3][64];
    moot_noise_hkdf(chaining_key, moot_bytes_of(shared, sizeof shared), 3, once);
    secret_mark(chaining_key, sizeof chaining_key);
    secret_mark(shared, sizeof shared);
    moot_noise_hkdf(chaining_key, moot_bytes_of(shared, sizeof shared), 3, again);
    secret_reveal(again, sizeof again);
    assert_memory_equal(once, again, sizeof once);
}

static void test_records_are_sealed_and_the_key_is_turned(void **state)
{
    (void)state;
    struct moot_noise_cipher sender = {.key = {7}, .has_key = true};
    struct moot_noise_cipher receiver = sender;
    struct moot_bytes ad = {NULL, 0};
    uint8_t plain[100] = {1, 2, 3}, sealed[116], opened[100];
    secret_mark(sender.key, sizeof sender.key);
    secret_mark(plain, sizeof plain);
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(moot_noise_seal(&sender, ad, moot_bytes_of(plain, sizeof plain), sealed),
                         MOOT_OK);
        secret_reveal(sealed, sizeof sealed);
        assert_int_equal(
            moot_noise_open(&receiver, ad, moot_bytes_of(sealed, sizeof sealed), opened), MOOT_OK);
        assert_int_equal(opened[2], 3);
        moot_noise_rekey(&sender);
        moot_noise_rekey(&receiver);
    }
    secret_reveal(sender.key, sizeof sender.key);
    assert_memory_equal(sender.key, receiver.key, sizeof sender.key);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_handshake_starts),
        cmocka_unit_test(test_keys_are_derived),
        cmocka_unit_test(test_records_are_sealed_and_the_key_is_turned),
    };
    return moot_crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
