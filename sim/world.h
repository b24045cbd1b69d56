/*
 * The simulated world: nodes with the real engine, their disks and links, under one virtual clock.
 *
 *   heap ─▶ next event ─▶ node shell ─▶ moot_engine_step ─▶ actions ─▶ disk, links, jobs ─▶ heap
 *                                  └─▶ trace hash, hooks (script, oracles)
 *
 * Nothing here reads a real clock or draws from a shared generator: same seed and same calls, same
 * trace. The node shell does what node/ does: a batch is committed after a disk delay, and what
 * names a commit waits for it, in order on its link.
 */
#ifndef MOOT_SIM_WORLD_H
#define MOOT_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/digest.h"
#include "protocols/engine.h"
#include "sim/blocks.h"
#include "sim/heap.h"
#include "sim/store.h"
#include "sim/stream.h"

#define MOOT_SIM_NODES_MAX 256u
#define MOOT_SIM_NAME_BYTES 32u /* of a node, home, proposal, with NUL */
#define MOOT_SIM_US_PER_MS 1000u
#define MOOT_SIM_US_PER_S 1000000u
#define MOOT_SIM_NEVER UINT64_MAX

struct moot_sim_world;
struct moot_sim_link;
struct moot_sim_node;

/* A set of nodes, by index. */
struct moot_sim_set {
    uint64_t bits[MOOT_SIM_NODES_MAX / 64];
};
static inline void moot_sim_set_add(struct moot_sim_set *set, uint32_t node)
{
    set->bits[node / 64] |= (uint64_t)1 << (node % 64);
}
static inline bool moot_sim_set_has(const struct moot_sim_set *set, uint32_t node)
{
    return (set->bits[node / 64] >> (node % 64) & 1) != 0;
}

/* One directed link's weather. A frame that is lost breaks its stream: both ends are told a second
 * later. A frame that is duplicated arrives twice, and the channel must refuse the second. */
struct moot_sim_net {
    uint64_t delay_us_min, delay_us_max;
    uint32_t loss_ppm, dup_ppm;
};

/* Where a node comes from. */
struct moot_sim_node_plan {
    char name[MOOT_SIM_NAME_BYTES];
    char home[MOOT_SIM_NAME_BYTES];
};
struct moot_sim_world_plan {
    uint64_t seed;
    const struct moot_sim_node_plan *nodes; /* borrowed for the call */
    uint32_t node_count;
    struct moot_sim_net net, lan; /* between homes, inside one */
    uint64_t epoch_interval_ms;
    uint16_t protocol_max; /* of every node at first */
    uint32_t snapshot_every;
    uint64_t fence_lease_ms;      /* 0: the engine's own */
    uint64_t clock_skew_us_max;   /* each wall clock is off by up to so much */
    uint32_t clock_drift_ppm_max; /* each monotonic clock is so much faster or slower */
    uint8_t fill;                 /* what fresh memory holds: must change nothing */
};

enum moot_sim_event_kind {
    MOOT_SIM_WAKE = 1,  /* node: the engine asked for it, or it has just been opened */
    MOOT_SIM_DIAL,      /* a dial arrives at its target */
    MOOT_SIM_DIAL_FAIL, /* and comes back without a link */
    MOOT_SIM_UP,        /* the dialler learns that its link is open */
    MOOT_SIM_FRAME,
    MOOT_SIM_DOWN,  /* one end learns that its link is gone */
    MOOT_SIM_STALL, /* a link was cut for too long */
    MOOT_SIM_DISK,  /* a commit is durable */
    MOOT_SIM_JOB,
    MOOT_SIM_CALL,
    MOOT_SIM_TIMER /* of the hooks' owner */
};
const char *moot_sim_event_kind_text(enum moot_sim_event_kind kind);

/* One thing to happen. `bytes` is owned and freed with it. */
struct moot_sim_event {
    enum moot_sim_event_kind kind;
    uint32_t node;  /* whom it happens to */
    uint32_t boot;  /* of that node: another boot drops the event */
    uint32_t link;  /* number of a link, from 0 */
    uint32_t side;  /* DOWN, UP, FRAME: of the link */
    uint64_t order; /* FRAME: of its direction, from 0 */
    uint32_t from;  /* DIAL: who dials, */
    uint32_t from_boot;
    uint32_t dial;
    uint64_t number; /* WAKE: generation; DISK: ticket; CALL: its number; TIMER: the owner's; STALL:
                        number of the cut; FRAME: 1 for a duplicate */
    enum moot_status status;
    struct moot_job job;   /* JOB: input is `bytes` */
    struct moot_call call; /* CALL: its slices are owned by the caller until the event */
    uint8_t *bytes;
    size_t size;
};

