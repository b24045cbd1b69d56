/*
 * Proposing a snapshot.
 *
 *   idle ─ propose: our fence rises ─▶ draining ─ peers in reach have nothing newer, all is durable ─▶ cutting
 *        ─ the cut is on the disk ─▶ rebuilding (job: state at the cut, image into blocks) ─▶ proposed
 *        ─ completed, rejected, withdrawn, expired ─▶ idle       (every way out lowers our fence)
 *
 * A proposer that dies leaves a lease that ends by itself. One that keeps failing waits longer each time.
 * Automatic snapshots: every `snapshot_every` epochs and after each turn, by the administrator whose turn it
 * is; the next one in line takes over when an epoch passes without.
 */
#include "protocols/snapshot.h"
#include "protocols/hardfork.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/view.h"

#define DRAIN_MS_MAX 30000
#define FAILURE_PAUSE_MS 10000

static void end(struct moot_step *step, enum moot_status why, const char *detail)
{
    struct moot_snapshotting *own = &step->engine->snapshot;
    if (own->call_number != 0 && why != MOOT_OK)
        moot_call_refuse(step, own->call_number, why, detail);
    else if (why != MOOT_OK)
        moot_step_refuse(step, why);
    if (why != MOOT_OK) {
        struct moot_notice *notice = moot_step_notice(step, "snapshot.failed", why);
        snprintf(notice->detail, sizeof notice->detail, "%s", detail ? detail : "");
        own->failures++;
        uint32_t doublings = own->failures < 10 ? own->failures : 10;
        own->not_before_ms = step->engine->now_ms + ((uint64_t)FAILURE_PAUSE_MS << doublings);
    }
    own->stage = MOOT_SNAPSHOT_IDLE;
    own->call_number = 0;
    moot_fence_lower_own(step);
}

/* ---- starting ---- */

static bool any_open(const struct moot_step *step)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        bool possible;
        if (proposal->kind == MOOT_BODY_SNAPSHOT &&
            moot_proposal_phase(step->engine, step->pool, proposal, &possible) ==
                MOOT_PROPOSAL_PROPOSED)
            return true;
    }
    return false;
}

static enum moot_status may_begin(const struct moot_step *step)
{
    const struct moot_engine *engine = step->engine;
    struct moot_body last;
    if (!engine->state.founded)
        return MOOT_NO_MESH;
    if (!moot_engine_is_admin(engine, step->pool))
        return MOOT_NOT_ADMIN;
    if (!moot_append_ready(step))
        return MOOT_BEING_HEARD;
    if (engine->snapshot.stage != MOOT_SNAPSHOT_IDLE || any_open(step))
        return MOOT_SLOT_TAKEN;
    if (moot_snapshot_last(engine, step->pool, &last) &&
        engine->state.epoch < last.epoch + engine->config.snapshot_min_epochs)
        return MOOT_WINDOW;
    return MOOT_OK;
}

static void begin(struct moot_step *step, uint64_t call_number)
{
    struct moot_snapshotting *own = &step->engine->snapshot;
    own->stage = MOOT_SNAPSHOT_DRAINING;
    own->call_number = call_number;
    own->since_ms = step->engine->now_ms;
    own->job = 0;
    moot_fence_raise_own(step);
}

void moot_snapshot_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    enum moot_status status =
        moot_engine_fenced(step->engine, step->pool) ? MOOT_FENCED : may_begin(step);
    if (status != MOOT_OK)
        moot_call_refuse(step, call_number, status, NULL);
    else if (call->dry_run)
        moot_step_reply(step, call_number, MOOT_OK, "dry run");
    else
        begin(step, call_number);
}

/* ---- automatic ---- */

static uint32_t due_epoch(const struct moot_step *step)
{
    const struct moot_engine *engine = step->engine;
    const struct moot_era *era = moot_state_era(&engine->state, step->pool);
    struct moot_body last;
    uint32_t since = MOOT_EPOCH_FIRST;
    if (moot_snapshot_last(engine, step->pool, &last)) {
        since = last.epoch;
        if (era->k > 0 && last.epoch < era->epoch)
            return era->epoch + 1; /* every turn is followed by a snapshot */
    } else if (era->k > 0) {
        return era->epoch + 1;
    }
    return since + engine->config.snapshot_every;
}

static void begin_by_itself(struct moot_step *step)
{
    const struct moot_engine *engine = step->engine;
    const struct moot_admin_set *set = &moot_state_era(&engine->state, step->pool)->admins;
    if (engine->config.snapshot_every == 0 || engine->now_ms < engine->snapshot.not_before_ms)
        return;
    uint32_t due = due_epoch(step);
    if (engine->state.epoch < due || may_begin(step) != MOOT_OK)
        return;
    /* The due epoch names the first in line; each epoch more, one more of them may. */
    int index = moot_admin_set_find(set, &engine->identity.key);
    uint32_t rank = ((uint32_t)index + set->count - due % set->count) % set->count;
    if (engine->state.epoch - due >= rank)
        begin(step, 0);
}

/* ---- moving on ---- */

/* Everybody in reach is known to have nothing newer than we do. */
static bool peers_drained(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &engine->sessions, item)) {
        const struct moot_session *session = item.value;
        if (!session->greeted)
            continue;
        bool equal = moot_digest_equal(&session->peer_frontier, moot_reconcile_root(step)) &&
                     moot_digest_equal(&session->peer_loose, moot_loose_root(step));
        bool behind = moot_digest_equal(&session->peer_frontier, &session->pulled_frontier) &&
                      moot_digest_equal(&session->peer_loose, &session->pulled_loose);
        if (!equal && !behind)
            return false;
    }
    return true;
}

