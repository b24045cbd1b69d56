/*
 * Slices of memory that somebody else owns, and the fixed-size values the whole tree passes around.
 * Everything here is plain data: copy it, compare it, put it in a map.
 */
#ifndef MOOT_CRYPTO_BASE_BYTES_H
#define MOOT_CRYPTO_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes. data may be NULL only when size is 0. */
struct moot_bytes {
    const uint8_t *data;
    size_t size;
};

/* A 32-byte BLAKE2b-256 hash: fact ids, chain ids, mesh ids, timelines, proposals, blocks. */
struct moot_digest {
    uint8_t b[32];
};

/* A device: its Ed25519 public key. */
struct moot_key {
    uint8_t b[32];
};

/* An Ed25519 signature. */
struct moot_signature {
    uint8_t b[64];
};

static inline struct moot_bytes moot_bytes_of(const void *data, size_t size)
{
    return (struct moot_bytes){.data = data, .size = size};
}

/* The bytes of a NUL-terminated text, without the NUL. */
struct moot_bytes moot_bytes_of_text(const char *text);

/* Lexicographic order; a prefix comes first. Not constant time: never for secrets. */
int moot_bytes_compare(struct moot_bytes a, struct moot_bytes b);
bool moot_bytes_equal(struct moot_bytes a, struct moot_bytes b);

int moot_digest_compare(const struct moot_digest *a, const struct moot_digest *b);
bool moot_digest_equal(const struct moot_digest *a, const struct moot_digest *b);
bool moot_digest_is_zero(const struct moot_digest *digest);
int moot_key_compare(const struct moot_key *a, const struct moot_key *b);
bool moot_key_equal(const struct moot_key *a, const struct moot_key *b);

static inline struct moot_bytes moot_digest_bytes(const struct moot_digest *digest)
{
    return (struct moot_bytes){.data = digest->b, .size = sizeof digest->b};
}
static inline struct moot_bytes moot_key_bytes(const struct moot_key *key)
{
    return (struct moot_bytes){.data = key->b, .size = sizeof key->b};
}

/* Lower-case hex and a NUL into `text`, which holds 2 * size + 1 characters. */
void moot_hex_format(struct moot_bytes bytes, char *text);

/*
 * Parses exactly `size` bytes of hex (either case) from `text_size` characters of `text`.
 * Returns false, and leaves `ret` alone, when the length or a digit is off.
 */
bool moot_hex_parse(const char *text, size_t text_size, uint8_t *ret, size_t size);

/* Big-endian numbers, for fixed layouts and ordered keys. */
void moot_u16_put(uint8_t *at, uint16_t value);
void moot_u32_put(uint8_t *at, uint32_t value);
void moot_u64_put(uint8_t *at, uint64_t value);
uint16_t moot_u16_get(const uint8_t *at);
uint32_t moot_u32_get(const uint8_t *at);
uint64_t moot_u64_get(const uint8_t *at);

/* Strict UTF-8 (no surrogates, no overlong forms, no NUL). */
bool moot_utf8_valid(struct moot_bytes text);

#endif
