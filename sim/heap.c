/* The event heap: parent of i is (i - 1) / 4. Cannot fail but for memory, which ends the process. */
#include "sim/heap.h"

#include <stdlib.h>

#include "sim/memory.h"

#define ARITY 4u

static bool before(const struct moot_sim_entry *a, const struct moot_sim_entry *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us;
    if (a->tie != b->tie)
        return a->tie < b->tie;
    return a->sequence < b->sequence;
}

void moot_sim_heap_push(struct moot_sim_heap *heap, const struct moot_sim_entry *entry)
{
    heap->entries = (struct moot_sim_entry *)moot_sim_grow(heap->entries, heap->count,
                                                           &heap->capacity, sizeof *heap->entries);
    uint32_t at = heap->count++;
    while (at > 0) {
        uint32_t parent = (at - 1) / ARITY;
        if (!before(entry, &heap->entries[parent]))
            break;
        heap->entries[at] = heap->entries[parent];
        at = parent;
    }
    heap->entries[at] = *entry;
}

const struct moot_sim_entry *moot_sim_heap_first(const struct moot_sim_heap *heap)
{
    return heap->count > 0 ? &heap->entries[0] : NULL;
}

bool moot_sim_heap_pop(struct moot_sim_heap *heap, struct moot_sim_entry *ret)
{
    if (heap->count == 0)
        return false;
    *ret = heap->entries[0];
    struct moot_sim_entry last = heap->entries[--heap->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = at * ARITY + 1;
        if (child >= heap->count)
            break;
        uint32_t end = child + ARITY < heap->count ? child + ARITY : heap->count;
        uint32_t least = child;
        for (uint32_t i = child + 1; i < end; i++) {
            if (before(&heap->entries[i], &heap->entries[least]))
                least = i;
        }
        if (!before(&heap->entries[least], &last))
            break;
        heap->entries[at] = heap->entries[least];
        at = least;
    }
    if (heap->count > 0)
        heap->entries[at] = last;
    return true;
}

void moot_sim_heap_deinit(struct moot_sim_heap *heap)
{
    free(heap->entries);
    *heap = (struct moot_sim_heap){0};
}
