/*
 * The reading side of the port, on the loop thread. The first read after a release renews the one
 * read transaction, which then stands still until release; each table has one cursor, renewed when
 * it is first used in a turn. While the map is being moved (node/store_write.c) a first read waits
 * the few microseconds that takes. Failures: STORE_DAMAGED, STORE_IO.
 */
#include <stdlib.h>

#include "crypto/base/contract.h"
#include "node/store_internal.h"

static enum moot_status status_or(int rc)
{
    enum moot_status status = moot_store_status_of(rc);
    return status == MOOT_OK || status == MOOT_NOT_FOUND || status == MOOT_STORE_DAMAGED
               ? status
               : MOOT_STORE_IO;
}

static enum moot_status read_begin(struct moot_store_reader *reader)
{
    struct moot_node_store *store = reader->store;
    if (reader->reading) {
        return MOOT_OK;
    }
    (void)pthread_mutex_lock(&store->lock);
    while (store->remapping) {
        (void)pthread_cond_wait(&store->remap, &store->lock);
    }
    bool usable = !store->map_lost;
    store->read_active += usable ? 1 : 0;
    (void)pthread_mutex_unlock(&store->lock);
    if (!usable) {
        return MOOT_STORE_IO;
    }
    reader->reading = true;
    reader->turn++;
    int rc = reader->txn == NULL ? mdb_txn_begin(store->env, NULL, MDB_RDONLY, &reader->txn)
                                 : mdb_txn_renew(reader->txn);
    if (rc != MDB_SUCCESS) {
        reader->reading = false;
        (void)pthread_mutex_lock(&store->lock);
        store->read_active--;
        (void)pthread_cond_signal(&store->work);
        (void)pthread_mutex_unlock(&store->lock);
        return MOOT_STORE_IO;
    }
    return MOOT_OK;
}

static void port_release(void *self)
{
    struct moot_store_reader *reader = (struct moot_store_reader *)self;
    struct moot_node_store *store = reader->store;
    if (!reader->reading) {
        return;
    }
    mdb_txn_reset(reader->txn);
    reader->reading = false;
    (void)pthread_mutex_lock(&store->lock);
    store->read_active--;
    if (store->remapping) {
        (void)pthread_cond_signal(&store->work);
    }
    (void)pthread_mutex_unlock(&store->lock);
}

static void key_check(enum moot_table table, struct moot_bytes key)
{
    MOOT_REQUIRE(table >= MOOT_TABLE_META && table <= MOOT_TABLE_MAX);
    MOOT_REQUIRE(key.size <= MOOT_STORE_KEY_BYTES_MAX);
}

static MDB_val val_of(struct moot_bytes bytes)
{
    /* LMDB's values are not const; it only reads keys. */
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

static struct moot_bytes bytes_of(MDB_val val)
{
    return moot_bytes_of(val.mv_data, val.mv_size);
}

static enum moot_status port_get(void *self, enum moot_table table, struct moot_bytes key,
                                 struct moot_bytes *ret_value)
{
    struct moot_store_reader *reader = (struct moot_store_reader *)self;
    key_check(table, key);
    enum moot_status status = read_begin(reader);
    if (status != MOOT_OK) {
        return status;
    }
    if (key.size == 0) {
        return MOOT_NOT_FOUND;
    }
    MDB_val at = val_of(key);
    MDB_val value;
    int rc = mdb_get(reader->txn, reader->store->tables[table], &at, &value);
    if (rc == MDB_SUCCESS) {
        *ret_value = bytes_of(value);
    }
    return status_or(rc);
}

/* The table's cursor in this turn's transaction. */
static enum moot_status cursor_of(struct moot_store_reader *reader, enum moot_table table,
                                  MDB_cursor **ret)
{
    enum moot_status status = read_begin(reader);
    if (status != MOOT_OK) {
        return status;
    }
    int rc = MDB_SUCCESS;
    if (reader->cursors[table] == NULL) {
        rc = mdb_cursor_open(reader->txn, reader->store->tables[table], &reader->cursors[table]);
    } else if (reader->cursor_turns[table] != reader->turn) {
        rc = mdb_cursor_renew(reader->txn, reader->cursors[table]);
    }
    reader->cursor_turns[table] = reader->turn;
    *ret = reader->cursors[table];
    return rc == MDB_SUCCESS ? MOOT_OK : MOOT_STORE_IO;
}

static enum moot_status answer(int rc, MDB_val key, MDB_val value, struct moot_store_row *ret)
{
    if (rc == MDB_SUCCESS) {
        ret->key = bytes_of(key);
        ret->value = bytes_of(value);
    }
    return status_or(rc);
}

static enum moot_status port_at_or_after(void *self, enum moot_table table, struct moot_bytes key,
                                         struct moot_store_row *ret)
{
    MDB_cursor *cursor = NULL;
    key_check(table, key);
    enum moot_status status = cursor_of((struct moot_store_reader *)self, table, &cursor);
    if (status != MOOT_OK) {
        return status;
    }
    MDB_val at = val_of(key);
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &at, &value, key.size == 0 ? MDB_FIRST : MDB_SET_RANGE);
    return answer(rc, at, value, ret);
}

static enum moot_status port_at_or_before(void *self, enum moot_table table, struct moot_bytes key,
                                          struct moot_store_row *ret)
{
    MDB_cursor *cursor = NULL;
    key_check(table, key);
    enum moot_status status = cursor_of((struct moot_store_reader *)self, table, &cursor);
    if (status != MOOT_OK) {
        return status;
    }
    if (key.size == 0) {
        return MOOT_NOT_FOUND;
    }
    MDB_val at = val_of(key);
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(cursor, &at, &value, MDB_LAST);
    } else if (rc == MDB_SUCCESS && !moot_bytes_equal(bytes_of(at), key)) {
        rc = mdb_cursor_get(cursor, &at, &value, MDB_PREV);
    }
    return answer(rc, at, value, ret);
}

static struct moot_store_port port_of(struct moot_store_reader *reader)
{
    return (struct moot_store_port){.self = reader,
                                    .get = port_get,
                                    .at_or_after = port_at_or_after,
                                    .at_or_before = port_at_or_before,
                                    .release = port_release};
}

static void reader_end(struct moot_store_reader *reader)
{
    port_release(reader);
    for (int i = MOOT_TABLE_META; i <= MOOT_TABLE_MAX; i++) {
        if (reader->cursors[i] != NULL) {
            mdb_cursor_close(reader->cursors[i]);
        }
    }
    if (reader->txn != NULL) {
        mdb_txn_abort(reader->txn);
    }
}

struct moot_store_port moot_store_read_port(struct moot_node_store *store)
{
    store->reader.store = store;
    return port_of(&store->reader);
}

void moot_store_read_close(struct moot_node_store *store)
{
    if (store->reader.store != NULL) {
        reader_end(&store->reader);
    }
}

struct moot_store_reader *moot_node_store_reader_new(struct moot_node_store *store,
                                                     struct moot_store_port *ret_port)
{
    struct moot_store_reader *reader = calloc(1, sizeof *reader);
    if (reader != NULL) {
        reader->store = store;
        *ret_port = port_of(reader);
    }
    return reader;
}

void moot_node_store_reader_free(struct moot_store_reader *reader)
{
    if (reader != NULL) {
        reader_end(reader);
        free(reader);
    }
}
