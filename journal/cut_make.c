/*
 * The cut that a state would propose, and whether a rebuilt state may be cut so.
 *
 *   chain held to 90, fact 70 void(epoch), runs 1–40, 41–64, 65–90 ─▶ cut at 64
 *
 * Happy path: nothing is void that may still count, and every chain is cut at its head.
 * Failures: see moot_cut_of_state. What is void for another reason is final and may be inside.
 */
#include "journal/cut.h"

#include <string.h>

#include "journal/chain_walk.h"
#include "journal/log_row.h"
#include "journal/run.h"
#include "journal/state_parts.h"

struct maker {
    const struct moot_state *state;
    const struct moot_pool *pool;
    const struct moot_store_port *store;
    const struct moot_cut *base;
};

/* Written under a timeline that was left at or before the fact's epoch: a tick is only ever lowered, so
 * that stays so. */
static bool is_of_a_timeline_left(const struct moot_state *state, const struct moot_pool *pool,
                                  const struct moot_header *header)
{
    uint64_t k = moot_state_era_at(state, pool, header->epoch)->k;
    for (uint32_t i = 0; i < k; i++) {
        const struct moot_era *era = moot_state_era_index(state, pool, i);
        if (moot_fork_id_equal(header->fork_id, moot_fork_id_of(&era->timeline))) {
            return true;
        }
    }
    return false;
}

static bool may_count_later(const struct moot_state *state, const struct moot_pool *pool,
                            const struct moot_void *kept)
{
    if (kept->reason == MOOT_VOID_TIMELINE) {
        return !is_of_a_timeline_left(state, pool, &kept->header);
    }
    return kept->reason == MOOT_VOID_EPOCH || kept->reason == MOOT_VOID_MEMBER ||
           kept->reason == MOOT_VOID_REMOVED;
}

/* The first fact of that chain after `seq` that is void and may count later; UINT64_MAX: none. */
static uint64_t first_open(const struct maker *maker, const struct moot_digest *chain, uint64_t seq)
{
    uint8_t key[MOOT_FACT_KEY_BYTES];
    memcpy(key, chain->b, sizeof chain->b);
    moot_u64_put(key + sizeof chain->b, seq);
    struct moot_map_item item;
    const struct moot_map *voids = &maker->state->voids;
    for (bool more =
             moot_map_after(maker->pool, voids, moot_bytes_of(key, MOOT_FACT_KEY_BYTES), &item);
         more && memcmp(item.key.data, chain->b, sizeof chain->b) == 0;
         more = moot_map_after(maker->pool, voids, item.key, &item)) {
        const struct moot_void *kept = item.value;
        if (may_count_later(maker->state, maker->pool, kept)) {
            return kept->header.seq;
        }
    }
    return UINT64_MAX;
}

static struct moot_cut_chain base_of(const struct maker *maker, const struct moot_digest *chain)
{
    struct moot_cut_chain base = {.chain = *chain};
    if (maker->base != NULL) {
        (void)moot_cut_chain_find(maker->base, chain, &base);
    }
    return base;
}

/* Where a chain is to be cut; 0: all of it stays outside. */
static enum moot_status cut_seq(const struct maker *maker, const struct moot_chain *chain,
                                uint64_t *ret)
{
    const struct moot_cut_chain base = base_of(maker, &chain->id);
    uint64_t open = first_open(maker, &chain->id, base.seq);
    *ret = chain->tail.seq;
    if (open > chain->tail.seq) {
        return MOOT_OK;
    }
    struct moot_bytes encoded;
    struct moot_run run;
    enum moot_status status = moot_log_run_at(maker->store, chain->index, open, &encoded);
    if (status == MOOT_OK && moot_run_decode(encoded, &run) != MOOT_OK) {
        status = MOOT_STORE_DAMAGED;
    }
    if (status == MOOT_OK && open - run.first_seq >= run.fact_count) {
        status = MOOT_GAP;
    }
    if (status == MOOT_OK) {
        *ret = run.first_seq - 1 > base.seq ? run.first_seq - 1 : base.seq;
    }
    maker->store->release(maker->store->self);
    return status == MOOT_NOT_FOUND ? MOOT_GAP : status;
}

