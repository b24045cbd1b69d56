/* The control API over its real socket: what it answers, to whom, and that everything else is a typed refusal. */
#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/limits.h"
#include "node/package.h"
#include "tests/lib/node/testnode.h"

static struct test_node node;

static int open_node(void **state)
{
    (void)state;
    test_node_open(&node, "ana");
    return 0;
}

static int close_node(void **state)
{
    (void)state;
    test_node_deinit(&node);
    return 0;
}

static void found(void)
{
    json_decref(test_node_expect(&node, "POST", "/v1/init", "{\"mesh\":\"hill\"}", 200));
}

static void docs_list_every_endpoint_and_no_other(void **state)
{
    (void)state;
    const char *source = getenv("MOOT_SOURCE_DIR");
    if (source == NULL) {
        skip();
    }
    char path[TEST_PATH_MAX], line[1024], row[256];
    (void)snprintf(path, sizeof path, "%s/docs/API.md", source);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t index = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "| GET ", 6) != 0 && strncmp(line, "| POST ", 7) != 0 &&
            strncmp(line, "| PUT ", 6) != 0) {
            continue;
        }
        struct moot_api_row want;
        assert_true(moot_api_row(index++, &want));
        (void)snprintf(row, sizeof row, "| %s | `%s` | %s |", want.method, want.pattern,
                       want.role == MOOT_API_ACT ? "act" : "read");
        if (strncmp(line, row, strlen(row)) != 0) {
            fail_msg("docs/API.md has\n%sinstead of\n%s", line, row);
        }
    }
    assert_int_equal(fclose(file), 0);
    struct moot_api_row extra;
    assert_false(moot_api_row(index, &extra));
}

static void a_node_without_a_mesh_says_so(void **state)
{
    (void)state;
    json_t *status = test_node_expect(&node, "GET", "/v1/status", NULL, 200);
    assert_string_equal(test_json_at(status, "schema"), "moot.status/1");
    assert_string_equal(test_json_at(status, "in_mesh"), "false");
    assert_string_equal(test_json_at(status, "mesh.id"), "null");
    assert_string_equal(test_json_at(status, "notes.0.code"), "no_mesh");
    json_decref(status);
    test_node_refused(&node, "GET", "/v1/epoch", NULL, MOOT_NO_MESH);
    test_node_refused(&node, "GET", "/v1/records/a", NULL, MOOT_NO_MESH);
    test_node_refused(&node, "POST", "/v1/records/a", "{\"value\":\"1\"}", MOOT_NO_MESH);
    test_node_refused(&node, "POST", "/v1/invite", NULL, MOOT_NO_MESH);
}

static void status_has_every_member_of_the_contract(void **state)
{
    (void)state;
    found();
    json_t *status = test_node_expect(&node, "GET", "/v1/status", NULL, 200);
    static const char *const members[] = {"mesh.id",
                                          "mesh.name",
                                          "device.id",
                                          "device.name",
                                          "device.home",
                                          "version",
                                          "protocol.speaks",
                                          "protocol.max",
                                          "epoch",
                                          "admins.version",
                                          "admins.names.0",
                                          "admins.threshold",
                                          "fence.active",
                                          "fence.proposal",
                                          "fence.holder",
                                          "fence.lease_left_s",
                                          "fence.queued",
                                          "fenced",
                                          "fenced_reason",
                                          "timeline",
                                          "snapshot.last_epoch",
                                          "snapshot.digest",
                                          "snapshot.pending",
                                          "devices.0.name",
                                          "devices.0.id",
                                          "devices.0.home",
                                          "devices.0.state",
                                          "devices.0.version",
                                          "devices.0.protocol",
                                          "devices.0.epoch",
                                          "devices.0.seen_s"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (test_json_at(status, members[i])[0] == '\0') {
            fail_msg("status lacks %s", members[i]);
        }
    }
    assert_true(json_is_array(json_object_get(status, "proposals")));
    assert_true(json_is_array(json_object_get(status, "waiting_for_you")));
    assert_true(json_is_array(json_object_get(status, "notes")));
    assert_string_equal(test_json_at(status, "admins.names.0"), "ana");
    json_decref(status);
}

