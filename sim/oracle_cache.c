/*
 * The cache against ground truth: floors as the node's own disk was told of them, keys as the scenario
 * stored them. Happy path: what the node would serve is not below its floor. Failure: "cache-floor".
 *
 * A floor counts for a node from the batch that brings it: state and disk learn of it in one step. What a
 * crash forgets is forgotten here, too, and so is the whole cache.
 */
#include <string.h>

#include "protocols/view.h"
#include "sim/memory.h"
#include "sim/oracle.h"
#include "sim/run.h"

void moot_sim_oracle_floors(struct moot_sim_oracle *oracle, uint32_t node, uint64_t ticket,
                            const struct moot_cache_body *body)
{
    for (uint32_t i = 0; i < body->entry_count; i++) {
        oracle->floors = (struct moot_sim_floor *)moot_sim_grow(
            oracle->floors, oracle->floor_count, &oracle->floor_capacity, sizeof *oracle->floors);
        struct moot_sim_floor *floor = &oracle->floors[oracle->floor_count++];
        *floor = (struct moot_sim_floor){.node = node,
                                         .ticket = ticket,
                                         .epoch = body->floor,
                                         .prefix = body->entries[i].prefix,
                                         .key_size = (uint32_t)body->entries[i].key.size};
        memcpy(floor->key, body->entries[i].key.data, body->entries[i].key.size);
    }
}

void moot_sim_oracle_cache_durable(struct moot_sim_oracle *oracle, uint32_t node, uint64_t ticket)
{
    for (uint32_t i = 0; i < oracle->floor_count; i++) {
        if (oracle->floors[i].node == node && oracle->floors[i].ticket <= ticket)
            oracle->floors[i].ticket = 0;
    }
}

void moot_sim_oracle_cache_crashed(struct moot_sim_oracle *oracle, uint32_t node)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < oracle->floor_count; i++) {
        if (oracle->floors[i].node != node || oracle->floors[i].ticket == 0)
            oracle->floors[kept++] = oracle->floors[i];
    }
    oracle->floor_count = kept;
    kept = 0;
    for (uint32_t i = 0; i < oracle->cached_count; i++) {
        if (oracle->cached[i].node != node)
            oracle->cached[kept++] = oracle->cached[i];
    }
    oracle->cached_count = kept;
}

void moot_sim_oracle_cached(struct moot_sim_oracle *oracle, uint32_t node, const char *key)
{
    oracle->cached = (struct moot_sim_cached *)moot_sim_grow(
        oracle->cached, oracle->cached_count, &oracle->cached_capacity, sizeof *oracle->cached);
    oracle->cached[oracle->cached_count++] = (struct moot_sim_cached){.node = node, .key = key};
}

static uint32_t floor_of(const struct moot_sim_oracle *oracle, uint32_t node, const char *key)
{
    size_t size = strlen(key);
    uint32_t greatest = 0;
    for (uint32_t i = 0; i < oracle->floor_count; i++) {
        const struct moot_sim_floor *floor = &oracle->floors[i];
        bool fits = floor->prefix ? size >= floor->key_size : size == floor->key_size;
        if (floor->node == node && fits && memcmp(key, floor->key, floor->key_size) == 0 &&
            floor->epoch > greatest)
            greatest = floor->epoch;
    }
    return greatest;
}

void moot_sim_oracle_cache_stepped(struct moot_sim_oracle *oracle, uint32_t node)
{
    const struct moot_engine_env env = moot_sim_node_env(&oracle->run->world->nodes[node]);
    for (uint32_t i = 0; i < oracle->cached_count; i++) {
        const struct moot_sim_cached *cached = &oracle->cached[i];
        struct moot_view_cached view;
        if (cached->node != node)
            continue;
        moot_view_cached(&env, moot_bytes_of_text(cached->key), &view);
        uint32_t floor = floor_of(oracle, node, cached->key);
        if (view.served && (view.epoch < floor || view.epoch > oracle->watches[node].epoch))
            moot_sim_run_fail(oracle->run, (int)node, NULL, "cache-floor",
                              "%s would serve %s of epoch %u, its floor is %u, the epoch %u",
                              oracle->run->world->nodes[node].name, cached->key, view.epoch, floor,
                              oracle->watches[node].epoch);
    }
}
