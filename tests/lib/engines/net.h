/*
 * A few whole engines in one process: real protocols over queues, instant commits into the simulator's
 * store, blocks in memory, virtual time. For tests of what several nodes do together; the simulator
 * itself is for what may go wrong between them.
 *
 *   test_net_init ─▶ test_net_found (devices 0..n-1, device 0 administrator) ─▶ calls, test_net_run ─▶ free
 *
 * A failing helper fails the test that called it. Everything comes from the seed.
 */
#ifndef TESTS_LIB_ENGINES_NET_H
#define TESTS_LIB_ENGINES_NET_H

#include "protocols/engine.h"
#include "protocols/manifest.h"
#include "protocols/view.h"
#include "sim/store.h"
#include "tests/lib/test.h"

#define TEST_NET_NODES 5
#define TEST_NET_NOTICES 512
#define TEST_NET_ANSWERS 1024

/* One block or manifest "on disk". */
struct test_file {
    struct moot_digest hash;
    bool manifest;
    uint8_t *bytes;
    size_t size;
    uint32_t writes; /* how often it was written by the engine */
    struct test_file *next;
};

struct test_notice {
    uint64_t at_ms;
    struct moot_notice notice;
};

/* One reply. */
struct test_answer {
    uint64_t call_number;
    uint64_t at_ms;
    enum moot_status status;
    uint64_t seq;
};

struct test_node {
    bool up;
    uint32_t index;
    char url[MOOT_URL_BYTES_MAX];
    struct moot_engine_config config;
    struct moot_identity identity;
    struct test_random stream;
    struct moot_random random;
    void *memory; /* of the pool */
    struct moot_engine_env env;
    struct moot_sim_store *store;
    struct moot_store_port port;
    uint64_t stored; /* commits */
    struct test_file *files;
    uint64_t wake_ms;
    /* knobs */
    bool disk_full; /* blocks and manifests cannot be written */
    bool jobs_held; /* jobs to serve blocks never end */
    bool cut[TEST_NET_NODES];
    enum moot_status commit_status; /* MOOT_OK, or why no commit is made from now on */
    enum moot_status check_status;  /* MOOT_OK, or what PACKAGE_CHECK says of a complete package */
    /* what came out */
    struct test_notice notices[TEST_NET_NOTICES];
    uint32_t notice_count;
    bool replied;
    struct moot_reply reply;
    uint64_t jobs[MOOT_JOB_IMAGE + 1]; /* started, by kind */
    uint64_t blocks_sent_bytes;        /* frames above 64 KiB */
};

struct test_link {
    uint32_t number;
    uint32_t node[2]; /* dialler, listener */
    bool open[2];
    struct test_link *next;
};

struct test_event {
    uint32_t node;
    struct moot_event event;
    struct moot_job job;
    uint8_t *memory[2]; /* owned: bytes, input */
    struct moot_call call;
    struct test_event *next;
};

struct moot_step; /* protocols/inside.h: only for tests that meddle */

struct test_net {
    uint32_t count;
    uint64_t now_ms;
    uint64_t seed;
    struct test_node nodes[TEST_NET_NODES];
    struct test_link *links;
    uint32_t link_number;
    struct test_event *first, *last;
    struct moot_arena arena;
    uint64_t call_number;
    uint64_t steps;
    /* Sees every step before its actions are done; NULL: nobody looks. */
    void (*watch)(struct test_net *net, const struct test_node *node,
                  const struct moot_event *event, const struct moot_actions *actions);
    /* The same, after them: commits are durable by then. */
    void (*after)(struct test_net *net, const struct test_node *node);
    void *watch_context;
    struct test_answer answers[TEST_NET_ANSWERS];
    uint32_t answer_count;
};

/* `count` nodes, none in a mesh. */
void test_net_init(struct test_net *net, uint32_t count, uint64_t seed);
void test_net_free(struct test_net *net);

