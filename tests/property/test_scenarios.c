/*
 * The shipped scenarios hold under every seed they name, and every run is the same twice: also when
 * fresh memory holds other bytes. Random weather finds what no scenario was written for.
 */
#include "tests/lib/sim/play.h"

static const char *const shipped[] = {"soft-fork-straggler", "one-vote", "crashes", "split",
                                      "stalled-line"};
#define SHIPPED_COUNT (sizeof shipped / sizeof shipped[0])

static void every_shipped_scenario_holds_under_all_its_seeds(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHIPPED_COUNT; i++) {
        struct moot_sim_scenario scenario;
        play_shipped(shipped[i], &scenario);
        bool *held = (bool *)calloc(scenario.statement_count, sizeof *held);
        assert_non_null(held);
        for (uint64_t seed = scenario.seed_first; seed <= scenario.seed_last; seed++) {
            struct played played = play_scenario(&scenario, seed, 0, held);
            if (played.failure.set)
                fail_msg("%s seed %llu: %s: %s", shipped[i], (unsigned long long)seed,
                         played.failure.invariant, played.failure.why);
            assert_true(played.checks > 100);
        }
        for (uint32_t j = 0; j < scenario.statement_count; j++) {
            if (scenario.statements[j].when == MOOT_SIM_SOMETIMES && !held[j])
                fail_msg("%s: never under any seed: %s", shipped[i], scenario.statements[j].text);
        }
        free(held);
        moot_sim_scenario_deinit(&scenario);
    }
}

static void one_seed_gives_one_trace_whatever_fresh_memory_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHIPPED_COUNT; i++) {
        struct moot_sim_scenario scenario;
        struct moot_digest before = {{0}};
        play_shipped(shipped[i], &scenario);
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct played one = play_scenario(&scenario, seed, 0, NULL);
            struct played two = play_scenario(&scenario, seed, 0xa5, NULL);
            assert_memory_equal(&one.trace, &two.trace, sizeof one.trace);
            assert_memory_equal(&one.counts, &two.counts, sizeof one.counts);
            assert_memory_not_equal(&one.trace, &before, sizeof one.trace);
            before = one.trace;
        }
        moot_sim_scenario_deinit(&scenario);
    }
}

static void frames_that_arrive_twice_are_refused(void **state)
{
    static const char text[] = "scenario \"replays\"\n"
                               "nodes d1..d3 admins=d1,d2 threshold=2\n"
                               "net delay=1ms..20ms dup=2%\n"
                               "at 1s d3 put doc W1\n"
                               "finally expect accepted all W1\n";
    (void)state;
    struct played played = play_text(text, 1);
    if (played.failure.set)
        fail_msg("%s: %s", played.failure.invariant, played.failure.why);
    assert_true(played.counts.duplicated >= 5);
    assert_true(played.counts.duplicates_refused > 0);
}

/* ---- random weather ---- */

#define PLAY_US 90000000u
#define ACTS_MAX 64

struct timed {
    uint64_t at_us;
    char text[80];
};
struct plan {
    struct timed acts[ACTS_MAX];
    uint32_t count;
};

