/*
 * Questions to a decoded manifest. All answers are binary searches over arrays that decoding checked;
 * indexes out of range are the caller's mistake.
 */
#include "protocols/manifest.h"

#include "crypto/base/attr.h"
#include "crypto/base/contract.h"

#include <stddef.h>

static const char *const channel_names[] = {
    [MOOT_RELEASE_STABLE] = "stable",
    [MOOT_RELEASE_BETA] = "beta",
    [MOOT_RELEASE_NIGHTLY] = "nightly",
    [MOOT_RELEASE_SECURITY] = "security",
};

const char *moot_release_channel_format(enum moot_release_channel channel)
{
    MOOT_REQUIRE(channel >= MOOT_RELEASE_STABLE && channel <= MOOT_RELEASE_CHANNEL_MAX);
    return channel_names[channel];
}

bool moot_release_channel_parse(struct moot_bytes text, enum moot_release_channel *ret)
{
    for (uint32_t i = MOOT_RELEASE_STABLE; i < MOOT_COUNT_OF(channel_names); i++) {
        if (moot_bytes_equal(text, moot_bytes_of_text(channel_names[i]))) {
            *ret = (enum moot_release_channel)i;
            return true;
        }
    }
    return false;
}

size_t moot_manifest_block_size(const struct moot_manifest *manifest, uint32_t index)
{
    MOOT_REQUIRE(index < manifest->block_count);
    uint32_t low = 0;
    uint32_t high = manifest->blob_count;
    while (high - low > 1) { /* the last blob that begins at or before `index` */
        uint32_t middle = low + (high - low) / 2;
        if (manifest->blobs[middle].block_first <= index)
            low = middle;
        else
            high = middle;
    }
    const struct moot_manifest_blob *blob = &manifest->blobs[low];
    uint64_t before = (uint64_t)(index - blob->block_first) * MOOT_BLOCK_BYTES;
    uint64_t left = blob->packed_bytes - before;
    return left < MOOT_BLOCK_BYTES ? (size_t)left : MOOT_BLOCK_BYTES;
}

const struct moot_digest *moot_manifest_distinct(const struct moot_manifest *manifest,
                                                 uint32_t number, size_t *ret_size_bytes)
{
    MOOT_REQUIRE(number < manifest->distinct_count);
    uint32_t index = manifest->distinct[number];
    if (ret_size_bytes != NULL)
        *ret_size_bytes = moot_manifest_block_size(manifest, index);
    return &manifest->blocks[index];
}

int32_t moot_manifest_find(const struct moot_manifest *manifest, const struct moot_digest *hash)
{
    uint32_t low = 0;
    uint32_t high = manifest->distinct_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = moot_digest_compare(&manifest->blocks[manifest->distinct[middle]], hash);
        if (order == 0)
            return (int32_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

const struct moot_manifest_file *moot_manifest_file(const struct moot_manifest *manifest,
                                                    struct moot_bytes path)
{
    uint32_t low = 0;
    uint32_t high = manifest->file_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = moot_bytes_compare(manifest->files[middle].path, path);
        if (order == 0)
            return &manifest->files[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
