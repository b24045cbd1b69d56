/* Hard forks among engines: refusals, activation, the turn, the three gates, healing, expiry. */
#include "tests/lib/engines/hostile.h"

#define EPOCH_MS 10000u /* of the net's nodes */

static struct test_package package;

static uint32_t epoch_of(const struct test_net *net, uint32_t node)
{
    return moot_view_state(&net->nodes[node].env)->epoch;
}

static uint16_t protocol_of(const struct test_net *net, uint32_t node)
{
    return moot_state_era(moot_view_state(&net->nodes[node].env), net->nodes[node].env.pool)
        ->protocol;
}

static struct moot_view_status status_of(const struct test_net *net, uint32_t node)
{
    struct moot_view_status status;
    moot_view_status(&net->nodes[node].env, net->now_ms, &status);
    return status;
}

static struct moot_view_stats stats_of(const struct test_net *net, uint32_t node)
{
    struct moot_view_stats stats;
    moot_view_stats(&net->nodes[node].env, &stats);
    return stats;
}

/* Node `node` starts anew and speaks protocols up to that one. */
static void speaks(struct test_net *net, uint32_t node, uint16_t protocol_max)
{
    test_net_stop(net, node);
    net->nodes[node].config.protocol_max = protocol_max;
    test_net_start(net, node);
}

static void begin(struct test_net *net, uint32_t count, uint32_t admins, uint32_t threshold,
                  uint64_t seed)
{
    test_net_init(net, count, seed);
    test_net_found(net);
    if (admins > 1)
        test_net_admins(net, admins, threshold);
    test_net_run(net, 2000);
    test_net_package(net, 0, "app", "2.0.0", 2, seed, &package);
}

/* A good proposal of a hard fork `ahead` epochs from now; tests spoil parts of it. */
static struct moot_call fork_call(const struct test_net *net, uint32_t ahead)
{
    return (struct moot_call){.kind = MOOT_CALL_PROPOSE_UPGRADE,
                              .upgrade = {.package_name = moot_bytes_of_text("app"),
                                          .from_version = moot_bytes_of_text("1.0.0"),
                                          .to_version = moot_bytes_of_text("2.0.0"),
                                          .revert_plan = moot_bytes_of_text("irreversible"),
                                          .manifest = package.manifest,
                                          .kind = MOOT_UPGRADE_HARD,
                                          .min_protocol = 2,
                                          .fence_epoch = epoch_of(net, 0) + ahead,
                                          .ready_needed = 1,
                                          .short_notice = true}};
}

static struct moot_digest propose(struct test_net *net, uint32_t ahead, uint32_t window)
{
    struct moot_call call = fork_call(net, ahead);
    call.upgrade.window = window;
    struct moot_reply reply = test_net_call(net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    return reply.proposal;
}

static enum moot_status approve(struct test_net *net, uint32_t node,
                                const struct moot_digest *proposal)
{
    char hex[65];
    moot_hex_format(moot_digest_bytes(proposal), hex);
    struct moot_call call = {
        .kind = MOOT_CALL_APPROVE, .proposal = *proposal, .digest_text = moot_bytes_of_text(hex)};
    return test_net_call(net, node, &call).status;
}

static enum moot_proposal_state state_of(struct test_net *net, uint32_t node,
                                         const struct moot_digest *proposal)
{
    return test_net_proposal(net, node, proposal).state;
}

static void test_a_proposal_without_plan_notice_or_higher_protocol_is_refused(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 1, 1, 1, 1);
    struct moot_call call = fork_call(&net, 10);
    call.upgrade.revert_plan = moot_bytes_of_text("");
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_NO_REVERT_PLAN);
    call = fork_call(&net, 10);
    call.upgrade.min_protocol = 1;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_PROTOCOL_TOO_LOW);
    call = fork_call(&net, 1);
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_WINDOW);
    call = fork_call(&net, 10);
    call.upgrade.deadline_epoch = call.upgrade.fence_epoch;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_WINDOW);
    call = fork_call(&net, 10);
    call.upgrade.window = MOOT_TURN_WINDOW_MAX + 1;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_WINDOW);
    /* Seven days are 60,480 epochs of ten seconds. */
    call = fork_call(&net, 60479);
    call.upgrade.short_notice = false;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_NOTICE_TOO_SHORT);
    call = fork_call(&net, 60480);
    call.upgrade.short_notice = false;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_OK);
    call = fork_call(&net, 10);
    struct moot_reply reply = test_net_call(&net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    struct moot_view_proposal view = test_net_proposal(&net, 0, &reply.proposal);
    assert_true(view.body.upgrade.short_notice);
    assert_int_equal(view.body.upgrade.window, MOOT_TURN_WINDOW_MAX);
    assert_int_equal(view.epoch_deadline, view.fence_epoch - 1);
    test_net_free(&net);
}

