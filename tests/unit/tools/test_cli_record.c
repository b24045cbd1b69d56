/* Values go in and come out byte for byte, text or not. */
#include "tests/lib/test.h"
#include "tests/lib/tools/fake_node.h"

static void a_value_from_stdin_goes_over_as_text_if_it_is_text(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "POST /v1/records/k", 200, "{\"key\":\"k\",\"seq\":3}");
    assert_int_equal(fake_node_run(node, "record put k -", "two\nlines\n"), 0);
    assert_string_equal(fake_node_body(node, 0), "{\"value\":\"two\\nlines\\n\"}");
    assert_int_equal(fake_node_run(node, "record put k -", "\xff\xfe!"), 0);
    assert_string_equal(fake_node_body(node, 1), "{\"value_base64\":\"//4h\"}");
    assert_int_equal(fake_node_run(node, "record put k -", ""), 0);
    assert_string_equal(fake_node_body(node, 2), "{\"value\":\"\"}");
    fake_node_free(node);
}

static void a_value_that_is_too_long_is_refused_here(void **state)
{
    struct fake_node *node = fake_node_new();
    char *value = malloc(49154);
    (void)state;
    assert_non_null(value);
    memset(value, 'x', 49153);
    value[49153] = '\0';
    assert_int_equal(fake_node_run(node, "record put k -", value), 1);
    assert_int_equal(fake_node_request_count(node), 0);
    fake_node_answer(node, "POST /v1/records/k", 200, "{\"key\":\"k\",\"seq\":3}");
    value[49152] = '\0';
    assert_int_equal(fake_node_run(node, "record put k -", value), 0);
    free(value);
    fake_node_free(node);
}

static void get_prints_exactly_the_value_and_a_newline(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/records/t", 200,
                     "{\"key\":\"t\",\"value\":\"a\\u001b\\nb\",\"tombstone\":false}");
    fake_node_answer(node, "GET /v1/records/b", 200,
                     "{\"key\":\"b\",\"value_base64\":\"//4h\",\"tombstone\":false}");
    assert_int_equal(fake_node_run(node, "record get t", NULL), 0);
    assert_string_equal(fake_node_out(node), "a\x1b\nb\n");
    assert_int_equal(fake_node_run(node, "record get b", NULL), 0);
    assert_string_equal(fake_node_out(node), "\xff\xfe!\n");
    fake_node_free(node);
}

static void no_value_and_a_deleted_one_are_exit_4(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/records/d", 200,
                     "{\"key\":\"d\",\"tombstone\":true,\"values\":[{\"tombstone\":true}]}");
    assert_int_equal(fake_node_run(node, "record get none", NULL), 4);
    assert_int_equal(fake_node_run(node, "record get d", NULL), 4);
    assert_int_equal(fake_node_run(node, "record get d --all", NULL), 0);
    assert_non_null(strstr(fake_node_out(node), "(deleted)"));
    fake_node_free(node);
}

static void concurrent_values_are_pointed_out(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/records/k", 200,
                     "{\"key\":\"k\",\"value\":\"x\",\"concurrent\":2}");
    assert_int_equal(fake_node_run(node, "record get k", NULL), 0);
    assert_string_equal(fake_node_out(node), "x\n");
    assert_non_null(strstr(fake_node_err(node), "2 values stand beside each other"));
    fake_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_from_stdin_goes_over_as_text_if_it_is_text),
        cmocka_unit_test(a_value_that_is_too_long_is_refused_here),
        cmocka_unit_test(get_prints_exactly_the_value_and_a_newline),
        cmocka_unit_test(no_value_and_a_deleted_one_are_exit_4),
        cmocka_unit_test(concurrent_values_are_pointed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
