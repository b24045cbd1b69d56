/* The shell: nodes over real links, restarts, and starts that must be refused. */
#include <sys/stat.h>
#include <unistd.h>

#include "node/store.h"
#include "tests/lib/node/testnode.h"

#define NODES 3
static uv_loop_t loop;
static struct test_node nodes[NODES];
static const char *const names[NODES] = {"ana", "ben", "cleo"};

static int setup(void **state)
{
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    for (int i = 0; i < NODES; i++) {
        test_node_init(&nodes[i], names[i], &loop);
        nodes[i].listen_url = "tcp://127.0.0.1:0";
        nodes[i].engine.epoch_interval_ms = 300;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < NODES; i++) {
        test_node_deinit(&nodes[i]);
    }
    for (int i = 0; i < 1000 && uv_loop_close(&loop) == UV_EBUSY; i++) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    return 0;
}

/* Text of a GET's answer at a path of members. */
static void look(struct test_node *node, const char *path, const char *member, char ret[256])
{
    json_t *json = test_node_expect(node, "GET", path, NULL, 200);
    (void)snprintf(ret, 256, "%s", test_json_at(json, member));
    json_decref(json);
}

/* Turns the loop until the member has that value; fails after 10 s. */
static void until(struct test_node *node, const char *path, const char *member, const char *value)
{
    char text[256];
    for (int i = 0; i < 500; i++) {
        look(node, path, member, text);
        if (strcmp(text, value) == 0) {
            return;
        }
        test_node_run(node, 20);
    }
    fail_msg("%s of %s is '%s', never '%s'", member, path, text, value);
}

static void join(struct test_node *founder, struct test_node *node, const char *name)
{
    char body[512];
    json_t *invitation = test_node_expect(founder, "POST", "/v1/invite", NULL, 200);
    (void)snprintf(body, sizeof body, "{\"uri\":\"%s\"}", test_json_at(invitation, "uri"));
    json_decref(invitation);
    json_decref(test_node_expect(node, "POST", "/v1/join", body, 200));
    until(founder, "/v1/devices/pending", "pending.0.name", name);
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    json_decref(test_node_expect(founder, "POST", "/v1/devices/admit", body, 200));
    until(node, "/v1/status", "in_mesh", "true");
}

static void assert_equal_digests(void)
{
    char want[256], got[256];
    bool equal = false;
    for (int i = 0; i < 500 && !equal; i++) {
        test_node_run(&nodes[0], 20);
        equal = true;
        look(&nodes[0], "/v1/journal/stats", "frontier_digest", want);
        for (int n = 1; n < NODES; n++) {
            look(&nodes[n], "/v1/journal/stats", "frontier_digest", got);
            equal = equal && strcmp(want, got) == 0;
        }
        if (equal) {
            look(&nodes[0], "/v1/journal/stats", "state_digest", want);
            for (int n = 1; n < NODES; n++) {
                look(&nodes[n], "/v1/journal/stats", "state_digest", got);
                assert_string_equal(got, want);
            }
        }
    }
    assert_true(equal);
}

static void three_nodes_join_decide_and_converge(void **state)
{
    (void)state;
    for (int i = 0; i < NODES; i++) {
        test_node_start(&nodes[i]);
    }
    json_decref(test_node_expect(&nodes[0], "POST", "/v1/init", "{\"mesh\":\"hill\"}", 200));
    join(&nodes[0], &nodes[1], "ben");
    join(&nodes[0], &nodes[2], "cleo");
    json_decref(test_node_expect(&nodes[0], "POST", "/v1/propose/admins",
                                 "{\"names\":[\"ana\",\"ben\",\"cleo\"],\"threshold\":2}", 200));
    for (int i = 0; i < NODES; i++) {
        until(&nodes[i], "/v1/status", "admins.threshold", "2");
        char path[32];
        (void)snprintf(path, sizeof path, "/v1/records/k%d", i);
        json_decref(test_node_expect(&nodes[i], "POST", path, "{\"value\":\"v\"}", 200));
    }
    until(&nodes[0], "/v1/journal/stats", "records", "3");
    assert_equal_digests();

    /* A node that was away catches up. */
    test_node_stop(&nodes[2]);
    json_decref(test_node_expect(&nodes[1], "POST", "/v1/records/away", "{\"value\":\"x\"}", 200));
    test_node_run(&nodes[0], 100);
    test_node_start(&nodes[2]);
    until(&nodes[2], "/v1/journal/stats", "records", "4");
    assert_equal_digests();
}

