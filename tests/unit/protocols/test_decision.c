/* Votes and certificates: how many make one, that nobody votes twice, what is written before it is told. */
#include "tests/lib/engines/hostile.h"

#define MINUTE 60000u

static struct moot_digest propose(struct test_net *net, uint32_t seed)
{
    struct test_package package;
    char version[16];
    snprintf(version, sizeof version, "2.%u.0", (unsigned)seed);
    test_net_package(net, 0, "app", version, 1, seed + 1, &package);
    return test_net_propose(net, "app", version, &package, 5);
}

static enum moot_status answer(struct test_net *net, uint32_t node,
                               const struct moot_digest *proposal, enum moot_call_kind kind)
{
    char hex[65];
    moot_hex_format(moot_digest_bytes(proposal), hex);
    struct moot_call call = {
        .kind = kind, .proposal = *proposal, .digest_text = moot_bytes_of_text(hex)};
    return test_net_call(net, node, &call).status;
}

static void settle(struct test_net *net)
{
    test_net_run(net, 2500);
}

/* N administrators, M of them needed; everybody connected. */
static void begin(struct test_net *net, uint32_t count, uint32_t threshold, uint64_t seed)
{
    test_net_init(net, count, seed);
    test_net_found(net);
    if (count > 1)
        test_net_admins(net, count, threshold);
    settle(net);
}

static void certified_iff_enough(uint32_t count, uint32_t threshold, bool others_say_no)
{
    struct test_net net;
    begin(&net, count, threshold, 10 * count + threshold);
    for (uint32_t subset = 0; subset < 1u << (count - 1); subset++) {
        struct moot_digest proposal = propose(&net, subset);
        uint32_t yes = 1, no = 0;
        settle(&net);
        for (uint32_t i = 1; i < count; i++) {
            bool approves = subset & (1u << (i - 1));
            enum moot_status status = MOOT_OK;
            if (approves)
                status = answer(&net, i, &proposal, MOOT_CALL_APPROVE);
            else if (others_say_no)
                status = answer(&net, i, &proposal, MOOT_CALL_REJECT);
            /* Decided already, one way or the other, by those before: that is said, too. */
            bool over =
                approves ? no > count - threshold : yes >= threshold || no > count - threshold;
            if (approves && !over)
                yes++;
            if (!approves && others_say_no && !over)
                no++;
            if (approves || others_say_no)
                assert_int_equal(status, !over                    ? MOOT_OK
                                         : no > count - threshold ? MOOT_ENDED
                                                                  : MOOT_DECIDED);
            settle(&net);
        }
        for (uint32_t viewer = 0; viewer < count; viewer++) {
            struct moot_view_proposal view = test_net_proposal(&net, viewer, &proposal);
            assert_int_equal(view.certified, yes >= threshold);
            if (view.certified)
                assert_true(view.signer_count >= threshold && view.yes_count == view.signer_count);
            else
                assert_int_equal(view.state, no > count - threshold ? MOOT_PROPOSAL_REJECTED
                                                                    : MOOT_PROPOSAL_PROPOSED);
        }
        if (yes < threshold && no <= count - threshold) {
            assert_int_equal(answer(&net, 0, &proposal, MOOT_CALL_WITHDRAW), MOOT_OK);
            settle(&net);
        }
    }
    test_net_free(&net);
}

static void test_certified_if_and_only_if_m_say_yes(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= 5; count++) {
        for (uint32_t threshold = count / 2 + 1; threshold <= count; threshold++) {
            certified_iff_enough(count, threshold, false);
            certified_iff_enough(count, threshold, true);
        }
    }
}

static void test_a_second_vote_in_a_slot_is_refused_also_after_a_restart(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 3, 3, 1);
    struct moot_digest proposal = propose(&net, 1);
    settle(&net);
    assert_int_equal(answer(&net, 1, &proposal, MOOT_CALL_APPROVE), MOOT_OK);
    assert_int_equal(answer(&net, 1, &proposal, MOOT_CALL_REJECT), MOOT_DOUBLE_VOTE);
    assert_int_equal(answer(&net, 1, &proposal, MOOT_CALL_APPROVE), MOOT_OK); /* the same again */
    assert_int_equal(answer(&net, 2, &proposal, MOOT_CALL_REJECT), MOOT_OK);
    for (uint32_t i = 0; i < 3; i++) {
        test_net_stop(&net, i);
        test_net_start(&net, i);
    }
    test_net_run(&net, MINUTE);
    assert_int_equal(answer(&net, 0, &proposal, MOOT_CALL_REJECT), MOOT_ENDED);
    struct moot_view_proposal view = test_net_proposal(&net, 0, &proposal);
    assert_int_equal(view.yes_count, 2);
    assert_int_equal(view.no_count, 1);
    test_net_free(&net);
}

