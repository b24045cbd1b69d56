/*
 * Comparing, hex, big-endian numbers and UTF-8: the small things every layer needs.
 * Nothing here allocates; only the two parsers can say no.
 */
#include "crypto/base/bytes.h"

#include <string.h>

struct moot_bytes moot_bytes_of_text(const char *text)
{
    return moot_bytes_of(text, strlen(text));
}

int moot_bytes_compare(struct moot_bytes a, struct moot_bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return (a.size > b.size) - (a.size < b.size);
}

bool moot_bytes_equal(struct moot_bytes a, struct moot_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int moot_digest_compare(const struct moot_digest *a, const struct moot_digest *b)
{
    return moot_bytes_compare(moot_digest_bytes(a), moot_digest_bytes(b));
}

bool moot_digest_equal(const struct moot_digest *a, const struct moot_digest *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool moot_digest_is_zero(const struct moot_digest *digest)
{
    static const struct moot_digest zero = {{0}};
    return moot_digest_equal(digest, &zero);
}

int moot_key_compare(const struct moot_key *a, const struct moot_key *b)
{
    return moot_bytes_compare(moot_key_bytes(a), moot_key_bytes(b));
}

bool moot_key_equal(const struct moot_key *a, const struct moot_key *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

void moot_hex_format(struct moot_bytes bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 0x0F];
    }
    text[2 * bytes.size] = '\0';
}

/* The digit's value, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool moot_hex_parse(const char *text, size_t text_size, uint8_t *ret, size_t size)
{
    if (text_size % 2 != 0 || text_size / 2 != size) {
        return false;
    }
    /* First look, then write: a failure leaves ret alone. */
    for (size_t i = 0; i < text_size; i++) {
        if (hex_digit(text[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < size; i++) {
        ret[i] = (uint8_t)(hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]));
    }
    return true;
}

void moot_u16_put(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

void moot_u32_put(uint8_t *at, uint32_t value)
{
    moot_u16_put(at, (uint16_t)(value >> 16));
    moot_u16_put(at + 2, (uint16_t)value);
}

void moot_u64_put(uint8_t *at, uint64_t value)
{
    moot_u32_put(at, (uint32_t)(value >> 32));
    moot_u32_put(at + 4, (uint32_t)value);
}

uint16_t moot_u16_get(const uint8_t *at)
{
    return (uint16_t)(at[0] * 256U + at[1]);
}

uint32_t moot_u32_get(const uint8_t *at)
{
    return (uint32_t)moot_u16_get(at) << 16 | moot_u16_get(at + 2);
}

uint64_t moot_u64_get(const uint8_t *at)
{
    return (uint64_t)moot_u32_get(at) << 32 | moot_u32_get(at + 4);
}

/* Bytes of the UTF-8 sequence at the start of `text` (size > 0), or 0 when it is not valid. */
static size_t utf8_sequence(const uint8_t *text, size_t size)
{
    uint8_t lead = text[0];
    if (lead < 0x80) {
        return lead != 0 ? 1 : 0;
    }
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || size < need) {
        return 0; /* stray continuation, overlong two-byte form, above U+10FFFF, or cut off */
    }
    for (size_t i = 1; i < need; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    /* The second byte's narrower range shuts out overlong forms, surrogates and the too large. */
    bool bad_second = (lead == 0xE0 && text[1] < 0xA0) || (lead == 0xED && text[1] > 0x9F) ||
                      (lead == 0xF0 && text[1] < 0x90) || (lead == 0xF4 && text[1] > 0x8F);
    return bad_second ? 0 : need;
}

bool moot_utf8_valid(struct moot_bytes text)
{
    size_t at = 0;
    while (at < text.size) {
        size_t step = utf8_sequence(text.data + at, text.size - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}
