/* Between the files that make up upgrades; nobody else includes this.
 *
 *   upgrade.c           which upgrades are fetched, readiness, activation
 *   upgrade_fetch.c     stages of one fetch: what its jobs lead to
 *   upgrade_manifest.c  its manifest and the list of its blocks
 *   upgrade_ask.c       whom to ask for what, and who is not asked for a while
 *   upgrade_serve.c     answering others, and their complaints
 */
#ifndef MOOT_PROTOCOLS_UPGRADE_FETCH_H
#define MOOT_PROTOCOLS_UPGRADE_FETCH_H

#include "protocols/inside.h"

/* ---- upgrade_fetch.c ---- */

/* A new fetch of the package that `body` names, in zeroed memory of engine->fetches. */
void moot_fetch_init(struct moot_step *step, struct moot_fetch *fetch,
                     const struct moot_digest *proposal, const struct moot_upgrade_body *body);
/* Gives its lists back. */
void moot_fetch_deinit(struct moot_pool *pool, struct moot_fetch *fetch);
/* Starts what can be started now. */
void moot_fetch_step(struct moot_step *step, struct moot_fetch *fetch);
void moot_fetch_job_done(struct moot_step *step, struct moot_fetch *fetch,
                         const struct moot_job_owner *owner, const struct moot_event *event);
/* Verifies a ready package once more. */
void moot_fetch_check(struct moot_step *step, struct moot_fetch *fetch);
/* Our copy of that block is gone: it is wanted again. False if this fetch does not hold it. */
bool moot_fetch_block_lost(struct moot_step *step, struct moot_fetch *fetch,
                           const struct moot_digest *hash, bool damaged);
/* A re-read block was good after all: the check that accused it is repeated after a pause. */
void moot_fetch_block_good(struct moot_step *step, struct moot_fetch *fetch);
/* Bytes for an ask came; its index in fetch->asks. */
void moot_fetch_bytes(struct moot_step *step, struct moot_fetch *fetch, uint32_t ask_index,
                      struct moot_bytes bytes);
/* Index in blocks, or MOOT_ASK_MANIFEST when there is none. */
uint32_t moot_fetch_block_find(const struct moot_step *step, const struct moot_fetch *fetch,
                               const struct moot_digest *hash);
void moot_fetch_block_set(struct moot_step *step, struct moot_fetch *fetch, uint32_t index,
                          enum moot_block_state state);
/* What to tell the others; ready, not ready or rejected follows from the reason alone. */
uint8_t moot_fetch_readiness(const struct moot_fetch *fetch);
/* The pause after a failure: grows once in its own length, starts anew after progress. */
uint64_t moot_fetch_pause(const struct moot_step *step, struct moot_fetch *fetch);

/* Moves, for the files of the fetch alone. */
void moot_fetch_go(struct moot_fetch *fetch, enum moot_fetch_stage stage);
void moot_fetch_rest(const struct moot_step *step,
                     struct moot_fetch *fetch); /* nothing for a pause */
void moot_fetch_miss(struct moot_fetch *fetch); /* not ready (fetching), or rejected as before */
void moot_fetch_lack_space(const struct moot_step *step, struct moot_fetch *fetch);
void moot_fetch_reject(struct moot_step *step, struct moot_fetch *fetch, enum moot_status why);

/* ---- upgrade_manifest.c ---- */

void moot_fetch_manifest_read(struct moot_step *step, struct moot_fetch *fetch,
                              const struct moot_event *event);
void moot_fetch_manifest_written(struct moot_step *step, struct moot_fetch *fetch,
                                 const struct moot_event *event);
/* Our manifest is damaged, as somebody says or as was seen here when it was read to be served: it is
 * read again, and the package checked. */
void moot_fetch_manifest_doubted(struct moot_step *step, struct moot_fetch *fetch, bool seen_here);

/* ---- upgrade_ask.c ---- */

/* Forgets what has had its time: requests without answer, refusals; wakes for the next. */
void moot_ask_expire(struct moot_step *step, struct moot_fetch *fetch);
/* Asks as many peers as may be asked; what nobody can give any more shows in fetch->reason. */
void moot_ask_blocks(struct moot_step *step, struct moot_fetch *fetch);
void moot_ask_manifest(struct moot_step *step, struct moot_fetch *fetch);
/* The ask for that block (or the manifest) at that link (0: any); its index or -1. */
int32_t moot_ask_find(const struct moot_step *step, const struct moot_fetch *fetch, uint32_t block,
                      uint32_t link);
/* Takes an ask off; a block that is not held is wanted again. */
void moot_ask_end(struct moot_step *step, struct moot_fetch *fetch, uint32_t ask_index);
void moot_ask_end_all(struct moot_step *step, struct moot_fetch *fetch);
/* That peer has it not, or says that its copy is damaged: somebody else is asked. */
void moot_ask_missed(struct moot_step *step, struct moot_fetch *fetch, const struct moot_key *peer,
                     const struct moot_digest *hash, bool damaged);
/* That peer sent bytes that do not match: counted, remembered, told to it. */
void moot_ask_strike(struct moot_step *step, struct moot_fetch *fetch, const struct moot_key *peer,
                     const struct moot_digest *hash, enum moot_status why);

/* ---- upgrade_serve.c ---- */

/* Re-reads a block of ours; `proposal` names the fetch whose check waits, or NULL. Returns the
 * job's number, 0 when too many are under way or one for this block is. */
uint32_t moot_serve_recheck(struct moot_step *step, const struct moot_digest *hash,
                            const struct moot_digest *proposal);

#endif
