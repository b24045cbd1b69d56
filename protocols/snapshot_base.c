/*
 * Completed snapshots, and collection one behind: when snapshot k+1 is completed, facts under the cut of k go.
 *
 *   completed k+1, follows k ─ cut of k here, all of it held ─▶ checkpoint ─▶ META "base" = k ─▶ log rows under
 *   the cut are deleted, some each step ─▶ done. What a stale peer offers again is under a chain's tail: replayed.
 *
 * State needs none of these rows: it is in the checkpoint and in rows of its own. A rebuild starts from the
 * image of the base. A device that lacks something below the base cannot be served it: it takes the image.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "journal/log_row.h"
#include "protocols/snapshot.h"

#define ROWS_A_STEP 2048

/* ---- which snapshots there are ---- */

const struct moot_object_row *moot_snapshot_of(const struct moot_engine *engine,
                                               const struct moot_pool *pool,
                                               const struct moot_digest *proposal,
                                               struct moot_body *ret_body)
{
    struct moot_slot slot = {.kind = MOOT_SLOT_SNAPSHOT, .proposal = *proposal};
    struct moot_decision decision = moot_state_decision(&engine->state, pool, &slot);
    if (decision.state != MOOT_DECISION_CERTIFIED)
        return NULL;
    enum moot_status status =
        moot_body_decode(moot_blob_get(pool, decision.object->body), ret_body);
    MOOT_INVARIANT(status == MOOT_OK);
    return decision.object;
}

/* Certified cuts are ordered, so following the links from the first finds the last. Of two that follow one
 * (only with dishonest administrators) the one of the later epoch, then of the greater id, is shown. */
static const struct moot_object_row *find_last(const struct moot_engine *engine,
                                               const struct moot_pool *pool,
                                               struct moot_body *ret_body)
{
    const uint8_t kind = MOOT_SLOT_SNAPSHOT;
    const struct moot_object_row *last = NULL;
    struct moot_map_item item;
    bool more = moot_map_from(pool, &engine->state.objects, moot_bytes_of(&kind, 1), &item);
    while (more && item.key.data[0] == kind) {
        const struct moot_object_row *row = item.value;
        struct moot_body body;
        enum moot_status status = moot_body_decode(moot_blob_get(pool, row->body), &body);
        MOOT_INVARIANT(status == MOOT_OK);
        bool follows = last && body.snapshot.follows &&
                       moot_digest_equal(&body.snapshot.previous, &last->statement.body);
        if (!last || follows || body.epoch > ret_body->epoch) {
            last = row;
            *ret_body = body;
        }
        more = moot_map_after(pool, &engine->state.objects, item.key, &item);
    }
    return last;
}

const struct moot_object_row *moot_snapshot_last(const struct moot_engine *engine,
                                                 const struct moot_pool *pool,
                                                 struct moot_body *ret_body)
{
    if (!engine->last_snapshot_known)
        return find_last(engine, pool, ret_body);
    if (moot_digest_is_zero(&engine->last_snapshot))
        return NULL;
    return moot_snapshot_of(engine, pool, &engine->last_snapshot, ret_body);
}

/* Found once for each change of the snapshots, not in every step. */
static void remember_last(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_body body;
    if (engine->last_snapshot_known)
        return;
    const struct moot_object_row *row = find_last(engine, step->pool, &body);
    engine->last_snapshot = row ? row->statement.body : (struct moot_digest){{0}};
    engine->last_snapshot_known = true;
}

/* ---- the base ---- */

uint64_t moot_snapshot_base_seq(const struct moot_step *step, const struct moot_digest *chain)
{
    struct moot_bytes bytes;
    struct moot_cut cut;
    struct moot_cut_chain entry;
    const struct moot_base *base = &step->engine->base;
    if (!base->there || !moot_content_held(step, &base->cut_hash, &bytes) ||
        moot_cut_decode(bytes, &cut) != MOOT_OK || !moot_cut_chain_find(&cut, chain, &entry))
        return 0;
    return entry.seq;
}

