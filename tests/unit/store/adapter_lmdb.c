/* The LMDB store for the contract tests: in a directory of its own; a restart closes and opens it. */
#include "tests/lib/node/store.h"
#include "tests/lib/test.h"
#include "tests/unit/store/adapter_list.h"

#define TIMEOUT_MS 20000u

struct adapted_store {
    struct test_store test;
    const struct moot_node_store_options *options;
    char *directory;
    char path[TEST_PATH_MAX];
};

static struct adapted_store *open_with(const struct moot_node_store_options *options)
{
    struct adapted_store *adapted = (struct adapted_store *)calloc(1, sizeof *adapted);
    assert_non_null(adapted);
    adapted->options = options;
    adapted->directory = test_tempdir_new();
    (void)snprintf(adapted->path, sizeof adapted->path, "%s/store", adapted->directory);
    assert_int_equal(test_store_open(&adapted->test, adapted->path, options), MOOT_OK);
    return adapted;
}

static struct adapted_store *adapter_open(void)
{
    return open_with(NULL);
}

/* A map that is too small for the first values already: it has to grow under the tests. */
static struct adapted_store *adapter_open_small(void)
{
    static const struct moot_node_store_options options = {.map_bytes = 192 * 1024};
    return open_with(&options);
}

static void adapter_close(struct adapted_store *adapted)
{
    test_store_close(&adapted->test);
    test_tempdir_remove(adapted->directory);
    free(adapted);
}

static struct moot_store_port adapter_port(struct adapted_store *adapted)
{
    return moot_node_store_port(adapted->test.store);
}

static void adapter_submit(struct adapted_store *adapted, const struct moot_store_batch *batch,
                           uint64_t ticket)
{
    assert_int_equal(moot_node_store_submit(adapted->test.store, batch, ticket), MOOT_OK);
}

static void adapter_settle(struct adapted_store *adapted, uint64_t ticket)
{
    assert_true(test_store_wait(&adapted->test, ticket, TIMEOUT_MS));
    assert_int_equal(adapted->test.reported_ticket, ticket);
    assert_int_equal(adapted->test.reported_status, MOOT_OK);
    assert_int_equal(adapted->test.trouble, MOOT_OK);
}

static void adapter_restart(struct adapted_store *adapted)
{
    test_store_close(&adapted->test);
    assert_int_equal(test_store_open(&adapted->test, adapted->path, adapted->options), MOOT_OK);
    assert_false(moot_node_store_moved(adapted->test.store));
}

const struct store_adapter store_adapter_lmdb = {
    .name = "LMDB",
    .open = adapter_open,
    .close = adapter_close,
    .port = adapter_port,
    .submit = adapter_submit,
    .settle = adapter_settle,
    .restart = adapter_restart,
};

const struct store_adapter store_adapter_lmdb_small_map = {
    .name = "LMDB with a small map",
    .open = adapter_open_small,
    .close = adapter_close,
    .port = adapter_port,
    .submit = adapter_submit,
    .settle = adapter_settle,
    .restart = adapter_restart,
};
