/*
 * Jobs of the engine on the uv thread pool. The input is copied when a job starts and stays until its
 * result was taken; results come back on the loop, in whatever order they end.
 */
#ifndef MOOT_NODE_JOBS_H
#define MOOT_NODE_JOBS_H

#include <uv.h>

#include "node/blocks.h"
#include "node/store.h"
#include "protocols/engine.h"

struct moot_jobs;

/* On the loop. `job` is as it was given (input included), `output` its result; both borrowed for the call. */
struct moot_jobs_callbacks {
    void *context;
    void (*done)(void *context, const struct moot_job *job, enum moot_status status,
                 struct moot_bytes output);
};

/* `blocks` and `store` are borrowed for as long as jobs run. NULL when out of memory. */
struct moot_jobs *moot_jobs_new(uv_loop_t *loop, struct moot_blocks *blocks,
                                struct moot_node_store *store,
                                const struct moot_jobs_callbacks *callbacks);

/* Starts a job (copied). NO_MEMORY: it was not started and nothing will be reported. */
MOOT_MUST_USE enum moot_status moot_jobs_start(struct moot_jobs *jobs, const struct moot_job *job);

uint32_t moot_jobs_running(const struct moot_jobs *jobs);

/* Only when none is running. */
void moot_jobs_free(struct moot_jobs *jobs);

/* Runs one job here and now: what the pool's threads do. *ret_memory (free() it after use) holds what the
 * output points to, and may be NULL. */
enum moot_status moot_job_run(const struct moot_job *job, struct moot_blocks *blocks,
                              struct moot_node_store *store, void **ret_memory,
                              struct moot_bytes *ret_output);

#endif
