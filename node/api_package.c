/*
 * PUT /v1/packages: the raw file goes to DATA/package.N.new as it comes, a job on the thread pool verifies it and takes its
 * blocks over, and the file is removed whatever happened. Leftovers of a killed node are removed
 * when the first package comes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/api_internal.h"

#define FILE_PREFIX "package."
#define FILE_SUFFIX ".new"

static void remove_leftovers(const char *directory)
{
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        size_t size = strlen(entry->d_name);
        if (strncmp(entry->d_name, FILE_PREFIX, strlen(FILE_PREFIX)) == 0 &&
            size > strlen(FILE_SUFFIX) &&
            strcmp(entry->d_name + size - strlen(FILE_SUFFIX), FILE_SUFFIX) == 0) {
            (void)unlinkat(dirfd(entries), entry->d_name, 0);
        }
    }
    (void)closedir(entries);
}

static enum moot_status failed(struct moot_request *request, const char *what)
{
    int why = errno;
    enum moot_status status = why == ENOSPC || why == EDQUOT ? MOOT_NO_SPACE : MOOT_FILE_IO;
    (void)moot_error_set(&request->error, status, "the package file: %s: %s", what, strerror(why));
    request->error.system_errno = why;
    return status;
}

enum moot_status moot_api_package_begin(struct moot_request *request)
{
    const char *directory = moot_shell_directory(request->api->shell);
    if (request->api->file_number == 0) {
        remove_leftovers(directory);
    }
    size_t size = strlen(directory) + 64;
    request->file_path = malloc(size);
    if (request->file_path == NULL) {
        return MOOT_NO_MEMORY;
    }
    (void)snprintf(request->file_path, size, "%s/" FILE_PREFIX "%u" FILE_SUFFIX, directory,
                   (unsigned)++request->api->file_number);
    request->file =
        open(request->file_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (request->file < 0) {
        enum moot_status status = failed(request, "cannot be made");
        free(request->file_path);
        request->file_path = NULL;
        return status;
    }
    return MOOT_OK;
}

enum moot_status moot_api_package_write(struct moot_request *request, const char *data, size_t size)
{
    if (request->file_bytes + size > MOOT_PACKAGE_FILE_BYTES_MAX) {
        return moot_error_set(&request->error, MOOT_OVERSIZED, "a package is at most %llu bytes",
                              (unsigned long long)MOOT_PACKAGE_FILE_BYTES_MAX);
    }
    while (size > 0) {
        ssize_t written = write(request->file, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return failed(request, "cannot be written");
        }
        data += written;
        size -= (size_t)written;
        request->file_bytes += (uint64_t)written;
    }
    return MOOT_OK;
}

void moot_api_package_drop(struct moot_request *request)
{
    if (request->file >= 0) {
        (void)close(request->file);
        request->file = -1;
    }
    if (request->file_path != NULL) {
        (void)unlink(request->file_path);
        free(request->file_path);
        request->file_path = NULL;
    }
}

/* On the thread pool: nothing of the request is touched by the loop until on_done. */
static void import(uv_work_t *work)
{
    struct moot_request *request = work->data;
    struct moot_blocks *blocks = moot_shell_blocks(request->api->shell);
    request->error = (struct moot_error){0};
    request->status =
        moot_blocks_import(blocks, request->file_path, &request->file_manifest, &request->error);
    if (request->status == MOOT_OK) {
        request->status = moot_blocks_manifest_get(blocks, &request->file_manifest,
                                                   &request->manifest, &request->error);
    }
}

static void on_done(uv_work_t *work, int uv_status)
{
    (void)uv_status; /* never cancelled */
    struct moot_request *request = work->data;
    enum moot_status status = request->status;
    if (status == MOOT_OK) {
        const struct moot_manifest *manifest = &request->manifest->manifest;
        json_t *answer = request->answer = moot_json_answer("moot.package/1");
        moot_json_put(answer, "manifest", moot_json_digest(&request->file_manifest));
        moot_json_put(answer, "name", moot_json_text(manifest->name));
        moot_json_put(answer, "version", moot_json_text(manifest->version));
        moot_json_put(answer, "from_min",
                      manifest->from_min.size > 0 ? moot_json_text(manifest->from_min)
                                                  : json_null());
        moot_json_put(answer, "protocol_max", moot_json_number(manifest->protocol_max));
        moot_json_put(answer, "files", moot_json_number(manifest->file_count));
        moot_json_put(answer, "blocks", moot_json_number(manifest->block_count));
        moot_json_put(answer, "bytes", moot_json_number(manifest->plain_bytes));
    }
    moot_api_package_drop(request);
    moot_api_finish(request, status);
}

enum moot_status moot_api_do_package(struct moot_request *request)
{
    request->work.data = request;
    if (uv_queue_work(request->api->loop, &request->work, import, on_done) != 0) {
        return MOOT_NO_MEMORY;
    }
    request->phase = MOOT_API_JOB;
    return MOOT_OK;
}
