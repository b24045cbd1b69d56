/* The own chain: who is answered when, what waits for a peer, what a stopped or full store does. */
#include "tests/lib/engines/hostile.h"

static uint64_t facts(const struct test_net *net, uint32_t viewer, uint32_t author)
{
    const struct moot_state *state = moot_view_state(&net->nodes[viewer].env);
    struct moot_pool *pool = net->nodes[viewer].env.pool;
    const struct moot_member *member =
        moot_state_member(state, pool, &net->nodes[author].identity.key);
    return moot_state_chain(state, pool, &member->chain)->tail.seq;
}

static uint64_t ask_put(struct test_net *net, uint32_t node, const char *key, const char *value)
{
    struct moot_call call = {.kind = MOOT_CALL_RECORD_PUT,
                             .key = moot_bytes_of_text(key),
                             .value = moot_bytes_of_text(value)};
    return test_net_ask(net, node, &call);
}

static enum moot_status status_of(const struct test_net *net, uint64_t call_number)
{
    const struct test_answer *answer = test_net_answer(net, call_number);
    assert_non_null(answer);
    return answer->status;
}

static void test_what_waits_for_a_peer_is_refused_after_ten_seconds_all_of_it(void **state)
{
    (void)state;
    struct test_net net;
    uint64_t calls[8];
    test_net_init(&net, 2, 1);
    test_net_found(&net);
    test_net_stop(&net, 0);
    test_net_stop(&net, 1);
    test_net_start(&net, 0);
    uint64_t before = facts(&net, 0, 0);
    for (uint32_t i = 0; i < 8; i++) {
        calls[i] = ask_put(&net, 0, "key", "value");
        test_net_run(&net, 3000);
    }
    test_net_run(&net, 12000);
    for (uint32_t i = 0; i < 8; i++) {
        const struct test_answer *answer = test_net_answer(&net, calls[i]);
        assert_non_null(answer);
        assert_int_equal(answer->status, MOOT_BEING_HEARD);
    }
    /* The first waited ten seconds although others came after it. */
    assert_true(test_net_answer(&net, calls[0])->at_ms <= test_net_answer(&net, calls[3])->at_ms);
    assert_int_equal(facts(&net, 0, 0), before);
    /* With a peer it goes on, and numbers have no gap. */
    test_net_start(&net, 1);
    test_net_run(&net, 3000);
    assert_int_equal(test_net_put(&net, 0, "key", "value"), MOOT_OK);
    assert_int_equal(facts(&net, 0, 0), before + 1);
    test_net_free(&net);
}

static void test_the_first_caller_waits_ten_seconds_and_not_for_those_after_it(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 2, 2);
    test_net_found(&net);
    test_net_stop(&net, 0);
    test_net_stop(&net, 1);
    test_net_start(&net, 0);
    uint64_t asked_ms = net.now_ms;
    uint64_t first = ask_put(&net, 0, "key", "value");
    for (uint32_t i = 0; i < 20; i++) {
        test_net_run(&net, 1000);
        (void)ask_put(&net, 0, "key", "value");
    }
    const struct test_answer *answer = test_net_answer(&net, first);
    assert_non_null(answer);
    assert_true(answer->at_ms <= asked_ms + 10000);
    test_net_free(&net);
}

static void test_alone_and_a_sole_member_need_nobody(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 2, 3);
    struct moot_call init = {.kind = MOOT_CALL_INIT, .mesh_name = moot_bytes_of_text("net")};
    assert_int_equal(test_net_call(&net, 0, &init).status, MOOT_OK);
    test_net_stop(&net, 0);
    test_net_start(&net, 0);
    assert_int_equal(test_net_put(&net, 0, "key", "value"), MOOT_OK);
    test_net_free(&net);

    test_net_init(&net, 2, 4);
    test_net_found(&net);
    test_net_stop(&net, 0);
    test_net_stop(&net, 1);
    net.nodes[0].config.alone = true;
    test_net_start(&net, 0);
    assert_int_equal(test_net_put(&net, 0, "key", "value"), MOOT_OK);
    test_net_free(&net);
}

static void test_a_suspected_restore_needs_other_administrators(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 4, 5);
    test_net_found(&net);
    test_net_admins(&net, 3, 2); /* n3 is none: it does not count */
    test_net_run(&net, 5000);
    for (uint32_t i = 0; i < 4; i++)
        test_net_stop(&net, i);
    net.nodes[0].config.restored = true;
    test_net_start(&net, 0);
    test_net_start(&net, 3);
    test_net_run(&net, 5000);
    assert_int_equal(test_net_put(&net, 0, "key", "value"), MOOT_BEING_HEARD);
    test_net_start(&net, 1); /* one of N-M+1 = 2 */
    test_net_run(&net, 35000);
    assert_int_equal(test_net_put(&net, 0, "key", "value"), MOOT_BEING_HEARD);
    test_net_start(&net, 2);
    test_net_run(&net, 35000);
    assert_int_equal(test_net_put(&net, 0, "key", "value"), MOOT_OK);
    test_net_free(&net);
}

