/*
 * Turns passed, as people see them. Read-only.
 */
#include "protocols/inside.h"
#include "protocols/view.h"

static void view_era(const struct moot_engine *engine, const struct moot_pool *pool,
                     const struct moot_era *era, struct moot_view_era *ret)
{
    const struct moot_object_row *row = moot_state_object(&engine->state, pool, &era->turn_object);
    struct moot_body body;
    *ret = (struct moot_view_era){.k = era->k,
                                  .epoch = era->epoch,
                                  .timeline = era->timeline,
                                  .protocol = era->protocol,
                                  .admins_version = era->admins.version,
                                  .proposal = era->turn_body};
    if (row && moot_body_decode(moot_blob_get(pool, row->body), &body) == MOOT_OK &&
        body.turn.what == MOOT_TURN_HARD_FORK) {
        ret->hard_fork = true;
        ret->proposal = body.turn.upgrade;
    }
}

uint32_t moot_view_eras(const struct moot_engine_env *env, struct moot_arena *arena,
                        struct moot_view_era **ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    uint32_t count = engine->state.eras.count;
    *ret = moot_arena_take_zeroed(arena, count + 1u, sizeof **ret);
    if (!*ret || !engine->state.founded)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        view_era(engine, env->pool, moot_list_at(env->pool, &engine->state.eras, i), &(*ret)[i]);
    return count;
}
