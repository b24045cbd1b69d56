/* What the simulator's store can do beyond the port: crash, fill up, be cloned. */
#include "tests/lib/test.h"

#include "crypto/base/arena.h"
#include "sim/store.h"

static uint8_t memory[1u << 16];

static void submit(struct moot_sim_store *store, uint64_t ticket, const char *key,
                   const char *value)
{
    struct moot_arena arena;
    struct moot_store_batch batch;
    moot_arena_init(&arena, memory, sizeof memory);
    moot_store_batch_init(&batch);
    assert_true(moot_store_batch_put(&batch, &arena, MOOT_TABLE_META, moot_bytes_of_text(key),
                                     moot_bytes_of_text(value)));
    moot_sim_store_submit(store, &batch, ticket);
}

static bool holds(struct moot_sim_store *store, const char *key)
{
    struct moot_store_port port = moot_sim_store_port(store);
    struct moot_bytes value;
    enum moot_status status = port.get(port.self, MOOT_TABLE_META, moot_bytes_of_text(key), &value);
    port.release(port.self);
    return status == MOOT_OK;
}

static void a_crash_drops_what_waits_and_keeps_what_was_committed(void **state)
{
    (void)state;
    struct moot_sim_store *store = moot_sim_store_new();
    submit(store, 1, "committed", "v");
    submit(store, 2, "committed too", "v");
    submit(store, 5, "waiting", "v");
    assert_int_equal(moot_sim_store_commit(store, 2), MOOT_OK);
    assert_false(holds(store, "waiting"));
    uint64_t first = 0;
    assert_int_equal(moot_sim_store_waiting(store, &first), 1);
    assert_int_equal(first, 5);
    moot_sim_store_crash(store);
    assert_int_equal(moot_sim_store_waiting(store, &first), 0);
    assert_true(holds(store, "committed"));
    assert_true(holds(store, "committed too"));
    assert_false(holds(store, "waiting"));
    moot_sim_store_free(store);
}

static void a_crash_while_rows_are_borrowed_keeps_what_was_committed(void **state)
{
    (void)state;
    struct moot_sim_store *store = moot_sim_store_new();
    struct moot_store_port port = moot_sim_store_port(store);
    struct moot_bytes value;
    assert_int_equal(port.get(port.self, MOOT_TABLE_META, moot_bytes_of_text("k"), &value),
                     MOOT_NOT_FOUND);
    submit(store, 1, "k", "v");
    assert_int_equal(moot_sim_store_commit(store, 1), MOOT_OK);
    moot_sim_store_crash(store);
    assert_true(holds(store, "k"));
    moot_sim_store_free(store);
}

static void a_full_disk_refuses_commits_until_there_is_room(void **state)
{
    (void)state;
    struct moot_sim_store *store = moot_sim_store_new();
    submit(store, 1, "before", "v");
    assert_int_equal(moot_sim_store_commit(store, 1), MOOT_OK);
    moot_sim_store_full_set(store, true);
    submit(store, 2, "while", "v");
    assert_int_equal(moot_sim_store_commit(store, 2), MOOT_STORE_FULL);
    assert_int_equal(moot_sim_store_commit(store, 1), MOOT_OK);
    assert_true(holds(store, "before"));
    assert_false(holds(store, "while"));
    moot_sim_store_full_set(store, false);
    assert_int_equal(moot_sim_store_commit(store, 2), MOOT_OK);
    assert_true(holds(store, "while"));
    moot_sim_store_free(store);
}

static void a_clone_goes_its_own_way(void **state)
{
    (void)state;
    struct moot_sim_store *store = moot_sim_store_new();
    submit(store, 1, "shared", "v");
    assert_int_equal(moot_sim_store_commit(store, 1), MOOT_OK);
    submit(store, 2, "waiting", "v");
    struct moot_sim_store *copy = moot_sim_store_clone(store);
    assert_int_equal(moot_sim_store_size(copy), moot_sim_store_size(store));
    assert_int_equal(moot_sim_store_commit(copy, 2), MOOT_OK);
    moot_sim_store_crash(store);
    assert_false(holds(store, "waiting"));
    moot_sim_store_free(store);
    assert_true(holds(copy, "shared"));
    assert_true(holds(copy, "waiting"));
    assert_int_equal(moot_sim_store_size(copy), strlen("shared"
                                                       "v"
                                                       "waiting"
                                                       "v"));
    moot_sim_store_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_drops_what_waits_and_keeps_what_was_committed),
        cmocka_unit_test(a_crash_while_rows_are_borrowed_keeps_what_was_committed),
        cmocka_unit_test(a_full_disk_refuses_commits_until_there_is_room),
        cmocka_unit_test(a_clone_goes_its_own_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
