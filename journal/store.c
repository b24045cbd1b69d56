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
