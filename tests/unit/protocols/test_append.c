/* Own facts: many calls in a row become runs of one commit; what does not fit follows or is refused. */
#include "protocols/inside.h"
#include "tests/lib/engines/net.h"

#define PUTS 200u

/* What the engine did with a row of puts. */
struct seen {
    uint32_t commits, log_rows, replies, refused;
    uint64_t last_seq;
    uint64_t ticket;
};

static void look(const struct moot_actions *actions, struct seen *seen)
{
    for (const struct moot_action *action = actions->first; action; action = action->next) {
        if (action->kind == MOOT_ACTION_COMMIT) {
            seen->commits++;
            seen->ticket = action->ticket;
            for (uint32_t i = 0; i < action->batch.op_count; i++)
                seen->log_rows += action->batch.ops[i].table == MOOT_TABLE_LOG;
        } else if (action->kind == MOOT_ACTION_REPLY && action->reply.status == MOOT_OK) {
            assert_true(seen->last_seq == 0 || action->reply.seq == seen->last_seq + 1);
            assert_int_equal(action->after, seen->ticket);
            seen->last_seq = action->reply.seq;
            seen->replies++;
        } else if (action->kind == MOOT_ACTION_REPLY) {
            assert_int_equal(action->reply.status, MOOT_LIMIT);
            seen->refused++;
        }
    }
}

/* One event, straight into the engine of node 0; the net's own store learns nothing of it. */
static void step(struct test_net *net, struct moot_event *event, struct seen *seen)
{
    struct moot_actions actions;
    moot_arena_reset(&net->arena);
    moot_actions_init(&actions, &net->arena);
    event->now_ms = net->now_ms;
    moot_engine_step(&net->nodes[0].env, event, &actions);
    look(&actions, seen);
}

static void put(struct test_net *net, const char *key, struct moot_bytes value, bool more,
                struct seen *seen)
{
    struct moot_call call = {
        .kind = MOOT_CALL_RECORD_PUT, .key = moot_bytes_of_text(key), .value = value};
    step(net,
         &(struct moot_event){.kind = MOOT_EVENT_CALL,
                              .call_number = ++net->call_number,
                              .call = &call,
                              .more = more},
         seen);
}

static void committed(struct test_net *net, struct seen *seen)
{
    step(net, &(struct moot_event){.kind = MOOT_EVENT_COMMITTED, .ticket = seen->ticket}, seen);
}

static struct test_net *one_node(uint64_t seed)
{
    struct test_net *net = (struct test_net *)calloc(1, sizeof *net);
    assert_non_null(net);
    test_net_init(net, 1, seed);
    test_net_found(net);
    test_net_run(net, 1000);
    return net;
}

static void free_net(struct test_net *net)
{
    test_net_free(net);
    free(net);
}

static void test_puts_in_a_row_become_runs_of_one_commit(void **state)
{
    (void)state;
    struct test_net *net = one_node(1);
    struct seen seen = {0};
    for (uint32_t i = 0; i < PUTS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%u", (unsigned)i);
        put(net, key, moot_bytes_of_text("value"), i + 1 < PUTS, &seen);
        assert_int_equal(seen.commits, i + 1 < PUTS ? 0 : 1);
    }
    assert_int_equal(seen.log_rows, (PUTS + MOOT_RUN_FACTS_MAX - 1) / MOOT_RUN_FACTS_MAX);
    assert_int_equal(seen.replies, PUTS);
    free_net(net);
}

static void test_a_put_covers_the_one_staged_before_it(void **state)
{
    (void)state;
    struct test_net *net = one_node(2);
    struct seen seen = {0};
    put(net, "k", moot_bytes_of_text("first"), true, &seen);
    put(net, "other", moot_bytes_of_text("value"), true, &seen);
    put(net, "k", moot_bytes_of_text("second"), true, &seen);
    put(net, "k", moot_bytes_of_text("third"), false, &seen);
    const struct moot_pool *pool = net->nodes[0].env.pool;
    const struct moot_record *record =
        moot_state_record(moot_view_state(&net->nodes[0].env), pool, moot_bytes_of_text("k"));
    assert_non_null(record);
    assert_int_equal(record->values.count, 1);
    assert_true(moot_bytes_equal(moot_blob_get(pool, moot_record_shown(record, pool)->value),
                                 moot_bytes_of_text("third")));
    assert_int_equal(moot_engine_of(&net->nodes[0].env)->staged_puts.count, 0);
    free_net(net);
}

static void test_more_than_one_commit_holds_is_written_by_the_next(void **state)
{
    (void)state;
    struct test_net *net = one_node(3);
    struct seen seen = {0};
    static uint8_t value[MOOT_RECORD_VALUE_BYTES_MAX];
    uint32_t asked = 0;
    while (seen.refused == 0 && asked < 2 * MOOT_STAGED_BYTES_MAX / sizeof value) {
        asked++;
        put(net, "k", moot_bytes_of(value, sizeof value), true, &seen);
    }
    assert_int_equal(seen.refused, 1);
    uint64_t bytes = moot_engine_of(&net->nodes[0].env)->staged_bytes;
    assert_true(bytes <= MOOT_STAGED_BYTES_MAX && bytes > MOOT_STAGED_BYTES_MAX - 65536);
    step(net, &(struct moot_event){.kind = MOOT_EVENT_TIME}, &seen);
    assert_int_equal(seen.commits, 1);
    assert_true(seen.replies < asked - 1);
    for (uint32_t i = 0; i < 10 && seen.replies < asked - 1; i++)
        committed(net, &seen);
    assert_int_equal(seen.replies, asked - 1);
    assert_true(seen.commits >= 2);
    assert_int_equal(moot_engine_of(&net->nodes[0].env)->staged_bytes, 0);
    assert_int_equal(moot_engine_of(&net->nodes[0].env)->staged_puts.count, 0);
    free_net(net);
}

static void test_records_never_crowd_out_what_heals(void **state)
{
    (void)state;
    struct test_net *net = one_node(4);
    struct seen seen = {0};
    for (uint32_t i = 0; i < MOOT_STAGED_FACTS_MAX && seen.refused == 0; i++)
        put(net, "k", moot_bytes_of_text("v"), true, &seen);
    assert_int_equal(seen.refused, 1);
    struct moot_engine *engine = moot_engine_of(&net->nodes[0].env);
    assert_int_equal(engine->staged.count, MOOT_STAGED_FACTS_MAX - MOOT_STAGED_RESERVE_FACTS);
    struct moot_step own = {
        .env = &net->nodes[0].env, .engine = engine, .pool = net->nodes[0].env.pool};
    assert_int_equal(moot_append_stage(&own, MOOT_KIND_WITHDRAWN, moot_bytes_of_text("x"), 0),
                     MOOT_OK);
    free_net(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puts_in_a_row_become_runs_of_one_commit),
        cmocka_unit_test(test_a_put_covers_the_one_staged_before_it),
        cmocka_unit_test(test_more_than_one_commit_holds_is_written_by_the_next),
        cmocka_unit_test(test_records_never_crowd_out_what_heals),
    };
    return moot_crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
