/* What a node says arrives unchanged with --json, as words without it, and with its exit code. */
#include "tests/lib/test.h"
#include "tests/lib/tools/fake_node.h"

#include <jansson.h>

#define HASH "3fa9c0de3fa9c0de3fa9c0de3fa9c0de3fa9c0de3fa9c0de3fa9c0de3fa9c0de"
#define PROPOSAL(state, yes)                                                                       \
    "{\"schema\":\"moot.proposal/1\",\"id\":\"UP-7K3MQ2\",\"hash\":\"" HASH                        \
    "\",\"digest\":\"" HASH "\",\"kind\":\"upgrade\",\"state\":\"" state                           \
    "\",\"possible\":true,\"proposer\":{\"name\":\"attic-nas\"},\"approvals\":{\"have\":1,"        \
    "\"need\":2,\"of\":3,\"yes\":[" yes "],\"no\":[]},\"waits_for\":[\"hall-pi\",\"porch-hub\"],"  \
    "\"upgrade\":{\"package\":\"thermostat\",\"from\":\"1.0.0\",\"to\":\"1.1.0\",\"kind\":"        \
    "\"soft\"}}"
#define FAILURE(code, exit)                                                                        \
    "{\"error\":{\"code\":\"" code "\",\"text\":\"the text\",\"advice\":\"the advice\","           \
    "\"detail\":\"the detail\",\"exit\":" exit "}}"

static void json_is_the_nodes_answer_unchanged(void **state)
{
    const char *answer = "{ \"schema\":\"moot.status/1\",\n  \"epoch\": 7, \"new\": [1,2] }";
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/status", 200, answer);
    assert_int_equal(fake_node_run(node, "status --json", NULL), 0);
    assert_int_equal(strncmp(fake_node_out(node), answer, strlen(answer)), 0);
    assert_string_equal(fake_node_out(node) + strlen(answer), "\n");
    assert_string_equal(fake_node_err(node), "");
    fake_node_free(node);
}

