/* The scenario language: what is said is what is meant, and anything else is an error at its place. */
#include "tests/lib/test.h"

#include "sim/scenario.h"

#define HEAD                                                                                       \
    "scenario \"t\"\n"                                                                             \
    "nodes d1..d4 admins=d1,d2,d3 threshold=2\n"
#define END "finally expect digest-equal all\n"

static bool parse(const char *text, struct moot_sim_scenario *ret, struct moot_sim_problem *problem)
{
    return moot_sim_scenario_parse(text, strlen(text), ret, problem);
}

static void every_mistake_is_an_error_at_its_line_and_column(void **state)
{
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *says;
    } cases[] = {
        {"", 1, 1, "a scenario has"},
        {"nodes d1 admins=d1 threshold=1\n" END, 3, 1, "a scenario has"},
        {"scenario t\n", 1, 10, "stands in quotes"},
        {"scenario \"t\n", 1, 10, "not closed"},
        {"scenario \"t\"\nscenario \"u\"\n", 2, 1, "said twice"},
        {"scenario \"t\" more\n", 1, 14, "follows the end"},
        {"sceanrio \"t\"\n", 1, 1, "\"scenario\"?"},
        {"nodes d1,d1 admins=d1 threshold=1\n", 1, 10, "declared twice"},
        {"nodes d1..d3 admins=d1,d9 threshold=1\n", 1, 24, "unknown node \"d9\""},
        {"nodes d1..d3 admins=d1,d2 threshold=1\n", 1, 7, "more than half"},
        {"nodes d1..d3 admins=d1,d2 threshold=3\n", 1, 7, "at most all"},
        {"nodes d1..d3\n", 1, 7, "admins="},
        {"nodes d3..d1 admins=d1 threshold=1\n", 1, 7, "no range"},
        {"nodes d1,,d2 admins=d1 threshold=1\n", 1, 10, "a name is missing"},
        {"nodes all admins=all threshold=1\n", 1, 7, "no name for a node"},
        {"nodes d1 admin=d1 threshold=1\n", 1, 10, "unknown option"},
        {"seed 5..1\n", 1, 6, "ends before"},
        {"seed x\n", 1, 6, "no whole number"},
        {"net delay=5\n", 1, 11, "no time"},
        {"net delay=9ms..5ms\n", 1, 11, "ends before"},
        {"net loss=101%\n", 1, 10, "no share"},
        {"net loss=5\n", 1, 10, "no share"},
        {"net lose=5%\n", 1, 5, "unknown option"},
        {"epoch interval=10ms\n", 1, 16, "a second or more"},
        {"allow one-vote\n", 1, 15, "why, in quotes"},
        {"allow one-voice \"x\"\n", 1, 7, "\"one-vote\"?"},
        {"at 1s heal\n", 1, 1, "before \"nodes\""},
        {HEAD "homes h=d1 g=d1\n", 3, 14, "two homes"},
        {HEAD "at 1s heal\nseed 1\n", 4, 1, "above the statements"},
        {HEAD "at\n", 3, 3, "the line ends"},
        {HEAD "at soon heal\n", 3, 4, "no time"},
        {HEAD "at 1y heal\n", 3, 4, "no time"},
        {HEAD "at 99999d heal\n", 3, 4, "no time"},
        {HEAD "at 1s\n", 3, 6, "an act"},
        {HEAD "at 1s heel\n", 3, 7, "unknown act \"heel\": \"heal\"?"},
        {HEAD "at 1s d1 aprove U\n", 3, 10, "unknown act \"aprove\": \"approve\"?"},
        {HEAD "at 1s d7 approve U\n", 3, 7, "unknown node"},
        {HEAD "at 1s d1\n", 3, 9, "a verb"},
        {HEAD "at 1s heal now\n", 3, 12, "follows the end"},
        {HEAD "at 1s crash d1,d1\n", 3, 16, "named twice"},
        {HEAD "at 1s partition d1,d2\n", 3, 22, "two groups"},
        {HEAD "at 1s partition d1 | d1\n", 3, 22, "in two groups"},
        {HEAD "at 1s d1 propose downgrade U\n", 3, 18, "unknown kind of proposal"},
        {HEAD "at 1s d1 propose upgrade U kind=soft\n", 3, 37, "ready="},
        {HEAD "at 1s d1 propose upgrade U kind=odd ready=1\n", 3, 33, "kind=odd"},
        {HEAD "at 1s d1 propose upgrade U! kind=soft ready=1\n", 3, 26, "no name"},
        {HEAD "at 1s d1 put key\n", 3, 17, "a value"},
        {HEAD "at 1s d1 approve U\n" END, 3, 18, "nothing in this file"},
        {HEAD "at 1s d1 propose upgrade U kind=soft ready=1\n"
              "at 1s d2 propose upgrade U kind=soft ready=1\n" END,
         4, 1, "proposed twice"},
        {HEAD "at 2s heal\nat 1s heal\n", 4, 4, "goes back"},
        {HEAD "within 1s epoch d1 == 1\n", 3, 11, "\"expect\" is expected"},
        {HEAD "finally digest-equal all\n", 3, 9, "\"expect\" is expected"},
        {HEAD "always expect digest-equal all\n", 3, 8, "unknown predicate"},
        {HEAD "finally expect digests-equal all\n", 3, 16, "\"digest-equal\"?"},
        {HEAD "finally expect digest-equal any\n", 3, 16, "compares all"},
        {HEAD "finally expect digest-equal d5\n", 3, 29, "unknown node"},
        {HEAD "finally expect epoch all = 3\n", 3, 26, "unknown comparison"},
        {HEAD "finally expect epoch all == three\n", 3, 29, "no whole number"},
        {HEAD "finally expect state U == in-force\n", 3, 22, "nothing in this file"},
        {HEAD "finally expect state U == in-farce\n", 3, 27, "\"in-force\"?"},
        {HEAD "finally expect state U >= in-force\n", 3, 24, "only == and !="},
        {HEAD "never accepted any W4\n", 3, 20, "nothing in this file"},
        {HEAD "never refused any W4 reason=nope\n", 3, 29, "unknown reason"},
        {HEAD "never mark all epoch.advancd\n", 3, 16, "unknown mark"},
        {HEAD "at 1s heal\n", 3, 1, "expects nothing"},
        {HEAD "finally expect epoch all == \x01\n", 3, 29, "control character"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct moot_sim_scenario scenario;
        struct moot_sim_problem problem;
        if (parse(cases[i].text, &scenario, &problem))
            fail_msg("parses, and should not: %s", cases[i].text);
        if (problem.place.line != cases[i].line || problem.place.column != cases[i].column ||
            !strstr(problem.text, cases[i].says))
            fail_msg("%u:%u: %s, where %u:%u ...%s... is meant: %s", problem.place.line,
                     problem.place.column, problem.text, cases[i].line, cases[i].column,
                     cases[i].says, cases[i].text);
    }
}