/* Time goes on: everything due is done. */
void test_net_run(struct test_net *net, uint64_t ms);
/* Until `done` says so; fails the test if it does not within `ms`. */
void test_net_until(struct test_net *net, bool (*done)(struct test_net *net, const void *context),
                    const void *context, uint64_t ms);

/* Node 0 founds a mesh, all others join one after the other and are admitted. Names: "n0", "n1", … */
void test_net_found(struct test_net *net);
/* Turns the administrators to nodes 0 to count-1 with that threshold. */
void test_net_admins(struct test_net *net, uint32_t count, uint32_t threshold);

/* One call; runs until it is answered (one minute at most). */
struct moot_reply test_net_call(struct test_net *net, uint32_t node, const struct moot_call *call);

/* One call that nobody waits for: its number. Names, keys and values must live until it was taken up. */
uint64_t test_net_ask(struct test_net *net, uint32_t node, const struct moot_call *call);
/* The reply to a call by number, or NULL. */
const struct test_answer *test_net_answer(const struct test_net *net, uint64_t call_number);
/* The disk of a node is full (MOOT_STORE_FULL), or is not any more (MOOT_OK). */
void test_net_store_full(struct test_net *net, uint32_t node, enum moot_status status);
/* Puts `value` under `key`; the reply's status. */
enum moot_status test_net_put(struct test_net *net, uint32_t node, const char *key,
                              const char *value);

/* Links between two nodes break, and no new one can be made, until undone. */
void test_net_cut(struct test_net *net, uint32_t a, uint32_t b, bool cut);
/* The process ends; what is committed stays. */
void test_net_stop(struct test_net *net, uint32_t node);
void test_net_start(struct test_net *net, uint32_t node);

/* A device that does not keep the rules: `act` sends with that node's own keys and sessions. */
void test_net_meddle(struct test_net *net, uint32_t node,
                     void (*act)(struct moot_step *step, const void *context), const void *context);

/* One event from outside, stepped at once: links of numbers from 1,000,000 on are strangers'. */
void test_net_event(struct test_net *net, uint32_t node, const struct moot_event *event);
#define TEST_NET_STRANGER 1000000u

/* Notices of that name since the start of the net; `since` is a notice_count. */
uint32_t test_net_noticed(const struct test_net *net, uint32_t node, const char *name,
                          uint32_t since);
void test_net_print(const struct test_net *net); /* all notices, for a failing test */

/* ---- packages ---- */

struct test_package {
    struct moot_digest manifest;
    struct moot_digest blocks[16];
    uint32_t block_count;
};
/* A package of `block_count` blocks in the block store of one node; content from `seed`. */
void test_net_package(struct test_net *net, uint32_t node, const char *name, const char *version,
                      uint32_t block_count, uint64_t seed, struct test_package *ret);
struct test_file *test_net_file(struct test_net *net, uint32_t node,
                                const struct moot_digest *hash);
void test_net_file_remove(struct test_net *net, uint32_t node, const struct moot_digest *hash);
/* Keeps a copy of a file of another node, as if a person had brought it. */
void test_net_file_copy(struct test_net *net, uint32_t from, uint32_t to,
                        const struct moot_digest *hash);

/* Node 0 proposes (and so approves) an upgrade to that package; its id. `ready_needed` above the number of
 * nodes: all of them, and from now on no node activates by itself. */
struct moot_digest test_net_propose(struct test_net *net, const char *name, const char *version,
                                    const struct test_package *package, uint32_t ready_needed);
/* What `viewer` knows of a proposal; in the net's arena until the next run. */
struct moot_view_proposal test_net_proposal(struct test_net *net, uint32_t viewer,
                                            const struct moot_digest *proposal);
/* What `viewer` heard of the readiness of `node`. */
struct moot_view_readiness test_net_readiness(struct test_net *net, uint32_t viewer, uint32_t node,
                                              const struct moot_digest *proposal);

#endif
