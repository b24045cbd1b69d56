/* Cache floors: a join over the certified invalidations, with prefixes. */
#include "journal/state.h"
#include "tests/lib/journal/state_maker.h"
#include "tests/lib/test.h"

#define POOL_BYTES (1U << 20)

static struct test_mesh mesh;
static struct test_state held;

static int setup(void **state)
{
    (void)state;
    test_mesh_init(&mesh, 1);
    test_state_new(&held, &mesh, POOL_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_state_free(&held);
    return 0;
}

static enum moot_status invalidate(struct test_state *into, uint64_t nonce, uint32_t floor,
                                   bool prefix, const char *key)
{
    struct moot_body body = test_cache(&mesh.devices[0], 1, nonce, floor, prefix, key);
    return test_state_certify(into, &mesh, &body, 1);
}

static uint32_t floor_of(const struct test_state *of, const char *key)
{
    return moot_state_floor(&of->state, of->pool, moot_bytes_of_text(key));
}

static void no_key_has_a_floor_before_anything_is_certified(void **state)
{
    (void)state;
    assert_int_equal(floor_of(&held, "menu"), 0);
    assert_int_equal(floor_of(&held, ""), 0);
}

static void the_greatest_certified_floor_of_a_key_counts_in_every_order(void **state)
{
    (void)state;
    static const uint32_t floors[] = {3, 7, 5};
    static const uint32_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct moot_digest first = {{0}};
    for (size_t i = 0; i < MOOT_COUNT_OF(orders); i++) {
        struct test_state other;
        test_state_new(&other, &mesh, POOL_BYTES);
        for (size_t j = 0; j < 3; j++) {
            uint32_t which = orders[i][j];
            assert_int_equal(invalidate(&other, which, floors[which], false, "menu"), MOOT_OK);
        }
        assert_int_equal(floor_of(&other, "menu"), 7);
        assert_int_equal(floor_of(&other, "menu/today"), 0);
        struct moot_digest digest = test_state_digest(&other);
        if (i == 0) {
            first = digest;
        }
        assert_memory_equal(first.b, digest.b, sizeof first.b);
        test_state_free(&other);
    }
}

static void every_matching_prefix_counts_and_no_other(void **state)
{
    (void)state;
    assert_int_equal(invalidate(&held, 1, 4, true, "menu/"), MOOT_OK);
    assert_int_equal(invalidate(&held, 2, 6, true, "menu/to"), MOOT_OK);
    assert_int_equal(invalidate(&held, 3, 5, false, "menu/today"), MOOT_OK);
    assert_int_equal(floor_of(&held, "menu"), 0);
    assert_int_equal(floor_of(&held, "menu/"), 4);
    assert_int_equal(floor_of(&held, "menu/monday"), 4);
    assert_int_equal(floor_of(&held, "menu/today"), 6);
    assert_int_equal(floor_of(&held, "menu/to"), 6);
    assert_int_equal(floor_of(&held, "menu/t"), 4);
    assert_int_equal(floor_of(&held, "nemu/today"), 0);
}

static void the_longest_key_may_be_a_prefix_and_longer_ones_have_no_floor(void **state)
{
    (void)state;
    char key[MOOT_RECORD_KEY_BYTES_MAX + 2];
    memset(key, 'k', sizeof key);
    key[MOOT_RECORD_KEY_BYTES_MAX] = '\0';
    assert_int_equal(invalidate(&held, 1, 9, true, key), MOOT_OK);
    assert_int_equal(floor_of(&held, key), 9);
    key[MOOT_RECORD_KEY_BYTES_MAX] = 'k';
    key[MOOT_RECORD_KEY_BYTES_MAX + 1] = '\0';
    assert_int_equal(floor_of(&held, key), 0);
}

static void floors_are_derived_again_from_the_objects_held(void **state)
{
    (void)state;
    struct test_state next;
    struct moot_state_change change;
    struct moot_map_item item;
    assert_int_equal(invalidate(&held, 1, 4, true, "menu/"), MOOT_OK);
    assert_int_equal(invalidate(&held, 2, 8, false, "menu/today"), MOOT_OK);
    test_state_new(&next, &mesh, POOL_BYTES);
    for (MOOT_MAP_EACH(held.pool, &held.state.objects, item)) {
        const struct moot_object_row *row = item.value;
        assert_int_equal(moot_state_object_restore(&next.state, next.pool,
                                                   moot_blob_get(held.pool, row->encoded)),
                         MOOT_OK);
    }
    assert_int_equal(floor_of(&next, "menu/today"), 0);
    memset(&change, 0, sizeof change);
    assert_int_equal(moot_state_derive(&next.state, next.pool, &change), MOOT_OK);
    assert_int_equal(floor_of(&next, "menu/today"), 8);
    assert_int_equal(floor_of(&next, "menu/monday"), 4);
    struct moot_digest before = test_state_digest(&held);
    struct moot_digest after = test_state_digest(&next);
    assert_memory_equal(before.b, after.b, sizeof before.b);
    test_state_free(&next);
}

/* Facts come and go with a refold; floors hang on the object set alone. */
static void floors_outlive_a_refold_of_the_facts(void **state)
{
    (void)state;
    assert_int_equal(invalidate(&held, 1, 4, false, "menu"), MOOT_OK);
    moot_state_facts_clear(&held.state, held.pool);
    assert_int_equal(floor_of(&held, "menu"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_key_has_a_floor_before_anything_is_certified, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_greatest_certified_floor_of_a_key_counts_in_every_order,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(every_matching_prefix_counts_and_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_longest_key_may_be_a_prefix_and_longer_ones_have_no_floor, setup, teardown),
        cmocka_unit_test_setup_teardown(floors_are_derived_again_from_the_objects_held, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(floors_outlive_a_refold_of_the_facts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
