/*
 * Batches for the store port: operations collected in an arena. The list of operations doubles in
 * place of the old one, so an arena holds at most twice what the batch needs. Failure: the arena is
 * full; the batch then is as it was before the call.
 */
#include "journal/store.h"

#include <string.h>

#include "crypto/base/contract.h"

#define OP_COUNT_FIRST 16u

void moot_store_batch_init(struct moot_store_batch *batch)
{
    *batch = (struct moot_store_batch){.ops = NULL};
}

/* Room for one more operation; NULL when the arena is full. */
static struct moot_store_op *op_next(struct moot_store_batch *batch, struct moot_arena *arena)
{
    if (batch->op_count == batch->op_capacity) {
        if (batch->op_capacity > UINT32_MAX / 2) {
            return NULL;
        }
        uint32_t capacity = batch->op_capacity == 0 ? OP_COUNT_FIRST : batch->op_capacity * 2;
        struct moot_store_op *ops =
            (struct moot_store_op *)moot_arena_take_zeroed(arena, capacity, sizeof *ops);
        if (ops == NULL) {
            return NULL;
        }
        if (batch->op_count > 0) {
            memcpy(ops, batch->ops, batch->op_count * sizeof *ops);
        }
        batch->ops = ops;
        batch->op_capacity = capacity;
    }
    return &batch->ops[batch->op_count];
}

static bool op_add(struct moot_store_batch *batch, struct moot_arena *arena,
                   const struct moot_store_op *borrowed)
{
    MOOT_REQUIRE(borrowed->table >= MOOT_TABLE_META && borrowed->table <= MOOT_TABLE_MAX);
    MOOT_REQUIRE(borrowed->key.size > 0 && borrowed->key.size <= MOOT_STORE_KEY_BYTES_MAX);
    struct moot_store_op *op = op_next(batch, arena);
    if (op == NULL) {
        return false;
    }
    struct moot_bytes key = moot_arena_copy(arena, borrowed->key);
    struct moot_bytes value = moot_arena_copy(arena, borrowed->value);
    if (key.data == NULL || (value.data == NULL && borrowed->value.size > 0)) {
        return false;
    }
    *op = (struct moot_store_op){
        .kind = borrowed->kind, .table = borrowed->table, .key = key, .value = value};
    batch->op_count++;
    return true;
}

bool moot_store_batch_put(struct moot_store_batch *batch, struct moot_arena *arena,
                          enum moot_table table, struct moot_bytes key, struct moot_bytes value)
{
    struct moot_store_op op = {.kind = MOOT_STORE_PUT, .table = table, .key = key, .value = value};
    return op_add(batch, arena, &op);
}

bool moot_store_batch_delete(struct moot_store_batch *batch, struct moot_arena *arena,
                             enum moot_table table, struct moot_bytes key)
{
    struct moot_store_op op = {.kind = MOOT_STORE_DELETE, .table = table, .key = key};
    return op_add(batch, arena, &op);
}

/* Turns a key into the least one after it; false: there is none. */
static bool key_next(uint8_t key[MOOT_STORE_KEY_BYTES_MAX], size_t *size)
{
    if (*size < MOOT_STORE_KEY_BYTES_MAX) {
        key[(*size)++] = 0;
        return true;
    }
    size_t at = *size; /* no room for another byte: count up instead */
    while (at > 0 && ++key[at - 1] == 0) {
        at--;
    }
    return at > 0;
}

enum moot_status moot_store_each(const struct moot_store_port *store, enum moot_table table,
                                 enum moot_status (*each)(void *context,
                                                          const struct moot_store_row *row),
                                 void *context)
{
    uint8_t key[MOOT_STORE_KEY_BYTES_MAX];
    size_t size = 0;
    bool more = true;
    while (more) {
        struct moot_store_row row;
        enum moot_status status =
            store->at_or_after(store->self, table, moot_bytes_of(key, size), &row);
        if (status == MOOT_NOT_FOUND) {
            return MOOT_OK;
        }
        if (status != MOOT_OK) {
            return status;
        }
        if (row.key.size > sizeof key) {
            return MOOT_STORE_DAMAGED;
        }
        size = row.key.size;
        memcpy(key, row.key.data, size);
        status = each(context, &row);
        store->release(store->self);
        if (status != MOOT_OK) {
            return status;
        }
        more = key_next(key, &size);
    }
    return MOOT_OK;
}
