/*
 * Rows of TABLE_LOG and TABLE_RUN: where a run lies on the disk.
 *
 *   LOG  lsn u64 → chain index u32 ‖ moot_checksum_of the run u64 ‖ run
 *   RUN  chain index u32 ‖ first seq u64 → lsn u64
 */
#ifndef MOOT_JOURNAL_LOG_ROW_H
#define MOOT_JOURNAL_LOG_ROW_H

#include "journal/store.h"

#define MOOT_LOG_ROW_HEAD_BYTES 12 /* before the run in a log row */
#define MOOT_LSN_KEY_BYTES 8
#define MOOT_RUN_KEY_BYTES 12

/* Writes the row, MOOT_LOG_ROW_HEAD_BYTES + run.size bytes, to `ret`. */
void moot_log_row_encode(uint32_t index, struct moot_bytes run, uint8_t *ret);
/* The run and the chain's index in a row; STORE_DAMAGED when its checksum does not hold. Borrows. */
enum moot_status moot_log_row_check(struct moot_bytes row, uint32_t *ret_index,
                                    struct moot_bytes *ret_run);
/* The run of that chain that holds fact `seq`, or the last one before it. Borrowed until the port's next
 * release. NOT_FOUND, STORE_DAMAGED, STORE_IO. */
enum moot_status moot_log_run_at(const struct moot_store_port *store, uint32_t index, uint64_t seq,
                                 struct moot_bytes *ret_run);
void moot_run_key(uint32_t index, uint64_t first_seq, uint8_t ret[MOOT_RUN_KEY_BYTES]);

#endif