static void founding_twice_is_refused(void **state)
{
    (void)state;
    found();
    test_node_refused(&node, "POST", "/v1/init", "{\"mesh\":\"hill\"}", MOOT_IN_MESH);
}

static void a_dry_run_shows_the_payload_and_changes_nothing(void **state)
{
    (void)state;
    found();
    json_t *dry =
        test_node_expect(&node, "POST", "/v1/records/k", "{\"value\":\"v\",\"dry_run\":true}", 200);
    assert_string_equal(test_json_at(dry, "schema"), "moot.dry-run/1");
    assert_int_not_equal(test_json_at(dry, "payload")[0], '\0');
    json_decref(dry);
    test_node_refused(&node, "GET", "/v1/records/k", NULL, MOOT_NOT_FOUND);
}

static void keys_may_hold_any_bytes(void **state)
{
    (void)state;
    found();
    static const char *const paths[] = {"/v1/records/light%2Fkitchen", "/v1/records/%00%01",
                                        "/v1/records/%ff%fe", "/v1/records/%c3%a9%20%25",
                                        "/v1/records/a+b"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char body[64];
        (void)snprintf(body, sizeof body, "{\"value\":\"%zu\"}", i);
        json_decref(test_node_expect(&node, "POST", paths[i], body, 200));
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char want[8];
        (void)snprintf(want, sizeof want, "%zu", i);
        json_t *record = test_node_expect(&node, "GET", paths[i], NULL, 200);
        assert_string_equal(test_json_at(record, "value"), want);
        json_decref(record);
    }
    /* An escaped slash and a plain one are the same key. */
    json_decref(test_node_expect(&node, "GET", "/v1/records/light/kitchen", NULL, 200));
    json_t *list = test_node_expect(&node, "GET", "/v1/records?prefix=light%2F", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(list, "records")), 1);
    json_decref(list);
    list = test_node_expect(&node, "GET", "/v1/records?limit=2", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(list, "records")), 2);
    assert_string_not_equal(test_json_at(list, "next"), "null");
    json_decref(list);
}

static void values_may_be_bytes_and_may_be_deleted(void **state)
{
    (void)state;
    found();
    json_decref(
        test_node_expect(&node, "POST", "/v1/records/k", "{\"value_base64\":\"//79\"}", 200));
    json_t *record = test_node_expect(&node, "GET", "/v1/records/k", NULL, 200);
    assert_string_equal(test_json_at(record, "value_base64"), "//79");
    json_decref(record);
    json_decref(test_node_expect(&node, "POST", "/v1/records/k", "{\"tombstone\":true}", 200));
    test_node_refused(&node, "GET", "/v1/records/k", NULL, MOOT_NOT_FOUND);
    record = test_node_expect(&node, "GET", "/v1/records/k?all=1", NULL, 200);
    assert_string_equal(test_json_at(record, "values.0.tombstone"), "true");
    json_decref(record);
}

