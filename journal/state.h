/*
 * State: a pure function of the set of facts and certified objects and of the timeline followed. Any
 * order, any duplication, any batching: the same state. All of it lies in a pool (handles, no pointers),
 * so a copy of the pool is a copy of the state.
 *
 * Strata: 0 timeline, epoch, admin sets (from the object set alone) · 1 members · 2 proposals and
 * decisions · 3 records. Facts are folded as they come; a fact that must not count is void(reason) and
 * kept with its payload, and judged again whenever stratum 0 or 1 changes.
 */
#ifndef MOOT_JOURNAL_STATE_H
#define MOOT_JOURNAL_STATE_H

#include "crypto/base/map.h"
#include "crypto/base/pool.h"
#include "journal/admit.h"
#include "journal/kinds.h"

#define MOOT_PROTOCOL_MAX 2 /* the highest protocol this build speaks */
#define MOOT_EPOCH_FIRST 1  /* the epoch a mesh is founded in */

/* One passed turn, or the founding (k = 0, epoch = MOOT_EPOCH_FIRST). In force from `epoch` on. */
struct moot_era {
    uint64_t k;
    uint32_t epoch;                 /* of the tick that turned */
    struct moot_digest timeline;    /* in force from then on */
    struct moot_digest turn_body;   /* zero for the founding */
    struct moot_digest turn_object; /* certified turn and certified tick; zero for the founding */
    struct moot_digest tick_object;
    struct moot_admin_set admins;
    uint16_t protocol; /* in force from then on */
    /* The highest plain tick held of this timeline; 0 and zero when there is none. Not in the row. */
    uint32_t plain_epoch;
    struct moot_digest plain_object;
};

struct moot_member {
    struct moot_key key;
    struct moot_digest chain;
    struct moot_blob name, home;
    uint32_t admitted_epoch;
    /* The object that made it a member, an admission or a replacement; zero for the founder. */
    struct moot_digest admission;
    bool succeeds; /* by a replacement: it bears the name of `predecessor` */
    struct moot_key predecessor;
    /* Two admissions of the same least epoch that differ: not in force. Listed, its chain is kept, but
     * all its facts are void and moot_state_member does not find it. */
    bool conflicted;
    /* Removed, or replaced by `successor`: not in force any more and never again. Listed; its facts up
     * to last_seq count, those above are void. */
    bool retired, replaced;
    struct moot_digest retirement; /* object that retired it, or zero */
    uint64_t last_seq;
    struct moot_key successor;
    /* Two removals or replacements of one timeline that differ: neither is in force. */
    bool disputed;
};

/* One chain as held. `index` is this node's own number for it (store keys); never in any digest. */
struct moot_chain {
    struct moot_digest id;
    struct moot_key author;
    uint32_t index;
    struct moot_chain_tail tail;
    struct moot_signature head_signature; /* over tail.seq */
};

/* A certified object as held. */
struct moot_object_row {
    struct moot_digest id;
    struct moot_statement statement;
    struct moot_blob encoded; /* the whole object */
    struct moot_blob body;    /* its body */
};

struct moot_proposal {
    struct moot_digest id; /* hash of the body: also the digest people compare */
    enum moot_body_kind kind;
    struct moot_key proposer;
    uint32_t epoch;
    uint64_t seq;    /* of the proposing fact in the proposer's chain */
    uint64_t wall_s; /* for people */
    struct moot_blob body;
    bool withdrawn;
};

/* One put that no other put covers. */
struct moot_record_value {
    struct moot_digest chain;
    uint64_t seq;
    uint32_t epoch, lamport;
    uint64_t wall_s;
    bool tombstone;
    struct moot_blob value;
};
struct moot_record {
    struct moot_list values;  /* struct moot_record_value; the one shown is first */
    struct moot_list context; /* struct moot_context_entry, ascending: join of all contexts */
    bool dirty;               /* changed since it was last written to the store */
};

struct moot_void {
    enum moot_status reason;
    struct moot_header header; /* prev and payload_hash are zero */
    struct moot_blob payload;
};

