/*
 * What happens next: a 4-ary heap of events ordered by (time, tie, sequence). Sequence numbers are
 * given out once each, so the order is total and the same everywhere.
 */
#ifndef MOOT_SIM_HEAP_H
#define MOOT_SIM_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct moot_sim_entry {
    uint64_t at_us;
    uint64_t tie;      /* 0, or a hash of the seed: shuffles what happens at one time */
    uint64_t sequence; /* distinct */
    void *what;        /* the owner's */
};

/* Zeroed means empty. */
struct moot_sim_heap {
    struct moot_sim_entry *entries;
    uint32_t count;
    uint32_t capacity;
};

void moot_sim_heap_push(struct moot_sim_heap *heap, const struct moot_sim_entry *entry);
/* The least entry without taking it out; NULL when empty. Borrowed until the next change. */
const struct moot_sim_entry *moot_sim_heap_first(const struct moot_sim_heap *heap);
/* Takes the least entry out; false when empty. */
bool moot_sim_heap_pop(struct moot_sim_heap *heap, struct moot_sim_entry *ret);
/* Frees the array; what the entries name is the owner's. */
void moot_sim_heap_deinit(struct moot_sim_heap *heap);

#endif
