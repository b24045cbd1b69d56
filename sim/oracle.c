/*
 * States, epochs and acknowledgements. Happy path: every change of a node is compared with what the
 * run has seen before and nothing comes of it. Failure: the run stops with the invariant's name.
 */
#include "sim/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "protocols/view.h"
#include "sim/memory.h"
#include "sim/run.h"

void moot_sim_oracle_init(struct moot_sim_oracle *oracle, struct moot_sim_run *run)
{
    *oracle = (struct moot_sim_oracle){.run = run};
    oracle->watches =
        (struct moot_sim_watch *)moot_sim_take(run->scenario->node_count, sizeof *oracle->watches);
}

static void pending_drop(struct moot_sim_watch *watch, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(watch->pending[i].votes);
        free(watch->pending[i].heads);
    }
    watch->pending_count -= count;
    memmove(watch->pending, watch->pending + count, watch->pending_count * sizeof *watch->pending);
}

void moot_sim_oracle_deinit(struct moot_sim_oracle *oracle)
{
    for (uint32_t i = 0; oracle->watches && i < oracle->run->scenario->node_count; i++) {
        pending_drop(&oracle->watches[i], oracle->watches[i].pending_count);
        free(oracle->watches[i].pending);
    }
    free(oracle->watches);
    free(oracle->rules);
    free(oracle->acks);
    free(oracle->floors);
    free(oracle->cached);
    moot_sim_book_deinit(&oracle->states);
    moot_sim_book_deinit(&oracle->heads);
    moot_sim_book_deinit(&oracle->votes);
    moot_sim_book_deinit(&oracle->verified);
    moot_sim_book_deinit(&oracle->objects);
    *oracle = (struct moot_sim_oracle){0};
}

static const struct moot_state *state_of(struct moot_sim_oracle *oracle, uint32_t node)
{
    const struct moot_engine_env env = moot_sim_node_env(&oracle->run->world->nodes[node]);
    return moot_view_state(&env);
}

static uint64_t facts_held(const struct moot_state *state, const struct moot_pool *pool)
{
    struct moot_map_item item;
    uint64_t facts = 0;
    for (MOOT_MAP_EACH(pool, &state->chains, item))
        facts += ((const struct moot_chain *)item.value)->tail.seq;
    return facts;
}

/* ---- batches ---- */

static void heads_note(struct moot_sim_pending *pending, const struct moot_state *state,
                       const struct moot_pool *pool)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->chains, item)) {
        const struct moot_chain *chain = (const struct moot_chain *)item.value;
        uint8_t seq[8];
        moot_u64_put(seq, chain->tail.seq);
        const struct moot_bytes parts[] = {moot_digest_bytes(&chain->id),
                                           moot_bytes_of(seq, sizeof seq)};
        if (chain->tail.seq == 0)
            continue;
        pending->heads = (struct moot_sim_head *)moot_sim_grow(
            pending->heads, pending->head_count, &pending->head_capacity, sizeof *pending->heads);
        struct moot_sim_head *head = &pending->heads[pending->head_count++];
        moot_digest_of("moot/sim-place/1", parts, 2, &head->place);
        head->fact = chain->tail.id;
    }
}

static void heads_keep(struct moot_sim_oracle *oracle, uint32_t node,
                       const struct moot_sim_pending *pending)
{
    for (uint32_t i = 0; i < pending->head_count; i++) {
        const struct moot_sim_head *head = &pending->heads[i];
        if (!moot_digest_equal(moot_sim_book_add(&oracle->heads, &head->place, &head->fact),
                               &head->fact))
            moot_sim_run_fail(
                oracle->run, (int)node, NULL, "one-number",
                "%s holds another fact at a number of a chain than was durable before",
                oracle->run->world->nodes[node].name);
    }
}

void moot_sim_oracle_submitted(struct moot_sim_oracle *oracle, uint32_t node, uint64_t ticket,
                               const struct moot_store_batch *batch)
{
    struct moot_sim_watch *watch = &oracle->watches[node];
    watch->pending = (struct moot_sim_pending *)moot_sim_grow(
        watch->pending, watch->pending_count, &watch->pending_capacity, sizeof *watch->pending);
    struct moot_sim_pending *pending = &watch->pending[watch->pending_count++];
    const struct moot_state *state = state_of(oracle, node);
    *pending =
        (struct moot_sim_pending){.ticket = ticket,
                                  .epoch = state->epoch,
                                  .facts = facts_held(state, oracle->run->world->nodes[node].pool)};
    heads_note(pending, state, oracle->run->world->nodes[node].pool);
    moot_sim_oracle_batch(oracle, node, pending, batch);
    moot_sim_oracle_fence_batch(oracle, node, pending, batch);
}

