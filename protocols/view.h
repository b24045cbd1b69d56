/*
 * What people see of an engine: read-only answers for the API, the simulator's oracles and tests.
 * Everything returned lies in the arena handed in, or is borrowed from the pool until the next step.
 */
#ifndef MOOT_PROTOCOLS_VIEW_H
#define MOOT_PROTOCOLS_VIEW_H

#include "protocols/engine.h"

#define MOOT_PROPOSAL_NAME_BYTES 16 /* "UP-7K3MQ2" with NUL */

enum moot_join_state { MOOT_JOIN_NONE = 1, MOOT_JOIN_ASKING, MOOT_JOIN_PENDING, MOOT_JOIN_DENIED };

struct moot_view_status {
    bool in_mesh;
    enum moot_join_state joining;
    struct moot_digest mesh;
    struct moot_bytes mesh_name;
    struct moot_key device;
    struct moot_bytes name,
        home; /* certified ones once a member, else those of the configuration */
    char version[MOOT_VERSION_BYTES_MAX];
    uint16_t protocol_speaks, protocol_max; /* what it writes under, and could */
    uint16_t protocol_in_force;             /* 0 without a mesh */
    uint32_t epoch;
    struct moot_admin_set admins;
    bool is_admin;
    bool removed; /* this device was removed or replaced: it can read, and nothing else */
    struct moot_digest timeline;
    uint64_t turns_passed;
    bool store_full, store_stopped;
    bool fenced; /* the mesh speaks a protocol that this device does not */
    char fenced_reason[128];
    uint32_t fence_next; /* epoch of the next activated hard fork; 0: none */
    uint16_t fence_next_protocol;
    struct moot_digest fence_next_proposal;
    bool heard;               /* false: waits to hear its own chain from a peer */
    uint32_t epoch_stalled_s; /* seconds that the next tick is overdue; 0: not */
    uint32_t stalled_count;   /* admins whose tick signature is missing while it is overdue */
    struct moot_key stalled_on[MOOT_ADMINS_MAX];
    const char *listen_url;
    uint32_t session_count;
};
void moot_view_status(const struct moot_engine_env *env, uint64_t now_ms,
                      struct moot_view_status *ret);

enum moot_device_state {
    MOOT_DEVICE_SELF = 1,
    MOOT_DEVICE_CONNECTED,
    MOOT_DEVICE_AWAY,
    MOOT_DEVICE_CONFLICTED, /* its admission, or its removal: two certificates differ */
    MOOT_DEVICE_REMOVED     /* or replaced */
};
struct moot_view_device {
    struct moot_key key;
    struct moot_bytes name, home;
    enum moot_device_state state;
    bool is_admin;
    uint32_t admitted_epoch;
    char version[MOOT_VERSION_BYTES_MAX]; /* as it said last; "" when never heard */
    uint16_t protocol;
    uint32_t epoch;
    bool seen;
    uint64_t seen_s;   /* seconds since it was last heard; only if seen */
    uint64_t facts;    /* in its chain, as held here */
    uint64_t last_seq; /* REMOVED: facts above it are void */
    bool replaced;
    struct moot_key successor; /* if replaced */
};
/* All members ascending by name then key, then those removed. count 0 and NULL when the arena is full. */
uint32_t moot_view_devices(const struct moot_engine_env *env, uint64_t now_ms,
                           struct moot_arena *arena, struct moot_view_device **ret);

/* A stretch of the timeline: from the founding, or a turn, to the next turn. */
struct moot_view_era {
    uint64_t k;
    uint32_t epoch; /* from */
    struct moot_digest timeline;
    uint16_t protocol;
    uint32_t admins_version;
    bool hard_fork;
    struct moot_digest
        proposal; /* the upgrade of a hard fork, the proposal of other turns; zero: founding */
};
/* All, oldest first. count 0 and NULL when the arena is full or there is no mesh. */
uint32_t moot_view_eras(const struct moot_engine_env *env, struct moot_arena *arena,
                        struct moot_view_era **ret);

