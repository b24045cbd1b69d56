/*
 * Hard forks: from an activation before the fence to the turn that brings the protocol, and what a device
 * that does not speak it may still do.
 *
 *   approved ─▶ activated before the fence ─(epoch ≥ fence − 1)─▶ turn/K signed by administrators' nodes
 *        └────────── not turned by fence + window ──▶ over: the mesh goes on under its protocol
 *   turn certified ─▶ tick in [fence, fence + window] names it ─▶ protocol in force; too old: fenced
 *
 * The turn's body follows from the upgrade and its activation alone, so that all nodes compute one body:
 * proposer and proposal epoch are the upgrade's, the nonce is 0. Least fence first, then least protocol,
 * then least id. Everything is read from the object set: no fact has to be here.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/base/mutant.h"
#include "protocols/hardfork.h"
#include "protocols/inside.h"

/* ---- what is activated ---- */

static bool upgrade_of(const struct moot_engine *engine, const struct moot_pool *pool,
                       const struct moot_digest *proposal, struct moot_body *ret)
{
    struct moot_slot slot = {.kind = MOOT_SLOT_UPGRADE, .proposal = *proposal};
    struct moot_decision decision = moot_state_decision(&engine->state, pool, &slot);
    return decision.state == MOOT_DECISION_CERTIFIED &&
           moot_body_decode(moot_blob_get(pool, decision.object->body), ret) == MOOT_OK &&
           ret->upgrade.kind == MOOT_UPGRADE_HARD;
}

/* The hard fork that this certified activation stands for. */
static bool fork_of(const struct moot_engine *engine, const struct moot_pool *pool,
                    const struct moot_slot *slot, struct moot_hard_fork *ret)
{
    struct moot_decision decision = moot_state_decision(&engine->state, pool, slot);
    struct moot_body body;
    if (decision.state != MOOT_DECISION_CERTIFIED ||
        !upgrade_of(engine, pool, &slot->proposal, &body))
        return false;
    *ret = (struct moot_hard_fork){
        .proposal = slot->proposal,
        .activation = decision.object->id,
        .proposer = body.proposer,
        .epoch = body.epoch,
        .min_protocol = body.upgrade.min_protocol,
        .fence = body.upgrade.fence_epoch,
        .last = body.upgrade.fence_epoch + body.upgrade.window,
    };
    return true;
}

static bool before(const struct moot_hard_fork *a, const struct moot_hard_fork *b)
{
    if (a->fence != b->fence)
        return a->fence < b->fence;
    if (a->min_protocol != b->min_protocol)
        return a->min_protocol < b->min_protocol;
    return moot_digest_compare(&a->proposal, &b->proposal) < 0;
}

/* Every activated hard fork, in the order of the object set. */
static bool each(const struct moot_engine *engine, const struct moot_pool *pool,
                 struct moot_map_item *item, bool first, struct moot_hard_fork *ret)
{
    const struct moot_map *objects = &engine->state.objects;
    const uint8_t kind = MOOT_SLOT_ACTIVATE;
    bool more = first ? moot_map_from(pool, objects, moot_bytes_of(&kind, 1), item)
                      : moot_map_after(pool, objects, item->key, item);
    while (more && item->key.data[0] == kind) {
        const struct moot_object_row *row = item->value;
        if (fork_of(engine, pool, &row->statement.slot, ret))
            return true;
        more = moot_map_after(pool, objects, item->key, item);
    }
    return false;
}

enum moot_status moot_hard_fork_check(const struct moot_engine *engine,
                                      const struct moot_pool *pool,
                                      const struct moot_upgrade_body *upgrade, uint32_t epoch)
{
    uint64_t interval_ms = engine->config.epoch_interval_ms;
    uint64_t notice = (engine->config.fence_notice_ms + interval_ms - 1) / interval_ms;
    if (upgrade->revert_plan.size == 0)
        return MOOT_NO_REVERT_PLAN;
    if (upgrade->min_protocol <= moot_state_era(&engine->state, pool)->protocol)
        return MOOT_PROTOCOL_TOO_LOW;
    if (upgrade->deadline_epoch >= upgrade->fence_epoch || upgrade->fence_epoch <= epoch ||
        upgrade->window > MOOT_TURN_WINDOW_MAX)
        return MOOT_WINDOW;
    return upgrade->short_notice || upgrade->fence_epoch - epoch >= notice ? MOOT_OK
                                                                           : MOOT_NOTICE_TOO_SHORT;
}

