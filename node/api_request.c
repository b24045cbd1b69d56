/*
 * One request on its way (the drawing is in api_internal.h). libmicrohttpd calls the handler once with the
 * headers, once for each piece of the body, once at its end, and again after each resume.
 *
 * A request that is refused early still has its body read and thrown away, within a limit, so that the
 * sender gets to read why.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/base/contract.h"
#include "node/api_server.h"
#include "node/log.h"

static void fail(struct moot_request *request, enum moot_status status)
{
    if (request->status == MOOT_OK) {
        request->status = status;
    }
}

/* ---- the beginning ---- */

static bool may_act(const struct moot_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (info == NULL || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return false;
    }
    return moot_config_is_operator(request->api->config, peer.uid);
}

static void begin(struct moot_request *request, const char *method, const char *path)
{
    enum moot_status status = moot_api_route(request, method, path);
    if (status == MOOT_OK && request->endpoint->row.role == MOOT_API_ACT && !may_act(request)) {
        status = moot_error_set(&request->error, MOOT_NOT_ALLOWED, "%s %s", method,
                                request->endpoint->row.pattern);
    }
    if (status == MOOT_OK) {
        status = moot_api_query_check(request);
    }
    if (status == MOOT_OK && request->endpoint->raw) {
        status = moot_api_package_begin(request);
    }
    fail(request, status);
}

static struct moot_request *request_new(struct moot_api *api, struct MHD_Connection *connection)
{
    struct moot_request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        return NULL;
    }
    request->api = api;
    request->connection = connection;
    request->phase = MOOT_API_READING;
    request->file = -1;
    request->next = api->requests;
    if (api->requests != NULL) {
        api->requests->previous = request;
    }
    api->requests = request;
    return request;
}

static void request_free(struct moot_request *request)
{
    MOOT_REQUIRE(request->phase != MOOT_API_JOB);
    if (request->phase == MOOT_API_CALL) {
        moot_shell_forget(request->api->shell, request->call_number);
    }
    if (request->previous != NULL) {
        request->previous->next = request->next;
    } else {
        request->api->requests = request->next;
    }
    if (request->next != NULL) {
        request->next->previous = request->previous;
    }
    moot_api_package_drop(request);
    moot_package_manifest_free(request->manifest);
    json_decref(request->input);
    json_decref(request->answer);
    free(request->decoded);
    free(request->image);
    free(request->argument);
    free(request->body);
    free(request->line);
    free(request);
}

void moot_api_on_completed(void *context, struct MHD_Connection *connection, void **slot,
                           enum MHD_RequestTerminationCode why)
{
    (void)context;
    (void)connection;
    (void)why;
    if (*slot != NULL) {
        request_free(*slot);
        *slot = NULL;
    }
}

/* ---- the body ---- */

static enum moot_status keep(struct moot_request *request, const char *data, size_t size)
{
    size_t wanted = request->body_size + size;
    if (wanted > MOOT_API_BODY_BYTES_MAX) {
        return moot_error_set(&request->error, MOOT_OVERSIZED, "a body is at most %d bytes",
                              MOOT_API_BODY_BYTES_MAX);
    }
    if (wanted > request->body_capacity) {
        size_t capacity = request->body_capacity != 0 ? request->body_capacity * 2 : 1024;
        while (capacity < wanted) {
            capacity *= 2;
        }
        uint8_t *body = realloc(request->body, capacity);
        if (body == NULL) {
            return MOOT_NO_MEMORY;
        }
        request->body = body;
        request->body_capacity = capacity;
    }
    memcpy(request->body + request->body_size, data, size);
    request->body_size = wanted;
    return MOOT_OK;
}

static enum MHD_Result take_body(struct moot_request *request, const char *data, size_t size)
{
    if (request->status == MOOT_OK) {
        fail(request, request->endpoint->raw ? moot_api_package_write(request, data, size)
                                             : keep(request, data, size));
    }
    if (request->status != MOOT_OK) {
        request->discarded += size;
    }
    return request->discarded > MOOT_API_DISCARD_BYTES_MAX ? MHD_NO : MHD_YES;
}

/* ---- running ---- */

