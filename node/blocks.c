/*
 * Blocks and manifests as files named by their hashes.
 *
 * Happy path: put verifies, writes a new file, syncs it, renames it to its hash and syncs the directory;
 * get opens by hash. Failures: NO_SPACE and FILE_IO from the disk, BAD_BLOCK for bytes that are not what their
 * name says. Renames replace a file by one of the same content, so threads need no lock.
 */
#include "node/blocks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "node/blocks_internal.h"
#include "node/package_disk.h"

#define NAME_BYTES 68 /* "ab/", 64 digits, NUL */

static void name_of(const struct moot_digest *hash, char ret[NAME_BYTES])
{
    char text[65];
    moot_hex_format(moot_digest_bytes(hash), text);
    snprintf(ret, NAME_BYTES, "%.2s/%s", text, text);
}

/* Opens directory `name` in `parent`, made if need be. */
static enum moot_status directory_open(int parent, const char *name, int *ret,
                                       struct moot_error *error)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return moot_disk_failed(error, "cannot make the directory", name);
    *ret = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret < 0 ? moot_disk_failed(error, "cannot open the directory", name) : MOOT_OK;
}

/* A shelf: 256 directories by the first byte of the hash. */
static enum moot_status shelf_open(int parent, const char *name, int *ret, struct moot_error *error)
{
    enum moot_status status = directory_open(parent, name, ret, error);
    if (status != MOOT_OK)
        return status;
    for (unsigned i = 0; i < 256; i++) {
        char below[3];
        snprintf(below, sizeof below, "%02x", i & 0xff);
        if (mkdirat(*ret, below, 0700) != 0 && errno != EEXIST)
            return moot_disk_failed(error, "cannot make the directory", below);
    }
    return fsync(*ret) != 0 ? moot_disk_failed(error, "cannot sync", name) : MOOT_OK;
}

/* What a crash left half-written. */
static enum moot_status leftovers_remove(int directory, struct moot_error *error)
{
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = again < 0 ? NULL : fdopendir(again);
    if (entries == NULL) {
        moot_disk_close(&again);
        return moot_disk_failed(error, "cannot read the directory", "blocks/new");
    }
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(directory, entry->d_name, 0);
    closedir(entries);
    return MOOT_OK;
}

