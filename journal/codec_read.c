/*
 * Canonical MessagePack, reading: a strict cursor over borrowed bytes.
 * Happy path: every call consumes exactly one value (or the head of one array) in its one encoding;
 * moot_cursor_finish confirms that nothing is left over and nothing is missing.
 * Failures: the first one stays; from then on nothing is consumed and every call gives 0 or empty.
 *
 *   value ::= nil | bool | uint | bin | str | array of values      (at most MOOT_DEPTH_MAX arrays deep)
 *
 * Full arrays are closed lazily, when the next value begins: `left` of the innermost open array says
 * how many values it still lacks.
 */
#include "journal/codec.h"

#include <string.h>

#include "crypto/base/contract.h"

enum tag {
    TAG_FIXUINT_MAX = 0x7f,
    TAG_FIXARRAY = 0x90,
    TAG_FIXSTR = 0xa0,
    TAG_NIL = 0xc0,
    TAG_FALSE = 0xc2,
    TAG_TRUE = 0xc3,
    TAG_BIN8 = 0xc4,
    TAG_BIN16 = 0xc5,
    TAG_BIN32 = 0xc6,
    TAG_UINT8 = 0xcc,
    TAG_UINT16 = 0xcd,
    TAG_UINT32 = 0xce,
    TAG_UINT64 = 0xcf,
    TAG_STR8 = 0xd9,
    TAG_STR16 = 0xda,
    TAG_STR32 = 0xdb,
    TAG_ARRAY16 = 0xdc,
    TAG_ARRAY32 = 0xdd
};
#define FIXSTR_SIZE_MAX 31u
#define FIXARRAY_COUNT_MAX 15u

