/* Reconciliation: everybody comes to hold the same, over any links, and then falls silent. */
#include "tests/lib/engines/hostile.h"

struct traffic {
    uint64_t frames[TEST_NET_NODES], bytes[TEST_NET_NODES];
};

static void watch(struct test_net *net, const struct test_node *node,
                  const struct moot_event *event, const struct moot_actions *actions)
{
    struct traffic *traffic = net->watch_context;
    (void)event;
    for (const struct moot_action *action = actions->first; action; action = action->next) {
        if (action->kind != MOOT_ACTION_SEND)
            continue;
        traffic->frames[node->index]++;
        traffic->bytes[node->index] += action->bytes.size;
    }
}

static void stage_many(struct moot_step *step, const void *context)
{
    uint32_t count = *(const uint32_t *)context;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t memory[128];
        char key[16];
        struct moot_writer writer;
        const struct moot_bytes value = moot_bytes_of_text("a value of some length, as they are");
        snprintf(key, sizeof key, "k%u", (unsigned)(i % 500));
        moot_writer_init(&writer, memory, sizeof memory);
        moot_record_put_encode(moot_bytes_of_text(key), &value, NULL, 0, &writer);
        assert_int_equal(
            moot_append_stage(step, MOOT_KIND_RECORD_PUT, moot_bytes_of(memory, writer.size), 0),
            MOOT_OK);
    }
}

/* `count` puts of one node, written in as many commits as it takes. */
static void put_many(struct test_net *net, uint32_t node, uint32_t count)
{
    while (count > 0) {
        uint32_t some = count < 4000 ? count : 4000;
        test_net_meddle(net, node, stage_many, &some);
        test_net_run(net, 500);
        count -= some;
    }
    test_net_run(net, 1000);
}

static void test_three_in_a_line_converge(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 3, 1);
    test_net_found(&net);
    test_net_cut(&net, 0, 2, true);
    for (uint32_t i = 0; i < 30; i++)
        assert_int_equal(test_net_put(&net, i % 3, "key", "value"), MOOT_OK);
    test_net_run(&net, 3000);
    assert_true(test_net_equal(&net, 0, 1) && test_net_equal(&net, 1, 2));
    test_net_free(&net);
}

static void test_twenty_thousand_facts_reach_who_was_away(void **state)
{
    (void)state;
    struct test_net net;
    struct traffic traffic;
    memset(&traffic, 0, sizeof traffic);
    test_net_init(&net, 3, 2);
    test_net_found(&net);
    test_net_stop(&net, 2);
    put_many(&net, 0, 20000);
    assert_true(test_net_equal(&net, 0, 1));
    net.watch = watch;
    net.watch_context = &traffic;
    test_net_start(&net, 2);
    test_net_run(&net, 5000);
    assert_true(test_net_equal(&net, 0, 2));
    uint64_t bytes = traffic.bytes[0] + traffic.bytes[1];
    struct moot_view_stats stats;
    moot_view_stats(&net.nodes[0].env, &stats);
    assert_true(bytes < 3 * stats.bytes); /* from two peers, each thing about once */
    assert_true(traffic.frames[2] < 200);
    test_net_free(&net);
}

static void test_a_node_joins_a_mesh_with_twenty_thousand_facts(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 3, 3);
    net.count = 2;
    test_net_found(&net);
    put_many(&net, 0, 10000);
    put_many(&net, 1, 10000);
    net.count = 3;
    struct moot_call invite = {.kind = MOOT_CALL_INVITE};
    struct moot_reply invitation = test_net_call(&net, 0, &invite);
    struct moot_call join = {.kind = MOOT_CALL_JOIN, .uri = moot_bytes_of_text(invitation.uri)};
    assert_int_equal(test_net_call(&net, 2, &join).status, MOOT_OK);
    struct moot_call admit = {.kind = MOOT_CALL_ADMIT, .name = moot_bytes_of_text("n2")};
    assert_int_equal(test_net_call(&net, 0, &admit).status, MOOT_OK);
    test_net_run(&net, 8000);
    assert_true(test_net_equal(&net, 0, 2) && test_net_equal(&net, 0, 1));
    test_net_free(&net);
}