/* A SEND, CLOSE, REPLY or NOTICE that waits for its commit. */
struct moot_sim_held {
    enum moot_action_kind kind;
    uint64_t after;
    uint32_t link; /* 0: replies and notices, a lane of their own each */
    enum moot_status status;
    uint8_t *bytes; /* owned */
    size_t size;
    uint64_t call_number;
    struct moot_reply reply;
    struct moot_notice notice;
};

struct moot_sim_node {
    struct moot_sim_world *world;
    uint32_t index;
    char name[MOOT_SIM_NAME_BYTES];
    char home[MOOT_SIM_NAME_BYTES];
    char url[MOOT_URL_BYTES_MAX];
    char address[32];
    struct moot_identity identity;
    struct moot_sim_store *store;
    struct moot_store_port port;
    struct moot_sim_blocks blocks;
    struct moot_sim_stream disk; /* delays of commits and jobs */

    uint16_t protocol_max; /* of the release on its disk */
    bool up;
    uint32_t boot; /* 1 for the first start */
    void *memory;  /* of the pool */
    struct moot_pool *pool;
    struct moot_sim_stream engine_stream;
    struct moot_random random;
    uint64_t wake_us, wake_generation;
    uint64_t submitted, committing, committed; /* tickets */
    struct moot_sim_held *held;
    uint32_t held_count, held_capacity;

    uint64_t clock_offset_us; /* monotonic clock at world time 0 */
    uint32_t clock_drift_ppm; /* how much faster, */
    bool clock_slow;          /* or slower it runs */
    int64_t wall_offset_s;
};

/* What the owner of a world may watch and must not change from within. All may be NULL. */
struct moot_sim_hooks {
    void *context;
    void (*timer)(void *context, uint64_t number);
    void (*opened)(void *context, uint32_t node);
    /* Before a crash forgets what was not durable. */
    void (*crashed)(void *context, uint32_t node);
    /* A batch was handed to the disk. */
    void (*submitted)(void *context, uint32_t node, uint64_t ticket,
                      const struct moot_store_batch *batch);
    void (*durable)(void *context, uint32_t node, uint64_t ticket);
    void (*replied)(void *context, uint32_t node, uint64_t call_number,
                    const struct moot_reply *reply);
    void (*noticed)(void *context, uint32_t node, const struct moot_notice *notice);
    /* After an engine step. changed: it wrote something, or something became durable. */
    void (*stepped)(void *context, uint32_t node, bool changed);
    /* A shell's own finding: the name of an invariant that broke, and why. */
    void (*broken)(void *context, uint32_t node, const char *invariant, const char *why);
    /* After an event, its trace hash folded in. */
    void (*done)(void *context);
    /* One line about the event just done; only asked for with --trace. */
    void (*line)(void *context, const char *text);
};

struct moot_sim_counts {
    uint64_t events, steps, frames, frame_bytes, lost, duplicated, duplicates_refused, links, dials,
        links_broken, crashes, restarts, commits, jobs;
};

struct moot_sim_world {
    uint64_t seed;
    uint8_t fill;
    uint64_t now_us;
    uint64_t sequence;
    struct moot_sim_heap heap;
    struct moot_digest trace;
    struct moot_sim_counts counts;
    uint64_t steps_at_now; /* guard against events that never let time pass */

    struct moot_engine_config config; /* of every node; name, home and url are its own */
    struct moot_sim_node *nodes;
    uint32_t node_count;
    struct moot_sim_net net, lan;
    bool calm;                       /* no loss and no duplication: while the mesh is brought up */
    struct moot_sim_stream *weather; /* from * node_count + to */
    uint64_t *cuts;                  /* the same index: number of the cut in force, or 0 */
    uint64_t cut_number;
    struct moot_sim_link **links; /* by number; NULL once gone */
    uint32_t link_count, link_capacity;

