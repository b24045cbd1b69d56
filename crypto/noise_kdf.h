/* The key derivation of Noise over BLAKE2b with 64-byte output. For noise*.c only. */
#ifndef MOOT_CRYPTO_NOISE_KDF_H
#define MOOT_CRYPTO_NOISE_KDF_H

#include <stdint.h>

#include "crypto/base/bytes.h"

#define MOOT_NOISE_HASH_BYTES 64

/* BLAKE2b-512(a ‖ b). */
void moot_noise_hash(struct moot_bytes a, struct moot_bytes b, uint8_t ret[MOOT_NOISE_HASH_BYTES]);

/*
 * HKDF of the Noise framework, section 4.3: `output_count` (2 or 3) outputs of 64 bytes from the
 * chaining key and `input` (0 or 32 bytes).
 */
void moot_noise_hkdf(const uint8_t chaining_key[MOOT_NOISE_HASH_BYTES], struct moot_bytes input,
                     unsigned output_count, uint8_t ret[3][MOOT_NOISE_HASH_BYTES]);

#endif
