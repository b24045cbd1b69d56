/*
 * The engine's insides, shared by the files of protocols/ and by nobody else. Every struct here lies in
 * the pool: handles and values only. One file owns each group of fields; others go through its functions.
 *
 *   engine.c    dispatch, one commit a step        boot.c      from the store to a running engine
 *   session.c   links, channels, messages, pings
 *   reconcile.c GREET, PULL, PUSH                   merge.c     verify → admit → merge → reduce
 *   append.c    own chain, group commit            record.c    puts
 *   decision.c  votes, certificates                loose.c     approvals, readiness as they travel
 *   timeline.c  ticks and turns                    member.c    founding, invitations, joining
 *   join.c      asking to be let in             propose.c   proposals of people                upgrade*.c  fetch, readiness, activation
 *   peers.c     whom to dial                       view*.c     what people see
 *   cache.c     the local cache, invalidations
 */
#ifndef MOOT_PROTOCOLS_INSIDE_H
#define MOOT_PROTOCOLS_INSIDE_H

#include "protocols/channel.h"
#include "protocols/engine.h"
#include "protocols/view.h"

/* ---- own chain ---- */

/* A fact of ours that waits to be written: seq is settled, the run is signed at the next flush. */
struct moot_staged {
    uint64_t seq;
    uint64_t call_number; /* answered when durable; 0: nobody waits */
    uint64_t asked_ms;
    uint64_t put_before; /* a put: seq of the one of the same record staged before it; 0: none */
    uint32_t epoch;
    uint16_t kind;
    struct moot_blob payload;
};

/* ---- decisions ---- */

/* One row of the vote log; key: timeline ‖ slot ‖ round u32. Committed before anything is sent. */
#define MOOT_VOTE_KEY_BYTES (32 + MOOT_SLOT_BYTES + 4)
struct moot_vote {
    uint32_t promised_round; /* rounds above 0 come with contested turns; the fields are kept now */
    uint32_t voted_round;
    struct moot_statement statement;
    uint64_t signed_ms; /* of this process; the start's time after a restart */
};

/* Something signed that is no state: kept until its slot is terminal. Keys (loose.c):
 * 'A' ‖ slot ‖ timeline ‖ round u32 ‖ signer, or 'R' ‖ proposal ‖ device. */
#define MOOT_LOOSE_KEY_BYTES_MAX (1 + MOOT_SLOT_BYTES + 32 + 4 + 32)
enum moot_loose_kind { MOOT_LOOSE_APPROVAL = 1, MOOT_LOOSE_READINESS = 2 };
struct moot_loose {
    enum moot_loose_kind kind;
    struct moot_digest id; /* for reconciliation: names what is said, not the signature's bytes */
    struct moot_key signer;
    struct moot_signature signature;
    struct moot_statement statement;       /* approval */
    struct moot_blob reason;               /* approval: a person's words */
    struct moot_digest proposal, manifest; /* readiness */
    uint8_t readiness; /* enum moot_readiness_state of view.h: READY and above */
    enum moot_status readiness_reason;
    uint64_t free_bytes;
    uint64_t counter; /* readiness: the greatest of a device counts */
    struct moot_blob encoded;
};

/* ---- sessions ---- */

enum moot_message_type {
    MOOT_MESSAGE_GREET = 1,
    MOOT_MESSAGE_PULL = 2,
    MOOT_MESSAGE_PUSH = 3,
    MOOT_MESSAGE_BLOCK = 4,
    MOOT_MESSAGE_JOIN = 5,
    MOOT_MESSAGE_PING = 6,
    MOOT_MESSAGE_STRIKE = 7 /* "the block you sent me is damaged": one way */
};

struct moot_request {
    uint32_t number;
    enum moot_message_type type;
    uint64_t sent_ms;
    struct moot_digest hash; /* BLOCK: what was asked for */
    bool manifest;           /* BLOCK: a manifest, not a block */
};

