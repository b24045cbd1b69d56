#include "node/last_address.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/package_disk.h"

#define LAST_NAME "listen.last"
#define URL_BYTES 128

/* Up to the colon before the port: "tcp://127.0.0.1:". 0 when the port is not 0. */
static size_t host_length(const char *url)
{
    const char *colon = strrchr(url, ':');
    return colon != NULL && strcmp(colon, ":0") == 0 ? (size_t)(colon - url) + 1 : 0;
}

static bool remembered(int directory, const char *url, size_t host, char ret[URL_BYTES])
{
    int file MOOT_CLEANUP(moot_disk_close) =
        openat(directory, LAST_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t size = 0;
    struct moot_error ignored;
    if (file < 0 || moot_disk_read(file, 0, (uint8_t *)ret, URL_BYTES - 1, &size, LAST_NAME,
                                   &ignored) != MOOT_OK) {
        return false;
    }
    ret[size] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    return strncmp(ret, url, host) == 0 && strlen(ret) > host;
}

static void remember(int directory, const char *address)
{
    struct moot_disk_new file;
    struct moot_error ignored;
    char line[URL_BYTES];
    bool kept;
    int size = snprintf(line, sizeof line, "%s\n", address);
    if (size <= 0 || (size_t)size >= sizeof line ||
        moot_disk_new_open(&file, directory, 0600, &ignored) != MOOT_OK) {
        return;
    }
    enum moot_status status =
        moot_disk_write(file.file, moot_bytes_of(line, (size_t)size), LAST_NAME, &ignored);
    if (status == MOOT_OK) {
        status = moot_disk_new_commit(&file, directory, LAST_NAME, false, &kept, &ignored);
    }
    (void)status; /* a hint: without it the next start takes any port */
    moot_disk_new_discard(&file);
}

enum moot_status moot_last_address_listen(struct moot_links *links, const char *data,
                                          const char *url, struct moot_error *error)
{
    char last[URL_BYTES];
    size_t host = host_length(url);
    int directory MOOT_CLEANUP(moot_disk_close) = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (host == 0 || directory < 0) {
        return moot_links_listen(links, url, error);
    }
    bool known = remembered(directory, url, host, last);
    if (known && moot_links_listen(links, last, error) == MOOT_OK) {
        return MOOT_OK;
    }
    enum moot_status status = moot_links_listen(links, url, error);
    if (status == MOOT_OK) {
        remember(directory, moot_links_address(links));
    }
    return status;
}
