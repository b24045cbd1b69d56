/*
 * Ten thousand requests that nobody in his right mind sends. Each gets a typed error or, where chance made
 * it well-formed, an answer; the node lives, keeps no connection, and its journal is as it was.
 */
#include <unistd.h>

#include "tests/lib/node/testnode.h"

static const char *const methods[] = {"GET", "POST", "PUT",      "DELETE", "HEAD", "PATCH",
                                      "get", "X",    "PROPFIND", "POST",   "GET",  "POST"};
static const char *const segments[] = {
    "v1",    "status",  "proposals", "UP-7K3MQ2", "approve", "reject",  "records", "init",
    "join",  "invite",  "devices",   "admit",     "deny",    "propose", "admins",  "upgrade",
    "..",    "%2e%2e",  "%00",       "%ff",       "%",       "%zz",     "",        "events",
    "epoch", "journal", "log",       "stats",     "config",  "AR-",     "0000",    "a b"};
#define ZERO_HASH "0000000000000000000000000000000000000000000000000000000000000000"
static const char *const bodies[] = {
    "",
    "{}",
    "[]",
    "null",
    "{\"mesh\":1}",
    "{\"name\":\"\"}",
    "{\"name\":[]}",
    "{\"digest\":\"0\"}",
    "{\"digest\":\"zzzz\"}",
    "{\"uri\":\"moot://\"}",
    "{\"uri\":\"moot://127.0.0.1:1/00?code=\"}",
    "{\"names\":[],\"threshold\":0}",
    "{\"names\":[\"ana\",\"ana\"],\"threshold\":2}",
    "{\"names\":[\"nobody\"],\"threshold\":1}",
    "{\"value\":\"\\u0000\"}",
    "{\"value_base64\":\"====\"}",
    "{\"tombstone\":false}",
    "{\"reason\":{\"a\":{\"b\":[1,2,3]}}}",
    "{\"manifest\":\"x\",\"kind\":\"soft\",\"ready\":1e9}",
    "{\"manifest\":\"" ZERO_HASH "\",\"kind\":\"hard\",\"ready\":1,\"at_epoch\":\"+99999999999\"}",
    "{\"dry_run\":null}",
    "{\"a\":1,\"a\":2}",
    "{\"value\":\"",
    "\xff\xfe\x00",
};

/* A path of the table with some text for ID or KEY: so that junk gets past the routing, too. */
static void real_path(struct test_random *random, const struct moot_api_row *row, char *out,
                      size_t size)
{
    const char *segment = segments[test_random_below(random, sizeof segments / sizeof segments[0])];
    const char *mark = strstr(row->pattern, "/ID");
    mark = mark != NULL ? mark : strstr(row->pattern, "/KEY");
    if (mark == NULL || strchr(segment, ' ') != NULL) {
        (void)snprintf(out, size, "%s", row->pattern);
        return;
    }
    (void)snprintf(out, size, "%.*s/%s%s", (int)(mark - row->pattern), row->pattern, segment,
                   mark + (mark[1] == 'I' ? 3 : 4));
}

/* Text for the request line or the body, mostly from the lists, sometimes noise. */
static size_t make_path(struct test_random *random, char *out, size_t size)
{
    size_t used = 0;
    uint64_t count = 1 + test_random_below(random, 6);
    for (uint64_t i = 0; i < count; i++) {
        const char *segment =
            i == 0 && test_random_below(random, 8) != 0
                ? "v1"
                : segments[test_random_below(random, sizeof segments / sizeof segments[0])];
        if (strchr(segment, ' ') != NULL && test_random_below(random, 4) != 0) {
            continue;
        }
        used += (size_t)snprintf(out + used, size - used, "/%s", segment);
    }
    if (test_random_below(random, 4) == 0) {
        used += (size_t)snprintf(out + used, size - used, "?%s=%llu",
                                 test_random_below(random, 2) == 0 ? "limit" : "since",
                                 (unsigned long long)test_random_next(random));
    }
    return used;
}

