/*
 * The writer fence. Happy path: what a node commits while its fence is up holds no ordinary fact of its own, and
 * a fence that was durable is up again after the first restart under it. Failure: invariant "writer-fence".
 */
#include "journal/log_row.h"
#include "journal/run.h"
#include "protocols/view.h"
#include "sim/oracle.h"
#include "sim/run.h"

static struct moot_view_fence fence_of(struct moot_sim_oracle *oracle, uint32_t node)
{
    struct moot_sim_node *at = &oracle->run->world->nodes[node];
    const struct moot_engine_env env = moot_sim_node_env(at);
    struct moot_view_fence view;
    moot_view_fence(&env, moot_sim_node_now_ms(at), &view);
    return view;
}

/* Facts of lane 1 that this log row adds to the node's own chain. */
static uint32_t ordinary_facts(struct moot_sim_oracle *oracle, uint32_t node, struct moot_bytes row)
{
    static const struct moot_digest unknown;
    const struct moot_sim_node *at = &oracle->run->world->nodes[node];
    const struct moot_engine_env env = moot_sim_node_env(&oracle->run->world->nodes[node]);
    struct moot_bytes encoded;
    struct moot_run run;
    struct moot_run_reader reader;
    struct moot_fact fact;
    uint32_t index, count = 0;
    if (moot_log_row_check(row, &index, &encoded) != MOOT_OK ||
        moot_run_decode(encoded, &run) != MOOT_OK)
        return 0;
    const struct moot_chain *chain = moot_state_chain(moot_view_state(&env), at->pool, &run.chain);
    if (!chain || !moot_key_equal(&chain->author, &at->identity.key))
        return 0;
    moot_run_reader_init(&reader, &run, &unknown, false);
    while (moot_run_reader_next(&reader, &fact))
        count += fact.header.kind > MOOT_LANE0_KIND_MAX ? 1 : 0;
    return count;
}

void moot_sim_oracle_fence_batch(struct moot_sim_oracle *oracle, uint32_t node,
                                 struct moot_sim_pending *pending,
                                 const struct moot_store_batch *batch)
{
    struct moot_view_fence view = fence_of(oracle, node);
    pending->fenced = view.up && !view.draining;
    pending->fence = view.proposal;
    for (uint32_t i = 0; view.up && i < batch->op_count; i++) {
        const struct moot_store_op *op = &batch->ops[i];
        if (op->kind == MOOT_STORE_PUT && op->table == MOOT_TABLE_LOG &&
            ordinary_facts(oracle, node, op->value) > 0)
            moot_sim_run_fail(oracle->run, (int)node, NULL, "writer-fence",
                              "%s writes an ordinary fact while its fence is up",
                              oracle->run->world->nodes[node].name);
    }
}

void moot_sim_oracle_fence_durable(struct moot_sim_watch *watch,
                                   const struct moot_sim_pending *pending)
{
    watch->fenced = pending->fenced;
    watch->fence = pending->fence;
}

void moot_sim_oracle_fence_opened(struct moot_sim_oracle *oracle, uint32_t node)
{
    struct moot_sim_watch *watch = &oracle->watches[node];
    bool first = watch->fenced && !moot_digest_equal(&watch->fence, &watch->fence_restarted);
    if (first && !fence_of(oracle, node).up)
        moot_sim_run_fail(oracle->run, (int)node, NULL, "writer-fence",
                          "%s had a fence on its disk and starts without one",
                          oracle->run->world->nodes[node].name);
    if (watch->fenced)
        watch->fence_restarted = watch->fence; /* the lease starts once more, and only once */
}
