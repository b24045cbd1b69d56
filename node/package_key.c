/*
 * The release key on disk: 64 hex digits and a newline, for the owner alone.
 *
 * Happy path: the file is read. Missing: a new seed is written to it without ever replacing one that
 * somebody else makes at the same time. Failures: NOT_ALLOWED when others may read it, BAD_ARGUMENT when
 * it holds something else, FILE_IO. Seeds are wiped on every way out.
 */
#include "node/package.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/package_disk.h"

#define SEED_BYTES 32
#define TEXT_BYTES (2 * SEED_BYTES + 1)
#define PATH_BYTES 4096

static enum moot_status path_choose(const char *path, char *ret, struct moot_error *error)
{
    const char *home = getenv("HOME");
    const char *from_environment = getenv("MOOT_RELEASE_KEY");
    int length;
    if (path == NULL && from_environment != NULL && from_environment[0] != '\0')
        path = from_environment;
    if (path != NULL)
        length = snprintf(ret, PATH_BYTES, "%s", path);
    else if (home != NULL && home[0] != '\0')
        length = snprintf(ret, PATH_BYTES, "%s/.config/moot/release.key", home);
    else
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "no key file is given and HOME is not set");
    if (length <= 0 || length >= PATH_BYTES)
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "the path of the key file is too long");
    return MOOT_OK;
}

/* Makes the directories above `path`, for the owner alone. */
static enum moot_status parents_make(const char *path, struct moot_error *error)
{
    char parent[PATH_BYTES];
    snprintf(parent, sizeof parent, "%s", path);
    for (char *at = strchr(parent + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(parent, 0700) != 0 && errno != EEXIST)
            return moot_disk_failed(error, "cannot make the directory", parent);
        *at = '/';
    }
    return MOOT_OK;
}

static enum moot_status key_make(const char *path, bool *ret_made, struct moot_error *error)
{
    uint8_t seed[SEED_BYTES];
    char text[TEXT_BYTES];
    enum moot_status status = parents_make(path, error);
    if (status != MOOT_OK)
        return status;
    int directory MOOT_CLEANUP(moot_disk_close) = -1;
    const char *name = path;
    struct moot_disk_new file;
    status = moot_disk_parent_open(path, &directory, &name, error);
    if (status == MOOT_OK)
        status = moot_disk_new_open(&file, directory, 0600, error);
    if (status != MOOT_OK)
        return status;
    if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        status = moot_disk_failed(error, "cannot get randomness for", path);
    } else {
        moot_hex_format(moot_bytes_of(seed, sizeof seed), text);
        text[TEXT_BYTES - 1] = '\n';
        status = moot_disk_write(file.file, moot_bytes_of(text, sizeof text), path, error);
    }
    moot_wipe(seed, sizeof seed);
    moot_wipe(text, sizeof text);
    bool kept = false;
    if (status == MOOT_OK)
        status = moot_disk_new_commit(&file, directory, name, true, &kept, error);
    else
        moot_disk_new_discard(&file);
    if (status == MOOT_OK)
        *ret_made = !kept;
    return status;
}

static enum moot_status key_read(int file, const char *path, struct moot_identity *ret,
                                 struct moot_error *error)
{
    struct stat about;
    if (fstat(file, &about) != 0)
        return moot_disk_failed(error, "cannot look at", path);
    if (!S_ISREG(about.st_mode))
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "%.100s is no regular file", path);
    if ((about.st_mode & 077) != 0)
        return moot_error_set(error, MOOT_NOT_ALLOWED,
                              "%.80s is open to others (mode %03o): chmod 600 it", path,
                              (unsigned)(about.st_mode & 0777));
    char text[TEXT_BYTES + 1]; /* one more, to see that there is no more */
    uint8_t seed[SEED_BYTES];
    size_t size = 0;
    enum moot_status status =
        moot_disk_read(file, 0, (uint8_t *)text, sizeof text, &size, path, error);
    if (status == MOOT_OK) {
        bool whole = (size == TEXT_BYTES && text[size - 1] == '\n') || size == TEXT_BYTES - 1;
        if (whole && moot_hex_parse(text, TEXT_BYTES - 1, seed, sizeof seed))
            moot_identity_init(ret, seed);
        else
            status = moot_error_set(error, MOOT_BAD_ARGUMENT, "%.100s holds no release key", path);
    }
    moot_wipe(text, sizeof text);
    moot_wipe(seed, sizeof seed);
    return status;
}

enum moot_status moot_package_key_load(const char *path, struct moot_identity *ret, bool *ret_made,
                                       char *ret_path, struct moot_error *error)
{
    char chosen[PATH_BYTES];
    bool made = false;
    if (!moot_crypto_init())
        return moot_error_set(error, MOOT_INTERNAL, "libsodium cannot be used");
    enum moot_status status = path_choose(path, chosen, error);
    if (status != MOOT_OK)
        return status;
    int file MOOT_CLEANUP(moot_disk_close) = open(chosen, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 && errno == ENOENT) {
        status = key_make(chosen, &made, error);
        if (status != MOOT_OK)
            return status;
        file = open(chosen, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    if (file < 0)
        return moot_disk_failed(error, "cannot open", chosen);
    status = key_read(file, chosen, ret, error);
    if (status != MOOT_OK)
        return status;
    if (ret_made != NULL)
        *ret_made = made;
    if (ret_path != NULL)
        memcpy(ret_path, chosen, sizeof chosen);
    return MOOT_OK;
}
