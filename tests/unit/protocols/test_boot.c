/* From the store to a running engine: after every commit another engine over the same store is the same. */
#include "tests/lib/engines/hostile.h"

#define SHADOW_POOL_BYTES ((size_t)16 << 20)
#define SHADOW_ARENA_BYTES ((size_t)4 << 20)

struct shadow {
    void *pool_memory, *arena_memory;
    bool checkpoints; /* one after every step that wrote facts */
    uint64_t stored[TEST_NET_NODES], lsn[TEST_NET_NODES];
    uint32_t compared;
};

static void shadow_init(struct shadow *shadow, bool checkpoints)
{
    *shadow = (struct shadow){.pool_memory = aligned_alloc(4096, SHADOW_POOL_BYTES),
                              .arena_memory = malloc(SHADOW_ARENA_BYTES),
                              .checkpoints = checkpoints};
    assert_true(shadow->pool_memory && shadow->arena_memory);
}

static void shadow_free(struct shadow *shadow)
{
    free(shadow->pool_memory);
    free(shadow->arena_memory);
}

static void fill_nothing(void *context, uint8_t *ret, size_t size)
{
    (void)context;
    memset(ret, 7, size);
}

static uint32_t bound_invites(const struct moot_engine *engine, const struct moot_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine->invites.count; i++) {
        const struct moot_invite *invite = moot_list_at(pool, &engine->invites, i);
        count += invite->bound ? 1 : 0;
    }
    return count;
}

/* What a start makes of the store is what the running engine knows. */
static void compare(struct shadow *shadow, const struct test_net *net, const struct test_node *node)
{
    struct moot_random random = {.fill = fill_nothing};
    struct moot_store_port port = moot_sim_store_port(node->store);
    struct moot_engine_env env = {.pool = moot_pool_init(shadow->pool_memory, SHADOW_POOL_BYTES),
                                  .random = &random,
                                  .store = &port};
    struct moot_arena arena;
    struct moot_error error = {0};
    struct moot_view_stats running, started;
    moot_arena_init(&arena, shadow->arena_memory, SHADOW_ARENA_BYTES);
    enum moot_status status =
        moot_engine_open(&env, &node->config, &node->identity, net->now_ms, &arena, &error);
    if (status != MOOT_OK)
        fail_msg("%s: %s", moot_status_info(status)->name, error.detail);
    const struct moot_engine *left = moot_engine_of(&node->env), *right = moot_engine_of(&env);
    moot_view_stats(&node->env, &running);
    moot_view_stats(&env, &started);
    assert_memory_equal(&running.frontier_digest, &started.frontier_digest, 32);
    assert_memory_equal(&running.state_digest, &started.state_digest, 32);
    assert_int_equal(running.bytes, started.bytes);
    assert_int_equal(running.facts, started.facts);
    assert_memory_equal(running.voids, started.voids, sizeof running.voids);
    assert_int_equal(left->votes.count, right->votes.count);
    assert_int_equal(left->loose.count, right->loose.count);
    assert_int_equal(left->loose_signers.count, right->loose_signers.count);
    assert_int_equal(left->lsn, right->lsn);
    assert_int_equal(bound_invites(left, node->env.pool), bound_invites(right, env.pool));
    moot_engine_close(&env);
    shadow->compared++;
}

