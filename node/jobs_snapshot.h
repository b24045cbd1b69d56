/* The two jobs of snapshots, with a reader of the store, memory and blocks of their own. */
#ifndef MOOT_NODE_JOBS_SNAPSHOT_H
#define MOOT_NODE_JOBS_SNAPSHOT_H

#include "node/blocks.h"
#include "node/store.h"
#include "protocols/engine.h"

/* Runs MOOT_JOB_REBUILD or MOOT_JOB_IMAGE here and now, on any thread. *ret_memory (free() it after use)
 * holds what the output points to. */
enum moot_status moot_job_snapshot(const struct moot_job *job, struct moot_blocks *blocks,
                                   struct moot_node_store *store, void **ret_memory,
                                   struct moot_bytes *ret_output);

#endif
