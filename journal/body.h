/*
 * Bodies: what a decision is about, in canonical bytes. A proposal's id and its digest are one thing,
 * the hash of its body; what is approved is the hash that the approving node computed itself.
 *
 * Encoding: array[2]: body kind, array of fields
 *   TICK        array[4]: timeline before, timeline after, epoch, turn body hash bin32 | nil
 *   TURN        array[8]: proposer, proposal epoch, nonce, K, timeline before, what, earliest, last
 *                 what = array[2]: 1, array[3]: threshold, version, array of admin keys (ascending)   (AdminReplacement)
 *                      | array[2]: 2, array[2]: upgrade proposal id, activation statement hash       (hard fork)
 *   ADMISSION   array[6]: proposer, proposal epoch, nonce, device key, name, home
 *   UPGRADE     array[16]: proposer, proposal epoch, nonce, package name, from version, to version,
 *                 manifest hash, upgrade kind, min_protocol, fence epoch, window, readiness threshold,
 *                 deadline epoch, short notice bool, revert plan, rehearsal digest bin32 | nil
 *   ACTIVATION  array[3]: upgrade proposal id, its epoch, approval statement hash
 *   SNAPSHOT    array[10]: proposer, target epoch, nonce, previous snapshot's proposal id bin32 | nil, cut root,
 *                 hash of the cut, state digest, image bytes, hash of the image's index (the hashes of its
 *                 256 KiB blocks, one after the other), array[4] of the strata's digests
 *   CACHE       array[5]: proposer, proposal epoch, nonce, floor epoch, array of array[2]: prefix bool, key bin
 *                 (1 to 64 entries, ascending by (prefix, key), distinct)
 *   REMOVAL     array[6]: proposer, proposal epoch, nonce, device key, last seq, id of that fact (zero for 0)
 *   REPLACEMENT array[7]: proposer, proposal epoch, nonce, old device key, new device key, keep seq, keep id
 *   RENAME      array[6]: proposer, proposal epoch, nonce, device key, name, home
 * The nonce is the proposer's chain sequence number of the proposing fact: it makes each proposal its own.
 */
#ifndef MOOT_JOURNAL_BODY_H
#define MOOT_JOURNAL_BODY_H

#include "crypto/certificate.h"
#include "crypto/statement.h"
#include "journal/codec.h"

enum moot_body_kind {
    MOOT_BODY_TICK = 1,
    MOOT_BODY_TURN = 2,
    MOOT_BODY_ADMISSION = 3,
    MOOT_BODY_UPGRADE = 4,
    MOOT_BODY_ACTIVATION = 5,
    MOOT_BODY_SNAPSHOT = 6,
    MOOT_BODY_CACHE = 7,
    MOOT_BODY_REMOVAL = 8,
    MOOT_BODY_REPLACEMENT = 9,
    MOOT_BODY_RENAME = 10
};
#define MOOT_BODY_KIND_MAX 10
#define MOOT_STRATA 4 /* strata of the state, each with a digest in a snapshot */

/* What people call it: "upgrade", and the two letters of its proposals' names: "UP". */
struct moot_body_info {
    const char *name;
    const char *letters;
};
const struct moot_body_info *moot_body_info(enum moot_body_kind kind);

enum moot_turn_what { MOOT_TURN_ADMINS = 1, MOOT_TURN_HARD_FORK = 2 };
enum moot_upgrade_kind { MOOT_UPGRADE_SOFT = 1, MOOT_UPGRADE_HARD = 2 };

