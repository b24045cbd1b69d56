/*
 * The node shell: what node/ is around a real engine, in virtual time.
 *
 *   action      what the shell does
 *   COMMIT      submitted to the disk at once; one commit at a time, durable after a disk delay, then
 *               a COMMITTED event; what was submitted meanwhile goes into the next commit
 *   SEND, CLOSE (flush), REPLY, NOTICE
 *               wait until `after` is committed; order is kept on each link and among replies
 *   DIAL, JOB   at once; a job's result comes back after a delay
 *
 * Failures: an engine that does not open on its own store is a finding ("restart").
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/base/mutant.h"
#include "sim/memory.h"
#include "sim/world.h"

#define POOL_BYTES ((size_t)64 << 20)
#define FILL_BYTES ((size_t)2 << 20)
#define WALL_START_S 1767225600u /* 2026-01-01T00:00:00Z: for people only */
#define COMMIT_US_MIN 500u
#define COMMIT_US_MAX 4000u
#define JOB_US_MIN 50u
#define JOB_US_MAX 1500u
#define LANES_MAX 256u

struct moot_engine_env moot_sim_node_env(struct moot_sim_node *node)
{
    return (struct moot_engine_env){
        .pool = node->pool, .random = &node->random, .store = &node->port};
}

/* ---- clocks ---- */

static uint64_t local_us(const struct moot_sim_node *node, uint64_t world_us)
{
    uint64_t drift = world_us / 1000000 * node->clock_drift_ppm +
                     world_us % 1000000 * node->clock_drift_ppm / 1000000;
    return node->clock_offset_us + (node->clock_slow ? world_us - drift : world_us + drift);
}

uint64_t moot_sim_node_now_ms(const struct moot_sim_node *node)
{
    return local_us(node, node->world->now_us) / MOOT_SIM_US_PER_MS;
}

/* The first world time, not before now, at which the node's clock shows `local_ms`. */
static uint64_t world_us_at(const struct moot_sim_node *node, uint64_t local_ms)
{
    uint64_t now_us = node->world->now_us;
    uint64_t wanted_us = local_ms * MOOT_SIM_US_PER_MS;
    uint64_t have_us = local_us(node, now_us);
    if (local_ms >= UINT64_MAX / MOOT_SIM_US_PER_MS)
        return MOOT_SIM_NEVER;
    if (wanted_us <= have_us)
        return now_us;
    uint64_t at_us = now_us + (wanted_us - have_us); /* off by the drift at most: then corrected */
    while (local_us(node, at_us) < wanted_us)
        at_us += wanted_us - local_us(node, at_us);
    return at_us;
}

/* ---- life ---- */

bool moot_sim_node_lives(const struct moot_sim_world *world, uint32_t node, uint32_t boot)
{
    return world->nodes[node].up && world->nodes[node].boot == boot;
}

/* Every step says anew when the engine wants to be woken: what was asked before counts no more. */
static void wake_at(struct moot_sim_node *node, uint64_t at_us)
{
    if (node->wake_us == at_us)
        return;
    node->wake_us = at_us;
    node->wake_generation++;
    if (at_us == MOOT_SIM_NEVER)
        return;
    const struct moot_sim_event event = {.kind = MOOT_SIM_WAKE,
                                         .node = node->index,
                                         .boot = node->boot,
                                         .number = node->wake_generation};
    moot_sim_world_push(node->world, at_us, &event);
}

