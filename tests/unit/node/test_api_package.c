/* Packages over the API: a good one is taken over and can be proposed, an altered one leaves nothing behind. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/node/package_fixture.h"
#include "tests/lib/node/testnode.h"

static struct test_node node;

static int open_node(void **state)
{
    (void)state;
    test_node_open(&node, "ana");
    json_decref(test_node_expect(&node, "POST", "/v1/init", "{\"mesh\":\"hill\"}", 200));
    return 0;
}

static int close_node(void **state)
{
    (void)state;
    test_node_deinit(&node);
    return 0;
}

static size_t read_file(const char *path, char *at, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t got = fread(at, 1, size, file);
    assert_int_equal(fclose(file), 0);
    return got;
}

/* PUTs the file, with byte `flip` altered (SIZE_MAX: none). */
static struct test_answer put(const char *path, size_t flip)
{
    size_t capacity = 4u << 20;
    char *text = malloc(capacity);
    assert_non_null(text);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    int head = snprintf(text, capacity,
                        "PUT /v1/packages HTTP/1.1\r\nHost: m\r\nConnection: close\r\n"
                        "Content-Length: %lld\r\n\r\n",
                        (long long)st.st_size);
    assert_true(head > 0);
    size_t size = read_file(path, text + head, capacity - (size_t)head);
    assert_int_equal(size, st.st_size);
    if (flip < size) {
        text[(size_t)head + flip] ^= 1;
    }
    struct test_answer answer = test_node_raw(&node, text, (size_t)head + size);
    free(text);
    return answer;
}

static unsigned leftovers(void)
{
    unsigned count = 0;
    DIR *entries = opendir(node.data);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        count += strncmp(entry->d_name, "package.", 8) == 0;
    }
    assert_int_equal(closedir(entries), 0);
    return count;
}

static void a_package_is_taken_over_and_decided(void **state)
{
    (void)state;
    const char *path = fixture_package(node.directory, "lamp", 700000, 1);
    struct test_answer answer = put(path, SIZE_MAX);
    assert_int_equal(answer.status, 200);
    assert_string_equal(test_json_at(answer.json, "schema"), "moot.package/1");
    char body[256];
    (void)snprintf(body, sizeof body, "{\"manifest\":\"%s\",\"kind\":\"soft\",\"ready\":1}",
                   test_json_at(answer.json, "manifest"));
    test_answer_free(&answer);
    assert_int_equal(leftovers(), 0);

    json_t *proposal = test_node_expect(&node, "POST", "/v1/propose/upgrade", body, 200);
    assert_string_equal(test_json_at(proposal, "kind"), "upgrade");
    char path_of[64];
    (void)snprintf(path_of, sizeof path_of, "/v1/proposals/%s", test_json_at(proposal, "id"));
    json_decref(proposal);
    /* A mesh of one: its own approval and its own readiness are enough. */
    bool in_force = false;
    for (int i = 0; i < 100 && !in_force; i++) {
        test_node_run(&node, 50);
        proposal = test_node_expect(&node, "GET", path_of, NULL, 200);
        in_force = strcmp(test_json_at(proposal, "state"), "in-force") == 0;
        if (in_force) {
            assert_string_equal(test_json_at(proposal, "readiness.ready"), "1");
            assert_string_equal(test_json_at(proposal, "readiness.devices.0.status"), "ready");
            assert_string_equal(test_json_at(proposal, "certificate.signers.0"), "ana");
            assert_string_equal(test_json_at(proposal, "approvals.yes.0"), "ana");
            assert_int_equal(strlen(test_json_at(proposal, "activation")), 64);
        }
        json_decref(proposal);
    }
    assert_true(in_force);
    json_t *upgrades = test_node_expect(&node, "GET", "/v1/upgrades", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(upgrades, "upgrades")), 1);
    json_decref(upgrades);
}

static void an_altered_package_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    const char *path = fixture_package(node.directory, "lamp", 300000, 2);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    for (int i = 0; i < 12; i++) {
        struct test_answer answer = put(path, (size_t)st.st_size * (size_t)i / 12);
        const char *code = test_json_at(answer.json, "error.code");
        enum moot_status status = moot_status_parse(code);
        assert_true(status == MOOT_BAD_PACKAGE || status == MOOT_BAD_MANIFEST ||
                    status == MOOT_BAD_SIGNATURE || status == MOOT_BAD_BLOCK ||
                    status == MOOT_BAD_PATH);
        test_answer_free(&answer);
        assert_int_equal(leftovers(), 0);
    }
    test_node_refused(&node, "PUT", "/v1/packages", "", MOOT_BAD_PACKAGE);
}

static void a_package_not_held_cannot_be_proposed(void **state)
{
    (void)state;
    test_node_refused(
        &node, "POST", "/v1/propose/upgrade",
        "{\"manifest\":\"0000000000000000000000000000000000000000000000000000000000000000\","
        "\"kind\":\"soft\",\"ready\":1}",
        MOOT_NOT_FOUND);
}

static void a_client_that_hangs_up_half_way_leaves_nothing(void **state)
{
    (void)state;
    int file = test_node_connect(&node);
    static const char ask[] =
        "PUT /v1/packages HTTP/1.1\r\nHost: m\r\nContent-Length: 1000\r\n\r\nMOOTPKG1";
    assert_int_equal(write(file, ask, sizeof ask - 1), sizeof ask - 1);
    test_node_run(&node, 50);
    assert_int_equal(leftovers(), 1);
    assert_int_equal(close(file), 0);
    test_node_run(&node, 50);
    assert_int_equal(leftovers(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_package_is_taken_over_and_decided, open_node, close_node),
        cmocka_unit_test_setup_teardown(an_altered_package_is_refused_and_leaves_nothing, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(a_package_not_held_cannot_be_proposed, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(a_client_that_hangs_up_half_way_leaves_nothing, open_node,
                                        close_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
