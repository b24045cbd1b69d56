/*
 * Memory for one turn: a pointer that only moves forward. Every size is checked before it is added;
 * what does not fit is NULL and leaves the arena as it was.
 */
#include "crypto/base/arena.h"

#include <string.h>

#include "crypto/base/contract.h"

#define ALIGNMENT 16U

void moot_arena_init(struct moot_arena *arena, void *memory, size_t size)
{
    arena->base = memory;
    arena->size = size;
    arena->used = 0;
}

void *moot_arena_take(struct moot_arena *arena, size_t size)
{
    /* The block is aligned as an address: the memory handed in need not be. */
    uintptr_t front = (uintptr_t)arena->base + arena->used;
    size_t padding = (size_t)(0U - front) % ALIGNMENT;
    size_t left = arena->size - arena->used;
    if (padding > left || size > left - padding) {
        return NULL;
    }
    void *block = arena->base + arena->used + padding;
    arena->used += padding + size;
    return block;
}

void *moot_arena_take_zeroed(struct moot_arena *arena, size_t count, size_t item_size)
{
    if (item_size != 0 && count > SIZE_MAX / item_size) {
        return NULL;
    }
    void *block = moot_arena_take(arena, count * item_size);
    if (block != NULL) {
        memset(block, 0, count * item_size);
    }
    return block;
}

struct moot_bytes moot_arena_copy(struct moot_arena *arena, struct moot_bytes bytes)
{
    static const uint8_t nothing[1] = {0};
    if (bytes.size == 0) {
        return moot_bytes_of(nothing, 0);
    }
    void *block = moot_arena_take(arena, bytes.size);
    if (block == NULL) {
        return moot_bytes_of(NULL, 0);
    }
    memcpy(block, bytes.data, bytes.size);
    return moot_bytes_of(block, bytes.size);
}

void moot_arena_trim(struct moot_arena *arena, const void *block, size_t size)
{
    uintptr_t start = (uintptr_t)block;
    uintptr_t base = (uintptr_t)arena->base;
    MOOT_REQUIRE(start >= base && start - base <= arena->used);
    size_t offset = start - base;
    MOOT_REQUIRE(size <= arena->used - offset);
    arena->used = offset + size;
}

void moot_arena_reset(struct moot_arena *arena)
{
    arena->used = 0;
}
