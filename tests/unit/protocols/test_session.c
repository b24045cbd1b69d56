/* Sessions: strangers, deadlines, pings, two links for one pair, offences and what they cost. */
#include "tests/lib/engines/hostile.h"

struct seen {
    uint32_t
        closed[300]; /* order in which strangers' links were closed: number - TEST_NET_STRANGER */
    uint32_t closed_count;
    enum moot_status why;
    uint32_t dials[TEST_NET_NODES];
    uint64_t frames[TEST_NET_NODES], bytes[TEST_NET_NODES];
};

static void watch(struct test_net *net, const struct test_node *node,
                  const struct moot_event *event, const struct moot_actions *actions)
{
    struct seen *seen = net->watch_context;
    (void)event;
    for (const struct moot_action *action = actions->first; action; action = action->next) {
        if (action->kind == MOOT_ACTION_CLOSE && action->link >= TEST_NET_STRANGER) {
            seen->closed[seen->closed_count++] = action->link - TEST_NET_STRANGER;
            seen->why = action->status;
        }
        if (action->kind == MOOT_ACTION_DIAL)
            seen->dials[node->index]++;
        if (action->kind == MOOT_ACTION_SEND) {
            seen->frames[node->index]++;
            seen->bytes[node->index] += action->bytes.size;
        }
    }
}

static void begin(struct test_net *net, uint32_t count, uint64_t seed, struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    test_net_init(net, count, seed);
    test_net_found(net);
    net->watch = watch;
    net->watch_context = seen;
}

static void stranger(struct test_net *net, uint32_t number, const char *remote)
{
    struct moot_event event = {
        .kind = MOOT_EVENT_LINK_UP, .link = TEST_NET_STRANGER + number, .remote = remote};
    test_net_event(net, 0, &event);
}

