/*
 * GET /v1/forks: the timeline this node follows, turn by turn, and the hard fork that comes next.
 */
#include <string.h>

#include "node/api_internal.h"

static json_t *era_json(const struct moot_view_era *view)
{
    const struct moot_fork_id fork = moot_fork_id_of(&view->timeline);
    char id[2 * sizeof fork.b + 1];
    char name[MOOT_PROPOSAL_NAME_BYTES];
    json_t *era = json_object();
    const char *what = view->k == 0 ? "founding" : view->hard_fork ? "hard-fork" : "admins";
    moot_hex_format(moot_bytes_of(fork.b, sizeof fork.b), id);
    moot_proposal_name(&view->proposal, view->hard_fork ? MOOT_BODY_UPGRADE : MOOT_BODY_TURN, name);
    moot_json_put(era, "k", moot_json_number(view->k));
    moot_json_put(era, "what", json_string_nocheck(what));
    moot_json_put(era, "epoch", moot_json_number(view->epoch));
    moot_json_put(era, "fork_id", json_string_nocheck(id));
    moot_json_put(era, "timeline", moot_json_digest(&view->timeline));
    moot_json_put(era, "protocol", moot_json_number(view->protocol));
    moot_json_put(era, "admins_version", moot_json_number(view->admins_version));
    moot_json_put(era, "proposal", view->k == 0 ? json_null() : json_string_nocheck(name));
    return era;
}

enum moot_status moot_api_get_forks(struct moot_request *request)
{
    struct moot_view_status status;
    struct moot_view_era *eras = NULL;
    moot_view_status(moot_api_env(request), moot_api_now(request), &status);
    if (!status.in_mesh) {
        return MOOT_NO_MESH;
    }
    uint32_t count = moot_view_eras(moot_api_env(request), &request->api->arena, &eras);
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        moot_json_push(list, era_json(&eras[i]));
    }
    request->answer = moot_json_answer("moot.forks/1");
    moot_json_put(request->answer, "timeline", moot_json_digest(&status.timeline));
    moot_json_put(request->answer, "forks", list);
    moot_json_put(request->answer, "next", moot_api_next_fence_json(&status));
    return MOOT_OK;
}
