/*
 * Bytes and growing arrays in a pool. New memory is taken and filled before the old is given back,
 * so a full pool leaves the value as it was, and bytes may be copied from the very blob they
 * replace.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/base/pool.h"

#define LIST_CAPACITY_MIN 4U

bool moot_blob_set(struct moot_pool *pool, struct moot_blob *blob, struct moot_bytes bytes)
{
    if (bytes.size == 0) {
        moot_blob_clear(pool, blob);
        return true;
    }
    uint32_t handle = bytes.size <= UINT32_MAX ? moot_pool_take(pool, bytes.size) : 0;
    if (handle == 0) {
        return false;
    }
    memcpy(moot_pool_at(pool, handle), bytes.data, bytes.size);
    moot_blob_clear(pool, blob);
    *blob = (struct moot_blob){.handle = handle, .size = (uint32_t)bytes.size};
    return true;
}

struct moot_bytes moot_blob_get(const struct moot_pool *pool, struct moot_blob blob)
{
    return moot_bytes_of(moot_pool_at(pool, blob.handle), blob.size);
}

void moot_blob_clear(struct moot_pool *pool, struct moot_blob *blob)
{
    moot_pool_give(pool, blob->handle, blob->size);
    *blob = (struct moot_blob){0};
}

static size_t list_bytes(const struct moot_list *list, uint32_t count)
{
    return (size_t)list->item_size * count;
}

/* Doubles the room; false when the pool is full. */
static bool list_grow(struct moot_pool *pool, struct moot_list *list)
{
    if (list->capacity > UINT32_MAX / 2) {
        return false;
    }
    uint32_t capacity = list->capacity == 0 ? LIST_CAPACITY_MIN : list->capacity * 2;
    uint32_t handle = moot_pool_take(pool, list_bytes(list, capacity));
    if (handle == 0) {
        return false;
    }
    if (list->count > 0) {
        memcpy(moot_pool_at(pool, handle), moot_pool_at(pool, list->handle),
               list_bytes(list, list->count));
    }
    moot_pool_give(pool, list->handle, list_bytes(list, list->capacity));
    list->handle = handle;
    list->capacity = capacity;
    return true;
}

void *moot_list_add(struct moot_pool *pool, struct moot_list *list)
{
    MOOT_REQUIRE(list->item_size > 0);
    if (list->count == list->capacity && !list_grow(pool, list)) {
        return NULL;
    }
    list->count++;
    void *item = moot_list_at(pool, list, list->count - 1);
    memset(item, 0, list->item_size); /* the place may have held a removed item */
    return item;
}

void *moot_list_at(const struct moot_pool *pool, const struct moot_list *list, uint32_t index)
{
    MOOT_REQUIRE(index < list->count);
    return (uint8_t *)moot_pool_at(pool, list->handle) + list_bytes(list, index);
}

void moot_list_remove(struct moot_pool *pool, struct moot_list *list, uint32_t index)
{
    uint8_t *item = moot_list_at(pool, list, index);
    list->count--;
    memmove(item, item + list->item_size, list_bytes(list, list->count - index));
}

void moot_list_drop(struct moot_pool *pool, struct moot_list *list, uint32_t count)
{
    MOOT_REQUIRE(count <= list->count);
    if (count == 0) {
        return;
    }
    uint8_t *items = moot_pool_at(pool, list->handle);
    list->count -= count;
    memmove(items, items + list_bytes(list, count), list_bytes(list, list->count));
}

void moot_list_clear(struct moot_pool *pool, struct moot_list *list)
{
    moot_pool_give(pool, list->handle, list_bytes(list, list->capacity));
    *list = (struct moot_list){.item_size = list->item_size};
}
