/* The cache over the control API. */
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

static void expect(const char *method, const char *path, const char *body, const char *member,
                   const char *value)
{
    json_t *answer = test_node_expect(&node, method, path, body, 200);
    assert_string_equal(test_json_at(answer, member), value);
    json_decref(answer);
}

static void a_node_without_a_mesh_caches_nothing(void **state)
{
    (void)state;
    test_node_refused(&node, "GET", "/v1/cache/a", NULL, MOOT_NO_MESH);
    test_node_refused(&node, "GET", "/v1/cache-check/a", NULL, MOOT_NO_MESH);
    test_node_refused(&node, "POST", "/v1/cache/a", "{\"value\":\"1\"}", MOOT_NO_MESH);
    test_node_refused(&node, "POST", "/v1/propose/cache", "{\"keys\":[\"a\"]}", MOOT_NO_MESH);
}

static void values_come_back_as_they_went_in(void **state)
{
    (void)state;
    found();
    expect("POST", "/v1/cache/a%2Fb", "{\"value\":\"soup\"}", "epoch", "1");
    expect("GET", "/v1/cache/a/b", NULL, "value", "soup");
    expect("POST", "/v1/cache/%ff", "{\"value_base64\":\"//79\"}", "key_base64", "/w==");
    expect("GET", "/v1/cache/%ff", NULL, "value_base64", "//79");
    expect("GET", "/v1/cache-check/a/b", NULL, "served", "true");
    test_node_refused(&node, "GET", "/v1/cache/none", NULL, MOOT_NOT_FOUND);
    expect("GET", "/v1/cache", NULL, "hits", "2");
    expect("GET", "/v1/cache", NULL, "misses", "1");
}

static void an_invalidation_in_force_takes_effect_at_once(void **state)
{
    (void)state;
    found();
    expect("POST", "/v1/cache/menu/today", "{\"value\":\"soup\"}", "epoch", "1");
    expect("POST", "/v1/propose/cache", "{\"keys\":[\"x\"],\"prefixes\":[\"menu/\"]}",
           "cache.floor", "2");
    for (int i = 0; i < 100; i++) {
        test_node_run(&node, 20);
        json_t *check = test_node_expect(&node, "GET", "/v1/cache-check/menu/today", NULL, 200);
        bool there = strcmp(test_json_at(check, "floor"), "2") == 0;
        json_decref(check);
        if (there) {
            break;
        }
    }
    expect("GET", "/v1/cache-check/menu/today", NULL, "served", "false");
    expect("GET", "/v1/cache", NULL, "invalidated", "1");
    test_node_refused(&node, "GET", "/v1/cache/menu/today", NULL, MOOT_NOT_FOUND);
    test_node_refused(&node, "POST", "/v1/cache/menu/today", "{\"value\":\"soup\"}",
                      MOOT_BELOW_FLOOR);
    expect("GET", "/v1/proposals", NULL, "proposals.0.cache.prefixes.0", "menu/");
    expect("GET", "/v1/proposals", NULL, "proposals.0.state", "in-force");
}

static void what_is_not_understood_is_refused(void **state)
{
    (void)state;
    found();
    static const struct {
        const char *path, *body;
        enum moot_status why;
    } wrong[] = {
        {"/v1/cache/k", "{}", MOOT_BAD_ARGUMENT},
        {"/v1/cache/k", "{\"value\":\"a\",\"value_base64\":\"YQ==\"}", MOOT_BAD_ARGUMENT},
        {"/v1/cache/k", "{\"tombstone\":true}", MOOT_BAD_ARGUMENT},
        {"/v1/propose/cache", "{}", MOOT_BAD_ARGUMENT},
        {"/v1/propose/cache", "{\"keys\":[]}", MOOT_BAD_ARGUMENT},
        {"/v1/propose/cache", "{\"keys\":[\"\"]}", MOOT_BAD_ARGUMENT},
        {"/v1/propose/cache", "{\"keys\":[\"k\"],\"floor\":0}", MOOT_BAD_ARGUMENT},
        {"/v1/propose/cache", "{\"keys\":[\"k\"],\"floor\":\"soon\"}", MOOT_BAD_ARGUMENT},
        {"/v1/propose/cache", "{\"keys\":[\"k\"],\"floor\":1000}", MOOT_WINDOW},
    };
    for (size_t i = 0; i < MOOT_COUNT_OF(wrong); i++) {
        test_node_refused(&node, "POST", wrong[i].path, wrong[i].body, wrong[i].why);
    }
    expect("GET", "/v1/cache", NULL, "stored", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_node_without_a_mesh_caches_nothing, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(values_come_back_as_they_went_in, open_node, close_node),
        cmocka_unit_test_setup_teardown(an_invalidation_in_force_takes_effect_at_once, open_node,
                                        close_node),
        cmocka_unit_test_setup_teardown(what_is_not_understood_is_refused, open_node, close_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
