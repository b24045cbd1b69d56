/*
 * What people ask for: each endpoint turns its JSON into one call of the engine, and the engine's reply
 * into an answer. Nothing is decided here; texts are borrowed from the request until the engine has answered.
 */
#include <stdlib.h>
#include <string.h>

#include "node/api_internal.h"
#include "node/config_parse.h"

/* Names that people give must be text of a sane length; the engine knows the rest. */
static enum moot_status name_of(struct moot_request *request, const char *member, bool may_be_empty,
                                struct moot_bytes *ret)
{
    *ret = moot_api_text(request, member);
    if (ret->size > MOOT_NAME_BYTES_MAX || (ret->size == 0 && !may_be_empty)) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "'%s' must have 1 to %d bytes",
                              member, MOOT_NAME_BYTES_MAX);
    }
    return MOOT_OK;
}

enum moot_status moot_api_do_init(struct moot_request *request)
{
    request->call.kind = MOOT_CALL_INIT;
    enum moot_status status = name_of(request, "mesh", false, &request->call.mesh_name);
    if (status == MOOT_OK) {
        status = name_of(request, "name", true, &request->call.name);
    }
    if (status == MOOT_OK) {
        status = name_of(request, "home", true, &request->call.home);
    }
    return status;
}

enum moot_status moot_api_did_init(struct moot_request *request, const struct moot_reply *reply)
{
    (void)reply;
    struct moot_view_status view;
    moot_view_status(moot_api_env(request), moot_api_now(request), &view);
    json_t *mesh = json_object();
    moot_json_put(mesh, "id", moot_json_digest(&view.mesh));
    moot_json_put(mesh, "name", moot_json_text(view.mesh_name));
    request->answer = moot_json_answer("moot.mesh/1");
    moot_json_put(request->answer, "mesh", mesh);
    moot_json_put(request->answer, "device", moot_api_self_json(request));
    return MOOT_OK;
}

enum moot_status moot_api_do_join(struct moot_request *request)
{
    request->call.kind = MOOT_CALL_JOIN;
    request->call.uri = moot_api_text(request, "uri");
    return MOOT_OK;
}

enum moot_status moot_api_did_join(struct moot_request *request, const struct moot_reply *reply)
{
    (void)reply;
    request->answer = moot_json_answer("moot.joining/1");
    moot_json_put(request->answer, "state", json_string_nocheck("pending"));
    moot_json_put(request->answer, "device", moot_api_self_json(request));
    return MOOT_OK;
}

enum moot_status moot_api_do_invite(struct moot_request *request)
{
    request->call.kind = MOOT_CALL_INVITE;
    return MOOT_OK;
}

enum moot_status moot_api_did_invite(struct moot_request *request, const struct moot_reply *reply)
{
    request->answer = moot_json_answer("moot.invitation/1");
    moot_json_put(request->answer, "code", json_string(reply->code));
    moot_json_put(request->answer, "uri", json_string(reply->uri));
    moot_json_put(request->answer, "expires_in_s", moot_json_number(reply->expires_in_s));
    return MOOT_OK;
}

static enum moot_status named(struct moot_request *request, enum moot_call_kind kind)
{
    request->call.kind = kind;
    request->call.name = moot_api_text(request, "name");
    return MOOT_OK;
}

enum moot_status moot_api_do_admit(struct moot_request *request)
{
    return named(request, MOOT_CALL_ADMIT);
}

enum moot_status moot_api_do_deny(struct moot_request *request)
{
    return named(request, MOOT_CALL_DENY);
}

enum moot_status moot_api_did_deny(struct moot_request *request, const struct moot_reply *reply)
{
    (void)reply;
    request->answer = moot_json_answer("moot.done/1");
    moot_json_put(request->answer, "done", json_true());
    return MOOT_OK;
}

enum moot_status moot_api_did_propose(struct moot_request *request, const struct moot_reply *reply)
{
    struct moot_view_proposal view;
    enum moot_status status = moot_view_proposal(moot_api_env(request), moot_api_now(request),
                                                 &reply->proposal, &request->api->arena, &view);
    if (status != MOOT_OK) {
        return status;
    }
    request->answer = moot_api_proposal_json(request, &view);
    moot_json_put(request->answer, "schema", json_string_nocheck("moot.proposal/1"));
    return MOOT_OK;
}

