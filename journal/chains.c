/*
 * Chains as the state holds them, and their rows in the store.
 * Happy path: a chain comes into being with its member; the engine moves its tail on.
 * Failures: NO_MEMORY; BAD_VALUE for rows of our own store that do not fit.
 */
#include "journal/state.h"

#include <string.h>

#include "journal/state_parts.h"

struct moot_chain *moot_state_chain(const struct moot_state *state, const struct moot_pool *pool,
                                    const struct moot_digest *id)
{
    return moot_map_get(pool, &state->chains, moot_digest_bytes(id));
}

struct moot_chain *moot_chain_ensure(struct moot_state *state, struct moot_pool *pool,
                                     const struct moot_key *author)
{
    const struct moot_digest first_branch = {{0}};
    struct moot_digest id;
    moot_chain_id(&state->mesh, author, &first_branch, &id);
    bool added;
    struct moot_chain *chain = moot_map_put(pool, &state->chains, moot_digest_bytes(&id), &added);
    if (chain != NULL && added) {
        chain->id = id;
        chain->author = *author;
        chain->index = state->chain_count++;
    }
    return chain;
}

void moot_tail_encode(const struct moot_chain_tail *tail, struct moot_writer *writer)
{
    moot_write_array(writer, MOOT_TAIL_FIELDS);
    moot_write_uint(writer, tail->seq);
    moot_write_digest(writer, &tail->id);
    moot_write_uint(writer, tail->epoch);
    moot_write_uint(writer, tail->lamport);
    moot_write_bin(writer, moot_bytes_of(tail->fork_id.b, sizeof tail->fork_id.b));
    moot_write_uint(writer, tail->lane0_facts);
    moot_write_uint(writer, tail->lane1_facts);
    moot_write_uint(writer, tail->lane0_bytes);
    moot_write_uint(writer, tail->lane1_bytes);
}

void moot_tail_read(struct moot_cursor *cursor, struct moot_chain_tail *ret)
{
    moot_read_array(cursor, MOOT_TAIL_FIELDS);
    ret->seq = moot_read_uint(cursor, UINT64_MAX);
    moot_read_digest(cursor, &ret->id);
    ret->epoch = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    ret->lamport = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    struct moot_bytes fork_id = moot_read_bin(cursor, MOOT_FORK_ID_BYTES);
    if (fork_id.size == MOOT_FORK_ID_BYTES) {
        memcpy(ret->fork_id.b, fork_id.data, MOOT_FORK_ID_BYTES);
    } else {
        moot_cursor_fail(cursor, MOOT_BAD_VALUE);
    }
    ret->lane0_facts = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    ret->lane1_facts = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    ret->lane0_bytes = moot_read_uint(cursor, UINT64_MAX);
    ret->lane1_bytes = moot_read_uint(cursor, UINT64_MAX);
}

void moot_chain_encode(const struct moot_chain *chain, struct moot_writer *writer)
{
    moot_write_array(writer, 4);
    moot_write_digest(writer, &chain->id);
    moot_write_key(writer, &chain->author);
    moot_tail_encode(&chain->tail, writer);
    moot_write_signature(writer, &chain->head_signature);
}

enum moot_status moot_chain_decode(struct moot_bytes row, struct moot_chain *ret)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    struct moot_chain chain;
    memset(&chain, 0, sizeof chain);
    moot_read_array(&cursor, 4);
    moot_read_digest(&cursor, &chain.id);
    moot_read_key(&cursor, &chain.author);
    moot_tail_read(&cursor, &chain.tail);
    moot_read_signature(&cursor, &chain.head_signature);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status == MOOT_OK) {
        *ret = chain;
    }
    return status;
}

static bool index_is_taken(const struct moot_state *state, const struct moot_pool *pool,
                           const struct moot_chain *chain, uint32_t index)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->chains, item)) {
        const struct moot_chain *other = item.value;
        if (other->index == index && !moot_digest_equal(&other->id, &chain->id)) {
            return true;
        }
    }
    return false;
}

enum moot_status moot_state_chain_restore(struct moot_state *state, struct moot_pool *pool,
                                          uint32_t index, struct moot_bytes row)
{
    struct moot_chain chain;
    if (moot_chain_decode(row, &chain) != MOOT_OK || index == UINT32_MAX ||
        index_is_taken(state, pool, &chain, index)) {
        return MOOT_BAD_VALUE;
    }
    struct moot_chain *held =
        moot_map_put(pool, &state->chains, moot_digest_bytes(&chain.id), NULL);
    if (held == NULL) {
        return MOOT_NO_MEMORY;
    }
    *held = chain;
    held->index = index;
    if (state->chain_count <= index) {
        state->chain_count = index + 1;
    }
    return MOOT_OK;
}
