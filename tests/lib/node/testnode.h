/* A whole node in the test's own process and thread, and a client for its API. */
#ifndef TESTS_LIB_NODE_TESTNODE_H
#define TESTS_LIB_NODE_TESTNODE_H

#include <jansson.h>
#include <uv.h>

#include "node/api.h"
#include "node/shell.h"
#include "tests/lib/test.h"

struct test_node {
    char *directory; /* holds "data" and "api.sock" */
    char data[TEST_PATH_MAX];
    char address[TEST_PATH_MAX]; /* unix:PATH */
    uv_loop_t *loop;
    bool own_loop;
    struct moot_config config;
    struct moot_engine_config engine;
    const char *listen_url; /* NULL: no links */
    struct moot_shell *shell;
    struct moot_api *api;
};

/* Makes the directory and the usual configuration (epochs of an hour, log quiet); nothing runs yet. `loop` NULL: its own. */
void test_node_init(struct test_node *node, const char *name, uv_loop_t *loop);
/* Opens shell and API; fails the test if that fails. */
void test_node_start(struct test_node *node);
/* Stops and closes both; the directory stays, so start may follow. */
void test_node_stop(struct test_node *node);
/* Stops if need be and removes the directory. */
void test_node_deinit(struct test_node *node);
/* init and start. */
void test_node_open(struct test_node *node, const char *name);

/* Turns the loop for `ms` milliseconds. */
void test_node_run(struct test_node *node, unsigned ms);

/* What came back. */
struct test_answer {
    int status; /* HTTP; 0: the connection ended without an answer */
    char *body; /* NUL-terminated, chunks joined */
    size_t size;
    json_t *json; /* NULL when the body is no JSON object */
};
void test_answer_free(struct test_answer *answer);

/* A connection to the node's API, as a nonblocking descriptor. */
int test_node_connect(struct test_node *node);

/* Sends these bytes on a new connection and reads to its end; at most 10 s. */
struct test_answer test_node_raw(struct test_node *node, const void *bytes, size_t size);

/* One request; body NULL: none. */
struct test_answer test_node_ask(struct test_node *node, const char *method, const char *path,
                                 const char *body);

/* The same; fails the test unless the answer has this HTTP status, and gives its JSON (json_decref it). */
json_t *test_node_expect(struct test_node *node, const char *method, const char *path,
                         const char *body, int status);

/* Fails the test unless the answer is an error of this code with its exit and HTTP status. */
void test_node_refused(struct test_node *node, const char *method, const char *path,
                       const char *body, enum moot_status why);

/* Text at a path of members "a.b.0.c"; "" when it is not there. Numbers and booleans as text, too. */
const char *test_json_at(const json_t *json, const char *path);

#endif
