/* The log: whatever a peer puts into a text, a line stays one line. */
#include <jansson.h>

#include "node/log.h"
#include "tests/lib/test.h"

static void a_line_names_level_thing_reason_and_id(void **state)
{
    (void)state;
    char line[MOOT_LOG_LINE_BYTES_MAX];
    static const uint8_t id[32] = {0x9f, 0x31};
    (void)moot_log_format(MOOT_LOG_WARNING, false, 0, "peer.refused", MOOT_STRANGER,
                          moot_bytes_of(id, sizeof id), "127.0.0.1", line);
    assert_string_equal(
        line, "1970-01-01T00:00:00Z warning peer.refused [stranger] 9f31000000000000: 127.0.0.1\n");
    (void)moot_log_format(MOOT_LOG_INFO, false, 1, "ready", MOOT_OK, (struct moot_bytes){0}, "",
                          line);
    assert_string_equal(line, "1970-01-01T00:00:01Z info ready\n");
}

static void foreign_text_cannot_forge_a_line(void **state)
{
    (void)state;
    struct test_random random = test_random_seeded(5);
    for (int i = 0; i < 2000; i++) {
        char text[1500];
        size_t size = (size_t)test_random_below(&random, sizeof text - 1);
        test_random_bytes(&random, (uint8_t *)text, size);
        if (i % 2 == 0) {
            for (size_t j = 0; j < size; j++) {
                text[j] = "a\"\\\n\r\x1b\xc3\xa9"[(unsigned char)text[j] % 8];
            }
        }
        text[size] = '\0';
        char line[MOOT_LOG_LINE_BYTES_MAX];
        size_t length = moot_log_format(MOOT_LOG_INFO, false, 0, "x", MOOT_OK,
                                        (struct moot_bytes){0}, text, line);
        assert_int_equal(strlen(line), length);
        assert_ptr_equal(strpbrk(line, "\n\r\x1b"), line + length - 1);

        length = moot_log_format(MOOT_LOG_INFO, true, 0, "x", MOOT_LIMIT, (struct moot_bytes){0},
                                 text, line);
        assert_ptr_equal(strpbrk(line, "\n\r\x1b"), line + length - 1);
        json_error_t error;
        json_t *parsed = json_loadb(line, length, 0, &error);
        assert_non_null(parsed);
        assert_string_equal(json_string_value(json_object_get(parsed, "reason")), "limit");
        json_decref(parsed);
    }
}

static void levels_have_words(void **state)
{
    (void)state;
    enum moot_log_level level = MOOT_LOG_ERROR;
    assert_true(moot_log_level_parse("debug", &level));
    assert_int_equal(level, MOOT_LOG_DEBUG);
    assert_false(moot_log_level_parse("DEBUG", &level));
    assert_false(moot_log_level_parse("", &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_names_level_thing_reason_and_id),
        cmocka_unit_test(foreign_text_cannot_forge_a_line),
        cmocka_unit_test(levels_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
