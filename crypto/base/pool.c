/*
 * Memory for one node. The region is: header | blocks ... | untouched. A block is taken from the
 * free list of its size class, else from the high-water mark, else (the region is full) by
 * splitting the smallest larger free block. Free blocks hold the handle of the next one in their
 * first four bytes and nothing else is written when a block is given back. A full region is handle
 * 0, never an abort.
 *
 * Classes, in units of 16 bytes: 1 2 3 4 | 5 6 7 8 | 10 12 14 16 | 20 24 28 32 | ... four a
 * doubling, so at most a fifth of a block is lost to rounding.
 */
#include "crypto/base/pool.h"

#include <string.h>

#include "crypto/base/contract.h"

#define UNIT_BYTES 16U
#define CLASS_COUNT 124U /* up to 2^32 units */
#define REGION_BYTES_MIN ((size_t)64 << 10)
#define REGION_BYTES_MAX ((size_t)64 << 30)
#define POOL_MAGIC 0x6d6f6f74706f6f6cU

struct moot_pool {
    _Alignas(16) uint64_t magic;
    uint64_t unit_count; /* of the region */
    uint64_t top;        /* high-water mark, in units */
    uint64_t live;       /* units in live blocks */
    uint32_t root;
    uint32_t free[CLASS_COUNT];
};

_Static_assert(sizeof(struct moot_pool) % UNIT_BYTES == 0, "blocks follow the header aligned");

#define HEADER_UNITS (sizeof(struct moot_pool) / UNIT_BYTES)

/* The least class whose blocks hold `units` (1 to 2^32). */
static uint32_t class_of(uint64_t units)
{
    if (units <= 4) {
        return (uint32_t)units - 1;
    }
    /* 2^shift units a step: units lies in (4 * 2^shift, 8 * 2^shift]. */
    uint32_t shift = 0;
    while (units > (uint64_t)8 << shift) {
        shift++;
    }
    uint64_t steps = (units + ((uint64_t)1 << shift) - 1) >> shift; /* 5 to 8 */
    return 4 * shift + (uint32_t)steps - 1;
}

static uint64_t class_units(uint32_t class)
{
    if (class < 4) {
        return class + 1;
    }
    uint32_t shift = (class - 4) / 4;
    return (uint64_t)(5 + (class - 4) % 4) << shift;
}

/* The class of a block of `size_bytes`; CLASS_COUNT when no region can hold it. */
static uint32_t class_of_bytes(size_t size_bytes)
{
    if (size_bytes > REGION_BYTES_MAX) {
        return CLASS_COUNT;
    }
    return class_of((size_bytes + UNIT_BYTES - 1) / UNIT_BYTES);
}

static void *block_at(const struct moot_pool *pool, uint64_t handle)
{
    /* The header is const to readers; the blocks behind it belong to who holds the handle. */
    return (uint8_t *)(uintptr_t)pool + handle * UNIT_BYTES;
}

struct moot_pool *moot_pool_init(void *memory, size_t size)
{
    MOOT_REQUIRE(memory != NULL && (uintptr_t)memory % UNIT_BYTES == 0);
    MOOT_REQUIRE(size >= REGION_BYTES_MIN && size <= REGION_BYTES_MAX);
    struct moot_pool *pool = memory;
    memset(pool, 0, sizeof *pool);
    pool->magic = POOL_MAGIC;
    pool->unit_count = size / UNIT_BYTES;
    pool->top = HEADER_UNITS;
    return pool;
}

static void free_push(struct moot_pool *pool, uint32_t class, uint32_t handle)
{
    memcpy(block_at(pool, handle), &pool->free[class], sizeof handle);
    pool->free[class] = handle;
}

static uint32_t free_pop(struct moot_pool *pool, uint32_t class)
{
    uint32_t handle = pool->free[class];
    if (handle != 0) {
        memcpy(&pool->free[class], block_at(pool, handle), sizeof handle);
    }
    return handle;
}

/*
 * The last resort: cut a block of `class` off a larger free one; the rest goes to smaller
 * classes.
 */
static uint32_t free_split(struct moot_pool *pool, uint32_t class)
{
    uint32_t larger = class + 1;
    while (larger < CLASS_COUNT && pool->free[larger] == 0) {
        larger++;
    }
    if (larger >= CLASS_COUNT) {
        return 0;
    }
    uint32_t handle = free_pop(pool, larger);
    uint64_t at = handle + class_units(class);
    uint64_t rest = class_units(larger) - class_units(class);
    while (rest > 0) {
        uint32_t part = class_of(rest);
        if (class_units(part) > rest) {
            part--; /* the greatest class that still fits */
        }
        free_push(pool, part, (uint32_t)at);
        at += class_units(part);
        rest -= class_units(part);
    }
    return handle;
}

uint32_t moot_pool_take(struct moot_pool *pool, size_t size)
{
    MOOT_REQUIRE(pool->magic == POOL_MAGIC);
    uint32_t class = class_of_bytes(size);
    if (size == 0 || class >= CLASS_COUNT) {
        return 0;
    }
    uint64_t units = class_units(class);
    uint32_t handle = free_pop(pool, class);
    if (handle == 0 && units <= pool->unit_count - pool->top) {
        handle = (uint32_t)pool->top;
        pool->top += units;
    }
    if (handle == 0) {
        handle = free_split(pool, class);
    }
    if (handle != 0) {
        pool->live += units;
        memset(block_at(pool, handle), 0, units * UNIT_BYTES);
    }
    return handle;
}

void moot_pool_give(struct moot_pool *pool, uint32_t handle, size_t size)
{
    if (handle == 0) {
        return;
    }
    uint32_t class = class_of_bytes(size);
    MOOT_REQUIRE(size > 0 && class < CLASS_COUNT && handle >= HEADER_UNITS);
    uint64_t units = class_units(class);
    MOOT_REQUIRE(handle + units <= pool->top && units <= pool->live);
    pool->live -= units;
    free_push(pool, class, handle);
}

void *moot_pool_at(const struct moot_pool *pool, uint32_t handle)
{
    if (handle == 0) {
        return NULL;
    }
    MOOT_REQUIRE(handle >= HEADER_UNITS && handle < pool->top);
    return block_at(pool, handle);
}

size_t moot_pool_used(const struct moot_pool *pool)
{
    return pool->top * UNIT_BYTES;
}

size_t moot_pool_live(const struct moot_pool *pool)
{
    return pool->live * UNIT_BYTES;
}

size_t moot_pool_size(const struct moot_pool *pool)
{
    return pool->unit_count * UNIT_BYTES;
}

void moot_pool_root_set(struct moot_pool *pool, uint32_t handle)
{
    pool->root = handle;
}

uint32_t moot_pool_root(const struct moot_pool *pool)
{
    return pool->root;
}
