/* Times, sizes and near words as people type and read them. */
#include "tests/lib/test.h"
#include "tools/moot/words.h"

static void times_are_read_in_every_unit_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"90", 90000},   {"500ms", 500},    {"30s", 30000}, {"2m", 120000},
                {"1h", 3600000}, {"7d", 604800000}, {"0", 0}};
    static const char *const bad[] = {
        "", "s", "-1", "1.5s", "2 m", "2min", "1d1h", "999999999999d", "99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t ms = 1;
        assert_true(moot_words_time_parse(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t ms = 77;
        assert_false(moot_words_time_parse(bad[i], &ms));
        assert_int_equal(ms, 77);
    }
}

static void numbers_end_at_their_largest(void **state)
{
    uint64_t value = 5;
    (void)state;
    assert_true(moot_words_number_parse("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    value = 5;
    assert_false(moot_words_number_parse("18446744073709551616", &value));
    assert_false(moot_words_number_parse("+1", &value));
    assert_false(moot_words_number_parse("1 ", &value));
    assert_int_equal(value, 5);
}

static void times_and_sizes_read_as_people_say_them(void **state)
{
    char text[MOOT_WORDS_BYTES];
    (void)state;
    moot_words_time_format(59, text);
    assert_string_equal(text, "59 s");
    moot_words_time_format(3599, text);
    assert_string_equal(text, "59 min");
    moot_words_time_format(7800, text);
    assert_string_equal(text, "2 h 10 min");
    moot_words_time_format(100 * 3600, text);
    assert_string_equal(text, "4 d 4 h");
    moot_words_size_format(1023, text);
    assert_string_equal(text, "1023 B");
    moot_words_size_format(1536, text);
    assert_string_equal(text, "1.5 KiB");
    moot_words_size_format(UINT64_MAX, text);
    assert_string_equal(text, "15.9 EiB");
}

static void the_nearest_word_is_offered_only_when_it_is_near(void **state)
{
    struct moot_words_nearest nearest = {0};
    (void)state;
    assert_int_equal(moot_words_distance("status", "status"), 0);
    assert_int_equal(moot_words_distance("statsu", "status"), 1);
    assert_int_equal(moot_words_distance("", "abc"), 3);
    assert_int_equal(moot_words_distance("propose", "prpose"), 1);
    moot_words_nearest_offer(&nearest, "statsu", "journal stats");
    assert_null(nearest.word);
    moot_words_nearest_offer(&nearest, "statsu", "stats");
    moot_words_nearest_offer(&nearest, "statsu", "status");
    assert_string_equal(nearest.word, "stats"); /* one edit too, and it came first */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_every_unit_and_nothing_else),
        cmocka_unit_test(numbers_end_at_their_largest),
        cmocka_unit_test(times_and_sizes_read_as_people_say_them),
        cmocka_unit_test(the_nearest_word_is_offered_only_when_it_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
