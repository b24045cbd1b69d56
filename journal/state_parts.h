/*
 * What the files of the state share among themselves. Nobody else includes this.
 *
 *   objects.c ─▶ eras.c (stratum 0) ─▶ retirements.c ─▶ members.c, member_names.c (stratum 1)
 *                                       floors.c (stratum 2)
 *   fold.c judges ─▶ reduce_proposal.c (stratum 2), reduce_record.c (stratum 3)
 */
#ifndef MOOT_JOURNAL_STATE_PARTS_H
#define MOOT_JOURNAL_STATE_PARTS_H

#include "journal/state.h"

#define MOOT_OBJECT_KEY_BYTES (MOOT_SLOT_BYTES + 32) /* slot ‖ object id */
#define MOOT_FACT_KEY_BYTES (32 + 8)                 /* chain id ‖ seq */
#define MOOT_WITHDRAWAL_KEY_BYTES (32 + 32)          /* author ‖ proposal id */
#define MOOT_ERA_FIELDS 8
#define MOOT_TAIL_FIELDS 9
#define MOOT_MEMBER_FIELDS 10 /* of a member in an image */
#define MOOT_IMAGE_VERSION 1
#define MOOT_IMAGE_FIELDS 13
#define MOOT_CUT_VERSION 1
#define MOOT_CUT_FIELDS 6
#define MOOT_SLOT_DEVICE_PREFIX_BYTES (1 + 8 + 32) /* slot kind, number, device */

/* ---- objects.c ---- */

/* The objects whose key begins with `prefix`, in order:
 * for (bool more = moot_objects_first(s, p, prefix, &item); more; more = moot_objects_next(s, p, prefix, &item)) */
bool moot_objects_first(const struct moot_state *state, const struct moot_pool *pool,
                        struct moot_bytes prefix, struct moot_map_item *ret);
bool moot_objects_next(const struct moot_state *state, const struct moot_pool *pool,
                       struct moot_bytes prefix, struct moot_map_item *item);
/* The body of an object held: it was decoded when it came in, so this cannot fail. */
void moot_object_row_body(const struct moot_pool *pool, const struct moot_object_row *row,
                          struct moot_body *ret);

/* Is `id` the plain tick of that era's timeline at an epoch after the era's and up to `highest`? Tries
 * them from the highest down, at most MOOT_TICKS_TRIED_MAX. */
#define MOOT_TICKS_TRIED_MAX 65536U
bool moot_plain_tick_find(const struct moot_era *era, uint32_t highest,
                          const struct moot_digest *id, uint32_t *ret_epoch);
/* Puts in the plain tick of a followed timeline without its certificate: for a state rebuilt at a cut
 * whose tick a higher one has outdated since. REPLAYED, NO_MEMORY. */
enum moot_status moot_plain_tick_imply(struct moot_state *state, struct moot_pool *pool,
                                       const struct moot_era *era, uint32_t epoch);

/* ---- eras.c ---- */

struct moot_era *moot_state_era_index(const struct moot_state *state, const struct moot_pool *pool,
                                      uint32_t index);
/* Lowers the ticks of passed turns, passes turns as far as they go, recomputes the epoch. */
enum moot_status moot_eras_advance(struct moot_state *state, struct moot_pool *pool,
                                   struct moot_state_change *change);
/* For turns taken from a list: each takes effect at the least tick held that names it, be that lower or
 * higher than the list says. Passes none. WRONG_TIMELINE: a turn or its tick is not held. */
enum moot_status moot_eras_settle(struct moot_state *state, const struct moot_pool *pool);
/* The epoch alone. */
void moot_eras_epoch(struct moot_state *state, const struct moot_pool *pool,
                     struct moot_state_change *change);
/* A certified turn on `era`'s timeline that has not expired: a plain tick at or above its last epoch
 * proves that it has, unless a tick in its window names it. */
bool moot_turn_is_live(const struct moot_state *state, const struct moot_pool *pool,
                       const struct moot_era *era, const struct moot_object_row *turn);

/* ---- members.c ---- */

/* All that follows from a certificate about that device (of a replacement: the old one). NO_MEMORY. */
enum moot_status moot_members_merge(struct moot_state *state, struct moot_pool *pool,
                                    const struct moot_key *device,
                                    struct moot_state_change *change);
/* Derives one device's membership from the certificates held, but not its name. NO_MEMORY. */
enum moot_status moot_member_derive(struct moot_state *state, struct moot_pool *pool,
                                    const struct moot_key *device,
                                    struct moot_state_change *change);
/* The chain of `author` on the followed branch, added when it is not there. NULL: no memory. */
struct moot_chain *moot_chain_ensure(struct moot_state *state, struct moot_pool *pool,
                                     const struct moot_key *author);

/* ---- floors.c ---- */

