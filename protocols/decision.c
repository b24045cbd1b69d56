/*
 * Decisions: votes of this node and certificates from everybody's.
 *
 *   vote ─▶ vote log (same commit as the approval, before anything is sent) ─▶ loose approval ─▶ peers
 *   approvals of M members over one statement ─▶ certificate + body = certified object ─▶ merge
 *
 * At most one statement for each (timeline, slot, round): asked for the same again, the answer is yes and
 * nothing changes; asked for another, DOUBLE_VOTE. The log survives restarts, so does the answer.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/base/mutant.h"
#include "protocols/hardfork.h"
#include "protocols/inside.h"

bool moot_engine_is_admin(const struct moot_engine *engine, const struct moot_pool *pool)
{
    return engine->state.founded &&
           moot_admin_set_find(&moot_state_era(&engine->state, pool)->admins,
                               &engine->identity.key) >= 0;
}

/* ---- the vote log ---- */

static void vote_key(const struct moot_digest *timeline, const struct moot_slot *slot,
                     uint32_t round, uint8_t ret[MOOT_VOTE_KEY_BYTES])
{
    memcpy(ret, timeline->b, 32);
    moot_slot_encode(slot, ret + 32);
    moot_u32_put(ret + 32 + MOOT_SLOT_BYTES, round);
}

const struct moot_vote *moot_decision_voted(const struct moot_engine *engine,
                                            const struct moot_pool *pool,
                                            const struct moot_slot *slot)
{
    uint8_t key[MOOT_VOTE_KEY_BYTES];
    const size_t size = MOOT_VOTE_KEY_BYTES - 4; /* of any round */
    struct moot_map_item item;
    vote_key(&moot_state_era(&engine->state, pool)->timeline, slot, 0, key);
    return moot_map_from(pool, &engine->votes, moot_bytes_of(key, size), &item) &&
                   memcmp(item.key.data, key, size) == 0
               ? item.value
               : NULL;
}

static void write_vote(struct moot_step *step, const uint8_t key[MOOT_VOTE_KEY_BYTES],
                       const struct moot_vote *vote)
{
    uint8_t statement[MOOT_STATEMENT_BYTES], memory[256];
    struct moot_writer writer;
    moot_statement_encode(&vote->statement, statement);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 3);
    moot_write_uint(&writer, vote->promised_round);
    moot_write_uint(&writer, vote->voted_round);
    moot_write_bin(&writer, moot_bytes_of(statement, sizeof statement));
    MOOT_ENSURE(writer.status == MOOT_OK);
    moot_step_put(step, MOOT_TABLE_VOTE, moot_bytes_of(key, MOOT_VOTE_KEY_BYTES),
                  moot_bytes_of(memory, writer.size));
}

enum moot_status moot_vote_restore(struct moot_engine *engine, struct moot_pool *pool,
                                   struct moot_bytes key, struct moot_bytes row)
{
    struct moot_vote vote = {.signed_ms = engine->now_ms};
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 3);
    vote.promised_round = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    vote.voted_round = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    struct moot_bytes statement = moot_read_bin(&cursor, MOOT_STATEMENT_BYTES);
    if (moot_cursor_finish(&cursor) != MOOT_OK || key.size != MOOT_VOTE_KEY_BYTES ||
        moot_statement_decode(statement, &vote.statement) != MOOT_OK)
        return MOOT_STORE_DAMAGED;
    struct moot_vote *kept = moot_map_put(pool, &engine->votes, key, NULL);
    if (!kept)
        return MOOT_NO_MEMORY;
    *kept = vote;
    return MOOT_OK;
}

/* What no signer helps with, whoever proposed it: a turn that does not follow the timeline in force, or a
 * window that is over or wider than turns may have. */
