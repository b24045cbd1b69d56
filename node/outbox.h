/*
 * Durable before visible: what may leave only after a commit waits here, in order.
 *
 * Frames and closes of one link keep their order, notices keep theirs (but one that waits for nothing goes
 * at once); an answer to a caller waits for its own commit only. So a full disk holds back what tells of unwritten things, and nothing else.
 */
#ifndef MOOT_NODE_OUTBOX_H
#define MOOT_NODE_OUTBOX_H

#include "protocols/engine.h"

struct moot_outbox;

/* Does one action: SEND, CLOSE, REPLY or NOTICE. The action is borrowed for the call. */
struct moot_outbox_effect {
    void *context;
    void (*act)(void *context, const struct moot_action *action);
};

/* NULL when out of memory. */
struct moot_outbox *moot_outbox_new(const struct moot_outbox_effect *effect);
void moot_outbox_free(struct moot_outbox *outbox); /* drops what waits; NULL is fine */

/*
 * Acts at once if nothing earlier of its order waits and its commit is done, else keeps a copy. A
 * CLOSE without flush acts at once and drops what waits for its link. LIMIT or NO_MEMORY: not kept (the
 * caller closes the link or answers with that).
 */
MOOT_MUST_USE enum moot_status moot_outbox_add(struct moot_outbox *outbox,
                                               const struct moot_action *action);

/* All tickets up to this one are durable: acts on what waited for them, in order. */
void moot_outbox_committed(struct moot_outbox *outbox, uint64_t ticket);

/* The link is gone: drops what waits for it. */
void moot_outbox_drop(struct moot_outbox *outbox, uint32_t link);

/* The disk is full: whoever waits for an answer is told STORE_FULL, and that it may still be written.
 * Frames and notices go on waiting. */
void moot_outbox_full(struct moot_outbox *outbox);

/* The store has stopped for good: waiting answers become `status`, the rest is dropped. */
void moot_outbox_fail(struct moot_outbox *outbox, enum moot_status status);

uint64_t moot_outbox_ticket(const struct moot_outbox *outbox); /* highest committed */
uint32_t moot_outbox_count(const struct moot_outbox *outbox);  /* actions waiting */
uint64_t moot_outbox_bytes(const struct moot_outbox *outbox);  /* bytes they hold */

#endif
