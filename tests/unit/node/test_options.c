/* The daemon's command line: what it takes, what it refuses, and that order in the line never matters. */
#include <unistd.h>

#include "node/options.h"
#include "tests/lib/test.h"

#define ARGUMENTS_MAX 32

/* Parses "a b c" as arguments after the program's name; the copy lives as long as the test. */
static enum moot_status parse(const char *line, struct moot_options *ret, struct moot_error *error)
{
    static char text[1024];
    char *arguments[ARGUMENTS_MAX + 1] = {NULL};
    static char program[] = "mootd";
    int count = 0;
    arguments[count++] = program;
    (void)snprintf(text, sizeof text, "%s", line);
    for (char *save, *word = strtok_r(text, " ", &save); word != NULL && count < ARGUMENTS_MAX;
         word = strtok_r(NULL, " ", &save)) {
        arguments[count++] = word;
    }
    return moot_options_parse(count, arguments, ret, error);
}

static void the_line_of_the_contract_is_understood(void **state)
{
    (void)state;
    struct moot_options options;
    struct moot_error error = {0};
    assert_int_equal(
        parse("--data D --listen tcp://127.0.0.1:0 --api unix:S --name ana --home north "
              "--set epoch_interval=2s --set gossip_interval=50ms --protocol-max 1 "
              "--alone",
              &options, &error),
        MOOT_OK);
    assert_string_equal(options.data_directory, "D");
    assert_string_equal(options.listen_url, "tcp://127.0.0.1:0");
    assert_string_equal(options.api_address, "unix:S");
    assert_string_equal(options.name, "ana");
    assert_string_equal(options.home, "north");
    assert_int_equal(options.protocol_max, 1);
    assert_true(options.alone);
    assert_int_equal(moot_config_number(&options.config, MOOT_CONFIG_EPOCH_INTERVAL), 2000);
    assert_int_equal(moot_config_number(&options.config, MOOT_CONFIG_GOSSIP_INTERVAL), 50);
}

static void set_wins_over_a_file_named_later(void **state)
{
    (void)state;
    char *directory = test_tempdir_new();
    char path[TEST_PATH_MAX], line[2 * TEST_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/moot.conf", directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("epoch_interval = 9s\nfence_lease = 9s\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(line, sizeof line, "--set epoch_interval=2s --data D --api unix:S --config %s",
                   path);
    struct moot_options options;
    struct moot_error error = {0};
    assert_int_equal(parse(line, &options, &error), MOOT_OK);
    assert_int_equal(moot_config_number(&options.config, MOOT_CONFIG_EPOCH_INTERVAL), 2000);
    assert_int_equal(moot_config_number(&options.config, MOOT_CONFIG_FENCE_LEASE), 9000);
    test_tempdir_remove(directory);
}

static void what_cannot_be_meant_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum moot_status why;
    } rows[] = {
        {"", MOOT_BAD_ARGUMENT},
        {"--data D", MOOT_BAD_ARGUMENT},
        {"--api unix:S", MOOT_BAD_ARGUMENT},
        {"--data", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S extra", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --frobnicate", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --alone=yes", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --http 127.0.0.1:80", MOOT_UNSUPPORTED},
        {"--data D --api unix:S --protocol-max 0", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --protocol-max 99999", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --protocol-max one", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --name a,b", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --name \xff", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --set nonsense", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --set epoch_interval=never", MOOT_BAD_ARGUMENT},
        {"--data D --api unix:S --config /no/such/file.conf", MOOT_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct moot_options options;
        struct moot_error error = {0};
        assert_int_equal(parse(rows[i].line, &options, &error), rows[i].why);
        assert_int_equal(error.status, rows[i].why);
        assert_int_not_equal(error.detail[0], '\0');
    }
}

static void help_and_version_need_nothing_else(void **state)
{
    (void)state;
    struct moot_options options;
    struct moot_error error = {0};
    assert_int_equal(parse("--help", &options, &error), MOOT_OK);
    assert_true(options.help);
    assert_int_equal(parse("--version", &options, &error), MOOT_OK);
    assert_true(options.version);
    assert_non_null(strstr(moot_options_help, "--protocol-max"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_of_the_contract_is_understood),
        cmocka_unit_test(set_wins_over_a_file_named_later),
        cmocka_unit_test(what_cannot_be_meant_is_refused),
        cmocka_unit_test(help_and_version_need_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
