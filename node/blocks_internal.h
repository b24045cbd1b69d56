/* Between the files of the block store: a shelf holds files of one kind, named by hash. */
#ifndef MOOT_NODE_BLOCKS_INTERNAL_H
#define MOOT_NODE_BLOCKS_INTERNAL_H

#include "node/blocks.h"

enum moot_shelf { MOOT_SHELF_BLOCKS = 0, MOOT_SHELF_MANIFESTS = 1 };

struct moot_blocks {
    int shelves[2];    /* directories, by enum moot_shelf */
    int being_written; /* directory of unfinished files */
};

/* Reads a whole file of at most `capacity` bytes, unverified. BLOCK_MISSING, BAD_BLOCK, FILE_IO. */
MOOT_MUST_USE enum moot_status moot_shelf_get(const struct moot_blocks *blocks,
                                              enum moot_shelf shelf, const struct moot_digest *hash,
                                              uint8_t *buffer, size_t capacity, size_t *ret_size,
                                              struct moot_error *error);
bool moot_shelf_has(const struct moot_blocks *blocks, enum moot_shelf shelf,
                    const struct moot_digest *hash, size_t *ret_size);
/* Writes a file durably; the bytes were verified by the caller. */
MOOT_MUST_USE enum moot_status moot_shelf_put(const struct moot_blocks *blocks,
                                              enum moot_shelf shelf, const struct moot_digest *hash,
                                              struct moot_bytes bytes, struct moot_error *error);
/* Makes a name that is there already durable: another thread may have renamed it just now. */
MOOT_MUST_USE enum moot_status moot_shelf_sync(const struct moot_blocks *blocks,
                                               enum moot_shelf shelf,
                                               const struct moot_digest *hash,
                                               struct moot_error *error);
MOOT_MUST_USE enum moot_status moot_shelf_remove(const struct moot_blocks *blocks,
                                                 enum moot_shelf shelf,
                                                 const struct moot_digest *hash,
                                                 struct moot_error *error);

#endif