struct moot_tick_body {
    struct moot_digest before, after;
    uint32_t epoch;
    bool turns;              /* names a turn; before != after */
    struct moot_digest turn; /* its body hash */
};
struct moot_turn_body {
    uint64_t k; /* from 1 */
    struct moot_digest before;
    enum moot_turn_what what;
    struct moot_admin_set admins;  /* what = ADMINS */
    struct moot_digest upgrade;    /* what = HARD_FORK: proposal */
    struct moot_digest activation; /* what = HARD_FORK: statement hash */
    uint32_t earliest, last;       /* epochs, inclusive */
};
struct moot_admission_body {
    struct moot_key device;
    struct moot_bytes name, home; /* borrowed; 1 to MOOT_NAME_BYTES_MAX bytes (home may be empty) */
};
struct moot_upgrade_body {
    struct moot_bytes package_name, from_version, to_version, revert_plan; /* borrowed */
    struct moot_digest manifest;
    enum moot_upgrade_kind kind;
    uint16_t min_protocol;
    uint32_t fence_epoch, window; /* 0 for a soft one */
    uint32_t ready_needed;
    uint32_t deadline_epoch;
    bool short_notice;
    bool rehearsed;
    struct moot_digest rehearsal;
};
struct moot_activation_body {
    struct moot_digest upgrade;
    struct moot_digest approval; /* statement hash of the approval's certificate */
};
struct moot_snapshot_body {
    bool follows;                /* names a previous snapshot */
    struct moot_digest previous; /* its proposal id */
    struct moot_digest cut_root; /* frontier root at the cut */
    struct moot_digest cut_hash; /* of the cut object's bytes */
    struct moot_digest state_digest;
    uint64_t image_bytes;
    struct moot_digest index;               /* of the image: hash of its blocks' hashes */
    struct moot_digest strata[MOOT_STRATA]; /* tell which stratum differs */
};
#define MOOT_CACHE_ENTRIES_MAX 64
struct moot_cache_entry {
    bool prefix;           /* key is the beginning of all keys meant */
    struct moot_bytes key; /* borrowed; 1 to MOOT_RECORD_KEY_BYTES_MAX bytes */
};
struct moot_cache_body {
    uint32_t floor; /* entries stored below that epoch are not served */
    uint32_t entry_count;
    struct moot_cache_entry entries[MOOT_CACHE_ENTRIES_MAX];
};
struct moot_removal_body {
    struct moot_key device;
    uint64_t last_seq; /* facts above it do not count, unless a certified cut holds them */
    struct moot_digest last_id;
};
struct moot_replacement_body {
    struct moot_key old_device, new_device;
    uint64_t keep_seq; /* of the old chain */
    struct moot_digest keep_id;
};
struct moot_rename_body {
    struct moot_key device;
    struct moot_bytes name, home; /* borrowed */
};

struct moot_body {
    enum moot_body_kind kind;
    struct moot_key proposer; /* zero for TICK and ACTIVATION */
    uint32_t epoch;           /* the proposal's; a tick's own; an activation's upgrade's */
    uint64_t nonce;
    union {
        struct moot_tick_body tick;
        struct moot_turn_body turn;
        struct moot_admission_body admission;
        struct moot_upgrade_body upgrade;
        struct moot_activation_body activation;
        struct moot_snapshot_body snapshot;
        struct moot_cache_body cache;
        struct moot_removal_body removal;
        struct moot_replacement_body replacement;
        struct moot_rename_body rename;
    };
};

void moot_body_encode(const struct moot_body *body, struct moot_writer *writer);
/* The codec's reasons, or BAD_BODY for values that do not fit together (threshold, window, order). */
enum moot_status moot_body_decode(struct moot_bytes bytes, struct moot_body *ret);
/* An administrator set inside a body or an era: array[3]: threshold, version, array of keys. Decoding
 * leaves it to the caller to check what it means (moot_admin_set_check). */
void moot_admin_set_encode(const struct moot_admin_set *set, struct moot_writer *writer);
void moot_admin_set_decode(struct moot_cursor *cursor, struct moot_admin_set *ret);
/* tag "moot/body/1" */
void moot_body_hash(struct moot_bytes bytes, struct moot_digest *ret);
/* The slot this body is decided in; `hash` is its own hash. */
void moot_body_slot(const struct moot_body *body, const struct moot_digest *hash,
                    struct moot_slot *ret);
/* The one statement about this body on that timeline. A turn's round is its earliest epoch. */
void moot_body_statement(const struct moot_body *body, const struct moot_digest *hash,
                         const struct moot_digest *timeline, enum moot_verdict verdict,
                         struct moot_statement *ret);

/* Timelines: tag "moot/timeline/1" over mesh id ‖ branch id; tag "moot/turn/1" over before ‖ body hash. */
void moot_timeline_first(const struct moot_digest *mesh, const struct moot_digest *branch,
                         struct moot_digest *ret);
void moot_timeline_after(const struct moot_digest *before, const struct moot_digest *turn_body,
                         struct moot_digest *ret);

/* A certified object: array[3]: statement bin162, body bin, array of array[2]: key, signature. Its id is
 * the statement's hash. Borrows the bytes. */
struct moot_object {
    struct moot_certificate certificate;
    struct moot_digest id;
    struct moot_bytes body_bytes;
    struct moot_body body;
    struct moot_bytes encoded;
};
/* Decodes and checks all that needs no state: body hash and slot and epoch fit the statement. */
enum moot_status moot_object_decode(struct moot_bytes bytes, struct moot_object *ret);
void moot_object_encode(const struct moot_certificate *certificate, struct moot_bytes body,
                        struct moot_writer *writer);

#endif
