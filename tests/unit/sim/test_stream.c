/* Random streams: one a name, the same everywhere, evenly spread. */
#include "tests/lib/test.h"

#include "sim/stream.h"

static uint64_t first_of(uint64_t seed, const char *purpose, uint32_t from, uint32_t to,
                         uint32_t boot)
{
    struct moot_sim_stream stream;
    moot_sim_stream_init(&stream, seed, purpose, from, to, boot);
    return moot_sim_stream_next(&stream);
}

static void every_part_of_the_name_makes_another_stream(void **state)
{
    const uint64_t drawn[] = {
        first_of(1, "disk", 0, 0, 1), first_of(2, "disk", 0, 0, 1), first_of(1, "link", 0, 0, 1),
        first_of(1, "disk", 1, 0, 1), first_of(1, "disk", 0, 1, 1), first_of(1, "disk", 0, 0, 2),
    };
    (void)state;
    for (size_t i = 0; i < sizeof drawn / sizeof drawn[0]; i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(drawn[i], drawn[j]);
    }
    assert_int_equal(first_of(1, "disk", 0, 0, 1), drawn[0]);
}

static void the_first_draws_are_the_same_on_every_machine(void **state)
{
    static const uint64_t known[] = {UINT64_C(0xe5b33a63ece1529b), UINT64_C(0x0e3f329f662a6f89),
                                     UINT64_C(0x57f1583d39a33063), UINT64_C(0xd1a2f573a9da98de)};
    struct moot_sim_stream stream;
    (void)state;
    moot_sim_stream_init(&stream, 42, "known", 3, 4, 5);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_int_equal(moot_sim_stream_next(&stream), known[i]);
}

static void numbers_stay_within_their_bounds_and_reach_both_ends(void **state)
{
    struct moot_sim_stream stream;
    uint32_t seen[7] = {0};
    (void)state;
    moot_sim_stream_init(&stream, 7, "bounds", 0, 0, 0);
    for (uint32_t i = 0; i < 70000; i++) {
        uint64_t number = moot_sim_stream_between(&stream, 10, 16);
        assert_in_range(number, 10, 16);
        seen[number - 10]++;
    }
    for (uint32_t i = 0; i < 7; i++)
        assert_in_range(seen[i], 9500, 10500);
}

static void a_chance_of_nothing_draws_nothing_and_of_all_is_sure(void **state)
{
    struct moot_sim_stream stream, before;
    uint32_t hits = 0;
    (void)state;
    moot_sim_stream_init(&stream, 7, "chance", 0, 0, 0);
    before = stream;
    assert_false(moot_sim_stream_chance(&stream, 0));
    assert_memory_equal(&stream, &before, sizeof stream);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_true(moot_sim_stream_chance(&stream, 1000000));
        hits += moot_sim_stream_chance(&stream, 50000) ? 1 : 0;
    }
    assert_in_range(hits, 400, 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_the_name_makes_another_stream),
        cmocka_unit_test(the_first_draws_are_the_same_on_every_machine),
        cmocka_unit_test(numbers_stay_within_their_bounds_and_reach_both_ends),
        cmocka_unit_test(a_chance_of_nothing_draws_nothing_and_of_all_is_sure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
