/* The ring of events: event n lies at place n modulo the ring's size. It grows until it is full once. */
#include "node/ring.h"

#include <stdlib.h>

#include "node/limits.h"

struct moot_ring {
    struct moot_ring_event *events;
    uint64_t last;
    uint64_t capacity; /* grows to MOOT_EVENTS_KEPT_MAX */
};

#define EVENTS_AT_FIRST 64

struct moot_ring *moot_ring_new(void)
{
    struct moot_ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) {
        return NULL;
    }
    ring->capacity = EVENTS_AT_FIRST;
    ring->events = calloc(EVENTS_AT_FIRST, sizeof ring->events[0]);
    if (ring->events == NULL) {
        free(ring);
        return NULL;
    }
    return ring;
}

void moot_ring_free(struct moot_ring *ring)
{
    if (ring != NULL) {
        free(ring->events);
        free(ring);
    }
}

/* Doubles while nothing has been overwritten yet; out of memory, the ring just stays that small. */
static void grow(struct moot_ring *ring)
{
    uint64_t wanted = ring->capacity * 2;
    if (wanted > MOOT_EVENTS_KEPT_MAX) {
        return;
    }
    struct moot_ring_event *events = calloc(wanted, sizeof events[0]);
    if (events == NULL) {
        return;
    }
    uint64_t first = ring->last > ring->capacity ? ring->last - ring->capacity + 1 : 1;
    for (uint64_t n = first; n <= ring->last; n++) {
        events[n % wanted] = ring->events[n % ring->capacity];
    }
    free(ring->events);
    ring->events = events;
    ring->capacity = wanted;
}

void moot_ring_add(struct moot_ring *ring, const struct moot_notice *notice, uint64_t wall_s)
{
    if (ring->last >= ring->capacity) {
        grow(ring);
    }
    ring->last++;
    ring->events[ring->last % ring->capacity] = (struct moot_ring_event){
        .number = ring->last,
        .wall_s = wall_s,
        .notice = *notice,
    };
}

uint64_t moot_ring_last(const struct moot_ring *ring)
{
    return ring->last;
}

const struct moot_ring_event *moot_ring_after(const struct moot_ring *ring, uint64_t number)
{
    if (number >= ring->last) {
        return NULL;
    }
    uint64_t oldest = ring->last > ring->capacity ? ring->last - ring->capacity + 1 : 1;
    uint64_t wanted = number + 1 > oldest ? number + 1 : oldest;
    return &ring->events[wanted % ring->capacity];
}