static void after_each(struct test_net *net, const struct test_node *node)
{
    struct shadow *shadow = net->watch_context;
    struct moot_engine *engine = moot_engine_of(&node->env);
    if (shadow->checkpoints && shadow->lsn[node->index] != engine->lsn)
        engine->folded_since_checkpoint = UINT32_MAX / 2;
    shadow->lsn[node->index] = engine->lsn;
    if (node->stored == shadow->stored[node->index] || engine->refold_wanted)
        return;
    shadow->stored[node->index] = node->stored;
    compare(shadow, net, node);
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

static void everything(struct test_net *net)
{
    struct test_package package;
    char key[16];
    test_net_found(net);
    test_net_admins(net, 3, 2);
    for (uint32_t i = 0; i < 30; i++) {
        snprintf(key, sizeof key, "key%u", (unsigned)(i % 7));
        assert_int_equal(test_net_put(net, i % 3, key, "value"), MOOT_OK);
    }
    test_net_package(net, 0, "app", "2.0.0", 2, 1, &package);
    struct moot_digest upgrade = test_net_propose(net, "app", "2.0.0", &package, 3);
    test_net_run(net, 3000);
    assert_int_equal(approve(net, 1, &upgrade), MOOT_OK);
    struct moot_call withdrawn = {.kind = MOOT_CALL_WITHDRAW,
                                  .proposal = test_net_propose(net, "app", "3.0.0", &package, 3)};
    assert_int_equal(test_net_call(net, 0, &withdrawn).status, MOOT_OK);
    test_net_run(net, 25000);
    test_net_cut(net, 0, 1, true);
    test_net_cut(net, 1, 2, true);
    assert_int_equal(test_net_put(net, 0, "key1", "left"), MOOT_OK);
    assert_int_equal(test_net_put(net, 1, "key1", "right"), MOOT_OK);
    test_net_run(net, 15000);
    test_net_cut(net, 0, 1, false);
    test_net_cut(net, 1, 2, false);
    test_net_run(net, 40000);
    assert_true(test_net_equal(net, 0, 1) && test_net_equal(net, 1, 2));
}

static void same_after_a_start(bool checkpoints)
{
    struct test_net net;
    struct shadow shadow;
    shadow_init(&shadow, checkpoints);
    test_net_init(&net, 3, 1);
    net.after = after_each;
    net.watch_context = &shadow;
    everything(&net);
    assert_true(shadow.compared > 150);
    test_net_free(&net);
    shadow_free(&shadow);
}

static void test_a_start_after_any_commit_is_the_same_node(void **state)
{
    (void)state;
    same_after_a_start(false);
}

static void test_a_start_after_any_commit_is_the_same_node_with_checkpoints(void **state)
{
    (void)state;
    same_after_a_start(true);
}

/* A second admission of `device` of the same epoch under another name, signed by the founder alone. */
static struct moot_bytes rival_admission(struct test_net *net, uint32_t device,
                                         uint8_t memory[4096])
{
    const struct moot_engine *engine = test_net_engine(net, 0);
    const struct moot_pool *pool = net->nodes[0].env.pool;
    const struct moot_member *member =
        moot_state_member(&engine->state, pool, &net->nodes[device].identity.key);
    const struct moot_object_row *row = moot_state_object(&engine->state, pool, &member->admission);
    struct moot_body body;
    struct moot_digest hash;
    struct moot_certificate certificate = {0};
    struct moot_signature signature;
    struct moot_writer writer;
    uint8_t body_memory[1024];
    assert_int_equal(moot_body_decode(moot_blob_get(pool, row->body), &body), MOOT_OK);
    body.admission.name = moot_bytes_of_text("rival");
    moot_writer_init(&writer, body_memory, sizeof body_memory);
    moot_body_encode(&body, &writer);
    struct moot_bytes bytes = moot_bytes_of(body_memory, writer.size);
    moot_body_hash(bytes, &hash);
    moot_body_statement(&body, &hash, &row->statement.timeline, MOOT_VERDICT_YES,
                        &certificate.statement);
    moot_statement_sign(&certificate.statement, &net->nodes[0].identity, &signature);
    assert_true(moot_certificate_add(&certificate, &net->nodes[0].identity.key, &signature));
    moot_writer_init(&writer, memory, 4096);
    moot_object_encode(&certificate, bytes, &writer);
    return moot_bytes_of(memory, writer.size);
}

static void test_facts_that_became_void_stay_void_after_a_start_from_a_checkpoint(void **state)
{
    (void)state;
    for (uint32_t checkpoints = 0; checkpoints < 2; checkpoints++) {
        struct test_net net;
        struct shadow shadow;
        uint8_t memory[4096];
        shadow_init(&shadow, checkpoints != 0);
        test_net_init(&net, 3, 2);
        net.after = after_each;
        net.watch_context = &shadow;
        test_net_found(&net);
        assert_int_equal(test_net_put(&net, 1, "theirs", "value"), MOOT_OK);
        assert_int_equal(test_net_put(&net, 0, "ours", "value"), MOOT_OK);
        test_net_run(&net, 3000);
        test_net_engine(&net, 0)->folded_since_checkpoint = UINT32_MAX / 2;
        test_net_run(&net, 2000);
        struct moot_bytes object = rival_admission(&net, 1, memory);
        test_hostile_push(&net, 2, 0, &(struct test_items){.objects = &object, .object_count = 1});
        test_net_run(&net, 5000);
        struct moot_engine *engine = test_net_engine(&net, 0);
        const struct moot_record *theirs =
            moot_state_record(&engine->state, net.nodes[0].env.pool, moot_bytes_of_text("theirs"));
        assert_true(theirs == NULL || theirs->values.count == 0);
        assert_int_equal(
            moot_state_record(&engine->state, net.nodes[0].env.pool, moot_bytes_of_text("ours"))
                ->values.count,
            1);
        compare(&shadow, &net, &net.nodes[0]);
        /* And after the next checkpoint, too. */
        engine->folded_since_checkpoint = UINT32_MAX / 2;
        test_net_run(&net, 2000);
        compare(&shadow, &net, &net.nodes[0]);
        test_net_free(&net);
        shadow_free(&shadow);
    }
}

static void test_a_damaged_row_is_named_and_nothing_is_guessed(void **state)
{
    (void)state;
    static const enum moot_table tables[] = {MOOT_TABLE_CHAIN, MOOT_TABLE_LOG,  MOOT_TABLE_OBJECT,
                                             MOOT_TABLE_LOOSE, MOOT_TABLE_VOTE, MOOT_TABLE_PEER};
    for (size_t t = 0; t < MOOT_COUNT_OF(tables); t++) {
        struct test_net net;
        test_net_init(&net, 2, 3);
        test_net_found(&net);
        struct test_package package; /* something loose and a vote that stay */
        test_net_package(&net, 0, "app", "2.0.0", 1, 1, &package);
        (void)test_net_propose(&net, "app", "2.0.0", &package, 3);
        test_net_run(&net, 3000);
        struct test_node *node = &net.nodes[0];
        struct moot_store_row row;
        assert_int_equal(
            node->port.at_or_after(node->port.self, tables[t], moot_bytes_of(NULL, 0), &row),
            MOOT_OK);
        uint8_t batch_memory[8192];
        struct moot_arena arena;
        struct moot_store_batch batch;
        moot_arena_init(&arena, batch_memory, sizeof batch_memory);
        moot_store_batch_init(&batch);
        assert_true(moot_store_batch_put(&batch, &arena, tables[t], row.key,
                                         moot_bytes_of(row.value.data, row.value.size - 1)));
        node->port.release(node->port.self);
        test_net_stop(&net, 0);
        moot_sim_store_submit(node->store, &batch, ++node->stored);
        assert_int_equal(moot_sim_store_commit(node->store, node->stored), MOOT_OK);
        void *memory = aligned_alloc(4096, SHADOW_POOL_BYTES);
        struct moot_engine_env env = {.pool = moot_pool_init(memory, SHADOW_POOL_BYTES),
                                      .random = &node->random,
                                      .store = &node->port};
        struct moot_error error = {0};
        enum moot_status status =
            moot_engine_open(&env, &node->config, &node->identity, 1, &net.arena, &error);
        assert_int_not_equal(status, MOOT_OK);
        assert_non_null(strstr(error.detail, "table"));
        free(memory);
        test_net_free(&net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_start_after_any_commit_is_the_same_node),
        cmocka_unit_test(test_a_start_after_any_commit_is_the_same_node_with_checkpoints),
        cmocka_unit_test(test_facts_that_became_void_stay_void_after_a_start_from_a_checkpoint),
        cmocka_unit_test(test_a_damaged_row_is_named_and_nothing_is_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
