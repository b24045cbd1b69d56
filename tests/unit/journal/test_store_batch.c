/* Batches of the store port: what goes in is copied, and a full arena spoils nothing. */
#include "tests/lib/test.h"

#include "crypto/base/arena.h"
#include "journal/store.h"

static void a_batch_keeps_copies_in_order(void **state)
{
    (void)state;
    static uint8_t memory[1u << 16];
    struct moot_arena arena;
    struct moot_store_batch batch;
    moot_arena_init(&arena, memory, sizeof memory);
    moot_store_batch_init(&batch);
    for (uint8_t i = 0; i < 100; i++) {
        uint8_t key[2] = {'k', i};
        assert_true(moot_store_batch_put(&batch, &arena, MOOT_TABLE_LOG, moot_bytes_of(key, 2),
                                         moot_bytes_of(key, i % 3)));
        assert_true(
            moot_store_batch_delete(&batch, &arena, MOOT_TABLE_META, moot_bytes_of(key, 2)));
    }
    assert_int_equal(batch.op_count, 200);
    for (uint8_t i = 0; i < 100; i++) {
        const struct moot_store_op *put = &batch.ops[2 * i];
        const struct moot_store_op *drop = &batch.ops[2 * i + 1];
        assert_int_equal(put->kind, MOOT_STORE_PUT);
        assert_int_equal(put->table, MOOT_TABLE_LOG);
        assert_int_equal(put->key.data[1], i);
        assert_int_equal(put->value.size, i % 3);
        assert_int_equal(drop->kind, MOOT_STORE_DELETE);
        assert_int_equal(drop->table, MOOT_TABLE_META);
        assert_int_equal(drop->key.data[1], i);
    }
}

static void a_full_arena_refuses_and_leaves_the_batch_as_it_was(void **state)
{
    (void)state;
    static uint8_t memory[2048];
    struct moot_arena arena;
    struct moot_store_batch batch;
    moot_arena_init(&arena, memory, sizeof memory);
    moot_store_batch_init(&batch);
    uint8_t value[40] = {7};
    uint32_t count = 0;
    while (moot_store_batch_put(&batch, &arena, MOOT_TABLE_LOG, moot_bytes_of("k", 1),
                                moot_bytes_of(value, sizeof value))) {
        count++;
        assert_in_range(count, 1, 100);
    }
    assert_in_range(count, 5, 50);
    assert_int_equal(batch.op_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(batch.ops[i].value.size, sizeof value);
        assert_int_equal(batch.ops[i].value.data[0], 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_keeps_copies_in_order),
        cmocka_unit_test(a_full_arena_refuses_and_leaves_the_batch_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
