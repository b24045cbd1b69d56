/*
 * Upgrades under random faults: blocks altered and lost, disks full, links cut, processes killed. What must
 * hold: no engine breaks a contract; nobody says ready without having held every block; and once the
 * faults end, every device becomes ready, the upgrade comes into force everywhere, and only once.
 */
#include "tests/lib/engines/net.h"

#define NODES 4
#define BLOCKS 6
#define FAULTS 40
#define ROUNDS 6

static void fault(struct test_net *net, struct test_random *random,
                  const struct test_package *package)
{
    /* Node 0 keeps its process and its bytes: somebody has to have the package in the end. */
    uint32_t node = 1 + (uint32_t)test_random_below(random, NODES - 1);
    uint32_t other = (uint32_t)test_random_below(random, NODES);
    const struct moot_digest *block = &package->blocks[test_random_below(random, BLOCKS)];
    struct test_file *file = test_net_file(net, node, block);
    switch (test_random_below(random, 7)) {
    case 0:
        if (file)
            file->bytes[test_random_below(random, file->size)] ^= 1;
        break;
    case 1:
        test_net_file_remove(net, node, block);
        break;
    case 2:
        net->nodes[node].disk_full = !net->nodes[node].disk_full;
        break;
    case 3:
        if (other != node)
            test_net_cut(net, node, other, !net->nodes[node].cut[other]);
        break;
    case 4:
        if (net->nodes[node].up)
            test_net_stop(net, node);
        else
            test_net_start(net, node);
        break;
    case 5:
        net->nodes[node].jobs_held = !net->nodes[node].jobs_held;
        break;
    default:
        test_net_file_remove(net, node, &package->manifest);
        break;
    }
}

static void heal(struct test_net *net)
{
    for (uint32_t i = 0; i < NODES; i++) {
        net->nodes[i].disk_full = net->nodes[i].jobs_held = false;
        for (uint32_t j = 0; j < i; j++)
            test_net_cut(net, i, j, false);
        /* A process whose jobs were held waits for them for ever: a restart ends that, too. */
        if (net->nodes[i].up && i > 0)
            test_net_stop(net, i);
        if (!net->nodes[i].up)
            test_net_start(net, i);
    }
}

static void round_of_faults(uint64_t seed, struct test_random *random)
{
    struct test_net net;
    struct test_package package;
    test_net_init(&net, NODES, seed);
    for (uint32_t i = 0; i < NODES; i++) {
        net.nodes[i].config.deadline_epochs = 10000; /* readiness is kept until the deadline */
        test_net_stop(&net, i);
        test_net_start(&net, i);
    }
    test_net_found(&net);
    test_net_package(&net, 0, "app", "2.0.0", BLOCKS, seed, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, NODES);
    for (uint32_t i = 0; i < FAULTS; i++) {
        fault(&net, random, &package);
        test_net_run(&net, test_random_below(random, 2) == 0 ? test_random_below(random, 50)
                                                             : test_random_below(random, 40000));
    }
    heal(&net);
    test_net_run(&net, 4 * 3600000u); /* longer than any device is ignored */
    for (uint32_t i = 0; i < NODES; i++) {
        struct moot_view_proposal view = test_net_proposal(&net, i, &proposal);
        if (view.state != MOOT_PROPOSAL_IN_FORCE || view.ready != NODES ||
            view.blocks_held != BLOCKS) {
            test_net_print(&net);
            fail_msg("node %u: %s, %u ready, %u blocks", (unsigned)i,
                     moot_proposal_state_text(view.state), (unsigned)view.ready,
                     (unsigned)view.blocks_held);
        }
        for (uint32_t b = 0; b < BLOCKS; b++)
            assert_non_null(test_net_file(&net, i, &package.blocks[b]));
        assert_true(test_net_noticed(&net, i, "upgrade.in_force", 0) <= 1);
    }
    assert_int_equal(test_net_noticed(&net, 0, "upgrade.in_force", 0), 1);
    test_net_free(&net);
}

static void test_every_device_becomes_ready_once_faults_end(void **state)
{
    (void)state;
    struct test_random random = test_random_start("upgrade faults");
    for (uint32_t i = 0; i < ROUNDS; i++)
        round_of_faults(test_random_next(&random) % 100000, &random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_device_becomes_ready_once_faults_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
