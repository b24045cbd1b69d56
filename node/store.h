/*
 * The journal on disk: the store port (journal/store.h) over LMDB.
 *
 * One thread of the store begins, writes and commits every transaction; what arrives while a commit
 * is on its way goes into the next one. The loop thread owns everything else: it submits batches,
 * reads through the port, and is told what became durable when it calls moot_node_store_deliver.
 * This library knows no event loop: `wake` is called on the store's thread and only has to make the
 * loop call deliver soon (node/commits.h does it with libuv).
 *
 * A directory belongs to one process at a time, from open to close.
 */
#ifndef MOOT_NODE_STORE_H
#define MOOT_NODE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/status.h"
#include "journal/store.h"

#define MOOT_NODE_STORE_SCHEMA 1u
/* Rows of MOOT_TABLE_META that belong to the store. */
#define MOOT_NODE_STORE_KEY_SCHEMA "schema"       /* u32 */
#define MOOT_NODE_STORE_KEY_DIRECTORY "directory" /* MOOT_NODE_STORE_IDENTITY_BYTES */
#define MOOT_NODE_STORE_IDENTITY_BYTES 56u

struct moot_node_store;

/* Zeroed fields mean the usual value. */
struct moot_node_store_options {
    uint64_t map_bytes; /* address space to begin with: 64 GiB; it grows by itself */
    uint32_t retry_ms;  /* between tries on a full disk: 1,000 */
};

/* What the loop is told. All but `wake` are called by moot_node_store_deliver only. */
struct moot_node_store_events {
    /* On the store's thread: something waits to be delivered. May be called more than once. */
    void (*wake)(void *wake_context);
    void *wake_context;
    void *context; /* of the rest */
    /* In the order of the tickets. MOOT_OK: durable. STORE_IO: the store has stopped for good, and
     * this batch and all later ones are not acknowledged. */
    void (*committed)(void *context, uint64_t ticket, enum moot_status status);
    /* STORE_FULL or NO_MEMORY: writes wait and are tried again. MOOT_OK: they go on. STORE_IO: the
     * store has stopped writing for good. `error` is borrowed until the return. */
    void (*trouble)(void *context, enum moot_status status, const struct moot_error *error);
};

/* Counted since the open. */
struct moot_node_store_counters {
    uint64_t commit_count;
    uint64_t batch_count;
    uint64_t op_count;
    uint64_t payload_bytes; /* keys and values put */
    uint64_t queued_bytes;  /* waiting now */
    uint64_t file_bytes;    /* used part of the data file after the last commit */
    uint64_t map_growth_count;
};

/*
 * Opens the store in the directory `path`, whose parent exists, and makes it when there is none (or
 * an empty one): whole or not at all, also across a power cut. Reading works at once; writing
 * starts with moot_node_store_start. `options` may be NULL.
 * STORE_LOCKED: another process has it. STORE_SCHEMA: of another release. STORE_DAMAGED: the data
 * file is missing, cut short or not LMDB's. FILE_IO, STORE_FULL, STORE_IO: see `error`.
 */
enum moot_status moot_node_store_open(const char *path,
                                      const struct moot_node_store_options *options,
                                      struct moot_node_store **ret, struct moot_error *error);

/* The reading side, for the loop thread; valid until close. Read turns should be short: pages that
 * a later commit gives up cannot be used again before the release. */
struct moot_store_port moot_node_store_port(struct moot_node_store *store);

/*
 * Another reading side, for a job on a thread of its own: used by one thread at a time, and freed before
 * the store is closed. It sees at least what was reported when a read turn begins. NULL: no memory.
 */
struct moot_store_reader;
struct moot_store_reader *moot_node_store_reader_new(struct moot_node_store *store,
                                                     struct moot_store_port *ret_port);
void moot_node_store_reader_free(struct moot_store_reader *reader);

/*
 * True when the directory or the data file is not the one recorded (device, inode, birth time): a
 * copy or a restored backup, whose chain may be older than what its peers have seen. It stays so
 * until a batch puts moot_node_store_identity under MOOT_NODE_STORE_KEY_DIRECTORY.
 */
bool moot_node_store_moved(const struct moot_node_store *store);

/* What the directory is now; borrowed until close. */
struct moot_bytes moot_node_store_identity(const struct moot_node_store *store);

/* Starts the store's thread. `events` is copied. Once only. */
enum moot_status moot_node_store_start(struct moot_node_store *store,
                                       const struct moot_node_store_events *events,
                                       struct moot_error *error);

/*
 * Queues a copy of `batch`; `ticket` is greater than all before. From the loop thread, after start.
 * MOOT_OK: it will be reported. Otherwise nothing was queued: NO_MEMORY, LIMIT (the queue holds
 * MOOT_STORE_QUEUE_BYTES_MAX, which means the disk is full), STORE_IO (the store has stopped), STOPPING.
 */
enum moot_status moot_node_store_submit(struct moot_node_store *store,
                                        const struct moot_store_batch *batch, uint64_t ticket);

/* Calls committed and trouble for what happened since the last call. On the loop thread. */
void moot_node_store_deliver(struct moot_node_store *store);

/* Commits what is queued (unless disk or store refuse), then ends the thread; what is left to
 * report waits for a last deliver. Nothing borrowed may be outstanding. */
void moot_node_store_stop(struct moot_node_store *store);

/* Stops, unlocks the directory and frees the store. NULL is allowed. */
void moot_node_store_close(struct moot_node_store *store);

void moot_node_store_count(struct moot_node_store *store, struct moot_node_store_counters *ret);

/* The descriptor of the data file, for moving and measuring; owned by the store. */
int moot_node_store_descriptor(const struct moot_node_store *store);

#endif
