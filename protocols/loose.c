/*
 * Loose things: approvals, tick signatures and readiness. Signed, passed on, no state, in no digest of
 * state; kept until their slot is terminal and reconciled under a root of their own. What is worth
 * keeping follows from the state alone, so nodes with equal frontiers come to equal loose roots.
 *
 * Encodings (lane 0, frozen):
 *   approval  array[6]: 1, statement bin162, signer key, signature, reason text, reason signature bin64 | nil
 *             (the reason's signature: tag "moot/reason/1" over statement hash ‖ reason; nil without a reason)
 *   readiness array[9]: 2, proposal, device key, manifest hash, readiness u8, reason name text, free bytes,
 *             counter, signature (tag "moot/readiness/1" over mesh id ‖ the array's first eight values as array[8])
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "protocols/hardfork.h"
#include "protocols/inside.h"
#include "protocols/view.h"

static size_t approval_key(const struct moot_statement *statement, const struct moot_key *signer,
                           uint8_t ret[MOOT_LOOSE_KEY_BYTES_MAX])
{
    ret[0] = 'A';
    moot_slot_encode(&statement->slot, ret + 1);
    memcpy(ret + 1 + MOOT_SLOT_BYTES, statement->timeline.b, 32);
    moot_u32_put(ret + 1 + MOOT_SLOT_BYTES + 32, statement->round);
    memcpy(ret + 1 + MOOT_SLOT_BYTES + 36, signer->b, 32);
    return MOOT_LOOSE_KEY_BYTES_MAX;
}

void moot_loose_readiness_key(const struct moot_digest *proposal, const struct moot_key *device,
                              uint8_t ret[65])
{
    ret[0] = 'R';
    memcpy(ret + 1, proposal->b, 32);
    memcpy(ret + 33, device->b, 32);
}

static size_t loose_key(const struct moot_loose *loose, uint8_t ret[MOOT_LOOSE_KEY_BYTES_MAX])
{
    if (loose->kind == MOOT_LOOSE_APPROVAL)
        return approval_key(&loose->statement, &loose->signer, ret);
    moot_loose_readiness_key(&loose->proposal, &loose->signer, ret);
    return 65;
}

/* ---- bytes ---- */

static void reason_signed_bytes(const struct moot_statement *statement, struct moot_bytes reason,
                                uint8_t ret[32 + MOOT_REASON_BYTES_MAX], size_t *ret_size)
{
    struct moot_digest hash;
    moot_statement_hash(statement, &hash);
    memcpy(ret, hash.b, 32);
    if (reason.size > 0)
        memcpy(ret + 32, reason.data, reason.size);
    *ret_size = 32 + reason.size;
}

static void readiness_write(const struct moot_loose *loose, uint32_t count,
                            struct moot_writer *writer)
{
    moot_write_array(writer, count);
    moot_write_uint(writer, MOOT_LOOSE_READINESS);
    moot_write_digest(writer, &loose->proposal);
    moot_write_key(writer, &loose->signer);
    moot_write_digest(writer, &loose->manifest);
    moot_write_uint(writer, loose->readiness);
    moot_write_text(writer,
                    loose->readiness_reason == MOOT_OK
                        ? moot_bytes_of_text("")
                        : moot_bytes_of_text(moot_status_info(loose->readiness_reason)->name));
    moot_write_uint(writer, loose->free_bytes);
    moot_write_uint(writer, loose->counter);
}

