/*
 * What makes a decoded manifest consistent: names, paths, modes, sums, one content one blob, one hash
 * one size.
 *
 * Happy path: each rule in turn, then the index of distinct blocks. Failures: BAD_PATH for anything
 * about a path, else BAD_MANIFEST. Costs n log n in files and blocks.
 */
#include "protocols/manifest_check.h"

#include "journal/limits.h"

#define COMPONENT_BYTES_MAX 255

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool moot_manifest_name_valid(struct moot_bytes name)
{
    if (name.size == 0 || name.size > MOOT_NAME_BYTES_MAX || !is_letter_or_digit(name.data[0]))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '+' && c != '-')
            return false;
    }
    return true;
}

/* Characters that change how a terminal shows the rest: C1 controls, line separators, invisible and
 * direction marks (U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F, U+FEFF). */
static bool is_deceptive(const uint8_t *at, size_t left)
{
    if (left >= 2 && at[0] == 0xc2)
        return at[1] < 0xa0;
    if (left < 3)
        return false;
    if (at[0] == 0xe2 && at[1] == 0x80)
        return (at[2] >= 0x8b && at[2] <= 0x8f) || (at[2] >= 0xa8 && at[2] <= 0xae);
    if (at[0] == 0xe2 && at[1] == 0x81)
        return at[2] >= 0xa0 && at[2] <= 0xaf;
    return at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf;
}

static bool text_plain(struct moot_bytes text, bool lines)
{
    if (!moot_utf8_valid(text))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == 0x7f || (c < 0x20 && !(lines && (c == '\n' || c == '\t'))))
            return false;
        if (c >= 0x80 && is_deceptive(text.data + i, text.size - i))
            return false;
    }
    return true;
}

bool moot_manifest_notes_valid(struct moot_bytes notes)
{
    return notes.size <= MOOT_PACKAGE_NOTES_BYTES_MAX && text_plain(notes, true);
}

static bool component_valid(const uint8_t *at, size_t size)
{
    if (size == 0 || size > COMPONENT_BYTES_MAX)
        return false;
    if (at[0] == '.' && (size == 1 || (size == 2 && at[1] == '.')))
        return false;
    for (size_t i = 0; i < size; i++)
        if (at[i] == '\\')
            return false;
    return true;
}

bool moot_manifest_path_valid(struct moot_bytes path)
{
    if (path.size == 0 || path.size > MOOT_PACKAGE_PATH_BYTES_MAX || !text_plain(path, false))
        return false;
    size_t start = 0;
    unsigned depth = 0;
    for (size_t i = 0; i <= path.size; i++) {
        if (i < path.size && path.data[i] != '/')
            continue;
        if (++depth > MOOT_PACKAGE_DEPTH_MAX || !component_valid(path.data + start, i - start))
            return false;
        start = i + 1;
    }
    return true;
}

static bool head_valid(const struct moot_manifest *manifest)
{
    return moot_manifest_name_valid(manifest->name) && moot_version_valid(manifest->version) &&
           moot_manifest_name_valid(manifest->platform) &&
           (manifest->from_min.size == 0 || moot_version_valid(manifest->from_min)) &&
           manifest->protocol_min >= 1 && manifest->protocol_min <= manifest->protocol_max &&
           moot_manifest_notes_valid(manifest->notes);
}

/* Valid, ascending, and none of them the directory of another. */
static bool paths_valid(const struct moot_manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        struct moot_bytes path = manifest->files[i].path;
        if (!moot_manifest_path_valid(path))
            return false;
        if (i > 0 && moot_bytes_compare(manifest->files[i - 1].path, path) >= 0)
            return false;
    }
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        struct moot_bytes path = manifest->files[i].path;
        for (size_t end = 0; end < path.size; end++)
            if (path.data[end] == '/' &&
                moot_manifest_file(manifest, moot_bytes_of(path.data, end)) != NULL)
                return false;
    }
    return true;
}

static bool same_content(const struct moot_manifest_file *a, const struct moot_manifest_file *b)
{
    return a->size_bytes == b->size_bytes && moot_digest_equal(&a->blake2b, &b->blake2b) &&
           moot_bytes_equal(moot_bytes_of(a->sha256, sizeof a->sha256),
                            moot_bytes_of(b->sha256, sizeof b->sha256));
}

