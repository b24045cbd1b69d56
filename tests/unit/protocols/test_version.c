/* Versions: the examples of semver.org, in order, and texts that are none. */
#include "tests/lib/test.h"

#include "crypto/base/attr.h"
#include "protocols/version.h"

static const char *const ascending[] = {
    "0.0.0",         "0.0.1-0",      "0.0.1",         "0.9.10",
    "0.10.0",        "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
    "1.0.0-beta",    "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
    "1.0.0",         "1.0.1--",      "1.0.1",         "2.0.0-9.99999999999999999999",
    "2.0.0-9.a",     "2.0.0-a-b",    "2.0.0-aa",      "2.0.0",
    "4294967295.0.0"};

static void precedence_orders_numbers_prereleases_and_releases(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOOT_COUNT_OF(ascending); i++) {
        for (size_t j = 0; j < MOOT_COUNT_OF(ascending); j++) {
            int order = moot_version_compare(moot_bytes_of_text(ascending[i]),
                                             moot_bytes_of_text(ascending[j]));
            int expected = (i > j) - (i < j);
            assert_int_equal((order > 0) - (order < 0), expected);
        }
    }
}

static void build_metadata_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(
        moot_version_compare(moot_bytes_of_text("1.2.3+001"), moot_bytes_of_text("1.2.3+zz.9-9")),
        0);
    assert_int_equal(
        moot_version_compare(moot_bytes_of_text("1.2.3-a+x"), moot_bytes_of_text("1.2.3-a")), 0);
}

static void texts_that_are_no_version_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "1",
                                      "1.2",
                                      "1.2.3.4",
                                      "v1.2.3",
                                      "01.2.3",
                                      "1.02.3",
                                      "1.2.03",
                                      "1.2.3-",
                                      "1.2.3+",
                                      "1.2.3-a..b",
                                      "1.2.3-.a",
                                      "1.2.3-a.",
                                      "1.2.3-01",
                                      "1.2.3-ä",
                                      "1.2.3+a+b",
                                      " 1.2.3",
                                      "1.2.3 ",
                                      "1.2.x",
                                      "1..3",
                                      "-1.2.3",
                                      "4294967296.0.0",
                                      "1.2.3-a_b",
                                      "1.2.3/../..",
                                      "99999999999999999999.0.0",
                                      "1.2.3-+a"};
    for (size_t i = 0; i < MOOT_COUNT_OF(bad); i++)
        if (moot_version_valid(moot_bytes_of_text(bad[i])))
            fail_msg("taken for a version: \"%s\"", bad[i]);
    char longest[MOOT_SEMVER_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "1.2.3-", 6);
    assert_true(moot_version_valid(moot_bytes_of(longest, MOOT_SEMVER_BYTES_MAX)));
    assert_false(moot_version_valid(moot_bytes_of(longest, MOOT_SEMVER_BYTES_MAX + 1)));
    assert_false(moot_version_valid(moot_bytes_of("1.2.3\0", 6)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence_orders_numbers_prereleases_and_releases),
        cmocka_unit_test(build_metadata_does_not_count),
        cmocka_unit_test(texts_that_are_no_version_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
