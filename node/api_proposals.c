/* Proposals as people and scripts see them: GET /v1/proposals, one of them, and upgrades. */
#include <string.h>

#include "node/api_internal.h"

static json_t *names_json(const struct moot_view_vote *votes, uint32_t count)
{
    json_t *names = json_array();
    for (uint32_t i = 0; i < count; i++) {
        moot_json_push(names, votes[i].name.size > 0
                                  ? moot_json_text(votes[i].name)
                                  : moot_json_hex(moot_bytes_of(votes[i].key.b, 4)));
    }
    return names;
}

static json_t *approvals_json(const struct moot_view_proposal *view)
{
    json_t *approvals = json_object();
    moot_json_put(approvals, "have", moot_json_number(view->yes_count));
    moot_json_put(approvals, "need", moot_json_number(view->need));
    moot_json_put(approvals, "of", moot_json_number(view->of));
    moot_json_put(approvals, "yes", names_json(view->yes, view->yes_count));
    moot_json_put(approvals, "no", names_json(view->no, view->no_count));
    return approvals;
}

static void push_reasons(json_t *reasons, const struct moot_view_vote *votes, uint32_t count,
                         const char *verdict)
{
    for (uint32_t i = 0; i < count; i++) {
        if (votes[i].reason.size > 0) {
            json_t *reason = json_object();
            moot_json_put(reason, "name", moot_json_text(votes[i].name));
            moot_json_put(reason, "verdict", json_string_nocheck(verdict));
            moot_json_put(reason, "reason", moot_json_text(votes[i].reason));
            moot_json_push(reasons, reason);
        }
    }
}

static const char *readiness_text(enum moot_readiness_state state)
{
    switch (state) {
    case MOOT_READINESS_SILENT:
        return "silent";
    case MOOT_READINESS_READY:
        return "ready";
    case MOOT_READINESS_NOT_READY:
        return "not_ready";
    case MOOT_READINESS_REJECTED:
        return "rejected";
    }
    return "silent";
}

static json_t *readiness_json(const struct moot_view_proposal *view)
{
    if (!view->has_readiness) {
        return json_null();
    }
    json_t *devices = json_array();
    for (uint32_t i = 0; i < view->readiness_of; i++) {
        const struct moot_view_readiness *said = &view->readiness[i];
        json_t *device = json_object();
        moot_json_put(device, "name", moot_json_text(said->name));
        moot_json_put(device, "status", json_string_nocheck(readiness_text(said->state)));
        moot_json_put(device, "reason",
                      said->reason != MOOT_OK
                          ? json_string_nocheck(moot_status_info(said->reason)->name)
                          : json_null());
        moot_json_put(device, "free_bytes",
                      said->state == MOOT_READINESS_SILENT ? json_null()
                                                           : moot_json_number(said->free_bytes));
        moot_json_push(devices, device);
    }
    json_t *readiness = json_object();
    moot_json_put(readiness, "ready", moot_json_number(view->ready));
    moot_json_put(readiness, "need", moot_json_number(view->ready_needed));
    moot_json_put(readiness, "of", moot_json_number(view->readiness_of));
    moot_json_put(readiness, "devices", devices);
    return readiness;
}

/* Statement and signatures, in the order of `keys`: whoever asks can verify for itself. */
static void put_signatures(struct moot_request *request, const struct moot_view_proposal *view,
                           json_t *certificate)
{
    const struct moot_engine_env *env = moot_api_env(request);
    const struct moot_object_row *row =
        moot_state_object(moot_view_state(env), env->pool, &view->certificate);
    struct moot_object object;
    if (row == NULL ||
        moot_object_decode(moot_blob_get(env->pool, row->encoded), &object) != MOOT_OK) {
        return; /* an object that is held decodes; without it the members are left out */
    }
    uint8_t bytes[MOOT_STATEMENT_BYTES];
    moot_statement_encode(&object.certificate.statement, bytes);
    moot_json_put(certificate, "statement", moot_json_hex(moot_bytes_of(bytes, sizeof bytes)));
    json_t *signatures = json_array();
    for (uint32_t i = 0; i < view->signer_count; i++) {
        for (uint32_t j = 0; j < object.certificate.signer_count; j++) {
            const struct moot_signed_by *signer = &object.certificate.signers[j];
            if (moot_key_equal(&signer->key, &view->signers[i].key)) {
                moot_json_push(signatures, moot_json_hex(moot_bytes_of(
                                               signer->signature.b, sizeof signer->signature.b)));
            }
        }
    }
    moot_json_put(certificate, "signatures", signatures);
}

static json_t *certificate_json(struct moot_request *request, const struct moot_view_proposal *view)
{
    if (!view->certified) {
        return json_null();
    }
    json_t *keys = json_array();
    for (uint32_t i = 0; i < view->signer_count; i++) {
        moot_json_push(keys, moot_json_key(&view->signers[i].key));
    }
    json_t *certificate = json_object();
    moot_json_put(certificate, "signers", names_json(view->signers, view->signer_count));
    moot_json_put(certificate, "keys", keys);
    moot_json_put(certificate, "object", moot_json_digest(&view->certificate));
    moot_json_put(certificate, "timeline", moot_json_digest(&view->timeline));
    put_signatures(request, view, certificate);
    return certificate;
}

