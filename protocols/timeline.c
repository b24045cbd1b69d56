/*
 * Ticks: how an administrator's node advances the certified epoch, and how a turn comes into force.
 *
 *   epoch e lasts ─▶ interval over (or half of it and another's signature is here) ─▶ sign tick e+1
 *        signed, not certified after one interval more ─▶ sign the epoch after my own last (at most +16)
 *
 * A tick inside the window of a certified turn names the turn. One who has signed a turning tick signs no
 * tick without that turn, except past its window when a plain tick from `last` on is certified (the turn
 * has expired). Only clocks of this node decide when; never what is valid.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/inside.h"

struct moot_bytes moot_timeline_tick_body(struct moot_step *step, uint32_t epoch,
                                          const struct moot_digest *turn)
{
    const struct moot_era *era = moot_state_era(&step->engine->state, step->pool);
    struct moot_body body = {.kind = MOOT_BODY_TICK, .epoch = epoch};
    uint8_t *memory = moot_arena_take(step->arena, 256);
    struct moot_writer writer;
    MOOT_INVARIANT(memory != NULL);
    body.tick.before = body.tick.after = era->timeline;
    body.tick.epoch = epoch;
    if (turn) {
        body.tick.turns = true;
        body.tick.turn = *turn;
        moot_timeline_after(&era->timeline, turn, &body.tick.after);
    }
    moot_writer_init(&writer, memory, 256);
    moot_body_encode(&body, &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

/* The certified turn that comes next on the current timeline, or NULL. */
const struct moot_object_row *moot_timeline_turn(const struct moot_engine *engine,
                                                 const struct moot_pool *pool,
                                                 struct moot_turn_body *ret_body)
{
    const struct moot_era *era = moot_state_era(&engine->state, pool);
    struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = era->k + 1};
    struct moot_decision decision = moot_state_decision(&engine->state, pool, &slot);
    struct moot_body body;
    if (decision.state != MOOT_DECISION_CERTIFIED ||
        !moot_digest_equal(&decision.object->statement.timeline, &era->timeline))
        return NULL;
    if (moot_body_decode(moot_blob_get(pool, decision.object->body), &body) != MOOT_OK)
        return NULL;
    *ret_body = body.turn;
    return decision.object;
}

/* What this node has signed above the certified epoch. */
struct signed_ticks {
    uint32_t highest;    /* 0: none */
    uint64_t highest_ms; /* when */
    bool turning;        /* any of them names a turn */
};

static struct signed_ticks signed_above(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    const struct moot_digest *timeline = &moot_state_era(&engine->state, step->pool)->timeline;
    struct signed_ticks result = {0};
    struct moot_map_item item;
    bool more = moot_map_from(step->pool, &engine->votes, moot_digest_bytes(timeline), &item);
    while (more && memcmp(item.key.data, timeline->b, 32) == 0) {
        const struct moot_vote *vote = item.value;
        const struct moot_slot *slot = &vote->statement.slot;
        if (slot->kind == MOOT_SLOT_EPOCH && slot->number > engine->state.epoch) {
            uint32_t epoch = (uint32_t)slot->number;
            struct moot_digest plain;
            moot_body_hash(moot_timeline_tick_body(step, epoch, NULL), &plain);
            if (!moot_digest_equal(&plain, &vote->statement.body))
                result.turning = true;
            if (epoch > result.highest) {
                result.highest = epoch;
                result.highest_ms = vote->signed_ms;
            }
        }
        more = moot_map_after(step->pool, &engine->votes, item.key, &item);
    }
    return result;
}

static bool another_signed(const struct moot_engine *engine, const struct moot_pool *pool,
                           uint32_t epoch)
{
    struct moot_slot slot = {.kind = MOOT_SLOT_EPOCH, .number = epoch};
    uint8_t prefix[1 + MOOT_SLOT_BYTES];
    struct moot_map_item item;
    prefix[0] = 'A';
    moot_slot_encode(&slot, prefix + 1);
    bool more = moot_map_from(pool, &engine->loose, moot_bytes_of(prefix, sizeof prefix), &item);
    while (more && item.key.size > sizeof prefix &&
           memcmp(item.key.data, prefix, sizeof prefix) == 0) {
        const struct moot_loose *loose = item.value;
        if (!moot_key_equal(&loose->signer, &engine->identity.key))
            return true;
        more = moot_map_after(pool, &engine->loose, item.key, &item);
    }
    return false;
}

/* The epoch whose tick may be signed now, or 0 and when to look again. */
static uint32_t due_epoch(struct moot_step *step, const struct signed_ticks *mine,
                          uint64_t *ret_again_ms)
{
    struct moot_engine *engine = step->engine;
    uint64_t interval = engine->config.epoch_interval_ms;
    uint32_t epoch = engine->state.epoch;
    if (mine->highest > epoch) {
        *ret_again_ms = mine->highest_ms + interval;
        if (mine->highest >= epoch + MOOT_TICKS_AHEAD_MAX) {
            *ret_again_ms = UINT64_MAX;
            return 0;
        }
        return engine->now_ms >= *ret_again_ms ? mine->highest + 1 : 0;
    }
    uint64_t wait = another_signed(engine, step->pool, epoch + 1) ? interval / 2 : interval;
    *ret_again_ms = engine->epoch_since_ms + wait;
    return engine->now_ms >= *ret_again_ms ? epoch + 1 : 0;
}

/* Whether the tick must, may not, or need not name the certified turn (NULL: there is none in force to be,
 * perhaps because two are certified). One who has signed a turning tick signs no plain one, unless the
 * certified epoch has passed the window: then that tick cannot be certified any more. */
static bool names_turn(const struct moot_step *step, const struct signed_ticks *mine,
                       const struct moot_turn_body *turn, uint32_t epoch, bool *ret_forbidden)
{
    if (turn && epoch >= turn->earliest && epoch <= turn->last) {
        *ret_forbidden = false;
        return true;
    }
    *ret_forbidden = mine->turning && !(turn && step->engine->state.epoch >= turn->last);
    return false;
}

uint64_t moot_timeline_due_ms(const struct moot_engine *engine, const struct moot_pool *pool)
{
    (void)pool;
    return engine->epoch_since_ms + engine->config.epoch_interval_ms;
}

void moot_timeline_step(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_turn_body turn;
    uint64_t again_ms;
    bool forbidden = false;
    if (!moot_engine_is_admin(engine, step->pool) || !moot_append_ready(step))
        return;
    struct signed_ticks mine = signed_above(step);
    uint32_t epoch = due_epoch(step, &mine, &again_ms);
    if (epoch == 0) {
        moot_step_wake(step, again_ms);
        return;
    }
    const struct moot_object_row *object = moot_timeline_turn(engine, step->pool, &turn);
    bool turning = names_turn(step, &mine, object ? &turn : NULL, epoch, &forbidden);
    if (forbidden)
        return;
    struct moot_bytes body =
        moot_timeline_tick_body(step, epoch, turning ? &object->statement.body : NULL);
    enum moot_status status =
        moot_decision_vote(step, body, MOOT_VERDICT_YES, moot_bytes_of(NULL, 0));
    if (status != MOOT_OK)
        moot_step_refuse(step, status);
    moot_step_wake(step, engine->now_ms + engine->config.epoch_interval_ms);
}
