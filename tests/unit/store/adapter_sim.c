/* The simulator's store for the contract tests. A restart goes through a clone, to test that too. */
#include "sim/store.h"

#include "tests/lib/test.h"
#include "tests/unit/store/adapter_list.h"

struct adapted_store {
    struct moot_sim_store *store;
};

static struct adapted_store *adapter_open(void)
{
    struct adapted_store *adapted = (struct adapted_store *)calloc(1, sizeof *adapted);
    assert_non_null(adapted);
    adapted->store = moot_sim_store_new();
    return adapted;
}

static void adapter_close(struct adapted_store *adapted)
{
    moot_sim_store_free(adapted->store);
    free(adapted);
}

static struct moot_store_port adapter_port(struct adapted_store *adapted)
{
    return moot_sim_store_port(adapted->store);
}

static void adapter_submit(struct adapted_store *adapted, const struct moot_store_batch *batch,
                           uint64_t ticket)
{
    moot_sim_store_submit(adapted->store, batch, ticket);
}

static void adapter_settle(struct adapted_store *adapted, uint64_t ticket)
{
    assert_int_equal(moot_sim_store_commit(adapted->store, ticket), MOOT_OK);
}

static void adapter_restart(struct adapted_store *adapted)
{
    struct moot_sim_store *copy = moot_sim_store_clone(adapted->store);
    moot_sim_store_free(adapted->store);
    adapted->store = copy;
    moot_sim_store_crash(copy);
}

const struct store_adapter store_adapter_sim = {
    .name = "simulator",
    .open = adapter_open,
    .close = adapter_close,
    .port = adapter_port,
    .submit = adapter_submit,
    .settle = adapter_settle,
    .restart = adapter_restart,
};
