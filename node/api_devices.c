/*
 * Devices: who is in the mesh, who was, and who asks to be; and the calls that change it. What may be
 * proposed the engine decides; names are borrowed from the request.
 */
#include "node/api_internal.h"

static const char *state_text(enum moot_device_state state)
{
    switch (state) {
    case MOOT_DEVICE_SELF:
        return "self";
    case MOOT_DEVICE_CONNECTED:
        return "connected";
    case MOOT_DEVICE_AWAY:
        return "away";
    case MOOT_DEVICE_CONFLICTED:
        return "conflicted";
    case MOOT_DEVICE_REMOVED:
        return "removed";
    }
    return "away";
}

static json_t *device_json(const struct moot_view_device *view)
{
    bool self = view->state == MOOT_DEVICE_SELF;
    bool known = self || view->version[0] != '\0';
    json_t *device = json_object();
    moot_json_put(device, "name", moot_json_text(view->name));
    moot_json_put(device, "id", moot_json_key(&view->key));
    moot_json_put(device, "home", moot_json_text(view->home));
    moot_json_put(device, "state", json_string_nocheck(state_text(view->state)));
    moot_json_put(device, "admin", json_boolean(view->is_admin));
    moot_json_put(device, "version",
                  known ? moot_json_text(moot_bytes_of_text(view->version)) : json_null());
    moot_json_put(device, "protocol", known ? moot_json_number(view->protocol) : json_null());
    moot_json_put(device, "epoch", known ? moot_json_number(view->epoch) : json_null());
    moot_json_put(device, "admitted_epoch", moot_json_number(view->admitted_epoch));
    moot_json_put(device, "facts", moot_json_number(view->facts));
    moot_json_put(device, "seen_s",
                  self         ? json_integer(0)
                  : view->seen ? moot_json_number(view->seen_s)
                               : json_null());
    if (view->state == MOOT_DEVICE_REMOVED) {
        moot_json_put(device, "last_seq", moot_json_number(view->last_seq));
        moot_json_put(device, "replaced_by",
                      view->replaced ? moot_json_key(&view->successor) : json_null());
    }
    return device;
}

json_t *moot_api_devices_json(struct moot_request *request, bool with_removed)
{
    json_t *devices = json_array();
    struct moot_view_device *views = NULL;
    uint32_t count = moot_view_devices(moot_api_env(request), moot_api_now(request),
                                       &request->api->arena, &views);
    for (uint32_t i = 0; i < count; i++) {
        if (with_removed || views[i].state != MOOT_DEVICE_REMOVED) {
            moot_json_push(devices, device_json(&views[i]));
        }
    }
    return devices;
}

enum moot_status moot_api_get_devices(struct moot_request *request)
{
    request->answer = moot_json_answer("moot.devices/1");
    moot_json_put(request->answer, "devices", moot_api_devices_json(request, true));
    return MOOT_OK;
}

enum moot_status moot_api_get_pending(struct moot_request *request)
{
    json_t *pending = json_array();
    struct moot_view_joiner *views = NULL;
    uint32_t count = moot_view_joiners(moot_api_env(request), moot_api_now(request),
                                       &request->api->arena, &views);
    for (uint32_t i = 0; i < count; i++) {
        char name[MOOT_PROPOSAL_NAME_BYTES] = "";
        if (views[i].proposed) {
            moot_proposal_name(&views[i].proposal, views[i].proposal_kind, name);
        }
        json_t *joiner = json_object();
        moot_json_put(joiner, "name", moot_json_text(views[i].name));
        moot_json_put(joiner, "id", moot_json_key(&views[i].key));
        moot_json_put(joiner, "home", moot_json_text(views[i].home));
        moot_json_put(joiner, "asked_s", moot_json_number(views[i].asked_s_ago));
        moot_json_put(joiner, "proposed", json_boolean(views[i].proposed));
        moot_json_put(joiner, "proposal", views[i].proposed ? json_string(name) : json_null());
        moot_json_push(pending, joiner);
    }
    request->answer = moot_json_answer("moot.pending/1");
    moot_json_put(request->answer, "pending", pending);
    return MOOT_OK;
}

/* ---- proposals about devices ---- */

static enum moot_status about(struct moot_request *request, enum moot_call_kind kind)
{
    struct moot_call *call = &request->call;
    call->kind = kind;
    call->name = moot_api_text(request, "name");
    call->at_given = json_object_get(request->input, "at") != NULL;
    call->at_seq = moot_api_number(request, "at", 0);
    return MOOT_OK;
}

enum moot_status moot_api_do_remove(struct moot_request *request)
{
    return about(request, MOOT_CALL_REMOVE);
}

enum moot_status moot_api_do_replace(struct moot_request *request)
{
    request->call.new_name = moot_api_text(request, "new");
    return about(request, MOOT_CALL_REPLACE);
}

enum moot_status moot_api_do_rename(struct moot_request *request)
{
    request->call.new_name = moot_api_text(request, "new");
    request->call.home = moot_api_text(request, "home");
    return about(request, MOOT_CALL_RENAME);
}

static json_t *range_json(struct moot_request *request, const struct moot_key *device, uint64_t seq)
{
    json_t *json = json_object();
    moot_json_put(json, "device", moot_json_key(device));
    moot_json_put(json, "name", moot_json_name(moot_api_env(request), device));
    moot_json_put(json, "last_seq", moot_json_number(seq));
    return json;
}

json_t *moot_api_device_body_json(struct moot_request *request, const struct moot_body *body)
{
    json_t *json = NULL;
    if (body->kind == MOOT_BODY_REMOVAL) {
        return range_json(request, &body->removal.device, body->removal.last_seq);
    }
    if (body->kind == MOOT_BODY_REPLACEMENT) {
        json = range_json(request, &body->replacement.old_device, body->replacement.keep_seq);
        moot_json_put(json, "new_device", moot_json_key(&body->replacement.new_device));
    } else if (body->kind == MOOT_BODY_RENAME) {
        json = json_object();
        moot_json_put(json, "device", moot_json_key(&body->rename.device));
        moot_json_put(json, "name", moot_json_name(moot_api_env(request), &body->rename.device));
        moot_json_put(json, "new_name", moot_json_text(body->rename.name));
        moot_json_put(json, "home", moot_json_text(body->rename.home));
    }
    return json;
}
