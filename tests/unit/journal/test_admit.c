/* Admission: ids decide whether a verified run continues the chain that is held. */
#include "journal/admit.h"

#include "tests/lib/journal/run_maker.h"
#include "tests/lib/test.h"

static uint8_t memory[3][MOOT_RUN_ENCODED_BYTES_MAX];

static void test_runs_in_order_are_admitted_and_again_are_replayed(void **state)
{
    (void)state;
    struct test_author author = test_author_new(1);
    struct moot_verified_run first = test_run_make(&author, 3, 5, memory[0]);
    struct moot_verified_run next = test_run_make(&author, 4, 5, memory[1]);
    struct moot_chain_tail empty = {0};
    struct moot_admitted_run admitted;
    assert_int_equal(moot_admit(&next, &empty, &admitted), MOOT_GAP);
    assert_int_equal(moot_admit(&first, &empty, &admitted), MOOT_OK);
    assert_true(admitted.verified.after.seq == 3);
    assert_int_equal(moot_admit(&first, &first.after, &admitted), MOOT_REPLAYED);
    assert_int_equal(moot_admit(&next, &first.after, &admitted), MOOT_OK);
    assert_true(admitted.verified.after.seq == 7);
    assert_int_equal(moot_admit(&next, &next.after, &admitted), MOOT_REPLAYED);
    assert_int_equal(moot_admit(&first, &next.after, &admitted), MOOT_REPLAYED);
}

static void test_another_id_under_the_same_seq_is_a_fork(void **state)
{
    (void)state;
    struct test_author author = test_author_new(2), twin = author;
    struct moot_verified_run first = test_run_make(&author, 3, 5, memory[0]);
    struct moot_verified_run other = test_run_make(&twin, 3, 6, memory[1]);
    struct moot_verified_run other_next = test_run_make(&twin, 2, 6, memory[2]);
    struct moot_admitted_run admitted;
    assert_int_equal(moot_admit(&other, &first.after, &admitted), MOOT_CHAIN_FORKED);
    assert_int_equal(moot_admit(&other_next, &first.after, &admitted), MOOT_CHAIN_FORKED);
}

static void test_a_run_across_the_end_is_not_admitted(void **state)
{
    (void)state;
    struct test_author author = test_author_new(3), same = author;
    struct moot_verified_run part = test_run_make(&author, 2, 5, memory[0]);
    struct moot_verified_run whole = test_run_make(&same, 4, 5, memory[1]);
    struct moot_admitted_run admitted;
    assert_int_equal(moot_admit(&whole, &part.after, &admitted), MOOT_REPLAYED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_in_order_are_admitted_and_again_are_replayed),
        cmocka_unit_test(test_another_id_under_the_same_seq_is_a_fork),
        cmocka_unit_test(test_a_run_across_the_end_is_not_admitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
