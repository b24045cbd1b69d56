/*
 * The pretending node. One thread accepts, reads one request, answers, closes. Happy path: the
 * answers a test has laid out. Failures of the machine fail the test that called.
 */
#include "tests/lib/tools/fake_node.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/test.h"
#include "tools/moot/cli.h"

#define ANSWERS_MAX 32u
#define REQUESTS_MAX 256u
#define REQUEST_BYTES_MAX 2000000u
#define WORDS_MAX 32

struct canned {
    const char *request;
    const char *body;
    int http;
    bool used;
};

struct fake_node {
    char *directory;
    char socket_path[TEST_PATH_MAX];
    int listener;
    pthread_t thread;
    atomic_bool stopping;
    bool stopped, is_terminal;
    pthread_mutex_t lock;
    struct canned answers[ANSWERS_MAX];
    size_t answer_count;
    char *heads[REQUESTS_MAX];
    char *bodies[REQUESTS_MAX];
    size_t request_count;
    char *out, *err;
};

static const struct canned *answer_find(struct fake_node *node, const char *head)
{
    struct canned *last = NULL;
    for (size_t i = 0; i < node->answer_count; i++) {
        struct canned *answer = &node->answers[i];
        if (strncmp(head, answer->request, strlen(answer->request)) == 0) {
            last = answer;
            if (!answer->used) {
                answer->used = true;
                return answer;
            }
        }
    }
    return last;
}

