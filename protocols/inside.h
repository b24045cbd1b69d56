/*
 * The engine's insides, shared by the files of protocols/ and by nobody else. Every struct here lies in
 * the pool: handles and values only. One file owns each group of fields; others go through its functions.
 *
 *   engine.c    dispatch, one commit a step        boot.c      from the store to a running engine
 *   session.c   links, channels, messages, pings
 *   reconcile.c GREET, PULL, PUSH                   merge.c     verify → admit → merge → reduce
 *   append.c    own chain, group commit            record.c    puts
 *   decision.c  votes, certificates                loose.c     approvals, readiness as they travel
 *   timeline.c  ticks                              member.c    founding, invitations, joining
 *   turn.c      the slot of turns                  hardfork.c  hard forks, gates: both in hardfork.h
 *   join.c      asking to be let in             propose.c   proposals of people                upgrade*.c  fetch, readiness, activation
 *   device.c    removing, replacing, renaming devices      proof.c   certificates for who enters or left
 *   peers.c     whom to dial                       view*.c     what people see
 *   cache.c     the local cache, invalidations
 */
#ifndef MOOT_PROTOCOLS_INSIDE_H
#define MOOT_PROTOCOLS_INSIDE_H

#include "protocols/inside_types.h"
#include "protocols/view.h"

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
    bool members_changed;              /* sessions with those who left are to end */
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
    bool last_snapshot_known;           /* cleared when a snapshot's certificate is merged */
    struct moot_digest last_snapshot;   /* proposal of the newest completed one, or zero */
    struct moot_digest forgotten_below; /* snapshot inside whose cut voids were forgotten last */
    uint32_t snapshots_seen; /* objects when it was looked for something to collect last */
    uint32_t snapshots_kept; /* objects when cut and image of the last one were all here */
    struct moot_install install;
    struct moot_digest approved_timeline,
        approved_cut; /* the last cut that we signed, by its hash */

    struct moot_map fetches; /* proposal id → struct moot_fetch */
    struct moot_map servers; /* device key → struct moot_server */
    struct moot_upgrade_seen upgrade_seen;
    struct moot_hard_fork_seen fork_seen;
    uint64_t refused[MOOT_STATUS_END];
};

/* ---- one step ---- */

/* Something new that peers are told at the end of the step, all but the one it came from. */
struct moot_fresh {
    struct moot_bytes encoded;
    uint32_t from;     /* link; 0: our own */
    uint16_t protocol; /* what a peer must speak to be given it */
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
void moot_merge_put_eras(struct moot_step *step);
void moot_merge_put_chains(struct moot_step *step);

/* checkpoint.c */
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
/* The device that asked to join and that a person means: its name, or its key in hex. NULL, and the call
 * is answered, when there is none or when two go by that name. */
struct moot_joiner *moot_member_joiner_find(struct moot_step *step, uint64_t call_number,
                                            struct moot_bytes text, struct moot_key *ret_key);
/* 1 to 63 bytes of UTF-8 without spaces, commas and control characters. */
bool moot_name_good(struct moot_bytes name);
struct moot_bytes moot_own_name(const struct moot_engine *engine, struct moot_bytes asked);

/* proof.c: what somebody who left or enters can check for itself */
/* array[n] of certified objects: all turns with their ticks, the newest tick, then object `last`. */
void moot_proof_write(struct moot_step *step, struct moot_writer *writer,
                      const struct moot_digest *last);
/* Ends the session of a device that was removed, or of any peer if this device was; the other side gets
 * the proof first, for it may not know. False: both are members still. */
bool moot_proof_end_removed(struct moot_step *step, struct moot_session *session);
/* The same for all sessions, when members have changed in this step. */
void moot_proof_members_changed(struct moot_step *step);

/* device.c */
void moot_device_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call);
/* Before this node approves a body: a change of members that helps nobody, or that collides with one it
 * has approved already. MOOT_OK for all other kinds. */
enum moot_status moot_device_vote_check(struct moot_step *step, const struct moot_body *body,
                                        const struct moot_digest *hash);
uint32_t moot_members_in_force(const struct moot_engine *engine, const struct moot_pool *pool);
/* Does a member other than `except` (may be NULL) bear that name? */
bool moot_device_name_taken(const struct moot_engine *engine, const struct moot_pool *pool,
                            struct moot_bytes name, const struct moot_key *except);
/* Removed or replaced. */
bool moot_device_is_gone(const struct moot_engine *engine, const struct moot_pool *pool,
                         const struct moot_key *key);

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
/* Says why, in a notice and to a peer that has proven its key, and ends the session. */
void moot_session_refuse(struct moot_step *step, struct moot_session *session,
                         enum moot_status why);
struct moot_session *moot_session_of_link(const struct moot_engine *engine,
                                          const struct moot_pool *pool, uint32_t link);
struct moot_session *moot_session_of_peer(const struct moot_engine *engine,
                                          const struct moot_pool *pool,
                                          const struct moot_key *peer);
/* Ends a session for an offence or a reason of ours; bans if the peer is to blame. */
void moot_session_end(struct moot_step *step, struct moot_session *session, enum moot_status why);
/* session_message.c */
void moot_session_message(struct moot_step *step, struct moot_session *session,
                          struct moot_bytes bytes);
/* Takes the request that an answer is for off the list; false: nobody asked. */
bool moot_session_take(struct moot_step *step, struct moot_session *session, uint32_t number,
                       enum moot_message_type type, struct moot_request *ret);
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
 * restart. NOT_FOUND, NOT_ADMIN, ENDED. */
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
