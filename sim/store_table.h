/* One ordered table of the simulator's store: rows in sorted chunks. Internal to sim/store.c. */
#ifndef MOOT_SIM_STORE_TABLE_H
#define MOOT_SIM_STORE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/bytes.h"

/* One row in one block of memory: the key, then the value. Never changes once made. */
struct moot_sim_row {
    uint32_t key_size;
    uint32_t value_size;
    uint8_t bytes[];
};

struct moot_sim_row *moot_sim_row_new(struct moot_bytes key, struct moot_bytes value);
struct moot_bytes moot_sim_row_key(const struct moot_sim_row *row);
struct moot_bytes moot_sim_row_value(const struct moot_sim_row *row);

/* Zeroed means empty. No chunk in it is empty. */
struct moot_sim_table {
    struct moot_sim_chunk **chunks;
    uint32_t chunk_count;
    uint32_t chunk_capacity;
};

/* A row's place; `row` may be one past the last row of its chunk. */
struct moot_sim_place {
    uint32_t chunk;
    uint32_t row;
};

/* Takes ownership of `row`; returns the row it replaces (the caller's now) or NULL. */
struct moot_sim_row *moot_sim_table_put(struct moot_sim_table *table, struct moot_sim_row *row);
/* Takes the row out and gives it to the caller; NULL when there is none. */
struct moot_sim_row *moot_sim_table_remove(struct moot_sim_table *table, struct moot_bytes key);
/* The least row with key >= `key`, or NULL; the greatest with key <= `key`, or NULL. */
const struct moot_sim_row *moot_sim_table_from(const struct moot_sim_table *table,
                                               struct moot_bytes key);
const struct moot_sim_row *moot_sim_table_upto(const struct moot_sim_table *table,
                                               struct moot_bytes key);

/* An independent copy of every row, in `ret` (which is overwritten). */
void moot_sim_table_clone(const struct moot_sim_table *table, struct moot_sim_table *ret);
void moot_sim_table_clear(struct moot_sim_table *table);
/* Bytes of all keys and values. */
uint64_t moot_sim_table_size(const struct moot_sim_table *table);

#endif
