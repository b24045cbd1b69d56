/*
 * Predicates of a scenario against the world as it is now. A node that is down holds nothing: with
 * `all` or a list it makes the predicate false, with `any` it does not count.
 */
#include <string.h>

#include "protocols/view.h"
#include "sim/run.h"

static bool compare(enum moot_sim_compare how, uint64_t left, uint64_t right)
{
    switch (how) {
    case MOOT_SIM_EQ:
        return left == right;
    case MOOT_SIM_NE:
        return left != right;
    case MOOT_SIM_GE:
        return left >= right;
    case MOOT_SIM_LE:
        return left <= right;
    case MOOT_SIM_GT:
        return left > right;
    case MOOT_SIM_LT:
        return left < right;
    }
    return false;
}

/* The digest a label stands for; NULL until its proposal was answered. */
static const struct moot_digest *digest_of(const struct moot_sim_run *run, const char *label)
{
    for (uint32_t i = 0; i < run->scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &run->scenario->statements[i];
        if (statement->is_act && moot_sim_act_proposes(statement->act.kind) &&
            strcmp(statement->act.label, label) == 0 &&
            run->deeds[i].outcome == MOOT_SIM_OUTCOME_DONE)
            return &run->deeds[i].proposal;
    }
    return NULL;
}

static bool proposal_holds(struct moot_sim_run *run, const struct moot_sim_predicate *predicate,
                           struct moot_sim_node *node)
{
    const struct moot_digest *digest = digest_of(run, predicate->label);
    const struct moot_engine_env env = moot_sim_node_env(node);
    struct moot_view_proposal view;
    moot_arena_reset(&run->world->view_arena);
    if (!digest || moot_view_proposal(&env, moot_sim_node_now_ms(node), digest,
                                      &run->world->view_arena, &view) != MOOT_OK)
        return false;
    if (predicate->kind == MOOT_SIM_IS_STATE)
        return (view.state == predicate->state) == (predicate->compare == MOOT_SIM_EQ);
    if (predicate->kind == MOOT_SIM_IS_SIGNERS)
        return compare(predicate->compare, view.signer_count, predicate->number);
    uint64_t count = 0;
    for (uint32_t i = 0; view.has_readiness && i < view.readiness_of; i++)
        count += view.readiness[i].state == predicate->readiness ? 1 : 0;
    return compare(predicate->compare, count, predicate->number);
}

static bool status_holds(struct moot_sim_run *run, const struct moot_sim_predicate *predicate,
                         struct moot_sim_node *node)
{
    const struct moot_engine_env env = moot_sim_node_env(node);
    struct moot_view_status status;
    moot_view_status(&env, moot_sim_node_now_ms(node), &status);
    if (predicate->kind == MOOT_SIM_IS_EPOCH)
        return compare(predicate->compare, status.epoch, predicate->number);
    if (predicate->kind == MOOT_SIM_IS_FENCED)
        return status.fenced;
    if (predicate->kind == MOOT_SIM_IS_PROTOCOL)
        return compare(predicate->compare, status.protocol_in_force, predicate->number);
    if (predicate->kind == MOOT_SIM_IS_THRESHOLD)
        return compare(predicate->compare, status.admins.threshold, predicate->number);
    uint32_t wanted = 0;
    bool same = true;
    for (uint32_t i = 0; i < run->world->node_count; i++) {
        if (!moot_sim_set_has(&predicate->admins, i))
            continue;
        wanted++;
        same = same && moot_admin_set_find(&status.admins, &run->world->nodes[i].identity.key) >= 0;
    }
    same = same && wanted == status.admins.count;
    return same == (predicate->compare == MOOT_SIM_EQ);
}

static bool named(const struct moot_sim_act *act, const char *word)
{
    return strcmp(act->key, word) == 0 || strcmp(act->value, word) == 0 ||
           strcmp(act->label, word) == 0;
}

/* Every put of that word was answered, and this node holds its fact and does not call it void. */
static bool accepted(struct moot_sim_run *run, const char *word, struct moot_sim_node *node)
{
    const struct moot_engine_env env = moot_sim_node_env(node);
    const struct moot_state *state = moot_view_state(&env);
    for (uint32_t i = 0; i < run->scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &run->scenario->statements[i];
        const struct moot_sim_deed *deed = &run->deeds[i];
        if (!statement->is_act || statement->act.kind != MOOT_SIM_PUT ||
            !named(&statement->act, word))
            continue;
        const struct moot_member *author = moot_state_member_listed(
            state, node->pool, &run->world->nodes[statement->act.node].identity.key);
        if (deed->outcome != MOOT_SIM_OUTCOME_DONE || !author)
            return false;
        const struct moot_chain *chain = moot_state_chain(state, node->pool, &author->chain);
        uint8_t key[40];
        memcpy(key, author->chain.b, 32);
        moot_u64_put(key + 32, deed->seq);
        if (!chain || chain->tail.seq < deed->seq ||
            moot_map_get(node->pool, &state->voids, moot_bytes_of(key, sizeof key)))
            return false;
    }
    return true;
}

