/*
 * Memory for one turn: everything an event needs on the way through the pipeline is taken from the
 * front of one block and given back all at once. Running out is an answer (NULL), not an abort.
 */
#ifndef MOOT_CRYPTO_BASE_ARENA_H
#define MOOT_CRYPTO_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/base/bytes.h"

struct moot_arena {
    uint8_t *base;
    size_t size;
    size_t used;
};

/* `memory` is borrowed until the arena is no longer used. */
void moot_arena_init(struct moot_arena *arena, void *memory, size_t size);

/* 16-byte aligned, not zeroed; NULL when less than `size` bytes are left. */
void *moot_arena_take(struct moot_arena *arena, size_t size);

/*
 * Like moot_arena_take, zeroed, for `count` items; NULL when short or when the product
 * overflows.
 */
void *moot_arena_take_zeroed(struct moot_arena *arena, size_t count, size_t item_size);

/* Copies `bytes` into the arena; data is NULL when it does not fit (an empty slice always fits). */
struct moot_bytes moot_arena_copy(struct moot_arena *arena, struct moot_bytes bytes);

/* Shrinks the last block taken to `size` bytes; `block` must be that block. */
void moot_arena_trim(struct moot_arena *arena, const void *block, size_t size);

void moot_arena_reset(struct moot_arena *arena);

#endif
