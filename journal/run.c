/*
 * Runs: decoding and walking.
 * Happy path: moot_run_decode looks at every byte once; after it the reader walks the facts without
 * any way to fail, filling in what the encoding leaves out (seq, prev, sizes, hashes).
 * Failures: decoding gives the codec's reasons; the borrowed bytes are never changed.
 */
#include "journal/run.h"

#include <string.h>

#include "crypto/base/contract.h"

#define RUN_VALUES 4u
#define FACT_VALUES 7u

/* Reads array[7]. `fork_id` is that of the fact before and is moved on; only the first must name one. */
static struct moot_bytes read_fact(struct moot_cursor *cursor, bool first,
                                   struct moot_fork_id *fork_id, struct moot_header *header)
{
    moot_read_array(cursor, FACT_VALUES);
    if (first || !moot_read_nil_if(cursor)) {
        struct moot_fork_id named;
        moot_read_fork_id(cursor, &named);
        if (!first && cursor->status == MOOT_OK && moot_fork_id_equal(named, *fork_id)) {
            moot_cursor_fail(cursor, MOOT_NOT_CANONICAL); /* unchanged is nil, and only nil */
        }
        *fork_id = named;
    }
    header->fork_id = *fork_id;
    header->epoch = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    header->lamport = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    header->protocol = (uint16_t)moot_read_uint(cursor, UINT16_MAX);
    header->kind = (uint16_t)moot_read_uint(cursor, UINT16_MAX);
    header->wall_s = moot_read_uint(cursor, UINT64_MAX);
    struct moot_bytes payload = moot_read_bin(cursor, MOOT_PAYLOAD_BYTES_MAX);
    header->payload_size = (uint32_t)payload.size;
    if (cursor->status == MOOT_OK && header->lamport == 0) {
        moot_cursor_fail(cursor, MOOT_BAD_VALUE);
    }
    return payload;
}

enum moot_status moot_run_decode(struct moot_bytes bytes, struct moot_run *ret)
{
    struct moot_cursor cursor;
    struct moot_run run = {.encoded = bytes};
    if (bytes.size > MOOT_RUN_ENCODED_BYTES_MAX) {
        return MOOT_OVERSIZED;
    }
    moot_cursor_init(&cursor, bytes);
    moot_read_array(&cursor, RUN_VALUES);
    moot_read_digest(&cursor, &run.chain);
    run.first_seq = moot_read_uint(&cursor, UINT64_MAX);
    const uint8_t *facts = cursor.at;
    run.fact_count = moot_read_array_any(&cursor, MOOT_RUN_FACTS_MAX);
    struct moot_fork_id fork_id = {0};
    uint64_t payload_bytes = 0;
    for (uint32_t i = 0; i < run.fact_count && cursor.status == MOOT_OK; i++) {
        struct moot_header header;
        payload_bytes += read_fact(&cursor, i == 0, &fork_id, &header).size;
    }
    run.facts = moot_bytes_of(facts, (size_t)(cursor.at - facts));
    moot_read_signature(&cursor, &run.head_signature);
    if (payload_bytes > MOOT_RUN_BYTES_MAX) {
        moot_cursor_fail(&cursor, MOOT_OVERSIZED);
    }
    /* seq is dense from 1, and the number after the last must exist, too. */
    if (cursor.status == MOOT_OK && (run.first_seq == 0 || run.fact_count == 0 ||
                                     run.first_seq > UINT64_MAX - run.fact_count)) {
        moot_cursor_fail(&cursor, MOOT_BAD_VALUE);
    }
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status == MOOT_OK) {
        *ret = run;
    }
    return status;
}

void moot_run_reader_init(struct moot_run_reader *reader, const struct moot_run *run,
                          const struct moot_digest *prev, bool hashed)
{
    *reader = (struct moot_run_reader){
        .chain = run->chain,
        .seq = run->first_seq,
        .left = run->fact_count,
        .hashed = hashed,
    };
    if (hashed) {
        reader->prev = *prev;
    }
    moot_cursor_init(&reader->cursor, run->facts);
    uint32_t count = moot_read_array_any(&reader->cursor, MOOT_RUN_FACTS_MAX);
    MOOT_REQUIRE(count == run->fact_count && count > 0); /* else it was not decoded */
}

bool moot_run_reader_next(struct moot_run_reader *reader, struct moot_fact *ret)
{
    if (reader->left == 0) {
        return false;
    }
    memset(&ret->id, 0, sizeof ret->id);
    memset(&ret->header.payload_hash, 0, sizeof ret->header.payload_hash);
    ret->header.seq = reader->seq;
    ret->header.prev = reader->prev;
    ret->payload = read_fact(&reader->cursor, !reader->started, &reader->fork_id, &ret->header);
    reader->started = true;
    MOOT_INVARIANT(reader->cursor.status == MOOT_OK);
    if (reader->hashed) {
        moot_payload_hash(ret->payload, &ret->header.payload_hash);
        moot_fact_id(&reader->chain, &ret->header, &ret->id);
        reader->prev = ret->id;
    }
    reader->seq++;
    reader->left--;
    return true;
}
