/*
 * The writer fence: no ordinary fact (lane 1) is appended here while a lease runs.
 *
 *   down ─ SnapshotProposed admitted, or our own draining ─▶ up (lease, durable in the same commit)
 *   up ─ completed | withdrawn | rejected | expired | lease over ─▶ down; the queue goes through in order
 *
 * Leases run on this device's monotonic clock; a restart starts what was left once more, and only once. The
 * fence is liveness and politeness: no replicated state depends on it. Lane 0 passes.
 *
 * Writes that meet it wait in the durable, bounded queue, or are refused with FENCED at once.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/base/mutant.h"
#include "protocols/hardfork.h"
#include "protocols/snapshot.h"
#include "protocols/view.h"

static struct moot_bytes lease_row(const struct moot_lease *lease, uint64_t now_ms,
                                   uint8_t memory[96])
{
    struct moot_writer writer;
    moot_writer_init(&writer, memory, 96);
    moot_write_array(&writer, 4);
    moot_write_key(&writer, &lease->holder);
    moot_write_uint(&writer, lease->target_epoch);
    moot_write_uint(&writer, lease->until_ms > now_ms ? lease->until_ms - now_ms : 0);
    moot_write_uint(&writer, lease->restarts);
    MOOT_ENSURE(writer.status == MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

static void lease_write(struct moot_step *step, const struct moot_digest *proposal,
                        const struct moot_lease *lease)
{
    uint8_t memory[96];
    moot_step_put(step, MOOT_TABLE_FENCE, moot_digest_bytes(proposal),
                  lease_row(lease, step->engine->now_ms, memory));
}

enum moot_status moot_fence_restore(struct moot_engine *engine, struct moot_pool *pool,
                                    struct moot_bytes key, struct moot_bytes row)
{
    struct moot_lease lease = {0};
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 4);
    moot_read_key(&cursor, &lease.holder);
    lease.target_epoch = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    uint64_t left_ms = moot_read_uint(&cursor, UINT32_MAX);
    lease.restarts = (uint8_t)moot_read_uint(&cursor, UINT8_MAX);
    if (moot_cursor_finish(&cursor) != MOOT_OK || key.size != 32)
        return MOOT_STORE_DAMAGED;
    /* Whoever was killed twice under one fence has waited long enough. */
    lease.until_ms = engine->now_ms + (lease.restarts == 0 ? left_ms : 0);
    lease.restarts++;
    lease.told = left_ms == 0;
    lease.rewrite = true;
    struct moot_lease *kept = moot_map_put(pool, &engine->leases, key, NULL);
    if (!kept)
        return MOOT_NO_MEMORY;
    *kept = lease;
    return MOOT_OK;
}

bool moot_fence_up(const struct moot_engine *engine, const struct moot_pool *pool,
                   const struct moot_lease **ret_lease, struct moot_digest *ret_proposal)
{
    const struct moot_lease *last = NULL;
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &engine->leases, item)) {
        const struct moot_lease *lease = item.value;
        if (lease->until_ms <= engine->now_ms || (last && last->until_ms >= lease->until_ms))
            continue;
        last = lease;
        if (ret_proposal)
            memcpy(ret_proposal->b, item.key.data, sizeof ret_proposal->b);
    }
    if (ret_lease)
        *ret_lease = last;
    return last != NULL;
}

bool moot_fence_holds(const struct moot_step *step)
{
    return step->engine->queue.count > 0 || moot_fence_up(step->engine, step->pool, NULL, NULL);
}

void moot_fence_describe(const struct moot_step *step, char *text, size_t size)
{
    const struct moot_engine *engine = step->engine;
    const struct moot_lease *lease;
    struct moot_digest proposal;
    struct moot_digest none = {{0}};
    char name[MOOT_PROPOSAL_NAME_BYTES] = "draining";
    if (!moot_fence_up(engine, step->pool, &lease, &proposal)) {
        snprintf(text, size, "%u writes wait to be let through", engine->queue.count);
        return;
    }
    const struct moot_member *holder =
        moot_state_member(&engine->state, step->pool, &lease->holder);
    struct moot_bytes who =
        holder ? moot_blob_get(step->pool, holder->name) : moot_bytes_of_text("a device that left");
    if (!moot_digest_equal(&proposal, &none))
        moot_proposal_name(&proposal, MOOT_BODY_SNAPSHOT, name);
    snprintf(text, size, "held by %.*s for %s, %u s left, %u writes wait", (int)who.size,
             (const char *)who.data, name, (unsigned)((lease->until_ms - engine->now_ms) / 1000),
             engine->queue.count);
}

/* ---- raising and lowering ---- */

