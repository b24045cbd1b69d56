/*
 * Acts of a scenario. A person's act is a call on a node; whoever approves, rejects or withdraws waits
 * until the node shows the proposal and may sign, as a person would. A refusal that no `refused` of the
 * file speaks of fails the run, and so does an act that never came about.
 */
#include <stdio.h>
#include <string.h>

#include "protocols/view.h"
#include "sim/run.h"

#define RETRY_US (UINT64_C(500) * MOOT_SIM_US_PER_MS)

static struct moot_sim_deed *deed_of_label(struct moot_sim_run *run, const char *label)
{
    for (uint32_t i = 0; i < run->scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &run->scenario->statements[i];
        if (statement->is_act && moot_sim_act_proposes(statement->act.kind) &&
            strcmp(statement->act.label, label) == 0)
            return &run->deeds[i];
    }
    return NULL;
}

/* ---- weather ---- */

static void each_of_set(struct moot_sim_run *run, const struct moot_sim_statement *statement)
{
    struct moot_sim_world *world = run->world;
    bool crash = statement->act.kind == MOOT_SIM_CRASH;
    for (uint32_t i = 0; i < world->node_count && !run->stop; i++) {
        if (!moot_sim_set_has(&statement->act.set, i))
            continue;
        if (world->nodes[i].up != crash) {
            moot_sim_run_fail(run, (int)i, statement, "scenario", "%s is %s already",
                              world->nodes[i].name, crash ? "down" : "up");
            return;
        }
        moot_sim_trace_note(world, crash ? "crash" : "restart", i);
        if (crash)
            moot_sim_node_crash(world, i);
        else
            moot_sim_node_start(world, i);
    }
}

/* The process ends and another release starts on the same disk. */
static void upgrade(struct moot_sim_run *run, const struct moot_sim_act *act)
{
    struct moot_sim_world *world = run->world;
    for (uint32_t i = 0; i < world->node_count && !run->stop; i++) {
        if (!moot_sim_set_has(&act->set, i))
            continue;
        moot_sim_trace_note(world, "upgrade", i);
        if (world->nodes[i].up)
            moot_sim_node_crash(world, i);
        world->nodes[i].protocol_max = act->protocol;
        moot_sim_node_start(world, i);
    }
}

static void isolate(struct moot_sim_run *run, const struct moot_sim_act *act)
{
    struct moot_sim_set groups[2] = {{{0}}};
    for (uint32_t alone = 0; alone < run->world->node_count; alone++) {
        if (!moot_sim_set_has(&act->set, alone))
            continue;
        memset(groups, 0, sizeof groups);
        for (uint32_t i = 0; i < run->world->node_count; i++)
            moot_sim_set_add(&groups[i == alone ? 0 : 1], i);
        moot_sim_cut(run->world, groups, 2);
    }
}

/* ---- people ---- */

static void later(struct moot_sim_run *run, uint32_t number)
{
    moot_sim_world_timer(run->world, run->world->now_us + RETRY_US, number);
}

static void refused(struct moot_sim_deed *deed, enum moot_status reason, const char *detail)
{
    deed->outcome = MOOT_SIM_OUTCOME_REFUSED;
    deed->reason = reason;
    snprintf(deed->detail, sizeof deed->detail, "%s", detail);
}

static void ask(struct moot_sim_run *run, uint32_t number, const struct moot_call *call)
{
    struct moot_sim_deed *deed = &run->deeds[number];
    const struct moot_sim_act *act = &run->scenario->statements[number].act;
    deed->call_number = ++run->call_number;
    if (moot_sim_world_call(run->world, act->node, deed->call_number, call))
        deed->outcome = MOOT_SIM_OUTCOME_ASKED;
    else
        refused(deed, MOOT_NO_NODE, "");
}

static void propose_upgrade(struct moot_sim_run *run, uint32_t number)
{
    const struct moot_sim_act *act = &run->scenario->statements[number].act;
    struct moot_sim_node *node = &run->world->nodes[act->node];
    struct moot_call call = {.kind = MOOT_CALL_PROPOSE_UPGRADE};
    call.upgrade = (struct moot_upgrade_body){.package_name = moot_bytes_of_text(act->label),
                                              .from_version = moot_bytes_of_text("1.0.0"),
                                              .to_version = moot_bytes_of_text("1.1.0"),
                                              .kind = MOOT_UPGRADE_SOFT,
                                              .ready_needed = act->ready};
    if (act->hard && node->up) {
        const struct moot_engine_env env = moot_sim_node_env(node);
        call.upgrade.kind = MOOT_UPGRADE_HARD;
        call.upgrade.min_protocol = act->protocol;
        call.upgrade.fence_epoch = moot_view_state(&env)->epoch + act->fence;
        call.upgrade.window = act->window;
        call.upgrade.revert_plan = moot_bytes_of_text("none: rehearsed here");
        call.upgrade.short_notice = true; /* epochs are short, too */
    }
    moot_arena_reset(&run->world->view_arena);
    moot_sim_package_install(&node->blocks, run->options.seed, act->label, &run->world->view_arena,
                             &call.upgrade.manifest);
    ask(run, number, &call);
}

