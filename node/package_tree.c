/*
 * The files of a directory, ready to be packed: sorted paths, hashes, equal contents found.
 *
 * Happy path: walk, sort, hash, group. Failures: anything but directories and regular files, and names
 * that a manifest may not hold, are BAD_PATH with the name; too much of anything is LIMIT.
 */
#include "node/package_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "node/package_disk.h"

#define CHUNK_BYTES 131072

/* Names come from a disk and go to a terminal. */
static enum moot_status path_refused(struct moot_error *error, const char *path, const char *why)
{
    char shown[101];
    size_t size = 0;
    for (; path[size] != '\0' && size < sizeof shown - 1; size++)
        shown[size] = path[size] < ' ' || path[size] > '~' ? '?' : path[size];
    shown[size] = '\0';
    return moot_error_set(error, MOOT_BAD_PATH, "%s: %s", shown, why);
}

static enum moot_status entry_add(struct moot_package_tree *tree, const char *path,
                                  struct moot_error *error)
{
    if (tree->count == MOOT_PACKAGE_FILES_MAX)
        return moot_error_set(error, MOOT_LIMIT, "more than %d files", MOOT_PACKAGE_FILES_MAX);
    if (tree->count == tree->capacity) {
        uint32_t capacity = tree->capacity == 0 ? 64 : tree->capacity * 2;
        struct moot_package_entry *entries =
            realloc(tree->entries, capacity * sizeof *tree->entries);
        if (entries == NULL)
            return moot_error_set(error, MOOT_NO_MEMORY, "no memory for the list of files");
        tree->entries = entries;
        tree->capacity = capacity;
    }
    char *copy = strdup(path);
    if (copy == NULL)
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory for the list of files");
    tree->entries[tree->count++] = (struct moot_package_entry){.path = copy};
    return MOOT_OK;
}

static enum moot_status directory_walk(struct moot_package_tree *tree, int directory,
                                       const char *path, struct moot_error *error);

/* One name in the directory at `path` (empty for the top). */
static enum moot_status name_walk(struct moot_package_tree *tree, int directory, const char *path,
                                  const char *name, struct moot_error *error)
{
    char below[MOOT_PACKAGE_PATH_BYTES_MAX + 1];
    int length = snprintf(below, sizeof below, "%s%s%s", path, path[0] == '\0' ? "" : "/", name);
    if (length < 0 || (size_t)length >= sizeof below)
        return path_refused(error, name, "its path is too long");
    if (!moot_manifest_path_valid(moot_bytes_of_text(below)))
        return path_refused(error, below, "a name that packages may not hold, or nested too deep");
    struct stat about;
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return moot_disk_failed(error, "cannot look at", below);
    if (S_ISREG(about.st_mode))
        return entry_add(tree, below, error);
    if (!S_ISDIR(about.st_mode))
        return path_refused(error, below,
                            S_ISLNK(about.st_mode) ? "a symbolic link" : "not a regular file");
    int child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child < 0)
        return moot_disk_failed(error, "cannot open", below);
    return directory_walk(tree, child, below, error);
}

