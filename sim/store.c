/*
 * The simulator's store. A submitted batch waits in a queue as ready-made rows; its commit moves it
 * to the tables. While something is borrowed, committed batches wait for the release, so that reads
 * of one turn see one state, as they do on a real disk. Failures: a full disk, when the simulator
 * says so.
 */
#include "sim/store.h"

#include <stdlib.h>

#include "crypto/base/contract.h"
#include "sim/store_table.h"

/* `row` is owned until it moves into a table; a delete carries the key alone. */
struct operation {
    enum moot_store_op_kind kind;
    enum moot_table table;
    struct moot_sim_row *row;
};

struct waiting_batch {
    struct waiting_batch *next;
    uint64_t ticket;
    uint32_t op_count;
    struct operation ops[];
};

struct moot_sim_store {
    struct moot_sim_table tables[MOOT_TABLE_MAX + 1];
    struct waiting_batch *first; /* in ticket order; those up to durable_ticket are committed */
    struct waiting_batch **last_next;
    uint64_t submitted_ticket;
    uint64_t durable_ticket;
    bool borrowed;
    bool full;
};

struct moot_sim_store *moot_sim_store_new(void)
{
    struct moot_sim_store *store = (struct moot_sim_store *)calloc(1, sizeof *store);
    MOOT_INVARIANT(store != NULL);
    store->last_next = &store->first;
    return store;
}

static void batch_pop_and_free(struct moot_sim_store *store)
{
    struct waiting_batch *batch = store->first;
    store->first = batch->next;
    if (store->first == NULL) {
        store->last_next = &store->first;
    }
    for (uint32_t i = 0; i < batch->op_count; i++) {
        free(batch->ops[i].row);
    }
    free(batch);
}

/* Moves what is durable into the tables. Nothing may be borrowed. */
static void apply(struct moot_sim_store *store)
{
    MOOT_REQUIRE(!store->borrowed);
    while (store->first != NULL && store->first->ticket <= store->durable_ticket) {
        struct waiting_batch *batch = store->first;
        for (uint32_t i = 0; i < batch->op_count; i++) {
            struct operation *op = &batch->ops[i];
            struct moot_sim_table *table = &store->tables[op->table];
            if (op->kind == MOOT_STORE_PUT) {
                free(moot_sim_table_put(table, op->row));
                op->row = NULL;
            } else {
                free(moot_sim_table_remove(table, moot_sim_row_key(op->row)));
            }
        }
        batch_pop_and_free(store);
    }
}

void moot_sim_store_free(struct moot_sim_store *store)
{
    if (store == NULL) {
        return;
    }
    while (store->first != NULL) {
        batch_pop_and_free(store);
    }
    for (uint32_t i = 0; i <= MOOT_TABLE_MAX; i++) {
        moot_sim_table_clear(&store->tables[i]);
    }
    free(store);
}

static struct waiting_batch *batch_add(struct moot_sim_store *store, uint64_t ticket,
                                       uint32_t op_count)
{
    struct waiting_batch *batch =
        (struct waiting_batch *)calloc(1, sizeof *batch + (size_t)op_count * sizeof batch->ops[0]);
    MOOT_INVARIANT(batch != NULL);
    batch->ticket = ticket;
    batch->op_count = op_count;
    *store->last_next = batch;
    store->last_next = &batch->next;
    return batch;
}

struct moot_sim_store *moot_sim_store_clone(const struct moot_sim_store *store)
{
    struct moot_sim_store *copy = moot_sim_store_new();
    for (uint32_t i = 0; i <= MOOT_TABLE_MAX; i++) {
        moot_sim_table_clone(&store->tables[i], &copy->tables[i]);
    }
    for (const struct waiting_batch *from = store->first; from != NULL; from = from->next) {
        struct waiting_batch *to = batch_add(copy, from->ticket, from->op_count);
        for (uint32_t i = 0; i < from->op_count; i++) {
            to->ops[i] = from->ops[i];
            to->ops[i].row = moot_sim_row_new(moot_sim_row_key(from->ops[i].row),
                                              moot_sim_row_value(from->ops[i].row));
        }
    }
    copy->submitted_ticket = store->submitted_ticket;
    copy->durable_ticket = store->durable_ticket;
    copy->full = store->full;
    apply(copy);
    return copy;
}

