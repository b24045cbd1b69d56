/*
 * What a slot has decided: nothing, one thing, or a conflict that puts neither in force.
 * Happy path: one certificate. On successive timelines the earliest counts; rounds of a turn that carry
 * one body are one decision. A turn that was passed is decided, whatever else is certified: that is
 * another branch. A turn that expired gives way to one that has not.
 */
#include "journal/state.h"

#include "journal/state_parts.h"

/* How a row stands against others of its slot: the least rank counts. */
struct rank {
    bool expired;
    uint64_t era;
};

static struct rank rank_of(const struct moot_state *state, const struct moot_pool *pool,
                           const struct moot_object_row *row)
{
    const struct moot_era *era = moot_state_era_of(state, pool, &row->statement.timeline);
    bool turn = row->statement.slot.kind == MOOT_SLOT_TURN;
    return (struct rank){.expired = turn && !moot_turn_is_live(state, pool, era, row),
                         .era = era->k};
}

static int rank_compare(struct rank a, struct rank b)
{
    if (a.expired != b.expired) {
        return a.expired ? 1 : -1;
    }
    return (a.era > b.era) - (a.era < b.era);
}

static struct moot_decision certified(const struct moot_object_row *row)
{
    return (struct moot_decision){.state = MOOT_DECISION_CERTIFIED, .object = row};
}

struct moot_decision moot_state_decision(const struct moot_state *state,
                                         const struct moot_pool *pool, const struct moot_slot *slot)
{
    if (slot->kind == MOOT_SLOT_TURN && slot->number > 0 && slot->number < state->eras.count) {
        const struct moot_era *era = moot_state_era_index(state, pool, (uint32_t)slot->number);
        return certified(moot_state_object(state, pool, &era->turn_object));
    }
    uint8_t bytes[MOOT_SLOT_BYTES];
    moot_slot_encode(slot, bytes);
    const struct moot_bytes prefix = moot_bytes_of(bytes, sizeof bytes);
    struct moot_decision decision = {.state = MOOT_DECISION_OPEN};
    struct rank least = {.expired = true};
    struct moot_map_item item;
    for (bool more = moot_objects_first(state, pool, prefix, &item); more;
         more = moot_objects_next(state, pool, prefix, &item)) {
        const struct moot_object_row *row = item.value;
        struct rank rank = rank_of(state, pool, row);
        int order = decision.object == NULL ? -1 : rank_compare(rank, least);
        if (order < 0) {
            least = rank;
            decision = certified(row);
        } else if (order == 0 &&
                   !moot_digest_equal(&row->statement.body, &decision.object->statement.body)) {
            decision.state = MOOT_DECISION_CONFLICT;
            decision.other = row;
        }
    }
    return decision;
}
