/* See testnode.h. The client turns the node's loop whenever it would have to wait. */
#include "tests/lib/node/testnode.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "crypto/identity.h"
#include "node/log.h"

#define ANSWER_MS_MAX 10000u
#define ANSWER_BYTES_MAX (16u << 20)

static uint64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void test_node_init(struct test_node *node, const char *name, uv_loop_t *loop)
{
    memset(node, 0, sizeof *node);
    moot_log_init(MOOT_LOG_ERROR, false);
    assert_true(moot_crypto_init());
    node->directory = test_tempdir_new();
    assert_true(snprintf(node->data, sizeof node->data, "%s/data", node->directory) > 0);
    assert_true(snprintf(node->address, sizeof node->address, "unix:%s/api.sock", node->directory) >
                0);
    node->loop = loop;
    if (loop == NULL) {
        node->own_loop = true;
        node->loop = calloc(1, sizeof *node->loop);
        assert_non_null(node->loop);
        assert_int_equal(uv_loop_init(node->loop), 0);
    }
    moot_config_init(&node->config);
    moot_engine_config_init(&node->engine);
    assert_true(snprintf(node->engine.version, sizeof node->engine.version, "0.0.1") > 0);
    assert_true(snprintf(node->engine.name, sizeof node->engine.name, "%s", name) > 0);
    assert_true(snprintf(node->engine.home, sizeof node->engine.home, "home") > 0);
    node->engine.gossip_interval_ms = 20;
    node->engine.snapshot_every = 0; /* by hand: epochs here are short */
}

void test_node_start(struct test_node *node)
{
    struct moot_error error = {0};
    struct moot_shell_options shell = {.data_directory = node->data,
                                       .listen_url = node->listen_url,
                                       .engine = &node->engine,
                                       .pool_bytes = 256u << 20};
    enum moot_status status = moot_shell_open(node->loop, &shell, &node->shell, &error);
    if (status != MOOT_OK) {
        fail_msg("the shell: %s: %s", moot_status_info(status)->name, error.detail);
    }
    struct moot_api_options api = {
        .address = node->address, .shell = node->shell, .config = &node->config};
    status = moot_api_open(node->loop, &api, &node->api, &error);
    if (status != MOOT_OK) {
        fail_msg("the API: %s: %s", moot_status_info(status)->name, error.detail);
    }
}

void test_node_stop(struct test_node *node)
{
    if (node->shell != NULL) {
        moot_api_stop(node->api);
        moot_shell_stop(node->shell);
        moot_api_close(node->api);
        moot_shell_close(node->shell);
        node->api = NULL;
        node->shell = NULL;
    }
}

void test_node_deinit(struct test_node *node)
{
    test_node_stop(node);
    if (node->own_loop) {
        for (int i = 0; i < 1000 && uv_loop_close(node->loop) == UV_EBUSY; i++) {
            (void)uv_run(node->loop, UV_RUN_NOWAIT);
        }
        free(node->loop);
    }
    test_tempdir_remove(node->directory);
}

void test_node_open(struct test_node *node, const char *name)
{
    test_node_init(node, name, NULL);
    test_node_start(node);
}

/* One turn of the loop, waiting a little if there is nothing to do. */
static void turn(struct test_node *node)
{
    struct pollfd wait = {.fd = uv_backend_fd(node->loop), .events = POLLIN};
    (void)poll(&wait, 1, 1);
    (void)uv_run(node->loop, UV_RUN_NOWAIT);
}

void test_node_run(struct test_node *node, unsigned ms)
{
    for (uint64_t end = now_ms() + ms; now_ms() < end;) {
        turn(node);
    }
}

void test_answer_free(struct test_answer *answer)
{
    free(answer->body);
    json_decref(answer->json);
    *answer = (struct test_answer){0};
}

int test_node_connect(struct test_node *node)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = node->address + strlen("unix:");
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(file >= 0);
    for (int i = 0; connect(file, (const struct sockaddr *)&address, sizeof address) != 0; i++) {
        assert_int_equal(errno, EAGAIN);
        assert_true(i < 1000);
        turn(node);
    }
    return file;
}

/* The chunks of a chunked body, joined in place. */
static size_t join_chunks(char *body, size_t size)
{
    size_t from = 0, to = 0;
    while (from < size) {
        char *end;
        unsigned long length = strtoul(body + from, &end, 16);
        char *data = strstr(end, "\r\n");
        if (data == NULL || length == 0) {
            break;
        }
        data += 2;
        if ((size_t)(data - body) + length > size) {
            break;
        }
        memmove(body + to, data, length);
        to += length;
        from = (size_t)(data - body) + length + 2;
    }
    body[to] = '\0';
    return to;
}