static void what_is_not_understood_is_refused(void **state)
{
    (void)state;
    found();
    static const struct {
        const char *method, *path, *body;
        enum moot_status why;
    } rows[] = {
        {"GET", "/", NULL, MOOT_NOT_FOUND},
        {"GET", "/v1/statuses", NULL, MOOT_NOT_FOUND},
        {"GET", "/v1/status/", NULL, MOOT_NOT_FOUND},
        {"GET", "/v1//status", NULL, MOOT_NOT_FOUND},
        {"POST", "/v1/status", "{}", MOOT_BAD_ARGUMENT},
        {"DELETE", "/v1/records/k", NULL, MOOT_BAD_ARGUMENT},
        {"GET", "/v1/init", NULL, MOOT_BAD_ARGUMENT},
        {"GET", "/v1/status?verbose=1", NULL, MOOT_BAD_ARGUMENT},
        {"GET", "/v1/journal/log?limit=many", NULL, MOOT_BAD_ARGUMENT},
        {"GET", "/v1/records/%zz", NULL, MOOT_BAD_ARGUMENT},
        {"GET", "/v1/records/%4", NULL, MOOT_BAD_ARGUMENT},
        {"GET", "/v1/records?prefix=%", NULL, MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "{", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "[]", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "{\"value\":1}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "{\"value\":\"a\",\"value\":\"b\"}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "{\"value\":\"a\",\"tombstone\":true}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "{\"value\":\"a\",\"quene\":true}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "{\"value\":\"\xff\"}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "{\"value_base64\":\"a\"}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/records/k", "{\"value\":\"a\",\"dry_run\":1}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/invite", "{\"dry_run\":\"yes\"}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/propose/admins", "{\"names\":[\"ana\"]}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/propose/admins", "{\"names\":[1],\"threshold\":1}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/propose/admins", "{\"names\":[\"ana\"],\"threshold\":-1}", MOOT_BAD_ARGUMENT},
        {"POST", "/v1/propose/admins", "{\"names\":[\"ana\"],\"threshold\":99}",
         MOOT_BAD_THRESHOLD},
        {"POST", "/v1/propose/upgrade", "{\"manifest\":\"00\",\"kind\":\"soft\",\"ready\":1}",
         MOOT_BAD_ARGUMENT},
        {"GET", "/v1/proposals/UP-ZZZZZZ", NULL, MOOT_NOT_FOUND},
        {"POST", "/v1/proposals/UP-ZZZZZZ/approve", "{\"digest\":\"0000\"}", MOOT_NOT_FOUND},
        {"POST", "/v1/proposals/UP-ZZZZZZ/applaud", "{}", MOOT_NOT_FOUND},
        {"POST", "/v1/devices/admit", "{\"name\":\"nobody\"}", MOOT_NOT_FOUND},
        {"POST", "/v1/join", "{\"uri\":\"http://elsewhere\"}", MOOT_IN_MESH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_node_refused(&node, rows[i].method, rows[i].path, rows[i].body, rows[i].why);
    }
}

static void a_body_above_the_limit_is_read_to_its_end_and_refused(void **state)
{
    (void)state;
    size_t size = MOOT_API_BODY_BYTES_MAX + 100000;
    char *body = malloc(size + 1);
    assert_non_null(body);
    memset(body, ' ', size);
    body[size] = '\0';
    test_node_refused(&node, "POST", "/v1/init", body, MOOT_OVERSIZED);
    body[MOOT_API_BODY_BYTES_MAX] = '\0';
    test_node_refused(&node, "POST", "/v1/init", body, MOOT_BAD_ARGUMENT);
    free(body);
}

static void only_operators_act_and_others_may_read(void **state)
{
    (void)state;
    found();
    struct moot_error error;
    assert_int_equal(moot_config_assign(&node.config, "operators=4242", &error), MOOT_OK);
    if (geteuid() == 4242) {
        skip();
    }
    test_node_refused(&node, "POST", "/v1/records/k", "{\"value\":\"1\"}", MOOT_NOT_ALLOWED);
    test_node_refused(&node, "POST", "/v1/invite", NULL, MOOT_NOT_ALLOWED);
    test_node_refused(&node, "PUT", "/v1/packages", "x", MOOT_NOT_ALLOWED);
    json_decref(test_node_expect(&node, "GET", "/v1/status", NULL, 200));
    struct stat st;
    assert_int_equal(stat(node.address + strlen("unix:"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
}

static void what_was_acknowledged_is_there_after_a_restart(void **state)
{
    (void)state;
    found();
    for (int i = 0; i < 50; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/v1/records/k%d", i);
        json_decref(test_node_expect(&node, "POST", path, "{\"value\":\"v\"}", 200));
    }
    json_t *before = test_node_expect(&node, "GET", "/v1/journal/stats", NULL, 200);
    test_node_stop(&node);
    test_node_start(&node);
    json_t *after = test_node_expect(&node, "GET", "/v1/journal/stats", NULL, 200);
    assert_true(json_equal(json_object_get(before, "frontier_digest"),
                           json_object_get(after, "frontier_digest")));
    assert_true(json_equal(json_object_get(before, "state_digest"),
                           json_object_get(after, "state_digest")));
    json_decref(before);
    json_decref(after);
    json_t *log = test_node_expect(&node, "GET", "/v1/journal/log?limit=3", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(log, "facts")), 3);
    assert_string_equal(test_json_at(log, "facts.0.kind"), "RecordPut");
    assert_string_equal(test_json_at(log, "facts.0.author"), "ana");
    json_decref(log);
}

static void config_names_value_and_origin(void **state)
{
    (void)state;
    struct moot_error error;
    assert_int_equal(moot_config_assign(&node.config, "epoch_interval=5s", &error), MOOT_OK);
    json_t *config = test_node_expect(&node, "GET", "/v1/config", NULL, 200);
    assert_string_equal(test_json_at(config, "settings.0.key"), "epoch_interval");
    assert_string_equal(test_json_at(config, "settings.0.value"), "5s");
    assert_string_equal(test_json_at(config, "settings.0.origin"), "set");
    assert_string_equal(test_json_at(config, "settings.1.origin"), "default");
    json_decref(config);
}

static void events_are_lines_and_can_be_followed(void **state)
{
    (void)state;
    found();
    struct test_answer answer = test_node_ask(&node, "GET", "/v1/events", NULL);
    assert_int_equal(answer.status, 200);
    json_t *first = json_loads(answer.body, JSON_DISABLE_EOF_CHECK, NULL);
    assert_string_equal(test_json_at(first, "name"), "mesh.founded");
    assert_string_equal(test_json_at(first, "n"), "1");
    json_decref(first);
    test_answer_free(&answer);

    int file = test_node_connect(&node);
    static const char ask[] = "GET /v1/events?since=1&follow=1 HTTP/1.1\r\nHost: m\r\n\r\n";
    assert_int_equal(write(file, ask, sizeof ask - 1), sizeof ask - 1);
    test_node_run(&node, 50);
    char text[4096];
    ssize_t size = read(file, text, sizeof text - 1);
    assert_true(size > 0); /* the head of the answer, and no event yet */
    text[size] = '\0';
    assert_null(strstr(text, "\"n\":"));
    struct moot_notice notice = {.name = "test.happened", .number = 7};
    moot_ring_add((struct moot_ring *)(uintptr_t)moot_shell_ring(node.shell), &notice, 1);
    json_decref(test_node_expect(&node, "POST", "/v1/records/k", "{\"value\":\"v\"}", 200));
    test_node_run(&node, 50);
    size = read(file, text, sizeof text - 1);
    assert_true(size > 0);
    text[size] = '\0';
    assert_non_null(strstr(text, "\"test.happened\""));
    assert_int_equal(close(file), 0);
}

/* A write is asked for and, before its commit can be done, a read of what it wrote. */
static void an_answer_never_leaves_before_its_commit(void **state)
{
    (void)state;
    found();
    unsigned early = 0;
    for (int i = 0; i < 60; i++) {
        char put[256];
        int size = snprintf(put, sizeof put,
                            "POST /v1/records/k HTTP/1.1\r\nHost: m\r\nConnection: close\r\n"
                            "Content-Length: 13\r\n\r\n{\"value\":\"%d\"}",
                            i % 10);
        static const char get[] =
            "GET /v1/records/k HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n";
        int writer = test_node_connect(&node);
        int reader = test_node_connect(&node);
        assert_int_equal(write(writer, put, (size_t)size), size);
        uint64_t ticket = moot_engine_ticket(moot_shell_env(node.shell));
        for (int turn = 0; turn < 1000 && moot_engine_ticket(moot_shell_env(node.shell)) == ticket;
             turn++) {
            (void)uv_run(node.loop, UV_RUN_NOWAIT);
        }
        ticket = moot_engine_ticket(moot_shell_env(node.shell));
        early += !moot_shell_durable(node.shell, ticket);
        assert_int_equal(write(reader, get, sizeof get - 1), sizeof get - 1);
        char text[2048];
        ssize_t got = -1;
        for (int turn = 0; turn < 100000 && got <= 0; turn++) {
            (void)uv_run(node.loop, UV_RUN_NOWAIT);
            got = recv(reader, text, sizeof text - 1, 0);
        }
        assert_true(got > 0);
        assert_true(moot_shell_durable(node.shell, ticket));
        text[got] = '\0';
        char want[32];
        (void)snprintf(want, sizeof want, "\"value\":\"%d\"", i % 10);
        assert_non_null(strstr(text, want));
        test_node_run(&node, 1);
        assert_int_equal(close(writer), 0);
        assert_int_equal(close(reader), 0);
    }
    assert_true(early > 0); /* else this showed nothing */
}

static unsigned descriptors(void)
{
    unsigned count = 0;
    DIR *entries = opendir("/proc/self/fd");
    assert_non_null(entries);
    while (readdir(entries) != NULL) {
        count++;
    }
    assert_int_equal(closedir(entries), 0);
    return count;
}

static void followers_that_left_give_their_places_back(void **state)
{
    (void)state;
    int files[MOOT_API_CONNECTIONS_MAX];
    static const char ask[] = "GET /v1/events?follow=1 HTTP/1.1\r\nHost: m\r\n\r\n";
    test_node_run(&node, 20);
    unsigned before = descriptors();
    for (int i = 0; i < MOOT_API_CONNECTIONS_MAX; i++) {
        files[i] = test_node_connect(&node);
        assert_int_equal(write(files[i], ask, sizeof ask - 1), sizeof ask - 1);
        (void)uv_run(node.loop, UV_RUN_NOWAIT);
    }
    test_node_run(&node, 50);
    assert_true(descriptors() >= before + 2 * MOOT_API_CONNECTIONS_MAX);
    for (int i = 0; i < MOOT_API_CONNECTIONS_MAX; i++) {
        assert_int_equal(close(files[i]), 0);
    }
    test_node_run(&node, 2300);
    assert_int_equal(descriptors(), before);
    json_decref(test_node_expect(&node, "GET", "/v1/status", NULL, 200));
}

static void more_clients_than_places_are_all_served(void **state)
{
    (void)state;
    enum { CLIENTS = MOOT_API_CONNECTIONS_MAX + 40 };
    int files[CLIENTS];
    static const char ask[] = "GET /v1/config HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n";
    for (int i = 0; i < CLIENTS; i++) {
        files[i] = test_node_connect(&node);
        assert_int_equal(write(files[i], ask, sizeof ask - 1), sizeof ask - 1);
        (void)uv_run(node.loop, UV_RUN_NOWAIT);
    }
    test_node_run(&node, 200);
    for (int i = 0; i < CLIENTS; i++) {
        char text[16];
        assert_int_equal(read(files[i], text, 12), 12);
        assert_memory_equal(text, "HTTP/1.1 200", 12);
        assert_int_equal(close(files[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(docs_list_every_endpoint_and_no_other),
        cmocka_unit_test_setup_teardown(a_node_without_a_mesh_says_so, open_node, close_node),
        cmocka_unit_test_setup_teardown(status_has_every_member_of_the_contract, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(founding_twice_is_refused, open_node, close_node),
        cmocka_unit_test_setup_teardown(a_dry_run_shows_the_payload_and_changes_nothing, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(keys_may_hold_any_bytes, open_node, close_node),
        cmocka_unit_test_setup_teardown(values_may_be_bytes_and_may_be_deleted, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(what_is_not_understood_is_refused, open_node, close_node),
        cmocka_unit_test_setup_teardown(a_body_above_the_limit_is_read_to_its_end_and_refused,
                                        open_node, close_node),
        cmocka_unit_test_setup_teardown(only_operators_act_and_others_may_read, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(what_was_acknowledged_is_there_after_a_restart, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(config_names_value_and_origin, open_node, close_node),
        cmocka_unit_test_setup_teardown(events_are_lines_and_can_be_followed, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(an_answer_never_leaves_before_its_commit, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(followers_that_left_give_their_places_back, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(more_clients_than_places_are_all_served, open_node,
                                        close_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
