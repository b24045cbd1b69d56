/*
 * The image: canonical bytes of the reduced state, streamed through a small buffer; its hash is the
 * state digest. docs/FORMATS.md gives every byte. Local numbers, store rows and the list of void facts
 * are not in it: what is void follows from the rest.
 * Nothing here can fail: sizes are known before they are written.
 */
#include "journal/state.h"

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "journal/state_parts.h"

#define BUFFER_BYTES 8192U
#define ITEM_BYTES_MAX 1024U /* an era with 16 admins is the largest thing written in one piece */

struct image {
    const struct moot_sink *sink;
    struct moot_writer writer;
    uint8_t buffer[BUFFER_BYTES];
};

static void flush(struct image *image)
{
    MOOT_INVARIANT(image->writer.status == MOOT_OK);
    if (image->writer.size > 0) {
        image->sink->write(image->sink->context, moot_bytes_of(image->buffer, image->writer.size));
    }
    moot_writer_init(&image->writer, image->buffer, sizeof image->buffer);
}

/* The writer, with room for one item. */
static struct moot_writer *room(struct image *image)
{
    if (BUFFER_BYTES - image->writer.size < ITEM_BYTES_MAX) {
        flush(image);
    }
    return &image->writer;
}

static void array(struct image *image, uint32_t count)
{
    moot_write_array(room(image), count);
}

/* A bin of any size. */
static void bin(struct image *image, struct moot_bytes bytes)
{
    moot_write_bin_head(room(image), (uint32_t)bytes.size);
    if (bytes.size <= BUFFER_BYTES - image->writer.size) {
        moot_write_raw(&image->writer, bytes);
        return;
    }
    flush(image);
    image->sink->write(image->sink->context, bytes);
}

static void members_write(const struct moot_state *state, const struct moot_pool *pool,
                          struct image *image)
{
    array(image, state->members.count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->members, item)) {
        const struct moot_member *member = item.value;
        struct moot_writer *writer = room(image);
        moot_write_array(writer, MOOT_MEMBER_FIELDS);
        moot_write_key(writer, &member->key);
        moot_write_digest(writer, &member->chain);
        moot_write_text(writer, moot_blob_get(pool, member->name));
        moot_write_text(writer, moot_blob_get(pool, member->home));
        moot_write_uint(writer, member->admitted_epoch);
        moot_write_digest(writer, &member->admission);
        moot_write_bool(writer, member->conflicted);
        if (member->retired) {
            moot_write_digest(writer, &member->retirement);
        } else {
            moot_write_nil(writer);
        }
        moot_write_uint(writer, member->last_seq);
        moot_write_bool(writer, member->disputed);
    }
}

static void chains_write(const struct moot_state *state, const struct moot_pool *pool,
                         struct image *image)
{
    array(image, state->chains.count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->chains, item)) {
        const struct moot_chain *chain = item.value;
        struct moot_writer *writer = room(image);
        moot_write_array(writer, 2);
        moot_write_digest(writer, &chain->id);
        moot_tail_encode(&chain->tail, writer);
    }
}

static void floors_write(const struct moot_state *state, const struct moot_pool *pool,
                         struct image *image)
{
    array(image, state->floors.count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->floors, item)) {
        array(image, 3);
        moot_write_bool(room(image), item.key.data[0] != 0);
        bin(image, moot_bytes_of(item.key.data + 1, item.key.size - 1));
        moot_write_uint(room(image), *(const uint32_t *)item.value);
    }
}

/* Stratum 2: proposals, withdrawals and the cache floors. */
static void proposals_write(const struct moot_state *state, const struct moot_pool *pool,
                            struct image *image)
{
    array(image, state->proposals.count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        array(image, 2);
        moot_write_uint(room(image), proposal->wall_s);
        bin(image, moot_blob_get(pool, proposal->body));
    }
    array(image, state->withdrawals.count);
    struct moot_map_item mark;
    for (MOOT_MAP_EACH(pool, &state->withdrawals, mark)) {
        array(image, 2);
        bin(image, moot_bytes_of(mark.key.data, 32));
        bin(image, moot_bytes_of(mark.key.data + 32, 32));
    }
    floors_write(state, pool, image);
}

/* A key that a refold emptied is no record. */
static bool is_empty(const struct moot_record *record)
{
    return record->values.count == 0 && record->context.count == 0;
}

static void record_write(const struct moot_pool *pool, struct moot_bytes key,
                         const struct moot_record *record, struct image *image)
{
    array(image, 3);
    bin(image, key);
    array(image, record->values.count);
    for (uint32_t i = 0; i < record->values.count; i++) {
        const struct moot_record_value *value = moot_list_at(pool, &record->values, i);
        moot_record_value_encode(value, room(image));
        if (value->tombstone) {
            moot_write_nil(room(image));
        } else {
            bin(image, moot_blob_get(pool, value->value));
        }
    }
    array(image, record->context.count);
    for (uint32_t i = 0; i < record->context.count; i++) {
        moot_context_entry_encode(moot_list_at(pool, &record->context, i), room(image));
    }
}