static void test_a_signer_looks_at_the_notice_itself(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 2, 2, 2, 2);
    test_net_stop(&net, 0);
    net.nodes[0].config.fence_notice_ms = 0; /* a proposer that is in a hurry and does not say so */
    test_net_start(&net, 0);
    test_net_run(&net, 2000);
    struct moot_call call = fork_call(&net, 10);
    call.upgrade.short_notice = false;
    struct moot_reply reply = test_net_call(&net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(&net, 1000);
    assert_int_equal(approve(&net, 1, &reply.proposal), MOOT_NOTICE_TOO_SHORT);
    test_net_free(&net);
}

static void test_all_turn_to_the_protocol_at_one_tick_from_the_fence_on(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 3, 3, 2, 3);
    struct moot_digest proposal = propose(&net, 6, 0);
    uint32_t fence = test_net_proposal(&net, 0, &proposal).fence_epoch;
    test_net_run(&net, 1000);
    assert_int_equal(approve(&net, 1, &proposal), MOOT_OK);
    test_net_run(&net, 2000);
    assert_true(test_net_proposal(&net, 2, &proposal).activated);
    assert_int_equal(state_of(&net, 2, &proposal), MOOT_PROPOSAL_CERTIFIED);
    assert_int_equal(status_of(&net, 2).fence_next, fence);
    assert_int_equal(test_net_put(&net, 2, "key", "before"), MOOT_OK);
    while (epoch_of(&net, 0) + 1 < fence) {
        assert_int_equal(protocol_of(&net, 0), 1);
        test_net_run(&net, 1000);
    }
    test_net_run(&net, 3 * EPOCH_MS);
    for (uint32_t i = 0; i < 3; i++) {
        struct moot_view_proposal view = test_net_proposal(&net, i, &proposal);
        assert_int_equal(protocol_of(&net, i), 2);
        assert_int_equal(view.state, MOOT_PROPOSAL_IN_FORCE);
        assert_int_equal(view.in_force_epoch, fence);
        assert_int_equal(test_net_noticed(&net, i, "upgrade.in_force", 0), 1);
        assert_int_equal(test_net_noticed(&net, i, "fence.observed", 0), 0);
        assert_int_equal(status_of(&net, i).fence_next, 0);
    }
    assert_int_equal(test_net_put(&net, 2, "key", "after"), MOOT_OK);
    test_net_run(&net, 2000);
    assert_true(test_net_equal(&net, 0, 1) && test_net_equal(&net, 1, 2));
    assert_int_equal(stats_of(&net, 0).voids[MOOT_VOID_PROTOCOL], 0);
    test_net_free(&net);
}

static void test_a_device_that_is_not_raised_is_fenced_and_heals_by_a_restart(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 3, 2, 2, 4);
    speaks(&net, 2, 1);
    test_net_run(&net, 2000);
    struct moot_digest proposal = propose(&net, 4, 0);
    test_net_run(&net, 1000);
    assert_int_equal(approve(&net, 1, &proposal), MOOT_OK);
    test_net_run(&net, 2000);
    /* It writes while it is cut off, before the fence, and finds out about the fence later. */
    test_net_cut(&net, 2, 0, true);
    test_net_cut(&net, 2, 1, true);
    assert_int_equal(test_net_put(&net, 2, "mine", "cut off"), MOOT_OK);
    test_net_run(&net, 8 * EPOCH_MS);
    assert_int_equal(protocol_of(&net, 0), 2);
    assert_int_equal(protocol_of(&net, 2), 1);
    assert_int_equal(test_net_put(&net, 0, "theirs", "new"), MOOT_OK);
    test_net_cut(&net, 2, 0, false);
    test_net_cut(&net, 2, 1, false);
    test_net_run(&net, 35000);
    assert_int_equal(protocol_of(&net, 2), 2);
    assert_true(status_of(&net, 2).fenced);
    assert_true(strlen(status_of(&net, 2).fenced_reason) > 0);
    assert_int_equal(test_net_noticed(&net, 2, "fence.observed", 0), 1);
    assert_int_equal(state_of(&net, 2, &proposal), MOOT_PROPOSAL_IN_FORCE);
    /* Gate (c), and what it had written counts; gate (b): it has blocks, but no newer records. */
    assert_int_equal(test_net_put(&net, 2, "mine", "later"), MOOT_FENCED);
    for (uint32_t i = 0; i < 2; i++) {
        assert_non_null(test_net_file(&net, 2, &package.blocks[i]));
        assert_non_null(moot_state_record(moot_view_state(&net.nodes[i].env), net.nodes[i].env.pool,
                                          moot_bytes_of_text("mine")));
    }
    assert_null(moot_state_record(moot_view_state(&net.nodes[2].env), net.nodes[2].env.pool,
                                  moot_bytes_of_text("theirs")));
    assert_int_equal(stats_of(&net, 2).unread, 0);
    assert_false(test_net_equal(&net, 0, 2));
    uint32_t epoch = epoch_of(&net, 2);
    test_net_run(&net, 3 * EPOCH_MS);
    assert_true(epoch_of(&net, 2) >= epoch + 2); /* maintenance goes on */
    speaks(&net, 2, 2);
    test_net_run(&net, 5000);
    assert_false(status_of(&net, 2).fenced);
    assert_int_equal(test_net_put(&net, 2, "mine", "later"), MOOT_OK);
    test_net_run(&net, 2000);
    assert_true(test_net_equal(&net, 0, 2) && test_net_equal(&net, 1, 2));
    test_net_free(&net);
}

