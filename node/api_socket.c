/*
 * The API's unix socket. Happy path: bind, mode 0660, listen. A socket file left by a killed node is
 * replaced, but only after a connect showed that nobody answers; anything that is no socket stays.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/api_internal.h"

#define SOCKET_MODE 0660
#define BACKLOG 1024 /* a client whose connect does not wait must find room */

static enum moot_status failed(struct moot_error *error, const char *path, const char *what)
{
    int why = errno;
    (void)moot_error_set(error, MOOT_FILE_IO, "%.100s: %s", path, what);
    if (error != NULL) {
        error->system_errno = why;
    }
    return MOOT_FILE_IO;
}

/* Does somebody answer there? */
static bool answered(const struct sockaddr_un *address)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return true; /* unknown: touch nothing */
    }
    int result = connect(probe, (const struct sockaddr *)address, sizeof *address);
    bool nobody = result != 0 && (errno == ECONNREFUSED || errno == ENOENT);
    (void)close(probe);
    return !nobody;
}

static enum moot_status clear_stale(const struct sockaddr_un *address, struct moot_error *error)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0) {
        return errno == ENOENT ? MOOT_OK : failed(error, address->sun_path, "cannot be looked at");
    }
    if (!S_ISSOCK(st.st_mode)) {
        errno = 0;
        return failed(error, address->sun_path, "is there and is no socket");
    }
    if (answered(address)) {
        return moot_error_set(error, MOOT_STORE_LOCKED, "%.100s: another node answers there",
                              address->sun_path);
    }
    if (unlink(address->sun_path) != 0 && errno != ENOENT) {
        return failed(error, address->sun_path, "cannot be replaced");
    }
    return MOOT_OK;
}

static enum moot_status listen_at(int file, const struct sockaddr_un *address,
                                  struct moot_error *error)
{
    /* The mode must hold from the first moment: the file is born with it. */
    mode_t before = umask(0777 & ~SOCKET_MODE);
    int bound = bind(file, (const struct sockaddr *)address, sizeof *address);
    int why = errno;
    (void)umask(before);
    errno = why;
    if (bound != 0) {
        return failed(error, address->sun_path, "cannot be made");
    }
    if (listen(file, BACKLOG) != 0) {
        return failed(error, address->sun_path, "cannot be listened on");
    }
    return MOOT_OK;
}

enum moot_status moot_api_socket_open(const char *text, char **ret_path, int *ret_socket,
                                      struct moot_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strncmp(text, "unix:", 5) != 0 || text[5] == '\0') {
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "'%.80s' is not unix:PATH", text);
    }
    if (strlen(text + 5) >= sizeof address.sun_path) {
        return moot_error_set(error, MOOT_BAD_ARGUMENT,
                              "the socket's path is longer than %zu bytes",
                              sizeof address.sun_path - 1);
    }
    memcpy(address.sun_path, text + 5, strlen(text + 5));
    enum moot_status status = clear_stale(&address, error);
    if (status != MOOT_OK) {
        return status;
    }
    int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0) {
        return failed(error, address.sun_path, "no socket");
    }
    status = listen_at(file, &address, error);
    char *path = status == MOOT_OK ? strdup(address.sun_path) : NULL;
    if (path == NULL) {
        (void)close(file);
        return status != MOOT_OK ? status : moot_error_set(error, MOOT_NO_MEMORY, "the socket");
    }
    *ret_path = path;
    *ret_socket = file;
    return MOOT_OK;
}
