/* The store's reports arrive on a libuv loop: on its thread, in order, and the last ones at stop. */
#include "tests/lib/test.h"

#include <pthread.h>

#include "node/commits.h"

#define BATCHES 200u

struct fixture {
    struct moot_node_store *store;
    struct moot_commits commits;
    pthread_t loop_thread;
    uint64_t last_ticket;
    bool done;
};

static void committed(void *context, uint64_t ticket, enum moot_status status)
{
    struct fixture *fixture = (struct fixture *)context;
    assert_int_equal(status, MOOT_OK);
    assert_int_equal(ticket, fixture->last_ticket + 1);
    assert_true(pthread_equal(pthread_self(), fixture->loop_thread));
    fixture->last_ticket = ticket;
    if (ticket == BATCHES / 2) {
        uv_stop(fixture->commits.async.loop);
    }
}

static void trouble(void *context, enum moot_status status, const struct moot_error *error)
{
    (void)context;
    (void)status;
    fail_msg("trouble: %s", error->detail);
}

static void done(void *context)
{
    ((struct fixture *)context)->done = true;
}

static void submit(struct fixture *fixture, uint64_t first, uint64_t last)
{
    for (uint64_t ticket = first; ticket <= last; ticket++) {
        uint8_t key[8];
        moot_u64_put(key, ticket);
        struct moot_store_op op = {.kind = MOOT_STORE_PUT,
                                   .table = MOOT_TABLE_LOG,
                                   .key = moot_bytes_of(key, sizeof key),
                                   .value = moot_bytes_of(key, sizeof key)};
        struct moot_store_batch batch = {.ops = &op, .op_count = 1, .op_capacity = 1};
        assert_int_equal(moot_node_store_submit(fixture->store, &batch, ticket), MOOT_OK);
    }
}

static void reports_arrive_on_the_loop_and_the_last_ones_at_stop(void **state)
{
    (void)state;
    char *directory = test_tempdir_new();
    char path[TEST_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/store", directory);
    struct fixture fixture = {.loop_thread = pthread_self()};
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(moot_node_store_open(path, NULL, &fixture.store, NULL), MOOT_OK);
    struct moot_node_store_events events = {
        .context = &fixture, .committed = committed, .trouble = trouble};
    assert_int_equal(moot_commits_start(&fixture.commits, &loop, fixture.store, &events, NULL),
                     MOOT_OK);
    submit(&fixture, 1, BATCHES / 2);
    assert_int_equal(fixture.last_ticket, 0);
    assert_int_not_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(fixture.last_ticket, BATCHES / 2);
    submit(&fixture, BATCHES / 2 + 1, BATCHES);
    moot_commits_stop(&fixture.commits, done, &fixture);
    assert_int_equal(fixture.last_ticket, BATCHES);
    moot_node_store_close(fixture.store);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_true(fixture.done);
    assert_int_equal(uv_loop_close(&loop), 0);
    test_tempdir_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_arrive_on_the_loop_and_the_last_ones_at_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
