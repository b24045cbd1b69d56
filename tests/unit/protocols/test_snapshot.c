/*
 * Snapshots among whole engines: proposed behind a fence, verified and signed by the others by themselves,
 * completed; facts collected one behind; a device that was away takes the image.
 */
#include "journal/log_row.h"
#include "protocols/inside.h"
#include "tests/lib/engines/hostile.h"
#include "tests/lib/engines/net.h"

static void put(struct test_net *net, uint32_t node, const char *key, const char *value)
{
    const struct moot_call call = {.kind = MOOT_CALL_RECORD_PUT,
                                   .key = moot_bytes_of_text(key),
                                   .value = moot_bytes_of_text(value)};
    struct moot_reply reply = test_net_call(net, node, &call);
    assert_int_equal(reply.status, MOOT_OK);
}

static void put_many(struct test_net *net, uint32_t node, uint32_t count, uint32_t seed)
{
    for (uint32_t i = 0; i < count; i++) {
        char key[32], value[32];
        snprintf(key, sizeof key, "key%u", (unsigned)(i % 7));
        snprintf(value, sizeof value, "%u of %u", (unsigned)i, (unsigned)seed);
        put(net, node, key, value);
    }
}

static struct moot_view_stats stats(struct test_net *net, uint32_t node)
{
    struct moot_view_stats result;
    moot_view_stats(&net->nodes[node].env, &result);
    return result;
}

static enum moot_proposal_state state_of(struct test_net *net, uint32_t node,
                                         const struct moot_digest *id)
{
    struct moot_view_proposal view;
    moot_arena_reset(&net->arena);
    assert_int_equal(moot_view_proposal(&net->nodes[node].env, net->now_ms, id, &net->arena, &view),
                     MOOT_OK);
    return view.state;
}

static struct moot_digest snapshot(struct test_net *net, uint32_t node)
{
    const struct moot_call call = {.kind = MOOT_CALL_PROPOSE_SNAPSHOT};
    struct moot_reply reply = test_net_call(net, node, &call);
    if (reply.status != MOOT_OK) {
        print_message("propose snapshot: %s %s\n", moot_status_info(reply.status)->name,
                      reply.detail);
        test_net_print(net);
    }
    assert_int_equal(reply.status, MOOT_OK);
    return reply.proposal;
}

static void assert_completed(struct test_net *net, const struct moot_digest *id)
{
    test_net_run(net, 5000);
    for (uint32_t i = 0; i < net->count; i++) {
        if (net->nodes[i].up && state_of(net, i, id) != MOOT_PROPOSAL_IN_FORCE) {
            test_net_print(net);
            fail_msg("node %u: not completed", (unsigned)i);
        }
    }
}

static void assert_all_equal(struct test_net *net)
{
    struct moot_view_stats first = stats(net, 0);
    for (uint32_t i = 1; i < net->count; i++) {
        struct moot_view_stats other = stats(net, i);
        assert_true(moot_digest_equal(&first.frontier_digest, &other.frontier_digest));
        assert_true(moot_digest_equal(&first.state_digest, &other.state_digest));
    }
}

static void others_verify_and_complete_it_by_themselves(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 4, 1);
    test_net_found(&net);
    test_net_admins(&net, 3, 2);
    put_many(&net, 1, 20, 1);
    struct moot_digest id = snapshot(&net, 0);
    assert_completed(&net, &id);
    assert_all_equal(&net);
    put(&net, 3, "after", "the fence is down again");
    test_net_free(&net);
}

static uint64_t log_rows(struct test_net *net, uint32_t node)
{
    struct moot_store_port *port = &net->nodes[node].port;
    struct moot_store_row row;
    uint8_t key[8] = {0};
    uint64_t count = 0;
    while (port->at_or_after(port->self, MOOT_TABLE_LOG, moot_bytes_of(key, 8), &row) == MOOT_OK) {
        moot_u64_put(key, moot_u64_get(row.key.data) + 1);
        count++;
    }
    port->release(port->self);
    return count;
}

static void the_second_collects_under_the_first(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 4, 2);
    test_net_found(&net);
    test_net_admins(&net, 3, 2);
    put_many(&net, 1, 60, 1);
    struct moot_digest first = snapshot(&net, 0);
    assert_completed(&net, &first);
    test_net_run(&net, 20000);
    uint64_t before = log_rows(&net, 3);
    put_many(&net, 2, 5, 2);
    struct moot_digest second = snapshot(&net, 1);
    assert_completed(&net, &second);
    for (uint32_t i = 0; i < net.count; i++) {
        assert_int_equal(test_net_noticed(&net, i, "snapshot.collected", 0), 1);
        assert_true(log_rows(&net, i) + 40 < before);
    }
    assert_all_equal(&net);
    /* A third is rebuilt from the image of the first on. */
    test_net_run(&net, 20000);
    put_many(&net, 2, 5, 3);
    struct moot_digest third = snapshot(&net, 2);
    assert_completed(&net, &third);
    assert_all_equal(&net);
    for (uint32_t i = 0; i < net.count; i++) {
        test_net_stop(&net, i);
        test_net_start(&net, i);
    }
    test_net_run(&net, 20000);
    assert_all_equal(&net);
    test_net_free(&net);
}