static void test_runs_that_reach_a_fenced_device_all_the_same_wait_unread(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 2, 1, 1, 5);
    struct moot_digest proposal = propose(&net, 3, 0);
    test_net_run(&net, 5 * EPOCH_MS);
    assert_int_equal(state_of(&net, 1, &proposal), MOOT_PROPOSAL_IN_FORCE);
    assert_int_equal(test_net_put(&net, 0, "key", "one"), MOOT_OK);
    test_net_run(&net, 1000);
    /* A rolled-back device: it holds what it does not speak. */
    speaks(&net, 1, 1);
    struct moot_engine *engine = test_net_engine(&net, 1);
    assert_int_equal(moot_boot_refold(&net.nodes[1].env, engine), MOOT_OK);
    assert_int_equal(stats_of(&net, 1).unread, 1);
    struct moot_digest none = {{0}};
    struct moot_digest said = stats_of(&net, 1).state_digest;
    assert_memory_equal(said.b, none.b, sizeof none.b);
    test_net_run(&net, 3000);
    speaks(&net, 1, 2);
    test_net_run(&net, 3000);
    assert_int_equal(stats_of(&net, 1).unread, 0);
    assert_true(test_net_equal(&net, 0, 1));
    test_net_free(&net);
}

static void
test_a_hard_fork_that_is_not_ready_by_its_fence_expires_and_its_slot_is_free(void **state)
{
    (void)state;
    struct test_net net;
    static const char *const names[] = {"n0", "n1", "n2"};
    struct moot_bytes list[3];
    begin(&net, 3, 2, 2, 6);
    struct moot_call call = fork_call(&net, 3);
    call.upgrade.ready_needed = 3;
    test_net_stop(&net, 2); /* so that it never is */
    struct moot_reply reply = test_net_call(&net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(&net, 1000);
    assert_int_equal(approve(&net, 1, &reply.proposal), MOOT_OK);
    test_net_run(&net, 4 * EPOCH_MS);
    test_net_start(&net, 2);
    test_net_run(&net, EPOCH_MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(state_of(&net, i, &reply.proposal), MOOT_PROPOSAL_EXPIRED);
        assert_int_equal(protocol_of(&net, i), 1);
    }
    for (uint32_t i = 0; i < 3; i++)
        list[i] = moot_bytes_of_text(names[i]);
    struct moot_call admins = {
        .kind = MOOT_CALL_PROPOSE_ADMINS, .names = list, .name_count = 3, .threshold = 2};
    assert_int_equal(test_net_call(&net, 0, &admins).status, MOOT_OK);
    test_net_free(&net);
}

static void test_an_activated_hard_fork_whose_window_passes_without_a_turn_expires(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 3, 3, 3, 7);
    struct moot_digest proposal = propose(&net, 4, 2);
    uint32_t fence = test_net_proposal(&net, 0, &proposal).fence_epoch;
    test_net_run(&net, 500);
    assert_int_equal(approve(&net, 1, &proposal), MOOT_OK);
    assert_int_equal(approve(&net, 2, &proposal), MOOT_OK);
    test_net_run(&net, 1000);
    assert_true(test_net_proposal(&net, 0, &proposal).activated);
    /* n2 holds its plain ticks up to the end of the window and signs nothing else: by hand. */
    struct moot_engine *engine = test_net_engine(&net, 2);
    struct moot_bytes ticks[8];
    static uint8_t memory[8][1024];
    uint32_t count = 0;
    for (uint32_t epoch = epoch_of(&net, 2) + 1; epoch <= fence + 2 && count < 8; epoch++) {
        struct moot_body body = {.kind = MOOT_BODY_TICK, .epoch = epoch};
        struct moot_digest hash;
        struct moot_statement statement;
        uint8_t bytes[256];
        struct moot_writer writer;
        body.tick.before = body.tick.after =
            moot_state_era(&engine->state, net.nodes[2].env.pool)->timeline;
        body.tick.epoch = epoch;
        moot_writer_init(&writer, bytes, sizeof bytes);
        moot_body_encode(&body, &writer);
        moot_body_hash(moot_bytes_of(bytes, writer.size), &hash);
        moot_body_statement(&body, &hash, &body.tick.before, MOOT_VERDICT_YES, &statement);
        ticks[count] = test_hostile_approval(&net, 2, &statement, memory[count]);
        count++;
    }
    for (uint32_t i = 0; i < 2; i++)
        test_hostile_push(&net, 2, i, &(struct test_items){.loose = ticks, .loose_count = count});
    test_net_run(&net, 500);
    test_net_stop(&net, 2);
    test_net_run(&net, 40 * EPOCH_MS);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(epoch_of(&net, i), fence + 2);
        assert_int_equal(state_of(&net, i, &proposal), MOOT_PROPOSAL_EXPIRED);
    }
    test_net_start(&net, 2); /* with it there would be enough, but the window is over */
    test_net_run(&net, 60 * EPOCH_MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(epoch_of(&net, i) > fence + 2);
        assert_int_equal(protocol_of(&net, i), 1);
        assert_int_equal(state_of(&net, i, &proposal), MOOT_PROPOSAL_EXPIRED);
    }
    test_net_free(&net);
}

