/*
 * The local cache, and the proposal that empties it everywhere.
 *
 *   set ─▶ entry {epoch of now, value} ─ get ─▶ served while its epoch ≥ the floor of its key, else gone
 *   propose ─ M approvals ─▶ certified ─▶ floors (journal/floors.c) ─▶ every device drops what lies below
 *
 * The cache is this process's: not replicated, not durable, empty after a start. Floors are state: they
 * are everywhere and for ever. Bounded by entries and bytes; what was used longest ago goes first.
 *
 * A proposal without a floor means everything stored up to now. Epochs are all that devices agree on, so
 * "now" is the whole present epoch: the floor is the next one. What is stored in the rest of this epoch
 * would not be served either; such a set is refused and says from which epoch on it helps.
 *
 * Failures: NOT_FOUND (a miss), BELOW_FLOOR, OVERSIZED, WINDOW for a floor too far ahead, NO_MEMORY.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/base/mutant.h"
#include "protocols/inside.h"

#define ORDER_KEY_BYTES 8

static bool key_good(struct moot_bytes key)
{
    return key.size > 0 && key.size <= MOOT_RECORD_KEY_BYTES_MAX;
}

static uint32_t floor_of(const struct moot_engine *engine, const struct moot_pool *pool,
                         struct moot_bytes key)
{
    return moot_state_floor(&engine->state, pool, key);
}

/* The one rule of what may be served. */
static bool served(const struct moot_engine *engine, const struct moot_pool *pool,
                   struct moot_bytes key, const struct moot_cached *entry)
{
    return entry->epoch >= floor_of(engine, pool, key) || MOOT_MUTANT("ignore-floor");
}

/* ---- the bounded store ---- */

static void check(const struct moot_cache *cache)
{
    MOOT_INVARIANT(cache->entries.count == cache->order.count);
    MOOT_INVARIANT(cache->entries.count <= MOOT_CACHE_KEYS_MAX &&
                   cache->bytes <= MOOT_CACHE_BYTES_MAX);
}

/* Forgets an entry; `key` may be the map's own. */
static void drop(struct moot_pool *pool, struct moot_cache *cache, struct moot_bytes key)
{
    struct moot_cached *entry = moot_map_get(pool, &cache->entries, key);
    uint8_t order[ORDER_KEY_BYTES];
    MOOT_REQUIRE(entry != NULL);
    cache->bytes -= key.size + entry->value.size;
    moot_blob_clear(pool, &entry->value);
    moot_u64_put(order, entry->used);
    struct moot_blob *named = moot_map_get(pool, &cache->order, moot_bytes_of(order, sizeof order));
    MOOT_INVARIANT(named != NULL);
    (void)moot_map_remove(pool, &cache->entries, key);
    moot_blob_clear(pool, named); /* after its last use: `key` may lie in it */
    (void)moot_map_remove(pool, &cache->order, moot_bytes_of(order, sizeof order));
}

/* The entry that was used longest ago goes. */
static void evict(struct moot_pool *pool, struct moot_cache *cache)
{
    struct moot_map_item item;
    bool any = moot_map_first(pool, &cache->order, &item);
    MOOT_INVARIANT(any);
    drop(pool, cache, moot_blob_get(pool, *(const struct moot_blob *)item.value));
    cache->evicted++;
}

/* Puts the entry's key behind all others. False: no memory, nothing changed. */
static bool order_add(struct moot_pool *pool, struct moot_cache *cache, struct moot_bytes key,
                      uint64_t *ret_used)
{
    uint8_t order[ORDER_KEY_BYTES];
    moot_u64_put(order, cache->used + 1);
    struct moot_blob *named =
        moot_map_put(pool, &cache->order, moot_bytes_of(order, sizeof order), NULL);
    if (!named)
        return false;
    if (!moot_blob_set(pool, named, key)) {
        (void)moot_map_remove(pool, &cache->order, moot_bytes_of(order, sizeof order));
        return false;
    }
    *ret_used = ++cache->used;
    return true;
}

