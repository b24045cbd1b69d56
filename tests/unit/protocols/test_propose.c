/* What people propose and answer: every refusal has its own status, and is made before anything is written. */
#include "tests/lib/engines/hostile.h"

static const char hex_digits[] = "0123456789abcdef";

static uint64_t own_facts(const struct test_net *net, uint32_t node)
{
    const struct moot_state *state = moot_view_state(&net->nodes[node].env);
    struct moot_pool *pool = net->nodes[node].env.pool;
    const struct moot_member *member =
        moot_state_member(state, pool, &net->nodes[node].identity.key);
    return moot_state_chain(state, pool, &member->chain)->tail.seq;
}

/* n0 and n1 administrators, both needed; n2 a member. */
static void begin(struct test_net *net, uint64_t seed)
{
    test_net_init(net, 3, seed);
    test_net_found(net);
    test_net_admins(net, 2, 2);
    test_net_run(net, 2000);
}

static struct moot_call upgrade_call(void)
{
    return (struct moot_call){.kind = MOOT_CALL_PROPOSE_UPGRADE,
                              .upgrade = {.package_name = moot_bytes_of_text("app"),
                                          .from_version = moot_bytes_of_text("1.0.0"),
                                          .to_version = moot_bytes_of_text("2.0.0"),
                                          .manifest = {{7}},
                                          .kind = MOOT_UPGRADE_SOFT,
                                          .ready_needed = 3}};
}

static struct moot_call admins_call(struct moot_bytes *names, uint32_t count, uint32_t threshold)
{
    return (struct moot_call){.kind = MOOT_CALL_PROPOSE_ADMINS,
                              .names = names,
                              .name_count = count,
                              .threshold = threshold};
}

static void test_sets_of_administrators_are_checked_before_they_are_proposed(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 1);
    struct moot_bytes n0 = moot_bytes_of_text("n0"), n1 = moot_bytes_of_text("n1");
    struct moot_bytes n2 = moot_bytes_of_text("n2"), nobody = moot_bytes_of_text("nobody");
    struct {
        struct moot_bytes names[3];
        uint32_t count, threshold;
        enum moot_status status;
    } cases[] = {
        {{n0}, 0, 1, MOOT_LIMIT},
        {{n0, n1}, 2, 1, MOOT_BAD_THRESHOLD},
        {{n0, n1}, 2, 3, MOOT_BAD_THRESHOLD},
        {{n0, n1}, 2, 0, MOOT_BAD_THRESHOLD},
        {{n0, n1, n2}, 3, 1, MOOT_BAD_THRESHOLD},
        {{n0, nobody}, 2, 2, MOOT_NOT_FOUND},
        {{n0, n1, n0}, 3, 2, MOOT_BAD_ARGUMENT},
    };
    uint64_t before = own_facts(&net, 0);
    for (size_t i = 0; i < MOOT_COUNT_OF(cases); i++) {
        struct moot_call call = admins_call(cases[i].names, cases[i].count, cases[i].threshold);
        assert_int_equal(test_net_call(&net, 0, &call).status, cases[i].status);
    }
    assert_int_equal(own_facts(&net, 0), before);
    struct moot_bytes all[3] = {n0, n1, n2};
    struct moot_call good = admins_call(all, 3, 2);
    assert_int_equal(test_net_call(&net, 2, &good).status, MOOT_NOT_ADMIN);
    struct moot_reply first = test_net_call(&net, 0, &good);
    assert_int_equal(first.status, MOOT_OK);
    assert_int_equal(test_net_call(&net, 0, &good).status, MOOT_SLOT_TAKEN);
    test_net_run(&net, 1000);
    assert_int_equal(test_net_call(&net, 1, &good).status, MOOT_SLOT_TAKEN);
    test_net_free(&net);
}

static void test_a_set_whose_members_are_away_is_not_proposed(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 3, 2);
    test_net_found(&net);
    test_net_stop(&net, 1);
    test_net_stop(&net, 2);
    test_net_stop(&net, 0);
    net.nodes[0].config.alone = true;
    test_net_start(&net, 0);
    struct moot_bytes names[3] = {moot_bytes_of_text("n0"), moot_bytes_of_text("n1"),
                                  moot_bytes_of_text("n2")};
    struct moot_call call = admins_call(names, 3, 2);
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_SILENT);
    test_net_free(&net);
}

