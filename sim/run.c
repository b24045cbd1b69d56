/*
 * The life of one run: world and oracles are made, the mesh is brought up, timers are set for the
 * statements, events run until the end. Fails once, with the first finding.
 */
#include "sim/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"

#define POLL_US (UINT64_C(100) * MOOT_SIM_US_PER_MS)
#define LINE_BYTES 4096u
#define STATES_EVERY 1000u /* events */

void moot_sim_run_fail(struct moot_sim_run *run, int node,
                       const struct moot_sim_statement *statement, const char *invariant,
                       const char *format, ...)
{
    struct moot_sim_failure *failure = &run->failure;
    int number = moot_sim_invariant_find(invariant);
    if (failure->set || (number >= 0 && (run->scenario->allowed >> number & 1) != 0))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->why, sizeof failure->why, format, arguments);
    va_end(arguments);
    failure->set = true;
    snprintf(failure->invariant, sizeof failure->invariant, "%s", invariant);
    failure->event = run->world->counts.events;
    failure->time_us = (int64_t)run->world->now_us - (int64_t)run->zero_us;
    if (node >= 0)
        snprintf(failure->node, sizeof failure->node, "%s", run->world->nodes[node].name);
    if (statement)
        failure->place = statement->place;
    run->stop = true;
}

/* ---- predicates over time ---- */

static bool judged_always(const struct moot_sim_statement *statement)
{
    return !statement->is_act &&
           (statement->when == MOOT_SIM_ALWAYS || statement->when == MOOT_SIM_NEVER_DO ||
            statement->when == MOOT_SIM_SOMETIMES || statement->when == MOOT_SIM_WITHIN);
}

static void check_one(struct moot_sim_run *run, const struct moot_sim_statement *statement,
                      struct moot_sim_deed *deed)
{
    uint64_t now_us = run->world->now_us - run->zero_us;
    if (statement->when == MOOT_SIM_WITHIN) {
        if (deed->over || now_us < statement->at_us)
            return;
        deed->held = moot_sim_holds(run, &statement->predicate);
        deed->over = deed->held;
        if (!deed->held && now_us >= statement->at_us + statement->span_us) {
            deed->over = true;
            moot_sim_run_fail(run, -1, statement, "within", "did not come true in time: %s",
                              statement->text);
        }
        return;
    }
    if (statement->when == MOOT_SIM_SOMETIMES) {
        deed->held = deed->held || moot_sim_holds(run, &statement->predicate);
        return;
    }
    bool holds = moot_sim_holds(run, &statement->predicate);
    if (holds != (statement->when == MOOT_SIM_ALWAYS))
        moot_sim_run_fail(run, -1, statement,
                          statement->when == MOOT_SIM_ALWAYS ? "always" : "never", "%s",
                          statement->text);
}

static void check_all(struct moot_sim_run *run)
{
    const struct moot_sim_scenario *scenario = run->scenario;
    for (uint32_t i = 0; i < scenario->statement_count && !run->stop; i++) {
        if (judged_always(&scenario->statements[i]))
            check_one(run, &scenario->statements[i], &run->deeds[i]);
    }
}

/* ---- hooks ---- */

static void on_timer(void *context, uint64_t number)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    if (run->stop)
        return;
    if (number == MOOT_SIM_TIMER_POLL) {
        check_all(run);
        moot_sim_world_timer(run->world, run->world->now_us + POLL_US, number);
        return;
    }
    const struct moot_sim_statement *statement = &run->scenario->statements[number];
    if (statement->is_act)
        moot_sim_act_do(run, (uint32_t)number);
    else if (!moot_sim_holds(run, &statement->predicate))
        moot_sim_run_fail(run, -1, statement, "expect", "does not hold: %s", statement->text);
    check_all(run);
}

static void on_opened(void *context, uint32_t node)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    moot_sim_oracle_opened(&run->oracle, node);
}

