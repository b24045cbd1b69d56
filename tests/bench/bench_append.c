/*
 * Durable appends through the whole engine and the store: records put by calls, hashed, signed, folded,
 * logged and committed, beside bare LMDB putting rows of the same size; then the start that replays
 * them, and the fold alone. Best of five for each size of a batch, taken in turns.
 * Usage: bench_append [directory]
 *        bench_append --make DIR FACTS [KEYS]   founds a mesh in DIR, appends, and leaves it for mootd
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
#include "journal/log_row.h"
#include "protocols/inside.h"
#include "tests/lib/node/writer.h"

#define TRIES 5
#define VALUE_BYTES 200u
#define KEYS 1000u
#define TIMEOUT_MS 60000u
#define MAKE_BATCH 10000u
#define FOLD_FACTS 200000u
#define FOLD_KEYS 100000u

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench_append: %s failed\n", what);
        exit(1);
    }
}

static double least(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

static void clear(const char *directory)
{
    static const char *const names[] = {
        "/journal/data.mdb", "/journal/lock.mdb", "/journal.lock", "/journal",
        "/device.key",       "/data.mdb",         "/lock.mdb",     ""};
    char file[4200];
    for (size_t i = 0; i < MOOT_COUNT_OF(names); i++) {
        (void)snprintf(file, sizeof file, "%s%s", directory, names[i]);
        (void)remove(file);
    }
}

/* Seconds for `batch_count` transactions of `batch` rows with bare LMDB. */
static double bare(const char *directory, uint32_t batch_count, uint32_t batch)
{
    static uint8_t value[VALUE_BYTES];
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi log = 0;
    check(mkdir(directory, 0700) == 0 && mdb_env_create(&env) == 0 &&
              mdb_env_set_mapsize(env, 1ull << 36) == 0 && mdb_env_set_maxdbs(env, 1) == 0 &&
              mdb_env_open(env, directory, MDB_NOTLS, 0600) == 0 &&
              mdb_txn_begin(env, NULL, 0, &txn) == 0 &&
              mdb_dbi_open(txn, "log", MDB_CREATE, &log) == 0 && mdb_txn_commit(txn) == 0,
          "opening bare LMDB");
    uint64_t lsn = 0;
    double start = now_s();
    for (uint32_t i = 0; i < batch_count; i++) {
        check(mdb_txn_begin(env, NULL, 0, &txn) == 0, "beginning");
        for (uint32_t j = 0; j < batch; j++) {
            uint8_t bytes[8];
            moot_u64_put(bytes, ++lsn);
            memcpy(value, &lsn, sizeof lsn);
            MDB_val key = {.mv_size = sizeof bytes, .mv_data = bytes};
            MDB_val row = {.mv_size = sizeof value, .mv_data = value};
            check(mdb_put(txn, log, &key, &row, MDB_APPEND) == 0, "putting");
        }
        check(mdb_txn_commit(txn) == 0, "committing");
    }
    double seconds = now_s() - start;
    mdb_env_close(env);
    clear(directory);
    return seconds;
}

static void put(struct test_writer *writer, uint32_t number, uint32_t keys, bool more)
{
    static uint8_t value[VALUE_BYTES];
    char key[32];
    int size = snprintf(key, sizeof key, "bench/%06u", number % keys);
    memcpy(value, &number, sizeof number);
    struct moot_call call = {.kind = MOOT_CALL_RECORD_PUT,
                             .key = moot_bytes_of(key, (size_t)size),
                             .value = moot_bytes_of(value, sizeof value)};
    test_writer_call(writer, &call, more);
}

/* Seconds for the same number of records through the engine, each batch waited for. */
static double append(struct test_writer *writer, uint32_t batch_count, uint32_t batch,
                     uint32_t keys)
{
    uint32_t number = 0;
    double start = now_s();
    for (uint32_t i = 0; i < batch_count; i++) {
        for (uint32_t j = 0; j < batch; j++) {
            put(writer, number++, keys, j + 1 < batch);
        }
        check(test_writer_wait(writer, TIMEOUT_MS), "appending");
    }
    return now_s() - start;
}

static void open_writer(struct test_writer *writer, const char *directory)
{
    check(mkdir(directory, 0700) == 0, "making the directory");
    check(test_writer_open(writer, directory) == MOOT_OK, "opening");
    check(test_writer_found(writer), "founding");
}

static void measure(const char *directory, uint32_t batch)
{
    uint32_t batch_count = batch < 1000 ? 200 : batch < 10000 ? 50 : 15;
    double facts = (double)batch * batch_count;
    double best_bare = 0, best = 0;
    for (int i = 0; i < TRIES; i++) {
        struct test_writer writer;
        best_bare = least(best_bare, bare(directory, batch_count, batch));
        open_writer(&writer, directory);
        best = least(best, append(&writer, batch_count, batch, KEYS));
        test_writer_close(&writer);
        clear(directory);
    }
    printf("append, batch %-6u %10.0f facts/s, bare LMDB %10.0f rows/s, %.2fx its time\n", batch,
           facts / best, facts / best_bare, best / best_bare);
}

