/*
 * Jobs: what runs outside the loop, and how its result comes back. Happy path: start copies job and
 * input into one block, a pool thread runs moot_job_run, the loop reports and frees.
 *
 * Failures come back as the job's status; out of memory inside a job is NO_MEMORY like any other.
 */
#include "node/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "node/jobs_snapshot.h"

struct moot_jobs {
    uv_loop_t *loop;
    struct moot_blocks *blocks;
    struct moot_node_store *store;
    struct moot_jobs_callbacks callbacks;
    uint32_t running;
};

struct work {
    uv_work_t request;
    struct moot_jobs *jobs;
    struct moot_job job;
    enum moot_status status;
    void *memory;
    struct moot_bytes output;
    uint8_t input[];
};

static enum moot_status verify(const struct moot_job *job, void **ret_memory,
                               struct moot_bytes *ret_output)
{
    size_t size = moot_job_verify_arena_bytes(job->input.size);
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL) {
        return MOOT_NO_MEMORY;
    }
    struct moot_arena arena;
    moot_arena_init(&arena, memory, size);
    enum moot_status status = MOOT_INTERNAL;
    moot_job_verify(job, &arena, &status, ret_output);
    *ret_memory = memory;
    return status;
}

static enum moot_status block_read(const struct moot_job *job, struct moot_blocks *blocks,
                                   void **ret_memory, struct moot_bytes *ret_output)
{
    uint8_t *buffer = malloc(MOOT_BLOCK_BYTES);
    if (buffer == NULL) {
        return MOOT_NO_MEMORY;
    }
    size_t size = 0;
    enum moot_status status = moot_blocks_get(blocks, &job->hash, buffer, &size, NULL);
    *ret_memory = buffer;
    *ret_output = moot_bytes_of(buffer, status == MOOT_OK ? size : 0);
    return status;
}

static enum moot_status block_recheck(const struct moot_job *job, struct moot_blocks *blocks)
{
    uint8_t *buffer = malloc(MOOT_BLOCK_BYTES);
    if (buffer == NULL) {
        return MOOT_NO_MEMORY;
    }
    size_t size;
    enum moot_status status = moot_blocks_get_checked(blocks, &job->hash, buffer, &size, NULL);
    free(buffer);
    if (status == MOOT_BAD_BLOCK) {
        enum moot_status removed = moot_blocks_remove(blocks, &job->hash, NULL);
        return removed == MOOT_OK ? MOOT_BAD_BLOCK : removed;
    }
    return status;
}

static enum moot_status manifest_read(const struct moot_job *job, struct moot_blocks *blocks,
                                      void **ret_memory, struct moot_bytes *ret_output)
{
    struct moot_package_manifest *manifest = NULL;
    enum moot_status status = moot_blocks_manifest_get(blocks, &job->hash, &manifest, NULL);
    if (status != MOOT_OK) {
        return status;
    }
    size_t size = manifest->bytes.size;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        status = MOOT_NO_MEMORY;
    } else {
        memcpy(copy, manifest->bytes.data, size);
        *ret_memory = copy;
        *ret_output = moot_bytes_of(copy, size);
    }
    moot_package_manifest_free(manifest);
    return status;
}

/* One byte a distinct block, in the order of first use in the manifest: the store counts distinct blocks
 * by their hashes' order, so its bitmap is read through the manifest's blocks. */
static void in_order_of_use(const struct moot_manifest *manifest, uint8_t *bitmap, uint8_t *seen,
                            uint8_t *held)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < manifest->block_count; i++) {
        int32_t number = moot_manifest_find(manifest, &manifest->blocks[i]);
        MOOT_INVARIANT(number >= 0 && (uint32_t)number < manifest->distinct_count);
        uint32_t n = (uint32_t)number;
        uint8_t bit = (uint8_t)(1u << (n % 8));
        if ((seen[n / 8] & bit) == 0) {
            seen[n / 8] |= bit;
            held[used++] = (bitmap[n / 8] & bit) != 0 ? 1 : 0;
        }
    }
    MOOT_ENSURE(used == manifest->distinct_count);
}

static enum moot_status package_scan(const struct moot_job *job, struct moot_blocks *blocks,
                                     void **ret_memory, struct moot_bytes *ret_output)
{
    struct moot_package_manifest *manifest = NULL;
    enum moot_status status = moot_blocks_manifest_get(blocks, &job->hash, &manifest, NULL);
    if (status != MOOT_OK) {
        return status;
    }
    size_t count = manifest->manifest.distinct_count;
    size_t bitmap_size = (count + 7) / 8;
    uint8_t *memory = calloc(1, count + 2 * bitmap_size + 1);
    if (memory == NULL) {
        status = MOOT_NO_MEMORY;
    } else {
        uint8_t *bitmap = memory + count;
        (void)moot_blocks_scan(blocks, &manifest->manifest, bitmap, NULL);
        in_order_of_use(&manifest->manifest, bitmap, bitmap + bitmap_size, memory);
        *ret_memory = memory;
        *ret_output = moot_bytes_of(memory, count);
    }
    moot_package_manifest_free(manifest);
    return status;
}

