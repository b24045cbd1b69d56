/*
 * Manifests as bytes: decoding with every check, encoding, hashing.
 *
 * Happy path: the cursor reads the array of 16 into flat arrays, moot_manifest_check_ makes sure of
 * everything the types cannot say, the signature over all bytes before it is verified.
 * Failures: typed, and *ret is untouched. Counts are bounded by the bytes that are there before
 * anything is taken from the arena.
 */
#include "protocols/manifest.h"

#include "crypto/digest.h"
#include "journal/codec.h"
#include "protocols/manifest_check.h"

#include <string.h>

#define FIELDS 16
#define FILE_FIELDS 6
#define BLOB_FIELDS 3
#define SIGNATURE_ENCODED_BYTES 66 /* bin header of 2 bytes, 64 bytes */

/* What the release key signs is a hash, since a manifest is larger than what identity.h signs. */
static void signed_hash(struct moot_bytes bytes, struct moot_digest *ret)
{
    moot_digest_of_bytes("moot/manifest-body/1",
                         moot_bytes_of(bytes.data, bytes.size - SIGNATURE_ENCODED_BYTES), ret);
}

static void read_head(struct moot_cursor *cursor, struct moot_manifest *manifest)
{
    if (moot_read_uint(cursor, MOOT_MANIFEST_FORMAT) != MOOT_MANIFEST_FORMAT)
        moot_cursor_fail(cursor, MOOT_BAD_VALUE);
    manifest->name = moot_read_text(cursor, MOOT_NAME_BYTES_MAX);
    manifest->version = moot_read_text(cursor, MOOT_SEMVER_BYTES_MAX);
    manifest->platform = moot_read_text(cursor, MOOT_NAME_BYTES_MAX);
    uint64_t channel = moot_read_uint(cursor, MOOT_RELEASE_CHANNEL_MAX);
    if (channel < MOOT_RELEASE_STABLE)
        moot_cursor_fail(cursor, MOOT_BAD_VALUE);
    else
        manifest->channel = (enum moot_release_channel)channel;
    manifest->protocol_min = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    manifest->protocol_max = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    manifest->from_min = moot_read_text(cursor, MOOT_SEMVER_BYTES_MAX);
    manifest->mandatory = moot_read_bool(cursor);
    manifest->security = moot_read_bool(cursor);
    manifest->notes = moot_read_text(cursor, MOOT_PACKAGE_NOTES_BYTES_MAX);
    moot_read_key(cursor, &manifest->release_key);
}

static void read_files(struct moot_cursor *cursor, struct moot_arena *arena,
                       struct moot_manifest *manifest)
{
    uint32_t count = moot_read_array_any(cursor, MOOT_PACKAGE_FILES_MAX);
    struct moot_manifest_file *files = moot_arena_take_zeroed(arena, count, sizeof *files);
    if (files == NULL && count > 0) {
        moot_cursor_fail(cursor, MOOT_NO_MEMORY);
        return;
    }
    for (uint32_t i = 0; i < count && cursor->status == MOOT_OK; i++) {
        struct moot_manifest_file *file = &files[i];
        struct moot_digest sha256;
        moot_read_array(cursor, FILE_FIELDS);
        file->path = moot_read_text(cursor, MOOT_MANIFEST_BYTES_MAX);
        file->mode = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
        file->size_bytes = moot_read_uint(cursor, MOOT_PACKAGE_BYTES_MAX);
        moot_read_digest(cursor, &sha256);
        memcpy(file->sha256, sha256.b, sizeof file->sha256);
        moot_read_digest(cursor, &file->blake2b);
        file->blob = (uint32_t)moot_read_uint(cursor, MOOT_PACKAGE_FILES_MAX);
    }
    manifest->files = files;
    manifest->file_count = count;
}

