/*
 * See tests/lib/node/store_script.h. Batch t puts rows t.0 to t.3 (one of them large), sets the
 * counter to t, appends to the log, and deletes row 1 of batch t - 2.
 */
#include "tests/lib/node/store_script.h"

#include <sys/mman.h>

#include "tests/lib/test.h"

#define ROWS 4u
#define LARGE_BYTES 20000u
#define TIMEOUT_MS 10000u
#define OPS_MAX (ROWS + 3)

struct script_batch {
    struct moot_store_op ops[OPS_MAX];
    uint32_t op_count;
    uint8_t keys[OPS_MAX][8];
    uint8_t values[OPS_MAX][8];
    uint8_t large[LARGE_BYTES];
};

struct test_script_progress *test_script_progress_new(void)
{
    void *memory = mmap(NULL, sizeof(struct test_script_progress), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    return (struct test_script_progress *)memory;
}

void test_script_progress_free(struct test_script_progress *progress)
{
    (void)munmap(progress, sizeof *progress);
}

static void op_add(struct script_batch *batch, enum moot_store_op_kind kind, enum moot_table table,
                   uint64_t key, uint64_t value)
{
    uint32_t i = batch->op_count++;
    moot_u64_put(batch->keys[i], key);
    moot_u64_put(batch->values[i], value);
    batch->ops[i] = (struct moot_store_op){.kind = kind,
                                           .table = table,
                                           .key = moot_bytes_of(batch->keys[i], 8),
                                           .value = moot_bytes_of(batch->values[i], 8)};
}

static uint64_t row_key(uint64_t ticket, uint64_t row)
{
    return ticket * 16 + row;
}

static void batch_make(struct script_batch *batch, uint64_t ticket)
{
    memset(batch, 0, sizeof *batch);
    for (uint64_t row = 0; row < ROWS; row++) {
        op_add(batch, MOOT_STORE_PUT, MOOT_TABLE_RUN, row_key(ticket, row), ticket);
    }
    memset(batch->large, (int)ticket, sizeof batch->large);
    batch->ops[3].value = moot_bytes_of(batch->large, sizeof batch->large);
    op_add(batch, MOOT_STORE_PUT, MOOT_TABLE_META, UINT64_MAX, ticket);
    op_add(batch, MOOT_STORE_PUT, MOOT_TABLE_LOG, ticket, ticket);
    if (ticket > 2) {
        op_add(batch, MOOT_STORE_DELETE, MOOT_TABLE_RUN, row_key(ticket - 2, 1), 0);
    }
}

static enum moot_status submit(struct test_store *test, uint64_t ticket)
{
    struct script_batch *script = (struct script_batch *)malloc(sizeof *script);
    if (script == NULL) {
        return MOOT_NO_MEMORY;
    }
    batch_make(script, ticket);
    struct moot_store_batch batch = {
        .ops = script->ops, .op_count = script->op_count, .op_capacity = OPS_MAX};
    enum moot_status status = moot_node_store_submit(test->store, &batch, ticket);
    free(script);
    return status;
}

enum moot_status test_script_run(const char *path, uint64_t first, uint64_t burst,
                                 struct test_script_progress *progress)
{
    static const struct moot_node_store_options options = {.retry_ms = 20};
    struct test_store test;
    enum moot_status status = test_store_open(&test, path, &options);
    if (status != MOOT_OK) {
        return status;
    }
    uint64_t ticket = first;
    while (status == MOOT_OK && ticket <= TEST_SCRIPT_BATCHES) {
        uint64_t last = ticket + burst - 1;
        last = last < TEST_SCRIPT_BATCHES ? last : TEST_SCRIPT_BATCHES;
        for (; status == MOOT_OK && ticket <= last; ticket++) {
            progress->submitted = ticket;
            status = submit(&test, ticket);
        }
        if (status == MOOT_OK) {
            bool reported = test_store_wait(&test, last, TIMEOUT_MS);
            status = reported ? test.reported_status : MOOT_TIMED_OUT;
        }
        if (status == MOOT_OK) {
            progress->acknowledged = last;
        }
    }
    test_store_close(&test);
    return status;
}

/* The row must be there with the value of `ticket`, or must not be there. */
static void judge_row(const struct moot_store_port *port, enum moot_table table, uint64_t key,
                      uint64_t ticket, bool expected, bool large)
{
    uint8_t bytes[8];
    uint8_t value[8];
    struct moot_bytes found;
    moot_u64_put(bytes, key);
    moot_u64_put(value, ticket);
    enum moot_status status = port->get(port->self, table, moot_bytes_of(bytes, 8), &found);
    assert_int_equal(status, expected ? MOOT_OK : MOOT_NOT_FOUND);
    if (expected && !large) {
        assert_true(moot_bytes_equal(found, moot_bytes_of(value, 8)));
    }
    if (expected && large) {
        assert_int_equal(found.size, LARGE_BYTES);
        for (size_t i = 0; i < LARGE_BYTES; i++) {
            assert_int_equal(found.data[i], ticket);
        }
    }
}

uint64_t test_script_judge(const char *path, const struct test_script_progress *progress)
{
    struct moot_node_store *store = NULL;
    struct moot_error error = {.status = MOOT_OK};
    if (moot_node_store_open(path, NULL, &store, &error) != MOOT_OK) {
        fail_msg("the store does not open: %s", error.detail);
    }
    struct moot_store_port port = moot_node_store_port(store);
    uint8_t counter[8];
    struct moot_bytes value;
    moot_u64_put(counter, UINT64_MAX);
    uint64_t durable = 0;
    if (port.get(port.self, MOOT_TABLE_META, moot_bytes_of(counter, 8), &value) == MOOT_OK) {
        assert_int_equal(value.size, 8);
        durable = moot_u64_get(value.data);
    }
    assert_in_range(durable, progress->acknowledged, progress->submitted);
    for (uint64_t ticket = 1; ticket <= TEST_SCRIPT_BATCHES; ticket++) {
        bool there = ticket <= durable;
        for (uint64_t row = 0; row < ROWS; row++) {
            bool deleted = row == 1 && ticket + 2 <= durable;
            judge_row(&port, MOOT_TABLE_RUN, row_key(ticket, row), ticket, there && !deleted,
                      row == 3);
        }
        judge_row(&port, MOOT_TABLE_LOG, ticket, ticket, there, false);
    }
    moot_node_store_close(store);
    return durable;
}