static void a_device_away_for_two_snapshots_takes_the_image(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 4, 3);
    test_net_found(&net);
    test_net_admins(&net, 3, 2);
    put_many(&net, 3, 10, 0);
    test_net_run(&net, 5000);
    test_net_stop(&net, 3);
    put_many(&net, 1, 40, 1);
    struct moot_digest first = snapshot(&net, 0);
    assert_completed(&net, &first);
    test_net_run(&net, 20000);
    put_many(&net, 2, 5, 2);
    struct moot_digest second = snapshot(&net, 1);
    assert_completed(&net, &second);
    test_net_run(&net, 20000);
    test_net_start(&net, 3);
    test_net_run(&net, 30000);
    if (test_net_noticed(&net, 3, "snapshot.installed", 0) == 0)
        test_net_print(&net);
    assert_int_equal(test_net_noticed(&net, 3, "snapshot.installed", 0), 1);
    assert_all_equal(&net);
    put(&net, 3, "back", "again");
    test_net_run(&net, 5000);
    assert_all_equal(&net);
    test_net_stop(&net, 3);
    test_net_start(&net, 3);
    test_net_run(&net, 20000);
    assert_all_equal(&net);
    test_net_free(&net);
}

#define SAVED_MAX 32

/* The first runs of a node's log, copied. */
static uint32_t save_runs(struct test_net *net, uint32_t node, struct moot_bytes ret[SAVED_MAX])
{
    struct moot_store_port *port = &net->nodes[node].port;
    struct moot_store_row row;
    uint8_t key[8] = {0};
    uint32_t count = 0;
    while (count < SAVED_MAX &&
           port->at_or_after(port->self, MOOT_TABLE_LOG, moot_bytes_of(key, 8), &row) == MOOT_OK) {
        struct moot_bytes encoded;
        uint32_t index;
        assert_int_equal(moot_log_row_check(row.value, &index, &encoded), MOOT_OK);
        uint8_t *copy = malloc(encoded.size);
        assert_non_null(copy);
        memcpy(copy, encoded.data, encoded.size);
        ret[count++] = moot_bytes_of(copy, encoded.size);
        moot_u64_put(key, moot_u64_get(row.key.data) + 1);
    }
    port->release(port->self);
    return count;
}

static void a_saved_push_of_collected_facts_changes_nothing(void **state)
{
    struct test_net net;
    struct moot_bytes runs[SAVED_MAX];
    (void)state;
    test_net_init(&net, 4, 4);
    test_net_found(&net);
    test_net_admins(&net, 3, 2);
    put_many(&net, 1, 30, 1);
    uint32_t count = save_runs(&net, 2, runs);
    struct moot_digest first = snapshot(&net, 0);
    assert_completed(&net, &first);
    test_net_run(&net, 20000);
    struct moot_digest second = snapshot(&net, 1);
    assert_completed(&net, &second);
    struct moot_view_stats before = stats(&net, 3);
    uint64_t rows = log_rows(&net, 3);
    uint64_t replayed = test_net_refused(&net, 3, MOOT_REPLAYED);
    assert_true(before.has_base);
    for (uint32_t i = 0; i < count; i++) {
        const struct test_items items = {.runs = &runs[i], .run_count = 1};
        test_hostile_push(&net, 2, 3, &items);
        test_net_run(&net, 100);
    }
    struct moot_view_stats after = stats(&net, 3);
    assert_true(test_net_refused(&net, 3, MOOT_REPLAYED) > replayed);
    assert_int_equal(log_rows(&net, 3), rows);
    assert_int_equal(after.facts, before.facts);
    assert_int_equal(after.bytes, before.bytes);
    assert_all_equal(&net);
    for (uint32_t i = 0; i < count; i++)
        free((void *)(uintptr_t)runs[i].data);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_verify_and_complete_it_by_themselves),
        cmocka_unit_test(the_second_collects_under_the_first),
        cmocka_unit_test(a_saved_push_of_collected_facts_changes_nothing),
        cmocka_unit_test(a_device_away_for_two_snapshots_takes_the_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
