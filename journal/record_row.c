/*
 * A record as a row: array[2]: values in the order they are shown, context ascending.
 *   value = array[6]: chain id, seq, epoch, lamport, wall_s, bin | nil (tombstone)
 * Happy path: restoring what was encoded gives the same record, clean.
 * Failures: the codec's reasons for a row that does not decode; NO_MEMORY.
 */
#include "journal/state.h"

#include "journal/state_parts.h"

#define VALUES_MAX                                                                                 \
    UINT32_C(0x100000) /* the cursor checks counts against bytes; this only bounds them */

void moot_record_value_encode(const struct moot_record_value *value, struct moot_writer *writer)
{
    moot_write_array(writer, 6);
    moot_write_digest(writer, &value->chain);
    moot_write_uint(writer, value->seq);
    moot_write_uint(writer, value->epoch);
    moot_write_uint(writer, value->lamport);
    moot_write_uint(writer, value->wall_s);
}

void moot_record_encode(const struct moot_record *record, const struct moot_pool *pool,
                        struct moot_writer *writer)
{
    moot_write_array(writer, 2);
    moot_write_array(writer, record->values.count);
    for (uint32_t i = 0; i < record->values.count; i++) {
        const struct moot_record_value *value = moot_list_at(pool, &record->values, i);
        moot_record_value_encode(value, writer);
        if (value->tombstone) {
            moot_write_nil(writer);
        } else {
            moot_write_bin(writer, moot_blob_get(pool, value->value));
        }
    }
    moot_write_array(writer, record->context.count);
    for (uint32_t i = 0; i < record->context.count; i++) {
        moot_context_entry_encode(moot_list_at(pool, &record->context, i), writer);
    }
}

enum moot_status moot_record_value_read(struct moot_pool *pool, struct moot_record *record,
                                        struct moot_cursor *cursor)
{
    struct moot_record_value value = {.seq = 0};
    struct moot_bytes bytes = moot_bytes_of(NULL, 0);
    moot_read_array(cursor, 6);
    moot_read_digest(cursor, &value.chain);
    value.seq = moot_read_uint(cursor, UINT64_MAX);
    value.epoch = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    value.lamport = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    value.wall_s = moot_read_uint(cursor, UINT64_MAX);
    value.tombstone = moot_read_nil_if(cursor);
    if (!value.tombstone) {
        bytes = moot_read_bin(cursor, MOOT_RECORD_VALUE_BYTES_MAX);
    }
    if (cursor->status != MOOT_OK) {
        return cursor->status;
    }
    if (!moot_blob_set(pool, &value.value, bytes)) {
        return MOOT_NO_MEMORY;
    }
    struct moot_record_value *added = moot_list_add(pool, &record->values);
    if (added == NULL) {
        moot_blob_clear(pool, &value.value);
        return MOOT_NO_MEMORY;
    }
    *added = value;
    return MOOT_OK;
}

enum moot_status moot_record_context_read(struct moot_pool *pool, struct moot_record *record,
                                          struct moot_cursor *cursor)
{
    struct moot_context_entry *entry = moot_list_add(pool, &record->context);
    if (entry == NULL) {
        return MOOT_NO_MEMORY;
    }
    moot_context_entry_read(cursor, entry);
    return cursor->status;
}

static enum moot_status
all_read(struct moot_pool *pool, struct moot_record *record, struct moot_cursor *cursor,
         enum moot_status (*read)(struct moot_pool *pool, struct moot_record *record,
                                  struct moot_cursor *cursor))
{
    uint32_t count = moot_read_array_any(cursor, VALUES_MAX);
    enum moot_status status = cursor->status;
    for (uint32_t i = 0; i < count && status == MOOT_OK; i++) {
        status = read(pool, record, cursor);
    }
    return status;
}

enum moot_status moot_record_restore(struct moot_state *state, struct moot_pool *pool,
                                     struct moot_bytes key, struct moot_bytes row)
{
    if (key.size == 0 || key.size > MOOT_RECORD_KEY_BYTES_MAX) {
        return MOOT_BAD_VALUE;
    }
    struct moot_record *record = moot_record_ensure(state, pool, key);
    if (record == NULL) {
        return MOOT_NO_MEMORY;
    }
    moot_record_empty(pool, record);
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 2);
    enum moot_status status = all_read(pool, record, &cursor, moot_record_value_read);
    if (status == MOOT_OK) {
        status = all_read(pool, record, &cursor, moot_record_context_read);
    }
    if (status == MOOT_OK) {
        status = moot_cursor_finish(&cursor);
    }
    if (status != MOOT_OK) {
        moot_record_empty(pool, record);
        (void)moot_map_remove(pool, &state->records, key);
    }
    return status;
}
