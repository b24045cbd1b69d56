/*
 * Durable appends through the store's thread, beside bare LMDB putting the same payloads as rows of
 * their own: once with ready-made runs (the store's own cost), then with facts hashed and signed run
 * by run, one batch at a time and with four in flight. Best of five for each size of a batch.
 * Usage: bench_store [directory [payload bytes]]   (the directory decides which disk is measured)
 * Nothing here fails for being slow; a wrong result ends the program with 1.
 */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/attr.h"
#include "journal/run.h"
#include "tests/lib/node/store.h"

#define TRIES 5
#define PAYLOAD_BYTES 200u
#define TIMEOUT_MS 60000u
#define IN_FLIGHT 4u
#define BATCH_MAX 10000u
#define RUN_BYTES_MAX (256u + MOOT_RUN_FACTS_MAX * (PAYLOAD_BYTES + 64u))
#define ARENA_BYTES (16u << 20)

struct bench {
    const char *directory;
    char path[4096];
    uint32_t payload_size;
    struct moot_identity identity;
    struct moot_digest chain;
    struct moot_chain_tail tail;
    uint64_t lsn;
    uint8_t *run_memory;
    bool ready_made; /* use the first run again and again, to measure the store alone */
    struct moot_bytes made;
    uint8_t *arena_memory;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench_store: %s failed\n", what);
        exit(1);
    }
}

/* Removes a store or an environment made by this program. */
static void clear(const struct bench *bench)
{
    static const char *const names[] = {"/data.mdb", "/lock.mdb", "", ".lock"};
    char file[4200];
    for (size_t i = 0; i < MOOT_COUNT_OF(names); i++) {
        (void)snprintf(file, sizeof file, "%s%s", bench->path, names[i]);
        (void)remove(file);
    }
}

/* Seconds for `batch_count` transactions of `batch` rows with bare LMDB. */
static double bare(const struct bench *bench, uint32_t batch_count, uint32_t batch)
{
    static uint8_t payload[PAYLOAD_BYTES];
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi log = 0;
    clear(bench);
    check(mkdir(bench->path, 0700) == 0, "making the directory");
    check(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, 1ull << 36) == 0 &&
              mdb_env_set_maxdbs(env, 1) == 0 &&
              mdb_env_open(env, bench->path, MDB_NOTLS, 0600) == 0,
          "opening bare LMDB");
    check(mdb_txn_begin(env, NULL, 0, &txn) == 0 &&
              mdb_dbi_open(txn, "log", MDB_CREATE, &log) == 0 && mdb_txn_commit(txn) == 0,
          "making a table");
    uint64_t lsn = 0;
    double start = now_s();
    for (uint32_t i = 0; i < batch_count; i++) {
        check(mdb_txn_begin(env, NULL, 0, &txn) == 0, "beginning");
        for (uint32_t j = 0; j < batch; j++) {
            uint8_t bytes[8];
            moot_u64_put(bytes, ++lsn);
            memcpy(payload, &lsn, sizeof lsn);
            MDB_val key = {.mv_size = sizeof bytes, .mv_data = bytes};
            MDB_val value = {.mv_size = bench->payload_size, .mv_data = payload};
            check(mdb_put(txn, log, &key, &value, MDB_APPEND) == 0, "putting");
        }
        check(mdb_txn_commit(txn) == 0, "committing");
    }
    double seconds = now_s() - start;
    mdb_env_close(env);
    clear(bench);
    return seconds;
}

/* A run of `count` facts, hashed and signed, in the bench's memory. */
static struct moot_bytes run_make(struct bench *bench, uint32_t count)
{
    static uint8_t payload[PAYLOAD_BYTES];
    struct moot_run_builder builder;
    struct moot_verified_run made;
    moot_run_builder_init(&builder, &bench->chain, &bench->tail, bench->run_memory, RUN_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct moot_header header = {.epoch = 1,
                                     .lamport = (uint32_t)bench->tail.seq + i + 1,
                                     .protocol = 1,
                                     .kind = 64,
                                     .wall_s = 1700000000};
        struct moot_digest id;
        memcpy(payload, &header.lamport, sizeof header.lamport);
        check(moot_run_builder_add(&builder, &header, moot_bytes_of(payload, bench->payload_size),
                                   &id) == MOOT_OK,
              "building");
    }
    check(moot_run_builder_finish(&builder, &bench->identity, &made) == MOOT_OK, "signing");
    bench->tail = made.after;
    return made.run.encoded;
}