struct moot_session {
    uint32_t link;
    uint32_t dial; /* 0: accepted */
    char remote[48];
    struct moot_channel channel;
    bool established, greeted, joining;
    uint64_t opened_ms, heard_ms, pinged_ms;
    uint32_t pings_lost;
    uint32_t request_number;   /* last used */
    struct moot_list requests; /* struct moot_request: ours without an answer */
    uint32_t invite;           /* listener in mode JOIN: number of the invitation */
    uint32_t asked;            /* its PULLs whose answers wait for our disk */
    uint64_t asked_ticket;     /* until then */
    uint64_t unasked_since_ms; /* what it sent in this second that is no answer */
    uint32_t unasked_messages;
    uint64_t unasked_bytes;
    /* reconcile.c */
    struct moot_digest peer_frontier, peer_loose; /* as it said last */
    struct moot_fork_id peer_fork;
    bool pull_out, pull_lists, pull_again;
    uint64_t pulled_ms, pull_pause_ms;
    uint64_t retry_at_ms,
        retry_ms; /* there is more, but the last answer brought nothing; 0: not so */
    struct moot_digest pulled_frontier,
        pulled_loose;                             /* peer roots that the last fruitless PULL saw */
    struct moot_digest told_frontier, told_loose; /* our roots as the peer knows them */
    uint64_t own_seq_there;                       /* how far the peer knows our chain */
    bool pulled_all; /* it once answered a PULL with all that it holds more than we do */
};

/* Runs of one chain on their way through verification. */
struct moot_waiting_run {
    struct moot_blob encoded;
    uint32_t link; /* who sent it: blamed if it fails */
};
struct moot_intake {
    struct moot_list waiting; /* struct moot_waiting_run, in order */
    uint32_t waiting_bytes;
    uint32_t job;       /* number of the job under way; 0: none */
    uint64_t ahead_seq; /* highest seq waiting or being verified; 0: nothing is */
};

struct moot_peer {
    char url[MOOT_URL_BYTES_MAX];
    uint64_t dial_at_ms, pause_ms;
    uint32_t dial;    /* under way; 0: none */
    uint32_t link;    /* session; 0: none */
    uint64_t seen_ms; /* last heard; 0: never since the start */
    uint64_t banned_until_ms, ban_ms;
    char version[MOOT_VERSION_BYTES_MAX];
    uint16_t protocol;
    uint32_t epoch;
};

/* ---- members ---- */

struct moot_invite {
    uint32_t number;
    char code[MOOT_CODE_BYTES_MAX];
    struct moot_digest psk;
    uint64_t ends_ms;
    bool bound; /* a device has proven the code: only that key may use it again */
    struct moot_key device;
};
struct moot_joiner {
    struct moot_blob name, home;
    uint64_t asked_ms;
    bool proposed, denied;
    struct moot_digest proposal;
};
/* This node asks to be let in. */
struct moot_joining {
    uint8_t state; /* enum moot_join_state of view.h */
    char url[MOOT_URL_BYTES_MAX];
    struct moot_digest mesh, psk;
    uint32_t link, dial;
    uint64_t next_ms, ends_ms;
    uint64_t call_number; /* waits for "pending"; 0: answered */
    uint32_t cut_short;   /* links that came up and ended without an answer to JOIN */
};

/* ---- upgrades ---- */

