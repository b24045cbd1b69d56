/*
 * A crit-bit tree in a pool. A key of n bytes is read as 9 * (n + 1) bits: for each byte a 1
 * ("there is a byte") and its 8 bits, then a 0 for the end. So no key is a prefix of another, and
 * the order of the bits is the lexicographic order of the keys, a prefix first.
 *
 *        branch {bit 3}                A branch names the first bit in which its two halves differ;
 *        /           \                 bits rise on the way down. n leaves have n - 1 branches.
 *     leaf "a"    branch {bit 12}
 *                  /        \          A leaf is {header, value, key} in one block and never moves.
 *              leaf "ba"   leaf "bb"
 *
 * Every walk is a loop: depth is bounded by the key's bits, not by the stack. The pool being full
 * is the only failure; both blocks are taken before anything changes.
 */
#include "crypto/base/map.h"

#include <string.h>

#include "crypto/base/contract.h"

#define BITS_A_BYTE 9U
#define NO_DIFFERENCE UINT32_MAX

/* Both begin with the same word, so a handle tells by itself what it names. */
struct branch {
    uint32_t bit_plus_one;
    uint32_t child[2];
};
struct leaf {
    uint32_t zero;
    uint32_t key_size;
};
#define LEAF_VALUE_OFFSET 16U /* keeps the value 16-byte aligned */

/* NULL when `handle` names a leaf. */
static struct branch *branch_at(const struct moot_pool *pool, uint32_t handle)
{
    struct branch *branch = moot_pool_at(pool, handle);
    return branch->bit_plus_one != 0 ? branch : NULL;
}

static size_t leaf_bytes(const struct moot_map *map, size_t key_size)
{
    return LEAF_VALUE_OFFSET + (size_t)map->value_size + key_size;
}

static void *leaf_value(const struct moot_pool *pool, uint32_t handle)
{
    return (uint8_t *)moot_pool_at(pool, handle) + LEAF_VALUE_OFFSET;
}

static struct moot_bytes leaf_key(const struct moot_pool *pool, const struct moot_map *map,
                                  uint32_t handle)
{
    const struct leaf *leaf = moot_pool_at(pool, handle);
    const uint8_t *value = leaf_value(pool, handle);
    return moot_bytes_of(value + map->value_size, leaf->key_size);
}

static unsigned key_bit(struct moot_bytes key, uint32_t bit)
{
    size_t at = bit / BITS_A_BYTE;
    uint32_t within = bit % BITS_A_BYTE;
    if (at >= key.size) {
        return 0;
    }
    return within == 0 ? 1U : (unsigned)key.data[at] >> (8 - within) & 1U;
}

/* The first bit in which the keys differ, or NO_DIFFERENCE. */
static uint32_t first_difference(struct moot_bytes a, struct moot_bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    size_t at = 0;
    while (at < common && a.data[at] == b.data[at]) {
        at++;
    }
    if (at == common) {
        return a.size == b.size ? NO_DIFFERENCE : (uint32_t)at * BITS_A_BYTE;
    }
    unsigned difference = (unsigned)a.data[at] ^ b.data[at];
    uint32_t within = 1;
    while ((difference & 0x80U) == 0) {
        difference <<= 1;
        within++;
    }
    return (uint32_t)at * BITS_A_BYTE + within;
}

/* The leaf that `key` would be if it were there; the map is not empty. */
static uint32_t nearest_leaf(const struct moot_pool *pool, const struct moot_map *map,
                             struct moot_bytes key)
{
    uint32_t handle = map->root;
    for (const struct branch *branch = branch_at(pool, handle); branch != NULL;
         branch = branch_at(pool, handle)) {
        handle = branch->child[key_bit(key, branch->bit_plus_one - 1)];
    }
    return handle;
}

static uint32_t least_leaf(const struct moot_pool *pool, uint32_t handle)
{
    for (const struct branch *branch = branch_at(pool, handle); branch != NULL;
         branch = branch_at(pool, handle)) {
        handle = branch->child[0];
    }
    return handle;
}

static uint32_t leaf_new(struct moot_pool *pool, const struct moot_map *map, struct moot_bytes key)
{
    uint32_t handle = moot_pool_take(pool, leaf_bytes(map, key.size));
    if (handle == 0) {
        return 0;
    }
    struct leaf *leaf = moot_pool_at(pool, handle);
    leaf->key_size = (uint32_t)key.size;
    if (key.size > 0) {
        memcpy((uint8_t *)leaf_value(pool, handle) + map->value_size, key.data, key.size);
    }
    return handle;
}

/* Puts a new leaf in, above everything that differs from it no earlier than at `bit`. */
static bool leaf_insert(struct moot_pool *pool, struct moot_map *map, struct moot_bytes key,
                        uint32_t bit, uint32_t leaf)
{
    uint32_t handle = moot_pool_take(pool, sizeof(struct branch));
    if (handle == 0) {
        return false;
    }
    uint32_t *link = &map->root;
    for (struct branch *below = branch_at(pool, *link);
         below != NULL && below->bit_plus_one - 1 < bit; below = branch_at(pool, *link)) {
        link = &below->child[key_bit(key, below->bit_plus_one - 1)];
    }
    struct branch *branch = moot_pool_at(pool, handle);
    unsigned side = key_bit(key, bit);
    branch->bit_plus_one = bit + 1;
    branch->child[side] = leaf;
    branch->child[1 - side] = *link;
    *link = handle;
    return true;
}

