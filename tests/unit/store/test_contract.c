/*
 * The store port's contract: every test here runs against each implementation, through a table of
 * what they have in common. What a test writes goes through batches, what it checks through the port.
 */
#include "tests/lib/test.h"

#include "crypto/base/arena.h"
#include "journal/store.h"
#include "tests/unit/store/adapter.h"

#define ARENA_BYTES (4u << 20)
#define KEYS_MAX 400u

static const struct store_adapter *adapter; /* the implementation under test */

struct fixture {
    struct adapted_store *store;
    struct moot_store_port port;
    struct moot_arena arena;
    struct moot_store_batch batch;
    uint64_t ticket;
};

static int setup(void **state)
{
    struct fixture *fixture = (struct fixture *)calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    moot_arena_init(&fixture->arena, malloc(ARENA_BYTES), ARENA_BYTES);
    fixture->store = adapter->open();
    fixture->port = adapter->port(fixture->store);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    adapter->close(fixture->store);
    free(fixture->arena.base);
    free(fixture);
    return 0;
}

static struct moot_bytes text(const char *words)
{
    return moot_bytes_of_text(words);
}

static void put(struct fixture *fixture, enum moot_table table, struct moot_bytes key,
                struct moot_bytes value)
{
    assert_true(moot_store_batch_put(&fixture->batch, &fixture->arena, table, key, value));
}

static void drop(struct fixture *fixture, enum moot_table table, struct moot_bytes key)
{
    assert_true(moot_store_batch_delete(&fixture->batch, &fixture->arena, table, key));
}

static void submit(struct fixture *fixture)
{
    adapter->submit(fixture->store, &fixture->batch, ++fixture->ticket);
    /* The store has its own copy: what the caller does with the memory is the caller's business. */
    memset(fixture->arena.base, 0xdd, fixture->arena.used);
    moot_arena_reset(&fixture->arena);
    moot_store_batch_init(&fixture->batch);
}

/* Submits, waits for the report, and ends borrowing. */
static void commit(struct fixture *fixture)
{
    submit(fixture);
    adapter->settle(fixture->store, fixture->ticket);
    fixture->port.release(fixture->port.self);
}

static void assert_value(struct fixture *fixture, enum moot_table table, const char *key,
                         const char *value)
{
    struct moot_bytes found = {.data = NULL, .size = 0};
    enum moot_status status = fixture->port.get(fixture->port.self, table, text(key), &found);
    if (value == NULL) {
        assert_int_equal(status, MOOT_NOT_FOUND);
        return;
    }
    assert_int_equal(status, MOOT_OK);
    assert_true(moot_bytes_equal(found, text(value)));
}

/* The row that `at_or_after` (or `at_or_before`) finds has the key `expected`; NULL: there is none. */
static void assert_found(struct fixture *fixture, bool after, const char *key, const char *expected)
{
    struct moot_store_row row;
    enum moot_status status =
        after ? fixture->port.at_or_after(fixture->port.self, MOOT_TABLE_RUN, text(key), &row)
              : fixture->port.at_or_before(fixture->port.self, MOOT_TABLE_RUN, text(key), &row);
    if (expected == NULL) {
        assert_int_equal(status, MOOT_NOT_FOUND);
        return;
    }
    assert_int_equal(status, MOOT_OK);
    assert_true(moot_bytes_equal(row.key, text(expected)));
    assert_true(moot_bytes_equal(row.value, text("v")));
}

static void an_empty_store_answers_not_found(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    assert_value(fixture, MOOT_TABLE_LOG, "a", NULL);
    assert_found(fixture, true, "", NULL);
    assert_found(fixture, true, "a", NULL);
    assert_found(fixture, false, "", NULL);
    assert_found(fixture, false, "a", NULL);
}

static void a_committed_value_is_found_in_its_table_only(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    for (int table = MOOT_TABLE_META; table <= MOOT_TABLE_MAX; table++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key %d", table);
        put(fixture, (enum moot_table)table, text(key), text("here"));
    }
    commit(fixture);
    for (int table = MOOT_TABLE_META; table <= MOOT_TABLE_MAX; table++) {
        for (int other = MOOT_TABLE_META; other <= MOOT_TABLE_MAX; other++) {
            char key[16];
            (void)snprintf(key, sizeof key, "key %d", other);
            assert_value(fixture, (enum moot_table)table, key, table == other ? "here" : NULL);
        }
    }
}

