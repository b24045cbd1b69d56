/*
 * Stratum 0: turns passed, and the epoch. From the object set alone, and from the turns passed before.
 *
 *   current timeline ──certified turn/K+1, no other──▶ certified tick in its window names it ──▶ next era
 *
 * Happy path: a merge adds the object that was missing and the next turn is passed; the epoch is the
 * highest of the last turning tick and the last timeline's plain ticks.
 * Failures: NO_MEMORY. Two live turns in one slot pass nothing: people have to choose.
 *
 * A turn passed stays passed: a competing certificate that comes later is another branch. Only its
 * tick may still be lowered, because it takes effect at the least epoch certified for it; that and a
 * turn at or below the epoch reached can make facts void that counted: change->refold.
 */
#include "journal/state.h"

#include "journal/state_parts.h"

struct moot_era *moot_state_era_index(const struct moot_state *state, const struct moot_pool *pool,
                                      uint32_t index)
{
    return moot_list_at(pool, &state->eras, index);
}

const struct moot_era *moot_state_era(const struct moot_state *state, const struct moot_pool *pool)
{
    return moot_state_era_index(state, pool, state->eras.count - 1);
}

const struct moot_era *moot_state_era_at(const struct moot_state *state,
                                         const struct moot_pool *pool, uint32_t epoch)
{
    uint32_t index = state->eras.count - 1;
    while (index > 0 && moot_state_era_index(state, pool, index)->epoch > epoch) {
        index--;
    }
    return moot_state_era_index(state, pool, index);
}

const struct moot_era *moot_state_era_of(const struct moot_state *state,
                                         const struct moot_pool *pool,
                                         const struct moot_digest *timeline)
{
    for (uint32_t i = state->eras.count; i-- > 0;) {
        const struct moot_era *era = moot_state_era_index(state, pool, i);
        if (moot_digest_equal(&era->timeline, timeline)) {
            return era;
        }
    }
    return NULL;
}

/* The least certified tick after `era` began and within [earliest, last] that names the turn. */
static const struct moot_object_row *
least_tick(const struct moot_state *state, const struct moot_pool *pool, const struct moot_era *era,
           const struct moot_digest *turn_hash, const struct moot_turn_body *turn)
{
    struct moot_slot slot = {.kind = MOOT_SLOT_EPOCH, .number = (uint64_t)era->epoch + 1};
    if (slot.number < turn->earliest) {
        slot.number = turn->earliest;
    }
    uint8_t from[MOOT_SLOT_BYTES];
    moot_slot_encode(&slot, from);
    struct moot_map_item item;
    for (bool more = moot_map_from(pool, &state->objects, moot_bytes_of(from, sizeof from), &item);
         more; more = moot_map_after(pool, &state->objects, item.key, &item)) {
        const struct moot_object_row *row = item.value;
        if (row->statement.slot.kind != MOOT_SLOT_EPOCH ||
            row->statement.slot.number > turn->last) {
            return NULL;
        }
        struct moot_body body;
        moot_object_row_body(pool, row, &body);
        if (moot_digest_equal(&row->statement.timeline, &era->timeline) && body.tick.turns &&
            moot_digest_equal(&body.tick.turn, turn_hash)) {
            return row;
        }
    }
    return NULL;
}

static void turn_slot(uint64_t k, uint8_t ret[MOOT_SLOT_BYTES])
{
    const struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = k};
    moot_slot_encode(&slot, ret);
}

bool moot_turn_is_live(const struct moot_state *state, const struct moot_pool *pool,
                       const struct moot_era *era, const struct moot_object_row *turn)
{
    struct moot_body body;
    moot_object_row_body(pool, turn, &body);
    return era->plain_epoch < body.turn.last ||
           least_tick(state, pool, era, &turn->statement.body, &body.turn) != NULL;
}

static bool row_before(const struct moot_object_row *a, const struct moot_object_row *b)
{
    if (a->statement.round != b->statement.round) {
        return a->statement.round < b->statement.round;
    }
    return moot_digest_compare(&a->id, &b->id) < 0;
}