enum moot_fetch_stage {
    MOOT_FETCH_MANIFEST = 1, /* look here, then ask peers */
    MOOT_FETCH_SCAN,         /* which blocks are here */
    MOOT_FETCH_BLOCKS,
    MOOT_FETCH_CHECK,
    MOOT_FETCH_READY,
    MOOT_FETCH_REJECTED
};
enum moot_block_state {
    MOOT_BLOCK_WANTED = 0,
    MOOT_BLOCK_ASKED,
    MOOT_BLOCK_WRITING,
    MOOT_BLOCK_HELD
};
struct moot_block {
    struct moot_digest hash;
    uint8_t state; /* enum moot_block_state */
    bool damaged;  /* a copy of ours was found altered; until good bytes are written */
};
/* A request for a block or the manifest, until its answer was dealt with (bytes written). */
struct moot_ask {
    uint32_t block; /* index in blocks; MOOT_ASK_MANIFEST */
    uint32_t link;
    struct moot_key peer;
    uint64_t sent_ms;
    bool writing; /* the bytes are here: a job checks and keeps them */
};
#define MOOT_ASK_MANIFEST UINT32_MAX
struct moot_fetch {
    struct moot_digest proposal; /* the key too */
    struct moot_digest manifest;
    enum moot_fetch_stage stage;
    enum moot_status reason; /* MOOT_OK: ready; else why it is not ready, or rejected */
    struct moot_list blocks; /* struct moot_block: distinct, in manifest order of first use */
    uint32_t held, wanted;   /* blocks in these states */
    uint32_t job;            /* under way; 0: none */
    uint32_t turn;           /* where to look next, at random first: for blocks and for peers */
    uint64_t next_ms;        /* nothing is tried before */
    uint64_t pause_ms;  /* grows while nobody has what is missing, and while nothing can be kept */
    uint64_t grown_ms;  /* end of the pause: it grows once in its own length */
    uint64_t rescan_ms; /* what is missing may have come to this disk by another way */
    uint64_t free_bytes;
    struct moot_list asks;    /* struct moot_ask */
    struct moot_list refused; /* struct moot_refusal: who does not have it, or sent bad bytes */
    bool asking;              /* MANIFEST: it is not here */
    bool damaged;             /* the manifest here, or one that a peer sent, is altered */
    bool settled;             /* it has been looked at once since the start: worth telling */
    uint64_t checked_ms;      /* when all of it was verified last */
    bool in_force;
    bool envelope_due; /* in force, proposed by us: the fact that carries it is not staged yet */
    bool activate;     /* a person asked for it */
    uint8_t said;      /* readiness published last */
    enum moot_status said_reason;
};
/* A peer that cannot serve one hash for a while. */
struct moot_refusal {
    struct moot_key peer;
    struct moot_digest hash;
    uint64_t until_ms;
    bool bad; /* it sent bytes that do not match; goes away with its link, too */
};
/* A peer that sent bad blocks, in all fetches. */
struct moot_server {
    uint32_t strikes;
    uint64_t ignored_until_ms, ignore_ms;
};
/* What decides which upgrades are fetched and activated: looked at again when it changes. */
struct moot_upgrade_seen {
    uint32_t proposals, withdrawals, objects, loose, eras, members, epoch;
    bool publishing;
    bool look;  /* something else has changed */
    bool begun; /* since the start; what was in force then is no news */
};

/* ---- snapshots ---- */

enum moot_content_stage {
    MOOT_CONTENT_LOOKING = 1, /* on our own disk */
    MOOT_CONTENT_WANTED,
    MOOT_CONTENT_ASKED,
    MOOT_CONTENT_WRITING,
    MOOT_CONTENT_HELD
};
/* Bytes wanted by their hash (the key). */
struct moot_content {
    uint8_t stage; /* enum moot_content_stage */
    bool keep;     /* the bytes stay in memory once held */
    uint32_t job, link, asked_count;
    uint64_t asked_ms, next_ms, pause_ms;
    struct moot_blob bytes;
};

/* One writer-fence lease; key: proposal id, or zero for our own draining. */
struct moot_lease {
    struct moot_key holder;
    uint32_t target_epoch;
    uint64_t until_ms;
    uint8_t restarts;
    bool told, rewrite;
};
/* A write that waits behind the fence; key: u64 in order. */
struct moot_queued {
    struct moot_blob key, value;
    uint64_t call_number;
    bool tombstone;
};

enum moot_snapshot_stage {
    MOOT_SNAPSHOT_IDLE = 0,
    MOOT_SNAPSHOT_DRAINING,
    MOOT_SNAPSHOT_CUTTING,    /* the cut is being written */
    MOOT_SNAPSHOT_REBUILDING, /* digest and image of the state at the cut */
    MOOT_SNAPSHOT_PROPOSED
};
/* What this node proposes itself. */
struct moot_snapshotting {
    uint8_t stage;
    uint64_t call_number, since_ms, not_before_ms;
    uint32_t failures, job;
    struct moot_digest cut_hash;
    uint64_t seq; /* of the proposing fact */
};
/* What this administrator's node makes of somebody's proposal; key: its id. */
struct moot_check {
    uint32_t job;
    uint64_t next_ms;
    bool done;
};
/* The snapshot up to whose cut facts are collected here; in META "base". */
struct moot_base {
    bool there;
    struct moot_digest proposal, cut_hash, index;
    uint32_t epoch;
    bool collecting;
    uint64_t at_lsn, collected;
};
/* Taking an image, because a peer has collected what we lack. */
struct moot_install {
    bool wanted,
        refold; /* refold: what lies under the base is gone, so its image is where it begins */
    uint32_t job;
    uint64_t next_ms;
    struct moot_digest proposal;
};

