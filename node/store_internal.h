/*
 * What the files of the LMDB store share. `lock` guards the fields under it; the environment is used
 * by the loop thread for read transactions and by the store's thread for write transactions.
 */
#ifndef MOOT_NODE_STORE_INTERNAL_H
#define MOOT_NODE_STORE_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>
#include <stddef.h>

#include "node/limits.h"
#include "node/store.h"

#define MOOT_STORE_RETRY_MS 1000u

/* Crash points: node/store_crash.c. */
struct moot_store_crash {
    uint64_t at; /* 0: never */
    uint64_t count;
    volatile uint64_t *shared; /* the count, in a file; NULL: nobody wants it */
};

/* A batch in one block of memory, owned by the queue. */
struct moot_store_queued {
    struct moot_store_queued *next;
    uint64_t ticket;
    size_t size_bytes; /* of this block */
    enum moot_status status;
    uint32_t op_count;
    struct moot_store_op ops[]; /* the bytes they name follow in the same block */
};

struct moot_store_list {
    struct moot_store_queued *first;
    struct moot_store_queued *last;
};

/* One read transaction and one cursor a table: of one thread at a time. */
struct moot_store_reader {
    struct moot_node_store *store;
    MDB_txn *txn;
    uint64_t turn;
    MDB_cursor *cursors[MOOT_TABLE_MAX + 1];
    uint64_t cursor_turns[MOOT_TABLE_MAX + 1];
    bool reading; /* counted in read_active */
};

struct moot_node_store {
    MDB_env *env;
    MDB_dbi tables[MOOT_TABLE_MAX + 1];
    unsigned page_bytes;
    int lock_descriptor;
    bool moved;
    uint8_t identity[MOOT_NODE_STORE_IDENTITY_BYTES];
    uint32_t retry_ms;
    struct moot_store_crash crash;
    struct moot_node_store_events events;

    struct moot_store_reader reader; /* the loop thread's own */
    uint64_t submitted_ticket;
    bool started;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t work;  /* for the store's thread: batches, stop, or the loop stopped reading */
    pthread_cond_t remap; /* for the loop: the map is in place again */
    uint32_t read_active; /* readers inside a read turn */
    bool remapping;
    bool map_lost; /* growing failed: nothing can be read any more */
    bool stopping;
    enum moot_status trouble; /* MOOT_OK, STORE_FULL, NO_MEMORY or STORE_IO */
    struct moot_error trouble_error;
    bool trouble_news; /* changed since the last deliver */
    struct moot_store_list queue;
    struct moot_store_list reports;
    uint64_t queued_bytes;
    struct moot_node_store_counters counters;
};

/* LMDB's answer as ours. */
enum moot_status moot_store_status_of(int rc);
/* Fills `error` with what LMDB or the system said about `what`. */
enum moot_status moot_store_fail(struct moot_error *error, int rc, const char *what);

void moot_store_crash_init(struct moot_store_crash *crash);
void moot_store_crash_deinit(struct moot_store_crash *crash);
/* One store call: counts it, and dies there when it is the one asked for. */
void moot_store_crash_point(struct moot_store_crash *crash);

/* node/store_create.c: makes the environment at `path` whole or not at all. */
enum moot_status moot_store_create(const char *path, struct moot_store_crash *crash,
                                   struct moot_error *error);
/* The environment at `path` with the flags and limits every opening needs. */
enum moot_status moot_store_env_open(const char *path, uint64_t map_bytes, MDB_env **ret,
                                     struct moot_error *error);
extern const char *const moot_store_table_names[MOOT_TABLE_MAX + 1];

/* node/store_check.c: looks at the files before LMDB maps them. */
enum moot_status moot_store_check_size(const char *data_path, struct moot_error *error);
enum moot_status moot_store_identify(const char *path, uint8_t ret[MOOT_NODE_STORE_IDENTITY_BYTES],
                                     struct moot_error *error);

/* node/store_write.c: one transaction with all of `group`; every status but MOOT_OK left the
 * environment as it was. On the store's thread, without the lock. */
enum moot_status moot_store_write(struct moot_node_store *store,
                                  const struct moot_store_list *group, struct moot_error *error);

/* node/store_read.c */
struct moot_store_port moot_store_read_port(struct moot_node_store *store);
void moot_store_read_close(struct moot_node_store *store);

#endif
