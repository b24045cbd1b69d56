/* What rebuild.c and install.c share. Nobody else includes this. */
#ifndef MOOT_JOURNAL_REBUILD_PARTS_H
#define MOOT_JOURNAL_REBUILD_PARTS_H

#include "journal/rebuild.h"

struct moot_rebuilder {
    struct moot_state *state;
    struct moot_pool *pool;
    struct moot_store_port store; /* a copy of the port */
    struct moot_rebuild_report *report;
    /* chain id → struct moot_chain as the store's row says; the rebuilder's own. */
    struct moot_map held;
};

/* Reads TABLE_CHAIN into `held`. STORE_DAMAGED, STORE_IO, NO_MEMORY. */
enum moot_status moot_rebuild_held(struct moot_rebuilder *rebuilder);
/* Lets the turns of TABLE_TURN follow those that the state has, up to the one that begins `last` (NULL:
 * all). WRONG_TIMELINE: the list and the state's turns differ. */
enum moot_status moot_rebuild_turns(struct moot_rebuilder *rebuilder,
                                    const struct moot_digest *last);
/* Folds the facts of a chain from its tail to `seq`, moving the tail on. */
enum moot_status moot_rebuild_chain(struct moot_rebuilder *rebuilder, struct moot_chain *chain,
                                    uint32_t index, uint64_t seq);
/* Ticks of turns, epoch and members from the objects that are in. */
enum moot_status moot_rebuild_derive(struct moot_rebuilder *rebuilder);
/* Ends the work: on a failure the state is emptied. Returns `status`. */
enum moot_status moot_rebuild_end(struct moot_rebuilder *rebuilder, enum moot_status status);

#endif