static void test_upgrades_are_checked_before_they_are_proposed(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 3);
    uint64_t before = own_facts(&net, 0);
    uint32_t epoch = moot_view_state(&net.nodes[0].env)->epoch;
    struct moot_call call = upgrade_call();
    assert_int_equal(test_net_call(&net, 2, &call).status, MOOT_NOT_ADMIN);
    call.upgrade.ready_needed = MOOT_DEVICES_MAX + 1;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_BAD_ARGUMENT);
    call = upgrade_call();
    call.upgrade.kind = MOOT_UPGRADE_HARD;
    call.upgrade.min_protocol = 2;
    call.upgrade.fence_epoch = epoch + 100;
    call.upgrade.short_notice = true;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_NO_REVERT_PLAN);
    call.upgrade.revert_plan = moot_bytes_of_text("irreversible");
    call.upgrade.fence_epoch = epoch + 1;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_WINDOW);
    call.upgrade.fence_epoch = epoch + 100;
    call.upgrade.min_protocol = 1;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_PROTOCOL_TOO_LOW);
    call.upgrade.min_protocol = 2;
    call.upgrade.deadline_epoch = epoch + 100;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_WINDOW);
    call = upgrade_call();
    call.dry_run = true;
    struct moot_reply dry = test_net_call(&net, 0, &call);
    assert_int_equal(dry.status, MOOT_OK);
    assert_false(moot_digest_is_zero(&dry.proposal));
    assert_int_equal(own_facts(&net, 0), before);
    call.dry_run = false;
    struct moot_reply made = test_net_call(&net, 0, &call);
    assert_memory_equal(&made.proposal, &dry.proposal, 32); /* it was what a dry run showed */
    for (uint32_t i = 1; i < MOOT_UPGRADES_OPEN_PER_ADMIN_MAX; i++)
        assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_OK);
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_LIMIT);
    test_net_free(&net);
}

static enum moot_status answer(struct test_net *net, uint32_t node, enum moot_call_kind kind,
                               const struct moot_digest *proposal)
{
    char hex[65];
    moot_hex_format(moot_digest_bytes(proposal), hex);
    struct moot_call call = {
        .kind = kind, .proposal = *proposal, .digest_text = moot_bytes_of_text(hex)};
    return test_net_call(net, node, &call).status;
}

static void test_answers_are_refused_each_with_its_reason(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 4);
    struct moot_call call = upgrade_call();
    struct moot_digest unknown = {{9}};
    struct moot_digest proposal = test_net_call(&net, 0, &call).proposal;
    test_net_run(&net, 1000);
    const enum moot_call_kind kinds[] = {MOOT_CALL_APPROVE, MOOT_CALL_REJECT, MOOT_CALL_WITHDRAW,
                                         MOOT_CALL_ACTIVATE};
    for (size_t i = 0; i < MOOT_COUNT_OF(kinds); i++)
        assert_int_equal(answer(&net, 1, kinds[i], &unknown), MOOT_NOT_FOUND);
    assert_int_equal(answer(&net, 2, MOOT_CALL_APPROVE, &proposal), MOOT_NOT_ADMIN);
    assert_int_equal(answer(&net, 2, MOOT_CALL_REJECT, &proposal), MOOT_NOT_ADMIN);
    assert_int_equal(answer(&net, 1, MOOT_CALL_WITHDRAW, &proposal), MOOT_NOT_PROPOSER);
    assert_int_equal(answer(&net, 0, MOOT_CALL_REJECT, &proposal), MOOT_DOUBLE_VOTE);
    assert_int_equal(answer(&net, 0, MOOT_CALL_WITHDRAW, &proposal), MOOT_OK);
    test_net_run(&net, 1000);
    assert_int_equal(answer(&net, 1, MOOT_CALL_APPROVE, &proposal), MOOT_ENDED);
    assert_int_equal(answer(&net, 1, MOOT_CALL_REJECT, &proposal), MOOT_ENDED);
    assert_int_equal(answer(&net, 0, MOOT_CALL_WITHDRAW, &proposal), MOOT_ENDED);
    proposal = test_net_call(&net, 0, &call).proposal;
    test_net_run(&net, 1000);
    assert_int_equal(answer(&net, 1, MOOT_CALL_APPROVE, &proposal), MOOT_OK);
    test_net_run(&net, 1000);
    assert_int_equal(answer(&net, 0, MOOT_CALL_WITHDRAW, &proposal), MOOT_DECIDED);
    assert_int_equal(answer(&net, 1, MOOT_CALL_REJECT, &proposal), MOOT_DECIDED);
    assert_int_equal(answer(&net, 1, MOOT_CALL_APPROVE, &proposal), MOOT_OK); /* it is so */
    test_net_free(&net);
}

static void test_no_digit_of_a_digest_may_differ(void **state)
{
    (void)state;
    struct test_net net;
    char hex[65];
    begin(&net, 5);
    struct moot_call call = upgrade_call();
    struct moot_digest proposal = test_net_call(&net, 0, &call).proposal;
    test_net_run(&net, 1000);
    for (uint32_t i = 0; i < 64; i++) {
        moot_hex_format(moot_digest_bytes(&proposal), hex);
        hex[i] = hex[i] == hex_digits[3] ? hex_digits[4] : hex_digits[3];
        struct moot_call approve = {.kind = MOOT_CALL_APPROVE,
                                    .proposal = proposal,
                                    .digest_text = moot_bytes_of_text(hex)};
        assert_int_equal(test_net_call(&net, 1, &approve).status, MOOT_WRONG_DIGEST);
    }
    assert_int_equal(test_net_proposal(&net, 0, &proposal).yes_count, 1);
    test_net_free(&net);
}

