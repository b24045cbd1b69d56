/*
 * Who has left: certified removals and replacements of a device, and how far its chain counts.
 *
 *   of one timeline: one, or several that say the same ─▶ counts     several that differ ─▶ none of them
 *   of successive timelines: the one with the least range counts
 *
 * Happy path: one certificate; the device is retired, its facts up to the range stay in force.
 * Failures: none here. A device of the administrators that signed it has to leave their set by a turn
 * first: such a certificate has no effect at all, and nothing follows from it.
 */
#include "journal/state_parts.h"

static struct moot_bytes device_prefix(enum moot_slot_kind kind, const struct moot_key *device,
                                       uint8_t memory[MOOT_SLOT_BYTES])
{
    const struct moot_slot slot = {.kind = kind, .device = *device};
    moot_slot_encode(&slot, memory);
    return moot_bytes_of(memory, MOOT_SLOT_DEVICE_PREFIX_BYTES);
}

static const struct moot_era *era_of(const struct moot_state *state, const struct moot_pool *pool,
                                     const struct moot_object_row *row)
{
    return moot_state_era_of(state, pool, &row->statement.timeline);
}

bool moot_retirement_has_effect(const struct moot_state *state, const struct moot_pool *pool,
                                const struct moot_object_row *row)
{
    const struct moot_admin_set *admins = &era_of(state, pool, row)->admins;
    return moot_admin_set_find(admins, &row->statement.slot.device) < 0;
}

/* The last fact that counts. No certified cut that lacks the removal holds more of the chain: nobody
 * honest signs both (protocols/device.c), and two quorums share somebody honest. */
static uint64_t range_of(const struct moot_retirement *retirement)
{
    return retirement->stated_seq;
}

static struct moot_retirement read_row(const struct moot_state *state, const struct moot_pool *pool,
                                       const struct moot_object_row *row)
{
    struct moot_body body;
    moot_object_row_body(pool, row, &body);
    struct moot_retirement read = {.row = row, .era = era_of(state, pool, row)->k};
    if (body.kind == MOOT_BODY_REPLACEMENT) {
        read.replaced = true;
        read.successor = body.replacement.new_device;
        read.stated_seq = body.replacement.keep_seq;
        read.stated_id = body.replacement.keep_id;
    } else {
        read.stated_seq = body.removal.last_seq;
        read.stated_id = body.removal.last_id;
    }
    read.last_seq = range_of(&read);
    return read;
}

static bool agree(const struct moot_retirement *a, const struct moot_retirement *b)
{
    return a->replaced == b->replaced && a->stated_seq == b->stated_seq &&
           moot_digest_equal(&a->stated_id, &b->stated_id) &&
           (!a->replaced || moot_key_equal(&a->successor, &b->successor));
}

/* All certificates about one device that have an effect, removals first:
 * for (bool more = first(&w, …); more; more = next(&w)) … w.found */
struct walk {
    const struct moot_state *state;
    const struct moot_pool *pool;
    uint8_t memory[MOOT_SLOT_BYTES];
    struct moot_bytes prefix;
    struct moot_map_item item;
    const struct moot_key *device;
    bool replacements;
    struct moot_retirement found;
};

/* The item under the walk, or the next one that has an effect; then replacements. */
static bool settle(struct walk *walk, bool more)
{
    while (true) {
        for (; more; more = moot_objects_next(walk->state, walk->pool, walk->prefix, &walk->item)) {
            if (moot_retirement_has_effect(walk->state, walk->pool, walk->item.value)) {
                walk->found = read_row(walk->state, walk->pool, walk->item.value);
                return true;
            }
        }
        if (walk->replacements) {
            return false;
        }
        walk->replacements = true;
        walk->prefix = device_prefix(MOOT_SLOT_REPLACE, walk->device, walk->memory);
        more = moot_objects_first(walk->state, walk->pool, walk->prefix, &walk->item);
    }
}

static bool first(struct walk *walk, const struct moot_state *state, const struct moot_pool *pool,
                  const struct moot_key *device)
{
    *walk = (struct walk){.state = state, .pool = pool, .device = device};
    walk->prefix = device_prefix(MOOT_SLOT_REMOVE, device, walk->memory);
    return settle(walk, moot_objects_first(state, pool, walk->prefix, &walk->item));
}

static bool next(struct walk *walk)
{
    return settle(walk, moot_objects_next(walk->state, walk->pool, walk->prefix, &walk->item));
}

/* Does another certificate of the same timeline say something else of this device? */
static bool is_disputed(const struct moot_state *state, const struct moot_pool *pool,
                        const struct moot_key *device, const struct moot_retirement *retirement)
{
    struct walk walk;
    for (bool more = first(&walk, state, pool, device); more; more = next(&walk)) {
        if (walk.found.era == retirement->era && !agree(&walk.found, retirement)) {
            return true;
        }
    }
    return false;
}

static bool counts_before(const struct moot_retirement *a, const struct moot_retirement *b)
{
    if (a->last_seq != b->last_seq) {
        return a->last_seq < b->last_seq;
    }
    if (a->era != b->era) {
        return a->era < b->era;
    }
    return moot_digest_compare(&a->row->id, &b->row->id) < 0; /* they agree: only which is named */
}

struct moot_retirement moot_retirement_of(const struct moot_state *state,
                                          const struct moot_pool *pool,
                                          const struct moot_key *device)
{
    struct moot_retirement best = {.row = NULL};
    bool disputed = false;
    struct walk walk;
    for (bool more = first(&walk, state, pool, device); more; more = next(&walk)) {
        if (is_disputed(state, pool, device, &walk.found)) {
            disputed = true;
        } else if (best.row == NULL || counts_before(&walk.found, &best)) {
            best = walk.found;
        }
    }
    best.disputed = disputed && best.row == NULL;
    return best;
}
