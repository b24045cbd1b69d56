/*
 * The image, read.
 *
 *   pieces ─▶ window (one item and one piece at most) ─▶ item by item ─▶ state ─▶ written again: same hash?
 *
 * Happy path: each item is decoded where it lies in the window; objects are asked for by their ids; then
 * epoch and members are derived, and must be those of the image.
 * Failures: the first reason stays, and the state is emptied. Memory follows what was put in, never
 * what a count or a size claims.
 */
#include "journal/image_read.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "journal/state_parts.h"

#define ITEM_BYTES_MAX (MOOT_PAYLOAD_BYTES_MAX + 1024U) /* a kept fact is the largest */
#define WINDOW_BYTES (ITEM_BYTES_MAX + MOOT_IMAGE_PIECE_BYTES_MAX)
#define LATE_TICKS 64U /* plain ticks of a timeline that may come after the turn that ended it */

struct reader {
    struct moot_state *state;
    struct moot_pool *pool;
    const struct moot_image_source *source;
    const struct moot_object_source *objects;
    struct moot_image_report *report;
    struct moot_hasher hasher;
    uint8_t *window;
    size_t begin, end; /* what is in it */
    bool ended;        /* the source is */
    uint32_t epoch;    /* that the image says */
    struct moot_digest timeline;
};

/* Sees to it that a whole item is in the window, if there is one. */
static enum moot_status refill(struct reader *reader)
{
    if (reader->ended || reader->end - reader->begin >= ITEM_BYTES_MAX) {
        return MOOT_OK;
    }
    memmove(reader->window, reader->window + reader->begin, reader->end - reader->begin);
    reader->end -= reader->begin;
    reader->begin = 0;
    while (!reader->ended && reader->end < ITEM_BYTES_MAX) {
        struct moot_bytes piece;
        enum moot_status status = reader->source->next(reader->source->context, &piece);
        if (status != MOOT_OK) {
            return status;
        }
        if (piece.size > MOOT_IMAGE_PIECE_BYTES_MAX) {
            return MOOT_OVERSIZED;
        }
        reader->ended = piece.size == 0;
        if (!reader->ended) {
            memcpy(reader->window + reader->end, piece.data, piece.size);
            moot_hasher_add(&reader->hasher, piece);
            reader->end += piece.size;
            reader->report->size_bytes += piece.size;
        }
    }
    return MOOT_OK;
}

/* A cursor at the next item; a source that failed fails it. */
static struct moot_cursor item_open(struct reader *reader)
{
    struct moot_cursor cursor;
    enum moot_status status = refill(reader);
    moot_cursor_init(&cursor,
                     moot_bytes_of(reader->window + reader->begin, reader->end - reader->begin));
    if (status != MOOT_OK) {
        moot_cursor_fail(&cursor, status);
    }
    return cursor;
}

/* The item was read whole: on to the next. */
static enum moot_status item_close(struct reader *reader, const struct moot_cursor *cursor)
{
    if (cursor->status == MOOT_OK) {
        reader->begin = reader->end - (size_t)(cursor->end - cursor->at);
    }
    return cursor->status;
}

/* An array of items, each read by `read`. */
static enum moot_status items_read(struct reader *reader,
                                   enum moot_status (*read)(struct reader *reader,
                                                            struct moot_cursor *cursor))
{
    struct moot_cursor head = item_open(reader);
    uint32_t count = moot_read_array_head(&head);
    enum moot_status status = item_close(reader, &head);
    for (uint32_t i = 0; i < count && status == MOOT_OK; i++) {
        struct moot_cursor cursor = item_open(reader);
        status = cursor.status == MOOT_OK ? read(reader, &cursor) : cursor.status;
        if (status == MOOT_OK) {
            status = item_close(reader, &cursor);
        }
    }
    return status;
}

static enum moot_status head_read(struct reader *reader)
{
    struct moot_cursor cursor = item_open(reader);
    moot_read_array(&cursor, MOOT_IMAGE_FIELDS);
    if (moot_read_uint(&cursor, UINT64_MAX) != MOOT_IMAGE_VERSION) {
        moot_cursor_fail(&cursor, MOOT_UNKNOWN_VERSION);
    }
    struct moot_bytes founding = moot_read_bin(&cursor, MOOT_PAYLOAD_BYTES_MAX);
    moot_read_digest(&cursor, &reader->timeline);
    reader->epoch = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    enum moot_status status = cursor.status;
    if (status == MOOT_OK) {
        status = moot_state_found(reader->state, reader->pool, founding);
    }
    return status == MOOT_OK ? item_close(reader, &cursor) : status;
}

