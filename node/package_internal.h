/* Between the files of the package library; the block store uses moot_package_block_judge too. */
#ifndef MOOT_NODE_PACKAGE_INTERNAL_H
#define MOOT_NODE_PACKAGE_INTERNAL_H

#include "node/package.h"

/* Blobs are compressed with, and decompressed in, windows of at most 8 MiB. */
#define MOOT_PACKAGE_WINDOW_LOG 23

/* Is this block `index`? Size and hash; BAD_BLOCK. */
MOOT_MUST_USE enum moot_status moot_package_block_judge(const struct moot_manifest *manifest,
                                                        uint32_t index, struct moot_bytes bytes,
                                                        struct moot_error *error);

/* A regular file that goes into a package. */
struct moot_package_entry {
    char *path; /* owned; relative to the directory, valid in a manifest */
    uint32_t mode;
    uint64_t size_bytes;
    struct moot_digest blake2b;
    uint8_t sha256[32];
    uint32_t blob; /* index of its content */
};
struct moot_package_tree {
    int directory;                      /* owned; -1: none */
    struct moot_package_entry *entries; /* ascending by path */
    uint32_t count;
    uint32_t capacity;
    uint32_t blob_count;
    uint32_t *blob_file; /* for each blob the first entry with its content */
};

/*
 * Walks `directory`, hashes every file and finds equal contents. BAD_PATH, LIMIT, FILE_IO, NO_MEMORY,
 * BAD_PACKAGE. deinit in every case.
 */
MOOT_MUST_USE enum moot_status moot_package_tree_init(struct moot_package_tree *tree,
                                                      const char *directory,
                                                      struct moot_error *error);
void moot_package_tree_deinit(struct moot_package_tree *tree);

/* Opens entry `index` for reading, never through a link at its end; the descriptor is the caller's. */
MOOT_MUST_USE enum moot_status moot_package_tree_open(const struct moot_package_tree *tree,
                                                      uint32_t index, int *ret_file,
                                                      struct moot_error *error);

#endif
