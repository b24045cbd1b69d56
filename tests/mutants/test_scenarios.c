/*
 * The shipped scenarios have teeth: each of these planted bugs breaks one of them, by the invariant that
 * is meant to notice it, and without the bug the same seed holds.
 */
#include "crypto/base/mutant.h"
#include "tests/lib/sim/play.h"

const char *moot_mutant_active = "";

static void mutant_breaks(const char *mutant, const char *scenario_name, const char *invariant)
{
    struct moot_sim_scenario scenario;
    play_shipped(scenario_name, &scenario);
    moot_mutant_active = "";
    struct played honest = play_scenario(&scenario, 1, 0, NULL);
    if (honest.failure.set)
        fail_msg("without a mutant: %s: %s", honest.failure.invariant, honest.failure.why);
    moot_mutant_active = mutant;
    struct played mutated = play_scenario(&scenario, 1, 0, NULL);
    moot_mutant_active = "";
    if (!mutated.failure.set)
        fail_msg("%s holds with the mutant %s", scenario_name, mutant);
    assert_string_equal(mutated.failure.invariant, invariant);
    moot_sim_scenario_deinit(&scenario);
}

static void an_approval_that_counts_twice_is_noticed_by_the_certificate(void **state)
{
    (void)state;
    mutant_breaks("count-approval-twice", "soft-fork-straggler", "certificate");
}

static void an_approval_that_counts_twice_is_noticed_by_the_scenario_itself(void **state)
{
    struct moot_sim_scenario scenario;
    (void)state;
    play_shipped("soft-fork-straggler", &scenario);
    scenario.allowed = UINT32_MAX; /* oracles aside: what the file expects is enough */
    moot_mutant_active = "count-approval-twice";
    struct played mutated = play_scenario(&scenario, 1, 0, NULL);
    moot_mutant_active = "";
    assert_true(mutated.failure.set);
    assert_string_equal(mutated.failure.invariant, "expect");
    moot_sim_scenario_deinit(&scenario);
}

static void a_second_vote_in_one_slot_is_noticed(void **state)
{
    (void)state;
    mutant_breaks("vote-twice", "one-vote", "one-vote");
}

static void a_put_that_is_not_folded_is_noticed(void **state)
{
    (void)state;
    mutant_breaks("ignore-record-put", "soft-fork-straggler", "acknowledged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_that_counts_twice_is_noticed_by_the_certificate),
        cmocka_unit_test(an_approval_that_counts_twice_is_noticed_by_the_scenario_itself),
        cmocka_unit_test(a_second_vote_in_one_slot_is_noticed),
        cmocka_unit_test(a_put_that_is_not_folded_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