static void readiness_signed_bytes(const struct moot_engine *engine, const struct moot_loose *loose,
                                   uint8_t ret[512], size_t *ret_size)
{
    struct moot_writer writer;
    memcpy(ret, engine->state.mesh.b, 32);
    moot_writer_init(&writer, ret + 32, 512 - 32);
    readiness_write(loose, 8, &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    *ret_size = 32 + writer.size;
}

/* Names what is said, whoever's copy of the signature it is. */
static void loose_id(struct moot_loose *loose)
{
    uint8_t said[64];
    if (loose->kind == MOOT_LOOSE_APPROVAL) {
        struct moot_digest statement;
        moot_statement_hash(&loose->statement, &statement);
        memcpy(said, statement.b, 32);
        memcpy(said + 32, loose->signer.b, 32);
        moot_digest_of_bytes("moot/approval/1", moot_bytes_of(said, sizeof said), &loose->id);
        return;
    }
    uint8_t memory[512];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    readiness_write(loose, 8, &writer);
    moot_digest_of_bytes("moot/ready/1", moot_bytes_of(memory, writer.size), &loose->id);
}

/* Everything the bytes alone can tell; the reason stays borrowed. */
static enum moot_status decode(struct moot_bytes bytes, struct moot_loose *ret,
                               struct moot_bytes *ret_reason,
                               struct moot_signature *ret_reason_signature)
{
    struct moot_cursor cursor;
    memset(ret, 0, sizeof *ret);
    moot_cursor_init(&cursor, bytes);
    uint32_t count = moot_read_array_any(&cursor, 9);
    ret->kind = (enum moot_loose_kind)moot_read_uint(&cursor, MOOT_LOOSE_READINESS);
    if (ret->kind == MOOT_LOOSE_APPROVAL && count == 6) {
        struct moot_bytes statement = moot_read_bin(&cursor, MOOT_STATEMENT_BYTES);
        moot_read_key(&cursor, &ret->signer);
        moot_read_signature(&cursor, &ret->signature);
        *ret_reason = moot_read_text(&cursor, MOOT_REASON_BYTES_MAX);
        if (ret_reason->size > 0)
            moot_read_signature(&cursor, ret_reason_signature);
        else if (!moot_read_nil_if(&cursor))
            moot_cursor_fail(&cursor, MOOT_BAD_VALUE);
        enum moot_status status = moot_cursor_finish(&cursor);
        return status != MOOT_OK ? status : moot_statement_decode(statement, &ret->statement);
    }
    if (ret->kind == MOOT_LOOSE_READINESS && count == 9) {
        char name[48] = {0};
        moot_read_digest(&cursor, &ret->proposal);
        moot_read_key(&cursor, &ret->signer);
        moot_read_digest(&cursor, &ret->manifest);
        ret->readiness = (uint8_t)moot_read_uint(&cursor, MOOT_READINESS_REJECTED);
        struct moot_bytes reason = moot_read_text(&cursor, sizeof name - 1);
        if (reason.size > 0)
            memcpy(name, reason.data, reason.size);
        ret->free_bytes = moot_read_uint(&cursor, UINT64_MAX);
        ret->counter = moot_read_uint(&cursor, UINT64_MAX);
        moot_read_signature(&cursor, &ret->signature);
        ret->readiness_reason = reason.size > 0 ? moot_status_parse(name) : MOOT_OK;
        enum moot_status status = moot_cursor_finish(&cursor);
        if (status == MOOT_OK && (ret->readiness < MOOT_READINESS_READY ||
                                  (reason.size > 0 && ret->readiness_reason == MOOT_OK)))
            status = MOOT_BAD_VALUE;
        return status;
    }
    enum moot_status status = moot_cursor_finish(&cursor);
    return status != MOOT_OK && status != MOOT_TRUNCATED ? status : MOOT_BAD_VALUE;
}

/* ---- what is worth keeping ---- */

bool moot_loose_slot_open(const struct moot_engine *engine, const struct moot_pool *pool,
                          const struct moot_statement *statement)
{
    const struct moot_state *state = &engine->state;
    if (!moot_state_era_of(state, pool, &statement->timeline))
        return false;
    if (statement->slot.kind == MOOT_SLOT_EPOCH)
        return statement->slot.number > state->epoch &&
               statement->slot.number <= (uint64_t)state->epoch + MOOT_TICKS_AHEAD_MAX &&
               moot_digest_equal(&statement->timeline, &moot_state_era(state, pool)->timeline);
    if (statement->slot.kind == MOOT_SLOT_TURN &&
        statement->slot.number < moot_state_era(state, pool)->k + 1)
        return false;
    struct moot_decision decision = moot_turn_decision(engine, pool, &statement->slot);
    return decision.state == MOOT_DECISION_OPEN;
}

static bool activated(const struct moot_engine *engine, const struct moot_pool *pool,
                      const struct moot_digest *proposal)
{
    struct moot_slot slot = {.kind = MOOT_SLOT_ACTIVATE, .proposal = *proposal};
    return moot_state_decision(&engine->state, pool, &slot).state == MOOT_DECISION_CERTIFIED;
}

/* A later upgrade of the same package is in force, too. */
static bool superseded(const struct moot_engine *engine, const struct moot_pool *pool,
                       const struct moot_proposal *proposal, const struct moot_body *body)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &engine->state.proposals, item)) {
        const struct moot_proposal *other = item.value;
        struct moot_body theirs;
        bool later = other->epoch != proposal->epoch
                         ? other->epoch > proposal->epoch
                         : moot_digest_compare(&other->id, &proposal->id) > 0;
        if (later && other->kind == MOOT_BODY_UPGRADE && activated(engine, pool, &other->id) &&
            moot_body_decode(moot_blob_get(pool, other->body), &theirs) == MOOT_OK &&
            moot_bytes_equal(theirs.upgrade.package_name, body->upgrade.package_name))
            return true;
    }
    return false;
}