static enum moot_status turn_check(const struct moot_engine *engine, const struct moot_pool *pool,
                                   const struct moot_body *body)
{
    const struct moot_era *era = moot_state_era(&engine->state, pool);
    const struct moot_turn_body *turn = &body->turn;
    uint64_t epoch = engine->state.epoch;
    if (body->kind != MOOT_BODY_TURN)
        return MOOT_OK;
    if (turn->k != era->k + 1 || !moot_digest_equal(&turn->before, &era->timeline))
        return MOOT_WRONG_TIMELINE;
    if (turn->last <= epoch || turn->last - turn->earliest > MOOT_TURN_WINDOW_MAX ||
        turn->earliest > epoch + MOOT_TURN_WINDOW_MAX)
        return MOOT_WINDOW;
    return MOOT_OK;
}

/* Administrators vote; in a turn that makes new administrators those consent with the same signature. */
static bool may_vote(const struct moot_engine *engine, const struct moot_pool *pool,
                     const struct moot_body *body, enum moot_verdict verdict)
{
    if (moot_engine_is_admin(engine, pool))
        return true;
    return verdict == MOOT_VERDICT_YES && body->kind == MOOT_BODY_TURN &&
           body->turn.what == MOOT_TURN_ADMINS &&
           moot_admin_set_find(&body->turn.admins, &engine->identity.key) >= 0;
}

static bool statement_equal(const struct moot_statement *a, const struct moot_statement *b)
{
    uint8_t left[MOOT_STATEMENT_BYTES], right[MOOT_STATEMENT_BYTES];
    moot_statement_encode(a, left);
    moot_statement_encode(b, right);
    return memcmp(left, right, sizeof left) == 0;
}

enum moot_status moot_decision_vote(struct moot_step *step, struct moot_bytes body,
                                    enum moot_verdict verdict, struct moot_bytes reason)
{
    struct moot_engine *engine = step->engine;
    struct moot_body decoded;
    struct moot_digest hash;
    struct moot_slot slot;
    struct moot_statement statement;
    uint8_t key[MOOT_VOTE_KEY_BYTES];
    enum moot_status status = moot_body_decode(body, &decoded);
    if (status != MOOT_OK)
        return status;
    if (reason.size > MOOT_REASON_BYTES_MAX || !moot_utf8_valid(reason))
        return MOOT_BAD_ARGUMENT;
    if (!may_vote(engine, step->pool, &decoded, verdict))
        return MOOT_NOT_ADMIN;
    if (verdict == MOOT_VERDICT_YES)
        status = turn_check(engine, step->pool, &decoded);
    if (verdict == MOOT_VERDICT_YES && status == MOOT_OK)
        status = moot_cache_floor_check(engine, &decoded);
    moot_body_hash(body, &hash);
    if (verdict == MOOT_VERDICT_YES && status == MOOT_OK)
        status = moot_device_vote_check(step, &decoded, &hash);
    if (status != MOOT_OK)
        return status;
    if (!moot_append_ready(step))
        return MOOT_BEING_HEARD;
    const struct moot_digest *timeline = &moot_state_era(&engine->state, step->pool)->timeline;
    moot_body_slot(&decoded, &hash, &slot);
    moot_body_statement(&decoded, &hash, timeline, verdict, &statement);
    vote_key(timeline, &slot, statement.round, key);
    if (slot.kind == MOOT_SLOT_TURN && verdict == MOOT_VERDICT_YES &&
        moot_turn_voted(step, &slot, &hash) == MOOT_TURN_VOTED_OTHERWISE &&
        !MOOT_MUTANT("vote-twice"))
        return MOOT_DOUBLE_VOTE;
    /* A vote that a restored disk forgot, but a peer gave back. */
    const struct moot_statement *said = moot_loose_said(step, &statement);
    if (said && !statement_equal(said, &statement) && !MOOT_MUTANT("vote-twice"))
        return MOOT_DOUBLE_VOTE;
    bool added = false;
    struct moot_vote *vote =
        moot_map_put(step->pool, &engine->votes, moot_bytes_of(key, sizeof key), &added);
    if (!vote)
        return MOOT_NO_MEMORY;
    if (!added && !statement_equal(&vote->statement, &statement) && !MOOT_MUTANT("vote-twice"))
        return MOOT_DOUBLE_VOTE;
    if (added || MOOT_MUTANT("vote-twice")) {
        vote->statement = statement;
        vote->signed_ms = engine->now_ms;
        write_vote(step, key, vote);
    }
    if (moot_loose_slot_open(engine, step->pool, &statement))
        moot_loose_approval(step, &statement, reason);
    engine->collect_wanted = true;
    return MOOT_OK;
}