static void test_strangers_have_eight_links_an_address_and_64_in_all_the_oldest_go(void **state)
{
    (void)state;
    struct test_net net;
    struct seen seen;
    begin(&net, 1, 1, &seen);
    for (uint32_t i = 0; i < 12; i++) {
        stranger(&net, i, "10.9.9.9");
        net.now_ms++;
    }
    assert_int_equal(seen.closed_count, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(seen.closed[i], i);
    assert_int_equal(seen.why, MOOT_TOO_MANY_LINKS);
    for (uint32_t i = 12; i < 12 + 60; i++) {
        char remote[16];
        snprintf(remote, sizeof remote, "10.1.1.%u", (unsigned)i);
        stranger(&net, i, remote);
        net.now_ms++;
    }
    assert_int_equal(test_net_engine(&net, 0)->sessions.count, MOOT_STRANGERS_MAX);
    assert_int_equal(seen.closed_count, 8);
    for (uint32_t i = 4; i < 8; i++)
        assert_int_equal(seen.closed[i], i); /* of all the oldest */
    test_net_free(&net);
}

static void test_a_link_that_says_nothing_is_closed_after_five_seconds(void **state)
{
    (void)state;
    struct test_net net;
    struct seen seen;
    begin(&net, 1, 2, &seen);
    stranger(&net, 0, "10.9.9.9");
    test_net_run(&net, MOOT_HANDSHAKE_MS_MAX - 1);
    assert_int_equal(seen.closed_count, 0);
    test_net_run(&net, 2);
    assert_int_equal(seen.closed_count, 1);
    assert_int_equal(seen.why, MOOT_SILENT);
    assert_int_equal(seen.frames[0], 0);
    test_net_free(&net);
}

static void test_junk_from_a_stranger_gets_no_answer(void **state)
{
    (void)state;
    struct test_net net;
    struct seen seen;
    uint8_t junk[300];
    struct test_random random = test_random_seeded(3);
    begin(&net, 1, 3, &seen);
    for (uint32_t i = 0; i < 100; i++) {
        size_t size = test_random_next(&random) % sizeof junk;
        test_random_bytes(&random, junk, size);
        stranger(&net, i, "10.9.9.9");
        struct moot_event event = {.kind = MOOT_EVENT_LINK_FRAME,
                                   .link = TEST_NET_STRANGER + i,
                                   .bytes = moot_bytes_of(junk, size)};
        test_net_event(&net, 0, &event);
    }
    assert_int_equal(seen.closed_count, 100);
    assert_int_equal(seen.frames[0], 0);
    assert_int_equal(test_net_engine(&net, 0)->sessions.count, 0);
    test_net_free(&net);
}

static void test_a_peer_that_fell_silent_is_given_up_after_three_pings(void **state)
{
    (void)state;
    struct test_net net;
    struct seen seen;
    begin(&net, 2, 4, &seen);
    test_net_run(&net, 20000);
    net.nodes[1].up = false; /* nothing arrives and nothing is said: a black hole */
    uint32_t since = net.nodes[0].notice_count;
    test_net_run(&net, 15000);
    assert_int_equal(test_net_noticed(&net, 0, "peer.gone", since), 0);
    test_net_run(&net, 11000);
    assert_int_equal(test_net_noticed(&net, 0, "peer.gone", since), 1);
    net.nodes[1].up = true;
    test_net_run(&net, 60000);
    assert_true(test_net_noticed(&net, 0, "peer.connected", since) >= 1);
    assert_true(test_net_equal(&net, 0, 1));
    test_net_free(&net);
}

static void test_of_two_links_the_smaller_keys_dial_stays_on_both_sides(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct test_net net;
        struct seen seen;
        begin(&net, 2, 50 + seed, &seen);
        const struct moot_key *keys[2] = {&net.nodes[0].identity.key, &net.nodes[1].identity.key};
        uint32_t smaller = moot_key_compare(keys[0], keys[1]) < 0 ? 0 : 1;
        test_net_cut(&net, 0, 1, true);
        test_net_run(&net, 5000);
        test_net_cut(&net, 0, 1, false);
        for (uint32_t i = 0; i < 2; i++) { /* both dial in the same moment, in either order */
            struct moot_peer *peer =
                moot_peer_of(test_net_engine(&net, i), net.nodes[i].env.pool, keys[1 - i]);
            assert_non_null(peer);
            peer->dial_at_ms = net.now_ms + 5;
            net.nodes[i].wake_ms = net.now_ms + 5 + (seed + i) % 2;
        }
        test_net_run(&net, 3000);
        const struct moot_session *sessions[2];
        for (uint32_t i = 0; i < 2; i++) {
            sessions[i] =
                moot_session_of_peer(test_net_engine(&net, i), net.nodes[i].env.pool, keys[1 - i]);
            assert_non_null(sessions[i]);
            assert_true(sessions[i]->greeted);
            assert_int_equal(test_net_engine(&net, i)->sessions.count, 1);
        }
        assert_int_equal(sessions[0]->link, sessions[1]->link);
        if (seen.dials[0] > 0 && seen.dials[1] > 0)
            assert_true(sessions[smaller]->dial != 0 || sessions[1 - smaller]->dial != 0);
        test_net_free(&net);
    }
}

/* ---- offences ---- */

static struct moot_statement some_statement(struct test_net *net)
{
    struct moot_engine *engine = test_net_engine(net, 0);
    return (struct moot_statement){
        .timeline = moot_state_era(&engine->state, net->nodes[0].env.pool)->timeline,
        .slot = {.kind = MOOT_SLOT_UPGRADE, .proposal = {{1}}},
        .epoch = engine->state.epoch,
        .body = {{1}},
        .verdict = MOOT_VERDICT_YES};
}

static void push_false_signature(struct test_net *net, uint32_t from)
{
    uint8_t memory[1024];
    struct moot_statement statement = some_statement(net);
    struct moot_bytes approval = test_hostile_approval(net, 0, &statement, memory);
    memory[approval.size - 10] ^= 1; /* inside the signature */
    test_hostile_push(net, from, 0, &(struct test_items){.loose = &approval, .loose_count = 1});
}

static uint32_t noticed_why(const struct test_net *net, uint32_t node, const char *name,
                            uint32_t since, enum moot_status why)
{
    uint32_t count = 0;
    for (uint32_t i = since; i < net->nodes[node].notice_count; i++) {
        const struct moot_notice *notice = &net->nodes[node].notices[i].notice;
        count += strcmp(notice->name, name) == 0 && notice->status == why ? 1 : 0;
    }
    return count;
}