/* The certified turn that may follow `era`, of the least round; with `body_hash` (may be NULL) that
 * one, otherwise the only live one: NULL when there is none or when two differ. */
static const struct moot_object_row *turn_after(const struct moot_state *state,
                                                const struct moot_pool *pool,
                                                const struct moot_era *era,
                                                const struct moot_digest *body_hash)
{
    uint8_t slot[MOOT_SLOT_BYTES];
    turn_slot(era->k + 1, slot);
    const struct moot_bytes prefix = moot_bytes_of(slot, sizeof slot);
    const struct moot_object_row *found = NULL;
    struct moot_map_item item;
    for (bool more = moot_objects_first(state, pool, prefix, &item); more;
         more = moot_objects_next(state, pool, prefix, &item)) {
        const struct moot_object_row *row = item.value;
        bool wanted = body_hash != NULL ? moot_digest_equal(&row->statement.body, body_hash)
                                        : moot_turn_is_live(state, pool, era, row);
        if (!wanted || !moot_digest_equal(&row->statement.timeline, &era->timeline)) {
            continue;
        }
        if (found != NULL && !moot_digest_equal(&row->statement.body, &found->statement.body)) {
            return NULL;
        }
        if (found == NULL || row_before(row, found)) {
            found = row;
        }
    }
    return found;
}

/* The protocol that a hard fork brings; 0 while its upgrade is not certified here, or when it does
 * not rise above the one in force (then it never can). */
static uint16_t fork_protocol(const struct moot_state *state, const struct moot_pool *pool,
                              const struct moot_era *era, const struct moot_digest *upgrade)
{
    const struct moot_slot slot = {.kind = MOOT_SLOT_UPGRADE, .proposal = *upgrade};
    uint8_t prefix[MOOT_SLOT_BYTES];
    moot_slot_encode(&slot, prefix);
    struct moot_map_item item;
    if (!moot_objects_first(state, pool, moot_bytes_of(prefix, sizeof prefix), &item)) {
        return 0;
    }
    struct moot_body body;
    moot_object_row_body(pool, item.value, &body);
    bool rises =
        body.upgrade.kind == MOOT_UPGRADE_HARD && body.upgrade.min_protocol > era->protocol;
    return rises ? body.upgrade.min_protocol : 0;
}

/* Passes one turn if it can be passed now. */
static enum moot_status pass_next(struct moot_state *state, struct moot_pool *pool,
                                  uint32_t epoch_before, struct moot_state_change *change,
                                  bool *ret_passed)
{
    const struct moot_era last = *moot_state_era(state, pool);
    *ret_passed = false;
    const struct moot_object_row *turn = turn_after(state, pool, &last, NULL);
    if (turn == NULL) {
        return MOOT_OK;
    }
    struct moot_body body;
    moot_object_row_body(pool, turn, &body);
    const struct moot_object_row *tick =
        least_tick(state, pool, &last, &turn->statement.body, &body.turn);
    uint16_t protocol = body.turn.what == MOOT_TURN_HARD_FORK
                            ? fork_protocol(state, pool, &last, &body.turn.upgrade)
                            : last.protocol;
    if (tick == NULL || protocol == 0) {
        return MOOT_OK;
    }
    struct moot_era *era = moot_list_add(pool, &state->eras);
    if (era == NULL) {
        return MOOT_NO_MEMORY;
    }
    era->k = last.k + 1;
    era->epoch = tick->statement.epoch;
    moot_timeline_after(&last.timeline, &turn->statement.body, &era->timeline);
    era->turn_body = turn->statement.body;
    era->turn_object = turn->id;
    era->tick_object = tick->id;
    era->admins = body.turn.what == MOOT_TURN_ADMINS ? body.turn.admins : last.admins;
    era->protocol = protocol;
    change->turned = true;
    change->refold |= era->epoch <= epoch_before;
    *ret_passed = true;
    return MOOT_OK;
}

