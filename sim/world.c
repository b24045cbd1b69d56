/*
 * The world's clock and event loop. Happy path: the least event is taken from the heap, time moves to
 * it, its owner acts, the trace hash takes it in. Fails only when events never end at one moment.
 */
#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "sim/memory.h"

#define STEP_ARENA_BYTES ((size_t)32 << 20)
#define VIEW_ARENA_BYTES ((size_t)8 << 20)
#define STEPS_AT_ONE_TIME_MAX 200000u

const char *moot_sim_event_kind_text(enum moot_sim_event_kind kind)
{
    switch (kind) {
    case MOOT_SIM_WAKE:
        return "wake";
    case MOOT_SIM_DIAL:
        return "dialled";
    case MOOT_SIM_DIAL_FAIL:
        return "dial-failed";
    case MOOT_SIM_UP:
        return "link-up";
    case MOOT_SIM_FRAME:
        return "frame";
    case MOOT_SIM_DOWN:
        return "link-down";
    case MOOT_SIM_STALL:
        return "link-stalled";
    case MOOT_SIM_DISK:
        return "durable";
    case MOOT_SIM_JOB:
        return "job-done";
    case MOOT_SIM_CALL:
        return "call";
    case MOOT_SIM_TIMER:
        return "timer";
    }
    return "?";
}

static void arena_new(struct moot_arena *arena, size_t size, uint8_t fill)
{
    void *memory = malloc(size); /* untouched pages cost nothing */
    MOOT_INVARIANT(memory != NULL);
    if (fill != 0)
        memset(memory, fill, (size_t)1 << 20);
    moot_arena_init(arena, memory, size);
}

static void node_init(struct moot_sim_world *world, const struct moot_sim_world_plan *plan,
                      uint32_t index)
{
    struct moot_sim_node *node = &world->nodes[index];
    struct moot_sim_stream stream;
    uint8_t seed[32];
    node->world = world;
    node->index = index;
    node->protocol_max = plan->protocol_max;
    memcpy(node->name, plan->nodes[index].name, sizeof node->name);
    memcpy(node->home, plan->nodes[index].home, sizeof node->home);
    snprintf(node->address, sizeof node->address, "10.0.%u.%u", (index + 1) / 256,
             (index + 1) % 256);
    snprintf(node->url, sizeof node->url, "tcp://%s:7450", node->address);
    moot_sim_stream_init(&stream, world->seed, "identity", index, 0, 0);
    moot_sim_stream_fill(&stream, seed, sizeof seed);
    moot_identity_init(&node->identity, seed);
    node->store = moot_sim_store_new();
    node->port = moot_sim_store_port(node->store);
    moot_sim_stream_init(&node->disk, world->seed, "disk", index, 0, 0);

    moot_sim_stream_init(&stream, world->seed, "clock", index, 0, 0);
    node->clock_offset_us =
        moot_sim_stream_between(&stream, MOOT_SIM_US_PER_S, (uint64_t)1000 * MOOT_SIM_US_PER_S);
    node->clock_drift_ppm =
        (uint32_t)moot_sim_stream_between(&stream, 0, plan->clock_drift_ppm_max);
    node->clock_slow = moot_sim_stream_below(&stream, 2) == 1;
    uint64_t skew_s = plan->clock_skew_us_max / MOOT_SIM_US_PER_S;
    node->wall_offset_s =
        (int64_t)moot_sim_stream_between(&stream, 0, 2 * skew_s) - (int64_t)skew_s;
}

struct moot_sim_world *moot_sim_world_new(const struct moot_sim_world_plan *plan)
{
    MOOT_REQUIRE(plan->node_count > 0 && plan->node_count <= MOOT_SIM_NODES_MAX);
    struct moot_sim_world *world = (struct moot_sim_world *)moot_sim_take(1, sizeof *world);
    uint32_t count = plan->node_count;
    world->hasher =
        (struct moot_hasher *)aligned_alloc(_Alignof(struct moot_hasher), sizeof *world->hasher);
    MOOT_INVARIANT(world->hasher != NULL);
    world->seed = plan->seed;
    world->fill = plan->fill;
    world->net = plan->net;
    world->lan = plan->lan;
    moot_engine_config_init(&world->config);
    world->config.snapshot_every = plan->snapshot_every;
    if (plan->fence_lease_ms > 0)
        world->config.fence_lease_ms = plan->fence_lease_ms;
    world->config.epoch_interval_ms = plan->epoch_interval_ms;
    snprintf(world->config.version, sizeof world->config.version, "1.0.0");
    world->node_count = count;
    world->nodes = (struct moot_sim_node *)moot_sim_take(count, sizeof *world->nodes);
    world->weather =
        (struct moot_sim_stream *)moot_sim_take((size_t)count * count, sizeof *world->weather);
    world->cuts = (uint64_t *)moot_sim_take((size_t)count * count, sizeof *world->cuts);
    arena_new(&world->arena, STEP_ARENA_BYTES, plan->fill);
    arena_new(&world->job_arena, STEP_ARENA_BYTES, plan->fill);
    arena_new(&world->view_arena, VIEW_ARENA_BYTES, plan->fill);
    for (uint32_t i = 0; i < count; i++) {
        node_init(world, plan, i);
        for (uint32_t j = 0; j < count; j++)
            moot_sim_stream_init(&world->weather[i * count + j], world->seed, "weather", i, j + 1,
                                 0);
    }
    return world;
}

