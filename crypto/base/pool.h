/*
 * Memory for one node: blocks of one fixed region, named by u32 handles instead of pointers, so
 * that a copy of the region's used part is a working copy of the node (the simulator clones so).
 * The region never moves while the node lives: a pointer got from a handle stays good until the
 * block is freed. Only handles may be *stored* in the region. Zero is no handle.
 * Sizes are rounded to classes (four steps a doubling); freed blocks go to the list of their class.
 * When the region is full larger free blocks are split; free neighbours are never joined again.
 */
#ifndef MOOT_CRYPTO_BASE_POOL_H
#define MOOT_CRYPTO_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/bytes.h"

struct moot_pool; /* lies at the start of its own region */

/*
 * Makes an empty pool in `memory` (16-byte aligned, at least 64 KiB, at most 64 GiB; borrowed until
 * the pool is no longer used). Memory above the high-water mark is never touched, so a large
 * reserved mapping costs what is used.
 */
struct moot_pool *moot_pool_init(void *memory, size_t size);

/* A zeroed block, 16-byte aligned; 0 when the region is full or size is 0. */
uint32_t moot_pool_take(struct moot_pool *pool, size_t size);

/* Gives a block back; `size` is what was asked for. Handle 0 is ignored. */
void moot_pool_give(struct moot_pool *pool, uint32_t handle, size_t size);

/* The block's address: borrowed until it is given back. Handle 0 gives NULL. */
void *moot_pool_at(const struct moot_pool *pool, uint32_t handle);

/* Bytes from the region's start to the high-water mark: what a clone copies. */
size_t moot_pool_used(const struct moot_pool *pool);
/* Bytes in live blocks, and the most the region can hold. */
size_t moot_pool_live(const struct moot_pool *pool);
size_t moot_pool_size(const struct moot_pool *pool);

/* One handle that the owner of the pool sets and finds again after a clone. */
void moot_pool_root_set(struct moot_pool *pool, uint32_t handle);
uint32_t moot_pool_root(const struct moot_pool *pool);

/* Bytes kept in a pool: a handle and a length. Zeroed means empty. */
struct moot_blob {
    uint32_t handle;
    uint32_t size;
};
/* Copies `bytes` in; false (and blob unchanged) when the pool is full. Frees what was there. */
bool moot_blob_set(struct moot_pool *pool, struct moot_blob *blob, struct moot_bytes bytes);
struct moot_bytes moot_blob_get(const struct moot_pool *pool, struct moot_blob blob);
void moot_blob_clear(struct moot_pool *pool, struct moot_blob *blob);

/* A growing array of equal items in a pool. Zeroed with item_size set means empty. */
struct moot_list {
    uint32_t handle;
    uint32_t count;
    uint32_t capacity;
    uint32_t item_size;
};
/* Appends a zeroed item; NULL when the pool is full. Items move when the list grows. */
void *moot_list_add(struct moot_pool *pool, struct moot_list *list);
/* Item `index` (< count): borrowed until the next add or remove. */
void *moot_list_at(const struct moot_pool *pool, const struct moot_list *list, uint32_t index);
/* Removes one item, keeping the order of the rest. */
void moot_list_remove(struct moot_pool *pool, struct moot_list *list, uint32_t index);
/* Removes the first `count` items (at most all). */
void moot_list_drop(struct moot_pool *pool, struct moot_list *list, uint32_t count);
void moot_list_clear(struct moot_pool *pool, struct moot_list *list);

#endif
