/*
 * The store port in virtual memory, for the simulator: what a disk is to a node, without a disk.
 * A batch that is submitted waits until its commit; a crash forgets the waiting ones. The whole
 * store can be cloned, and nothing in it depends on time, addresses or threads. Used by one thread.
 *
 * The simulator cannot go on without memory: running out of it ends the process.
 */
#ifndef MOOT_SIM_STORE_H
#define MOOT_SIM_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/status.h"
#include "journal/store.h"

struct moot_sim_store;

/* An empty store: no row in any table. Freed by moot_sim_store_free. */
struct moot_sim_store *moot_sim_store_new(void);

/* NULL is allowed. Everything borrowed from the store ends. */
void moot_sim_store_free(struct moot_sim_store *store);

/* An independent copy: rows, waiting batches, full or not. Borrowed rows stay with the original.
 * Costs a copy of all bytes. */
struct moot_sim_store *moot_sim_store_clone(const struct moot_sim_store *store);

/* The reading side; valid until the store is freed. */
struct moot_store_port moot_sim_store_port(struct moot_sim_store *store);

/* Queues a copy of `batch`. `ticket` is greater than every ticket submitted since the last crash. */
void moot_sim_store_submit(struct moot_sim_store *store, const struct moot_store_batch *batch,
                           uint64_t ticket);

/*
 * Makes every waiting batch up to and including `ticket` durable, in order, and visible to reads
 * from the next release on (at once when nothing is borrowed). STORE_FULL, and nothing changes,
 * while the disk is full and such a batch waits.
 */
enum moot_status moot_sim_store_commit(struct moot_sim_store *store, uint64_t ticket);

/* The process died: waiting batches and everything borrowed are gone, what was committed stays, and
 * tickets begin anew. */
void moot_sim_store_crash(struct moot_sim_store *store);

/* While full, commits fail and reads go on. */
void moot_sim_store_full_set(struct moot_sim_store *store, bool full);

/* Number of batches that wait, and the ticket of the first (0 when none does). */
uint32_t moot_sim_store_waiting(const struct moot_sim_store *store, uint64_t *ret_first_ticket);

/* Bytes of keys and values of all visible rows: what the virtual disk holds. */
uint64_t moot_sim_store_size(const struct moot_sim_store *store);

#endif
