/* The verbs of the cache: what they ask for, what they print, how they exit. */
#include "tests/lib/test.h"
#include "tests/lib/tools/fake_node.h"

static void keys_prefixes_and_the_floor_go_over_as_asked(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "POST /v1/propose/cache", 200,
                     "{\"id\":\"CI-1\",\"kind\":\"cache\",\"state\":\"proposed\","
                     "\"cache\":{\"keys\":[\"a\"],\"prefixes\":[\"b/\",\"c/\"],\"floor\":7}}");
    assert_int_equal(fake_node_run(node, "propose cache a b", NULL), 0);
    assert_string_equal(fake_node_body(node, 0), "{\"keys\":[\"a\",\"b\"]}");
    assert_non_null(strstr(fake_node_out(node),
                           "invalidate a and all that begins with b/ and c/ below epoch 7"));
    assert_int_equal(fake_node_run(node, "propose cache b/ --prefix --floor 7", NULL), 0);
    assert_string_equal(fake_node_body(node, 1), "{\"prefixes\":[\"b/\"],\"floor\":7}");
    assert_int_equal(fake_node_run(node, "cache invalidate a --floor +2 --dry-run", NULL), 0);
    assert_string_equal(fake_node_body(node, 2),
                        "{\"keys\":[\"a\"],\"floor\":\"+2\",\"dry_run\":true}");
    fake_node_free(node);
}

static void a_floor_that_is_no_epoch_and_no_key_at_all_are_usage(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    assert_int_equal(fake_node_run(node, "propose cache a --floor soon", NULL), 2);
    assert_int_equal(fake_node_run(node, "propose cache a --floor 4294967296", NULL), 2);
    assert_int_equal(fake_node_run(node, "propose cache", NULL), 2);
    assert_int_equal(fake_node_run(node, "cache set a", NULL), 2);
    assert_int_equal(fake_node_request_count(node), 0);
    fake_node_free(node);
}

static void get_prints_exactly_the_value_and_a_miss_is_exit_4(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/cache/a%2Fb", 200,
                     "{\"key\":\"a/b\",\"value\":\"so\\u001bup\",\"epoch\":3,\"floor\":null}");
    assert_int_equal(fake_node_run(node, "cache get a/b", NULL), 0);
    assert_string_equal(fake_node_out(node), "so\x1bup\n");
    assert_int_equal(fake_node_run(node, "cache get none", NULL), 4);
    assert_string_equal(fake_node_out(node), "");
    fake_node_free(node);
}

static void set_sends_text_or_base64_and_reports_a_floor(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "POST /v1/cache/k", 200, "{\"key\":\"k\",\"epoch\":3,\"floor\":null}");
    assert_int_equal(fake_node_run(node, "cache set k soup", NULL), 0);
    assert_string_equal(fake_node_body(node, 0), "{\"value\":\"soup\"}");
    assert_string_equal(fake_node_out(node), "k cached in epoch 3\n");
    assert_int_equal(fake_node_run(node, "cache set k -", "\xff\xfe!"), 0);
    assert_string_equal(fake_node_body(node, 1), "{\"value_base64\":\"//4h\"}");
    fake_node_answer(node, "POST /v1/cache/low", 422,
                     "{\"error\":{\"code\":\"below_floor\",\"text\":\"t\",\"advice\":\"a\","
                     "\"exit\":1}}");
    assert_int_equal(fake_node_run(node, "cache set low soup", NULL), 1);
    fake_node_free(node);
}

static void check_says_what_a_get_would_find(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/cache-check/a", 200,
                     "{\"key\":\"a\",\"held\":true,\"served\":true,\"epoch\":3,\"floor\":2,"
                     "\"bytes\":4,\"epoch_now\":5}");
    fake_node_answer(node, "GET /v1/cache-check/b", 200,
                     "{\"key\":\"b\",\"held\":false,\"served\":false,\"epoch\":null,"
                     "\"floor\":null,\"bytes\":null,\"epoch_now\":5}");
    assert_int_equal(fake_node_run(node, "cache check a", NULL), 0);
    assert_string_equal(fake_node_out(node),
                        "a: stored in epoch 3, served; floor 2, the epoch is 5\n");
    assert_int_equal(fake_node_run(node, "cache check b", NULL), 4);
    assert_string_equal(fake_node_out(node), "b: not here; never invalidated\n");
    fake_node_free(node);
}

static void stats_prints_every_counter(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(
        node, "GET /v1/cache", 200,
        "{\"entries\":1,\"entries_max\":4,\"bytes\":2,\"bytes_max\":8,\"hits\":11,"
        "\"misses\":12,\"invalidated\":13,\"stored\":14,\"evicted\":15,\"floors\":16}");
    assert_int_equal(fake_node_run(node, "cache stats", NULL), 0);
    assert_string_equal(fake_node_out(node), "entries      1 of 4\n"
                                             "bytes        2 of 8\n"
                                             "hits         11\n"
                                             "misses       12\n"
                                             "invalidated  13\n"
                                             "stored       14\n"
                                             "evicted      15\n"
                                             "floors       16\n");
    fake_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_prefixes_and_the_floor_go_over_as_asked),
        cmocka_unit_test(a_floor_that_is_no_epoch_and_no_key_at_all_are_usage),
        cmocka_unit_test(get_prints_exactly_the_value_and_a_miss_is_exit_4),
        cmocka_unit_test(set_sends_text_or_base64_and_reports_a_floor),
        cmocka_unit_test(check_says_what_a_get_would_find),
        cmocka_unit_test(stats_prints_every_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
