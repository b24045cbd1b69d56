/*
 * The state at exactly a cut, from what this node holds; and the state of a node that takes a certified
 * image for what lies below it. Both read through a store port, keep nothing borrowed between runs, and
 * may run on a thread of their own with a port and a pool of their own.
 *
 *   base (founding | image) ─▶ turns of our own list ─▶ objects of the cut ─▶ members ─▶ chains, re-hashed
 *     up to the cut ─▶ frontier root equal?
 */
#ifndef MOOT_JOURNAL_REBUILD_H
#define MOOT_JOURNAL_REBUILD_H

#include "journal/cut.h"
#include "journal/image_read.h"

/* What a failure is about; zero where it does not apply. */
struct moot_rebuild_report {
    struct moot_digest chain; /* GAP, CHAIN_FORKED, STORE_DAMAGED */
    uint64_t seq;
    struct moot_digest object; /* GAP: a certified object that is not held */
    uint64_t facts;            /* folded */
    uint64_t payload_bytes;    /* of the facts folded: outside the base */
};

/*
 * The state at `cut` into `state`, which must be empty. `base`: the image of a completed snapshot that
 * the cut contains, or NULL: from the founding on. Turns are those of TABLE_TURN up to the cut's
 * timeline, each at the least tick that the cut holds.
 * GAP: a fact or an object is not held, WRONG_TIMELINE: the cut's is not in our list or the cut lacks its
 * turn or tick, CHAIN_FORKED: a chain has another id at the cut, BAD_VALUE: the cut does not contain the
 * base, or its root is not that of what it lists, STORE_DAMAGED, STORE_IO, NO_MEMORY, and what reading
 * the base gives. Then `state` is empty again.
 */
enum moot_status moot_state_at_cut(struct moot_state *state, struct moot_pool *pool,
                                   const struct moot_store_port *store,
                                   const struct moot_image_source *base, const struct moot_cut *cut,
                                   struct moot_rebuild_report *ret);

/*
 * For `state` just read from an image: adds what the store holds outside it. Chains get the store's
 * indices (new ones follow them); where the store's tail is beyond the image's, the facts above are
 * folded and the tail with its head signature is the store's; elsewhere tails are the image's, with the
 * store's signature if they are equal and zero if not. Held objects join; held turns beyond the image's
 * follow. Nothing may be under way to the store. It also is the refold of a node that has collected.
 * WRONG_TIMELINE: our turns and the image's are not one list, CHAIN_FORKED: our facts do not follow from
 * the image's, GAP, STORE_DAMAGED, STORE_IO, NO_MEMORY; then `state` is empty again.
 */
enum moot_status moot_state_install(struct moot_state *state, struct moot_pool *pool,
                                    const struct moot_store_port *store,
                                    struct moot_rebuild_report *ret);

#endif