static struct test_answer parse(char *text, size_t size)
{
    struct test_answer answer = {0};
    char *body = strstr(text, "\r\n\r\n");
    if (size < 12 || strncmp(text, "HTTP/1.", 7) != 0 || body == NULL) {
        free(text);
        return answer;
    }
    answer.status = (int)strtol(text + 9, NULL, 10);
    body += 4;
    *(body - 2) = '\0';
    bool chunked = strcasestr(text, "transfer-encoding: chunked") != NULL;
    answer.size = size - (size_t)(body - text);
    answer.body = malloc(answer.size + 1);
    assert_non_null(answer.body);
    memcpy(answer.body, body, answer.size + 1);
    if (chunked) {
        answer.size = join_chunks(answer.body, answer.size);
    }
    free(text);
    answer.json = json_loadb(answer.body, answer.size, 0, NULL);
    return answer;
}

struct test_answer test_node_raw(struct test_node *node, const void *bytes, size_t size)
{
    int file = test_node_connect(node);
    size_t sent = 0, got = 0, capacity = 65536;
    char *text = malloc(capacity + 1);
    assert_non_null(text);
    bool open = true, sending = size > 0;
    for (uint64_t end = now_ms() + ANSWER_MS_MAX; open && now_ms() < end;) {
        if (sending) {
            ssize_t part = send(file, (const char *)bytes + sent, size - sent, MSG_NOSIGNAL);
            if (part > 0) {
                sent += (size_t)part;
            }
            sending = sent < size && (part > 0 || errno == EAGAIN);
        }
        (void)uv_run(node->loop, UV_RUN_NOWAIT);
        ssize_t part = recv(file, text + got, capacity - got, 0);
        if (part > 0) {
            got += (size_t)part;
            if (got == capacity) {
                capacity *= 2;
                assert_true(capacity <= ANSWER_BYTES_MAX);
                text = realloc(text, capacity + 1);
                assert_non_null(text);
            }
        } else if (part == 0 || errno != EAGAIN) {
            open = false;
        } else if (!sending) {
            turn(node);
        }
    }
    assert_int_equal(close(file), 0);
    text[got] = '\0';
    return parse(text, got);
}

struct test_answer test_node_ask(struct test_node *node, const char *method, const char *path,
                                 const char *body)
{
    size_t body_size = body != NULL ? strlen(body) : 0;
    size_t size = strlen(method) + strlen(path) + body_size + 128;
    char *text = malloc(size);
    assert_non_null(text);
    int used = snprintf(text, size,
                        "%s %s HTTP/1.1\r\nHost: moot\r\nConnection: close\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        method, path, body_size, body != NULL ? body : "");
    assert_true(used > 0 && (size_t)used < size);
    struct test_answer answer = test_node_raw(node, text, (size_t)used);
    free(text);
    return answer;
}

json_t *test_node_expect(struct test_node *node, const char *method, const char *path,
                         const char *body, int status)
{
    struct test_answer answer = test_node_ask(node, method, path, body);
    if (answer.status != status || answer.json == NULL) {
        fail_msg("%s %s: %d instead of %d: %s", method, path, answer.status, status,
                 answer.body != NULL ? answer.body : "");
    }
    json_t *json = json_incref(answer.json);
    test_answer_free(&answer);
    return json;
}

void test_node_refused(struct test_node *node, const char *method, const char *path,
                       const char *body, enum moot_status why)
{
    const struct moot_status_info *info = moot_status_info(why);
    json_t *json =
        test_node_expect(node, method, path, body, (int)moot_api_http_status(info->exit_code));
    assert_string_equal(test_json_at(json, "error.code"), info->name);
    assert_string_equal(test_json_at(json, "error.text"), info->text);
    assert_string_equal(test_json_at(json, "error.advice"), info->advice);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "error"), "exit")),
                     info->exit_code);
    json_decref(json);
}

const char *test_json_at(const json_t *json, const char *path)
{
    static char text[64];
    char word[64];
    while (*path != '\0') {
        size_t size = strcspn(path, ".");
        assert_true(size < sizeof word);
        memcpy(word, path, size);
        word[size] = '\0';
        json = json_is_array(json) ? json_array_get(json, strtoul(word, NULL, 10))
                                   : json_object_get(json, word);
        path += size + (path[size] == '.' ? 1 : 0);
    }
    if (json_is_string(json)) {
        return json_string_value(json);
    }
    if (json_is_integer(json)) {
        (void)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(json));
        return text;
    }
    if (json_is_boolean(json)) {
        return json_is_true(json) ? "true" : "false";
    }
    return json_is_null(json) ? "null" : "";
}
