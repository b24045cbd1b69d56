/* A device's Ed25519 identity. Single verification only: batches accept what one by one refuses. */
#ifndef MOOT_CRYPTO_IDENTITY_H
#define MOOT_CRYPTO_IDENTITY_H

#include <stdbool.h>

#include "crypto/base/bytes.h"
#include "crypto/base/random.h"

/* Secret: wipe with moot_identity_deinit. Plain data, so it may lie in a pool. */
struct moot_identity {
    struct moot_key key; /* public: the device's id */
    uint8_t secret[64];  /* libsodium's form: seed ‖ public key */
};

/* Call once per process before anything else of this library; false when it cannot be used. */
bool moot_crypto_init(void);

/* The identity of a 32-byte seed (copied; the caller wipes its own). */
void moot_identity_init(struct moot_identity *identity, const uint8_t seed[32]);
void moot_identity_deinit(struct moot_identity *identity);

/* Ed25519 over tag ‖ bytes; tag may be NULL. `size` of both together at most 4096 bytes. */
void moot_identity_sign(const struct moot_identity *identity, const char *tag,
                        struct moot_bytes bytes, struct moot_signature *ret);
/* True only for a good signature by `key` over exactly tag ‖ bytes. About 50 µs. */
bool moot_identity_verify(const struct moot_key *key, const char *tag, struct moot_bytes bytes,
                          const struct moot_signature *signature);

/* Overwrites memory in a way that is not optimised away. */
void moot_wipe(void *at, size_t size);

#endif
