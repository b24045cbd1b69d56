/*
 * Proposals of people, and what people say to them. Everything that can be refused is refused here,
 * before anything is written; the fold never refuses what was written, it only calls it void.
 *
 *   proposed ─ M yes ─▶ certified ─ (turn's tick | activation | at once) ─▶ in force
 *      ├─ N−M+1 no ─▶ rejected      ├─ proposer ─▶ withdrawn      └─ deadline ─▶ expired
 *   two certificates in one slot ─▶ conflicted. A certificate that exists beats the other ways out.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/hardfork.h"
#include "protocols/snapshot.h"
#include "protocols/view.h"

#define SEEN_LATELY_MS 600000

/* ---- phase ---- */

static bool turn_passed(const struct moot_engine *engine, const struct moot_pool *pool,
                        const struct moot_digest *body)
{
    for (uint32_t i = 1; i < engine->state.eras.count; i++) {
        const struct moot_era *era = moot_list_at(pool, &engine->state.eras, i);
        if (moot_digest_equal(&era->turn_body, body))
            return true;
    }
    return false;
}

static bool activated(const struct moot_engine *engine, const struct moot_pool *pool,
                      const struct moot_digest *proposal)
{
    struct moot_slot slot = {.kind = MOOT_SLOT_ACTIVATE, .proposal = *proposal};
    return moot_state_decision(&engine->state, pool, &slot).state == MOOT_DECISION_CERTIFIED;
}

static bool in_force(const struct moot_engine *engine, const struct moot_pool *pool,
                     const struct moot_proposal *proposal, const struct moot_body *body)
{
    switch (body->kind) {
    case MOOT_BODY_ADMISSION:
    case MOOT_BODY_SNAPSHOT:
    case MOOT_BODY_CACHE:
    case MOOT_BODY_REMOVAL:
    case MOOT_BODY_REPLACEMENT:
    case MOOT_BODY_RENAME:
        return true; /* in force with the certificate */
    case MOOT_BODY_TURN:
        return turn_passed(engine, pool, &proposal->id);
    case MOOT_BODY_UPGRADE:
        return body->upgrade.kind == MOOT_UPGRADE_SOFT
                   ? activated(engine, pool, &proposal->id)
                   : moot_hard_fork_era(engine, pool, &proposal->id) != NULL;
    case MOOT_BODY_TICK:
    case MOOT_BODY_ACTIVATION:
        break;
    }
    return false;
}

/* Another certificate of the same timeline says something else of that device: neither is in force. */
static bool disputed(const struct moot_engine *engine, const struct moot_pool *pool,
                     const struct moot_slot *slot)
{
    const struct moot_member *member =
        slot->kind == MOOT_SLOT_REMOVE || slot->kind == MOOT_SLOT_REPLACE
            ? moot_state_member_listed(&engine->state, pool, &slot->device)
            : NULL;
    return member && member->disputed;
}

/* Asked of what is not in force. */
static bool expired(const struct moot_engine *engine, const struct moot_pool *pool,
                    const struct moot_proposal *proposal, const struct moot_body *body,
                    bool certified)
{
    uint32_t epoch = engine->state.epoch;
    if (body->kind == MOOT_BODY_TURN)
        return epoch >= body->turn.last;
    if (certified && body->kind == MOOT_BODY_UPGRADE && body->upgrade.kind == MOOT_UPGRADE_HARD)
        return moot_hard_fork_over(engine, pool, &body->upgrade) ||
               (epoch >= body->upgrade.fence_epoch && !activated(engine, pool, &proposal->id));
    if (certified)
        return false;
    if (body->kind == MOOT_BODY_UPGRADE)
        return epoch > body->upgrade.deadline_epoch;
    uint32_t most = engine->config.deadline_epochs;
    if (body->kind == MOOT_BODY_SNAPSHOT && most > MOOT_SNAPSHOT_OPEN_EPOCHS_MAX)
        most = MOOT_SNAPSHOT_OPEN_EPOCHS_MAX; /* while it is open nobody proposes another */
    return epoch - body->epoch > most;
}

