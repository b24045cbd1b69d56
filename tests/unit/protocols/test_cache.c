/* The local cache of several engines, and what certified floors do to it. */
#include "protocols/limits.h"
#include "tests/lib/engines/net.h"

#define MINUTE 60000u

static enum moot_status set(struct test_net *net, uint32_t node, const char *key, const char *value)
{
    struct moot_call call = {.kind = MOOT_CALL_CACHE_SET,
                             .key = moot_bytes_of_text(key),
                             .value = moot_bytes_of_text(value)};
    return test_net_call(net, node, &call).status;
}

static enum moot_status get(struct test_net *net, uint32_t node, const char *key)
{
    struct moot_call call = {.kind = MOOT_CALL_CACHE_GET, .key = moot_bytes_of_text(key)};
    return test_net_call(net, node, &call).status;
}

static struct moot_reply propose(struct test_net *net, uint32_t node, bool prefix, const char *key,
                                 uint32_t floor)
{
    struct moot_cache_entry entry = {.prefix = prefix, .key = moot_bytes_of_text(key)};
    struct moot_call call = {
        .kind = MOOT_CALL_PROPOSE_CACHE, .entries = &entry, .entry_count = 1, .floor = floor};
    return test_net_call(net, node, &call);
}

static uint32_t epoch_of(struct test_net *net, uint32_t node)
{
    return moot_view_state(&net->nodes[node].env)->epoch;
}

static struct moot_view_cache stats(struct test_net *net, uint32_t node)
{
    struct moot_view_cache view;
    moot_view_cache(&net->nodes[node].env, &view);
    return view;
}

static struct moot_view_cached cached(struct test_net *net, uint32_t node, const char *key)
{
    struct moot_view_cached view;
    moot_view_cached(&net->nodes[node].env, moot_bytes_of_text(key), &view);
    return view;
}

static bool epoch_reached(struct test_net *net, const void *context)
{
    const uint32_t *wanted = context;
    for (uint32_t i = 0; i < net->count; i++) {
        if (epoch_of(net, i) < *wanted)
            return false;
    }
    return true;
}

static void begin(struct test_net *net, uint32_t count)
{
    test_net_init(net, count, 7);
    test_net_found(net);
    test_net_run(net, MINUTE);
}

/* The same with an epoch that lasts long enough to see what happens inside one. */
static void begin_slow(struct test_net *net, uint32_t count)
{
    test_net_init(net, count, 7);
    for (uint32_t i = 0; i < count; i++) {
        test_net_stop(net, i);
        net->nodes[i].config.epoch_interval_ms = 10 * MINUTE;
        test_net_start(net, i);
    }
    test_net_found(net);
}

static void what_was_stored_is_served_and_counted(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 1);
    struct moot_call call = {.kind = MOOT_CALL_CACHE_GET, .key = moot_bytes_of_text("menu")};
    assert_int_equal(get(&net, 0, "menu"), MOOT_NOT_FOUND);
    assert_int_equal(set(&net, 0, "menu", "soup"), MOOT_OK);
    assert_int_equal(set(&net, 0, "menu", "stew"), MOOT_OK);
    struct moot_reply reply = test_net_call(&net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    assert_int_equal(reply.epoch, epoch_of(&net, 0));
    struct moot_view_cache view = stats(&net, 0);
    assert_int_equal(view.hits, 1);
    assert_int_equal(view.misses, 1);
    assert_int_equal(view.stored, 2);
    assert_int_equal(view.entries, 1);
    assert_int_equal(view.bytes, 8);
    assert_int_equal(cached(&net, 0, "menu").bytes, 4);
    assert_int_equal(stats(&net, 0).hits, 1); /* looking does not count */
    test_net_free(&net);
}

static void keys_and_values_have_limits_and_a_dry_run_stores_nothing(void **state)
{
    (void)state;
    struct test_net net;
    char key[MOOT_RECORD_KEY_BYTES_MAX + 2];
    static char value[MOOT_RECORD_VALUE_BYTES_MAX + 2];
    begin(&net, 1);
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    assert_int_equal(set(&net, 0, "", "v"), MOOT_BAD_ARGUMENT);
    assert_int_equal(set(&net, 0, key, "v"), MOOT_BAD_ARGUMENT);
    assert_int_equal(get(&net, 0, key), MOOT_BAD_ARGUMENT);
    assert_int_equal(set(&net, 0, "k", value), MOOT_OVERSIZED);
    value[MOOT_RECORD_VALUE_BYTES_MAX] = '\0';
    assert_int_equal(set(&net, 0, "k", value), MOOT_OK);
    struct moot_call call = {.kind = MOOT_CALL_CACHE_SET,
                             .dry_run = true,
                             .key = moot_bytes_of_text("dry"),
                             .value = moot_bytes_of_text("v")};
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_OK);
    assert_false(cached(&net, 0, "dry").held);
    test_net_free(&net);
}

static void a_node_without_a_mesh_has_no_cache(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 1, 7);
    assert_int_equal(set(&net, 0, "menu", "soup"), MOOT_NO_MESH);
    assert_int_equal(get(&net, 0, "menu"), MOOT_NO_MESH);
    test_net_free(&net);
}

