/* The command table is sound, and docs/CLI.md is what it says. */
#include "tests/lib/test.h"
#include "tools/moot/help.h"
#include "tools/moot/table.h"

static void every_flag_has_words_and_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 1; a <= MOOT_FLAG_MAX; a++) {
        const struct moot_flag_info *info = moot_flag_info((enum moot_flag)a);
        assert_non_null(info->name);
        assert_true(strncmp(info->name, "--", 2) == 0);
        assert_true(strlen(info->help) > 0);
        assert_int_equal(info->value != NULL, info->kind != MOOT_FLAG_SWITCH);
        for (int b = a + 1; b <= MOOT_FLAG_MAX; b++) {
            const struct moot_flag_info *other = moot_flag_info((enum moot_flag)b);
            assert_string_not_equal(info->name, other->name);
            assert_false(info->also != NULL && other->also != NULL &&
                         strcmp(info->also, other->also) == 0);
        }
    }
}

static void every_command_runs_something_and_requires_only_what_it_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < moot_command_count; i++) {
        const struct moot_command *command = &moot_commands[i];
        assert_non_null((void *)(uintptr_t)command->run);
        assert_true(strlen(command->help) > 0);
        assert_int_equal(command->required & ~command->flags, 0);
        assert_true(command->effect >= MOOT_EFFECT_READS && command->effect <= MOOT_EFFECT_OFFLINE);
        for (size_t j = i + 1; j < moot_command_count; j++) {
            assert_string_not_equal(command->words, moot_commands[j].words);
        }
    }
}

static void synopses_count_their_arguments(void **state)
{
    static const struct {
        const char *arguments;
        size_t least, most;
    } cases[] = {{"", 0, 0},
                 {"ID", 1, 1},
                 {"KEY [VALUE]", 1, 2},
                 {"[ID]", 0, 1},
                 {"KEY...", 1, SIZE_MAX},
                 {"[VERB...]", 0, SIZE_MAX}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct moot_command command = {.arguments = cases[i].arguments};
        size_t least = 99;
        size_t most = 99;
        moot_command_counts(&command, &least, &most);
        assert_int_equal(least, cases[i].least);
        assert_true(most == cases[i].most);
    }
}

static void the_page_of_the_command_line_is_current(void **state)
{
    const char *source = getenv("MOOT_SOURCE_DIR");
    (void)state;
    if (source == NULL) {
        print_message("skipped: MOOT_SOURCE_DIR is not set\n");
        skip();
    }
    char path[TEST_PATH_MAX];
    size_t size = 0;
    char *made = NULL;
    size_t made_size = 0;
    snprintf(path, sizeof path, "%s/docs/CLI.md", source);
    uint8_t *page = test_file_read(path, 1000000, &size);
    FILE *out = open_memstream(&made, &made_size);
    assert_non_null(out);
    moot_help_markdown(out);
    fclose(out);
    if (size != made_size || memcmp(page, made, size) != 0) {
        fail_msg("docs/CLI.md is old: write it again with moot help --markdown");
    }
    free(made);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flag_has_words_and_a_name_of_its_own),
        cmocka_unit_test(every_command_runs_something_and_requires_only_what_it_takes),
        cmocka_unit_test(synopses_count_their_arguments),
        cmocka_unit_test(the_page_of_the_command_line_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