static void
test_of_two_hard_forks_the_nearer_comes_first_and_the_other_only_if_it_is_higher(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 2, 2, 2, 8);
    struct moot_digest far = propose(&net, 8, 4), near = propose(&net, 4, 4);
    test_net_run(&net, 500);
    assert_int_equal(approve(&net, 1, &far), MOOT_OK);
    assert_int_equal(approve(&net, 1, &near), MOOT_OK);
    test_net_run(&net, 7 * EPOCH_MS);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(state_of(&net, i, &near), MOOT_PROPOSAL_IN_FORCE);
        assert_int_equal(state_of(&net, i, &far), MOOT_PROPOSAL_EXPIRED);
    }
    test_net_run(&net, 10 * EPOCH_MS);
    assert_int_equal(moot_view_state(&net.nodes[0].env)->eras.count, 3);
    test_net_free(&net);
}

static void test_administrators_change_before_a_hard_fork_or_after_it_not_beside_it(void **state)
{
    (void)state;
    struct test_net net;
    static const char *const names[] = {"n0", "n1", "n2"};
    struct moot_bytes list[3];
    for (uint32_t i = 0; i < 3; i++)
        list[i] = moot_bytes_of_text(names[i]);
    struct moot_call admins = {
        .kind = MOOT_CALL_PROPOSE_ADMINS, .names = list, .name_count = 3, .threshold = 2};
    begin(&net, 3, 2, 2, 9);
    struct moot_digest proposal = propose(&net, 8, 0);
    uint32_t fence = test_net_proposal(&net, 0, &proposal).fence_epoch;
    test_net_run(&net, 500);
    assert_int_equal(approve(&net, 1, &proposal), MOOT_OK);
    test_net_run(&net, 1000);
    /* There is time: a turn that is over before the fork's is signed. Nobody approves it. */
    struct moot_reply reply = test_net_call(&net, 0, &admins);
    assert_int_equal(reply.status, MOOT_OK);
    assert_int_equal(test_net_proposal(&net, 0, &reply.proposal).body.turn.last, fence - 2);
    test_net_run(&net, 6 * EPOCH_MS);
    assert_int_equal(test_net_call(&net, 1, &admins).status, MOOT_SLOT_TAKEN);
    test_net_run(&net, 4 * EPOCH_MS);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(protocol_of(&net, i), 2);
    reply = test_net_call(&net, 0, &admins);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(&net, 500);
    assert_int_equal(approve(&net, 1, &reply.proposal), MOOT_OK);
    test_net_run(&net, 3 * EPOCH_MS);
    assert_int_equal(status_of(&net, 2).admins.count, 3);
    assert_int_equal(protocol_of(&net, 2), 2);
    test_net_free(&net);
}

