/* The store on disk, used without an event loop: submit, then wait for the report. */
#ifndef TESTS_LIB_NODE_STORE_H
#define TESTS_LIB_NODE_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "node/store.h"

/* Caller's memory; the fields above `lock` are for the thread that delivers. */
struct test_store {
    struct moot_node_store *store;
    struct moot_store_port port;
    uint64_t reported_ticket;         /* the last one reported, whatever its status */
    enum moot_status reported_status; /* of the last one reported */
    enum moot_status trouble;         /* the last one told; MOOT_OK at first */
    uint32_t trouble_count;
    pthread_mutex_t lock;
    pthread_cond_t woken_condition;
    bool woken;
};

/* Opens and starts; any status but MOOT_OK leaves nothing to close. `options` may be NULL. */
enum moot_status test_store_open(struct test_store *test, const char *path,
                                 const struct moot_node_store_options *options);

void test_store_close(struct test_store *test);

/* Delivers until `ticket` is reported; false when that takes longer than `timeout_ms`. */
bool test_store_wait(struct test_store *test, uint64_t ticket, uint32_t timeout_ms);

/* Delivers until `trouble` is told; false when that takes longer than `timeout_ms`. */
bool test_store_wait_trouble(struct test_store *test, enum moot_status trouble,
                             uint32_t timeout_ms);

/* Submits one row and returns at once; the submit's status. */
enum moot_status test_store_submit_row(struct test_store *test, uint64_t ticket,
                                       enum moot_table table, struct moot_bytes key,
                                       struct moot_bytes value);

#endif