void *moot_map_put(struct moot_pool *pool, struct moot_map *map, struct moot_bytes key,
                   bool *ret_added)
{
    MOOT_REQUIRE(key.size <= MOOT_MAP_KEY_BYTES_MAX);
    uint32_t bit = 0;
    if (map->root != 0) {
        uint32_t near = nearest_leaf(pool, map, key);
        bit = first_difference(key, leaf_key(pool, map, near));
        if (bit == NO_DIFFERENCE) {
            if (ret_added != NULL) {
                *ret_added = false;
            }
            return leaf_value(pool, near);
        }
    }
    uint32_t leaf = leaf_new(pool, map, key);
    if (leaf == 0) {
        return NULL;
    }
    if (map->root == 0) {
        map->root = leaf;
    } else if (!leaf_insert(pool, map, key, bit, leaf)) {
        moot_pool_give(pool, leaf, leaf_bytes(map, key.size));
        return NULL;
    }
    map->count++;
    if (ret_added != NULL) {
        *ret_added = true;
    }
    return leaf_value(pool, leaf);
}

void *moot_map_get(const struct moot_pool *pool, const struct moot_map *map, struct moot_bytes key)
{
    if (map->root == 0) {
        return NULL;
    }
    uint32_t near = nearest_leaf(pool, map, key);
    return moot_bytes_equal(key, leaf_key(pool, map, near)) ? leaf_value(pool, near) : NULL;
}

bool moot_map_remove(struct moot_pool *pool, struct moot_map *map, struct moot_bytes key)
{
    if (map->root == 0) {
        return false;
    }
    uint32_t *link = &map->root; /* names the leaf in the end */
    uint32_t *parent_link = NULL;
    unsigned side = 0;
    for (struct branch *branch = branch_at(pool, *link); branch != NULL;
         branch = branch_at(pool, *link)) {
        side = key_bit(key, branch->bit_plus_one - 1);
        parent_link = link;
        link = &branch->child[side];
    }
    uint32_t leaf = *link;
    struct moot_bytes found = leaf_key(pool, map, leaf);
    if (!moot_bytes_equal(key, found)) {
        return false;
    }
    if (parent_link == NULL) {
        map->root = 0;
    } else {
        uint32_t handle = *parent_link;
        *parent_link = branch_at(pool, handle)->child[1 - side];
        moot_pool_give(pool, handle, sizeof(struct branch));
    }
    /* `key` may be the leaf's own: only its size is used from here on. */
    moot_pool_give(pool, leaf, leaf_bytes(map, found.size));
    map->count--;
    return true;
}

void moot_map_clear(struct moot_pool *pool, struct moot_map *map)
{
    uint32_t handle = map->root;
    while (handle != 0) {
        struct branch *branch = branch_at(pool, handle);
        if (branch == NULL) {
            moot_pool_give(pool, handle, leaf_bytes(map, leaf_key(pool, map, handle).size));
            break;
        }
        uint32_t left = branch->child[0];
        struct branch *left_branch = branch_at(pool, left);
        if (left_branch != NULL) {
            /* Turn the tree until a leaf hangs on the left: no stack is needed. */
            branch->child[0] = left_branch->child[1];
            left_branch->child[1] = handle;
            handle = left;
            continue;
        }
        uint32_t right = branch->child[1];
        moot_pool_give(pool, left, leaf_bytes(map, leaf_key(pool, map, left).size));
        moot_pool_give(pool, handle, sizeof(struct branch));
        handle = right;
    }
    map->root = 0;
    map->count = 0;
}

static bool item_fill(const struct moot_pool *pool, const struct moot_map *map, uint32_t leaf,
                      struct moot_map_item *ret)
{
    ret->key = leaf_key(pool, map, leaf);
    ret->value = leaf_value(pool, leaf);
    return true;
}

/* The least entry above `key`, or at it when `inclusive`. */
static bool find_bound(const struct moot_pool *pool, const struct moot_map *map,
                       struct moot_bytes key, bool inclusive, struct moot_map_item *ret)
{
    if (map->root == 0) {
        return false;
    }
    uint32_t near = nearest_leaf(pool, map, key);
    uint32_t bit = first_difference(key, leaf_key(pool, map, near));
    if (bit == NO_DIFFERENCE && inclusive) {
        return item_fill(pool, map, near, ret);
    }
    /* Down to the part that agrees with key before `bit`; above: the nearest part that is greater. */
    uint32_t handle = map->root;
    uint32_t above = 0;
    for (const struct branch *branch = branch_at(pool, handle);
         branch != NULL && branch->bit_plus_one - 1 < bit; branch = branch_at(pool, handle)) {
        unsigned side = key_bit(key, branch->bit_plus_one - 1);
        if (side == 0) {
            above = branch->child[1];
        }
        handle = branch->child[side];
    }
    if (bit != NO_DIFFERENCE && key_bit(key, bit) == 0) {
        above = handle; /* that whole part is greater than key */
    }
    return above != 0 && item_fill(pool, map, least_leaf(pool, above), ret);
}

bool moot_map_first(const struct moot_pool *pool, const struct moot_map *map,
                    struct moot_map_item *ret)
{
    return map->root != 0 && item_fill(pool, map, least_leaf(pool, map->root), ret);
}

bool moot_map_after(const struct moot_pool *pool, const struct moot_map *map, struct moot_bytes key,
                    struct moot_map_item *ret)
{
    return find_bound(pool, map, key, false, ret);
}

bool moot_map_from(const struct moot_pool *pool, const struct moot_map *map, struct moot_bytes key,
                   struct moot_map_item *ret)
{
    return find_bound(pool, map, key, true, ret);
}