static void on_crashed(void *context, uint32_t node)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    moot_sim_oracle_crashed(&run->oracle, node);
    moot_sim_act_crashed(run, node);
}

static void on_submitted(void *context, uint32_t node, uint64_t ticket,
                         const struct moot_store_batch *batch)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    moot_sim_oracle_submitted(&run->oracle, node, ticket, batch);
}

static void on_durable(void *context, uint32_t node, uint64_t ticket)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    moot_sim_oracle_durable(&run->oracle, node, ticket);
}

static void on_replied(void *context, uint32_t node, uint64_t call_number,
                       const struct moot_reply *reply)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    if (run->started) {
        moot_sim_act_replied(run, node, call_number, reply);
    } else if (call_number == run->asked_number) {
        run->answered = true;
        run->answer = *reply;
    }
}

static void on_noticed(void *context, uint32_t node, const struct moot_notice *notice)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    moot_sim_oracle_noticed(&run->oracle, node, notice);
    if (!run->started)
        return;
    for (uint32_t i = 0; i < run->mark_count; i++) {
        if (run->marks[i].node == node && strcmp(run->marks[i].name, notice->name) == 0)
            return;
    }
    run->marks = (struct moot_sim_mark *)moot_sim_grow(run->marks, run->mark_count,
                                                       &run->mark_capacity, sizeof *run->marks);
    run->marks[run->mark_count++] = (struct moot_sim_mark){.name = notice->name, .node = node};
}

static void on_stepped(void *context, uint32_t node, bool changed)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    if (run->stop || !changed)
        return;
    moot_sim_oracle_stepped(&run->oracle, node);
    if (run->started)
        check_all(run);
}

static void on_broken(void *context, uint32_t node, const char *invariant, const char *why)
{
    moot_sim_run_fail((struct moot_sim_run *)context, (int)node, NULL, invariant, "%s", why);
}

/* The states themselves belong to the trace, now and then and at the end. */
static void states_fold(struct moot_sim_run *run)
{
    for (uint32_t i = 0; i < run->world->node_count; i++) {
        struct moot_sim_node *node = &run->world->nodes[i];
        struct moot_digest digest;
        if (!node->up)
            continue;
        const struct moot_engine_env env = moot_sim_node_env(node);
        const struct moot_state *state = moot_view_state(&env);
        if (!state->founded)
            continue;
        moot_state_digest(state, node->pool, &digest);
        moot_sim_trace_digest(run->world, &digest);
    }
}

static void on_done(void *context)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    if (run->world->counts.events % STATES_EVERY == 0)
        states_fold(run);
    run->hashes = (uint64_t *)moot_sim_grow(run->hashes, run->hash_count, &run->hash_capacity,
                                            sizeof *run->hashes);
    run->hashes[run->hash_count++] = moot_u64_get(run->world->trace.b);
}

static void on_line(void *context, const char *text)
{
    struct moot_sim_run *run = (struct moot_sim_run *)context;
    if (run->options.line)
        run->options.line(run->options.context, text);
}

/* ---- life ---- */

void moot_sim_run_init(struct moot_sim_run *run, const struct moot_sim_scenario *scenario,
                       const struct moot_sim_options *options)
{
    const struct moot_sim_world_plan plan = {
        .seed = options->seed,
        .nodes = scenario->nodes,
        .node_count = scenario->node_count,
        .net = scenario->net,
        .lan = scenario->lan,
        .epoch_interval_ms = scenario->epoch_interval_ms,
        .protocol_max = scenario->protocol_max,
        .snapshot_every = scenario->snapshot_every,
        .fence_lease_ms = scenario->fence_lease_ms,
        .clock_skew_us_max = scenario->clock_skew_us_max,
        .clock_drift_ppm_max = scenario->clock_drift_ppm_max,
        .fill = options->fill,
    };
    *run = (struct moot_sim_run){.scenario = scenario, .options = *options};
    run->world = moot_sim_world_new(&plan);
    run->deeds =
        (struct moot_sim_deed *)moot_sim_take(scenario->statement_count, sizeof *run->deeds);
    moot_sim_oracle_init(&run->oracle, run);
    run->world->hooks = (struct moot_sim_hooks){
        .context = run,
        .timer = on_timer,
        .opened = on_opened,
        .crashed = on_crashed,
        .submitted = on_submitted,
        .durable = on_durable,
        .replied = on_replied,
        .noticed = on_noticed,
        .stepped = on_stepped,
        .broken = on_broken,
        .done = on_done,
        .line = on_line,
    };
    if (options->trace) {
        run->world->line = (char *)moot_sim_take(LINE_BYTES, 1);
        run->world->line_size = LINE_BYTES;
    }
}