enum moot_status moot_api_do_admins(struct moot_request *request)
{
    const json_t *names = json_object_get(request->input, "names");
    uint64_t threshold = moot_api_number(request, "threshold", 0);
    request->call.kind = MOOT_CALL_PROPOSE_ADMINS;
    if (json_array_size(names) > MOOT_ADMINS_MAX) {
        return moot_error_set(&request->error, MOOT_LIMIT, "at most %d administrators",
                              MOOT_ADMINS_MAX);
    }
    if (threshold > MOOT_ADMINS_MAX) {
        return MOOT_BAD_THRESHOLD;
    }
    request->call.threshold = (uint32_t)threshold;
    request->call.name_count = (uint32_t)json_array_size(names);
    for (uint32_t i = 0; i < request->call.name_count; i++) {
        const json_t *name = json_array_get(names, i);
        request->names[i] = moot_bytes_of(json_string_value(name), json_string_length(name));
    }
    request->call.names = request->names;
    return MOOT_OK;
}

/* ---- upgrades ---- */

/* The version of that package that the last upgrade in force installed; empty when there was none. */
static struct moot_bytes version_in_force(struct moot_request *request, struct moot_bytes package)
{
    struct moot_bytes version = {0};
    struct moot_view_proposal *views = NULL;
    uint32_t count = moot_view_proposals(moot_api_env(request), moot_api_now(request),
                                         &request->api->arena, &views);
    for (uint32_t i = 0; i < count; i++) {
        if (views[i].body.kind == MOOT_BODY_UPGRADE && views[i].state == MOOT_PROPOSAL_IN_FORCE &&
            moot_bytes_equal(views[i].body.upgrade.package_name, package)) {
            version = views[i].body.upgrade.to_version;
        }
    }
    return version;
}

static enum moot_status load_manifest(struct moot_request *request, struct moot_digest *ret)
{
    struct moot_bytes text = moot_api_text(request, "manifest");
    if (!moot_hex_parse((const char *)text.data, text.size, ret->b, sizeof ret->b)) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                              "'manifest' must be 64 hex digits");
    }
    enum moot_status status = moot_blocks_manifest_get(moot_shell_blocks(request->api->shell), ret,
                                                       &request->manifest, &request->error);
    if (status == MOOT_BLOCK_MISSING) {
        return moot_error_set(&request->error, MOOT_NOT_FOUND,
                              "this node does not hold that package: send it first");
    }
    return status;
}

uint32_t moot_api_epoch(struct moot_request *request, const char *member)
{
    const json_t *value = json_object_get(request->input, member);
    uint64_t number = 0;
    if (json_is_integer(value)) {
        return (uint32_t)json_integer_value(value);
    }
    const char *text = json_string_value(value);
    bool relative = text != NULL && text[0] == '+';
    if (text == NULL || !moot_config_count_parse(text + (relative ? 1 : 0), &number)) {
        return 0;
    }
    number += relative ? moot_view_state(moot_api_env(request))->epoch : 0;
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

enum moot_status moot_api_do_upgrade(struct moot_request *request)
{
    struct moot_bytes kind = moot_api_text(request, "kind");
    bool hard = moot_bytes_equal(kind, moot_bytes_of_text("hard"));
    if (!hard && !moot_bytes_equal(kind, moot_bytes_of_text("soft"))) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "'kind' is soft or hard");
    }
    if (hard != (json_object_get(request->input, "at_epoch") != NULL)) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                              "'at_epoch' goes with a hard upgrade, and a hard one needs it");
    }
    struct moot_upgrade_body *body = &request->call.upgrade;
    enum moot_status status = load_manifest(request, &body->manifest);
    if (status != MOOT_OK) {
        return status;
    }
    const struct moot_manifest *manifest = &request->manifest->manifest;
    uint64_t ready = moot_api_number(request, "ready", 0);
    uint64_t protocol = moot_api_number(request, "min_protocol", hard ? manifest->protocol_max : 1);
    if (ready > MOOT_DEVICES_MAX || protocol == 0 || protocol > UINT16_MAX) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                              "'ready' or 'min_protocol' is out of range");
    }
    request->call.kind = MOOT_CALL_PROPOSE_UPGRADE;
    body->package_name = manifest->name;
    body->to_version = manifest->version;
    body->from_version = version_in_force(request, manifest->name);
    body->revert_plan = moot_api_text(request, "revert_plan");
    body->kind = hard ? MOOT_UPGRADE_HARD : MOOT_UPGRADE_SOFT;
    body->min_protocol = (uint16_t)protocol;
    body->fence_epoch = hard ? moot_api_epoch(request, "at_epoch") : 0;
    body->window = hard ? MOOT_TURN_WINDOW_MAX : 0;
    body->ready_needed = (uint32_t)ready;
    body->short_notice = moot_api_flag(request, "short_notice");
    return MOOT_OK;
}