struct moot_state {
    bool founded;
    uint16_t protocol_max; /* what this node speaks; MOOT_PROTOCOL_MAX unless its owner lowers it */
    struct moot_digest mesh;
    struct moot_blob founding;  /* payload of the founding fact */
    struct moot_list eras;      /* struct moot_era; the first is the founding */
    uint32_t epoch;             /* highest certified tick on the followed timeline */
    struct moot_map objects;    /* slot bytes ‖ object id → struct moot_object_row */
    struct moot_map object_ids; /* object id → u8[105], the key in `objects` */
    struct moot_map members;    /* device key → struct moot_member */
    struct moot_map chains;     /* chain id → struct moot_chain */
    uint32_t chain_count;       /* next index */
    struct moot_map proposals;  /* proposal id → struct moot_proposal */
    struct moot_map withdrawals; /* author ‖ proposal id → u8 1; counts if author is its proposer */
    struct moot_map records;     /* key → struct moot_record */
    struct moot_map voids;       /* chain id ‖ seq u64 → struct moot_void */
    struct moot_map opaques;     /* the same for facts kept unread: reason is MOOT_OK */
    struct moot_map floors;      /* u8 prefix ‖ key → u32: cache floor; from the object set */
    uint64_t payload_bytes;      /* of all facts held: the engine's count, in the checkpoint */
};

/* ---- stratum 0 and 1 ---- */

void moot_state_init(struct moot_state *state);
/* Gives everything back to the pool; the state is empty (init) afterwards, whatever it held. */
void moot_state_clear(struct moot_state *state, struct moot_pool *pool);

/* From the payload of the founding fact: mesh id, first era, the founder as a member, its chain. */
enum moot_status moot_state_found(struct moot_state *state, struct moot_pool *pool,
                                  struct moot_bytes founding_payload);

/* The era that is in force last / at `epoch`. The state must be founded. */
const struct moot_era *moot_state_era(const struct moot_state *state, const struct moot_pool *pool);
const struct moot_era *moot_state_era_at(const struct moot_state *state,
                                         const struct moot_pool *pool, uint32_t epoch);
/* The era of that timeline, or NULL: not followed (yet). */
const struct moot_era *moot_state_era_of(const struct moot_state *state,
                                         const struct moot_pool *pool,
                                         const struct moot_digest *timeline);

/* What a merge changed; each flag is set, never cleared. */
struct moot_state_change {
    bool objects; /* the object set */
    bool epoch;
    bool turned; /* eras were added or their ticks lowered: all TURN rows go into the same batch */
    bool members;
    /* Facts that counted may be void now (a turn took effect at or below the epoch reached, or a member
     * fell into conflict: rare). Call moot_state_facts_clear and fold everything held once more. */
    bool refold;
    /* A plain tick that is no member of the set any more (its row must be deleted); else zero. */
    struct moot_digest dropped_object;
};

/* Is it good here? MOOT_OK; WRONG_TIMELINE (statement's timeline not followed: pending);
 * BAD_CERTIFICATE, BAD_SIGNATURE, BAD_BODY (refused); REPLAYED (held already, or a plain tick that is
 * not above the highest of its timeline). Verifies signatures. A verdict NO certifies nothing: BAD_BODY. */
enum moot_status moot_state_object_check(const struct moot_state *state,
                                         const struct moot_pool *pool,
                                         const struct moot_object *object);
/* The id of the plain tick at that epoch of that timeline: there is only one. */
void moot_plain_tick_id(const struct moot_digest *timeline, uint32_t epoch,
                        struct moot_digest *ret);
/* Adds an object that was checked, then advances epoch, eras and members as far as they go. */
enum moot_status moot_state_object_merge(struct moot_state *state, struct moot_pool *pool,
                                         const struct moot_object *object,
                                         struct moot_state_change *change);

