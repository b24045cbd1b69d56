/* Address space that costs only what is touched: for the engine's pool and for scratch memory. */
#ifndef MOOT_NODE_REGION_H
#define MOOT_NODE_REGION_H

#include <stddef.h>

struct moot_region {
    void *memory;
    size_t size;
};

/* Reserves `size` bytes, zeroed, or half, a quarter, ... of it down to `least` where a limit of the process forbids
 * more. Never part of a core dump. memory is NULL on failure. */
struct moot_region moot_region_new(size_t size, size_t least);
void moot_region_free(struct moot_region *region);

/* Gives what lies above the first `keep` bytes back to the system, if `used` is well above it. The
 * bytes given back read as zero afterwards. */
void moot_region_trim(const struct moot_region *region, size_t used, size_t keep);

#endif