    struct moot_arena arena;      /* of one step */
    struct moot_arena job_arena;  /* of one job */
    struct moot_arena view_arena; /* for the hooks' owner */
    struct moot_sim_hooks hooks;
    struct moot_hasher *hasher; /* of the event under way */
    char *line;                 /* the same in words, or NULL */
    size_t line_size;
};

/* Nodes exist and are down. The hooks' owner sets world->hooks before anything else is called. */
struct moot_sim_world *moot_sim_world_new(const struct moot_sim_world_plan *plan);
void moot_sim_world_free(struct moot_sim_world *world);

/* Runs every event up to and including `until_us`, then moves the clock there. Stops early when
 * *stop (may be NULL) is true. False when the simulation does not get on: events without end. */
bool moot_sim_world_run(struct moot_sim_world *world, uint64_t until_us, const bool *stop);

/* Copies `event` and takes over its bytes. Not before now. */
void moot_sim_world_push(struct moot_sim_world *world, uint64_t at_us,
                         const struct moot_sim_event *event);
void moot_sim_world_timer(struct moot_sim_world *world, uint64_t at_us, uint64_t number);
/* Hands a call to a node's engine as an event of its own, now. False when the node is down. */
bool moot_sim_world_call(struct moot_sim_world *world, uint32_t node, uint64_t call_number,
                         const struct moot_call *call);

/* The node of that name, or -1. */
int moot_sim_world_find(const struct moot_sim_world *world, const char *name);
/* What every function of engine.h and view.h wants; the node must be up. */
struct moot_engine_env moot_sim_node_env(struct moot_sim_node *node);
/* Monotonic milliseconds as the node's own clock shows them. */
uint64_t moot_sim_node_now_ms(const struct moot_sim_node *node);

/* ---- faults ---- */

/* The process starts: the engine opens on what the disk holds. It must be down. */
enum moot_status moot_sim_node_start(struct moot_sim_world *world, uint32_t node);
/* The process dies: batches not durable, held sends and the engine's memory are gone; a commit under
 * way may or may not have reached the disk. Peers see their links end. It must be up. */
void moot_sim_node_crash(struct moot_sim_world *world, uint32_t node);

/* From now on frames between members of different groups stall; after 20 s such links break, and new
 * dials fail. A node in no group keeps its links. Adds to the cuts in force. */
void moot_sim_cut(struct moot_sim_world *world, const struct moot_sim_set *groups,
                  uint32_t group_count);
/* Ends every cut: what was held in links still standing arrives. */
void moot_sim_heal(struct moot_sim_world *world);

/* ---- between the parts of the world: node.c, link.c, trace.c ---- */

/* The event's own part of the trace hash and, if asked for, of its line. */
void moot_sim_trace_begin(struct moot_sim_world *world, const struct moot_sim_event *event);
void moot_sim_trace_action(struct moot_sim_world *world, const struct moot_action *action);
void moot_sim_trace_note(struct moot_sim_world *world, const char *word, uint64_t number);
void moot_sim_trace_end(struct moot_sim_world *world);
/* Between two events: folds a digest into the trace. */
void moot_sim_trace_digest(struct moot_sim_world *world, const struct moot_digest *digest);
/* A finding of the shell: hooks.broken. */
void moot_sim_world_broken(struct moot_sim_world *world, uint32_t node, const char *invariant,
                           const char *why);

void moot_sim_node_event(struct moot_sim_world *world, const struct moot_sim_event *event);
/* Steps the engine with `event` (times are filled in) and does what it asks for. */
void moot_sim_node_step(struct moot_sim_node *node, struct moot_event *event);
/* True if the engine of that boot still runs. */
bool moot_sim_node_lives(const struct moot_sim_world *world, uint32_t node, uint32_t boot);
void moot_sim_node_deinit(struct moot_sim_node *node);

void moot_sim_link_event(struct moot_sim_world *world, const struct moot_sim_event *event);
void moot_sim_link_dial(struct moot_sim_node *node, uint32_t dial, const char *url);
void moot_sim_link_send(struct moot_sim_node *node, uint32_t number, struct moot_bytes frame);
/* A close that waits for what was sent before: from now on nothing is received. */
void moot_sim_link_closing(struct moot_sim_node *node, uint32_t number);
void moot_sim_link_close(struct moot_sim_node *node, uint32_t number, enum moot_status why);
void moot_sim_link_node_died(struct moot_sim_world *world, uint32_t node);
void moot_sim_links_free(struct moot_sim_world *world);

#endif
