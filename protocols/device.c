/*
 * Devices that are to leave, to be replaced or to bear another name.
 *
 *   remove NAME   ─▶ RemovalProposed     ─ M approvals ─▶ facts above the range void, sessions end
 *   replace OLD NEW ─▶ ReplacementProposed ─ M approvals ─▶ the same for OLD; NEW (it asked to join) enters
 *   rename NAME NEW ─▶ RenameProposed      ─ M approvals ─▶ another name everywhere
 *
 * What the fold would call void or a dispute is refused here: before it is proposed, and once more
 * before this node approves what another proposed. So honest administrators, two quorums of whom always
 * share one, never certify two removals of one device that differ.
 *
 * Removals and snapshots: whoever signs a removal signs no cut with facts above its range, and the other way
 * round. So a certified cut never holds a fact that a certified removal makes void, and an image is what a
 * replay gives. While such a removal is open, snapshots wait.
 * Failures: UNDER_SNAPSHOT, NOT_FOUND, REMOVED, IS_ADMIN, SLOT_TAKEN, DECIDED, NAME_TAKEN, BAD_ARGUMENT, DOUBLE_VOTE.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "journal/chain_walk.h"
#include "protocols/snapshot.h"
#include "protocols/view.h"

uint32_t moot_members_in_force(const struct moot_engine *engine, const struct moot_pool *pool)
{
    struct moot_map_item item;
    uint32_t count = 0;
    for (MOOT_MAP_EACH(pool, &engine->state.members, item)) {
        const struct moot_member *member = item.value;
        count += member->conflicted || member->retired ? 0 : 1;
    }
    return count;
}

bool moot_device_name_taken(const struct moot_engine *engine, const struct moot_pool *pool,
                            struct moot_bytes name, const struct moot_key *except)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &engine->state.members, item)) {
        const struct moot_member *member = item.value;
        if (!member->retired && moot_bytes_equal(moot_blob_get(pool, member->name), name) &&
            !(except && moot_key_equal(&member->key, except)))
            return true;
    }
    return false;
}

bool moot_device_is_gone(const struct moot_engine *engine, const struct moot_pool *pool,
                         const struct moot_key *key)
{
    const struct moot_member *member = moot_state_member_listed(&engine->state, pool, key);
    return member && member->retired;
}

/* ---- what a proposal is about ---- */

/* The device that a body takes away; NULL: none. */
static const struct moot_key *retires(const struct moot_body *body)
{
    if (body->kind == MOOT_BODY_REMOVAL)
        return &body->removal.device;
    return body->kind == MOOT_BODY_REPLACEMENT ? &body->replacement.old_device : NULL;
}

/* The device that a body lets in; NULL: none. */
static const struct moot_key *lets_in(const struct moot_body *body)
{
    if (body->kind == MOOT_BODY_ADMISSION)
        return &body->admission.device;
    return body->kind == MOOT_BODY_REPLACEMENT ? &body->replacement.new_device : NULL;
}

/* Not both can be in force, or only one after the other. */
static bool collide(const struct moot_body *a, const struct moot_body *b)
{
    const struct moot_key *gone_a = retires(a), *gone_b = retires(b);
    const struct moot_key *new_a = lets_in(a), *new_b = lets_in(b);
    if (a->kind == MOOT_BODY_RENAME && b->kind == MOOT_BODY_RENAME)
        return moot_key_equal(&a->rename.device, &b->rename.device) ||
               moot_bytes_equal(a->rename.name, b->rename.name);
    return (gone_a && gone_b && moot_key_equal(gone_a, gone_b)) ||
           (new_a && new_b && moot_key_equal(new_a, new_b));
}

/* Another open proposal that collides with this body; `voted`: one that this node has approved. */
static const struct moot_proposal *rival(const struct moot_engine *engine,
                                         const struct moot_pool *pool, const struct moot_body *body,
                                         const struct moot_digest *self, bool voted)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &engine->state.proposals, item)) {
        const struct moot_proposal *other = item.value;
        struct moot_body said;
        bool possible;
        if ((self && moot_digest_equal(&other->id, self)) ||
            moot_body_decode(moot_blob_get(pool, other->body), &said) != MOOT_OK ||
            !collide(body, &said) ||
            moot_proposal_phase(engine, pool, other, &possible) != MOOT_PROPOSAL_PROPOSED)
            continue;
        struct moot_slot slot;
        moot_body_slot(&said, &other->id, &slot);
        const struct moot_vote *vote = moot_decision_voted(engine, pool, &slot);
        if (!voted || (vote && vote->statement.verdict == MOOT_VERDICT_YES))
            return other;
    }
    return NULL;
}

