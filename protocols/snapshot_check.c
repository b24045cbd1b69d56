/*
 * Verifying somebody's snapshot: every administrator's node rebuilds the state at exactly that cut from
 * what it holds itself, and compares.
 *
 *   open proposal ─ fetch the cut ─▶ rules of the cut ─▶ everything in it held? ─ job: rebuild ─▶ equal: yes
 *                                        └─ broken: no, with the reason            └─ differs: no, naming the stratum
 *
 * What is only missing is waited for; the lease bounds it. A cut that does not contain every cut this node
 * signed before on this timeline is refused: quorums share an administrator, so certified cuts are ordered.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/base/mutant.h"
#include "protocols/snapshot.h"
#include "protocols/view.h"

#define RETRY_MS 500

static const char *const stratum_names[MOOT_STRATA] = {
    "0 (timeline and administrators)", "1 (members and chains)", "2 (proposals)", "3 (records)"};

static void say_no(struct moot_step *step, const struct moot_proposal *proposal,
                   struct moot_check *check, const char *reason)
{
    struct moot_notice *notice = moot_step_notice(step, "snapshot.rejected", MOOT_REJECTED);
    notice->proposal = proposal->id;
    snprintf(notice->detail, sizeof notice->detail, "%s", reason);
    check->done = true;
    enum moot_status status = moot_decision_vote(step, moot_blob_get(step->pool, proposal->body),
                                                 MOOT_VERDICT_NO, moot_bytes_of_text(reason));
    if (status != MOOT_OK)
        moot_step_refuse(step, status);
}

/* Remembers the cut beside the vote: the next one must contain it. */
static void say_yes(struct moot_step *step, const struct moot_proposal *proposal,
                    struct moot_check *check, const struct moot_digest *cut_hash)
{
    check->done = true;
    enum moot_status status = moot_decision_vote(step, moot_blob_get(step->pool, proposal->body),
                                                 MOOT_VERDICT_YES, moot_bytes_of(NULL, 0));
    if (status != MOOT_OK)
        moot_step_refuse(step, status);
    else
        moot_snapshot_approved(step, cut_hash);
}

void moot_snapshot_approved(struct moot_step *step, const struct moot_digest *cut_hash)
{
    struct moot_engine *engine = step->engine;
    uint8_t row[64];
    engine->approved_timeline = moot_state_era(&engine->state, step->pool)->timeline;
    engine->approved_cut = *cut_hash;
    memcpy(row, engine->approved_timeline.b, 32);
    memcpy(row + 32, cut_hash->b, 32);
    moot_step_put(step, MOOT_TABLE_META, moot_bytes_of_text("approved"),
                  moot_bytes_of(row, sizeof row));
}

enum moot_status moot_approved_restore(struct moot_engine *engine, struct moot_bytes row)
{
    if (row.size != 64)
        return MOOT_STORE_DAMAGED;
    memcpy(engine->approved_timeline.b, row.data, 32);
    memcpy(engine->approved_cut.b, row.data + 32, 32);
    return MOOT_OK;
}

/* NULL: the rules hold; "" : not to be said yet; else the reason to say no. */
static const char *broken_rule(struct moot_step *step, const struct moot_body *body,
                               const struct moot_cut *cut)
{
    struct moot_engine *engine = step->engine;
    const struct moot_era *era = moot_state_era(&engine->state, step->pool);
    const struct moot_chain *own = moot_append_chain(step);
    struct moot_body last;
    struct moot_cut_chain entry;
    const struct moot_object_row *previous = moot_snapshot_last(engine, step->pool, &last);
    struct moot_digest root;
    bool follows_last =
        previous ? body->snapshot.follows &&
                       moot_digest_equal(&body->snapshot.previous, &previous->statement.body)
                 : !body->snapshot.follows;
    moot_cut_root(cut, &root);
    if (!moot_digest_equal(&root, &body->snapshot.cut_root) ||
        cut->follows != body->snapshot.follows ||
        !moot_digest_equal(&cut->timeline, &era->timeline) || cut->epoch > body->epoch)
        return "the cut is not the one proposed";
    if (!follows_last)
        return "it does not follow the last completed snapshot";
    if (previous && body->epoch < last.epoch + engine->config.snapshot_min_epochs)
        return "it comes too soon after the last one";
    if (own && moot_cut_chain_find(cut, &own->id, &entry) && entry.seq > own->tail.seq)
        return "it names facts of this device that this device never wrote";
    if (!moot_device_cut_fits(step, cut))
        return "it holds facts above a removal that this device has approved";
    if (!moot_digest_equal(&engine->approved_timeline, &era->timeline) ||
        moot_digest_is_zero(&engine->approved_cut))
        return NULL;
    struct moot_bytes earlier_bytes;
    struct moot_cut earlier;
    if (!moot_content_held(step, &engine->approved_cut, &earlier_bytes)) {
        (void)moot_content_want(step, &engine->approved_cut, true);
        return "";
    }
    if (moot_cut_decode(earlier_bytes, &earlier) != MOOT_OK)
        return "the cut that this device signed last is damaged here";
    if (!MOOT_MUTANT("cuts-unordered") &&
        moot_cut_contains(cut, &earlier, &engine->state, step->pool) != MOOT_OK)
        return "it leaves out a cut that this device has signed";
    return NULL;
}