void moot_sim_run_deinit(struct moot_sim_run *run)
{
    moot_sim_oracle_deinit(&run->oracle);
    free(run->world->line);
    moot_sim_world_free(run->world);
    free(run->deeds);
    free(run->marks);
    free(run->hashes);
    *run = (struct moot_sim_run){0};
}

static void events_run(struct moot_sim_run *run, uint64_t until_us)
{
    if (!run->stop && !moot_sim_world_run(run->world, until_us, &run->stop)) {
        moot_sim_run_fail(run, -1, NULL, "livelock", "events without end at one moment");
    }
}

static bool all_up_and_joined(const struct moot_sim_run *run)
{
    const struct moot_sim_world *world = run->world;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (!world->nodes[i].up)
            return false;
    }
    for (uint32_t i = 0; i < world->node_count * world->node_count; i++) {
        if (world->cuts[i] != 0)
            return false;
    }
    return true;
}

/* What is not yet as it must be at the end, or NULL. */
static const struct moot_sim_statement *finally_missing(struct moot_sim_run *run)
{
    for (uint32_t i = 0; i < run->scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &run->scenario->statements[i];
        if (statement->when == MOOT_SIM_FINALLY && !moot_sim_holds(run, &statement->predicate))
            return statement;
    }
    return NULL;
}

/* At the end all of `finally` holds at one moment; a tick that is just on its way may pass first. */
static void finish(struct moot_sim_run *run)
{
    uint64_t last_us = run->world->now_us +
                       2 * run->scenario->epoch_interval_ms * MOOT_SIM_US_PER_MS +
                       10 * (uint64_t)MOOT_SIM_US_PER_S;
    char missing[256] = "";
    while (!run->stop) {
        const struct moot_sim_statement *statement = finally_missing(run);
        bool everywhere = !all_up_and_joined(run) ||
                          moot_sim_oracle_everywhere(&run->oracle, missing, sizeof missing);
        if (!statement && everywhere)
            return;
        if (run->world->now_us >= last_us) {
            if (statement)
                moot_sim_run_fail(run, -1, statement, "finally", "does not hold: %s",
                                  statement->text);
            else
                moot_sim_run_fail(run, -1, NULL, "acknowledged", "%s", missing);
            return;
        }
        events_run(run, run->world->now_us + POLL_US);
    }
}

void moot_sim_run_go(struct moot_sim_run *run)
{
    const struct moot_sim_scenario *scenario = run->scenario;
    run->world->calm = true;
    if (!moot_sim_bring_up(run))
        return;
    run->world->calm = false;
    run->started = true;
    run->zero_us = run->world->now_us;
    for (uint32_t i = 0; i < scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &scenario->statements[i];
        if (statement->when == MOOT_SIM_AT)
            moot_sim_world_timer(run->world, run->zero_us + statement->at_us, i);
    }
    moot_sim_world_timer(run->world, run->zero_us, MOOT_SIM_TIMER_POLL);
    events_run(run, run->zero_us + moot_sim_scenario_end_us(scenario));
    if (!run->stop)
        moot_sim_act_judge(run);
    finish(run);
    states_fold(run);
}
