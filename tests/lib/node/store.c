/* See tests/lib/node/store.h. */
#include "tests/lib/node/store.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static void wake(void *context)
{
    struct test_store *test = (struct test_store *)context;
    (void)pthread_mutex_lock(&test->lock);
    test->woken = true;
    (void)pthread_cond_signal(&test->woken_condition);
    (void)pthread_mutex_unlock(&test->lock);
}

static void committed(void *context, uint64_t ticket, enum moot_status status)
{
    struct test_store *test = (struct test_store *)context;
    test->reported_ticket = ticket;
    test->reported_status = status;
}

static void trouble(void *context, enum moot_status status, const struct moot_error *error)
{
    struct test_store *test = (struct test_store *)context;
    (void)error;
    test->trouble = status;
    test->trouble_count++;
}

enum moot_status test_store_open(struct test_store *test, const char *path,
                                 const struct moot_node_store_options *options)
{
    memset(test, 0, sizeof *test);
    enum moot_status status = moot_node_store_open(path, options, &test->store, NULL);
    if (status != MOOT_OK) {
        return status;
    }
    (void)pthread_mutex_init(&test->lock, NULL);
    (void)pthread_cond_init(&test->woken_condition, NULL);
    test->port = moot_node_store_port(test->store);
    struct moot_node_store_events events = {.context = test,
                                            .wake = wake,
                                            .wake_context = test,
                                            .committed = committed,
                                            .trouble = trouble};
    status = moot_node_store_start(test->store, &events, NULL);
    if (status != MOOT_OK) {
        test_store_close(test);
    }
    return status;
}

void test_store_close(struct test_store *test)
{
    moot_node_store_close(test->store);
    test->store = NULL;
    (void)pthread_cond_destroy(&test->woken_condition);
    (void)pthread_mutex_destroy(&test->lock);
}

/* Delivers once, after the next wake-up; false when `until` passes first. */
static bool turn(struct test_store *test, const struct timespec *until)
{
    int rc = 0;
    (void)pthread_mutex_lock(&test->lock);
    while (!test->woken && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&test->woken_condition, &test->lock, until);
    }
    bool woken = test->woken;
    test->woken = false;
    (void)pthread_mutex_unlock(&test->lock);
    moot_node_store_deliver(test->store);
    return woken;
}

static struct timespec from_now(uint32_t timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return until;
}

bool test_store_wait(struct test_store *test, uint64_t ticket, uint32_t timeout_ms)
{
    struct timespec until = from_now(timeout_ms);
    while (test->reported_ticket < ticket) {
        if (!turn(test, &until)) {
            return test->reported_ticket >= ticket;
        }
    }
    return true;
}

bool test_store_wait_trouble(struct test_store *test, enum moot_status trouble_wanted,
                             uint32_t timeout_ms)
{
    struct timespec until = from_now(timeout_ms);
    while (test->trouble != trouble_wanted) {
        if (!turn(test, &until)) {
            return test->trouble == trouble_wanted;
        }
    }
    return true;
}

enum moot_status test_store_submit_row(struct test_store *test, uint64_t ticket,
                                       enum moot_table table, struct moot_bytes key,
                                       struct moot_bytes value)
{
    struct moot_store_op op = {.kind = MOOT_STORE_PUT, .table = table, .key = key, .value = value};
    struct moot_store_batch batch = {.ops = &op, .op_count = 1, .op_capacity = 1};
    return moot_node_store_submit(test->store, &batch, ticket);
}
