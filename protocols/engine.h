/*
 * The engine: the whole of a node between bytes in and bytes out. One event goes in, ordered actions
 * come out. It owns no file, socket, thread, clock or source of randomness: time arrives in the event,
 * randomness and committed bodies through handles. Everything it knows lies in one pool, so that a copy
 * of the pool is a copy of the node.
 *
 *   event ─▶ frame → decode → verify (job) → admit → merge → reduce → step ─▶ actions
 *
 * Durable before visible: a SEND, REPLY or NOTICE names in `after` the commit it must wait for (0: none);
 * both shells hold it back until that ticket is reported committed. Order among actions is kept.
 */
#ifndef MOOT_PROTOCOLS_ENGINE_H
#define MOOT_PROTOCOLS_ENGINE_H

#include "crypto/base/arena.h"
#include "crypto/base/pool.h"
#include "crypto/base/random.h"
#include "journal/state.h"
#include "journal/store.h"
#include "protocols/limits.h"

struct moot_engine; /* lies in its pool, at the root handle */

#define MOOT_URL_BYTES_MAX 128 /* "tcp://127.0.0.1:41234" with NUL */
#define MOOT_URI_BYTES_MAX 256 /* an invitation, with NUL */
#define MOOT_CODE_BYTES_MAX 16 /* "7K3M-Q2ZX-94TD" with NUL: 60 bits */
#define MOOT_VERSION_BYTES_MAX 32

/* Copied at open; the keys are those of moot.conf. */
struct moot_engine_config {
    char version[MOOT_VERSION_BYTES_MAX]; /* this release, for people */
    char name[MOOT_NAME_BYTES_MAX + 1];   /* proposed name and home of this device */
    char home[MOOT_NAME_BYTES_MAX + 1];
    char listen_url[MOOT_URL_BYTES_MAX]; /* where peers reach this node; "" if nowhere */
    uint16_t protocol_max;               /* 1 to MOOT_PROTOCOL_MAX */
    uint64_t epoch_interval_ms;          /* epoch_interval, default 3,600,000 */
    uint64_t gossip_interval_ms;         /* gossip_interval, default 1,000 */
    uint64_t readiness_timeout_ms;       /* readiness_timeout, default 86,400,000 */
    uint64_t fence_propose_ms; /* fence_propose: lease while a proposer drains, default 300,000 */
    uint64_t fence_lease_ms;   /* fence_lease: lease of an open snapshot, default 600,000 */
    uint32_t snapshot_every;   /* epochs between automatic snapshots, default 24; 0: by hand */
    uint32_t snapshot_min_epochs; /* sooner after the last one is refused, default 1 */
    uint64_t fence_notice_ms; /* fence_notice, default 7 days: worth of epochs before a hard fork */
    uint32_t deadline_epochs; /* proposal_deadline: epochs a proposal stays open, default 720 */
    bool soft_fork_auto_activate; /* default true */
    bool
        consent_by_person; /* admin_consent = person: a new admin's node does not consent by itself */
    bool alone;            /* --alone: sign and publish without hearing a peer first; recorded */
    bool restored;         /* the data directory's identity changed: suspected restore */
};
void moot_engine_config_init(struct moot_engine_config *config); /* the defaults */

/* Handed in with every call; borrowed for it. Pointers never enter the pool. */
struct moot_engine_env {
    struct moot_pool *pool;
    const struct moot_random *random;
    const struct moot_store_port *store;
};

/* ---- calls: what a person or script asks ---- */

enum moot_call_kind {
    MOOT_CALL_INIT = 1, /* mesh_name; found a mesh */
    MOOT_CALL_INVITE,   /* → uri, code, expires_in_s */
    MOOT_CALL_JOIN,     /* uri; answers when the request is known to the inviter (state pending) */
    MOOT_CALL_ADMIT,    /* name (or device id in hex) of a pending device → proposal */
    MOOT_CALL_DENY,     /* name of a pending device */
    MOOT_CALL_PROPOSE_ADMINS,  /* names, name_count, threshold → proposal */
    MOOT_CALL_PROPOSE_UPGRADE, /* upgrade → proposal (its blocks are in the block store already) */
    MOOT_CALL_APPROVE,  /* proposal, digest_text (first block of 4 or more hex digits, or whole) */
    MOOT_CALL_REJECT,   /* proposal, reason */
    MOOT_CALL_WITHDRAW, /* proposal */
    MOOT_CALL_ACTIVATE, /* proposal: soft_fork_auto_activate = no waits for this */
    MOOT_CALL_RECORD_PUT,    /* key, value or tombstone, put_mode → seq; answers when durable */
    MOOT_CALL_PROPOSE_CACHE, /* entries, floor (0: the epoch after this one) → proposal */
    MOOT_CALL_CACHE_SET, /* key, value → epoch, floor: into this node's own cache, not durable */
    MOOT_CALL_CACHE_GET, /* key → payload, epoch, floor; NOT_FOUND: a miss. Counts and refreshes. */
    MOOT_CALL_PROPOSE_SNAPSHOT, /* raises the fence, drains, captures → proposal */
    MOOT_CALL_REMOVE,           /* name (or id in hex); at_seq if at_given → proposal */
    MOOT_CALL_REPLACE, /* name, new_name (of a pending device, or its id); at_seq → proposal */
    MOOT_CALL_RENAME   /* name, new_name; home if not empty → proposal */
};

