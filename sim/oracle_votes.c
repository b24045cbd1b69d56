/*
 * Signatures: every approval and certificate that any node writes to its disk, read here by the bytes
 * that docs/FORMATS.md gives, with a decoder of its own. Admin sets are followed from the founding on,
 * through certified turns, without asking any node which set is in force.
 */
#include <string.h>

#include "crypto/digest.h"
#include "journal/kinds.h"
#include "sim/memory.h"
#include "sim/oracle.h"
#include "sim/run.h"

static const char *name_of(struct moot_sim_oracle *oracle, uint32_t node)
{
    return oracle->run->world->nodes[node].name;
}

/* ---- admin sets ---- */

static void rule_add(struct moot_sim_oracle *oracle, const struct moot_digest *timeline,
                     const struct moot_admin_set *admins)
{
    for (uint32_t i = 0; i < oracle->rule_count; i++) {
        if (moot_digest_equal(&oracle->rules[i].timeline, timeline))
            return;
    }
    oracle->rules = (struct moot_sim_rule *)moot_sim_grow(
        oracle->rules, oracle->rule_count, &oracle->rule_capacity, sizeof *oracle->rules);
    oracle->rules[oracle->rule_count++] =
        (struct moot_sim_rule){.timeline = *timeline, .admins = *admins};
}

static const struct moot_admin_set *rule_of(const struct moot_sim_oracle *oracle,
                                            const struct moot_digest *timeline)
{
    for (uint32_t i = 0; i < oracle->rule_count; i++) {
        if (moot_digest_equal(&oracle->rules[i].timeline, timeline))
            return &oracle->rules[i].admins;
    }
    return NULL;
}

/* The founding fact makes the first timeline, with a set of its founder. */
static void founding_read(struct moot_sim_oracle *oracle, struct moot_bytes payload)
{
    const struct moot_digest branch = {{0}};
    struct moot_founding founding;
    struct moot_digest mesh, timeline;
    struct moot_admin_set admins = {.version = 1, .count = 1, .threshold = 1};
    if (moot_founding_decode(payload, &founding) != MOOT_OK)
        return;
    moot_mesh_id(payload, &mesh);
    admins.keys[0] = founding.founder;
    moot_timeline_first(&mesh, &branch, &timeline);
    rule_add(oracle, &timeline, &admins);
}

/* ---- one signature ---- */

static void vote_of(const struct moot_statement *statement, const struct moot_key *signer,
                    struct moot_sim_vote *ret)
{
    uint8_t slot[MOOT_SLOT_BYTES], round[4];
    moot_slot_encode(&statement->slot, slot);
    moot_u32_put(round, statement->round);
    const struct moot_bytes parts[] = {moot_digest_bytes(&statement->timeline),
                                       moot_bytes_of(slot, sizeof slot),
                                       moot_bytes_of(round, sizeof round), moot_key_bytes(signer)};
    moot_digest_of("moot/sim-vote/1", parts, 4, &ret->slot);
    moot_statement_hash(statement, &ret->statement);
}

static bool good(struct moot_sim_oracle *oracle, const struct moot_statement *statement,
                 const struct moot_key *signer, const struct moot_signature *signature)
{
    struct moot_digest hash, name;
    moot_statement_hash(statement, &hash);
    const struct moot_bytes parts[] = {moot_digest_bytes(&hash), moot_key_bytes(signer),
                                       moot_bytes_of(signature->b, sizeof signature->b)};
    moot_digest_of("moot/sim-signature/1", parts, 3, &name);
    if (moot_sim_book_find(&oracle->verified, &name))
        return true;
    if (!moot_statement_verify(statement, signer, signature))
        return false;
    moot_sim_book_add(&oracle->verified, &name, &name);
    return true;
}

/* A vote of the node's own: it must agree with what it has on its disk already. */
static void pending_add(struct moot_sim_oracle *oracle, uint32_t node,
                        struct moot_sim_pending *pending, const struct moot_sim_vote *vote)
{
    const struct moot_digest *said = moot_sim_book_find(&oracle->votes, &vote->slot);
    if (said && !moot_digest_equal(said, &vote->statement))
        moot_sim_run_fail(oracle->run, (int)node, NULL, "one-vote",
                          "%s signs a second statement in one slot and round",
                          name_of(oracle, node));
    pending->votes = (struct moot_sim_vote *)moot_sim_grow(
        pending->votes, pending->vote_count, &pending->vote_capacity, sizeof *pending->votes);
    pending->votes[pending->vote_count++] = *vote;
}