static void every_exit_code_of_the_node_is_passed_on(void **state)
{
    static const struct {
        int http, exit;
        const char *body;
    } cases[] = {
        {422, 1, FAILURE("unsupported", "1")},   {400, 2, FAILURE("bad_argument", "2")},
        {404, 4, FAILURE("not_found", "4")},     {403, 5, FAILURE("not_admin", "5")},
        {409, 6, FAILURE("wrong_digest", "6")},  {504, 7, FAILURE("timed_out", "7")},
        {410, 8, FAILURE("ended", "8")},         {423, 9, FAILURE("fenced", "9")},
        {503, 10, FAILURE("being_heard", "10")}, {500, 11, FAILURE("store_io", "11")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake_node *node = fake_node_new();
        fake_node_answer(node, "POST /v1/proposals/UP-1/approve", cases[i].http, cases[i].body);
        assert_int_equal(fake_node_run(node, "approve UP-1 --digest 3fa9", NULL), cases[i].exit);
        assert_string_equal(fake_node_out(node), "");
        assert_string_equal(fake_node_err(node), "moot: the text: the detail\n      the advice\n");
        assert_int_equal(fake_node_run(node, "approve UP-1 --digest 3fa9 --json", NULL),
                         cases[i].exit);
        json_t *sent = json_loads(cases[i].body, 0, NULL);
        json_t *got = json_loads(fake_node_out(node), 0, NULL);
        assert_true(json_equal(sent, got));
        json_decref(sent);
        json_decref(got);
        fake_node_free(node);
    }
}

static void nobody_listening_is_exit_3(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_stop(node);
    assert_int_equal(fake_node_run(node, "status", NULL), 3);
    assert_non_null(strstr(fake_node_err(node), "Connection refused"));
    assert_int_equal(fake_node_run(node, "journal stats --json", NULL), 3);
    assert_non_null(strstr(fake_node_out(node), "\"code\":\"no_node\""));
    fake_node_free(node);
}

static void something_else_listening_is_exit_3(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/status", 200, "<html>hello</html>");
    fake_node_answer(node, "GET /v1/epoch", 500, "oops");
    fake_node_answer(node, "GET /v1/devices", 200, "[1]");
    assert_int_equal(fake_node_run(node, "status", NULL), 3);
    assert_int_equal(fake_node_run(node, "epoch show", NULL), 3);
    assert_int_equal(fake_node_run(node, "device list", NULL), 3);
    fake_node_free(node);
}

static void requests_are_what_the_api_asks_for(void **state)
{
    static const struct {
        const char *line, *request, *body;
    } cases[] = {
        {"init --mesh alder --name nas --home elm", "POST /v1/init",
         "{\"mesh\":\"alder\",\"name\":\"nas\",\"home\":\"elm\"}"},
        {"join moot://x", "POST /v1/join", "{\"uri\":\"moot://x\"}"},
        {"device invite", "POST /v1/invite", "{}"},
        {"device admit hall-pi", "POST /v1/devices/admit", "{\"name\":\"hall-pi\"}"},
        {"device deny hall-pi", "POST /v1/devices/deny", "{\"name\":\"hall-pi\"}"},
        {"propose admins --set a,b,,c --threshold 2", "POST /v1/propose/admins",
         "{\"names\":[\"a\",\"b\",\"c\"],\"threshold\":2}"},
        {"approve UP-1 --digest 3fa9", "POST /v1/proposals/UP-1/approve", "{\"digest\":\"3fa9\"}"},
        {"reject UP-1 -m 'not now'", "POST /v1/proposals/UP-1/reject", "{\"reason\":\"not now\"}"},
        {"withdraw UP-1 --dry-run", "POST /v1/proposals/UP-1/withdraw", "{\"dry_run\":true}"},
        {"upgrade activate UP-1", "POST /v1/proposals/UP-1/activate", "{}"},
        {"record put a/b?c#d v", "POST /v1/records/a%2Fb%3Fc%23d", "{\"value\":\"v\"}"},
        {"record put .. v --queue", "POST /v1/records/..", "{\"value\":\"v\",\"queue\":true}"},
        {"record put k --delete", "POST /v1/records/k", "{\"tombstone\":true}"},
        {"record get 'a b' --all", "GET /v1/records/a%20b?all=1", ""},
        {"record list a/", "GET /v1/records?prefix=a%2F&limit=1000", ""},
        {"journal log --limit 5", "GET /v1/journal/log?limit=5", ""},
        {"events --since 9", "GET /v1/events?since=9", ""},
        {"show UP-1", "GET /v1/proposals/UP-1", ""},
        {"upgrade status", "GET /v1/upgrades", ""},
    };
    struct fake_node *node = fake_node_new();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_node_run(node, cases[i].line, NULL);
        assert_int_equal(fake_node_request_count(node), i + 1);
        assert_string_equal(fake_node_request(node, i), cases[i].request);
        assert_string_equal(fake_node_body(node, i), cases[i].body);
    }
    fake_node_free(node);
}

static void a_proposal_says_who_it_waits_for(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/proposals/UP-7K3MQ2", 200,
                     PROPOSAL("proposed", "\"attic-nas\""));
    assert_int_equal(fake_node_run(node, "show UP-7K3MQ2", NULL), 0);
    const char *out = fake_node_out(node);
    assert_non_null(strstr(out, "upgrade thermostat 1.0.0 -> 1.1.0 (soft)  [proposed]"));
    assert_non_null(strstr(out, "any 2 of 3, 1 so far: waiting for hall-pi or porch-hub"));
    assert_non_null(strstr(out, HASH));
    fake_node_free(node);
}

static void a_person_is_asked_for_the_digest_and_approves_what_was_shown(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_terminal(node, true);
    fake_node_answer(node, "GET /v1/proposals/UP-7", 200, PROPOSAL("proposed", ""));
    fake_node_answer(node, "POST /v1/proposals/" HASH "/approve", 200,
                     PROPOSAL("certified", "\"attic-nas\""));
    assert_int_equal(fake_node_run(node, "approve UP-7", " 3fa9 \n"), 0);
    assert_non_null(strstr(fake_node_err(node), HASH));
    assert_string_equal(fake_node_body(node, 1), "{\"digest\":\"3fa9\"}");
    assert_non_null(strstr(fake_node_out(node), "[certified]"));
    assert_int_equal(fake_node_run(node, "approve UP-7", "\n"), 1);
    assert_int_equal(fake_node_request_count(node), 3); /* it looked, and sent nothing */
    fake_node_free(node);
}

