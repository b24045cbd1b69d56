/*
 * What the state holds that has no rows of its own, as one row: array[7]:
 *   1, lsn, payload bytes held, proposals, withdrawals, void facts, opaque facts
 *   proposal = array[2]: wall_s, body bin     withdrawal = array[2]: author, proposal id
 *   fact     = array[9]: chain id, seq, fork id bin8, epoch, lamport, protocol, kind, wall_s, payload bin
 *
 * Happy path: restored after era rows, chain rows, objects and moot_state_derive; facts are folded
 * anew, so reasons are not stored and cannot be stale.
 * Failures: the codec's reasons, BAD_VALUE for a fact of a chain that is not held, NO_MEMORY.
 */
#include "journal/state.h"

#include <string.h>

#include "journal/state_parts.h"

#define CHECKPOINT_VERSION 1
#define ROWS_MAX UINT32_MAX /* the cursor checks counts against the bytes that are there */

void moot_kept_fact_encode(struct moot_bytes key, const struct moot_header *header,
                           struct moot_writer *writer)
{
    moot_write_array(writer, 9);
    moot_write_bin(writer, moot_bytes_of(key.data, sizeof(struct moot_digest)));
    moot_write_uint(writer, header->seq);
    moot_write_bin(writer, moot_bytes_of(header->fork_id.b, sizeof header->fork_id.b));
    moot_write_uint(writer, header->epoch);
    moot_write_uint(writer, header->lamport);
    moot_write_uint(writer, header->protocol);
    moot_write_uint(writer, header->kind);
    moot_write_uint(writer, header->wall_s);
}

static void facts_encode(const struct moot_pool *pool, const struct moot_map *map,
                         struct moot_writer *writer)
{
    moot_write_array(writer, map->count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, map, item)) {
        const struct moot_void *kept = item.value;
        moot_kept_fact_encode(item.key, &kept->header, writer);
        moot_write_bin(writer, moot_blob_get(pool, kept->payload));
    }
}