static void test_a_put_overtaken_by_the_own_past_is_refused_and_the_next_one_counts(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 2, 6);
    test_net_found(&net);
    assert_int_equal(test_net_put(&net, 1, "key", "a"), MOOT_OK);
    test_net_run(&net, 2000);
    /* A copy of the disk of n1 is put back later. */
    struct moot_sim_store *old = moot_sim_store_clone(net.nodes[1].store);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(test_net_put(&net, 1, "key", "b"), MOOT_OK);
    test_net_run(&net, 2000);
    uint64_t there = facts(&net, 0, 1);
    test_net_stop(&net, 1);
    test_net_cut(&net, 0, 1, true);
    moot_sim_store_free(net.nodes[1].store);
    net.nodes[1].store = old;
    net.nodes[1].port = moot_sim_store_port(old);
    test_net_start(&net, 1);
    uint64_t call = ask_put(&net, 1, "key", "lost");
    test_net_run(&net, 1000);
    test_net_cut(&net, 0, 1, false);
    test_net_run(&net, 40000);
    assert_int_equal(status_of(&net, call), MOOT_BEING_HEARD);
    assert_int_equal(facts(&net, 1, 1), there);
    assert_int_equal(test_net_engine(&net, 1)->staged_bytes, 0);
    assert_int_equal(test_net_put(&net, 1, "key", "c"), MOOT_OK);
    test_net_run(&net, 2000);
    assert_int_equal(facts(&net, 0, 1), there + 1);
    assert_true(test_net_equal(&net, 0, 1));
    /* The new put follows all that was there: one value. */
    struct moot_record *record = moot_state_record(
        &test_net_engine(&net, 0)->state, net.nodes[0].env.pool, moot_bytes_of_text("key"));
    assert_int_equal(record->values.count, 1);
    test_net_free(&net);
}

static void test_a_stopped_store_answers_everybody_and_shows_nothing_more(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 2, 7);
    test_net_found(&net);
    net.nodes[0].commit_status = MOOT_STORE_IO;
    (void)ask_put(&net, 0, "key", "value"); /* its commit fails: the shell gives up the reply */
    uint64_t second = ask_put(&net, 0, "key", "value");
    uint64_t stored = net.nodes[0].stored;
    test_net_run(&net, 1);
    assert_int_equal(status_of(&net, second), MOOT_STORE_IO);
    assert_int_equal(test_net_put(&net, 0, "key", "value"), MOOT_STORE_IO);
    net.nodes[0].commit_status = MOOT_OK;
    uint32_t since = net.nodes[0].notice_count;
    test_net_run(&net, 60000);
    assert_int_equal(net.nodes[0].stored, stored); /* not one commit more */
    assert_int_equal(test_net_noticed(&net, 0, "epoch.advanced", since), 0);
    assert_int_equal(test_net_noticed(&net, 0, "node.stopped", 0), 1);
    test_net_free(&net);
}

static void test_a_full_disk_refuses_calls_and_recovers(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 2, 8);
    test_net_found(&net);
    test_net_store_full(&net, 0, MOOT_STORE_FULL);
    assert_int_equal(test_net_put(&net, 0, "key", "value"), MOOT_STORE_FULL);
    uint64_t stored = net.nodes[0].stored;
    assert_int_equal(test_net_put(&net, 1, "key", "value"), MOOT_OK);
    test_net_run(&net, 20000);
    assert_int_equal(net.nodes[0].stored, stored);
    assert_int_equal(test_net_noticed(&net, 0, "store.full", 0), 1);
    test_net_store_full(&net, 0, MOOT_OK);
    test_net_run(&net, 20000);
    assert_int_equal(test_net_noticed(&net, 0, "store.recovered", 0), 1);
    assert_int_equal(test_net_put(&net, 0, "key", "value"), MOOT_OK);
    test_net_run(&net, 3000);
    assert_true(test_net_equal(&net, 0, 1));
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_waits_for_a_peer_is_refused_after_ten_seconds_all_of_it),
        cmocka_unit_test(test_the_first_caller_waits_ten_seconds_and_not_for_those_after_it),
        cmocka_unit_test(test_alone_and_a_sole_member_need_nobody),
        cmocka_unit_test(test_a_suspected_restore_needs_other_administrators),
        cmocka_unit_test(test_a_put_overtaken_by_the_own_past_is_refused_and_the_next_one_counts),
        cmocka_unit_test(test_a_stopped_store_answers_everybody_and_shows_nothing_more),
        cmocka_unit_test(test_a_full_disk_refuses_calls_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