uint8_t moot_proposal_phase(const struct moot_engine *engine, const struct moot_pool *pool,
                            const struct moot_proposal *proposal, bool *ret_possible)
{
    const struct moot_era *era = moot_state_era(&engine->state, pool);
    struct moot_body body;
    struct moot_slot slot;
    struct moot_statement statement;
    struct moot_tally tally;
    *ret_possible = false;
    enum moot_status status = moot_body_decode(moot_blob_get(pool, proposal->body), &body);
    MOOT_INVARIANT(status == MOOT_OK); /* the fold decoded it */
    moot_body_slot(&body, &proposal->id, &slot);
    struct moot_decision decision = moot_state_decision(&engine->state, pool, &slot);
    if (!decision.object || !moot_digest_equal(&decision.object->statement.body, &proposal->id))
        decision = moot_turn_decision(engine, pool, &slot); /* an expired one has it no more */
    if (decision.state == MOOT_DECISION_CONFLICT)
        return MOOT_PROPOSAL_CONFLICTED;
    if (decision.state == MOOT_DECISION_CERTIFIED) {
        /* turn/K is one slot for all who propose a turn: another may have it, or have come after it. */
        const struct moot_statement *decided = &decision.object->statement;
        if (!moot_digest_equal(&decided->body, &proposal->id))
            return body.kind == MOOT_BODY_TURN && decided->round > body.turn.last
                       ? MOOT_PROPOSAL_EXPIRED
                       : MOOT_PROPOSAL_REJECTED;
        if (disputed(engine, pool, &slot))
            return MOOT_PROPOSAL_CONFLICTED;
        if (in_force(engine, pool, proposal, &body))
            return MOOT_PROPOSAL_IN_FORCE;
        return expired(engine, pool, proposal, &body, true) ? MOOT_PROPOSAL_EXPIRED
                                                            : MOOT_PROPOSAL_CERTIFIED;
    }
    if (proposal->withdrawn)
        return MOOT_PROPOSAL_WITHDRAWN;
    if (expired(engine, pool, proposal, &body, false) ||
        (body.kind == MOOT_BODY_TURN && body.turn.k <= era->k))
        return MOOT_PROPOSAL_EXPIRED;
    moot_body_statement(&body, &proposal->id, &era->timeline, MOOT_VERDICT_YES, &statement);
    moot_decision_tally(engine, pool, &statement, &tally);
    if (tally.no_count > era->admins.count - era->admins.threshold)
        return MOOT_PROPOSAL_REJECTED;
    *ret_possible = true;
    return MOOT_PROPOSAL_PROPOSED;
}

static enum moot_status open_or_why(const struct moot_step *step,
                                    const struct moot_proposal *proposal, uint8_t *ret_phase)
{
    bool possible;
    *ret_phase = moot_proposal_phase(step->engine, step->pool, proposal, &possible);
    switch ((enum moot_proposal_state) * ret_phase) {
    case MOOT_PROPOSAL_PROPOSED:
    case MOOT_PROPOSAL_CERTIFIED:
    case MOOT_PROPOSAL_IN_FORCE:
        return MOOT_OK;
    case MOOT_PROPOSAL_CONFLICTED:
        return MOOT_SLOT_TAKEN;
    case MOOT_PROPOSAL_REJECTED:
    case MOOT_PROPOSAL_EXPIRED:
    case MOOT_PROPOSAL_WITHDRAWN:
        break;
    }
    return MOOT_ENDED;
}

/* ---- proposing ---- */

static uint32_t open_of_ours(const struct moot_step *step, enum moot_body_kind kind)
{
    struct moot_map_item item;
    uint32_t count = 0;
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        bool possible;
        if (proposal->kind == kind &&
            moot_key_equal(&proposal->proposer, &step->engine->identity.key) &&
            moot_proposal_phase(step->engine, step->pool, proposal, &possible) ==
                MOOT_PROPOSAL_PROPOSED)
            count++;
    }
    return count;
}

