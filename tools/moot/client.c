/*
 * One request, one answer, over libcurl on a unix socket. Happy path: connect within 2 s, send,
 * collect a bounded body, parse it. Failures become error documents: NO_NODE (nothing listens, or
 * what does is no node), NOT_ALLOWED (the socket may not be opened), TIMED_OUT, OVERSIZED, FILE_IO,
 * NO_MEMORY, or what the node itself said.
 */
#include "tools/moot/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "tools/moot/answer.h"
#include "tools/moot/report.h"

#define CONNECT_MS 2000L
#define UPLOAD_SILENT_S 120L /* an upload that stands still so long has failed */
#define RETRY_MS 100u

/* What libcurl's callbacks share. */
struct exchange {
    CURL *curl;
    char *body;
    size_t size;
    bool too_long;
    bool exact;
    FILE *stream; /* where a good answer goes, or NULL */
    FILE *file;   /* what is sent, or NULL */
    struct moot_cli *cli;
    uint64_t sent_bytes, file_bytes;
    int drawn_percent;
};

void moot_answer_free(struct moot_answer *answer)
{
    json_decref(answer->json);
    free(answer->body);
    *answer = (struct moot_answer){0};
}

char *moot_client_path(const char *prefix, const char *segment, const char *suffix)
{
    char *escaped = curl_easy_escape(NULL, segment, (int)strlen(segment));
    char *path = NULL;
    if (escaped == NULL || asprintf(&path, "%s%s%s", prefix, escaped, suffix) < 0) {
        path = NULL;
    }
    curl_free(escaped);
    return path;
}

static size_t body_take(char *data, size_t one, size_t size, void *context)
{
    struct exchange *exchange = (struct exchange *)context;
    (void)one;
    long http = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &http);
    if (exchange->stream != NULL && http / 100 == 2) {
        size_t wrote = fwrite(data, 1, size, exchange->stream);
        return fflush(exchange->stream) == 0 ? wrote : 0;
    }
    if (exchange->size + size > MOOT_CLIENT_ANSWER_BYTES_MAX) {
        exchange->too_long = true;
        return 0;
    }
    char *grown = (char *)realloc(exchange->body, exchange->size + size + 1);
    if (grown == NULL) {
        return 0;
    }
    memcpy(grown + exchange->size, data, size);
    exchange->body = grown;
    exchange->size += size;
    grown[exchange->size] = '\0';
    return size;
}

static void progress_draw(struct exchange *exchange)
{
    if (!exchange->cli->err_is_terminal || exchange->file_bytes == 0) {
        return;
    }
    int percent = (int)(exchange->sent_bytes * 100 / exchange->file_bytes);
    if (percent != exchange->drawn_percent) {
        exchange->drawn_percent = percent;
        fprintf(exchange->cli->err, "\rhanding the package to the node: %3d %%%s", percent,
                percent == 100 ? "\n" : "");
        fflush(exchange->cli->err);
    }
}

static size_t file_give(char *data, size_t one, size_t size, void *context)
{
    struct exchange *exchange = (struct exchange *)context;
    size_t got = fread(data, one, size, exchange->file);
    if (got == 0 && ferror(exchange->file)) {
        return CURL_READFUNC_ABORT;
    }
    exchange->sent_bytes += got;
    progress_draw(exchange);
    return got;
}

static void fail(struct moot_answer *ret, enum moot_status status, const char *detail)
{
    moot_answer_free(ret);
    ret->json = moot_report_document(status, detail);
    ret->exit = moot_status_info(status)->exit_code;
}

