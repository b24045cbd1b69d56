/*
 * State from nothing: empty, then founded; and the lookups that need no rule.
 * Happy path: init, found with the payload of MeshFounded, then objects and facts in any order.
 * Failures: the codec's reasons for a founding that does not decode; NO_MEMORY.
 */
#include "journal/state.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "journal/state_parts.h"

void moot_state_init(struct moot_state *state)
{
    memset(state, 0, sizeof *state);
    state->protocol_max = MOOT_PROTOCOL_MAX;
    state->eras.item_size = sizeof(struct moot_era);
    state->objects.value_size = sizeof(struct moot_object_row);
    state->object_ids.value_size = MOOT_OBJECT_KEY_BYTES;
    state->members.value_size = sizeof(struct moot_member);
    state->chains.value_size = sizeof(struct moot_chain);
    state->proposals.value_size = sizeof(struct moot_proposal);
    state->withdrawals.value_size = 1;
    state->records.value_size = sizeof(struct moot_record);
    state->voids.value_size = sizeof(struct moot_void);
    state->opaques.value_size = sizeof(struct moot_void);
    state->floors.value_size = sizeof(uint32_t);
}

static void members_clear(struct moot_state *state, struct moot_pool *pool)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->members, item)) {
        struct moot_member *member = item.value;
        moot_blob_clear(pool, &member->name);
        moot_blob_clear(pool, &member->home);
    }
    moot_map_clear(pool, &state->members);
}

static void objects_clear(struct moot_state *state, struct moot_pool *pool)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->objects, item)) {
        struct moot_object_row *row = item.value;
        moot_blob_clear(pool, &row->encoded);
        moot_blob_clear(pool, &row->body);
    }
    moot_map_clear(pool, &state->objects);
    moot_map_clear(pool, &state->object_ids);
}

void moot_state_clear(struct moot_state *state, struct moot_pool *pool)
{
    moot_state_facts_clear(state, pool); /* keeps the keys of records, emptied */
    moot_map_clear(pool, &state->records);
    members_clear(state, pool);
    objects_clear(state, pool);
    moot_map_clear(pool, &state->floors);
    moot_map_clear(pool, &state->chains);
    moot_list_clear(pool, &state->eras);
    moot_blob_clear(pool, &state->founding);
    moot_state_init(state);
}

static enum moot_status founder_add(struct moot_state *state, struct moot_pool *pool,
                                    const struct moot_founding *founding)
{
    const struct moot_chain *chain = moot_chain_ensure(state, pool, &founding->founder);
    struct moot_member *member =
        chain != NULL
            ? moot_map_put(pool, &state->members, moot_key_bytes(&founding->founder), NULL)
            : NULL;
    if (member == NULL || !moot_blob_set(pool, &member->name, founding->name) ||
        !moot_blob_set(pool, &member->home, founding->home)) {
        return MOOT_NO_MEMORY;
    }
    member->key = founding->founder;
    member->chain = chain->id;
    member->admitted_epoch = MOOT_EPOCH_FIRST;
    return MOOT_OK;
}

enum moot_status moot_state_found(struct moot_state *state, struct moot_pool *pool,
                                  struct moot_bytes founding_payload)
{
    MOOT_REQUIRE(!state->founded && state->eras.count == 0);
    struct moot_founding founding;
    enum moot_status status = moot_founding_decode(founding_payload, &founding);
    if (status != MOOT_OK) {
        return status;
    }
    moot_mesh_id(founding_payload, &state->mesh);
    struct moot_era *era = moot_list_add(pool, &state->eras);
    if (era == NULL || !moot_blob_set(pool, &state->founding, founding_payload)) {
        return MOOT_NO_MEMORY;
    }
    const struct moot_digest first_branch = {{0}};
    moot_timeline_first(&state->mesh, &first_branch, &era->timeline);
    era->epoch = MOOT_EPOCH_FIRST;
    era->protocol = 1;
    era->admins.version = 1;
    era->admins.count = 1;
    era->admins.threshold = 1;
    era->admins.keys[0] = founding.founder;
    state->epoch = MOOT_EPOCH_FIRST;
    status = founder_add(state, pool, &founding);
    state->founded = status == MOOT_OK;
    return status;
}

const struct moot_member *moot_state_member(const struct moot_state *state,
                                            const struct moot_pool *pool,
                                            const struct moot_key *key)
{
    const struct moot_member *member = moot_state_member_listed(state, pool, key);
    return member != NULL && !member->conflicted && !member->retired ? member : NULL;
}

const struct moot_member *moot_state_member_listed(const struct moot_state *state,
                                                   const struct moot_pool *pool,
                                                   const struct moot_key *key)
{
    return moot_map_get(pool, &state->members, moot_key_bytes(key));
}

const struct moot_member *moot_state_member_named(const struct moot_state *state,
                                                  const struct moot_pool *pool,
                                                  struct moot_bytes name)
{
    const struct moot_member *found = NULL;
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->members, item)) {
        const struct moot_member *member = item.value;
        if (!member->conflicted && !member->retired &&
            moot_bytes_equal(moot_blob_get(pool, member->name), name)) {
            if (found != NULL) {
                return NULL;
            }
            found = member;
        }
    }
    return found;
}

const struct moot_proposal *moot_state_proposal(const struct moot_state *state,
                                                const struct moot_pool *pool,
                                                const struct moot_digest *id)
{
    return moot_map_get(pool, &state->proposals, moot_digest_bytes(id));
}

struct moot_record *moot_state_record(const struct moot_state *state, const struct moot_pool *pool,
                                      struct moot_bytes key)
{
    return moot_map_get(pool, &state->records, key);
}
