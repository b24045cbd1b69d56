/*
 * HMAC (RFC 2104) and Noise's HKDF over BLAKE2b-512. libsodium has no HMAC for BLAKE2b (its keyed
 * mode is another function), and Noise asks for HMAC, so it is spelled out. Cannot fail.
 */
#include "crypto/noise_kdf.h"

#include <sodium.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/identity.h"

#define BLOCK_BYTES 128U

struct hash {
    crypto_generichash_state state;
};

static void hash_init(struct hash *hash)
{
    int failed = crypto_generichash_init(&hash->state, NULL, 0, MOOT_NOISE_HASH_BYTES);
    MOOT_ENSURE(failed == 0);
}

static void hash_add(struct hash *hash, const uint8_t *data, size_t size)
{
    int failed = crypto_generichash_update(&hash->state, data, size);
    MOOT_ENSURE(failed == 0);
}

static void hash_finish(struct hash *hash, uint8_t ret[MOOT_NOISE_HASH_BYTES])
{
    int failed = crypto_generichash_final(&hash->state, ret, MOOT_NOISE_HASH_BYTES);
    MOOT_ENSURE(failed == 0);
    moot_wipe(hash, sizeof *hash);
}

void moot_noise_hash(struct moot_bytes a, struct moot_bytes b, uint8_t ret[MOOT_NOISE_HASH_BYTES])
{
    struct hash hash;
    hash_init(&hash);
    hash_add(&hash, a.data, a.size);
    hash_add(&hash, b.data, b.size);
    hash_finish(&hash, ret);
}

/* HMAC(key, a ‖ b); the key fills half a block, so it is never hashed first. */
static void hmac(const uint8_t key[MOOT_NOISE_HASH_BYTES], struct moot_bytes a, struct moot_bytes b,
                 uint8_t ret[MOOT_NOISE_HASH_BYTES])
{
    uint8_t block[BLOCK_BYTES];
    uint8_t inner[MOOT_NOISE_HASH_BYTES];
    struct hash hash;
    memset(block, 0x36, sizeof block);
    for (size_t i = 0; i < MOOT_NOISE_HASH_BYTES; i++) {
        block[i] = (uint8_t)(key[i] ^ 0x36U);
    }
    hash_init(&hash);
    hash_add(&hash, block, sizeof block);
    hash_add(&hash, a.data, a.size);
    hash_add(&hash, b.data, b.size);
    hash_finish(&hash, inner);

    for (size_t i = 0; i < sizeof block; i++) {
        block[i] ^= 0x36U ^ 0x5CU;
    }
    hash_init(&hash);
    hash_add(&hash, block, sizeof block);
    hash_add(&hash, inner, sizeof inner);
    hash_finish(&hash, ret);
    moot_wipe(block, sizeof block);
    moot_wipe(inner, sizeof inner);
}

void moot_noise_hkdf(const uint8_t chaining_key[MOOT_NOISE_HASH_BYTES], struct moot_bytes input,
                     unsigned output_count, uint8_t ret[3][MOOT_NOISE_HASH_BYTES])
{
    static const uint8_t counters[3] = {1, 2, 3};
    MOOT_REQUIRE(output_count == 2 || output_count == 3);
    uint8_t key[MOOT_NOISE_HASH_BYTES];
    hmac(chaining_key, input, moot_bytes_of(NULL, 0), key);
    for (unsigned i = 0; i < output_count; i++) {
        struct moot_bytes previous =
            i > 0 ? moot_bytes_of(ret[i - 1], MOOT_NOISE_HASH_BYTES) : moot_bytes_of(NULL, 0);
        hmac(key, previous, moot_bytes_of(&counters[i], 1), ret[i]);
    }
    moot_wipe(key, sizeof key);
}
