/*
 * What people see: status, devices, joiners, counters. Read-only: every function takes the engine as it
 * is between two steps.
 */
#include "protocols/view.h"

#include <string.h>

#include "protocols/hardfork.h"
#include "protocols/snapshot.h"

bool moot_view_settled(const struct moot_engine_env *env)
{
    const struct moot_engine *engine = moot_engine_of(env);
    return !engine->refold_wanted && !engine->install.refold;
}

const struct moot_state *moot_view_state(const struct moot_engine_env *env)
{
    return &moot_engine_of(env)->state;
}

/* ---- status ---- */

static bool founding_of(const struct moot_engine *engine, const struct moot_pool *pool,
                        struct moot_founding *ret)
{
    return engine->state.founded &&
           moot_founding_decode(moot_blob_get(pool, engine->state.founding), ret) == MOOT_OK;
}

/* Admins whose signature for the next tick is missing although it is overdue. */
static void stall(const struct moot_engine *engine, const struct moot_pool *pool, uint64_t now_ms,
                  struct moot_view_status *ret)
{
    uint64_t due_ms = moot_timeline_due_ms(engine, pool) + engine->config.epoch_interval_ms;
    if (now_ms < due_ms)
        return;
    ret->epoch_stalled_s = (uint32_t)((now_ms - due_ms) / 1000) + 1;
    for (uint32_t i = 0; i < ret->admins.count; i++) {
        const struct moot_key *key = &ret->admins.keys[i];
        bool signed_one = false;
        struct moot_map_item item;
        for (MOOT_MAP_EACH(pool, &engine->loose, item)) {
            const struct moot_loose *loose = item.value;
            if (loose->kind == MOOT_LOOSE_APPROVAL &&
                loose->statement.slot.kind == MOOT_SLOT_EPOCH &&
                moot_key_equal(&loose->signer, key))
                signed_one = true;
        }
        if (!signed_one)
            ret->stalled_on[ret->stalled_count++] = *key;
    }
}

static uint32_t live_sessions(const struct moot_engine *engine, const struct moot_pool *pool)
{
    struct moot_map_item item;
    uint32_t count = 0;
    for (MOOT_MAP_EACH(pool, &engine->sessions, item)) {
        const struct moot_session *session = item.value;
        count += session->greeted ? 1 : 0;
    }
    return count;
}

void moot_view_status(const struct moot_engine_env *env, uint64_t now_ms,
                      struct moot_view_status *ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    const struct moot_pool *pool = env->pool;
    struct moot_founding founding;
    *ret = (struct moot_view_status){
        .joining = (enum moot_join_state)engine->joining.state,
        .device = engine->identity.key,
        .name = moot_bytes_of_text(engine->config.name),
        .home = moot_bytes_of_text(engine->config.home),
        .protocol_speaks = 1,
        .protocol_max = engine->config.protocol_max,
        .store_full = engine->store_full,
        .store_stopped = engine->store_stopped,
        .heard = true,
        .listen_url = engine->config.listen_url,
        .session_count = live_sessions(engine, pool),
    };
    memcpy(ret->version, engine->config.version, sizeof ret->version);
    if (!founding_of(engine, pool, &founding))
        return;
    const struct moot_era *era = moot_state_era(&engine->state, pool);
    const struct moot_member *self =
        moot_state_member_listed(&engine->state, pool, &engine->identity.key);
    struct moot_step reader = {.env = env, .engine = moot_engine_of(env), .pool = env->pool};
    ret->in_mesh = true;
    ret->mesh = engine->state.mesh;
    ret->mesh_name = founding.mesh_name;
    if (self && self->name.size > 0) { /* its name may come later than a replacement itself */
        ret->name = moot_blob_get(pool, self->name);
        ret->home = moot_blob_get(pool, self->home);
    }
    ret->removed = self && self->retired;
    ret->protocol_in_force = era->protocol;
    ret->protocol_speaks = era->protocol < ret->protocol_max ? era->protocol : ret->protocol_max;
    ret->epoch = engine->state.epoch;
    ret->admins = era->admins;
    ret->is_admin = moot_engine_is_admin(engine, pool);
    ret->timeline = era->timeline;
    ret->turns_passed = era->k;
    ret->heard = ret->removed || moot_append_ready(&reader);
    ret->fenced = moot_engine_fenced(engine, pool);
    if (ret->fenced)
        moot_fenced_text(engine, pool, ret->fenced_reason);
    struct moot_hard_fork fork;
    if (moot_hard_fork_next(engine, pool, &fork)) {
        ret->fence_next = fork.fence;
        ret->fence_next_protocol = fork.min_protocol;
        ret->fence_next_proposal = fork.proposal;
    }
    stall(engine, pool, now_ms, ret);
}

