/* Ticks and turns: who signs what and when, over absences, splits and restarts. */
#include "tests/lib/engines/hostile.h"

#define EPOCH_MS 10000u /* of the net's nodes */

static uint32_t epoch_of(const struct test_net *net, uint32_t node)
{
    return moot_view_state(&net->nodes[node].env)->epoch;
}

static uint32_t turns_of(const struct test_net *net, uint32_t node)
{
    return moot_view_state(&net->nodes[node].env)->eras.count - 1;
}

static void begin(struct test_net *net, uint32_t count, uint32_t admins, uint32_t threshold,
                  uint64_t seed)
{
    test_net_init(net, count, seed);
    test_net_found(net);
    if (admins > 1)
        test_net_admins(net, admins, threshold);
    test_net_run(net, 2000);
}

static struct moot_reply propose_admins(struct test_net *net, uint32_t by, const char *const *names,
                                        uint32_t count, uint32_t threshold)
{
    struct moot_bytes list[TEST_NET_NODES];
    for (uint32_t i = 0; i < count; i++)
        list[i] = moot_bytes_of_text(names[i]);
    struct moot_call call = {.kind = MOOT_CALL_PROPOSE_ADMINS,
                             .names = list,
                             .name_count = count,
                             .threshold = threshold};
    return test_net_call(net, by, &call);
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

static void test_one_of_one_ticks_once_an_interval(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 1, 1, 1, 1);
    uint32_t before = epoch_of(&net, 0);
    test_net_run(&net, 10 * EPOCH_MS);
    assert_int_equal(epoch_of(&net, 0), before + 10);
    test_net_free(&net);
}

static void test_two_of_three_tick_with_one_away_and_the_third_catches_up(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 3, 3, 2, 2);
    test_net_stop(&net, 2);
    uint32_t before = epoch_of(&net, 0);
    test_net_run(&net, 10 * EPOCH_MS + 2000);
    assert_true(epoch_of(&net, 0) >= before + 9);
    assert_int_equal(epoch_of(&net, 0), epoch_of(&net, 1));
    test_net_start(&net, 2);
    test_net_run(&net, EPOCH_MS);
    assert_int_equal(epoch_of(&net, 2), epoch_of(&net, 0));
    assert_true(test_net_equal(&net, 0, 2));
    test_net_free(&net);
}

static uint32_t ticks_signed(const struct test_net *net, uint32_t node)
{
    struct moot_engine *engine = test_net_engine(net, node);
    struct moot_map_item item;
    uint32_t count = 0;
    for (MOOT_MAP_EACH(net->nodes[node].env.pool, &engine->votes, item)) {
        const struct moot_vote *vote = item.value;
        count += vote->statement.slot.kind == MOOT_SLOT_EPOCH ? 1 : 0;
    }
    return count;
}

static void test_alone_an_administrator_signs_sixteen_epochs_ahead_and_no_more(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 2, 2, 2, 3);
    test_net_cut(&net, 0, 1, true);
    uint32_t before = epoch_of(&net, 0);
    test_net_run(&net, 40 * EPOCH_MS);
    assert_true(epoch_of(&net, 0) <= before + 1); /* one may have been under way */
    assert_int_equal(ticks_signed(&net, 0), MOOT_TICKS_AHEAD_MAX);
    assert_int_equal(ticks_signed(&net, 1), MOOT_TICKS_AHEAD_MAX);
    /* Together again all that both signed is certified at once, and it goes on. */
    test_net_cut(&net, 0, 1, false);
    test_net_run(&net, 35000);
    uint32_t after = epoch_of(&net, 0);
    assert_true(after >= before + MOOT_TICKS_AHEAD_MAX);
    assert_int_equal(epoch_of(&net, 1), after);
    test_net_run(&net, 3 * EPOCH_MS);
    assert_true(epoch_of(&net, 0) >= after + 2);
    test_net_free(&net);
}

/* The epoch of every node, watched at each step. */
struct epochs {
    uint32_t seen[TEST_NET_NODES];
};

static void watch_epochs(struct test_net *net, const struct test_node *node,
                         const struct moot_event *event, const struct moot_actions *actions)
{
    struct epochs *epochs = net->watch_context;
    uint32_t now = moot_view_state(&node->env)->epoch;
    (void)event;
    (void)actions;
    assert_true(now >= epochs->seen[node->index]);
    epochs->seen[node->index] = now;
}

