/*
 * Building FILE.moot from a directory.
 *
 * Happy path: the files are hashed (package_tree.c), each distinct content is compressed into a nameless
 * file while its blocks are hashed, the manifest is signed, and head, manifest and blobs are written to a
 * temporary file that takes the output's name when all of it is on disk. Failures: typed, and the output is
 * as it was. A file that changes between hashing and compressing is noticed by its hash.
 */
#include "node/package.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "crypto/digest.h"
#include "node/package_disk.h"
#include "node/package_internal.h"

#define CHUNK_BYTES 131072

/* One build under way. */
struct build {
    struct moot_package_tree tree;
    struct moot_identity key;
    int directory; /* of the output */
    const char *output_name;
    struct moot_disk_new packed; /* all blobs, one after the other */
    ZSTD_CCtx *zstd;
    uint8_t *chunk; /* CHUNK_BYTES of plain content */
    uint8_t *block; /* MOOT_BLOCK_BYTES being filled */
    size_t block_used;
    struct moot_manifest_file *files;
    struct moot_manifest_blob *blobs;
    struct moot_digest *blocks; /* room for MOOT_PACKAGE_BLOCKS_MAX */
    uint32_t block_count;
};

static const char *or_else(const char *text, const char *otherwise)
{
    return text == NULL ? otherwise : text;
}

static enum moot_status manifest_head(const struct moot_package_options *options,
                                      struct moot_manifest *ret, struct moot_error *error)
{
    struct moot_manifest head = {
        .name = moot_bytes_of_text(or_else(options->name, "")),
        .version = moot_bytes_of_text(or_else(options->version, "")),
        .platform = moot_bytes_of_text(or_else(options->platform, "any")),
        .from_min = moot_bytes_of_text(or_else(options->from_min, "")),
        .notes = moot_bytes_of_text(or_else(options->notes, "")),
        .channel = options->channel == 0 ? MOOT_RELEASE_STABLE : options->channel,
        .protocol_min = options->protocol_min == 0 ? 1 : options->protocol_min,
        .mandatory = options->mandatory,
        .security = options->security,
    };
    head.protocol_max = options->protocol_max == 0 ? head.protocol_min : options->protocol_max;
    const char *wrong = NULL;
    if (!moot_manifest_name_valid(head.name))
        wrong = "the name is missing or not made of letters, digits and . _ + -";
    else if (!moot_version_valid(head.version))
        wrong = "the version is not like 1.2.3 or 1.2.3-rc.1 (semver.org)";
    else if (!moot_manifest_name_valid(head.platform))
        wrong = "the platform is not made of letters, digits and . _ + -";
    else if (head.from_min.size > 0 && !moot_version_valid(head.from_min))
        wrong = "the least version to upgrade from is not like 1.2.3";
    else if (!moot_manifest_notes_valid(head.notes))
        wrong = "the notes are too long or not plain text";
    else if (head.channel < MOOT_RELEASE_STABLE || head.channel > MOOT_RELEASE_CHANNEL_MAX)
        wrong = "there is no such channel";
    else if (head.protocol_max < head.protocol_min)
        wrong = "the greatest protocol is below the least";
    else if (options->zstd_level < 0 || options->zstd_level > MOOT_PACKAGE_ZSTD_LEVEL)
        wrong = "the compression level is not 1 to 19";
    if (wrong != NULL)
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "%s", wrong);
    *ret = head;
    return MOOT_OK;
}

/* The next package would hold this one. */
static enum moot_status output_apart(const struct build *build, const char *directory,
                                     struct moot_error *error)
{
    char self[64];
    char output[PATH_MAX];
    char *input = realpath(directory, NULL);
    if (input == NULL && errno == ENOENT)
        return moot_error_set(error, MOOT_NOT_FOUND, "there is no directory %.100s", directory);
    if (input == NULL)
        return moot_disk_failed(error, "cannot find", directory);
    snprintf(self, sizeof self, "/proc/self/fd/%d", build->directory);
    ssize_t length = readlink(self, output, sizeof output - 1);
    bool inside = false;
    if (length > 0) {
        output[length] = '\0';
        size_t size = strlen(input);
        inside = strncmp(output, input, size) == 0 &&
                 (size == 1 || output[size] == '/' || output[size] == '\0');
    }
    free(input);
    if (inside)
        return moot_error_set(error, MOOT_BAD_ARGUMENT,
                              "the output lies in the directory that is packed");
    return MOOT_OK;
}