static void what_others_wrote_never_reaches_the_terminal_raw(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/devices", 200,
                     "{\"devices\":[{\"name\":\"a\\u001b[2Jb\\u009bc\\nd\",\"home\":\"\",\"id\":"
                     "\"abcdef\",\"state\":\"away\"}]}");
    assert_int_equal(fake_node_run(node, "device list", NULL), 0);
    assert_non_null(strstr(fake_node_out(node), "a?[2Jb??c?d"));
    assert_int_equal(fake_node_run(node, "device show abcd --json", NULL), 0);
    assert_non_null(strstr(fake_node_out(node), "\\u001B[2J"));
    assert_int_equal(fake_node_run(node, "device show nobody", NULL), 4);
    fake_node_free(node);
}

static void a_dry_run_prints_the_fact_and_says_that_nothing_changed(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "POST /v1/records/k", 200,
                     "{\"schema\":\"moot.dry-run/1\",\"dry_run\":true,\"payload\":\"93c0ff\"}");
    assert_int_equal(fake_node_run(node, "record put k v --dry-run", NULL), 0);
    assert_string_equal(fake_node_body(node, 0), "{\"value\":\"v\",\"dry_run\":true}");
    assert_string_equal(fake_node_out(node), "93c0ff\n");
    assert_non_null(strstr(fake_node_err(node), "nothing was changed"));
    fake_node_free(node);
}

static void doctor_says_how_bad_it_is_by_its_exit_code(void **state)
{
    static const char good[] =
        "{\"in_mesh\":true,\"version\":\"" MOOT_VERSION "\",\"devices\":[],\"notes\":[],"
        "\"epoch_stalled_s\":0}";
    static const char stalled[] =
        "{\"in_mesh\":true,\"version\":\"" MOOT_VERSION "\",\"devices\":[],\"notes\":[],"
        "\"epoch_stalled_s\":90,\"epoch_waits_for\":[\"hall-pi\"]}";
    static const char broken[] =
        "{\"in_mesh\":true,\"version\":\"" MOOT_VERSION "\",\"devices\":[],\"notes\":[{\"level\":"
        "\"error\",\"code\":\"store_io\",\"text\":\"t\",\"advice\":\"a\"}]}";
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/status", 200, good);
    fake_node_answer(node, "GET /v1/status", 200, stalled);
    fake_node_answer(node, "GET /v1/status", 200, broken);
    fake_node_answer(node, "GET /v1/journal/stats", 200, "{\"facts\":3,\"refused\":{}}");
    assert_int_equal(fake_node_run(node, "doctor", NULL), 0);
    assert_int_equal(fake_node_run(node, "doctor", NULL), 10);
    assert_non_null(strstr(fake_node_out(node), "waiting for hall-pi"));
    assert_int_equal(fake_node_run(node, "doctor --json", NULL), 11);
    assert_non_null(strstr(fake_node_out(node), "\"level\":\"broken\""));
    fake_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_the_nodes_answer_unchanged),
        cmocka_unit_test(every_exit_code_of_the_node_is_passed_on),
        cmocka_unit_test(nobody_listening_is_exit_3),
        cmocka_unit_test(something_else_listening_is_exit_3),
        cmocka_unit_test(requests_are_what_the_api_asks_for),
        cmocka_unit_test(a_proposal_says_who_it_waits_for),
        cmocka_unit_test(a_person_is_asked_for_the_digest_and_approves_what_was_shown),
        cmocka_unit_test(what_others_wrote_never_reaches_the_terminal_raw),
        cmocka_unit_test(a_dry_run_prints_the_fact_and_says_that_nothing_changed),
        cmocka_unit_test(doctor_says_how_bad_it_is_by_its_exit_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