static void plan_add(struct plan *plan, uint64_t at_us, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void plan_add(struct plan *plan, uint64_t at_us, const char *format, ...)
{
    va_list arguments;
    uint32_t at = plan->count;
    if (at == ACTS_MAX)
        return;
    plan->count++;
    for (; at > 0 && plan->acts[at - 1].at_us > at_us; at--)
        plan->acts[at] = plan->acts[at - 1];
    plan->acts[at].at_us = at_us;
    va_start(arguments, format);
    vsnprintf(plan->acts[at].text, sizeof plan->acts[at].text, format, arguments);
    va_end(arguments);
}

/* Half of the time: up to 9 ms after the next act, while its commit is under way. */
static uint64_t bad_moment_us(const struct plan *plan, struct test_random *random, uint64_t at_us)
{
    bool near = test_random_below(random, 2) == 0;
    for (uint32_t i = 0; near && i < plan->count; i++) {
        if (plan->acts[i].at_us > at_us)
            return plan->acts[i].at_us + test_random_below(random, 9000);
    }
    return at_us;
}

static void crashes_add(struct plan *plan, struct test_random *random, uint32_t nodes)
{
    for (uint32_t i = 1; i <= nodes; i++) {
        uint64_t at_us = 500000 + test_random_below(random, 30000000);
        while (test_random_below(random, 10) < 6 && at_us < PLAY_US - 40000000u) {
            at_us = bad_moment_us(plan, random, at_us);
            uint64_t down_us = 1 + test_random_below(random, 1u << test_random_below(random, 25));
            plan_add(plan, at_us, "crash d%u", i);
            plan_add(plan, at_us + down_us, "restart d%u", i);
            at_us += down_us + 10000 + test_random_below(random, 20000000);
        }
    }
}

static void cuts_add(struct plan *plan, struct test_random *random, uint32_t nodes)
{
    uint64_t at_us = 1000000 + test_random_below(random, 20000000);
    while (test_random_below(random, 10) < 6 && at_us < PLAY_US - 40000000u) {
        uint32_t one = (uint32_t)test_random_below(random, nodes) + 1;
        if (test_random_below(random, 2) == 0)
            plan_add(plan, at_us, "isolate d%u", one);
        else
            plan_add(plan, at_us, "partition d%u,d%u | d%u", one, one % nodes + 1,
                     (one + 1) % nodes + 1);
        at_us += 100000 + test_random_below(random, 30000000);
        plan_add(plan, at_us, "heal");
    }
}

static void people_add(struct plan *plan, struct test_random *random, uint32_t nodes)
{
    uint64_t at_us = 1000000 + test_random_below(random, 20000000);
    plan_add(plan, at_us, "d1 propose upgrade U kind=soft ready=%u",
             (unsigned)test_random_below(random, nodes + 1));
    for (uint32_t i = 1; i <= 3; i++)
        plan_add(plan, at_us + test_random_below(random, 30000000), "d%u %s", i,
                 test_random_below(random, 8) > 0 ? "approve U" : "reject U no");
    if (test_random_below(random, 2) == 0)
        plan_add(plan, at_us + test_random_below(random, 30000000),
                 "d2 propose admins A set=d1..d%u threshold=%u", nodes, nodes / 2 + 1);
    for (uint32_t i = 0; i < 5; i++)
        plan_add(plan, test_random_below(random, PLAY_US), "d%u put k%u v%u",
                 (unsigned)test_random_below(random, nodes) + 1,
                 (unsigned)test_random_below(random, 2), i);
}

static void whatever_the_weather_no_invariant_breaks_and_all_become_equal(void **state)
{
    struct test_random random = test_random_start("weather");
    (void)state;
    for (uint32_t round = 0; round < 15; round++) {
        static const char *const delays[] = {"1ms..5ms", "5ms..50ms", "20ms..400ms"};
        char text[8192];
        struct plan plan = {.count = 0};
        uint32_t nodes = 3 + (uint32_t)test_random_below(&random, 3);
        people_add(&plan, &random, nodes);
        crashes_add(&plan, &random, nodes);
        cuts_add(&plan, &random, nodes);
        plan_add(&plan, PLAY_US, "heal");
        size_t used = (size_t)snprintf(
            text, sizeof text,
            "scenario \"weather\"\nnodes d1..d%u admins=d1,d2,d3 threshold=2\n"
            "net delay=%s loss=%u%% dup=0.%u%%\nclocks skew=60s drift=0.%u%%\n"
            "epoch interval=%us\nallow act-refused \"people are late\"\n"
            "allow act \"likewise\"\n",
            nodes, delays[test_random_below(&random, 3)], (unsigned)test_random_below(&random, 4),
            (unsigned)test_random_below(&random, 5), (unsigned)test_random_below(&random, 9),
            3 + (unsigned)test_random_below(&random, 8));
        for (uint32_t i = 0; i < plan.count; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "at %lluus %s\n",
                                     (unsigned long long)plan.acts[i].at_us, plan.acts[i].text);
        snprintf(text + used, sizeof text - used,
                 "never state U == conflicted on any\n"
                 "finally expect digest-equal all\nfinally expect frontier-equal all\n");
        struct played played = play_text(text, round + 1);
        if (played.failure.set)
            fail_msg("%s: %s\nseed %u of\n%s", played.failure.invariant, played.failure.why,
                     round + 1, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shipped_scenario_holds_under_all_its_seeds),
        cmocka_unit_test(one_seed_gives_one_trace_whatever_fresh_memory_holds),
        cmocka_unit_test(frames_that_arrive_twice_are_refused),
        cmocka_unit_test(whatever_the_weather_no_invariant_breaks_and_all_become_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