/* Ticks up to the certified epoch are never signed again: their votes are history. */
static void forget_old_ticks(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    bool more = moot_map_first(step->pool, &engine->votes, &item);
    while (more) {
        const struct moot_vote *vote = item.value;
        const struct moot_slot *slot = &vote->statement.slot;
        uint8_t key[MOOT_VOTE_KEY_BYTES];
        memcpy(key, item.key.data, sizeof key);
        if (slot->kind == MOOT_SLOT_EPOCH && slot->number <= engine->state.epoch) {
            moot_map_remove(step->pool, &engine->votes, moot_bytes_of(key, sizeof key));
            moot_step_delete(step, MOOT_TABLE_VOTE, moot_bytes_of(key, sizeof key));
        }
        more = moot_map_after(step->pool, &engine->votes, moot_bytes_of(key, sizeof key), &item);
    }
}

/* ---- certificates ---- */

static struct moot_bytes tick_body(struct moot_step *step, const struct moot_statement *statement)
{
    struct moot_turn_body turn;
    struct moot_digest hash;
    uint32_t epoch = (uint32_t)statement->slot.number;
    struct moot_bytes body = moot_timeline_tick_body(step, epoch, NULL);
    moot_body_hash(body, &hash);
    if (moot_digest_equal(&hash, &statement->body))
        return body;
    const struct moot_object_row *object = moot_timeline_turn(step->engine, step->pool, &turn);
    if (!object)
        return moot_bytes_of(NULL, 0);
    body = moot_timeline_tick_body(step, epoch, &object->statement.body);
    moot_body_hash(body, &hash);
    return moot_digest_equal(&hash, &statement->body) ? body : moot_bytes_of(NULL, 0);
}

struct moot_bytes moot_decision_body(struct moot_step *step, const struct moot_statement *statement)
{
    const struct moot_state *state = &step->engine->state;
    if (statement->slot.kind == MOOT_SLOT_EPOCH)
        return tick_body(step, statement);
    if (statement->slot.kind == MOOT_SLOT_ACTIVATE) {
        const struct moot_proposal *upgrade =
            moot_state_proposal(state, step->pool, &statement->slot.proposal);
        return upgrade ? moot_upgrade_activation_body(step, upgrade) : moot_bytes_of(NULL, 0);
    }
    const struct moot_proposal *proposal = moot_state_proposal(state, step->pool, &statement->body);
    if (!proposal && statement->slot.kind == MOOT_SLOT_TURN)
        return moot_hard_fork_body(step, &statement->body);
    return proposal ? moot_blob_get(step->pool, proposal->body) : moot_bytes_of(NULL, 0);
}

/* All loose approvals of exactly this statement; returns how many of them are of the deciding set. */
static uint32_t gather(const struct moot_step *step, const struct moot_statement *statement,
                       const struct moot_admin_set *set, struct moot_certificate *ret)
{
    uint8_t prefix[1 + MOOT_SLOT_BYTES];
    struct moot_map_item item;
    uint32_t members = 0;
    *ret = (struct moot_certificate){.statement = *statement};
    prefix[0] = 'A';
    moot_slot_encode(&statement->slot, prefix + 1);
    bool more = moot_map_from(step->pool, &step->engine->loose,
                              moot_bytes_of(prefix, sizeof prefix), &item);
    while (more && item.key.size > sizeof prefix &&
           memcmp(item.key.data, prefix, sizeof prefix) == 0) {
        const struct moot_loose *loose = item.value;
        if (statement_equal(&loose->statement, statement) &&
            moot_certificate_add(ret, &loose->signer, &loose->signature) &&
            moot_admin_set_find(set, &loose->signer) >= 0)
            members += MOOT_MUTANT("count-approval-twice") ? 2 : 1;
        more = moot_map_after(step->pool, &step->engine->loose, item.key, &item);
    }
    return members;
}