static json_t *seal_json(void)
{
    json_t *seal = json_object();
    moot_json_put(seal, "state", json_string_nocheck("none"));
    moot_json_put(seal, "key", json_null());
    moot_json_put(seal, "message", json_null());
    moot_json_put(seal, "signature", json_null());
    moot_json_put(seal, "waits_for", json_array());
    return seal;
}

/* ---- what is proposed ---- */

static json_t *upgrade_json(const struct moot_upgrade_body *body)
{
    bool hard = body->kind == MOOT_UPGRADE_HARD;
    json_t *upgrade = json_object();
    moot_json_put(upgrade, "package", moot_json_text(body->package_name));
    moot_json_put(upgrade, "from", moot_json_text(body->from_version));
    moot_json_put(upgrade, "to", moot_json_text(body->to_version));
    moot_json_put(upgrade, "manifest", moot_json_digest(&body->manifest));
    moot_json_put(upgrade, "kind", json_string_nocheck(hard ? "hard" : "soft"));
    moot_json_put(upgrade, "min_protocol", moot_json_number(body->min_protocol));
    moot_json_put(upgrade, "fence_epoch", hard ? moot_json_number(body->fence_epoch) : json_null());
    moot_json_put(upgrade, "window", hard ? moot_json_number(body->window) : json_null());
    moot_json_put(upgrade, "ready_needed", moot_json_number(body->ready_needed));
    moot_json_put(upgrade, "short_notice", json_boolean(body->short_notice));
    moot_json_put(upgrade, "revert_plan",
                  body->revert_plan.size > 0 ? moot_json_text(body->revert_plan) : json_null());
    moot_json_put(upgrade, "rehearsal",
                  body->rehearsed ? moot_json_digest(&body->rehearsal) : json_null());
    return upgrade;
}

static json_t *turn_json(struct moot_request *request, const struct moot_turn_body *body)
{
    json_t *names = json_array();
    json_t *keys = json_array();
    for (uint32_t i = 0; body->what == MOOT_TURN_ADMINS && i < body->admins.count; i++) {
        moot_json_push(names, moot_json_name(moot_api_env(request), &body->admins.keys[i]));
        moot_json_push(keys, moot_json_key(&body->admins.keys[i]));
    }
    json_t *admins = json_object();
    moot_json_put(admins, "names", names);
    moot_json_put(admins, "keys", keys);
    moot_json_put(admins, "threshold", moot_json_number(body->admins.threshold));
    moot_json_put(admins, "version", moot_json_number(body->admins.version));
    moot_json_put(admins, "turn", moot_json_number(body->k));
    moot_json_put(admins, "earliest", moot_json_number(body->earliest));
    moot_json_put(admins, "last", moot_json_number(body->last));
    return admins;
}

static json_t *admission_json(const struct moot_admission_body *body)
{
    json_t *admission = json_object();
    moot_json_put(admission, "device", moot_json_key(&body->device));
    moot_json_put(admission, "name", moot_json_text(body->name));
    moot_json_put(admission, "home", moot_json_text(body->home));
    return admission;
}

static json_t *cache_json(const struct moot_cache_body *body)
{
    json_t *keys = json_array();
    json_t *prefixes = json_array();
    for (uint32_t i = 0; i < body->entry_count; i++) {
        moot_json_push(body->entries[i].prefix ? prefixes : keys,
                       moot_json_text(body->entries[i].key));
    }
    json_t *cache = json_object();
    moot_json_put(cache, "keys", keys);
    moot_json_put(cache, "prefixes", prefixes);
    moot_json_put(cache, "floor", moot_json_number(body->floor));
    return cache;
}

static void put_body(struct moot_request *request, json_t *proposal, const struct moot_body *body)
{
    switch (body->kind) {
    case MOOT_BODY_UPGRADE:
        moot_json_put(proposal, "upgrade", upgrade_json(&body->upgrade));
        return;
    case MOOT_BODY_TURN:
        moot_json_put(proposal, "admins", turn_json(request, &body->turn));
        return;
    case MOOT_BODY_ADMISSION:
        moot_json_put(proposal, "admission", admission_json(&body->admission));
        return;
    case MOOT_BODY_CACHE:
        moot_json_put(proposal, "cache", cache_json(&body->cache));
        return;
    case MOOT_BODY_SNAPSHOT:
        moot_json_put(proposal, "snapshot", moot_api_snapshot_body_json(&body->snapshot));
        return;
    case MOOT_BODY_REMOVAL:
    case MOOT_BODY_REPLACEMENT:
    case MOOT_BODY_RENAME:
        moot_json_put(proposal, moot_body_info(body->kind)->name,
                      moot_api_device_body_json(request, body));
        return;
    case MOOT_BODY_TICK:
    case MOOT_BODY_ACTIVATION:
        return; /* nobody proposes these */
    }
}