/* The names lie in the scenario, the array in the deed until the event. */
static void propose_admins(struct moot_sim_run *run, uint32_t number)
{
    const struct moot_sim_act *act = &run->scenario->statements[number].act;
    struct moot_call call = {.kind = MOOT_CALL_PROPOSE_ADMINS, .threshold = act->threshold};
    for (uint32_t i = 0; i < run->world->node_count && call.name_count < MOOT_ADMINS_MAX; i++) {
        if (moot_sim_set_has(&act->set, i))
            run->deeds[number].names[call.name_count++] =
                moot_bytes_of_text(run->world->nodes[i].name);
    }
    call.names = run->deeds[number].names;
    ask(run, number, &call);
}

static void invalidate(struct moot_sim_run *run, uint32_t number)
{
    const struct moot_sim_act *act = &run->scenario->statements[number].act;
    struct moot_cache_entry *entry = &run->deeds[number].entry;
    const struct moot_call call = {
        .kind = MOOT_CALL_PROPOSE_CACHE, .entries = entry, .entry_count = 1, .floor = act->floor};
    *entry = (struct moot_cache_entry){.prefix = act->prefix, .key = moot_bytes_of_text(act->key)};
    ask(run, number, &call);
}

/* By its id: names may have changed. */
static void change_device(struct moot_sim_run *run, uint32_t number)
{
    const struct moot_sim_act *act = &run->scenario->statements[number].act;
    struct moot_sim_deed *deed = &run->deeds[number];
    moot_hex_format(moot_key_bytes(&run->world->nodes[act->subject].identity.key), deed->key_text);
    const struct moot_call call = {.kind = act->kind == MOOT_SIM_REMOVE ? MOOT_CALL_REMOVE
                                                                        : MOOT_CALL_RENAME,
                                   .name = moot_bytes_of_text(deed->key_text),
                                   .new_name = moot_bytes_of_text(act->key),
                                   .at_given = act->at_given,
                                   .at_seq = act->at_seq};
    ask(run, number, &call);
}

/* Approve, reject, withdraw, activate: once the node shows the proposal. */
static void answer_proposal(struct moot_sim_run *run, uint32_t number)
{
    const struct moot_sim_act *act = &run->scenario->statements[number].act;
    struct moot_sim_node *node = &run->world->nodes[act->node];
    const struct moot_sim_deed *proposed = deed_of_label(run, act->label);
    struct moot_call call = {.reason = moot_bytes_of_text(act->key)};
    if (!node->up || proposed->outcome != MOOT_SIM_OUTCOME_DONE) {
        later(run, number);
        return;
    }
    const struct moot_engine_env env = moot_sim_node_env(node);
    if (!moot_state_proposal(moot_view_state(&env), node->pool, &proposed->proposal)) {
        later(run, number);
        return;
    }
    call.kind = act->kind == MOOT_SIM_APPROVE    ? MOOT_CALL_APPROVE
                : act->kind == MOOT_SIM_REJECT   ? MOOT_CALL_REJECT
                : act->kind == MOOT_SIM_WITHDRAW ? MOOT_CALL_WITHDRAW
                                                 : MOOT_CALL_ACTIVATE;
    call.proposal = proposed->proposal;
    struct moot_sim_deed *deed = &run->deeds[number];
    moot_hex_format(moot_bytes_of(proposed->proposal.b, 8), deed->digest_text);
    call.digest_text = moot_bytes_of_text(deed->digest_text);
    ask(run, number, &call);
}

