/*
 * Kinds of facts, in one table: number, name, lane, stratum, the protocol that brought it, and how its
 * payload is decoded and reduced. Whoever adds a kind adds a row.
 *
 *   lane 0 (below 64, exact, never fenced)        payload
 *    1 MeshFounded        array[5]: mesh name, founder key, founder's name, home, salt bin32
 *    2 DeviceAdmitted     certified object          (envelope)
 *    3 DeviceRemoved      certified object          (envelope, slot device/ID/remove/PROPOSAL)
 *    4 DeviceReplaced     certified object          (envelope, slot device/OLD/replace/PROPOSAL)
 *    5 AdminReplacement   certified object          (envelope, slot turn/K)
 *    6 EpochAdvanced      certified object          (envelope, slot epoch/E)
 *    7 SnapshotProposed   body SNAPSHOT
 *    8 SnapshotCompleted  certified object          (envelope, slot snapshot/PROPOSAL)
 *    9 UpgradeProposed    body UPGRADE
 *   10 UpgradeActivated   certified object          (envelope, slot activate/PROPOSAL)
 *   11 CacheInvalidated   certified object          (envelope, slot cache/PROPOSAL)
 *   12 BranchFollowed     (with contested turns)
 *   13 AdmissionProposed  body ADMISSION
 *   14 AdminsProposed     body TURN
 *   15 Withdrawn          array[1]: proposal id
 *   16 CacheProposed      body CACHE       17 RemovalProposed  body REMOVAL
 *   18 ReplacementProposed body REPLACEMENT 19 RenameProposed  body RENAME
 *   20 DeviceRenamed      certified object          (envelope, slot device/ID/rename/PROPOSAL)
 *   lane 1
 *   64 RecordPut          array[3]: key bin (1..256), value bin | nil (tombstone), context
 *                         context = array of array[2]: chain id bin32, seq (at most one a device,
 *                         ascending by chain id, seq >= 1)
 */
#ifndef MOOT_JOURNAL_KINDS_H
#define MOOT_JOURNAL_KINDS_H

#include "journal/body.h"
#include "journal/fact.h"

enum moot_kind {
    MOOT_KIND_MESH_FOUNDED = 1,
    MOOT_KIND_DEVICE_ADMITTED = 2,
    MOOT_KIND_DEVICE_REMOVED = 3,
    MOOT_KIND_DEVICE_REPLACED = 4,
    MOOT_KIND_ADMIN_REPLACEMENT = 5,
    MOOT_KIND_EPOCH_ADVANCED = 6,
    MOOT_KIND_SNAPSHOT_PROPOSED = 7,
    MOOT_KIND_SNAPSHOT_COMPLETED = 8,
    MOOT_KIND_UPGRADE_PROPOSED = 9,
    MOOT_KIND_UPGRADE_ACTIVATED = 10,
    MOOT_KIND_CACHE_INVALIDATED = 11,
    MOOT_KIND_BRANCH_FOLLOWED = 12,
    MOOT_KIND_ADMISSION_PROPOSED = 13,
    MOOT_KIND_ADMINS_PROPOSED = 14,
    MOOT_KIND_WITHDRAWN = 15,
    MOOT_KIND_CACHE_PROPOSED = 16,
    MOOT_KIND_REMOVAL_PROPOSED = 17,
    MOOT_KIND_REPLACEMENT_PROPOSED = 18,
    MOOT_KIND_RENAME_PROPOSED = 19,
    MOOT_KIND_DEVICE_RENAMED = 20,
    MOOT_KIND_RECORD_PUT = 64
};

struct moot_founding {
    struct moot_bytes mesh_name, name, home; /* borrowed */
    struct moot_key founder;
    uint8_t salt[32];
};
void moot_founding_encode(const struct moot_founding *founding, struct moot_writer *writer);
enum moot_status moot_founding_decode(struct moot_bytes payload, struct moot_founding *ret);

void moot_withdrawn_encode(const struct moot_digest *proposal, struct moot_writer *writer);
enum moot_status moot_withdrawn_decode(struct moot_bytes payload, struct moot_digest *ret);

/* A put; the context is read with the cursor: context_count times array[2]. */
struct moot_record_put {
    struct moot_bytes key;
    bool tombstone;
    struct moot_bytes value;
    uint32_t context_count;
    struct moot_bytes context; /* the encoded pairs, without the array header; checked */
};
struct moot_context_entry {
    struct moot_digest chain;
    uint64_t seq;
};
/* array[2]: chain id, seq. Reading is one step of a cursor over array elements. */
void moot_context_entry_encode(const struct moot_context_entry *entry, struct moot_writer *writer);
void moot_context_entry_read(struct moot_cursor *cursor, struct moot_context_entry *ret);
void moot_record_put_encode(struct moot_bytes key, const struct moot_bytes *value_or_null,
                            const struct moot_context_entry *context, uint32_t context_count,
                            struct moot_writer *writer);
enum moot_status moot_record_put_decode(struct moot_bytes payload, struct moot_record_put *ret);

struct moot_kind_info {
    uint16_t kind;
    const char *name;                  /* "RecordPut" */
    uint8_t stratum;                   /* 0 to 3 */
    uint16_t since;                    /* protocol that brought it */
    enum moot_slot_kind envelope_slot; /* for envelopes: the slot kind they carry; else 0 */
    enum moot_body_kind proposes;      /* for proposals: the kind of their body; else 0 */
};
/* The kind of fact that proposes such a body, and the envelope that carries a certificate of that slot;
 * 0 when there is none. */
uint16_t moot_kind_proposing(enum moot_body_kind body);
uint16_t moot_kind_envelope(enum moot_slot_kind slot);
/* NULL when this build does not know the kind. */
const struct moot_kind_info *moot_kind_find(uint16_t kind);

#endif
