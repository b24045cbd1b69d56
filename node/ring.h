/*
 * What happened, for people and scripts: the engine's notices, numbered from 1, the last
 * MOOT_EVENTS_KEPT_MAX of them kept. moot events and GET /v1/events read it.
 */
#ifndef MOOT_NODE_RING_H
#define MOOT_NODE_RING_H

#include "protocols/engine.h"

struct moot_ring_event {
    uint64_t number;
    uint64_t wall_s;
    struct moot_notice notice;
};

struct moot_ring;

struct moot_ring *moot_ring_new(void); /* NULL when out of memory */
void moot_ring_free(struct moot_ring *ring);

/* Copies the notice in; the oldest goes when the ring is full. */
void moot_ring_add(struct moot_ring *ring, const struct moot_notice *notice, uint64_t wall_s);

/* Number of the last event; 0: none yet. */
uint64_t moot_ring_last(const struct moot_ring *ring);

/* The first event kept whose number is above `number`, or NULL; borrowed until the next add. */
const struct moot_ring_event *moot_ring_after(const struct moot_ring *ring, uint64_t number);

#endif