static void a_word_or_line_that_is_too_long_is_an_error(void **state)
{
    struct moot_sim_scenario scenario;
    struct moot_sim_problem problem;
    char text[2000];
    (void)state;
    memset(text, 'x', sizeof text);
    assert_false(moot_sim_scenario_parse(text, sizeof text, &scenario, &problem));
    assert_non_null(strstr(problem.text, "more than 127 characters"));
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = ' ';
    assert_false(moot_sim_scenario_parse(text, sizeof text, &scenario, &problem));
    assert_non_null(strstr(problem.text, "more than 64 words"));
}

static const char full[] = "# a comment\n"
                           "scenario   \"all of it\"   # with a comment\n"
                           "\n\n\n"
                           "seed 3..7\n"
                           "nodes d1..d4 admins=d1,d2,d3 threshold=2\n"
                           "homes attic=d1,d2 barn=d3..d4\n"
                           "net delay=5ms..2s loss=0.25% dup=2%\n"
                           "lan delay=100us\n"
                           "epoch interval=1m\n"
                           "clocks skew=90s drift=0.02%\n"
                           "settle 5s\n"
                           "allow act \"late people\"\n"
                           "allow act-refused \"likewise\"\n"
                           "at 1s d1 propose upgrade U kind=soft ready=3\n"
                           "at 2s    d2 approve   U\n"
                           "within 3s expect readiness U not-ready >= 1 on d1,d2\n"
                           "at 5s partition d1,d2 | d3\n"
                           "at 5s d4 put k \"v\"\n"
                           "at 6s d1 propose admins A set=d1..d2 threshold=2\n"
                           "at 6s d3 reject A \"not that\"\n"
                           "never state U == conflicted on any\n"
                           "sometimes refused d4 v reason=being_heard\n"
                           "finally expect admins all != d1,d2\n";

