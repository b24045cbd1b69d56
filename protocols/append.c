/*
 * Our own chain. Facts are staged with a settled sequence number, and written as signed runs, all in one
 * commit: what arrives while a commit is under way goes into the next one.
 *
 *   stage ─▶ waiting ─(heard, no own commit under way)─▶ flushed: signed, folded, in the batch
 *                                                          └─▶ committed: the caller is answered
 *
 * After a start nothing new is published until a peer has told how far it knows our chain and we hold
 * that much: a restored disk must not say two things under one number. A sole member is exempt, and so
 * is a chain that never said anything. A suspected restore asks more peers (protocols.md section 1).
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/hardfork.h"
#include "protocols/snapshot.h"

/* How long a caller waits for a peer before it is told why nothing happens. */
#define HEARD_PATIENCE_MS 10000

struct moot_chain *moot_append_chain(const struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    const struct moot_member *self =
        moot_state_member(&engine->state, step->pool, &engine->identity.key);
    return self ? moot_state_chain(&engine->state, step->pool, &self->chain) : NULL;
}

/* Peers that must have been heard: one; after a suspected restore N−M+1 other admins, or all. */
static uint32_t heard_needed(const struct moot_engine *engine, const struct moot_pool *pool)
{
    if (!engine->config.restored || !moot_engine_is_admin(engine, pool))
        return 1;
    const struct moot_admin_set *set = &moot_state_era(&engine->state, pool)->admins;
    uint32_t others = set->count - 1;
    uint32_t needed = set->threshold == set->count ? others : set->count - set->threshold + 1;
    return needed > others ? others : needed;
}

bool moot_append_ready(const struct moot_step *step)
{
    const struct moot_engine *engine = step->engine;
    const struct moot_chain *chain = moot_append_chain(step);
    if (!chain)
        return false;
    if (engine->config.alone)
        return true;
    if (chain->tail.seq == 0 && !engine->config.restored)
        return true; /* never said anything; of a copy nobody here knows that */
    return engine->heard.count >= heard_needed(engine, step->pool) ||
           moot_members_in_force(engine, step->pool) <= 1;
}

void moot_append_heard(struct moot_step *step, const struct moot_session *session)
{
    struct moot_engine *engine = step->engine;
    const struct moot_key *peer = &session->channel.peer;
    const struct moot_chain *chain = moot_append_chain(step);
    if (!chain)
        return;
    if (session->own_seq_there > chain->tail.seq) {
        /* A peer is ahead of our own head: who was heard before knew no better than we do. */
        engine->config.restored = true;
        moot_list_clear(step->pool, &engine->heard);
        return;
    }
    if (engine->config.restored) {
        /* Votes are in no chain: a peer counts after it has handed over what it holds of ours. */
        if (!session->pulled_all)
            return;
        if (moot_engine_is_admin(engine, step->pool) &&
            moot_admin_set_find(&moot_state_era(&engine->state, step->pool)->admins, peer) < 0)
            return;
    }
    for (uint32_t i = 0; i < engine->heard.count; i++) {
        if (moot_key_equal(moot_list_at(step->pool, &engine->heard, i), peer))
            return;
    }
    struct moot_key *added = moot_list_add(step->pool, &engine->heard);
    if (added)
        *added = *peer;
}

uint64_t moot_append_next_seq(const struct moot_step *step)
{
    const struct moot_chain *chain = moot_append_chain(step);
    return chain ? chain->tail.seq + step->engine->staged.count + 1 : 1;
}

/* ---- what is staged ---- */

static bool is_put(const struct moot_step *step, const struct moot_staged *staged,
                   struct moot_record_put *ret)
{
    return staged->kind == MOOT_KIND_RECORD_PUT &&
           moot_record_put_decode(moot_blob_get(step->pool, staged->payload), ret) == MOOT_OK;
}

uint64_t moot_append_staged_put(const struct moot_step *step, struct moot_bytes key)
{
    const uint64_t *seq = moot_map_get(step->pool, &step->engine->staged_puts, key);
    return seq ? *seq : 0;
}

/* A put is the last one of its record until the next; what it follows comes back if it is taken away. */
static enum moot_status note_put(struct moot_step *step, struct moot_staged *staged)
{
    struct moot_record_put put;
    if (!is_put(step, staged, &put))
        return MOOT_OK;
    uint64_t *seq = moot_map_put(step->pool, &step->engine->staged_puts, put.key, NULL);
    if (!seq)
        return MOOT_NO_MEMORY;
    staged->put_before = *seq;
    *seq = staged->seq;
    return MOOT_OK;
}