static void the_neighbours_of_a_key_are_found_at_every_edge(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    put(fixture, MOOT_TABLE_RUN, text("d"), text("v"));
    put(fixture, MOOT_TABLE_RUN, text("b"), text("v"));
    put(fixture, MOOT_TABLE_RUN, text("bb"), text("v"));
    commit(fixture);
    assert_found(fixture, true, "", "b");
    assert_found(fixture, true, "a", "b");
    assert_found(fixture, true, "b", "b");
    assert_found(fixture, true, "ba", "bb");
    assert_found(fixture, true, "bb", "bb");
    assert_found(fixture, true, "bba", "d");
    assert_found(fixture, true, "d", "d");
    assert_found(fixture, true, "d0", NULL);
    assert_found(fixture, true, "e", NULL);
    assert_found(fixture, false, "", NULL);
    assert_found(fixture, false, "a", NULL);
    assert_found(fixture, false, "b", "b");
    assert_found(fixture, false, "ba", "b");
    assert_found(fixture, false, "bb", "bb");
    assert_found(fixture, false, "c", "bb");
    assert_found(fixture, false, "d", "d");
    assert_found(fixture, false, "z", "d");
}

static void keys_are_ordered_as_unsigned_bytes(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    put(fixture, MOOT_TABLE_RUN, text("\xff"), text("v"));
    put(fixture, MOOT_TABLE_RUN, text("\x7f"), text("v"));
    put(fixture, MOOT_TABLE_RUN, text("\x80"), text("v"));
    commit(fixture);
    assert_found(fixture, true, "", "\x7f");
    assert_found(fixture, true, "\x80", "\x80");
    assert_found(fixture, true, "\x81", "\xff");
    assert_found(fixture, false, "\xfe", "\x80");
}

static void an_empty_value_is_a_value(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    put(fixture, MOOT_TABLE_FENCE, text("k"), text(""));
    commit(fixture);
    assert_value(fixture, MOOT_TABLE_FENCE, "k", "");
}

static void the_longest_key_and_a_large_value_come_back_whole(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    uint8_t key[MOOT_STORE_KEY_BYTES_MAX];
    memset(key, 0xff, sizeof key);
    size_t size = 600 * 1024;
    uint8_t *value = (uint8_t *)malloc(size);
    assert_non_null(value);
    struct test_random random = test_random_seeded(600);
    test_random_bytes(&random, value, size);
    put(fixture, MOOT_TABLE_IMAGE, moot_bytes_of(key, sizeof key), moot_bytes_of(value, size));
    key[sizeof key - 1] = 0;
    put(fixture, MOOT_TABLE_IMAGE, moot_bytes_of(key, sizeof key), text("shorter"));
    commit(fixture);
    struct moot_store_row row;
    assert_int_equal(
        fixture->port.at_or_after(fixture->port.self, MOOT_TABLE_IMAGE, text(""), &row), MOOT_OK);
    assert_true(moot_bytes_equal(row.value, text("shorter")));
    key[sizeof key - 1] = 1;
    assert_int_equal(fixture->port.at_or_after(fixture->port.self, MOOT_TABLE_IMAGE,
                                               moot_bytes_of(key, sizeof key), &row),
                     MOOT_OK);
    assert_int_equal(row.key.size, sizeof key);
    assert_int_equal(row.key.data[sizeof key - 1], 0xff);
    assert_true(moot_bytes_equal(row.value, moot_bytes_of(value, size)));
    free(value);
}

static void the_last_operation_on_a_key_wins(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    put(fixture, MOOT_TABLE_META, text("put, delete"), text("1"));
    drop(fixture, MOOT_TABLE_META, text("put, delete"));
    drop(fixture, MOOT_TABLE_META, text("delete, put"));
    put(fixture, MOOT_TABLE_META, text("delete, put"), text("2"));
    put(fixture, MOOT_TABLE_META, text("put, put"), text("3"));
    put(fixture, MOOT_TABLE_META, text("put, put"), text("four"));
    commit(fixture);
    assert_value(fixture, MOOT_TABLE_META, "put, delete", NULL);
    assert_value(fixture, MOOT_TABLE_META, "delete, put", "2");
    assert_value(fixture, MOOT_TABLE_META, "put, put", "four");
}

static void deleting_what_is_not_there_is_fine(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    drop(fixture, MOOT_TABLE_PEER, text("nobody"));
    put(fixture, MOOT_TABLE_PEER, text("somebody"), text("1"));
    drop(fixture, MOOT_TABLE_PEER, text("nobody else"));
    commit(fixture);
    assert_value(fixture, MOOT_TABLE_PEER, "somebody", "1");
    drop(fixture, MOOT_TABLE_PEER, text("somebody"));
    commit(fixture);
    assert_value(fixture, MOOT_TABLE_PEER, "somebody", NULL);
}

