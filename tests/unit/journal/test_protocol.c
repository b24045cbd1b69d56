/* A protocol rises at a tick: what counts below and above it, who can read what, and protocol 2's reducer. */
#include "tests/lib/journal/state_maker.h"
#include "tests/lib/test.h"

#define POOL_BYTES (4U << 20)
#define FENCE 5U

static struct test_mesh mesh;
static struct test_state held;
static struct moot_digest after; /* timeline of protocol 2 */
static struct test_bytes payloads[8];

/* Founder alone; protocol 2 in force from epoch FENCE on, epoch 9 certified. */
static void mesh_of_two_protocols(struct test_state *ret, uint16_t protocol_max)
{
    test_state_new(ret, &mesh, POOL_BYTES);
    ret->state.protocol_max = protocol_max;
    struct moot_digest before = moot_state_era(&ret->state, ret->pool)->timeline;
    struct moot_body upgrade = test_upgrade(&mesh.devices[0], 1, 5, true);
    struct moot_digest id = test_body_hash(&upgrade);
    struct moot_body fork = test_hard_fork(&mesh.devices[0], 1, 0, 1, &before, &id);
    struct moot_digest turn = test_body_hash(&fork);
    struct moot_body tick = test_tick(&before, FENCE, &turn);
    assert_int_equal(test_state_certify(ret, &mesh, &upgrade, 1), MOOT_OK);
    assert_int_equal(test_state_certify(ret, &mesh, &fork, 1), MOOT_OK);
    assert_int_equal(test_state_certify(ret, &mesh, &tick, 1), MOOT_OK);
    after = moot_state_era(&ret->state, ret->pool)->timeline;
    tick = test_tick(&after, 9, NULL);
    assert_int_equal(test_state_certify(ret, &mesh, &tick, 1), MOOT_OK);
    assert_int_equal(moot_state_era(&ret->state, ret->pool)->protocol, 2);
}