/* What a job that is under way belongs to. */
enum moot_job_part {
    MOOT_JOB_FOR_UPGRADE = 0,
    MOOT_JOB_FOR_CONTENT,
    MOOT_JOB_FOR_SNAPSHOT,
    MOOT_JOB_FOR_CHECK,
    MOOT_JOB_FOR_INSTALL
};
struct moot_job_owner {
    enum moot_job_kind kind;
    uint8_t part;           /* enum moot_job_part: whose result it is */
    struct moot_digest key; /* VERIFY: chain; package jobs: proposal; BLOCK_READ to serve: hash */
    struct moot_digest hash;
    uint32_t link;           /* serving: whom; writing: from whom */
    uint32_t request_number; /* serving */
};

/* ---- the local cache ---- */

struct moot_cached {
    uint32_t epoch; /* it was stored in */
    uint64_t used;  /* its key in `order` */
    struct moot_blob value;
};
struct moot_cache {
    struct moot_map entries; /* key → struct moot_cached */
    struct moot_map order;   /* u64 → struct moot_blob, the key: the least was used longest ago */
    uint64_t used;           /* last number given */
    uint64_t bytes;          /* of keys and values */
    uint64_t hits, misses, invalidated, stored, evicted; /* since the start */
};

/* ---- the engine ---- */

struct moot_engine {
    struct moot_engine_config config;
    struct moot_identity identity;
    uint8_t link_static[32];
    uint64_t now_ms, wall_s, started_ms;
    struct moot_state state;

    uint64_t ticket, committed; /* given out, reported */
    uint64_t shown_ticket;      /* the last that holds more than others' runs and checkpoints */
    uint64_t lsn;               /* of the last log row */
    uint64_t checkpoint_lsn;
    uint32_t folded_since_checkpoint;
    bool store_full, store_stopped;
    enum moot_status stopped_why;
    bool refold_wanted;                /* once everything given out is committed */
    bool root_stale, loose_root_stale; /* caches below */
    struct moot_digest frontier_root, loose_root;

    struct moot_list staged;     /* struct moot_staged */
    uint64_t staged_bytes;       /* of their payloads */
    struct moot_map staged_puts; /* record key → u64: seq of the last put staged for it */
    uint64_t append_ticket;      /* own commit under way; 0: none */
    struct moot_list
        heard; /* struct moot_key: peers whose view of our chain we have caught up with */

    struct moot_map votes;         /* MOOT_VOTE_KEY_BYTES → struct moot_vote */
    struct moot_map loose;         /* → struct moot_loose */
    struct moot_map loose_signers; /* device key → u32: how many of them are its own */
    bool collect_wanted; /* approvals, proposals or eras changed: try to assemble certificates */
    uint64_t epoch_since_ms;
    struct moot_map pending; /* object id → moot_blob: objects of unknown timelines */

    struct moot_map sessions; /* link u32 → struct moot_session */
    struct moot_map peers;    /* device key → struct moot_peer */
    struct moot_map intakes;  /* chain id → struct moot_intake */
    uint64_t intake_bytes;    /* waiting in all of them */
    uint32_t dial_number, job_number, invite_number;
    struct moot_map jobs; /* job number u32 → struct moot_job_owner */

    struct moot_list invites; /* struct moot_invite */
    uint32_t invite_failures;
    struct moot_map joiners; /* device key → struct moot_joiner */
    struct moot_joining joining;

    struct moot_cache cache;
    struct moot_map contents; /* hash → struct moot_content */
    struct moot_map leases;   /* proposal id → struct moot_lease */
    struct moot_map queue;    /* number u64 → struct moot_queued */
    uint64_t queue_number, queue_bytes;
    uint32_t fence_looked_at; /* proposals when it was looked for new snapshots last */
    struct moot_snapshotting snapshot;
    struct moot_map checks; /* proposal id → struct moot_check */
    struct moot_base base;
    uint32_t snapshots_seen; /* objects when it was looked for something to collect last */
    struct moot_install install;
    struct moot_digest approved_timeline,
        approved_cut; /* the last cut that we signed, by its hash */

    struct moot_map fetches; /* proposal id → struct moot_fetch */
    struct moot_map servers; /* device key → struct moot_server */
    struct moot_upgrade_seen upgrade_seen;
    uint64_t refused[MOOT_STATUS_END];
};

/* ---- one step ---- */

/* Something new that peers are told at the end of the step, all but the one it came from. */
struct moot_fresh {
    struct moot_bytes encoded;
    uint32_t from; /* link; 0: our own */
};

