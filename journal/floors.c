/*
 * Stratum 2: cache floors, from the certified invalidations in the object set.
 * Happy path: the floor of a key, or of a prefix, is the greatest that was certified for it: a join, so
 * order and repetition do not matter. What is asked for is the greatest of the key's own and of every
 * matching prefix. Floors are never dropped: an older entry could exist somewhere.
 * Failures: NO_MEMORY. A slot in conflict would raise no floor.
 */
#include "journal/state.h"

#include <string.h>

#include "journal/state_parts.h"

#define FLOOR_KEY_BYTES_MAX (1 + MOOT_RECORD_KEY_BYTES_MAX) /* 0 whole key, 1 prefix ‖ key */
_Static_assert(FLOOR_KEY_BYTES_MAX <= MOOT_MAP_KEY_BYTES_MAX, "a floor's key fits a map");

static struct moot_bytes floor_key(bool prefix, struct moot_bytes key,
                                   uint8_t memory[FLOOR_KEY_BYTES_MAX])
{
    memory[0] = prefix ? 1 : 0;
    memcpy(memory + 1, key.data, key.size);
    return moot_bytes_of(memory, key.size + 1);
}

enum moot_status moot_floors_merge(struct moot_state *state, struct moot_pool *pool,
                                   const struct moot_slot *slot)
{
    struct moot_decision decision = moot_state_decision(state, pool, slot);
    if (decision.state != MOOT_DECISION_CERTIFIED) {
        return MOOT_OK;
    }
    struct moot_body body;
    moot_object_row_body(pool, decision.object, &body);
    for (uint32_t i = 0; i < body.cache.entry_count; i++) {
        const struct moot_cache_entry *entry = &body.cache.entries[i];
        uint8_t memory[FLOOR_KEY_BYTES_MAX];
        uint32_t *floor =
            moot_map_put(pool, &state->floors, floor_key(entry->prefix, entry->key, memory), NULL);
        if (floor == NULL) {
            return MOOT_NO_MEMORY;
        }
        if (*floor < body.cache.floor) {
            *floor = body.cache.floor;
        }
    }
    return MOOT_OK;
}

enum moot_status moot_floors_derive(struct moot_state *state, struct moot_pool *pool)
{
    moot_map_clear(pool, &state->floors);
    const uint8_t kind = MOOT_SLOT_CACHE;
    const struct moot_bytes prefix = moot_bytes_of(&kind, sizeof kind);
    struct moot_map_item item;
    enum moot_status status = MOOT_OK;
    for (bool more = moot_objects_first(state, pool, prefix, &item); more && status == MOOT_OK;
         more = moot_objects_next(state, pool, prefix, &item)) {
        const struct moot_object_row *row = item.value;
        status = moot_floors_merge(state, pool, &row->statement.slot);
    }
    return status;
}

static uint32_t floor_of(const struct moot_state *state, const struct moot_pool *pool, bool prefix,
                         struct moot_bytes key)
{
    uint8_t memory[FLOOR_KEY_BYTES_MAX];
    const uint32_t *floor = moot_map_get(pool, &state->floors, floor_key(prefix, key, memory));
    return floor != NULL ? *floor : 0;
}

uint32_t moot_state_floor(const struct moot_state *state, const struct moot_pool *pool,
                          struct moot_bytes key)
{
    if (key.size == 0 || key.size > MOOT_RECORD_KEY_BYTES_MAX || state->floors.count == 0) {
        return 0;
    }
    uint32_t greatest = floor_of(state, pool, false, key);
    for (size_t size = 1; size <= key.size; size++) {
        uint32_t floor = floor_of(state, pool, true, moot_bytes_of(key.data, size));
        greatest = floor > greatest ? floor : greatest;
    }
    return greatest;
}