void moot_checkpoint_encode(const struct moot_state *state, const struct moot_pool *pool,
                            uint64_t lsn, struct moot_writer *writer)
{
    moot_write_array(writer, 7);
    moot_write_uint(writer, CHECKPOINT_VERSION);
    moot_write_uint(writer, lsn);
    moot_write_uint(writer, state->payload_bytes);
    struct moot_map_item item;
    moot_write_array(writer, state->proposals.count);
    for (MOOT_MAP_EACH(pool, &state->proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        moot_write_array(writer, 2);
        moot_write_uint(writer, proposal->wall_s);
        moot_write_bin(writer, moot_blob_get(pool, proposal->body));
    }
    struct moot_map_item mark;
    moot_write_array(writer, state->withdrawals.count);
    for (MOOT_MAP_EACH(pool, &state->withdrawals, mark)) {
        moot_write_array(writer, 2);
        moot_write_bin(writer, moot_bytes_of(mark.key.data, 32));
        moot_write_bin(writer, moot_bytes_of(mark.key.data + 32, 32));
    }
    facts_encode(pool, &state->voids, writer);
    facts_encode(pool, &state->opaques, writer);
}

enum moot_status moot_proposal_read(struct moot_state *state, struct moot_pool *pool,
                                    struct moot_cursor *cursor)
{
    struct moot_fact fact = {.header.seq = 0};
    moot_read_array(cursor, 2);
    fact.header.wall_s = moot_read_uint(cursor, UINT64_MAX);
    fact.payload = moot_read_bin(cursor, MOOT_BODY_BYTES_MAX);
    struct moot_body body;
    if (cursor->status == MOOT_OK && moot_body_decode(fact.payload, &body) != MOOT_OK) {
        moot_cursor_fail(cursor, MOOT_BAD_BODY);
    }
    return cursor->status == MOOT_OK ? moot_reduce_proposal(state, pool, &fact, &body)
                                     : cursor->status;
}

enum moot_status moot_withdrawal_read(struct moot_state *state, struct moot_pool *pool,
                                      struct moot_cursor *cursor)
{
    struct moot_key author;
    struct moot_digest proposal;
    moot_read_array(cursor, 2);
    moot_read_key(cursor, &author);
    moot_read_digest(cursor, &proposal);
    return cursor->status == MOOT_OK ? moot_reduce_withdrawal(state, pool, &author, &proposal)
                                     : cursor->status;
}

const struct moot_chain *moot_kept_fact_read(const struct moot_state *state,
                                             const struct moot_pool *pool,
                                             struct moot_cursor *cursor, struct moot_fact *ret)
{
    struct moot_digest chain_id;
    struct moot_header *header = &ret->header;
    memset(ret, 0, sizeof *ret);
    moot_read_array(cursor, 9);
    moot_read_digest(cursor, &chain_id);
    header->seq = moot_read_uint(cursor, UINT64_MAX);
    moot_read_fork_id(cursor, &header->fork_id);
    header->epoch = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    header->lamport = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    header->protocol = (uint16_t)moot_read_uint(cursor, UINT16_MAX);
    header->kind = (uint16_t)moot_read_uint(cursor, UINT16_MAX);
    header->wall_s = moot_read_uint(cursor, UINT64_MAX);
    ret->payload = moot_read_bin(cursor, MOOT_PAYLOAD_BYTES_MAX);
    header->payload_size = (uint32_t)ret->payload.size;
    const struct moot_chain *chain =
        cursor->status == MOOT_OK ? moot_state_chain(state, pool, &chain_id) : NULL;
    if (chain == NULL) {
        moot_cursor_fail(cursor, MOOT_BAD_VALUE);
    }
    return chain;
}

static enum moot_status fact_read(struct moot_state *state, struct moot_pool *pool,
                                  struct moot_cursor *cursor)
{
    struct moot_fact fact;
    const struct moot_chain *chain = moot_kept_fact_read(state, pool, cursor, &fact);
    if (chain == NULL) {
        return cursor->status;
    }
    return moot_state_fold(state, pool, chain, &fact) == MOOT_NO_MEMORY ? MOOT_NO_MEMORY : MOOT_OK;
}

/* An array of things, each read by `read`. */
static enum moot_status
all_read(struct moot_state *state, struct moot_pool *pool, struct moot_cursor *cursor,
         enum moot_status (*read)(struct moot_state *state, struct moot_pool *pool,
                                  struct moot_cursor *cursor))
{
    uint32_t count = moot_read_array_any(cursor, ROWS_MAX);
    enum moot_status status = cursor->status;
    for (uint32_t i = 0; i < count && status == MOOT_OK; i++) {
        status = read(state, pool, cursor);
    }
    return status;
}

enum moot_status moot_checkpoint_restore(struct moot_state *state, struct moot_pool *pool,
                                         struct moot_bytes row, uint64_t *ret_lsn)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 7);
    if (moot_read_uint(&cursor, UINT64_MAX) != CHECKPOINT_VERSION) {
        moot_cursor_fail(&cursor, MOOT_UNKNOWN_VERSION);
    }
    uint64_t lsn = moot_read_uint(&cursor, UINT64_MAX);
    uint64_t payload_bytes = moot_read_uint(&cursor, UINT64_MAX);
    enum moot_status status = all_read(state, pool, &cursor, moot_proposal_read);
    status = status == MOOT_OK ? all_read(state, pool, &cursor, moot_withdrawal_read) : status;
    status = status == MOOT_OK ? all_read(state, pool, &cursor, fact_read) : status;
    status = status == MOOT_OK ? all_read(state, pool, &cursor, fact_read) : status;
    status = status == MOOT_OK ? moot_cursor_finish(&cursor) : status;
    if (status == MOOT_OK) {
        state->payload_bytes = payload_bytes;
        *ret_lsn = lsn;
    }
    return status;
}
