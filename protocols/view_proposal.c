/*
 * Proposals as people see them: state, who said yes and no, whom it waits for, readiness, certificate.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/hardfork.h"
#include "protocols/inside.h"
#include "protocols/view.h"

const char *moot_proposal_state_text(enum moot_proposal_state state)
{
    static const char *const texts[] = {
        [MOOT_PROPOSAL_PROPOSED] = "proposed",     [MOOT_PROPOSAL_CERTIFIED] = "certified",
        [MOOT_PROPOSAL_IN_FORCE] = "in-force",     [MOOT_PROPOSAL_REJECTED] = "rejected",
        [MOOT_PROPOSAL_EXPIRED] = "expired",       [MOOT_PROPOSAL_WITHDRAWN] = "withdrawn",
        [MOOT_PROPOSAL_CONFLICTED] = "conflicted",
    };
    return texts[state];
}

void moot_proposal_name(const struct moot_digest *id, enum moot_body_kind kind,
                        char ret[MOOT_PROPOSAL_NAME_BYTES])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's base 32 */
    uint64_t bits = moot_u64_get(id->b);
    memset(ret, 0, MOOT_PROPOSAL_NAME_BYTES);
    memcpy(ret, moot_body_info(kind)->letters, 2);
    ret[2] = '-';
    for (int i = 0; i < 6; i++)
        ret[3 + i] = digits[(bits >> (59 - 5 * i)) & 31];
}

/* ---- names of people's devices ---- */

static struct moot_bytes name_of(const struct moot_engine *engine, const struct moot_pool *pool,
                                 const struct moot_key *key)
{
    const struct moot_member *member = moot_state_member_listed(&engine->state, pool, key);
    return member ? moot_blob_get(pool, member->name) : moot_bytes_of(NULL, 0);
}

struct votes {
    struct moot_view_vote *votes;
    uint32_t count;
};

static bool votes_take(struct moot_arena *arena, uint32_t capacity, struct votes *ret)
{
    ret->votes = moot_arena_take_zeroed(arena, capacity + 1u, sizeof *ret->votes);
    ret->count = 0;
    return ret->votes != NULL;
}

static void votes_add(const struct moot_engine *engine, const struct moot_pool *pool,
                      struct votes *votes, const struct moot_key *key, struct moot_bytes reason)
{
    votes->votes[votes->count++] =
        (struct moot_view_vote){.key = *key, .name = name_of(engine, pool, key), .reason = reason};
}

static bool has(const struct moot_key *keys, uint32_t count, const struct moot_key *key)
{
    for (uint32_t i = 0; i < count; i++) {
        if (moot_key_equal(&keys[i], key))
            return true;
    }
    return false;
}

/* ---- votes ---- */

/* A person's words with a loose approval. */
static struct moot_bytes reason_of(const struct moot_engine *engine, const struct moot_pool *pool,
                                   const struct moot_statement *statement,
                                   const struct moot_key *signer)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &engine->loose, item)) {
        const struct moot_loose *loose = item.value;
        if (loose->kind == MOOT_LOOSE_APPROVAL && moot_key_equal(&loose->signer, signer) &&
            moot_digest_equal(&loose->statement.body, &statement->body))
            return moot_blob_get(pool, loose->reason);
    }
    return moot_bytes_of(NULL, 0);
}

static bool view_open_votes(const struct moot_engine *engine, const struct moot_pool *pool,
                            const struct moot_statement *statement, struct moot_arena *arena,
                            struct moot_view_proposal *ret)
{
    const struct moot_admin_set *set = &moot_state_era(&engine->state, pool)->admins;
    const struct moot_admin_set *joining =
        ret->body.kind == MOOT_BODY_TURN && ret->body.turn.what == MOOT_TURN_ADMINS
            ? &ret->body.turn.admins
            : NULL;
    struct moot_tally tally;
    struct votes yes, no, waits, consents;
    if (!votes_take(arena, MOOT_CERTIFICATE_SIGNERS_MAX, &yes) ||
        !votes_take(arena, MOOT_CERTIFICATE_SIGNERS_MAX, &no) ||
        !votes_take(arena, MOOT_ADMINS_MAX, &waits) ||
        !votes_take(arena, MOOT_ADMINS_MAX, &consents))
        return false;
    moot_decision_tally(engine, pool, statement, &tally);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct moot_key *key = &set->keys[i];
        struct moot_bytes reason = reason_of(engine, pool, statement, key);
        if (has(tally.yes, tally.yes_count, key))
            votes_add(engine, pool, &yes, key, reason);
        else if (has(tally.no, tally.no_count, key))
            votes_add(engine, pool, &no, key, reason);
        else
            votes_add(engine, pool, &waits, key, moot_bytes_of(NULL, 0));
    }
    for (uint32_t i = 0; joining && i < joining->count; i++) {
        if (!has(tally.yes, tally.yes_count, &joining->keys[i]))
            votes_add(engine, pool, &consents, &joining->keys[i], moot_bytes_of(NULL, 0));
    }
    ret->yes = yes.votes;
    ret->yes_count = yes.count;
    ret->no = no.votes;
    ret->no_count = no.count;
    ret->waits_for = waits.votes;
    ret->waits_for_count = waits.count;
    ret->consent_missing = consents.votes;
    ret->consent_count = consents.count;
    ret->waiting_for_me = ret->state == MOOT_PROPOSAL_PROPOSED &&
                          ret->body.kind != MOOT_BODY_SNAPSHOT &&
                          moot_engine_is_admin(engine, pool) &&
                          !has(tally.yes, tally.yes_count, &engine->identity.key) &&
                          !has(tally.no, tally.no_count, &engine->identity.key);
    return true;
}

