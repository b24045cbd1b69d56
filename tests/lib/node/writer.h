/*
 * A whole engine over the store on disk, used without an event loop, links or jobs: for loading and
 * measuring. Calls go in, what becomes durable is reported to the engine, answers are counted.
 * The directory it leaves is one that mootd can serve.
 */
#ifndef TESTS_LIB_NODE_WRITER_H
#define TESTS_LIB_NODE_WRITER_H

#include "protocols/engine.h"
#include "tests/lib/node/store.h"

/* Caller's memory. */
struct test_writer {
    struct test_store store;
    struct moot_identity identity;
    struct moot_random random;
    void *pool_memory, *arena_memory;
    struct moot_arena arena;
    struct moot_engine_env env;
    uint64_t asked, answered, refused; /* calls; answers that said no */
    enum moot_status refused_why;      /* the last one */
    uint64_t told;                     /* ticket the engine heard of last */
    double open_s;                     /* how long moot_engine_open took */
};

/* Opens (and makes) key, store and engine in `directory`. Anything but MOOT_OK leaves nothing open. */
enum moot_status test_writer_open(struct test_writer *writer, const char *directory);
void test_writer_close(struct test_writer *writer);

/* Founds a mesh and waits until that is durable; false if it is not. */
bool test_writer_found(struct test_writer *writer);

/* One call; answers come when test_writer_wait or a later call lets them. `more`: others follow at once. */
void test_writer_call(struct test_writer *writer, const struct moot_call *call, bool more);

/* Waits until every call is answered; false when that takes longer than `timeout_ms`, or one was refused. */
bool test_writer_wait(struct test_writer *writer, uint32_t timeout_ms);

#endif
