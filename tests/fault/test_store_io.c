/*
 * Each write, sync and reservation of the store fails in turn, injected from outside by strace: an
 * I/O error stops the store for good with nothing acknowledged lost, a full disk only delays it.
 * Skipped, by name, where strace is missing or may not trace.
 */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/node/store_script.h"

#define CALLS_MAX 200u
#define EXIT_NO_EXEC 126

static const char *self; /* path of this program */

static struct test_script_progress *progress_map(const char *path)
{
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 || ftruncate(descriptor, sizeof(struct test_script_progress)) != 0) {
        return NULL;
    }
    void *memory = mmap(NULL, sizeof(struct test_script_progress), PROT_READ | PROT_WRITE,
                        MAP_SHARED, descriptor, 0);
    (void)close(descriptor);
    return memory == MAP_FAILED ? NULL : (struct test_script_progress *)memory;
}

/* The traced process: runs the script; exit code 0, or 1 for STORE_IO, or 2 for anything else. */
static int traced(const char *path, const char *progress_path)
{
    struct test_script_progress *progress = progress_map(progress_path);
    if (progress == NULL) {
        return 3;
    }
    enum moot_status status = test_script_run(path, 1, 2, progress);
    return status == MOOT_OK ? 0 : status == MOOT_STORE_IO ? 1 : 2;
}

/* This program again, with `injection` applied to all its threads; its exit code. */
static int run_traced(const char *call, const char *injection, const char *path,
                      const char *progress_path)
{
    char trace[64];
    (void)snprintf(trace, sizeof trace, "trace=%s", call);
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot work while traced */
        (void)execlp("strace", "strace", "-f", "-qq", "-o", "/dev/null", "-e", trace, "-e",
                     injection, self, path, progress_path, (char *)NULL);
        _exit(EXIT_NO_EXEC);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool can_trace(void)
{
    (void)fflush(stdout);
    return system("strace -f -qq -o /dev/null -e inject=fdatasync:error=EIO true 2>/dev/null") == 0;
}

/* One run with `call` failing as `how` says; the traced program's exit code. */
static int fail_once(const char *call, const char *how)
{
    char *directory = test_tempdir_new();
    char path[TEST_PATH_MAX];
    char progress_path[TEST_PATH_MAX];
    char injection[128];
    (void)snprintf(path, sizeof path, "%s/store", directory);
    (void)snprintf(progress_path, sizeof progress_path, "%s/progress", directory);
    (void)snprintf(injection, sizeof injection, "inject=%s:%s", call, how);
    int code = run_traced(call, injection, path, progress_path);
    struct test_script_progress *progress = progress_map(progress_path);
    assert_non_null(progress);
    uint64_t durable = test_script_judge(path, progress);
    if (code == 0) {
        assert_int_equal(durable, TEST_SCRIPT_BATCHES);
    }
    assert_in_range(code, 0, 2);
    test_script_progress_free(progress);
    test_tempdir_remove(directory);
    return code;
}

/* Fails the first, the second, ... call with EIO, until a run makes fewer calls than that. */
static void fail_each(const char *call)
{
    uint32_t failed = 0;
    for (uint32_t when = 1; when <= CALLS_MAX; when++) {
        char how[64];
        (void)snprintf(how, sizeof how, "error=EIO:when=%u", when);
        if (fail_once(call, how) == 0) {
            break;
        }
        failed++;
    }
    printf("%s: %u calls failed in turn\n", call, failed);
    assert_in_range(failed, 5, CALLS_MAX - 1);
}

static void an_io_error_in_any_sync_stops_the_store_and_loses_nothing(void **state)
{
    (void)state;
    if (!can_trace()) {
        skip();
    }
    fail_each("fdatasync");
}

static void an_io_error_in_any_write_stops_the_store_and_loses_nothing(void **state)
{
    (void)state;
    if (!can_trace()) {
        skip();
    }
    fail_each("pwrite64");
    fail_each("writev"); /* LMDB moves to the place, then writes many pages at once */
}

static void no_room_is_waited_for(void **state)
{
    (void)state;
    if (!can_trace()) {
        skip();
    }
    assert_int_equal(fail_once("fallocate", "error=ENOSPC:when=1"), 0);
    assert_int_equal(fail_once("fallocate", "error=EDQUOT:when=1..5"), 0);
}

static void a_file_system_that_cannot_reserve_will_do(void **state)
{
    (void)state;
    if (!can_trace()) {
        skip();
    }
    assert_int_equal(fail_once("fallocate", "error=EOPNOTSUPP"), 0);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        return traced(argv[1], argv[2]);
    }
    self = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_io_error_in_any_sync_stops_the_store_and_loses_nothing),
        cmocka_unit_test(an_io_error_in_any_write_stops_the_store_and_loses_nothing),
        cmocka_unit_test(no_room_is_waited_for),
        cmocka_unit_test(a_file_system_that_cannot_reserve_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
