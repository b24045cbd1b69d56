/* The map against a sorted array that does the same the slow way, and its edges one by one. */
#include "crypto/base/map.h"

#include "tests/lib/test.h"

#define REGION_BYTES ((size_t)4 << 20)
#define MODEL_MAX 700U
#define KEY_MAX 6U
#define VALUE_BYTES 24U

struct model_entry {
    uint8_t key[KEY_MAX];
    size_t key_size;
    uint64_t value;
    void *at; /* where the map keeps the value: must never change */
};
struct model {
    struct model_entry entries[MODEL_MAX];
    size_t count;
};

static struct moot_bytes model_key(const struct model_entry *entry)
{
    return moot_bytes_of(entry->key, entry->key_size);
}

/* Index of the first entry that is not less than key. */
static size_t model_lower(const struct model *model, struct moot_bytes key)
{
    size_t i = 0;
    while (i < model->count && moot_bytes_compare(model_key(&model->entries[i]), key) < 0) {
        i++;
    }
    return i;
}

static bool model_has(const struct model *model, struct moot_bytes key, size_t *ret_at)
{
    *ret_at = model_lower(model, key);
    return *ret_at < model->count && moot_bytes_equal(model_key(&model->entries[*ret_at]), key);
}

/* Few letters and many lengths, so that prefixes and near misses are the rule. */
static struct moot_bytes random_key(struct test_random *random, uint8_t ret[KEY_MAX])
{
    static const uint8_t letters[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    size_t size = test_random_below(random, KEY_MAX + 1);
    for (size_t i = 0; i < size; i++) {
        ret[i] = letters[test_random_below(random, sizeof letters)];
    }
    return moot_bytes_of(ret, size);
}

static uint64_t value_get(const void *value)
{
    uint64_t number;
    memcpy(&number, value, sizeof number);
    return number;
}

static void assert_item(bool found, const struct moot_map_item *item, const struct model *model,
                        size_t at)
{
    assert_int_equal(found, at < model->count);
    if (found) {
        assert_true(moot_bytes_equal(item->key, model_key(&model->entries[at])));
        assert_ptr_equal(item->value, model->entries[at].at);
        assert_int_equal(value_get(item->value), model->entries[at].value);
    }
}

static void assert_same(const struct moot_pool *pool, const struct moot_map *map,
                        const struct model *model)
{
    struct moot_map_item item;
    size_t i = 0;
    assert_int_equal(map->count, model->count);
    for (MOOT_MAP_EACH(pool, map, item)) {
        assert_item(true, &item, model, i);
        i++;
    }
    assert_int_equal(i, model->count);
}

static void model_put(struct moot_pool *pool, struct moot_map *map, struct model *model,
                      struct moot_bytes key, uint64_t number)
{
    static const uint8_t zero[VALUE_BYTES] = {0};
    size_t at;
    bool had = model_has(model, key, &at);
    if (!had && model->count == MODEL_MAX) {
        return;
    }
    bool added = had;
    void *value = moot_map_put(pool, map, key, &added);
    assert_non_null(value);
    assert_int_equal(added, !had);
    assert_int_equal((uintptr_t)value % 16, 0);
    if (had) {
        assert_ptr_equal(value, model->entries[at].at);
        assert_int_equal(value_get(value), model->entries[at].value);
    } else {
        assert_memory_equal(value, zero, sizeof zero);
        memmove(&model->entries[at + 1], &model->entries[at],
                (model->count - at) * sizeof model->entries[0]);
        model->count++;
        if (key.size > 0) {
            memcpy(model->entries[at].key, key.data, key.size);
        }
        model->entries[at].key_size = key.size;
        model->entries[at].at = value;
    }
    memset(value, 0xEE, VALUE_BYTES);
    memcpy(value, &number, sizeof number);
    model->entries[at].value = number;
}

static void model_remove(struct moot_pool *pool, struct moot_map *map, struct model *model,
                         struct moot_bytes key)
{
    size_t at;
    bool had = model_has(model, key, &at);
    assert_int_equal(moot_map_remove(pool, map, key), had);
    if (had) {
        model->count--;
        memmove(&model->entries[at], &model->entries[at + 1],
                (model->count - at) * sizeof model->entries[0]);
    }
}

static void model_look(const struct moot_pool *pool, const struct moot_map *map,
                       const struct model *model, struct moot_bytes key)
{
    struct moot_map_item item;
    size_t at;
    bool had = model_has(model, key, &at);
    assert_ptr_equal(moot_map_get(pool, map, key), had ? model->entries[at].at : NULL);
    bool found = moot_map_from(pool, map, key, &item);
    assert_item(found, &item, model, at);
    found = moot_map_after(pool, map, key, &item);
    assert_item(found, &item, model, at + (had ? 1 : 0));
    found = moot_map_first(pool, map, &item);
    assert_item(found, &item, model, 0);
}

static void test_a_map_does_what_a_sorted_array_does(void **state)
{
    (void)state;
    struct test_random random = test_random_start("map");
    void *memory = aligned_alloc(16, REGION_BYTES);
    struct model *model = calloc(1, sizeof *model);
    assert_true(memory != NULL && model != NULL);
    struct moot_pool *pool = moot_pool_init(memory, REGION_BYTES);
    struct moot_map map = {.value_size = VALUE_BYTES};
    for (unsigned step = 0; step < 40000; step++) {
        uint8_t room[KEY_MAX];
        struct moot_bytes key = random_key(&random, room);
        /* Filling and emptying take turns, so both a large and an empty map are seen. */
        bool filling = step / 4000 % 2 == 0;
        uint64_t dice = test_random_below(&random, 100);
        if (dice < (filling ? 50 : 20)) {
            model_put(pool, &map, model, key, test_random_next(&random));
        } else if (dice < 70) {
            model_remove(pool, &map, model, key);
        } else {
            model_look(pool, &map, model, key);
        }
        if (step % 500 == 0) {
            assert_same(pool, &map, model);
        }
        if (step % 9973 == 9972) {
            moot_map_clear(pool, &map);
            model->count = 0;
            assert_int_equal(moot_pool_live(pool), 0);
        }
    }
    assert_same(pool, &map, model);
    moot_map_clear(pool, &map);
    assert_int_equal(moot_pool_live(pool), 0);
    free(model);
    free(memory);
}

static void test_the_longest_keys_that_differ_only_in_length_are_kept_apart(void **state)
{
    (void)state;
    void *memory = aligned_alloc(16, REGION_BYTES);
    assert_non_null(memory);
    struct moot_pool *pool = moot_pool_init(memory, REGION_BYTES);
    struct moot_map map = {.value_size = sizeof(uint32_t)};
    uint8_t bytes[MOOT_MAP_KEY_BYTES_MAX] = {0};
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint32_t *value = moot_map_put(pool, &map, moot_bytes_of(bytes, size), NULL);
        assert_non_null(value);
        *value = (uint32_t)size;
    }
    struct moot_map_item item;
    size_t expected = 0;
    for (MOOT_MAP_EACH(pool, &map, item)) {
        assert_int_equal(item.key.size, expected);
        expected++;
    }
    assert_int_equal(expected, sizeof bytes + 1);
    moot_map_clear(pool, &map); /* a tree as deep as it gets, cleared without a stack */
    assert_int_equal(moot_pool_live(pool), 0);
    free(memory);
}

