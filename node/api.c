/*
 * The API's server on the loop: libmicrohttpd in its external epoll mode. Its epoll descriptor is watched by the
 * loop, its time-outs are a timer, and whoever resumes a connection asks for a run in the next turn (never from
 * inside the library's own callbacks).
 */
#include "node/api.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/contract.h"
#include "node/api_server.h"
#include "node/log.h"

#define CONNECTION_IDLE_S 60u
#define SWEEP_MS 2000u
#define CONNECTION_MEMORY_BYTES 32768u
#define CLOSING_TURNS_MAX 100

static void on_timer(uv_timer_t *timer);

static void run_soon(struct moot_api *api)
{
    (void)uv_timer_start(&api->timer, on_timer, 0, 0);
}

static void run(struct moot_api *api)
{
    (void)MHD_run(api->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(api->daemon, &wait_ms) == MHD_YES) {
        (void)uv_timer_start(&api->timer, on_timer, wait_ms, 0);
    }
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

void moot_api_suspend(struct moot_request *request)
{
    MOOT_REQUIRE(!request->suspended);
    request->suspended = true;
    MHD_suspend_connection(request->connection);
}

void moot_api_resume(struct moot_request *request)
{
    if (request->suspended) {
        request->suspended = false;
        MHD_resume_connection(request->connection);
        run_soon(request->api);
    }
}

/* After each turn of the engine: answers whose commit is done leave, streams go on. */
static void on_changed(void *context)
{
    struct moot_api *api = context;
    for (struct moot_request *request = api->requests; request != NULL; request = request->next) {
        if (request->phase == MOOT_API_COMMIT && moot_shell_durable(api->shell, request->ticket)) {
            request->phase = MOOT_API_READY;
            moot_api_resume(request);
        } else if (request->phase == MOOT_API_STREAM && request->suspended &&
                   moot_api_events_waiting(request)) {
            moot_api_resume(request);
        }
    }
}

static bool hung_up(const struct moot_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL) {
        return true;
    }
    struct pollfd file = {.fd = info->connect_fd};
    return poll(&file, 1, 0) > 0 && (file.revents & (POLLHUP | POLLERR)) != 0;
}

/* The library does not look at resting connections: without this, clients that left would keep
 * their places until the next event. */
static void on_sweep(uv_timer_t *timer)
{
    struct moot_api *api = timer->data;
    for (struct moot_request *request = api->requests; request != NULL; request = request->next) {
        if (request->suspended && request->phase != MOOT_API_JOB && hung_up(request)) {
            request->gone = true;
            moot_api_resume(request);
        }
    }
}

/* At its limit of connections the library stops listening, and looks whether it may listen again only in its next run:
 * a connection that ends asks for one. */
static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    (void)slot;
    struct moot_api *api = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED && !uv_is_closing((uv_handle_t *)&api->timer)) {
        run_soon(api);
    }
}

static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text); /* paths and queries are decoded where it is known what they mean */
}

static void log_line(void *context, const char *format, va_list arguments) MOOT_PRINTF(2, 0);
static void log_line(void *context, const char *format, va_list arguments)
{
    (void)context;
    char text[256];
    if (vsnprintf(text, sizeof text, format, arguments) >= 0) {
        text[strcspn(text, "\r\n")] = '\0';
        moot_log(MOOT_LOG_DEBUG, "api.library", MOOT_OK, (struct moot_bytes){0}, "%s", text);
    }
}

static enum moot_status start_library(struct moot_api *api, struct moot_error *error)
{
    api->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
                         NULL, moot_api_on_request, api, MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL,
                         MHD_OPTION_LISTEN_SOCKET, api->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)MOOT_API_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                         CONNECTION_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_UNESCAPE_CALLBACK,
                         leave_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED, moot_api_on_completed,
                         api, MHD_OPTION_NOTIFY_CONNECTION, on_connection, api, MHD_OPTION_END);
    if (api->daemon == NULL) {
        return moot_error_set(error, MOOT_NO_MEMORY, "the control API does not start");
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || uv_poll_init(api->loop, &api->poll, info->epoll_fd) != 0) {
        return moot_error_set(error, MOOT_NO_MEMORY, "the control API cannot be watched");
    }
    api->poll.data = api;
    api->handles_open++;
    (void)uv_timer_init(api->loop, &api->timer);
    api->timer.data = api;
    api->handles_open++;
    (void)uv_timer_init(api->loop, &api->sweep);
    api->sweep.data = api;
    api->handles_open++;
    api->started = true;
    (void)uv_poll_start(&api->poll, UV_READABLE, on_readable);
    (void)uv_timer_start(&api->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    return MOOT_OK;
}