bool moot_snapshot_rebuild(struct moot_step *step, struct moot_bytes cut,
                           const struct moot_digest *key, enum moot_job_part part,
                           uint32_t *ret_job)
{
    const struct moot_base *base = &step->engine->base;
    struct moot_writer writer;
    size_t capacity = cut.size + 64;
    if (base->there && !moot_snapshot_image_here(step, &base->index))
        return false;
    void *memory = moot_arena_take(step->arena, capacity);
    MOOT_INVARIANT(memory != NULL);
    moot_writer_init(&writer, memory, capacity);
    moot_write_array(&writer, 2);
    moot_write_bin(&writer, cut);
    if (base->there)
        moot_write_digest(&writer, &base->index);
    else
        moot_write_nil(&writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    struct moot_job_owner owner = {.key = *key, .part = (uint8_t)part};
    moot_step_job(step, MOOT_JOB_REBUILD, key, moot_bytes_of(memory, writer.size), &owner, ret_job);
    return *ret_job != 0;
}

/* Index and all blocks of an image are on our disk; what is not is fetched. */
bool moot_snapshot_image_here(struct moot_step *step, const struct moot_digest *index)
{
    struct moot_bytes hashes;
    bool here = true;
    if (!moot_content_held(step, index, &hashes)) {
        (void)moot_content_want(step, index, true);
        return false;
    }
    for (size_t at = 0; at + 32 <= hashes.size; at += 32) {
        struct moot_digest hash;
        memcpy(hash.b, hashes.data + at, 32);
        if (moot_content_held(step, &hash, NULL))
            continue;
        here = false;
        (void)moot_content_want(step, &hash, false);
    }
    return here;
}

static void write_base(struct moot_step *step)
{
    struct moot_base *base = &step->engine->base;
    uint8_t memory[160];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 6);
    moot_write_digest(&writer, &base->proposal);
    moot_write_digest(&writer, &base->cut_hash);
    moot_write_digest(&writer, &base->index);
    moot_write_uint(&writer, base->epoch);
    moot_write_bool(&writer, base->collecting);
    moot_write_uint(&writer, base->gone_bytes);
    MOOT_ENSURE(writer.status == MOOT_OK);
    moot_step_put(step, MOOT_TABLE_META, moot_bytes_of_text("base"),
                  moot_bytes_of(memory, writer.size));
}

enum moot_status moot_base_restore(struct moot_engine *engine, struct moot_bytes row)
{
    struct moot_base *base = &engine->base;
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 6);
    moot_read_digest(&cursor, &base->proposal);
    moot_read_digest(&cursor, &base->cut_hash);
    moot_read_digest(&cursor, &base->index);
    base->epoch = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    base->collecting = moot_read_bool(&cursor);
    base->gone_bytes = moot_read_uint(&cursor, UINT64_MAX);
    base->there = true;
    return moot_cursor_finish(&cursor) == MOOT_OK ? MOOT_OK : MOOT_STORE_DAMAGED;
}

void moot_snapshot_base_set(struct moot_step *step, const struct moot_digest *proposal,
                            const struct moot_body *body)
{
    struct moot_base *base = &step->engine->base;
    *base = (struct moot_base){.there = true,
                               .proposal = *proposal,
                               .cut_hash = body->snapshot.cut_hash,
                               .index = body->snapshot.index,
                               .epoch = body->epoch,
                               .collecting = true,
                               .gone_bytes = base->gone_bytes};
    write_base(step);
    moot_step_notice(step, "snapshot.collecting", MOOT_OK)->proposal = *proposal;
}

/* ---- collection ---- */

static bool holds_cut(const struct moot_step *step, const struct moot_cut *cut)
{
    for (uint32_t i = 0; i < cut->chain_count; i++) {
        struct moot_cut_chain entry;
        moot_cut_chain_at(cut, i, &entry);
        const struct moot_chain *chain =
            moot_state_chain(&step->engine->state, step->pool, &entry.chain);
        if (!chain || chain->tail.seq < entry.seq)
            return false;
    }
    return true;
}

/* True when there is nothing (more) to wait for. */
static bool begin_collecting(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_body last, previous;
    struct moot_bytes bytes;
    struct moot_cut cut;
    if (!moot_snapshot_last(engine, step->pool, &last) || !last.snapshot.follows ||
        !moot_snapshot_of(engine, step->pool, &last.snapshot.previous, &previous) ||
        (engine->base.there && previous.epoch <= engine->base.epoch))
        return true;
    if (!moot_content_held(step, &previous.snapshot.cut_hash, &bytes)) {
        (void)moot_content_want(step, &previous.snapshot.cut_hash, true);
        return false;
    }
    if (moot_cut_decode(bytes, &cut) != MOOT_OK || !holds_cut(step, &cut) ||
        engine->committed != engine->ticket || step->batch.op_count > 0)
        return false;
    moot_merge_checkpoint(step);
    if (engine->checkpoint_lsn != engine->lsn)
        return false; /* records are still being written */
    moot_snapshot_base_set(step, &last.snapshot.previous, &previous);
    return true;
}

static uint64_t payload_bytes(const struct moot_run *run)
{
    static const struct moot_digest unknown;
    struct moot_run_reader reader;
    struct moot_fact fact;
    uint64_t bytes = 0;
    moot_run_reader_init(&reader, run, &unknown, false);
    while (moot_run_reader_next(&reader, &fact))
        bytes += fact.payload.size;
    return bytes;
}