/* ---- rules that need no proposal ---- */

/* In the set in force, or in the one that is certified to come next. */
static bool is_or_becomes_admin(const struct moot_engine *engine, const struct moot_pool *pool,
                                const struct moot_key *device)
{
    struct moot_turn_body turn;
    if (moot_admin_set_find(&moot_state_era(&engine->state, pool)->admins, device) >= 0)
        return true;
    return moot_timeline_turn(engine, pool, &turn) && turn.what == MOOT_TURN_ADMINS &&
           moot_admin_set_find(&turn.admins, device) >= 0;
}

static enum moot_status retire_check(const struct moot_engine *engine, const struct moot_pool *pool,
                                     const struct moot_key *device)
{
    const struct moot_member *member = moot_state_member_listed(&engine->state, pool, device);
    if (!member)
        return MOOT_NOT_FOUND;
    if (member->retired)
        return MOOT_DECIDED;
    return is_or_becomes_admin(engine, pool, device) ? MOOT_IS_ADMIN : MOOT_OK;
}

/* A rename of that device is certified for this epoch already: another one would dispute it. */
static bool renamed_in(const struct moot_engine *engine, const struct moot_pool *pool,
                       const struct moot_key *device, uint32_t epoch)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &engine->state.objects, item)) {
        const struct moot_object_row *row = item.value;
        if (row->statement.slot.kind == MOOT_SLOT_RENAME && row->statement.epoch == epoch &&
            moot_key_equal(&row->statement.slot.device, device))
            return true;
    }
    return false;
}

static enum moot_status rename_check(const struct moot_engine *engine, const struct moot_pool *pool,
                                     const struct moot_body *body)
{
    const struct moot_rename_body *rename = &body->rename;
    const struct moot_member *member = moot_state_member(&engine->state, pool, &rename->device);
    if (!member)
        return MOOT_NOT_FOUND;
    if (!moot_name_good(rename->name) || (rename->home.size > 0 && !moot_name_good(rename->home)))
        return MOOT_BAD_ARGUMENT;
    if (moot_device_name_taken(engine, pool, rename->name, &rename->device))
        return MOOT_NAME_TAKEN;
    return renamed_in(engine, pool, &rename->device, body->epoch) ? MOOT_DECIDED : MOOT_OK;
}

static enum moot_status entry_check(const struct moot_engine *engine, const struct moot_pool *pool,
                                    const struct moot_key *device)
{
    const struct moot_member *member = moot_state_member_listed(&engine->state, pool, device);
    if (!member)
        return MOOT_OK;
    return member->retired ? MOOT_REMOVED : MOOT_DECIDED;
}

/* Who is to decide must be a member, and stay one. */
static enum moot_status admins_check(const struct moot_engine *engine, const struct moot_pool *pool,
                                     const struct moot_admin_set *admins)
{
    for (uint32_t i = 0; i < admins->count; i++) {
        if (moot_device_is_gone(engine, pool, &admins->keys[i]))
            return MOOT_REMOVED;
    }
    return MOOT_OK;
}

static enum moot_status body_check(const struct moot_engine *engine, const struct moot_pool *pool,
                                   const struct moot_body *body)
{
    enum moot_status status = MOOT_OK;
    switch (body->kind) {
    case MOOT_BODY_TURN:
        return body->turn.what == MOOT_TURN_ADMINS ? admins_check(engine, pool, &body->turn.admins)
                                                   : MOOT_OK;
    case MOOT_BODY_ADMISSION:
        return moot_device_is_gone(engine, pool, &body->admission.device) ? MOOT_REMOVED : MOOT_OK;
    case MOOT_BODY_REMOVAL:
        return retire_check(engine, pool, &body->removal.device);
    case MOOT_BODY_REPLACEMENT:
        status = retire_check(engine, pool, &body->replacement.old_device);
        return status == MOOT_OK ? entry_check(engine, pool, &body->replacement.new_device)
                                 : status;
    case MOOT_BODY_RENAME:
        return rename_check(engine, pool, body);
    case MOOT_BODY_TICK:
    case MOOT_BODY_UPGRADE:
    case MOOT_BODY_ACTIVATION:
    case MOOT_BODY_SNAPSHOT:
    case MOOT_BODY_CACHE:
        break;
    }
    return MOOT_OK;
}