static void test_who_missed_two_turns_catches_up(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 4, 4);
    test_net_found(&net);
    test_net_stop(&net, 3);
    net.count = 3; /* the turn waits for nodes 0 to 2 */
    test_net_admins(&net, 2, 2);
    assert_int_equal(test_net_put(&net, 2, "after", "the turn"), MOOT_OK);
    struct moot_bytes names[3] = {moot_bytes_of_text("n0"), moot_bytes_of_text("n1"),
                                  moot_bytes_of_text("n2")};
    struct moot_call call = {
        .kind = MOOT_CALL_PROPOSE_ADMINS, .names = names, .name_count = 3, .threshold = 2};
    struct moot_reply reply = test_net_call(&net, 0, &call);
    char hex[65];
    moot_hex_format(moot_digest_bytes(&reply.proposal), hex);
    struct moot_call approve = {.kind = MOOT_CALL_APPROVE,
                                .proposal = reply.proposal,
                                .digest_text = moot_bytes_of_text(hex)};
    test_net_run(&net, 1000);
    assert_int_equal(test_net_call(&net, 1, &approve).status, MOOT_OK);
    test_net_run(&net, 30000);
    assert_int_equal(moot_view_state(&net.nodes[0].env)->eras.count, 3);
    assert_int_equal(test_net_put(&net, 2, "after", "the second turn"), MOOT_OK);
    net.count = 4;
    test_net_start(&net, 3);
    test_net_run(&net, 5000);
    assert_int_equal(moot_view_state(&net.nodes[3].env)->eras.count, 3);
    assert_true(test_net_equal(&net, 0, 3));
    assert_int_equal(test_net_put(&net, 3, "after", "all"), MOOT_OK);
    test_net_run(&net, 2000);
    assert_true(test_net_equal(&net, 0, 3) && test_net_equal(&net, 1, 2));
    test_net_free(&net);
}

static void test_an_idle_pair_says_little(void **state)
{
    (void)state;
    struct test_net net;
    struct traffic traffic;
    memset(&traffic, 0, sizeof traffic);
    test_net_init(&net, 2, 5);
    for (uint32_t i = 0; i < 2; i++) {
        net.nodes[i].config.epoch_interval_ms = 3600000;
        test_net_stop(&net, i);
        test_net_start(&net, i);
    }
    test_net_found(&net);
    put_many(&net, 0, 1000);
    test_net_run(&net, 120000);
    net.watch = watch;
    net.watch_context = &traffic;
    test_net_run(&net, 600000);
    /* Ten minutes: pings and their answers every five seconds, a pull each half minute. */
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(traffic.frames[i] <= 2 * 120 + 2 * 21 + 5);
        assert_true(traffic.bytes[i] < 600 * 100);
    }
    test_net_free(&net);
}

static void hold_a_no(struct moot_step *step, const void *context)
{
    moot_loose_approval(step, context, moot_bytes_of(NULL, 0));
}