/* Encodes, checks by decoding, and stages or (dry run) shows the fact. */
void moot_propose_body(struct moot_step *step, uint64_t call_number, uint16_t kind,
                       struct moot_body *body, bool dry_run)
{
    struct moot_engine *engine = step->engine;
    struct moot_writer writer;
    struct moot_body checked;
    void *memory = moot_arena_take(step->arena, MOOT_BODY_BYTES_MAX);
    MOOT_INVARIANT(memory != NULL);
    body->proposer = engine->identity.key;
    body->epoch = engine->state.epoch;
    body->nonce = moot_append_next_seq(step);
    moot_writer_init(&writer, memory, MOOT_BODY_BYTES_MAX);
    moot_body_encode(body, &writer);
    enum moot_status status = writer.status;
    struct moot_bytes bytes = moot_bytes_of(memory, writer.size);
    if (status == MOOT_OK)
        status = moot_body_decode(bytes, &checked);
    if (status != MOOT_OK) {
        moot_call_refuse(step, call_number, status == MOOT_OVERSIZED ? status : MOOT_BAD_ARGUMENT,
                         moot_status_info(status)->text);
        return;
    }
    if (dry_run) {
        struct moot_reply *reply = moot_step_reply(step, call_number, MOOT_OK, "dry run");
        moot_body_hash(bytes, &reply->proposal);
        reply->payload = bytes;
        return;
    }
    status = moot_append_stage(step, kind, bytes, call_number);
    if (status != MOOT_OK)
        moot_call_refuse(step, call_number, status, NULL);
}

static bool seen_lately(const struct moot_step *step, const struct moot_key *key)
{
    if (moot_key_equal(key, &step->engine->identity.key))
        return true;
    const struct moot_peer *peer = moot_peer_of(step->engine, step->pool, key);
    return peer && (peer->link != 0 ||
                    (peer->seen_ms != 0 && step->engine->now_ms - peer->seen_ms < SEEN_LATELY_MS));
}

/* The new set by names; members only, each once, ascending. */
static enum moot_status resolve_set(const struct moot_step *step, const struct moot_call *call,
                                    struct moot_admin_set *ret, char detail[96])
{
    if (call->name_count == 0 || call->name_count > MOOT_ADMINS_MAX)
        return MOOT_LIMIT;
    for (uint32_t i = 0; i < call->name_count; i++) {
        const struct moot_member *member =
            moot_state_member_named(&step->engine->state, step->pool, call->names[i]);
        if (!member) {
            snprintf(detail, 96, "no device is named %.*s",
                     (int)(call->names[i].size < 63 ? call->names[i].size : 63),
                     (const char *)call->names[i].data);
            return MOOT_NOT_FOUND;
        }
        uint32_t at = 0;
        while (at < ret->count && moot_key_compare(&ret->keys[at], &member->key) < 0)
            at++;
        if (at < ret->count && moot_key_equal(&ret->keys[at], &member->key)) {
            snprintf(detail, 96, "a device is named twice");
            return MOOT_BAD_ARGUMENT;
        }
        memmove(&ret->keys[at + 1], &ret->keys[at], (ret->count - at) * sizeof ret->keys[0]);
        ret->keys[at] = member->key;
        ret->count++;
    }
    ret->threshold = call->threshold;
    return moot_admin_set_check(ret);
}

