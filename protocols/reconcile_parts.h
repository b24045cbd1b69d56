/* What reconcile.c (asking, taking in, pushing) and reconcile_answer.c (answering) share. */
#ifndef MOOT_PROTOCOLS_RECONCILE_PARTS_H
#define MOOT_PROTOCOLS_RECONCILE_PARTS_H

#include "protocols/inside.h"

/* What an item costs of a credit beside its bytes. */
#define MOOT_ITEM_FRONT_BYTES 8
/* A PULL's lists. What is beyond them is sent once more for nothing. */
#define MOOT_TAGS_MAX 16384
#define MOOT_CHAINS_LISTED_MAX (2 * MOOT_DEVICES_MAX)

/* First value of a PULL's answer. */
enum moot_pull_state {
    MOOT_PULL_EQUAL = 1,
    MOOT_PULL_DATA = 2,
    MOOT_PULL_LISTS = 3,
    MOOT_PULL_BEHIND = 4
};

/* Frontier root and loose root, as two values. */
void moot_reconcile_write_roots(struct moot_step *step, struct moot_writer *writer);
/* The peer learns our roots with what is being sent. */
void moot_reconcile_told(struct moot_step *step, struct moot_session *session);
/* Counts and ends the session. */
void moot_reconcile_offence(struct moot_step *step, struct moot_session *session,
                            enum moot_status why);
/* Exactly 8 bytes, or the cursor fails. */
void moot_reconcile_read_fork(struct moot_cursor *body, struct moot_fork_id *ret);
/* A chain's head as this session names it. */
void moot_reconcile_entry_tag(const struct moot_session *session, const struct moot_digest *head,
                              uint8_t ret[8]);

#endif
