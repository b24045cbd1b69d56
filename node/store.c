/*
 * Opening and closing the store. Happy path: lock, make the environment if there is none, look at
 * the files, map them, open the tables, check the schema. Failures: see node/store.h; everything
 * taken so far is given back.
 */
#include "node/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/contract.h"
#include "node/store_internal.h"

#define PATH_BYTES_MAX 4000u

enum moot_status moot_store_status_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return MOOT_OK;
    case MDB_NOTFOUND:
        return MOOT_NOT_FOUND;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return MOOT_STORE_DAMAGED;
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return MOOT_STORE_SCHEMA;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return MOOT_STORE_FULL;
    case ENOMEM:
        return MOOT_NO_MEMORY;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EMFILE:
    case ENFILE:
        return MOOT_FILE_IO;
    default:
        return MOOT_STORE_IO;
    }
}

enum moot_status moot_store_fail(struct moot_error *error, int rc, const char *what)
{
    enum moot_status status =
        moot_error_set(error, moot_store_status_of(rc), "%s: %s", what, mdb_strerror(rc));
    if (error != NULL && rc > 0) {
        error->system_errno = rc;
    }
    return status;
}

/* A data file must never get a descriptor that some library prints to. */
static enum moot_status standard_descriptors_fill(struct moot_error *error)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++) {
        if (fcntl(descriptor, F_GETFD) >= 0) {
            continue;
        }
        /* open gives the lowest free number, which is this one. */
        if (open("/dev/null", O_RDWR) != descriptor) {
            return moot_store_fail(error, errno, "/dev/null");
        }
    }
    return MOOT_OK;
}

/* The lock file lies beside the directory, so that it also guards making the directory. */
static enum moot_status lock_take(struct moot_node_store *store, const char *path,
                                  struct moot_error *error)
{
    char lock_path[PATH_BYTES_MAX + 16];
    (void)snprintf(lock_path, sizeof lock_path, "%s.lock", path);
    store->lock_descriptor = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_descriptor < 0) {
        return moot_store_fail(error, errno, lock_path);
    }
    if (flock(store->lock_descriptor, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? moot_error_set(error, MOOT_STORE_LOCKED, "%s is held by another process", path)
                   : moot_store_fail(error, errno, lock_path);
    }
    return MOOT_OK;
}

/* *ret: nothing is there, or a directory with nothing in it. */
static enum moot_status is_absent(const char *path, bool *ret, struct moot_error *error)
{
    *ret = false;
    DIR *directory = opendir(path);
    if (directory == NULL) {
        *ret = errno == ENOENT;
        return *ret ? MOOT_OK : moot_store_fail(error, errno, path);
    }
    uint32_t count = 0;
    const struct dirent *entry = readdir(directory);
    while (entry != NULL && count == 0) {
        bool dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        count += dots ? 0 : 1;
        entry = readdir(directory);
    }
    (void)closedir(directory);
    *ret = count == 0;
    return MOOT_OK;
}

static enum moot_status schema_check(const struct moot_node_store *store, MDB_txn *txn,
                                     struct moot_error *error)
{
    char name[] = MOOT_NODE_STORE_KEY_SCHEMA;
    MDB_val key = {.mv_size = sizeof name - 1, .mv_data = name};
    MDB_val value;
    int rc = mdb_get(txn, store->tables[MOOT_TABLE_META], &key, &value);
    if (rc == MDB_NOTFOUND || (rc == MDB_SUCCESS && value.mv_size != 4)) {
        return moot_error_set(error, MOOT_STORE_DAMAGED, "the store does not say its schema");
    }
    if (rc != MDB_SUCCESS) {
        return moot_store_fail(error, rc, "schema");
    }
    uint32_t schema = moot_u32_get((const uint8_t *)value.mv_data);
    if (schema != MOOT_NODE_STORE_SCHEMA) {
        return moot_error_set(error, MOOT_STORE_SCHEMA, "schema %u; this release has %u", schema,
                              MOOT_NODE_STORE_SCHEMA);
    }
    return MOOT_OK;
}

static void identity_check(struct moot_node_store *store, MDB_txn *txn)
{
    char name[] = MOOT_NODE_STORE_KEY_DIRECTORY;
    MDB_val key = {.mv_size = sizeof name - 1, .mv_data = name};
    MDB_val value;
    int rc = mdb_get(txn, store->tables[MOOT_TABLE_META], &key, &value);
    store->moved = rc != MDB_SUCCESS || value.mv_size != sizeof store->identity ||
                   memcmp(value.mv_data, store->identity, sizeof store->identity) != 0;
}

/* One transaction on this thread, before there is another: the tables' handles, and those tables
 * that came with a later release of the same schema. It writes nothing when none is missing. */