/* Takes `directory` over. As deep as valid paths are. */
static enum moot_status directory_walk(struct moot_package_tree *tree, int directory,
                                       const char *path, struct moot_error *error)
{
    DIR *entries = fdopendir(directory);
    if (entries == NULL) {
        enum moot_status status = moot_disk_failed(error, "cannot read the directory", path);
        close(directory);
        return status;
    }
    enum moot_status status = MOOT_OK;
    while (status == MOOT_OK) {
        errno = 0;
        const struct dirent *entry = readdir(entries);
        if (entry == NULL) {
            if (errno != 0)
                status = moot_disk_failed(error, "cannot read the directory", path);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = name_walk(tree, dirfd(entries), path, entry->d_name, error);
    }
    closedir(entries);
    return status;
}

enum moot_status moot_package_tree_open(const struct moot_package_tree *tree, uint32_t index,
                                        int *ret_file, struct moot_error *error)
{
    const char *path = tree->entries[index].path;
    struct stat about;
    int file = openat(tree->directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return moot_disk_failed(error, "cannot open", path);
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        close(file);
        return moot_error_set(error, MOOT_BAD_PACKAGE, "%.100s changed while it was read", path);
    }
    *ret_file = file;
    return MOOT_OK;
}

static enum moot_status entry_hash(struct moot_package_tree *tree, uint32_t index, uint8_t *chunk,
                                   struct moot_error *error)
{
    struct moot_package_entry *entry = &tree->entries[index];
    struct moot_hasher blake2b;
    crypto_hash_sha256_state sha256;
    struct stat about;
    int file MOOT_CLEANUP(moot_disk_close) = -1;
    enum moot_status status = moot_package_tree_open(tree, index, &file, error);
    if (status != MOOT_OK)
        return status;
    if (fstat(file, &about) != 0)
        return moot_disk_failed(error, "cannot look at", entry->path);
    entry->mode = (about.st_mode & S_IXUSR) != 0 ? MOOT_MODE_PROGRAM : MOOT_MODE_FILE;
    moot_hasher_init(&blake2b, NULL);
    crypto_hash_sha256_init(&sha256);
    for (;;) {
        size_t size = 0;
        status = moot_disk_read(file, -1, chunk, CHUNK_BYTES, &size, entry->path, error);
        if (status != MOOT_OK)
            return status;
        if (size == 0)
            break;
        moot_hasher_add(&blake2b, moot_bytes_of(chunk, size));
        crypto_hash_sha256_update(&sha256, chunk, size);
        entry->size_bytes += size;
        if (entry->size_bytes > MOOT_PACKAGE_BYTES_MAX)
            return moot_error_set(error, MOOT_LIMIT, "%.100s is too large", entry->path);
    }
    moot_hasher_finish(&blake2b, &entry->blake2b);
    crypto_hash_sha256_final(&sha256, entry->sha256);
    return MOOT_OK;
}

static int entry_compare(const void *a, const void *b)
{
    const struct moot_package_entry *left = a;
    const struct moot_package_entry *right = b;
    return moot_bytes_compare(moot_bytes_of_text(left->path), moot_bytes_of_text(right->path));
}

/* Numbers contents in the order of their first file. Quadratic in at most 4096 32-byte compares. */
static enum moot_status contents_group(struct moot_package_tree *tree, struct moot_error *error)
{
    uint64_t total = 0;
    tree->blob_file = calloc(tree->count == 0 ? 1 : tree->count, sizeof *tree->blob_file);
    if (tree->blob_file == NULL)
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory for the list of files");
    for (uint32_t i = 0; i < tree->count; i++) {
        struct moot_package_entry *entry = &tree->entries[i];
        total += entry->size_bytes;
        if (total > MOOT_PACKAGE_BYTES_MAX)
            return moot_error_set(error, MOOT_LIMIT, "more than %llu bytes of files",
                                  (unsigned long long)MOOT_PACKAGE_BYTES_MAX);
        uint32_t blob = 0;
        while (blob < tree->blob_count &&
               !moot_digest_equal(&tree->entries[tree->blob_file[blob]].blake2b, &entry->blake2b))
            blob++;
        entry->blob = blob;
        if (blob == tree->blob_count)
            tree->blob_file[tree->blob_count++] = i;
    }
    return MOOT_OK;
}

enum moot_status moot_package_tree_init(struct moot_package_tree *tree, const char *directory,
                                        struct moot_error *error)
{
    *tree = (struct moot_package_tree){.directory = -1};
    tree->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tree->directory < 0)
        return moot_disk_failed(error, "cannot open the directory", directory);
    int top = openat(tree->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return moot_disk_failed(error, "cannot open the directory", directory);
    enum moot_status status = directory_walk(tree, top, "", error);
    if (status != MOOT_OK)
        return status;
    if (tree->count > 0)
        qsort(tree->entries, tree->count, sizeof *tree->entries, entry_compare);
    uint8_t *chunk = malloc(CHUNK_BYTES);
    if (chunk == NULL)
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory to read files");
    for (uint32_t i = 0; i < tree->count && status == MOOT_OK; i++)
        status = entry_hash(tree, i, chunk, error);
    free(chunk);
    return status == MOOT_OK ? contents_group(tree, error) : status;
}

void moot_package_tree_deinit(struct moot_package_tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++)
        free(tree->entries[i].path);
    free(tree->entries);
    free(tree->blob_file);
    moot_disk_close(&tree->directory);
    *tree = (struct moot_package_tree){.directory = -1};
}