/* A read moves the entry's key behind all others; its place in memory stays. */
static void touch(struct moot_pool *pool, struct moot_cache *cache, struct moot_cached *entry)
{
    uint8_t from[ORDER_KEY_BYTES], to[ORDER_KEY_BYTES];
    moot_u64_put(from, entry->used);
    struct moot_blob *old = moot_map_get(pool, &cache->order, moot_bytes_of(from, sizeof from));
    MOOT_INVARIANT(old != NULL);
    struct moot_blob key = *old;
    moot_u64_put(to, cache->used + 1);
    struct moot_blob *named = moot_map_put(pool, &cache->order, moot_bytes_of(to, sizeof to), NULL);
    if (!named)
        return; /* it keeps its old place: only the order of leaving suffers */
    *named = key;
    (void)moot_map_remove(pool, &cache->order, moot_bytes_of(from, sizeof from));
    entry->used = ++cache->used;
}

static enum moot_status put(struct moot_pool *pool, struct moot_cache *cache, struct moot_bytes key,
                            struct moot_bytes value, uint32_t epoch)
{
    struct moot_blob kept = {0};
    uint64_t used;
    if (moot_map_get(pool, &cache->entries, key))
        drop(pool, cache, key);
    while (
        cache->entries.count >= MOOT_CACHE_KEYS_MAX ||
        (cache->entries.count > 0 && cache->bytes + key.size + value.size > MOOT_CACHE_BYTES_MAX))
        evict(pool, cache);
    if (!moot_blob_set(pool, &kept, value))
        return MOOT_NO_MEMORY;
    struct moot_cached *entry = moot_map_put(pool, &cache->entries, key, NULL);
    if (!entry || !order_add(pool, cache, key, &used)) {
        moot_blob_clear(pool, &kept);
        if (entry)
            (void)moot_map_remove(pool, &cache->entries, key);
        return MOOT_NO_MEMORY;
    }
    *entry = (struct moot_cached){.epoch = epoch, .used = used, .value = kept};
    cache->bytes += key.size + value.size;
    cache->stored++;
    return MOOT_OK;
}

void moot_cache_init(struct moot_cache *cache)
{
    cache->entries.value_size = sizeof(struct moot_cached);
    cache->order.value_size = sizeof(struct moot_blob);
}

/* ---- what a certified invalidation does here ---- */

static void drop_below(struct moot_step *step, const struct moot_map_item *item)
{
    struct moot_engine *engine = step->engine;
    if (served(engine, step->pool, item->key, item->value))
        return;
    drop(step->pool, &engine->cache, item->key);
    engine->cache.invalidated++;
}

void moot_cache_invalidated(struct moot_step *step, const struct moot_cache_body *body)
{
    struct moot_map *entries = &step->engine->cache.entries;
    for (uint32_t i = 0; i < body->entry_count; i++) {
        const struct moot_bytes key = body->entries[i].key;
        struct moot_map_item item;
        bool more = moot_map_from(step->pool, entries, key, &item);
        while (more && item.key.size >= key.size &&
               memcmp(item.key.data, key.data, key.size) == 0 &&
               (body->entries[i].prefix || item.key.size == key.size)) {
            drop_below(step, &item);
            more = moot_map_after(step->pool, entries, item.key, &item);
        }
    }
    check(&step->engine->cache);
}

/* ---- calls ---- */

static void set(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    struct moot_engine *engine = step->engine;
    uint32_t floor = floor_of(engine, step->pool, call->key);
    char detail[96];
    if (call->value.size > MOOT_RECORD_VALUE_BYTES_MAX) {
        moot_call_refuse(step, call_number, MOOT_OVERSIZED, NULL);
        return;
    }
    if (engine->state.epoch < floor) {
        snprintf(detail, sizeof detail, "served again when stored in epoch %u or later, it is %u",
                 (unsigned)floor, (unsigned)engine->state.epoch);
        moot_call_refuse(step, call_number, MOOT_BELOW_FLOOR, detail);
        return;
    }
    enum moot_status status = MOOT_OK;
    if (!call->dry_run)
        status = put(step->pool, &engine->cache, call->key, call->value, engine->state.epoch);
    if (status != MOOT_OK) {
        moot_call_refuse(step, call_number, status, NULL);
        return;
    }
    struct moot_reply *reply = moot_step_reply(step, call_number, MOOT_OK, NULL);
    reply->epoch = engine->state.epoch;
    reply->floor = floor;
}