static void a_whole_file_says_what_it_says(void **state)
{
    struct moot_sim_scenario s;
    struct moot_sim_problem problem;
    (void)state;
    if (!parse(full, &s, &problem))
        fail_msg("%u:%u: %s", problem.place.line, problem.place.column, problem.text);
    assert_string_equal(s.name, "all of it");
    assert_int_equal(s.seed_first, 3);
    assert_int_equal(s.seed_last, 7);
    assert_int_equal(s.node_count, 4);
    assert_string_equal(s.nodes[3].name, "d4");
    assert_string_equal(s.nodes[3].home, "barn");
    assert_int_equal(s.threshold, 2);
    assert_int_equal(s.net.delay_us_max, 2000000);
    assert_int_equal(s.net.loss_ppm, 2500);
    assert_int_equal(s.net.dup_ppm, 20000);
    assert_int_equal(s.lan.delay_us_min, 100);
    assert_int_equal(s.lan.delay_us_max, 100);
    assert_int_equal(s.lan.loss_ppm, 0);
    assert_int_equal(s.epoch_interval_ms, 60000);
    assert_int_equal(s.clock_drift_ppm_max, 200);
    assert_int_equal(s.statement_count, 10);
    assert_int_equal(s.allowed, (uint32_t)1 << moot_sim_invariant_find("act") |
                                    (uint32_t)1 << moot_sim_invariant_find("act-refused"));
    assert_int_equal(moot_sim_scenario_end_us(&s), 11000000);

    const struct moot_sim_statement *at = s.statements;
    assert_int_equal(at[0].act.kind, MOOT_SIM_PROPOSE_UPGRADE);
    assert_int_equal(at[0].act.ready, 3);
    assert_int_equal(at[2].when, MOOT_SIM_WITHIN);
    assert_int_equal(at[2].at_us, 2000000);
    assert_int_equal(at[2].span_us, 3000000);
    assert_int_equal(at[2].predicate.readiness, MOOT_READINESS_NOT_READY);
    assert_int_equal(at[2].predicate.compare, MOOT_SIM_GE);
    assert_true(moot_sim_set_has(&at[2].predicate.who, 1));
    assert_false(moot_sim_set_has(&at[2].predicate.who, 2));
    assert_int_equal(at[3].act.group_count, 2);
    assert_string_equal(at[4].act.value, "v");
    assert_int_equal(at[5].act.threshold, 2);
    assert_string_equal(at[6].act.key, "not that");
    assert_true(at[7].predicate.any);
    assert_int_equal(at[8].predicate.reason, MOOT_BEING_HEARD);
    assert_int_equal(at[9].predicate.compare, MOOT_SIM_NE);
    assert_int_equal(at[9].place.line, 25);
    moot_sim_scenario_deinit(&s);
}

static void the_canonical_form_parses_alike_and_is_its_own_canonical_form(void **state)
{
    struct moot_sim_scenario before, after;
    struct moot_sim_problem problem;
    (void)state;
    char *once = moot_sim_scenario_format(full, strlen(full));
    char *twice = moot_sim_scenario_format(once, strlen(once));
    assert_string_equal(once, twice);
    assert_non_null(strstr(once, "# a comment\nscenario  \"all of it\"  # with a comment\n\nseed"));
    assert_non_null(strstr(once, "\nat        2s d2 approve U\n"));
    assert_true(parse(full, &before, &problem));
    assert_true(parse(once, &after, &problem));
    assert_int_equal(before.statement_count, after.statement_count);
    for (uint32_t i = 0; i < before.statement_count; i++) {
        assert_memory_equal(&before.statements[i].act, &after.statements[i].act,
                            sizeof before.statements[i].act);
        assert_memory_equal(&before.statements[i].predicate, &after.statements[i].predicate,
                            sizeof before.statements[i].predicate);
    }
    moot_sim_scenario_deinit(&before);
    moot_sim_scenario_deinit(&after);
    free(once);
    free(twice);
}

/* Any bytes: parsed or refused, never a crash. Slips of a good file find most doors. */
static void a_file_with_slips_is_parsed_or_refused(void **state)
{
    struct test_random random = test_random_start("scenario slips");
    uint32_t refused = 0;
    char text[sizeof full];
    (void)state;
    for (uint32_t i = 0; i < 3000; i++) {
        struct moot_sim_scenario scenario;
        struct moot_sim_problem problem;
        memcpy(text, full, sizeof text);
        for (uint64_t slips = test_random_below(&random, 3) + 1; slips > 0; slips--)
            text[test_random_below(&random, sizeof text - 1)] =
                (char)test_random_below(&random, 256);
        if (moot_sim_scenario_parse(text, sizeof text - 1, &scenario, &problem)) {
            moot_sim_scenario_deinit(&scenario);
        } else {
            assert_true(problem.place.line > 0 && problem.place.column > 0);
            assert_true(problem.text[0] != '\0');
            refused++;
        }
    }
    assert_in_range(refused, 1000, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_an_error_at_its_line_and_column),
        cmocka_unit_test(a_word_or_line_that_is_too_long_is_an_error),
        cmocka_unit_test(a_whole_file_says_what_it_says),
        cmocka_unit_test(the_canonical_form_parses_alike_and_is_its_own_canonical_form),
        cmocka_unit_test(a_file_with_slips_is_parsed_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
