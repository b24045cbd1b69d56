/*
 * Memory of the simulator's own books. It cannot go on without: running out ends the process.
 */
#ifndef MOOT_SIM_MEMORY_H
#define MOOT_SIM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* A zeroed block of at least one byte; freed with free(). Never NULL. */
void *moot_sim_take(size_t count, size_t item_size);

/* Makes room for one more item behind `count` items: returns the (perhaps moved) array, with
 * *capacity raised as needed. New items are zeroed. Never NULL. */
void *moot_sim_grow(void *array, uint32_t count, uint32_t *capacity, size_t item_size);

#endif