enum moot_status moot_sim_node_start(struct moot_sim_world *world, uint32_t index)
{
    struct moot_sim_node *node = &world->nodes[index];
    struct moot_engine_config config = world->config;
    struct moot_error error = {0};
    MOOT_REQUIRE(!node->up);
    node->boot++;
    if (!node->memory) {
        node->memory = malloc(POOL_BYTES);
        MOOT_INVARIANT(node->memory != NULL);
    }
    if (world->fill != 0)
        memset(node->memory, world->fill, FILL_BYTES);
    node->pool = moot_pool_init(node->memory, POOL_BYTES);
    uint64_t seed = world->seed + (MOOT_MUTANT("run-reads-fresh-memory") ? world->fill : 0);
    moot_sim_stream_init(&node->engine_stream, seed, "engine", index, 0, node->boot);
    node->random = moot_sim_stream_random(&node->engine_stream);
    node->wake_us = MOOT_SIM_NEVER;
    config.protocol_max = node->protocol_max;
    snprintf(config.name, sizeof config.name, "%s", node->name);
    snprintf(config.home, sizeof config.home, "%s", node->home);
    snprintf(config.listen_url, sizeof config.listen_url, "%s", node->url);
    const struct moot_engine_env env = moot_sim_node_env(node);
    moot_arena_reset(&world->arena);
    enum moot_status status = moot_engine_open(&env, &config, &node->identity,
                                               moot_sim_node_now_ms(node), &world->arena, &error);
    node->port.release(node->port.self);
    if (status != MOOT_OK) {
        char why[256];
        snprintf(why, sizeof why, "%s does not open: %s (%s)", node->name,
                 moot_status_info(status)->text, error.detail);
        moot_sim_world_broken(world, index, "restart", why);
        return status;
    }
    node->up = true;
    node->submitted = node->committing = node->committed = moot_engine_ticket(&env);
    if (node->boot > 1)
        world->counts.restarts++;
    if (world->hooks.opened)
        world->hooks.opened(world->hooks.context, index);
    wake_at(node, world->now_us);
    return MOOT_OK;
}

static void held_forget(struct moot_sim_node *node)
{
    for (uint32_t i = 0; i < node->held_count; i++)
        free(node->held[i].bytes);
    node->held_count = 0;
}

void moot_sim_node_crash(struct moot_sim_world *world, uint32_t index)
{
    struct moot_sim_node *node = &world->nodes[index];
    MOOT_REQUIRE(node->up);
    world->counts.crashes++;
    if (node->committing > node->committed && moot_sim_stream_below(&node->disk, 2) == 1 &&
        moot_sim_store_commit(node->store, node->committing) == MOOT_OK && world->hooks.durable)
        world->hooks.durable(world->hooks.context, index, node->committing);
    if (world->hooks.crashed)
        world->hooks.crashed(world->hooks.context, index);
    node->up = false;
    moot_sim_store_crash(node->store);
    if (MOOT_MUTANT("disk-forgets")) { /* all that was ever written */
        moot_sim_store_free(node->store);
        node->store = moot_sim_store_new();
        node->port = moot_sim_store_port(node->store);
    }
    held_forget(node);
    moot_sim_link_node_died(world, index);
}

void moot_sim_node_deinit(struct moot_sim_node *node)
{
    held_forget(node);
    free(node->held);
    free(node->memory);
    moot_sim_store_free(node->store);
    moot_sim_blocks_deinit(&node->blocks);
    moot_identity_deinit(&node->identity);
}

/* ---- what waits for a commit ---- */

static void perform(struct moot_sim_node *node, struct moot_sim_held *held)
{
    const struct moot_sim_hooks *hooks = &node->world->hooks;
    switch (held->kind) {
    case MOOT_ACTION_SEND:
        moot_sim_link_send(node, held->link, moot_bytes_of(held->bytes, held->size));
        break;
    case MOOT_ACTION_CLOSE:
        moot_sim_link_close(node, held->link, held->status);
        break;
    case MOOT_ACTION_REPLY:
        if (hooks->replied)
            hooks->replied(hooks->context, node->index, held->call_number, &held->reply);
        break;
    case MOOT_ACTION_NOTICE:
        if (hooks->noticed)
            hooks->noticed(hooks->context, node->index, &held->notice);
        break;
    case MOOT_ACTION_COMMIT:
    case MOOT_ACTION_DIAL:
    case MOOT_ACTION_JOB:
        break;
    }
    free(held->bytes);
    held->bytes = NULL;
}