static void draining(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_body last;
    struct moot_writer writer;
    struct moot_cut base;
    struct moot_bytes base_bytes = {0};
    if (engine->now_ms >= engine->snapshot.since_ms + DRAIN_MS_MAX) {
        end(step, MOOT_TIMED_OUT, "peers did not come to rest");
        return;
    }
    moot_step_wake(step, engine->snapshot.since_ms + DRAIN_MS_MAX);
    if (engine->committed != engine->ticket || step->batch.op_count > 0 ||
        engine->staged.count > 0 || moot_merge_busy(step) || !peers_drained(step))
        return;
    const struct moot_object_row *previous = moot_snapshot_last(engine, step->pool, &last);
    if (previous && !moot_content_held(step, &last.snapshot.cut_hash, &base_bytes)) {
        (void)moot_content_want(step, &last.snapshot.cut_hash, true);
        return;
    }
    if (previous && moot_cut_decode(base_bytes, &base) != MOOT_OK) {
        end(step, MOOT_STORE_DAMAGED, "the last snapshot's cut");
        return;
    }
    void *memory = moot_arena_take(step->arena, MOOT_BLOCK_BYTES);
    MOOT_INVARIANT(memory != NULL);
    moot_writer_init(&writer, memory, MOOT_BLOCK_BYTES);
    enum moot_status status =
        moot_cut_of_state(&engine->state, step->pool, step->env->store, previous ? &base : NULL,
                          previous ? &previous->statement.body : NULL, &writer);
    if (status != MOOT_OK) {
        end(step, status, "the cut could not be taken");
        return;
    }
    struct moot_bytes cut = moot_bytes_of(memory, writer.size);
    struct moot_cut made;
    if (moot_cut_decode(cut, &made) != MOOT_OK || !moot_device_cut_fits(step, &made)) {
        end(step, MOOT_SLOT_TAKEN, "a removal is being decided that would leave facts out");
        return;
    }
    moot_cut_hash(cut, &engine->snapshot.cut_hash);
    moot_content_put(step, &engine->snapshot.cut_hash, cut);
    engine->snapshot.stage = MOOT_SNAPSHOT_CUTTING;
}

static void cutting(struct moot_step *step)
{
    struct moot_snapshotting *own = &step->engine->snapshot;
    struct moot_bytes cut;
    if (!moot_content_held(step, &own->cut_hash, &cut))
        return;
    struct moot_digest key = {{0}};
    if (moot_snapshot_rebuild(step, cut, &key, MOOT_JOB_FOR_SNAPSHOT, &own->job))
        own->stage = MOOT_SNAPSHOT_REBUILDING;
}

void moot_snapshot_job_done(struct moot_step *step, const struct moot_job_owner *owner,
                            const struct moot_event *event)
{
    struct moot_engine *engine = step->engine;
    struct moot_snapshotting *own = &engine->snapshot;
    struct moot_body body = {.kind = MOOT_BODY_SNAPSHOT};
    struct moot_body last;
    struct moot_rebuilt rebuilt;
    (void)owner;
    if (own->stage != MOOT_SNAPSHOT_REBUILDING || own->job != event->job->number)
        return;
    own->job = 0;
    if (event->status != MOOT_OK || event->bytes.size != sizeof rebuilt) {
        end(step, event->status == MOOT_OK ? MOOT_INTERNAL : event->status,
            "the state at the cut could not be rebuilt");
        return;
    }
    memcpy(&rebuilt, event->bytes.data, sizeof rebuilt);
    const struct moot_object_row *previous = moot_snapshot_last(engine, step->pool, &last);
    body.snapshot.follows = previous != NULL;
    if (previous)
        body.snapshot.previous = previous->statement.body;
    body.snapshot.cut_root = rebuilt.root;
    body.snapshot.cut_hash = own->cut_hash;
    body.snapshot.state_digest = rebuilt.digest;
    body.snapshot.image_bytes = rebuilt.image_bytes;
    body.snapshot.index = rebuilt.index;
    memcpy(body.snapshot.strata, rebuilt.strata, sizeof rebuilt.strata);
    own->seq = moot_append_next_seq(step);
    own->since_ms = engine->now_ms;
    own->stage = MOOT_SNAPSHOT_PROPOSED;
    moot_propose_body(step, own->call_number, MOOT_KIND_SNAPSHOT_PROPOSED, &body, false);
    own->call_number = 0;
}

static void proposed(struct moot_step *step)
{
    struct moot_snapshotting *own = &step->engine->snapshot;
    const struct moot_chain *chain = moot_append_chain(step);
    if (!chain || chain->tail.seq < own->seq) {
        if (step->engine->now_ms >= own->since_ms + DRAIN_MS_MAX)
            end(step, MOOT_TIMED_OUT, "the proposal was not written");
        return;
    }
    if (any_open(step))
        return;
    struct moot_body last;
    const struct moot_object_row *row = moot_snapshot_last(step->engine, step->pool, &last);
    if (row && moot_digest_equal(&last.snapshot.cut_hash, &own->cut_hash)) {
        own->failures = 0;
        end(step, MOOT_OK, NULL);
    } else {
        end(step, MOOT_REJECTED, "the snapshot was not completed");
    }
}

void moot_snapshot_step(struct moot_step *step)
{
    switch ((enum moot_snapshot_stage)step->engine->snapshot.stage) {
    case MOOT_SNAPSHOT_IDLE:
        begin_by_itself(step);
        return;
    case MOOT_SNAPSHOT_DRAINING:
        draining(step);
        return;
    case MOOT_SNAPSHOT_CUTTING:
        cutting(step);
        return;
    case MOOT_SNAPSHOT_REBUILDING:
        return;
    case MOOT_SNAPSHOT_PROPOSED:
        proposed(step);
        return;
    }
}
