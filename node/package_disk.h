/*
 * Files that appear complete or not at all, and reads and writes that finish. For what packages and
 * blocks put on disk; nothing here knows what the bytes mean.
 */
#ifndef MOOT_NODE_PACKAGE_DISK_H
#define MOOT_NODE_PACKAGE_DISK_H

#include <sys/types.h>

#include "crypto/base/bytes.h"
#include "crypto/base/status.h"

/* The status of the current errno: NO_SPACE for a full disk or quota, NO_MEMORY, else FILE_IO. Fills
 * `error` with it, `what` was done and to what `name`. */
enum moot_status moot_disk_failed(struct moot_error *error, const char *what, const char *name);

/* Writes all bytes at the file's position. `name` is for the error. */
MOOT_MUST_USE enum moot_status moot_disk_write(int file, struct moot_bytes bytes, const char *name,
                                               struct moot_error *error);
/* Reads up to `size` bytes at `offset` (-1: at the file's position); less only at the file's end. */
MOOT_MUST_USE enum moot_status moot_disk_read(int file, off_t offset, uint8_t *buffer, size_t size,
                                              size_t *ret_size, const char *name,
                                              struct moot_error *error);

/* Opens the directory that holds `path` (NUL-terminated); *ret_name points at the last component. */
MOOT_MUST_USE enum moot_status moot_disk_parent_open(const char *path, int *ret_directory,
                                                     const char **ret_name,
                                                     struct moot_error *error);

/* A file being written under a temporary name. */
struct moot_disk_new {
    int directory; /* borrowed */
    int file;
    char name[48];
};
/* Creates it in `directory` (borrowed until commit or discard), mode as given. */
MOOT_MUST_USE enum moot_status moot_disk_new_open(struct moot_disk_new *file, int directory,
                                                  mode_t mode, struct moot_error *error);
/*
 * fsync, then the rename to `name` in `target` (any directory of the same disk), then fsync of `target`.
 * With `keep_old`, an existing file stays: *ret_kept true. Ends the file in every case.
 */
MOOT_MUST_USE enum moot_status moot_disk_new_commit(struct moot_disk_new *file, int target,
                                                    const char *name, bool keep_old, bool *ret_kept,
                                                    struct moot_error *error);
/* Removes it; fine after a commit. */
void moot_disk_new_discard(struct moot_disk_new *file);

/* Makes an empty directory of mode 0755 under a temporary name in `parent`; `ret_name` gets the name. */
MOOT_MUST_USE enum moot_status moot_disk_new_directory(int parent, char *ret_name, size_t name_size,
                                                       struct moot_error *error);

/* close() for MOOT_CLEANUP: ignores -1. */
void moot_disk_close(int *file);

#endif
