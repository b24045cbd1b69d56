/*
 * Passed turns as rows: the durable list that replay takes as it is.
 *   array[8]: k, epoch, timeline, turn body, turn object, tick object, admins array[3], protocol
 * Failures: the codec's reasons; BAD_VALUE for a row that does not follow the one before; NO_MEMORY.
 */
#include "journal/state.h"

#include <string.h>

#include "journal/state_parts.h"

void moot_era_encode(const struct moot_era *era, struct moot_writer *writer)
{
    moot_write_array(writer, MOOT_ERA_FIELDS);
    moot_write_uint(writer, era->k);
    moot_write_uint(writer, era->epoch);
    moot_write_digest(writer, &era->timeline);
    moot_write_digest(writer, &era->turn_body);
    moot_write_digest(writer, &era->turn_object);
    moot_write_digest(writer, &era->tick_object);
    moot_admin_set_encode(&era->admins, writer);
    moot_write_uint(writer, era->protocol);
}

enum moot_status moot_era_decode(struct moot_bytes row, struct moot_era *ret)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    struct moot_era era;
    memset(&era, 0, sizeof era);
    moot_read_array(&cursor, MOOT_ERA_FIELDS);
    era.k = moot_read_uint(&cursor, UINT64_MAX);
    era.epoch = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    moot_read_digest(&cursor, &era.timeline);
    moot_read_digest(&cursor, &era.turn_body);
    moot_read_digest(&cursor, &era.turn_object);
    moot_read_digest(&cursor, &era.tick_object);
    moot_admin_set_decode(&cursor, &era.admins);
    era.protocol = (uint16_t)moot_read_uint(&cursor, UINT16_MAX);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status != MOOT_OK) {
        return status;
    }
    if (moot_admin_set_check(&era.admins) != MOOT_OK) {
        return MOOT_BAD_VALUE;
    }
    *ret = era;
    return MOOT_OK;
}

enum moot_status moot_state_era_restore(struct moot_state *state, struct moot_pool *pool,
                                        struct moot_bytes row)
{
    struct moot_era era;
    enum moot_status status = moot_era_decode(row, &era);
    if (status != MOOT_OK) {
        return status;
    }
    const struct moot_era *last = moot_state_era(state, pool);
    struct moot_digest timeline;
    moot_timeline_after(&last->timeline, &era.turn_body, &timeline);
    if (era.k != last->k + 1 || era.epoch <= last->epoch ||
        !moot_digest_equal(&timeline, &era.timeline)) {
        return MOOT_BAD_VALUE;
    }
    struct moot_era *added = moot_list_add(pool, &state->eras);
    if (added == NULL) {
        return MOOT_NO_MEMORY;
    }
    *added = era;
    return MOOT_OK;
}