static bool lane_blocked(const uint32_t *lanes, uint32_t count, uint32_t lane)
{
    for (uint32_t i = 0; i < count; i++) {
        if (lanes[i] == lane)
            return true;
    }
    return count == LANES_MAX; /* too many to tell apart: all wait */
}

/* Does all that may be done now: an item waits for its commit and for those before it in its lane. */
static void held_pump(struct moot_sim_node *node)
{
    uint32_t lanes[LANES_MAX], lane_count = 0, kept = 0;
    for (uint32_t i = 0; i < node->held_count; i++) {
        struct moot_sim_held item = node->held[i];
        bool blocked = lane_blocked(lanes, lane_count, item.link);
        if (!blocked &&
            (item.after <= node->committed || MOOT_MUTANT("shell-sends-before-commit"))) {
            perform(node, &item);
            continue;
        }
        if (!blocked)
            lanes[lane_count++] = item.link;
        node->held[kept++] = item;
    }
    node->held_count = kept;
}

static void hold(struct moot_sim_node *node, const struct moot_action *action)
{
    node->held = (struct moot_sim_held *)moot_sim_grow(node->held, node->held_count,
                                                       &node->held_capacity, sizeof *node->held);
    struct moot_sim_held *held = &node->held[node->held_count++];
    *held = (struct moot_sim_held){.kind = action->kind,
                                   .after = action->after,
                                   .link = action->link,
                                   .status = action->status,
                                   .call_number = action->call_number,
                                   .reply = action->reply,
                                   .notice = action->notice};
    held->reply.payload = moot_bytes_of(NULL, 0); /* of a dry run: nobody here asks for it */
    if (action->bytes.size > 0) {
        held->bytes = (uint8_t *)moot_sim_take(action->bytes.size, 1);
        memcpy(held->bytes, action->bytes.data, action->bytes.size);
        held->size = action->bytes.size;
    }
}

/* ---- disk and jobs ---- */

static void commit_begin(struct moot_sim_node *node)
{
    if (node->committing > node->committed || node->submitted == node->committed)
        return;
    node->committing = node->submitted;
    const struct moot_sim_event event = {
        .kind = MOOT_SIM_DISK, .node = node->index, .boot = node->boot, .number = node->committing};
    moot_sim_world_push(node->world,
                        node->world->now_us +
                            moot_sim_stream_between(&node->disk, COMMIT_US_MIN, COMMIT_US_MAX),
                        &event);
}

static void submit(struct moot_sim_node *node, const struct moot_action *action)
{
    const struct moot_sim_hooks *hooks = &node->world->hooks;
    MOOT_REQUIRE(action->ticket == node->submitted + 1);
    moot_sim_store_submit(node->store, &action->batch, action->ticket);
    node->submitted = action->ticket;
    node->world->counts.commits++;
    if (hooks->submitted)
        hooks->submitted(hooks->context, node->index, action->ticket, &action->batch);
    commit_begin(node);
}

static void job_begin(struct moot_sim_node *node, const struct moot_action *action)
{
    struct moot_sim_event event = {
        .kind = MOOT_SIM_JOB, .node = node->index, .boot = node->boot, .job = action->job};
    event.bytes = (uint8_t *)moot_sim_take(action->job.input.size, 1);
    event.size = action->job.input.size;
    if (event.size > 0)
        memcpy(event.bytes, action->job.input.data, event.size);
    event.job.input = moot_bytes_of(event.bytes, event.size);
    node->world->counts.jobs++;
    moot_sim_world_push(
        node->world,
        node->world->now_us + moot_sim_stream_between(&node->disk, JOB_US_MIN, JOB_US_MAX), &event);
}

/* ---- one step ---- */

