/*
 * An ordered map in a pool: byte-string keys to fixed-size values, a crit-bit tree. Its order is
 * the keys' lexicographic order (a prefix first) and its shape depends on the keys alone, so
 * iteration never depends on history or on a hash seed.
 */
#ifndef MOOT_CRYPTO_BASE_MAP_H
#define MOOT_CRYPTO_BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/bytes.h"
#include "crypto/base/pool.h"

#define MOOT_MAP_KEY_BYTES_MAX 512

/* Zeroed (with value_size set) means empty. */
struct moot_map {
    uint32_t root;
    uint32_t count;
    uint32_t value_size;
};

/*
 * The value of `key` (at most MOOT_MAP_KEY_BYTES_MAX bytes, may be empty), added zeroed if it was
 * not there. NULL when the pool is full; the map is then unchanged. *ret_added may be NULL.
 * The value is 16-byte aligned and does not move until it is removed.
 */
void *moot_map_put(struct moot_pool *pool, struct moot_map *map, struct moot_bytes key,
                   bool *ret_added);

/* The value of `key`, or NULL. */
void *moot_map_get(const struct moot_pool *pool, const struct moot_map *map, struct moot_bytes key);

/*
 * Removes `key`; false if it was not there. What the value's handles name is the caller's to
 * free.
 */
bool moot_map_remove(struct moot_pool *pool, struct moot_map *map, struct moot_bytes key);

/* Frees the map's own memory; it is empty afterwards. */
void moot_map_clear(struct moot_pool *pool, struct moot_map *map);

/* A place in a map. `key` and `value` are borrowed until that entry is removed. */
struct moot_map_item {
    struct moot_bytes key;
    void *value;
};

/* The least entry; false when empty. */
bool moot_map_first(const struct moot_pool *pool, const struct moot_map *map,
                    struct moot_map_item *ret);
/* The least entry whose key is greater than `key` (which need not be in the map). */
bool moot_map_after(const struct moot_pool *pool, const struct moot_map *map, struct moot_bytes key,
                    struct moot_map_item *ret);
/* The least entry whose key is `key` or greater. */
bool moot_map_from(const struct moot_pool *pool, const struct moot_map *map, struct moot_bytes key,
                   struct moot_map_item *ret);

/*
 * for (MOOT_MAP_EACH(pool, map, item)) { ... item.key, item.value ... }
 * The entry being visited may be removed if nothing is taken from the pool before the next step
 * (its key stays readable until then); other entries may not.
 */
#define MOOT_MAP_EACH(pool, map, item)                                                             \
    bool item##_more = moot_map_first(pool, map, &item);                                           \
    item##_more;                                                                                   \
    item##_more = moot_map_after(pool, map, item.key, &item)

#endif