static void test_the_epoch_never_falls_over_restarts_cuts_and_turns(void **state)
{
    (void)state;
    struct test_net net;
    struct epochs epochs = {{0}};
    struct test_random random = test_random_seeded(4);
    begin(&net, 3, 3, 2, 4);
    net.watch = watch_epochs;
    net.watch_context = &epochs;
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t a = (uint32_t)(test_random_next(&random) % 3), b = (a + 1) % 3;
        if (i % 2 == 0) {
            test_net_stop(&net, a);
            test_net_run(&net, 7000);
            test_net_start(&net, a);
        } else {
            test_net_cut(&net, a, b, true);
            test_net_run(&net, 9000);
            test_net_cut(&net, a, b, false);
        }
        test_net_run(&net, 3000);
    }
    test_net_run(&net, 4 * EPOCH_MS);
    assert_true(epoch_of(&net, 0) > 20);
    assert_true(test_net_equal(&net, 0, 1) && test_net_equal(&net, 1, 2));
    test_net_free(&net);
}

static void test_a_turn_needs_the_consent_of_every_new_administrator(void **state)
{
    (void)state;
    struct test_net net;
    static const char *const names[] = {"n0", "n1", "n2"};
    begin(&net, 3, 1, 1, 5);
    test_net_stop(&net, 2);
    struct moot_reply reply = propose_admins(&net, 0, names, 3, 2);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(&net, 5 * EPOCH_MS);
    struct moot_view_proposal view = test_net_proposal(&net, 0, &reply.proposal);
    assert_int_equal(view.state, MOOT_PROPOSAL_PROPOSED);
    assert_int_equal(view.consent_count, 1);
    assert_true(moot_key_equal(&view.consent_missing[0].key, &net.nodes[2].identity.key));
    assert_int_equal(turns_of(&net, 0), 0);
    test_net_start(&net, 2);
    test_net_run(&net, 3 * EPOCH_MS);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(turns_of(&net, i), 1);
    assert_int_equal(test_net_proposal(&net, 1, &reply.proposal).state, MOOT_PROPOSAL_IN_FORCE);
    test_net_free(&net);
}

static void test_consent_by_person_waits_for_a_person(void **state)
{
    (void)state;
    struct test_net net;
    static const char *const names[] = {"n0", "n1"};
    test_net_init(&net, 2, 6);
    net.nodes[1].config.consent_by_person = true;
    test_net_stop(&net, 1);
    test_net_start(&net, 1);
    test_net_found(&net);
    struct moot_reply reply = propose_admins(&net, 0, names, 2, 2);
    test_net_run(&net, 3 * EPOCH_MS);
    assert_int_equal(turns_of(&net, 0), 0);
    assert_int_equal(approve(&net, 1, &reply.proposal), MOOT_OK);
    test_net_run(&net, 2 * EPOCH_MS);
    assert_int_equal(turns_of(&net, 0), 1);
    assert_int_equal(turns_of(&net, 1), 1);
    test_net_free(&net);
}

static void test_one_administrator_of_two_cannot_use_up_a_consent(void **state)
{
    (void)state;
    struct test_net net;
    static const char *const names[] = {"n0", "n1", "n2"};
    begin(&net, 3, 2, 2, 7);
    struct moot_reply reply = propose_admins(&net, 0, names, 3, 2);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(&net, 2 * EPOCH_MS);
    struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = 2};
    struct moot_engine *engine = test_net_engine(&net, 2);
    assert_null(moot_decision_voted(engine, net.nodes[2].env.pool, &slot));
    assert_int_equal(approve(&net, 1, &reply.proposal), MOOT_OK);
    test_net_run(&net, 2 * EPOCH_MS);
    assert_int_equal(turns_of(&net, 2), 2);
    test_net_free(&net);
}

