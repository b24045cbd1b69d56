/*
 * Stratum 3: the replicated register.
 *
 *   record = (join of all contexts, the puts that the join does not cover)
 *   A put of protocol 2 counts as if its context named its own chain up to the fact before it.
 *
 * Happy path: a put joins its context into the record's, drops the values now covered, and stays as a
 * value unless it is covered itself. Both parts only grow, so any order gives the same.
 * Failures: NO_MEMORY; the put may be joined in part: fold it again.
 */
#include "journal/state.h"

#include <string.h>

#include "crypto/base/mutant.h"
#include "journal/state_parts.h"

static struct moot_context_entry *context_at(const struct moot_pool *pool,
                                             const struct moot_record *record, uint32_t index)
{
    return moot_list_at(pool, &record->context, index);
}

/* The place of `chain` in the context: the first entry that is not less. */
static uint32_t context_place(const struct moot_pool *pool, const struct moot_record *record,
                              const struct moot_digest *chain)
{
    uint32_t low = 0;
    uint32_t high = record->context.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (moot_digest_compare(&context_at(pool, record, middle)->chain, chain) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool context_has(const struct moot_pool *pool, const struct moot_record *record,
                        uint32_t place, const struct moot_digest *chain)
{
    return place < record->context.count &&
           moot_digest_equal(&context_at(pool, record, place)->chain, chain);
}

static bool covered(const struct moot_pool *pool, const struct moot_record *record,
                    const struct moot_digest *chain, uint64_t seq)
{
    uint32_t place = context_place(pool, record, chain);
    return context_has(pool, record, place, chain) && context_at(pool, record, place)->seq >= seq;
}

/* False: no memory. */
static bool context_join(struct moot_pool *pool, struct moot_record *record,
                         const struct moot_context_entry *entry, bool *ret_grew)
{
    uint32_t place = context_place(pool, record, &entry->chain);
    if (!context_has(pool, record, place, &entry->chain)) {
        if (moot_list_add(pool, &record->context) == NULL) {
            return false;
        }
        struct moot_context_entry *at = context_at(pool, record, place);
        memmove(at + 1, at, (record->context.count - 1 - place) * sizeof *at);
        *at = *entry;
        *ret_grew = true;
        return true;
    }
    struct moot_context_entry *held = context_at(pool, record, place);
    if (held->seq < entry->seq) {
        held->seq = entry->seq;
        *ret_grew = true;
    }
    return true;
}

/* The one shown first is least: greatest epoch, lamport, chain id, seq. */
static int value_compare(const struct moot_record_value *a, const struct moot_record_value *b)
{
    if (a->epoch != b->epoch) {
        return a->epoch > b->epoch ? -1 : 1;
    }
    if (a->lamport != b->lamport) {
        return a->lamport > b->lamport ? -1 : 1;
    }
    int order = moot_digest_compare(&b->chain, &a->chain);
    if (order != 0) {
        return order;
    }
    return (b->seq > a->seq) - (b->seq < a->seq);
}

static void covered_drop(struct moot_pool *pool, struct moot_record *record)
{
    for (uint32_t i = record->values.count; i-- > 0;) {
        struct moot_record_value *value = moot_list_at(pool, &record->values, i);
        if (covered(pool, record, &value->chain, value->seq)) {
            moot_blob_clear(pool, &value->value);
            moot_list_remove(pool, &record->values, i);
        }
    }
}

/* Adds a value in order unless it is there; `blob` moves in. False: no memory (blob stays the caller's). */
static bool value_insert(struct moot_pool *pool, struct moot_record *record,
                         const struct moot_record_value *value)
{
    uint32_t place = 0;
    while (place < record->values.count &&
           value_compare(moot_list_at(pool, &record->values, place), value) < 0) {
        place++;
    }
    if (moot_list_add(pool, &record->values) == NULL) {
        return false;
    }
    struct moot_record_value *at = moot_list_at(pool, &record->values, place);
    memmove(at + 1, at, (record->values.count - 1 - place) * sizeof *at);
    *at = *value;
    return true;
}

static bool value_is_held(const struct moot_pool *pool, const struct moot_record *record,
                          const struct moot_digest *chain, uint64_t seq)
{
    for (uint32_t i = 0; i < record->values.count; i++) {
        const struct moot_record_value *value = moot_list_at(pool, &record->values, i);
        if (value->seq == seq && moot_digest_equal(&value->chain, chain)) {
            return true;
        }
    }
    return false;
}

struct moot_record *moot_record_ensure(struct moot_state *state, struct moot_pool *pool,
                                       struct moot_bytes key)
{
    bool added;
    struct moot_record *record = moot_map_put(pool, &state->records, key, &added);
    if (record != NULL && added) {
        record->values.item_size = sizeof(struct moot_record_value);
        record->context.item_size = sizeof(struct moot_context_entry);
    }
    return record;
}

/* Joins the put's context; false: no memory. */
static bool contexts_join(struct moot_pool *pool, struct moot_record *record,
                          const struct moot_record_put *put)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, put->context);
    bool grew = false;
    bool fits = true;
    for (uint32_t i = 0; i < put->context_count && fits; i++) {
        struct moot_context_entry entry;
        moot_context_entry_read(&cursor, &entry);
        fits = context_join(pool, record, &entry, &grew);
    }
    if (grew) {
        record->dirty = true;
        covered_drop(pool, record);
    }
    return fits;
}