static void propose_admins(struct moot_step *step, uint64_t call_number,
                           const struct moot_call *call)
{
    struct moot_engine *engine = step->engine;
    const struct moot_era *era = moot_state_era(&engine->state, step->pool);
    struct moot_body body = {.kind = MOOT_BODY_TURN};
    struct moot_map_item item;
    char detail[96] = "";
    uint32_t seen = 0;
    body.turn.admins.version = era->admins.version + 1;
    enum moot_status status = resolve_set(step, call, &body.turn.admins, detail);
    if (status != MOOT_OK) {
        moot_call_refuse(step, call_number, status, detail);
        return;
    }
    for (uint32_t i = 0; i < body.turn.admins.count; i++)
        seen += seen_lately(step, &body.turn.admins.keys[i]) ? 1 : 0;
    if (seen < body.turn.admins.threshold) {
        moot_call_refuse(step, call_number, MOOT_SILENT,
                         "fewer of the new administrators than the threshold were seen lately");
        return;
    }
    for (MOOT_MAP_EACH(step->pool, &engine->state.proposals, item)) {
        const struct moot_proposal *other = item.value;
        bool possible;
        if (other->kind != MOOT_BODY_TURN)
            continue;
        uint8_t phase = moot_proposal_phase(engine, step->pool, other, &possible);
        if (phase == MOOT_PROPOSAL_PROPOSED || phase == MOOT_PROPOSAL_CERTIFIED) {
            moot_call_refuse(step, call_number, MOOT_SLOT_TAKEN, NULL);
            return;
        }
    }
    struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = era->k + 1};
    const struct moot_digest none = {{0}};
    if (moot_turn_voted(step, &slot, &none) == MOOT_TURN_VOTED_OTHERWISE) {
        moot_call_refuse(step, call_number, MOOT_SLOT_TAKEN,
                         "this administrator's vote for the next turn is given");
        return;
    }
    body.turn.k = era->k + 1;
    body.turn.before = era->timeline;
    body.turn.what = MOOT_TURN_ADMINS;
    body.turn.earliest = engine->state.epoch + 1;
    body.turn.last = engine->state.epoch + MOOT_TURN_WINDOW_MAX;
    /* Over before the turn of a hard fork is signed, in the same slot if need be. */
    struct moot_hard_fork fork;
    if (moot_hard_fork_next(engine, step->pool, &fork) && body.turn.last + 2 > fork.fence) {
        if (body.turn.earliest + 2 > fork.fence) {
            moot_call_refuse(step, call_number, MOOT_SLOT_TAKEN, "a hard fork is due: after it");
            return;
        }
        body.turn.last = fork.fence - 2;
    }
    moot_propose_body(step, call_number, MOOT_KIND_ADMINS_PROPOSED, &body, call->dry_run);
}

static void propose_upgrade(struct moot_step *step, uint64_t call_number,
                            const struct moot_call *call)
{
    struct moot_engine *engine = step->engine;
    uint16_t protocol = moot_state_era(&engine->state, step->pool)->protocol;
    uint32_t epoch = engine->state.epoch;
    struct moot_body body = {.kind = MOOT_BODY_UPGRADE, .upgrade = call->upgrade};
    struct moot_upgrade_body *upgrade = &body.upgrade;
    if (open_of_ours(step, MOOT_BODY_UPGRADE) >= MOOT_UPGRADES_OPEN_PER_ADMIN_MAX) {
        moot_call_refuse(step, call_number, MOOT_LIMIT,
                         "five of this administrator's upgrades are open");
        return;
    }
    if (upgrade->ready_needed > MOOT_DEVICES_MAX) { /* more may join before it is due */
        moot_call_refuse(step, call_number, MOOT_BAD_ARGUMENT,
                         "readiness above the number of devices a mesh may have");
        return;
    }
    if (upgrade->kind == MOOT_UPGRADE_HARD) {
        if (upgrade->window == 0)
            upgrade->window = MOOT_TURN_WINDOW_MAX;
        if (upgrade->deadline_epoch == 0 && upgrade->fence_epoch > 0)
            upgrade->deadline_epoch = upgrade->fence_epoch - 1;
        enum moot_status status = moot_hard_fork_check(engine, step->pool, upgrade, epoch);
        if (status == MOOT_OK && upgrade->fence_epoch <= epoch + 1)
            status = MOOT_WINDOW;
        if (status != MOOT_OK) {
            moot_call_refuse(step, call_number, status, NULL);
            return;
        }
    }
    if (upgrade->deadline_epoch == 0)
        upgrade->deadline_epoch = epoch + engine->config.deadline_epochs;
    if (upgrade->deadline_epoch <= epoch) {
        moot_call_refuse(step, call_number, MOOT_WINDOW, "the deadline is over already");
        return;
    }
    if (upgrade->min_protocol == 0)
        upgrade->min_protocol = protocol;
    moot_propose_body(step, call_number, MOOT_KIND_UPGRADE_PROPOSED, &body, call->dry_run);
}