void moot_sim_node_step(struct moot_sim_node *node, struct moot_event *event)
{
    struct moot_sim_world *world = node->world;
    const struct moot_engine_env env = moot_sim_node_env(node);
    struct moot_actions actions;
    bool changed = event->kind == MOOT_EVENT_COMMITTED;
    event->now_ms = moot_sim_node_now_ms(node);
    event->wall_s = (uint64_t)((int64_t)(WALL_START_S + world->now_us / MOOT_SIM_US_PER_S) +
                               node->wall_offset_s);
    moot_arena_reset(&world->arena);
    moot_actions_init(&actions, &world->arena);
    world->counts.steps++;
    moot_engine_step(&env, event, &actions);
    for (const struct moot_action *action = actions.first; action; action = action->next) {
        moot_sim_trace_action(world, action);
        switch (action->kind) {
        case MOOT_ACTION_COMMIT:
            changed = true;
            submit(node, action);
            break;
        case MOOT_ACTION_DIAL:
            moot_sim_link_dial(node, action->dial, action->url);
            break;
        case MOOT_ACTION_JOB:
            job_begin(node, action);
            break;
        case MOOT_ACTION_CLOSE:
            if (!action->flush) {
                moot_sim_link_close(node, action->link, action->status);
                break;
            }
            moot_sim_link_closing(node, action->link);
            hold(node, action);
            break;
        case MOOT_ACTION_SEND:
        case MOOT_ACTION_REPLY:
        case MOOT_ACTION_NOTICE:
            hold(node, action);
            break;
        }
    }
    held_pump(node);
    wake_at(node, world_us_at(node, actions.wake_ms));
    if (world->hooks.stepped)
        world->hooks.stepped(world->hooks.context, node->index, changed);
}

/* ---- events ---- */

static void disk_done(struct moot_sim_node *node, const struct moot_sim_event *event)
{
    const struct moot_sim_hooks *hooks = &node->world->hooks;
    enum moot_status status = moot_sim_store_commit(node->store, event->number);
    MOOT_INVARIANT(status == MOOT_OK); /* no disk is full in this release of the simulator */
    node->committed = event->number;
    if (hooks->durable)
        hooks->durable(hooks->context, node->index, event->number);
    commit_begin(node);
    struct moot_event done = {.kind = MOOT_EVENT_COMMITTED, .ticket = event->number};
    moot_sim_node_step(node, &done);
}

static void job_done(struct moot_sim_node *node, const struct moot_sim_event *event)
{
    struct moot_sim_world *world = node->world;
    struct moot_event done = {.kind = MOOT_EVENT_JOB_DONE, .job = &event->job};
    moot_arena_reset(&world->job_arena);
    if (event->job.kind == MOOT_JOB_VERIFY)
        moot_job_verify(&event->job, &world->job_arena, &done.status, &done.bytes);
    else if (event->job.kind == MOOT_JOB_REBUILD || event->job.kind == MOOT_JOB_IMAGE)
        done.status = moot_sim_snapshot_job(&node->blocks, moot_sim_node_env(node).store,
                                            &event->job, &world->job_arena, &done.bytes);
    else
        done.status =
            moot_sim_blocks_job(&node->blocks, &event->job, &world->job_arena, &done.bytes);
    moot_sim_node_step(node, &done);
}

void moot_sim_node_event(struct moot_sim_world *world, const struct moot_sim_event *event)
{
    struct moot_sim_node *node = &world->nodes[event->node];
    if (!moot_sim_node_lives(world, event->node, event->boot))
        return;
    if (event->kind == MOOT_SIM_WAKE) {
        if (event->number != node->wake_generation)
            return;
        node->wake_us = MOOT_SIM_NEVER;
        struct moot_event wake = {.kind = MOOT_EVENT_TIME};
        moot_sim_node_step(node, &wake);
    } else if (event->kind == MOOT_SIM_DISK) {
        disk_done(node, event);
    } else if (event->kind == MOOT_SIM_JOB) {
        job_done(node, event);
    } else if (event->kind == MOOT_SIM_CALL) {
        struct moot_event call = {
            .kind = MOOT_EVENT_CALL, .call_number = event->number, .call = &event->call};
        moot_sim_node_step(node, &call);
    }
}
