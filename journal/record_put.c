/*
 * The payload of RecordPut: array[3]: key bin, value bin | nil, context.
 * Happy path: decode checks all of it once and hands the context on as bytes, so that the fold reads
 * it in place without a copy.
 * Failures: the codec's reasons; BAD_VALUE for an empty key, a context out of order, too long or
 * with a sequence number 0.
 */
#include "journal/kinds.h"

void moot_record_put_encode(struct moot_bytes key, const struct moot_bytes *value_or_null,
                            const struct moot_context_entry *context, uint32_t context_count,
                            struct moot_writer *writer)
{
    moot_write_array(writer, 3);
    moot_write_bin(writer, key);
    if (value_or_null != NULL) {
        moot_write_bin(writer, *value_or_null);
    } else {
        moot_write_nil(writer);
    }
    moot_write_array(writer, context_count);
    for (uint32_t i = 0; i < context_count; i++) {
        moot_context_entry_encode(&context[i], writer);
    }
}

void moot_context_entry_encode(const struct moot_context_entry *entry, struct moot_writer *writer)
{
    moot_write_array(writer, 2);
    moot_write_digest(writer, &entry->chain);
    moot_write_uint(writer, entry->seq);
}

void moot_context_entry_read(struct moot_cursor *cursor, struct moot_context_entry *ret)
{
    moot_read_array(cursor, 2);
    moot_read_digest(cursor, &ret->chain);
    ret->seq = moot_read_uint(cursor, UINT64_MAX);
}

/* Ascending by chain, no sequence number 0. */
static void check_context(struct moot_cursor *cursor, uint32_t count)
{
    struct moot_context_entry last = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct moot_context_entry entry;
        moot_context_entry_read(cursor, &entry);
        if (entry.seq == 0 || (i > 0 && moot_digest_compare(&last.chain, &entry.chain) >= 0)) {
            moot_cursor_fail(cursor, MOOT_BAD_VALUE);
            return;
        }
        last = entry;
    }
}

enum moot_status moot_record_put_decode(struct moot_bytes payload, struct moot_record_put *ret)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, payload);
    struct moot_record_put put = {0};
    moot_read_array(&cursor, 3);
    put.key = moot_read_bin(&cursor, MOOT_RECORD_KEY_BYTES_MAX);
    put.tombstone = moot_read_nil_if(&cursor);
    if (!put.tombstone) {
        put.value = moot_read_bin(&cursor, MOOT_RECORD_VALUE_BYTES_MAX);
    }
    put.context_count = moot_read_array_any(&cursor, MOOT_DEVICES_MAX);
    const uint8_t *context = cursor.at;
    check_context(&cursor, put.context_count);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status != MOOT_OK) {
        return status;
    }
    if (put.key.size == 0) {
        return MOOT_BAD_VALUE;
    }
    put.context = moot_bytes_of(context, (size_t)(payload.data + payload.size - context));
    *ret = put;
    return MOOT_OK;
}
