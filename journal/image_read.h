/*
 * From an image back to a state. The bytes come in order in pieces; nothing is allocated by a size that
 * they claim. Certified objects are not in the image, only their ids: `objects` supplies them.
 *
 * What was read is written again and compared by its hash, so an image has exactly one form. Whether it
 * is the certified one, the caller says by comparing `digest`.
 */
#ifndef MOOT_JOURNAL_IMAGE_READ_H
#define MOOT_JOURNAL_IMAGE_READ_H

#include "journal/state.h"
#include "journal/store.h"

#define MOOT_IMAGE_PIECE_BYTES_MAX 262144

struct moot_image_source {
    void *context;
    /* The next piece, at most MOOT_IMAGE_PIECE_BYTES_MAX; empty at the end. Good until the next call of
     * either source. A failure ends the reading with that status. */
    enum moot_status (*next)(void *context, struct moot_bytes *ret);
};

struct moot_object_source {
    void *context;
    /* The whole certified object, good until the next call of either source; NOT_FOUND. */
    enum moot_status (*get)(void *context, const struct moot_digest *id, struct moot_bytes *ret);
};
/* Objects of TABLE_OBJECT; `store` is a port (or a copy of one) that is borrowed. Releases before it
 * reads. */
struct moot_object_source moot_object_source_of_store(struct moot_store_port *store);

struct moot_image_report {
    struct moot_digest digest; /* of the bytes that were read */
    uint64_t size_bytes;
    struct moot_digest missing; /* NOT_FOUND: the object */
};

/*
 * Reads an image into `state`, which must be empty (moot_state_init). Everything in it is there
 * afterwards: chains with their tails (head signatures zero, indices in order of the members), records
 * all dirty; void facts are none. A plain tick that `objects` does not have any more is put in without
 * its certificate: its id says all.
 * The codec's reasons, UNKNOWN_VERSION, BAD_VALUE, BAD_BODY, NOT_CANONICAL (reads, but writes otherwise),
 * NOT_FOUND, NO_MEMORY, or what a source failed with; then `state` is empty again.
 */
enum moot_status moot_image_read(struct moot_state *state, struct moot_pool *pool,
                                 const struct moot_image_source *source,
                                 const struct moot_object_source *objects,
                                 struct moot_image_report *ret);

#endif
