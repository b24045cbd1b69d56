/*
 * Stratum 1: who is or was a member. From the founding and the object set alone: every row is a
 * function of the certificates held, whatever came first.
 *
 *   admission of it | replacement that names it ─▶ listed, with a chain
 *     of several the least statement epoch counts; two different of that epoch ─▶ conflicted
 *   removal | replacement of it ─▶ retired: facts above the range are void     (retirements.c)
 *   rename of it ─▶ name and home                                               (member_names.c)
 *
 * Happy path: one admission makes a member and its chain.
 * Failures: NO_MEMORY. A conflicted member is listed and not in force, until an admission of a lower
 * epoch settles it; so is the new device of a replacement that is not in force.
 */
#include "journal/state.h"

#include <string.h>

#include "journal/state_parts.h"

static struct moot_bytes kind_prefix(const uint8_t *kind)
{
    return moot_bytes_of(kind, 1);
}

/* ---- the way in ---- */

/* The certificate that counts so far. */
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

/* Replacements that name it as the new device. One that is not in force lists it all the same, so that
 * whoever hears of the dispute later has no other chains. */
static void add_replacements(const struct moot_state *state, const struct moot_pool *pool,
                             const struct moot_key *device, struct best *in_force,
                             struct best *idle)
{
    const uint8_t kind = MOOT_SLOT_REPLACE;
    struct moot_map_item item;
    for (bool more = moot_objects_first(state, pool, kind_prefix(&kind), &item); more;
         more = moot_objects_next(state, pool, kind_prefix(&kind), &item)) {
        const struct moot_object_row *row = item.value;
        struct moot_body body;
        moot_object_row_body(pool, row, &body);
        if (!moot_key_equal(&body.replacement.new_device, device) ||
            !moot_retirement_has_effect(state, pool, row)) {
            continue;
        }
        const struct moot_retirement old =
            moot_retirement_of(state, pool, &body.replacement.old_device);
        bool counts = old.row != NULL && old.replaced && moot_key_equal(&old.successor, device);
        best_add(counts ? in_force : idle, row,
                 moot_state_era_of(state, pool, &row->statement.timeline)->k);
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
    struct best idle = {.row = NULL};
    struct moot_map_item item;
    for (bool more = moot_objects_first(state, pool, prefix, &item); more;
         more = moot_objects_next(state, pool, prefix, &item)) {
        const struct moot_object_row *row = item.value;
        best_add(&best, row, moot_state_era_of(state, pool, &row->statement.timeline)->k);
    }
    add_replacements(state, pool, device, &best, &idle);
    if (best.row == NULL) {
        best = idle;
        best.conflicted = true;
    }
    return best;
}

/* ---- one member ---- */

static bool is_founder(const struct moot_member *member)
{
    return moot_digest_is_zero(&member->admission);
}

/* Sets how it came in; false: nothing admits it. */
static bool entry_set(const struct moot_state *state, const struct moot_pool *pool,
                      struct moot_member *member)
{
    const struct best best = best_of(state, pool, &member->key);
    if (best.row == NULL) {
        return false;
    }
    member->admitted_epoch = best.row->statement.epoch;
    member->admission = best.row->id;
    member->conflicted = best.conflicted;
    member->succeeds = best.row->statement.slot.kind == MOOT_SLOT_REPLACE;
    member->predecessor =
        member->succeeds ? best.row->statement.slot.device : (struct moot_key){{0}};
    return true;
}

static void retirement_set(const struct moot_state *state, const struct moot_pool *pool,
                           struct moot_member *member)
{
    const struct moot_retirement retirement = moot_retirement_of(state, pool, &member->key);
    member->retired = retirement.row != NULL;
    member->retirement = retirement.row != NULL ? retirement.row->id : (struct moot_digest){{0}};
    member->last_seq = retirement.last_seq;
    member->replaced = retirement.replaced;
    member->successor = retirement.successor;
    member->disputed = retirement.disputed;
}

static uint64_t limit_of(const struct moot_member *member)
{
    return member->retired ? member->last_seq : UINT64_MAX;
}

static bool same(const struct moot_member *a, const struct moot_member *b)
{
    return moot_digest_equal(&a->admission, &b->admission) && a->conflicted == b->conflicted &&
           a->admitted_epoch == b->admitted_epoch && a->disputed == b->disputed &&
           moot_digest_equal(&a->retirement, &b->retirement) && limit_of(a) == limit_of(b);
}

/* Can a fact that counted be void now? */
static bool loses(const struct moot_member *before, const struct moot_member *after,
                  const struct moot_chain *chain)
{
    return !before->conflicted &&
           (after->conflicted || after->admitted_epoch > before->admitted_epoch ||
            (limit_of(after) < limit_of(before) && chain->tail.seq > limit_of(after)));
}

enum moot_status moot_member_derive(struct moot_state *state, struct moot_pool *pool,
                                    const struct moot_key *device, struct moot_state_change *change)
{
    struct moot_member *member = moot_map_get(pool, &state->members, moot_key_bytes(device));
    struct moot_member next = {.key = *device};
    if (member != NULL) {
        next = *member;
    }
    if ((member == NULL || !is_founder(member)) && !entry_set(state, pool, &next)) {
        return MOOT_OK;
    }
    retirement_set(state, pool, &next);
    if (member != NULL && same(member, &next)) {
        return MOOT_OK;
    }
    const struct moot_chain *chain = moot_chain_ensure(state, pool, device);
    bool added = member == NULL;
    if (chain == NULL || (added && (member = moot_map_put(pool, &state->members,
                                                          moot_key_bytes(device), NULL)) == NULL)) {
        return MOOT_NO_MEMORY;
    }
    next.chain = chain->id;
    change->members = true;
    change->refold |= !added && loses(member, &next, chain);
    *member = next;
    return MOOT_OK;
}

/* ---- all that follows from one certificate ---- */

enum moot_status moot_members_merge(struct moot_state *state, struct moot_pool *pool,
                                    const struct moot_key *device, struct moot_state_change *change)
{
    const struct moot_key *named = device;
    enum moot_status status = moot_member_derive(state, pool, device, change);
    const struct moot_slot slot = {.kind = MOOT_SLOT_REPLACE, .device = *device};
    uint8_t bytes[MOOT_SLOT_BYTES];
    moot_slot_encode(&slot, bytes);
    const struct moot_bytes prefix = moot_bytes_of(bytes, MOOT_SLOT_DEVICE_PREFIX_BYTES);
    struct moot_map_item item;
    for (bool more = moot_objects_first(state, pool, prefix, &item); more && status == MOOT_OK;
         more = moot_objects_next(state, pool, prefix, &item)) {
        struct moot_body body;
        moot_object_row_body(pool, item.value, &body);
        status = moot_member_derive(state, pool, &body.replacement.new_device, change);
        named = NULL; /* where that one has its name from may have changed, too */
    }
    return status == MOOT_OK ? moot_member_names_set(state, pool, named, change) : status;
}

enum moot_status moot_state_derive(struct moot_state *state, struct moot_pool *pool,
                                   struct moot_state_change *change)
{
    static const uint8_t kinds[] = {MOOT_SLOT_ADMIT, MOOT_SLOT_REPLACE};
    moot_eras_epoch(state, pool, change);
    struct moot_map_item item;
    enum moot_status status = MOOT_OK;
    for (size_t i = 0; i < sizeof kinds; i++) {
        for (bool more = moot_objects_first(state, pool, kind_prefix(&kinds[i]), &item);
             more && status == MOOT_OK;
             more = moot_objects_next(state, pool, kind_prefix(&kinds[i]), &item)) {
            struct moot_body body;
            moot_object_row_body(pool, item.value, &body);
            status =
                moot_member_derive(state, pool,
                                   body.kind == MOOT_BODY_ADMISSION ? &body.admission.device
                                                                    : &body.replacement.new_device,
                                   change);
        }
    }
    struct moot_map_item listed;
    for (MOOT_MAP_EACH(pool, &state->members, listed)) {
        const struct moot_member *member = listed.value;
        const struct moot_key key = member->key;
        status = status == MOOT_OK ? moot_member_derive(state, pool, &key, change) : status;
    }
    status = status == MOOT_OK ? moot_member_names_set(state, pool, NULL, change) : status;
    return status == MOOT_OK ? moot_floors_derive(state, pool) : status;
}
