/* The helpers that other tests trust: each shown to do its job and to notice what it must notice. */
#include "tests/lib/test.h"

#include <unistd.h>

static void tempdir_is_removed_with_what_is_in_it(void **state)
{
    (void)state;
    char *dir = test_tempdir_new();
    char inner[TEST_PATH_MAX];
    assert_true(snprintf(inner, sizeof inner, "%s/file", dir) > 0);
    test_file_write(inner, "abc", 3);
    size_t size = 0;
    uint8_t *bytes = test_file_read(inner, 3, &size);
    assert_int_equal(size, 3);
    assert_string_equal((char *)bytes, "abc");
    free(bytes);
    test_tempdir_remove(dir);
    assert_int_equal(access(inner, F_OK), -1);
}

static void one_seed_gives_one_sequence(void **state)
{
    (void)state;
    struct test_random a = test_random_seeded(7);
    struct test_random b = test_random_seeded(7);
    struct test_random c = test_random_seeded(8);
    uint64_t first = test_random_next(&a);
    assert_true(first == test_random_next(&b));
    assert_true(first != test_random_next(&c));
    for (unsigned i = 0; i < 1000; i++)
        assert_true(test_random_below(&a, 10) < 10);
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[4];
    assert_int_equal(test_hex_decode("00fF10a5", bytes, sizeof bytes), 4);
    char text[9];
    test_hex_encode(bytes, sizeof bytes, text);
    assert_string_equal(text, "00ff10a5");
    test_assert_hex(bytes, sizeof bytes, "00FF10A5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tempdir_is_removed_with_what_is_in_it),
        cmocka_unit_test(one_seed_gives_one_sequence),
        cmocka_unit_test(hex_goes_both_ways),
    };
    return cmocka_run_group_tests_name("helpers", tests, NULL, NULL);
}
