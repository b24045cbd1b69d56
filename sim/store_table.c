/*
 * Rows in sorted chunks of pointers: finding one is two binary searches, adding one moves at most a
 * chunk. A full chunk splits in halves, unless the row goes behind everything: then a new chunk is
 * begun, so that an append-only table stays dense. Running out of memory ends the process.
 */
#include "sim/store_table.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"

#define CHUNK_ROWS 128u

struct moot_sim_chunk {
    uint32_t count;
    struct moot_sim_row *rows[CHUNK_ROWS];
};

static void *must_allocate(size_t size)
{
    void *memory = malloc(size);
    MOOT_INVARIANT(memory != NULL);
    return memory;
}

struct moot_sim_row *moot_sim_row_new(struct moot_bytes key, struct moot_bytes value)
{
    MOOT_REQUIRE(key.size <= UINT32_MAX && value.size <= UINT32_MAX);
    struct moot_sim_row *row =
        (struct moot_sim_row *)must_allocate(sizeof *row + key.size + value.size);
    row->key_size = (uint32_t)key.size;
    row->value_size = (uint32_t)value.size;
    if (key.size > 0) {
        memcpy(row->bytes, key.data, key.size);
    }
    if (value.size > 0) {
        memcpy(row->bytes + key.size, value.data, value.size);
    }
    return row;
}

struct moot_bytes moot_sim_row_key(const struct moot_sim_row *row)
{
    return moot_bytes_of(row->bytes, row->key_size);
}

struct moot_bytes moot_sim_row_value(const struct moot_sim_row *row)
{
    return moot_bytes_of(row->bytes + row->key_size, row->value_size);
}

static struct moot_bytes key_at(const struct moot_sim_table *table, struct moot_sim_place place)
{
    return moot_sim_row_key(table->chunks[place.chunk]->rows[place.row]);
}

/*
 * Where `key` is, or where it would be put: in the last chunk whose first row is not above it.
 * `row` may be that chunk's count. An empty table gives 0, 0.
 */