/* One blob and its hashes, which go to blocks[manifest->block_count...], of `capacity` in all. */
static void read_blob(struct moot_cursor *cursor, struct moot_manifest *manifest,
                      struct moot_manifest_blob *blob, struct moot_digest *blocks,
                      uint32_t capacity)
{
    moot_read_array(cursor, BLOB_FIELDS);
    blob->packed_bytes =
        moot_read_uint(cursor, (uint64_t)MOOT_PACKAGE_BLOCKS_MAX * MOOT_BLOCK_BYTES);
    blob->plain_bytes = moot_read_uint(cursor, MOOT_PACKAGE_BYTES_MAX);
    struct moot_bytes hashes = moot_read_bin(cursor, MOOT_MANIFEST_BYTES_MAX);
    blob->block_first = manifest->block_count;
    blob->block_count = (uint32_t)((blob->packed_bytes + MOOT_BLOCK_BYTES - 1) / MOOT_BLOCK_BYTES);
    if (cursor->status != MOOT_OK)
        return;
    if (blob->block_count == 0 || hashes.size != (size_t)blob->block_count * sizeof *blocks ||
        blob->block_count > capacity - manifest->block_count) {
        moot_cursor_fail(cursor, MOOT_BAD_VALUE);
        return;
    }
    memcpy(&blocks[blob->block_first], hashes.data, hashes.size);
    manifest->block_count += blob->block_count;
}

/* Returns the array of blobs, still writable. */
static struct moot_manifest_blob *read_blobs(struct moot_cursor *cursor, struct moot_arena *arena,
                                             size_t encoded_size, struct moot_manifest *manifest)
{
    uint32_t count = moot_read_array_any(cursor, MOOT_PACKAGE_FILES_MAX);
    uint32_t capacity = (uint32_t)(encoded_size / sizeof(struct moot_digest));
    if (capacity > MOOT_PACKAGE_BLOCKS_MAX)
        capacity = MOOT_PACKAGE_BLOCKS_MAX;
    struct moot_manifest_blob *blobs = moot_arena_take_zeroed(arena, count, sizeof *blobs);
    struct moot_digest *blocks = moot_arena_take_zeroed(arena, capacity, sizeof *blocks);
    if ((blobs == NULL && count > 0) || (blocks == NULL && capacity > 0)) {
        moot_cursor_fail(cursor, MOOT_NO_MEMORY);
        return NULL;
    }
    for (uint32_t i = 0; i < count && cursor->status == MOOT_OK; i++)
        read_blob(cursor, manifest, &blobs[i], blocks, capacity);
    if (capacity > 0)
        moot_arena_trim(arena, blocks, manifest->block_count * sizeof *blocks);
    manifest->blobs = blobs;
    manifest->blob_count = count;
    manifest->blocks = blocks;
    return blobs;
}

static enum moot_status manifest_read(struct moot_bytes bytes, struct moot_arena *arena,
                                      struct moot_manifest *manifest)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, bytes);
    moot_read_array(&cursor, FIELDS);
    read_head(&cursor, manifest);
    read_files(&cursor, arena, manifest);
    struct moot_manifest_blob *blobs = read_blobs(&cursor, arena, bytes.size, manifest);
    moot_read_array(&cursor, 0); /* patches: none in this format */
    moot_read_signature(&cursor, &manifest->signature);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status != MOOT_OK)
        return status == MOOT_NO_MEMORY ? MOOT_NO_MEMORY : MOOT_BAD_MANIFEST;
    return moot_manifest_check_(manifest, blobs, arena);
}

enum moot_status moot_manifest_decode(struct moot_bytes bytes, struct moot_arena *arena,
                                      struct moot_manifest *ret)
{
    if (bytes.size > MOOT_MANIFEST_BYTES_MAX)
        return MOOT_OVERSIZED;
    struct moot_manifest manifest = {0};
    enum moot_status status = manifest_read(bytes, arena, &manifest);
    if (status != MOOT_OK)
        return status;
    struct moot_digest hash;
    signed_hash(bytes, &hash);
    if (!moot_identity_verify(&manifest.release_key, "moot/release/1", moot_digest_bytes(&hash),
                              &manifest.signature))
        return MOOT_BAD_SIGNATURE;
    *ret = manifest;
    return MOOT_OK;
}

static void write_blob(struct moot_writer *writer, const struct moot_manifest *manifest,
                       const struct moot_manifest_blob *blob)
{
    moot_write_array(writer, BLOB_FIELDS);
    moot_write_uint(writer, blob->packed_bytes);
    moot_write_uint(writer, blob->plain_bytes);
    moot_write_bin(writer, moot_bytes_of(&manifest->blocks[blob->block_first],
                                         blob->block_count * sizeof *manifest->blocks));
}

