/*
 * Stratum 1: who is a member, from the founding and the certified admissions.
 * Happy path: one admission makes a member and its chain. Of several, the least statement epoch counts.
 * Failures: NO_MEMORY. Two different admissions of the same least epoch are a conflict: the member is
 * listed and not in force, until an admission of a lower epoch settles it.
 */
#include "journal/state.h"

#include <string.h>

#include "journal/state_parts.h"

/* The admission that counts so far. */
struct best {
    const struct moot_object_row *row;
    uint64_t era; /* of its timeline: of equal bodies, the earliest names the admission */
    bool conflicted;
};

static void best_add(struct best *best, const struct moot_object_row *row, uint64_t era)
{
    if (best->row == NULL || row->statement.epoch < best->row->statement.epoch) {
        *best = (struct best){.row = row, .era = era};
        return;
    }
    if (row->statement.epoch > best->row->statement.epoch) {
        return;
    }
    best->conflicted |= !moot_digest_equal(&row->statement.body, &best->row->statement.body);
    int order = moot_digest_compare(&row->statement.body, &best->row->statement.body);
    if (order < 0 || (order == 0 && era < best->era)) {
        best->row = row; /* which one is named in a conflict has no effect, but must not vary */
        best->era = era;
    }
}

static struct best best_of(const struct moot_state *state, const struct moot_pool *pool,
                           const struct moot_key *device)
{
    const struct moot_slot slot = {.kind = MOOT_SLOT_ADMIT, .device = *device};
    uint8_t bytes[MOOT_SLOT_BYTES];
    moot_slot_encode(&slot, bytes);
    const struct moot_bytes prefix = moot_bytes_of(bytes, MOOT_SLOT_DEVICE_PREFIX_BYTES);
    struct best best = {.row = NULL};
    struct moot_map_item item;
    for (bool more = moot_objects_first(state, pool, prefix, &item); more;
         more = moot_objects_next(state, pool, prefix, &item)) {
        const struct moot_object_row *row = item.value;
        best_add(&best, row, moot_state_era_of(state, pool, &row->statement.timeline)->k);
    }
    return best;
}

enum moot_status moot_member_derive(struct moot_state *state, struct moot_pool *pool,
                                    const struct moot_key *device, struct moot_state_change *change)
{
    const struct moot_digest zero = {{0}};
    struct moot_member *member = moot_map_get(pool, &state->members, moot_key_bytes(device));
    if (member != NULL && moot_digest_equal(&member->admission, &zero)) {
        return MOOT_OK; /* the founder needs no admission */
    }
    const struct best best = best_of(state, pool, device);
    if (best.row == NULL || (member != NULL && member->conflicted == best.conflicted &&
                             moot_digest_equal(&member->admission, &best.row->id))) {
        return MOOT_OK;
    }
    struct moot_body body;
    moot_object_row_body(pool, best.row, &body);
    struct moot_blob name = {0};
    struct moot_blob home = {0};
    const struct moot_chain *chain = moot_chain_ensure(state, pool, device);
    if (chain == NULL || !moot_blob_set(pool, &name, body.admission.name) ||
        !moot_blob_set(pool, &home, body.admission.home) ||
        (member = moot_map_put(pool, &state->members, moot_key_bytes(device), NULL)) == NULL) {
        moot_blob_clear(pool, &name);
        moot_blob_clear(pool, &home);
        return MOOT_NO_MEMORY;
    }
    moot_blob_clear(pool, &member->name);
    moot_blob_clear(pool, &member->home);
    change->members = true;
    change->refold |= best.conflicted && !member->conflicted;
    *member = (struct moot_member){.key = *device,
                                   .chain = chain->id,
                                   .name = name,
                                   .home = home,
                                   .admitted_epoch = best.row->statement.epoch,
                                   .admission = best.row->id,
                                   .conflicted = best.conflicted};
    return MOOT_OK;
}

enum moot_status moot_state_derive(struct moot_state *state, struct moot_pool *pool,
                                   struct moot_state_change *change)
{
    moot_eras_epoch(state, pool, change);
    const uint8_t kind = MOOT_SLOT_ADMIT;
    const struct moot_bytes prefix = moot_bytes_of(&kind, sizeof kind);
    struct moot_map_item item;
    enum moot_status status = MOOT_OK;
    for (bool more = moot_objects_first(state, pool, prefix, &item); more && status == MOOT_OK;
         more = moot_objects_next(state, pool, prefix, &item)) {
        const struct moot_object_row *row = item.value;
        status = moot_member_derive(state, pool, &row->statement.slot.device, change);
    }
    return status == MOOT_OK ? moot_floors_derive(state, pool) : status;
}