/* The founding's is known already; the others follow one another. */
static enum moot_status era_read(struct reader *reader, struct moot_cursor *cursor)
{
    struct moot_bytes row = moot_read_value(cursor);
    struct moot_era era;
    enum moot_status status = cursor->status;
    if (status == MOOT_OK) {
        status = moot_era_decode(row, &era);
    }
    if (status != MOOT_OK) {
        return status;
    }
    if (era.k > 0) {
        return moot_state_era_restore(reader->state, reader->pool, row);
    }
    uint8_t memory[512];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_era_encode(moot_state_era_index(reader->state, reader->pool, 0), &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    return moot_bytes_equal(row, moot_bytes_of(memory, writer.size)) ? MOOT_OK : MOOT_BAD_VALUE;
}

/* Only makes its chain: the member itself is derived, and compared when the image is written again. */
static enum moot_status member_read(struct reader *reader, struct moot_cursor *cursor)
{
    struct moot_key key;
    uint32_t count = moot_read_array_any(cursor, UINT8_MAX);
    moot_read_key(cursor, &key);
    for (uint32_t i = 1; i < count; i++) {
        (void)moot_read_value(cursor);
    }
    if (cursor->status != MOOT_OK) {
        return cursor->status;
    }
    return moot_chain_ensure(reader->state, reader->pool, &key) != NULL ? MOOT_OK : MOOT_NO_MEMORY;
}

static enum moot_status chain_read(struct reader *reader, struct moot_cursor *cursor)
{
    struct moot_digest id;
    struct moot_chain_tail tail;
    moot_read_array(cursor, 2);
    moot_read_digest(cursor, &id);
    moot_tail_read(cursor, &tail);
    if (cursor->status != MOOT_OK) {
        return cursor->status;
    }
    struct moot_chain *chain = moot_state_chain(reader->state, reader->pool, &id);
    if (chain == NULL) {
        return MOOT_BAD_VALUE;
    }
    chain->tail = tail;
    return MOOT_OK;
}

/* A plain tick that nobody keeps any more: a higher one has taken its place. */
static enum moot_status tick_imply(struct reader *reader, const struct moot_digest *id)
{
    struct moot_state *state = reader->state;
    for (uint32_t i = state->eras.count; i-- > 0;) {
        const struct moot_era *era = moot_state_era_index(state, reader->pool, i);
        uint32_t highest = reader->epoch;
        if (i + 1 < state->eras.count) {
            uint32_t next = moot_state_era_index(state, reader->pool, i + 1)->epoch;
            highest = next < UINT32_MAX - LATE_TICKS ? next + LATE_TICKS : UINT32_MAX;
        }
        uint32_t epoch;
        if (moot_plain_tick_find(era, highest, id, &epoch)) {
            enum moot_status status = moot_plain_tick_imply(state, reader->pool, era, epoch);
            return status == MOOT_REPLAYED ? MOOT_BAD_VALUE : status;
        }
    }
    reader->report->missing = *id;
    return MOOT_NOT_FOUND;
}

static enum moot_status object_read(struct reader *reader, struct moot_cursor *cursor)
{
    struct moot_digest id;
    struct moot_bytes encoded;
    moot_read_digest(cursor, &id);
    if (cursor->status != MOOT_OK) {
        return cursor->status;
    }
    enum moot_status status = reader->objects->get(reader->objects->context, &id, &encoded);
    if (status == MOOT_NOT_FOUND) {
        return tick_imply(reader, &id);
    }
    if (status == MOOT_OK) {
        status = moot_state_object_restore(reader->state, reader->pool, encoded);
    }
    if (status == MOOT_REPLAYED || status == MOOT_WRONG_TIMELINE) {
        return MOOT_BAD_VALUE;
    }
    bool wanted = status != MOOT_OK || moot_state_object(reader->state, reader->pool, &id) != NULL;
    return wanted ? status : MOOT_BAD_VALUE;
}

static enum moot_status derive(struct reader *reader)
{
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    const struct moot_era *era = moot_state_era(reader->state, reader->pool);
    if (!moot_digest_equal(&era->timeline, &reader->timeline)) {
        return MOOT_BAD_VALUE;
    }
    enum moot_status status = moot_state_derive(reader->state, reader->pool, &change);
    if (status == MOOT_OK && reader->state->epoch != reader->epoch) {
        return MOOT_BAD_VALUE;
    }
    return status;
}

static enum moot_status proposal_read(struct reader *reader, struct moot_cursor *cursor)
{
    return moot_proposal_read(reader->state, reader->pool, cursor);
}

static enum moot_status withdrawal_read(struct reader *reader, struct moot_cursor *cursor)
{
    return moot_withdrawal_read(reader->state, reader->pool, cursor);
}

/* Derived from the objects, as members are, and compared in the same way. */
static enum moot_status floor_read(struct reader *reader, struct moot_cursor *cursor)
{
    (void)reader;
    (void)moot_read_value(cursor);
    return cursor->status;
}

/* One part of a record, which may be larger than a window. */
static enum moot_status parts_read(struct reader *reader, struct moot_record *record,
                                   enum moot_status (*read)(struct moot_pool *pool,
                                                            struct moot_record *record,
                                                            struct moot_cursor *cursor))
{
    struct moot_cursor head = item_open(reader);
    uint32_t count = moot_read_array_head(&head);
    enum moot_status status = item_close(reader, &head);
    for (uint32_t i = 0; i < count && status == MOOT_OK; i++) {
        struct moot_cursor cursor = item_open(reader);
        status = cursor.status == MOOT_OK ? read(reader->pool, record, &cursor) : cursor.status;
        if (status == MOOT_OK) {
            status = item_close(reader, &cursor);
        }
    }
    return status;
}

static enum moot_status record_read(struct reader *reader, struct moot_cursor *cursor)
{
    if (moot_read_array_head(cursor) != 3) {
        moot_cursor_fail(cursor, MOOT_BAD_VALUE);
    }
    struct moot_bytes key = moot_read_bin(cursor, MOOT_RECORD_KEY_BYTES_MAX);
    if (cursor->status != MOOT_OK) {
        return cursor->status;
    }
    if (key.size == 0 || moot_state_record(reader->state, reader->pool, key) != NULL) {
        return MOOT_BAD_VALUE;
    }
    struct moot_record *record = moot_record_ensure(reader->state, reader->pool, key);
    if (record == NULL) {
        return MOOT_NO_MEMORY;
    }
    record->dirty = true;
    enum moot_status status = item_close(reader, cursor);
    status = status == MOOT_OK ? parts_read(reader, record, moot_record_value_read) : status;
    status = status == MOOT_OK ? parts_read(reader, record, moot_record_context_read) : status;
    if (status == MOOT_OK && !moot_record_is_reduced(reader->pool, record)) {
        return MOOT_BAD_VALUE;
    }
    *cursor = item_open(reader); /* where the next item begins */
    return status;
}

static enum moot_status opaque_read(struct reader *reader, struct moot_cursor *cursor)
{
    struct moot_fact fact;
    const struct moot_chain *chain =
        moot_kept_fact_read(reader->state, reader->pool, cursor, &fact);
    if (chain == NULL) {
        return cursor->status;
    }
    if (fact.header.kind <= MOOT_LANE0_KIND_MAX || fact.header.seq == 0 ||
        fact.header.seq > chain->tail.seq) {
        return MOOT_BAD_VALUE;
    }
    return moot_opaque_keep(reader->state, reader->pool, &chain->id, &fact);
}

/* Nothing is left, and what was read is written the same. */
static enum moot_status finish(struct reader *reader)
{
    struct moot_digest written;
    struct moot_cursor cursor = item_open(reader);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status != MOOT_OK) {
        return status;
    }
    moot_hasher_finish(&reader->hasher, &reader->report->digest);
    moot_state_digest(reader->state, reader->pool, &written);
    return moot_digest_equal(&written, &reader->report->digest) ? MOOT_OK : MOOT_NOT_CANONICAL;
}

