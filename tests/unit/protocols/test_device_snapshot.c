/*
 * Removals beside snapshots: no certified image holds the effect of a fact that a removal makes void, so
 * a node that has collected and one that replays agree.
 */
#include "protocols/inside.h"
#include "tests/lib/engines/net.h"

static struct moot_bytes text(const char *string)
{
    return moot_bytes_of_text(string);
}

static uint64_t put(struct test_net *net, uint32_t node, const char *key, const char *value)
{
    struct moot_call call = {.kind = MOOT_CALL_RECORD_PUT, .key = text(key), .value = text(value)};
    struct moot_reply reply = test_net_call(net, node, &call);
    assert_int_equal(reply.status, MOOT_OK);
    return reply.seq;
}

static struct moot_reply snapshot(struct test_net *net, uint32_t node)
{
    const struct moot_call call = {.kind = MOOT_CALL_PROPOSE_SNAPSHOT};
    struct moot_reply reply = test_net_call(net, node, &call);
    test_net_run(net, 5000);
    return reply;
}

static struct moot_reply remove_at(struct test_net *net, uint32_t node, const char *name,
                                   uint64_t seq)
{
    struct moot_call call = {
        .kind = MOOT_CALL_REMOVE, .name = text(name), .at_given = seq > 0, .at_seq = seq};
    struct moot_reply reply = test_net_call(net, node, &call);
    if (reply.status == MOOT_FETCHING) { /* the snapshot's cut is read again after a start */
        test_net_run(net, 2000);
        reply = test_net_call(net, node, &call);
    }
    return reply;
}

static enum moot_status approve(struct test_net *net, uint32_t node,
                                const struct moot_digest *proposal)
{
    char hex[65];
    moot_hex_format(moot_digest_bytes(proposal), hex);
    struct moot_call call = {
        .kind = MOOT_CALL_APPROVE, .proposal = *proposal, .digest_text = text(hex)};
    return test_net_call(net, node, &call).status;
}

static void assert_in_force(struct test_net *net, const struct moot_digest *id)
{
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(test_net_proposal(net, i, id).state, MOOT_PROPOSAL_IN_FORCE);
}

/* Nodes 0 to 2 decide, 2 of 3; node 3 is the one that leaves. */
static void begin(struct test_net *net, uint64_t seed)
{
    test_net_init(net, 4, seed);
    test_net_found(net);
    test_net_admins(net, 3, 2);
    test_net_run(net, 30000);
}

static void assert_equal_and_so_after_a_start(struct test_net *net)
{
    struct moot_view_stats first, other;
    moot_view_stats(&net->nodes[0].env, &first);
    test_net_stop(net, 1);
    test_net_start(net, 1);
    test_net_run(net, 10000);
    for (uint32_t i = 0; i < 3; i++) {
        moot_view_stats(&net->nodes[i].env, &other);
        moot_view_stats(&net->nodes[0].env, &first);
        assert_memory_equal(&first.frontier_digest, &other.frontier_digest, 32);
        assert_memory_equal(&first.state_digest, &other.state_digest, 32);
    }
}

static void nothing_under_a_snapshot_is_made_void(void **state)
{
    struct test_net net;
    (void)state;
    begin(&net, 1);
    uint64_t first = put(&net, 3, "heating", "18");
    (void)put(&net, 3, "heating", "30");
    test_net_run(&net, 3000);
    struct moot_reply taken = snapshot(&net, 0);
    assert_int_equal(taken.status, MOOT_OK);
    assert_in_force(&net, &taken.proposal);
    assert_int_equal(remove_at(&net, 0, "n3", first).status, MOOT_UNDER_SNAPSHOT);
    struct moot_reply removal = remove_at(&net, 0, "n3", 0);
    assert_int_equal(removal.status, MOOT_OK);
    test_net_run(&net, 3000);
    assert_int_equal(approve(&net, 1, &removal.proposal), MOOT_OK);
    test_net_run(&net, 5000);
    assert_in_force(&net, &removal.proposal);
    assert_equal_and_so_after_a_start(&net);
    test_net_free(&net);
}