/* The next era: the certified turn K+1 on the current timeline and the least certified tick in its
 * window that names it. object_merge calls it; at start it replays the durable list: eras are restored
 * from TURN rows in order with moot_state_era_restore, never chosen anew. */
enum moot_status moot_state_era_restore(struct moot_state *state, struct moot_pool *pool,
                                        struct moot_bytes row);
void moot_era_encode(const struct moot_era *era, struct moot_writer *writer);
enum moot_status moot_era_decode(struct moot_bytes row, struct moot_era *ret);
/* At start: puts an object of our own store back, unverified, and derives nothing: era rows first, then
 * chain rows and objects in any order, then moot_state_derive once. The decoder's reasons, REPLAYED,
 * NO_MEMORY. */
enum moot_status moot_state_object_restore(struct moot_state *state, struct moot_pool *pool,
                                           struct moot_bytes encoded);
/* Recomputes epoch, members and cache floors from the objects held (after a restore). Passes no turn. */
enum moot_status moot_state_derive(struct moot_state *state, struct moot_pool *pool,
                                   struct moot_state_change *change);

/* The member in force: NULL for a stranger, for a conflicted one and for one that was removed or replaced. */
const struct moot_member *moot_state_member(const struct moot_state *state,
                                            const struct moot_pool *pool,
                                            const struct moot_key *key);
/* In force or not; NULL for a stranger. */
const struct moot_member *moot_state_member_listed(const struct moot_state *state,
                                                   const struct moot_pool *pool,
                                                   const struct moot_key *key);
/* NULL unless exactly one member in force has that name. */
const struct moot_member *moot_state_member_named(const struct moot_state *state,
                                                  const struct moot_pool *pool,
                                                  struct moot_bytes name);

/* What has been decided in a slot. */
enum moot_decision_state {
    MOOT_DECISION_OPEN = 1,
    MOOT_DECISION_CERTIFIED,
    MOOT_DECISION_CONFLICT
};
struct moot_decision {
    enum moot_decision_state state;
    const struct moot_object_row
        *object;                         /* CERTIFIED: it; CONFLICT: the first of them; else NULL */
    const struct moot_object_row *other; /* CONFLICT: another */
};
/* Two certificates of one timeline with different statements: CONFLICT. Of successive timelines: equal
 * body and verdict are one decision; else the earliest timeline counts. */
struct moot_decision moot_state_decision(const struct moot_state *state,
                                         const struct moot_pool *pool,
                                         const struct moot_slot *slot);
/* By id, or NULL. */
const struct moot_object_row *moot_state_object(const struct moot_state *state,
                                                const struct moot_pool *pool,
                                                const struct moot_digest *id);

/* ---- chains ---- */

/* The chain of that id, or NULL. A chain exists for exactly each member: deriving members adds it (index
 * = next, in order of appearance). Its tail is the caller's to advance. */
struct moot_chain *moot_state_chain(const struct moot_state *state, const struct moot_pool *pool,
                                    const struct moot_digest *id);
/* Puts a chain row back, with its index: before the members are derived. NO_MEMORY, or BAD_VALUE for a
 * row that does not decode, or an index taken twice. */
enum moot_status moot_state_chain_restore(struct moot_state *state, struct moot_pool *pool,
                                          uint32_t index, struct moot_bytes row);
/* Row of TABLE_CHAIN: array[4]: chain id, author, tail array[9], head signature. */
void moot_chain_encode(const struct moot_chain *chain, struct moot_writer *writer);
enum moot_status moot_chain_decode(struct moot_bytes row, struct moot_chain *ret);

/* ---- facts ---- */

/*
 * Folds one fact of an admitted (or replayed) run. MOOT_OK, or the reason it is void (VOID_*; then it is
 * kept in `voids`), or NO_MEMORY. Folding a fact twice changes nothing. An envelope's object is not
 * merged here: the engine hands it to moot_state_object_merge (see moot_fact_envelope).
 */
enum moot_status moot_state_fold(struct moot_state *state, struct moot_pool *pool,
                                 const struct moot_chain *chain, const struct moot_fact *fact);
