/*
 * BLAKE2b-256 from libsodium. Hashing has no failure: a refusal by the library would be a mistake
 * of ours (a wrong output size), and is treated as one.
 */
#include "crypto/digest.h"

#include <sodium.h>

#include "crypto/base/contract.h"

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(struct moot_hasher),
               "the opaque bytes hold libsodium's state");
_Static_assert(_Alignof(crypto_generichash_state) <= _Alignof(struct moot_hasher),
               "and are aligned for it");

static crypto_generichash_state *state_of(struct moot_hasher *hasher)
{
    return (crypto_generichash_state *)(void *)hasher->opaque;
}

void moot_hasher_init(struct moot_hasher *hasher, const char *tag)
{
    int failed = crypto_generichash_init(state_of(hasher), NULL, 0, sizeof(struct moot_digest));
    MOOT_ENSURE(failed == 0);
    if (tag != NULL) {
        moot_hasher_add(hasher, moot_bytes_of_text(tag));
    }
}

void moot_hasher_add(struct moot_hasher *hasher, struct moot_bytes bytes)
{
    int failed = crypto_generichash_update(state_of(hasher), bytes.data, bytes.size);
    MOOT_ENSURE(failed == 0);
}

void moot_hasher_finish(struct moot_hasher *hasher, struct moot_digest *ret)
{
    int failed = crypto_generichash_final(state_of(hasher), ret->b, sizeof ret->b);
    MOOT_ENSURE(failed == 0);
}

void moot_digest_of(const char *tag, const struct moot_bytes *parts, size_t part_count,
                    struct moot_digest *ret)
{
    struct moot_hasher hasher;
    moot_hasher_init(&hasher, tag);
    for (size_t i = 0; i < part_count; i++) {
        moot_hasher_add(&hasher, parts[i]);
    }
    moot_hasher_finish(&hasher, ret);
}

uint64_t moot_checksum_of(struct moot_bytes bytes)
{
    static const uint8_t key[crypto_shorthash_KEYBYTES] = "moot/row/1";
    uint8_t sum[crypto_shorthash_BYTES];
    int failed = crypto_shorthash(sum, bytes.data, bytes.size, key);
    MOOT_ENSURE(failed == 0);
    return moot_u64_get(sum);
}

void moot_digest_of_bytes(const char *tag, struct moot_bytes bytes, struct moot_digest *ret)
{
    moot_digest_of(tag, &bytes, 1, ret);
}