static void test_a_no_of_a_future_administrator_does_not_count(void **state)
{
    (void)state;
    struct test_net net;
    static const char *const names[] = {"n0", "n1"};
    uint8_t memory[1024];
    test_net_init(&net, 2, 8);
    net.nodes[1].config.consent_by_person = true;
    test_net_stop(&net, 1);
    test_net_start(&net, 1);
    test_net_found(&net);
    struct moot_reply reply = propose_admins(&net, 0, names, 2, 2);
    test_net_run(&net, 2000);
    struct moot_engine *engine = test_net_engine(&net, 0);
    struct moot_pool *pool = net.nodes[0].env.pool;
    const struct moot_proposal *held = moot_state_proposal(&engine->state, pool, &reply.proposal);
    struct moot_body body;
    struct moot_statement statement;
    assert_int_equal(moot_body_decode(moot_blob_get(pool, held->body), &body), MOOT_OK);
    moot_body_statement(&body, &reply.proposal, &moot_state_era(&engine->state, pool)->timeline,
                        MOOT_VERDICT_NO, &statement);
    struct moot_bytes no = test_hostile_approval(&net, 1, &statement, memory);
    test_hostile_push(&net, 1, 0, &(struct test_items){.loose = &no, .loose_count = 1});
    test_net_run(&net, 2000);
    assert_int_equal(test_net_proposal(&net, 0, &reply.proposal).state, MOOT_PROPOSAL_PROPOSED);
    test_net_free(&net);
}

/* Of three (two needed) the turn's certificate reaches n0 before, n1 after it has signed the next tick:
 * they sign different ticks for one epoch. A later epoch unites them. */
static void test_a_split_between_plain_and_turning_tick_does_not_deadlock(void **state)
{
    (void)state;
    static const char *const names[] = {"n0", "n1"};
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct test_net net;
        begin(&net, 3, 3, 2, 20 + seed);
        test_net_stop(&net, 2);
        test_net_run(&net, 1500 * seed);
        struct moot_reply reply = propose_admins(&net, 0, names, 2, 2);
        assert_int_equal(reply.status, MOOT_OK);
        test_net_run(&net, 500);
        assert_int_equal(approve(&net, 1, &reply.proposal), MOOT_OK);
        /* Cut at once: n1 has the certificate, n0 perhaps not. */
        test_net_cut(&net, 0, 1, true);
        test_net_run(&net, 3 * EPOCH_MS);
        test_net_cut(&net, 0, 1, false);
        test_net_run(&net, 35000 + 3 * EPOCH_MS);
        assert_int_equal(turns_of(&net, 0), 2);
        assert_int_equal(turns_of(&net, 1), 2);
        uint32_t before = epoch_of(&net, 0);
        test_net_run(&net, 3 * EPOCH_MS);
        assert_true(epoch_of(&net, 0) >= before + 2);
        test_net_free(&net);
    }
}

static void test_a_turn_that_is_not_certified_in_its_window_expires(void **state)
{
    (void)state;
    struct test_net net;
    static const char *const names[] = {"n0", "n1", "n2"};
    begin(&net, 3, 2, 2, 9);
    struct moot_reply reply = propose_admins(&net, 0, names, 3, 2);
    test_net_run(&net, (MOOT_TURN_WINDOW_MAX + 3) * EPOCH_MS);
    struct moot_view_proposal view = test_net_proposal(&net, 0, &reply.proposal);
    assert_int_equal(view.state, MOOT_PROPOSAL_EXPIRED);
    assert_int_equal(approve(&net, 1, &reply.proposal), MOOT_ENDED);
    assert_int_equal(turns_of(&net, 0), 1);
    test_net_free(&net);
}

static void test_after_a_turn_that_expired_the_slot_takes_another(void **state)
{
    (void)state;
    struct test_net net;
    static const char *const names[] = {"n0", "n1", "n2"};
    begin(&net, 3, 2, 2, 11);
    struct moot_reply first = propose_admins(&net, 0, names, 3, 2);
    assert_int_equal(first.status, MOOT_OK);
    test_net_run(&net, (MOOT_TURN_WINDOW_MAX / 2) * EPOCH_MS);
    /* The vote for this slot is given: another is refused before it is written. */
    assert_int_equal(propose_admins(&net, 0, names, 3, 3).status, MOOT_SLOT_TAKEN);
    test_net_run(&net, (MOOT_TURN_WINDOW_MAX / 2 + 3) * EPOCH_MS);
    assert_int_equal(test_net_proposal(&net, 0, &first.proposal).state, MOOT_PROPOSAL_EXPIRED);
    struct moot_reply second = propose_admins(&net, 0, names, 3, 3);
    assert_int_equal(second.status, MOOT_OK);
    test_net_run(&net, 1000);
    assert_int_equal(approve(&net, 1, &second.proposal), MOOT_OK);
    test_net_run(&net, 3 * EPOCH_MS);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(turns_of(&net, i), 2);
    assert_int_equal(test_net_proposal(&net, 2, &second.proposal).state, MOOT_PROPOSAL_IN_FORCE);
    assert_int_equal(test_net_proposal(&net, 2, &first.proposal).state, MOOT_PROPOSAL_EXPIRED);
    test_net_free(&net);
}