/* Devices that asked to join and wait for moot device admit. */
struct moot_view_joiner {
    struct moot_key key;
    struct moot_bytes name, home;
    uint64_t asked_s_ago;
    bool proposed; /* its admission, or that it takes another's place, is proposed already */
    struct moot_digest proposal;
    enum moot_body_kind proposal_kind;
};
uint32_t moot_view_joiners(const struct moot_engine_env *env, uint64_t now_ms,
                           struct moot_arena *arena, struct moot_view_joiner **ret);

enum moot_proposal_state {
    MOOT_PROPOSAL_PROPOSED = 1,
    MOOT_PROPOSAL_CERTIFIED,
    MOOT_PROPOSAL_IN_FORCE,
    MOOT_PROPOSAL_REJECTED,
    MOOT_PROPOSAL_EXPIRED,
    MOOT_PROPOSAL_WITHDRAWN,
    MOOT_PROPOSAL_CONFLICTED
};
/* "in-force" and so on: the words of the script contract. */
const char *moot_proposal_state_text(enum moot_proposal_state state);

enum moot_readiness_state {
    MOOT_READINESS_SILENT = 1,
    MOOT_READINESS_READY,
    MOOT_READINESS_NOT_READY,
    MOOT_READINESS_REJECTED
};
struct moot_view_readiness {
    struct moot_key device;
    struct moot_bytes name;
    enum moot_readiness_state state;
    enum moot_status reason; /* MOOT_OK when ready or silent */
    uint64_t free_bytes;
};
struct moot_view_vote {
    struct moot_key key;
    struct moot_bytes name;   /* empty for a device that is no member any more */
    struct moot_bytes reason; /* a person's words, may be empty */
};

struct moot_view_proposal {
    struct moot_digest id; /* also the digest to approve */
    char name[MOOT_PROPOSAL_NAME_BYTES];
    const char *kind;      /* "upgrade", "admins", "admission" */
    struct moot_body body; /* decoded, borrowed from the pool */
    enum moot_proposal_state state;
    bool possible; /* can still be certified */
    struct moot_key proposer;
    struct moot_bytes proposer_name;
    uint32_t epoch;
    uint64_t wall_s;
    uint32_t need, of; /* threshold and size of the set that decides */
    uint32_t yes_count, no_count;
    struct moot_view_vote *yes, *no;
    uint32_t waits_for_count; /* who could still sign */
    struct moot_view_vote *waits_for;
    uint32_t consent_count; /* admins only: new members whose consent is missing */
    struct moot_view_vote *consent_missing;
    bool certified;
    struct moot_digest certificate; /* object id */
    uint32_t signer_count;
    struct moot_view_vote *signers;
    struct moot_digest timeline; /* of the certificate */
    /* upgrades */
    bool has_readiness;
    uint32_t ready, ready_needed, readiness_of;
    struct moot_view_readiness *readiness;
    bool activated;
    struct moot_digest activation;      /* object id */
    uint32_t blocks_held, blocks_total; /* of its package here */
    uint32_t epoch_deadline, fence_epoch;
    uint32_t in_force_epoch; /* admins, hard fork: the tick that turned; 0 until then */
    bool waiting_for_me;     /* a person at this node could approve it now */
};
/* All proposals, oldest first by (epoch, id). */
uint32_t moot_view_proposals(const struct moot_engine_env *env, uint64_t now_ms,
                             struct moot_arena *arena, struct moot_view_proposal **ret);
/* NOT_FOUND, NO_MEMORY. */
enum moot_status moot_view_proposal(const struct moot_engine_env *env, uint64_t now_ms,
                                    const struct moot_digest *id, struct moot_arena *arena,
                                    struct moot_view_proposal *ret);