/* Until the upgrade's deadline; what is in force then, until a later one of its package is. So old ones
 * do not pile up. */
static bool readiness_wanted(const struct moot_engine *engine, const struct moot_pool *pool,
                             const struct moot_loose *loose)
{
    const struct moot_proposal *proposal =
        moot_state_proposal(&engine->state, pool, &loose->proposal);
    struct moot_body body;
    return proposal && proposal->kind == MOOT_BODY_UPGRADE && !proposal->withdrawn &&
           moot_body_decode(moot_blob_get(pool, proposal->body), &body) == MOOT_OK &&
           moot_state_member(&engine->state, pool, &loose->signer) &&
           (engine->state.epoch <= body.upgrade.deadline_epoch ||
            (activated(engine, pool, &proposal->id) && !superseded(engine, pool, proposal, &body)));
}

static bool wanted(const struct moot_engine *engine, const struct moot_pool *pool,
                   const struct moot_loose *loose)
{
    return loose->kind == MOOT_LOOSE_APPROVAL
               ? moot_loose_slot_open(engine, pool, &loose->statement)
               : readiness_wanted(engine, pool, loose);
}

/* May this key sign in this slot? Members of the timeline's set; for an admin turn its new members. */
static bool may_sign(const struct moot_engine *engine, const struct moot_pool *pool,
                     const struct moot_loose *loose)
{
    const struct moot_era *era =
        moot_state_era_of(&engine->state, pool, &loose->statement.timeline);
    if (era && moot_admin_set_find(&era->admins, &loose->signer) >= 0)
        return true;
    if (loose->statement.slot.kind != MOOT_SLOT_TURN)
        return false;
    const struct moot_proposal *proposal =
        moot_state_proposal(&engine->state, pool, &loose->statement.body);
    struct moot_body body;
    return proposal && proposal->kind == MOOT_BODY_TURN &&
           moot_body_decode(moot_blob_get(pool, proposal->body), &body) == MOOT_OK &&
           body.turn.what == MOOT_TURN_ADMINS &&
           moot_admin_set_find(&body.turn.admins, &loose->signer) >= 0;
}

/* ---- keeping ---- */

static void loose_free(struct moot_pool *pool, struct moot_loose *loose)
{
    moot_blob_clear(pool, &loose->encoded);
    moot_blob_clear(pool, &loose->reason);
}

static uint32_t signer_count(const struct moot_engine *engine, const struct moot_pool *pool,
                             const struct moot_key *signer)
{
    const uint32_t *count = moot_map_get(pool, &engine->loose_signers, moot_key_bytes(signer));
    return count ? *count : 0;
}

