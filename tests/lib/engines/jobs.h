/* Jobs of a net's engines, and the files they work on. Used by net.c. */
#ifndef TESTS_LIB_ENGINES_JOBS_H
#define TESTS_LIB_ENGINES_JOBS_H

#include "tests/lib/engines/net.h"

/* Runs a job at once. The output lies in the memory returned (the caller frees it; may be NULL). */
uint8_t *test_job_run(struct test_node *node, const struct moot_job *job,
                      enum moot_status *ret_status, struct moot_bytes *ret_output);

#endif