static void votes_keep(struct moot_sim_oracle *oracle, uint32_t node,
                       const struct moot_sim_pending *pending)
{
    for (uint32_t i = 0; i < pending->vote_count; i++) {
        const struct moot_sim_vote *vote = &pending->votes[i];
        const struct moot_digest *said =
            moot_sim_book_add(&oracle->votes, &vote->slot, &vote->statement);
        if (!moot_digest_equal(said, &vote->statement))
            moot_sim_run_fail(oracle->run, (int)node, NULL, "one-vote",
                              "%s has signed two statements in one slot and round",
                              oracle->run->world->nodes[node].name);
    }
}

void moot_sim_oracle_durable(struct moot_sim_oracle *oracle, uint32_t node, uint64_t ticket)
{
    struct moot_sim_watch *watch = &oracle->watches[node];
    uint32_t count = 0;
    while (count < watch->pending_count && watch->pending[count].ticket <= ticket) {
        const struct moot_sim_pending *pending = &watch->pending[count++];
        votes_keep(oracle, node, pending);
        heads_keep(oracle, node, pending);
        moot_sim_oracle_fence_durable(watch, pending);
        if (pending->epoch > watch->epoch_durable)
            watch->epoch_durable = pending->epoch;
        if (pending->facts > watch->facts_durable)
            watch->facts_durable = pending->facts;
    }
    pending_drop(watch, count);
    moot_sim_oracle_cache_durable(oracle, node, ticket);
}

void moot_sim_oracle_crashed(struct moot_sim_oracle *oracle, uint32_t node)
{
    pending_drop(&oracle->watches[node], oracle->watches[node].pending_count);
    moot_sim_oracle_cache_crashed(oracle, node);
}

/* ---- acknowledged ---- */

/* The put is among the record's values, or a later one says that it knew it. */
static bool put_present(struct moot_sim_oracle *oracle, uint32_t node,
                        const struct moot_sim_ack *ack)
{
    const struct moot_sim_world *world = oracle->run->world;
    const struct moot_pool *pool = world->nodes[node].pool;
    const struct moot_state *state = state_of(oracle, node);
    const struct moot_member *author =
        moot_state_member_listed(state, pool, &world->nodes[ack->node].identity.key);
    const struct moot_record *record = moot_state_record(state, pool, moot_bytes_of_text(ack->key));
    if (author && author->retired && ack->seq > author->last_seq)
        return true; /* M of N decided that it does not count */
    if (!author || !record)
        return false;
    for (uint32_t i = 0; i < record->values.count; i++) {
        const struct moot_record_value *value =
            (const struct moot_record_value *)moot_list_at(pool, &record->values, i);
        if (moot_digest_equal(&value->chain, &author->chain) && value->seq == ack->seq)
            return moot_bytes_equal(moot_blob_get(pool, value->value),
                                    moot_bytes_of_text(ack->value));
    }
    for (uint32_t i = 0; i < record->context.count; i++) {
        const struct moot_context_entry *entry =
            (const struct moot_context_entry *)moot_list_at(pool, &record->context, i);
        if (moot_digest_equal(&entry->chain, &author->chain) && entry->seq >= ack->seq)
            return true;
    }
    return false;
}

void moot_sim_oracle_acknowledged(struct moot_sim_oracle *oracle, uint32_t node, uint64_t seq,
                                  const char *key, const char *value)
{
    oracle->acks = (struct moot_sim_ack *)moot_sim_grow(
        oracle->acks, oracle->ack_count, &oracle->ack_capacity, sizeof *oracle->acks);
    struct moot_sim_ack *ack = &oracle->acks[oracle->ack_count++];
    *ack = (struct moot_sim_ack){.node = node, .seq = seq, .key = key, .value = value};
    if (!put_present(oracle, node, ack))
        moot_sim_run_fail(oracle->run, (int)node, NULL, "acknowledged",
                          "%s acknowledged the put of %s to %s and does not show it",
                          oracle->run->world->nodes[node].name, value, key);
}

/* It may not have what was written under a protocol that it does not speak. */
static bool is_fenced(struct moot_sim_oracle *oracle, uint32_t node)
{
    const struct moot_state *state = state_of(oracle, node);
    return state->founded && moot_state_era(state, oracle->run->world->nodes[node].pool)->protocol >
                                 state->protocol_max;
}

bool moot_sim_oracle_everywhere(struct moot_sim_oracle *oracle, char *ret_missing, size_t size)
{
    const struct moot_sim_world *world = oracle->run->world;
    for (uint32_t i = 0; i < oracle->ack_count; i++) {
        for (uint32_t node = 0; node < world->node_count; node++) {
            const struct moot_sim_ack *ack = &oracle->acks[i];
            if (!world->nodes[node].up || is_fenced(oracle, node) || put_present(oracle, node, ack))
                continue;
            snprintf(ret_missing, size, "%s lacks the put of %s to %s that %s acknowledged",
                     world->nodes[node].name, ack->value, ack->key, world->nodes[ack->node].name);
            return false;
        }
    }
    return true;
}

