/*
 * What the engine keeps of each thing, one struct a kind of row; inside.h has the engine itself and who may
 * touch what. All of it lies in the pool: handles and values only.
 */
#ifndef MOOT_PROTOCOLS_INSIDE_TYPES_H
#define MOOT_PROTOCOLS_INSIDE_TYPES_H

#include "protocols/channel.h"
#include "protocols/engine.h"

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
    uint16_t peer_protocol; /* the highest it speaks */
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
    bool in_force, activated;
    bool envelope_due; /* activated, proposed by us: the fact that carries it is not staged yet */
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
/* ---- hard forks ---- */

struct moot_hard_fork {
    struct moot_digest proposal, activation;
    struct moot_key proposer;
    uint32_t epoch; /* of the proposal */
    uint16_t min_protocol;
    uint32_t fence, last;
};
/* The one that comes next, as long as nothing it depends on has changed (hardfork.c). */
struct moot_hard_fork_seen {
    uint32_t objects, eras, epoch; /* of the state it was found in; eras 0: not looked yet */
    bool there;
    struct moot_hard_fork next;
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
    uint64_t gone_bytes; /* payload bytes of all facts collected here so far */
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

#endif
