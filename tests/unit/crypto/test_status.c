/* The table of reasons: every row is complete and its name is unique and finds the row again. */
#include "crypto/base/status.h"

#include "tests/lib/test.h"

static void test_every_row_has_text_advice_blame_and_exit_code(void **state)
{
    (void)state;
    for (unsigned i = 1; i < MOOT_STATUS_END; i++) {
        const struct moot_status_info *row = moot_status_info((enum moot_status)i);
        assert_true(row->text[0] != '\0');
        assert_true(row->advice[0] != '\0');
        assert_in_range(row->blame, MOOT_BLAME_PEER, MOOT_BLAME_BUG);
        assert_in_range(row->exit_code, 1, 11);
    }
    assert_int_equal(moot_status_info(MOOT_OK)->exit_code, 0);
    assert_string_equal(moot_status_info(MOOT_OK)->advice, "");
}

static void test_every_name_is_lower_case_unique_and_parses_back(void **state)
{
    (void)state;
    for (unsigned i = 1; i < MOOT_STATUS_END; i++) {
        const char *name = moot_status_info((enum moot_status)i)->name;
        assert_true(strlen(name) > 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        assert_int_equal(moot_status_parse(name), i); /* finds the first: so no earlier twin */
    }
}

static void test_names_are_the_codes_words(void **state)
{
    (void)state;
    assert_string_equal(moot_status_info(MOOT_WRONG_DIGEST)->name, "wrong_digest");
    assert_string_equal(moot_status_info(MOOT_NO_MEMORY)->name, "no_memory");
    assert_string_equal(moot_status_info(MOOT_BAD_HEAD_SIGNATURE)->name, "bad_head_signature");
    assert_int_equal(moot_status_info(MOOT_INTERNAL)->blame, MOOT_BLAME_BUG);
    assert_int_equal(moot_status_info(MOOT_FENCED)->exit_code, 9);
}

static void test_an_unknown_name_parses_to_ok(void **state)
{
    (void)state;
    assert_int_equal(moot_status_parse("no_such_reason"), MOOT_OK);
    assert_int_equal(moot_status_parse(""), MOOT_OK);
    assert_int_equal(moot_status_parse("ok"), MOOT_OK);
    assert_int_equal(moot_status_parse("NO_MEMORY"), MOOT_OK);
}

static void test_error_set_fills_cuts_and_returns(void **state)
{
    (void)state;
    struct moot_error error;
    memset(&error, 0xAA, sizeof error);
    assert_int_equal(moot_error_set(&error, MOOT_GAP, "seq %d of %s", 7, "chain"), MOOT_GAP);
    assert_int_equal(error.status, MOOT_GAP);
    assert_int_equal(error.system_errno, 0);
    assert_string_equal(error.detail, "seq 7 of chain");

    char longer[400];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    moot_error_set(&error, MOOT_LIMIT, "%s", longer);
    assert_int_equal(strlen(error.detail), sizeof error.detail - 1);

    assert_int_equal(moot_error_set(NULL, MOOT_GAP, "nobody listens"), MOOT_GAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_has_text_advice_blame_and_exit_code),
        cmocka_unit_test(test_every_name_is_lower_case_unique_and_parses_back),
        cmocka_unit_test(test_names_are_the_codes_words),
        cmocka_unit_test(test_an_unknown_name_parses_to_ok),
        cmocka_unit_test(test_error_set_fills_cuts_and_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
