/*
 * The block store's shelves and the jobs on them. Happy path: a hash is looked up, its bytes are
 * given or kept. Failures are those of a disk of honest files: missing, damaged, not what was named.
 */
#include "sim/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "protocols/manifest.h"
#include "sim/memory.h"

#define FREE_BYTES ((uint64_t)8 << 30) /* of every simulated disk */

/* The place of `hash`, or where it belongs. */
static uint32_t place_of(const struct moot_sim_shelf *shelf, const struct moot_digest *hash)
{
    uint32_t low = 0, high = shelf->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (moot_digest_compare(&shelf->blocks[middle].hash, hash) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct moot_sim_block *moot_sim_shelf_get(const struct moot_sim_shelf *shelf,
                                          const struct moot_digest *hash)
{
    uint32_t place = place_of(shelf, hash);
    if (place == shelf->count || !moot_digest_equal(&shelf->blocks[place].hash, hash))
        return NULL;
    return &shelf->blocks[place];
}

void moot_sim_shelf_put(struct moot_sim_shelf *shelf, const struct moot_digest *hash,
                        struct moot_bytes bytes)
{
    struct moot_sim_block *block = moot_sim_shelf_get(shelf, hash);
    if (!block) {
        shelf->blocks = (struct moot_sim_block *)moot_sim_grow(
            shelf->blocks, shelf->count, &shelf->capacity, sizeof *shelf->blocks);
        uint32_t place = place_of(shelf, hash);
        block = &shelf->blocks[place];
        memmove(block + 1, block, (size_t)(shelf->count - place) * sizeof *block);
        shelf->count++;
        *block = (struct moot_sim_block){.hash = *hash};
    }
    free(block->bytes);
    block->bytes = (uint8_t *)moot_sim_take(bytes.size, 1);
    block->size = bytes.size;
    if (bytes.size > 0)
        memcpy(block->bytes, bytes.data, bytes.size);
}

static void remove_block(struct moot_sim_shelf *shelf, struct moot_sim_block *block)
{
    size_t place = (size_t)(block - shelf->blocks);
    free(block->bytes);
    memmove(block, block + 1, (shelf->count - place - 1) * sizeof *block);
    shelf->count--;
}

static void shelf_deinit(struct moot_sim_shelf *shelf)
{
    for (uint32_t i = 0; i < shelf->count; i++)
        free(shelf->blocks[i].bytes);
    free(shelf->blocks);
    *shelf = (struct moot_sim_shelf){0};
}

void moot_sim_blocks_deinit(struct moot_sim_blocks *blocks)
{
    shelf_deinit(&blocks->blocks);
    shelf_deinit(&blocks->manifests);
}

static bool block_good(const struct moot_digest *hash, struct moot_bytes bytes)
{
    struct moot_digest found;
    moot_digest_of_bytes(NULL, bytes, &found);
    return moot_digest_equal(&found, hash);
}

static enum moot_status manifest_write(struct moot_sim_blocks *blocks, const struct moot_job *job,
                                       struct moot_arena *arena)
{
    struct moot_manifest manifest;
    struct moot_digest hash;
    moot_manifest_hash(job->input, &hash);
    if (!moot_digest_equal(&hash, &job->hash) ||
        moot_manifest_decode(job->input, arena, &manifest) != MOOT_OK)
        return MOOT_BAD_MANIFEST;
    moot_sim_shelf_put(&blocks->manifests, &hash, job->input);
    return MOOT_OK;
}

#define REBUILD_POOL_BYTES ((size_t)16 << 20)

/* SCAN: one byte a distinct block. CHECK: every one here and good. */
static enum moot_status package_job(struct moot_sim_blocks *blocks, const struct moot_job *job,
                                    struct moot_arena *arena, struct moot_bytes *ret_output)
{
    const struct moot_sim_block *held = moot_sim_shelf_get(&blocks->manifests, &job->hash);
    struct moot_manifest manifest;
    if (!held)
        return MOOT_BLOCK_MISSING;
    if (moot_manifest_decode(moot_bytes_of(held->bytes, held->size), arena, &manifest) != MOOT_OK)
        return MOOT_BAD_MANIFEST;
    if (job->kind == MOOT_JOB_PACKAGE_SCAN) {
        struct moot_digest *seen =
            (struct moot_digest *)moot_arena_take(arena, manifest.block_count * sizeof *seen + 1);
        uint8_t *map = (uint8_t *)moot_arena_take(arena, manifest.distinct_count + 1);
        uint32_t distinct = 0;
        MOOT_INVARIANT(seen && map);
        for (uint32_t i = 0; i < manifest.block_count; i++) {
            bool again = false;
            for (uint32_t j = 0; j < distinct && !again; j++)
                again = moot_digest_equal(&seen[j], &manifest.blocks[i]);
            if (again)
                continue;
            seen[distinct] = manifest.blocks[i];
            map[distinct++] = moot_sim_shelf_get(&blocks->blocks, &manifest.blocks[i]) ? 1 : 0;
        }
        MOOT_INVARIANT(distinct == manifest.distinct_count);
        *ret_output = moot_bytes_of(map, distinct);
        return MOOT_OK;
    }
    bool missing = false;
    for (uint32_t i = 0; i < manifest.block_count; i++) {
        const struct moot_sim_block *block =
            moot_sim_shelf_get(&blocks->blocks, &manifest.blocks[i]);
        missing = missing || !block;
        if (block && !block_good(&block->hash, moot_bytes_of(block->bytes, block->size))) {
            *ret_output = moot_digest_bytes(&block->hash);
            return MOOT_BAD_BLOCK;
        }
    }
    if (missing)
        return MOOT_FETCHING;
    uint8_t *bytes = (uint8_t *)moot_arena_take(arena, 8);
    MOOT_INVARIANT(bytes != NULL);
    moot_u64_put(bytes, FREE_BYTES);
    *ret_output = moot_bytes_of(bytes, 8);
    return MOOT_OK;
}

enum moot_status moot_sim_blocks_job(struct moot_sim_blocks *blocks, const struct moot_job *job,
                                     struct moot_arena *arena, struct moot_bytes *ret_output)
{
    struct moot_sim_block *block;
    *ret_output = moot_bytes_of(NULL, 0);
    switch (job->kind) {
    case MOOT_JOB_BLOCK_READ:
    case MOOT_JOB_MANIFEST_READ:
        block = moot_sim_shelf_get(
            job->kind == MOOT_JOB_BLOCK_READ ? &blocks->blocks : &blocks->manifests, &job->hash);
        if (!block)
            return MOOT_BLOCK_MISSING;
        *ret_output = moot_bytes_of(block->bytes, block->size);
        return MOOT_OK;
    case MOOT_JOB_BLOCK_WRITE:
        if (!block_good(&job->hash, job->input))
            return MOOT_BAD_BLOCK;
        moot_sim_shelf_put(&blocks->blocks, &job->hash, job->input);
        return MOOT_OK;
    case MOOT_JOB_BLOCK_RECHECK:
        block = moot_sim_shelf_get(&blocks->blocks, &job->hash);
        if (!block)
            return MOOT_BLOCK_MISSING;
        if (block_good(&job->hash, moot_bytes_of(block->bytes, block->size)))
            return MOOT_OK;
        remove_block(&blocks->blocks, block);
        return MOOT_BAD_BLOCK;
    case MOOT_JOB_MANIFEST_WRITE:
        return manifest_write(blocks, job, arena);
    case MOOT_JOB_PACKAGE_SCAN:
    case MOOT_JOB_PACKAGE_CHECK:
        return package_job(blocks, job, arena, ret_output);
    case MOOT_JOB_VERIFY:
    case MOOT_JOB_REBUILD:
    case MOOT_JOB_IMAGE:
        break;
    }
    return MOOT_INTERNAL;
}

static enum moot_status block_get(void *blocks, const struct moot_digest *hash, uint8_t *buffer,
                                  size_t *ret_size)
{
    const struct moot_sim_block *block =
        moot_sim_shelf_get(&((struct moot_sim_blocks *)blocks)->blocks, hash);
    if (!block)
        return MOOT_BLOCK_MISSING;
    if (!block_good(hash, moot_bytes_of(block->bytes, block->size)))
        return MOOT_BAD_BLOCK;
    memcpy(buffer, block->bytes, block->size);
    *ret_size = block->size;
    return MOOT_OK;
}

static enum moot_status block_put(void *blocks, const struct moot_digest *hash,
                                  struct moot_bytes bytes)
{
    moot_sim_shelf_put(&((struct moot_sim_blocks *)blocks)->blocks, hash, bytes);
    return MOOT_OK;
}

enum moot_status moot_sim_snapshot_job(struct moot_sim_blocks *blocks,
                                       const struct moot_store_port *store,
                                       const struct moot_job *job, struct moot_arena *arena,
                                       struct moot_bytes *ret_output)
{
    void *memory = calloc(1, REBUILD_POOL_BYTES);
    if (!memory)
        return MOOT_NO_MEMORY;
    const struct moot_job_host host = {.store = store,
                                       .pool = moot_pool_init(memory, REBUILD_POOL_BYTES),
                                       .blocks = blocks,
                                       .block_get = block_get,
                                       .block_put = block_put};
    enum moot_status status = job->kind == MOOT_JOB_IMAGE
                                  ? moot_job_image(job, &host, arena, ret_output)
                                  : moot_job_rebuild(job, &host, arena, ret_output);
    store->release(store->self);
    free(memory);
    return status;
}