static json_t *epoch_or_null(uint32_t epoch)
{
    return epoch != 0 ? moot_json_number(epoch) : json_null();
}

static json_t *blocks_json(const struct moot_view_proposal *view)
{
    if (!view->has_readiness) {
        return json_null();
    }
    json_t *blocks = json_object();
    moot_json_put(blocks, "held", moot_json_number(view->blocks_held));
    moot_json_put(blocks, "total", moot_json_number(view->blocks_total));
    return blocks;
}

static json_t *proposer_json(const struct moot_view_proposal *view)
{
    json_t *proposer = json_object();
    moot_json_put(proposer, "id", moot_json_key(&view->proposer));
    moot_json_put(proposer, "name", moot_json_text(view->proposer_name));
    return proposer;
}

json_t *moot_api_proposal_json(struct moot_request *request, const struct moot_view_proposal *view)
{
    json_t *proposal = json_object();
    moot_json_put(proposal, "id", json_string_nocheck(view->name));
    moot_json_put(proposal, "hash", moot_json_digest(&view->id));
    moot_json_put(proposal, "digest", moot_json_digest(&view->id));
    moot_json_put(proposal, "kind", json_string_nocheck(view->kind));
    moot_json_put(proposal, "state", json_string_nocheck(moot_proposal_state_text(view->state)));
    moot_json_put(proposal, "possible", json_boolean(view->possible));
    moot_json_put(proposal, "proposer", proposer_json(view));
    moot_json_put(proposal, "epoch", moot_json_number(view->epoch));
    moot_json_put(proposal, "wall_s", moot_json_number(view->wall_s));
    moot_json_put(proposal, "approvals", approvals_json(view));
    json_t *reasons = json_array();
    push_reasons(reasons, view->yes, view->yes_count, "yes");
    push_reasons(reasons, view->no, view->no_count, "no");
    moot_json_put(proposal, "reasons", reasons);
    moot_json_put(proposal, "waits_for", names_json(view->waits_for, view->waits_for_count));
    moot_json_put(proposal, "consent_missing",
                  names_json(view->consent_missing, view->consent_count));
    moot_json_put(proposal, "waiting_for_you", json_boolean(view->waiting_for_me));
    moot_json_put(proposal, "readiness", readiness_json(view));
    moot_json_put(proposal, "epoch_deadline", epoch_or_null(view->epoch_deadline));
    moot_json_put(proposal, "fence_epoch", epoch_or_null(view->fence_epoch));
    moot_json_put(proposal, "in_force_epoch", epoch_or_null(view->in_force_epoch));
    moot_json_put(proposal, "certificate", certificate_json(request, view));
    moot_json_put(proposal, "activation",
                  view->activated ? moot_json_digest(&view->activation) : json_null());
    moot_json_put(proposal, "blocks", blocks_json(view));
    moot_json_put(proposal, "seal", seal_json());
    put_body(request, proposal, &view->body);
    return proposal;
}

json_t *moot_api_proposals_json(struct moot_request *request, const char *kind_or_null)
{
    json_t *proposals = json_array();
    struct moot_view_proposal *views = NULL;
    uint32_t count = moot_view_proposals(moot_api_env(request), moot_api_now(request),
                                         &request->api->arena, &views);
    for (uint32_t i = 0; i < count; i++) {
        if (kind_or_null == NULL || strcmp(views[i].kind, kind_or_null) == 0) {
            moot_json_push(proposals, moot_api_proposal_json(request, &views[i]));
        }
    }
    return proposals;
}

enum moot_status moot_api_get_proposals(struct moot_request *request)
{
    request->answer = moot_json_answer("moot.proposals/1");
    moot_json_put(request->answer, "proposals", moot_api_proposals_json(request, NULL));
    return MOOT_OK;
}

enum moot_status moot_api_get_upgrades(struct moot_request *request)
{
    request->answer = moot_json_answer("moot.upgrades/1");
    moot_json_put(request->answer, "upgrades", moot_api_proposals_json(request, "upgrade"));
    return MOOT_OK;
}

enum moot_status moot_api_proposal_id(struct moot_request *request, struct moot_digest *ret)
{
    enum moot_status status = moot_view_resolve(
        moot_api_env(request), moot_bytes_of(request->argument, request->argument_size), ret);
    if (status != MOOT_OK) {
        /* The text may be anything at all; JSON gets what is printable of it. */
        (void)moot_error_set(&request->error, status, "proposal '%.80s'", request->argument);
    }
    return status;
}

enum moot_status moot_api_get_proposal(struct moot_request *request)
{
    struct moot_digest id;
    struct moot_view_proposal view;
    enum moot_status status = moot_api_proposal_id(request, &id);
    if (status == MOOT_OK) {
        status = moot_view_proposal(moot_api_env(request), moot_api_now(request), &id,
                                    &request->api->arena, &view);
    }
    if (status != MOOT_OK) {
        return status;
    }
    request->answer = moot_api_proposal_json(request, &view);
    moot_json_put(request->answer, "schema", json_string_nocheck("moot.proposal/1"));
    return MOOT_OK;
}