static void forget_put(struct moot_step *step, const struct moot_staged *staged, uint64_t instead)
{
    struct moot_map *puts = &step->engine->staged_puts;
    struct moot_record_put put;
    if (puts->count == 0 || !is_put(step, staged, &put))
        return;
    uint64_t *seq = moot_map_get(step->pool, puts, put.key);
    if (!seq || *seq != staged->seq)
        return;
    *seq = instead;
    if (instead == 0)
        (void)moot_map_remove(step->pool, puts, put.key);
}

static bool has_room(const struct moot_engine *engine, uint16_t kind, size_t size)
{
    if (kind <= MOOT_LANE0_KIND_MAX)
        return engine->staged.count < MOOT_STAGED_FACTS_MAX;
    return engine->staged.count < MOOT_STAGED_FACTS_MAX - MOOT_STAGED_RESERVE_FACTS &&
           engine->staged_bytes + size <= MOOT_STAGED_BYTES_MAX;
}

enum moot_status moot_append_stage(struct moot_step *step, uint16_t kind, struct moot_bytes payload,
                                   uint64_t call_number)
{
    struct moot_engine *engine = step->engine;
    if (payload.size > MOOT_PAYLOAD_BYTES_MAX)
        return MOOT_OVERSIZED;
    if (moot_device_is_gone(engine, step->pool, &engine->identity.key))
        return MOOT_REMOVED;
    if (kind > MOOT_LANE0_KIND_MAX && moot_engine_fenced(engine, step->pool))
        return MOOT_FENCED;
    if (!has_room(engine, kind, payload.size))
        return MOOT_LIMIT;
    uint64_t seq = moot_append_next_seq(step);
    struct moot_staged *staged = moot_list_add(step->pool, &engine->staged);
    if (!staged)
        return MOOT_NO_MEMORY;
    staged->seq = seq;
    staged->kind = kind;
    staged->epoch = engine->state.epoch;
    staged->call_number = call_number;
    staged->asked_ms = engine->now_ms;
    if (!moot_blob_set(step->pool, &staged->payload, payload) ||
        note_put(step, staged) != MOOT_OK) {
        moot_blob_clear(step->pool, &staged->payload);
        moot_list_remove(step->pool, &engine->staged, engine->staged.count - 1);
        return MOOT_NO_MEMORY;
    }
    engine->staged_bytes += payload.size;
    return MOOT_OK;
}

/* Takes the last staged fact away. Only a tail of the list may go: what is before it keeps its number,
 * what is after it was built upon it. */
static void drop_last(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_staged *last = moot_list_at(step->pool, &engine->staged, engine->staged.count - 1);
    forget_put(step, last, last->put_before);
    engine->staged_bytes -= last->payload.size;
    moot_blob_clear(step->pool, &last->payload);
    moot_list_remove(step->pool, &engine->staged, engine->staged.count - 1);
}

/* The same, and tells its caller why. */
static void refuse_last(struct moot_step *step, enum moot_status why)
{
    const struct moot_list *staged = &step->engine->staged;
    const struct moot_staged *last = moot_list_at(step->pool, staged, staged->count - 1);
    if (last->call_number != 0)
        moot_step_reply(step, last->call_number, why, NULL);
    moot_step_refuse(step, why);
    drop_last(step);
}