static int setup(void **state)
{
    (void)state;
    test_mesh_init(&mesh, 1);
    mesh_of_two_protocols(&held, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_state_free(&held);
    return 0;
}

/* A put that says nothing of what its author knew; it lies in payloads[seq]. */
static struct moot_fact put(uint64_t seq, uint32_t epoch, uint16_t protocol, const char *text)
{
    struct moot_writer writer;
    struct moot_bytes value = moot_bytes_of_text(text);
    struct test_bytes *bytes = &payloads[seq];
    moot_writer_init(&writer, bytes->memory, sizeof bytes->memory);
    moot_record_put_encode(moot_bytes_of_text("key"), &value, NULL, 0, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    bytes->size = writer.size;
    struct moot_fact fact =
        test_fact(&mesh.devices[0], seq, epoch, (uint32_t)seq, MOOT_KIND_RECORD_PUT,
                  epoch < FENCE ? &mesh.first_timeline : &after, test_bytes_of(bytes));
    fact.header.protocol = protocol;
    return fact;
}

static enum moot_status fold(struct test_state *state, const struct moot_fact *fact)
{
    return test_state_fold(state, &mesh.devices[0], fact);
}

static uint32_t values(const struct test_state *state)
{
    const struct moot_record *record =
        moot_state_record(&state->state, state->pool, moot_bytes_of_text("key"));
    return record == NULL ? 0 : record->values.count;
}

static void an_ordinary_fact_counts_under_the_protocol_of_its_epoch_and_no_other(void **state)
{
    (void)state;
    const struct {
        uint32_t epoch;
        uint16_t protocol;
        enum moot_status status;
    } cases[] = {
        {FENCE - 1, 1, MOOT_OK},
        {FENCE - 1, 2, MOOT_VOID_PROTOCOL},
        {FENCE, 1, MOOT_VOID_PROTOCOL},
        {FENCE, 2, MOOT_OK},
        {9, 1, MOOT_VOID_PROTOCOL},
        {9, 3, MOOT_VOID_PROTOCOL},
        {FENCE - 1, 0, MOOT_VOID_PROTOCOL},
    };
    for (uint32_t i = 0; i < MOOT_COUNT_OF(cases); i++) {
        struct moot_fact fact = put(i + 1, cases[i].epoch, cases[i].protocol, "value");
        assert_int_equal(fold(&held, &fact), cases[i].status);
    }
}

static void a_maintenance_fact_may_be_of_a_protocol_below_the_one_in_force(void **state)
{
    (void)state;
    const enum moot_status wanted[] = {MOOT_VOID_PROTOCOL, MOOT_OK, MOOT_OK, MOOT_VOID_PROTOCOL};
    struct moot_digest proposal = {{3}};
    struct moot_writer writer;
    moot_writer_init(&writer, payloads[0].memory, sizeof payloads[0].memory);
    moot_withdrawn_encode(&proposal, &writer);
    payloads[0].size = writer.size;
    for (uint16_t protocol = 0; protocol < MOOT_COUNT_OF(wanted); protocol++) {
        struct moot_fact fact = test_fact(&mesh.devices[0], protocol + 1u, 7, 1,
                                          MOOT_KIND_WITHDRAWN, &after, test_bytes_of(&payloads[0]));
        fact.header.protocol = protocol;
        assert_int_equal(fold(&held, &fact), wanted[protocol]);
    }
}

static void what_a_node_does_not_speak_waits_unread_and_counts_once_it_does(void **state)
{
    (void)state;
    struct test_state old;
    mesh_of_two_protocols(&old, 1);
    const uint32_t epochs[] = {2, 4, 6, 8};
    for (uint32_t i = 0; i < MOOT_COUNT_OF(epochs); i++) {
        uint16_t protocol = epochs[i] < FENCE ? 1 : 2;
        struct moot_fact fact = put(i + 1, epochs[i], protocol, "value");
        assert_int_equal(fold(&held, &fact), MOOT_OK);
        assert_int_equal(fold(&old, &fact), protocol == 1 ? MOOT_OK : MOOT_VOID_UNREAD);
    }
    assert_int_equal(moot_state_unread(&old.state, old.pool), 2);
    assert_int_equal(moot_state_unread(&held.state, held.pool), 0);
    old.state.protocol_max = 2;
    assert_int_equal(moot_state_rejudge(&old.state, old.pool), 2);
    assert_int_equal(moot_state_unread(&old.state, old.pool), 0);
    struct moot_digest first = test_state_digest(&held), second = test_state_digest(&old);
    assert_memory_equal(first.b, second.b, sizeof first.b);
    test_state_free(&old);
}

/* Folds the puts 1 to 4 in the order that `order` tells, and gives the digest. */
static struct moot_digest folded(const uint8_t order[4], const struct moot_fact facts[4],
                                 uint32_t *ret_values)
{
    struct test_state state;
    mesh_of_two_protocols(&state, 2);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(fold(&state, &facts[order[i]]), MOOT_OK);
    struct moot_digest digest = test_state_digest(&state);
    *ret_values = values(&state);
    test_state_free(&state);
    return digest;
}

static void since_protocol_2_an_author_has_one_value_in_whatever_order_facts_come(void **state)
{
    (void)state;
    struct moot_fact facts[4];
    for (uint32_t i = 0; i < 4; i++)
        facts[i] = put(i + 1, i < 2 ? 2 : 6, i < 2 ? 1 : 2, "value");
    const uint8_t first_order[4] = {0, 1, 2, 3};
    uint32_t count;
    struct moot_digest wanted = folded(first_order, facts, &count);
    assert_int_equal(count, 1);
    for (uint32_t n = 0; n < 256; n++) {
        const uint8_t order[4] = {n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 & 3};
        if ((1u << order[0] | 1u << order[1] | 1u << order[2] | 1u << order[3]) != 15)
            continue;
        struct moot_digest digest = folded(order, facts, &count);
        assert_memory_equal(digest.b, wanted.b, sizeof digest.b);
    }
    /* Under protocol 1 the same puts stand beside each other. */
    for (uint32_t i = 0; i < 4; i++) {
        struct moot_fact fact = put(i + 1, 2, 1, "value");
        assert_int_equal(fold(&held, &fact), MOOT_OK);
    }
    assert_int_equal(values(&held), 4);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_ordinary_fact_counts_under_the_protocol_of_its_epoch_and_no_other),
        CASE(a_maintenance_fact_may_be_of_a_protocol_below_the_one_in_force),
        CASE(what_a_node_does_not_speak_waits_unread_and_counts_once_it_does),
        CASE(since_protocol_2_an_author_has_one_value_in_whatever_order_facts_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