static void get(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    struct moot_engine *engine = step->engine;
    struct moot_cache *cache = &engine->cache;
    struct moot_cached *entry = moot_map_get(step->pool, &cache->entries, call->key);
    bool below = entry && !served(engine, step->pool, call->key, entry);
    if (!entry || below) {
        cache->misses++;
        if (below) {
            drop(step->pool, cache, call->key);
            cache->invalidated++;
        }
        moot_step_reply(step, call_number, MOOT_NOT_FOUND, "not in this device's cache");
        return;
    }
    cache->hits++;
    touch(step->pool, cache, entry);
    struct moot_reply *reply = moot_step_reply(step, call_number, MOOT_OK, NULL);
    reply->payload = moot_arena_copy(step->arena, moot_blob_get(step->pool, entry->value));
    reply->epoch = entry->epoch;
    reply->floor = floor_of(engine, step->pool, call->key);
}

void moot_cache_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    if (!step->engine->state.founded)
        moot_call_refuse(step, call_number, MOOT_NO_MESH, NULL);
    else if (!key_good(call->key))
        moot_call_refuse(step, call_number, MOOT_BAD_ARGUMENT, "a key has 1 to 256 bytes");
    else if (call->kind == MOOT_CALL_CACHE_SET)
        set(step, call_number, call);
    else
        get(step, call_number, call);
    check(&step->engine->cache);
}

/* ---- the proposal ---- */

enum moot_status moot_cache_floor_check(const struct moot_engine *engine,
                                        const struct moot_body *body)
{
    uint64_t most = (uint64_t)engine->state.epoch + MOOT_CACHE_FLOOR_AHEAD_MAX;
    return body->kind == MOOT_BODY_CACHE && body->cache.floor > most ? MOOT_WINDOW : MOOT_OK;
}

static int entry_compare(const struct moot_cache_entry *a, const struct moot_cache_entry *b)
{
    if (a->prefix != b->prefix)
        return a->prefix ? 1 : -1;
    return moot_bytes_compare(a->key, b->key);
}

/* Ascending, each once. */
static void entry_add(struct moot_cache_body *body, const struct moot_cache_entry *entry)
{
    uint32_t at = 0;
    while (at < body->entry_count && entry_compare(&body->entries[at], entry) < 0)
        at++;
    if (at < body->entry_count && entry_compare(&body->entries[at], entry) == 0)
        return;
    memmove(&body->entries[at + 1], &body->entries[at],
            (body->entry_count - at) * sizeof body->entries[0]);
    body->entries[at] = *entry;
    body->entry_count++;
}

void moot_cache_propose(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    struct moot_body body = {.kind = MOOT_BODY_CACHE};
    body.cache.floor = call->floor != 0 ? call->floor : step->engine->state.epoch + 1;
    if (call->entry_count == 0 || call->entry_count > MOOT_CACHE_ENTRIES_MAX) {
        moot_call_refuse(step, call_number, MOOT_LIMIT, "1 to 64 keys or prefixes");
        return;
    }
    for (uint32_t i = 0; i < call->entry_count; i++) {
        if (!key_good(call->entries[i].key)) {
            moot_call_refuse(step, call_number, MOOT_BAD_ARGUMENT, "a key has 1 to 256 bytes");
            return;
        }
        entry_add(&body.cache, &call->entries[i]);
    }
    enum moot_status status = moot_cache_floor_check(step->engine, &body);
    if (status != MOOT_OK) {
        moot_call_refuse(step, call_number, status, "the floor lies too far ahead");
        return;
    }
    moot_propose_body(step, call_number, MOOT_KIND_CACHE_PROPOSED, &body, call->dry_run);
}

/* ---- what people see ---- */

void moot_view_cache(const struct moot_engine_env *env, struct moot_view_cache *ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    const struct moot_cache *cache = &engine->cache;
    *ret = (struct moot_view_cache){.entries = cache->entries.count,
                                    .bytes = cache->bytes,
                                    .hits = cache->hits,
                                    .misses = cache->misses,
                                    .invalidated = cache->invalidated,
                                    .stored = cache->stored,
                                    .evicted = cache->evicted,
                                    .floors = engine->state.floors.count};
}

void moot_view_cached(const struct moot_engine_env *env, struct moot_bytes key,
                      struct moot_view_cached *ret)
{
    const struct moot_engine *engine = moot_engine_of(env);
    const struct moot_cached *entry =
        key_good(key) ? moot_map_get(env->pool, &engine->cache.entries, key) : NULL;
    *ret =
        (struct moot_view_cached){.held = entry != NULL, .floor = floor_of(engine, env->pool, key)};
    if (entry) {
        ret->epoch = entry->epoch;
        ret->bytes = entry->value.size;
        ret->served = served(engine, env->pool, key, entry);
    }
}
