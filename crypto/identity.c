/*
 * Ed25519 from libsodium: a key from a seed, signatures over tag ‖ bytes. What is signed is copied
 * next to its tag first, so one message has one form. A false signature is an answer, not an error.
 */
#include "crypto/identity.h"

#include <sodium.h>
#include <string.h>

#include "crypto/base/contract.h"

#define SIGNED_BYTES_MAX 4096U

_Static_assert(sizeof(struct moot_key) == crypto_sign_PUBLICKEYBYTES, "key size");
_Static_assert(sizeof(struct moot_signature) == crypto_sign_BYTES, "signature size");
_Static_assert(crypto_sign_SECRETKEYBYTES == 64 && crypto_sign_SEEDBYTES == 32, "secret sizes");

bool moot_crypto_init(void)
{
    return sodium_init() >= 0;
}

void moot_identity_init(struct moot_identity *identity, const uint8_t seed[32])
{
    int failed = crypto_sign_seed_keypair(identity->key.b, identity->secret, seed);
    MOOT_ENSURE(failed == 0);
}

void moot_identity_deinit(struct moot_identity *identity)
{
    moot_wipe(identity, sizeof *identity);
}

/* tag ‖ bytes into ret; false when it is longer than what we ever sign. */
static bool message_join(const char *tag, struct moot_bytes bytes, uint8_t ret[SIGNED_BYTES_MAX],
                         size_t *ret_size)
{
    size_t tag_size = tag != NULL ? strlen(tag) : 0;
    if (tag_size > SIGNED_BYTES_MAX || bytes.size > SIGNED_BYTES_MAX - tag_size) {
        return false;
    }
    if (tag_size > 0) {
        memcpy(ret, tag, tag_size);
    }
    if (bytes.size > 0) {
        memcpy(ret + tag_size, bytes.data, bytes.size);
    }
    *ret_size = tag_size + bytes.size;
    return true;
}

void moot_identity_sign(const struct moot_identity *identity, const char *tag,
                        struct moot_bytes bytes, struct moot_signature *ret)
{
    uint8_t message[SIGNED_BYTES_MAX];
    size_t size = 0;
    MOOT_REQUIRE(message_join(tag, bytes, message, &size));
    int failed = crypto_sign_detached(ret->b, NULL, message, size, identity->secret);
    MOOT_ENSURE(failed == 0);
}

bool moot_identity_verify(const struct moot_key *key, const char *tag, struct moot_bytes bytes,
                          const struct moot_signature *signature)
{
    uint8_t message[SIGNED_BYTES_MAX];
    size_t size = 0;
    if (!message_join(tag, bytes, message, &size)) {
        return false; /* nobody of ours signs that much */
    }
    return crypto_sign_verify_detached(signature->b, message, size, key->b) == 0;
}

void moot_wipe(void *at, size_t size)
{
    sodium_memzero(at, size);
}
