/*
 * A journal that grows at random: runs, objects and turns as rows of a store in memory, and beside it
 * the state of a node that folded everything as it came. Everything follows from the seed.
 */
#ifndef TESTS_LIB_ENGINES_LOG_WORLD_H
#define TESTS_LIB_ENGINES_LOG_WORLD_H

#include "crypto/base/arena.h"
#include "journal/cut.h"
#include "sim/store.h"
#include "tests/lib/journal/state_maker.h"
#include "tests/lib/test.h"

#define LOG_WORLD_MEMBERS 5
#define LOG_WORLD_OBJECTS_MAX 256

struct test_log_world {
    struct test_mesh mesh;
    struct test_random random;
    struct test_state live;
    struct moot_sim_store *store;
    struct moot_store_port port;
    struct moot_arena arena;
    struct moot_store_batch batch;
    uint64_t ticket, lsn;
    struct test_bytes *objects[LOG_WORLD_OBJECTS_MAX]; /* every one that was merged, as they came */
    uint32_t object_count;
    struct moot_digest proposals[LOG_WORLD_OBJECTS_MAX];
    uint32_t proposal_count;
    uint32_t wrong_percent; /* of runs that hold a fact which is void, perhaps for now */
};

/* A founded mesh whose founding fact is in the log. Free with test_log_world_free. */
void test_log_world_new(struct test_log_world *world, uint64_t seed);
void test_log_world_free(struct test_log_world *world);

/* Something happens: a run, a tick, an admission, a turn. */
void test_log_world_step(struct test_log_world *world);
/* A run of `author` with that many facts, in the log and folded. */
void test_log_world_run(struct test_log_world *world, uint32_t author, uint32_t facts);
/* A plain tick at the next epoch but `skip`. */
void test_log_world_tick(struct test_log_world *world, uint32_t skip);
void test_log_world_admit(struct test_log_world *world, uint32_t device);

/* Deletes every run that lies inside the cut as a whole; returns how many. */
uint32_t test_log_world_collect(struct test_log_world *world, const struct moot_cut *cut);
/* Changes rows: put or delete, durable at once. */
void test_log_world_put(struct test_log_world *world, enum moot_table table, struct moot_bytes key,
                        struct moot_bytes value);
void test_log_world_delete(struct test_log_world *world, enum moot_table table,
                           struct moot_bytes key);
void test_log_world_commit(struct test_log_world *world);

#endif