static void the_entry_used_longest_ago_goes_first(void **state)
{
    (void)state;
    struct test_net net;
    char key[16];
    begin(&net, 1);
    for (uint32_t i = 0; i < MOOT_CACHE_KEYS_MAX; i++) {
        snprintf(key, sizeof key, "k%u", (unsigned)i);
        assert_int_equal(set(&net, 0, key, "v"), MOOT_OK);
        net.answer_count = 0; /* the net keeps only so many */
    }
    assert_int_equal(stats(&net, 0).evicted, 0);
    assert_int_equal(get(&net, 0, "k0"), MOOT_OK); /* k1 is the oldest now */
    assert_int_equal(set(&net, 0, "more", "v"), MOOT_OK);
    assert_int_equal(stats(&net, 0).entries, MOOT_CACHE_KEYS_MAX);
    assert_int_equal(stats(&net, 0).evicted, 1);
    assert_true(cached(&net, 0, "k0").held);
    assert_false(cached(&net, 0, "k1").held);
    assert_true(cached(&net, 0, "k2").held);
    test_net_free(&net);
}

static void the_bytes_are_bounded_too(void **state)
{
    (void)state;
    static char value[MOOT_RECORD_VALUE_BYTES_MAX + 1];
    struct test_net net;
    char key[16];
    uint32_t fits = MOOT_CACHE_BYTES_MAX / (MOOT_RECORD_VALUE_BYTES_MAX + 3);
    begin(&net, 1);
    memset(value, 'v', sizeof value - 1);
    for (uint32_t i = 0; i <= fits; i++) {
        snprintf(key, sizeof key, "%03u", (unsigned)i);
        assert_int_equal(set(&net, 0, key, value), MOOT_OK);
        assert_true(stats(&net, 0).bytes <= MOOT_CACHE_BYTES_MAX);
    }
    assert_int_equal(stats(&net, 0).evicted, 1);
    assert_false(cached(&net, 0, "000").held);
    test_net_free(&net);
}

static void a_certified_invalidation_empties_every_cache_of_what_was_stored_before(void **state)
{
    (void)state;
    struct test_net net;
    begin_slow(&net, 3);
    uint32_t before = epoch_of(&net, 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(set(&net, i, "menu/today", "soup"), MOOT_OK);
        assert_int_equal(set(&net, i, "menu", "list"), MOOT_OK);
        assert_int_equal(set(&net, i, "other", "x"), MOOT_OK);
    }
    struct moot_reply reply = propose(&net, 0, true, "menu/", 0);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(&net, 5000);
    assert_int_equal(epoch_of(&net, 0), before); /* the floor needs no tick to bite */
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(test_net_proposal(&net, i, &reply.proposal).state, MOOT_PROPOSAL_IN_FORCE);
        assert_int_equal(test_net_noticed(&net, i, "cache.invalidated", 0), 1);
        assert_int_equal(cached(&net, i, "menu/today").floor, before + 1);
        assert_int_equal(stats(&net, i).invalidated, 1);
        assert_int_equal(get(&net, i, "menu/today"), MOOT_NOT_FOUND);
        assert_int_equal(get(&net, i, "menu"), MOOT_OK);
        assert_int_equal(get(&net, i, "other"), MOOT_OK);
        assert_int_equal(set(&net, i, "menu/today", "soup"), MOOT_BELOW_FLOOR);
    }
    uint32_t next = before + 1;
    test_net_until(&net, epoch_reached, &next, 120 * MINUTE);
    assert_int_equal(set(&net, 2, "menu/today", "stew"), MOOT_OK);
    assert_int_equal(get(&net, 2, "menu/today"), MOOT_OK);
    assert_int_equal(stats(&net, 2).invalidated, 1);
    test_net_free(&net);
}

static void a_floor_of_the_present_epoch_spares_what_was_stored_in_it(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 2);
    uint32_t next = epoch_of(&net, 0) + 1;
    assert_int_equal(set(&net, 1, "old", "v"), MOOT_OK);
    test_net_until(&net, epoch_reached, &next, 120 * MINUTE);
    assert_int_equal(set(&net, 1, "new", "v"), MOOT_OK);
    assert_int_equal(propose(&net, 0, false, "old", next).status, MOOT_OK);
    assert_int_equal(propose(&net, 0, false, "new", next).status, MOOT_OK);
    test_net_run(&net, 5000);
    assert_int_equal(get(&net, 1, "old"), MOOT_NOT_FOUND);
    assert_int_equal(get(&net, 1, "new"), MOOT_OK);
    test_net_free(&net);
}

