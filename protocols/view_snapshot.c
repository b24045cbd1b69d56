/* Snapshots and the writer fence as people see them. */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/snapshot.h"
#include "protocols/view.h"

void moot_view_fence(const struct moot_engine_env *env, uint64_t now_ms,
                     struct moot_view_fence *ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    const struct moot_lease *lease;
    *ret = (struct moot_view_fence){.queued = engine->queue.count,
                                    .queued_bytes = engine->queue_bytes};
    if (!engine->state.founded || !moot_fence_up(engine, env->pool, &lease, &ret->proposal) ||
        lease->until_ms <= now_ms)
        return;
    const struct moot_member *holder = moot_state_member(&engine->state, env->pool, &lease->holder);
    ret->up = true;
    ret->draining = moot_digest_is_zero(&ret->proposal);
    ret->holder = lease->holder;
    if (holder)
        ret->holder_name = moot_blob_get(env->pool, holder->name);
    ret->left_ms = lease->until_ms - now_ms;
}

static void view(const struct moot_engine *engine, const struct moot_pool *pool,
                 const struct moot_object_row *row, const struct moot_digest *last,
                 struct moot_view_snapshot *ret)
{
    const struct moot_base *base = &engine->base;
    ret->proposal = row->statement.body;
    ret->certificate = row->id;
    moot_proposal_name(&ret->proposal, MOOT_BODY_SNAPSHOT, ret->name);
    enum moot_status status = moot_body_decode(moot_blob_get(pool, row->body), &ret->body);
    MOOT_INVARIANT(status == MOOT_OK);
    ret->last = moot_digest_equal(&ret->proposal, last);
    ret->base = base->there && moot_digest_equal(&base->proposal, &ret->proposal);
    ret->collected = base->there && ret->body.epoch <= base->epoch && !base->collecting;
}

uint32_t moot_view_snapshots(const struct moot_engine_env *env, struct moot_arena *arena,
                             struct moot_view_snapshot **ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    const uint8_t kind = MOOT_SLOT_SNAPSHOT;
    struct moot_body body;
    struct moot_map_item item;
    uint32_t count = 0;
    struct moot_view_snapshot *all =
        moot_arena_take_zeroed(arena, engine->state.object_ids.count + 1u, sizeof *all);
    *ret = all;
    if (!all || !engine->state.founded)
        return 0;
    const struct moot_object_row *last = moot_snapshot_last(engine, env->pool, &body);
    bool more = moot_map_from(env->pool, &engine->state.objects, moot_bytes_of(&kind, 1), &item);
    while (more && item.key.data[0] == kind) {
        struct moot_view_snapshot one = {0};
        uint32_t at = count++;
        view(engine, env->pool, item.value, &last->statement.body, &one);
        while (at > 0 && all[at - 1].body.epoch > one.body.epoch) {
            all[at] = all[at - 1];
            at--;
        }
        all[at] = one;
        more = moot_map_after(env->pool, &engine->state.objects, item.key, &item);
    }
    return count;
}

bool moot_view_snapshot_pending(const struct moot_engine_env *env, struct moot_digest *ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(env->pool, &engine->state.proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        bool possible;
        if (proposal->kind == MOOT_BODY_SNAPSHOT &&
            moot_proposal_phase(engine, env->pool, proposal, &possible) == MOOT_PROPOSAL_PROPOSED) {
            *ret = proposal->id;
            return true;
        }
    }
    return false;
}

uint64_t moot_view_collectable(const struct moot_engine_env *env)
{
    struct moot_engine *engine = moot_engine_of(env);
    struct moot_step reader = {.env = env, .engine = engine, .pool = env->pool};
    struct moot_body last;
    struct moot_bytes bytes;
    struct moot_cut cut;
    uint64_t facts = 0;
    if (!engine->state.founded || !moot_snapshot_last(engine, env->pool, &last) ||
        !moot_content_held(&reader, &last.snapshot.cut_hash, &bytes) || bytes.size == 0 ||
        moot_cut_decode(bytes, &cut) != MOOT_OK)
        return 0;
    for (uint32_t i = 0; i < cut.chain_count; i++) {
        struct moot_cut_chain entry;
        moot_cut_chain_at(&cut, i, &entry);
        facts += entry.seq - moot_snapshot_base_seq(&reader, &entry.chain);
    }
    return facts;
}

uint64_t moot_view_collected(const struct moot_engine_env *env)
{
    struct moot_engine *engine = moot_engine_of(env);
    struct moot_step reader = {.env = env, .engine = engine, .pool = env->pool};
    struct moot_bytes bytes;
    struct moot_cut cut;
    uint64_t facts = 0;
    if (!engine->base.there || !moot_content_held(&reader, &engine->base.cut_hash, &bytes) ||
        moot_cut_decode(bytes, &cut) != MOOT_OK)
        return 0;
    for (uint32_t i = 0; i < cut.chain_count; i++) {
        struct moot_cut_chain entry;
        moot_cut_chain_at(&cut, i, &entry);
        const struct moot_chain *chain = moot_state_chain(&engine->state, env->pool, &entry.chain);
        if (chain)
            facts += entry.seq < chain->tail.seq ? entry.seq : chain->tail.seq;
    }
    return facts;
}