static void propose_cache(struct moot_step *step, uint64_t call_number,
                          const struct moot_call *call)
{
    if (open_of_ours(step, MOOT_BODY_CACHE) >= MOOT_PROPOSALS_OPEN_PER_ADMIN_MAX)
        moot_call_refuse(step, call_number, MOOT_LIMIT,
                         "too many of this administrator's invalidations are open");
    else
        moot_cache_propose(step, call_number, call);
}

void moot_propose_folded(struct moot_step *step, uint64_t first_seq)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        bool possible;
        if (proposal->seq < first_seq ||
            !moot_key_equal(&proposal->proposer, &step->engine->identity.key) ||
            moot_proposal_phase(step->engine, step->pool, proposal, &possible) !=
                MOOT_PROPOSAL_PROPOSED)
            continue;
        enum moot_status status =
            moot_decision_vote(step, moot_blob_get(step->pool, proposal->body), MOOT_VERDICT_YES,
                               moot_bytes_of(NULL, 0));
        if (status != MOOT_OK)
            moot_step_refuse(step, status);
        else if (proposal->kind == MOOT_BODY_SNAPSHOT)
            moot_snapshot_approved(step, &step->engine->snapshot.cut_hash);
    }
}

/* Enough administrators in force want it: a proposal of one alone must not use up the one consent that a
 * device has for this turn. */
static bool wanted_by_enough(const struct moot_engine *engine, const struct moot_pool *pool,
                             const struct moot_proposal *proposal, const struct moot_body *body)
{
    const struct moot_era *era = moot_state_era(&engine->state, pool);
    struct moot_statement statement;
    struct moot_tally tally;
    moot_body_statement(body, &proposal->id, &era->timeline, MOOT_VERDICT_YES, &statement);
    moot_decision_tally(engine, pool, &statement, &tally);
    return tally.yes_members >= era->admins.threshold;
}

/* A device named in a new set proves that its key is alive: the turn needs all of them. An administrator who
 * stays does the same, unless its person has said no: by then M others have decided. */
void moot_propose_consent(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    if (engine->config.consent_by_person || !moot_append_ready(step))
        return;
    for (MOOT_MAP_EACH(step->pool, &engine->state.proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        struct moot_body body;
        struct moot_slot slot;
        bool possible;
        if (proposal->kind != MOOT_BODY_TURN ||
            moot_body_decode(moot_blob_get(step->pool, proposal->body), &body) != MOOT_OK ||
            body.turn.what != MOOT_TURN_ADMINS ||
            moot_admin_set_find(&body.turn.admins, &engine->identity.key) < 0)
            continue;
        moot_body_slot(&body, &proposal->id, &slot);
        if (moot_turn_voted(step, &slot, &proposal->id) != MOOT_TURN_UNVOTED ||
            moot_proposal_phase(engine, step->pool, proposal, &possible) !=
                MOOT_PROPOSAL_PROPOSED ||
            !wanted_by_enough(engine, step->pool, proposal, &body))
            continue;
        enum moot_status status =
            moot_decision_vote(step, moot_blob_get(step->pool, proposal->body), MOOT_VERDICT_YES,
                               moot_bytes_of(NULL, 0));
        if (status != MOOT_OK)
            moot_step_refuse(step, status);
    }
}

/* ---- answering a proposal ---- */

static bool names_me(const struct moot_step *step, const struct moot_proposal *proposal)
{
    struct moot_body body;
    return moot_body_decode(moot_blob_get(step->pool, proposal->body), &body) == MOOT_OK &&
           body.kind == MOOT_BODY_TURN && body.turn.what == MOOT_TURN_ADMINS &&
           moot_admin_set_find(&body.turn.admins, &step->engine->identity.key) >= 0;
}

/* The whole digest, or its first four hex digits or more, against what this node computed. */
static enum moot_status digest_check(const struct moot_proposal *proposal, struct moot_bytes text)
{
    char hex[65];
    if (text.size < 4 || text.size > 64)
        return MOOT_BAD_ARGUMENT;
    moot_hex_format(moot_digest_bytes(&proposal->id), hex);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c >= 'A' && c <= 'F')
            c = (uint8_t)(c - 'A' + 'a');
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return MOOT_BAD_ARGUMENT;
        if (c != (uint8_t)hex[i])
            return MOOT_WRONG_DIGEST;
    }
    return MOOT_OK;
}