/* The way of one event through the engine; lives on the stack. */
struct moot_step {
    const struct moot_engine_env *env;
    struct moot_engine *engine;
    struct moot_pool *pool;
    struct moot_arena *arena;
    struct moot_actions *actions;
    struct moot_store_batch batch; /* all this step writes: one commit, asked for first */
    uint32_t unseen_op_count;      /* of it: runs of others and checkpoints */
    struct moot_fresh push_runs[8];
    uint32_t push_run_count;
    struct moot_fresh push_objects[16];
    uint32_t push_object_count;
    struct moot_fresh push_loose[32];
    uint32_t push_loose_count;
    size_t push_bytes;
};

/* A reader's step: no actions, nothing may change. */
struct moot_engine *moot_engine_of(const struct moot_engine_env *env);

/* Whether SENDs, REPLYs and NOTICEs wait for what this step commits. AFTER_SHOWN: not if all that is not
 * durable yet is runs of others, and the message does not speak of them. */
enum moot_after { MOOT_AFTER_NOTHING = 1, MOOT_AFTER_COMMIT, MOOT_AFTER_SHOWN };

/* engine.c */
void moot_step_put(struct moot_step *step, enum moot_table table, struct moot_bytes key,
                   struct moot_bytes value);
void moot_step_delete(struct moot_step *step, enum moot_table table, struct moot_bytes key);
void moot_step_send(struct moot_step *step, uint32_t link, struct moot_bytes frame,
                    enum moot_after after);
void moot_step_close(struct moot_step *step, uint32_t link, enum moot_status why, bool flush);
void moot_step_dial(struct moot_step *step, uint32_t dial, const char *url);
void moot_step_job(struct moot_step *step, enum moot_job_kind kind, const struct moot_digest *hash,
                   struct moot_bytes input, const struct moot_job_owner *owner,
                   uint32_t *ret_number);
struct moot_reply *moot_step_reply(struct moot_step *step, uint64_t call_number,
                                   enum moot_status status, const char *detail);
struct moot_notice *moot_step_notice(struct moot_step *step, const char *name,
                                     enum moot_status status);
/* Room left for this step. What comes once for each peer asks first, and waits for the next step. */
bool moot_step_has_room(const struct moot_step *step, size_t size);
/* Asks to be woken at `at_ms` at the latest. */
void moot_step_wake(struct moot_step *step, uint64_t at_ms);
/* Counts what was refused; every refusal passes here. */
void moot_step_refuse(struct moot_step *step, enum moot_status why);
/* Counts the refusal and answers the call; detail may be NULL. */
void moot_call_refuse(struct moot_step *step, uint64_t call_number, enum moot_status why,
                      const char *detail);
/* The node can write now: not full, not stopped. */
enum moot_status moot_step_writable(const struct moot_step *step);
/* A failure that leaves memory and disk apart (no memory inside a merge): stop writing for good. */
void moot_step_stop(struct moot_step *step, enum moot_status why);
/* 256 KiB writers and such: a writer over the rest of the arena. */
struct moot_bytes moot_step_finish(struct moot_step *step, struct moot_writer *writer);

/* append.c: own facts */
bool moot_append_ready(const struct moot_step *step); /* heard, or exempt */
uint64_t moot_append_next_seq(const struct moot_step *step);
enum moot_status moot_append_stage(struct moot_step *step, uint16_t kind, struct moot_bytes payload,
                                   uint64_t call_number);
/* Seq of the last put of that record among what is staged; 0: none. */
uint64_t moot_append_staged_put(const struct moot_step *step, struct moot_bytes key);
void moot_append_flush(struct moot_step *step);
/* Callers that waited too long for a peer get the reason, and their facts are not written; after the
 * store has stopped all do. */
void moot_append_time(struct moot_step *step);
/* A fence rises: ordinary facts that are staged go to its queue; what was staged behind them moves up. */
void moot_append_hold_back(struct moot_step *step);
void moot_append_committed(struct moot_step *step);
void moot_append_heard(struct moot_step *step, const struct moot_session *session);
/* Our chain grew from elsewhere (a restored disk catches up): what was staged behind the old head is
 * refused, for its numbers are taken. */
void moot_append_overtaken(struct moot_step *step);
struct moot_chain *moot_append_chain(const struct moot_step *step);

/* merge.c: what comes from elsewhere */
/* True if the run was new and is on its way now. */
bool moot_merge_run_bytes(struct moot_step *step, struct moot_session *session,
                          struct moot_bytes encoded);
