/*
 * A fact: one immutable entry of one author's chain. The header is array[11]; a fact's id is the hash
 * of chain id and header, so headers alone prove a chain and a payload may be missing.
 */
#ifndef MOOT_JOURNAL_FACT_H
#define MOOT_JOURNAL_FACT_H

#include <stdint.h>

#include "crypto/base/bytes.h"
#include "crypto/base/status.h"
#include "crypto/identity.h"
#include "journal/codec.h"

#define MOOT_FACT_VERSION 1
#define MOOT_FORK_ID_BYTES 8
#define MOOT_LANE0_KIND_MAX 63 /* kinds below 64 are lane 0: never fenced, frozen encoding */
#define MOOT_HEADER_BYTES_MAX 160

/* First 8 bytes of a timeline hash. */
struct moot_fork_id {
    uint8_t b[MOOT_FORK_ID_BYTES];
};
struct moot_fork_id moot_fork_id_of(const struct moot_digest *timeline);
bool moot_fork_id_equal(struct moot_fork_id a, struct moot_fork_id b);

struct moot_header {
    uint64_t seq;            /* dense from 1 */
    struct moot_digest prev; /* id of fact seq - 1; zero for the first */
    struct moot_fork_id fork_id;
    uint32_t epoch;   /* never falls along a chain */
    uint32_t lamport; /* from 1 in each epoch, does not fall within one */
    uint16_t protocol;
    uint16_t kind;
    uint64_t wall_s; /* seconds since 1970, for people; no rule reads it */
    uint32_t payload_size;
    struct moot_digest payload_hash; /* tag "moot/payload/1" */
};

struct moot_fact {
    struct moot_header header;
    struct moot_bytes payload; /* borrowed */
    struct moot_digest id;
};

/* array[11]: version=1, seq, prev bin32, fork id bin8, epoch, lamport, protocol, kind, wall_s,
 * payload size, payload hash bin32. */
void moot_header_encode(const struct moot_header *header, struct moot_writer *writer);
/* The same bytes without a writer, for hashing; returns their size. */
size_t moot_header_pack(const struct moot_header *header, uint8_t ret[MOOT_HEADER_BYTES_MAX]);
/* UNKNOWN_VERSION for a version above 1 (first element), else the codec's reasons. */
enum moot_status moot_header_decode(struct moot_bytes bytes, struct moot_header *ret);
/* bin8 of exactly MOOT_FORK_ID_BYTES; zeroed after a failure. */
void moot_read_fork_id(struct moot_cursor *cursor, struct moot_fork_id *ret);

/* tag "moot/fact/1" over chain id ‖ header bytes. */
void moot_fact_id(const struct moot_digest *chain, const struct moot_header *header,
                  struct moot_digest *ret);
void moot_payload_hash(struct moot_bytes payload, struct moot_digest *ret);

/* tag "moot/chain/1" over mesh id ‖ device key ‖ branch id (zero on the first branch). */
void moot_chain_id(const struct moot_digest *mesh, const struct moot_key *device,
                   const struct moot_digest *branch, struct moot_digest *ret);

/* Head signature: Ed25519, tag "moot/head/1" over chain id ‖ seq u64 big-endian ‖ fact id. */
void moot_head_sign(const struct moot_identity *identity, const struct moot_digest *chain,
                    uint64_t seq, const struct moot_digest *fact_id, struct moot_signature *ret);
bool moot_head_verify(const struct moot_key *device, const struct moot_digest *chain, uint64_t seq,
                      const struct moot_digest *fact_id, const struct moot_signature *signature);

/* Mesh id: tag "moot/mesh/1" over the payload of the founding fact. */
void moot_mesh_id(struct moot_bytes founding_payload, struct moot_digest *ret);

#endif