/* A node writes down somebody's signature: its own becomes durable with this batch, another's must
 * have been durable at its signer before it could be sent. */
static void signature_seen(struct moot_sim_oracle *oracle, uint32_t node,
                           struct moot_sim_pending *pending, const struct moot_statement *statement,
                           const struct moot_key *signer, const struct moot_signature *signature)
{
    struct moot_sim_vote vote;
    if (!good(oracle, statement, signer, signature)) {
        moot_sim_run_fail(oracle->run, (int)node, NULL, "certificate",
                          "%s wrote down a signature that is false", name_of(oracle, node));
        return;
    }
    vote_of(statement, signer, &vote);
    if (moot_key_equal(signer, &oracle->run->world->nodes[node].identity.key)) {
        pending_add(oracle, node, pending, &vote);
        return;
    }
    const struct moot_digest *said = moot_sim_book_find(&oracle->votes, &vote.slot);
    char slot[MOOT_SLOT_TEXT_BYTES];
    moot_slot_format(&statement->slot, slot);
    if (!said)
        moot_sim_run_fail(oracle->run, (int)node, NULL, "durable-before-visible",
                          "%s holds a signature in %s that is not on its signer's disk",
                          name_of(oracle, node), slot);
    else if (!moot_digest_equal(said, &vote.statement))
        moot_sim_run_fail(oracle->run, (int)node, NULL, "one-vote",
                          "%s holds a second statement of one admin in %s", name_of(oracle, node),
                          slot);
}

/* ---- rows ---- */

/* array[6]: 1, statement bin162, signer, signature, reason text, reason signature | nil */
static void approval_read(struct moot_sim_oracle *oracle, uint32_t node,
                          struct moot_sim_pending *pending, struct moot_bytes row)
{
    struct moot_cursor cursor;
    struct moot_statement statement;
    struct moot_key signer;
    struct moot_signature signature, reason_signature;
    moot_cursor_init(&cursor, row);
    uint32_t count = moot_read_array_any(&cursor, 9);
    if (moot_read_uint(&cursor, 2) != 1 || count != 6)
        return; /* readiness */
    struct moot_bytes bytes = moot_read_bin(&cursor, MOOT_STATEMENT_BYTES);
    moot_read_key(&cursor, &signer);
    moot_read_signature(&cursor, &signature);
    moot_read_text(&cursor, MOOT_REASON_BYTES_MAX);
    if (!moot_read_nil_if(&cursor))
        moot_read_signature(&cursor, &reason_signature);
    if (moot_cursor_finish(&cursor) != MOOT_OK ||
        moot_statement_decode(bytes, &statement) != MOOT_OK) {
        moot_sim_run_fail(oracle->run, (int)node, NULL, "certificate",
                          "%s wrote an approval that does not decode", name_of(oracle, node));
        return;
    }
    signature_seen(oracle, node, pending, &statement, &signer, &signature);
}

/* array[3]: promised round, voted round, statement bin162: what this node itself has signed. */
static void vote_read(struct moot_sim_oracle *oracle, uint32_t node,
                      struct moot_sim_pending *pending, struct moot_bytes row)
{
    struct moot_cursor cursor;
    struct moot_statement statement;
    struct moot_sim_vote vote;
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 3);
    moot_read_uint(&cursor, UINT32_MAX);
    moot_read_uint(&cursor, UINT32_MAX);
    struct moot_bytes bytes = moot_read_bin(&cursor, MOOT_STATEMENT_BYTES);
    if (moot_cursor_finish(&cursor) != MOOT_OK ||
        moot_statement_decode(bytes, &statement) != MOOT_OK) {
        moot_sim_run_fail(oracle->run, (int)node, NULL, "one-vote",
                          "%s wrote a vote that does not decode", name_of(oracle, node));
        return;
    }
    vote_of(&statement, &oracle->run->world->nodes[node].identity.key, &vote);
    pending_add(oracle, node, pending, &vote);
}