static enum moot_status tables_open(struct moot_node_store *store, struct moot_error *error)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc != MDB_SUCCESS) {
        return moot_store_fail(error, rc, "mdb_txn_begin");
    }
    rc = mdb_dbi_open(txn, moot_store_table_names[MOOT_TABLE_META], 0,
                      &store->tables[MOOT_TABLE_META]);
    enum moot_status status =
        rc == MDB_NOTFOUND  ? moot_error_set(error, MOOT_STORE_DAMAGED, "the store has no tables")
        : rc != MDB_SUCCESS ? moot_store_fail(error, rc, "meta")
                            : schema_check(store, txn, error);
    for (int i = MOOT_TABLE_META + 1; status == MOOT_OK && i <= MOOT_TABLE_MAX; i++) {
        rc = mdb_dbi_open(txn, moot_store_table_names[i], MDB_CREATE, &store->tables[i]);
        status =
            rc == MDB_SUCCESS ? MOOT_OK : moot_store_fail(error, rc, moot_store_table_names[i]);
    }
    if (status != MOOT_OK) {
        mdb_txn_abort(txn);
        return status;
    }
    identity_check(store, txn);
    rc = mdb_txn_commit(txn);
    return rc == MDB_SUCCESS ? MOOT_OK : moot_store_fail(error, rc, "mdb_txn_commit");
}

static enum moot_status open_into(struct moot_node_store *store, const char *path,
                                  const struct moot_node_store_options *options,
                                  struct moot_error *error)
{
    bool absent = false;
    enum moot_status status = standard_descriptors_fill(error);
    if (status == MOOT_OK) {
        status = lock_take(store, path, error);
    }
    if (status == MOOT_OK) {
        status = is_absent(path, &absent, error);
    }
    if (status == MOOT_OK && absent) {
        status = moot_store_create(path, &store->crash, error);
    }
    char data_path[PATH_BYTES_MAX + 16];
    (void)snprintf(data_path, sizeof data_path, "%s/data.mdb", path);
    if (status == MOOT_OK) {
        status = moot_store_check_size(data_path, error);
    }
    if (status == MOOT_OK) {
        status = moot_store_identify(path, store->identity, error);
    }
    if (status == MOOT_OK) {
        uint64_t map_bytes = options->map_bytes != 0 ? options->map_bytes : MOOT_STORE_MAP_BYTES;
        status = moot_store_env_open(path, map_bytes, &store->env, error);
    }
    if (status == MOOT_OK) {
        status = tables_open(store, error);
    }
    if (status == MOOT_OK) {
        MDB_stat stat;
        (void)mdb_env_stat(store->env, &stat);
        store->page_bytes = stat.ms_psize;
    }
    return status;
}

/* On the monotonic clock, so that a set clock does not stretch a wait. */
static void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    MOOT_INVARIANT(pthread_condattr_init(&attributes) == 0);
    MOOT_INVARIANT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    MOOT_INVARIANT(pthread_cond_init(condition, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

enum moot_status moot_node_store_open(const char *path,
                                      const struct moot_node_store_options *options,
                                      struct moot_node_store **ret, struct moot_error *error)
{
    static const struct moot_node_store_options usual = {.map_bytes = 0};
    options = options == NULL ? &usual : options;
    size_t size = strlen(path);
    if (size == 0 || size >= PATH_BYTES_MAX || path[size - 1] == '/') {
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "not a path for a store: %s", path);
    }
    struct moot_node_store *store = (struct moot_node_store *)calloc(1, sizeof *store);
    if (store == NULL) {
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory for the store");
    }
    store->lock_descriptor = -1;
    store->retry_ms = options->retry_ms != 0 ? options->retry_ms : MOOT_STORE_RETRY_MS;
    MOOT_INVARIANT(pthread_mutex_init(&store->lock, NULL) == 0);
    condition_init(&store->work);
    condition_init(&store->remap);
    moot_store_crash_init(&store->crash);
    enum moot_status status = open_into(store, path, options, error);
    if (status != MOOT_OK) {
        moot_node_store_close(store);
        return status;
    }
    *ret = store;
    return MOOT_OK;
}

void moot_node_store_close(struct moot_node_store *store)
{
    if (store == NULL) {
        return;
    }
    moot_node_store_stop(store);
    moot_store_read_close(store);
    for (int i = 0; i < 2; i++) {
        struct moot_store_queued *batch = i == 0 ? store->queue.first : store->reports.first;
        while (batch != NULL) {
            struct moot_store_queued *next = batch->next;
            free(batch);
            batch = next;
        }
    }
    if (store->env != NULL) {
        mdb_env_close(store->env);
    }
    if (store->lock_descriptor >= 0) {
        (void)close(store->lock_descriptor);
    }
    moot_store_crash_deinit(&store->crash);
    (void)pthread_cond_destroy(&store->work);
    (void)pthread_cond_destroy(&store->remap);
    (void)pthread_mutex_destroy(&store->lock);
    free(store);
}

bool moot_node_store_moved(const struct moot_node_store *store)
{
    return store->moved;
}

struct moot_bytes moot_node_store_identity(const struct moot_node_store *store)
{
    return moot_bytes_of(store->identity, sizeof store->identity);
}

struct moot_store_port moot_node_store_port(struct moot_node_store *store)
{
    return moot_store_read_port(store);
}

int moot_node_store_descriptor(const struct moot_node_store *store)
{
    int descriptor = -1;
    (void)mdb_env_get_fd(store->env, &descriptor);
    return descriptor;
}
