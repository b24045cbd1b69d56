/* What the files of the shell share. */
#ifndef MOOT_NODE_SHELL_INTERNAL_H
#define MOOT_NODE_SHELL_INTERNAL_H

#include "node/commits.h"
#include "node/jobs.h"
#include "node/limits.h"
#include "node/link.h"
#include "node/outbox.h"
#include "node/region.h"
#include "node/shell.h"
#include "node/store.h"

/* A call that waits for its answer. */
struct moot_shell_call_entry {
    uint64_t number;
    struct moot_shell_caller caller;
};

/* An event that came while another was acted on; its bytes lie behind it. */
struct moot_shell_queued {
    struct moot_shell_queued *next;
    struct moot_event event;
    struct moot_job job; /* JOB_DONE that never started */
    char remote[128];
    uint8_t bytes[];
};

struct moot_shell {
    uv_loop_t *loop;
    uv_timer_t wake;
    char *directory;

    struct moot_node_store *store;
    struct moot_store_port port;
    struct moot_commits commits;
    bool commits_started;
    bool moved;         /* the directory is not the recorded one, and that is not recorded yet */
    bool store_full;    /* as told by the store */
    bool store_stopped; /* for good */

    struct moot_blocks *blocks;
    struct moot_jobs *jobs;
    struct moot_links *links;
    struct moot_outbox *outbox;
    struct moot_ring *ring;

    struct moot_region pool_region, scratch;
    struct moot_arena arena;
    size_t
        scratch_high; /* bytes of scratch that busy turns have touched; 0: nothing to give back */
    uint64_t scratch_high_ms; /* the last such turn */
    struct moot_random random;
    struct moot_engine_env env;
    bool engine_open;

    bool busy;    /* a step or its actions are under way: events are queued */
    bool stopped; /* no more events */
    struct moot_shell_queued *first;
    struct moot_shell_queued **end;

    uint64_t call_number;
    struct moot_shell_call_entry *calls;
    uint32_t call_count, call_capacity;

    struct moot_shell_watcher watcher;
    uint32_t handles_open;
};

/* Steps the engine with this event and acts, or queues a copy while another is acted on. `now` and wall time are filled
 * in. CALL and JOB_DONE are never queued: they come from the loop itself. */
void moot_shell_event(struct moot_shell *shell, struct moot_event *event);

/* What the outbox lets go. */
void moot_shell_act(void *context, const struct moot_action *action);

/* Reports of links, jobs and store. */
extern const struct moot_link_callbacks moot_shell_link_callbacks;
extern const struct moot_jobs_callbacks moot_shell_jobs_callbacks;
extern const struct moot_node_store_events moot_shell_store_events;
void moot_shell_on_wake(uv_timer_t *timer);

#endif
