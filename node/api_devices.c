/* GET /v1/devices and /v1/devices/pending: who is in the mesh, and who asks to be. */
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
    return device;
}

json_t *moot_api_devices_json(struct moot_request *request)
{
    json_t *devices = json_array();
    struct moot_view_device *views = NULL;
    uint32_t count = moot_view_devices(moot_api_env(request), moot_api_now(request),
                                       &request->api->arena, &views);
    for (uint32_t i = 0; i < count; i++) {
        moot_json_push(devices, device_json(&views[i]));
    }
    return devices;
}

enum moot_status moot_api_get_devices(struct moot_request *request)
{
    request->answer = moot_json_answer("moot.devices/1");
    moot_json_put(request->answer, "devices", moot_api_devices_json(request));
    return MOOT_OK;
}

enum moot_status moot_api_get_pending(struct moot_request *request)
{
    json_t *pending = json_array();
    struct moot_view_joiner *views = NULL;
    uint32_t count = moot_view_joiners(moot_api_env(request), moot_api_now(request),
                                       &request->api->arena, &views);
    for (uint32_t i = 0; i < count; i++) {
        char name[MOOT_PROPOSAL_NAME_BYTES];
        moot_proposal_name(&views[i].proposal, MOOT_BODY_ADMISSION, name);
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
