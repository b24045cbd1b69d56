/*
 * The answering side of a PULL: what we hold more than the other side's lists say, from the committed log,
 * within its credit. Bytes of the message: reconcile.c. A node on an earlier timeline gets lane 0 first.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "journal/log_row.h"
#include "protocols/hardfork.h"
#include "protocols/reconcile_parts.h"
#include "protocols/snapshot.h"

/* Sorted tags of what the other side holds. */
struct tags {
    uint64_t *tags;
    uint32_t count;
};

static void sift(uint64_t *heap, uint32_t root, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && heap[child + 1] > heap[child])
            child++;
        if (heap[root] >= heap[child])
            return;
        uint64_t swap = heap[root];
        heap[root] = heap[child];
        heap[child] = swap;
        root = child;
    }
}

static void tags_read(struct moot_step *step, struct moot_cursor *body, struct tags *ret)
{
    ret->count = moot_read_array_any(body, MOOT_TAGS_MAX);
    ret->tags = moot_arena_take(step->arena, (ret->count + 1u) * sizeof *ret->tags);
    MOOT_INVARIANT(ret->tags != NULL);
    for (uint32_t i = 0; i < ret->count; i++) {
        struct moot_bytes tag = moot_read_bin(body, 8);
        if (tag.size != 8) {
            moot_cursor_fail(body, MOOT_BAD_VALUE);
            ret->count = 0;
            return;
        }
        ret->tags[i] = moot_u64_get(tag.data);
    }
    for (uint32_t i = ret->count / 2; i > 0; i--)
        sift(ret->tags, i - 1, ret->count);
    for (uint32_t end = ret->count; end > 1; end--) {
        uint64_t swap = ret->tags[0];
        ret->tags[0] = ret->tags[end - 1];
        ret->tags[end - 1] = swap;
        sift(ret->tags, 0, end - 1);
    }
}

static bool tags_have(const struct tags *tags, const struct moot_digest *id)
{
    uint64_t wanted = moot_u64_get(id->b);
    uint32_t low = 0, high = tags->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tags->tags[middle] == wanted)
            return true;
        if (tags->tags[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* What goes into one answer, gathered first: arrays carry their counts in front. */
struct answer {
    struct moot_bytes items[4096];
    uint32_t count;
    size_t bytes, credit;
    bool more, behind; /* there is more; the asker lacks what is collected here */
};

static bool answer_add(struct answer *answer, struct moot_bytes bytes)
{
    if (answer->count == MOOT_COUNT_OF(answer->items) ||
        (answer->bytes + bytes.size + MOOT_ITEM_FRONT_BYTES > answer->credit &&
         answer->count > 0)) {
        answer->more = true;
        return false;
    }
    answer->items[answer->count++] = bytes;
    answer->bytes += bytes.size + MOOT_ITEM_FRONT_BYTES;
    return true;
}

static void answer_write(const struct answer *answer, uint32_t from, struct moot_writer *writer)
{
    moot_write_array(writer, answer->count - from);
    for (uint32_t i = from; i < answer->count; i++)
        moot_write_bin(writer, answer->items[i]);
}

static void add_chain(struct moot_step *step, struct answer *answer, const struct moot_chain *chain,
                      uint64_t held_seq, uint16_t protocol_max)
{
    if (held_seq >= chain->tail.seq)
        return; /* whatever number the other side gives */
    uint64_t seq = held_seq + 1;
    if (held_seq < moot_snapshot_base_seq(step, &chain->id)) {
        answer->behind = true;
        return;
    }
    while (seq <= chain->tail.seq && !answer->more) {
        struct moot_bytes encoded;
        struct moot_run run;
        enum moot_status status = moot_log_run_at(step->env->store, chain->index, seq, &encoded);
        if (status == MOOT_OK && moot_run_decode(encoded, &run) != MOOT_OK)
            status = MOOT_STORE_DAMAGED;
        if (status == MOOT_STORE_DAMAGED) {
            moot_step_refuse(step, status);
            moot_step_notice(step, "store.damaged", status)->number = seq;
            return;
        }
        if (status != MOOT_OK || run.first_seq + run.fact_count - 1 < seq) {
            answer->more = true; /* merged here, but not durable yet: ask again */
            return;
        }
        if ((protocol_max < moot_state_era(&step->engine->state, step->pool)->protocol &&
             moot_run_protocol(step->engine, step->pool, encoded) > protocol_max) ||
            !answer_add(answer, encoded))
            return;
        seq = run.first_seq + run.fact_count;
    }
}

static void add_objects(struct moot_step *step, struct answer *answer, const struct tags *held)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.objects, item)) {
        const struct moot_object_row *row = item.value;
        if (!tags_have(held, &row->id) &&
            !answer_add(answer, moot_blob_get(step->pool, row->encoded)))
            return;
    }
}

static void add_loose(struct moot_step *step, struct answer *answer, const struct tags *held)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->loose, item)) {
        const struct moot_loose *loose = item.value;
        if (!tags_have(held, &loose->id) &&
            !answer_add(answer, moot_blob_get(step->pool, loose->encoded)))
            return;
    }
}