/* What an administrator does not sign, whoever proposed it: checked by signers, never by the fold. */
static enum moot_status may_approve(const struct moot_step *step,
                                    const struct moot_proposal *proposal)
{
    struct moot_hard_fork fork;
    struct moot_body body;
    enum moot_status status = moot_body_decode(moot_blob_get(step->pool, proposal->body), &body);
    if (status != MOOT_OK)
        return status;
    if (body.kind == MOOT_BODY_UPGRADE && body.upgrade.kind == MOOT_UPGRADE_HARD)
        return moot_hard_fork_check(step->engine, step->pool, &body.upgrade, proposal->epoch);
    bool collides = body.kind == MOOT_BODY_TURN &&
                    moot_hard_fork_next(step->engine, step->pool, &fork) &&
                    body.turn.last + 2 > fork.fence;
    return collides ? MOOT_SLOT_TAKEN : MOOT_OK;
}

static void approve(struct moot_step *step, uint64_t call_number, const struct moot_call *call,
                    const struct moot_proposal *proposal)
{
    uint8_t phase;
    enum moot_status status = MOOT_OK;
    if (!moot_engine_is_admin(step->engine, step->pool) && !names_me(step, proposal))
        status = MOOT_NOT_ADMIN;
    if (status == MOOT_OK)
        status = digest_check(proposal, call->digest_text);
    if (status == MOOT_OK &&
        (call->reason.size > MOOT_REASON_BYTES_MAX || !moot_utf8_valid(call->reason)))
        status = MOOT_BAD_ARGUMENT;
    if (status == MOOT_OK)
        status = open_or_why(step, proposal, &phase);
    if (status == MOOT_OK && phase == MOOT_PROPOSAL_PROPOSED &&
        proposal->kind == MOOT_BODY_SNAPSHOT) {
        /* Signed only by the node that has rebuilt the state itself and remembers the cut: cuts are ordered by it. */
        moot_call_refuse(step, call_number, MOOT_NOT_ALLOWED,
                         "administrators' nodes verify and sign snapshots by themselves");
        return;
    }
    if (status == MOOT_OK && phase == MOOT_PROPOSAL_PROPOSED)
        status = may_approve(step, proposal);
    if (status == MOOT_OK && phase == MOOT_PROPOSAL_PROPOSED && !call->dry_run)
        status = moot_decision_vote(step, moot_blob_get(step->pool, proposal->body),
                                    MOOT_VERDICT_YES, call->reason);
    if (status != MOOT_OK) {
        moot_call_refuse(step, call_number, status, NULL);
        return;
    }
    moot_step_reply(step, call_number, MOOT_OK, NULL)->proposal = proposal->id;
}