/* A fact that is staged anew: its body names place and epoch. */
static struct moot_bytes body_moved(struct moot_step *step, struct moot_bytes payload)
{
    struct moot_body body;
    struct moot_writer writer;
    void *memory = moot_arena_take(step->arena, MOOT_BODY_BYTES_MAX);
    MOOT_INVARIANT(memory != NULL);
    enum moot_status status = moot_body_decode(payload, &body);
    MOOT_ENSURE(status == MOOT_OK); /* we encoded it */
    body.nonce = moot_append_next_seq(step);
    body.epoch = step->engine->state.epoch;
    moot_writer_init(&writer, memory, MOOT_BODY_BYTES_MAX);
    moot_body_encode(&body, &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

static void move_one(struct moot_step *step, uint16_t kind, struct moot_bytes payload,
                     uint64_t call_number)
{
    const struct moot_kind_info *info = moot_kind_find(kind);
    struct moot_record_put put;
    enum moot_status status;
    if (kind == MOOT_KIND_RECORD_PUT) {
        status = moot_record_put_decode(payload, &put);
        MOOT_ENSURE(status == MOOT_OK);
        struct moot_call call = {.kind = MOOT_CALL_RECORD_PUT,
                                 .key = put.key,
                                 .value = put.value,
                                 .tombstone = put.tombstone};
        status = moot_fence_enqueue(step, call_number, &call);
    } else {
        if (info && info->proposes != 0)
            payload = body_moved(step, payload);
        status = moot_append_stage(step, kind, payload, call_number);
    }
    if (status != MOOT_OK && call_number != 0)
        moot_call_refuse(step, call_number, status, NULL);
}

void moot_append_hold_back(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_staged *moved =
        moot_arena_take_zeroed(step->arena, engine->staged.count + 1u, sizeof *moved);
    struct moot_bytes *payloads =
        moot_arena_take_zeroed(step->arena, engine->staged.count + 1u, sizeof *payloads);
    uint32_t first = 0, count = 0;
    MOOT_INVARIANT(moved != NULL && payloads != NULL);
    while (first < engine->staged.count &&
           ((struct moot_staged *)moot_list_at(step->pool, &engine->staged, first))->kind <=
               MOOT_LANE0_KIND_MAX)
        first++;
    for (uint32_t i = first; i < engine->staged.count; i++) {
        moved[count] = *(struct moot_staged *)moot_list_at(step->pool, &engine->staged, i);
        payloads[count] =
            moot_arena_copy(step->arena, moot_blob_get(step->pool, moved[count].payload));
        MOOT_INVARIANT(payloads[count].data != NULL);
        count++;
    }
    while (engine->staged.count > first)
        drop_last(step);
    for (uint32_t i = 0; i < count; i++)
        move_one(step, moved[i].kind, payloads[i], moved[i].call_number);
}

static void refuse_all(struct moot_step *step, enum moot_status why)
{
    while (step->engine->staged.count > 0)
        refuse_last(step, why);
}

void moot_append_overtaken(struct moot_step *step)
{
    refuse_all(step, MOOT_BEING_HEARD);
}

void moot_append_time(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    if (engine->staged.count == 0)
        return;
    if (engine->store_stopped) {
        refuse_all(step, engine->stopped_why);
        return;
    }
    if (engine->append_ticket != 0 || moot_append_ready(step))
        return;
    const struct moot_staged *oldest = moot_list_at(step->pool, &engine->staged, 0);
    uint64_t until_ms = oldest->asked_ms + HEARD_PATIENCE_MS;
    if (engine->now_ms >= until_ms)
        refuse_all(step, MOOT_BEING_HEARD);
    else
        moot_step_wake(step, until_ms);
}

/* ---- writing it ---- */

/* The largest lamport seen in that epoch: chains whose last fact is in it say so. */
static uint32_t lamport_seen(const struct moot_step *step, uint32_t epoch)
{
    uint32_t largest = 0;
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.chains, item)) {
        const struct moot_chain *chain = item.value;
        if (chain->tail.epoch == epoch && chain->tail.lamport > largest)
            largest = chain->tail.lamport;
    }
    return largest;
}

/* One flush: what is the same for all its runs. */
struct flush {
    struct moot_chain *chain;
    uint32_t count; /* staged facts written so far, from the front */
    uint64_t payload_bytes;
    uint32_t lamport_epoch, lamport; /* the largest seen in that epoch; 0: not looked up yet */
    enum moot_status status;         /* of the first fact that cannot be written */
};

/* The header of our next fact; lamport is one more than the largest seen in this epoch. */
static void header_fill(const struct moot_step *step, struct flush *flush,
                        const struct moot_staged *staged, const struct moot_chain_tail *tail,
                        struct moot_header *ret)
{
    const struct moot_engine *engine = step->engine;
    uint32_t epoch = staged->epoch > tail->epoch ? staged->epoch : tail->epoch;
    const struct moot_era *era = moot_state_era_at(&engine->state, step->pool, epoch);
    if (flush->lamport == 0 || flush->lamport_epoch != epoch) {
        flush->lamport = lamport_seen(step, epoch);
        flush->lamport_epoch = epoch;
    }
    if (tail->epoch == epoch && tail->lamport > flush->lamport)
        flush->lamport = tail->lamport;
    *ret = (struct moot_header){
        .fork_id = moot_fork_id_of(&era->timeline),
        .epoch = epoch,
        .lamport = flush->lamport == UINT32_MAX ? flush->lamport : flush->lamport + 1,
        .protocol = era->protocol < engine->config.protocol_max ? era->protocol
                                                                : engine->config.protocol_max,
        .kind = staged->kind,
        .wall_s = engine->wall_s,
    };
}

static void answer(struct moot_step *step, const struct moot_staged *staged)
{
    if (staged->call_number == 0)
        return;
    struct moot_reply *reply = moot_step_reply(step, staged->call_number, MOOT_OK, NULL);
    reply->seq = staged->seq;
    const struct moot_kind_info *info = moot_kind_find(staged->kind);
    if (info && info->proposes != 0)
        moot_body_hash(moot_blob_get(step->pool, staged->payload), &reply->proposal);
    else if (staged->kind == MOOT_KIND_WITHDRAWN)
        (void)moot_withdrawn_decode(moot_blob_get(step->pool, staged->payload), &reply->proposal);
}

