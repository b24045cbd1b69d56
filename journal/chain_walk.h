/* One chain as the log holds it, hashed fact by fact. Reads through a store port. */
#ifndef MOOT_JOURNAL_CHAIN_WALK_H
#define MOOT_JOURNAL_CHAIN_WALK_H

#include "journal/fact.h"
#include "journal/store.h"

/* A place in a chain: after fact `seq`, whose id is `id` (0 and zero: before the first). */
struct moot_chain_walk {
    const struct moot_store_port *store;
    uint32_t index; /* of the chain in the store */
    struct moot_digest chain;
    uint64_t seq;
    struct moot_digest id;
};
/*
 * Moves the place to fact `last`, handing every fact in between to `each` (may be NULL) with its id,
 * in order; the fact is good during the call. Ids follow from the place and from what the log holds:
 * whether the chain ends where it should is the caller's to compare. Ends early with what `each` says
 * if that is not MOOT_OK. GAP: the log does not hold the next fact; STORE_DAMAGED, STORE_IO.
 */
enum moot_status moot_chain_walk(struct moot_chain_walk *walk, uint64_t last,
                                 enum moot_status (*each)(void *context,
                                                          const struct moot_fact *fact),
                                 void *context);

#endif