static struct moot_sim_place place_of(const struct moot_sim_table *table, struct moot_bytes key,
                                      bool *ret_found)
{
    uint32_t low = 0;
    uint32_t high = table->chunk_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct moot_sim_place first = {.chunk = middle, .row = 0};
        if (moot_bytes_compare(key_at(table, first), key) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    struct moot_sim_place place = {.chunk = low == 0 ? 0 : low - 1, .row = 0};
    *ret_found = false;
    if (table->chunk_count == 0) {
        return place;
    }
    low = 0;
    high = table->chunks[place.chunk]->count;
    while (low < high) {
        place.row = low + (high - low) / 2;
        int order = moot_bytes_compare(key_at(table, place), key);
        if (order == 0) {
            *ret_found = true;
            return place;
        }
        if (order < 0) {
            low = place.row + 1;
        } else {
            high = place.row;
        }
    }
    place.row = low;
    return place;
}

/* An empty chunk at index `at`. */
static struct moot_sim_chunk *chunk_add(struct moot_sim_table *table, uint32_t at)
{
    if (table->chunk_count == table->chunk_capacity) {
        uint32_t capacity = table->chunk_capacity == 0 ? 8 : table->chunk_capacity * 2;
        struct moot_sim_chunk **chunks =
            (struct moot_sim_chunk **)must_allocate(capacity * sizeof *chunks);
        if (table->chunk_count > 0) {
            memcpy(chunks, table->chunks, table->chunk_count * sizeof *chunks);
        }
        free(table->chunks);
        table->chunks = chunks;
        table->chunk_capacity = capacity;
    }
    memmove(&table->chunks[at + 1], &table->chunks[at],
            (table->chunk_count - at) * sizeof *table->chunks);
    struct moot_sim_chunk *chunk = (struct moot_sim_chunk *)must_allocate(sizeof *chunk);
    chunk->count = 0;
    table->chunks[at] = chunk;
    table->chunk_count++;
    return chunk;
}

/* Makes room in the full chunk at `place`; returns where the row goes now. */
static struct moot_sim_place chunk_split(struct moot_sim_table *table, struct moot_sim_place place)
{
    if (place.row == CHUNK_ROWS && place.chunk + 1 == table->chunk_count) {
        chunk_add(table, table->chunk_count);
        return (struct moot_sim_place){.chunk = table->chunk_count - 1, .row = 0};
    }
    struct moot_sim_chunk *upper = chunk_add(table, place.chunk + 1);
    struct moot_sim_chunk *lower = table->chunks[place.chunk];
    uint32_t half = CHUNK_ROWS / 2;
    memcpy(upper->rows, &lower->rows[half], (CHUNK_ROWS - half) * sizeof *upper->rows);
    upper->count = CHUNK_ROWS - half;
    lower->count = half;
    if (place.row > half) {
        return (struct moot_sim_place){.chunk = place.chunk + 1, .row = place.row - half};
    }
    return place;
}

struct moot_sim_row *moot_sim_table_put(struct moot_sim_table *table, struct moot_sim_row *row)
{
    bool found = false;
    struct moot_sim_place place = place_of(table, moot_sim_row_key(row), &found);
    if (found) {
        struct moot_sim_row *old = table->chunks[place.chunk]->rows[place.row];
        table->chunks[place.chunk]->rows[place.row] = row;
        return old;
    }
    if (table->chunk_count == 0) {
        chunk_add(table, 0);
    } else if (table->chunks[place.chunk]->count == CHUNK_ROWS) {
        place = chunk_split(table, place);
    }
    struct moot_sim_chunk *chunk = table->chunks[place.chunk];
    memmove(&chunk->rows[place.row + 1], &chunk->rows[place.row],
            (chunk->count - place.row) * sizeof *chunk->rows);
    chunk->rows[place.row] = row;
    chunk->count++;
    return NULL;
}

struct moot_sim_row *moot_sim_table_remove(struct moot_sim_table *table, struct moot_bytes key)
{
    bool found = false;
    struct moot_sim_place place = place_of(table, key, &found);
    if (!found) {
        return NULL;
    }
    struct moot_sim_chunk *chunk = table->chunks[place.chunk];
    struct moot_sim_row *row = chunk->rows[place.row];
    chunk->count--;
    memmove(&chunk->rows[place.row], &chunk->rows[place.row + 1],
            (chunk->count - place.row) * sizeof *chunk->rows);
    if (chunk->count == 0) {
        free(chunk);
        table->chunk_count--;
        memmove(&table->chunks[place.chunk], &table->chunks[place.chunk + 1],
                (table->chunk_count - place.chunk) * sizeof *table->chunks);
    }
    return row;
}

const struct moot_sim_row *moot_sim_table_from(const struct moot_sim_table *table,
                                               struct moot_bytes key)
{
    bool found = false;
    struct moot_sim_place place = place_of(table, key, &found);
    if (place.chunk < table->chunk_count && place.row == table->chunks[place.chunk]->count) {
        place.chunk++;
        place.row = 0;
    }
    return place.chunk < table->chunk_count ? table->chunks[place.chunk]->rows[place.row] : NULL;
}

const struct moot_sim_row *moot_sim_table_upto(const struct moot_sim_table *table,
                                               struct moot_bytes key)
{
    bool found = false;
    struct moot_sim_place place = place_of(table, key, &found);
    if (found) {
        return table->chunks[place.chunk]->rows[place.row];
    }
    /* Only before the first row of all is there nothing below in the same chunk. */
    return place.row > 0 ? table->chunks[place.chunk]->rows[place.row - 1] : NULL;
}

void moot_sim_table_clone(const struct moot_sim_table *table, struct moot_sim_table *ret)
{
    *ret = (struct moot_sim_table){.chunks = NULL};
    for (uint32_t i = 0; i < table->chunk_count; i++) {
        const struct moot_sim_chunk *from = table->chunks[i];
        struct moot_sim_chunk *to = chunk_add(ret, i);
        for (uint32_t j = 0; j < from->count; j++) {
            to->rows[j] = moot_sim_row_new(moot_sim_row_key(from->rows[j]),
                                           moot_sim_row_value(from->rows[j]));
        }
        to->count = from->count;
    }
}

void moot_sim_table_clear(struct moot_sim_table *table)
{
    for (uint32_t i = 0; i < table->chunk_count; i++) {
        for (uint32_t j = 0; j < table->chunks[i]->count; j++) {
            free(table->chunks[i]->rows[j]);
        }
        free(table->chunks[i]);
    }
    free(table->chunks);
    *table = (struct moot_sim_table){.chunks = NULL};
}

uint64_t moot_sim_table_size(const struct moot_sim_table *table)
{
    uint64_t size_bytes = 0;
    for (uint32_t i = 0; i < table->chunk_count; i++) {
        for (uint32_t j = 0; j < table->chunks[i]->count; j++) {
            const struct moot_sim_row *row = table->chunks[i]->rows[j];
            size_bytes += (uint64_t)row->key_size + row->value_size;
        }
    }
    return size_bytes;
}