/* Files against blobs; `blobs` is the manifest's own array, not yet final. */
static bool files_valid(struct moot_manifest *manifest, struct moot_manifest_blob *blobs)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        const struct moot_manifest_file *file = &manifest->files[i];
        if (file->mode != MOOT_MODE_FILE && file->mode != MOOT_MODE_PROGRAM)
            return false;
        if (file->blob > used || file->blob >= manifest->blob_count)
            return false;
        if (file->blob == used)
            blobs[used++].file_first = i;
        if (file->size_bytes != blobs[file->blob].plain_bytes ||
            !same_content(file, &manifest->files[blobs[file->blob].file_first]))
            return false;
        if (file->size_bytes > MOOT_PACKAGE_BYTES_MAX - manifest->plain_bytes)
            return false;
        manifest->plain_bytes += file->size_bytes;
    }
    for (uint32_t i = 0; i < manifest->blob_count; i++)
        manifest->packed_bytes +=
            blobs[i].packed_bytes; /* at most BLOCKS_MAX blocks: no overflow */
    return used == manifest->blob_count;
}

static void sift_down(const struct moot_digest *keys, uint32_t *index, uint32_t at, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count &&
            moot_digest_compare(&keys[index[child]], &keys[index[child + 1]]) < 0)
            child++;
        if (moot_digest_compare(&keys[index[at]], &keys[index[child]]) >= 0)
            return;
        uint32_t swapped = index[at];
        index[at] = index[child];
        index[child] = swapped;
        at = child;
    }
}

/* The numbers 0 to count - 1 in the order of their keys (heapsort); NULL when memory is short. */
static uint32_t *order_of(const struct moot_digest *keys, uint32_t count, struct moot_arena *arena)
{
    uint32_t *index = moot_arena_take_zeroed(arena, count == 0 ? 1 : count, sizeof *index);
    if (index == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        index[i] = i;
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(keys, index, i, count);
    for (uint32_t end = count; end-- > 1;) {
        uint32_t greatest = index[0];
        index[0] = index[end];
        index[end] = greatest;
        sift_down(keys, index, 0, end);
    }
    return index;
}

/* Equal content must be one blob, so that equal directories have one manifest. */
static enum moot_status contents_distinct(const struct moot_manifest *manifest,
                                          struct moot_arena *arena)
{
    uint32_t count = manifest->blob_count;
    struct moot_digest *keys = moot_arena_take_zeroed(arena, count == 0 ? 1 : count, sizeof *keys);
    if (keys == NULL)
        return MOOT_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        keys[i] = manifest->files[manifest->blobs[i].file_first].blake2b;
    const uint32_t *index = order_of(keys, count, arena);
    if (index == NULL)
        return MOOT_NO_MEMORY;
    for (uint32_t i = 1; i < count; i++)
        if (moot_digest_equal(&keys[index[i - 1]], &keys[index[i]]))
            return MOOT_BAD_MANIFEST;
    return MOOT_OK;
}

static enum moot_status blocks_index(struct moot_manifest *manifest, struct moot_arena *arena)
{
    uint32_t *index = order_of(manifest->blocks, manifest->block_count, arena);
    if (index == NULL)
        return MOOT_NO_MEMORY;
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < manifest->block_count; i++) {
        const struct moot_digest *hash = &manifest->blocks[index[i]];
        if (distinct == 0 || !moot_digest_equal(&manifest->blocks[index[distinct - 1]], hash)) {
            index[distinct++] = index[i];
            continue;
        }
        if (moot_manifest_block_size(manifest, index[distinct - 1]) !=
            moot_manifest_block_size(manifest, index[i]))
            return MOOT_BAD_MANIFEST;
        if (index[i] < index[distinct - 1])
            index[distinct - 1] = index[i]; /* the first place it occurs, whatever the sort did */
    }
    manifest->distinct = index;
    manifest->distinct_count = distinct;
    return MOOT_OK;
}

enum moot_status moot_manifest_check_(struct moot_manifest *manifest,
                                      struct moot_manifest_blob *blobs, struct moot_arena *arena)
{
    if (!head_valid(manifest))
        return MOOT_BAD_MANIFEST;
    if (!paths_valid(manifest))
        return MOOT_BAD_PATH;
    if (!files_valid(manifest, blobs))
        return MOOT_BAD_MANIFEST;
    enum moot_status status = blocks_index(manifest, arena);
    if (status != MOOT_OK)
        return status;
    /* Last, so that what it takes from the arena can be given back. */
    struct moot_arena rest;
    moot_arena_init(&rest, arena->base + arena->used, arena->size - arena->used);
    return contents_distinct(manifest, &rest);
}
