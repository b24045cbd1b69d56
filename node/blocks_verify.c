/*
 * What the block store knows about content: blocks and manifests are verified on the way in, packages
 * are imported, and what is held is counted or checked.
 *
 * Happy path of an import: the file is verified as a whole, its blocks are put one by one (each verified
 * again as it is read), the manifest comes last. Failures: typed; what was put stays, since it is good and is
 * not fetched again.
 */
#include "node/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/blocks_internal.h"

static bool is_block(struct moot_bytes bytes, const struct moot_digest *hash)
{
    struct moot_digest actual;
    moot_digest_of_bytes(NULL, bytes, &actual);
    return moot_digest_equal(&actual, hash);
}

static enum moot_status bad_block(const struct moot_digest *hash, struct moot_error *error)
{
    char text[65];
    moot_hex_format(moot_digest_bytes(hash), text);
    return moot_error_set(error, MOOT_BAD_BLOCK, "%s", text);
}

static uint8_t *block_buffer_new(enum moot_status *status, struct moot_error *error)
{
    uint8_t *buffer = malloc(MOOT_BLOCK_BYTES);
    *status =
        buffer == NULL ? moot_error_set(error, MOOT_NO_MEMORY, "no memory for a block") : MOOT_OK;
    return buffer;
}

enum moot_status moot_blocks_get(struct moot_blocks *blocks, const struct moot_digest *hash,
                                 uint8_t *buffer, size_t *ret_size, struct moot_error *error)
{
    return moot_shelf_get(blocks, MOOT_SHELF_BLOCKS, hash, buffer, MOOT_BLOCK_BYTES, ret_size,
                          error);
}

enum moot_status moot_blocks_get_checked(struct moot_blocks *blocks, const struct moot_digest *hash,
                                         uint8_t *buffer, size_t *ret_size,
                                         struct moot_error *error)
{
    size_t size = 0;
    enum moot_status status = moot_blocks_get(blocks, hash, buffer, &size, error);
    if (status != MOOT_OK)
        return status;
    if (!is_block(moot_bytes_of(buffer, size), hash))
        return bad_block(hash, error);
    *ret_size = size;
    return MOOT_OK;
}

enum moot_status moot_blocks_put(struct moot_blocks *blocks, const struct moot_digest *hash,
                                 struct moot_bytes bytes, struct moot_error *error)
{
    if (bytes.size > MOOT_BLOCK_BYTES)
        return moot_error_set(error, MOOT_OVERSIZED, "a block of %zu bytes", bytes.size);
    if (bytes.size == 0 || !is_block(bytes, hash))
        return bad_block(hash, error);
    size_t held_size = 0;
    if (moot_blocks_has(blocks, hash, &held_size) && held_size == bytes.size) {
        enum moot_status status;
        uint8_t *held = block_buffer_new(&status, error);
        if (status != MOOT_OK)
            return status;
        bool good = moot_blocks_get_checked(blocks, hash, held, &held_size, NULL) == MOOT_OK;
        free(held);
        if (good)
            return moot_shelf_sync(blocks, MOOT_SHELF_BLOCKS, hash, error);
    }
    return moot_shelf_put(blocks, MOOT_SHELF_BLOCKS, hash, bytes, error);
}

bool moot_blocks_has(struct moot_blocks *blocks, const struct moot_digest *hash, size_t *ret_size)
{
    return moot_shelf_has(blocks, MOOT_SHELF_BLOCKS, hash, ret_size);
}

enum moot_status moot_blocks_remove(struct moot_blocks *blocks, const struct moot_digest *hash,
                                    struct moot_error *error)
{
    return moot_shelf_remove(blocks, MOOT_SHELF_BLOCKS, hash, error);
}

enum moot_status moot_blocks_manifest_put(struct moot_blocks *blocks,
                                          const struct moot_digest *hash, struct moot_bytes bytes,
                                          struct moot_error *error)
{
    struct moot_package_manifest *manifest;
    struct moot_digest actual;
    moot_manifest_hash(bytes, &actual);
    if (hash != NULL && !moot_digest_equal(&actual, hash))
        return moot_error_set(error, MOOT_BAD_MANIFEST, "it is not the manifest of that hash");
    enum moot_status status = moot_package_manifest_new(bytes, &manifest, error);
    if (status != MOOT_OK)
        return status;
    moot_package_manifest_free(manifest);
    return moot_shelf_put(blocks, MOOT_SHELF_MANIFESTS, &actual, bytes, error);
}