static void records_write(const struct moot_state *state, const struct moot_pool *pool,
                          struct image *image)
{
    uint32_t count = 0;
    struct moot_map_item counted;
    for (MOOT_MAP_EACH(pool, &state->records, counted)) {
        count += is_empty(counted.value) ? 0 : 1;
    }
    array(image, count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->records, item)) {
        if (!is_empty(item.value)) {
            record_write(pool, item.key, item.value, image);
        }
    }
}

static void opaques_write(const struct moot_state *state, const struct moot_pool *pool,
                          struct image *image)
{
    array(image, state->opaques.count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->opaques, item)) {
        const struct moot_void *kept = item.value;
        moot_kept_fact_encode(item.key, &kept->header, room(image));
        bin(image, moot_blob_get(pool, kept->payload));
    }
}

static void turns_write(const struct moot_state *state, const struct moot_pool *pool,
                        struct image *image)
{
    bin(image, moot_blob_get(pool, state->founding));
    moot_write_digest(room(image), &moot_state_era(state, pool)->timeline);
    moot_write_uint(room(image), state->epoch);
    array(image, state->eras.count);
    for (uint32_t i = 0; i < state->eras.count; i++) {
        moot_era_encode(moot_state_era_index(state, pool, i), room(image));
    }
}

static void objects_write(const struct moot_state *state, const struct moot_pool *pool,
                          struct image *image)
{
    array(image, state->object_ids.count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->object_ids, item)) {
        moot_write_bin(room(image), item.key);
    }
}

static void image_begin(const struct moot_sink *sink, struct image *ret)
{
    ret->sink = sink;
    moot_writer_init(&ret->writer, ret->buffer, sizeof ret->buffer);
}

void moot_image_write(const struct moot_state *state, const struct moot_pool *pool,
                      const struct moot_sink *sink)
{
    MOOT_REQUIRE(state->founded);
    struct image image;
    image_begin(sink, &image);
    array(&image, MOOT_IMAGE_FIELDS);
    moot_write_uint(room(&image), MOOT_IMAGE_VERSION);
    turns_write(state, pool, &image);
    members_write(state, pool, &image);
    chains_write(state, pool, &image);
    objects_write(state, pool, &image);
    proposals_write(state, pool, &image);
    records_write(state, pool, &image);
    opaques_write(state, pool, &image);
    flush(&image);
}

static void hash_write(void *context, struct moot_bytes bytes)
{
    moot_hasher_add(context, bytes);
}

void moot_state_digest(const struct moot_state *state, const struct moot_pool *pool,
                       struct moot_digest *ret)
{
    struct moot_hasher hasher;
    moot_hasher_init(&hasher, NULL);
    const struct moot_sink sink = {.context = &hasher, .write = hash_write};
    moot_image_write(state, pool, &sink);
    moot_hasher_finish(&hasher, ret);
}

static void count_write(void *context, struct moot_bytes bytes)
{
    *(uint64_t *)context += bytes.size;
}

uint64_t moot_image_bytes(const struct moot_state *state, const struct moot_pool *pool)
{
    uint64_t size = 0;
    const struct moot_sink sink = {.context = &size, .write = count_write};
    moot_image_write(state, pool, &sink);
    return size;
}

static void stratum_write(const struct moot_state *state, const struct moot_pool *pool,
                          uint32_t stratum, struct image *image)
{
    switch (stratum) {
    case 0:
        turns_write(state, pool, image);
        objects_write(state, pool, image);
        break;
    case 1:
        members_write(state, pool, image);
        chains_write(state, pool, image);
        break;
    case 2:
        proposals_write(state, pool, image);
        break;
    default:
        records_write(state, pool, image);
        opaques_write(state, pool, image);
        break;
    }
}

void moot_strata_digests(const struct moot_state *state, const struct moot_pool *pool,
                         struct moot_digest ret[MOOT_STRATA])
{
    MOOT_REQUIRE(state->founded);
    for (uint32_t i = 0; i < MOOT_STRATA; i++) {
        struct moot_hasher hasher;
        struct image image;
        moot_hasher_init(&hasher, "moot/stratum/1");
        const struct moot_sink sink = {.context = &hasher, .write = hash_write};
        image_begin(&sink, &image);
        stratum_write(state, pool, i, &image);
        flush(&image);
        moot_hasher_finish(&hasher, &ret[i]);
    }
}
