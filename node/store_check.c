/*
 * Looks at the store's files before LMDB maps them. LMDB trusts the file: a page that lies beyond
 * its end is a SIGBUS in whoever touches it. So the two meta pages are read here first, and the last
 * page in use must lie inside the file. The store's thread keeps the file a little longer than it
 * needs to be (node/store_write.c), so a whole file always passes.
 *
 * Layout of a meta page (LMDB 0.9, 64 bits, the machine's byte order): page header 16 bytes, magic
 * u32, version u32, address u64, map size u64, two tables of 48 bytes (the first begins with the
 * page size u32), last page u64, transaction u64.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/store_internal.h"

#define META_MAGIC 0xBEEFC0DEu
#define META_BYTES 152u
#define META_AT_MAGIC 16u
#define META_AT_PAGE_BYTES 40u
#define META_AT_LAST_PAGE 136u
#define META_AT_TXN 144u
#define PAGE_BYTES_MIN 512u
#define PAGE_BYTES_MAX 65536u

struct meta {
    uint32_t page_bytes;
    uint64_t last_page;
    uint64_t txn;
};

/* False: there is no meta page there. */
static bool meta_read(int descriptor, uint64_t offset, struct meta *ret)
{
    uint8_t bytes[META_BYTES];
    uint32_t magic = 0;
    if (pread(descriptor, bytes, sizeof bytes, (off_t)offset) != (ssize_t)sizeof bytes) {
        return false;
    }
    memcpy(&magic, bytes + META_AT_MAGIC, sizeof magic);
    memcpy(&ret->page_bytes, bytes + META_AT_PAGE_BYTES, sizeof ret->page_bytes);
    memcpy(&ret->last_page, bytes + META_AT_LAST_PAGE, sizeof ret->last_page);
    memcpy(&ret->txn, bytes + META_AT_TXN, sizeof ret->txn);
    bool power_of_two = (ret->page_bytes & (ret->page_bytes - 1)) == 0;
    return magic == META_MAGIC && power_of_two && ret->page_bytes >= PAGE_BYTES_MIN &&
           ret->page_bytes <= PAGE_BYTES_MAX;
}

static enum moot_status check_descriptor(int descriptor, const char *data_path,
                                         struct moot_error *error)
{
    struct stat file;
    if (fstat(descriptor, &file) != 0) {
        return moot_store_fail(error, errno, data_path);
    }
    struct meta first;
    struct meta second;
    if (!meta_read(descriptor, 0, &first) || !meta_read(descriptor, first.page_bytes, &second)) {
        return moot_error_set(error, MOOT_STORE_DAMAGED, "%s has no meta page", data_path);
    }
    const struct meta *current = second.txn > first.txn ? &second : &first;
    uint64_t pages = (uint64_t)file.st_size / first.page_bytes;
    if (current->last_page >= pages) {
        return moot_error_set(error, MOOT_STORE_DAMAGED, "%s is cut short: %llu of %llu pages",
                              data_path, (unsigned long long)pages,
                              (unsigned long long)current->last_page + 1);
    }
    return MOOT_OK;
}

enum moot_status moot_store_check_size(const char *data_path, struct moot_error *error)
{
    int descriptor = open(data_path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return errno == ENOENT
                   ? moot_error_set(error, MOOT_STORE_DAMAGED, "%s is missing", data_path)
                   : moot_store_fail(error, errno, data_path);
    }
    enum moot_status status = check_descriptor(descriptor, data_path, error);
    (void)close(descriptor);
    return status;
}

/* 28 bytes: device, inode, birth time; the birth time is 0 where the file system keeps none. */
static enum moot_status identify_one(const char *path, uint8_t *ret, struct moot_error *error)
{
    struct statx file;
    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &file) != 0) {
        return moot_store_fail(error, errno, path);
    }
    bool born = (file.stx_mask & STATX_BTIME) != 0;
    moot_u32_put(ret, file.stx_dev_major);
    moot_u32_put(ret + 4, file.stx_dev_minor);
    moot_u64_put(ret + 8, file.stx_ino);
    moot_u64_put(ret + 16, born ? (uint64_t)file.stx_btime.tv_sec : 0);
    moot_u32_put(ret + 24, born ? file.stx_btime.tv_nsec : 0);
    return MOOT_OK;
}

enum moot_status moot_store_identify(const char *path, uint8_t ret[MOOT_NODE_STORE_IDENTITY_BYTES],
                                     struct moot_error *error)
{
    char data_path[4096];
    (void)snprintf(data_path, sizeof data_path, "%s/data.mdb", path);
    enum moot_status status = identify_one(path, ret, error);
    if (status != MOOT_OK) {
        return status;
    }
    return identify_one(data_path, ret + MOOT_NODE_STORE_IDENTITY_BYTES / 2, error);
}