/* A turn's new admins must all have signed, beside enough of the old set. */
static void certificate_judge(struct moot_sim_oracle *oracle, uint32_t node,
                              const struct moot_object *object)
{
    const struct moot_certificate *certificate = &object->certificate;
    const struct moot_admin_set *set = rule_of(oracle, &certificate->statement.timeline);
    bool turns = object->body.kind == MOOT_BODY_TURN && object->body.turn.what == MOOT_TURN_ADMINS;
    const struct moot_admin_set *joining = turns ? &object->body.turn.admins : NULL;
    uint32_t members = 0, joined = 0;
    char slot[MOOT_SLOT_TEXT_BYTES];
    moot_slot_format(&certificate->statement.slot, slot);
    if (!set) {
        moot_sim_run_fail(oracle->run, (int)node, NULL, "certificate",
                          "%s holds a certificate in %s of a timeline that no turn made",
                          name_of(oracle, node), slot);
        return;
    }
    for (uint32_t i = 0; i < certificate->signer_count; i++) {
        const struct moot_key *key = &certificate->signers[i].key;
        bool again = false;
        for (uint32_t j = 0; j < i; j++)
            again = again || moot_key_equal(key, &certificate->signers[j].key);
        members += !again && moot_admin_set_find(set, key) >= 0 ? 1 : 0;
        joined += !again && joining && moot_admin_set_find(joining, key) >= 0 ? 1 : 0;
    }
    if (members < set->threshold || (joining && joined < joining->count))
        moot_sim_run_fail(oracle->run, (int)node, NULL, "certificate",
                          "%s holds a certificate in %s of %u of %u admins, %u are needed",
                          name_of(oracle, node), slot, members, set->count, set->threshold);
}

static void object_read(struct moot_sim_oracle *oracle, uint32_t node,
                        struct moot_sim_pending *pending, struct moot_bytes row)
{
    struct moot_object object;
    struct moot_digest hash;
    if (moot_object_decode(row, &object) != MOOT_OK) {
        moot_sim_run_fail(oracle->run, (int)node, NULL, "certificate",
                          "%s wrote an object that does not decode", name_of(oracle, node));
        return;
    }
    for (uint32_t i = 0; i < object.certificate.signer_count; i++)
        signature_seen(oracle, node, pending, &object.certificate.statement,
                       &object.certificate.signers[i].key,
                       &object.certificate.signers[i].signature);
    if (object.body.kind == MOOT_BODY_CACHE)
        moot_sim_oracle_floors(oracle, node, pending->ticket, &object.body.cache);
    moot_digest_of_bytes(NULL, row, &hash);
    if (moot_sim_book_find(&oracle->objects, &hash))
        return;
    moot_sim_book_add(&oracle->objects, &hash, &hash);
    certificate_judge(oracle, node, &object);
    if (object.body.kind == MOOT_BODY_TURN) {
        const struct moot_admin_set *before = rule_of(oracle, &object.body.turn.before);
        struct moot_admin_set admins = object.body.turn.admins;
        struct moot_digest after;
        if (object.body.turn.what == MOOT_TURN_HARD_FORK && before)
            admins = *before; /* the rules change, not who decides */
        moot_timeline_after(&object.body.turn.before, &object.certificate.statement.body, &after);
        rule_add(oracle, &after, &admins);
    }
}

void moot_sim_oracle_batch(struct moot_sim_oracle *oracle, uint32_t node,
                           struct moot_sim_pending *pending, const struct moot_store_batch *batch)
{
    for (uint32_t i = 0; i < batch->op_count; i++) {
        const struct moot_store_op *op = &batch->ops[i];
        if (op->kind == MOOT_STORE_PUT && op->table == MOOT_TABLE_META &&
            moot_bytes_equal(op->key, moot_bytes_of_text("founding")))
            founding_read(oracle, op->value);
    }
    for (uint32_t i = 0; i < batch->op_count; i++) {
        const struct moot_store_op *op = &batch->ops[i];
        if (op->kind != MOOT_STORE_PUT)
            continue;
        if (op->table == MOOT_TABLE_LOOSE)
            approval_read(oracle, node, pending, op->value);
        else if (op->table == MOOT_TABLE_VOTE)
            vote_read(oracle, node, pending, op->value);
        else if (op->table == MOOT_TABLE_OBJECT)
            object_read(oracle, node, pending, op->value);
    }
}
