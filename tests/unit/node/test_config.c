/* The configuration: what each kind of value accepts, which place wins, and that nothing is ignored. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/config.h"
#include "node/config_parse.h"
#include "tests/lib/test.h"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void durations_need_a_known_unit_and_fit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        uint64_t ms;
    } rows[] = {
        {"2s", true, 2000},
        {"500ms", true, 500},
        {"1h", true, 3600000},
        {"7", true, 7000},
        {"5m", true, 300000},
        {"7d", true, 604800000},
        {"2 s", true, 2000},
        {"0", true, 0},
        {"", false, 0},
        {"s", false, 0},
        {"-1s", false, 0},
        {"1.5s", false, 0},
        {"2 sec", false, 0},
        {"2s ", false, 0},
        {"1e3", false, 0},
        {"0x10", false, 0},
        {"18446744073709551616", false, 0},
        {"18446744073709551615d", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t ms = 77;
        assert_int_equal(moot_config_duration_parse(rows[i].text, &ms), rows[i].good);
        assert_int_equal(ms, rows[i].good ? rows[i].ms : 77);
    }
}

static void sizes_are_powers_of_1024(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    assert_true(moot_config_size_parse("64MiB", &bytes));
    assert_int_equal(bytes, 64u << 20);
    assert_true(moot_config_size_parse("10k", &bytes));
    assert_int_equal(bytes, 10240);
    assert_false(moot_config_size_parse("10kb", &bytes));
    assert_false(moot_config_size_parse("17179869184GiB", &bytes));
}

static void uids_are_numbers_with_commas(void **state)
{
    (void)state;
    uid_t uids[MOOT_CONFIG_UIDS_MAX];
    uint32_t count = 0;
    assert_true(moot_config_uids_parse("0, 1000,65534", uids, &count));
    assert_int_equal(count, 3);
    assert_int_equal(uids[1], 1000);
    static const char *const bad[] = {
        "",           ",",    "1,",
        "1,,2",       "root", "-1",
        "4294967295", "1 2",  "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(moot_config_uids_parse(bad[i], uids, &count));
    }
}

static void every_default_parses_and_says_so(void **state)
{
    (void)state;
    struct moot_config config;
    moot_config_init(&config);
    for (int key = 1; key <= MOOT_CONFIG_KEY_MAX; key++) {
        assert_string_equal(config.values[key].origin, "default");
        assert_string_equal(config.values[key].text,
                            moot_config_info((enum moot_config_key)key)->standard);
    }
    assert_int_equal(moot_config_number(&config, MOOT_CONFIG_EPOCH_INTERVAL), 3600000);
    assert_true(moot_config_is_operator(&config, geteuid()));
    assert_true(moot_config_is_operator(&config, 0));
    assert_false(moot_config_is_operator(&config, 4242));
}

static void defaults_equal_those_of_the_engine(void **state)
{
    (void)state;
    struct moot_config config;
    moot_config_init(&config);
    struct moot_engine_config got;
    memset(&got, 0, sizeof got);
    moot_config_engine(&config, &got);
    assert_int_equal(got.epoch_interval_ms, 3600000);
    assert_int_equal(got.gossip_interval_ms, 1000);
    assert_int_equal(got.readiness_timeout_ms, 86400000);
    assert_int_equal(got.deadline_epochs, 720);
    assert_true(got.soft_fork_auto_activate);
    assert_false(got.consent_by_person);
    struct moot_engine_config engine;
    moot_engine_config_init(&engine);
    assert_int_equal(got.fence_lease_ms, engine.fence_lease_ms);
    assert_int_equal(got.fence_propose_ms, engine.fence_propose_ms);
    assert_int_equal(got.snapshot_every, engine.snapshot_every);
    assert_int_equal(got.snapshot_min_epochs, engine.snapshot_min_epochs);
}

static void an_unknown_key_is_refused_with_the_nearest_one(void **state)
{
    (void)state;
    struct moot_config config;
    struct moot_error error;
    moot_config_init(&config);
    assert_int_equal(moot_config_assign(&config, "epoch_intervall=2s", &error), MOOT_BAD_ARGUMENT);
    assert_non_null(strstr(error.detail, "did you mean epoch_interval?"));
    assert_int_equal(moot_config_assign(&config, "zzz=1", &error), MOOT_BAD_ARGUMENT);
    assert_null(strstr(error.detail, "did you mean"));
    assert_int_equal(moot_config_assign(&config, "epoch_interval", &error), MOOT_BAD_ARGUMENT);
    assert_int_equal(moot_config_assign(&config, "=2s", &error), MOOT_BAD_ARGUMENT);
}

static void a_bad_value_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "epoch_interval=soon",      "epoch_interval=1ms",  "epoch_interval=", "proposal_deadline=0",
        "proposal_deadline=2h",     "admin_consent=maybe", "log_level=loud",  "log_json=perhaps",
        "soft_fork_auto_activate=", "operators=root",      "fence_lease=0"};
    struct moot_config before, config;
    moot_config_init(&before);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct moot_error error;
        moot_config_init(&config);
        assert_int_equal(moot_config_assign(&config, bad[i], &error), MOOT_BAD_ARGUMENT);
        assert_int_not_equal(error.detail[0], '\0');
        assert_memory_equal(&config, &before, sizeof before);
    }
}

static void set_beats_environment_beats_file(void **state)
{
    (void)state;
    char *directory = test_tempdir_new();
    char path[TEST_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/moot.conf", directory);
    write_file(path, "# comment\n[mootd]\nepoch_interval = 3s\ngossip_interval = 20ms ; why\n"
                     "fence_lease = 9s\n");
    struct moot_config config;
    struct moot_error error;
    moot_config_init(&config);
    assert_int_equal(moot_config_file(&config, path, &error), MOOT_OK);
    assert_int_equal(setenv("MOOT_GOSSIP_INTERVAL", "30ms", 1), 0);
    assert_int_equal(setenv("MOOT_FENCE_LEASE", "10s", 1), 0);
    assert_int_equal(moot_config_environment(&config, &error), MOOT_OK);
    assert_int_equal(unsetenv("MOOT_GOSSIP_INTERVAL"), 0);
    assert_int_equal(unsetenv("MOOT_FENCE_LEASE"), 0);
    assert_int_equal(moot_config_assign(&config, "fence_lease=11s", &error), MOOT_OK);

    assert_int_equal(moot_config_number(&config, MOOT_CONFIG_EPOCH_INTERVAL), 3000);
    assert_int_equal(moot_config_number(&config, MOOT_CONFIG_GOSSIP_INTERVAL), 30);
    assert_int_equal(moot_config_number(&config, MOOT_CONFIG_FENCE_LEASE), 11000);
    char origin[TEST_PATH_MAX + 32];
    (void)snprintf(origin, sizeof origin, "file %s:3", path);
    assert_string_equal(config.values[MOOT_CONFIG_EPOCH_INTERVAL].origin, origin);
    assert_string_equal(config.values[MOOT_CONFIG_GOSSIP_INTERVAL].origin,
                        "environment MOOT_GOSSIP_INTERVAL");
    assert_string_equal(config.values[MOOT_CONFIG_FENCE_LEASE].origin, "set");
    test_tempdir_remove(directory);
}

static void a_bad_file_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *where;
    } rows[] = {
        {"epoch_interval = 2s\nnonsense\n", ":2"},
        {"[other]\nepoch_interval = 2s\n", ":2"},
        {"epoch_interval = 2s\nepoch_interval = 3s\n", ":2"},
        {"epoch_interval = 2s\n  continued\n", ":2"},
        {"\n\nepock_interval = 2s\n", ":3"},
        {"log_level = x\n", ":1"},
    };
    char *directory = test_tempdir_new();
    char path[TEST_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/c.conf", directory);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct moot_config config;
        struct moot_error error;
        moot_config_init(&config);
        write_file(path, rows[i].text);
        assert_int_equal(moot_config_file(&config, path, &error), MOOT_BAD_ARGUMENT);
        assert_non_null(strstr(error.detail, rows[i].where));
    }
    char *line = malloc(5000);
    assert_non_null(line);
    memset(line, 'a', 4999);
    line[4999] = '\0';
    write_file(path, line);
    free(line);
    struct moot_config config;
    struct moot_error error;
    moot_config_init(&config);
    assert_int_equal(moot_config_file(&config, path, &error), MOOT_BAD_ARGUMENT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(moot_config_file(&config, path, &error), MOOT_NOT_FOUND);
    test_tempdir_remove(directory);
}

static void installed_files_are_read_in_order(void **state)
{
    (void)state;
    char *directory = test_tempdir_new();
    char path[TEST_PATH_MAX];
    struct moot_config config;
    struct moot_error error;
    moot_config_init(&config);
    assert_int_equal(moot_config_installed(&config, directory, &error), MOOT_OK);
    (void)snprintf(path, sizeof path, "%s/moot.conf", directory);
    write_file(path, "epoch_interval = 3s\nfence_lease = 3s\n");
    (void)snprintf(path, sizeof path, "%s/conf.d", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/conf.d/20-b.conf", directory);
    write_file(path, "epoch_interval = 5s\n");
    (void)snprintf(path, sizeof path, "%s/conf.d/10-a.conf", directory);
    write_file(path, "epoch_interval = 4s\n");
    (void)snprintf(path, sizeof path, "%s/conf.d/30-c.off", directory);
    write_file(path, "nonsense\n");
    assert_int_equal(moot_config_installed(&config, directory, &error), MOOT_OK);
    assert_int_equal(moot_config_number(&config, MOOT_CONFIG_EPOCH_INTERVAL), 5000);
    assert_int_equal(moot_config_number(&config, MOOT_CONFIG_FENCE_LEASE), 3000);
    test_tempdir_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_need_a_known_unit_and_fit),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(uids_are_numbers_with_commas),
        cmocka_unit_test(every_default_parses_and_says_so),
        cmocka_unit_test(defaults_equal_those_of_the_engine),
        cmocka_unit_test(an_unknown_key_is_refused_with_the_nearest_one),
        cmocka_unit_test(a_bad_value_changes_nothing),
        cmocka_unit_test(set_beats_environment_beats_file),
        cmocka_unit_test(a_bad_file_is_refused_with_its_line),
        cmocka_unit_test(installed_files_are_read_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
