/*
 * Planted bugs of snapshots among whole engines: a proposer whose reducer forgets puts is rejected by the others,
 * naming the stratum; a fence that is not persisted is gone after a restart; cuts that are not ordered.
 */
#include "crypto/base/mutant.h"
#include "tests/lib/engines/net.h"

const char *moot_mutant_active = "";

/* The mutant is on from the moment n0 gives its rebuild out until its result comes back. */
static void mutate_the_rebuild(struct test_net *net, const struct test_node *node,
                               const struct moot_event *event, const struct moot_actions *actions)
{
    (void)net;
    if (node->index != 0)
        return;
    if (event->kind == MOOT_EVENT_JOB_DONE && event->job->kind == MOOT_JOB_REBUILD)
        moot_mutant_active = "";
    for (const struct moot_action *action = actions->first; action; action = action->next) {
        if (action->kind == MOOT_ACTION_JOB && action->job.kind == MOOT_JOB_REBUILD)
            moot_mutant_active = "ignore-record-put";
    }
}

static void found(struct test_net *net, uint64_t seed)
{
    test_net_init(net, 4, seed);
    test_net_found(net);
    test_net_admins(net, 3, 2);
    assert_int_equal(test_net_put(net, 3, "key", "value"), MOOT_OK);
    test_net_run(net, 5000);
}

static struct moot_digest propose(struct test_net *net)
{
    const struct moot_call call = {.kind = MOOT_CALL_PROPOSE_SNAPSHOT};
    struct moot_reply reply = test_net_call(net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    return reply.proposal;
}

static void a_proposer_that_reduces_otherwise_is_rejected_naming_the_stratum(void **state)
{
    struct test_net net;
    (void)state;
    found(&net, 21);
    net.watch = mutate_the_rebuild;
    struct moot_digest id = propose(&net);
    net.watch = NULL;
    moot_mutant_active = "";
    test_net_run(&net, 20000);
    for (uint32_t node = 0; node < 4; node++) {
        struct moot_view_proposal view = test_net_proposal(&net, node, &id);
        assert_int_equal(view.state, MOOT_PROPOSAL_REJECTED);
        assert_false(view.certified);
        assert_true(view.no_count >= 2);
        assert_true(
            moot_bytes_equal(view.no[0].reason, moot_bytes_of_text("stratum 3 (records) differs")));
    }
    assert_int_equal(test_net_put(&net, 3, "key", "the fence is down"), MOOT_OK);
    test_net_free(&net);
}

static bool fenced_after_a_restart(const char *mutant, uint64_t seed)
{
    struct test_net net;
    struct moot_view_fence view;
    found(&net, seed);
    test_net_stop(&net, 1);
    test_net_stop(&net, 2);
    test_net_run(&net, 1000);
    moot_mutant_active = mutant;
    (void)propose(&net);
    test_net_run(&net, 3000);
    moot_mutant_active = "";
    moot_view_fence(&net.nodes[3].env, net.now_ms, &view);
    assert_true(view.up);
    test_net_cut(&net, 0, 3, true);
    test_net_stop(&net, 3);
    test_net_start(&net, 3);
    moot_view_fence(&net.nodes[3].env, net.now_ms, &view);
    test_net_free(&net);
    return view.up;
}

static void a_fence_that_is_not_persisted_is_noticed(void **state)
{
    (void)state;
    assert_true(fenced_after_a_restart("", 22));
    assert_false(fenced_after_a_restart("fence-not-persisted", 22));
}

/* n2 has signed A, which n1 never saw; then only n1 is in reach, with B, whose cut lacks what A holds. Does n2
 * sign B as well? */
static bool signs_both(const char *mutant, uint64_t seed)
{
    struct test_net net;
    const struct moot_call call = {.kind = MOOT_CALL_PROPOSE_SNAPSHOT};
    bool yes = false, no = false;
    test_net_init(&net, 3, seed);
    test_net_found(&net);
    test_net_admins(&net, 3, 3);
    test_net_run(&net, 15000);
    test_net_cut(&net, 0, 1, true);
    test_net_cut(&net, 2, 1, true);
    test_net_run(&net, 5000);
    assert_int_equal(test_net_put(&net, 0, "key", "only in A"), MOOT_OK);
    assert_int_equal(test_net_put(&net, 1, "key", "only in B"), MOOT_OK);
    test_net_run(&net, 5000);
    struct moot_digest a = propose(&net);
    struct moot_reply reply = test_net_call(&net, 1, &call);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(&net, 10000);
    assert_int_equal(test_net_proposal(&net, 0, &a).yes_count, 2);
    test_net_stop(&net, 0);
    moot_mutant_active = mutant;
    test_net_cut(&net, 2, 1, false);
    test_net_run(&net, 60000);
    moot_mutant_active = "";
    struct moot_view_proposal view = test_net_proposal(&net, 2, &reply.proposal);
    for (uint32_t i = 0; i < view.yes_count; i++)
        yes = yes || moot_key_equal(&view.yes[i].key, &net.nodes[2].identity.key);
    for (uint32_t i = 0; i < view.no_count; i++)
        no = no || moot_key_equal(&view.no[i].key, &net.nodes[2].identity.key);
    assert_true(yes != no); /* it has judged */
    test_net_free(&net);
    return yes;
}

static void a_cut_that_leaves_out_an_approved_one_is_refused(void **state)
{
    (void)state;
    assert_false(signs_both("", 23));
    assert_true(signs_both("cuts-unordered", 23));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proposer_that_reduces_otherwise_is_rejected_naming_the_stratum),
        cmocka_unit_test(a_fence_that_is_not_persisted_is_noticed),
        cmocka_unit_test(a_cut_that_leaves_out_an_approved_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