static void raise_lease(struct moot_step *step, const struct moot_digest *proposal,
                        const struct moot_key *holder, uint32_t target_epoch, uint64_t lease_ms)
{
    struct moot_engine *engine = step->engine;
    struct moot_lease *lease =
        moot_map_put(step->pool, &engine->leases, moot_digest_bytes(proposal), NULL);
    if (!lease) {
        moot_step_stop(step, MOOT_NO_MEMORY);
        return;
    }
    *lease = (struct moot_lease){
        .holder = *holder, .target_epoch = target_epoch, .until_ms = engine->now_ms + lease_ms};
    if (!MOOT_MUTANT("fence-not-persisted"))
        lease_write(step, proposal, lease);
    moot_append_hold_back(step); /* the fence is inside the write path */
    struct moot_notice *notice = moot_step_notice(step, "fence.raised", MOOT_OK);
    notice->proposal = *proposal;
    notice->device = *holder;
    notice->number = lease_ms / 1000;
}

static void drop_lease(struct moot_step *step, const struct moot_digest *proposal,
                       enum moot_status why)
{
    struct moot_engine *engine = step->engine;
    const struct moot_lease *lease =
        moot_map_get(step->pool, &engine->leases, moot_digest_bytes(proposal));
    bool told = lease && lease->told; /* when it ended by itself, or it never held anything back */
    moot_map_remove(step->pool, &engine->leases, moot_digest_bytes(proposal));
    moot_step_delete(step, MOOT_TABLE_FENCE, moot_digest_bytes(proposal));
    if (!told)
        moot_step_notice(step, "fence.lowered", why)->proposal = *proposal;
}

void moot_fence_raise_own(struct moot_step *step)
{
    struct moot_digest none = {{0}};
    raise_lease(step, &none, &step->engine->identity.key, step->engine->state.epoch,
                step->engine->config.fence_propose_ms);
}

void moot_fence_lower_own(struct moot_step *step)
{
    struct moot_digest none = {{0}};
    if (moot_map_get(step->pool, &step->engine->leases, moot_digest_bytes(&none)))
        drop_lease(step, &none, MOOT_OK);
}

static bool is_open(const struct moot_step *step, const struct moot_digest *id)
{
    const struct moot_proposal *proposal =
        moot_state_proposal(&step->engine->state, step->pool, id);
    bool possible;
    return proposal && moot_proposal_phase(step->engine, step->pool, proposal, &possible) ==
                           MOOT_PROPOSAL_PROPOSED;
}

/* A lease that is over from the start: it holds nothing back, and this node still verifies and signs. */
static void note_old(struct moot_step *step, const struct moot_proposal *proposal)
{
    struct moot_engine *engine = step->engine;
    struct moot_lease *lease =
        moot_map_put(step->pool, &engine->leases, moot_digest_bytes(&proposal->id), NULL);
    if (!lease) {
        moot_step_stop(step, MOOT_NO_MEMORY);
        return;
    }
    *lease = (struct moot_lease){.holder = proposal->proposer,
                                 .target_epoch = proposal->epoch,
                                 .until_ms = engine->now_ms,
                                 .told = true};
    lease_write(step, &proposal->id, lease);
}

/* A returning device does not fence itself over the dead: only what is open after the whole batch, of this
 * epoch or the one before, on this timeline. */
static void raise_for_open(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    if (engine->fence_looked_at == engine->state.proposals.count)
        return;
    engine->fence_looked_at = engine->state.proposals.count;
    for (MOOT_MAP_EACH(step->pool, &engine->state.proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        if (proposal->kind != MOOT_BODY_SNAPSHOT ||
            moot_map_get(step->pool, &engine->leases, moot_digest_bytes(&proposal->id)) ||
            moot_state_era_at(&engine->state, step->pool, proposal->epoch) !=
                moot_state_era(&engine->state, step->pool) ||
            !is_open(step, &proposal->id))
            continue;
        if (proposal->epoch + 1 < engine->state.epoch)
            note_old(step, proposal);
        else
            raise_lease(step, &proposal->id, &proposal->proposer, proposal->epoch,
                        engine->config.fence_lease_ms);
    }
}

static void lower_ended(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    struct moot_digest none = {{0}};
    bool more = moot_map_first(step->pool, &engine->leases, &item);
    while (more) {
        struct moot_lease *lease = item.value;
        struct moot_digest id;
        memcpy(id.b, item.key.data, sizeof id.b);
        bool own = moot_digest_equal(&id, &none);
        bool over = lease->until_ms <= engine->now_ms;
        if (own ? over || engine->snapshot.stage == MOOT_SNAPSHOT_IDLE : !is_open(step, &id)) {
            drop_lease(step, &id, over ? MOOT_TIMED_OUT : MOOT_OK);
        } else if (over && !lease->told) {
            lease->told = true; /* the row stays, so that this proposal raises nothing again */
            lease_write(step, &id, lease);
            moot_step_notice(step, "fence.lowered", MOOT_TIMED_OUT)->proposal = id;
        } else if (lease->rewrite) {
            lease->rewrite = false;
            lease_write(step, &id, lease);
        }
        if (!over)
            moot_step_wake(step, lease->until_ms);
        more = moot_map_after(step->pool, &engine->leases, moot_digest_bytes(&id), &item);
    }
}

/* ---- the queue ---- */

static struct moot_bytes queue_key(uint64_t number, uint8_t memory[8])
{
    moot_u64_put(memory, number);
    return moot_bytes_of(memory, 8);
}

static enum moot_status queue_add(struct moot_engine *engine, struct moot_pool *pool,
                                  uint64_t number, struct moot_bytes key,
                                  const struct moot_bytes *value, uint64_t call_number)
{
    uint8_t memory[8];
    struct moot_queued *queued =
        moot_map_put(pool, &engine->queue, queue_key(number, memory), NULL);
    if (!queued)
        return MOOT_NO_MEMORY;
    queued->tombstone = value == NULL;
    queued->call_number = call_number;
    if (!moot_blob_set(pool, &queued->key, key) ||
        (value && !moot_blob_set(pool, &queued->value, *value))) {
        moot_blob_clear(pool, &queued->key);
        moot_map_remove(pool, &engine->queue, queue_key(number, memory));
        return MOOT_NO_MEMORY;
    }
    engine->queue_bytes += key.size + (value ? value->size : 0);
    if (number > engine->queue_number)
        engine->queue_number = number;
    return MOOT_OK;
}

enum moot_status moot_queue_restore(struct moot_engine *engine, struct moot_pool *pool,
                                    struct moot_bytes key, struct moot_bytes row)
{
    struct moot_cursor cursor;
    struct moot_bytes value = {0};
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 2);
    struct moot_bytes record_key = moot_read_bin(&cursor, MOOT_RECORD_KEY_BYTES_MAX);
    bool tombstone = moot_read_nil_if(&cursor);
    if (!tombstone)
        value = moot_read_bin(&cursor, MOOT_RECORD_VALUE_BYTES_MAX);
    if (moot_cursor_finish(&cursor) != MOOT_OK || key.size != 8)
        return MOOT_STORE_DAMAGED;
    return queue_add(engine, pool, moot_u64_get(key.data), record_key, tombstone ? NULL : &value,
                     0);
}

