/* Allocation that cannot fail and go on. */
#include "sim/memory.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"

void *moot_sim_take(size_t count, size_t item_size)
{
    void *memory = calloc(count > 0 ? count : 1, item_size);
    MOOT_INVARIANT(memory != NULL);
    return memory;
}

void *moot_sim_grow(void *array, uint32_t count, uint32_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return array;
    MOOT_INVARIANT(*capacity < UINT32_MAX / 2);
    uint32_t wanted = *capacity == 0 ? 8 : *capacity * 2;
    uint8_t *grown = (uint8_t *)reallocarray(array, wanted, item_size);
    MOOT_INVARIANT(grown != NULL);
    memset(grown + (size_t)*capacity * item_size, 0, (size_t)(wanted - *capacity) * item_size);
    *capacity = wanted;
    return grown;
}