/* ---- removals and snapshots ---- */

static uint64_t range_in(const struct moot_body *body)
{
    return body->kind == MOOT_BODY_REMOVAL ? body->removal.last_seq : body->replacement.keep_seq;
}

/* Does that cut hold more of the chain than `seq`? FETCHING: it is not here; UNDER_SNAPSHOT. */
static enum moot_status cut_check(struct moot_step *step, const struct moot_digest *cut_hash,
                                  const struct moot_digest *chain, uint64_t seq)
{
    struct moot_bytes bytes;
    struct moot_cut cut;
    struct moot_cut_chain entry;
    if (moot_digest_is_zero(cut_hash))
        return MOOT_OK;
    if (!moot_content_held(step, cut_hash, &bytes)) {
        (void)moot_content_want(step, cut_hash, true);
        return MOOT_FETCHING;
    }
    if (moot_cut_decode(bytes, &cut) != MOOT_OK)
        return MOOT_STORE_DAMAGED;
    return moot_cut_chain_find(&cut, chain, &entry) && entry.seq > seq ? MOOT_UNDER_SNAPSHOT
                                                                       : MOOT_OK;
}

/* The cut that this node signed last and the one completed last, against a removal's range. */
static enum moot_status snapshots_check(struct moot_step *step, const struct moot_body *body)
{
    struct moot_engine *engine = step->engine;
    const struct moot_key *device = retires(body);
    const struct moot_member *member =
        device ? moot_state_member_listed(&engine->state, step->pool, device) : NULL;
    const struct moot_chain *chain =
        member ? moot_state_chain(&engine->state, step->pool, &member->chain) : NULL;
    struct moot_body last;
    if (!chain || range_in(body) >= chain->tail.seq)
        return MOOT_OK; /* what was signed here was held here */
    enum moot_status status = cut_check(step, &engine->approved_cut, &chain->id, range_in(body));
    if (status == MOOT_OK && moot_snapshot_last(engine, step->pool, &last))
        status = cut_check(step, &last.snapshot.cut_hash, &chain->id, range_in(body));
    return status;
}

static bool ends_above(const struct moot_step *step, const struct moot_cut *cut,
                       const struct moot_key *device, uint64_t seq)
{
    const struct moot_member *member =
        moot_state_member_listed(&step->engine->state, step->pool, device);
    struct moot_cut_chain entry;
    return member && moot_cut_chain_find(cut, &member->chain, &entry) && entry.seq > seq;
}

/* A removal or replacement that is open and has this node's yes. */
static bool is_approved(const struct moot_step *step, const struct moot_proposal *proposal,
                        struct moot_body *ret_body)
{
    struct moot_slot slot;
    bool possible;
    if ((proposal->kind != MOOT_BODY_REMOVAL && proposal->kind != MOOT_BODY_REPLACEMENT) ||
        moot_body_decode(moot_blob_get(step->pool, proposal->body), ret_body) != MOOT_OK)
        return false;
    moot_body_slot(ret_body, &proposal->id, &slot);
    const struct moot_vote *vote = moot_decision_voted(step->engine, step->pool, &slot);
    return vote && vote->statement.verdict == MOOT_VERDICT_YES &&
           moot_proposal_phase(step->engine, step->pool, proposal, &possible) ==
               MOOT_PROPOSAL_PROPOSED;
}

bool moot_device_cut_fits(const struct moot_step *step, const struct moot_cut *cut)
{
    struct moot_map_item item, listed;
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.members, listed)) {
        const struct moot_member *member = listed.value;
        if (member->retired && ends_above(step, cut, &member->key, member->last_seq))
            return false;
    }
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.proposals, item)) {
        struct moot_body body;
        if (is_approved(step, item.value, &body) &&
            ends_above(step, cut, retires(&body), range_in(&body)))
            return false;
    }
    return true;
}