static enum moot_status build_init(struct build *build, const char *directory, const char *output,
                                   int level, struct moot_error *error)
{
    enum moot_status status =
        moot_disk_parent_open(output, &build->directory, &build->output_name, error);
    if (status == MOOT_OK)
        status = output_apart(build, directory, error);
    if (status == MOOT_OK)
        status = moot_package_tree_init(&build->tree, directory, error);
    if (status != MOOT_OK)
        return status;
    size_t count = build->tree.count == 0 ? 1 : build->tree.count;
    build->zstd = ZSTD_createCCtx();
    build->chunk = malloc(CHUNK_BYTES);
    build->block = malloc(MOOT_BLOCK_BYTES);
    build->files = calloc(count, sizeof *build->files);
    build->blobs = calloc(count, sizeof *build->blobs);
    build->blocks = calloc(MOOT_PACKAGE_BLOCKS_MAX, sizeof *build->blocks);
    if (build->zstd == NULL || build->chunk == NULL || build->block == NULL ||
        build->files == NULL || build->blobs == NULL || build->blocks == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(build->zstd, ZSTD_c_compressionLevel, level)))
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory to build a package");
    return moot_disk_new_open(&build->packed, build->directory, 0600, error);
}

static void build_deinit(struct build *build)
{
    moot_disk_new_discard(&build->packed);
    moot_package_tree_deinit(&build->tree);
    moot_identity_deinit(&build->key);
    ZSTD_freeCCtx(build->zstd);
    free(build->chunk);
    free(build->block);
    free(build->files);
    free(build->blobs);
    free(build->blocks);
    moot_disk_close(&build->directory);
}

static enum moot_status block_end(struct build *build, struct moot_manifest_blob *blob,
                                  struct moot_error *error)
{
    struct moot_bytes bytes = moot_bytes_of(build->block, build->block_used);
    if (bytes.size == 0)
        return MOOT_OK;
    if (build->block_count == MOOT_PACKAGE_BLOCKS_MAX)
        return moot_error_set(error, MOOT_LIMIT, "more than %d blocks", MOOT_PACKAGE_BLOCKS_MAX);
    moot_digest_of_bytes(NULL, bytes, &build->blocks[build->block_count++]);
    blob->block_count++;
    blob->packed_bytes += bytes.size;
    build->block_used = 0;
    return moot_disk_write(build->packed.file, bytes, build->packed.name, error);
}

