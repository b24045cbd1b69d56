/*
 * From empty disks to the mesh that the scenario starts with, through the real protocol and with real
 * delays, but without loss:
 *
 *   start all ─▶ the first admin founds ─▶ each other device: invite, join, admit ─▶ propose admins,
 *   consent, turn at a tick ─▶ every node holds the same ─▶ time 0
 *
 * Failure: a step that does not come about in its time is the finding "bring-up", with the step.
 */
#include <stdio.h>
#include <string.h>

#include "protocols/view.h"
#include "sim/run.h"

#define STEP_US (UINT64_C(50) * MOOT_SIM_US_PER_MS)
#define PATIENCE_US (UINT64_C(120) * MOOT_SIM_US_PER_S)

static void status_of(struct moot_sim_run *run, uint32_t node, struct moot_view_status *ret)
{
    struct moot_sim_node *at = &run->world->nodes[node];
    const struct moot_engine_env env = moot_sim_node_env(at);
    moot_view_status(&env, moot_sim_node_now_ms(at), ret);
}

/* Lets time pass until `true_now` or patience ends; false after a failure. */
static bool wait_for(struct moot_sim_run *run, uint32_t node, const char *what,
                     bool (*true_now)(struct moot_sim_run *run, uint32_t node))
{
    uint64_t last_us = run->world->now_us + PATIENCE_US +
                       5 * run->scenario->epoch_interval_ms * MOOT_SIM_US_PER_MS;
    while (!run->stop && !true_now(run, node)) {
        if (run->world->now_us >= last_us) {
            moot_sim_run_fail(run, (int)node, NULL, "bring-up", "%s did not come about", what);
            return false;
        }
        if (!moot_sim_world_run(run->world, run->world->now_us + STEP_US, &run->stop))
            moot_sim_run_fail(run, (int)node, NULL, "livelock", "events without end while %s",
                              what);
    }
    return !run->stop;
}

static bool answered(struct moot_sim_run *run, uint32_t node)
{
    (void)node;
    return run->answered;
}

/* One call and its answer; false unless it is MOOT_OK. */
static bool ask(struct moot_sim_run *run, uint32_t node, const struct moot_call *call,
                const char *what)
{
    run->answered = false;
    run->asked_number = ++run->call_number;
    if (!moot_sim_world_call(run->world, node, run->asked_number, call)) {
        moot_sim_run_fail(run, (int)node, NULL, "bring-up", "%s: the node is down", what);
        return false;
    }
    if (!wait_for(run, node, what, answered))
        return false;
    if (run->answer.status != MOOT_OK)
        moot_sim_run_fail(run, (int)node, NULL, "bring-up", "%s: %s (%s)", what,
                          moot_status_info(run->answer.status)->text, run->answer.detail);
    return !run->stop;
}

/* Everybody has a link to the founder: its new admins count as seen. */
static bool linked(struct moot_sim_run *run, uint32_t node)
{
    struct moot_view_status status;
    status_of(run, node, &status);
    return status.session_count + 1 >= run->world->node_count;
}

static bool in_mesh(struct moot_sim_run *run, uint32_t node)
{
    struct moot_view_status status;
    status_of(run, node, &status);
    return status.in_mesh;
}

static bool found(struct moot_sim_run *run)
{
    struct moot_view_status status;
    const struct moot_call call = {.kind = MOOT_CALL_INIT, .mesh_name = moot_bytes_of_text("sim")};
    if (!ask(run, run->founder, &call, "founding"))
        return false;
    status_of(run, run->founder, &status);
    return status.in_mesh;
}

static bool joins(struct moot_sim_run *run, uint32_t node)
{
    struct moot_sim_world *world = run->world;
    char uri[MOOT_URI_BYTES_MAX];
    const struct moot_call invite = {.kind = MOOT_CALL_INVITE};
    if (!ask(run, run->founder, &invite, "inviting"))
        return false;
    memcpy(uri, run->answer.uri, sizeof uri);
    const struct moot_call join = {.kind = MOOT_CALL_JOIN, .uri = moot_bytes_of_text(uri)};
    if (!ask(run, node, &join, "joining"))
        return false;
    const struct moot_call admit = {.kind = MOOT_CALL_ADMIT,
                                    .name = moot_bytes_of_text(world->nodes[node].name)};
    return ask(run, run->founder, &admit, "admitting") &&
           wait_for(run, node, "entering the mesh", in_mesh);
}

static bool turned(struct moot_sim_run *run, uint32_t node)
{
    (void)node;
    for (uint32_t i = 0; i < run->world->node_count; i++) {
        struct moot_view_status status;
        status_of(run, i, &status);
        if (status.admins.version != 2)
            return false;
    }
    return true;
}

static bool turn(struct moot_sim_run *run)
{
    const struct moot_sim_scenario *scenario = run->scenario;
    struct moot_bytes names[MOOT_ADMINS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < scenario->node_count; i++) {
        if (moot_sim_set_has(&scenario->admins, i))
            names[count++] = moot_bytes_of_text(scenario->nodes[i].name);
    }
    if (count == 1)
        return true;
    const struct moot_call call = {.kind = MOOT_CALL_PROPOSE_ADMINS,
                                   .names = names,
                                   .name_count = count,
                                   .threshold = scenario->threshold};
    return wait_for(run, run->founder, "links to the founder", linked) &&
           ask(run, run->founder, &call, "proposing the admins") &&
           wait_for(run, run->founder, "the turn to the admins asked for", turned);
}

static bool settled(struct moot_sim_run *run, uint32_t node)
{
    struct moot_digest first = {{0}};
    (void)node;
    for (uint32_t i = 0; i < run->world->node_count; i++) {
        struct moot_sim_node *at = &run->world->nodes[i];
        const struct moot_engine_env env = moot_sim_node_env(at);
        struct moot_digest root;
        moot_frontier_root(moot_view_state(&env), at->pool, &root);
        if (i == 0)
            first = root;
        else if (!moot_digest_equal(&first, &root))
            return false;
    }
    return true;
}

bool moot_sim_bring_up(struct moot_sim_run *run)
{
    const struct moot_sim_scenario *scenario = run->scenario;
    while (!moot_sim_set_has(&scenario->admins, run->founder))
        run->founder++;
    for (uint32_t i = 0; i < scenario->node_count; i++) {
        if (moot_sim_node_start(run->world, i) != MOOT_OK)
            return false;
    }
    if (!found(run))
        return false;
    for (uint32_t i = 0; i < scenario->node_count; i++) {
        if (i != run->founder && !joins(run, i))
            return false;
    }
    return turn(run) && wait_for(run, run->founder, "equal frontiers everywhere", settled);
}
