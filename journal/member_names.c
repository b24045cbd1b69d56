/*
 * Stratum 1: names and homes of members.
 *
 *   rename of the greatest epoch ─▶ else those of the device whose place it took ─▶ else its admission's
 *
 * Happy path: what the admission says, until a rename is certified.
 * Failures: NO_MEMORY. Two different renames of one epoch: neither counts, the name before them stays.
 */
#include "journal/state.h"

#include "journal/state_parts.h"

static bool renames_differ(const struct moot_body *a, const struct moot_body *b)
{
    return !moot_bytes_equal(a->rename.name, b->rename.name) ||
           !moot_bytes_equal(a->rename.home, b->rename.home);
}

/* The rename of the greatest epoch in which no other says something else; false: none. */
static bool rename_of(const struct moot_state *state, const struct moot_pool *pool,
                      const struct moot_key *device, struct moot_body *ret)
{
    const struct moot_slot slot = {.kind = MOOT_SLOT_RENAME, .device = *device};
    uint8_t bytes[MOOT_SLOT_BYTES];
    moot_slot_encode(&slot, bytes);
    const struct moot_bytes prefix = moot_bytes_of(bytes, MOOT_SLOT_DEVICE_PREFIX_BYTES);
    uint32_t epoch = 0;
    struct moot_map_item item;
    for (bool more = moot_objects_first(state, pool, prefix, &item); more;
         more = moot_objects_next(state, pool, prefix, &item)) {
        const struct moot_object_row *row = item.value;
        struct moot_body body;
        struct moot_map_item other;
        if (row->statement.epoch < epoch) {
            continue;
        }
        moot_object_row_body(pool, row, &body);
        bool alone = true;
        for (bool again = moot_objects_first(state, pool, prefix, &other); again && alone;
             again = moot_objects_next(state, pool, prefix, &other)) {
            const struct moot_object_row *beside = other.value;
            struct moot_body said;
            if (beside->statement.epoch == row->statement.epoch) {
                moot_object_row_body(pool, beside, &said);
                alone = !renames_differ(&body, &said);
            }
        }
        if (alone) {
            epoch = row->statement.epoch;
            *ret = body;
        }
    }
    return epoch > 0;
}

/* Borrowed name and home; empty while the device whose place it took is not known. */
static void name_of(const struct moot_state *state, const struct moot_pool *pool,
                    const struct moot_member *member, struct moot_bytes *ret_name,
                    struct moot_bytes *ret_home)
{
    struct moot_body body;
    struct moot_founding founding;
    *ret_name = *ret_home = moot_bytes_of(NULL, 0);
    for (uint32_t left = state->members.count; member != NULL && left > 0; left--) {
        if (rename_of(state, pool, &member->key, &body)) {
            *ret_name = body.rename.name;
            *ret_home = body.rename.home;
            return;
        }
        if (!member->succeeds) {
            break;
        }
        member = moot_map_get(pool, &state->members, moot_key_bytes(&member->predecessor));
    }
    if (member == NULL || member->succeeds) {
        return; /* not known yet, or devices that replace each other in a circle */
    }
    if (moot_digest_is_zero(&member->admission)) {
        (void)moot_founding_decode(moot_blob_get(pool, state->founding), &founding);
        *ret_name = founding.name;
        *ret_home = founding.home;
        return;
    }
    moot_object_row_body(pool, moot_state_object(state, pool, &member->admission), &body);
    *ret_name = body.admission.name;
    *ret_home = body.admission.home;
}

static enum moot_status text_set(struct moot_pool *pool, struct moot_blob *blob,
                                 struct moot_bytes text, struct moot_state_change *change)
{
    if (moot_bytes_equal(moot_blob_get(pool, *blob), text)) {
        return MOOT_OK;
    }
    change->members = true;
    return moot_blob_set(pool, blob, text) ? MOOT_OK : MOOT_NO_MEMORY;
}

enum moot_status moot_member_names_set(struct moot_state *state, struct moot_pool *pool,
                                       const struct moot_key *device,
                                       struct moot_state_change *change)
{
    struct moot_map_item item;
    enum moot_status status = MOOT_OK;
    for (MOOT_MAP_EACH(pool, &state->members, item)) {
        struct moot_member *member = item.value;
        struct moot_bytes name;
        struct moot_bytes home;
        if (device != NULL && !member->succeeds && !moot_key_equal(device, &member->key)) {
            continue;
        }
        name_of(state, pool, member, &name, &home);
        status = status == MOOT_OK ? text_set(pool, &member->name, name, change) : status;
        status = status == MOOT_OK ? text_set(pool, &member->home, home, change) : status;
    }
    return status;
}
