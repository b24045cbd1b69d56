/* Reserved mappings. No huge pages: one touched byte would cost 2 MiB. */
#include "node/region.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

struct moot_region moot_region_new(size_t size, size_t least)
{
    for (; size >= least && size > 0; size /= 2) {
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory != MAP_FAILED) {
            (void)madvise(memory, size, MADV_NOHUGEPAGE);
            (void)madvise(memory, size, MADV_DONTDUMP);
            return (struct moot_region){.memory = memory, .size = size};
        }
    }
    return (struct moot_region){0};
}

void moot_region_free(struct moot_region *region)
{
    if (region->memory != NULL) {
        (void)munmap(region->memory, region->size);
    }
    *region = (struct moot_region){0};
}

void moot_region_trim(const struct moot_region *region, size_t used, size_t keep)
{
    if (used / 2 > keep && keep < region->size) {
        (void)madvise((uint8_t *)region->memory + keep, region->size - keep, MADV_DONTNEED);
    }
}
