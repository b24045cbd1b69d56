/* GET /v1/status, /v1/epoch, /v1/config and what other answers share with them: the node at a glance. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/api_internal.h"

const struct moot_engine_env *moot_api_env(const struct moot_request *request)
{
    return moot_shell_env(request->api->shell);
}

uint64_t moot_api_now(const struct moot_request *request)
{
    return moot_shell_now_ms(request->api->shell);
}

static void view_status(struct moot_request *request, struct moot_view_status *ret)
{
    moot_view_status(moot_api_env(request), moot_api_now(request), ret);
}

json_t *moot_api_self_json(struct moot_request *request)
{
    struct moot_view_status view;
    view_status(request, &view);
    json_t *device = json_object();
    moot_json_put(device, "id", moot_json_key(&view.device));
    moot_json_put(device, "name", moot_json_text(view.name));
    moot_json_put(device, "home", moot_json_text(view.home));
    moot_json_put(device, "admin", json_boolean(view.is_admin));
    return device;
}

json_t *moot_api_memory_json(struct moot_request *request)
{
    const struct moot_engine_env *env = moot_api_env(request);
    json_t *memory = json_object();
    moot_json_put(memory, "pool_live_bytes", moot_json_number(moot_pool_live(env->pool)));
    moot_json_put(memory, "pool_used_bytes", moot_json_number(moot_pool_used(env->pool)));
    unsigned long long pages = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%*u %llu %llu", &pages, &shared) != 2) {
            pages = shared = 0;
        }
        (void)fclose(file);
    }
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    moot_json_put(memory, "resident_bytes", moot_json_number(pages * page_bytes));
    moot_json_put(memory, "anonymous_bytes", moot_json_number((pages - shared) * page_bytes));
    return memory;
}

json_t *moot_api_stalled_json(struct moot_request *request, const struct moot_view_status *view)
{
    json_t *names = json_array();
    for (uint32_t i = 0; i < view->stalled_count; i++) {
        moot_json_push(names, moot_json_name(moot_api_env(request), &view->stalled_on[i]));
    }
    return names;
}

/* ---- notes ---- */

static void note(json_t *notes, const char *level, const char *code, const char *text,
                 const char *advice)
{
    json_t *entry = json_object();
    moot_json_put(entry, "level", json_string_nocheck(level));
    moot_json_put(entry, "code", json_string_nocheck(code));
    moot_json_put(entry, "text", moot_json_text(moot_bytes_of_text(text)));
    moot_json_put(entry, "advice", json_string_nocheck(advice));
    moot_json_push(notes, entry);
}

static void note_status(json_t *notes, const char *level, enum moot_status status)
{
    const struct moot_status_info *info = moot_status_info(status);
    note(notes, level, info->name, info->text, info->advice);
}

json_t *moot_api_notes_json(struct moot_request *request, const struct moot_view_status *view)
{
    json_t *notes = json_array();
    if (view->store_stopped) {
        note_status(notes, "error", MOOT_STORE_IO);
    } else if (view->store_full) {
        note_status(notes, "error", MOOT_STORE_FULL);
    }
    if (!view->in_mesh) {
        note_status(notes, "info", MOOT_NO_MESH);
        return notes;
    }
    if (view->removed) {
        note_status(notes, "warning", MOOT_REMOVED);
        return notes;
    }
    if (!view->heard) {
        note_status(notes, "warning", MOOT_BEING_HEARD);
    }
    const struct moot_state *state = moot_view_state(moot_api_env(request));
    if (view->session_count == 0 && state->members.count > 1) {
        note(notes, "warning", "silent", "no other device is connected",
             "check network and addresses: moot device list");
    }
    if (view->epoch_stalled_s > 0) {
        char text[128];
        (void)snprintf(text, sizeof text,
                       "the next epoch is %u s late: %u of %u have not signed it",
                       (unsigned)view->epoch_stalled_s, (unsigned)view->stalled_count,
                       (unsigned)view->admins.count);
        note(notes, "warning", "epoch_stalled", text,
             "see epoch_waits_for: those devices must run and be connected");
    }
    if (view->fenced) {
        note(notes, "error", "fenced", view->fenced_reason,
             "restart mootd with a release that speaks it: moot upgrade status");
    } else if (view->fence_next_protocol > view->protocol_max) {
        char text[128];
        (void)snprintf(text, sizeof text,
                       "protocol %u is mandatory from epoch %u on, this device speaks %u at most",
                       (unsigned)view->fence_next_protocol, (unsigned)view->fence_next,
                       (unsigned)view->protocol_max);
        note(notes, "warning", "fence_ahead", text,
             "upgrade it before, or it is fenced: moot upgrade status");
    }
    struct moot_view_joiner *joiners = NULL;
    uint32_t count = moot_view_joiners(moot_api_env(request), moot_api_now(request),
                                       &request->api->arena, &joiners);
    if (count > 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "devices that ask to join: %u", (unsigned)count);
        note(notes, "info", "join_pending", text,
             "moot device pending, then moot device admit NAME");
    }
    return notes;
}

