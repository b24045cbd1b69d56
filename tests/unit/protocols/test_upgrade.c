/* Upgrades among several engines: packages travel, readiness is told, soft forks come into force. */
#include "tests/lib/engines/net.h"

#define MINUTE 60000u

static void test_blocks_travel_and_the_threshold_activates_everywhere(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    test_net_init(&net, 3, 1);
    test_net_found(&net);
    test_net_package(&net, 0, "app", "2.0.0", 5, 7, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, MINUTE);
    for (uint32_t i = 0; i < 3; i++) {
        struct moot_view_proposal view = test_net_proposal(&net, i, &proposal);
        assert_int_equal(view.state, MOOT_PROPOSAL_IN_FORCE);
        assert_int_equal(view.ready, 3);
        assert_int_equal(view.blocks_held, 5);
        assert_int_equal(test_net_noticed(&net, i, "upgrade.in_force", 0), 1);
    }
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_travel_and_the_threshold_activates_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