/* Deletes runs that end at or below the cut, from the front of the log on; true when it is through. */
static bool collect_some(struct moot_step *step, const struct moot_cut *cut)
{
    struct moot_engine *engine = step->engine;
    const struct moot_store_port *store = step->env->store;
    uint8_t key[MOOT_LSN_KEY_BYTES];
    for (uint32_t rows = 0; rows < ROWS_A_STEP; rows++) {
        struct moot_store_row row;
        struct moot_bytes encoded;
        struct moot_run run;
        struct moot_cut_chain entry;
        uint32_t index;
        moot_u64_put(key, engine->base.at_lsn + 1);
        enum moot_status status =
            store->at_or_after(store->self, MOOT_TABLE_LOG, moot_bytes_of(key, sizeof key), &row);
        if (status != MOOT_OK)
            return true;
        engine->base.at_lsn = moot_u64_get(row.key.data);
        if (moot_log_row_check(row.value, &index, &encoded) != MOOT_OK ||
            moot_run_decode(encoded, &run) != MOOT_OK) {
            moot_step_refuse(step, MOOT_STORE_DAMAGED);
            continue;
        }
        if (!moot_cut_chain_find(cut, &run.chain, &entry) ||
            run.first_seq + run.fact_count - 1 > entry.seq)
            continue;
        uint8_t run_key[MOOT_RUN_KEY_BYTES];
        moot_run_key(index, run.first_seq, run_key);
        moot_u64_put(key, engine->base.at_lsn);
        moot_step_delete(step, MOOT_TABLE_LOG, moot_bytes_of(key, sizeof key));
        moot_step_delete(step, MOOT_TABLE_RUN, moot_bytes_of(run_key, sizeof run_key));
        engine->base.collected += run.fact_count;
        engine->base.gone_bytes += payload_bytes(&run);
    }
    return false;
}

/* What is void in a completed image stays so: voids inside the last cut are forgotten, once for each
 * snapshot and once after each start (they come back with the checkpoint and the log). */
static void forget_voids(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_body last;
    struct moot_bytes bytes;
    struct moot_cut cut;
    const struct moot_object_row *row = moot_snapshot_last(engine, step->pool, &last);
    if (!row || moot_digest_equal(&engine->forgotten_below, &row->statement.body))
        return;
    if (!moot_content_held(step, &last.snapshot.cut_hash, &bytes)) {
        (void)moot_content_want(step, &last.snapshot.cut_hash, true);
        return;
    }
    engine->forgotten_below = row->statement.body;
    if (moot_cut_decode(bytes, &cut) == MOOT_OK)
        moot_cut_voids_forget(&engine->state, step->pool, &cut);
}

/* Every device keeps cut and image of the last one: it is what this device begins from when the next is
 * completed and facts go, and what it serves to those who were away. */
static void keep_last(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_body last;
    if (engine->snapshots_kept == engine->state.object_ids.count)
        return;
    if (moot_snapshot_last(engine, step->pool, &last)) {
        bool here = moot_snapshot_image_here(step, &last.snapshot.index);
        if (!moot_content_held(step, &last.snapshot.cut_hash, NULL)) {
            (void)moot_content_want(step, &last.snapshot.cut_hash, true);
            here = false;
        }
        if (!here)
            return;
    }
    engine->snapshots_kept = engine->state.object_ids.count;
}

void moot_snapshot_base_step(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_bytes bytes;
    struct moot_cut cut;
    remember_last(step);
    forget_voids(step);
    keep_last(step);
    if (engine->base.there && !moot_content_held(step, &engine->base.cut_hash, NULL))
        (void)moot_content_want(step, &engine->base.cut_hash, true);
    if (!engine->base.collecting && engine->snapshots_seen != engine->state.object_ids.count &&
        begin_collecting(step))
        engine->snapshots_seen = engine->state.object_ids.count;
    if (!engine->base.collecting)
        return;
    if (engine->committed != engine->ticket || step->batch.op_count > 0 ||
        !moot_content_held(step, &engine->base.cut_hash, &bytes) ||
        moot_cut_decode(bytes, &cut) != MOOT_OK)
        return;
    if (!collect_some(step, &cut)) {
        write_base(step); /* how much is gone goes with the rows */
        moot_step_wake(step, engine->now_ms);
        return;
    }
    engine->base.collecting = false;
    write_base(step);
    struct moot_notice *notice = moot_step_notice(step, "snapshot.collected", MOOT_OK);
    notice->proposal = engine->base.proposal;
    notice->number = engine->base.collected;
}
