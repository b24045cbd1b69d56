/*
 * The store is killed at every one of its calls, from making the environment to the last commit, and
 * opened again: what was acknowledged is there, nothing is there in part, and the script can go on.
 */
#include "tests/lib/test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/node/store_script.h"

#define CALLS_MAX 1000u

/* Runs the script in a child that dies at call `at` (0: never); the child's wait status. */
static int run_in_child(const char *path, uint64_t at, uint64_t burst, const char *count_path,
                        struct test_script_progress *progress)
{
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char number[32];
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)at);
        (void)setenv("MOOT_CRASH_AT", number, 1);
        if (count_path != NULL) {
            (void)setenv("MOOT_CRASH_COUNT", count_path, 1);
        }
        _exit(test_script_run(path, 1, burst, progress) == MOOT_OK ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* How many store calls a whole run makes. */
static uint64_t calls_count(uint64_t burst)
{
    char *directory = test_tempdir_new();
    char path[TEST_PATH_MAX];
    char count_path[TEST_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/store", directory);
    (void)snprintf(count_path, sizeof count_path, "%s/count", directory);
    struct test_script_progress *progress = test_script_progress_new();
    int status = run_in_child(path, 0, burst, count_path, progress);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(progress->acknowledged, TEST_SCRIPT_BATCHES);
    size_t size = 0;
    uint8_t *bytes = test_file_read(count_path, sizeof(uint64_t), &size);
    uint64_t count = 0;
    assert_int_equal(size, sizeof count);
    memcpy(&count, bytes, sizeof count);
    free(bytes);
    assert_int_equal(test_script_judge(path, progress), TEST_SCRIPT_BATCHES);
    test_script_progress_free(progress);
    test_tempdir_remove(directory);
    assert_in_range(count, TEST_SCRIPT_BATCHES, CALLS_MAX);
    return count;
}

/* One death at call `at`; true when the child did die there. */
static bool die_and_recover(uint64_t at, uint64_t burst)
{
    char *directory = test_tempdir_new();
    char path[TEST_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/store", directory);
    struct test_script_progress *progress = test_script_progress_new();
    int status = run_in_child(path, at, burst, NULL, progress);
    bool died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(died || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    uint64_t durable = test_script_judge(path, progress);
    assert_int_equal(test_script_run(path, durable + 1, burst, progress), MOOT_OK);
    progress->submitted = TEST_SCRIPT_BATCHES;
    progress->acknowledged = TEST_SCRIPT_BATCHES;
    assert_int_equal(test_script_judge(path, progress), TEST_SCRIPT_BATCHES);
    test_script_progress_free(progress);
    test_tempdir_remove(directory);
    return died;
}

static void killed_at_every_call_the_store_holds_what_it_acknowledged(void **state)
{
    (void)state;
    uint64_t count = calls_count(1);
    for (uint64_t at = 1; at <= count; at++) {
        assert_true(die_and_recover(at, 1));
    }
    printf("%llu crash points\n", (unsigned long long)count);
}

/* How batches fall into transactions depends on timing here, and so does the number of calls. */
static void killed_at_every_call_of_group_commits_too(void **state)
{
    (void)state;
    uint64_t count = calls_count(4);
    uint64_t died = 0;
    for (uint64_t at = 1; at <= count; at++) {
        died += die_and_recover(at, 4) ? 1 : 0;
    }
    assert_in_range(died, count / 2, count);
    printf("%llu crash points\n", (unsigned long long)died);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_every_call_the_store_holds_what_it_acknowledged),
        cmocka_unit_test(killed_at_every_call_of_group_commits_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
