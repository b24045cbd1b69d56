/*
 * The writer fence among whole engines: n0 proposes a snapshot while the other administrators are away, so the
 * fence stays up at n0 and at n3, which is no administrator, until the lease is over or they come back.
 */
#include "protocols/inside.h"
#include "tests/lib/engines/net.h"

#define LEASE_MS 600000u

static struct moot_view_fence fence(struct test_net *net, uint32_t node)
{
    struct moot_view_fence view;
    moot_view_fence(&net->nodes[node].env, net->now_ms, &view);
    return view;
}

static struct moot_call put_call(const char *value, enum moot_put_mode mode)
{
    return (struct moot_call){.kind = MOOT_CALL_RECORD_PUT,
                              .key = moot_bytes_of_text("key"),
                              .value = moot_bytes_of_text(value),
                              .put_mode = mode};
}

static struct moot_reply put(struct test_net *net, uint32_t node, const char *value,
                             enum moot_put_mode mode)
{
    const struct moot_call call = put_call(value, mode);
    return test_net_call(net, node, &call);
}

static void assert_value(struct test_net *net, uint32_t node, const char *wanted)
{
    const struct moot_engine_env *env = &net->nodes[node].env;
    const struct moot_record *record =
        moot_state_record(moot_view_state(env), env->pool, moot_bytes_of_text("key"));
    assert_non_null(record);
    const struct moot_record_value *shown = moot_record_shown(record, env->pool);
    assert_non_null(shown);
    struct moot_bytes value = moot_blob_get(env->pool, shown->value);
    assert_true(moot_bytes_equal(value, moot_bytes_of_text(wanted)));
}