/* What a put does when it meets a writer fence. */
enum moot_put_mode {
    MOOT_PUT_WAIT = 0, /* waits it out; answers when appended */
    MOOT_PUT_QUEUE,    /* answers when durably queued */
    MOOT_PUT_NO_WAIT   /* FENCED at once */
};

/* All slices are borrowed for the step. */
struct moot_call {
    enum moot_call_kind kind;
    bool dry_run; /* check everything, change nothing; the reply carries the fact's payload */
    struct moot_bytes mesh_name, name, home, uri, digest_text, reason;
    const struct moot_bytes *names;
    uint32_t name_count;
    uint32_t threshold;
    struct moot_digest proposal;
    struct moot_upgrade_body upgrade; /* PROPOSE_UPGRADE; deadline_epoch 0: default */
    struct moot_bytes key, value;
    bool tombstone;
    const struct moot_cache_entry *entries; /* in any order */
    uint32_t entry_count;
    uint32_t floor;
    enum moot_put_mode put_mode;
    struct moot_bytes new_name;
    bool at_given; /* else the last fact held here */
    uint64_t at_seq;
};

struct moot_reply {
    enum moot_status status;
    char detail[160];
    struct moot_digest proposal; /* zero when there is none */
    uint64_t seq;
    char uri[MOOT_URI_BYTES_MAX];
    char code[MOOT_CODE_BYTES_MAX];
    uint32_t expires_in_s;
    struct moot_bytes payload; /* dry_run, CACHE_GET; in the arena */
    uint32_t epoch, floor;     /* CACHE_SET, CACHE_GET: of the entry, of its key */
};

/* ---- jobs: heavy or blocking work outside the engine ---- */

enum moot_job_kind {
    MOOT_JOB_VERIFY = 1, /* pure: moot_job_verify; input as built by the engine */
    MOOT_JOB_BLOCK_READ, /* hash → output: the block's bytes, not checked; BLOCK_MISSING */
    MOOT_JOB_BLOCK_WRITE, /* hash, input: bytes; checks the hash (BAD_BLOCK), durable when done; NO_SPACE */
    MOOT_JOB_BLOCK_RECHECK, /* hash: re-read; a damaged block is removed: BAD_BLOCK; BLOCK_MISSING */
    MOOT_JOB_MANIFEST_READ, /* hash → output: the manifest's bytes; BLOCK_MISSING */
    MOOT_JOB_MANIFEST_WRITE, /* hash, input: checks hash and signature (BAD_MANIFEST), durable when done */
    MOOT_JOB_PACKAGE_SCAN, /* hash of a manifest held → output: one byte a distinct block, in manifest
                                order of first use: 1 held, 0 missing */
    MOOT_JOB_PACKAGE_CHECK, /* hash of a manifest held: every block and file verified. FETCHING,
                                BAD_BLOCK (output: the block's hash), BAD_PACKAGE, BAD_MANIFEST.
                                MOOT_OK: output: free bytes on the disk, u64 big-endian */
    MOOT_JOB_REBUILD, /* moot_job_rebuild with a host: the state at a cut, its image into blocks */
    MOOT_JOB_IMAGE    /* moot_job_image with a host: the whole image as output */
};

/* `input` is borrowed for the step: the shell copies it and keeps its copy until the result was stepped. */
struct moot_job {
    uint32_t number;
    enum moot_job_kind kind;
    struct moot_digest hash;
    struct moot_bytes input;
};

/* Runs MOOT_JOB_VERIFY anywhere (no engine, no globals). Results lie in `arena` and point into
 * job->input: both stay until the JOB_DONE event was stepped. */
void moot_job_verify(const struct moot_job *job, struct moot_arena *arena,
                     enum moot_status *ret_status, struct moot_bytes *ret_output);
/* Arena bytes that are enough for moot_job_verify of an input of that size. */
size_t moot_job_verify_arena_bytes(size_t input_size);

/* What the snapshot's jobs need of the shell's thread: all of it their own for the time of the job. */
struct moot_job_host {
    const struct moot_store_port *store; /* sees what was committed when the job was given out */
    struct moot_pool *pool;              /* empty */
    void *blocks;
    /* The block's bytes, checked, at most MOOT_BLOCK_BYTES into `buffer`: BLOCK_MISSING, BAD_BLOCK. */
    enum moot_status (*block_get)(void *blocks, const struct moot_digest *hash, uint8_t *buffer,
                                  size_t *ret_size);
    enum moot_status (*block_put)(void *blocks, const struct moot_digest *hash,
                                  struct moot_bytes bytes);
};
#define MOOT_JOB_HOST_ARENA_BYTES 2097152 /* beside the image of MOOT_JOB_IMAGE */
/* The output lies in `arena`. Failures are the job's status: see snapshot_job.c. */
enum moot_status moot_job_rebuild(const struct moot_job *job, const struct moot_job_host *host,
                                  struct moot_arena *arena, struct moot_bytes *ret_output);
