/*
 * GET /v1/events: one JSON object a line. The library asks for bytes; when there are none, a followed stream rests
 * until the ring has a new event, and any other ends.
 */
#include <stdlib.h>
#include <string.h>

#include "node/api_server.h"

/* "UP-7K3MQ2", or null: not every event is about a proposal, nor every proposal known any more. */
static json_t *proposal_name_json(const struct moot_engine_env *env, const struct moot_digest *id)
{
    const struct moot_state *state = moot_view_state(env);
    const struct moot_proposal *proposal = state->founded && !moot_digest_is_zero(id)
                                               ? moot_state_proposal(state, env->pool, id)
                                               : NULL;
    if (proposal == NULL) {
        return json_null();
    }
    char name[MOOT_PROPOSAL_NAME_BYTES];
    moot_proposal_name(id, proposal->kind, name);
    return json_string_nocheck(name);
}

static json_t *event_json(const struct moot_engine_env *env, const struct moot_ring_event *event)
{
    static const struct moot_key none;
    const struct moot_notice *notice = &event->notice;
    json_t *line = json_object();
    moot_json_put(line, "n", moot_json_number(event->number));
    moot_json_put(line, "name", json_string_nocheck(notice->name));
    moot_json_put(line, "at_s", moot_json_number(event->wall_s));
    moot_json_put(line, "reason",
                  notice->status != MOOT_OK
                      ? json_string_nocheck(moot_status_info(notice->status)->name)
                      : json_null());
    moot_json_put(line, "id", proposal_name_json(env, &notice->proposal));
    moot_json_put(line, "proposal", moot_json_digest_or_null(&notice->proposal));
    moot_json_put(line, "device",
                  moot_key_equal(&notice->device, &none) ? json_null()
                                                         : moot_json_key(&notice->device));
    moot_json_put(line, "number", moot_json_number(notice->number));
    moot_json_put(line, "detail", moot_json_text(moot_bytes_of_text(notice->detail)));
    return line;
}

bool moot_api_events_waiting(const struct moot_request *request)
{
    return request->line != NULL ||
           moot_ring_last(moot_shell_ring(request->api->shell)) > request->since;
}

/* The next event as text with its newline in request->line; false when there is none. */
static bool next_line(struct moot_request *request)
{
    const struct moot_ring_event *event =
        moot_ring_after(moot_shell_ring(request->api->shell), request->since);
    if (event == NULL) {
        return false;
    }
    request->since = event->number;
    json_t *line = event_json(moot_api_env(request), event);
    bool whole = !moot_json_failed();
    char *text = whole ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    if (text == NULL) {
        return false;
    }
    request->line = text;
    request->line_size = strlen(text);
    request->line[request->line_size++] = '\n'; /* in the place of the NUL */
    request->line_used = 0;
    return true;
}

ssize_t moot_api_events_read(void *context, uint64_t position, char *buffer, size_t size)
{
    (void)position;
    struct moot_request *request = context;
    if (request->gone) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t used = 0;
    while (used < size && (request->line != NULL || next_line(request))) {
        size_t left = request->line_size - request->line_used;
        size_t part = left < size - used ? left : size - used;
        memcpy(buffer + used, request->line + request->line_used, part);
        used += part;
        request->line_used += part;
        if (request->line_used == request->line_size) {
            free(request->line);
            request->line = NULL;
        }
    }
    if (used > 0) {
        return (ssize_t)used;
    }
    if (!request->follow || request->api->stopping) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    moot_api_suspend(request);
    return 0;
}

enum moot_status moot_api_get_events(struct moot_request *request)
{
    uint64_t follow;
    enum moot_status status = moot_api_query_number(request, "since", 0, &request->since);
    if (status == MOOT_OK) {
        status = moot_api_query_number(request, "follow", 0, &follow);
    }
    if (status == MOOT_OK) {
        if (request->since > moot_ring_last(moot_shell_ring(request->api->shell))) {
            request->since = 0; /* a number of an earlier start: what was missed is all there is */
        }
        request->follow = follow != 0;
        request->phase = MOOT_API_STREAM;
    }
    return status;
}
