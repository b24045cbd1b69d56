/*
 * A run: a stretch of one chain that ends in a signed fact. What is sent, verified and stored.
 * The types are stages: bytes → moot_run (decoded) → moot_verified_run (hashes and head signature
 * hold) → moot_admitted_run (admit.h: follows the chain that is held). Each stage can only be made
 * from the one before.
 *
 * Encoding: array[4]: chain id bin32, first seq, array[n] of fact, head signature bin64
 *   fact = array[7]: fork id (bin8, or nil if as in the fact before it in this run; never nil in the
 *   first), epoch, lamport, protocol, kind, wall_s, payload bin. The rest is implied.
 */
#ifndef MOOT_JOURNAL_RUN_H
#define MOOT_JOURNAL_RUN_H

#include "journal/fact.h"

/* Decoded: canonical, within limits, nothing else known. Borrows the bytes it was decoded from. */
struct moot_run {
    struct moot_digest chain;
    uint64_t first_seq;
    uint32_t fact_count; /* 1 to MOOT_RUN_FACTS_MAX */
    struct moot_signature head_signature;
    struct moot_bytes encoded; /* the whole run */
    struct moot_bytes facts;   /* the inner array, header included */
};
/* Checks everything that needs no context: canonical bytes, counts, sizes, fork id rules. */
enum moot_status moot_run_decode(struct moot_bytes bytes, struct moot_run *ret);

/* Walks the facts of a run in order, filling seq, prev, payload hash and id as it goes. */
struct moot_run_reader {
    struct moot_cursor cursor;
    struct moot_digest chain;
    struct moot_digest prev; /* id of the fact before the next one */
    struct moot_fork_id fork_id;
    uint64_t seq;
    uint32_t left;
    bool started; /* the first fact was read, so nil may stand for its fork id */
    bool hashed;  /* false: ids, prev, payload hashes are left zero (for a fold of trusted runs) */
};
/* prev: id of fact first_seq - 1 (zero for seq 1). */
void moot_run_reader_init(struct moot_run_reader *reader, const struct moot_run *run,
                          const struct moot_digest *prev, bool hashed);
/* False at the end. The run was checked by moot_run_decode, so this cannot fail. */
bool moot_run_reader_next(struct moot_run_reader *reader, struct moot_fact *ret);

/* What one chain ends with; the context a run must follow, and what it leaves behind. */
struct moot_chain_tail {
    uint64_t seq;          /* 0: empty chain */
    struct moot_digest id; /* zero when empty */
    uint32_t epoch;
    uint32_t lamport;
    struct moot_fork_id fork_id;       /* of the last fact */
    uint32_t lane0_facts, lane1_facts; /* in `epoch` */
    uint64_t lane0_bytes, lane1_bytes; /* payload bytes in `epoch` */
};

/* Verified: hashes link, payloads match, order and quota hold from `before` on, head signature good. */
struct moot_verified_run {
    struct moot_run run;
    struct moot_chain_tail before;
    struct moot_chain_tail after;
};
/*
 * Pure, heavy: for a job. `before` must end at run->first_seq - 1 (else GAP or REPLAYED). Reasons:
 * EPOCH_FALLS, LAMPORT_FALLS, OVER_QUOTA, BAD_HEAD_SIGNATURE. A wrong payload or link shows as
 * BAD_HEAD_SIGNATURE, because ids follow from the content.
 */
enum moot_status moot_run_verify(const struct moot_run *run, const struct moot_key *device,
                                 const struct moot_chain_tail *before,
                                 struct moot_verified_run *ret);
/* The same without the signature: for runs from our own disk whose author we are or that were
 * verified before they were stored. Still re-hashed: *ret says where the chain ends; the caller
 * compares after.id with what it knows. */
enum moot_status moot_run_rehash(const struct moot_run *run, const struct moot_chain_tail *before,
                                 struct moot_verified_run *ret);

/* Builds a run of our own, fact by fact, and signs its head. */
struct moot_run_builder {
    struct moot_writer writer; /* over memory handed in */
    struct moot_chain_tail before, after;
    struct moot_digest chain;
    uint32_t fact_count;
    uint64_t payload_bytes;
};
/* `memory` of MOOT_RUN_ENCODED_BYTES_MAX bytes (less is allowed; adding then fails earlier). */
void moot_run_builder_init(struct moot_run_builder *builder, const struct moot_digest *chain,
                           const struct moot_chain_tail *before, void *memory, size_t capacity);
/* Appends one fact; seq, prev, size and hash of `header` are filled in. LIMIT when the run is full
 * (finish it and begin another), OVERSIZED for the payload, OVER_QUOTA, EPOCH_FALLS, LAMPORT_FALLS. */
enum moot_status moot_run_builder_add(struct moot_run_builder *builder, struct moot_header *header,
                                      struct moot_bytes payload, struct moot_digest *ret_id);
/* Signs and encodes; a builder without facts is a broken contract. */
enum moot_status moot_run_builder_finish(struct moot_run_builder *builder,
                                         const struct moot_identity *identity,
                                         struct moot_verified_run *ret);

/* Checks and applies one header to a tail: the order and quota rules, in one place. */
enum moot_status moot_chain_tail_advance(struct moot_chain_tail *tail,
                                         const struct moot_header *header,
                                         const struct moot_digest *id);

#endif
