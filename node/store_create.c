/*
 * Makes the store's environment: in PATH.new, synced, then renamed to PATH, so that PATH is never
 * half made (creating an LMDB environment in place is not atomic: a power cut can leave one that
 * opens as MDB_INVALID for ever). The caller holds the lock beside PATH, so whatever is in PATH.new
 * is a dead process's. Failures: the system's; PATH is then as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/contract.h"
#include "node/store_internal.h"

#define PATH_BYTES_MAX 4096

const char *const moot_store_table_names[MOOT_TABLE_MAX + 1] = {
    [MOOT_TABLE_META] = "meta",     [MOOT_TABLE_CHAIN] = "chain",
    [MOOT_TABLE_LOG] = "log",       [MOOT_TABLE_RUN] = "run",
    [MOOT_TABLE_OBJECT] = "object", [MOOT_TABLE_LOOSE] = "loose",
    [MOOT_TABLE_VOTE] = "vote",     [MOOT_TABLE_TURN] = "turn",
    [MOOT_TABLE_RECORD] = "record", [MOOT_TABLE_CHECKPOINT] = "checkpoint",
    [MOOT_TABLE_PEER] = "peer",     [MOOT_TABLE_PENDING] = "pending",
    [MOOT_TABLE_FENCE] = "fence",   [MOOT_TABLE_QUEUE] = "queue",
    [MOOT_TABLE_IMAGE] = "image"};

enum moot_status moot_store_env_open(const char *path, uint64_t map_bytes, MDB_env **ret,
                                     struct moot_error *error)
{
    MDB_env *env = NULL;
    int rc = mdb_env_create(&env);
    if (rc != MDB_SUCCESS) {
        return moot_store_fail(error, rc, "mdb_env_create");
    }
    rc = mdb_env_set_mapsize(env, (size_t)map_bytes);
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_maxdbs(env, MOOT_TABLE_MAX);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_open(env, path, MDB_NOTLS, 0600);
    }
    int descriptor = -1;
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_get_fd(env, &descriptor);
    }
    /* LMDB leaves its data file open for children. */
    if (rc == MDB_SUCCESS && fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) {
        rc = errno;
    }
    if (rc != MDB_SUCCESS) {
        mdb_env_close(env);
        return moot_store_fail(error, rc, path);
    }
    *ret = env;
    return MOOT_OK;
}

static enum moot_status sync_path(const char *path, struct moot_error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return moot_store_fail(error, errno, path);
    }
    int failed = fsync(descriptor) == 0 ? 0 : errno;
    (void)close(descriptor);
    return failed == 0 ? MOOT_OK : moot_store_fail(error, failed, path);
}

/* The directory that holds `path`, in `ret`. */
static void parent_of(const char *path, char ret[PATH_BYTES_MAX])
{
    (void)snprintf(ret, PATH_BYTES_MAX, "%s", path);
    char *slash = strrchr(ret, '/');
    if (slash == NULL) {
        (void)snprintf(ret, PATH_BYTES_MAX, ".");
    } else if (slash == ret) {
        ret[1] = '\0';
    } else {
        *slash = '\0';
    }
}

static int put_row(MDB_txn *txn, MDB_dbi meta, const char *name, const uint8_t *bytes, size_t size)
{
    /* LMDB's values are not const; it only reads these. */
    MDB_val key = {.mv_size = strlen(name), .mv_data = (void *)(uintptr_t)name};
    MDB_val value = {.mv_size = size, .mv_data = (void *)(uintptr_t)bytes};
    return mdb_put(txn, meta, &key, &value, 0);
}

/* Every table, and the store's own rows, in one transaction. */
static int fill(MDB_env *env, const uint8_t identity[MOOT_NODE_STORE_IDENTITY_BYTES],
                struct moot_store_crash *crash)
{
    MDB_txn *txn = NULL;
    MDB_dbi tables[MOOT_TABLE_MAX + 1];
    uint8_t schema[4];
    moot_u32_put(schema, MOOT_NODE_STORE_SCHEMA);
    moot_store_crash_point(crash);
    int rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc != MDB_SUCCESS) {
        return rc;
    }
    for (int i = MOOT_TABLE_META; rc == MDB_SUCCESS && i <= MOOT_TABLE_MAX; i++) {
        rc = mdb_dbi_open(txn, moot_store_table_names[i], MDB_CREATE, &tables[i]);
    }
    if (rc == MDB_SUCCESS) {
        rc = put_row(txn, tables[MOOT_TABLE_META], MOOT_NODE_STORE_KEY_SCHEMA, schema,
                     sizeof schema);
    }
    if (rc == MDB_SUCCESS) {
        rc = put_row(txn, tables[MOOT_TABLE_META], MOOT_NODE_STORE_KEY_DIRECTORY, identity,
                     MOOT_NODE_STORE_IDENTITY_BYTES);
    }
    if (rc != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return rc;
    }
    moot_store_crash_point(crash);
    rc = mdb_txn_commit(txn);
    moot_store_crash_point(crash);
    return rc;
}

static enum moot_status make_in(const char *path, struct moot_store_crash *crash,
                                struct moot_error *error)
{
    MDB_env *env = NULL;
    uint8_t identity[MOOT_NODE_STORE_IDENTITY_BYTES];
    enum moot_status status = moot_store_env_open(path, MOOT_STORE_MAP_BYTES, &env, error);
    if (status != MOOT_OK) {
        return status;
    }
    status = moot_store_identify(path, identity, error);
    if (status == MOOT_OK) {
        int rc = fill(env, identity, crash);
        status = rc == MDB_SUCCESS ? MOOT_OK : moot_store_fail(error, rc, path);
    }
    mdb_env_close(env);
    return status;
}

/* Removes what a process that died while making the store left behind. */
static enum moot_status clear_leftovers(const char *path, struct moot_error *error)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char file[PATH_BYTES_MAX];
    for (size_t i = 0; i < MOOT_COUNT_OF(names); i++) {
        (void)snprintf(file, sizeof file, "%.4000s/%s", path, names[i]);
        if (unlink(file) != 0 && errno != ENOENT && errno != ENOTDIR) {
            return moot_store_fail(error, errno, file);
        }
    }
    if (rmdir(path) != 0 && errno != ENOENT) {
        return moot_store_fail(error, errno, path);
    }
    return MOOT_OK;
}

enum moot_status moot_store_create(const char *path, struct moot_store_crash *crash,
                                   struct moot_error *error)
{
    char fresh[PATH_BYTES_MAX];
    char parent[PATH_BYTES_MAX];
    (void)snprintf(fresh, sizeof fresh, "%.4000s.new", path);
    parent_of(path, parent);
    enum moot_status status = clear_leftovers(fresh, error);
    if (status != MOOT_OK) {
        return status;
    }
    moot_store_crash_point(crash);
    if (mkdir(fresh, 0700) != 0) {
        return moot_store_fail(error, errno, fresh);
    }
    moot_store_crash_point(crash);
    status = make_in(fresh, crash, error);
    if (status == MOOT_OK) {
        status = sync_path(fresh, error);
    }
    if (status != MOOT_OK) {
        return status;
    }
    moot_store_crash_point(crash);
    if (rename(fresh, path) != 0) {
        return moot_store_fail(error, errno, path);
    }
    moot_store_crash_point(crash);
    return sync_path(parent, error);
}