/* Who signed is in the certificate, exactly. */
static bool view_certificate(const struct moot_engine *engine, const struct moot_pool *pool,
                             const struct moot_object_row *row, struct moot_arena *arena,
                             struct moot_view_proposal *ret)
{
    struct moot_object object;
    struct votes signers, yes;
    enum moot_status status = moot_object_decode(moot_blob_get(pool, row->encoded), &object);
    MOOT_INVARIANT(status == MOOT_OK); /* it was checked when it was merged */
    const struct moot_era *era =
        moot_state_era_of(&engine->state, pool, &object.certificate.statement.timeline);
    if (!votes_take(arena, object.certificate.signer_count, &signers) ||
        !votes_take(arena, object.certificate.signer_count, &yes))
        return false;
    for (uint32_t i = 0; i < object.certificate.signer_count; i++) {
        const struct moot_key *key = &object.certificate.signers[i].key;
        votes_add(engine, pool, &signers, key, moot_bytes_of(NULL, 0));
        if (era && moot_admin_set_find(&era->admins, key) >= 0)
            votes_add(engine, pool, &yes, key, moot_bytes_of(NULL, 0));
    }
    ret->certified = true;
    ret->certificate = row->id;
    ret->timeline = object.certificate.statement.timeline;
    ret->signers = signers.votes;
    ret->signer_count = signers.count;
    ret->yes = yes.votes;
    ret->yes_count = yes.count;
    if (era) {
        ret->need = era->admins.threshold;
        ret->of = era->admins.count;
    }
    return true;
}

/* ---- upgrades ---- */

static bool view_readiness(const struct moot_engine *engine, const struct moot_pool *pool,
                           const struct moot_proposal *proposal, struct moot_arena *arena,
                           struct moot_view_proposal *ret)
{
    const struct moot_fetch *fetch =
        moot_map_get(pool, &engine->fetches, moot_digest_bytes(&proposal->id));
    struct moot_map_item item;
    ret->has_readiness = true;
    ret->ready_needed = ret->body.upgrade.ready_needed;
    ret->ready = moot_upgrade_ready_count(engine, pool, proposal);
    ret->fence_epoch = ret->body.upgrade.fence_epoch;
    ret->epoch_deadline = ret->body.upgrade.deadline_epoch;
    if (fetch) {
        ret->blocks_held = fetch->held;
        ret->blocks_total = fetch->blocks.count;
    }
    ret->readiness =
        moot_arena_take_zeroed(arena, engine->state.members.count + 1u, sizeof *ret->readiness);
    if (!ret->readiness)
        return false;
    for (MOOT_MAP_EACH(pool, &engine->state.members, item)) {
        const struct moot_member *member = item.value;
        if (member->retired)
            continue;
        struct moot_view_readiness *one = &ret->readiness[ret->readiness_of++];
        uint8_t key[65];
        moot_loose_readiness_key(&proposal->id, &member->key, key);
        const struct moot_loose *said =
            moot_map_get(pool, &engine->loose, moot_bytes_of(key, sizeof key));
        one->device = member->key;
        one->name = moot_blob_get(pool, member->name);
        one->state = said ? (enum moot_readiness_state)said->readiness : MOOT_READINESS_SILENT;
        one->reason = said ? said->readiness_reason : MOOT_OK;
        one->free_bytes = said ? said->free_bytes : 0;
    }
    struct moot_slot slot = {.kind = MOOT_SLOT_ACTIVATE, .proposal = proposal->id};
    struct moot_decision decision = moot_state_decision(&engine->state, pool, &slot);
    if (decision.state == MOOT_DECISION_CERTIFIED) {
        ret->activated = true;
        ret->activation = decision.object->id;
    }
    return true;
}

static uint32_t turned_epoch(const struct moot_engine *engine, const struct moot_pool *pool,
                             const struct moot_digest *turn)
{
    for (uint32_t i = 1; i < engine->state.eras.count; i++) {
        const struct moot_era *era = moot_list_at(pool, &engine->state.eras, i);
        if (moot_digest_equal(&era->turn_body, turn))
            return era->epoch;
    }
    return 0;
}