/* What libcurl could not do, in our words. */
static void fail_transport(struct moot_answer *ret, struct exchange *exchange, CURLcode code,
                           const char *path, const char *words)
{
    char detail[256];
    long system_errno = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_OS_ERRNO, &system_errno);
    if (exchange->too_long) {
        fail(ret, MOOT_OVERSIZED, "the node's answer");
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        fail(ret, MOOT_TIMED_OUT, "the node has not answered");
    } else if (code == CURLE_COULDNT_CONNECT) {
        bool denied = system_errno == EACCES || system_errno == EPERM;
        snprintf(detail, sizeof detail, "unix:%.150s: %.80s", path,
                 system_errno != 0 ? strerror((int)system_errno) : words);
        fail(ret, denied ? MOOT_NOT_ALLOWED : MOOT_NO_NODE, detail);
    } else if (code == CURLE_OUT_OF_MEMORY) {
        fail(ret, MOOT_NO_MEMORY, words);
    } else if (code == CURLE_ABORTED_BY_CALLBACK || code == CURLE_READ_ERROR) {
        fail(ret, MOOT_FILE_IO, "the file could not be read to its end");
    } else if (code == CURLE_WRITE_ERROR) {
        fail(ret, MOOT_FILE_IO, "the answer could not be written");
    } else {
        snprintf(detail, sizeof detail, "unix:%.150s: %.80s", path, words);
        fail(ret, MOOT_NO_NODE, detail);
    }
}

/* The body of an answer that arrived whole. */
static void judge(struct moot_cli *cli, struct exchange *exchange, struct moot_answer *ret)
{
    long http = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &http);
    if (http / 100 == 2 && exchange->stream != NULL) {
        return;
    }
    json_error_t problem;
    ret->body = exchange->body;
    exchange->body = NULL;
    ret->json = ret->body != NULL ? json_loadb(ret->body, exchange->size, 0, &problem) : NULL;
    if (!cli->json && !exchange->exact) {
        moot_answer_tame(ret->json);
    }
    bool good = http / 100 == 2 && json_is_object(ret->json);
    if (!good && json_is_object(moot_at(ret->json, "error"))) {
        json_int_t code = moot_at_number(ret->json, "error.exit", 1);
        ret->exit = code >= 1 && code <= 125 ? (int)code : 1;
    } else if (!good) {
        char detail[96];
        snprintf(detail, sizeof detail, "what listens there is no node: HTTP %ld without our JSON",
                 http);
        fail(ret, MOOT_NO_NODE, detail);
    }
}

static void options_set(CURL *curl, struct exchange *exchange, const struct moot_request *request)
{
    uint64_t timeout_ms =
        request->timeout_ms != 0 ? request->timeout_ms : MOOT_CLIENT_ANSWER_MS_DEFAULT;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* never by way of $http_proxy */
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    if (exchange->file != NULL) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->file_bytes);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, file_give);
        curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, UPLOAD_SILENT_S);
    } else if (timeout_ms != UINT64_MAX) {
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    }
}

static void exchange_run(struct moot_cli *cli, const struct moot_request *request,
                         struct exchange *exchange, struct moot_answer *ret)
{
    CURL *curl = exchange->curl;
    const char *path = cli->node + strlen("unix:");
    char words[CURL_ERROR_SIZE] = "";
    char *url = NULL;
    char *body = NULL;
    if (asprintf(&url, "http://moot%s", request->path) < 0) {
        fail(ret, MOOT_NO_MEMORY, "");
        return;
    }
    options_set(curl, exchange, request);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (strcmp(request->method, "POST") == 0) {
        body = request->body != NULL ? json_dumps(request->body, JSON_COMPACT) : strdup("{}");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)(body != NULL ? strlen(body) : 0));
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    }
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        judge(cli, exchange, ret);
    } else {
        fail_transport(ret, exchange, code, path,
                       words[0] != '\0' ? words : curl_easy_strerror(code));
    }
    curl_slist_free_all(headers);
    free(body);
    free(url);
}

