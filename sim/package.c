/*
 * A package made of nothing but its name: three files, two of one content, blobs of one and two
 * blocks. Cannot fail: the manifest is ours, and a manifest module that refuses it is a mistake.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "protocols/manifest.h"
#include "sim/blocks.h"
#include "sim/memory.h"
#include "sim/stream.h"

#define BLOB_COUNT 2u
#define SMALL_BYTES 4096u
#define TAIL_BYTES 1000u /* of the second blob's second block */

static void block_make(struct moot_sim_stream *stream, struct moot_sim_blocks *blocks, size_t size,
                       struct moot_digest *ret_hash)
{
    uint8_t *bytes = (uint8_t *)moot_sim_take(size, 1);
    moot_sim_stream_fill(stream, bytes, size);
    moot_digest_of_bytes(NULL, moot_bytes_of(bytes, size), ret_hash);
    moot_sim_shelf_put(&blocks->blocks, ret_hash, moot_bytes_of(bytes, size));
    free(bytes);
}

static struct moot_manifest_file file_of(struct moot_sim_stream *stream, const char *path,
                                         uint32_t mode, uint32_t blob,
                                         const struct moot_manifest_blob *blobs)
{
    struct moot_manifest_file file = {.path = moot_bytes_of_text(path),
                                      .mode = mode,
                                      .blob = blob,
                                      .size_bytes = blobs[blob].plain_bytes};
    moot_sim_stream_fill(stream, file.blake2b.b, sizeof file.blake2b.b);
    moot_sim_stream_fill(stream, file.sha256, sizeof file.sha256);
    return file;
}

void moot_sim_package_install(struct moot_sim_blocks *blocks, uint64_t seed, const char *name,
                              struct moot_arena *arena, struct moot_digest *ret_manifest)
{
    struct moot_sim_stream stream;
    struct moot_identity release_key;
    struct moot_digest hashes[3];
    uint8_t key_seed[32];
    char purpose[96];
    snprintf(purpose, sizeof purpose, "package %s", name);
    moot_sim_stream_init(&stream, seed, purpose, 0, 0, 0);
    moot_sim_stream_fill(&stream, key_seed, sizeof key_seed);
    moot_identity_init(&release_key, key_seed);

    block_make(&stream, blocks, SMALL_BYTES, &hashes[0]);
    block_make(&stream, blocks, MOOT_BLOCK_BYTES, &hashes[1]);
    block_make(&stream, blocks, TAIL_BYTES, &hashes[2]);
    struct moot_manifest_blob blobs[BLOB_COUNT] = {
        {.packed_bytes = SMALL_BYTES, .plain_bytes = 9000, .block_count = 1},
        {.packed_bytes = MOOT_BLOCK_BYTES + TAIL_BYTES,
         .plain_bytes = 900000,
         .block_first = 1,
         .block_count = 2},
    };
    struct moot_manifest_file files[] = {
        file_of(&stream, "bin/app", MOOT_MODE_PROGRAM, 0, blobs),
        file_of(&stream, "share/data", MOOT_MODE_FILE, 1, blobs),
        file_of(&stream, "share/readme", MOOT_MODE_FILE, 0, blobs),
    };
    files[2].blake2b = files[0].blake2b; /* one content, one blob */
    memcpy(files[2].sha256, files[0].sha256, sizeof files[2].sha256);
    const struct moot_manifest manifest = {
        .name = moot_bytes_of_text(name),
        .version = moot_bytes_of_text("1.1.0"),
        .platform = moot_bytes_of_text("any"),
        .channel = MOOT_RELEASE_STABLE,
        .protocol_min = 1,
        .protocol_max = 1,
        .file_count = 3,
        .blob_count = BLOB_COUNT,
        .block_count = 3,
        .files = files,
        .blobs = blobs,
        .blocks = hashes,
    };
    struct moot_bytes bytes;
    enum moot_status status = moot_manifest_encode(&manifest, &release_key, arena, &bytes);
    MOOT_INVARIANT(status == MOOT_OK);
    moot_manifest_hash(bytes, ret_manifest);
    moot_sim_shelf_put(&blocks->manifests, ret_manifest, bytes);
    moot_identity_deinit(&release_key);
}
