/*
 * A fixed script of batches for tests that break the store at some point of it. Since batches take
 * effect in order and whole, what a store holds afterwards must be exactly the script's first D
 * batches, where D is at least what was acknowledged and at most what was submitted.
 */
#ifndef TESTS_LIB_NODE_STORE_SCRIPT_H
#define TESTS_LIB_NODE_STORE_SCRIPT_H

#include <stdint.h>

#include "tests/lib/node/store.h"

#define TEST_SCRIPT_BATCHES 12u

/* Written by the process that runs the script, read by the one that judges: in shared memory. */
struct test_script_progress {
    volatile uint64_t submitted;
    volatile uint64_t acknowledged;
};

/* Shared with the children of this process; freed by test_script_progress_free. */
struct test_script_progress *test_script_progress_new(void);
void test_script_progress_free(struct test_script_progress *progress);

/*
 * Opens the store at `path` and runs the batches from `first` on, submitting `burst` at a time and
 * waiting for their reports. The last status: MOOT_OK when all were acknowledged, else what open,
 * submit or a report said (TIMED_OUT: no report within ten seconds). Asserts nothing: may be used
 * in a child.
 */
enum moot_status test_script_run(const char *path, uint64_t first, uint64_t burst,
                                 struct test_script_progress *progress);

/* D of the store at `path`, which must open; fails the test when it holds anything else than the
 * first D batches of the script, or D is outside the bounds that `progress` gives. */
uint64_t test_script_judge(const char *path, const struct test_script_progress *progress);

#endif
