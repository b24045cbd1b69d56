/* Bodies of snapshots and cache invalidations. Failures: the cursor's. */
#include "journal/body_parts.h"

enum { SNAPSHOT_FIELDS = 10, CACHE_FIELDS = 5 };

void moot_snapshot_body_write(const struct moot_body *body, struct moot_writer *writer)
{
    const struct moot_snapshot_body *snapshot = &body->snapshot;
    moot_write_array(writer, SNAPSHOT_FIELDS);
    moot_body_write_proposal(body, writer);
    moot_write_digest_or_nil(writer, snapshot->follows, &snapshot->previous);
    moot_write_digest(writer, &snapshot->cut_root);
    moot_write_digest(writer, &snapshot->cut_hash);
    moot_write_digest(writer, &snapshot->state_digest);
    moot_write_uint(writer, snapshot->image_bytes);
    moot_write_digest(writer, &snapshot->index);
    moot_write_array(writer, MOOT_STRATA);
    for (uint32_t i = 0; i < MOOT_STRATA; i++) {
        moot_write_digest(writer, &snapshot->strata[i]);
    }
}

void moot_snapshot_body_read(struct moot_cursor *cursor, struct moot_body *ret)
{
    struct moot_snapshot_body *snapshot = &ret->snapshot;
    moot_read_array(cursor, SNAPSHOT_FIELDS);
    moot_body_read_proposal(cursor, ret);
    snapshot->follows = moot_read_digest_or_nil(cursor, &snapshot->previous);
    moot_read_digest(cursor, &snapshot->cut_root);
    moot_read_digest(cursor, &snapshot->cut_hash);
    moot_read_digest(cursor, &snapshot->state_digest);
    snapshot->image_bytes = moot_read_uint(cursor, UINT64_MAX);
    moot_read_digest(cursor, &snapshot->index);
    moot_read_array(cursor, MOOT_STRATA);
    for (uint32_t i = 0; i < MOOT_STRATA; i++) {
        moot_read_digest(cursor, &snapshot->strata[i]);
    }
}

void moot_cache_body_write(const struct moot_body *body, struct moot_writer *writer)
{
    moot_write_array(writer, CACHE_FIELDS);
    moot_body_write_proposal(body, writer);
    moot_write_uint(writer, body->cache.floor);
    moot_write_array(writer, body->cache.entry_count);
    for (uint32_t i = 0; i < body->cache.entry_count; i++) {
        moot_write_array(writer, 2);
        moot_write_bool(writer, body->cache.entries[i].prefix);
        moot_write_bin(writer, body->cache.entries[i].key);
    }
}

void moot_cache_body_read(struct moot_cursor *cursor, struct moot_body *ret)
{
    moot_read_array(cursor, CACHE_FIELDS);
    moot_body_read_proposal(cursor, ret);
    ret->cache.floor = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    ret->cache.entry_count = moot_read_array_any(cursor, MOOT_CACHE_ENTRIES_MAX);
    for (uint32_t i = 0; i < ret->cache.entry_count; i++) {
        moot_read_array(cursor, 2);
        ret->cache.entries[i].prefix = moot_read_bool(cursor);
        ret->cache.entries[i].key = moot_read_bin(cursor, MOOT_RECORD_KEY_BYTES_MAX);
    }
}

static bool entry_before(const struct moot_cache_entry *a, const struct moot_cache_entry *b)
{
    if (a->prefix != b->prefix) {
        return !a->prefix;
    }
    return moot_bytes_compare(a->key, b->key) < 0;
}

bool moot_cache_body_fits(const struct moot_cache_body *cache)
{
    if (cache->entry_count == 0 || cache->floor == 0) {
        return false;
    }
    for (uint32_t i = 0; i < cache->entry_count; i++) {
        if (cache->entries[i].key.size == 0 ||
            (i > 0 && !entry_before(&cache->entries[i - 1], &cache->entries[i]))) {
            return false;
        }
    }
    return true;
}