static void nothing_is_invalidated_before_enough_people_approve(void **state)
{
    (void)state;
    struct test_net net;
    char hex[65];
    begin(&net, 3);
    test_net_admins(&net, 3, 2);
    assert_int_equal(set(&net, 1, "menu", "soup"), MOOT_OK);
    struct moot_reply reply = propose(&net, 0, false, "menu", 0);
    assert_int_equal(reply.status, MOOT_OK);
    test_net_run(&net, 5000);
    assert_int_equal(get(&net, 1, "menu"), MOOT_OK);
    assert_int_equal(test_net_proposal(&net, 1, &reply.proposal).yes_count, 1);
    moot_hex_format(moot_digest_bytes(&reply.proposal), hex);
    struct moot_call approve = {.kind = MOOT_CALL_APPROVE,
                                .proposal = reply.proposal,
                                .digest_text = moot_bytes_of_text(hex)};
    assert_int_equal(test_net_call(&net, 2, &approve).status, MOOT_OK);
    test_net_run(&net, 5000);
    assert_int_equal(get(&net, 1, "menu"), MOOT_NOT_FOUND);
    test_net_free(&net);
}

/* Device 2 is away for the decision and keeps serving what it has; on its return it does not. */
static void a_device_that_was_away_stops_serving_once_it_hears(void **state)
{
    (void)state;
    struct test_net net;
    begin(&net, 3);
    assert_int_equal(set(&net, 2, "menu", "soup"), MOOT_OK);
    test_net_cut(&net, 0, 2, true);
    test_net_cut(&net, 1, 2, true);
    assert_int_equal(propose(&net, 0, false, "menu", 0).status, MOOT_OK);
    test_net_run(&net, MINUTE);
    assert_int_equal(get(&net, 2, "menu"), MOOT_OK);
    test_net_cut(&net, 0, 2, false);
    test_net_cut(&net, 1, 2, false);
    test_net_run(&net, 2 * MINUTE);
    assert_int_equal(get(&net, 2, "menu"), MOOT_NOT_FOUND);
    assert_int_equal(stats(&net, 2).invalidated, 1);
    test_net_free(&net);
}

static void floors_survive_a_restart_and_the_cache_does_not(void **state)
{
    (void)state;
    struct test_net net;
    begin_slow(&net, 2);
    assert_int_equal(propose(&net, 0, true, "menu", 0).status, MOOT_OK);
    test_net_run(&net, 5000);
    uint32_t floor = cached(&net, 1, "menu").floor;
    assert_true(floor > 1);
    assert_int_equal(set(&net, 1, "other", "x"), MOOT_OK);
    test_net_stop(&net, 1);
    test_net_start(&net, 1);
    assert_int_equal(cached(&net, 1, "menu/today").floor, floor);
    assert_int_equal(get(&net, 1, "other"), MOOT_NOT_FOUND);
    assert_int_equal(set(&net, 1, "menu", "soup"), MOOT_BELOW_FLOOR);
    test_net_free(&net);
}

static void what_cannot_be_proposed_is_refused_with_its_reason(void **state)
{
    (void)state;
    struct test_net net;
    struct moot_cache_entry entries[3];
    begin(&net, 2);
    uint32_t epoch = epoch_of(&net, 0);
    struct moot_call call = {.kind = MOOT_CALL_PROPOSE_CACHE, .entries = entries};
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_LIMIT);
    assert_int_equal(propose(&net, 0, false, "", 0).status, MOOT_BAD_ARGUMENT);
    assert_int_equal(propose(&net, 1, false, "menu", 0).status, MOOT_NOT_ADMIN);
    assert_int_equal(propose(&net, 0, false, "k", epoch + MOOT_CACHE_FLOOR_AHEAD_MAX + 1).status,
                     MOOT_WINDOW);
    assert_int_equal(propose(&net, 0, false, "k", epoch + MOOT_CACHE_FLOOR_AHEAD_MAX).status,
                     MOOT_OK);
    /* Any order, repeated: the body has them ascending, once. */
    entries[0] = (struct moot_cache_entry){.prefix = true, .key = moot_bytes_of_text("b")};
    entries[1] = (struct moot_cache_entry){.prefix = false, .key = moot_bytes_of_text("c")};
    entries[2] = entries[0];
    call.entry_count = 3;
    struct moot_reply reply = test_net_call(&net, 0, &call);
    assert_int_equal(reply.status, MOOT_OK);
    struct moot_view_proposal view = test_net_proposal(&net, 0, &reply.proposal);
    assert_int_equal(view.body.cache.entry_count, 2);
    assert_false(view.body.cache.entries[0].prefix);
    assert_int_equal(view.body.cache.floor, epoch + 1);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_stored_is_served_and_counted),
        cmocka_unit_test(keys_and_values_have_limits_and_a_dry_run_stores_nothing),
        cmocka_unit_test(a_node_without_a_mesh_has_no_cache),
        cmocka_unit_test(the_entry_used_longest_ago_goes_first),
        cmocka_unit_test(the_bytes_are_bounded_too),
        cmocka_unit_test(a_certified_invalidation_empties_every_cache_of_what_was_stored_before),
        cmocka_unit_test(a_floor_of_the_present_epoch_spares_what_was_stored_in_it),
        cmocka_unit_test(nothing_is_invalidated_before_enough_people_approve),
        cmocka_unit_test(a_device_that_was_away_stops_serving_once_it_hears),
        cmocka_unit_test(floors_survive_a_restart_and_the_cache_does_not),
        cmocka_unit_test(what_cannot_be_proposed_is_refused_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