void moot_merge_job_done(struct moot_step *step, const struct moot_job_owner *owner,
                         const struct moot_event *event);
enum moot_status moot_merge_object(struct moot_step *step, struct moot_bytes encoded,
                                   uint32_t from_link);
void moot_merge_pending(struct moot_step *step);
/* Runs wait for verification: pulling more of the same would be for nothing. */
bool moot_merge_busy(const struct moot_step *step);
/* So many wait that what is asked for now would wait longer than it takes to ask later. */
bool moot_merge_full(const struct moot_step *step);
/* Highest seq of that chain here or on its way through verification. */
uint64_t moot_merge_seq(const struct moot_step *step, const struct moot_chain *chain);
/* Folds, logs and indexes one admitted run. */
void moot_merge_admitted(struct moot_step *step, struct moot_chain *chain,
                         const struct moot_admitted_run *admitted, uint32_t from_link);
/* Consequences of a changed stratum 0 or 1: TURN rows, chains, rejudging, notices. */
void moot_merge_changed(struct moot_step *step, const struct moot_state_change *change);
void moot_merge_checkpoint(struct moot_step *step);
/* Rows of the whole state after an image was installed, in this one commit. */
void moot_merge_rows_anew(struct moot_step *step);
void moot_merge_end(struct moot_step *step);

/* loose.c */
enum moot_status moot_loose_merge(struct moot_step *step, struct moot_bytes encoded,
                                  uint32_t from_link);
void moot_loose_approval(struct moot_step *step, const struct moot_statement *statement,
                         struct moot_bytes reason);
void moot_loose_readiness(struct moot_step *step, const struct moot_digest *proposal,
                          const struct moot_digest *manifest, uint8_t readiness,
                          enum moot_status reason, uint64_t free_bytes);
/* What this node is known to have signed in that statement's slot, timeline and round; NULL: nothing. */
const struct moot_statement *moot_loose_said(const struct moot_step *step,
                                             const struct moot_statement *statement);
void moot_loose_sweep(struct moot_step *step);
const struct moot_digest *moot_loose_root(struct moot_step *step);
enum moot_status moot_loose_restore(struct moot_engine *engine, struct moot_pool *pool,
                                    struct moot_bytes encoded);
void moot_loose_readiness_key(const struct moot_digest *proposal, const struct moot_key *device,
                              uint8_t ret[65]);
/* Is this slot still undecided, so that approvals in it are worth keeping? */
bool moot_loose_slot_open(const struct moot_engine *engine, const struct moot_pool *pool,
                          const struct moot_statement *statement);

/* decision.c */
struct moot_bytes moot_decision_body(struct moot_step *step,
                                     const struct moot_statement *statement);
enum moot_status moot_decision_vote(struct moot_step *step, struct moot_bytes body,
                                    enum moot_verdict verdict, struct moot_bytes reason);
void moot_decision_collect(struct moot_step *step);
const struct moot_vote *moot_decision_voted(const struct moot_engine *engine,
                                            const struct moot_pool *pool,
                                            const struct moot_slot *slot);
enum moot_status moot_vote_restore(struct moot_engine *engine, struct moot_pool *pool,
                                   struct moot_bytes key, struct moot_bytes row);
bool moot_engine_is_admin(const struct moot_engine *engine, const struct moot_pool *pool);

/* Tally of one slot on the current timeline, from loose approvals. Who is in the deciding set may say
 * no; yes also holds the consents of new administrators. */
struct moot_tally {
    struct moot_digest timeline;
    uint32_t yes_count, no_count;
    uint32_t yes_members; /* of yes: those in the deciding set */
    struct moot_key yes[MOOT_CERTIFICATE_SIGNERS_MAX], no[MOOT_CERTIFICATE_SIGNERS_MAX];
};
void moot_decision_tally(const struct moot_engine *engine, const struct moot_pool *pool,
                         const struct moot_statement *yes_statement, struct moot_tally *ret);

/* timeline.c */
void moot_timeline_step(struct moot_step *step);
struct moot_bytes moot_timeline_tick_body(struct moot_step *step, uint32_t epoch,
                                          const struct moot_digest *turn);
const struct moot_object_row *moot_timeline_turn(const struct moot_engine *engine,
                                                 const struct moot_pool *pool,
                                                 struct moot_turn_body *ret_body);