enum moot_status moot_blocks_manifest_get(struct moot_blocks *blocks,
                                          const struct moot_digest *hash,
                                          struct moot_package_manifest **ret,
                                          struct moot_error *error)
{
    struct moot_package_manifest *manifest = NULL;
    size_t size = 0;
    uint8_t *bytes = malloc(MOOT_MANIFEST_BYTES_MAX);
    if (bytes == NULL)
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory for a manifest");
    enum moot_status status = moot_shelf_get(blocks, MOOT_SHELF_MANIFESTS, hash, bytes,
                                             MOOT_MANIFEST_BYTES_MAX, &size, error);
    if (status == MOOT_OK)
        status = moot_package_manifest_new(moot_bytes_of(bytes, size), &manifest, error);
    free(bytes);
    bool altered = status == MOOT_OK && !moot_digest_equal(&manifest->hash, hash);
    if (altered)
        moot_package_manifest_free(manifest);
    /* Every kind of damage to a file that was good when it was put is one thing to the caller. */
    if (altered || status == MOOT_BAD_BLOCK || status == MOOT_BAD_PATH ||
        status == MOOT_BAD_SIGNATURE || status == MOOT_OVERSIZED)
        return moot_error_set(error, MOOT_BAD_MANIFEST, "the manifest kept here is altered");
    if (status == MOOT_OK)
        *ret = manifest;
    return status;
}

bool moot_blocks_manifest_has(struct moot_blocks *blocks, const struct moot_digest *hash)
{
    return moot_shelf_has(blocks, MOOT_SHELF_MANIFESTS, hash, NULL);
}

enum moot_status moot_blocks_manifest_remove(struct moot_blocks *blocks,
                                             const struct moot_digest *hash,
                                             struct moot_error *error)
{
    return moot_shelf_remove(blocks, MOOT_SHELF_MANIFESTS, hash, error);
}

/* Bytes of the manifest's blocks that would have to be written. */
static enum moot_status space_check(struct moot_blocks *blocks,
                                    const struct moot_package_manifest *manifest,
                                    struct moot_error *error)
{
    uint64_t needed = manifest->bytes.size;
    uint64_t free_bytes = 0;
    for (uint32_t i = 0; i < manifest->manifest.distinct_count; i++) {
        size_t size = 0;
        size_t held = 0;
        const struct moot_digest *hash = moot_manifest_distinct(&manifest->manifest, i, &size);
        if (!moot_blocks_has(blocks, hash, &held) || held != size)
            needed += size;
    }
    enum moot_status status = moot_blocks_free_bytes(blocks, &free_bytes, error);
    if (status == MOOT_OK && free_bytes < needed)
        return moot_error_set(error, MOOT_NO_SPACE, "%llu bytes needed, %llu free",
                              (unsigned long long)needed, (unsigned long long)free_bytes);
    return status;
}

static enum moot_status package_import(struct moot_blocks *blocks, struct moot_package *package,
                                       struct moot_error *error)
{
    const struct moot_package_manifest *held = moot_package_manifest(package);
    const struct moot_manifest *manifest = &held->manifest;
    struct moot_package_source source = moot_package_source_of(package);
    enum moot_status status = moot_package_check(manifest, &source, NULL, error);
    if (status == MOOT_OK)
        status = space_check(blocks, held, error);
    if (status != MOOT_OK)
        return status;
    uint8_t *buffer = block_buffer_new(&status, error);
    for (uint32_t i = 0; i < manifest->distinct_count && status == MOOT_OK; i++) {
        uint32_t index = manifest->distinct[i];
        size_t size = 0;
        status = moot_package_block(package, index, buffer, &size, error);
        if (status == MOOT_OK)
            status = moot_blocks_put(blocks, &manifest->blocks[index], moot_bytes_of(buffer, size),
                                     error);
    }
    free(buffer);
    return status == MOOT_OK
               ? moot_shelf_put(blocks, MOOT_SHELF_MANIFESTS, &held->hash, held->bytes, error)
               : status;
}