static bool signer_add(struct moot_engine *engine, struct moot_pool *pool,
                       const struct moot_key *signer)
{
    uint32_t *count = moot_map_put(pool, &engine->loose_signers, moot_key_bytes(signer), NULL);
    if (count)
        ++*count;
    return count != NULL;
}

/* Takes the entry of that key out of memory. */
static void loose_remove(struct moot_engine *engine, struct moot_pool *pool, struct moot_bytes key)
{
    struct moot_loose *loose = moot_map_get(pool, &engine->loose, key);
    const struct moot_key signer = loose->signer;
    uint32_t *count = moot_map_get(pool, &engine->loose_signers, moot_key_bytes(&signer));
    if (count && --*count == 0)
        moot_map_remove(pool, &engine->loose_signers, moot_key_bytes(&signer));
    loose_free(pool, loose);
    moot_map_remove(pool, &engine->loose, key);
}

/* Memory only; the caller writes the row. `replace` is the entry of the same key, or NULL. */
static enum moot_status keep(struct moot_engine *engine, struct moot_pool *pool,
                             const struct moot_loose *loose, struct moot_bytes encoded,
                             struct moot_bytes reason)
{
    uint8_t key[MOOT_LOOSE_KEY_BYTES_MAX];
    size_t key_size = loose_key(loose, key);
    bool added = false;
    struct moot_loose *kept =
        moot_map_put(pool, &engine->loose, moot_bytes_of(key, key_size), &added);
    if (!kept)
        return MOOT_NO_MEMORY;
    loose_free(pool, kept);
    *kept = *loose;
    kept->encoded = kept->reason = (struct moot_blob){0};
    if ((added && !signer_add(engine, pool, &loose->signer)) ||
        !moot_blob_set(pool, &kept->encoded, encoded) ||
        !moot_blob_set(pool, &kept->reason, reason)) {
        loose_remove(engine, pool, moot_bytes_of(key, key_size));
        return MOOT_NO_MEMORY;
    }
    engine->loose_root_stale = true;
    return MOOT_OK;
}

static void keep_and_write(struct moot_step *step, const struct moot_loose *loose,
                           struct moot_bytes encoded, struct moot_bytes reason, uint32_t from_link)
{
    uint8_t key[MOOT_LOOSE_KEY_BYTES_MAX];
    size_t key_size = loose_key(loose, key);
    if (keep(step->engine, step->pool, loose, encoded, reason) != MOOT_OK) {
        moot_step_refuse(step, MOOT_NO_MEMORY);
        return;
    }
    moot_step_put(step, MOOT_TABLE_LOOSE, moot_bytes_of(key, key_size), encoded);
    step->engine->collect_wanted = true;
    moot_reconcile_fresh_loose(step, encoded, from_link);
}

static bool signature_good(const struct moot_engine *engine, const struct moot_loose *loose,
                           struct moot_bytes reason, const struct moot_signature *reason_signature)
{
    if (loose->kind == MOOT_LOOSE_APPROVAL) {
        uint8_t said[32 + MOOT_REASON_BYTES_MAX];
        size_t size;
        reason_signed_bytes(&loose->statement, reason, said, &size);
        return moot_statement_verify(&loose->statement, &loose->signer, &loose->signature) &&
               (reason.size == 0 ||
                moot_identity_verify(&loose->signer, "moot/reason/1", moot_bytes_of(said, size),
                                     reason_signature));
    }
    uint8_t said[512];
    size_t size;
    readiness_signed_bytes(engine, loose, said, &size);
    return moot_identity_verify(&loose->signer, "moot/readiness/1", moot_bytes_of(said, size),
                                &loose->signature);
}

/* Nobody's word may crowd out the others': each signer has a share, and approvals have a part that
 * readiness does not reach. */
static enum moot_status room_for(const struct moot_step *step, const struct moot_loose *loose)
{
    const struct moot_engine *engine = step->engine;
    uint32_t max = loose->kind == MOOT_LOOSE_APPROVAL ? MOOT_LOOSE_MAX : MOOT_LOOSE_MAX / 4 * 3;
    return engine->loose.count >= max ||
                   signer_count(engine, step->pool, &loose->signer) >= MOOT_LOOSE_PER_SIGNER_MAX
               ? MOOT_LIMIT
               : MOOT_OK;
}