void moot_sim_world_free(struct moot_sim_world *world)
{
    struct moot_sim_entry entry;
    if (!world)
        return;
    while (moot_sim_heap_pop(&world->heap, &entry)) {
        struct moot_sim_event *event = (struct moot_sim_event *)entry.what;
        free(event->bytes);
        free(event);
    }
    moot_sim_heap_deinit(&world->heap);
    moot_sim_links_free(world);
    for (uint32_t i = 0; i < world->node_count; i++)
        moot_sim_node_deinit(&world->nodes[i]);
    free(world->nodes);
    free(world->hasher);
    free(world->weather);
    free(world->cuts);
    free(world->arena.base);
    free(world->job_arena.base);
    free(world->view_arena.base);
    free(world);
}

void moot_sim_world_push(struct moot_sim_world *world, uint64_t at_us,
                         const struct moot_sim_event *event)
{
    MOOT_REQUIRE(at_us >= world->now_us);
    struct moot_sim_event *copy = (struct moot_sim_event *)moot_sim_take(1, sizeof *copy);
    *copy = *event;
    const struct moot_sim_entry entry = {
        .at_us = at_us, .sequence = ++world->sequence, .what = copy};
    moot_sim_heap_push(&world->heap, &entry);
}

void moot_sim_world_timer(struct moot_sim_world *world, uint64_t at_us, uint64_t number)
{
    const struct moot_sim_event event = {.kind = MOOT_SIM_TIMER, .number = number};
    moot_sim_world_push(world, at_us, &event);
}

bool moot_sim_world_call(struct moot_sim_world *world, uint32_t node, uint64_t call_number,
                         const struct moot_call *call)
{
    if (!world->nodes[node].up)
        return false;
    const struct moot_sim_event event = {.kind = MOOT_SIM_CALL,
                                         .node = node,
                                         .boot = world->nodes[node].boot,
                                         .number = call_number,
                                         .call = *call};
    moot_sim_world_push(world, world->now_us, &event);
    return true;
}

int moot_sim_world_find(const struct moot_sim_world *world, const char *name)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (strcmp(world->nodes[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

void moot_sim_world_broken(struct moot_sim_world *world, uint32_t node, const char *invariant,
                           const char *why)
{
    if (world->hooks.broken)
        world->hooks.broken(world->hooks.context, node, invariant, why);
}

static void happen(struct moot_sim_world *world, const struct moot_sim_event *event)
{
    moot_sim_trace_begin(world, event);
    switch (event->kind) {
    case MOOT_SIM_TIMER:
        if (world->hooks.timer)
            world->hooks.timer(world->hooks.context, event->number);
        break;
    case MOOT_SIM_WAKE:
    case MOOT_SIM_DISK:
    case MOOT_SIM_JOB:
    case MOOT_SIM_CALL:
        moot_sim_node_event(world, event);
        break;
    case MOOT_SIM_DIAL:
    case MOOT_SIM_DIAL_FAIL:
    case MOOT_SIM_UP:
    case MOOT_SIM_FRAME:
    case MOOT_SIM_DOWN:
    case MOOT_SIM_STALL:
        moot_sim_link_event(world, event);
        break;
    }
    moot_sim_trace_end(world);
}

bool moot_sim_world_run(struct moot_sim_world *world, uint64_t until_us, const bool *stop)
{
    for (;;) {
        const struct moot_sim_entry *first = moot_sim_heap_first(&world->heap);
        if (!first || first->at_us > until_us || (stop && *stop))
            break;
        struct moot_sim_entry entry;
        moot_sim_heap_pop(&world->heap, &entry);
        struct moot_sim_event *event = (struct moot_sim_event *)entry.what;
        world->steps_at_now = entry.at_us > world->now_us ? 0 : world->steps_at_now + 1;
        world->now_us = entry.at_us;
        world->counts.events++;
        happen(world, event);
        free(event->bytes);
        free(event);
        if (world->steps_at_now > STEPS_AT_ONE_TIME_MAX)
            return false;
    }
    if (!(stop && *stop) && world->now_us < until_us)
        world->now_us = until_us;
    return true;
}