/* Takes the certified turn away again, as a second certificate in its slot does. */
static void
test_who_signed_a_turning_tick_signs_no_plain_one_when_the_turn_is_in_conflict(void **state)
{
    (void)state;
    struct test_net net;
    static const char *const others[] = {"n0", "n1", "n2"};
    begin(&net, 3, 2, 2, 10);
    uint32_t epoch = epoch_of(&net, 0);
    struct moot_reply reply = propose_admins(&net, 0, others, 3, 2);
    test_net_run(&net, 1000);
    /* n1 approves and then goes: n0 signs a turning tick alone. */
    assert_int_equal(approve(&net, 1, &reply.proposal), MOOT_OK);
    test_net_run(&net, 500);
    test_net_stop(&net, 1);
    test_net_run(&net, 2 * EPOCH_MS);
    assert_true(ticks_signed(&net, 0) >= 1);
    assert_true(epoch_of(&net, 0) <= epoch + 1);
    /* Both administrators' keys sign another turn for the slot, as thieves would. */
    struct moot_engine *engine = test_net_engine(&net, 0);
    struct moot_pool *pool = net.nodes[0].env.pool;
    const struct moot_proposal *held = moot_state_proposal(&engine->state, pool, &reply.proposal);
    uint8_t body_memory[1024], object_memory[4096];
    struct moot_body body;
    struct moot_digest hash;
    struct moot_certificate certificate = {0};
    struct moot_writer writer;
    assert_int_equal(moot_body_decode(moot_blob_get(pool, held->body), &body), MOOT_OK);
    body.turn.admins.count = 2;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < 3; i++) {
        if (!moot_key_equal(&body.turn.admins.keys[i], &net.nodes[2].identity.key))
            body.turn.admins.keys[kept++] = body.turn.admins.keys[i];
    }
    moot_writer_init(&writer, body_memory, sizeof body_memory);
    moot_body_encode(&body, &writer);
    struct moot_bytes bytes = moot_bytes_of(body_memory, writer.size);
    moot_body_hash(bytes, &hash);
    moot_body_statement(&body, &hash, &moot_state_era(&engine->state, pool)->timeline,
                        MOOT_VERDICT_YES, &certificate.statement);
    for (uint32_t i = 0; i < 2; i++) {
        struct moot_signature signature;
        moot_statement_sign(&certificate.statement, &net.nodes[i].identity, &signature);
        assert_true(moot_certificate_add(&certificate, &net.nodes[i].identity.key, &signature));
    }
    moot_writer_init(&writer, object_memory, sizeof object_memory);
    moot_object_encode(&certificate, bytes, &writer);
    struct moot_bytes object = moot_bytes_of(object_memory, writer.size);
    test_hostile_push(&net, 2, 0, &(struct test_items){.objects = &object, .object_count = 1});
    test_net_run(&net, 1000);
    struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = 2};
    assert_int_equal(moot_state_decision(&engine->state, pool, &slot).state,
                     MOOT_DECISION_CONFLICT);
    uint32_t signed_before = ticks_signed(&net, 0);
    test_net_run(&net, 5 * EPOCH_MS);
    assert_int_equal(ticks_signed(&net, 0), signed_before);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_of_one_ticks_once_an_interval),
        cmocka_unit_test(test_two_of_three_tick_with_one_away_and_the_third_catches_up),
        cmocka_unit_test(test_alone_an_administrator_signs_sixteen_epochs_ahead_and_no_more),
        cmocka_unit_test(test_the_epoch_never_falls_over_restarts_cuts_and_turns),
        cmocka_unit_test(test_a_turn_needs_the_consent_of_every_new_administrator),
        cmocka_unit_test(test_consent_by_person_waits_for_a_person),
        cmocka_unit_test(test_one_administrator_of_two_cannot_use_up_a_consent),
        cmocka_unit_test(test_a_no_of_a_future_administrator_does_not_count),
        cmocka_unit_test(test_a_split_between_plain_and_turning_tick_does_not_deadlock),
        cmocka_unit_test(test_a_turn_that_is_not_certified_in_its_window_expires),
        cmocka_unit_test(test_after_a_turn_that_expired_the_slot_takes_another),
        cmocka_unit_test(
            test_who_signed_a_turning_tick_signs_no_plain_one_when_the_turn_is_in_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