/* What is held under the same key decides: the same again, an older word, or a second vote. */
static enum moot_status compare_held(struct moot_step *step, const struct moot_loose *loose)
{
    uint8_t key[MOOT_LOOSE_KEY_BYTES_MAX];
    size_t key_size = loose_key(loose, key);
    const struct moot_loose *held =
        moot_map_get(step->pool, &step->engine->loose, moot_bytes_of(key, key_size));
    if (!held)
        return room_for(step, loose);
    if (moot_digest_equal(&held->id, &loose->id))
        return MOOT_REPLAYED;
    if (loose->kind == MOOT_LOOSE_APPROVAL)
        return MOOT_DOUBLE_VOTE;
    return loose->counter > held->counter ? MOOT_OK : MOOT_REPLAYED;
}

enum moot_status moot_loose_merge(struct moot_step *step, struct moot_bytes encoded,
                                  uint32_t from_link)
{
    struct moot_loose loose;
    struct moot_bytes reason = {0};
    struct moot_signature reason_signature = {0};
    enum moot_status status = decode(encoded, &loose, &reason, &reason_signature);
    if (status == MOOT_OK && loose.kind == MOOT_LOOSE_APPROVAL &&
        !moot_state_era_of(&step->engine->state, step->pool, &loose.statement.timeline))
        status = MOOT_WRONG_TIMELINE;
    if (status == MOOT_OK && !wanted(step->engine, step->pool, &loose))
        return MOOT_ENDED; /* its slot is terminal here: nothing to keep, nobody's fault */
    if (status == MOOT_OK && loose.kind == MOOT_LOOSE_APPROVAL &&
        !may_sign(step->engine, step->pool, &loose))
        status = MOOT_NOT_ADMIN;
    if (status == MOOT_OK) {
        loose_id(&loose);
        status = compare_held(step, &loose);
        if (status == MOOT_REPLAYED)
            return status;
    }
    if (status == MOOT_OK || status == MOOT_DOUBLE_VOTE) {
        if (!signature_good(step->engine, &loose, reason, &reason_signature))
            status = MOOT_BAD_SIGNATURE;
    }
    if (status != MOOT_OK) {
        moot_step_refuse(step, status);
        if (status == MOOT_DOUBLE_VOTE) {
            struct moot_notice *notice = moot_step_notice(step, "admin.double_vote", status);
            notice->device = loose.signer;
            notice->proposal = loose.statement.slot.proposal;
        }
        return status;
    }
    keep_and_write(step, &loose, encoded, reason, from_link);
    return MOOT_OK;
}

/* ---- our own ---- */

void moot_loose_approval(struct moot_step *step, const struct moot_statement *statement,
                         struct moot_bytes reason)
{
    const struct moot_identity *identity = &step->engine->identity;
    struct moot_loose loose = {
        .kind = MOOT_LOOSE_APPROVAL, .signer = identity->key, .statement = *statement};
    uint8_t bytes[MOOT_STATEMENT_BYTES];
    struct moot_writer writer;
    uint8_t memory[1024];
    moot_statement_sign(statement, identity, &loose.signature);
    moot_statement_encode(statement, bytes);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 6);
    moot_write_uint(&writer, MOOT_LOOSE_APPROVAL);
    moot_write_bin(&writer, moot_bytes_of(bytes, sizeof bytes));
    moot_write_key(&writer, &loose.signer);
    moot_write_signature(&writer, &loose.signature);
    moot_write_text(&writer, reason);
    if (reason.size > 0) {
        uint8_t said[32 + MOOT_REASON_BYTES_MAX];
        size_t size;
        struct moot_signature signature;
        reason_signed_bytes(statement, reason, said, &size);
        moot_identity_sign(identity, "moot/reason/1", moot_bytes_of(said, size), &signature);
        moot_write_signature(&writer, &signature);
    } else {
        moot_write_nil(&writer);
    }
    MOOT_ENSURE(writer.status == MOOT_OK);
    loose_id(&loose);
    keep_and_write(step, &loose, moot_bytes_of(memory, writer.size), reason, 0);
}