static size_t bytes_left(const struct moot_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

static void close_full_arrays(struct moot_cursor *cursor)
{
    while (cursor->depth > 0 && cursor->left[cursor->depth - 1] == 0) {
        cursor->depth--;
    }
}

/* Begins a value: its first byte, which is consumed. False when there is none or after a failure. */
static bool begin(struct moot_cursor *cursor, uint8_t *ret_tag)
{
    if (cursor->status != MOOT_OK) {
        return false;
    }
    if (cursor->at == cursor->end) {
        cursor->status = MOOT_TRUNCATED;
        return false;
    }
    close_full_arrays(cursor);
    if (cursor->depth > 0) {
        cursor->left[cursor->depth - 1]--;
    }
    *ret_tag = *cursor->at++;
    return true;
}

/* A big-endian number of `size` bytes that must be at least `least`, or a shorter form exists. */
static bool take_number(struct moot_cursor *cursor, size_t size, uint64_t least, uint64_t *ret)
{
    if (bytes_left(cursor) < size) {
        cursor->status = MOOT_TRUNCATED;
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | cursor->at[i];
    }
    if (value < least) {
        cursor->status = MOOT_NOT_CANONICAL;
        return false;
    }
    cursor->at += size;
    *ret = value;
    return true;
}

/* Takes `size` bytes; OVERSIZED is looked at first, so a limit is named even if bytes lack, too. */
static struct moot_bytes take_bytes(struct moot_cursor *cursor, uint64_t size, size_t size_max)
{
    if (size > size_max) {
        cursor->status = MOOT_OVERSIZED;
    } else if (size > bytes_left(cursor)) {
        cursor->status = MOOT_TRUNCATED;
    } else {
        struct moot_bytes bytes = moot_bytes_of(cursor->at, (size_t)size);
        cursor->at += size;
        return bytes;
    }
    return moot_bytes_of(NULL, 0);
}

static bool uint_of_tag(struct moot_cursor *cursor, uint8_t tag, uint64_t *ret)
{
    if (tag <= TAG_FIXUINT_MAX) {
        *ret = tag;
        return true;
    }
    switch (tag) {
    case TAG_UINT8:
        return take_number(cursor, 1, TAG_FIXUINT_MAX + 1, ret);
    case TAG_UINT16:
        return take_number(cursor, 2, UINT64_C(1) << 8, ret);
    case TAG_UINT32:
        return take_number(cursor, 4, UINT64_C(1) << 16, ret);
    case TAG_UINT64:
        return take_number(cursor, 8, UINT64_C(1) << 32, ret);
    default:
        cursor->status = MOOT_BAD_TYPE;
        return false;
    }
}

static bool bin_of_tag(struct moot_cursor *cursor, uint8_t tag, size_t size_max,
                       struct moot_bytes *ret)
{
    uint64_t size = 0;
    switch (tag) {
    case TAG_BIN8:
        (void)take_number(cursor, 1, 0, &size);
        break;
    case TAG_BIN16:
        (void)take_number(cursor, 2, UINT64_C(1) << 8, &size);
        break;
    case TAG_BIN32:
        (void)take_number(cursor, 4, UINT64_C(1) << 16, &size);
        break;
    default:
        cursor->status = MOOT_BAD_TYPE;
        break;
    }
    if (cursor->status == MOOT_OK) {
        *ret = take_bytes(cursor, size, size_max);
    }
    return cursor->status == MOOT_OK;
}

static bool text_of_tag(struct moot_cursor *cursor, uint8_t tag, size_t size_max,
                        struct moot_bytes *ret)
{
    uint64_t size = 0;
    switch (tag) {
    case TAG_STR8:
        (void)take_number(cursor, 1, FIXSTR_SIZE_MAX + 1, &size);
        break;
    case TAG_STR16:
        (void)take_number(cursor, 2, UINT64_C(1) << 8, &size);
        break;
    case TAG_STR32:
        (void)take_number(cursor, 4, UINT64_C(1) << 16, &size);
        break;
    default:
        if (tag < TAG_FIXSTR || tag > TAG_FIXSTR + FIXSTR_SIZE_MAX) {
            cursor->status = MOOT_BAD_TYPE;
            break;
        }
        size = tag - (unsigned)TAG_FIXSTR;
        break;
    }
    if (cursor->status != MOOT_OK) {
        return false;
    }
    struct moot_bytes text = take_bytes(cursor, size, size_max);
    if (cursor->status == MOOT_OK && !moot_utf8_valid(text)) {
        cursor->status = MOOT_BAD_TEXT;
    }
    if (cursor->status != MOOT_OK) {
        return false;
    }
    *ret = text;
    return true;
}

static bool array_count_of_tag(struct moot_cursor *cursor, uint8_t tag, uint64_t *ret_count)
{
    *ret_count = 0;
    switch (tag) {
    case TAG_ARRAY16:
        (void)take_number(cursor, 2, FIXARRAY_COUNT_MAX + 1, ret_count);
        break;
    case TAG_ARRAY32:
        (void)take_number(cursor, 4, UINT64_C(1) << 16, ret_count);
        break;
    default:
        if (tag < TAG_FIXARRAY || tag > TAG_FIXARRAY + FIXARRAY_COUNT_MAX) {
            cursor->status = MOOT_BAD_TYPE;
            break;
        }
        *ret_count = tag - (unsigned)TAG_FIXARRAY;
        break;
    }
    return cursor->status == MOOT_OK;
}

/* Opens the array that `tag` begins; count is checked against the bytes before anything else. */
static bool array_of_tag(struct moot_cursor *cursor, uint8_t tag, uint64_t *ret_count)
{
    uint64_t count;
    if (!array_count_of_tag(cursor, tag, &count)) {
        return false;
    }
    if (count > bytes_left(cursor)) { /* every value has at least one byte */
        cursor->status = MOOT_TRUNCATED;
        return false;
    }
    if (cursor->depth == MOOT_DEPTH_MAX) {
        cursor->status = MOOT_TOO_DEEP;
        return false;
    }
    cursor->left[cursor->depth++] = (uint32_t)count;
    *ret_count = count;
    return true;
}

void moot_cursor_init(struct moot_cursor *cursor, struct moot_bytes bytes)
{
    static const uint8_t nothing[1];
    *cursor = (struct moot_cursor){.status = MOOT_OK};
    cursor->at = bytes.size > 0 ? bytes.data : nothing;
    cursor->end = cursor->at + bytes.size;
}

void moot_read_array(struct moot_cursor *cursor, uint32_t count)
{
    uint8_t tag;
    uint64_t found;
    if (begin(cursor, &tag) && array_of_tag(cursor, tag, &found) && found != count) {
        cursor->status = MOOT_BAD_VALUE;
    }
}

uint32_t moot_read_array_any(struct moot_cursor *cursor, uint32_t count_max)
{
    uint8_t tag;
    uint64_t count;
    if (!begin(cursor, &tag) || !array_of_tag(cursor, tag, &count)) {
        return 0;
    }
    if (count > count_max) {
        cursor->status = MOOT_OVERSIZED;
        return 0;
    }
    return (uint32_t)count;
}

uint32_t moot_read_array_head(struct moot_cursor *cursor)
{
    uint8_t tag;
    uint64_t count;
    return begin(cursor, &tag) && array_count_of_tag(cursor, tag, &count) ? (uint32_t)count : 0;
}

uint64_t moot_read_uint(struct moot_cursor *cursor, uint64_t max)
{
    uint8_t tag;
    uint64_t value;
    if (!begin(cursor, &tag) || !uint_of_tag(cursor, tag, &value)) {
        return 0;
    }
    if (value > max) {
        cursor->status = MOOT_BAD_VALUE;
        return 0;
    }
    return value;
}

struct moot_bytes moot_read_bin(struct moot_cursor *cursor, size_t size_max)
{
    uint8_t tag;
    struct moot_bytes bytes = {0};
    if (begin(cursor, &tag)) {
        (void)bin_of_tag(cursor, tag, size_max, &bytes);
    }
    return bytes;
}

struct moot_bytes moot_read_text(struct moot_cursor *cursor, size_t size_max)
{
    uint8_t tag;
    struct moot_bytes text = {0};
    if (begin(cursor, &tag)) {
        (void)text_of_tag(cursor, tag, size_max, &text);
    }
    return text;
}

bool moot_read_bool(struct moot_cursor *cursor)
{
    uint8_t tag;
    if (!begin(cursor, &tag)) {
        return false;
    }
    if (tag != TAG_TRUE && tag != TAG_FALSE) {
        cursor->status = MOOT_BAD_TYPE;
    }
    return tag == TAG_TRUE;
}

bool moot_read_nil_if(struct moot_cursor *cursor)
{
    uint8_t tag;
    if (cursor->status != MOOT_OK || cursor->at == cursor->end || *cursor->at != TAG_NIL) {
        return false;
    }
    return begin(cursor, &tag);
}

/* A bin of exactly `size` bytes: shorter or longer is a wrong value, not a limit. */
static void read_exactly(struct moot_cursor *cursor, uint8_t *ret, size_t size)
{
    struct moot_bytes bytes = moot_read_bin(cursor, SIZE_MAX);
    if (cursor->status == MOOT_OK && bytes.size != size) {
        cursor->status = MOOT_BAD_VALUE;
    }
    if (cursor->status == MOOT_OK) {
        memcpy(ret, bytes.data, size);
    } else {
        memset(ret, 0, size);
    }
}

void moot_read_digest(struct moot_cursor *cursor, struct moot_digest *ret)
{
    read_exactly(cursor, ret->b, sizeof ret->b);
}

void moot_read_key(struct moot_cursor *cursor, struct moot_key *ret)
{
    read_exactly(cursor, ret->b, sizeof ret->b);
}

void moot_read_signature(struct moot_cursor *cursor, struct moot_signature *ret)
{
    read_exactly(cursor, ret->b, sizeof ret->b);
}

/* One scalar, or the head of one array. */
static void skip_one(struct moot_cursor *cursor)
{
    uint8_t tag;
    uint64_t number;
    struct moot_bytes bytes;
    if (!begin(cursor, &tag) || tag == TAG_NIL || tag == TAG_FALSE || tag == TAG_TRUE) {
        return;
    }
    if (tag <= TAG_FIXUINT_MAX || (tag >= TAG_UINT8 && tag <= TAG_UINT64)) {
        (void)uint_of_tag(cursor, tag, &number);
    } else if (tag >= TAG_BIN8 && tag <= TAG_BIN32) {
        (void)bin_of_tag(cursor, tag, SIZE_MAX, &bytes);
    } else if ((tag >= TAG_FIXSTR && tag < TAG_NIL) || (tag >= TAG_STR8 && tag <= TAG_STR32)) {
        (void)text_of_tag(cursor, tag, SIZE_MAX, &bytes);
    } else {
        (void)array_of_tag(cursor, tag, &number);
    }
}

struct moot_bytes moot_read_value(struct moot_cursor *cursor)
{
    const uint8_t *start = cursor->at;
    close_full_arrays(cursor);
    uint32_t depth = cursor->depth;
    do {
        skip_one(cursor);
        close_full_arrays(cursor);
    } while (cursor->status == MOOT_OK && cursor->depth > depth);
    if (cursor->status != MOOT_OK) {
        return moot_bytes_of(NULL, 0);
    }
    return moot_bytes_of(start, (size_t)(cursor->at - start));
}

enum moot_status moot_cursor_finish(struct moot_cursor *cursor)
{
    if (cursor->status == MOOT_OK) {
        close_full_arrays(cursor);
        if (cursor->at != cursor->end) {
            cursor->status = MOOT_TRAILING;
        } else if (cursor->depth > 0) {
            cursor->status = MOOT_TRUNCATED;
        }
    }
    return cursor->status;
}

void moot_cursor_fail(struct moot_cursor *cursor, enum moot_status status)
{
    MOOT_REQUIRE(status != MOOT_OK);
    if (cursor->status == MOOT_OK) {
        cursor->status = status;
    }
}

enum moot_status moot_canonical_check(struct moot_bytes bytes)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, bytes);
    (void)moot_read_value(&cursor);
    return moot_cursor_finish(&cursor);
}