uint64_t moot_timeline_due_ms(const struct moot_engine *engine, const struct moot_pool *pool);

/* propose.c */
void moot_propose_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call);
/* State of a proposal as people see it, and whether it can still be certified. */
uint8_t moot_proposal_phase(const struct moot_engine *engine, const struct moot_pool *pool,
                            const struct moot_proposal *proposal, bool *ret_possible);
/* Own proposals written from `first_seq` on: proposing approves. */
void moot_propose_folded(struct moot_step *step, uint64_t first_seq);
/* Encodes `body` as this node's proposal and stages it (or, dry, shows it); answers the call. */
void moot_propose_body(struct moot_step *step, uint64_t call_number, uint16_t kind,
                       struct moot_body *body, bool dry_run);
void moot_propose_consent(struct moot_step *step); /* a new admin's node consents to its own seat */

/* member.c */
void moot_member_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call);
void moot_member_time(struct moot_step *step);
void moot_member_join_asked(struct moot_step *step, struct moot_session *session, uint32_t number,
                            struct moot_cursor *body);
/* 1 to 63 bytes of UTF-8 without spaces, commas and control characters. */
bool moot_name_good(struct moot_bytes name);
struct moot_bytes moot_own_name(const struct moot_engine *engine, struct moot_bytes asked);

/* join.c: this node asks to be let in */
enum moot_join_says {
    MOOT_JOIN_SAYS_PENDING = 1,
    MOOT_JOIN_SAYS_ADMITTED = 2,
    MOOT_JOIN_SAYS_REFUSED = 3
};
void moot_join_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call);
void moot_join_ask(struct moot_step *step, struct moot_session *session);
void moot_join_time(struct moot_step *step);
/* Asks no longer; a caller that waits gets the reason. */
void moot_join_cancel(struct moot_step *step, enum moot_status why);
enum moot_status moot_join_restore(struct moot_engine *engine, struct moot_bytes row);
void moot_member_join_answered(struct moot_step *step, struct moot_session *session,
                               struct moot_cursor *body);
void moot_member_proven(struct moot_step *step, struct moot_session *session);
void moot_member_link_gone(struct moot_step *step, uint32_t link, uint32_t dial,
                           enum moot_status why);
/* Somebody tried a code that fits no invitation. */
void moot_member_code_failed(struct moot_step *step);
/* psks of the open invitations, in order, for the channel; the count is returned. */
uint32_t moot_member_psks(const struct moot_step *step, struct moot_digest ret[MOOT_INVITES_MAX]);
enum moot_status moot_member_restore(struct moot_engine *engine, struct moot_pool *pool,
                                     struct moot_bytes key, struct moot_bytes row);

/* record.c */
void moot_record_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call);
/* Stages a put with its context as of now; value NULL: a tombstone. */
enum moot_status moot_record_stage(struct moot_step *step, uint64_t call_number,
                                   struct moot_bytes key, const struct moot_bytes *value);

/* cache.c */
void moot_cache_init(struct moot_cache *cache);
void moot_cache_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call);
void moot_cache_propose(struct moot_step *step, uint64_t call_number, const struct moot_call *call);
/* Floors were raised: what lies below them now is forgotten. */
void moot_cache_invalidated(struct moot_step *step, const struct moot_cache_body *body);
/* WINDOW: a cache floor that no honest administrator helps with. */
enum moot_status moot_cache_floor_check(const struct moot_engine *engine,
                                        const struct moot_body *body);

/* session.c */
void moot_session_up(struct moot_step *step, const struct moot_event *event);
void moot_session_frame(struct moot_step *step, const struct moot_event *event);
void moot_session_down(struct moot_step *step, const struct moot_event *event);
void moot_session_time(struct moot_step *step);
struct moot_session *moot_session_of_link(const struct moot_engine *engine,
                                          const struct moot_pool *pool, uint32_t link);
struct moot_session *moot_session_of_peer(const struct moot_engine *engine,
                                          const struct moot_pool *pool,
                                          const struct moot_key *peer);
/* Ends a session for an offence or a reason of ours; bans if the peer is to blame. */
void moot_session_end(struct moot_step *step, struct moot_session *session, enum moot_status why);
/* Seals and sends array[4]: type, number, answer, body. Returns the request's number. */
uint32_t moot_session_ask(struct moot_step *step, struct moot_session *session,
                          enum moot_message_type type, struct moot_bytes body,
                          const struct moot_digest *hash, bool manifest);