static void write_files(struct moot_writer *writer, const struct moot_manifest *manifest)
{
    moot_write_array(writer, manifest->file_count);
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        const struct moot_manifest_file *file = &manifest->files[i];
        moot_write_array(writer, FILE_FIELDS);
        moot_write_text(writer, file->path);
        moot_write_uint(writer, file->mode);
        moot_write_uint(writer, file->size_bytes);
        moot_write_bin(writer, moot_bytes_of(file->sha256, sizeof file->sha256));
        moot_write_digest(writer, &file->blake2b);
        moot_write_uint(writer, file->blob);
    }
}

/* All but the signature. */
static void write_body(struct moot_writer *writer, const struct moot_manifest *manifest,
                       const struct moot_key *release_key)
{
    moot_write_array(writer, FIELDS);
    moot_write_uint(writer, MOOT_MANIFEST_FORMAT);
    moot_write_text(writer, manifest->name);
    moot_write_text(writer, manifest->version);
    moot_write_text(writer, manifest->platform);
    moot_write_uint(writer, (uint64_t)manifest->channel);
    moot_write_uint(writer, manifest->protocol_min);
    moot_write_uint(writer, manifest->protocol_max);
    moot_write_text(writer, manifest->from_min);
    moot_write_bool(writer, manifest->mandatory);
    moot_write_bool(writer, manifest->security);
    moot_write_text(writer, manifest->notes);
    moot_write_key(writer, release_key);
    write_files(writer, manifest);
    moot_write_array(writer, manifest->blob_count);
    for (uint32_t i = 0; i < manifest->blob_count; i++)
        write_blob(writer, manifest, &manifest->blobs[i]);
    moot_write_array(writer, 0);
}

/* Texts that the codec would refuse, and ranges that would be read out of bounds. */
static enum moot_status writable(const struct moot_manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->file_count; i++)
        if (!moot_manifest_path_valid(manifest->files[i].path))
            return MOOT_BAD_PATH;
    uint32_t next = 0;
    for (uint32_t i = 0; i < manifest->blob_count; i++) {
        const struct moot_manifest_blob *blob = &manifest->blobs[i];
        if (blob->block_first != next || blob->block_count > manifest->block_count - next)
            return MOOT_BAD_MANIFEST;
        next += blob->block_count;
    }
    return next == manifest->block_count ? MOOT_OK : MOOT_BAD_MANIFEST;
}

enum moot_status moot_manifest_encode(const struct moot_manifest *manifest,
                                      const struct moot_identity *release_key,
                                      struct moot_arena *arena, struct moot_bytes *ret)
{
    enum moot_status status = writable(manifest);
    if (status != MOOT_OK)
        return status;
    uint8_t *buffer = moot_arena_take(arena, MOOT_MANIFEST_BYTES_MAX);
    if (buffer == NULL)
        return MOOT_NO_MEMORY;
    struct moot_writer writer;
    moot_writer_init(&writer, buffer, MOOT_MANIFEST_BYTES_MAX);
    write_body(&writer, manifest, &release_key->key);
    struct moot_digest hash;
    struct moot_signature signature;
    moot_digest_of_bytes("moot/manifest-body/1", moot_bytes_of(buffer, writer.size), &hash);
    moot_identity_sign(release_key, "moot/release/1", moot_digest_bytes(&hash), &signature);
    moot_write_signature(&writer, &signature);
    if (writer.status != MOOT_OK)
        return writer.status == MOOT_OVERSIZED ? MOOT_OVERSIZED : MOOT_BAD_MANIFEST;

    /* One judge of what a manifest may be: the decoder, in memory that is given back. */
    struct moot_arena rest;
    moot_arena_init(&rest, arena->base + arena->used, arena->size - arena->used);
    struct moot_manifest decoded;
    struct moot_bytes bytes = moot_bytes_of(buffer, writer.size);
    status = moot_manifest_decode(bytes, &rest, &decoded);
    if (status != MOOT_OK)
        return status;
    moot_arena_trim(arena, buffer, writer.size);
    *ret = bytes;
    return MOOT_OK;
}

void moot_manifest_hash(struct moot_bytes bytes, struct moot_digest *ret)
{
    moot_digest_of_bytes("moot/manifest/1", bytes, ret);
}
