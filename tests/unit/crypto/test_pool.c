/*
 * The pool against a naive model: blocks never overlap, come zeroed, keep what is written, and a copy
 * of the used bytes is a second pool that goes on exactly like the first.
 */
#include "crypto/base/pool.h"

#include "crypto/base/map.h"
#include "tests/lib/test.h"

#define REGION_BYTES ((size_t)2 << 20)
#define LIVE_MAX 400U

struct model_block {
    uint32_t handle;
    size_t size;
    uint8_t fill;
};

static void *region_new(size_t size)
{
    void *memory = aligned_alloc(4096, size);
    assert_non_null(memory);
    memset(memory, 0xDB, size); /* memory that somebody used before */
    return memory;
}

static void assert_filled(const struct moot_pool *pool, const struct model_block *block)
{
    const uint8_t *at = moot_pool_at(pool, block->handle);
    for (size_t i = 0; i < block->size; i++) {
        assert_int_equal(at[i], block->fill);
    }
}

static size_t random_size(struct test_random *random)
{
    /* As many small as large ones, on a scale of doublings. */
    return 1 + test_random_below(random, (uint64_t)1 << (1 + test_random_below(random, 13)));
}

static void take_one(struct moot_pool *pool, struct test_random *random, struct model_block *blocks,
                     size_t *count)
{
    struct model_block *block = &blocks[*count];
    size_t live = moot_pool_live(pool);
    block->size = random_size(random);
    block->handle = moot_pool_take(pool, block->size);
    if (block->handle == 0) {
        assert_int_equal(moot_pool_live(pool), live);
        return;
    }
    uint8_t *at = moot_pool_at(pool, block->handle);
    assert_int_equal((uintptr_t)at % 16, 0);
    assert_true(moot_pool_live(pool) >= live + block->size);
    for (size_t i = 0; i < block->size; i++) {
        assert_int_equal(at[i], 0);
    }
    block->fill = (uint8_t)(1 + test_random_below(random, 255));
    memset(at, block->fill, block->size); /* an overlap would spoil a neighbour's fill */
    (*count)++;
}

static void test_blocks_are_zeroed_apart_and_keep_their_bytes(void **state)
{
    (void)state;
    struct test_random random = test_random_start("pool");
    struct model_block blocks[LIVE_MAX + 1];
    size_t count = 0;
    /* Small, so that it is full often and free blocks have to be split. */
    size_t size = (size_t)256 << 10;
    void *memory = region_new(size);
    struct moot_pool *pool = moot_pool_init(memory, size);
    for (unsigned step = 0; step < 30000; step++) {
        bool filling = step / 3000 % 2 == 0;
        if (count < LIVE_MAX && test_random_below(&random, 100) < (filling ? 60 : 40)) {
            take_one(pool, &random, blocks, &count);
        } else if (count > 0) {
            size_t which = test_random_below(&random, count);
            assert_filled(pool, &blocks[which]);
            moot_pool_give(pool, blocks[which].handle, blocks[which].size);
            blocks[which] = blocks[--count];
        }
        assert_true(moot_pool_used(pool) <= moot_pool_size(pool));
    }
    while (count > 0) {
        count--;
        assert_filled(pool, &blocks[count]);
        moot_pool_give(pool, blocks[count].handle, blocks[count].size);
    }
    assert_int_equal(moot_pool_live(pool), 0);
    free(memory);
}

static void test_nothing_above_the_high_water_mark_is_touched(void **state)
{
    (void)state;
    struct test_random random = test_random_start("pool mark");
    uint8_t *memory = region_new(REGION_BYTES);
    struct moot_pool *pool = moot_pool_init(memory, REGION_BYTES);
    for (unsigned i = 0; i < 100; i++) {
        size_t size = random_size(&random);
        uint32_t handle = moot_pool_take(pool, size);
        assert_int_not_equal(handle, 0);
        if (i % 3 == 0) {
            moot_pool_give(pool, handle, size);
        }
    }
    for (size_t i = moot_pool_used(pool); i < REGION_BYTES; i++) {
        assert_int_equal(memory[i], 0xDB);
    }
    free(memory);
}

static void test_a_given_block_is_taken_again_before_new_memory(void **state)
{
    (void)state;
    void *memory = region_new(REGION_BYTES);
    struct moot_pool *pool = moot_pool_init(memory, REGION_BYTES);
    for (size_t size = 1; size < 5000; size++) {
        uint32_t handle = moot_pool_take(pool, size);
        size_t used = moot_pool_used(pool);
        size_t live = moot_pool_live(pool);
        assert_true(live >= size && live <= size + 15 + size / 4); /* what rounding may cost */
        moot_pool_give(pool, handle, size);
        assert_int_equal(moot_pool_take(pool, size), handle);
        assert_int_equal(moot_pool_used(pool), used);
        moot_pool_give(pool, handle, size);
        assert_int_equal(moot_pool_live(pool), 0);
    }
    free(memory);
}