struct section {
    enum moot_status (*read)(struct reader *reader, struct moot_cursor *cursor); /* one item */
};

static enum moot_status sections_read(struct reader *reader, const struct section *sections,
                                      size_t count)
{
    enum moot_status status = MOOT_OK;
    for (size_t i = 0; i < count && status == MOOT_OK; i++) {
        status = items_read(reader, sections[i].read);
    }
    return status;
}

static enum moot_status image_read(struct reader *reader)
{
    static const struct section lower[] = {{era_read}, {member_read}, {chain_read}, {object_read}};
    static const struct section upper[] = {
        {proposal_read}, {withdrawal_read}, {floor_read}, {record_read}, {opaque_read}};
    enum moot_status status = head_read(reader);
    if (status == MOOT_OK) {
        status = sections_read(reader, lower, MOOT_COUNT_OF(lower));
    }
    if (status == MOOT_OK) {
        status = derive(reader);
    }
    if (status == MOOT_OK) {
        status = sections_read(reader, upper, MOOT_COUNT_OF(upper));
    }
    return status == MOOT_OK ? finish(reader) : status;
}

enum moot_status moot_image_read(struct moot_state *state, struct moot_pool *pool,
                                 const struct moot_image_source *source,
                                 const struct moot_object_source *objects,
                                 struct moot_image_report *ret)
{
    MOOT_REQUIRE(!state->founded && state->eras.count == 0);
    struct reader reader = {
        .state = state, .pool = pool, .source = source, .objects = objects, .report = ret};
    memset(ret, 0, sizeof *ret);
    uint32_t handle = moot_pool_take(pool, WINDOW_BYTES);
    if (handle == 0) {
        return MOOT_NO_MEMORY;
    }
    reader.window = moot_pool_at(pool, handle);
    moot_hasher_init(&reader.hasher, NULL);
    enum moot_status status = image_read(&reader);
    moot_pool_give(pool, handle, WINDOW_BYTES);
    if (status != MOOT_OK) {
        moot_state_clear(state, pool);
    }
    return status;
}

static enum moot_status store_object(void *context, const struct moot_digest *id,
                                     struct moot_bytes *ret)
{
    const struct moot_store_port *store = context;
    store->release(store->self);
    return store->get(store->self, MOOT_TABLE_OBJECT, moot_digest_bytes(id), ret);
}

struct moot_object_source moot_object_source_of_store(struct moot_store_port *store)
{
    return (struct moot_object_source){.context = store, .get = store_object};
}