/* ---- status ---- */

static json_t *mesh_json(const struct moot_view_status *view)
{
    json_t *mesh = json_object();
    moot_json_put(mesh, "id", view->in_mesh ? moot_json_digest(&view->mesh) : json_null());
    moot_json_put(mesh, "name", view->in_mesh ? moot_json_text(view->mesh_name) : json_null());
    return mesh;
}

static json_t *admins_json(struct moot_request *request, const struct moot_admin_set *set)
{
    json_t *admins = json_object();
    json_t *names = json_array();
    json_t *keys = json_array();
    for (uint32_t i = 0; i < set->count; i++) {
        moot_json_push(names, moot_json_name(moot_api_env(request), &set->keys[i]));
        moot_json_push(keys, moot_json_key(&set->keys[i]));
    }
    moot_json_put(admins, "version", moot_json_number(set->version));
    moot_json_put(admins, "names", names);
    moot_json_put(admins, "keys", keys);
    moot_json_put(admins, "threshold", moot_json_number(set->threshold));
    return admins;
}

/* The hard fork that is activated and not yet in force. */
json_t *moot_api_next_fence_json(const struct moot_view_status *view)
{
    char name[MOOT_PROPOSAL_NAME_BYTES];
    if (view->fence_next == 0) {
        return json_null();
    }
    json_t *next = json_object();
    moot_proposal_name(&view->fence_next_proposal, MOOT_BODY_UPGRADE, name);
    moot_json_put(next, "epoch", moot_json_number(view->fence_next));
    moot_json_put(next, "min_protocol", moot_json_number(view->fence_next_protocol));
    moot_json_put(next, "proposal", json_string_nocheck(name));
    return next;
}

static const char *join_text(enum moot_join_state state)
{
    switch (state) {
    case MOOT_JOIN_NONE:
        return "none";
    case MOOT_JOIN_ASKING:
        return "asking";
    case MOOT_JOIN_PENDING:
        return "pending";
    case MOOT_JOIN_DENIED:
        return "denied";
    }
    return "none";
}

static json_t *waiting_json(const json_t *proposals)
{
    json_t *waiting = json_array();
    size_t index;
    json_t *proposal;
    json_array_foreach(proposals, index, proposal)
    {
        if (json_is_true(json_object_get(proposal, "waiting_for_you"))) {
            moot_json_push(waiting, json_incref(json_object_get(proposal, "id")));
        }
    }
    return waiting;
}

static json_t *protocol_json(const struct moot_view_status *view)
{
    json_t *protocol = json_object();
    moot_json_put(protocol, "speaks", moot_json_number(view->protocol_speaks));
    moot_json_put(protocol, "max", moot_json_number(view->protocol_max));
    moot_json_put(protocol, "in_force",
                  view->in_mesh ? moot_json_number(view->protocol_in_force) : json_null());
    return protocol;
}

