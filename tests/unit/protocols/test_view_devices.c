/* What a node shows of its peers follows them: their epoch as long as they agree, the last one after. */
#include "tests/lib/engines/net.h"

static struct moot_view_device device(struct test_net *net, uint32_t viewer, uint32_t node)
{
    struct moot_view_device *all = NULL;
    struct moot_view_device found = {0};
    moot_arena_reset(&net->arena);
    uint32_t count = moot_view_devices(&net->nodes[viewer].env, net->now_ms, &net->arena, &all);
    for (uint32_t i = 0; i < count; i++) {
        if (moot_key_equal(&all[i].key, &net->nodes[node].identity.key)) {
            found = all[i];
        }
    }
    assert_true(found.admitted_epoch > 0);
    return found;
}

/* An idle pair compares notes every MOOT_PULL_IDLE_MS_MAX: so far behind may the shown epoch be. */
static void the_epoch_of_a_peer_follows_it_while_connected(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 2, 1);
    test_net_found(&net);
    uint64_t interval_ms = net.nodes[0].config.epoch_interval_ms;
    uint32_t behind_max = (uint32_t)(MOOT_PULL_IDLE_MS_MAX / interval_ms) + 1;
    for (int i = 0; i < 5; i++) {
        test_net_run(&net, 5 * interval_ms);
        uint32_t now = device(&net, 0, 0).epoch;
        assert_true(now >= 5 * (uint32_t)(i + 1));
        assert_int_equal(device(&net, 1, 0).epoch, now); /* it hears each tick from there */
        assert_in_range(device(&net, 0, 1).epoch, now - behind_max, now);
    }
    uint32_t last = device(&net, 0, 1).epoch;
    test_net_stop(&net, 1);
    test_net_run(&net, 5 * interval_ms);
    assert_int_equal(device(&net, 0, 1).epoch, last);
    assert_int_equal(device(&net, 0, 1).state, MOOT_DEVICE_AWAY);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_epoch_of_a_peer_follows_it_while_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
