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

/* The world's own lies: what an oracle is for must be seen by it. */
static void a_shell_that_sends_before_the_commit_is_noticed(void **state)
{
    (void)state;
    mutant_breaks("shell-sends-before-commit", "soft-fork-straggler", "durable-before-visible");
}

static void a_disk_that_forgets_is_noticed_at_the_next_start(void **state)
{
    (void)state;
    mutant_breaks("disk-forgets", "one-vote", "epoch-falls");
}

static void a_run_that_reads_fresh_memory_is_not_the_same_twice(void **state)
{
    struct moot_sim_scenario scenario;
    (void)state;
    play_shipped("one-vote", &scenario);
    moot_mutant_active = "run-reads-fresh-memory";
    struct played one = play_scenario(&scenario, 1, 0, NULL);
    struct played two = play_scenario(&scenario, 1, 0xa5, NULL);
    moot_mutant_active = "";
    assert_memory_not_equal(&one.trace, &two.trace, sizeof one.trace);
    moot_sim_scenario_deinit(&scenario);
}

static void a_cache_that_serves_below_its_floor_is_noticed(void **state)
{
    (void)state;
    mutant_breaks("ignore-floor", "cache-invalidation", "cache-floor");
}

/* Without the gates an old device writes, counts and reduces as it always did: another state. */
static void a_protocol_without_gates_is_noticed(void **state)
{
    (void)state;
    mutant_breaks("no-protocol-gate", "hard-fork-heals", "equal-states");
}

static void a_fence_that_is_not_on_the_disk_is_noticed(void **state)
{
    (void)state;
    mutant_breaks("fence-not-persisted", "snapshot-proposer-dies", "writer-fence");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_that_counts_twice_is_noticed_by_the_certificate),
        cmocka_unit_test(an_approval_that_counts_twice_is_noticed_by_the_scenario_itself),
        cmocka_unit_test(a_second_vote_in_one_slot_is_noticed),
        cmocka_unit_test(a_put_that_is_not_folded_is_noticed),
        cmocka_unit_test(a_shell_that_sends_before_the_commit_is_noticed),
        cmocka_unit_test(a_disk_that_forgets_is_noticed_at_the_next_start),
        cmocka_unit_test(a_protocol_without_gates_is_noticed),
        cmocka_unit_test(a_fence_that_is_not_on_the_disk_is_noticed),
        cmocka_unit_test(a_cache_that_serves_below_its_floor_is_noticed),
        cmocka_unit_test(a_run_that_reads_fresh_memory_is_not_the_same_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