static void test_puts_follow_what_was_held_and_concurrent_ones_stay_visible(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 6);
    struct moot_call bad = {.kind = MOOT_CALL_RECORD_PUT};
    static uint8_t large[MOOT_RECORD_VALUE_BYTES_MAX + 1];
    assert_int_equal(test_net_call(&net, 0, &bad).status, MOOT_BAD_ARGUMENT);
    bad.key = moot_bytes_of(large, MOOT_RECORD_KEY_BYTES_MAX + 1);
    assert_int_equal(test_net_call(&net, 0, &bad).status, MOOT_BAD_ARGUMENT);
    bad.key = moot_bytes_of_text("key");
    bad.value = moot_bytes_of(large, sizeof large);
    assert_int_equal(test_net_call(&net, 0, &bad).status, MOOT_OVERSIZED);
    assert_int_equal(test_net_put(&net, 0, "key", "a"), MOOT_OK);
    test_net_run(&net, 1000);
    test_net_cut(&net, 0, 1, true);
    test_net_cut(&net, 1, 2, true);
    assert_int_equal(test_net_put(&net, 0, "key", "left"), MOOT_OK);
    assert_int_equal(test_net_put(&net, 1, "key", "right"), MOOT_OK);
    /* Two in one commit: the second knows of the first. */
    struct moot_call put = {.kind = MOOT_CALL_RECORD_PUT,
                            .key = moot_bytes_of_text("key"),
                            .value = moot_bytes_of_text("right again")};
    (void)test_net_ask(&net, 1, &put);
    (void)test_net_ask(&net, 1, &put);
    test_net_run(&net, 100);
    test_net_cut(&net, 0, 1, false);
    test_net_cut(&net, 1, 2, false);
    test_net_run(&net, 35000);
    for (uint32_t i = 0; i < 3; i++) {
        const struct moot_record *record = moot_state_record(
            &test_net_engine(&net, i)->state, net.nodes[i].env.pool, moot_bytes_of_text("key"));
        assert_int_equal(record->values.count, 2);
    }
    assert_int_equal(test_net_put(&net, 2, "key", "both seen"), MOOT_OK);
    test_net_run(&net, 1000);
    const struct moot_record *record = moot_state_record(
        &test_net_engine(&net, 0)->state, net.nodes[0].env.pool, moot_bytes_of_text("key"));
    assert_int_equal(record->values.count, 1);
    test_net_free(&net);
}

/* n0, n1 and n2 administrators, any two; a set of n1 and n2 proposed by n0 and approved by n1: n2 has said
 * nothing, or no. */
static struct moot_view_proposal smaller_set(struct test_net *net, uint64_t seed, bool n2_says_no)
{
    struct moot_bytes names[] = {moot_bytes_of_text("n1"), moot_bytes_of_text("n2")};
    struct moot_view_proposal view;
    char hex[65];
    test_net_init(net, 3, seed);
    test_net_found(net);
    test_net_admins(net, 3, 2);
    test_net_run(net, 2000);
    struct moot_call call = admins_call(names, 2, 2);
    struct moot_reply reply = test_net_call(net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(net, 2000);
    moot_hex_format(moot_digest_bytes(&reply.proposal), hex);
    struct moot_call no = {.kind = MOOT_CALL_REJECT,
                           .proposal = reply.proposal,
                           .reason = moot_bytes_of_text("not yet")};
    if (n2_says_no)
        assert_int_equal(test_net_call(net, 2, &no).status, MOOT_OK);
    struct moot_call yes = {.kind = MOOT_CALL_APPROVE,
                            .proposal = reply.proposal,
                            .digest_text = moot_bytes_of_text(hex)};
    assert_int_equal(test_net_call(net, 1, &yes).status, MOOT_OK);
    test_net_run(net, 30000);
    moot_arena_reset(&net->arena);
    assert_int_equal(
        moot_view_proposal(&net->nodes[0].env, net->now_ms, &reply.proposal, &net->arena, &view),
        MOOT_OK);
    return view;
}

static void test_who_stays_consents_once_m_have_decided_unless_its_person_said_no(void **state)
{
    (void)state;
    struct test_net net;
    assert_int_equal(smaller_set(&net, 9, false).state, MOOT_PROPOSAL_IN_FORCE);
    test_net_free(&net);
    assert_int_not_equal(smaller_set(&net, 10, true).state, MOOT_PROPOSAL_IN_FORCE);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_of_administrators_are_checked_before_they_are_proposed),
        cmocka_unit_test(test_a_set_whose_members_are_away_is_not_proposed),
        cmocka_unit_test(test_upgrades_are_checked_before_they_are_proposed),
        cmocka_unit_test(test_who_stays_consents_once_m_have_decided_unless_its_person_said_no),
        cmocka_unit_test(test_answers_are_refused_each_with_its_reason),
        cmocka_unit_test(test_no_digit_of_a_digest_may_differ),
        cmocka_unit_test(test_puts_follow_what_was_held_and_concurrent_ones_stay_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