enum moot_status moot_job_image(const struct moot_job *job, const struct moot_job_host *host,
                                struct moot_arena *arena, struct moot_bytes *ret_output);
/* Bytes of the image that MOOT_JOB_IMAGE puts out. */
uint64_t moot_job_image_bytes(const struct moot_job *job);

/* ---- events ---- */

enum moot_event_kind {
    MOOT_EVENT_TIME = 1,   /* nothing but time has passed (the wake-up asked for) */
    MOOT_EVENT_LINK_UP,    /* link, dial (0: accepted), remote */
    MOOT_EVENT_LINK_FRAME, /* link, bytes */
    MOOT_EVENT_LINK_DOWN,  /* link (0: a dial that failed), dial, status */
    MOOT_EVENT_COMMITTED, /* ticket, status: all batches up to this ticket are durable; or the store
                              stopped for good (status not OK) */
    MOOT_EVENT_STORE_FULL, /* status STORE_FULL or MOOT_OK again: writes wait, reads go on */
    MOOT_EVENT_JOB_DONE,   /* job (as it was given, input included), status, bytes = output */
    MOOT_EVENT_CALL        /* call_number, call */
};

struct moot_event {
    enum moot_event_kind kind;
    uint64_t now_ms; /* monotonic */
    uint64_t wall_s; /* seconds since 1970, for people only */
    uint32_t link;
    uint32_t dial;
    const char *remote;
    struct moot_bytes bytes;
    uint64_t ticket;
    enum moot_status status;
    const struct moot_job *job;
    uint64_t call_number;
    const struct moot_call *call;
    /* Another event is stepped right after this one: what holds after every event (own writes, sending,
     * the next wake-up) is looked at once, after the last. */
    bool more;
};

/* ---- actions ---- */

enum moot_action_kind {
    MOOT_ACTION_COMMIT = 1, /* ticket, batch: tickets ascend by one */
    MOOT_ACTION_SEND,       /* link, bytes, after */
    MOOT_ACTION_CLOSE,      /* link, status, flush */
    MOOT_ACTION_DIAL,       /* dial, url */
    MOOT_ACTION_JOB,        /* job */
    MOOT_ACTION_REPLY,      /* call_number, reply, after */
    MOOT_ACTION_NOTICE      /* notice, after: for the event stream and the log */
};

/* Something people and scripts watch for. `name` is a stable word: docs/PROTOCOLS.md lists them. */
struct moot_notice {
    const char *name; /* "proposal.certified", "peer.refused", "epoch.advanced", ... static */
    enum moot_status status;     /* reason, or MOOT_OK */
    struct moot_digest proposal; /* or zero */
    struct moot_key device;      /* or zero */
    uint64_t number;             /* epoch, count: as the name says */
    char detail[96];
};

struct moot_action {
    enum moot_action_kind kind;
    struct moot_action *next;
    uint64_t after;
    uint64_t ticket;
    struct moot_store_batch batch;
    uint32_t link;
    uint32_t dial;
    bool flush;
    enum moot_status status;
    struct moot_bytes bytes;
    const char *url;
    struct moot_job job;
    uint64_t call_number;
    struct moot_reply reply;
    struct moot_notice notice;
};

/* All memory of the actions comes from `arena`; the shell resets it after it has acted on them. */
struct moot_actions {
    struct moot_arena *arena;
    struct moot_action *first, *last;
    uint64_t wake_ms; /* the engine wants a TIME event at the latest then; UINT64_MAX: never */
    /* A shell with threads may start jobs at once, while the rest of the step goes on: nothing a job does is
     * seen before its event. NULL: they are actions like all others. `job` and its input are borrowed. */
    void (*start_job)(void *context, const struct moot_job *job);
    void *context;
};
void moot_actions_init(struct moot_actions *actions, struct moot_arena *arena);

/* ---- life ---- */

/*
 * Makes an engine in an empty pool: reads what the store holds, folds what came after the checkpoint,
 * and is ready to step. `identity` is copied (secret) into the pool. static secrets and salts come from
 * env->random. STORE_DAMAGED (with the place in error), NO_MEMORY.
 */
enum moot_status moot_engine_open(const struct moot_engine_env *env,
                                  const struct moot_engine_config *config,
                                  const struct moot_identity *identity, uint64_t now_ms,
                                  struct moot_arena *arena, struct moot_error *error);

/* One event in, actions appended. Never fails: what cannot be done is said in an action. */
void moot_engine_step(const struct moot_engine_env *env, const struct moot_event *event,
                      struct moot_actions *actions);

/* Highest ticket given out: a reader that must not see more than is durable waits for it. */
uint64_t moot_engine_ticket(const struct moot_engine_env *env);

/* Wipes secrets. The pool's memory is the caller's. */
void moot_engine_close(const struct moot_engine_env *env);

#endif