static bool consents_there(const struct moot_certificate *certificate, const struct moot_body *body)
{
    if (body->kind != MOOT_BODY_TURN || body->turn.what != MOOT_TURN_ADMINS)
        return true;
    for (uint32_t i = 0; i < body->turn.admins.count; i++) {
        bool there = false;
        for (uint32_t j = 0; j < certificate->signer_count && !there; j++)
            there = moot_key_equal(&certificate->signers[j].key, &body->turn.admins.keys[i]);
        if (!there)
            return false;
    }
    return true;
}

static bool try_certify(struct moot_step *step, const struct moot_statement *statement)
{
    const struct moot_era *era =
        moot_state_era_of(&step->engine->state, step->pool, &statement->timeline);
    struct moot_certificate certificate;
    struct moot_body body;
    if (!era || statement->verdict != MOOT_VERDICT_YES ||
        !moot_loose_slot_open(step->engine, step->pool, statement))
        return false;
    if (gather(step, statement, &era->admins, &certificate) < era->admins.threshold)
        return false;
    struct moot_bytes bytes = moot_decision_body(step, statement);
    if (bytes.size == 0 || moot_body_decode(bytes, &body) != MOOT_OK ||
        !consents_there(&certificate, &body))
        return false;
    void *memory = moot_arena_take(step->arena, MOOT_OBJECT_BYTES_MAX);
    struct moot_writer writer;
    MOOT_INVARIANT(memory != NULL);
    moot_writer_init(&writer, memory, MOOT_OBJECT_BYTES_MAX);
    moot_object_encode(&certificate, bytes, &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    moot_arena_trim(step->arena, memory, writer.size);
    return moot_merge_object(step, moot_bytes_of(memory, writer.size), 0) == MOOT_OK;
}

void moot_decision_collect(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    /* Each pass certifies something or ends; a certificate can open the way for the next one. */
    for (uint32_t pass = 0; engine->collect_wanted && pass < MOOT_LOOSE_MAX; pass++) {
        struct moot_map_item item;
        engine->collect_wanted = false;
        bool more = moot_map_first(step->pool, &engine->loose, &item);
        while (more && item.key.data[0] == 'A') {
            const struct moot_loose *loose = item.value;
            struct moot_statement statement = loose->statement;
            if (try_certify(step, &statement))
                engine->collect_wanted = true;
            more = moot_map_after(step->pool, &engine->loose, item.key, &item);
        }
        forget_old_ticks(step);
    }
}

void moot_decision_tally(const struct moot_engine *engine, const struct moot_pool *pool,
                         const struct moot_statement *yes_statement, struct moot_tally *ret)
{
    const struct moot_era *era = moot_state_era_of(&engine->state, pool, &yes_statement->timeline);
    uint8_t prefix[1 + MOOT_SLOT_BYTES];
    struct moot_map_item item;
    memset(ret, 0, sizeof *ret);
    ret->timeline = yes_statement->timeline;
    prefix[0] = 'A';
    moot_slot_encode(&yes_statement->slot, prefix + 1);
    bool more = moot_map_from(pool, &engine->loose, moot_bytes_of(prefix, sizeof prefix), &item);
    while (more && item.key.size > sizeof prefix &&
           memcmp(item.key.data, prefix, sizeof prefix) == 0) {
        const struct moot_loose *loose = item.value;
        const struct moot_statement *statement = &loose->statement;
        if (era && moot_digest_equal(&statement->timeline, &yes_statement->timeline) &&
            moot_digest_equal(&statement->body, &yes_statement->body)) {
            bool yes = statement->verdict == MOOT_VERDICT_YES;
            bool member = moot_admin_set_find(&era->admins, &loose->signer) >= 0;
            uint32_t *count = yes ? &ret->yes_count : &ret->no_count;
            struct moot_key *keys = yes ? ret->yes : ret->no;
            if ((yes || member) && *count < MOOT_CERTIFICATE_SIGNERS_MAX)
                keys[(*count)++] = loose->signer;
            ret->yes_members += yes && member ? 1 : 0;
        }
        more = moot_map_after(pool, &engine->loose, item.key, &item);
    }
}
