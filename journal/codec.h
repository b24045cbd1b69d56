/*
 * Canonical MessagePack: exactly one encoding for each value. Fixed-length arrays, shortest integers
 * and lengths, bin, UTF-8 str, bool, nil; no maps, floats, extension types, negative integers.
 * Writing goes through msgpack-c's packer into a bounded buffer; reading is a strict cursor that
 * checks every count against the bytes that are there before anybody allocates.
 * Both are sticky: after the first failure every call is harmless and the status stays.
 */
#ifndef MOOT_JOURNAL_CODEC_H
#define MOOT_JOURNAL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/arena.h"
#include "crypto/base/bytes.h"
#include "crypto/base/status.h"
#include "journal/limits.h"

struct moot_writer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    enum moot_status status; /* MOOT_OK, OVERSIZED once something did not fit, or BAD_TEXT */
};
/* Writes into `memory` (borrowed). */
void moot_writer_init(struct moot_writer *writer, void *memory, size_t capacity);
/* The whole rest of the arena becomes the buffer; moot_writer_finish gives back what is unused.
 * Nothing else may be taken from the arena in between. */
void moot_writer_init_arena(struct moot_writer *writer, struct moot_arena *arena);
/* Ends writing: trims the arena and yields the bytes; data is NULL when writing failed. */
struct moot_bytes moot_writer_finish_arena(struct moot_writer *writer, struct moot_arena *arena);

void moot_write_array(struct moot_writer *writer, uint32_t count);
void moot_write_uint(struct moot_writer *writer, uint64_t value);
void moot_write_bin(struct moot_writer *writer, struct moot_bytes bytes);
/* The head of a bin of `size` bytes; the bytes themselves go where the caller streams them. */
void moot_write_bin_head(struct moot_writer *writer, uint32_t size);
void moot_write_text(struct moot_writer *writer, struct moot_bytes text);
void moot_write_bool(struct moot_writer *writer, bool value);
void moot_write_nil(struct moot_writer *writer);
void moot_write_digest(struct moot_writer *writer, const struct moot_digest *digest); /* bin32 */
void moot_write_key(struct moot_writer *writer, const struct moot_key *key);          /* bin32 */
void moot_write_signature(struct moot_writer *writer, const struct moot_signature *signature);
/* Bytes that are canonical already (an encoded value is embedded as it is). */
void moot_write_raw(struct moot_writer *writer, struct moot_bytes bytes);
/* Lets an encoder with its own rule fail the writer (the first failure stays). */
void moot_writer_fail(struct moot_writer *writer, enum moot_status status);

struct moot_cursor {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t depth;                /* arrays open */
    uint32_t left[MOOT_DEPTH_MAX]; /* values still to come in each open array */
    enum moot_status status;
};
void moot_cursor_init(struct moot_cursor *cursor, struct moot_bytes bytes);

/* Opens an array of exactly `count` values. */
void moot_read_array(struct moot_cursor *cursor, uint32_t count);
/* Opens an array of any length up to `count_max` and returns the length (0 after a failure). An array
 * whose length exceeds the bytes that are left is TRUNCATED at once. */
uint32_t moot_read_array_any(struct moot_cursor *cursor, uint32_t count_max);
/* The head of an array whose values lie elsewhere or come later (streams): counts as one value, and the
 * length is not checked against anything. */
uint32_t moot_read_array_head(struct moot_cursor *cursor);
/* 0 after a failure; BAD_VALUE above `max`. */
uint64_t moot_read_uint(struct moot_cursor *cursor, uint64_t max);
/* Borrowed from the input; empty after a failure; OVERSIZED above size_max. */
struct moot_bytes moot_read_bin(struct moot_cursor *cursor, size_t size_max);
struct moot_bytes moot_read_text(struct moot_cursor *cursor, size_t size_max);
bool moot_read_bool(struct moot_cursor *cursor);
/* True and consumed if the next value is nil; otherwise false and nothing consumed. */
bool moot_read_nil_if(struct moot_cursor *cursor);
/* Exactly 32 or 64 bytes; zeroed after a failure. */
void moot_read_digest(struct moot_cursor *cursor, struct moot_digest *ret);
void moot_read_key(struct moot_cursor *cursor, struct moot_key *ret);
void moot_read_signature(struct moot_cursor *cursor, struct moot_signature *ret);
/* One whole value of any allowed type, checked to be canonical, as bytes. */
struct moot_bytes moot_read_value(struct moot_cursor *cursor);
/* The last call of every decoder: TRAILING if bytes are left, TRUNCATED if an array is not full,
 * else the first failure, else MOOT_OK. */
enum moot_status moot_cursor_finish(struct moot_cursor *cursor);
/* Lets a decoder with its own rule fail the cursor (the first failure stays). */
void moot_cursor_fail(struct moot_cursor *cursor, enum moot_status status);

/* Is this exactly one canonical value? Used on bytes that are carried without being understood. */
enum moot_status moot_canonical_check(struct moot_bytes bytes);

#endif