void moot_sim_store_submit(struct moot_sim_store *store, const struct moot_store_batch *batch,
                           uint64_t ticket)
{
    MOOT_REQUIRE(ticket > store->submitted_ticket);
    store->submitted_ticket = ticket;
    struct waiting_batch *copy = batch_add(store, ticket, batch->op_count);
    for (uint32_t i = 0; i < batch->op_count; i++) {
        const struct moot_store_op *op = &batch->ops[i];
        MOOT_REQUIRE(op->table >= MOOT_TABLE_META && op->table <= MOOT_TABLE_MAX);
        MOOT_REQUIRE(op->key.size > 0 && op->key.size <= MOOT_STORE_KEY_BYTES_MAX);
        struct moot_bytes none = {.data = NULL, .size = 0};
        struct moot_bytes value = op->kind == MOOT_STORE_PUT ? op->value : none;
        copy->ops[i] = (struct operation){
            .kind = op->kind, .table = op->table, .row = moot_sim_row_new(op->key, value)};
    }
}

enum moot_status moot_sim_store_commit(struct moot_sim_store *store, uint64_t ticket)
{
    MOOT_REQUIRE(ticket <= store->submitted_ticket);
    if (ticket <= store->durable_ticket) {
        return MOOT_OK;
    }
    if (store->full) {
        return MOOT_STORE_FULL;
    }
    store->durable_ticket = ticket;
    if (!store->borrowed) {
        apply(store);
    }
    return MOOT_OK;
}

void moot_sim_store_crash(struct moot_sim_store *store)
{
    store->borrowed = false;
    apply(store);
    while (store->first != NULL) {
        batch_pop_and_free(store);
    }
    store->submitted_ticket = store->durable_ticket = 0; /* the next process counts anew */
}

void moot_sim_store_full_set(struct moot_sim_store *store, bool full)
{
    store->full = full;
}

uint32_t moot_sim_store_waiting(const struct moot_sim_store *store, uint64_t *ret_first_ticket)
{
    uint32_t count = 0;
    *ret_first_ticket = 0;
    for (const struct waiting_batch *batch = store->first; batch != NULL; batch = batch->next) {
        if (batch->ticket > store->durable_ticket) {
            *ret_first_ticket = count == 0 ? batch->ticket : *ret_first_ticket;
            count++;
        }
    }
    return count;
}

uint64_t moot_sim_store_size(const struct moot_sim_store *store)
{
    uint64_t size_bytes = 0;
    for (uint32_t i = 0; i <= MOOT_TABLE_MAX; i++) {
        size_bytes += moot_sim_table_size(&store->tables[i]);
    }
    return size_bytes;
}

/* The port. */

static const struct moot_sim_table *table_to_read(void *self, enum moot_table table,
                                                  struct moot_bytes key)
{
    struct moot_sim_store *store = (struct moot_sim_store *)self;
    MOOT_REQUIRE(table >= MOOT_TABLE_META && table <= MOOT_TABLE_MAX);
    MOOT_REQUIRE(key.size <= MOOT_STORE_KEY_BYTES_MAX);
    store->borrowed = true;
    return &store->tables[table];
}

static enum moot_status answer(const struct moot_sim_row *row, struct moot_store_row *ret)
{
    if (row == NULL) {
        return MOOT_NOT_FOUND;
    }
    ret->key = moot_sim_row_key(row);
    ret->value = moot_sim_row_value(row);
    return MOOT_OK;
}

static enum moot_status port_get(void *self, enum moot_table table, struct moot_bytes key,
                                 struct moot_bytes *ret_value)
{
    const struct moot_sim_row *row = moot_sim_table_from(table_to_read(self, table, key), key);
    if (row == NULL || !moot_bytes_equal(moot_sim_row_key(row), key)) {
        return MOOT_NOT_FOUND;
    }
    *ret_value = moot_sim_row_value(row);
    return MOOT_OK;
}

static enum moot_status port_at_or_after(void *self, enum moot_table table, struct moot_bytes key,
                                         struct moot_store_row *ret)
{
    return answer(moot_sim_table_from(table_to_read(self, table, key), key), ret);
}

static enum moot_status port_at_or_before(void *self, enum moot_table table, struct moot_bytes key,
                                          struct moot_store_row *ret)
{
    return answer(moot_sim_table_upto(table_to_read(self, table, key), key), ret);
}

static void port_release(void *self)
{
    struct moot_sim_store *store = (struct moot_sim_store *)self;
    store->borrowed = false;
    apply(store);
}

struct moot_store_port moot_sim_store_port(struct moot_sim_store *store)
{
    return (struct moot_store_port){.self = store,
                                    .get = port_get,
                                    .at_or_after = port_at_or_after,
                                    .at_or_before = port_at_or_before,
                                    .release = port_release};
}
