/* Members that do not keep the rules of blocks: junk, floods, false complaints, answers nobody wants. */
#include "protocols/inside.h"
#include "tests/lib/engines/net.h"

#define MINUTE 60000u

struct hostile {
    struct moot_key peer;
    struct moot_digest hash;
    enum moot_message_type type;
    struct moot_bytes body; /* empty: a good request for `hash` */
    uint32_t count;
};

static struct moot_bytes good_request(const struct moot_digest *hash, uint8_t memory[64])
{
    struct moot_writer writer;
    moot_writer_init(&writer, memory, 64);
    moot_write_array(&writer, 2);
    moot_write_bool(&writer, false);
    moot_write_digest(&writer, hash);
    assert_int_equal(writer.status, MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

static void ask(struct moot_step *step, const void *context)
{
    const struct hostile *hostile = context;
    struct moot_session *session = moot_session_of_peer(step->engine, step->pool, &hostile->peer);
    uint8_t memory[64];
    assert_non_null(session);
    struct moot_bytes body =
        hostile->body.size > 0 ? hostile->body : good_request(&hostile->hash, memory);
    for (uint32_t i = 0; i < hostile->count; i++) {
        if (hostile->type == MOOT_MESSAGE_STRIKE)
            moot_session_tell(step, session, hostile->type, body);
        else
            assert_true(
                moot_session_ask(step, session, hostile->type, body, &hostile->hash, false) != 0);
    }
}

static uint64_t refused(struct test_net *net, uint32_t node, enum moot_status why)
{
    struct moot_view_stats stats;
    moot_view_stats(&net->nodes[node].env, &stats);
    return stats.refused[why];
}

/* Two devices, both ready; the threshold is out of reach, so that nothing else happens. */
static struct moot_digest begin(struct test_net *net, uint64_t seed, struct test_package *package,
                                struct hostile *ret)
{
    test_net_init(net, 2, seed);
    test_net_found(net);
    test_net_package(net, 0, "app", "2.0.0", 3, seed, package);
    struct moot_digest proposal = test_net_propose(net, "app", "2.0.0", package, 3);
    test_net_run(net, MINUTE);
    assert_int_equal(test_net_proposal(net, 0, &proposal).ready, 2);
    *ret = (struct hostile){.peer = net->nodes[0].identity.key,
                            .hash = package->blocks[0],
                            .type = MOOT_MESSAGE_BLOCK,
                            .count = 1};
    return proposal;
}

static void test_junk_ends_the_session_and_is_counted(void **state)
{
    (void)state;
    static const uint8_t number[] = {0x05};
    static const uint8_t short_hash[] = {0x92, 0xc2, 0xc4, 0x02, 1, 2};
    static const uint8_t not_bool[] = {0x92, 0x01, 0xc4, 0x00};
    static const uint8_t empty[] = {0x90};
    const struct moot_bytes junk[] = {{number, sizeof number},
                                      {short_hash, sizeof short_hash},
                                      {not_bool, sizeof not_bool},
                                      {empty, sizeof empty}};
    for (uint32_t type = 0; type < 2; type++) {
        for (uint32_t i = 0; i < 4; i++) {
            struct test_net net;
            struct test_package package;
            struct hostile hostile;
            begin(&net, 1, &package, &hostile);
            hostile.type = type == 0 ? MOOT_MESSAGE_BLOCK : MOOT_MESSAGE_STRIKE;
            hostile.body = junk[i];
            uint64_t before = refused(&net, 0, MOOT_BAD_MESSAGE);
            uint32_t since = net.nodes[0].notice_count;
            test_net_meddle(&net, 1, ask, &hostile);
            test_net_run(&net, 1000);
            assert_int_equal(refused(&net, 0, MOOT_BAD_MESSAGE), before + 1);
            assert_int_equal(test_net_noticed(&net, 0, "peer.gone", since), 1);
            test_net_free(&net);
        }
    }
}

static void test_eight_blocks_are_read_at_once_and_no_more(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    struct hostile hostile;
    begin(&net, 2, &package, &hostile);
    net.nodes[0].jobs_held = true;
    hostile.count = MOOT_BLOCKS_SERVED_MAX + 5;
    uint64_t jobs = net.nodes[0].jobs[MOOT_JOB_BLOCK_READ];
    test_net_meddle(&net, 1, ask, &hostile);
    test_net_run(&net, 1000);
    assert_int_equal(net.nodes[0].jobs[MOOT_JOB_BLOCK_READ] - jobs, MOOT_BLOCKS_SERVED_MAX);
    assert_int_equal(refused(&net, 0, MOOT_LIMIT), 5);
    assert_int_equal(test_net_noticed(&net, 0, "peer.gone", 0),
                     test_net_noticed(&net, 0, "peer.connected", 0) - 1); /* still there */
    test_net_free(&net);
}

static void test_a_false_complaint_changes_nothing(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    struct hostile hostile;
    struct moot_digest proposal = begin(&net, 3, &package, &hostile);
    uint8_t memory[64];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 1);
    moot_write_digest(&writer, &package.blocks[0]);
    hostile.type = MOOT_MESSAGE_STRIKE;
    hostile.body = moot_bytes_of(memory, writer.size);
    hostile.count = 50;
    uint32_t since = net.nodes[0].notice_count;
    test_net_meddle(&net, 1, ask, &hostile);
    test_net_run(&net, 1000);
    assert_true(net.nodes[0].jobs[MOOT_JOB_BLOCK_RECHECK] >= 1);
    assert_int_equal(test_net_noticed(&net, 0, "upgrade.readiness", since), 0);
    assert_int_equal(test_net_noticed(&net, 0, "block.damaged", since), 0);
    assert_int_equal(test_net_proposal(&net, 1, &proposal).ready, 2);
    /* About a block of nobody: not even read. */
    uint64_t rechecks = net.nodes[0].jobs[MOOT_JOB_BLOCK_RECHECK];
    package.blocks[0].b[0] ^= 1;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 1);
    moot_write_digest(&writer, &package.blocks[0]);
    test_net_meddle(&net, 1, ask, &hostile);
    test_net_run(&net, 1000);
    assert_int_equal(net.nodes[0].jobs[MOOT_JOB_BLOCK_RECHECK], rechecks);
    test_net_free(&net);
}

static void test_a_block_that_nobody_has_is_answered_so(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    struct hostile hostile;
    begin(&net, 4, &package, &hostile);
    hostile.hash.b[0] ^= 1;
    hostile.count = 3;
    uint32_t since = net.nodes[1].notice_count;
    test_net_meddle(&net, 1, ask, &hostile);
    test_net_run(&net, 1000);
    assert_int_equal(test_net_noticed(&net, 1, "peer.gone", since), 0); /* answered, not wanted */
    assert_int_equal(test_net_noticed(&net, 1, "block.bad", since), 0);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_junk_ends_the_session_and_is_counted),
        cmocka_unit_test(test_eight_blocks_are_read_at_once_and_no_more),
        cmocka_unit_test(test_a_false_complaint_changes_nothing),
        cmocka_unit_test(test_a_block_that_nobody_has_is_answered_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
