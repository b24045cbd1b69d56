/*
 * Happy path: a reader of the store, a reserved region as the pool, an arena that becomes the result's
 * memory; the pure job does the rest. Failures: NO_MEMORY, and those of protocols/snapshot_job.c.
 */
#include "node/jobs_snapshot.h"

#include <stdlib.h>

#include "node/region.h"

#define REBUILD_POOL_BYTES ((size_t)4 << 30)
#define REBUILD_POOL_BYTES_LEAST ((size_t)64 << 20)

static enum moot_status block_get(void *blocks, const struct moot_digest *hash, uint8_t *buffer,
                                  size_t *ret_size)
{
    return moot_blocks_get_checked(blocks, hash, buffer, ret_size, NULL);
}

static enum moot_status block_put(void *blocks, const struct moot_digest *hash,
                                  struct moot_bytes bytes)
{
    return moot_blocks_put(blocks, hash, bytes, NULL);
}

static enum moot_status rebuild(const struct moot_job *job, struct moot_job_host *host,
                                struct moot_arena *arena, struct moot_bytes *ret_output)
{
    struct moot_region region = moot_region_new(REBUILD_POOL_BYTES, REBUILD_POOL_BYTES_LEAST);
    if (region.memory == NULL) {
        return MOOT_NO_MEMORY;
    }
    host->pool = moot_pool_init(region.memory, region.size);
    enum moot_status status = moot_job_rebuild(job, host, arena, ret_output);
    moot_region_free(&region);
    return status;
}

enum moot_status moot_job_snapshot(const struct moot_job *job, struct moot_blocks *blocks,
                                   struct moot_node_store *store, void **ret_memory,
                                   struct moot_bytes *ret_output)
{
    bool image = job->kind == MOOT_JOB_IMAGE;
    size_t size = MOOT_JOB_HOST_ARENA_BYTES + (image ? (size_t)moot_job_image_bytes(job) : 0);
    struct moot_store_port port;
    struct moot_store_reader *reader = moot_node_store_reader_new(store, &port);
    void *memory = malloc(size);
    enum moot_status status = MOOT_NO_MEMORY;
    if (reader != NULL && memory != NULL) {
        struct moot_job_host host = {
            .store = &port, .blocks = blocks, .block_get = block_get, .block_put = block_put};
        struct moot_arena arena;
        moot_arena_init(&arena, memory, size);
        status = image ? moot_job_image(job, &host, &arena, ret_output)
                       : rebuild(job, &host, &arena, ret_output);
    }
    moot_node_store_reader_free(reader);
    *ret_memory = memory;
    return status;
}