/* ---- votes ---- */

static enum moot_status about(struct moot_request *request, enum moot_call_kind kind)
{
    request->call.kind = kind;
    return moot_api_proposal_id(request, &request->call.proposal);
}

enum moot_status moot_api_do_approve(struct moot_request *request)
{
    request->call.digest_text = moot_api_text(request, "digest");
    return about(request, MOOT_CALL_APPROVE);
}

enum moot_status moot_api_do_reject(struct moot_request *request)
{
    request->call.reason = moot_api_text(request, "reason");
    return about(request, MOOT_CALL_REJECT);
}

enum moot_status moot_api_do_withdraw(struct moot_request *request)
{
    return about(request, MOOT_CALL_WITHDRAW);
}

enum moot_status moot_api_do_activate(struct moot_request *request)
{
    return about(request, MOOT_CALL_ACTIVATE);
}

/* ---- records ---- */

enum moot_status moot_api_value(struct moot_request *request, bool may_delete)
{
    struct moot_call *call = &request->call;
    bool text = json_object_get(request->input, "value") != NULL;
    bool base64 = json_object_get(request->input, "value_base64") != NULL;
    call->tombstone = may_delete && moot_api_flag(request, "tombstone");
    if ((text ? 1 : 0) + (base64 ? 1 : 0) + (call->tombstone ? 1 : 0) != 1) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                              may_delete ? "one of 'value', 'value_base64' and 'tombstone'"
                                         : "one of 'value' and 'value_base64'");
    }
    bool queue = moot_api_flag(request, "queue");
    bool no_wait = moot_api_flag(request, "no_wait");
    if (queue && no_wait) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                              "'queue' and 'no_wait' exclude each other");
    }
    call->put_mode = queue ? MOOT_PUT_QUEUE : no_wait ? MOOT_PUT_NO_WAIT : MOOT_PUT_WAIT;
    call->value = moot_api_text(request, "value");
    if (base64) {
        struct moot_bytes encoded = moot_api_text(request, "value_base64");
        size_t size = 0;
        if (!moot_base64_parse((const char *)encoded.data, encoded.size, &request->decoded,
                               &size)) {
            return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                                  "'value_base64' is not base64");
        }
        call->value = moot_bytes_of(request->decoded, size);
    }
    if (call->value.size > MOOT_RECORD_VALUE_BYTES_MAX) {
        return moot_error_set(&request->error, MOOT_OVERSIZED, "a value is at most %d bytes",
                              MOOT_RECORD_VALUE_BYTES_MAX);
    }
    return MOOT_OK;
}

enum moot_status moot_api_do_put(struct moot_request *request)
{
    struct moot_call *call = &request->call;
    call->kind = MOOT_CALL_RECORD_PUT;
    call->key = moot_bytes_of(request->argument, request->argument_size);
    if (call->key.size > MOOT_RECORD_KEY_BYTES_MAX) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "a key is at most %d bytes",
                              MOOT_RECORD_KEY_BYTES_MAX);
    }
    return moot_api_value(request, true);
}

enum moot_status moot_api_did_put(struct moot_request *request, const struct moot_reply *reply)
{
    request->answer = moot_json_answer("moot.written/1");
    moot_json_put_bytes(request->answer, "key", "key_base64", request->call.key);
    bool queued = reply->seq == 0; /* behind a fence: it has no place in the chain yet */
    moot_json_put(request->answer, "seq", queued ? json_null() : moot_json_number(reply->seq));
    moot_json_put(request->answer, "queued", json_boolean(queued));
    return MOOT_OK;
}