/* ---- after a start, after a step ---- */

void moot_sim_oracle_opened(struct moot_sim_oracle *oracle, uint32_t node)
{
    struct moot_sim_watch *watch = &oracle->watches[node];
    const char *name = oracle->run->world->nodes[node].name;
    watch->epoch = state_of(oracle, node)->epoch;
    if (watch->epoch < watch->epoch_durable)
        moot_sim_run_fail(oracle->run, (int)node, NULL, "epoch-falls",
                          "%s stood at epoch %u on its disk and starts at %u", name,
                          watch->epoch_durable, watch->epoch);
    moot_sim_oracle_fence_opened(oracle, node);
    watch->facts = facts_held(state_of(oracle, node), oracle->run->world->nodes[node].pool);
    if (watch->facts < watch->facts_durable)
        moot_sim_run_fail(oracle->run, (int)node, NULL, "facts-vanish",
                          "%s had %llu facts on its disk and starts with %llu", name,
                          (unsigned long long)watch->facts_durable,
                          (unsigned long long)watch->facts);
    for (uint32_t i = 0; i < oracle->ack_count; i++) {
        const struct moot_sim_ack *ack = &oracle->acks[i];
        if (ack->node == node && !put_present(oracle, node, ack))
            moot_sim_run_fail(oracle->run, (int)node, NULL, "acknowledged",
                              "%s acknowledged the put of %s to %s and lost it in a restart", name,
                              ack->value, ack->key);
    }
}

void moot_sim_oracle_stepped(struct moot_sim_oracle *oracle, uint32_t node)
{
    const struct moot_state *state = state_of(oracle, node);
    const struct moot_pool *pool = oracle->run->world->nodes[node].pool;
    struct moot_sim_watch *watch = &oracle->watches[node];
    struct moot_digest root, digest;
    if (!state->founded)
        return;
    oracle->checks++;
    if (state->epoch < watch->epoch)
        moot_sim_run_fail(oracle->run, (int)node, NULL, "epoch-falls",
                          "%s went from epoch %u to %u", oracle->run->world->nodes[node].name,
                          watch->epoch, state->epoch);
    watch->epoch = state->epoch;
    moot_sim_oracle_cache_stepped(oracle, node);
    uint64_t facts = facts_held(state, pool);
    if (facts < watch->facts)
        moot_sim_run_fail(oracle->run, (int)node, NULL, "facts-vanish",
                          "%s went from %llu facts to %llu", oracle->run->world->nodes[node].name,
                          (unsigned long long)watch->facts, (unsigned long long)facts);
    watch->facts = facts;
    const struct moot_engine_env env = moot_sim_node_env(&oracle->run->world->nodes[node]);
    if (moot_state_unread(state, pool) > 0 || !moot_view_settled(&env))
        return; /* behind, and it says so */
    moot_frontier_root(state, pool, &root);
    moot_state_digest(state, pool, &digest);
    if (!moot_digest_equal(moot_sim_book_add(&oracle->states, &root, &digest), &digest)) {
        char hex[65];
        moot_hex_format(moot_digest_bytes(&root), hex);
        moot_sim_run_fail(oracle->run, (int)node, NULL, "equal-states",
                          "%s has a state of its own at the frontier %.16s",
                          oracle->run->world->nodes[node].name, hex);
    }
}

/* Reasons that name the peer and are nobody's fault: it was away, this node does not know it yet, or not any more. */
static bool innocent(enum moot_status status)
{
    return status == MOOT_SILENT || status == MOOT_STRANGER || status == MOOT_REMOVED ||
           status == MOOT_OTHER_BRANCH || moot_status_info(status)->blame != MOOT_BLAME_PEER;
}

void moot_sim_oracle_noticed(struct moot_sim_oracle *oracle, uint32_t node,
                             const struct moot_notice *notice)
{
    static const char *const about_peers[] = {"peer.gone", "peer.refused", "link.refused",
                                              "block.bad", "chain.forked", "admin.double_vote"};
    bool about = false;
    for (size_t i = 0; i < sizeof about_peers / sizeof about_peers[0]; i++)
        about = about || strcmp(notice->name, about_peers[i]) == 0;
    if (about && !innocent(notice->status) && oracle->run->world->counts.duplicated == 0)
        moot_sim_run_fail(oracle->run, (int)node, NULL, "honest-blamed", "%s says %s: %s (%s)",
                          oracle->run->world->nodes[node].name, notice->name,
                          moot_status_info(notice->status)->text, notice->detail);
}
