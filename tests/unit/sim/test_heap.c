/* The event heap gives back what was put in, least (time, tie, sequence) first. */
#include "tests/lib/test.h"

#include "sim/heap.h"

static void entries_come_out_in_order_of_time_tie_and_sequence(void **state)
{
    struct test_random random = test_random_start("heap");
    struct moot_sim_heap heap = {0};
    struct moot_sim_entry entry, before = {0};
    (void)state;
    for (uint64_t i = 1; i <= 3000; i++) {
        entry = (struct moot_sim_entry){.at_us = test_random_below(&random, 50),
                                        .tie = test_random_below(&random, 3),
                                        .sequence = i};
        moot_sim_heap_push(&heap, &entry);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        uint64_t first = moot_sim_heap_first(&heap)->sequence;
        assert_true(moot_sim_heap_pop(&heap, &entry));
        assert_int_equal(entry.sequence, first);
        bool later = entry.at_us > before.at_us ||
                     (entry.at_us == before.at_us &&
                      (entry.tie > before.tie ||
                       (entry.tie == before.tie && entry.sequence > before.sequence)));
        assert_true(later);
        before = entry;
    }
    assert_false(moot_sim_heap_pop(&heap, &entry));
    assert_null(moot_sim_heap_first(&heap));
    moot_sim_heap_deinit(&heap);
}

static void pushing_between_pops_never_gives_an_earlier_time(void **state)
{
    struct test_random random = test_random_start("heap, mixed");
    struct moot_sim_heap heap = {0};
    struct moot_sim_entry entry;
    uint64_t now_us = 0, sequence = 0, in = 0, out = 0;
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        if (test_random_below(&random, 2) == 0) {
            entry = (struct moot_sim_entry){.at_us = now_us + test_random_below(&random, 9),
                                            .sequence = ++sequence};
            moot_sim_heap_push(&heap, &entry);
            in++;
        } else if (moot_sim_heap_pop(&heap, &entry)) {
            assert_true(entry.at_us >= now_us);
            now_us = entry.at_us;
            out++;
        }
    }
    assert_int_equal(heap.count, in - out);
    moot_sim_heap_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_out_in_order_of_time_tie_and_sequence),
        cmocka_unit_test(pushing_between_pops_never_gives_an_earlier_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