static void the_log_takes_keys_out_of_order_and_twice(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    put(fixture, MOOT_TABLE_LOG, text("2"), text("two"));
    put(fixture, MOOT_TABLE_LOG, text("4"), text("four"));
    put(fixture, MOOT_TABLE_LOG, text("3"), text("three"));
    put(fixture, MOOT_TABLE_LOG, text("4"), text("four again"));
    put(fixture, MOOT_TABLE_LOG, text("1"), text("one"));
    commit(fixture);
    assert_value(fixture, MOOT_TABLE_LOG, "1", "one");
    assert_value(fixture, MOOT_TABLE_LOG, "2", "two");
    assert_value(fixture, MOOT_TABLE_LOG, "3", "three");
    assert_value(fixture, MOOT_TABLE_LOG, "4", "four again");
}

static void an_empty_batch_is_reported_like_any_other(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    commit(fixture);
    put(fixture, MOOT_TABLE_META, text("k"), text("v"));
    commit(fixture);
    assert_value(fixture, MOOT_TABLE_META, "k", "v");
}

static void batches_apply_in_the_order_of_their_tickets(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    for (int i = 0; i < 50; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%d", i);
        put(fixture, MOOT_TABLE_META, text("k"), text(value));
        submit(fixture);
    }
    adapter->settle(fixture->store, fixture->ticket);
    assert_value(fixture, MOOT_TABLE_META, "k", "49");
}

static void reads_of_one_turn_see_one_state_until_release(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    put(fixture, MOOT_TABLE_META, text("k"), text("old"));
    put(fixture, MOOT_TABLE_RUN, text("gone"), text("v"));
    commit(fixture);
    struct moot_bytes borrowed;
    assert_int_equal(fixture->port.get(fixture->port.self, MOOT_TABLE_META, text("k"), &borrowed),
                     MOOT_OK);
    put(fixture, MOOT_TABLE_META, text("k"), text("new"));
    drop(fixture, MOOT_TABLE_RUN, text("gone"));
    put(fixture, MOOT_TABLE_RUN, text("come"), text("v"));
    submit(fixture);
    adapter->settle(fixture->store, fixture->ticket);
    assert_true(moot_bytes_equal(borrowed, text("old")));
    assert_value(fixture, MOOT_TABLE_META, "k", "old");
    assert_found(fixture, true, "", "gone");
    fixture->port.release(fixture->port.self);
    assert_value(fixture, MOOT_TABLE_META, "k", "new");
    assert_found(fixture, true, "", "come");
    assert_found(fixture, false, "z", "come");
}

static void release_without_reading_is_fine(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    fixture->port.release(fixture->port.self);
    fixture->port.release(fixture->port.self);
    put(fixture, MOOT_TABLE_META, text("k"), text("v"));
    commit(fixture);
    assert_value(fixture, MOOT_TABLE_META, "k", "v");
}

static void what_was_reported_survives_a_restart(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    put(fixture, MOOT_TABLE_META, text("k"), text("v"));
    put(fixture, MOOT_TABLE_VOTE, text("slot"), text("for"));
    commit(fixture);
    drop(fixture, MOOT_TABLE_META, text("k"));
    commit(fixture);
    adapter->restart(fixture->store);
    fixture->port = adapter->port(fixture->store);
    assert_value(fixture, MOOT_TABLE_META, "k", NULL);
    assert_value(fixture, MOOT_TABLE_VOTE, "slot", "for");
}

/* The naive model: rows in no order, every question answered by looking at all of them. */
struct model {
    struct model_row {
        uint8_t key[8];
        size_t key_size;
        uint8_t value[64];
        size_t value_size;
        bool present;
    } rows[KEYS_MAX];
};

static struct moot_bytes model_key(const struct model_row *row)
{
    return moot_bytes_of(row->key, row->key_size);
}

/* The nearest present row on one side of `key`, itself included; NULL when there is none. */
static const struct model_row *model_nearest(const struct model *model, struct moot_bytes key,
                                             bool after)
{
    const struct model_row *best = NULL;
    for (size_t i = 0; i < KEYS_MAX; i++) {
        const struct model_row *row = &model->rows[i];
        int side = moot_bytes_compare(model_key(row), key);
        if (!row->present || (after ? side < 0 : side > 0)) {
            continue;
        }
        int order = best == NULL ? 0 : moot_bytes_compare(model_key(row), model_key(best));
        if (best == NULL || (after ? order < 0 : order > 0)) {
            best = row;
        }
    }
    return best;
}

