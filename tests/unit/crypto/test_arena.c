/* The arena gives aligned memory until it is full, says so with NULL, and can be trimmed and reset. */
#include "crypto/base/arena.h"

#include "tests/lib/test.h"

static void test_blocks_are_aligned_apart_and_inside(void **state)
{
    (void)state;
    _Alignas(16) uint8_t memory[1 << 12];
    for (size_t shift = 0; shift < 16; shift++) { /* the memory handed in need not be aligned */
        struct moot_arena arena;
        moot_arena_init(&arena, memory + shift, sizeof memory - shift);
        uint8_t *end = memory + shift;
        for (size_t size = 0; size < 40; size++) {
            uint8_t *block = moot_arena_take(&arena, size);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % 16, 0);
            assert_true(block >= end && block + size <= memory + sizeof memory);
            end = block + size;
        }
    }
}

static void test_a_full_arena_says_null_and_stays_as_it_was(void **state)
{
    (void)state;
    _Alignas(16) uint8_t memory[64];
    struct moot_arena arena;
    moot_arena_init(&arena, memory, sizeof memory);
    assert_null(moot_arena_take(&arena, 65));
    assert_null(moot_arena_take(&arena, SIZE_MAX));
    assert_int_equal(arena.used, 0);
    assert_non_null(moot_arena_take(&arena, 33));
    assert_null(moot_arena_take(&arena, 17)); /* 31 are left, but only 16 behind the padding */
    assert_int_equal(arena.used, 33);
    assert_ptr_equal(moot_arena_take(&arena, 16), memory + 48);
    assert_null(moot_arena_take(&arena, 1));
    assert_null(moot_arena_copy(&arena, moot_bytes_of_text("x")).data);
    struct moot_bytes empty = moot_arena_copy(&arena, moot_bytes_of(NULL, 0));
    assert_non_null(empty.data);
    assert_int_equal(empty.size, 0);
    moot_arena_reset(&arena);
    assert_ptr_equal(moot_arena_take(&arena, 64), memory);
}

static void test_items_are_zeroed_and_their_product_is_checked(void **state)
{
    (void)state;
    _Alignas(16) uint8_t memory[256];
    static const uint8_t zero[240] = {0};
    memset(memory, 0xFF, sizeof memory);
    struct moot_arena arena;
    moot_arena_init(&arena, memory, sizeof memory);
    assert_null(moot_arena_take_zeroed(&arena, SIZE_MAX / 2, 3));
    assert_null(moot_arena_take_zeroed(&arena, (size_t)1 << 32, (size_t)1 << 32));
    assert_null(moot_arena_take_zeroed(&arena, 257, 1));
    const uint8_t *items = moot_arena_take_zeroed(&arena, 30, 8);
    assert_non_null(items);
    assert_memory_equal(items, zero, sizeof zero);
    assert_non_null(moot_arena_take_zeroed(&arena, 0, 0));
}

static void test_a_copy_is_the_bytes_and_a_trim_gives_back_the_rest(void **state)
{
    (void)state;
    _Alignas(16) uint8_t memory[128];
    struct moot_arena arena;
    moot_arena_init(&arena, memory, sizeof memory);
    struct moot_bytes copy = moot_arena_copy(&arena, moot_bytes_of_text("hearth"));
    assert_true(moot_bytes_equal(copy, moot_bytes_of_text("hearth")));
    void *block = moot_arena_take(&arena, 100);
    assert_non_null(block);
    assert_null(moot_arena_take(&arena, 32));
    moot_arena_trim(&arena, block, 10);
    assert_int_equal(arena.used, 26);
    assert_non_null(moot_arena_take(&arena, 32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_apart_and_inside),
        cmocka_unit_test(test_a_full_arena_says_null_and_stays_as_it_was),
        cmocka_unit_test(test_items_are_zeroed_and_their_product_is_checked),
        cmocka_unit_test(test_a_copy_is_the_bytes_and_a_trim_gives_back_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