enum moot_status moot_blocks_open(const char *data_directory, struct moot_blocks **ret,
                                  struct moot_error *error)
{
    if (!moot_crypto_init())
        return moot_error_set(error, MOOT_INTERNAL, "libsodium cannot be used");
    struct moot_blocks *blocks = malloc(sizeof *blocks);
    if (blocks == NULL)
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory for the block store");
    *blocks = (struct moot_blocks){.shelves = {-1, -1}, .being_written = -1};
    int data MOOT_CLEANUP(moot_disk_close) =
        open(data_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum moot_status status = MOOT_OK;
    if (data < 0)
        status = moot_disk_failed(error, "cannot open the directory", data_directory);
    if (status == MOOT_OK)
        status = shelf_open(data, "blocks", &blocks->shelves[MOOT_SHELF_BLOCKS], error);
    if (status == MOOT_OK)
        status = shelf_open(data, "manifests", &blocks->shelves[MOOT_SHELF_MANIFESTS], error);
    if (status == MOOT_OK)
        status = directory_open(blocks->shelves[MOOT_SHELF_BLOCKS], "new", &blocks->being_written,
                                error);
    if (status == MOOT_OK)
        status = leftovers_remove(blocks->being_written, error);
    if (status == MOOT_OK && fsync(data) != 0)
        status = moot_disk_failed(error, "cannot sync", data_directory);
    if (status != MOOT_OK) {
        moot_blocks_close(blocks);
        return status;
    }
    *ret = blocks;
    return MOOT_OK;
}

void moot_blocks_close(struct moot_blocks *blocks)
{
    if (blocks == NULL)
        return;
    moot_disk_close(&blocks->shelves[MOOT_SHELF_BLOCKS]);
    moot_disk_close(&blocks->shelves[MOOT_SHELF_MANIFESTS]);
    moot_disk_close(&blocks->being_written);
    free(blocks);
}

enum moot_status moot_shelf_get(const struct moot_blocks *blocks, enum moot_shelf shelf,
                                const struct moot_digest *hash, uint8_t *buffer, size_t capacity,
                                size_t *ret_size, struct moot_error *error)
{
    char name[NAME_BYTES];
    struct stat about;
    name_of(hash, name);
    int file MOOT_CLEANUP(moot_disk_close) =
        openat(blocks->shelves[shelf], name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return moot_error_set(error, MOOT_BLOCK_MISSING, "%.16s", name + 3);
    if (file < 0 || fstat(file, &about) != 0)
        return moot_disk_failed(error, "cannot open", name);
    if (!S_ISREG(about.st_mode) || about.st_size <= 0 || (uint64_t)about.st_size > capacity)
        return moot_error_set(error, MOOT_BAD_BLOCK, "%.16s has an impossible size", name + 3);
    return moot_disk_read(file, 0, buffer, (size_t)about.st_size, ret_size, name, error);
}

bool moot_shelf_has(const struct moot_blocks *blocks, enum moot_shelf shelf,
                    const struct moot_digest *hash, size_t *ret_size)
{
    char name[NAME_BYTES];
    struct stat about;
    name_of(hash, name);
    if (fstatat(blocks->shelves[shelf], name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(about.st_mode) || about.st_size <= 0)
        return false;
    if (ret_size != NULL)
        *ret_size = (size_t)about.st_size;
    return true;
}

/* The directory that the file of `hash` lies in. */
static enum moot_status folder_open(const struct moot_blocks *blocks, enum moot_shelf shelf,
                                    const struct moot_digest *hash, int *ret,
                                    struct moot_error *error)
{
    char folder[3];
    moot_hex_format(moot_bytes_of(hash->b, 1), folder);
    *ret = openat(blocks->shelves[shelf], folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret < 0 ? moot_disk_failed(error, "cannot open the directory", folder) : MOOT_OK;
}

enum moot_status moot_shelf_put(const struct moot_blocks *blocks, enum moot_shelf shelf,
                                const struct moot_digest *hash, struct moot_bytes bytes,
                                struct moot_error *error)
{
    char name[NAME_BYTES];
    int folder MOOT_CLEANUP(moot_disk_close) = -1;
    struct moot_disk_new file;
    enum moot_status status = folder_open(blocks, shelf, hash, &folder, error);
    if (status != MOOT_OK)
        return status;
    name_of(hash, name);
    status = moot_disk_new_open(&file, blocks->being_written, 0600, error);
    if (status != MOOT_OK)
        return status;
    status = moot_disk_write(file.file, bytes, name, error);
    if (status != MOOT_OK) {
        moot_disk_new_discard(&file);
        return status;
    }
    return moot_disk_new_commit(&file, folder, name + 3, false, NULL, error);
}

enum moot_status moot_shelf_sync(const struct moot_blocks *blocks, enum moot_shelf shelf,
                                 const struct moot_digest *hash, struct moot_error *error)
{
    int folder MOOT_CLEANUP(moot_disk_close) = -1;
    enum moot_status status = folder_open(blocks, shelf, hash, &folder, error);
    if (status != MOOT_OK)
        return status;
    return fsync(folder) != 0 ? moot_disk_failed(error, "cannot sync", "a directory of blocks")
                              : MOOT_OK;
}

enum moot_status moot_shelf_remove(const struct moot_blocks *blocks, enum moot_shelf shelf,
                                   const struct moot_digest *hash, struct moot_error *error)
{
    char name[NAME_BYTES];
    name_of(hash, name);
    if (unlinkat(blocks->shelves[shelf], name, 0) != 0 && errno != ENOENT)
        return moot_disk_failed(error, "cannot remove", name);
    return moot_shelf_sync(blocks, shelf, hash, error);
}

enum moot_status moot_blocks_free_bytes(struct moot_blocks *blocks, uint64_t *ret_bytes,
                                        struct moot_error *error)
{
    struct statvfs about;
    if (fstatvfs(blocks->being_written, &about) != 0)
        return moot_disk_failed(error, "cannot look at the disk of", "the block store");
    *ret_bytes = (uint64_t)about.f_bavail * about.f_frsize;
    return MOOT_OK;
}