bool moot_hard_fork_over(const struct moot_engine *engine, const struct moot_pool *pool,
                         const struct moot_upgrade_body *upgrade)
{
    return engine->state.epoch >= upgrade->fence_epoch + upgrade->window ||
           upgrade->min_protocol <= moot_state_era(&engine->state, pool)->protocol;
}

static bool find_next(const struct moot_engine *engine, const struct moot_pool *pool,
                      struct moot_hard_fork *ret)
{
    struct moot_map_item item;
    struct moot_hard_fork fork;
    bool found = false;
    uint16_t protocol = moot_state_era(&engine->state, pool)->protocol;
    for (bool more = each(engine, pool, &item, true, &fork); more;
         more = each(engine, pool, &item, false, &fork)) {
        if (engine->state.epoch < fork.last && fork.min_protocol > protocol &&
            (!found || before(&fork, ret))) {
            *ret = fork;
            found = true;
        }
    }
    return found;
}

static bool seen_is_good(const struct moot_engine *engine)
{
    const struct moot_hard_fork_seen *seen = &engine->fork_seen;
    return seen->objects == engine->state.objects.count && seen->eras == engine->state.eras.count &&
           seen->epoch == engine->state.epoch;
}

bool moot_hard_fork_next(const struct moot_engine *engine, const struct moot_pool *pool,
                         struct moot_hard_fork *ret)
{
    if (!engine->state.founded)
        return false;
    if (!seen_is_good(engine))
        return find_next(engine, pool, ret);
    if (engine->fork_seen.there)
        *ret = engine->fork_seen.next;
    return engine->fork_seen.there;
}

/* Asked for with every frame: looked for once for each change. */
static void see(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    if (seen_is_good(engine))
        return;
    engine->fork_seen = (struct moot_hard_fork_seen){.objects = engine->state.objects.count,
                                                     .eras = engine->state.eras.count,
                                                     .epoch = engine->state.epoch};
    engine->fork_seen.there = find_next(engine, step->pool, &engine->fork_seen.next);
}

const struct moot_era *moot_hard_fork_era(const struct moot_engine *engine,
                                          const struct moot_pool *pool,
                                          const struct moot_digest *proposal)
{
    for (uint32_t i = 1; i < engine->state.eras.count; i++) {
        const struct moot_era *era = moot_list_at(pool, &engine->state.eras, i);
        const struct moot_object_row *row =
            moot_state_object(&engine->state, pool, &era->turn_object);
        struct moot_body body;
        if (row && moot_body_decode(moot_blob_get(pool, row->body), &body) == MOOT_OK &&
            body.turn.what == MOOT_TURN_HARD_FORK &&
            moot_digest_equal(&body.turn.upgrade, proposal))
            return era;
    }
    return NULL;
}

const struct moot_object_row *moot_hard_fork_upgrade(const struct moot_step *step, uint32_t index)
{
    const struct moot_state *state = &step->engine->state;
    const struct moot_era *era = moot_list_at(step->pool, &state->eras, index);
    const struct moot_object_row *turn = moot_state_object(state, step->pool, &era->turn_object);
    struct moot_body body;
    if (!turn || moot_body_decode(moot_blob_get(step->pool, turn->body), &body) != MOOT_OK ||
        body.turn.what != MOOT_TURN_HARD_FORK)
        return NULL;
    struct moot_slot slot = {.kind = MOOT_SLOT_UPGRADE, .proposal = body.turn.upgrade};
    return moot_state_decision(state, step->pool, &slot).object;
}

/* ---- the turn ---- */

