/* Packages by the command line: built, looked at, checked, handed to a node by streaming. */
#include "tests/lib/test.h"
#include "tests/lib/tools/fake_node.h"

#include <jansson.h>
#include <sys/stat.h>

/* Builds DIR/p.moot of one file with `content`; the answer of --json, owned by the caller. */
static json_t *build(struct fake_node *node, const char *content)
{
    char path[TEST_PATH_MAX];
    char line[TEST_PATH_MAX * 4];
    const char *directory = fake_node_directory(node);
    snprintf(path, sizeof path, "%s/tree", directory);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/tree/app.conf", directory);
    test_file_write(path, content, strlen(content));
    snprintf(line, sizeof line,
             "package build %s/tree --name thermostat --version 1.1.0 --output %s/p.moot --key "
             "%s/key --json",
             directory, directory, directory);
    assert_int_equal(fake_node_run(node, line, NULL), 0);
    json_t *document = json_loads(fake_node_out(node), 0, NULL);
    assert_non_null(document);
    return document;
}

static int run(struct fake_node *node, const char *format)
{
    char line[TEST_PATH_MAX];
    const char *at = strchr(format, '@'); /* stands for the directory */
    snprintf(line, sizeof line, "%.*s%s%s", (int)(at - format), format, fake_node_directory(node),
             at + 1);
    return fake_node_run(node, line, NULL);
}

static void what_was_built_verifies_and_names_its_files(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    json_t *built = build(node, "target = 21\n");
    assert_int_equal(run(node, "package verify @/p.moot"), 0);
    assert_int_equal(run(node, "package inspect @/p.moot --json"), 0);
    json_t *seen = json_loads(fake_node_out(node), 0, NULL);
    assert_true(json_equal(json_object_get(built, "manifest"), json_object_get(seen, "manifest")));
    const json_t *file = json_array_get(json_object_get(seen, "contents"), 0);
    assert_string_equal(json_string_value(json_object_get(file, "path")), "app.conf");
    assert_int_equal(json_integer_value(json_object_get(file, "bytes")), 12);
    json_decref(seen);
    json_decref(built);
    assert_int_equal(fake_node_request_count(node), 0);
    fake_node_free(node);
}

static void an_altered_package_is_exit_8_and_a_missing_one_4(void **state)
{
    struct fake_node *node = fake_node_new();
    char path[TEST_PATH_MAX];
    size_t size = 0;
    (void)state;
    json_decref(build(node, "target = 21\n"));
    snprintf(path, sizeof path, "%s/p.moot", fake_node_directory(node));
    uint8_t *bytes = test_file_read(path, 1000000, &size);
    bytes[size - 1] ^= 1;
    test_file_write(path, bytes, size);
    free(bytes);
    assert_int_equal(run(node, "package verify @/p.moot"), 8);
    assert_int_equal(run(node, "package verify @/none.moot"), 4);
    fake_node_free(node);
}

static void the_package_is_streamed_before_it_is_proposed(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    json_t *built = build(node, "target = 21\n");
    const char *manifest = json_string_value(json_object_get(built, "manifest"));
    char stored[256];
    char wanted[512];
    snprintf(stored, sizeof stored, "{\"schema\":\"moot.package/1\",\"manifest\":\"%s\"}",
             manifest);
    fake_node_answer(node, "PUT /v1/packages", 200, stored);
    fake_node_answer(node, "POST /v1/propose/upgrade", 200, "{\"id\":\"UP-1\"}");
    assert_int_equal(run(node, "propose upgrade @/p.moot --hard --at-epoch +30 --ready 3 "
                               "--min-protocol 2 --revert-plan back --short-notice --json"),
                     0);
    assert_string_equal(fake_node_request(node, 0), "PUT /v1/packages");
    assert_int_equal(strncmp(fake_node_body(node, 0), "MOOTPKG1", 8), 0);
    snprintf(wanted, sizeof wanted,
             "{\"kind\":\"hard\",\"ready\":3,\"at_epoch\":\"+30\",\"min_protocol\":2,"
             "\"revert_plan\":\"back\",\"short_notice\":true,\"manifest\":\"%s\"}",
             manifest);
    assert_string_equal(fake_node_body(node, 1), wanted);
    assert_string_equal(fake_node_out(node), "{\"id\":\"UP-1\"}\n");
    json_decref(built);
    fake_node_free(node);
}

static void what_is_no_package_never_travels(void **state)
{
    struct fake_node *node = fake_node_new();
    char path[TEST_PATH_MAX];
    (void)state;
    snprintf(path, sizeof path, "%s/p.moot", fake_node_directory(node));
    test_file_write(path, "hello", 5);
    assert_int_equal(run(node, "propose upgrade @/p.moot --soft --ready 1"), 8);
    assert_int_equal(run(node, "propose upgrade @/none.moot --soft --ready 1"), 4);
    assert_int_equal(fake_node_request_count(node), 0);
    fake_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_built_verifies_and_names_its_files),
        cmocka_unit_test(an_altered_package_is_exit_8_and_a_missing_one_4),
        cmocka_unit_test(the_package_is_streamed_before_it_is_proposed),
        cmocka_unit_test(what_is_no_package_never_travels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