static void test_what_cannot_be_had_is_handle_zero(void **state)
{
    (void)state;
    void *memory = region_new((size_t)64 << 10);
    struct moot_pool *pool = moot_pool_init(memory, (size_t)64 << 10);
    assert_int_equal(moot_pool_take(pool, 0), 0);
    assert_int_equal(moot_pool_take(pool, (size_t)64 << 10), 0);
    assert_int_equal(moot_pool_take(pool, SIZE_MAX), 0);
    assert_int_equal(moot_pool_take(pool, SIZE_MAX - 7), 0);
    assert_int_equal(moot_pool_live(pool), 0);
    moot_pool_give(pool, 0, 100); /* ignored */
    assert_null(moot_pool_at(pool, 0));
    free(memory);
}

static void test_a_full_region_splits_a_large_free_block(void **state)
{
    (void)state;
    size_t size = (size_t)64 << 10;
    void *memory = region_new(size);
    struct moot_pool *pool = moot_pool_init(memory, size);
    size_t large = 40960;
    uint32_t handle = moot_pool_take(pool, large);
    assert_int_not_equal(handle, 0);
    while (moot_pool_take(pool, 16) != 0) {
    }
    moot_pool_give(pool, handle, large);
    for (size_t i = 0; i < large / 16; i++) {
        assert_int_not_equal(moot_pool_take(pool, 16), 0);
    }
    assert_int_equal(moot_pool_take(pool, 16), 0);
    assert_int_equal(moot_pool_live(pool) + 16 > moot_pool_used(pool) - 1024, true);
    free(memory);
}

static void test_blobs_keep_bytes_and_survive_a_full_pool(void **state)
{
    (void)state;
    size_t size = (size_t)64 << 10;
    void *memory = region_new(size);
    struct moot_pool *pool = moot_pool_init(memory, size);
    struct moot_blob blob = {0};
    assert_int_equal(moot_blob_get(pool, blob).size, 0);
    assert_true(moot_blob_set(pool, &blob, moot_bytes_of_text("a moot at the hearth")));
    /* From itself: the old bytes live until the new ones are there. */
    struct moot_bytes own = moot_blob_get(pool, blob);
    assert_true(moot_blob_set(pool, &blob, moot_bytes_of(own.data + 2, 4)));
    assert_true(moot_bytes_equal(moot_blob_get(pool, blob), moot_bytes_of_text("moot")));
    static const uint8_t too_large[80000];
    assert_false(moot_blob_set(pool, &blob, moot_bytes_of(too_large, sizeof too_large)));
    assert_true(moot_bytes_equal(moot_blob_get(pool, blob), moot_bytes_of_text("moot")));
    assert_true(moot_blob_set(pool, &blob, moot_bytes_of(NULL, 0)));
    assert_int_equal(blob.handle, 0);
    moot_blob_clear(pool, &blob);
    assert_int_equal(moot_pool_live(pool), 0);
    free(memory);
}

static void test_a_list_does_what_an_array_does(void **state)
{
    (void)state;
    struct test_random random = test_random_start("list");
    void *memory = region_new(REGION_BYTES);
    struct moot_pool *pool = moot_pool_init(memory, REGION_BYTES);
    struct moot_list list = {.item_size = 12};
    uint64_t model[600];
    uint32_t count = 0;
    for (unsigned step = 0; step < 20000; step++) {
        bool filling = step / 2000 % 2 == 0;
        if (count < 600 && test_random_below(&random, 10) < (filling ? 7 : 3)) {
            static const uint8_t zero[12] = {0};
            uint8_t *item = moot_list_add(pool, &list);
            assert_non_null(item);
            assert_memory_equal(item, zero, sizeof zero);
            model[count] = test_random_next(&random);
            memset(item, 0xCC, 12);
            memcpy(item, &model[count++], 8);
        } else if (count > 0) {
            uint32_t at = (uint32_t)test_random_below(&random, count);
            moot_list_remove(pool, &list, at);
            memmove(&model[at], &model[at + 1], (count - at - 1) * sizeof model[0]);
            count--;
        }
        if (step % 3001 == 0) {
            uint32_t front = (uint32_t)test_random_below(&random, count + 1);
            moot_list_drop(pool, &list, front);
            memmove(model, &model[front], (count - front) * sizeof model[0]);
            count -= front;
        }
        assert_int_equal(list.count, count);
        if (step % 97 == 0) {
            for (uint32_t i = 0; i < count; i++) {
                assert_memory_equal(moot_list_at(pool, &list, i), &model[i], 8);
            }
        }
    }
    moot_list_clear(pool, &list);
    assert_int_equal(list.count, 0);
    assert_int_equal(list.item_size, 12);
    assert_int_equal(moot_pool_live(pool), 0);
    free(memory);
}