enum moot_status moot_device_vote_check(struct moot_step *step, const struct moot_body *body,
                                        const struct moot_digest *hash)
{
    enum moot_status status = body_check(step->engine, step->pool, body);
    if (status == MOOT_OK)
        status = snapshots_check(step, body);
    if (status != MOOT_OK)
        return status;
    return rival(step->engine, step->pool, body, hash, true) ? MOOT_DOUBLE_VOTE : MOOT_OK;
}

/* ---- proposing ---- */

/* By name, or by id in hex (8 digits or more). One in force comes first: names are used again. */
static const struct moot_member *device_find(const struct moot_step *step, struct moot_bytes text,
                                             enum moot_status *ret_why)
{
    const struct moot_state *state = &step->engine->state;
    const struct moot_member *found = NULL;
    struct moot_map_item item;
    uint32_t count = 0;
    bool gone = true;
    *ret_why = MOOT_NOT_FOUND;
    for (MOOT_MAP_EACH(step->pool, &state->members, item)) {
        const struct moot_member *member = item.value;
        char hex[65];
        moot_hex_format(item.key, hex);
        bool fits = moot_bytes_equal(moot_blob_get(step->pool, member->name), text) ||
                    (text.size >= 8 && text.size <= 64 && memcmp(hex, text.data, text.size) == 0);
        if (!fits || (member->retired && !gone))
            continue;
        if (!member->retired && gone) {
            gone = false;
            count = 0;
        }
        found = member;
        count++;
    }
    if (count == 0)
        return NULL;
    *ret_why = count > 1 ? MOOT_AMBIGUOUS : gone ? MOOT_REMOVED : MOOT_OK;
    return *ret_why == MOOT_OK ? found : NULL;
}

/* Where the log of a chain begins: behind what was collected, or at the start. FETCHING. */
static enum moot_status walk_begin(struct moot_step *step, struct moot_chain_walk *walk)
{
    const struct moot_base *base = &step->engine->base;
    struct moot_bytes bytes;
    struct moot_cut cut;
    struct moot_cut_chain entry;
    if (!base->there)
        return MOOT_OK;
    if (!moot_content_held(step, &base->cut_hash, &bytes)) {
        (void)moot_content_want(step, &base->cut_hash, true);
        return MOOT_FETCHING;
    }
    if (moot_cut_decode(bytes, &cut) != MOOT_OK)
        return MOOT_STORE_DAMAGED;
    if (moot_cut_chain_find(&cut, &walk->chain, &entry)) {
        walk->seq = entry.seq;
        walk->id = entry.head;
    }
    return MOOT_OK;
}

/* The last fact that is to count: the one asked for, or the last one held here. */
static enum moot_status range_of(struct moot_step *step, const struct moot_member *member,
                                 const struct moot_call *call, uint64_t *ret_seq,
                                 struct moot_digest *ret_id)
{
    const struct moot_chain *chain =
        moot_state_chain(&step->engine->state, step->pool, &member->chain);
    MOOT_INVARIANT(chain != NULL);
    *ret_seq = chain->tail.seq;
    *ret_id = chain->tail.id;
    if (!call->at_given || call->at_seq == chain->tail.seq)
        return MOOT_OK;
    if (call->at_seq > chain->tail.seq)
        return MOOT_BAD_ARGUMENT;
    struct moot_chain_walk walk = {
        .store = step->env->store, .index = chain->index, .chain = chain->id};
    enum moot_status status = walk_begin(step, &walk);
    if (status == MOOT_OK && call->at_seq < walk.seq)
        status = MOOT_UNDER_SNAPSHOT;
    if (status == MOOT_OK)
        status = moot_chain_walk(&walk, call->at_seq, NULL, NULL);
    step->env->store->release(step->env->store->self);
    *ret_seq = walk.seq;
    *ret_id = walk.id;
    return status;
}