static enum moot_status chain_write(const struct maker *maker, const struct moot_chain *chain,
                                    uint64_t seq, struct moot_writer *writer)
{
    struct moot_digest head = chain->tail.id;
    if (seq < chain->tail.seq) {
        const struct moot_cut_chain base = base_of(maker, &chain->id);
        struct moot_chain_walk walk = {.store = maker->store,
                                       .index = chain->index,
                                       .chain = chain->id,
                                       .seq = base.seq,
                                       .id = base.head};
        enum moot_status status = moot_chain_walk(&walk, seq, NULL, NULL);
        if (status != MOOT_OK) {
            return status;
        }
        head = walk.id;
    }
    uint8_t bytes[8];
    moot_u64_put(bytes, seq);
    moot_write_raw(writer, moot_digest_bytes(&chain->id));
    moot_write_raw(writer, moot_bytes_of(bytes, sizeof bytes));
    moot_write_raw(writer, moot_digest_bytes(&head));
    return MOOT_OK;
}

static enum moot_status chains_write(const struct maker *maker, struct moot_writer *writer)
{
    uint32_t count = 0;
    uint64_t seq;
    struct moot_map_item counted;
    for (MOOT_MAP_EACH(maker->pool, &maker->state->chains, counted)) {
        enum moot_status status = cut_seq(maker, counted.value, &seq);
        if (status != MOOT_OK) {
            return status;
        }
        count += seq > 0 ? 1 : 0;
    }
    moot_write_bin_head(writer, count * MOOT_CUT_CHAIN_BYTES);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(maker->pool, &maker->state->chains, item)) {
        enum moot_status status = cut_seq(maker, item.value, &seq);
        if (status == MOOT_OK && seq > 0) {
            status = chain_write(maker, item.value, seq, writer);
        }
        if (status != MOOT_OK) {
            return status;
        }
    }
    return MOOT_OK;
}

enum moot_status moot_cut_of_state(const struct moot_state *state, const struct moot_pool *pool,
                                   const struct moot_store_port *store, const struct moot_cut *base,
                                   const struct moot_digest *previous, struct moot_writer *writer)
{
    const struct maker maker = {.state = state, .pool = pool, .store = store, .base = base};
    size_t before = writer->size;
    moot_write_array(writer, MOOT_CUT_FIELDS);
    moot_write_uint(writer, MOOT_CUT_VERSION);
    if (previous != NULL) {
        moot_write_digest(writer, previous);
    } else {
        moot_write_nil(writer);
    }
    moot_write_digest(writer, &moot_state_era(state, pool)->timeline);
    moot_write_uint(writer, state->epoch);
    enum moot_status status = chains_write(&maker, writer);
    if (status != MOOT_OK) {
        return status;
    }
    moot_write_bin_head(writer, state->object_ids.count * (uint32_t)sizeof(struct moot_digest));
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->object_ids, item)) {
        moot_write_raw(writer, item.key);
    }
    return writer->status == MOOT_OK && writer->size - before > MOOT_CUT_BYTES_MAX ? MOOT_OVERSIZED
                                                                                   : writer->status;
}

enum moot_status moot_cut_check(const struct moot_state *state, const struct moot_pool *pool,
                                struct moot_cut_fault *ret)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->voids, item)) {
        const struct moot_void *kept = item.value;
        if (may_count_later(state, pool, kept)) {
            memcpy(ret->chain.b, item.key.data, sizeof ret->chain.b);
            ret->seq = kept->header.seq;
            return kept->reason;
        }
    }
    return MOOT_OK;
}

uint32_t moot_cut_voids_forget(struct moot_state *state, struct moot_pool *pool,
                               const struct moot_cut *cut)
{
    uint32_t count = 0;
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->voids, item)) {
        struct moot_void *kept = item.value;
        struct moot_digest chain;
        memcpy(chain.b, item.key.data, sizeof chain.b);
        if (moot_cut_has_fact(cut, &chain, kept->header.seq)) {
            moot_blob_clear(pool, &kept->payload);
            (void)moot_map_remove(pool, &state->voids, item.key);
            count++;
        }
    }
    return count;
}