static void test_a_list_in_a_full_pool_stays_as_it_was(void **state)
{
    (void)state;
    void *memory = region_new((size_t)64 << 10);
    struct moot_pool *pool = moot_pool_init(memory, (size_t)64 << 10);
    struct moot_list list = {.item_size = 100};
    uint32_t count = 0;
    for (uint8_t *item = moot_list_add(pool, &list); item != NULL;
         item = moot_list_add(pool, &list)) {
        item[0] = (uint8_t)count++;
        assert_true(count < 1000);
    }
    assert_int_equal(list.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(*(uint8_t *)moot_list_at(pool, &list, i), (uint8_t)i);
    }
    free(memory);
}

/* A node in miniature: everything it knows lies in its pool, found again through the root. */
struct small_node {
    struct moot_map map; /* u64 keys to blobs */
    struct moot_list list;
};

static struct small_node *node_of(const struct moot_pool *pool)
{
    return moot_pool_at(pool, moot_pool_root(pool));
}

static void node_act(struct moot_pool *pool, struct test_random *random)
{
    struct small_node *node = node_of(pool);
    uint8_t key[8];
    uint8_t bytes[300];
    moot_u64_put(key, test_random_below(random, 500));
    test_random_bytes(random, bytes, sizeof bytes);
    size_t size = test_random_below(random, sizeof bytes);
    uint64_t dice = test_random_below(random, 10);
    if (dice < 5) {
        struct moot_blob *blob = moot_map_put(pool, &node->map, moot_bytes_of(key, 8), NULL);
        if (blob != NULL) {
            (void)moot_blob_set(pool, blob, moot_bytes_of(bytes, size));
        }
    } else if (dice < 8) {
        struct moot_blob *blob = moot_map_get(pool, &node->map, moot_bytes_of(key, 8));
        if (blob != NULL) {
            moot_blob_clear(pool, blob);
            moot_map_remove(pool, &node->map, moot_bytes_of(key, 8));
        }
    } else if (dice == 8 || node->list.count == 0) {
        uint8_t *item = moot_list_add(pool, &node->list);
        if (item != NULL) {
            memcpy(item, key, 8);
        }
    } else {
        moot_list_remove(pool, &node->list, (uint32_t)test_random_below(random, node->list.count));
    }
}

static void test_a_copy_of_the_used_bytes_goes_on_exactly_alike(void **state)
{
    (void)state;
    struct test_random random = test_random_start("clone");
    size_t size = (size_t)64 << 10; /* gets full on the way, in both alike */
    void *first = region_new(size);
    void *second = region_new(size);
    struct moot_pool *pool = moot_pool_init(first, size);
    moot_pool_root_set(pool, moot_pool_take(pool, sizeof(struct small_node)));
    node_of(pool)->map.value_size = sizeof(struct moot_blob);
    node_of(pool)->list.item_size = 8;
    for (unsigned round = 0; round < 20; round++) {
        memset(second, 0x3C, size);
        memcpy(second, first, moot_pool_used(pool));
        struct moot_pool *clone = second;
        struct test_random same = random;
        for (unsigned step = 0; step < 500; step++) {
            node_act(pool, &random);
            node_act(clone, &same);
        }
        assert_int_equal(moot_pool_used(pool), moot_pool_used(clone));
        /* Byte for byte over all live data; the rest of the region differs on purpose. */
        assert_memory_equal(first, second, moot_pool_used(pool));
    }
    assert_true(node_of(pool)->map.count > 0);
    free(first);
    free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_zeroed_apart_and_keep_their_bytes),
        cmocka_unit_test(test_nothing_above_the_high_water_mark_is_touched),
        cmocka_unit_test(test_a_given_block_is_taken_again_before_new_memory),
        cmocka_unit_test(test_what_cannot_be_had_is_handle_zero),
        cmocka_unit_test(test_a_full_region_splits_a_large_free_block),
        cmocka_unit_test(test_blobs_keep_bytes_and_survive_a_full_pool),
        cmocka_unit_test(test_a_list_does_what_an_array_does),
        cmocka_unit_test(test_a_list_in_a_full_pool_stays_as_it_was),
        cmocka_unit_test(test_a_copy_of_the_used_bytes_goes_on_exactly_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
