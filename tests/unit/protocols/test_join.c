/* Asking to join with a code that is not good ends soon, says so, and harms nobody else's invitation. */
#include "tests/lib/engines/net.h"

static struct moot_reply invite(struct test_net *net, uint32_t node)
{
    struct moot_call call = {.kind = MOOT_CALL_INVITE};
    struct moot_reply reply = test_net_call(net, node, &call);
    assert_int_equal(reply.status, MOOT_OK);
    return reply;
}

static struct moot_reply join(struct test_net *net, uint32_t node, const char *uri)
{
    struct moot_call call = {.kind = MOOT_CALL_JOIN, .uri = moot_bytes_of_text(uri)};
    return test_net_call(net, node, &call);
}

static enum moot_join_state joining(struct test_net *net, uint32_t node)
{
    struct moot_view_status status;
    moot_view_status(&net->nodes[node].env, net->now_ms, &status);
    return status.joining;
}

static void found_alone(struct test_net *net, uint64_t seed)
{
    struct moot_call call = {.kind = MOOT_CALL_INIT, .mesh_name = moot_bytes_of_text("alder")};
    test_net_init(net, 3, seed);
    assert_int_equal(test_net_call(net, 0, &call).status, MOOT_OK);
}

static void a_mistyped_code_is_named_and_burns_no_other_invitation(void **state)
{
    struct test_net net;
    (void)state;
    found_alone(&net, 1);
    struct moot_reply good = invite(&net, 0);
    char wrong[MOOT_URI_BYTES_MAX];
    memcpy(wrong, good.uri, sizeof wrong);
    char *last = wrong + strlen(wrong) - 1;
    *last = *last == 'A' ? 'B' : 'A';
    assert_int_equal(join(&net, 1, wrong).status, MOOT_CODE_WRONG);
    assert_int_equal(joining(&net, 1), MOOT_JOIN_DENIED);
    test_net_run(&net, 60000); /* it does not go on asking */
    assert_int_equal(join(&net, 2, good.uri).status, MOOT_OK);
    assert_int_equal(joining(&net, 2), MOOT_JOIN_PENDING);
    test_net_free(&net);
}

static void a_code_bound_to_another_device_lets_nobody_else_in(void **state)
{
    struct test_net net;
    (void)state;
    found_alone(&net, 2);
    struct moot_reply good = invite(&net, 0);
    assert_int_equal(join(&net, 1, good.uri).status, MOOT_OK);
    assert_int_equal(join(&net, 2, good.uri).status, MOOT_CODE_WRONG);
    assert_int_equal(joining(&net, 2), MOOT_JOIN_DENIED);
    assert_int_equal(joining(&net, 1), MOOT_JOIN_PENDING);
    test_net_free(&net);
}

static void one_lost_link_is_not_taken_for_a_wrong_code(void **state)
{
    struct test_net net;
    (void)state;
    found_alone(&net, 3);
    struct moot_reply good = invite(&net, 0);
    assert_int_equal(join(&net, 1, good.uri).status, MOOT_OK);
    for (int i = 0; i < 5; i++) { /* and a waiting joiner is never put off by lost links */
        test_net_cut(&net, 0, 1, true);
        test_net_run(&net, 1000);
        test_net_cut(&net, 0, 1, false);
        test_net_run(&net, 2000);
    }
    assert_int_equal(joining(&net, 1), MOOT_JOIN_PENDING);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistyped_code_is_named_and_burns_no_other_invitation),
        cmocka_unit_test(a_code_bound_to_another_device_lets_nobody_else_in),
        cmocka_unit_test(one_lost_link_is_not_taken_for_a_wrong_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