static struct moot_bytes body_of(struct moot_step *step, const struct moot_hard_fork *fork)
{
    const struct moot_era *era = moot_state_era(&step->engine->state, step->pool);
    struct moot_body body = {
        .kind = MOOT_BODY_TURN, .proposer = fork->proposer, .epoch = fork->epoch};
    struct moot_writer writer;
    uint8_t *memory = moot_arena_take(step->arena, 256);
    MOOT_INVARIANT(memory != NULL);
    body.turn.k = era->k + 1;
    body.turn.before = era->timeline;
    body.turn.what = MOOT_TURN_HARD_FORK;
    body.turn.upgrade = fork->proposal;
    body.turn.activation = fork->activation;
    body.turn.earliest = fork->fence;
    body.turn.last = fork->last;
    moot_writer_init(&writer, memory, 256);
    moot_body_encode(&body, &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

struct moot_bytes moot_hard_fork_body(struct moot_step *step, const struct moot_digest *hash)
{
    struct moot_map_item item;
    struct moot_hard_fork fork;
    for (bool more = each(step->engine, step->pool, &item, true, &fork); more;
         more = each(step->engine, step->pool, &item, false, &fork)) {
        struct moot_digest found;
        struct moot_bytes body = body_of(step, &fork);
        moot_body_hash(body, &found);
        if (moot_digest_equal(&found, hash))
            return body;
    }
    return moot_bytes_of(NULL, 0);
}

void moot_hard_fork_step(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_hard_fork fork;
    struct moot_digest hash;
    see(step);
    if (!moot_engine_is_admin(engine, step->pool) || !moot_append_ready(step) ||
        !moot_hard_fork_next(engine, step->pool, &fork) || engine->state.epoch + 1 < fork.fence)
        return;
    struct moot_slot slot = {.kind = MOOT_SLOT_TURN,
                             .number = moot_state_era(&engine->state, step->pool)->k + 1};
    if (moot_turn_decision(engine, step->pool, &slot).state != MOOT_DECISION_OPEN)
        return; /* decided: the turn after it is this one's chance */
    struct moot_bytes body = body_of(step, &fork);
    moot_body_hash(body, &hash);
    if (moot_turn_voted(step, &slot, &hash) != MOOT_TURN_UNVOTED)
        return;
    enum moot_status status =
        moot_decision_vote(step, body, MOOT_VERDICT_YES, moot_bytes_of(NULL, 0));
    if (status != MOOT_OK)
        moot_step_refuse(step, status);
}

/* ---- the gates ---- */

bool moot_engine_fenced(const struct moot_engine *engine, const struct moot_pool *pool)
{
    return !MOOT_MUTANT("no-protocol-gate") && engine->state.founded &&
           moot_state_era(&engine->state, pool)->protocol > engine->config.protocol_max;
}

void moot_fenced_text(const struct moot_engine *engine, const struct moot_pool *pool, char ret[128])
{
    const struct moot_era *era = moot_state_era(&engine->state, pool);
    uint32_t epoch = era->epoch;
    for (uint32_t i = engine->state.eras.count; i-- > 0;) { /* the first that was too much for us */
        const struct moot_era *one = moot_list_at(pool, &engine->state.eras, i);
        if (one->protocol <= engine->config.protocol_max)
            break;
        epoch = one->epoch;
    }
    snprintf(ret, 128,
             "the mesh speaks protocol %u since epoch %u, this device %u at most: upgrade it",
             era->protocol, epoch, engine->config.protocol_max);
}

/* An ordinary fact of a protocol above `protocol_max`? */
static bool above(const struct moot_engine *engine, const struct moot_pool *pool,
                  const struct moot_header *header, uint16_t protocol_max)
{
    return header->kind > MOOT_LANE0_KIND_MAX &&
           moot_state_era_at(&engine->state, pool, header->epoch)->protocol > protocol_max &&
           !MOOT_MUTANT("no-protocol-gate");
}

enum moot_status moot_gate_write(const struct moot_engine *engine, const struct moot_pool *pool,
                                 const struct moot_header *header)
{
    return above(engine, pool, header, engine->config.protocol_max) ? MOOT_FENCED : MOOT_OK;
}

uint16_t moot_run_protocol(const struct moot_engine *engine, const struct moot_pool *pool,
                           struct moot_bytes encoded)
{
    const uint16_t highest = moot_state_era(&engine->state, pool)->protocol;
    struct moot_run run;
    struct moot_run_reader reader;
    struct moot_fact fact;
    struct moot_digest unknown = {{0}};
    uint16_t protocol = 1;
    if (highest == 1 || moot_run_decode(encoded, &run) != MOOT_OK)
        return highest;
    moot_run_reader_init(&reader, &run, &unknown, false);
    while (protocol < highest && moot_run_reader_next(&reader, &fact)) {
        while (above(engine, pool, &fact.header, protocol))
            protocol++;
    }
    return protocol;
}