/* The object that an envelope fact carries; false if this kind carries none or it does not decode. */
bool moot_fact_envelope(const struct moot_fact *fact, struct moot_object *ret);
/* Judges every void fact again, after epoch, eras or members changed; returns how many now count. One
 * that does not fit into memory stays void. */
uint32_t moot_state_rejudge(struct moot_state *state, struct moot_pool *pool);
/* Facts held that this node cannot judge, because it does not speak their protocol. While there are any,
 * the state is behind its frontier: its digest says nothing about other nodes'. */
uint32_t moot_state_unread(const struct moot_state *state, const struct moot_pool *pool);
/* Forgets strata 2 and 3 with voids and opaque facts, for a refold. Keys of records stay, empty and
 * dirty, so that their rows are written anew. */
void moot_state_facts_clear(struct moot_state *state, struct moot_pool *pool);

/* The cache floor of a key: entries stored in an epoch below it are not served. The greatest certified for
 * the key itself and for every prefix of it; 0: none. */
uint32_t moot_state_floor(const struct moot_state *state, const struct moot_pool *pool,
                          struct moot_bytes key);

const struct moot_proposal *moot_state_proposal(const struct moot_state *state,
                                                const struct moot_pool *pool,
                                                const struct moot_digest *id);
struct moot_record *moot_state_record(const struct moot_state *state, const struct moot_pool *pool,
                                      struct moot_bytes key);
/* The value shown first: greatest (epoch, lamport, chain id, seq); NULL when there is none. May be a
 * tombstone. */
const struct moot_record_value *moot_record_shown(const struct moot_record *record,
                                                  const struct moot_pool *pool);
/* Row of TABLE_RECORD: array[2]: values, context (docs/FORMATS.md). An empty one may be deleted instead. */
void moot_record_encode(const struct moot_record *record, const struct moot_pool *pool,
                        struct moot_writer *writer);
enum moot_status moot_record_restore(struct moot_state *state, struct moot_pool *pool,
                                     struct moot_bytes key, struct moot_bytes row);

/* The checkpoint's row: proposals, withdrawals, voids and opaque facts (the rest of the state has rows of its own):
 * array[...] given in docs/FORMATS.md, with the lsn up to which facts are folded in it. */
void moot_checkpoint_encode(const struct moot_state *state, const struct moot_pool *pool,
                            uint64_t lsn, struct moot_writer *writer);
enum moot_status moot_checkpoint_restore(struct moot_state *state, struct moot_pool *pool,
                                         struct moot_bytes row, uint64_t *ret_lsn);

/* ---- digests ---- */

/* Where image bytes go, in order. */
struct moot_sink {
    void *context;
    void (*write)(void *context, struct moot_bytes bytes);
};
/* The image: canonical bytes of the whole reduced state at the frontier held. Deterministic. */
void moot_image_write(const struct moot_state *state, const struct moot_pool *pool,
                      const struct moot_sink *sink);
/* *The* state digest: bare BLAKE2b-256 of the image. */
void moot_state_digest(const struct moot_state *state, const struct moot_pool *pool,
                       struct moot_digest *ret);

/* The size of the image, without writing it. */
uint64_t moot_image_bytes(const struct moot_state *state, const struct moot_pool *pool);
/* Tells two images apart: tag "moot/stratum/1" over the image's values of each stratum.
 * 0: founding, timeline, epoch, eras, objects · 1: members, chains · 2: proposals, withdrawals, floors ·
 * 3: records, opaque facts */
void moot_strata_digests(const struct moot_state *state, const struct moot_pool *pool,
                         struct moot_digest ret[MOOT_STRATA]);

/* tag "moot/frontier/1" over timeline ‖ count u32 ‖ for each chain with facts, ascending by id: id ‖ seq
 * u64 ‖ head id ‖ count u32 ‖ for each object, ascending: id. */
void moot_frontier_root(const struct moot_state *state, const struct moot_pool *pool,
                        struct moot_digest *ret);

#endif
