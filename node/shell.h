/*
 * The shell around the engine: one uv loop, on whose thread everything here runs. It turns what
 * happens (frames, commits, jobs, time, calls) into events, and the engine's actions into deeds.
 *
 *   links ─┐                                    ┌─▶ store (commit)
 *   jobs  ─┤                                    ├─▶ jobs
 *   timer ─┼─ event ─▶ moot_engine_step ─ acts ─┤             ┌─▶ links
 *   calls ─┤                                    └─▶ outbox ───┼─▶ answers
 *   store ─┘                 (held until the commit is done)  └─▶ events, log
 */
#ifndef MOOT_NODE_SHELL_H
#define MOOT_NODE_SHELL_H

#include <uv.h>

#include "node/blocks.h"
#include "node/ring.h"
#include "protocols/engine.h"

struct moot_shell;

/* All borrowed for the open. */
struct moot_shell_options {
    const char *data_directory;              /* made (0700) if missing */
    const char *listen_url;                  /* NULL or "": nobody can dial this node */
    const struct moot_engine_config *engine; /* listen_url and restored are filled in here */
    uint64_t pool_bytes;                     /* 0: MOOT_POOL_BYTES_MAX */
};

/* After each turn that may have changed something others wait for: a commit, an event. */
struct moot_shell_watcher {
    void *context;
    void (*changed)(void *context);
};

/*
 * Opens directory, store, key, blocks, links and engine, in this order. The loop need not run yet.
 * STORE_LOCKED, STORE_DAMAGED, STORE_SCHEMA, FILE_IO, NOT_ALLOWED, LINK_FAILED, NO_MEMORY.
 */
MOOT_MUST_USE enum moot_status moot_shell_open(uv_loop_t *loop,
                                               const struct moot_shell_options *options,
                                               struct moot_shell **ret, struct moot_error *error);

/* Commits what was asked for and reports it (answers reach their callers' functions), then takes nothing more.
 * Does not wait for peers. */
void moot_shell_stop(struct moot_shell *shell);

/* After stop: lets go of everything. Runs the loop until its handles are closed and jobs have ended; the daemon
 * leaves by _exit instead. */
void moot_shell_close(struct moot_shell *shell);

/* For views; borrowed, good until the next turn. */
const struct moot_engine_env *moot_shell_env(const struct moot_shell *shell);
uint64_t moot_shell_now_ms(const struct moot_shell *shell);

/* May what the engine knows now be shown? True when all of it is on disk, and always while the disk is full
 * or the store has stopped: then there is nothing to wait for, and status says so. */
bool moot_shell_durable(const struct moot_shell *shell, uint64_t ticket);

const struct moot_ring *moot_shell_ring(const struct moot_shell *shell);
struct moot_blocks *moot_shell_blocks(const struct moot_shell *shell);
const char *moot_shell_address(const struct moot_shell *shell); /* listened on, or "" */
const char *moot_shell_directory(const struct moot_shell *shell);

/* One watcher; NULL takes it away. */
void moot_shell_watch(struct moot_shell *shell, const struct moot_shell_watcher *watcher);

/* The answer of a call; borrowed for the call of the function. */
struct moot_shell_caller {
    void *context;
    void (*answered)(void *context, const struct moot_reply *reply);
};

/*
 * Hands a call to the engine; `call` is borrowed until this returns. Returns its number. The answer may come before this
 * returns. NOT from inside a callback of the shell other than `answered`'s own loop turn.
 */
uint64_t moot_shell_call(struct moot_shell *shell, const struct moot_call *call,
                         const struct moot_shell_caller *caller);

/* The caller has gone: its answer is dropped. */
void moot_shell_forget(struct moot_shell *shell, uint64_t call_number);

#endif
