/*
 * A node that only pretends: canned HTTP answers on a unix socket, and a memory of the requests. The
 * command line runs in this process against it.
 *
 *   struct fake_node *node = fake_node_new();
 *   fake_node_answer(node, "GET /v1/epoch", 200, "{\"epoch\":7}");
 *   assert_int_equal(fake_node_run(node, "epoch show --json", NULL), 0);
 *   assert_string_equal(fake_node_out(node), "{\"epoch\":7}\n");
 *   fake_node_free(node);
 */
#ifndef TESTS_LIB_TOOLS_FAKE_NODE_H
#define TESTS_LIB_TOOLS_FAKE_NODE_H

#include <stdbool.h>
#include <stddef.h>

struct fake_node;

/* Listens on a socket in a new temporary directory. */
struct fake_node *fake_node_new(void);
/* Stops listening and frees everything. */
void fake_node_free(struct fake_node *node);

/*
 * The answer to a request that begins so ("POST /v1/records/"); texts are borrowed. Several for the
 * same words are given one after the other, the last one for ever. Anything else is answered with
 * 404 and an error of code not_found.
 */
void fake_node_answer(struct fake_node *node, const char *request, int http, const char *body);

/* The n-th request, from 0: "POST /v1/x" and its body; "" when there was none. */
const char *fake_node_request(struct fake_node *node, size_t n);
const char *fake_node_body(struct fake_node *node, size_t n);
size_t fake_node_request_count(struct fake_node *node);

/* Runs `moot --node SOCKET` and the words of `line` (separated by blanks; a word in ' ' may hold
 * them), with `input` as stdin (NULL: empty). Returns the exit code. */
int fake_node_run(struct fake_node *node, const char *line, const char *input);
/* The next runs have a person at the terminal. */
void fake_node_terminal(struct fake_node *node, bool is_terminal);
/* What the last run printed; valid until the next. */
const char *fake_node_out(struct fake_node *node);
const char *fake_node_err(struct fake_node *node);
/* The directory, for files of a test. */
const char *fake_node_directory(struct fake_node *node);
/* Nobody listens any more; the socket file stays. */
void fake_node_stop(struct fake_node *node);

#endif