/* ---- devices ---- */

static int device_order(const struct moot_view_device *a, const struct moot_view_device *b)
{
    bool gone_a = a->state == MOOT_DEVICE_REMOVED, gone_b = b->state == MOOT_DEVICE_REMOVED;
    if (gone_a != gone_b)
        return gone_a ? 1 : -1;
    int order = moot_bytes_compare(a->name, b->name);
    return order != 0 ? order : moot_key_compare(&a->key, &b->key);
}

static enum moot_device_state state_of(const struct moot_member *member,
                                       const struct moot_peer *peer, bool self)
{
    if (member->retired)
        return MOOT_DEVICE_REMOVED;
    if (self)
        return MOOT_DEVICE_SELF;
    if (member->conflicted || member->disputed)
        return MOOT_DEVICE_CONFLICTED;
    return peer && peer->link != 0 ? MOOT_DEVICE_CONNECTED : MOOT_DEVICE_AWAY;
}

static void view_device(const struct moot_engine *engine, const struct moot_pool *pool,
                        uint64_t now_ms, const struct moot_member *member,
                        struct moot_view_device *ret)
{
    const struct moot_era *era = moot_state_era(&engine->state, pool);
    const struct moot_chain *chain = moot_state_chain(&engine->state, pool, &member->chain);
    const struct moot_peer *peer = moot_peer_of(engine, pool, &member->key);
    bool self = moot_key_equal(&member->key, &engine->identity.key);
    *ret = (struct moot_view_device){
        .key = member->key,
        .name = moot_blob_get(pool, member->name),
        .home = moot_blob_get(pool, member->home),
        .state = state_of(member, peer, self),
        .is_admin = moot_admin_set_find(&era->admins, &member->key) >= 0,
        .admitted_epoch = member->admitted_epoch,
        .facts = chain ? chain->tail.seq : 0,
        .last_seq = member->last_seq,
        .replaced = member->replaced,
        .successor = member->successor,
    };
    if (self) {
        memcpy(ret->version, engine->config.version, sizeof ret->version);
        ret->protocol = engine->config.protocol_max;
        ret->epoch = engine->state.epoch;
        ret->seen = true;
    } else if (peer) {
        memcpy(ret->version, peer->version, sizeof ret->version);
        ret->protocol = peer->protocol;
        ret->epoch = peer->epoch;
        ret->seen = peer->seen_ms != 0;
        ret->seen_s = ret->seen && now_ms > peer->seen_ms ? (now_ms - peer->seen_ms) / 1000 : 0;
    }
}

uint32_t moot_view_devices(const struct moot_engine_env *env, uint64_t now_ms,
                           struct moot_arena *arena, struct moot_view_device **ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    struct moot_map_item item;
    uint32_t count = 0;
    struct moot_view_device *all =
        moot_arena_take_zeroed(arena, engine->state.members.count + 1u, sizeof *all);
    *ret = all;
    if (!all || !engine->state.founded)
        return 0;
    for (MOOT_MAP_EACH(env->pool, &engine->state.members, item)) {
        struct moot_view_device device;
        uint32_t at = count++;
        view_device(engine, env->pool, now_ms, item.value, &device);
        while (at > 0 && device_order(&all[at - 1], &device) > 0) {
            all[at] = all[at - 1];
            at--;
        }
        all[at] = device;
    }
    return count;
}