enum moot_status moot_api_get_status(struct moot_request *request)
{
    struct moot_view_status view;
    view_status(request, &view);
    json_t *answer = request->answer = moot_json_answer("moot.status/1");
    moot_json_put(answer, "in_mesh", json_boolean(view.in_mesh));
    moot_json_put(answer, "joining", json_string_nocheck(join_text(view.joining)));
    moot_json_put(answer, "mesh", mesh_json(&view));
    moot_json_put(answer, "device", moot_api_self_json(request));
    moot_json_put(answer, "version", json_string_nocheck(view.version));
    moot_json_put(answer, "protocol", protocol_json(&view));
    moot_json_put(answer, "epoch", moot_json_number(view.epoch));
    moot_json_put(answer, "admins", admins_json(request, &view.admins));
    moot_api_put_snapshot(request, answer);
    moot_json_put(answer, "fenced", json_boolean(view.fenced));
    moot_json_put(answer, "fenced_reason",
                  view.fenced ? json_string(view.fenced_reason) : json_null());
    moot_json_put(answer, "fence_next", moot_api_next_fence_json(&view));
    moot_json_put(answer, "timeline", moot_json_digest_or_null(&view.timeline));
    moot_json_put(answer, "turns_passed", moot_json_number(view.turns_passed));
    moot_json_put(answer, "epoch_stalled_s", moot_json_number(view.epoch_stalled_s));
    moot_json_put(answer, "epoch_waits_for", moot_api_stalled_json(request, &view));
    moot_json_put(answer, "devices", moot_api_devices_json(request, false));
    json_t *proposals = moot_api_proposals_json(request, NULL);
    moot_json_put(answer, "waiting_for_you", waiting_json(proposals));
    moot_json_put(answer, "proposals", proposals);
    moot_json_put(answer, "notes", moot_api_notes_json(request, &view));
    const char *listen = moot_shell_address(request->api->shell);
    moot_json_put(answer, "listen", listen[0] != '\0' ? json_string(listen) : json_null());
    moot_json_put(answer, "sessions", moot_json_number(view.session_count));
    moot_json_put(answer, "uptime_s",
                  moot_json_number((moot_api_now(request) - request->api->opened_ms) / 1000));
    moot_json_put(answer, "memory", moot_api_memory_json(request));
    return MOOT_OK;
}

enum moot_status moot_api_get_epoch(struct moot_request *request)
{
    struct moot_view_status view;
    view_status(request, &view);
    if (!view.in_mesh) {
        return MOOT_NO_MESH;
    }
    uint64_t interval_ms = moot_config_number(request->api->config, MOOT_CONFIG_EPOCH_INTERVAL);
    json_t *answer = request->answer = moot_json_answer("moot.epoch/1");
    moot_json_put(answer, "epoch", moot_json_number(view.epoch));
    moot_json_put(answer, "interval_s", json_real((double)interval_ms / 1000.0));
    moot_json_put(answer, "interval_ms", moot_json_number(interval_ms));
    moot_json_put(answer, "timeline", moot_json_digest(&view.timeline));
    moot_json_put(answer, "epoch_stalled_s", moot_json_number(view.epoch_stalled_s));
    moot_json_put(answer, "epoch_waits_for", moot_api_stalled_json(request, &view));
    return MOOT_OK;
}

enum moot_status moot_api_get_config(struct moot_request *request)
{
    json_t *settings = json_array();
    for (int key = 1; key <= MOOT_CONFIG_KEY_MAX; key++) {
        const struct moot_config_info *info = moot_config_info((enum moot_config_key)key);
        const struct moot_config_value *value = &request->api->config->values[key];
        json_t *setting = json_object();
        moot_json_put(setting, "key", json_string(info->name));
        moot_json_put(setting, "value", moot_json_text(moot_bytes_of_text(value->text)));
        moot_json_put(setting, "origin", moot_json_text(moot_bytes_of_text(value->origin)));
        moot_json_put(setting, "default", json_string(info->standard));
        moot_json_put(setting, "help", json_string(info->help));
        moot_json_push(settings, setting);
    }
    request->answer = moot_json_answer("moot.config/1");
    moot_json_put(request->answer, "settings", settings);
    return MOOT_OK;
}
