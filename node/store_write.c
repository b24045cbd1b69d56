/*
 * One transaction: everything of a group of batches, in order, then the commit. Happy path: begin,
 * reserve, put and delete, commit.
 *
 * A full disk is found out before LMDB writes anything: the file is lengthened first, with real
 * blocks, by more than the transaction can need. LMDB itself answers a short write with EIO, which
 * could not be told from a broken disk. It also keeps the file longer than its last page, which
 * node/store_check.c relies on. Where the file system cannot reserve, LMDB's ENOSPC has to do.
 *
 * Failures: STORE_FULL and NO_MEMORY may be tried again with a new transaction: it writes all its
 * pages anew, so no failed sync is ever repeated. Anything else from a commit ends all writing.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "node/store_internal.h"

#define RESERVE_STEP_BYTES (1ull << 20)
#define MAP_GROWTH_TRIES 16

/* What a group asks of one table. */
struct demand {
    uint64_t op_count;
    uint64_t inline_bytes;
    uint64_t overflow_pages;
};

static void demand_add(struct demand *demand, const struct moot_store_op *op, uint64_t page_bytes)
{
    uint64_t bytes = 16 + op->key.size + op->value.size;
    demand->op_count++;
    if (op->kind != MOOT_STORE_PUT) {
        return;
    }
    /* LMDB moves values to pages of their own from just under half a page on. */
    if (bytes > page_bytes / 2 - 64) {
        demand->overflow_pages += (op->value.size + 16) / page_bytes + 1;
        demand->inline_bytes += 32 + op->key.size;
    } else {
        demand->inline_bytes += bytes;
    }
}

/* More pages than the transaction can add to the file. */
static uint64_t pages_bound(const struct moot_node_store *store, MDB_txn *txn,
                            const struct moot_store_list *group)
{
    struct demand demands[MOOT_TABLE_MAX + 1] = {{.op_count = 0}};
    for (const struct moot_store_queued *batch = group->first; batch != NULL; batch = batch->next) {
        for (uint32_t i = 0; i < batch->op_count; i++) {
            demand_add(&demands[batch->ops[i].table], &batch->ops[i], store->page_bytes);
        }
    }
    uint64_t pages = 64; /* the table of tables, the list of free pages */
    for (int i = MOOT_TABLE_META; i <= MOOT_TABLE_MAX; i++) {
        MDB_stat stat;
        if (demands[i].op_count == 0 || mdb_stat(txn, store->tables[i], &stat) != MDB_SUCCESS) {
            continue;
        }
        /* Copied: the path to each leaf touched, or every page there is. */
        uint64_t copied = demands[i].op_count * stat.ms_depth;
        uint64_t there = (uint64_t)stat.ms_leaf_pages + stat.ms_branch_pages;
        copied = copied < there ? copied : there;
        /* New: pages a third full at worst, and branches above them. */
        uint64_t fresh = 3 * demands[i].inline_bytes / store->page_bytes + stat.ms_depth + 2;
        pages += copied + fresh + fresh / 2 + demands[i].overflow_pages;
        pages += demands[i].op_count / 8; /* numbers of pages that become free */
    }
    return pages + pages / 128;
}

static uint64_t used_bytes(const struct moot_node_store *store)
{
    MDB_envinfo info;
    (void)mdb_env_info(store->env, &info);
    return ((uint64_t)info.me_last_pgno + 1) * store->page_bytes;
}

/* 0, or the system's error. */
static int reserve(const struct moot_node_store *store, MDB_txn *txn,
                   const struct moot_store_list *group)
{
    int descriptor = moot_node_store_descriptor(store);
    struct stat file;
    if (fstat(descriptor, &file) != 0) {
        return errno;
    }
    uint64_t size = (uint64_t)file.st_size;
    uint64_t needed = used_bytes(store) + pages_bound(store, txn, group) * store->page_bytes;
    if (size >= needed) {
        return 0;
    }
    needed = (needed + RESERVE_STEP_BYTES - 1) / RESERVE_STEP_BYTES * RESERVE_STEP_BYTES;
    int failed = EINTR;
    while (failed == EINTR) {
        failed = fallocate(descriptor, 0, (off_t)size, (off_t)(needed - size)) == 0 ? 0 : errno;
    }
    return failed == EOPNOTSUPP || failed == ENOSYS ? 0 : failed;
}

