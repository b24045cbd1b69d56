/*
 * The device key's file. Made in this order: a new file beside it (exclusive, 0600), its bytes, fsync, link to the final
 * name (which fails if that exists, so a key is never replaced), fsync of the directory.
 */
#include "node/device_key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED_BYTES 32
#define KEY_NAME "device.key"
#define NEW_NAME "device.key.new"

static enum moot_status failed(struct moot_error *error, enum moot_status status, const char *what)
{
    int why = errno;
    (void)moot_error_set(error, status, KEY_NAME ": %s", what);
    if (error != NULL) {
        error->system_errno = why;
    }
    return status;
}

static enum moot_status check(int file, struct moot_error *error)
{
    struct stat st;
    if (fstat(file, &st) != 0) {
        return failed(error, MOOT_FILE_IO, "cannot be looked at");
    }
    errno = 0;
    if (!S_ISREG(st.st_mode) || st.st_size != SEED_BYTES) {
        return failed(error, MOOT_STORE_DAMAGED, "is not a file of 32 bytes");
    }
    if ((st.st_mode & 077) != 0 || st.st_uid != geteuid()) {
        return failed(error, MOOT_NOT_ALLOWED, "must belong to this user with mode 0600");
    }
    return MOOT_OK;
}

static enum moot_status read_seed(int directory, uint8_t seed[SEED_BYTES], struct moot_error *error)
{
    int file = openat(directory, KEY_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        bool absent = errno == ENOENT;
        return failed(error, absent ? MOOT_NOT_FOUND : MOOT_FILE_IO,
                      absent ? "is missing" : "cannot be opened");
    }
    enum moot_status status = check(file, error);
    if (status == MOOT_OK && pread(file, seed, SEED_BYTES, 0) != SEED_BYTES) {
        status = failed(error, MOOT_FILE_IO, "cannot be read");
    }
    (void)close(file);
    return status;
}

static enum moot_status write_seed(int directory, const uint8_t seed[SEED_BYTES],
                                   struct moot_error *error)
{
    (void)unlinkat(directory, NEW_NAME, 0); /* of a start that was cut short */
    int file =
        openat(directory, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        return failed(error, MOOT_FILE_IO, "cannot be made");
    }
    bool good = write(file, seed, SEED_BYTES) == SEED_BYTES && fsync(file) == 0;
    int why = errno;
    (void)close(file);
    if (good) {
        good = linkat(directory, NEW_NAME, directory, KEY_NAME, 0) == 0;
        why = errno;
    }
    (void)unlinkat(directory, NEW_NAME, 0);
    if (good) {
        good = fsync(directory) == 0;
        why = errno;
    }
    if (!good) {
        errno = why;
        return failed(error, MOOT_FILE_IO, "cannot be written");
    }
    return MOOT_OK;
}

enum moot_status moot_device_key_load(const char *data_directory, bool may_make,
                                      struct moot_identity *ret, bool *ret_made,
                                      struct moot_error *error)
{
    int directory = open(data_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return failed(error, MOOT_FILE_IO, "its directory cannot be opened");
    }
    uint8_t seed[SEED_BYTES];
    *ret_made = false;
    enum moot_status status = read_seed(directory, seed, error);
    if (status == MOOT_NOT_FOUND && may_make) {
        randombytes_buf(seed, sizeof seed);
        status = write_seed(directory, seed, error);
        *ret_made = status == MOOT_OK;
    }
    if (status == MOOT_OK) {
        moot_identity_init(ret, seed);
    }
    moot_wipe(seed, sizeof seed);
    (void)close(directory);
    return status;
}