/* The proposal that holds n3. */
static struct moot_digest raised(struct test_net *net, uint64_t seed)
{
    test_net_init(net, 4, seed);
    test_net_found(net);
    test_net_admins(net, 3, 2);
    assert_int_equal(put(net, 3, "before", MOOT_PUT_WAIT).status, MOOT_OK);
    test_net_run(net, 5000);
    test_net_stop(net, 1);
    test_net_stop(net, 2);
    test_net_run(net, 1000);
    const struct moot_call call = {.kind = MOOT_CALL_PROPOSE_SNAPSHOT};
    struct moot_reply reply = test_net_call(net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(net, 3000);
    struct moot_view_fence view = fence(net, 3);
    assert_true(view.up);
    assert_true(moot_digest_equal(&view.proposal, &reply.proposal));
    assert_true(moot_bytes_equal(view.holder_name, moot_bytes_of_text("n0")));
    return reply.proposal;
}

static enum moot_proposal_state state_of(struct test_net *net, const struct moot_digest *id)
{
    return test_net_proposal(net, 3, id).state;
}

static void a_write_is_refused_queued_or_waits_and_all_go_through_in_order(void **state)
{
    struct test_net net;
    (void)state;
    struct moot_digest id = raised(&net, 11);
    struct moot_reply refused = put(&net, 3, "refused", MOOT_PUT_NO_WAIT);
    assert_int_equal(refused.status, MOOT_FENCED);
    assert_non_null(strstr(refused.detail, "held by n0"));
    const struct moot_call first = put_call("first", MOOT_PUT_WAIT);
    const struct moot_call last = put_call("last", MOOT_PUT_WAIT);
    uint64_t first_number = test_net_ask(&net, 3, &first);
    assert_int_equal(put(&net, 3, "second", MOOT_PUT_QUEUE).status, MOOT_OK);
    uint64_t last_number = test_net_ask(&net, 3, &last);
    test_net_run(&net, 5000);
    assert_null(test_net_answer(&net, first_number));
    assert_int_equal(fence(&net, 3).queued, 3);
    assert_value(&net, 3, "before");
    test_net_start(&net, 1);
    test_net_run(&net, 60000);
    assert_int_equal(state_of(&net, &id), MOOT_PROPOSAL_IN_FORCE);
    const struct test_answer *one = test_net_answer(&net, first_number);
    const struct test_answer *two = test_net_answer(&net, last_number);
    assert_non_null(one);
    assert_non_null(two);
    assert_int_equal(one->status, MOOT_OK);
    assert_int_equal(two->seq, one->seq + 2); /* the queued one lies between */
    assert_value(&net, 3, "last");
    test_net_free(&net);
}

static void a_restart_starts_what_is_left_once_and_the_queue_stays(void **state)
{
    struct test_net net;
    (void)state;
    (void)raised(&net, 12);
    assert_int_equal(put(&net, 3, "kept", MOOT_PUT_QUEUE).status, MOOT_OK);
    test_net_run(&net, 100000);
    test_net_stop(&net, 3);
    test_net_start(&net, 3);
    assert_true(fence(&net, 3).up);
    assert_true(fence(&net, 3).left_ms <= LEASE_MS);
    assert_int_equal(fence(&net, 3).queued, 1);
    test_net_run(&net, 10000);
    assert_int_equal(put(&net, 3, "refused", MOOT_PUT_NO_WAIT).status, MOOT_FENCED);
    test_net_stop(&net, 3);
    test_net_start(&net, 3);
    assert_false(fence(&net, 3).up);
    test_net_run(&net, 30000);
    assert_false(fence(&net, 3).up); /* nor is it raised again over the same proposal */
    assert_int_equal(fence(&net, 3).queued, 0);
    assert_value(&net, 3, "kept");
    test_net_free(&net);
}

static void a_lease_that_is_over_is_not_raised_again_and_late_approvals_complete(void **state)
{
    struct test_net net;
    (void)state;
    struct moot_digest id = raised(&net, 13);
    test_net_run(&net, LEASE_MS + 1000);
    assert_false(fence(&net, 3).up);
    assert_int_equal(put(&net, 3, "through", MOOT_PUT_NO_WAIT).status, MOOT_OK);
    assert_int_equal(state_of(&net, &id), MOOT_PROPOSAL_PROPOSED);
    test_net_stop(&net, 3);
    test_net_start(&net, 3);
    test_net_run(&net, 10000);
    assert_false(fence(&net, 3).up);
    test_net_start(&net, 1);
    test_net_run(&net, 60000);
    assert_int_equal(state_of(&net, &id), MOOT_PROPOSAL_IN_FORCE);
    assert_value(&net, 3, "through");
    test_net_free(&net);
}

static void the_queue_is_bounded_and_one_more_is_refused(void **state)
{
    struct test_net net;
    (void)state;
    (void)raised(&net, 14);
    static char large[MOOT_RECORD_VALUE_BYTES_MAX + 1];
    memset(large, 'x', sizeof large - 1);
    for (uint32_t i = 0; i < MOOT_FENCE_QUEUE_BYTES_MAX / sizeof large; i++)
        assert_int_equal(put(&net, 3, large, MOOT_PUT_QUEUE).status, MOOT_OK);
    assert_int_equal(put(&net, 3, large, MOOT_PUT_QUEUE).status, MOOT_FENCED);
    assert_int_equal(put(&net, 3, "last", MOOT_PUT_QUEUE).status, MOOT_OK); /* a small one fits */
    assert_int_equal(put(&net, 3, large, MOOT_PUT_WAIT).status, MOOT_FENCED);
    test_net_start(&net, 1);
    test_net_run(&net, 60000);
    assert_int_equal(fence(&net, 3).queued, 0);
    assert_value(&net, 3, "last");
    test_net_free(&net);
}

static void a_person_cannot_sign_what_no_node_has_rebuilt(void **state)
{
    struct test_net net;
    char digest[65];
    (void)state;
    struct moot_digest id = raised(&net, 15);
    moot_hex_format(moot_digest_bytes(&id), digest);
    const struct moot_call call = {
        .kind = MOOT_CALL_APPROVE, .proposal = id, .digest_text = moot_bytes_of_text(digest)};
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_NOT_ALLOWED);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_refused_queued_or_waits_and_all_go_through_in_order),
        cmocka_unit_test(a_restart_starts_what_is_left_once_and_the_queue_stays),
        cmocka_unit_test(a_lease_that_is_over_is_not_raised_again_and_late_approvals_complete),
        cmocka_unit_test(the_queue_is_bounded_and_one_more_is_refused),
        cmocka_unit_test(a_person_cannot_sign_what_no_node_has_rebuilt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