void moot_session_answer(struct moot_step *step, struct moot_session *session,
                         enum moot_message_type type, uint32_t number, struct moot_bytes body,
                         enum moot_after after);
void moot_session_tell(struct moot_step *step, struct moot_session *session,
                       enum moot_message_type type, struct moot_bytes body);
uint32_t moot_session_outstanding(const struct moot_step *step, const struct moot_session *session,
                                  enum moot_message_type type);

/* reconcile.c */
void moot_reconcile_greet(struct moot_step *step, struct moot_session *session);
/* A greeting that only says why there is no service: to a device that has proven its key. */
void moot_reconcile_refuse(struct moot_step *step, struct moot_session *session,
                           enum moot_status why);
/* What was in vain so far (a full disk) may be asked for again. */
void moot_reconcile_retry(struct moot_step *step);
void moot_reconcile_greeted(struct moot_step *step, struct moot_session *session, uint32_t number,
                            bool answer, struct moot_cursor *body);
void moot_reconcile_pull_asked(struct moot_step *step, struct moot_session *session,
                               uint32_t number, struct moot_cursor *body);
void moot_reconcile_pull_answered(struct moot_step *step, struct moot_session *session,
                                  struct moot_cursor *body);
void moot_reconcile_pushed(struct moot_step *step, struct moot_session *session,
                           struct moot_cursor *body);
void moot_reconcile_end(struct moot_step *step); /* push what is fresh, pull where roots differ */
void moot_reconcile_fresh_run(struct moot_step *step, struct moot_bytes encoded, uint32_t from);
void moot_reconcile_fresh_object(struct moot_step *step, struct moot_bytes encoded, uint32_t from);
void moot_reconcile_fresh_loose(struct moot_step *step, struct moot_bytes encoded, uint32_t from);
const struct moot_digest *moot_reconcile_root(struct moot_step *step);

/* peers.c */
struct moot_peer *moot_peer_know(struct moot_step *step, const struct moot_key *key,
                                 struct moot_bytes url);
struct moot_peer *moot_peer_of(const struct moot_engine *engine, const struct moot_pool *pool,
                               const struct moot_key *key);
/* Not dialled again for a while, longer each time until it greets us. */
void moot_peer_pause(struct moot_step *step, struct moot_peer *peer);
void moot_peer_time(struct moot_step *step);
void moot_peer_dial_ended(struct moot_step *step, uint32_t dial, enum moot_status why);
enum moot_status moot_peer_restore(struct moot_engine *engine, struct moot_pool *pool,
                                   struct moot_bytes key, struct moot_bytes row);

/* upgrade.c */
void moot_upgrade_step(struct moot_step *step);
void moot_upgrade_block_asked(struct moot_step *step, struct moot_session *session, uint32_t number,
                              struct moot_cursor *body);
void moot_upgrade_block_answered(struct moot_step *step, struct moot_session *session,
                                 const struct moot_request *request, struct moot_cursor *body);
void moot_upgrade_struck(struct moot_step *step, struct moot_session *session,
                         struct moot_cursor *body);
void moot_upgrade_job_done(struct moot_step *step, const struct moot_job_owner *owner,
                           const struct moot_event *event);
void moot_upgrade_link_gone(struct moot_step *step, uint32_t link, const struct moot_key *peer);
struct moot_bytes moot_upgrade_activation_body(struct moot_step *step,
                                               const struct moot_proposal *proposal);
/* A person's word: this node signs the activation when enough members are ready. Forgotten at a
 * restart. NOT_FOUND, NOT_ADMIN, ENDED, UNSUPPORTED for a hard fork. */
enum moot_status moot_upgrade_activate(struct moot_step *step, const struct moot_digest *proposal,
                                       bool dry_run);
/* Members whose last word on exactly this package is ready; the one place where they are counted. */
uint32_t moot_upgrade_ready_count(const struct moot_engine *engine, const struct moot_pool *pool,
                                  const struct moot_proposal *proposal);

/* boot.c */
enum moot_status moot_boot_load(const struct moot_engine_env *env, struct moot_engine *engine,
                                struct moot_error *error);
/* Strata 2 and 3 anew from all that is committed: after a change below that is no mere addition. */
enum moot_status moot_boot_refold(const struct moot_engine_env *env, struct moot_engine *engine);

#endif
