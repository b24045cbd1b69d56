/*
 * The block store: blocks and manifests of packages as files, named by their hashes.
 *
 *   DATA/blocks/ab/abcd…      block with that BLAKE2b-256, at most MOOT_BLOCK_BYTES
 *   DATA/manifests/ab/abcd…   manifest with that manifest hash
 *   DATA/blocks/new/          files being written; emptied when the store opens
 *
 * What a put has returned MOOT_OK for is on disk for good: fsync of the file, rename, fsync of the
 * directory. Every function may be called from several threads at once; no lock is held.
 */
#ifndef MOOT_NODE_BLOCKS_H
#define MOOT_NODE_BLOCKS_H

#include "crypto/base/bytes.h"
#include "crypto/base/status.h"
#include "node/package.h"
#include "protocols/manifest.h"

struct moot_blocks;

/* Opens, and makes if need be, the store below `data_directory` (which exists). FILE_IO, NO_SPACE.
 */
MOOT_MUST_USE enum moot_status moot_blocks_open(const char *data_directory,
                                                struct moot_blocks **ret, struct moot_error *error);
void moot_blocks_close(struct moot_blocks *blocks); /* NULL is fine */

/* Keeps a block. BAD_BLOCK if the bytes do not hash to `hash`, OVERSIZED above MOOT_BLOCK_BYTES,
 * NO_SPACE, FILE_IO. A good one that is there already is success; a bad one is replaced. */
MOOT_MUST_USE enum moot_status moot_blocks_put(struct moot_blocks *blocks,
                                               const struct moot_digest *hash,
                                               struct moot_bytes bytes, struct moot_error *error);
/* Reads a block into `buffer` (MOOT_BLOCK_BYTES) without verifying it: for serving, since the
 * receiver verifies. BLOCK_MISSING, BAD_BLOCK (its size cannot be right), FILE_IO. */
MOOT_MUST_USE enum moot_status moot_blocks_get(struct moot_blocks *blocks,
                                               const struct moot_digest *hash, uint8_t *buffer,
                                               size_t *ret_size, struct moot_error *error);
/* The same, verified: BAD_BLOCK if altered. */
MOOT_MUST_USE enum moot_status moot_blocks_get_checked(struct moot_blocks *blocks,
                                                       const struct moot_digest *hash,
                                                       uint8_t *buffer, size_t *ret_size,
                                                       struct moot_error *error);
/* Is there a file for it? *ret_size (may be NULL) gets its size. */
bool moot_blocks_has(struct moot_blocks *blocks, const struct moot_digest *hash, size_t *ret_size);
/* Removes it; success if there was none. */
MOOT_MUST_USE enum moot_status moot_blocks_remove(struct moot_blocks *blocks,
                                                  const struct moot_digest *hash,
                                                  struct moot_error *error);

/* The same for manifests. put decodes and checks first: BAD_MANIFEST if the bytes do not hash to
 * `hash` (NULL: whatever they hash to), else the reasons of moot_manifest_decode. */
MOOT_MUST_USE enum moot_status moot_blocks_manifest_put(struct moot_blocks *blocks,
                                                        const struct moot_digest *hash,
                                                        struct moot_bytes bytes,
                                                        struct moot_error *error);
/* Loads, verifies and decodes. BLOCK_MISSING, BAD_MANIFEST, FILE_IO, NO_MEMORY. The bytes to serve
 * are in (*ret)->bytes. Free with moot_package_manifest_free. */
MOOT_MUST_USE enum moot_status moot_blocks_manifest_get(struct moot_blocks *blocks,
                                                        const struct moot_digest *hash,
                                                        struct moot_package_manifest **ret,
                                                        struct moot_error *error);
bool moot_blocks_manifest_has(struct moot_blocks *blocks, const struct moot_digest *hash);
MOOT_MUST_USE enum moot_status moot_blocks_manifest_remove(struct moot_blocks *blocks,
                                                           const struct moot_digest *hash,
                                                           struct moot_error *error);

/* Verifies FILE.moot, then keeps its blocks and, last, its manifest: a held manifest that came by
 * import is complete. The reasons of moot_package_verify and NO_SPACE (asked before writing). */
MOOT_MUST_USE enum moot_status moot_blocks_import(struct moot_blocks *blocks, const char *path,
                                                  struct moot_digest *ret_manifest_hash,
                                                  struct moot_error *error);

/*
 * Which blocks are held, by presence and size alone: bit n of `bitmap` (byte n / 8, value 1 << n %
 * 8) is distinct block n of the manifest. `bitmap` holds (distinct_count + 7) / 8 bytes and is
 * overwritten. Returns how many are held; *ret_held_bytes may be NULL.
 */
uint32_t moot_blocks_scan(struct moot_blocks *blocks, const struct moot_manifest *manifest,
                          uint8_t *bitmap, uint64_t *ret_held_bytes);

/*
 * Is everything that the manifest names here and right? Reads and hashes every block, decompresses
 * to hashes only (no file is written, memory is constant). MOOT_OK; FETCHING: blocks are missing,
 * and those here are good; BAD_BLOCK: *ret_bad (may be NULL) is the hash of the first bad one;
 * BAD_PACKAGE: the blocks are right and the content is not; BLOCK_MISSING: no such manifest;
 * BAD_MANIFEST; FILE_IO.
 */
MOOT_MUST_USE enum moot_status moot_blocks_check(struct moot_blocks *blocks,
                                                 const struct moot_digest *manifest_hash,
                                                 struct moot_digest *ret_bad,
                                                 struct moot_error *error);

/* A source of the manifest's blocks for moot_package_blob and moot_package_unpack. Both borrowed:
 * `reader` and `manifest` must outlive it. Missing blocks answer FETCHING. */
struct moot_blocks_reader {
    struct moot_blocks *blocks;
    const struct moot_manifest *manifest;
};
struct moot_package_source moot_blocks_source(struct moot_blocks_reader *reader);

/* Bytes that this process may still write to the store's disk. */
MOOT_MUST_USE enum moot_status
moot_blocks_free_bytes(struct moot_blocks *blocks, uint64_t *ret_bytes, struct moot_error *error);

#endif