/* A passed turn takes effect at the least tick certified for it, whenever that certificate comes. */
static void lower(struct moot_state *state, const struct moot_pool *pool, uint32_t index,
                  struct moot_state_change *change)
{
    struct moot_era *era = moot_state_era_index(state, pool, index);
    const struct moot_era *before = moot_state_era_index(state, pool, index - 1);
    const struct moot_object_row *turn = turn_after(state, pool, before, &era->turn_body);
    if (turn == NULL) {
        return; /* restored from a store that lost it: the durable list stands */
    }
    struct moot_body body;
    moot_object_row_body(pool, turn, &body);
    const struct moot_object_row *tick =
        least_tick(state, pool, before, &era->turn_body, &body.turn);
    if (tick == NULL || (moot_digest_equal(&era->turn_object, &turn->id) &&
                         moot_digest_equal(&era->tick_object, &tick->id))) {
        return;
    }
    change->turned = true;
    change->refold |= tick->statement.epoch < era->epoch;
    era->turn_object = turn->id;
    era->tick_object = tick->id;
    era->epoch = tick->statement.epoch;
}

enum moot_status moot_eras_settle(struct moot_state *state, const struct moot_pool *pool)
{
    for (uint32_t i = 1; i < state->eras.count; i++) {
        struct moot_era *era = moot_state_era_index(state, pool, i);
        const struct moot_era *before = moot_state_era_index(state, pool, i - 1);
        const struct moot_object_row *turn = turn_after(state, pool, before, &era->turn_body);
        if (turn == NULL) {
            return MOOT_WRONG_TIMELINE;
        }
        struct moot_body body;
        moot_object_row_body(pool, turn, &body);
        const struct moot_object_row *tick =
            least_tick(state, pool, before, &era->turn_body, &body.turn);
        if (tick == NULL) {
            return MOOT_WRONG_TIMELINE;
        }
        era->turn_object = turn->id;
        era->tick_object = tick->id;
        era->epoch = tick->statement.epoch;
    }
    return MOOT_OK;
}

/* A turn may be certified at several ticks: it takes effect at the least, but the epoch has reached the
 * greatest, and never falls below it when a lower one becomes known. */
static uint32_t greatest_turning_tick(const struct moot_state *state, const struct moot_pool *pool)
{
    const struct moot_era *era = moot_state_era(state, pool);
    uint32_t greatest = era->epoch;
    if (state->eras.count == 1) {
        return greatest;
    }
    const struct moot_era *before = moot_state_era_index(state, pool, state->eras.count - 2);
    const struct moot_object_row *turn = turn_after(state, pool, before, &era->turn_body);
    struct moot_body body;
    if (turn == NULL) {
        return greatest;
    }
    moot_object_row_body(pool, turn, &body);
    for (struct moot_era from = *before;;) {
        const struct moot_object_row *tick =
            least_tick(state, pool, &from, &era->turn_body, &body.turn);
        if (tick == NULL) {
            return greatest;
        }
        from.epoch = tick->statement.epoch; /* the next search begins behind it */
        greatest = from.epoch > greatest ? from.epoch : greatest;
    }
}

void moot_eras_epoch(struct moot_state *state, const struct moot_pool *pool,
                     struct moot_state_change *change)
{
    const struct moot_era *era = moot_state_era(state, pool);
    uint32_t reached = greatest_turning_tick(state, pool);
    uint32_t epoch = reached > era->plain_epoch ? reached : era->plain_epoch;
    change->epoch |= epoch != state->epoch;
    change->refold |= epoch < state->epoch;
    state->epoch = epoch;
}

enum moot_status moot_eras_advance(struct moot_state *state, struct moot_pool *pool,
                                   struct moot_state_change *change)
{
    for (uint32_t i = 1; i < state->eras.count; i++) {
        lower(state, pool, i, change);
    }
    bool passed = true;
    enum moot_status status = MOOT_OK;
    while (passed && status == MOOT_OK) {
        status = pass_next(state, pool, state->epoch, change, &passed);
    }
    moot_eras_epoch(state, pool, change);
    return status;
}
