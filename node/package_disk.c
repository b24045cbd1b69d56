/*
 * Durable files: written under a temporary name, fsync, rename, fsync of the directory.
 *
 * Happy path: open, write, commit. Failures: typed from errno; a temporary file is removed on every way
 * out but a crash, and its name says that it may be.
 */
#include "node/package_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum moot_status moot_disk_failed(struct moot_error *error, const char *what, const char *name)
{
    int code = errno;
    enum moot_status status = MOOT_FILE_IO;
    if (code == ENOSPC || code == EDQUOT)
        status = MOOT_NO_SPACE;
    else if (code == ENOMEM)
        status = MOOT_NO_MEMORY;
    char reason[64];
    (void)moot_error_set(error, status, "%s %.90s: %s", what, name,
                         strerror_r(code, reason, sizeof reason));
    if (error != NULL)
        error->system_errno = code;
    return status;
}

enum moot_status moot_disk_write(int file, struct moot_bytes bytes, const char *name,
                                 struct moot_error *error)
{
    size_t done = 0;
    while (done < bytes.size) {
        ssize_t written = write(file, bytes.data + done, bytes.size - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return moot_disk_failed(error, "cannot write", name);
        done += (size_t)written;
    }
    return MOOT_OK;
}

enum moot_status moot_disk_read(int file, off_t offset, uint8_t *buffer, size_t size,
                                size_t *ret_size, const char *name, struct moot_error *error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = offset < 0 ? read(file, buffer + done, size - done)
                                 : pread(file, buffer + done, size - done, offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return moot_disk_failed(error, "cannot read", name);
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_size = done;
    return MOOT_OK;
}

enum moot_status moot_disk_parent_open(const char *path, int *ret_directory, const char **ret_name,
                                       struct moot_error *error)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    char parent[4096] = ".";
    if (slash != NULL) {
        size_t size = slash == path ? 1 : (size_t)(slash - path);
        if (size >= sizeof parent)
            return moot_error_set(error, MOOT_BAD_ARGUMENT, "the path is too long");
        memcpy(parent, path, size);
        parent[size] = '\0';
    }
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "%.100s names no file", path);
    int directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return moot_disk_failed(error, "cannot open the directory", parent);
    *ret_directory = directory;
    *ret_name = name;
    return MOOT_OK;
}

/* Never the same twice in one process; another process's may be there, left by a crash. */
static void name_next(char *ret, size_t size)
{
    static _Atomic unsigned long counter;
    unsigned long number = atomic_fetch_add(&counter, 1);
    snprintf(ret, size, ".moot-new-%ld-%lu", (long)getpid(), number);
}

enum moot_status moot_disk_new_directory(int parent, char *ret_name, size_t name_size,
                                         struct moot_error *error)
{
    int made;
    do {
        name_next(ret_name, name_size);
        made = mkdirat(parent, ret_name, 0755);
    } while (made != 0 && errno == EEXIST);
    return made != 0 ? moot_disk_failed(error, "cannot make", ret_name) : MOOT_OK;
}

enum moot_status moot_disk_new_open(struct moot_disk_new *file, int directory, mode_t mode,
                                    struct moot_error *error)
{
    file->directory = directory;
    do {
        name_next(file->name, sizeof file->name);
        file->file =
            openat(directory, file->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    } while (file->file < 0 && errno == EEXIST);
    return file->file < 0 ? moot_disk_failed(error, "cannot create", file->name) : MOOT_OK;
}

static enum moot_status new_rename(struct moot_disk_new *file, int target, const char *name,
                                   bool keep_old, bool *ret_kept, struct moot_error *error)
{
    if (fsync(file->file) != 0)
        return moot_disk_failed(error, "cannot sync", name);
    if (keep_old) {
        /* link() never replaces; the temporary name goes in the caller's discard. */
        bool linked = linkat(file->directory, file->name, target, name, 0) == 0;
        if (!linked && errno != EEXIST)
            return moot_disk_failed(error, "cannot name", name);
        *ret_kept = !linked;
    } else {
        if (renameat(file->directory, file->name, target, name) != 0)
            return moot_disk_failed(error, "cannot rename to", name);
        file->name[0] = '\0';
    }
    if (fsync(target) != 0)
        return moot_disk_failed(error, "cannot sync the directory of", name);
    return MOOT_OK;
}

enum moot_status moot_disk_new_commit(struct moot_disk_new *file, int target, const char *name,
                                      bool keep_old, bool *ret_kept, struct moot_error *error)
{
    enum moot_status status = new_rename(file, target, name, keep_old, ret_kept, error);
    moot_disk_new_discard(file);
    return status;
}

void moot_disk_new_discard(struct moot_disk_new *file)
{
    if (file->file >= 0)
        close(file->file);
    file->file = -1;
    if (file->name[0] != '\0')
        unlinkat(file->directory, file->name, 0);
    file->name[0] = '\0';
}

void moot_disk_close(int *file)
{
    if (*file >= 0)
        close(*file);
    *file = -1;
}
