/*
 * Between the files that make up snapshots; nobody else but engine.c, record.c, append.c, session.c and
 * the views includes this.
 *
 *   fence.c            leases, the queue of writes that wait
 *   snapshot.c         proposing: drain, cut, rebuild job, SnapshotProposed
 *   snapshot_check.c   every administrator's node verifies and signs or says no
 *   snapshot_base.c    completed snapshots, collection one behind
 *   snapshot_install.c a device behind the base takes the image
 *   content.c          cuts and blocks of images by hash
 */
#ifndef MOOT_PROTOCOLS_SNAPSHOT_H
#define MOOT_PROTOCOLS_SNAPSHOT_H

#include "crypto/digest.h"
#include "journal/cut.h"
#include "protocols/inside.h"

/* ---- content.c ---- */

/* Makes sure that these bytes come here; with `keep` they stay in memory too. NULL: no memory. */
struct moot_content *moot_content_want(struct moot_step *step, const struct moot_digest *hash,
                                       bool keep);
/* Bytes of our own making: durable after a job, and kept in memory. */
void moot_content_put(struct moot_step *step, const struct moot_digest *hash,
                      struct moot_bytes bytes);
/* Durable here? *ret_bytes (may be NULL) is empty unless they were wanted with `keep`. */
bool moot_content_held(const struct moot_step *step, const struct moot_digest *hash,
                       struct moot_bytes *ret_bytes);
/* Forgets it in memory; the disk keeps it. */
void moot_content_forget(struct moot_step *step, const struct moot_digest *hash);
void moot_content_job_done(struct moot_step *step, const struct moot_job_owner *owner,
                           const struct moot_event *event);
/* False: not asked for by this part. */
bool moot_content_answered(struct moot_step *step, struct moot_session *session,
                           const struct moot_request *request, struct moot_bytes status_name,
                           struct moot_bytes bytes);
void moot_content_step(struct moot_step *step);

/* ---- fence.c ---- */

/* Is some lease running? *ret_lease (may be NULL): the one that ends last. */
bool moot_fence_up(const struct moot_engine *engine, const struct moot_pool *pool,
                   const struct moot_lease **ret_lease, struct moot_digest *ret_proposal);
/* The proposer's own fence before there is a proposal: key zero. */
void moot_fence_raise_own(struct moot_step *step);
void moot_fence_lower_own(struct moot_step *step);
/* Raises for what was admitted, lowers what has ended, lets the queue through. Before append_flush. */
void moot_fence_step(struct moot_step *step);
/* A write that meets the fence (or those already waiting). */
enum moot_status moot_fence_enqueue(struct moot_step *step, uint64_t call_number,
                                    const struct moot_call *call);
/* "held by attic-nas for SN-7K3MQ2, 559 s left, 3 writes wait" */
void moot_fence_describe(const struct moot_step *step, char *text, size_t size);
bool moot_fence_holds(const struct moot_step *step); /* an ordinary write must wait now */
enum moot_status moot_fence_restore(struct moot_engine *engine, struct moot_pool *pool,
                                    struct moot_bytes key, struct moot_bytes row);
enum moot_status moot_queue_restore(struct moot_engine *engine, struct moot_pool *pool,
                                    struct moot_bytes key, struct moot_bytes row);

/* ---- snapshot*.c ---- */

/* A rebuild job's result. */
struct moot_rebuilt {
    struct moot_digest root, digest, index;
    struct moot_digest strata[MOOT_STRATA];
    uint64_t image_bytes;
};
void moot_snapshot_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call);
void moot_snapshot_step(struct moot_step *step);
void moot_snapshot_job_done(struct moot_step *step, const struct moot_job_owner *owner,
                            const struct moot_event *event);
/* Starts MOOT_JOB_REBUILD of that cut, from the image of the collected base if there is one; false while
 * that is not here yet. */
bool moot_snapshot_rebuild(struct moot_step *step, struct moot_bytes cut,
                           const struct moot_digest *key, enum moot_job_part part,
                           uint32_t *ret_job);
/* Index and blocks of an image are on our disk; what is not is fetched. */
bool moot_snapshot_image_here(struct moot_step *step, const struct moot_digest *index);
/* We have signed a snapshot of that cut: the next must contain it. */
void moot_snapshot_approved(struct moot_step *step, const struct moot_digest *cut_hash);
void moot_snapshot_check_step(struct moot_step *step);
void moot_snapshot_check_done(struct moot_step *step, const struct moot_job_owner *owner,
                              const struct moot_event *event);
/* The newest completed snapshot's object and body, or NULL. */
const struct moot_object_row *moot_snapshot_last(const struct moot_engine *engine,
                                                 const struct moot_pool *pool,
                                                 struct moot_body *ret_body);
const struct moot_object_row *moot_snapshot_of(const struct moot_engine *engine,
                                               const struct moot_pool *pool,
                                               const struct moot_digest *proposal,
                                               struct moot_body *ret_body);
/* False: it holds facts above a removal or replacement that is certified or that this node has approved.
 * Then one of the two must wait, or certified images would differ from what a replay gives. (device.c) */
bool moot_device_cut_fits(const struct moot_step *step, const struct moot_cut *cut);
void moot_snapshot_base_step(struct moot_step *step);
/* Facts of that chain up to this number are under the base: not served any more. */
uint64_t moot_snapshot_base_seq(const struct moot_step *step, const struct moot_digest *chain);
/* That snapshot is the base from now on; what lies under its cut is collected. */
void moot_snapshot_base_set(struct moot_step *step, const struct moot_digest *proposal,
                            const struct moot_body *body);
enum moot_status moot_base_restore(struct moot_engine *engine, struct moot_bytes row);
enum moot_status moot_approved_restore(struct moot_engine *engine, struct moot_bytes row);
void moot_snapshot_behind(struct moot_step *step); /* a peer said: you are behind my base */
/* A refold of a node that has collected: from the base's image on. */
void moot_snapshot_refold(struct moot_step *step);
void moot_snapshot_install_step(struct moot_step *step);
void moot_snapshot_install_done(struct moot_step *step, const struct moot_job_owner *owner,
                                const struct moot_event *event);

#endif
