/* The API's socket: a stale one is replaced, nothing else ever is. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/node/testnode.h"

static enum moot_status try_open(struct test_node *node, const char *address)
{
    struct moot_error error = {0};
    struct moot_api *api = NULL;
    struct moot_api_options options = {
        .address = address, .shell = node->shell, .config = &node->config};
    enum moot_status status = moot_api_open(node->loop, &options, &api, &error);
    if (status == MOOT_OK) {
        moot_api_close(api);
    } else {
        assert_int_not_equal(error.detail[0], '\0');
    }
    return status;
}

static void only_a_dead_socket_is_replaced(void **state)
{
    (void)state;
    struct test_node node;
    test_node_open(&node, "ana");
    /* The node itself answers there. */
    assert_int_equal(try_open(&node, node.address), MOOT_STORE_LOCKED);
    json_decref(test_node_expect(&node, "GET", "/v1/status", NULL, 200));

    char path[TEST_PATH_MAX], address[TEST_PATH_MAX + 8];
    (void)snprintf(path, sizeof path, "%s/x", node.directory);
    (void)snprintf(address, sizeof address, "unix:%s", path);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof name.sun_path);
    memcpy(name.sun_path, path, strlen(path));
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(close(dead), 0);
    assert_int_equal(try_open(&node, address), MOOT_OK);
    assert_int_equal(access(path, F_OK), -1); /* removed with its owner */

    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(try_open(&node, address), MOOT_FILE_IO);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    test_node_deinit(&node);
}

static void addresses_that_are_none_are_refused(void **state)
{
    (void)state;
    struct test_node node;
    test_node_open(&node, "ana");
    char longest[300] = "unix:/";
    memset(longest + 6, 'a', sizeof longest - 7);
    assert_int_equal(try_open(&node, longest), MOOT_BAD_ARGUMENT);
    assert_int_equal(try_open(&node, "unix:"), MOOT_BAD_ARGUMENT);
    assert_int_equal(try_open(&node, "tcp://127.0.0.1:1"), MOOT_BAD_ARGUMENT);
    assert_int_equal(try_open(&node, ""), MOOT_BAD_ARGUMENT);
    assert_int_equal(try_open(&node, "unix:/nowhere/at/all"), MOOT_FILE_IO);
    test_node_deinit(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_dead_socket_is_replaced),
        cmocka_unit_test(addresses_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