/* The whole request, headers and body, or NULL. */
static char *request_read(int link, char **ret_body)
{
    char *bytes = malloc(REQUEST_BYTES_MAX + 1);
    size_t size = 0;
    size_t wanted = SIZE_MAX;
    while (bytes != NULL && size < wanted && size < REQUEST_BYTES_MAX) {
        ssize_t got = read(link, bytes + size, REQUEST_BYTES_MAX - size);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        bytes[size] = '\0';
        char *end = strstr(bytes, "\r\n\r\n");
        if (end != NULL && wanted == SIZE_MAX) {
            const char *length = strstr(bytes, "Content-Length: ");
            if (strstr(bytes, "Expect: 100-continue") != NULL) {
                const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
                (void)!write(link, go_on, sizeof go_on - 1);
            }
            wanted = (size_t)(end - bytes) + 4 +
                     (length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0);
            *ret_body = end + 4;
        }
    }
    if (bytes == NULL || size < wanted) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static void link_serve(struct fake_node *node, int link)
{
    char *body = NULL;
    char *request = request_read(link, &body);
    if (request == NULL) {
        return;
    }
    char *head_end = strstr(request, " HTTP/1.1");
    char *head = strndup(request, head_end != NULL ? (size_t)(head_end - request) : 0);
    pthread_mutex_lock(&node->lock);
    const struct canned *answer = answer_find(node, head);
    if (node->request_count < REQUESTS_MAX) {
        node->heads[node->request_count] = head;
        node->bodies[node->request_count] = strdup(body);
        node->request_count++;
    } else {
        free(head);
    }
    const char *text = answer != NULL ? answer->body
                                      : "{\"error\":{\"code\":\"not_found\",\"text\":\"nothing "
                                        "canned\",\"advice\":\"\",\"detail\":\"\",\"exit\":4}}";
    char start[160];
    int size = snprintf(start, sizeof start,
                        "HTTP/1.1 %d Canned\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                        answer != NULL ? answer->http : 404, strlen(text));
    (void)!send(link, start, (size_t)size, MSG_NOSIGNAL);
    (void)!send(link, text, strlen(text), MSG_NOSIGNAL);
    pthread_mutex_unlock(&node->lock);
    free(request);
}

static void *serve(void *context)
{
    struct fake_node *node = context;
    while (!atomic_load(&node->stopping)) {
        struct pollfd wait = {.fd = node->listener, .events = POLLIN};
        if (poll(&wait, 1, 20) == 1) {
            int link = accept(node->listener, NULL, NULL);
            if (link >= 0) {
                link_serve(node, link);
                close(link);
            }
        }
    }
    return NULL;
}

struct fake_node *fake_node_new(void)
{
    struct fake_node *node = calloc(1, sizeof *node);
    assert_non_null(node);
    node->directory = test_tempdir_new();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(node->socket_path, sizeof node->socket_path, "%s/s", node->directory);
    assert_true(length > 0 && (size_t)length < sizeof address.sun_path);
    memcpy(address.sun_path, node->socket_path, (size_t)length + 1);
    node->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(node->listener >= 0);
    assert_int_equal(bind(node->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(node->listener, 16), 0);
    assert_int_equal(pthread_mutex_init(&node->lock, NULL), 0);
    assert_int_equal(pthread_create(&node->thread, NULL, serve, node), 0);
    return node;
}

void fake_node_stop(struct fake_node *node)
{
    if (!node->stopped) {
        atomic_store(&node->stopping, true);
        pthread_join(node->thread, NULL);
        close(node->listener);
        node->stopped = true;
    }
}

void fake_node_free(struct fake_node *node)
{
    fake_node_stop(node);
    for (size_t i = 0; i < node->request_count; i++) {
        free(node->heads[i]);
        free(node->bodies[i]);
    }
    free(node->out);
    free(node->err);
    pthread_mutex_destroy(&node->lock);
    test_tempdir_remove(node->directory);
    free(node);
}

void fake_node_answer(struct fake_node *node, const char *request, int http, const char *body)
{
    pthread_mutex_lock(&node->lock);
    assert_true(node->answer_count < ANSWERS_MAX);
    node->answers[node->answer_count++] =
        (struct canned){.request = request, .http = http, .body = body};
    pthread_mutex_unlock(&node->lock);
}

/* Each run has ended when a test looks, so what is kept does not move any more. */
const char *fake_node_request(struct fake_node *node, size_t n)
{
    pthread_mutex_lock(&node->lock);
    const char *text = n < node->request_count ? node->heads[n] : "";
    pthread_mutex_unlock(&node->lock);
    return text;
}

const char *fake_node_body(struct fake_node *node, size_t n)
{
    pthread_mutex_lock(&node->lock);
    const char *text = n < node->request_count ? node->bodies[n] : "";
    pthread_mutex_unlock(&node->lock);
    return text;
}

size_t fake_node_request_count(struct fake_node *node)
{
    pthread_mutex_lock(&node->lock);
    size_t count = node->request_count;
    pthread_mutex_unlock(&node->lock);
    return count;
}

void fake_node_terminal(struct fake_node *node, bool is_terminal)
{
    node->is_terminal = is_terminal;
}

/* Cuts `line` at blanks, in place; 'one word' holds blanks. */
static int words_split(char *line, const char **words, int count)
{
    for (char *at = line; *at != '\0';) {
        at += strspn(at, " ");
        if (*at == '\0') {
            break;
        }
        assert_true(count < WORDS_MAX);
        bool quoted = *at == '\'';
        at += quoted ? 1 : 0;
        words[count++] = at;
        at += strcspn(at, quoted ? "'" : " ");
        if (*at != '\0') {
            *at++ = '\0';
        }
    }
    return count;
}

int fake_node_run(struct fake_node *node, const char *line, const char *input)
{
    char *copy = strdup(line);
    char address[TEST_PATH_MAX + 8];
    const char *words[WORDS_MAX] = {"moot", "--node", address};
    size_t out_size = 0;
    size_t err_size = 0;
    assert_non_null(copy);
    snprintf(address, sizeof address, "unix:%s", node->socket_path);
    int count = words_split(copy, words, 3);
    free(node->out);
    free(node->err);
    node->out = node->err = NULL;
    struct moot_cli cli = {.in_is_terminal = node->is_terminal,
                           .in = tmpfile(),
                           .out = open_memstream(&node->out, &out_size),
                           .err = open_memstream(&node->err, &err_size)};
    assert_non_null(cli.in);
    assert_non_null(cli.out);
    assert_non_null(cli.err);
    fputs(input != NULL ? input : "", cli.in);
    rewind(cli.in);
    int code = moot_cli_run(&cli, count, words);
    fclose(cli.in);
    fclose(cli.out);
    fclose(cli.err);
    free(copy);
    return code;
}

const char *fake_node_out(struct fake_node *node)
{
    return node->out != NULL ? node->out : "";
}

const char *fake_node_err(struct fake_node *node)
{
    return node->err != NULL ? node->err : "";
}

const char *fake_node_directory(struct fake_node *node)
{
    return node->directory;
}