static void a_snapshot_waits_for_an_open_removal_and_leaves_out_what_it_makes_void(void **state)
{
    struct test_net net;
    (void)state;
    begin(&net, 2);
    (void)put(&net, 3, "heating", "18");
    test_net_run(&net, 3000);
    struct moot_reply removal = remove_at(&net, 0, "n3", 0);
    assert_int_equal(removal.status, MOOT_OK);
    (void)put(&net, 3, "heating", "30"); /* above the range; not decided yet */
    test_net_run(&net, 3000);
    assert_int_equal(snapshot(&net, 0).status, MOOT_SLOT_TAKEN);
    struct moot_reply theirs = snapshot(&net, 1); /* has approved nothing: one of three says no */
    assert_int_equal(theirs.status, MOOT_OK);
    assert_in_force(&net, &theirs.proposal);
    assert_int_equal(test_net_proposal(&net, 1, &theirs.proposal).yes_count, 2);
    assert_int_equal(approve(&net, 1, &removal.proposal), MOOT_UNDER_SNAPSHOT);
    struct moot_reply higher = remove_at(&net, 1, "n3", 0);
    assert_int_equal(higher.status, MOOT_SLOT_TAKEN); /* until the first is withdrawn */
    struct moot_call withdraw = {.kind = MOOT_CALL_WITHDRAW, .proposal = removal.proposal};
    assert_int_equal(test_net_call(&net, 0, &withdraw).status, MOOT_OK);
    test_net_run(&net, 3000);
    higher = remove_at(&net, 1, "n3", 0);
    assert_int_equal(higher.status, MOOT_OK);
    (void)put(&net, 3, "heating", "40");
    test_net_run(&net, 3000);
    assert_int_equal(approve(&net, 2, &higher.proposal), MOOT_OK);
    test_net_run(&net, 30000);
    struct moot_view_stats stats;
    moot_view_stats(&net.nodes[0].env, &stats);
    assert_int_equal(stats.voids[MOOT_VOID_REMOVED], 1);
    for (uint32_t i = 0; i < 2; i++) { /* two more: the first is collected under the second */
        struct moot_reply taken = snapshot(&net, i);
        assert_int_equal(taken.status, MOOT_OK);
        assert_in_force(&net, &taken.proposal);
        test_net_run(&net, 30000);
    }
    moot_view_stats(&net.nodes[0].env, &stats);
    assert_int_equal(stats.voids[MOOT_VOID_REMOVED], 1); /* outside every cut */
    assert_equal_and_so_after_a_start(&net);
    test_net_free(&net);
}

/* A refold begins at the base's image, also if the process ends before it is done. */
static void what_lies_above_the_base_is_folded_again_without_what_was_removed(void **state)
{
    struct test_net net;
    (void)state;
    begin(&net, 3);
    for (uint32_t i = 0; i < 3; i++) {
        (void)put(&net, 3, "heating", "18");
        test_net_run(&net, 3000);
        struct moot_reply taken = snapshot(&net, i);
        assert_int_equal(taken.status, MOOT_OK);
        assert_in_force(&net, &taken.proposal);
        test_net_run(&net, 30000);
    }
    uint64_t last = put(&net, 3, "heating", "20");
    (void)put(&net, 3, "heating", "30");
    (void)put(&net, 3, "heating", "40");
    test_net_run(&net, 3000);
    struct moot_reply removal = remove_at(&net, 0, "n3", last);
    assert_int_equal(removal.status, MOOT_OK);
    test_net_run(&net, 1000);
    assert_int_equal(approve(&net, 1, &removal.proposal), MOOT_OK);
    test_net_stop(&net, 1); /* at once */
    test_net_run(&net, 1000);
    test_net_start(&net, 1);
    test_net_run(&net, 30000);
    for (uint32_t i = 0; i < 3; i++) {
        struct moot_view_stats stats;
        moot_view_stats(&net.nodes[i].env, &stats);
        assert_true(stats.settled);
        assert_int_equal(stats.voids[MOOT_VOID_REMOVED], 2);
        const struct moot_record *record = moot_state_record(
            moot_view_state(&net.nodes[i].env), net.nodes[i].env.pool, text("heating"));
        assert_non_null(record);
        const struct moot_record_value *shown = moot_record_shown(record, net.nodes[i].env.pool);
        assert_true(
            moot_bytes_equal(moot_blob_get(net.nodes[i].env.pool, shown->value), text("20")));
    }
    assert_equal_and_so_after_a_start(&net);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_under_a_snapshot_is_made_void),
        cmocka_unit_test(what_lies_above_the_base_is_folded_again_without_what_was_removed),
        cmocka_unit_test(a_snapshot_waits_for_an_open_removal_and_leaves_out_what_it_makes_void),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