static void
test_two_nodes_that_refuse_each_others_words_do_not_repeat_them_without_end(void **state)
{
    (void)state;
    struct test_net net;
    struct traffic traffic;
    struct test_package package;
    memset(&traffic, 0, sizeof traffic);
    test_net_init(&net, 2, 6);
    for (uint32_t i = 0; i < 2; i++) {
        net.nodes[i].config.epoch_interval_ms = 3600000;
        test_net_stop(&net, i);
        test_net_start(&net, i);
    }
    test_net_found(&net);
    test_net_package(&net, 0, "app", "2.0.0", 1, 1, &package);
    struct moot_engine *engine = test_net_engine(&net, 0);
    struct moot_statement statement = {
        .timeline = moot_state_era(&engine->state, net.nodes[0].env.pool)->timeline,
        .slot = {.kind = MOOT_SLOT_UPGRADE, .proposal = {{1}}},
        .epoch = 1,
        .body = {{1}},
        .verdict = MOOT_VERDICT_NO};
    /* The founder says one thing to node 1 and keeps another: a double vote that neither gives up. */
    uint8_t memory[1024];
    struct moot_bytes first = test_hostile_approval(&net, 0, &statement, memory);
    test_hostile_push(&net, 0, 1, &(struct test_items){.loose = &first, .loose_count = 1});
    test_net_run(&net, 1);
    statement.body.b[0] = 2;
    test_net_meddle(&net, 0, hold_a_no, &statement);
    test_net_run(&net, 120000);
    assert_true(test_net_refused(&net, 1, MOOT_DOUBLE_VOTE) >= 1);
    net.watch = watch;
    net.watch_context = &traffic;
    test_net_run(&net, 600000);
    for (uint32_t i = 0; i < 2; i++)
        assert_true(traffic.frames[i] <= 2 * 120 + 2 * 21 + 10);
    test_net_free(&net);
}

static void test_a_push_is_not_sent_back(void **state)
{
    (void)state;
    struct test_net net;
    struct traffic traffic;
    static char value[12000];
    memset(&traffic, 0, sizeof traffic);
    memset(value, 'v', sizeof value - 1);
    test_net_init(&net, 2, 7);
    test_net_found(&net);
    test_net_run(&net, 3000);
    net.watch = watch;
    net.watch_context = &traffic;
    assert_int_equal(test_net_put(&net, 0, "key", value), MOOT_OK);
    test_net_run(&net, 50);
    assert_true(test_net_equal(&net, 0, 1));
    assert_true(traffic.bytes[0] > sizeof value && traffic.bytes[0] < 2 * sizeof value);
    assert_true(traffic.bytes[1] < 1000);
    test_net_free(&net);
}

/* ---- runs by hand ---- */

struct forge {
    struct moot_digest chain;
    struct moot_chain_tail tail;
    struct moot_fork_id fork;
    uint8_t memory[8][1024];
    struct moot_bytes runs[8];
    uint32_t count;
};

static void forge_init(struct forge *forge, const struct test_net *net, uint32_t author)
{
    struct moot_engine *engine = test_net_engine(net, 0);
    struct moot_pool *pool = net->nodes[0].env.pool;
    const struct moot_member *member =
        moot_state_member(&engine->state, pool, &net->nodes[author].identity.key);
    *forge = (struct forge){.chain = member->chain};
    forge->tail = moot_state_chain(&engine->state, pool, &member->chain)->tail;
    forge->fork = moot_fork_id_of(&moot_state_era(&engine->state, pool)->timeline);
}

/* The next run of that chain: one put, signed by `signer`. */
static struct moot_bytes forge_run(struct forge *forge, const struct moot_identity *signer)
{
    struct moot_run_builder builder;
    struct moot_verified_run verified;
    struct moot_writer writer;
    struct moot_digest id;
    uint8_t payload[64];
    const struct moot_bytes value = moot_bytes_of_text("value");
    struct moot_header header = {.fork_id = forge->fork,
                                 .epoch = forge->tail.epoch,
                                 .lamport = forge->tail.lamport + 1,
                                 .protocol = 1,
                                 .kind = MOOT_KIND_RECORD_PUT};
    moot_writer_init(&writer, payload, sizeof payload);
    moot_record_put_encode(moot_bytes_of_text("key"), &value, NULL, 0, &writer);
    uint32_t at = forge->count++;
    moot_run_builder_init(&builder, &forge->chain, &forge->tail, forge->memory[at],
                          sizeof forge->memory[at]);
    assert_int_equal(
        moot_run_builder_add(&builder, &header, moot_bytes_of(payload, writer.size), &id), MOOT_OK);
    assert_int_equal(moot_run_builder_finish(&builder, signer, &verified), MOOT_OK);
    forge->tail = verified.after;
    forge->runs[at] = verified.run.encoded;
    return forge->runs[at];
}

