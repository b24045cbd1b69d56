/*
 * Reading FILE.moot: the manifest at once, blocks when asked.
 *
 * Happy path: head, manifest (decoded and verified from a copy in memory), and the file's size compared
 * with what the manifest adds up to; then any block by one positioned read. Failures: BAD_PACKAGE when the
 * container is not what it should be, else what the manifest or a block says. The file stays open, so what
 * was checked is what is read, whatever happens to its name; blocks are checked each time.
 */
#include "node/package.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/package_disk.h"
#include "node/package_internal.h"

struct moot_package {
    int file;
    uint64_t blobs_at;                      /* where the first blob begins */
    struct moot_package_manifest *manifest; /* owned */
    uint64_t *blob_at;                      /* for each blob its offset from blobs_at */
};

/* The manifest's memory: the struct, the bytes and the arrays, in one block. */
struct manifest_memory {
    struct moot_package_manifest manifest;
    uint8_t *bytes;
    void *arena;
};

enum moot_status moot_package_manifest_new(struct moot_bytes bytes,
                                           struct moot_package_manifest **ret,
                                           struct moot_error *error)
{
    if (bytes.size > MOOT_MANIFEST_BYTES_MAX)
        return moot_error_set(error, MOOT_OVERSIZED, "a manifest of %zu bytes", bytes.size);
    struct manifest_memory *memory = calloc(1, sizeof *memory);
    uint8_t *copy = malloc(bytes.size + 1);
    void *arena_memory = malloc(MOOT_MANIFEST_ARENA_BYTES); /* touched only as far as needed */
    enum moot_status status = MOOT_NO_MEMORY;
    if (memory != NULL && copy != NULL && arena_memory != NULL) {
        struct moot_arena arena;
        if (bytes.size > 0)
            memcpy(copy, bytes.data, bytes.size);
        moot_arena_init(&arena, arena_memory, MOOT_MANIFEST_ARENA_BYTES);
        memory->manifest.bytes = moot_bytes_of(copy, bytes.size);
        status = moot_manifest_decode(memory->manifest.bytes, &arena, &memory->manifest.manifest);
    }
    if (status != MOOT_OK) {
        free(memory);
        free(copy);
        free(arena_memory);
        return moot_error_set(error, status, "the manifest: %s", moot_status_info(status)->text);
    }
    moot_manifest_hash(memory->manifest.bytes, &memory->manifest.hash);
    memory->bytes = copy;
    memory->arena = arena_memory;
    *ret = &memory->manifest;
    return MOOT_OK;
}

void moot_package_manifest_free(struct moot_package_manifest *manifest)
{
    if (manifest == NULL)
        return;
    struct manifest_memory *memory = (struct manifest_memory *)(void *)manifest; /* first member */
    free(memory->bytes);
    free(memory->arena);
    free(memory);
}

static enum moot_status damaged(struct moot_error *error, const char *what)
{
    return moot_error_set(error, MOOT_BAD_PACKAGE, "%s", what);
}

static enum moot_status head_read(struct moot_package *package, const char *path,
                                  struct moot_error *error)
{
    uint8_t head[MOOT_PACKAGE_HEAD_BYTES];
    size_t size = 0;
    enum moot_status status =
        moot_disk_read(package->file, 0, head, sizeof head, &size, path, error);
    if (status != MOOT_OK)
        return status;
    if (size != sizeof head || memcmp(head, MOOT_PACKAGE_MAGIC, 8) != 0)
        return damaged(error, "it does not begin as a package does");
    uint32_t manifest_size = moot_u32_get(head + 8);
    if (manifest_size > MOOT_MANIFEST_BYTES_MAX)
        return damaged(error, "its manifest is too large");
    uint8_t *bytes = malloc((size_t)manifest_size + 1);
    if (bytes == NULL)
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory for the manifest");
    status = moot_disk_read(package->file, sizeof head, bytes, manifest_size, &size, path, error);
    if (status == MOOT_OK && size != manifest_size)
        status = damaged(error, "it ends within its manifest");
    if (status == MOOT_OK)
        status = moot_package_manifest_new(moot_bytes_of(bytes, size), &package->manifest, error);
    /* In a file one byte altered can show as either; both mean the same to whoever holds it. */
    if (status == MOOT_BAD_SIGNATURE || status == MOOT_BAD_PATH)
        status = moot_error_set(error, MOOT_BAD_MANIFEST, "the manifest: %s",
                                moot_status_info(status)->text);
    free(bytes);
    package->blobs_at = sizeof head + (uint64_t)manifest_size;
    return status;
}