uint32_t moot_view_joiners(const struct moot_engine_env *env, uint64_t now_ms,
                           struct moot_arena *arena, struct moot_view_joiner **ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    struct moot_map_item item, other;
    uint32_t count = 0;
    struct moot_view_joiner *all =
        moot_arena_take_zeroed(arena, engine->joiners.count + 1u, sizeof *all);
    *ret = all;
    if (!all)
        return 0;
    for (MOOT_MAP_EACH(env->pool, &engine->joiners, item)) {
        const struct moot_joiner *joiner = item.value;
        struct moot_view_joiner *view = &all[count];
        if (joiner->denied)
            continue;
        count++;
        memcpy(view->key.b, item.key.data, sizeof view->key.b);
        view->name = moot_blob_get(env->pool, joiner->name);
        view->home = moot_blob_get(env->pool, joiner->home);
        view->asked_s_ago = now_ms > joiner->asked_ms ? (now_ms - joiner->asked_ms) / 1000 : 0;
        for (MOOT_MAP_EACH(env->pool, &engine->state.proposals, other)) {
            const struct moot_proposal *proposal = other.value;
            struct moot_body body;
            bool possible;
            const struct moot_key *enters = NULL;
            if (moot_body_decode(moot_blob_get(env->pool, proposal->body), &body) != MOOT_OK)
                continue;
            if (body.kind == MOOT_BODY_ADMISSION)
                enters = &body.admission.device;
            else if (body.kind == MOOT_BODY_REPLACEMENT)
                enters = &body.replacement.new_device;
            if (enters && moot_key_equal(enters, &view->key) &&
                moot_proposal_phase(engine, env->pool, proposal, &possible) ==
                    MOOT_PROPOSAL_PROPOSED) {
                view->proposed = true;
                view->proposal = proposal->id;
                view->proposal_kind = proposal->kind;
            }
        }
    }
    return count;
}

/* ---- counters ---- */

void moot_view_stats(const struct moot_engine_env *env, struct moot_view_stats *ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    const struct moot_state *state = &engine->state;
    struct moot_map_item item;
    memset(ret, 0, sizeof *ret);
    ret->bytes = state->payload_bytes - engine->base.gone_bytes;
    ret->chains = state->chains.count;
    ret->objects = state->object_ids.count;
    ret->pending = engine->pending.count;
    ret->loose = engine->loose.count;
    ret->epoch = state->epoch;
    ret->pool_live_bytes = moot_pool_live(env->pool);
    ret->pool_used_bytes = moot_pool_used(env->pool);
    memcpy(ret->refused, engine->refused, sizeof ret->refused);
    for (MOOT_MAP_EACH(env->pool, &state->chains, item)) {
        const struct moot_chain *chain = item.value;
        ret->facts += chain->tail.seq;
    }
    ret->facts -= moot_view_collected(env);
    for (MOOT_MAP_EACH(env->pool, &state->records, item)) {
        const struct moot_record *record = item.value;
        ret->records += record->values.count > 0 ? 1 : 0;
    }
    for (MOOT_MAP_EACH(env->pool, &state->voids, item)) {
        const struct moot_void *fact = item.value;
        ret->voids[fact->reason]++;
    }
    for (MOOT_MAP_EACH(env->pool, &engine->intakes, item)) {
        const struct moot_intake *intake = item.value;
        ret->pending += intake->waiting.count;
    }
    if (!state->founded)
        return;
    struct moot_body base;
    ret->has_base =
        engine->base.there && moot_snapshot_of(engine, env->pool, &engine->base.proposal, &base);
    if (ret->has_base) {
        ret->base_epoch = base.epoch;
        ret->base_digest = base.snapshot.state_digest;
    }
    moot_frontier_root(state, env->pool, &ret->frontier_digest);
    ret->unread = moot_state_unread(state, env->pool);
    ret->settled = moot_view_settled(env);
    if (ret->unread == 0 && ret->settled)
        moot_state_digest(state, env->pool, &ret->state_digest);
}