/* One run of `count` facts and its index row, put into the batch. */
static void run_add(struct bench *bench, uint32_t count, struct moot_store_batch *batch,
                    struct moot_arena *arena)
{
    uint8_t index[12];
    uint8_t key[8];
    moot_u32_put(index, 1);
    moot_u64_put(index + 4, bench->lsn * MOOT_RUN_FACTS_MAX + 1);
    moot_u64_put(key, ++bench->lsn);
    if (!bench->ready_made || bench->made.size == 0) {
        bench->made = run_make(bench, count);
    }
    check(moot_store_batch_put(batch, arena, MOOT_TABLE_LOG, moot_bytes_of(key, sizeof key),
                               bench->made) &&
              moot_store_batch_put(batch, arena, MOOT_TABLE_RUN, moot_bytes_of(index, sizeof index),
                                   moot_bytes_of(key, sizeof key)),
          "batching");
}

/* Seconds for the same through the store, with at most `in_flight` batches not yet reported. */
static double ours(struct bench *bench, uint32_t batch_count, uint32_t batch_size,
                   uint32_t in_flight, bool ready_made)
{
    struct test_store test;
    clear(bench);
    check(test_store_open(&test, bench->path, NULL) == MOOT_OK, "opening the store");
    memset(&bench->tail, 0, sizeof bench->tail);
    bench->lsn = 0;
    bench->ready_made = ready_made;
    bench->made.size = 0;
    double start = now_s();
    for (uint64_t ticket = 1; ticket <= batch_count; ticket++) {
        struct moot_arena arena;
        struct moot_store_batch batch;
        moot_arena_init(&arena, bench->arena_memory, ARENA_BYTES);
        moot_store_batch_init(&batch);
        for (uint32_t done = 0; done < batch_size; done += MOOT_RUN_FACTS_MAX) {
            uint32_t left = batch_size - done;
            run_add(bench, left < MOOT_RUN_FACTS_MAX ? left : MOOT_RUN_FACTS_MAX, &batch, &arena);
        }
        check(moot_node_store_submit(test.store, &batch, ticket) == MOOT_OK, "submitting");
        if (ticket >= in_flight) {
            check(test_store_wait(&test, ticket - in_flight + 1, TIMEOUT_MS), "waiting");
        }
    }
    check(test_store_wait(&test, batch_count, TIMEOUT_MS), "waiting");
    double seconds = now_s() - start;
    check(test.reported_status == MOOT_OK, "committing");
    test_store_close(&test);
    clear(bench);
    return seconds;
}

static double least(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

static void line(const char *what, double facts, double seconds, double beside)
{
    printf("  %-24s %10.0f facts/s %6.2fx the time of bare LMDB\n", what, facts / seconds,
           seconds / beside);
}

static void measure(struct bench *bench, uint32_t batch)
{
    uint32_t batch_count = batch < 1000 ? 300 : batch < BATCH_MAX ? 100 : 30;
    double facts = (double)batch * batch_count;
    double best_bare = 0;
    double best_rows = 0;
    double best_one = 0;
    double best_flow = 0;
    for (int i = 0; i < TRIES; i++) {
        best_bare = least(best_bare, bare(bench, batch_count, batch));
        best_rows = least(best_rows, ours(bench, batch_count, batch, 1, true));
        best_one = least(best_one, ours(bench, batch_count, batch, 1, false));
        best_flow = least(best_flow, ours(bench, batch_count, batch, IN_FLIGHT, false));
    }
    printf("batch %u\n", batch);
    line("bare LMDB", facts, best_bare, best_bare);
    line("store, ready-made runs", facts, best_rows, best_bare);
    line("hashed and signed", facts, best_one, best_bare);
    line("same, four in flight", facts, best_flow, best_bare);
}

int main(int argc, char **argv)
{
    static const uint32_t batches[] = {100, 1000, BATCH_MAX};
    struct bench bench = {.chain = {{1}}, .payload_size = PAYLOAD_BYTES};
    uint8_t seed[32] = {1};
    bench.directory = argc > 1 ? argv[1] : ".";
    unsigned long payload_size = argc > 2 ? strtoul(argv[2], NULL, 10) : PAYLOAD_BYTES;
    check(payload_size >= 8 && payload_size <= PAYLOAD_BYTES, "reading the payload's size");
    bench.payload_size = (uint32_t)payload_size;
    (void)snprintf(bench.path, sizeof bench.path, "%.3900s/bench-store-%ld", bench.directory,
                   (long)getpid());
    check(moot_crypto_init(), "starting");
    moot_identity_init(&bench.identity, seed);
    bench.run_memory = (uint8_t *)malloc(RUN_BYTES_MAX);
    bench.arena_memory = (uint8_t *)malloc(ARENA_BYTES);
    check(bench.run_memory != NULL && bench.arena_memory != NULL, "allocating");
    for (size_t i = 0; i < MOOT_COUNT_OF(batches); i++) {
        measure(&bench, batches[i]);
    }
    free(bench.run_memory);
    free(bench.arena_memory);
    return 0;
}