static enum moot_status size_check(struct moot_package *package, const char *path,
                                   struct moot_error *error)
{
    const struct moot_manifest *manifest = &package->manifest->manifest;
    struct stat about;
    package->blob_at =
        calloc(manifest->blob_count == 0 ? 1 : manifest->blob_count, sizeof *package->blob_at);
    if (package->blob_at == NULL)
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory for the list of blobs");
    uint64_t offset = 0;
    for (uint32_t i = 0; i < manifest->blob_count; i++) {
        package->blob_at[i] = offset;
        offset += manifest->blobs[i].packed_bytes;
    }
    if (fstat(package->file, &about) != 0)
        return moot_disk_failed(error, "cannot look at", path);
    uint64_t size = (uint64_t)about.st_size;
    if (size < package->blobs_at + offset)
        return damaged(error, "it ends before its last block does");
    if (size > package->blobs_at + offset)
        return damaged(error, "bytes follow its last block");
    return MOOT_OK;
}

enum moot_status moot_package_open(const char *path, struct moot_package **ret,
                                   struct moot_error *error)
{
    struct stat about;
    if (!moot_crypto_init())
        return moot_error_set(error, MOOT_INTERNAL, "libsodium cannot be used");
    struct moot_package *package = calloc(1, sizeof *package);
    if (package == NULL)
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory to open a package");
    enum moot_status status = MOOT_OK;
    package->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not block us */
    if (package->file < 0 && errno == ENOENT)
        status = moot_error_set(error, MOOT_NOT_FOUND, "there is no file %.100s", path);
    else if (package->file < 0 || fstat(package->file, &about) != 0)
        status = moot_disk_failed(error, "cannot open", path);
    else if (!S_ISREG(about.st_mode))
        status = damaged(error, "it is not a regular file");
    if (status == MOOT_OK)
        status = head_read(package, path, error);
    if (status == MOOT_OK)
        status = size_check(package, path, error);
    if (status != MOOT_OK) {
        moot_package_close(package);
        return status;
    }
    *ret = package;
    return MOOT_OK;
}

void moot_package_close(struct moot_package *package)
{
    if (package == NULL)
        return;
    moot_disk_close(&package->file);
    moot_package_manifest_free(package->manifest);
    free(package->blob_at);
    free(package);
}

const struct moot_package_manifest *moot_package_manifest(const struct moot_package *package)
{
    return package->manifest;
}

/* The offset in the file of block `index`. */
static uint64_t block_at(const struct moot_package *package, uint32_t index)
{
    const struct moot_manifest *manifest = &package->manifest->manifest;
    uint32_t low = 0;
    uint32_t high = manifest->blob_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (manifest->blobs[middle].block_first <= index)
            low = middle;
        else
            high = middle;
    }
    uint64_t before = index - manifest->blobs[low].block_first;
    return package->blobs_at + package->blob_at[low] + before * MOOT_BLOCK_BYTES;
}

/* For moot_package_source: unchecked but for its size. */
static enum moot_status block_read(void *context, uint32_t index, uint8_t *buffer, size_t *ret_size,
                                   struct moot_error *error)
{
    const struct moot_package *package = context;
    size_t expected = moot_manifest_block_size(&package->manifest->manifest, index);
    enum moot_status status = moot_disk_read(package->file, (off_t)block_at(package, index), buffer,
                                             expected, ret_size, "the package", error);
    if (status == MOOT_OK && *ret_size != expected)
        return damaged(error, "it ends before its last block does");
    return status;
}

struct moot_package_source moot_package_source_of(struct moot_package *package)
{
    return (struct moot_package_source){.read = block_read, .context = package};
}

enum moot_status moot_package_block(struct moot_package *package, uint32_t index, uint8_t *buffer,
                                    size_t *ret_size, struct moot_error *error)
{
    size_t size = 0;
    enum moot_status status = block_read(package, index, buffer, &size, error);
    if (status == MOOT_OK)
        status = moot_package_block_judge(&package->manifest->manifest, index,
                                          moot_bytes_of(buffer, size), error);
    if (status == MOOT_OK)
        *ret_size = size;
    return status;
}

enum moot_status moot_package_verify(const char *path, struct moot_error *error)
{
    struct moot_package *package;
    enum moot_status status = moot_package_open(path, &package, error);
    if (status != MOOT_OK)
        return status;
    struct moot_package_source source = moot_package_source_of(package);
    status = moot_package_check(&package->manifest->manifest, &source, NULL, error);
    moot_package_close(package);
    return status;
}
