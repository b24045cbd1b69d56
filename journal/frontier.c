/*
 * The frontier root: one hash of what is held. Equal roots mean equal facts, objects and timeline, and
 * so equal states. Counts stand before each list, so no two frontiers give the same bytes.
 * Nothing here can fail.
 */
#include "journal/state.h"

#include "crypto/digest.h"
#include "journal/state_parts.h"

static void add_count(struct moot_hasher *hasher, uint32_t count)
{
    uint8_t bytes[4];
    moot_u32_put(bytes, count);
    moot_hasher_add(hasher, moot_bytes_of(bytes, sizeof bytes));
}

static void add_chains(const struct moot_state *state, const struct moot_pool *pool,
                       struct moot_hasher *hasher)
{
    uint32_t count = 0;
    struct moot_map_item counted;
    for (MOOT_MAP_EACH(pool, &state->chains, counted)) {
        const struct moot_chain *chain = counted.value;
        count += chain->tail.seq > 0 ? 1 : 0;
    }
    add_count(hasher, count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->chains, item)) {
        const struct moot_chain *chain = item.value;
        if (chain->tail.seq > 0) {
            uint8_t seq[8];
            moot_u64_put(seq, chain->tail.seq);
            moot_hasher_add(hasher, moot_digest_bytes(&chain->id));
            moot_hasher_add(hasher, moot_bytes_of(seq, sizeof seq));
            moot_hasher_add(hasher, moot_digest_bytes(&chain->tail.id));
        }
    }
}

void moot_frontier_root(const struct moot_state *state, const struct moot_pool *pool,
                        struct moot_digest *ret)
{
    struct moot_hasher hasher;
    moot_hasher_init(&hasher, "moot/frontier/1");
    moot_hasher_add(&hasher, moot_digest_bytes(&moot_state_era(state, pool)->timeline));
    add_chains(state, pool, &hasher);
    add_count(&hasher, state->object_ids.count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->object_ids, item)) {
        moot_hasher_add(&hasher, item.key);
    }
    moot_hasher_finish(&hasher, ret);
}
