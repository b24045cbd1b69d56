/* BLAKE2b-256 with a domain tag in front: every hash of the project is made here. */
#ifndef MOOT_CRYPTO_DIGEST_H
#define MOOT_CRYPTO_DIGEST_H

#include <stddef.h>

#include "crypto/base/bytes.h"

/*
 * BLAKE2b-256(tag ‖ part 0 ‖ part 1 ...). The tag's text (without NUL, "moot/.../1") separates
 * uses; parts are not separated from one another, so all but the last have a fixed size. tag may be
 * NULL for a bare hash (blocks, images).
 */
void moot_digest_of(const char *tag, const struct moot_bytes *parts, size_t part_count,
                    struct moot_digest *ret);

/* The same over one part. */
void moot_digest_of_bytes(const char *tag, struct moot_bytes bytes, struct moot_digest *ret);

/* For data that does not lie in one place. */
struct moot_hasher {
    _Alignas(64) uint8_t opaque[384];
};
void moot_hasher_init(struct moot_hasher *hasher, const char *tag);
void moot_hasher_add(struct moot_hasher *hasher, struct moot_bytes bytes);
void moot_hasher_finish(struct moot_hasher *hasher, struct moot_digest *ret);

/* 64 bits that show damage of bytes at rest, not intent: SipHash-2-4 under a fixed key, a quarter of the
 * time of a digest. As a number: the first byte is the highest. */
uint64_t moot_checksum_of(struct moot_bytes bytes);

#endif