static void propose(struct moot_step *step, uint64_t call_number, uint16_t kind,
                    struct moot_body *body, bool dry_run)
{
    struct moot_engine *engine = step->engine;
    body->epoch = engine->state.epoch;
    enum moot_status status = body_check(engine, step->pool, body);
    if (status == MOOT_OK)
        status = snapshots_check(step, body);
    const struct moot_proposal *other =
        status == MOOT_OK ? rival(engine, step->pool, body, NULL, false) : NULL;
    if (other) {
        char name[MOOT_PROPOSAL_NAME_BYTES], detail[64];
        moot_proposal_name(&other->id, other->kind, name);
        snprintf(detail, sizeof detail, "%s is open", name);
        moot_call_refuse(step, call_number, MOOT_SLOT_TAKEN, detail);
        return;
    }
    if (status != MOOT_OK) {
        moot_call_refuse(step, call_number, status,
                         status == MOOT_DECIDED ? "one rename of a device an epoch" : NULL);
        return;
    }
    moot_propose_body(step, call_number, kind, body, dry_run);
}

static const char *const beyond = "this node holds fewer facts of that device";

static void propose_removal(struct moot_step *step, uint64_t call_number,
                            const struct moot_call *call, const struct moot_member *member)
{
    struct moot_body body = {.kind = MOOT_BODY_REMOVAL};
    body.removal.device = member->key;
    enum moot_status status =
        range_of(step, member, call, &body.removal.last_seq, &body.removal.last_id);
    if (status != MOOT_OK)
        moot_call_refuse(step, call_number, status, status == MOOT_BAD_ARGUMENT ? beyond : NULL);
    else
        propose(step, call_number, MOOT_KIND_REMOVAL_PROPOSED, &body, call->dry_run);
}

static void propose_replacement(struct moot_step *step, uint64_t call_number,
                                const struct moot_call *call, const struct moot_member *member)
{
    struct moot_body body = {.kind = MOOT_BODY_REPLACEMENT};
    struct moot_joiner *joiner =
        moot_member_joiner_find(step, call_number, call->new_name, &body.replacement.new_device);
    if (!joiner)
        return;
    if (step->engine->state.members.count >= MOOT_DEVICES_MAX) {
        moot_call_refuse(step, call_number, MOOT_LIMIT, NULL);
        return;
    }
    body.replacement.old_device = member->key;
    enum moot_status status =
        range_of(step, member, call, &body.replacement.keep_seq, &body.replacement.keep_id);
    if (status != MOOT_OK) {
        moot_call_refuse(step, call_number, status, status == MOOT_BAD_ARGUMENT ? beyond : NULL);
        return;
    }
    if (!call->dry_run)
        joiner->denied = false;
    propose(step, call_number, MOOT_KIND_REPLACEMENT_PROPOSED, &body, call->dry_run);
}

static void propose_rename(struct moot_step *step, uint64_t call_number,
                           const struct moot_call *call, const struct moot_member *member)
{
    struct moot_body body = {.kind = MOOT_BODY_RENAME};
    struct moot_bytes name = moot_blob_get(step->pool, member->name);
    struct moot_bytes home = moot_blob_get(step->pool, member->home);
    body.rename.device = member->key;
    body.rename.name = call->new_name;
    body.rename.home = call->home.size > 0 ? call->home : home;
    if (moot_bytes_equal(body.rename.name, name) && moot_bytes_equal(body.rename.home, home)) {
        moot_call_refuse(step, call_number, MOOT_BAD_ARGUMENT, "it is called so already");
        return;
    }
    propose(step, call_number, MOOT_KIND_RENAME_PROPOSED, &body, call->dry_run);
}

void moot_device_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    enum moot_status status = MOOT_OK;
    const struct moot_member *member = NULL;
    if (!step->engine->state.founded)
        status = MOOT_NO_MESH;
    else if (!moot_engine_is_admin(step->engine, step->pool))
        status = MOOT_NOT_ADMIN;
    else
        member = device_find(step, call->name, &status);
    if (!member)
        moot_call_refuse(step, call_number, status, NULL);
    else if (call->kind == MOOT_CALL_REMOVE)
        propose_removal(step, call_number, call, member);
    else if (call->kind == MOOT_CALL_REPLACE)
        propose_replacement(step, call_number, call, member);
    else
        propose_rename(step, call_number, call, member);
}