void moot_loose_readiness(struct moot_step *step, const struct moot_digest *proposal,
                          const struct moot_digest *manifest, uint8_t readiness,
                          enum moot_status reason, uint64_t free_bytes)
{
    const struct moot_identity *identity = &step->engine->identity;
    struct moot_loose loose = {.kind = MOOT_LOOSE_READINESS,
                               .signer = identity->key,
                               .proposal = *proposal,
                               .manifest = *manifest,
                               .readiness = readiness,
                               .readiness_reason = reason,
                               .free_bytes = free_bytes};
    uint8_t key[65], said[512], memory[512];
    size_t size;
    struct moot_writer writer;
    moot_loose_readiness_key(proposal, &identity->key, key);
    const struct moot_loose *held =
        moot_map_get(step->pool, &step->engine->loose, moot_bytes_of(key, sizeof key));
    /* Counters only grow: from what is held, or from the calendar after a lost disk. */
    loose.counter = held ? held->counter + 1 : step->engine->wall_s + 1;
    readiness_signed_bytes(step->engine, &loose, said, &size);
    moot_identity_sign(identity, "moot/readiness/1", moot_bytes_of(said, size), &loose.signature);
    moot_writer_init(&writer, memory, sizeof memory);
    readiness_write(&loose, 9, &writer);
    moot_write_signature(&writer, &loose.signature);
    MOOT_ENSURE(writer.status == MOOT_OK);
    loose_id(&loose);
    keep_and_write(step, &loose, moot_bytes_of(memory, writer.size), moot_bytes_of(NULL, 0), 0);
}

const struct moot_statement *moot_loose_said(const struct moot_step *step,
                                             const struct moot_statement *statement)
{
    uint8_t key[MOOT_LOOSE_KEY_BYTES_MAX];
    size_t key_size = approval_key(statement, &step->engine->identity.key, key);
    const struct moot_loose *held =
        moot_map_get(step->pool, &step->engine->loose, moot_bytes_of(key, key_size));
    return held ? &held->statement : NULL;
}

/* ---- forgetting, root, restart ---- */

void moot_loose_sweep(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    if (!engine->loose_root_stale)
        return;
    bool more = moot_map_first(step->pool, &engine->loose, &item);
    while (more) {
        uint8_t key[MOOT_LOOSE_KEY_BYTES_MAX];
        size_t size = item.key.size;
        memcpy(key, item.key.data, size);
        if (!wanted(engine, step->pool, item.value)) {
            loose_remove(engine, step->pool, moot_bytes_of(key, size));
            moot_step_delete(step, MOOT_TABLE_LOOSE, moot_bytes_of(key, size));
        }
        more = moot_map_after(step->pool, &engine->loose, moot_bytes_of(key, size), &item);
    }
}

const struct moot_digest *moot_loose_root(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    if (!engine->loose_root_stale)
        return &engine->loose_root;
    struct moot_hasher hasher;
    struct moot_map_item item;
    moot_hasher_init(&hasher, "moot/loose/1");
    for (MOOT_MAP_EACH(step->pool, &engine->loose, item)) {
        const struct moot_loose *loose = item.value;
        moot_hasher_add(&hasher, moot_digest_bytes(&loose->id));
    }
    moot_hasher_finish(&hasher, &engine->loose_root);
    engine->loose_root_stale = false;
    return &engine->loose_root;
}

enum moot_status moot_loose_restore(struct moot_engine *engine, struct moot_pool *pool,
                                    struct moot_bytes encoded)
{
    struct moot_loose loose;
    struct moot_bytes reason = {0};
    struct moot_signature reason_signature;
    enum moot_status status = decode(encoded, &loose, &reason, &reason_signature);
    if (status != MOOT_OK)
        return MOOT_STORE_DAMAGED;
    loose_id(&loose);
    return keep(engine, pool, &loose, encoded, reason);
}