/* Enough for a run of the next facts: front, signature and the values of each header. */
static size_t run_bytes(const struct moot_step *step, uint32_t from)
{
    const struct moot_list *staged = &step->engine->staged;
    size_t size = 256;
    for (uint32_t i = from; i < staged->count && i < from + MOOT_RUN_FACTS_MAX; i++) {
        const struct moot_staged *fact = moot_list_at(step->pool, staged, i);
        size += 64 + fact->payload.size;
    }
    return size < MOOT_RUN_ENCODED_BYTES_MAX ? size : MOOT_RUN_ENCODED_BYTES_MAX;
}

/* Builds one run of the next staged facts; what does not fit stays for the next run. */
static void flush_one_run(struct moot_step *step, struct flush *flush)
{
    struct moot_engine *engine = step->engine;
    struct moot_chain *chain = flush->chain;
    struct moot_run_builder builder;
    size_t capacity = run_bytes(step, flush->count);
    void *memory = moot_arena_take(step->arena, capacity);
    MOOT_INVARIANT(memory != NULL);
    moot_run_builder_init(&builder, &chain->id, &chain->tail, memory, capacity);
    while (flush->status == MOOT_OK && flush->count + builder.fact_count < engine->staged.count) {
        const struct moot_staged *staged =
            moot_list_at(step->pool, &engine->staged, flush->count + builder.fact_count);
        struct moot_header header;
        struct moot_digest id;
        header_fill(step, flush, staged, &builder.after, &header);
        enum moot_status status = moot_gate_write(engine, step->pool, &header);
        if (status == MOOT_OK)
            status = moot_run_builder_add(&builder, &header,
                                          moot_blob_get(step->pool, staged->payload), &id);
        if (status == MOOT_LIMIT)
            break;
        flush->status = status; /* our own quota, or a fence that came up meanwhile */
        MOOT_ENSURE(status != MOOT_OK || header.seq == staged->seq);
    }
    MOOT_ENSURE(builder.fact_count > 0 || flush->status != MOOT_OK);
    if (builder.fact_count == 0)
        return;
    struct moot_verified_run verified;
    struct moot_admitted_run admitted;
    enum moot_status status = moot_run_builder_finish(&builder, &engine->identity, &verified);
    MOOT_ENSURE(status == MOOT_OK);
    status = moot_admit(&verified, &chain->tail, &admitted);
    MOOT_ENSURE(status == MOOT_OK);
    flush->count += builder.fact_count;
    flush->payload_bytes += builder.payload_bytes;
    moot_merge_admitted(step, chain, &admitted, 0);
}

/* Answers what was written and takes it off the list. */
static void take_off(struct moot_step *step, uint32_t count)
{
    struct moot_engine *engine = step->engine;
    bool all = count == engine->staged.count;
    for (uint32_t i = 0; i < count; i++) {
        struct moot_staged *staged = moot_list_at(step->pool, &engine->staged, i);
        answer(step, staged);
        if (!all)
            forget_put(step, staged, 0);
        engine->staged_bytes -= staged->payload.size;
        moot_blob_clear(step->pool, &staged->payload);
    }
    moot_list_drop(step->pool, &engine->staged, count);
    if (all)
        moot_map_clear(step->pool, &engine->staged_puts);
}

void moot_append_flush(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    while (engine->staged.count > 0 &&
           moot_device_is_gone(engine, step->pool, &engine->identity.key))
        refuse_last(step, MOOT_REMOVED);
    if (engine->staged.count == 0 || engine->append_ticket != 0 || !moot_append_ready(step))
        return;
    struct flush flush = {.chain = moot_append_chain(step), .status = MOOT_OK};
    uint64_t first_seq = flush.chain->tail.seq + 1;
    while (flush.status == MOOT_OK && flush.count < engine->staged.count &&
           flush.payload_bytes < MOOT_FLUSH_BYTES_MAX && !engine->store_stopped)
        flush_one_run(step, &flush);
    take_off(step, flush.count);
    while (flush.status != MOOT_OK && engine->staged.count > 0)
        refuse_last(step, flush.status);
    if (step->batch.op_count > 0)
        engine->append_ticket = engine->ticket + 1; /* the commit that finish() asks for */
    moot_propose_folded(step, first_seq);
}

void moot_append_committed(struct moot_step *step)
{
    if (step->engine->append_ticket != 0 && step->engine->committed >= step->engine->append_ticket)
        step->engine->append_ticket = 0;
}
