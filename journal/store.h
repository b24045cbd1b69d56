/*
 * The store port: what the engine needs from a disk. Ordered tables of byte keys and values; all
 * writing happens in batches that become durable as a whole or not at all. node/ implements it over
 * LMDB, sim/ in virtual memory; both pass the contract tests in tests/unit/store.
 *
 * Reading is synchronous and sees at least every batch whose commit was reported, perhaps also later
 * ones that are durable but not reported yet, and never a part of one. From the first read after a
 * release to the next release it is one unchanging state. Writing is asked for with an action that
 * carries a batch and answered by an event; batches take effect in the order of their tickets.
 */
#ifndef MOOT_JOURNAL_STORE_H
#define MOOT_JOURNAL_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/arena.h"
#include "crypto/base/bytes.h"
#include "crypto/base/status.h"

/* Names are for people and for file formats (docs/FORMATS.md gives each key and value). Wire enum:
 * only appended to. */
enum moot_table {
    MOOT_TABLE_META = 1,   /* text key → value */
    MOOT_TABLE_CHAIN = 2,  /* chain index u32 → chain id, device key, tail, head signature */
    MOOT_TABLE_LOG = 3,    /* lsn u64 → chain index u32 ‖ run bytes */
    MOOT_TABLE_RUN = 4,    /* chain index u32 ‖ first seq u64 → lsn u64 */
    MOOT_TABLE_OBJECT = 5, /* object id → certified object */
    MOOT_TABLE_LOOSE = 6, /* slot ‖ key ‖ … → loose approval, tick signature or readiness */
    MOOT_TABLE_VOTE = 7, /* timeline ‖ slot ‖ round → promised round, voted round, statement */
    MOOT_TABLE_TURN = 8,        /* K u64 → turn passed: tick epoch, ids */
    MOOT_TABLE_RECORD = 9,      /* record key → register state */
    MOOT_TABLE_CHECKPOINT = 10, /* one row: lsn and strata 0 to 2 */
    MOOT_TABLE_PEER = 11,       /* device key → last known addresses */
    MOOT_TABLE_PENDING = 12,    /* what is not admitted yet and must survive a restart */
    MOOT_TABLE_FENCE = 13,      /* the writer fence's lease */
    MOOT_TABLE_QUEUE = 14,      /* writes that wait behind a fence */
    MOOT_TABLE_IMAGE = 15       /* manifests and blocks of snapshot images */
};
#define MOOT_TABLE_MAX 15
#define MOOT_STORE_KEY_BYTES_MAX 511 /* LMDB's own limit; keys are never empty */

enum moot_store_op_kind { MOOT_STORE_PUT = 1, MOOT_STORE_DELETE = 2 };

/* Borrowed bytes: good for as long as the batch is. Deleting what is not there is fine. */
struct moot_store_op {
    enum moot_store_op_kind kind;
    enum moot_table table;
    struct moot_bytes key;
    struct moot_bytes value;
};

/* Operations in order, all or nothing. */
struct moot_store_batch {
    struct moot_store_op *ops;
    uint32_t op_count;
    uint32_t op_capacity;
};

/* A batch in an arena. put/delete copy the bytes in; false when the arena is full. */
void moot_store_batch_init(struct moot_store_batch *batch);
bool moot_store_batch_put(struct moot_store_batch *batch, struct moot_arena *arena,
                          enum moot_table table, struct moot_bytes key, struct moot_bytes value);
bool moot_store_batch_delete(struct moot_store_batch *batch, struct moot_arena *arena,
                             enum moot_table table, struct moot_bytes key);

/* One entry; borrowed until release (or the next release after other calls). */
struct moot_store_row {
    struct moot_bytes key;
    struct moot_bytes value;
};

/* The port. `self` is the implementation's own. Reads may fail with STORE_IO or STORE_DAMAGED. */
struct moot_store_port {
    void *self;
    /* NOT_FOUND when there is no such key. */
    enum moot_status (*get)(void *self, enum moot_table table, struct moot_bytes key,
                            struct moot_bytes *ret_value);
    /* The least row with key >= `key` (an empty key: the first row); NOT_FOUND past the end. */
    enum moot_status (*at_or_after)(void *self, enum moot_table table, struct moot_bytes key,
                                    struct moot_store_row *ret);
    /* The greatest row with key <= `key`; NOT_FOUND before the start. */
    enum moot_status (*at_or_before)(void *self, enum moot_table table, struct moot_bytes key,
                                     struct moot_store_row *ret);
    /* Ends the borrowing of everything read so far; the next read sees at least
     * every commit reported until then. */
    void (*release)(void *self);
};

/* Hands every row of a table to `each`, in order of the keys, and releases after each; the row is good
 * during the call. Ends early with what `each` says if that is not MOOT_OK, or what the port fails with. */
enum moot_status moot_store_each(const struct moot_store_port *store, enum moot_table table,
                                 enum moot_status (*each)(void *context,
                                                          const struct moot_store_row *row),
                                 void *context);

#endif