/* "UP-7K3MQ2", a unique prefix of it (with or without "UP-"), or hex of the id: NOT_FOUND, AMBIGUOUS. */
enum moot_status moot_view_resolve(const struct moot_engine_env *env, struct moot_bytes text,
                                   struct moot_digest *ret);
/* The name of a proposal: kind's two letters, a dash, 6 digits of base 32 (Crockford) of its id. */
void moot_proposal_name(const struct moot_digest *id, enum moot_body_kind kind,
                        char ret[MOOT_PROPOSAL_NAME_BYTES]);

/* The local cache; counters since the start. */
struct moot_view_cache {
    uint64_t entries, bytes;
    uint64_t hits, misses, invalidated, stored, evicted;
    uint64_t floors; /* keys and prefixes that have one */
};
void moot_view_cache(const struct moot_engine_env *env, struct moot_view_cache *ret);
/* One key, without counting: what a get would find. */
struct moot_view_cached {
    bool held, served;
    uint32_t epoch; /* it was stored in; 0: not held */
    uint32_t floor; /* of its key; 0: none */
    uint64_t bytes;
};
void moot_view_cached(const struct moot_engine_env *env, struct moot_bytes key,
                      struct moot_view_cached *ret);
/* The writer fence as it is here. */
struct moot_view_fence {
    bool up;
    bool draining; /* our own, before there is a proposal */
    struct moot_digest proposal;
    struct moot_key holder;
    struct moot_bytes holder_name; /* empty for a device that left */
    uint64_t left_ms;
    uint32_t queued; /* writes that wait */
    uint64_t queued_bytes;
};
void moot_view_fence(const struct moot_engine_env *env, uint64_t now_ms,
                     struct moot_view_fence *ret);

/* A completed snapshot. */
struct moot_view_snapshot {
    struct moot_digest proposal;
    char name[MOOT_PROPOSAL_NAME_BYTES];
    struct moot_body body; /* SNAPSHOT */
    struct moot_digest certificate;
    bool last;      /* nothing follows it */
    bool base;      /* facts under its cut are collected here, or are being */
    bool collected; /* done */
};
/* Completed ones, by epoch. */
uint32_t moot_view_snapshots(const struct moot_engine_env *env, struct moot_arena *arena,
                             struct moot_view_snapshot **ret);
/* An open one, proposed by anybody; false when there is none. */
bool moot_view_snapshot_pending(const struct moot_engine_env *env, struct moot_digest *ret);
/* Facts under the base's cut, of chains known here: their rows are gone, or are going. */
uint64_t moot_view_collected(const struct moot_engine_env *env);
/* Facts that go when the next snapshot is completed: those under the last one's cut. 0 when there is no
 * snapshot, or its cut is not at hand. */
uint64_t moot_view_collectable(const struct moot_engine_env *env);

struct moot_view_stats {
    uint64_t facts, bytes, chains, objects, records;
    uint64_t pending; /* objects and runs that wait for something */
    uint64_t loose;
    uint32_t epoch;
    struct moot_digest frontier_digest, state_digest;
    uint64_t pool_live_bytes, pool_used_bytes;
    bool has_base; /* facts under this snapshot's cut are collected */
    uint32_t base_epoch;
    struct moot_digest base_digest;
    uint64_t refused[MOOT_STATUS_END]; /* by reason, since start */
    uint64_t voids[MOOT_STATUS_END];   /* by reason, now */
    uint64_t
        unread;   /* facts this device cannot judge; then the state is behind, state_digest zero */
    bool settled; /* false: facts wait to be folded again; then state_digest is zero, too */
};
/* Computes both digests: cost grows with the state. */
void moot_view_stats(const struct moot_engine_env *env, struct moot_view_stats *ret);

/* False while facts that counted wait to be folded again under other rules: for a moment the state is not
 * what the frontier says, and no digest of it is shown. */
bool moot_view_settled(const struct moot_engine_env *env);

/* The state itself, for record get, journal log and oracles. */
const struct moot_state *moot_view_state(const struct moot_engine_env *env);

#endif
