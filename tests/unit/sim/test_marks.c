/* The marks that scenarios may name are exactly the notices that the engine gives. */
#include "tests/lib/test.h"

#include <dirent.h>

#include "sim/scenario.h"

static bool lower(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

/* Notices are the only texts of the form "word.word" in the engine's sources. */
static uint32_t file_check(const char *path)
{
    size_t size;
    uint32_t found = 0;
    char *text = (char *)test_file_read(path, (size_t)1 << 20, &size);
    for (const char *at = strchr(text, '"'); at; at = strchr(at + 1, '"')) {
        const char *end = at + 1;
        uint32_t dots = 0;
        char name[64];
        for (; lower(*end) || (*end == '.' && lower(end[-1]) && lower(end[1])); end++)
            dots += *end == '.' ? 1 : 0;
        if (*end != '"' || dots != 1)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(end - at - 1), at + 1);
        if (!moot_sim_mark_known(name))
            fail_msg("%s gives the notice %s: add it to sim/scenario_expect.c", path, name);
        found++;
    }
    free(text);
    return found;
}

static void every_notice_of_the_engine_is_a_known_mark(void **state)
{
    const char *source = getenv("MOOT_SOURCE_DIR");
    char path[TEST_PATH_MAX];
    uint32_t found = 0;
    (void)state;
    if (!source)
        skip();
    snprintf(path, sizeof path, "%s/protocols", source);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        size_t length = strlen(entry->d_name);
        if (length < 3 || strcmp(entry->d_name + length - 2, ".c") != 0)
            continue;
        snprintf(path, sizeof path, "%s/protocols/%s", source, entry->d_name);
        found += file_check(path);
    }
    closedir(directory);
    assert_true(found >= 20);
}

static void another_name_is_no_mark(void **state)
{
    (void)state;
    assert_false(moot_sim_mark_known("epoch.advance"));
    assert_false(moot_sim_mark_known(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_notice_of_the_engine_is_a_known_mark),
        cmocka_unit_test(another_name_is_no_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