static void test_an_entry_may_be_removed_while_it_is_visited(void **state)
{
    (void)state;
    void *memory = aligned_alloc(16, REGION_BYTES);
    assert_non_null(memory);
    struct moot_pool *pool = moot_pool_init(memory, REGION_BYTES);
    struct moot_map map = {.value_size = 0};
    for (unsigned i = 0; i < 256; i++) {
        uint8_t key[2] = {(uint8_t)(i * 37), (uint8_t)i};
        assert_non_null(moot_map_put(pool, &map, moot_bytes_of(key, 2), NULL));
    }
    struct moot_map_item item;
    unsigned visited = 0;
    for (MOOT_MAP_EACH(pool, &map, item)) {
        visited++;
        if (item.key.data[1] % 2 == 0) {
            assert_true(moot_map_remove(pool, &map, item.key));
        }
    }
    assert_int_equal(visited, 256);
    assert_int_equal(map.count, 128);
    moot_map_clear(pool, &map);
    free(memory);
}

static void test_a_full_pool_leaves_the_map_as_it_was(void **state)
{
    (void)state;
    size_t size = (size_t)64 << 10;
    void *memory = aligned_alloc(16, size);
    assert_non_null(memory);
    struct moot_pool *pool = moot_pool_init(memory, size);
    struct moot_map map = {.value_size = 8};
    uint32_t count = 0;
    for (;; count++) {
        uint8_t key[4];
        moot_u32_put(key, count * 2654435761U);
        size_t live = moot_pool_live(pool);
        if (moot_map_put(pool, &map, moot_bytes_of(key, 4), NULL) == NULL) {
            assert_int_equal(moot_pool_live(pool), live);
            assert_null(moot_map_get(pool, &map, moot_bytes_of(key, 4)));
            break;
        }
        assert_true(count < 10000);
    }
    assert_int_equal(map.count, count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t key[4];
        moot_u32_put(key, i * 2654435761U);
        assert_non_null(moot_map_get(pool, &map, moot_bytes_of(key, 4)));
    }
    free(memory);
}

/* Room for the new leaf, none for the branch above it: the leaf must go back. */
static void test_a_put_that_fails_half_way_takes_nothing(void **state)
{
    (void)state;
    size_t size = (size_t)64 << 10;
    void *memory = aligned_alloc(16, size);
    assert_non_null(memory);
    struct moot_pool *pool = moot_pool_init(memory, size);
    struct moot_map map = {.value_size = 8};
    size_t leaf_bytes = 16 + 8 + 4;
    uint32_t room = moot_pool_take(pool, leaf_bytes);
    assert_non_null(moot_map_put(pool, &map, moot_bytes_of("aaaa", 4), NULL));
    while (moot_pool_take(pool, 16) != 0) {
    }
    moot_pool_give(pool, room, leaf_bytes);
    size_t live = moot_pool_live(pool);
    assert_null(moot_map_put(pool, &map, moot_bytes_of("bbbb", 4), NULL));
    assert_int_equal(moot_pool_live(pool), live);
    assert_int_equal(map.count, 1);
    assert_int_equal(moot_pool_take(pool, leaf_bytes), room);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_map_does_what_a_sorted_array_does),
        cmocka_unit_test(test_the_longest_keys_that_differ_only_in_length_are_kept_apart),
        cmocka_unit_test(test_an_entry_may_be_removed_while_it_is_visited),
        cmocka_unit_test(test_a_full_pool_leaves_the_map_as_it_was),
        cmocka_unit_test(test_a_put_that_fails_half_way_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
