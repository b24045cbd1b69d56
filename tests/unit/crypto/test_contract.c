/* A broken contract reports once and ends the process; a kept one costs nothing. */
#include "crypto/base/contract.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/base/pool.h"
#include "tests/lib/test.h"

static int report_to = -1;

/* Stands in for a shell's: the library's own is weak. */
void moot_contract_report(const char *kind, const char *text, const char *file, int line)
{
    assert_true(line > 0 && file[0] != '\0');
    char said[128];
    int size = snprintf(said, sizeof said, "%s: %s;", kind, text);
    if (size > 0) {
        ssize_t written = write(report_to, said, (size_t)size);
        (void)written; /* the parent sees what is missing */
    }
}

static void break_require(void)
{
    int hearths = 0;
    MOOT_REQUIRE(hearths == 1);
}

static void take_from_rubbish(void)
{
    _Alignas(16) static uint8_t rubbish[4096];
    moot_pool_take((struct moot_pool *)(void *)rubbish, 16);
}

/* Runs `act` in a child; what it reported goes to `ret`; true if it was aborted. */
static bool aborts(void (*act)(void), char *ret, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        report_to = ends[1];
        act();
        _exit(0);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], ret, size - 1);
    close(ends[0]);
    ret[got > 0 ? got : 0] = '\0';
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_a_broken_contract_reports_once_and_aborts(void **state)
{
    (void)state;
    char said[256];
    assert_true(aborts(break_require, said, sizeof said));
    assert_string_equal(said, "require: hearths == 1;");
    assert_true(aborts(take_from_rubbish, said, sizeof said));
    assert_non_null(strstr(said, "require: pool->magic"));
}

static void test_a_kept_contract_evaluates_once_and_goes_on(void **state)
{
    (void)state;
    int count = 0;
    MOOT_REQUIRE(++count == 1);
    MOOT_ENSURE(++count == 2);
    MOOT_INVARIANT(++count == 3);
    assert_int_equal(count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_broken_contract_reports_once_and_aborts),
        cmocka_unit_test(test_a_kept_contract_evaluates_once_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