static bool refused(struct moot_sim_run *run, const struct moot_sim_predicate *predicate,
                    uint32_t node)
{
    for (uint32_t i = 0; i < run->scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &run->scenario->statements[i];
        if (statement->is_act && moot_sim_act_asks(statement->act.kind) &&
            statement->act.node == node && named(&statement->act, predicate->label) &&
            run->deeds[i].outcome == MOOT_SIM_OUTCOME_REFUSED &&
            run->deeds[i].reason == predicate->reason)
            return true;
    }
    return false;
}

static bool marked(const struct moot_sim_run *run, const char *name, uint32_t node)
{
    for (uint32_t i = 0; i < run->mark_count; i++) {
        if (run->marks[i].node == node && strcmp(run->marks[i].name, name) == 0)
            return true;
    }
    return false;
}

static uint32_t members_in_force(const struct moot_state *state, const struct moot_pool *pool)
{
    struct moot_map_item item;
    uint32_t count = 0;
    for (MOOT_MAP_EACH(pool, &state->members, item)) {
        const struct moot_member *member = item.value;
        count += member->conflicted || member->retired ? 0 : 1;
    }
    return count;
}

static bool node_holds(struct moot_sim_run *run, const struct moot_sim_predicate *predicate,
                       uint32_t index)
{
    struct moot_sim_node *node = &run->world->nodes[index];
    if (predicate->kind == MOOT_SIM_IS_MARK) /* history: also of a node that is down now */
        return marked(run, predicate->label, index);
    if (predicate->kind == MOOT_SIM_IS_REFUSED)
        return refused(run, predicate, index);
    if (!node->up)
        return false;
    switch (predicate->kind) {
    case MOOT_SIM_IS_STATE:
    case MOOT_SIM_IS_READINESS:
    case MOOT_SIM_IS_SIGNERS:
        return proposal_holds(run, predicate, node);
    case MOOT_SIM_IS_EPOCH:
    case MOOT_SIM_IS_PROTOCOL:
    case MOOT_SIM_IS_FENCED:
    case MOOT_SIM_IS_THRESHOLD:
    case MOOT_SIM_IS_ADMINS:
        return status_holds(run, predicate, node);
    case MOOT_SIM_IS_ACCEPTED:
        return accepted(run, predicate->label, node);
    case MOOT_SIM_IS_CACHED: {
        const struct moot_engine_env env = moot_sim_node_env(node);
        struct moot_view_cached view;
        moot_view_cached(&env, moot_bytes_of_text(predicate->label), &view);
        return view.served;
    }
    case MOOT_SIM_IS_FENCE: {
        const struct moot_engine_env env = moot_sim_node_env(node);
        struct moot_view_fence view;
        moot_view_fence(&env, moot_sim_node_now_ms(node), &view);
        return view.up == (predicate->number == 1);
    }
    case MOOT_SIM_IS_MEMBERS: {
        const struct moot_engine_env env = moot_sim_node_env(node);
        return compare(predicate->compare, members_in_force(moot_view_state(&env), node->pool),
                       predicate->number);
    }
    case MOOT_SIM_IS_DIGEST:
    case MOOT_SIM_IS_FRONTIER:
    case MOOT_SIM_IS_MARK:
    case MOOT_SIM_IS_REFUSED:
        break;
    }
    return false;
}

/* digest-equal, frontier-equal: of all named nodes at once. */
static bool equal_holds(struct moot_sim_run *run, const struct moot_sim_predicate *predicate)
{
    struct moot_digest first, digest;
    bool have = false;
    for (uint32_t i = 0; i < run->world->node_count; i++) {
        struct moot_sim_node *node = &run->world->nodes[i];
        if (!moot_sim_set_has(&predicate->who, i))
            continue;
        if (!node->up)
            return false;
        const struct moot_engine_env env = moot_sim_node_env(node);
        if (predicate->kind == MOOT_SIM_IS_DIGEST)
            moot_state_digest(moot_view_state(&env), node->pool, &digest);
        else
            moot_frontier_root(moot_view_state(&env), node->pool, &digest);
        if (have && !moot_digest_equal(&first, &digest))
            return false;
        first = digest;
        have = true;
    }
    return true;
}

bool moot_sim_holds(struct moot_sim_run *run, const struct moot_sim_predicate *predicate)
{
    if (predicate->kind == MOOT_SIM_IS_DIGEST || predicate->kind == MOOT_SIM_IS_FRONTIER)
        return equal_holds(run, predicate);
    for (uint32_t i = 0; i < run->world->node_count; i++) {
        if (moot_sim_set_has(&predicate->who, i) && node_holds(run, predicate, i) == predicate->any)
            return predicate->any;
    }
    return !predicate->any;
}