static enum moot_status try_start(struct test_node *node)
{
    struct moot_error error = {0};
    struct moot_shell *shell = NULL;
    struct moot_shell_options options = {.data_directory = node->data,
                                         .listen_url = node->listen_url,
                                         .engine = &node->engine,
                                         .pool_bytes = 256u << 20};
    enum moot_status status = moot_shell_open(node->loop, &options, &shell, &error);
    if (status == MOOT_OK) {
        moot_shell_stop(shell);
        moot_shell_close(shell);
    } else {
        assert_int_equal(error.status, status);
        assert_int_not_equal(error.detail[0], '\0');
    }
    return status;
}

static void a_directory_belongs_to_one_node(void **state)
{
    (void)state;
    nodes[0].listen_url = NULL;
    test_node_start(&nodes[0]);
    assert_int_equal(try_start(&nodes[0]), MOOT_STORE_LOCKED);
    test_node_stop(&nodes[0]);
    assert_int_equal(try_start(&nodes[0]), MOOT_OK);
}

static void a_journal_without_its_key_is_refused(void **state)
{
    (void)state;
    nodes[0].listen_url = NULL;
    test_node_start(&nodes[0]);
    json_decref(test_node_expect(&nodes[0], "POST", "/v1/init", "{\"mesh\":\"hill\"}", 200));
    test_node_stop(&nodes[0]);
    char key[TEST_PATH_MAX + 16];
    (void)snprintf(key, sizeof key, "%s/device.key", nodes[0].data);
    assert_int_equal(unlink(key), 0);
    assert_int_equal(try_start(&nodes[0]), MOOT_STORE_DAMAGED);
    assert_int_equal(access(key, F_OK), -1);
}

/* A copy of a data directory is a suspected restore: said in a row of the store until peers have spoken. */
static void a_copied_directory_is_noticed_once(void **state)
{
    (void)state;
    nodes[0].listen_url = NULL;
    test_node_start(&nodes[0]);
    json_decref(test_node_expect(&nodes[0], "POST", "/v1/init", "{\"mesh\":\"hill\"}", 200));
    test_node_stop(&nodes[0]);
    char copy[TEST_PATH_MAX + 16], command[3 * TEST_PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s/copy", nodes[0].directory);
    (void)snprintf(command, sizeof command, "cp -rp '%s' '%s'", nodes[0].data, copy);
    assert_int_equal(system(command), 0);
    (void)snprintf(nodes[0].data, sizeof nodes[0].data, "%.4000s", copy);
    char journal[TEST_PATH_MAX + 16];
    (void)snprintf(journal, sizeof journal, "%s/journal", nodes[0].data);
    struct moot_node_store *store = NULL;
    struct moot_error error;
    assert_int_equal(moot_node_store_open(journal, NULL, &store, &error), MOOT_OK);
    assert_true(moot_node_store_moved(store));
    moot_node_store_close(store);
    /* A sole member needs to hear nobody; its next commit makes the copy the real one. */
    test_node_start(&nodes[0]);
    json_decref(test_node_expect(&nodes[0], "POST", "/v1/records/k", "{\"value\":\"v\"}", 200));
    test_node_stop(&nodes[0]);
    assert_int_equal(moot_node_store_open(journal, NULL, &store, &error), MOOT_OK);
    assert_false(moot_node_store_moved(store));
    moot_node_store_close(store);
}

static void starts_that_cannot_work_say_why(void **state)
{
    (void)state;
    nodes[0].listen_url = "tcp://256.0.0.1:1";
    assert_int_not_equal(try_start(&nodes[0]), MOOT_OK);
    nodes[0].listen_url = NULL;
    char file[TEST_PATH_MAX + 16];
    (void)snprintf(file, sizeof file, "%s/file", nodes[0].directory);
    FILE *made = fopen(file, "w");
    assert_non_null(made);
    assert_int_equal(fclose(made), 0);
    (void)snprintf(nodes[0].data, sizeof nodes[0].data, "%.4000s/below", file);
    assert_int_equal(try_start(&nodes[0]), MOOT_FILE_IO);
    (void)snprintf(nodes[0].data, sizeof nodes[0].data, "%s/no/such/parent", nodes[0].directory);
    assert_int_equal(try_start(&nodes[0]), MOOT_OK); /* what is missing above is made */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_nodes_join_decide_and_converge, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_belongs_to_one_node, setup, teardown),
        cmocka_unit_test_setup_teardown(a_journal_without_its_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copied_directory_is_noticed_once, setup, teardown),
        cmocka_unit_test_setup_teardown(starts_that_cannot_work_say_why, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