/* The statement of `signer`'s approval as node 0 holds it, the other way round. */
static struct moot_statement opposite(struct test_net *net, const struct moot_digest *proposal)
{
    struct moot_engine *engine = test_net_engine(net, 0);
    const struct moot_proposal *held =
        moot_state_proposal(&engine->state, net->nodes[0].env.pool, proposal);
    struct moot_body body;
    struct moot_statement statement;
    assert_non_null(held);
    assert_int_equal(moot_body_decode(moot_blob_get(net->nodes[0].env.pool, held->body), &body),
                     MOOT_OK);
    moot_body_statement(&body, proposal,
                        &moot_state_era(&engine->state, net->nodes[0].env.pool)->timeline,
                        MOOT_VERDICT_NO, &statement);
    return statement;
}

static void test_who_votes_twice_is_named_and_the_first_vote_stays(void **state)
{
    (void)state;
    struct test_net net;
    uint8_t memory[1024];
    begin(&net, 3, 3, 2);
    struct moot_digest proposal = propose(&net, 1);
    settle(&net);
    assert_int_equal(answer(&net, 1, &proposal, MOOT_CALL_APPROVE), MOOT_OK);
    settle(&net);
    struct moot_statement statement = opposite(&net, &proposal);
    struct moot_bytes second = test_hostile_approval(&net, 1, &statement, memory);
    test_hostile_push(&net, 1, 0, &(struct test_items){.loose = &second, .loose_count = 1});
    uint32_t since = net.nodes[0].notice_count;
    settle(&net);
    assert_int_equal(test_net_noticed(&net, 0, "admin.double_vote", since), 1);
    for (uint32_t i = since; i < net.nodes[0].notice_count; i++) {
        const struct moot_notice *notice = &net.nodes[0].notices[i].notice;
        if (strcmp(notice->name, "admin.double_vote") == 0)
            assert_true(moot_key_equal(&notice->device, &net.nodes[1].identity.key));
    }
    struct moot_view_proposal view = test_net_proposal(&net, 0, &proposal);
    assert_int_equal(view.yes_count, 2);
    assert_int_equal(view.no_count, 0);
    test_net_free(&net);
}

/* ---- what is written before it is told ---- */

struct order {
    uint32_t votes; /* steps with a vote row */
};

static bool has_op(const struct moot_action *commit, enum moot_table table)
{
    for (uint32_t i = 0; commit && i < commit->batch.op_count; i++) {
        if (commit->batch.ops[i].table == table && commit->batch.ops[i].kind == MOOT_STORE_PUT)
            return true;
    }
    return false;
}

static void watch_order(struct test_net *net, const struct test_node *node,
                        const struct moot_event *event, const struct moot_actions *actions)
{
    struct order *order = net->watch_context;
    const struct moot_action *commit =
        actions->first && actions->first->kind == MOOT_ACTION_COMMIT ? actions->first : NULL;
    uint64_t ticket = moot_engine_ticket(&node->env);
    for (const struct moot_action *action = commit ? commit->next : actions->first; action;
         action = action->next) {
        assert_int_not_equal(action->kind, MOOT_ACTION_COMMIT); /* one a step, in front */
        assert_true(action->after <= ticket);
        bool shows = action->kind == MOOT_ACTION_NOTICE ||
                     (action->kind == MOOT_ACTION_REPLY && action->reply.status == MOOT_OK);
        if (shows)
            assert_int_equal(action->after, ticket);
        /* Frames that wait for nothing are handshakes, pings and blocks that lie on the disk. */
        if (action->kind == MOOT_ACTION_SEND && action->after != ticket &&
            event->kind != MOOT_EVENT_JOB_DONE)
            assert_true(action->bytes.size < 512);
    }
    if (commit) {
        assert_int_equal(commit->ticket, ticket);
        if (has_op(commit, MOOT_TABLE_VOTE)) {
            assert_true(has_op(commit, MOOT_TABLE_LOOSE) || has_op(commit, MOOT_TABLE_OBJECT));
            order->votes++;
        }
        if (has_op(commit, MOOT_TABLE_LOG))
            assert_true(has_op(commit, MOOT_TABLE_RUN) && has_op(commit, MOOT_TABLE_CHAIN));
    }
}