void moot_client_call(struct moot_cli *cli, const struct moot_request *request,
                      struct moot_answer *ret)
{
    moot_answer_free(ret);
    if (strncmp(cli->node, "unix:", 5) != 0 ||
        strlen(cli->node + 5) >= sizeof((struct sockaddr_un *)NULL)->sun_path ||
        cli->node[5] == '\0') {
        fail(ret, MOOT_BAD_ARGUMENT, "--node is unix: and a path of at most 107 characters");
        return;
    }
    struct exchange exchange = {
        .cli = cli, .stream = request->stream, .exact = request->exact, .drawn_percent = -1};
    if (request->file != NULL) {
        struct stat about;
        exchange.file = fopen(request->file, "rbe");
        if (exchange.file == NULL || fstat(fileno(exchange.file), &about) != 0) {
            char detail[160];
            snprintf(detail, sizeof detail, "%.100s: %s", request->file, strerror(errno));
            fail(ret, errno == ENOENT ? MOOT_NOT_FOUND : MOOT_FILE_IO, detail);
            if (exchange.file != NULL) {
                fclose(exchange.file);
            }
            return;
        }
        exchange.file_bytes = (uint64_t)about.st_size;
    }
    exchange.curl = curl_easy_init();
    if (exchange.curl == NULL) {
        fail(ret, MOOT_NO_MEMORY, "");
    } else {
        exchange_run(cli, request, &exchange, ret);
        curl_easy_cleanup(exchange.curl);
    }
    if (exchange.file != NULL) {
        fclose(exchange.file);
    }
    free(exchange.body);
}

void moot_client_read(struct moot_cli *cli, const struct moot_request *request,
                      struct moot_answer *ret)
{
    const struct timespec pause = {.tv_nsec = (long)RETRY_MS * 1000000};
    for (uint64_t waited_ms = 0;; waited_ms += RETRY_MS) {
        moot_client_call(cli, request, ret);
        if (ret->exit != moot_status_info(MOOT_NO_NODE)->exit_code || !cli->wait ||
            waited_ms >= cli->wait_ms) {
            return;
        }
        nanosleep(&pause, NULL);
    }
}

int moot_client_get(struct moot_cli *cli, const char *path, struct moot_answer *ret)
{
    struct moot_request request = {.method = "GET", .path = path};
    moot_client_read(cli, &request, ret);
    return ret->exit != 0 ? moot_report_answer(cli, ret->json) : 0;
}

int moot_client_get_at(struct moot_cli *cli, const char *prefix, const char *segment,
                       const char *suffix, struct moot_answer *ret)
{
    char *path = moot_client_path(prefix, segment, suffix);
    if (path == NULL) {
        return moot_report(cli, MOOT_NO_MEMORY, "building a request");
    }
    int code = moot_client_get(cli, path, ret);
    free(path);
    return code;
}

int moot_client_post(struct moot_cli *cli, const char *path, json_t *body, uint64_t timeout_ms,
                     struct moot_answer *ret)
{
    if (body == NULL) {
        body = json_object();
    }
    if (cli->dry_run) {
        json_object_set_new(body, "dry_run", json_true());
    }
    if (timeout_ms == 0) {
        timeout_ms = MOOT_CLIENT_ANSWER_MS_DEFAULT;
        if (cli->wait && cli->wait_ms > timeout_ms) {
            timeout_ms = cli->wait_ms;
        }
    }
    struct moot_request request = {
        .method = "POST", .path = path, .body = body, .timeout_ms = timeout_ms};
    moot_client_call(cli, &request, ret);
    json_decref(body);
    return ret->exit != 0 ? moot_report_answer(cli, ret->json) : 0;
}

void moot_answer_print(struct moot_cli *cli, const struct moot_answer *answer)
{
    if (answer->body == NULL) {
        moot_report_json(cli, answer->json);
        return;
    }
    fputs(answer->body, cli->out);
    size_t size = strlen(answer->body);
    if (size == 0 || answer->body[size - 1] != '\n') {
        fputc('\n', cli->out);
    }
}

bool moot_answer_printed(struct moot_cli *cli, const struct moot_answer *answer)
{
    if (cli->json) {
        moot_answer_print(cli, answer);
        return true;
    }
    if (cli->dry_run) {
        const char *payload = moot_at_text(answer->json, "payload");
        if (payload[0] != '\0') {
            fprintf(cli->out, "%s\n", payload);
        }
        fprintf(cli->err, "nothing was changed: it would %s\n",
                payload[0] != '\0' ? "write a fact with this payload" : "write no fact");
        return true;
    }
    return false;
}