static size_t make_body(struct test_random *random, char *out, size_t size)
{
    uint64_t choice = test_random_below(random, 10);
    if (choice == 0) {
        size_t noise = (size_t)test_random_below(random, size);
        test_random_bytes(random, (uint8_t *)out, noise);
        return noise;
    }
    if (choice == 1) {
        size_t depth = (size_t)test_random_below(random, size);
        memset(out, test_random_below(random, 2) == 0 ? '[' : '{', depth);
        return depth;
    }
    const char *body = bodies[test_random_below(random, sizeof bodies / sizeof bodies[0])];
    size_t length = strlen(body);
    memcpy(out, body, length);
    if (choice == 2 && length > 0) {
        out[test_random_below(random, length)] = (char)test_random_next(random);
    }
    return length;
}

/* GET changes nothing and POST of junk should not either; what chance may found is left out of the lists. */
static void junk_is_answered_with_a_reason(void **state)
{
    (void)state;
    struct test_node node;
    test_node_open(&node, "ana");
    json_decref(test_node_expect(&node, "POST", "/v1/init", "{\"mesh\":\"hill\"}", 200));
    struct test_random random = test_random_start("api junk");
    static char text[40000], path[512], body[20000];
    unsigned refused = 0, answered = 0, cut = 0;
    for (int i = 0; i < 10000; i++) {
        const char *method =
            methods[test_random_below(&random, sizeof methods / sizeof methods[0])];
        struct moot_api_row row;
        if (i % 2 == 0 && moot_api_row((size_t)test_random_below(&random, 27), &row)) {
            method = test_random_below(&random, 10) != 0 ? row.method : method;
            real_path(&random, &row, path, sizeof path);
        } else {
            make_path(&random, path, sizeof path);
        }
        size_t body_size = make_body(&random, body, i % 50 == 0 ? sizeof body : 200);
        int head = snprintf(text, sizeof text,
                            "%s %s HTTP/1.1\r\nHost: m\r\nConnection: close\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            method, path, body_size);
        assert_true(head > 0);
        memcpy(text + head, body, body_size);
        struct test_answer answer = test_node_raw(&node, text, (size_t)head + body_size);
        if (strcmp(method, "HEAD") == 0 || strchr(path, ' ') != NULL) {
            cut++; /* no body to look at, or no HTTP at all: the library's own refusal */
        } else if (answer.status == 200) {
            answered++;
        } else {
            const char *code = test_json_at(answer.json, "error.code");
            enum moot_status status = moot_status_parse(code);
            if (status == MOOT_OK || status == MOOT_INTERNAL ||
                answer.status != (int)moot_api_http_status(moot_status_info(status)->exit_code)) {
                fail_msg("%s %s: %d %s", method, path, answer.status,
                         answer.body != NULL ? answer.body : "no answer");
            }
            refused++;
        }
        test_answer_free(&answer);
    }
    print_message("%u refused, %u answered, %u not looked at\n", refused, answered, cut);
    assert_true(refused > 5000 && answered > 500);
    json_t *status = test_node_expect(&node, "GET", "/v1/status", NULL, 200);
    assert_string_equal(test_json_at(status, "mesh.name"), "hill");
    json_decref(status);
    test_node_deinit(&node);
}

/* Bytes that are not HTTP, and requests cut off anywhere. */
static void broken_http_never_stops_the_node(void **state)
{
    (void)state;
    struct test_node node;
    test_node_open(&node, "ana");
    struct test_random random = test_random_start("api noise");
    static const char good[] =
        "POST /v1/records/k HTTP/1.1\r\nHost: m\r\nContent-Length: 13\r\n\r\n"
        "{\"value\":\"1\"}";
    for (int i = 0; i < 600; i++) {
        char text[2048];
        size_t size = (size_t)test_random_below(&random, sizeof text);
        if (i % 3 == 0) {
            size = (size_t)test_random_below(&random, sizeof good);
            memcpy(text, good, size);
        } else {
            test_random_bytes(&random, (uint8_t *)text, size);
        }
        int file = test_node_connect(&node);
        ssize_t sent = write(file, text, size);
        assert_true(sent >= 0 || size > 0);
        for (int turn = 0; turn < 4; turn++) {
            (void)uv_run(node.loop, UV_RUN_NOWAIT);
        }
        assert_int_equal(close(file), 0);
        (void)uv_run(node.loop, UV_RUN_NOWAIT);
    }
    json_decref(test_node_expect(&node, "GET", "/v1/status", NULL, 200));
    test_node_deinit(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(junk_is_answered_with_a_reason),
        cmocka_unit_test(broken_http_never_stops_the_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