enum moot_status moot_fence_enqueue(struct moot_step *step, uint64_t call_number,
                                    const struct moot_call *call)
{
    struct moot_engine *engine = step->engine;
    size_t bytes = call->key.size + call->value.size;
    uint8_t memory[8];
    struct moot_writer writer;
    if (engine->queue.count >= MOOT_FENCE_QUEUE_MAX ||
        engine->queue_bytes + bytes > MOOT_FENCE_QUEUE_BYTES_MAX)
        return MOOT_FENCED;
    void *row = moot_arena_take(step->arena, bytes + 64);
    MOOT_INVARIANT(row != NULL);
    moot_writer_init(&writer, row, bytes + 64);
    moot_write_array(&writer, 2);
    moot_write_bin(&writer, call->key);
    if (call->tombstone)
        moot_write_nil(&writer);
    else
        moot_write_bin(&writer, call->value);
    MOOT_ENSURE(writer.status == MOOT_OK);
    uint64_t number = engine->queue_number + 1;
    enum moot_status status =
        queue_add(engine, step->pool, number, call->key, call->tombstone ? NULL : &call->value,
                  call->put_mode == MOOT_PUT_QUEUE ? 0 : call_number);
    if (status != MOOT_OK)
        return status;
    moot_step_put(step, MOOT_TABLE_QUEUE, queue_key(number, memory),
                  moot_bytes_of(row, writer.size));
    if (call->put_mode == MOOT_PUT_QUEUE)
        moot_step_reply(step, call_number, MOOT_OK, "queued");
    return MOOT_OK;
}

/* As much as one run takes, only when it is written in this very commit: rows and facts change places. */
static void let_through(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    size_t bytes = 0;
    uint32_t count = 0;
    if (engine->queue.count == 0 || engine->append_ticket != 0 || engine->staged.count > 0 ||
        !moot_append_ready(step) || moot_fence_up(engine, step->pool, NULL, NULL) ||
        moot_engine_fenced(engine, step->pool)) /* what was promised waits until it is raised */
        return;
    while (count < MOOT_RUN_FACTS_MAX && bytes < MOOT_RUN_BYTES_MAX / 2 &&
           moot_map_first(step->pool, &engine->queue, &item)) {
        struct moot_queued *queued = item.value;
        uint64_t number = moot_u64_get(item.key.data);
        uint8_t memory[8];
        struct moot_bytes key = moot_blob_get(step->pool, queued->key);
        struct moot_bytes value = moot_blob_get(step->pool, queued->value);
        enum moot_status status =
            moot_record_stage(step, queued->call_number, key, queued->tombstone ? NULL : &value);
        if (status != MOOT_OK && queued->call_number != 0)
            moot_call_refuse(step, queued->call_number, status, NULL);
        count++;
        bytes += key.size + value.size + 256;
        engine->queue_bytes -= key.size + value.size;
        moot_blob_clear(step->pool, &queued->key);
        moot_blob_clear(step->pool, &queued->value);
        moot_map_remove(step->pool, &engine->queue, queue_key(number, memory));
        moot_step_delete(step, MOOT_TABLE_QUEUE, queue_key(number, memory));
    }
}

void moot_fence_step(struct moot_step *step)
{
    raise_for_open(step);
    lower_ended(step);
    let_through(step);
}