/* All facts and objects of the cut are here and durable (plain ticks that were outdated do not count). */
static bool all_held(struct moot_step *step, const struct moot_cut *cut)
{
    struct moot_engine *engine = step->engine;
    if (engine->committed != engine->ticket || step->batch.op_count > 0 || moot_merge_busy(step))
        return false;
    for (uint32_t i = 0; i < cut->chain_count; i++) {
        struct moot_cut_chain entry;
        moot_cut_chain_at(cut, i, &entry);
        const struct moot_chain *chain = moot_state_chain(&engine->state, step->pool, &entry.chain);
        if (!chain || chain->tail.seq < entry.seq)
            return false;
    }
    return true;
}

static void check_one(struct moot_step *step, const struct moot_proposal *proposal)
{
    struct moot_engine *engine = step->engine;
    struct moot_body body;
    struct moot_slot slot;
    struct moot_bytes bytes;
    struct moot_cut cut;
    enum moot_status status = moot_body_decode(moot_blob_get(step->pool, proposal->body), &body);
    MOOT_INVARIANT(status == MOOT_OK);
    moot_body_slot(&body, &proposal->id, &slot);
    struct moot_check *check =
        moot_map_put(step->pool, &engine->checks, moot_digest_bytes(&proposal->id), NULL);
    if (!check || check->done || check->job != 0 || moot_decision_voted(engine, step->pool, &slot))
        return;
    if (engine->now_ms < check->next_ms) {
        moot_step_wake(step, check->next_ms);
        return;
    }
    if (!moot_content_held(step, &body.snapshot.cut_hash, &bytes)) {
        (void)moot_content_want(step, &body.snapshot.cut_hash, true);
        return;
    }
    if (moot_cut_decode(bytes, &cut) != MOOT_OK) {
        say_no(step, proposal, check, "the cut does not decode");
        return;
    }
    const char *broken = broken_rule(step, &body, &cut);
    if (broken && broken[0]) {
        say_no(step, proposal, check, broken);
        return;
    }
    if (broken || !all_held(step, &cut) ||
        !moot_snapshot_rebuild(step, bytes, &proposal->id, MOOT_JOB_FOR_CHECK, &check->job)) {
        check->next_ms = engine->now_ms + RETRY_MS;
        moot_step_wake(step, check->next_ms);
    }
}

void moot_snapshot_check_done(struct moot_step *step, const struct moot_job_owner *owner,
                              const struct moot_event *event)
{
    struct moot_engine *engine = step->engine;
    struct moot_check *check =
        moot_map_get(step->pool, &engine->checks, moot_digest_bytes(&owner->key));
    const struct moot_proposal *proposal =
        moot_state_proposal(&engine->state, step->pool, &owner->key);
    struct moot_rebuilt rebuilt;
    struct moot_body body;
    bool possible;
    if (!check || !proposal || check->job != event->job->number)
        return;
    check->job = 0;
    check->next_ms = engine->now_ms + RETRY_MS;
    if (moot_proposal_phase(engine, step->pool, proposal, &possible) != MOOT_PROPOSAL_PROPOSED ||
        moot_body_decode(moot_blob_get(step->pool, proposal->body), &body) != MOOT_OK)
        return;
    if (event->status == MOOT_CHAIN_FORKED || event->status == MOOT_BAD_VALUE ||
        event->status == MOOT_WRONG_TIMELINE || event->status == MOOT_VOID_EPOCH ||
        event->status == MOOT_VOID_TIMELINE || event->status == MOOT_VOID_MEMBER ||
        event->status == MOOT_VOID_REMOVED) {
        say_no(step, proposal, check, moot_status_info(event->status)->text);
        return;
    }
    if (event->status != MOOT_OK || event->bytes.size != sizeof rebuilt) {
        moot_step_refuse(step, event->status); /* missing or short of room here: tried again */
        return;
    }
    memcpy(&rebuilt, event->bytes.data, sizeof rebuilt);
    if (moot_digest_equal(&rebuilt.digest, &body.snapshot.state_digest) &&
        moot_digest_equal(&rebuilt.root, &body.snapshot.cut_root) &&
        moot_digest_equal(&rebuilt.index, &body.snapshot.index) &&
        rebuilt.image_bytes == body.snapshot.image_bytes) {
        say_yes(step, proposal, check, &body.snapshot.cut_hash);
        return;
    }
    char reason[96] = "the image differs from what this device rebuilt";
    for (uint32_t i = 0; i < MOOT_STRATA; i++) {
        if (!moot_digest_equal(&rebuilt.strata[i], &body.snapshot.strata[i])) {
            snprintf(reason, sizeof reason, "stratum %s differs", stratum_names[i]);
            break;
        }
    }
    say_no(step, proposal, check, reason);
}

void moot_snapshot_check_step(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    if (!moot_engine_is_admin(engine, step->pool) || !moot_append_ready(step))
        return;
    for (MOOT_MAP_EACH(step->pool, &engine->leases, item)) {
        struct moot_digest id;
        bool possible;
        memcpy(id.b, item.key.data, sizeof id.b);
        const struct moot_proposal *proposal = moot_state_proposal(&engine->state, step->pool, &id);
        if (proposal &&
            moot_proposal_phase(engine, step->pool, proposal, &possible) == MOOT_PROPOSAL_PROPOSED)
            check_one(step, proposal);
    }
}
