/*
 * Cuts as bytes: decoding with every check, searching, hashing.
 * Happy path: decode once; rows have one size, so finding is a binary search in the bytes themselves.
 * Failures: see moot_cut_decode; nothing else can fail.
 */
#include "journal/cut.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "journal/state_parts.h"

#define ID_BYTES 32U

/* Rows of `size` bytes that begin with their id: all ascend. */
static bool rows_ascend(struct moot_bytes rows, size_t size)
{
    for (size_t at = size; at < rows.size; at += size) {
        if (memcmp(rows.data + at - size, rows.data + at, ID_BYTES) >= 0) {
            return false;
        }
    }
    return true;
}

static bool seqs_are_good(struct moot_bytes rows)
{
    for (size_t at = 0; at < rows.size; at += MOOT_CUT_CHAIN_BYTES) {
        uint64_t seq = moot_u64_get(rows.data + at + ID_BYTES);
        if (seq == 0 || seq == UINT64_MAX) {
            return false;
        }
    }
    return true;
}

enum moot_status moot_cut_decode(struct moot_bytes bytes, struct moot_cut *ret)
{
    struct moot_cursor cursor;
    struct moot_cut cut;
    memset(&cut, 0, sizeof cut);
    if (bytes.size > MOOT_CUT_BYTES_MAX) {
        return MOOT_OVERSIZED;
    }
    moot_cursor_init(&cursor, bytes);
    moot_read_array(&cursor, MOOT_CUT_FIELDS);
    if (moot_read_uint(&cursor, UINT64_MAX) != MOOT_CUT_VERSION) {
        moot_cursor_fail(&cursor, MOOT_UNKNOWN_VERSION);
    }
    cut.follows = !moot_read_nil_if(&cursor);
    if (cut.follows) {
        moot_read_digest(&cursor, &cut.previous);
    }
    moot_read_digest(&cursor, &cut.timeline);
    cut.epoch = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    cut.chains = moot_read_bin(&cursor, bytes.size);
    cut.objects = moot_read_bin(&cursor, bytes.size);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status != MOOT_OK) {
        return status;
    }
    if (cut.epoch < MOOT_EPOCH_FIRST || cut.chains.size % MOOT_CUT_CHAIN_BYTES != 0 ||
        cut.objects.size % ID_BYTES != 0 || !rows_ascend(cut.chains, MOOT_CUT_CHAIN_BYTES) ||
        !rows_ascend(cut.objects, ID_BYTES) || !seqs_are_good(cut.chains)) {
        return MOOT_BAD_VALUE;
    }
    cut.chain_count = (uint32_t)(cut.chains.size / MOOT_CUT_CHAIN_BYTES);
    cut.object_count = (uint32_t)(cut.objects.size / ID_BYTES);
    cut.encoded = bytes;
    *ret = cut;
    return MOOT_OK;
}

void moot_cut_hash(struct moot_bytes encoded, struct moot_digest *ret)
{
    moot_digest_of_bytes(NULL, encoded, ret);
}

void moot_cut_root(const struct moot_cut *cut, struct moot_digest *ret)
{
    uint8_t chain_count[4];
    uint8_t object_count[4];
    moot_u32_put(chain_count, cut->chain_count);
    moot_u32_put(object_count, cut->object_count);
    const struct moot_bytes parts[] = {
        moot_digest_bytes(&cut->timeline),
        moot_bytes_of(chain_count, sizeof chain_count),
        cut->chains,
        moot_bytes_of(object_count, sizeof object_count),
        cut->objects,
    };
    moot_digest_of("moot/frontier/1", parts, MOOT_COUNT_OF(parts), ret);
}

void moot_cut_chain_at(const struct moot_cut *cut, uint32_t index, struct moot_cut_chain *ret)
{
    MOOT_REQUIRE(index < cut->chain_count);
    const uint8_t *row = cut->chains.data + (size_t)index * MOOT_CUT_CHAIN_BYTES;
    memcpy(ret->chain.b, row, ID_BYTES);
    ret->seq = moot_u64_get(row + ID_BYTES);
    memcpy(ret->head.b, row + ID_BYTES + 8, ID_BYTES);
}

/* The number of the row that begins with `id`; false when there is none. */
static bool row_find(struct moot_bytes rows, size_t size, const struct moot_digest *id,
                     uint32_t *ret)
{
    size_t low = 0;
    size_t high = rows.size / size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(rows.data + middle * size, id->b, ID_BYTES);
        if (order == 0) {
            *ret = (uint32_t)middle;
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

bool moot_cut_chain_find(const struct moot_cut *cut, const struct moot_digest *chain,
                         struct moot_cut_chain *ret)
{
    uint32_t index;
    if (!row_find(cut->chains, MOOT_CUT_CHAIN_BYTES, chain, &index)) {
        return false;
    }
    moot_cut_chain_at(cut, index, ret);
    return true;
}

void moot_cut_object_at(const struct moot_cut *cut, uint32_t index, struct moot_digest *ret)
{
    MOOT_REQUIRE(index < cut->object_count);
    memcpy(ret->b, cut->objects.data + (size_t)index * ID_BYTES, ID_BYTES);
}

bool moot_cut_has_object(const struct moot_cut *cut, const struct moot_digest *id)
{
    uint32_t index;
    return row_find(cut->objects, ID_BYTES, id, &index);
}

bool moot_cut_has_fact(const struct moot_cut *cut, const struct moot_digest *chain, uint64_t seq)
{
    struct moot_cut_chain entry;
    return moot_cut_chain_find(cut, chain, &entry) && seq <= entry.seq;
}

/* An object that is not in the later cut: is it a plain tick that a higher one took the place of? */
static bool is_outdated_tick(const struct moot_cut *cut, const struct moot_cut *earlier,
                             const struct moot_digest *id, const struct moot_state *state,
                             const struct moot_pool *pool)
{
    struct moot_digest tick;
    moot_plain_tick_id(&earlier->timeline, earlier->epoch, &tick);
    if (moot_digest_equal(&tick, id)) {
        return cut->epoch >= earlier->epoch;
    }
    for (uint32_t i = 0; i < state->eras.count; i++) {
        const struct moot_era *era = moot_state_era_index(state, pool, i);
        uint32_t epoch;
        if (moot_plain_tick_find(era, era->plain_epoch, id, &epoch)) {
            return true;
        }
    }
    return false;
}

enum moot_status moot_cut_contains(const struct moot_cut *cut, const struct moot_cut *earlier,
                                   const struct moot_state *state, const struct moot_pool *pool)
{
    for (uint32_t i = 0; i < earlier->chain_count; i++) {
        struct moot_cut_chain before;
        struct moot_cut_chain now;
        moot_cut_chain_at(earlier, i, &before);
        if (!moot_cut_chain_find(cut, &before.chain, &now) || now.seq < before.seq) {
            return MOOT_NOT_FOUND;
        }
        if (now.seq == before.seq && !moot_digest_equal(&now.head, &before.head)) {
            return MOOT_CHAIN_FORKED;
        }
    }
    for (uint32_t i = 0; i < earlier->object_count; i++) {
        struct moot_digest id;
        moot_cut_object_at(earlier, i, &id);
        if (!moot_cut_has_object(cut, &id) && !is_outdated_tick(cut, earlier, &id, state, pool)) {
            return MOOT_NOT_FOUND;
        }
    }
    return MOOT_OK;
}
