/* Runs for tests: one author with a fixed key, one chain, facts with numbered payloads. */
#ifndef TESTS_LIB_JOURNAL_RUN_MAKER_H
#define TESTS_LIB_JOURNAL_RUN_MAKER_H

#include "journal/admit.h"
#include "journal/run.h"

struct test_author {
    struct moot_identity identity;
    struct moot_digest chain;
    struct moot_chain_tail tail; /* moved on by every run made */
};

/* The author whose seed is 32 times `seed`; mesh id 32 times 0x4d, first branch, an empty chain. */
struct test_author test_author_new(uint8_t seed);

/* The header that follows author->tail: same epoch, lamport one more, kind 64, fork id 0102…08. */
struct moot_header test_header_next(const struct moot_chain_tail *tail);

/* Makes a run of `fact_count` facts whose payloads are `payload_size` bytes that differ, in memory
 * owned by the caller (MOOT_RUN_ENCODED_BYTES_MAX), and moves the author's tail on. */
struct moot_verified_run test_run_make(struct test_author *author, uint32_t fact_count,
                                       size_t payload_size, uint8_t *memory);

#endif