/* The chain entries of a PULL, by chain: 0 for those it does not name. */
static void add_chains(struct moot_step *step, struct answer *answer,
                       const struct moot_session *session, struct moot_cursor *entries,
                       uint32_t count)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    uint32_t chains = engine->state.chain_count;
    uint64_t *held = moot_arena_take_zeroed(step->arena, chains + 1u, sizeof *held);
    MOOT_INVARIANT(held != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct moot_digest id;
        moot_read_array(entries, 3);
        moot_read_digest(entries, &id);
        uint64_t seq = moot_read_uint(entries, UINT64_MAX);
        struct moot_bytes tag = moot_read_bin(entries, 8);
        const struct moot_chain *chain = moot_state_chain(&engine->state, step->pool, &id);
        if (!chain || tag.size != 8)
            continue;
        held[chain->index] = seq;
        uint8_t mine[8], none[8] = {0};
        moot_reconcile_entry_tag(session, &chain->tail.id, mine);
        if (seq == chain->tail.seq && seq > 0 && memcmp(tag.data, none, 8) != 0 &&
            memcmp(tag.data, mine, 8) != 0) {
            moot_step_refuse(step, MOOT_CHAIN_FORKED);
            moot_step_notice(step, "chain.forked", MOOT_CHAIN_FORKED)->device = chain->author;
        }
    }
    for (MOOT_MAP_EACH(step->pool, &engine->state.chains, item)) {
        const struct moot_chain *chain = item.value;
        add_chain(step, answer, chain, held[chain->index], session->peer_protocol);
    }
}

static void answer_pull(struct moot_step *step, struct moot_session *session, uint32_t number,
                        unsigned state, const struct answer *answer, uint32_t loose_from,
                        uint32_t runs_from)
{
    struct moot_writer writer;
    moot_writer_init_arena(&writer, step->arena);
    moot_write_array(&writer, 7);
    moot_write_uint(&writer, state);
    moot_reconcile_write_roots(step, &writer);
    moot_write_bool(&writer, answer && answer->more);
    if (answer) {
        struct answer part = *answer;
        part.count = loose_from;
        answer_write(&part, 0, &writer);
        part.count = runs_from;
        answer_write(&part, loose_from, &writer);
        answer_write(answer, runs_from, &writer);
    } else {
        moot_write_array(&writer, 0);
        moot_write_array(&writer, 0);
        moot_write_array(&writer, 0);
    }
    moot_reconcile_told(step, session);
    moot_session_answer(step, session, MOOT_MESSAGE_PULL, number, moot_step_finish(step, &writer),
                        MOOT_AFTER_COMMIT);
}

/* Is that timeline an earlier one of ours? Then its holder gets lane 0 first: turns, not chains. */
static bool is_behind(const struct moot_step *step, struct moot_fork_id fork)
{
    const struct moot_state *state = &step->engine->state;
    for (uint32_t i = 0; i + 1 < state->eras.count; i++) {
        const struct moot_era *era = moot_list_at(step->pool, &state->eras, i);
        if (moot_fork_id_equal(moot_fork_id_of(&era->timeline), fork))
            return true;
    }
    return false;
}

void moot_reconcile_pull_asked(struct moot_step *step, struct moot_session *session,
                               uint32_t number, struct moot_cursor *body)
{
    struct moot_engine *engine = step->engine;
    struct moot_digest frontier, loose;
    struct moot_fork_id fork;
    moot_read_array(body, 8);
    moot_read_digest(body, &frontier);
    moot_read_digest(body, &loose);
    moot_reconcile_read_fork(body, &fork);
    uint64_t credit = moot_read_uint(body, MOOT_FRAME_BYTES_MAX);
    bool lists = moot_read_bool(body);
    uint32_t entry_count = moot_read_array_any(body, MOOT_CHAINS_LISTED_MAX);
    struct moot_cursor entries = *body;
    for (uint32_t i = 0; i < entry_count; i++)
        (void)moot_read_value(body);
    struct tags objects_held, loose_held;
    tags_read(step, body, &objects_held);
    tags_read(step, body, &loose_held);
    if (moot_cursor_finish(body) != MOOT_OK) {
        moot_reconcile_offence(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    session->peer_frontier = frontier;
    session->peer_loose = loose;
    session->peer_fork = fork;
    if (moot_digest_equal(&frontier, moot_reconcile_root(step)) &&
        moot_digest_equal(&loose, moot_loose_root(step))) {
        answer_pull(step, session, number, MOOT_PULL_EQUAL, NULL, 0, 0);
        return;
    }
    if (!lists) {
        answer_pull(step, session, number, MOOT_PULL_LISTS, NULL, 0, 0);
        return;
    }
    struct answer *answer = moot_arena_take_zeroed(step->arena, 1, sizeof *answer);
    MOOT_INVARIANT(answer != NULL);
    answer->credit = credit < MOOT_PULL_CREDIT_BYTES ? credit : MOOT_PULL_CREDIT_BYTES;
    add_objects(step, answer, &objects_held);
    uint32_t loose_from = answer->count;
    if (!answer->more)
        add_loose(step, answer, &loose_held);
    uint32_t runs_from = answer->count;
    if (is_behind(step, fork))
        answer->more = answer->more || answer->count > 0;
    else if (!answer->more)
        add_chains(step, answer, session, &entries, entry_count);
    if (engine->ticket > engine->committed)
        answer->more = true;
    answer_pull(step, session, number, answer->behind ? MOOT_PULL_BEHIND : MOOT_PULL_DATA, answer,
                loose_from, runs_from);
}