static void reject(struct moot_step *step, uint64_t call_number, const struct moot_call *call,
                   const struct moot_proposal *proposal)
{
    uint8_t phase;
    enum moot_status status = open_or_why(step, proposal, &phase);
    if (!moot_engine_is_admin(step->engine, step->pool))
        status = MOOT_NOT_ADMIN;
    else if (call->reason.size > MOOT_REASON_BYTES_MAX || !moot_utf8_valid(call->reason))
        status = MOOT_BAD_ARGUMENT;
    else if (status == MOOT_OK && phase != MOOT_PROPOSAL_PROPOSED)
        status = MOOT_DECIDED; /* it is too late for a no */
    if (status == MOOT_OK && !call->dry_run)
        status = moot_decision_vote(step, moot_blob_get(step->pool, proposal->body),
                                    MOOT_VERDICT_NO, call->reason);
    if (status != MOOT_OK) {
        moot_call_refuse(step, call_number, status, NULL);
        return;
    }
    moot_step_reply(step, call_number, MOOT_OK, NULL)->proposal = proposal->id;
}

static void withdraw(struct moot_step *step, uint64_t call_number, const struct moot_call *call,
                     const struct moot_proposal *proposal)
{
    uint8_t phase, memory[64];
    struct moot_writer writer;
    enum moot_status status = open_or_why(step, proposal, &phase);
    if (!moot_key_equal(&proposal->proposer, &step->engine->identity.key))
        status = MOOT_NOT_PROPOSER;
    else if (status == MOOT_OK && phase != MOOT_PROPOSAL_PROPOSED)
        status = MOOT_DECIDED; /* a certificate beats it */
    moot_writer_init(&writer, memory, sizeof memory);
    moot_withdrawn_encode(&proposal->id, &writer);
    if (status == MOOT_OK && call->dry_run) {
        struct moot_reply *reply = moot_step_reply(step, call_number, MOOT_OK, "dry run");
        reply->proposal = proposal->id;
        reply->payload = moot_arena_copy(step->arena, moot_bytes_of(memory, writer.size));
        return;
    }
    if (status == MOOT_OK)
        status = moot_append_stage(step, MOOT_KIND_WITHDRAWN, moot_bytes_of(memory, writer.size),
                                   call_number);
    if (status != MOOT_OK)
        moot_call_refuse(step, call_number, status, NULL);
}

static void activate(struct moot_step *step, uint64_t call_number, const struct moot_call *call,
                     const struct moot_proposal *proposal)
{
    enum moot_status status = moot_upgrade_activate(step, &proposal->id, call->dry_run);
    if (status != MOOT_OK) {
        moot_call_refuse(step, call_number, status, NULL);
        return;
    }
    moot_step_reply(step, call_number, MOOT_OK, NULL)->proposal = proposal->id;
}

void moot_propose_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    struct moot_engine *engine = step->engine;
    if (!engine->state.founded) {
        moot_call_refuse(step, call_number, MOOT_NO_MESH, NULL);
        return;
    }
    if (call->kind == MOOT_CALL_PROPOSE_ADMINS || call->kind == MOOT_CALL_PROPOSE_UPGRADE ||
        call->kind == MOOT_CALL_PROPOSE_CACHE) {
        if (!moot_engine_is_admin(engine, step->pool))
            moot_call_refuse(step, call_number, MOOT_NOT_ADMIN, NULL);
        else if (call->kind == MOOT_CALL_PROPOSE_CACHE)
            propose_cache(step, call_number, call);
        else if (call->kind == MOOT_CALL_PROPOSE_ADMINS)
            propose_admins(step, call_number, call);
        else
            propose_upgrade(step, call_number, call);
        return;
    }
    const struct moot_proposal *proposal =
        moot_state_proposal(&engine->state, step->pool, &call->proposal);
    if (!proposal)
        moot_call_refuse(step, call_number, MOOT_NOT_FOUND, NULL);
    else if (call->kind == MOOT_CALL_APPROVE)
        approve(step, call_number, call, proposal);
    else if (call->kind == MOOT_CALL_REJECT)
        reject(step, call_number, call, proposal);
    else if (call->kind == MOOT_CALL_WITHDRAW)
        withdraw(step, call_number, call, proposal);
    else
        activate(step, call_number, call, proposal);
}