static void forget_socket(struct moot_api *api)
{
    if (api->path != NULL) {
        (void)unlink(api->path);
        free(api->path);
        api->path = NULL;
    }
}

enum moot_status moot_api_open(uv_loop_t *loop, const struct moot_api_options *options,
                               struct moot_api **ret, struct moot_error *error)
{
    struct moot_api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        return moot_error_set(error, MOOT_NO_MEMORY, "the control API");
    }
    api->loop = loop;
    api->shell = options->shell;
    api->config = options->config;
    api->opened_ms = moot_shell_now_ms(options->shell);
    api->scratch = moot_region_new(MOOT_API_SCRATCH_BYTES, 1u << 20);
    enum moot_status status =
        api->scratch.memory != NULL
            ? moot_api_socket_open(options->address, &api->path, &api->listen_fd, error)
            : moot_error_set(error, MOOT_NO_MEMORY, "the control API");
    if (status == MOOT_OK) {
        moot_arena_init(&api->arena, api->scratch.memory, api->scratch.size);
        status = start_library(api, error);
        if (status != MOOT_OK) {
            if (api->daemon != NULL) {
                MHD_stop_daemon(api->daemon);
            } else {
                (void)close(api->listen_fd);
            }
        }
    }
    if (status != MOOT_OK) {
        forget_socket(api);
        moot_region_free(&api->scratch);
        free(api);
        return status;
    }
    struct moot_shell_watcher watcher = {.context = api, .changed = on_changed};
    moot_shell_watch(api->shell, &watcher);
    *ret = api;
    return MOOT_OK;
}

void moot_api_stop(struct moot_api *api)
{
    if (!api->stopping) {
        api->stopping = true;
        forget_socket(api);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct moot_api *api = handle->data;
    api->handles_open--;
}

/* Nothing will come any more for those who wait. */
static bool end_waiting(struct moot_api *api)
{
    bool working = false;
    for (struct moot_request *request = api->requests; request != NULL; request = request->next) {
        if (request->phase == MOOT_API_JOB) {
            working = true;
        } else if (request->phase == MOOT_API_STREAM) {
            moot_api_resume(request);
        } else if (request->phase == MOOT_API_CALL || request->phase == MOOT_API_COMMIT) {
            if (request->phase == MOOT_API_CALL) {
                moot_shell_forget(api->shell, request->call_number);
            }
            request->status = MOOT_STOPPING;
            request->phase = MOOT_API_READY;
            moot_api_resume(request);
        }
    }
    return working;
}

void moot_api_flush(struct moot_api *api)
{
    moot_api_stop(api);
    moot_shell_watch(api->shell, NULL);
    for (int turn = 0; turn < CLOSING_TURNS_MAX && api->requests != NULL; turn++) {
        (void)end_waiting(api);
        (void)MHD_run(api->daemon);
    }
}

void moot_api_close(struct moot_api *api)
{
    if (api == NULL) {
        return;
    }
    moot_api_stop(api);
    while (end_waiting(api)) {
        (void)uv_run(api->loop, UV_RUN_ONCE);
    }
    moot_api_flush(api);
    for (struct moot_request *request = api->requests; request != NULL; request = request->next) {
        request->gone = true; /* the library refuses to stop while a connection rests */
        moot_api_resume(request);
    }
    (void)uv_poll_stop(&api->poll);
    uv_close((uv_handle_t *)&api->poll, on_closed);
    uv_close((uv_handle_t *)&api->timer, on_closed);
    uv_close((uv_handle_t *)&api->sweep, on_closed);
    while (api->handles_open > 0) {
        (void)uv_run(api->loop, UV_RUN_ONCE);
    }
    MHD_stop_daemon(api->daemon);
    moot_region_free(&api->scratch);
    free(api);
}