enum moot_status moot_blocks_import(struct moot_blocks *blocks, const char *path,
                                    struct moot_digest *ret_manifest_hash, struct moot_error *error)
{
    struct moot_package *package;
    enum moot_status status = moot_package_open(path, &package, error);
    if (status != MOOT_OK)
        return status;
    status = package_import(blocks, package, error);
    if (status == MOOT_OK)
        *ret_manifest_hash = moot_package_manifest(package)->hash;
    moot_package_close(package);
    return status;
}

uint32_t moot_blocks_scan(struct moot_blocks *blocks, const struct moot_manifest *manifest,
                          uint8_t *bitmap, uint64_t *ret_held_bytes)
{
    uint32_t held_count = 0;
    uint64_t held_bytes = 0;
    memset(bitmap, 0, (manifest->distinct_count + 7) / 8);
    for (uint32_t i = 0; i < manifest->distinct_count; i++) {
        size_t size = 0;
        size_t held = 0;
        const struct moot_digest *hash = moot_manifest_distinct(manifest, i, &size);
        if (!moot_blocks_has(blocks, hash, &held) || held != size)
            continue;
        bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1U << i % 8);
        held_count++;
        held_bytes += size;
    }
    if (ret_held_bytes != NULL)
        *ret_held_bytes = held_bytes;
    return held_count;
}

static enum moot_status source_read(void *context, uint32_t index, uint8_t *buffer,
                                    size_t *ret_size, struct moot_error *error)
{
    const struct moot_blocks_reader *reader = context;
    enum moot_status status =
        moot_blocks_get(reader->blocks, &reader->manifest->blocks[index], buffer, ret_size, error);
    if (status == MOOT_BLOCK_MISSING)
        return moot_error_set(error, MOOT_FETCHING, "block %u is not here", (unsigned)index);
    if (status == MOOT_BAD_BLOCK) {
        *ret_size = 0; /* an impossible size: the one who asked judges it as the bad block it is */
        return MOOT_OK;
    }
    return status;
}

struct moot_package_source moot_blocks_source(struct moot_blocks_reader *reader)
{
    return (struct moot_package_source){.read = source_read, .context = reader};
}

/* Hashes every block that is here. *ret_missing: at least one is not. */
static enum moot_status held_check(struct moot_blocks *blocks, const struct moot_manifest *manifest,
                                   bool *ret_missing, struct moot_digest *ret_bad,
                                   struct moot_error *error)
{
    enum moot_status status;
    uint8_t *buffer = block_buffer_new(&status, error);
    *ret_missing = false;
    for (uint32_t i = 0; i < manifest->distinct_count && status == MOOT_OK; i++) {
        size_t size = 0;
        const struct moot_digest *hash = moot_manifest_distinct(manifest, i, NULL);
        status = moot_blocks_get_checked(blocks, hash, buffer, &size, error);
        if (status == MOOT_BLOCK_MISSING) {
            *ret_missing = true;
            status = MOOT_OK;
        } else if (status == MOOT_BAD_BLOCK && ret_bad != NULL) {
            *ret_bad = *hash;
        }
    }
    free(buffer);
    return status;
}

enum moot_status moot_blocks_check(struct moot_blocks *blocks,
                                   const struct moot_digest *manifest_hash,
                                   struct moot_digest *ret_bad, struct moot_error *error)
{
    struct moot_package_manifest *held;
    enum moot_status status = moot_blocks_manifest_get(blocks, manifest_hash, &held, error);
    if (status != MOOT_OK)
        return status;
    const struct moot_manifest *manifest = &held->manifest;
    bool missing = false;
    status = held_check(blocks, manifest, &missing, ret_bad, error);
    if (status == MOOT_OK && missing)
        status = moot_error_set(error, MOOT_FETCHING, "blocks are missing");
    if (status == MOOT_OK) {
        struct moot_blocks_reader reader = {.blocks = blocks, .manifest = manifest};
        struct moot_package_source source = moot_blocks_source(&reader);
        uint32_t bad = 0;
        status = moot_package_check(manifest, &source, &bad, error);
        if (status == MOOT_BAD_BLOCK && ret_bad != NULL)
            *ret_bad = manifest->blocks[bad];
    }
    moot_package_manifest_free(held);
    return status;
}