static void push_run(struct test_net *net, uint32_t from, struct moot_bytes run)
{
    test_hostile_push(net, from, 0, &(struct test_items){.runs = &run, .run_count = 1});
}

static bool connected(struct test_net *net, uint32_t a, uint32_t b)
{
    return moot_session_of_peer(test_net_engine(net, a), net->nodes[a].env.pool,
                                &net->nodes[b].identity.key) != NULL;
}

static void test_a_false_run_is_blamed_on_who_sent_it_and_on_nobody_else(void **state)
{
    (void)state;
    struct test_net net;
    struct forge forge;
    test_net_init(&net, 4, 8);
    test_net_found(&net);
    forge_init(&forge, &net, 3);
    test_net_stop(&net, 3);
    test_net_run(&net, 100);
    /* A good run is being verified; a false one of n1 waits, and what n2 passes on comes behind it. */
    push_run(&net, 2, forge_run(&forge, &net.nodes[3].identity));
    push_run(&net, 1, forge_run(&forge, &net.nodes[1].identity));
    push_run(&net, 2, forge_run(&forge, &net.nodes[3].identity));
    test_net_run(&net, 50);
    assert_int_equal(test_net_refused(&net, 0, MOOT_BAD_HEAD_SIGNATURE), 1);
    assert_false(connected(&net, 0, 1));
    assert_true(connected(&net, 0, 2));
    assert_int_equal(test_net_engine(&net, 0)->intake_bytes, 0);
    test_net_free(&net);
}

static void test_duplicates_and_gaps_are_counted_and_change_nothing(void **state)
{
    (void)state;
    struct test_net net;
    struct forge forge;
    struct traffic traffic;
    memset(&traffic, 0, sizeof traffic);
    test_net_init(&net, 3, 9);
    test_net_found(&net);
    forge_init(&forge, &net, 2);
    test_net_stop(&net, 2);
    test_net_run(&net, 100);
    struct moot_bytes first = forge_run(&forge, &net.nodes[2].identity);
    struct moot_bytes second = forge_run(&forge, &net.nodes[2].identity);
    struct moot_bytes third = forge_run(&forge, &net.nodes[2].identity);
    push_run(&net, 1, third);
    test_net_run(&net, 20);
    assert_int_equal(test_net_refused(&net, 0, MOOT_GAP), 1);
    push_run(&net, 1, first);
    push_run(&net, 1, first);
    push_run(&net, 1, second);
    test_net_run(&net, 20);
    push_run(&net, 1, second);
    test_net_run(&net, 20);
    assert_int_equal(test_net_refused(&net, 0, MOOT_REPLAYED), 2);
    push_run(&net, 1, third);
    test_net_run(&net, 5000);
    assert_true(connected(&net, 0, 1));
    assert_true(test_net_equal(&net, 0, 1)); /* n1 pulled from n0 what it never held itself */
    struct moot_chain *chain =
        moot_state_chain(&test_net_engine(&net, 0)->state, net.nodes[0].env.pool, &forge.chain);
    assert_int_equal(chain->tail.seq, forge.tail.seq);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_in_a_line_converge),
        cmocka_unit_test(test_twenty_thousand_facts_reach_who_was_away),
        cmocka_unit_test(test_a_node_joins_a_mesh_with_twenty_thousand_facts),
        cmocka_unit_test(test_who_missed_two_turns_catches_up),
        cmocka_unit_test(test_an_idle_pair_says_little),
        cmocka_unit_test(
            test_two_nodes_that_refuse_each_others_words_do_not_repeat_them_without_end),
        cmocka_unit_test(test_a_push_is_not_sent_back),
        cmocka_unit_test(test_a_false_run_is_blamed_on_who_sent_it_and_on_nobody_else),
        cmocka_unit_test(test_duplicates_and_gaps_are_counted_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
