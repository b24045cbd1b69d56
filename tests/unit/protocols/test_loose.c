/* Loose things: what is kept, for how long, and that nobody's words crowd out those of others. */
#include "tests/lib/engines/hostile.h"

#define EPOCH_MS 10000u

static uint32_t loose_count(const struct test_net *net, uint32_t node)
{
    return test_net_engine(net, node)->loose.count;
}

static struct moot_statement made_up(struct test_net *net, uint32_t number)
{
    struct moot_engine *engine = test_net_engine(net, 0);
    struct moot_statement statement = {
        .timeline = moot_state_era(&engine->state, net->nodes[0].env.pool)->timeline,
        .slot = {.kind = MOOT_SLOT_UPGRADE},
        .epoch = engine->state.epoch,
        .verdict = MOOT_VERDICT_YES};
    moot_u32_put(statement.slot.proposal.b, number + 1);
    statement.body = statement.slot.proposal;
    return statement;
}

static void push_made_up(struct test_net *net, uint32_t from, uint32_t to, uint32_t first,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t memory[1024];
        struct moot_statement statement = made_up(net, first + i);
        struct moot_bytes approval = test_hostile_approval(net, from, &statement, memory);
        test_hostile_push(net, from, to,
                          &(struct test_items){.loose = &approval, .loose_count = 1});
    }
    test_net_run(net, 100);
}

static void test_one_administrator_cannot_fill_the_room_of_all(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 3, 1);
    test_net_found(&net);
    test_net_admins(&net, 3, 2);
    test_net_run(&net, 2000);
    push_made_up(&net, 1, 0, 0, MOOT_LOOSE_PER_SIGNER_MAX + 50);
    assert_true(loose_count(&net, 0) <= MOOT_LOOSE_PER_SIGNER_MAX + 8);
    assert_true(test_net_refused(&net, 0, MOOT_LIMIT) >= 50);
    /* Its own ticks have no room any more; the other two still decide. */
    uint32_t epoch = moot_view_state(&net.nodes[0].env)->epoch;
    test_net_run(&net, 3 * EPOCH_MS);
    assert_true(moot_view_state(&net.nodes[0].env)->epoch >= epoch + 2);
    push_made_up(&net, 2, 0, 1000, 1);
    assert_true(loose_count(&net, 0) > MOOT_LOOSE_PER_SIGNER_MAX);
    /* And after a restart it is the same share again. */
    test_net_stop(&net, 0);
    test_net_start(&net, 0);
    test_net_run(&net, 5000);
    uint64_t limits = test_net_refused(&net, 0, MOOT_LIMIT);
    push_made_up(&net, 1, 0, 2000, 1);
    assert_true(test_net_refused(&net, 0, MOOT_LIMIT) > limits);
    test_net_free(&net);
}

static void test_ticks_beyond_the_window_and_of_no_member_are_not_kept(void **state)
{
    (void)state;
    struct test_net net;
    uint8_t memory[1024];
    test_net_init(&net, 2, 2);
    test_net_found(&net);
    uint32_t before = loose_count(&net, 0);
    struct moot_statement statement = made_up(&net, 1);
    struct moot_bytes approval = test_hostile_approval(&net, 1, &statement, memory);
    struct test_items items = {.loose = &approval, .loose_count = 1};
    test_hostile_push(&net, 1, 0, &items); /* n1 is no administrator */
    test_net_run(&net, 100);
    assert_int_equal(loose_count(&net, 0), before);
    assert_int_equal(test_net_refused(&net, 0, MOOT_NOT_ADMIN), 1);
    statement.slot = (struct moot_slot){.kind = MOOT_SLOT_EPOCH,
                                        .number = moot_view_state(&net.nodes[0].env)->epoch +
                                                  MOOT_TICKS_AHEAD_MAX + 1};
    approval = test_hostile_approval(&net, 0, &statement, memory);
    test_hostile_push(&net, 1, 0, &items); /* the founder's own, made by a thief */
    test_net_run(&net, 100);
    assert_int_equal(loose_count(&net, 0), before);
    test_net_free(&net);
}

/* Open for four epochs; comes into force only if `activates`. */
static struct moot_digest propose(struct test_net *net, const char *version, bool activates)
{
    struct test_package package;
    test_net_package(net, 0, "app", version, 1, 3, &package);
    struct moot_call call = {
        .kind = MOOT_CALL_PROPOSE_UPGRADE,
        .upgrade = {.package_name = moot_bytes_of_text("app"),
                    .from_version = moot_bytes_of_text("1.0.0"),
                    .to_version = moot_bytes_of_text(version),
                    .manifest = package.manifest,
                    .kind = MOOT_UPGRADE_SOFT,
                    .ready_needed = 3,
                    .deadline_epoch = moot_view_state(&net->nodes[0].env)->epoch + 4}};
    struct moot_reply reply = test_net_call(net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    struct moot_call activate = {.kind = MOOT_CALL_ACTIVATE, .proposal = reply.proposal};
    if (activates)
        assert_int_equal(test_net_call(net, 0, &activate).status, MOOT_OK);
    test_net_run(net, 2 * EPOCH_MS);
    return reply.proposal;
}

static void test_readiness_goes_when_its_upgrade_is_over_on_all_nodes(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 3, 3);
    net.nodes[0].config.soft_fork_auto_activate = false;
    test_net_stop(&net, 0);
    test_net_start(&net, 0);
    test_net_found(&net);
    struct moot_digest never = propose(&net, "2.0.0", false);
    struct moot_digest first = propose(&net, "2.0.1", true);
    assert_int_equal(test_net_proposal(&net, 1, &never).ready, 3);
    assert_int_equal(test_net_proposal(&net, 1, &first).ready, 3);
    test_net_run(&net, 6 * EPOCH_MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(test_net_proposal(&net, i, &never).ready, 0);
        assert_int_equal(test_net_proposal(&net, i, &first).ready,
                         3); /* in force, and the newest */
        assert_int_equal(loose_count(&net, i), 3);
    }
    struct moot_digest second = propose(&net, "2.0.2", true);
    test_net_run(&net, 6 * EPOCH_MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(test_net_proposal(&net, i, &first).state, MOOT_PROPOSAL_IN_FORCE);
        assert_int_equal(test_net_proposal(&net, i, &first).ready, 0);
        assert_int_equal(test_net_proposal(&net, i, &second).ready, 3);
        assert_int_equal(loose_count(&net, i), 3);
    }
    test_net_free(&net);
}

static void test_a_deadline_in_the_past_is_refused_before_it_is_written(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    test_net_init(&net, 1, 4);
    test_net_found(&net);
    test_net_package(&net, 0, "app", "2.0.0", 1, 3, &package);
    struct moot_call call = {.kind = MOOT_CALL_PROPOSE_UPGRADE,
                             .upgrade = {.package_name = moot_bytes_of_text("app"),
                                         .from_version = moot_bytes_of_text("1.0.0"),
                                         .to_version = moot_bytes_of_text("2.0.0"),
                                         .manifest = package.manifest,
                                         .kind = MOOT_UPGRADE_SOFT,
                                         .deadline_epoch = 1}};
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_WINDOW);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_administrator_cannot_fill_the_room_of_all),
        cmocka_unit_test(test_ticks_beyond_the_window_and_of_no_member_are_not_kept),
        cmocka_unit_test(test_readiness_goes_when_its_upgrade_is_over_on_all_nodes),
        cmocka_unit_test(test_a_deadline_in_the_past_is_refused_before_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