static void on_answered(void *context, const struct moot_reply *reply)
{
    struct moot_request *request = context;
    enum moot_status status = reply->status;
    moot_arena_reset(&request->api->arena);
    if (status != MOOT_OK) {
        (void)moot_error_set(&request->error, status, "%s", reply->detail);
    } else if (request->call.dry_run) {
        request->answer = moot_json_answer("moot.dry-run/1");
        moot_json_put(request->answer, "dry_run", json_true());
        moot_json_put(request->answer, "payload", moot_json_hex(reply->payload));
    } else {
        status = request->endpoint->finish(request, reply);
    }
    moot_api_finish(request, status);
}

static void run(struct moot_request *request)
{
    moot_arena_reset(&request->api->arena);
    enum moot_status status = request->status;
    if (status == MOOT_OK && request->api->stopping) {
        status = MOOT_STOPPING;
    }
    if (status == MOOT_OK && request->endpoint->row.role == MOOT_API_ACT &&
        !request->endpoint->raw) {
        status = moot_api_input(request);
        request->call.dry_run = status == MOOT_OK && moot_api_flag(request, "dry_run");
    }
    if (status == MOOT_OK) {
        status = request->endpoint->run(request);
    }
    if (request->phase == MOOT_API_JOB || request->phase == MOOT_API_STREAM) {
        return; /* ends by itself */
    }
    if (status != MOOT_OK || request->endpoint->finish == NULL) {
        moot_api_finish(request, status);
        return;
    }
    request->phase = MOOT_API_CALL;
    struct moot_shell_caller caller = {.context = request, .answered = on_answered};
    request->call_number = moot_shell_call(request->api->shell, &request->call, &caller);
}

void moot_api_finish(struct moot_request *request, enum moot_status status)
{
    if (moot_json_failed() && status == MOOT_OK) {
        status = MOOT_NO_MEMORY;
        (void)moot_error_set(&request->error, status, "no room for the answer");
    }
    request->status = status;
    const struct moot_engine_env *env = moot_api_env(request);
    request->ticket = status == MOOT_OK ? moot_engine_ticket(env) : 0;
    bool durable = moot_shell_durable(request->api->shell, request->ticket);
    request->phase = durable ? MOOT_API_READY : MOOT_API_COMMIT;
    moot_region_trim(&request->api->scratch, request->api->arena.used, 65536);
    if (durable) {
        moot_api_resume(request);
    }
}

/* ---- the answer ---- */

static enum MHD_Result queue(struct moot_request *request, unsigned http_status,
                             struct MHD_Response *response, const char *content_type)
{
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(request->connection, http_status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond(struct moot_request *request)
{
    if (request->phase == MOOT_API_STREAM) {
        return queue(request, 200,
                     MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384,
                                                       moot_api_events_read, request, NULL),
                     "application/x-ndjson");
    }
    if (request->status == MOOT_OK && request->image != NULL) {
        return queue(request, 200,
                     MHD_create_response_from_callback(moot_api_image_bytes(request),
                                                       MOOT_BLOCK_BYTES, moot_api_image_read,
                                                       request, NULL),
                     "application/octet-stream");
    }
    if (request->status != MOOT_OK) {
        json_decref(request->answer);
        request->answer = moot_json_error(request->status, request->error.detail);
        (void)moot_json_failed();
    }
    char *text = json_dumps(request->answer, JSON_COMPACT);
    if (text == NULL) {
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
    }
    return queue(request, moot_api_http_status(moot_status_info(request->status)->exit_code),
                 response, "application/json");
}

enum MHD_Result moot_api_on_request(void *context, struct MHD_Connection *connection,
                                    const char *path, const char *method, const char *version,
                                    const char *data, size_t *size, void **slot)
{
    (void)version;
    struct moot_request *request = *slot;
    if (request == NULL) {
        request = request_new(context, connection);
        if (request == NULL) {
            return MHD_NO;
        }
        *slot = request;
        begin(request, method, path);
        return MHD_YES;
    }
    if (request->gone) {
        return MHD_NO;
    }
    if (*size > 0) {
        enum MHD_Result result = take_body(request, data, *size);
        *size = 0;
        return result;
    }
    if (request->phase == MOOT_API_READING) {
        run(request);
    }
    if (request->phase == MOOT_API_READY || request->phase == MOOT_API_STREAM) {
        return respond(request);
    }
    moot_api_suspend(request);
    return MHD_YES;
}