/* Since protocol 2 an author has one value at most under a key: whatever context it wrote, a put covers
 * all that its chain said there before. */
static bool own_puts_join(struct moot_pool *pool, struct moot_record *record,
                          const struct moot_digest *chain, const struct moot_header *header)
{
    const struct moot_context_entry before = {.chain = *chain, .seq = header->seq - 1};
    bool grew = false;
    if (before.seq == 0) {
        return true;
    }
    bool fits = context_join(pool, record, &before, &grew);
    if (grew) {
        record->dirty = true;
        covered_drop(pool, record);
    }
    return fits;
}

enum moot_status moot_reduce_put(struct moot_state *state, struct moot_pool *pool,
                                 const struct moot_digest *chain, const struct moot_header *header,
                                 const struct moot_record_put *put)
{
    if (MOOT_MUTANT("ignore-record-put")) {
        return MOOT_OK;
    }
    struct moot_record *record = moot_record_ensure(state, pool, put->key);
    if (record == NULL || !contexts_join(pool, record, put)) {
        return MOOT_NO_MEMORY;
    }
    /* By the fact's protocol; a node never gets here with a fact of a protocol above its own. */
    uint16_t protocol =
        header->protocol < state->protocol_max ? header->protocol : state->protocol_max;
    if (protocol >= 2 && !own_puts_join(pool, record, chain, header)) {
        return MOOT_NO_MEMORY;
    }
    if (covered(pool, record, chain, header->seq) ||
        value_is_held(pool, record, chain, header->seq)) {
        return MOOT_OK;
    }
    struct moot_record_value value = {.chain = *chain,
                                      .seq = header->seq,
                                      .epoch = header->epoch,
                                      .lamport = header->lamport,
                                      .wall_s = header->wall_s,
                                      .tombstone = put->tombstone};
    if (!moot_blob_set(pool, &value.value, put->value)) {
        return MOOT_NO_MEMORY;
    }
    if (!value_insert(pool, record, &value)) {
        moot_blob_clear(pool, &value.value);
        return MOOT_NO_MEMORY;
    }
    record->dirty = true;
    return MOOT_OK;
}

void moot_record_empty(struct moot_pool *pool, struct moot_record *record)
{
    for (uint32_t i = 0; i < record->values.count; i++) {
        struct moot_record_value *value = moot_list_at(pool, &record->values, i);
        moot_blob_clear(pool, &value->value);
    }
    moot_list_clear(pool, &record->values);
    moot_list_clear(pool, &record->context);
}

void moot_records_clear(struct moot_state *state, struct moot_pool *pool)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->records, item)) {
        struct moot_record *record = item.value;
        moot_record_empty(pool, record);
        record->dirty = true;
    }
}

bool moot_record_is_reduced(const struct moot_pool *pool, const struct moot_record *record)
{
    for (uint32_t i = 0; i < record->context.count; i++) {
        const struct moot_context_entry *entry = context_at(pool, record, i);
        if (entry->seq == 0 ||
            (i > 0 &&
             moot_digest_compare(&context_at(pool, record, i - 1)->chain, &entry->chain) >= 0)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < record->values.count; i++) {
        const struct moot_record_value *value = moot_list_at(pool, &record->values, i);
        if (value->seq == 0 || covered(pool, record, &value->chain, value->seq) ||
            (i > 0 && value_compare(moot_list_at(pool, &record->values, i - 1), value) >= 0)) {
            return false;
        }
    }
    return record->values.count > 0 || record->context.count > 0;
}

const struct moot_record_value *moot_record_shown(const struct moot_record *record,
                                                  const struct moot_pool *pool)
{
    return record->values.count > 0 ? moot_list_at(pool, &record->values, 0) : NULL;
}