static MDB_val val_of(struct moot_bytes bytes)
{
    /* LMDB's values are not const; it only reads these. */
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

static int apply(const struct moot_node_store *store, MDB_txn *txn, const struct moot_store_op *op)
{
    MDB_dbi table = store->tables[op->table];
    MDB_val key = val_of(op->key);
    MDB_val value = val_of(op->value);
    if (op->kind == MOOT_STORE_DELETE) {
        int rc = mdb_del(txn, table, &key, NULL);
        return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
    }
    /* The log grows at its end: leaves are filled, not halved. KEYEXIST: not at the end after all. */
    if (op->table == MOOT_TABLE_LOG) {
        int rc = mdb_put(txn, table, &key, &value, MDB_APPEND);
        if (rc != MDB_KEYEXIST) {
            return rc;
        }
    }
    return mdb_put(txn, table, &key, &value, 0);
}

/* LMDB's answer; *ret_committing tells whether it is the commit's. */
static int write_once(struct moot_node_store *store, const struct moot_store_list *group,
                      bool *ret_committing)
{
    MDB_txn *txn = NULL;
    *ret_committing = false;
    moot_store_crash_point(&store->crash);
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc != MDB_SUCCESS) {
        return rc;
    }
    rc = reserve(store, txn, group);
    for (const struct moot_store_queued *batch = group->first; batch != NULL; batch = batch->next) {
        for (uint32_t i = 0; rc == MDB_SUCCESS && i < batch->op_count; i++) {
            moot_store_crash_point(&store->crash);
            rc = apply(store, txn, &batch->ops[i]);
        }
    }
    if (rc != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return rc;
    }
    *ret_committing = true;
    moot_store_crash_point(&store->crash);
    rc = mdb_txn_commit(txn);
    moot_store_crash_point(&store->crash);
    return rc;
}

/* Doubles the map while the loop thread has no transaction; LMDB's answer. */
static int map_grow(struct moot_node_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->remapping = true;
    while (store->read_active) {
        (void)pthread_cond_wait(&store->work, &store->lock);
    }
    (void)pthread_mutex_unlock(&store->lock);
    MDB_envinfo info;
    (void)mdb_env_info(store->env, &info);
    int rc = mdb_env_set_mapsize(store->env, info.me_mapsize * 2);
    (void)pthread_mutex_lock(&store->lock);
    store->remapping = false;
    store->map_lost = rc != MDB_SUCCESS; /* the old map is gone by then */
    store->counters.map_growth_count++;
    (void)pthread_cond_broadcast(&store->remap);
    (void)pthread_mutex_unlock(&store->lock);
    return rc;
}

enum moot_status moot_store_write(struct moot_node_store *store,
                                  const struct moot_store_list *group, struct moot_error *error)
{
    bool committing = false;
    int rc = write_once(store, group, &committing);
    for (int i = 0; rc == MDB_MAP_FULL && i < MAP_GROWTH_TRIES; i++) {
        rc = map_grow(store);
        if (rc != MDB_SUCCESS) {
            (void)moot_store_fail(error, rc, "growing the map");
            return MOOT_STORE_IO;
        }
        rc = write_once(store, group, &committing);
    }
    if (rc == MDB_SUCCESS) {
        return MOOT_OK;
    }
    enum moot_status status = moot_store_fail(error, rc, committing ? "commit" : "write");
    if (status == MOOT_STORE_FULL || (status == MOOT_NO_MEMORY && !committing) ||
        status == MOOT_STORE_DAMAGED) {
        return status;
    }
    return MOOT_STORE_IO;
}