static void test_a_false_signature_ends_the_session_and_both_sides_say_why(void **state)
{
    (void)state;
    struct test_net net;
    struct seen seen;
    begin(&net, 3, 5, &seen);
    uint32_t since[2] = {net.nodes[0].notice_count, net.nodes[1].notice_count};
    push_false_signature(&net, 1);
    test_net_run(&net, 100);
    assert_int_equal(noticed_why(&net, 0, "peer.gone", since[0], MOOT_BAD_SIGNATURE), 1);
    assert_int_equal(noticed_why(&net, 1, "peer.refused", since[1], MOOT_BAD_SIGNATURE), 1);
    /* Banned for ten seconds: told so, and not dialling like mad. */
    uint32_t dials = seen.dials[1];
    test_net_run(&net, 9000);
    assert_null(moot_session_of_peer(test_net_engine(&net, 0), net.nodes[0].env.pool,
                                     &net.nodes[1].identity.key));
    assert_true(noticed_why(&net, 1, "peer.refused", since[1], MOOT_BANNED) >= 1);
    assert_true(seen.dials[1] - dials < 10);
    /* The third member is not touched, and after the ban all is as before. */
    assert_int_equal(noticed_why(&net, 2, "peer.refused", 0, MOOT_BAD_SIGNATURE), 0);
    test_net_run(&net, 60000);
    assert_non_null(moot_session_of_peer(test_net_engine(&net, 0), net.nodes[0].env.pool,
                                         &net.nodes[1].identity.key));
    /* The second offence costs twice as much. */
    push_false_signature(&net, 1);
    test_net_run(&net, 15000);
    assert_null(moot_session_of_peer(test_net_engine(&net, 0), net.nodes[0].env.pool,
                                     &net.nodes[1].identity.key));
    test_net_free(&net);
}

static void test_more_than_was_granted_ends_the_session(void **state)
{
    (void)state;
    struct test_net net;
    struct seen seen;
    static uint8_t large[16000];
    struct moot_bytes items[8];
    begin(&net, 2, 6, &seen);
    for (uint32_t i = 0; i < 8; i++)
        items[i] = moot_bytes_of(large, sizeof large);
    test_hostile_push(&net, 1, 0, &(struct test_items){.runs = items, .run_count = 8});
    test_net_run(&net, 100);
    assert_int_equal(test_net_refused(&net, 0, MOOT_OVER_CREDIT), 1);
    assert_null(moot_session_of_peer(test_net_engine(&net, 0), net.nodes[0].env.pool,
                                     &net.nodes[1].identity.key));
    test_net_free(&net);
}

static void test_a_flood_of_small_messages_ends_the_session(void **state)
{
    (void)state;
    struct test_net net;
    struct seen seen;
    static const uint8_t nil[1] = {0xc0};
    begin(&net, 2, 7, &seen);
    for (uint32_t i = 0; i <= MOOT_UNASKED_MESSAGES_MAX; i++)
        test_hostile_message(&net, 1, 0, MOOT_MESSAGE_PING, i + 1, false, moot_bytes_of(nil, 1));
    test_net_run(&net, 100);
    assert_int_equal(test_net_refused(&net, 0, MOOT_OVER_CREDIT), 1);
    test_net_free(&net);
}

static void test_messages_of_another_mode_or_that_nobody_asked_for_end_the_session(void **state)
{
    (void)state;
    static const struct {
        enum moot_message_type type;
        bool answer;
    } cases[] = {{MOOT_MESSAGE_JOIN, false}, {MOOT_MESSAGE_JOIN, true},
                 {MOOT_MESSAGE_PULL, true},  {MOOT_MESSAGE_GREET, true},
                 {MOOT_MESSAGE_PUSH, true},  {MOOT_MESSAGE_STRIKE, true},
                 {MOOT_MESSAGE_BLOCK, true}, {MOOT_MESSAGE_GREET, false}};
    for (size_t i = 0; i < MOOT_COUNT_OF(cases); i++) {
        struct test_net net;
        struct seen seen;
        static const uint8_t nil[1] = {0xc0};
        begin(&net, 2, 8, &seen);
        uint64_t before = test_net_refused(&net, 0, MOOT_BAD_MESSAGE);
        uint32_t since = net.nodes[0].notice_count;
        test_hostile_message(&net, 1, 0, cases[i].type, 77, cases[i].answer, moot_bytes_of(nil, 1));
        test_net_run(&net, 100);
        assert_int_equal(test_net_noticed(&net, 0, "peer.gone", since), 1);
        assert_true(test_net_refused(&net, 0, MOOT_BAD_MESSAGE) >= before);
        test_net_free(&net);
    }
}