void moot_sim_act_do(struct moot_sim_run *run, uint32_t number)
{
    const struct moot_sim_statement *statement = &run->scenario->statements[number];
    const struct moot_sim_act *act = &statement->act;
    struct moot_call call;
    switch (act->kind) {
    case MOOT_SIM_PROPOSE_UPGRADE:
        propose_upgrade(run, number);
        return;
    case MOOT_SIM_PROPOSE_ADMINS:
        propose_admins(run, number);
        return;
    case MOOT_SIM_REMOVE:
    case MOOT_SIM_RENAME:
        change_device(run, number);
        return;
    case MOOT_SIM_PROPOSE_SNAPSHOT:
        call = (struct moot_call){.kind = MOOT_CALL_PROPOSE_SNAPSHOT};
        ask(run, number, &call);
        return;
    case MOOT_SIM_INVALIDATE:
        invalidate(run, number);
        return;
    case MOOT_SIM_APPROVE:
    case MOOT_SIM_REJECT:
    case MOOT_SIM_WITHDRAW:
    case MOOT_SIM_ACTIVATE:
        answer_proposal(run, number);
        return;
    case MOOT_SIM_PUT:
    case MOOT_SIM_CACHE_SET:
    case MOOT_SIM_CACHE_GET:
        call = (struct moot_call){.kind = act->kind == MOOT_SIM_PUT         ? MOOT_CALL_RECORD_PUT
                                          : act->kind == MOOT_SIM_CACHE_SET ? MOOT_CALL_CACHE_SET
                                                                            : MOOT_CALL_CACHE_GET,
                                  .key = moot_bytes_of_text(act->key),
                                  .value = moot_bytes_of_text(act->value)};
        ask(run, number, &call);
        return;
    case MOOT_SIM_CRASH:
    case MOOT_SIM_RESTART:
        each_of_set(run, statement);
        break;
    case MOOT_SIM_UPGRADE:
        upgrade(run, act);
        break;
    case MOOT_SIM_PARTITION:
        moot_sim_trace_note(run->world, "partition", act->group_count);
        moot_sim_cut(run->world, act->groups, act->group_count);
        break;
    case MOOT_SIM_HEAL:
        moot_sim_trace_note(run->world, "heal", 0);
        moot_sim_heal(run->world);
        break;
    case MOOT_SIM_ISOLATE:
        moot_sim_trace_note(run->world, "isolate", 0);
        isolate(run, act);
        break;
    }
    run->deeds[number].outcome = MOOT_SIM_OUTCOME_DONE;
}

/* ---- answers ---- */

void moot_sim_act_replied(struct moot_sim_run *run, uint32_t node, uint64_t call_number,
                          const struct moot_reply *reply)
{
    for (uint32_t i = 0; i < run->scenario->statement_count; i++) {
        const struct moot_sim_act *act = &run->scenario->statements[i].act;
        struct moot_sim_deed *deed = &run->deeds[i];
        if (deed->call_number != call_number || deed->outcome != MOOT_SIM_OUTCOME_ASKED)
            continue;
        bool waits = act->kind == MOOT_SIM_APPROVE || act->kind == MOOT_SIM_REJECT;
        if (reply->status == MOOT_BEING_HEARD && waits) {
            deed->outcome = MOOT_SIM_OUTCOME_NONE;
            later(run, i);
        } else if (reply->status != MOOT_OK) {
            refused(deed, reply->status, reply->detail);
        } else {
            deed->outcome = MOOT_SIM_OUTCOME_DONE;
            deed->proposal = reply->proposal;
            deed->seq = reply->seq;
            if (act->kind == MOOT_SIM_PUT)
                moot_sim_oracle_acknowledged(&run->oracle, node, reply->seq, act->key, act->value);
            if (act->kind == MOOT_SIM_CACHE_SET)
                moot_sim_oracle_cached(&run->oracle, node, act->key);
        }
        return;
    }
}

void moot_sim_act_crashed(struct moot_sim_run *run, uint32_t node)
{
    for (uint32_t i = 0; i < run->scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &run->scenario->statements[i];
        if (statement->is_act && statement->act.node == node &&
            run->deeds[i].outcome == MOOT_SIM_OUTCOME_ASKED)
            run->deeds[i].outcome = MOOT_SIM_OUTCOME_UNKNOWN;
    }
}

static bool spoken_of(const struct moot_sim_run *run, const struct moot_sim_act *act)
{
    for (uint32_t i = 0; i < run->scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &run->scenario->statements[i];
        const char *word = statement->predicate.label;
        if (!statement->is_act && statement->predicate.kind == MOOT_SIM_IS_REFUSED &&
            (strcmp(word, act->label) == 0 || strcmp(word, act->key) == 0 ||
             strcmp(word, act->value) == 0))
            return true;
    }
    return false;
}

void moot_sim_act_judge(struct moot_sim_run *run)
{
    for (uint32_t i = 0; i < run->scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &run->scenario->statements[i];
        const struct moot_sim_deed *deed = &run->deeds[i];
        if (!statement->is_act)
            continue;
        if (deed->outcome == MOOT_SIM_OUTCOME_REFUSED && !spoken_of(run, &statement->act))
            moot_sim_run_fail(run, (int)statement->act.node, statement, "act-refused",
                              "%s: %s (%s)", statement->text, moot_status_info(deed->reason)->text,
                              deed->detail);
        if (deed->outcome == MOOT_SIM_OUTCOME_NONE || deed->outcome == MOOT_SIM_OUTCOME_ASKED)
            moot_sim_run_fail(run, (int)statement->act.node, statement, "act",
                              "never came about: %s", statement->text);
    }
}
