/*
 * Where a run lies on the disk.
 * Happy path: the index row with the greatest first seq at or below the one wanted names the log row,
 * whose checksum holds.
 * Failures: NOT_FOUND; STORE_DAMAGED for rows that do not fit each other; the port's own.
 */
#include "journal/log_row.h"

#include <string.h>

#include "crypto/digest.h"

void moot_log_row_encode(uint32_t index, struct moot_bytes run, uint8_t *ret)
{
    moot_u32_put(ret, index);
    moot_u64_put(ret + 4, moot_checksum_of(run));
    memcpy(ret + MOOT_LOG_ROW_HEAD_BYTES, run.data, run.size);
}

enum moot_status moot_log_row_check(struct moot_bytes row, uint32_t *ret_index,
                                    struct moot_bytes *ret_run)
{
    if (row.size <= MOOT_LOG_ROW_HEAD_BYTES) {
        return MOOT_STORE_DAMAGED;
    }
    *ret_index = moot_u32_get(row.data);
    *ret_run =
        moot_bytes_of(row.data + MOOT_LOG_ROW_HEAD_BYTES, row.size - MOOT_LOG_ROW_HEAD_BYTES);
    return moot_u64_get(row.data + 4) == moot_checksum_of(*ret_run) ? MOOT_OK : MOOT_STORE_DAMAGED;
}

void moot_run_key(uint32_t index, uint64_t first_seq, uint8_t ret[MOOT_RUN_KEY_BYTES])
{
    moot_u32_put(ret, index);
    moot_u64_put(ret + 4, first_seq);
}

enum moot_status moot_log_run_at(const struct moot_store_port *store, uint32_t index, uint64_t seq,
                                 struct moot_bytes *ret_run)
{
    struct moot_store_row row;
    uint8_t key[MOOT_RUN_KEY_BYTES];
    moot_run_key(index, seq, key);
    enum moot_status status =
        store->at_or_before(store->self, MOOT_TABLE_RUN, moot_bytes_of(key, sizeof key), &row);
    if (status != MOOT_OK) {
        return status;
    }
    if (row.key.size != MOOT_RUN_KEY_BYTES || row.value.size != MOOT_LSN_KEY_BYTES) {
        return MOOT_STORE_DAMAGED;
    }
    if (moot_u32_get(row.key.data) != index) {
        return MOOT_NOT_FOUND;
    }
    struct moot_bytes logged;
    uint32_t logged_index = 0;
    status = store->get(store->self, MOOT_TABLE_LOG, row.value, &logged);
    if (status == MOOT_NOT_FOUND) {
        return MOOT_STORE_DAMAGED; /* the index and the log are written and collected together */
    }
    if (status == MOOT_OK) {
        status = moot_log_row_check(logged, &logged_index, ret_run);
    }
    return status == MOOT_OK && logged_index != index ? MOOT_STORE_DAMAGED : status;
}
