/*
 * A device that was away too long: its peers have collected facts that it lacks. It takes the newest image.
 *
 *   behind ─ newest completed snapshot: cut, index, blocks fetched ─ job: the image ─▶ digest certified?
 *          ─▶ state from the image + our own facts outside it, all rows in one commit ─▶ installed
 *
 * Votes, queue, loose things, keys and our own newer facts stay. Turns are those of our own list; the
 * certificate is in the object set already.
 * Failures: whatever is missing is waited for; an image that does not hash to the certified digest is refused.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "journal/rebuild.h"
#include "protocols/snapshot.h"

#define RETRY_MS 500

void moot_snapshot_behind(struct moot_step *step)
{
    if (!step->engine->install.wanted)
        moot_step_notice(step, "snapshot.behind", MOOT_OK);
    step->engine->install.wanted = true;
}

void moot_snapshot_refold(struct moot_step *step)
{
    step->engine->install.wanted = step->engine->install.refold = true;
}

/* Some chain of the cut reaches beyond what we hold. */
static bool is_needed(const struct moot_step *step, const struct moot_cut *cut)
{
    for (uint32_t i = 0; i < cut->chain_count; i++) {
        struct moot_cut_chain entry;
        moot_cut_chain_at(cut, i, &entry);
        const struct moot_chain *chain =
            moot_state_chain(&step->engine->state, step->pool, &entry.chain);
        if (!chain || chain->tail.seq < entry.seq)
            return true;
    }
    return false;
}

static bool at_rest(const struct moot_step *step)
{
    const struct moot_engine *engine = step->engine;
    return engine->committed == engine->ticket && step->batch.op_count == 0 &&
           engine->staged.count == 0 && engine->append_ticket == 0 && !moot_merge_busy(step);
}

static void start(struct moot_step *step, const struct moot_body *body)
{
    struct moot_install *install = &step->engine->install;
    uint8_t memory[64];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 2);
    moot_write_digest(&writer, &body->snapshot.index);
    moot_write_uint(&writer, body->snapshot.image_bytes);
    MOOT_ENSURE(writer.status == MOOT_OK);
    struct moot_job_owner owner = {.key = install->proposal, .part = MOOT_JOB_FOR_INSTALL};
    struct moot_bytes input = moot_arena_copy(step->arena, moot_bytes_of(memory, writer.size));
    MOOT_INVARIANT(input.data != NULL);
    moot_step_job(step, MOOT_JOB_IMAGE, &body->snapshot.index, input, &owner, &install->job);
}

void moot_snapshot_install_step(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_install *install = &engine->install;
    struct moot_body body;
    struct moot_bytes bytes;
    struct moot_cut cut;
    if (!install->wanted || install->job != 0)
        return;
    if (engine->now_ms < install->next_ms) {
        moot_step_wake(step, install->next_ms);
        return;
    }
    const struct moot_object_row *last =
        install->refold ? moot_snapshot_of(engine, step->pool, &engine->base.proposal, &body)
                        : moot_snapshot_last(engine, step->pool, &body);
    if (!last)
        return; /* its certificate comes with the next PULL */
    if (!moot_content_held(step, &body.snapshot.cut_hash, &bytes)) {
        (void)moot_content_want(step, &body.snapshot.cut_hash, true);
        return;
    }
    if (!install->refold && moot_cut_decode(bytes, &cut) == MOOT_OK && !is_needed(step, &cut)) {
        install->wanted = false;
        return;
    }
    if (!moot_snapshot_image_here(step, &body.snapshot.index) || !at_rest(step))
        return;
    install->proposal = last->statement.body;
    start(step, &body);
}

/* ---- taking it ---- */

struct pieces {
    struct moot_bytes left;
};

static enum moot_status next_piece(void *context, struct moot_bytes *ret)
{
    struct pieces *pieces = context;
    size_t take = pieces->left.size < MOOT_IMAGE_PIECE_BYTES_MAX ? pieces->left.size
                                                                 : MOOT_IMAGE_PIECE_BYTES_MAX;
    *ret = moot_bytes_of(pieces->left.data, take);
    pieces->left = moot_bytes_of(pieces->left.data + take, pieces->left.size - take);
    return MOOT_OK;
}

static enum moot_status state_of_image(struct moot_step *step, struct moot_bytes image,
                                       const struct moot_body *body, struct moot_state *ret)
{
    struct pieces pieces = {.left = image};
    struct moot_image_source source = {.context = &pieces, .next = next_piece};
    struct moot_store_port port = *step->env->store;
    struct moot_object_source objects = moot_object_source_of_store(&port);
    struct moot_image_report report;
    struct moot_rebuild_report outside;
    moot_state_init(ret);
    ret->protocol_max = step->engine->config.protocol_max;
    enum moot_status status = moot_image_read(ret, step->pool, &source, &objects, &report);
    if (status == MOOT_OK && !moot_digest_equal(&report.digest, &body->snapshot.state_digest))
        status = MOOT_BAD_BLOCK;
    if (status == MOOT_BAD_BLOCK)
        moot_state_clear(ret, step->pool);
    if (status == MOOT_OK)
        status = moot_state_install(ret, step->pool, step->env->store, &outside);
    return status;
}

void moot_snapshot_install_done(struct moot_step *step, const struct moot_job_owner *owner,
                                const struct moot_event *event)
{
    struct moot_engine *engine = step->engine;
    struct moot_install *install = &engine->install;
    struct moot_body body;
    struct moot_state fresh;
    if (install->job != event->job->number)
        return;
    install->job = 0;
    install->next_ms = engine->now_ms + RETRY_MS;
    if (event->status != MOOT_OK || !at_rest(step) ||
        !moot_snapshot_of(engine, step->pool, &owner->key, &body)) {
        if (event->status != MOOT_OK)
            moot_step_refuse(step, event->status);
        return; /* tried again: it was not at rest, or a block is missing after all */
    }
    enum moot_status status = state_of_image(step, event->bytes, &body, &fresh);
    if (status != MOOT_OK) {
        moot_step_refuse(step, status);
        moot_step_notice(step, "snapshot.not_installed", status)->proposal = owner->key;
        return;
    }
    struct moot_state old = engine->state;
    fresh.payload_bytes = old.payload_bytes;
    engine->state = fresh;
    moot_state_clear(&old, step->pool);
    install->wanted = install->refold = false;
    engine->last_snapshot_known = false;
    engine->root_stale = engine->loose_root_stale = engine->collect_wanted = true;
    moot_merge_rows_anew(step);
    moot_snapshot_base_set(step, &owner->key, &body);
    moot_step_notice(step, "snapshot.installed", MOOT_OK)->proposal = owner->key;
}
