/* Comparing, hex, numbers and UTF-8 at their edges. */
#include "crypto/base/bytes.h"

#include "tests/lib/test.h"

static void test_order_is_lexicographic_with_a_prefix_first(void **state)
{
    (void)state;
    static const char *const ascending[] = {"", "a", "aa", "ab", "b", "ba", "\x7F", "\x80"};
    for (size_t i = 0; i < 8; i++) {
        for (size_t k = 0; k < 8; k++) {
            struct moot_bytes a = moot_bytes_of_text(ascending[i]);
            struct moot_bytes b = moot_bytes_of_text(ascending[k]);
            assert_int_equal(moot_bytes_compare(a, b), i < k ? -1 : i > k ? 1 : 0);
            assert_int_equal(moot_bytes_equal(a, b), i == k);
        }
    }
    struct moot_bytes none = moot_bytes_of(NULL, 0);
    assert_true(moot_bytes_equal(none, moot_bytes_of_text("")));
    assert_int_equal(moot_bytes_compare(none, none), 0);
}

static void test_digests_and_keys_compare_over_all_32_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 32; i++) {
        struct moot_digest zero = {{0}};
        struct moot_digest one = zero;
        struct moot_key low = {{0}};
        struct moot_key high = low;
        assert_true(moot_digest_is_zero(&one));
        one.b[i] = 1;
        high.b[i] = 0x80;
        assert_false(moot_digest_is_zero(&one));
        assert_false(moot_digest_equal(&zero, &one));
        assert_int_equal(moot_digest_compare(&zero, &one), -1);
        assert_int_equal(moot_digest_compare(&one, &one), 0);
        assert_false(moot_key_equal(&low, &high));
        assert_int_equal(moot_key_compare(&high, &low), 1);
    }
}

static void test_every_byte_survives_hex_in_both_cases(void **state)
{
    (void)state;
    uint8_t bytes[256];
    uint8_t back[256];
    char text[2 * sizeof bytes + 1];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    moot_hex_format(moot_bytes_of(bytes, sizeof bytes), text);
    assert_int_equal(strlen(text), 512);
    assert_true(moot_hex_parse(text, 512, back, sizeof back));
    assert_memory_equal(bytes, back, sizeof bytes);
    for (char *c = text; *c != '\0'; c++) {
        *c = (char)(*c >= 'a' ? *c - 32 : *c);
    }
    memset(back, 0, sizeof back);
    assert_true(moot_hex_parse(text, 512, back, sizeof back));
    assert_memory_equal(bytes, back, sizeof bytes);
}

static void test_what_is_not_hex_leaves_the_output_alone(void **state)
{
    (void)state;
    uint8_t ret[2] = {0xAA, 0xBB};
    static const char *const bad[] = {
        "",     "0",    "00",   "000",  "00000",           "000g", "00 0", "0x00",
        "000/", "000:", "000@", "000`", "\xC3\xA4\xC3\xA4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(moot_hex_parse(bad[i], strlen(bad[i]), ret, sizeof ret));
    }
    test_assert_hex(ret, 2, "aabb");
    assert_true(moot_hex_parse("", 0, ret, 0));
}

static void test_numbers_are_big_endian(void **state)
{
    (void)state;
    uint8_t at[8];
    moot_u16_put(at, 0x0102);
    test_assert_hex(at, 2, "0102");
    moot_u32_put(at, 0xF1020304);
    test_assert_hex(at, 4, "f1020304");
    assert_int_equal(moot_u16_get(at), 0xF102);
    assert_int_equal(moot_u32_get(at), 0xF1020304);
    moot_u64_put(at, UINT64_C(0x8102030405060708));
    test_assert_hex(at, 8, "8102030405060708");
    assert_true(moot_u64_get(at) == UINT64_C(0x8102030405060708));
    moot_u64_put(at, UINT64_MAX);
    assert_true(moot_u64_get(at) == UINT64_MAX);
}

static void test_only_strict_utf8_passes(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "Herd",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "K\xC3\xBChle",
    };
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\xAF",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xE2\x82",
        "\xE2\x28\xA1",
        "\xE2\x82\x28",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF0\x90\x80",
        "\xF5\x80\x80\x80",
        "\xFF",
        "ok\xFE",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(moot_utf8_valid(moot_bytes_of_text(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(moot_utf8_valid(moot_bytes_of_text(bad[i])));
    }
    assert_false(moot_utf8_valid(moot_bytes_of("a\0b", 3)));
    assert_true(moot_utf8_valid(moot_bytes_of(NULL, 0)));
}

/* All code points, each written by the definition, in every length that could be tried. */
static void test_every_code_point_passes_in_its_shortest_form_only(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10FFFF + 1; point++) {
        uint8_t form[4];
        size_t shortest = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        bool scalar = point != 0 && (point < 0xD800 || point > 0xDFFF) && point <= 0x10FFFF;
        for (size_t size = shortest; size <= 4; size++) {
            static const uint8_t lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
            for (size_t i = 0; i < size; i++) {
                uint32_t part = point >> (6 * (size - 1 - i));
                form[i] = (uint8_t)(i == 0 ? lead[size] | part : 0x80U | (part & 0x3FU));
            }
            assert_int_equal(moot_utf8_valid(moot_bytes_of(form, size)),
                             scalar && size == shortest);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_lexicographic_with_a_prefix_first),
        cmocka_unit_test(test_digests_and_keys_compare_over_all_32_bytes),
        cmocka_unit_test(test_every_byte_survives_hex_in_both_cases),
        cmocka_unit_test(test_what_is_not_hex_leaves_the_output_alone),
        cmocka_unit_test(test_numbers_are_big_endian),
        cmocka_unit_test(test_only_strict_utf8_passes),
        cmocka_unit_test(test_every_code_point_passes_in_its_shortest_form_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
