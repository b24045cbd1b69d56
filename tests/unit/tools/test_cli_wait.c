/* --wait ends when it is done, when it ended otherwise, or when time is up, and says which. */
#include "tests/lib/test.h"
#include "tests/lib/tools/fake_node.h"

#include <jansson.h>
#include <time.h>

#define PROPOSAL(state)                                                                            \
    "{\"schema\":\"moot.proposal/1\",\"id\":\"UP-7K3MQ2\",\"hash\":\"3fa9\",\"digest\":\"3fa9\","  \
    "\"kind\":\"upgrade\",\"state\":\"" state "\",\"possible\":true,\"waits_for\":[\"hall-pi\"]}"
#define PATH "GET /v1/proposals/3fa9"

static void propose_waits_until_in_force(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "POST /v1/propose/admins", 200, PROPOSAL("proposed"));
    fake_node_answer(node, PATH, 200, PROPOSAL("proposed"));
    fake_node_answer(node, PATH, 200, PROPOSAL("certified"));
    fake_node_answer(node, PATH, 200, PROPOSAL("in-force"));
    assert_int_equal(
        fake_node_run(node, "propose admins --set a,b --threshold 2 --wait=20s --json", NULL), 0);
    assert_string_equal(fake_node_out(node), PROPOSAL("in-force") "\n");
    assert_int_equal(fake_node_request_count(node), 4);
    fake_node_free(node);
}

static void people_see_what_it_waits_for_once(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, PATH, 200, PROPOSAL("proposed"));
    fake_node_answer(node, PATH, 200, PROPOSAL("proposed"));
    fake_node_answer(node, PATH, 200, PROPOSAL("in-force"));
    assert_int_equal(fake_node_run(node, "proposal wait 3fa9", NULL), 0);
    assert_string_equal(fake_node_err(node), "UP-7K3MQ2 proposed: waits for hall-pi\n");
    assert_non_null(strstr(fake_node_out(node), "[in-force]"));
    fake_node_free(node);
}

static void each_end_has_its_exit_code(void **state)
{
    static const struct {
        const char *answer;
        const char *line;
        int exit;
    } cases[] = {
        {PROPOSAL("rejected"), "proposal wait 3fa9", 8},
        {PROPOSAL("expired"), "proposal wait 3fa9", 8},
        {PROPOSAL("withdrawn"), "proposal wait 3fa9", 8},
        {PROPOSAL("conflicted"), "proposal wait 3fa9", 6},
        {PROPOSAL("rejected"), "proposal wait 3fa9 --for rejected", 0},
        {PROPOSAL("in-force"), "proposal wait 3fa9 --for certified", 0},
        {PROPOSAL("in-force"), "proposal wait 3fa9 --for withdrawn", 8},
        {PROPOSAL("certified"), "proposal wait 3fa9 --for proposed", 0},
        {PROPOSAL("certified"), "proposal wait 3fa9 --wait=200ms", 7},
        {PROPOSAL("proposed"), "proposal wait 3fa9 --wait=0", 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake_node *node = fake_node_new();
        fake_node_answer(node, PATH, 200, cases[i].answer);
        int code = fake_node_run(node, cases[i].line, NULL);
        if (code != cases[i].exit) {
            fail_msg("case %zu: %s: exit %d, expected %d", i, cases[i].line, code, cases[i].exit);
        }
        fake_node_free(node);
    }
}

static void waiting_in_vain_tells_the_newest_state_beside_the_error(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, PATH, 200, PROPOSAL("certified"));
    assert_int_equal(fake_node_run(node, "proposal wait 3fa9 --wait=100ms --json", NULL), 7);
    json_t *document = json_loads(fake_node_out(node), 0, NULL);
    assert_non_null(document);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(document, "error"), "code")),
        "timed_out");
    assert_string_equal(json_string_value(json_object_get(document, "state")), "certified");
    assert_string_equal(json_string_value(json_object_get(document, "id")), "UP-7K3MQ2");
    json_decref(document);
    fake_node_free(node);
}

static void there_is_no_waiting_for_what_is_not_there(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    assert_int_equal(fake_node_run(node, "proposal wait nope", NULL), 4);
    assert_int_equal(fake_node_request_count(node), 1);
    fake_node_free(node);
}

static void join_waits_until_member_or_turned_away(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "POST /v1/join", 200,
                     "{\"state\":\"pending\",\"device\":{\"name\":\"pi\"}}");
    fake_node_answer(node, "GET /v1/status", 200,
                     "{\"in_mesh\":false,\"joining\":\"pending\",\"device\":{\"name\":\"pi\"}}");
    fake_node_answer(node, "GET /v1/status", 200,
                     "{\"in_mesh\":true,\"joining\":\"none\",\"device\":{\"name\":\"pi\"},\"mesh\":"
                     "{\"id\":\"ab\",\"name\":\"alder\"}}");
    fake_node_answer(node, "GET /v1/status", 200, "{\"in_mesh\":false,\"joining\":\"denied\"}");
    assert_int_equal(fake_node_run(node, "join moot://x --wait=9s --json", NULL), 0);
    json_t *document = json_loads(fake_node_out(node), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(document, "state")), "member");
    json_decref(document);
    assert_int_equal(fake_node_run(node, "join moot://x --wait=9s", NULL), 8);
    fake_node_free(node);
}

static void epoch_wait_counts_from_now_with_a_plus(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/epoch", 200, "{\"epoch\":7}");
    fake_node_answer(node, "GET /v1/epoch", 200, "{\"epoch\":8}");
    fake_node_answer(node, "GET /v1/epoch", 200, "{\"epoch\":9}");
    assert_int_equal(fake_node_run(node, "epoch wait +2 --json", NULL), 0);
    assert_string_equal(fake_node_out(node), "{\"epoch\":9}\n");
    assert_int_equal(fake_node_run(node, "epoch wait 9 --json", NULL), 0);
    assert_int_equal(fake_node_run(node, "epoch wait 10 --wait=100ms", NULL), 7);
    fake_node_free(node);
}

static void a_reading_verb_waits_for_a_node_only_when_told_to(void **state)
{
    struct fake_node *node = fake_node_new();
    struct timespec before;
    struct timespec after;
    (void)state;
    fake_node_stop(node);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(fake_node_run(node, "status --wait=400ms", NULL), 3);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long long ms = (long long)(after.tv_sec - before.tv_sec) * 1000 +
                   (after.tv_nsec - before.tv_nsec) / 1000000;
    assert_true(ms >= 400);
    fake_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(propose_waits_until_in_force),
        cmocka_unit_test(people_see_what_it_waits_for_once),
        cmocka_unit_test(each_end_has_its_exit_code),
        cmocka_unit_test(waiting_in_vain_tells_the_newest_state_beside_the_error),
        cmocka_unit_test(there_is_no_waiting_for_what_is_not_there),
        cmocka_unit_test(join_waits_until_member_or_turned_away),
        cmocka_unit_test(epoch_wait_counts_from_now_with_a_plus),
        cmocka_unit_test(a_reading_verb_waits_for_a_node_only_when_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