/* All keys differ; some are prefixes of others. */
static void model_init(struct model *model, struct test_random *random)
{
    memset(model, 0, sizeof *model);
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        struct model_row *row = &model->rows[i];
        moot_u16_put(row->key, (uint16_t)(i / 2 * 131));
        row->key_size = i % 2 == 0 ? 2 : 3 + test_random_below(random, 6);
    }
}

static void model_change(struct fixture *fixture, struct model *model, struct test_random *random)
{
    struct model_row *row = &model->rows[test_random_below(random, KEYS_MAX)];
    if (test_random_below(random, 3) == 0) {
        row->present = false;
        drop(fixture, MOOT_TABLE_RUN, model_key(row));
        return;
    }
    row->present = true;
    row->value_size = (size_t)test_random_below(random, sizeof row->value + 1);
    test_random_bytes(random, row->value, row->value_size);
    put(fixture, MOOT_TABLE_RUN, model_key(row), moot_bytes_of(row->value, row->value_size));
}

static void model_compare(struct fixture *fixture, const struct model *model,
                          struct test_random *random)
{
    uint8_t bytes[4];
    test_random_bytes(random, bytes, sizeof bytes);
    const struct model_row *known = &model->rows[test_random_below(random, KEYS_MAX)];
    struct moot_bytes key = test_random_below(random, 2) == 0
                                ? model_key(known)
                                : moot_bytes_of(bytes, test_random_below(random, 5));
    for (int after = 0; after <= 1; after++) {
        const struct model_row *expected = model_nearest(model, key, after == 1);
        struct moot_store_row row;
        enum moot_status status =
            after == 1 ? fixture->port.at_or_after(fixture->port.self, MOOT_TABLE_RUN, key, &row)
                       : fixture->port.at_or_before(fixture->port.self, MOOT_TABLE_RUN, key, &row);
        assert_int_equal(status, expected == NULL ? MOOT_NOT_FOUND : MOOT_OK);
        if (expected != NULL) {
            assert_true(moot_bytes_equal(row.key, model_key(expected)));
            assert_true(
                moot_bytes_equal(row.value, moot_bytes_of(expected->value, expected->value_size)));
        }
    }
    struct moot_bytes value;
    assert_int_equal(
        fixture->port.get(fixture->port.self, MOOT_TABLE_RUN, model_key(known), &value),
        known->present ? MOOT_OK : MOOT_NOT_FOUND);
}

static void random_operations_agree_with_a_naive_model(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct test_random random = test_random_start("store model");
    struct model *model = (struct model *)malloc(sizeof *model);
    assert_non_null(model);
    model_init(model, &random);
    for (int turn = 0; turn < 150; turn++) {
        uint64_t batches = 1 + test_random_below(&random, 3);
        for (uint64_t i = 0; i < batches; i++) {
            uint64_t changes = test_random_below(&random, 40);
            for (uint64_t j = 0; j < changes; j++) {
                model_change(fixture, model, &random);
            }
            submit(fixture);
        }
        adapter->settle(fixture->store, fixture->ticket);
        fixture->port.release(fixture->port.self);
        for (int i = 0; i < 30; i++) {
            model_compare(fixture, model, &random);
        }
        if (turn % 50 == 49) {
            adapter->restart(fixture->store);
            fixture->port = adapter->port(fixture->store);
        }
    }
    free(model);
}

#define CONTRACT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT(an_empty_store_answers_not_found),
        CONTRACT(a_committed_value_is_found_in_its_table_only),
        CONTRACT(the_neighbours_of_a_key_are_found_at_every_edge),
        CONTRACT(keys_are_ordered_as_unsigned_bytes),
        CONTRACT(an_empty_value_is_a_value),
        CONTRACT(the_longest_key_and_a_large_value_come_back_whole),
        CONTRACT(the_last_operation_on_a_key_wins),
        CONTRACT(deleting_what_is_not_there_is_fine),
        CONTRACT(the_log_takes_keys_out_of_order_and_twice),
        CONTRACT(an_empty_batch_is_reported_like_any_other),
        CONTRACT(batches_apply_in_the_order_of_their_tickets),
        CONTRACT(reads_of_one_turn_see_one_state_until_release),
        CONTRACT(release_without_reading_is_fine),
        CONTRACT(what_was_reported_survives_a_restart),
        CONTRACT(random_operations_agree_with_a_naive_model),
    };
    int failed = 0;
    for (size_t i = 0; i < store_adapter_count; i++) {
        adapter = store_adapters[i];
        printf("implementation: %s\n", adapter->name);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