static void test_a_vote_is_in_the_commit_that_everything_showing_it_waits_for(void **state)
{
    (void)state;
    struct test_net net;
    struct order order = {0};
    test_net_init(&net, 3, 3);
    net.watch = watch_order;
    net.watch_context = &order;
    test_net_found(&net);
    test_net_admins(&net, 3, 2);
    struct moot_digest proposal = propose(&net, 1);
    settle(&net);
    uint32_t before = order.votes;
    assert_int_equal(answer(&net, 1, &proposal, MOOT_CALL_APPROVE), MOOT_OK);
    assert_true(order.votes > before);
    test_net_run(&net, MINUTE);
    assert_true(order.votes > before + 3);
    test_net_free(&net);
}

static void test_reasons_are_bounded_before_they_are_signed(void **state)
{
    (void)state;
    struct test_net net;
    char hex[65], words[2 * MOOT_REASON_BYTES_MAX];
    begin(&net, 2, 2, 4);
    struct moot_digest proposal = propose(&net, 1);
    settle(&net);
    moot_hex_format(moot_digest_bytes(&proposal), hex);
    memset(words, 'w', sizeof words);
    struct moot_call call = {.kind = MOOT_CALL_APPROVE,
                             .proposal = proposal,
                             .digest_text = moot_bytes_of_text(hex),
                             .reason = moot_bytes_of(words, sizeof words)};
    assert_int_equal(test_net_call(&net, 1, &call).status, MOOT_BAD_ARGUMENT);
    words[0] = (char)0xff;
    call.reason.size = 1;
    assert_int_equal(test_net_call(&net, 1, &call).status, MOOT_BAD_ARGUMENT);
    words[0] = 'w';
    call.reason.size = MOOT_REASON_BYTES_MAX;
    assert_int_equal(test_net_call(&net, 1, &call).status, MOOT_OK);
    test_net_free(&net);
}

static void test_the_least_digest_is_four_digits_and_a_wrong_one_is_told_apart(void **state)
{
    (void)state;
    struct test_net net;
    char hex[65];
    begin(&net, 3, 2, 5);
    test_net_run(&net, 1000);
    struct moot_digest proposal = propose(&net, 1);
    settle(&net);
    moot_hex_format(moot_digest_bytes(&proposal), hex);
    struct moot_call call = {.kind = MOOT_CALL_APPROVE, .proposal = proposal};
    const struct {
        const char *text;
        size_t size;
        enum moot_status status;
    } cases[] = {{hex, 0, MOOT_BAD_ARGUMENT},
                 {hex, 3, MOOT_BAD_ARGUMENT},
                 {"zzzz", 4, MOOT_BAD_ARGUMENT},
                 {hex + 1, 8, MOOT_WRONG_DIGEST},
                 {hex + 1, 63, MOOT_WRONG_DIGEST},
                 {hex, 4, MOOT_OK},
                 {hex, 64, MOOT_OK}};
    for (size_t i = 0; i < MOOT_COUNT_OF(cases); i++) {
        call.digest_text = moot_bytes_of(cases[i].text, cases[i].size);
        assert_int_equal(test_net_call(&net, 1, &call).status, cases[i].status);
    }
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certified_if_and_only_if_m_say_yes),
        cmocka_unit_test(test_a_second_vote_in_a_slot_is_refused_also_after_a_restart),
        cmocka_unit_test(test_who_votes_twice_is_named_and_the_first_vote_stays),
        cmocka_unit_test(test_a_vote_is_in_the_commit_that_everything_showing_it_waits_for),
        cmocka_unit_test(test_reasons_are_bounded_before_they_are_signed),
        cmocka_unit_test(test_the_least_digest_is_four_digits_and_a_wrong_one_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
