/*
 * One direction of a channel: ChaCha20-Poly1305 under a counter that only this file moves. Sealing
 * ends before the counter could wrap (LIMIT); a record that does not open (altered, replayed, out
 * of order) is BAD_RECORD and leaves the counter alone: the channel above closes.
 */
#include <sodium.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/identity.h"
#include "crypto/noise.h"

#define NONCE_BYTES 12

_Static_assert(crypto_aead_chacha20poly1305_ietf_NPUBBYTES == NONCE_BYTES, "nonce size");
_Static_assert(crypto_aead_chacha20poly1305_ietf_KEYBYTES == 32, "key size");
_Static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == MOOT_NOISE_TAG_BYTES, "tag size");

/* 32 zero bits, then the counter with its least byte first (Noise framework, section 12.3). */
static void nonce_encode(uint64_t counter, uint8_t ret[NONCE_BYTES])
{
    memset(ret, 0, NONCE_BYTES);
    for (size_t i = 0; i < 8; i++) {
        ret[4 + i] = (uint8_t)(counter >> (8 * i));
    }
}

enum moot_status moot_noise_seal(struct moot_noise_cipher *cipher, struct moot_bytes ad,
                                 struct moot_bytes plain, uint8_t *ret)
{
    MOOT_REQUIRE(cipher->has_key);
    if (cipher->nonce == UINT64_MAX) {
        return MOOT_LIMIT;
    }
    uint8_t nonce[NONCE_BYTES];
    nonce_encode(cipher->nonce, nonce);
    int failed = crypto_aead_chacha20poly1305_ietf_encrypt(
        ret, NULL, plain.data, plain.size, ad.data, ad.size, NULL, nonce, cipher->key);
    MOOT_ENSURE(failed == 0);
    cipher->nonce++;
    return MOOT_OK;
}

enum moot_status moot_noise_open(struct moot_noise_cipher *cipher, struct moot_bytes ad,
                                 struct moot_bytes sealed, uint8_t *ret)
{
    MOOT_REQUIRE(cipher->has_key);
    if (cipher->nonce == UINT64_MAX) {
        return MOOT_LIMIT;
    }
    if (sealed.size < MOOT_NOISE_TAG_BYTES) {
        return MOOT_BAD_RECORD;
    }
    uint8_t nonce[NONCE_BYTES];
    nonce_encode(cipher->nonce, nonce);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(ret, NULL, NULL, sealed.data, sealed.size,
                                                  ad.data, ad.size, nonce, cipher->key) != 0) {
        return MOOT_BAD_RECORD;
    }
    cipher->nonce++;
    return MOOT_OK;
}

void moot_noise_rekey(struct moot_noise_cipher *cipher)
{
    MOOT_REQUIRE(cipher->has_key);
    static const uint8_t zeros[32] = {0};
    uint8_t sealed[sizeof zeros + MOOT_NOISE_TAG_BYTES];
    uint8_t nonce[NONCE_BYTES];
    nonce_encode(UINT64_MAX, nonce); /* the one counter that no record ever uses */
    int failed = crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, zeros, sizeof zeros, NULL,
                                                           0, NULL, nonce, cipher->key);
    MOOT_ENSURE(failed == 0);
    memcpy(cipher->key, sealed, sizeof cipher->key);
    moot_wipe(sealed, sizeof sealed);
}