/* Compresses one piece of plain content; with `last`, ends the frame. */
static enum moot_status piece_pack(struct build *build, struct moot_manifest_blob *blob,
                                   struct moot_bytes plain, bool last, struct moot_error *error)
{
    ZSTD_inBuffer in = {.src = plain.data, .size = plain.size};
    for (;;) {
        ZSTD_outBuffer out = {
            .dst = build->block, .size = MOOT_BLOCK_BYTES, .pos = build->block_used};
        size_t left =
            ZSTD_compressStream2(build->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return moot_error_set(error, MOOT_BAD_PACKAGE, "cannot compress: %s",
                                  ZSTD_getErrorName(left));
        build->block_used = out.pos;
        if (out.pos == out.size) {
            enum moot_status status = block_end(build, blob, error);
            if (status != MOOT_OK)
                return status;
        }
        if (last ? left == 0 : in.pos == in.size)
            return MOOT_OK;
    }
}

static enum moot_status blob_pack(struct build *build, uint32_t index, struct moot_error *error)
{
    uint32_t entry_index = build->tree.blob_file[index];
    const struct moot_package_entry *entry = &build->tree.entries[entry_index];
    struct moot_manifest_blob *blob = &build->blobs[index];
    *blob = (struct moot_manifest_blob){.plain_bytes = entry->size_bytes,
                                        .block_first = build->block_count};
    int file MOOT_CLEANUP(moot_disk_close) = -1;
    enum moot_status status = moot_package_tree_open(&build->tree, entry_index, &file, error);
    if (status != MOOT_OK)
        return status;
    struct moot_hasher hasher;
    struct moot_digest hash;
    uint64_t plain_bytes = 0;
    moot_hasher_init(&hasher, NULL);
    (void)ZSTD_CCtx_reset(build->zstd, ZSTD_reset_session_only);
    (void)ZSTD_CCtx_setPledgedSrcSize(build->zstd, entry->size_bytes);
    for (bool last = false; !last;) {
        size_t size = 0;
        status = moot_disk_read(file, -1, build->chunk, CHUNK_BYTES, &size, entry->path, error);
        if (status != MOOT_OK)
            return status;
        plain_bytes += size;
        last = size < CHUNK_BYTES;
        if (plain_bytes > entry->size_bytes || (last && plain_bytes != entry->size_bytes))
            break;
        moot_hasher_add(&hasher, moot_bytes_of(build->chunk, size));
        status = piece_pack(build, blob, moot_bytes_of(build->chunk, size), last, error);
        if (status != MOOT_OK)
            return status;
    }
    moot_hasher_finish(&hasher, &hash);
    if (plain_bytes != entry->size_bytes || !moot_digest_equal(&hash, &entry->blake2b))
        return moot_error_set(error, MOOT_BAD_PACKAGE, "%.100s changed while it was read",
                              entry->path);
    return block_end(build, blob, error);
}

/* The signed manifest, in *ret_memory (freed by the caller). */
static enum moot_status manifest_make(struct build *build, struct moot_manifest *manifest,
                                      void **ret_memory, struct moot_bytes *ret,
                                      struct moot_error *error)
{
    for (uint32_t i = 0; i < build->tree.count; i++) {
        const struct moot_package_entry *entry = &build->tree.entries[i];
        struct moot_manifest_file *file = &build->files[i];
        file->path = moot_bytes_of_text(entry->path);
        file->mode = entry->mode;
        file->blob = entry->blob;
        file->size_bytes = entry->size_bytes;
        file->blake2b = entry->blake2b;
        memcpy(file->sha256, entry->sha256, sizeof file->sha256);
        manifest->plain_bytes += entry->size_bytes;
    }
    manifest->file_count = build->tree.count;
    manifest->blob_count = build->tree.blob_count;
    manifest->block_count = build->block_count;
    manifest->files = build->files;
    manifest->blobs = build->blobs;
    manifest->blocks = build->blocks;
    size_t size = MOOT_MANIFEST_BYTES_MAX + MOOT_MANIFEST_ARENA_BYTES;
    *ret_memory = malloc(size);
    if (*ret_memory == NULL)
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory for the manifest");
    struct moot_arena arena;
    moot_arena_init(&arena, *ret_memory, size);
    enum moot_status status = moot_manifest_encode(manifest, &build->key, &arena, ret);
    if (status == MOOT_OVERSIZED)
        return moot_error_set(error, MOOT_LIMIT, "too many files and blocks for one manifest");
    if (status != MOOT_OK)
        return moot_error_set(error, status, "the manifest: %s", moot_status_info(status)->text);
    return MOOT_OK;
}

static enum moot_status output_fill(struct build *build, int output, struct moot_bytes manifest,
                                    uint64_t *ret_size, struct moot_error *error)
{
    uint8_t head[MOOT_PACKAGE_HEAD_BYTES];
    memcpy(head, MOOT_PACKAGE_MAGIC, 8);
    moot_u32_put(head + 8, (uint32_t)manifest.size);
    enum moot_status status =
        moot_disk_write(output, moot_bytes_of(head, sizeof head), build->output_name, error);
    if (status == MOOT_OK)
        status = moot_disk_write(output, manifest, build->output_name, error);
    off_t offset = 0;
    while (status == MOOT_OK) {
        size_t size = 0;
        status = moot_disk_read(build->packed.file, offset, build->block, MOOT_BLOCK_BYTES, &size,
                                build->packed.name, error);
        if (status != MOOT_OK || size == 0)
            break;
        status =
            moot_disk_write(output, moot_bytes_of(build->block, size), build->output_name, error);
        offset += (off_t)size;
    }
    *ret_size = sizeof head + manifest.size + (uint64_t)offset;
    return status;
}

static enum moot_status output_write(struct build *build, struct moot_bytes manifest,
                                     uint64_t *ret_size, struct moot_error *error)
{
    struct moot_disk_new output;
    enum moot_status status = moot_disk_new_open(&output, build->directory, 0644, error);
    if (status != MOOT_OK)
        return status;
    status = output_fill(build, output.file, manifest, ret_size, error);
    if (status != MOOT_OK) {
        moot_disk_new_discard(&output);
        return status;
    }
    return moot_disk_new_commit(&output, build->directory, build->output_name, false, NULL, error);
}

static enum moot_status build_run(struct build *build, struct moot_manifest *manifest,
                                  struct moot_package_built *built, struct moot_error *error)
{
    enum moot_status status = MOOT_OK;
    for (uint32_t i = 0; i < build->tree.blob_count && status == MOOT_OK; i++)
        status = blob_pack(build, i, error);
    if (status != MOOT_OK)
        return status;
    void *memory = NULL;
    struct moot_bytes bytes;
    status = manifest_make(build, manifest, &memory, &bytes, error);
    if (status == MOOT_OK)
        status = output_write(build, bytes, &built->package_bytes, error);
    if (status == MOOT_OK) {
        moot_manifest_hash(bytes, &built->manifest_hash);
        built->release_key = build->key.key;
        built->file_count = build->tree.count;
        built->plain_bytes = manifest->plain_bytes;
    }
    free(memory);
    return status;
}

enum moot_status moot_package_build(const char *directory,
                                    const struct moot_package_options *options, const char *output,
                                    struct moot_package_built *ret, struct moot_error *error)
{
    struct moot_package_built built = {0};
    struct moot_manifest manifest;
    enum moot_status status = manifest_head(options, &manifest, error);
    if (status != MOOT_OK)
        return status;
    int level = options->zstd_level == 0 ? MOOT_PACKAGE_ZSTD_LEVEL : options->zstd_level;
    struct build build = {.directory = -1, .tree.directory = -1, .packed.file = -1};
    status = build_init(&build, directory, output, level, error);
    if (status == MOOT_OK)
        status = moot_package_key_load(options->key_file, &build.key, &built.key_made,
                                       built.key_path, error);
    if (status == MOOT_OK)
        status = build_run(&build, &manifest, &built, error);
    build_deinit(&build);
    if (status == MOOT_OK && ret != NULL)
        *ret = built;
    return status;
}