static bool view(const struct moot_engine_env *env, const struct moot_proposal *proposal,
                 struct moot_arena *arena, struct moot_view_proposal *ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    const struct moot_pool *pool = env->pool;
    const struct moot_era *era = moot_state_era(&engine->state, pool);
    struct moot_slot slot;
    struct moot_statement statement;
    *ret = (struct moot_view_proposal){
        .id = proposal->id,
        .kind = moot_body_info(proposal->kind)->name,
        .proposer = proposal->proposer,
        .proposer_name = name_of(engine, pool, &proposal->proposer),
        .epoch = proposal->epoch,
        .wall_s = proposal->wall_s,
        .need = era->admins.threshold,
        .of = era->admins.count,
        .epoch_deadline = proposal->epoch + engine->config.deadline_epochs,
    };
    moot_proposal_name(&proposal->id, proposal->kind, ret->name);
    enum moot_status status = moot_body_decode(moot_blob_get(pool, proposal->body), &ret->body);
    MOOT_INVARIANT(status == MOOT_OK);
    ret->state =
        (enum moot_proposal_state)moot_proposal_phase(engine, pool, proposal, &ret->possible);
    moot_body_slot(&ret->body, &proposal->id, &slot);
    moot_body_statement(&ret->body, &proposal->id, &era->timeline, MOOT_VERDICT_YES, &statement);
    struct moot_decision decision = moot_state_decision(&engine->state, pool, &slot);
    bool ours =
        decision.object && moot_digest_equal(&decision.object->statement.body, &proposal->id);
    bool fits = ours ? view_certificate(engine, pool, decision.object, arena, ret)
                     : view_open_votes(engine, pool, &statement, arena, ret);
    if (fits && ret->body.kind == MOOT_BODY_UPGRADE)
        fits = view_readiness(engine, pool, proposal, arena, ret);
    const struct moot_era *brought = moot_hard_fork_era(engine, pool, &proposal->id);
    if (brought)
        ret->in_force_epoch = brought->epoch;
    if (ret->body.kind == MOOT_BODY_SNAPSHOT &&
        engine->config.deadline_epochs > MOOT_SNAPSHOT_OPEN_EPOCHS_MAX)
        ret->epoch_deadline = proposal->epoch + MOOT_SNAPSHOT_OPEN_EPOCHS_MAX;
    if (ret->body.kind == MOOT_BODY_TURN) {
        ret->epoch_deadline = ret->body.turn.last;
        ret->in_force_epoch = turned_epoch(engine, pool, &proposal->id);
    }
    return fits;
}

enum moot_status moot_view_proposal(const struct moot_engine_env *env, uint64_t now_ms,
                                    const struct moot_digest *id, struct moot_arena *arena,
                                    struct moot_view_proposal *ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    const struct moot_proposal *proposal =
        engine->state.founded ? moot_state_proposal(&engine->state, env->pool, id) : NULL;
    (void)now_ms;
    if (!proposal)
        return MOOT_NOT_FOUND;
    return view(env, proposal, arena, ret) ? MOOT_OK : MOOT_NO_MEMORY;
}

static bool older(const struct moot_proposal *a, const struct moot_proposal *b)
{
    if (a->epoch != b->epoch)
        return a->epoch < b->epoch;
    return moot_digest_compare(&a->id, &b->id) < 0;
}

uint32_t moot_view_proposals(const struct moot_engine_env *env, uint64_t now_ms,
                             struct moot_arena *arena, struct moot_view_proposal **ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    struct moot_map_item item;
    uint32_t count = 0, shown = 0;
    const struct moot_proposal **order =
        moot_arena_take_zeroed(arena, engine->state.proposals.count + 1u, sizeof *order);
    struct moot_view_proposal *all =
        moot_arena_take_zeroed(arena, engine->state.proposals.count + 1u, sizeof *all);
    (void)now_ms;
    *ret = all;
    if (!order || !all || !engine->state.founded)
        return 0;
    for (MOOT_MAP_EACH(env->pool, &engine->state.proposals, item)) {
        uint32_t at = count++;
        while (at > 0 && older(item.value, order[at - 1])) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = item.value;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!view(env, order[i], arena, &all[shown]))
            return shown;
        shown++;
    }
    return shown;
}

/* ---- names ---- */

static bool fits_text(const struct moot_proposal *proposal, struct moot_bytes text)
{
    char name[MOOT_PROPOSAL_NAME_BYTES], hex[65], upper[65] = {0};
    if (text.size < 2 || text.size > 64)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    moot_proposal_name(&proposal->id, proposal->kind, name);
    if (strncmp(name, upper, text.size) == 0 ||
        (text.size <= 6 && strncmp(name + 3, upper, text.size) == 0))
        return true;
    moot_hex_format(moot_digest_bytes(&proposal->id), hex);
    return text.size >= 8 && strncmp(hex, (const char *)text.data, text.size) == 0;
}

enum moot_status moot_view_resolve(const struct moot_engine_env *env, struct moot_bytes text,
                                   struct moot_digest *ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    struct moot_map_item item;
    uint32_t found = 0;
    for (MOOT_MAP_EACH(env->pool, &engine->state.proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        if (!fits_text(proposal, text))
            continue;
        *ret = proposal->id;
        found++;
    }
    return found == 0 ? MOOT_NOT_FOUND : found == 1 ? MOOT_OK : MOOT_AMBIGUOUS;
}
