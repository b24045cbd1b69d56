/*
 * Randomness is handed in: the pure folders have no source of their own. The node's handle fills
 * from the kernel, the simulator's from a named, seeded stream.
 */
#ifndef MOOT_CRYPTO_BASE_RANDOM_H
#define MOOT_CRYPTO_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct moot_random {
    void (*fill)(void *context, uint8_t *ret, size_t size);
    void *context;
};

static inline void moot_random_fill(const struct moot_random *random, uint8_t *ret, size_t size)
{
    random->fill(random->context, ret, size);
}

#endif