/* Raises the floors that the certificate in that cache slot asks for, if it is in force. NO_MEMORY. */
enum moot_status moot_floors_merge(struct moot_state *state, struct moot_pool *pool,
                                   const struct moot_slot *slot);
/* All floors anew from the objects held. NO_MEMORY. */
enum moot_status moot_floors_derive(struct moot_state *state, struct moot_pool *pool);

/* ---- member_names.c ---- */

/* Names that may have changed: those of `device` (NULL: of all), and of devices that took another's
 * place. NO_MEMORY. */
enum moot_status moot_member_names_set(struct moot_state *state, struct moot_pool *pool,
                                       const struct moot_key *device,
                                       struct moot_state_change *change);

/* ---- retirements.c ---- */

/* How a device left. */
struct moot_retirement {
    const struct moot_object_row *row; /* the certificate that counts; NULL: it has not left */
    uint64_t era;                      /* of its timeline */
    uint64_t stated_seq;               /* the range that the certificate gives */
    struct moot_digest stated_id;
    uint64_t last_seq; /* the range that counts: facts above it are void */
    bool replaced;
    struct moot_key successor;
    bool disputed; /* certificates of one timeline differ, and no other settles it */
};
struct moot_retirement moot_retirement_of(const struct moot_state *state,
                                          const struct moot_pool *pool,
                                          const struct moot_key *device);
/* False: the device was of the administrators that signed this removal or replacement. */
bool moot_retirement_has_effect(const struct moot_state *state, const struct moot_pool *pool,
                                const struct moot_object_row *row);

/* ---- reducers: joins. MOOT_OK or NO_MEMORY; then the fact may be applied in part: fold it again. ---- */

enum moot_status moot_reduce_proposal(struct moot_state *state, struct moot_pool *pool,
                                      const struct moot_fact *fact, const struct moot_body *body);
enum moot_status moot_reduce_withdrawal(struct moot_state *state, struct moot_pool *pool,
                                        const struct moot_key *author,
                                        const struct moot_digest *proposal);
enum moot_status moot_reduce_put(struct moot_state *state, struct moot_pool *pool,
                                 const struct moot_digest *chain, const struct moot_header *header,
                                 const struct moot_record_put *put);
/* The record of `key`, added empty when it is not there. NULL: no memory. */
struct moot_record *moot_record_ensure(struct moot_state *state, struct moot_pool *pool,
                                       struct moot_bytes key);
void moot_record_empty(struct moot_pool *pool, struct moot_record *record);
/* Values in order and uncovered, context in order, something there. */
bool moot_record_is_reduced(const struct moot_pool *pool, const struct moot_record *record);
/* Keeps a fact unread. */
enum moot_status moot_opaque_keep(struct moot_state *state, struct moot_pool *pool,
                                  const struct moot_digest *chain, const struct moot_fact *fact);
void moot_proposals_clear(struct moot_state *state, struct moot_pool *pool);
void moot_records_clear(struct moot_state *state, struct moot_pool *pool);

/* ---- encodings shared by checkpoint and image ---- */

void moot_tail_encode(const struct moot_chain_tail *tail, struct moot_writer *writer);
/* The head of a kept fact: array[9]: chain id, seq, fork id, epoch, lamport, protocol, kind, wall_s; the
 * ninth value, the payload, is the caller's to write. */
void moot_kept_fact_encode(struct moot_bytes key, const struct moot_header *header,
                           struct moot_writer *writer);
/* The head of a value: array[6]: chain id, seq, epoch, lamport, wall_s; the sixth, the value as bin or
 * nil, is the caller's to write. */
void moot_record_value_encode(const struct moot_record_value *value, struct moot_writer *writer);

/* The same the other way: each reads one thing, and puts it in. The cursor's reason, or NO_MEMORY. */
void moot_tail_read(struct moot_cursor *cursor, struct moot_chain_tail *ret);
enum moot_status moot_proposal_read(struct moot_state *state, struct moot_pool *pool,
                                    struct moot_cursor *cursor);
enum moot_status moot_withdrawal_read(struct moot_state *state, struct moot_pool *pool,
                                      struct moot_cursor *cursor);
enum moot_status moot_record_value_read(struct moot_pool *pool, struct moot_record *record,
                                        struct moot_cursor *cursor);
enum moot_status moot_record_context_read(struct moot_pool *pool, struct moot_record *record,
                                          struct moot_cursor *cursor);
/* All nine values of a kept fact, borrowed; its chain, or NULL: the cursor has failed (BAD_VALUE for a
 * chain that is not held). */
const struct moot_chain *moot_kept_fact_read(const struct moot_state *state,
                                             const struct moot_pool *pool,
                                             struct moot_cursor *cursor, struct moot_fact *ret);

#endif