static void test_what_is_left_of_a_member_is_refused_as_a_stranger_and_told_so(void **state)
{
    (void)state;
    struct test_net net;
    struct seen seen;
    begin(&net, 2, 9, &seen);
    test_net_cut(&net, 0, 1, true);
    test_net_run(&net, 1000);
    /* Node 0 forgets the member: a node that has not heard of an admission looks just so. */
    struct moot_engine *engine = test_net_engine(&net, 0);
    assert_true(moot_map_remove(net.nodes[0].env.pool, &engine->state.members,
                                moot_key_bytes(&net.nodes[1].identity.key)));
    uint32_t since = net.nodes[1].notice_count;
    test_net_cut(&net, 0, 1, false);
    test_net_run(&net, 5000);
    assert_true(noticed_why(&net, 0, "peer.refused", 0, MOOT_STRANGER) >= 1);
    assert_true(noticed_why(&net, 1, "peer.refused", since, MOOT_STRANGER) >= 1);
    assert_true(seen.dials[1] < 40);
    test_net_free(&net);
}

static void fill_peers(struct moot_step *step, const void *context)
{
    (void)context;
    for (uint32_t i = 0; i < MOOT_PEERS_KNOWN_MAX + 200; i++) {
        struct moot_key key = {{0xee}};
        moot_u32_put(key.b + 4, i);
        (void)moot_peer_know(step, &key, moot_bytes_of_text("tcp://10.7.7.7:1"));
    }
}

static void test_hearsay_cannot_keep_a_member_out(void **state)
{
    (void)state;
    struct test_net net;
    struct seen seen;
    begin(&net, 3, 10, &seen);
    test_net_stop(&net, 2);
    test_net_run(&net, 1000);
    struct moot_engine *engine = test_net_engine(&net, 0);
    assert_true(moot_map_remove(net.nodes[0].env.pool, &engine->peers,
                                moot_key_bytes(&net.nodes[2].identity.key)));
    test_net_meddle(&net, 0, fill_peers, NULL);
    assert_int_equal(engine->peers.count, MOOT_PEERS_KNOWN_MAX);
    test_net_start(&net, 2);
    test_net_run(&net, 5000);
    assert_non_null(
        moot_session_of_peer(engine, net.nodes[0].env.pool, &net.nodes[2].identity.key));
    assert_int_equal(engine->peers.count, MOOT_PEERS_KNOWN_MAX);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strangers_have_eight_links_an_address_and_64_in_all_the_oldest_go),
        cmocka_unit_test(test_a_link_that_says_nothing_is_closed_after_five_seconds),
        cmocka_unit_test(test_junk_from_a_stranger_gets_no_answer),
        cmocka_unit_test(test_a_peer_that_fell_silent_is_given_up_after_three_pings),
        cmocka_unit_test(test_of_two_links_the_smaller_keys_dial_stays_on_both_sides),
        cmocka_unit_test(test_a_false_signature_ends_the_session_and_both_sides_say_why),
        cmocka_unit_test(test_more_than_was_granted_ends_the_session),
        cmocka_unit_test(test_a_flood_of_small_messages_ends_the_session),
        cmocka_unit_test(test_messages_of_another_mode_or_that_nobody_asked_for_end_the_session),
        cmocka_unit_test(test_what_is_left_of_a_member_is_refused_as_a_stranger_and_told_so),
        cmocka_unit_test(test_hearsay_cannot_keep_a_member_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
