/*
 * A cut: the frontier that a snapshot stands for. Everything at or below it is inside the snapshot's
 * image; it travels like a block and is named by its bare hash in the snapshot's body.
 *
 * Encoding: array[6]: version 1, previous snapshot's proposal id bin32 | nil, timeline bin32, epoch,
 *   chains bin of n × (chain id 32 ‖ seq u64 ‖ id of that fact 32), ascending by chain id, seq >= 1
 *   objects bin of n × id 32, ascending: all certified objects
 *
 * A chain is cut where a fact is signed, and before its first void fact that may still come to count:
 * what is void in a completed image stays void, so such a fact has to stay outside.
 */
#ifndef MOOT_JOURNAL_CUT_H
#define MOOT_JOURNAL_CUT_H

#include "journal/state.h"
#include "journal/store.h"

#define MOOT_CUT_CHAIN_BYTES (32 + 8 + 32)

struct moot_cut_chain {
    struct moot_digest chain;
    uint64_t seq;
    struct moot_digest head;
};

/* Decoded; borrows the bytes. */
struct moot_cut {
    bool follows;                /* names a previous snapshot */
    struct moot_digest previous; /* its proposal id */
    struct moot_digest timeline;
    uint32_t epoch;
    uint32_t chain_count, object_count;
    struct moot_bytes chains, objects; /* the rows */
    struct moot_bytes encoded;
};
/* The codec's reasons, UNKNOWN_VERSION, OVERSIZED above MOOT_CUT_BYTES_MAX, BAD_VALUE for rows out of
 * order, repeated or of a wrong size. */
enum moot_status moot_cut_decode(struct moot_bytes bytes, struct moot_cut *ret);
/* Bare BLAKE2b-256 of the encoded cut. */
void moot_cut_hash(struct moot_bytes encoded, struct moot_digest *ret);
/* The frontier root of a state that holds exactly the cut (moot_frontier_root). */
void moot_cut_root(const struct moot_cut *cut, struct moot_digest *ret);

void moot_cut_chain_at(const struct moot_cut *cut, uint32_t index, struct moot_cut_chain *ret);
/* False: nothing of that chain is inside. */
bool moot_cut_chain_find(const struct moot_cut *cut, const struct moot_digest *chain,
                         struct moot_cut_chain *ret);
void moot_cut_object_at(const struct moot_cut *cut, uint32_t index, struct moot_digest *ret);
bool moot_cut_has_object(const struct moot_cut *cut, const struct moot_digest *id);
bool moot_cut_has_fact(const struct moot_cut *cut, const struct moot_digest *chain, uint64_t seq);

/*
 * The cut to propose: what `state` holds, cut back where a void fact may still come to count. `base` is
 * the last completed cut or NULL: no chain is cut back below it. Only chains that are cut back are read
 * from the store (and hashed from the base on). The previous proposal's id or NULL.
 * GAP: the store does not have the facts yet (or any more); STORE_IO, STORE_DAMAGED; OVERSIZED: more
 * chains and objects than one cut can name. The cut stands in `writer`.
 */
enum moot_status moot_cut_of_state(const struct moot_state *state, const struct moot_pool *pool,
                                   const struct moot_store_port *store, const struct moot_cut *base,
                                   const struct moot_digest *previous, struct moot_writer *writer);

/* A fact that a cut must not hold. */
struct moot_cut_fault {
    struct moot_digest chain;
    uint64_t seq;
};
/* For a state rebuilt at a cut: MOOT_OK, or the reason of a void fact in it that may still come to count
 * (VOID_EPOCH, VOID_MEMBER, VOID_REMOVED, VOID_TIMELINE unless it is of a timeline left before), then *ret names it. */
enum moot_status moot_cut_check(const struct moot_state *state, const struct moot_pool *pool,
                                struct moot_cut_fault *ret);

/* What is void inside a completed snapshot is void for good: forgets those facts, so that a node which
 * replayed them judges as one that installed the image. For each completed cut, and after each start.
 * Returns how many. */
uint32_t moot_cut_voids_forget(struct moot_state *state, struct moot_pool *pool,
                               const struct moot_cut *cut);

/*
 * Does `cut` contain `earlier`? MOOT_OK, or NOT_FOUND: a chain ends lower or an object is missing
 * (plain ticks that a higher one outdates do not count; `state` knows the turns passed), or
 * CHAIN_FORKED: a chain has another head at the same seq.
 */
enum moot_status moot_cut_contains(const struct moot_cut *cut, const struct moot_cut *earlier,
                                   const struct moot_state *state, const struct moot_pool *pool);

#endif
