/*
 * Ground truth by hash: a growing table from one digest to another, for the oracles. Keys are hashes
 * already, so their first bytes place them.
 */
#ifndef MOOT_SIM_BOOK_H
#define MOOT_SIM_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/bytes.h"

/* Zeroed means empty. */
struct moot_sim_book {
    struct moot_sim_book_row *rows;
    uint32_t count;
    uint32_t capacity; /* a power of two, or 0 */
};
struct moot_sim_book_row {
    struct moot_digest key;
    struct moot_digest value;
    bool used;
};

/* NULL when there is none. Borrowed until the next add. */
const struct moot_digest *moot_sim_book_find(const struct moot_sim_book *book,
                                             const struct moot_digest *key);
/* Adds, or leaves what is there; returns the value that is there now. */
const struct moot_digest *moot_sim_book_add(struct moot_sim_book *book,
                                            const struct moot_digest *key,
                                            const struct moot_digest *value);
void moot_sim_book_deinit(struct moot_sim_book *book);

#endif