static void
test_a_device_that_never_heard_of_the_fork_comes_back_fenced_and_fetches_what_heals(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 3, 2, 2, 13);
    speaks(&net, 2, 1);
    test_net_run(&net, 2000);
    test_net_stop(&net, 2);
    assert_int_equal(test_net_put(&net, 0, "key", "old"), MOOT_OK);
    struct moot_digest proposal = propose(&net, 4, 0);
    test_net_run(&net, 1000);
    assert_int_equal(approve(&net, 1, &proposal), MOOT_OK);
    test_net_run(&net, 7 * EPOCH_MS);
    assert_int_equal(protocol_of(&net, 0), 2);
    assert_int_equal(test_net_put(&net, 0, "key", "new"), MOOT_OK);
    test_net_start(&net, 2);
    test_net_run(&net, 20000);
    assert_true(status_of(&net, 2).fenced);
    assert_int_equal(state_of(&net, 2, &proposal), MOOT_PROPOSAL_IN_FORCE);
    for (uint32_t i = 0; i < package.block_count; i++)
        assert_non_null(test_net_file(&net, 2, &package.blocks[i]));
    /* The record is there as it was before the fence. */
    const struct moot_pool *pool = net.nodes[2].env.pool;
    const struct moot_record *record =
        moot_state_record(moot_view_state(&net.nodes[2].env), pool, moot_bytes_of_text("key"));
    assert_non_null(record);
    assert_true(moot_bytes_equal(moot_blob_get(pool, moot_record_shown(record, pool)->value),
                                 moot_bytes_of_text("old")));
    test_net_free(&net);
}

static void test_a_device_joins_after_the_fence_and_is_fenced_if_it_is_old(void **state)
{
    (void)state;
    struct test_net net;
    for (uint16_t speaks_to = 1; speaks_to <= 2; speaks_to++) {
        test_net_init(&net, 3, 10 + speaks_to);
        net.count = 2;
        test_net_found(&net);
        test_net_package(&net, 0, "app", "2.0.0", 2, 10, &package);
        struct moot_digest proposal = propose(&net, 3, 0);
        test_net_run(&net, 6 * EPOCH_MS);
        assert_int_equal(protocol_of(&net, 1), 2);
        net.count = 3;
        speaks(&net, 2, speaks_to);
        struct moot_call invite = {.kind = MOOT_CALL_INVITE};
        struct moot_reply invitation = test_net_call(&net, 0, &invite);
        struct moot_call join = {.kind = MOOT_CALL_JOIN, .uri = moot_bytes_of_text(invitation.uri)};
        assert_int_equal(test_net_call(&net, 2, &join).status, MOOT_OK);
        struct moot_call admit = {.kind = MOOT_CALL_ADMIT, .name = moot_bytes_of_text("n2")};
        assert_int_equal(test_net_call(&net, 0, &admit).status, MOOT_OK);
        test_net_run(&net, 10000);
        assert_int_equal(protocol_of(&net, 2), 2);
        assert_int_equal(state_of(&net, 2, &proposal), MOOT_PROPOSAL_IN_FORCE);
        assert_int_equal(status_of(&net, 2).fenced, speaks_to == 1);
        assert_int_equal(test_net_put(&net, 2, "key", "value"),
                         speaks_to == 1 ? MOOT_FENCED : MOOT_OK);
        test_net_free(&net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_proposal_without_plan_notice_or_higher_protocol_is_refused),
        cmocka_unit_test(test_a_signer_looks_at_the_notice_itself),
        cmocka_unit_test(test_all_turn_to_the_protocol_at_one_tick_from_the_fence_on),
        cmocka_unit_test(test_a_device_that_is_not_raised_is_fenced_and_heals_by_a_restart),
        cmocka_unit_test(test_runs_that_reach_a_fenced_device_all_the_same_wait_unread),
        cmocka_unit_test(
            test_a_hard_fork_that_is_not_ready_by_its_fence_expires_and_its_slot_is_free),
        cmocka_unit_test(test_an_activated_hard_fork_whose_window_passes_without_a_turn_expires),
        cmocka_unit_test(
            test_of_two_hard_forks_the_nearer_comes_first_and_the_other_only_if_it_is_higher),
        cmocka_unit_test(
            test_a_device_that_never_heard_of_the_fork_comes_back_fenced_and_fetches_what_heals),
        cmocka_unit_test(test_a_device_joins_after_the_fence_and_is_fenced_if_it_is_old),
        cmocka_unit_test(test_administrators_change_before_a_hard_fork_or_after_it_not_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
