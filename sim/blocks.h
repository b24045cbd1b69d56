/*
 * A node's block store in memory: blocks and manifests by their hashes. What a put has accepted
 * survives a crash, as files do. A package in the simulator is a signed manifest over made-up bytes:
 * blocks and their hashes are real, their content is not a zstd frame, so nothing is unpacked.
 */
#ifndef MOOT_SIM_BLOCKS_H
#define MOOT_SIM_BLOCKS_H

#include <stdint.h>

#include "crypto/base/bytes.h"
#include "crypto/base/status.h"
#include "protocols/engine.h"

struct moot_sim_block {
    struct moot_digest hash;
    uint8_t *bytes; /* owned */
    size_t size;
};
/* Sorted by hash. */
struct moot_sim_shelf {
    struct moot_sim_block *blocks;
    uint32_t count;
    uint32_t capacity;
};
/* Zeroed means empty. */
struct moot_sim_blocks {
    struct moot_sim_shelf blocks, manifests;
};
void moot_sim_blocks_deinit(struct moot_sim_blocks *blocks);

/* Copies; what is there already is replaced. Nothing is checked. */
void moot_sim_shelf_put(struct moot_sim_shelf *shelf, const struct moot_digest *hash,
                        struct moot_bytes bytes);
/* NULL when it is not there. Borrowed until the next change. */
struct moot_sim_block *moot_sim_shelf_get(const struct moot_sim_shelf *shelf,
                                          const struct moot_digest *hash);

/* Does a block job, as node/ would: the statuses are those of enum moot_job_kind's comments.
 * *ret_output lies in `arena` or is borrowed from the shelf. Not for MOOT_JOB_VERIFY. */
enum moot_status moot_sim_blocks_job(struct moot_sim_blocks *blocks, const struct moot_job *job,
                                     struct moot_arena *arena, struct moot_bytes *ret_output);

/* MOOT_JOB_REBUILD and MOOT_JOB_IMAGE, with a pool of their own; released `store` before it returns. */
enum moot_status moot_sim_snapshot_job(struct moot_sim_blocks *blocks,
                                       const struct moot_store_port *store,
                                       const struct moot_job *job, struct moot_arena *arena,
                                       struct moot_bytes *ret_output);

/* A package of that name, the same for the same name and seed: puts manifest and blocks here. */
void moot_sim_package_install(struct moot_sim_blocks *blocks, uint64_t seed, const char *name,
                              struct moot_arena *arena, struct moot_digest *ret_manifest);

#endif
