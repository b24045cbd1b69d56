/* An administrator that votes twice, and a count that counts one approval twice, must show. */
#include "crypto/base/mutant.h"
#include "tests/lib/engines/hostile.h"

const char *moot_mutant_active = "";

static enum moot_status answer(struct test_net *net, uint32_t node, enum moot_call_kind kind,
                               const struct moot_digest *proposal)
{
    char hex[65];
    moot_hex_format(moot_digest_bytes(proposal), hex);
    struct moot_call call = {
        .kind = kind, .proposal = *proposal, .digest_text = moot_bytes_of_text(hex)};
    return test_net_call(net, node, &call).status;
}

/* Three administrators, all needed; what comes of a proposal that n1 first approves and then rejects. */
struct outcome {
    enum moot_status second_vote;
    bool named;     /* another node says who voted twice */
    bool certified; /* by n0 and n1 alone, before anybody rejected */
};

static struct outcome play(const char *mutant)
{
    struct test_net net;
    struct test_package package;
    struct outcome outcome;
    moot_mutant_active = "";
    test_net_init(&net, 3, 1);
    test_net_found(&net);
    test_net_admins(&net, 3, 3);
    test_net_run(&net, 2000);
    moot_mutant_active = mutant;
    test_net_package(&net, 0, "app", "2.0.0", 1, 1, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 4);
    test_net_run(&net, 1000);
    assert_int_equal(answer(&net, 1, MOOT_CALL_APPROVE, &proposal), MOOT_OK);
    test_net_run(&net, 1000);
    outcome.certified = test_net_proposal(&net, 0, &proposal).certified;
    for (uint32_t i = 0; i < 3; i++) {
        struct moot_slot slot = {.kind = MOOT_SLOT_UPGRADE, .proposal = proposal};
        if (moot_state_decision(&test_net_engine(&net, i)->state, net.nodes[i].env.pool, &slot)
                .state != MOOT_DECISION_OPEN)
            outcome.certified = true;
    }
    uint32_t since = net.nodes[0].notice_count;
    outcome.second_vote = answer(&net, 1, MOOT_CALL_REJECT, &proposal);
    test_net_run(&net, 5000);
    outcome.named = test_net_noticed(&net, 0, "admin.double_vote", since) > 0;
    test_net_free(&net);
    moot_mutant_active = "";
    return outcome;
}

static void an_honest_administrator_votes_once_and_two_of_three_needed_are_not_enough(void **state)
{
    (void)state;
    struct outcome outcome = play("");
    assert_int_equal(outcome.second_vote, MOOT_DOUBLE_VOTE);
    assert_false(outcome.named);
    assert_false(outcome.certified);
}

static void voting_twice_is_seen_by_others(void **state)
{
    (void)state;
    struct outcome outcome = play("vote-twice");
    assert_int_not_equal(outcome.second_vote, MOOT_DOUBLE_VOTE);
    assert_true(outcome.named);
}

/* Two signatures are taken for a certificate that needs three: the object is refused where the count is
 * right, and certified where it is not. */
static void counting_an_approval_twice_certifies_too_early(void **state)
{
    (void)state;
    assert_true(play("count-approval-twice").certified);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_administrator_votes_once_and_two_of_three_needed_are_not_enough),
        cmocka_unit_test(voting_twice_is_seen_by_others),
        cmocka_unit_test(counting_an_approval_twice_certifies_too_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
