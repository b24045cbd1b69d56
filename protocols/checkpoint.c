/*
 * The state on disk: strata 2 and void facts as one checkpoint, records as rows, both written behind, with
 * the lsn they stand for; and the refold when a change below is no mere addition.
 *
 * Happy path: every so many facts, changed records go out in portions, then the checkpoint. Failures: what
 * does not fit into one row is replayed from the log at the next start.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/snapshot.h"

#define CHECKPOINT_FACTS 65536
#define CHECKPOINT_ROW_BYTES_MAX (16u << 20)
#define CHECKPOINT_BYTES_A_STEP (8u << 20)

/* Writes changed records until the batch holds enough for one step; true when none is left. */
static bool put_dirty_records(struct moot_step *step, size_t bytes_max)
{
    struct moot_map_item item;
    size_t used = 0;
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.records, item)) {
        struct moot_record *record = item.value;
        struct moot_writer writer;
        if (!record->dirty)
            continue;
        if (used > bytes_max)
            return false;
        void *memory = moot_arena_take(step->arena, CHECKPOINT_ROW_BYTES_MAX);
        MOOT_INVARIANT(memory != NULL);
        moot_writer_init(&writer, memory, CHECKPOINT_ROW_BYTES_MAX);
        moot_record_encode(record, step->pool, &writer);
        if (writer.status != MOOT_OK)
            return false; /* replayed from the log instead */
        moot_arena_trim(step->arena, memory, writer.size);
        moot_step_put(step, MOOT_TABLE_RECORD, item.key, moot_bytes_of(memory, writer.size));
        record->dirty = false;
        used += writer.size;
    }
    return true;
}

void moot_merge_checkpoint(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_writer writer;
    engine->folded_since_checkpoint = 0;
    if (!put_dirty_records(step, CHECKPOINT_BYTES_A_STEP)) {
        engine->folded_since_checkpoint = CHECKPOINT_FACTS - CHECKPOINT_FACTS / 16;
        return;
    }
    void *memory = moot_arena_take(step->arena, CHECKPOINT_ROW_BYTES_MAX);
    MOOT_INVARIANT(memory != NULL);
    moot_writer_init(&writer, memory, CHECKPOINT_ROW_BYTES_MAX);
    moot_checkpoint_encode(&engine->state, step->pool, engine->lsn, &writer);
    if (writer.status != MOOT_OK)
        return; /* too many void facts for one row: the start replays more */
    moot_arena_trim(step->arena, memory, writer.size);
    moot_step_put(step, MOOT_TABLE_CHECKPOINT, moot_bytes_of_text("state"),
                  moot_bytes_of(memory, writer.size));
    engine->checkpoint_lsn = engine->lsn;
}

/* Rows of keys that the state does not have (any more). */
static void delete_stale_records(struct moot_step *step)
{
    const struct moot_store_port *store = step->env->store;
    uint8_t key[MOOT_RECORD_KEY_BYTES_MAX + 1];
    size_t size = 0;
    struct moot_store_row row;
    while (store->at_or_after(store->self, MOOT_TABLE_RECORD, moot_bytes_of(key, size), &row) ==
               MOOT_OK &&
           row.key.size <= MOOT_RECORD_KEY_BYTES_MAX) {
        size = row.key.size;
        memcpy(key, row.key.data, size);
        if (!moot_state_record(&step->engine->state, step->pool, moot_bytes_of(key, size)))
            moot_step_delete(step, MOOT_TABLE_RECORD, moot_bytes_of(key, size));
        key[size++] = 0;
    }
}

void moot_merge_rows_anew(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    delete_stale_records(step);
    moot_merge_put_eras(step);
    moot_merge_put_chains(step);
    if (!put_dirty_records(step, SIZE_MAX)) {
        moot_step_stop(step, MOOT_LIMIT);
        return;
    }
    moot_merge_checkpoint(step);
    if (engine->checkpoint_lsn != engine->lsn)
        moot_step_stop(step, MOOT_LIMIT);
}

/* A turn or a conflict changed what counts among facts that are folded: once all of them can be read. */
static void refold(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    if (!engine->refold_wanted || engine->committed != engine->ticket || step->batch.op_count > 0)
        return;
    engine->refold_wanted = false;
    if (engine->base.there) {
        moot_snapshot_refold(step);
        return;
    }
    enum moot_status status = moot_boot_refold(step->env, engine);
    if (status != MOOT_OK)
        moot_step_stop(step, status);
    engine->root_stale = engine->collect_wanted = true;
}

void moot_merge_end(struct moot_step *step)
{
    refold(step);
    uint32_t ops = step->batch.op_count;
    if (step->engine->folded_since_checkpoint >= CHECKPOINT_FACTS && !step->engine->refold_wanted &&
        !step->engine->install.refold &&
        moot_step_has_room(step, 2 * CHECKPOINT_ROW_BYTES_MAX + 2 * CHECKPOINT_BYTES_A_STEP))
        moot_merge_checkpoint(step);
    step->unseen_op_count += step->batch.op_count - ops;
}