static enum moot_status package_check(const struct moot_job *job, struct moot_blocks *blocks,
                                      void **ret_memory, struct moot_bytes *ret_output)
{
    uint8_t *memory = malloc(sizeof(struct moot_digest));
    if (memory == NULL) {
        return MOOT_NO_MEMORY;
    }
    *ret_memory = memory;
    struct moot_digest bad = {{0}};
    enum moot_status status = moot_blocks_check(blocks, &job->hash, &bad, NULL);
    if (status == MOOT_BAD_BLOCK) {
        memcpy(memory, bad.b, sizeof bad.b);
        *ret_output = moot_bytes_of(memory, sizeof bad.b);
    } else if (status == MOOT_OK) {
        uint64_t free_bytes = 0;
        status = moot_blocks_free_bytes(blocks, &free_bytes, NULL);
        moot_u64_put(memory, free_bytes);
        *ret_output = moot_bytes_of(memory, 8);
    }
    return status;
}

enum moot_status moot_job_run(const struct moot_job *job, struct moot_blocks *blocks,
                              struct moot_node_store *store, void **ret_memory,
                              struct moot_bytes *ret_output)
{
    *ret_memory = NULL;
    *ret_output = (struct moot_bytes){0};
    switch (job->kind) {
    case MOOT_JOB_VERIFY:
        return verify(job, ret_memory, ret_output);
    case MOOT_JOB_BLOCK_READ:
        return block_read(job, blocks, ret_memory, ret_output);
    case MOOT_JOB_BLOCK_WRITE:
        return moot_blocks_put(blocks, &job->hash, job->input, NULL);
    case MOOT_JOB_BLOCK_RECHECK:
        return block_recheck(job, blocks);
    case MOOT_JOB_MANIFEST_READ:
        return manifest_read(job, blocks, ret_memory, ret_output);
    case MOOT_JOB_MANIFEST_WRITE:
        return moot_blocks_manifest_put(blocks, &job->hash, job->input, NULL);
    case MOOT_JOB_PACKAGE_SCAN:
        return package_scan(job, blocks, ret_memory, ret_output);
    case MOOT_JOB_PACKAGE_CHECK:
        return package_check(job, blocks, ret_memory, ret_output);
    case MOOT_JOB_REBUILD:
    case MOOT_JOB_IMAGE:
        return moot_job_snapshot(job, blocks, store, ret_memory, ret_output);
    }
    MOOT_REQUIRE(job->kind >= MOOT_JOB_VERIFY && job->kind <= MOOT_JOB_IMAGE);
    return MOOT_INTERNAL;
}

static void on_thread(uv_work_t *request)
{
    struct work *work = request->data;
    work->status = moot_job_run(&work->job, work->jobs->blocks, work->jobs->store, &work->memory,
                                &work->output);
}

static void on_done(uv_work_t *request, int uv_status)
{
    (void)uv_status; /* jobs are never cancelled */
    struct work *work = request->data;
    struct moot_jobs *jobs = work->jobs;
    jobs->running--;
    jobs->callbacks.done(jobs->callbacks.context, &work->job, work->status, work->output);
    free(work->memory);
    free(work);
}

struct moot_jobs *moot_jobs_new(uv_loop_t *loop, struct moot_blocks *blocks,
                                struct moot_node_store *store,
                                const struct moot_jobs_callbacks *callbacks)
{
    struct moot_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs != NULL) {
        jobs->loop = loop;
        jobs->blocks = blocks;
        jobs->store = store;
        jobs->callbacks = *callbacks;
    }
    return jobs;
}

enum moot_status moot_jobs_start(struct moot_jobs *jobs, const struct moot_job *job)
{
    struct work *work = malloc(sizeof *work + job->input.size);
    if (work == NULL) {
        return MOOT_NO_MEMORY;
    }
    memset(work, 0, sizeof *work);
    work->jobs = jobs;
    work->job = *job;
    if (job->input.size > 0) {
        memcpy(work->input, job->input.data, job->input.size);
    }
    work->job.input = moot_bytes_of(work->input, job->input.size);
    work->request.data = work;
    if (uv_queue_work(jobs->loop, &work->request, on_thread, on_done) != 0) {
        free(work);
        return MOOT_NO_MEMORY;
    }
    jobs->running++;
    return MOOT_OK;
}

uint32_t moot_jobs_running(const struct moot_jobs *jobs)
{
    return jobs->running;
}

void moot_jobs_free(struct moot_jobs *jobs)
{
    if (jobs != NULL) {
        MOOT_REQUIRE(jobs->running == 0);
        free(jobs);
    }
}
