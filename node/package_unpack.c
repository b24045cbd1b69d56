/*
 * From blocks to a directory of files, checked while written (never checked first and read again later).
 *
 * Happy path: a temporary directory beside the final name, each file created new and opened once, contents
 * judged as they stream, files and directories synced, then the rename. Failures: typed; the temporary
 * directory is removed, and the final name was never there. An existing final name is FILE_IO.
 */
#include "node/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/package_disk.h"

static enum moot_status file_write(void *context, struct moot_bytes bytes, struct moot_error *error)
{
    const int *file = context;
    return moot_disk_write(*file, bytes, "an unpacked file", error);
}

/* Opens the directory of `path` below `top`, making what is missing; *ret_name is the last component. */
static enum moot_status directories_make(int top, const char *path, int *ret_directory,
                                         const char **ret_name, struct moot_error *error)
{
    char component[256];
    int at = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return moot_disk_failed(error, "cannot open", path);
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(path, '/')) {
        snprintf(component, sizeof component, "%.*s", (int)(slash - path), path);
        int next = -1;
        if (mkdirat(at, component, 0755) == 0 || errno == EEXIST)
            next = openat(at, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            enum moot_status status = moot_disk_failed(error, "cannot make", component);
            close(at);
            return status;
        }
        close(at);
        at = next;
        path = slash + 1;
    }
    *ret_directory = at;
    *ret_name = path;
    return MOOT_OK;
}

static enum moot_status file_unpack(const struct moot_manifest *manifest, uint32_t index,
                                    const struct moot_package_source *source, int top,
                                    struct moot_error *error)
{
    const struct moot_manifest_file *file = &manifest->files[index];
    char path[MOOT_PACKAGE_PATH_BYTES_MAX + 1];
    const char *name = path;
    int directory MOOT_CLEANUP(moot_disk_close) = -1;
    snprintf(path, sizeof path, "%.*s", (int)file->path.size, (const char *)file->path.data);
    enum moot_status status = directories_make(top, path, &directory, &name, error);
    if (status != MOOT_OK)
        return status;
    int output MOOT_CLEANUP(moot_disk_close) = openat(
        directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)file->mode);
    if (output < 0)
        return moot_disk_failed(error, "cannot create", path);
    struct moot_package_sink sink = {.write = file_write, .context = &output};
    status = moot_package_blob(manifest, file->blob, source, &sink, NULL, error);
    if (status != MOOT_OK)
        return status;
    if (fchmod(output, (mode_t)file->mode) != 0) /* whatever the umask is */
        return moot_disk_failed(error, "cannot set the mode of", path);
    return fsync(output) != 0 ? moot_disk_failed(error, "cannot sync", path) : MOOT_OK;
}

/* Visits what is below `directory` (taken over): syncs directories, or removes everything. */
static int tree_finish(int directory, bool erase)
{
    DIR *entries = fdopendir(directory);
    if (entries == NULL) {
        close(directory);
        return -1;
    }
    int failed = 0;
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int child =
            openat(dirfd(entries), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child >= 0 && tree_finish(child, erase) != 0)
            failed = -1;
        if (erase)
            unlinkat(dirfd(entries), entry->d_name, child >= 0 ? AT_REMOVEDIR : 0);
    }
    if (!erase && fsync(dirfd(entries)) != 0)
        failed = -1;
    closedir(entries);
    return failed;
}

static enum moot_status all_unpack(const struct moot_manifest *manifest,
                                   const struct moot_package_source *source, int top,
                                   struct moot_error *error)
{
    enum moot_status status = MOOT_OK;
    for (uint32_t i = 0; i < manifest->file_count && status == MOOT_OK; i++)
        status = file_unpack(manifest, i, source, top, error);
    if (status != MOOT_OK)
        return status;
    int again = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0 || tree_finish(again, false) != 0)
        return moot_disk_failed(error, "cannot sync", "the unpacked directories");
    return MOOT_OK;
}

enum moot_status moot_package_unpack(const struct moot_manifest *manifest,
                                     const struct moot_package_source *source,
                                     const char *directory, struct moot_error *error)
{
    int parent MOOT_CLEANUP(moot_disk_close) = -1;
    const char *name = directory;
    enum moot_status status = moot_disk_parent_open(directory, &parent, &name, error);
    if (status != MOOT_OK)
        return status;
    char temporary[48];
    status = moot_disk_new_directory(parent, temporary, sizeof temporary, error);
    if (status != MOOT_OK)
        return status;
    int top = openat(parent, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0)
        status = moot_disk_failed(error, "cannot open", temporary);
    else
        status = all_unpack(manifest, source, top, error);
    const char *now = temporary; /* the directory's name at this moment */
    if (status == MOOT_OK && renameat2(parent, temporary, parent, name, RENAME_NOREPLACE) != 0)
        status = moot_disk_failed(error, "cannot name", name);
    else if (status == MOOT_OK) {
        now = name;
        if (fsync(parent) != 0)
            status = moot_disk_failed(error, "cannot sync the directory of", name);
    }
    if (status == MOOT_OK) {
        close(top);
        return MOOT_OK;
    }
    if (top >= 0)
        (void)tree_finish(top, true);
    unlinkat(parent, now, AT_REMOVEDIR);
    return status;
}