/* Folds everything in the log again, from memory, without reading or checking rows. */
static double fold_again(struct test_writer *writer, uint32_t facts)
{
    struct moot_engine *engine = moot_engine_of(&writer->env);
    const struct moot_store_port *store = &writer->store.port;
    struct moot_run *runs = (struct moot_run *)calloc(facts, sizeof *runs);
    struct moot_digest unknown = {{0}};
    uint32_t count = 0, folded = 0, index;
    uint8_t key[8];
    check(runs != NULL, "allocating");
    for (uint64_t lsn = 1; lsn <= engine->lsn; lsn++) {
        struct moot_bytes row, encoded;
        moot_u64_put(key, lsn);
        check(store->get(store->self, MOOT_TABLE_LOG, moot_bytes_of(key, sizeof key), &row) ==
                      MOOT_OK &&
                  moot_log_row_check(row, &index, &encoded) == MOOT_OK &&
                  moot_run_decode(encoded, &runs[count]) == MOOT_OK,
              "reading the log");
        count++;
    }
    const struct moot_chain *chain =
        moot_state_chain(&engine->state, writer->env.pool, &runs[0].chain);
    moot_state_facts_clear(&engine->state, writer->env.pool);
    double start = now_s();
    for (uint32_t i = 0; i < count; i++) {
        struct moot_run_reader reader;
        struct moot_fact fact;
        moot_run_reader_init(&reader, &runs[i], &unknown, false);
        while (moot_run_reader_next(&reader, &fact)) {
            check(moot_state_fold(&engine->state, writer->env.pool, chain, &fact) == MOOT_OK,
                  "folding");
            folded++;
        }
    }
    double seconds = now_s() - start;
    check(folded >= facts, "folding all");
    store->release(store->self);
    free(runs);
    return seconds;
}

/* Takes the checkpoint away, so that the next start replays everything. */
static void forget_checkpoint(struct test_writer *writer)
{
    struct moot_store_op op = {.kind = MOOT_STORE_DELETE,
                               .table = MOOT_TABLE_CHECKPOINT,
                               .key = moot_bytes_of_text("state")};
    struct moot_store_batch batch = {.ops = &op, .op_count = 1, .op_capacity = 1};
    uint64_t ticket = moot_engine_ticket(&writer->env) + 1;
    check(moot_node_store_submit(writer->store.store, &batch, ticket) == MOOT_OK &&
              test_store_wait(&writer->store, ticket, TIMEOUT_MS),
          "removing the checkpoint");
}

static void replay(const char *directory)
{
    struct test_writer writer;
    open_writer(&writer, directory);
    (void)append(&writer, FOLD_FACTS / MAKE_BATCH, MAKE_BATCH, FOLD_KEYS);
    forget_checkpoint(&writer);
    test_writer_close(&writer);
    double best_open = 0, best_fold = 0;
    for (int i = 0; i < TRIES; i++) {
        check(test_writer_open(&writer, directory) == MOOT_OK, "opening again");
        best_open = least(best_open, writer.open_s);
        best_fold = least(best_fold, fold_again(&writer, FOLD_FACTS));
        test_writer_close(&writer);
    }
    clear(directory);
    printf("replay at the start   %10.0f facts/s (rows checked, %u facts over %u keys)\n",
           FOLD_FACTS / best_open, FOLD_FACTS, FOLD_KEYS);
    printf("fold alone            %10.0f facts/s\n", FOLD_FACTS / best_fold);
}

static int make(const char *directory, const char *facts_text, const char *keys_text)
{
    struct test_writer writer;
    unsigned long facts = strtoul(facts_text, NULL, 10);
    unsigned long keys = keys_text != NULL ? strtoul(keys_text, NULL, 10) : KEYS;
    check(facts > 0 && facts <= 20000000 && keys > 0 && keys <= facts, "reading the arguments");
    open_writer(&writer, directory);
    uint32_t batch = facts < MAKE_BATCH ? (uint32_t)facts : MAKE_BATCH;
    double seconds = append(&writer, (uint32_t)(facts / batch), batch, (uint32_t)keys);
    if (facts % batch > 0) {
        seconds += append(&writer, 1, (uint32_t)(facts % batch), (uint32_t)keys);
    }
    test_writer_close(&writer);
    printf("%.0f facts/s\n", (double)facts / seconds);
    return 0;
}

int main(int argc, char **argv)
{
    static const uint32_t batches[] = {100, 1000, 10000};
    char directory[4096];
    check(moot_crypto_init(), "starting");
    if (argc >= 4 && strcmp(argv[1], "--make") == 0) {
        return make(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
    }
    (void)snprintf(directory, sizeof directory, "%.3900s/bench-append-%ld",
                   argc > 1 ? argv[1] : ".", (long)getpid());
    for (size_t i = 0; i < MOOT_COUNT_OF(batches); i++) {
        measure(directory, batches[i]);
    }
    replay(directory);
    return 0;
}
