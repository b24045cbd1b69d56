/* What a fact means: the rules in their order, every kind altered field by field, and the reducers. */
#include "tests/lib/journal/state_maker.h"
#include "tests/lib/test.h"

#define POOL_BYTES (4U << 20)

static struct test_mesh mesh;
static struct test_state held;
static struct test_bytes payload;

static int setup(void **state)
{
    (void)state;
    test_mesh_init(&mesh, 1);
    test_state_new(&held, &mesh, POOL_BYTES);
    struct moot_body body = test_admission(&mesh.devices[0], 2, 900, &mesh.devices[1], "fridge");
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
    body = test_tick(&mesh.first_timeline, 3, NULL);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_state_free(&held);
    return 0;
}

static struct moot_bytes put_bytes(const char *key, const char *value_or_null,
                                   const struct moot_context_entry *context, uint32_t count)
{
    struct moot_writer writer;
    struct moot_bytes value = moot_bytes_of_text(value_or_null != NULL ? value_or_null : "");
    moot_writer_init(&writer, payload.memory, sizeof payload.memory);
    moot_record_put_encode(moot_bytes_of_text(key), value_or_null != NULL ? &value : NULL, context,
                           count, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    payload.size = writer.size;
    return test_bytes_of(&payload);
}

static struct moot_fact put_fact(uint32_t device, uint64_t seq, uint32_t epoch)
{
    return test_fact(&mesh.devices[device], seq, epoch, 1, MOOT_KIND_RECORD_PUT,
                     &mesh.first_timeline, put_bytes("key", "value", NULL, 0));
}

static enum moot_status fold(uint32_t device, const struct moot_fact *fact)
{
    return test_state_fold(&held, &mesh.devices[device], fact);
}

static void each_rule_gives_its_reason_and_earlier_rules_win(void **state)
{
    (void)state;
    struct moot_fact fact = put_fact(1, 1, 3);
    assert_int_equal(fold(1, &fact), MOOT_OK);
    /* From the last rule to the first: each breach added outranks those before it. */
    fact = put_fact(1, 2, 3);
    fact.payload.size--;
    assert_int_equal(fold(1, &fact), MOOT_VOID_PAYLOAD);
    fact.header.kind = 63;
    assert_int_equal(fold(1, &fact), MOOT_VOID_KIND);
    fact.header.protocol = 2;
    assert_int_equal(fold(1, &fact), MOOT_VOID_PROTOCOL);
    fact.header.epoch = 1;
    assert_int_equal(fold(1, &fact), MOOT_VOID_EARLY);
    struct moot_body rival = test_admission(&mesh.devices[0], 2, 901, &mesh.devices[1], "oven");
    assert_int_equal(test_state_certify(&held, &mesh, &rival, 1), MOOT_OK);
    assert_int_equal(fold(1, &fact), MOOT_VOID_MEMBER);
    fact.header.fork_id.b[0] ^= 1;
    assert_int_equal(fold(1, &fact), MOOT_VOID_TIMELINE);
    fact.header.epoch = 4;
    assert_int_equal(fold(1, &fact), MOOT_VOID_EPOCH);
    assert_int_equal(held.state.voids.count, 1);
}

static void a_void_fact_counts_once_its_epoch_is_certified(void **state)
{
    (void)state;
    struct moot_fact fact = put_fact(0, 1, 5);
    assert_int_equal(fold(0, &fact), MOOT_VOID_EPOCH);
    assert_null(moot_state_record(&held.state, held.pool, moot_bytes_of_text("key")));
    assert_int_equal(moot_state_rejudge(&held.state, held.pool), 0);
    struct moot_body body = test_tick(&mesh.first_timeline, 5, NULL);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
    assert_int_equal(moot_state_rejudge(&held.state, held.pool), 1);
    assert_int_equal(held.state.voids.count, 0);
    const struct moot_record *record =
        moot_state_record(&held.state, held.pool, moot_bytes_of_text("key"));
    assert_non_null(record);
    assert_int_equal(moot_record_shown(record, held.pool)->seq, 1);
}

static void folding_a_fact_twice_changes_nothing(void **state)
{
    (void)state;
    for (uint32_t epoch = 3; epoch <= 4; epoch++) { /* one that counts, one that is void */
        struct moot_fact fact = put_fact(0, epoch, epoch);
        enum moot_status first = fold(0, &fact);
        struct moot_digest before = test_state_digest(&held);
        size_t live = moot_pool_live(held.pool);
        assert_int_equal(fold(0, &fact), first);
        struct moot_digest after = test_state_digest(&held);
        assert_memory_equal(before.b, after.b, sizeof before.b);
        assert_int_equal(live, moot_pool_live(held.pool));
    }
}

#define KIND_COUNT 10
/* A good fact of every kind by the founder, as number 7 of its chain (the founding as number 1). */
static struct moot_fact good_fact(size_t which, struct test_bytes *bytes)
{
    static const uint16_t kinds[KIND_COUNT] = {
        MOOT_KIND_MESH_FOUNDED,       MOOT_KIND_DEVICE_ADMITTED,  MOOT_KIND_ADMIN_REPLACEMENT,
        MOOT_KIND_EPOCH_ADVANCED,     MOOT_KIND_UPGRADE_PROPOSED, MOOT_KIND_UPGRADE_ACTIVATED,
        MOOT_KIND_ADMISSION_PROPOSED, MOOT_KIND_ADMINS_PROPOSED,  MOOT_KIND_WITHDRAWN,
        MOOT_KIND_RECORD_PUT};
    const struct test_device *founder = &mesh.devices[0];
    const struct moot_digest *timeline = &mesh.first_timeline;
    struct moot_digest id = {{5}};
    struct moot_body body = test_upgrade(founder, 3, 7, false);
    struct moot_writer writer;
    moot_writer_init(&writer, bytes->memory, sizeof bytes->memory);
    switch (which) {
    case 0:
        moot_write_raw(&writer, mesh.founding);
        break;
    case 1:
        body = test_admission(founder, 1, 1, &mesh.devices[1], "fridge");
        break;
    case 2:
    case 7:
        body = test_admins(&mesh, founder, 3, 7, 1, timeline, 0, 2, 2, 2);
        break;
    case 3:
        body = test_tick(timeline, 9, NULL);
        break;
    case 5:
        body.kind = MOOT_BODY_ACTIVATION;
        body.activation = (struct moot_activation_body){.upgrade = id, .approval = id};
        break;
    case 6:
        body = test_admission(founder, 3, 7, &mesh.devices[2], "lamp");
        break;
    case 8:
        moot_withdrawn_encode(&id, &writer);
        break;
    case 9:
        moot_write_raw(&writer, put_bytes("key", "value", NULL, 0));
        break;
    default:
        break;
    }
    bytes->size = writer.size;
    if (which == 4 || which == 6 || which == 7) {
        test_body_encode(&body, bytes);
    } else if (which != 0 && which < 8) {
        test_certify(&mesh, &body, timeline, 0, 1, bytes);
    }
    return test_fact(founder, which == 0 ? 1 : 7, which == 0 ? 1 : 3, 1, kinds[which], timeline,
                     test_bytes_of(bytes));
}

static void a_good_fact_of_every_kind_counts(void **state)
{
    (void)state;
    static struct test_bytes bytes;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct moot_fact fact = good_fact(i, &bytes);
        assert_int_equal(fold(0, &fact), MOOT_OK);
    }
    assert_int_equal(held.state.voids.count, 0);
}

static void assert_other_id(const struct moot_fact *before, const struct moot_header *altered)
{
    struct moot_digest id;
    moot_fact_id(&mesh.devices[0].chain, altered, &id);
    assert_false(moot_digest_equal(&before->id, &id));
}

static void every_header_field_altered_gives_another_id_and_what_is_judged_its_reason(void **state)
{
    (void)state;
    static struct test_bytes bytes;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const struct moot_fact good = good_fact(i, &bytes);
        struct moot_fact fact = good;
        fact.header.seq++;
        assert_other_id(&good, &fact.header);
        bool tied = i == 0 || i == 4 || i == 6 || i == 7; /* to its place in the chain */
        assert_int_equal(fold(0, &fact), tied ? MOOT_VOID_AUTHORITY : MOOT_OK);
        fact = good;
        fact.header.prev.b[31] ^= 1;
        assert_other_id(&good, &fact.header);
        fact = good;
        fact.header.fork_id.b[7] ^= 1;
        assert_other_id(&good, &fact.header);
        assert_int_equal(fold(0, &fact), MOOT_VOID_TIMELINE);
        fact = good;
        fact.header.epoch = 4;
        assert_other_id(&good, &fact.header);
        assert_int_equal(fold(0, &fact), MOOT_VOID_EPOCH);
        fact = good;
        fact.header.lamport++;
        assert_other_id(&good, &fact.header);
        fact = good;
        fact.header.protocol++;
        assert_other_id(&good, &fact.header);
        assert_int_equal(fold(0, &fact), MOOT_VOID_PROTOCOL);
        fact = good;
        fact.header.kind = 62;
        assert_other_id(&good, &fact.header);
        assert_int_equal(fold(0, &fact), MOOT_VOID_KIND);
        fact = good;
        fact.header.wall_s++;
        assert_other_id(&good, &fact.header);
        fact = good;
        fact.header.payload_size++;
        assert_other_id(&good, &fact.header);
        fact = good;
        fact.header.payload_hash.b[0] ^= 1;
        assert_other_id(&good, &fact.header);
    }
}

static void every_kind_refuses_the_payload_of_every_other(void **state)
{
    (void)state;
    static struct test_bytes bytes;
    static struct test_bytes other;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        for (size_t j = 0; j < KIND_COUNT; j++) {
            struct moot_fact fact = good_fact(i, &bytes);
            const struct moot_fact source = good_fact(j, &other);
            fact.payload = source.payload;
            assert_int_equal(fold(0, &fact), i == j ? MOOT_OK : MOOT_VOID_PAYLOAD);
        }
    }
}

/* Judged apart: a fresh state each time would be slow, so a bit that leaves the fact good is undone
 * by forgetting all facts. */
static void every_bit_of_every_payload_matters(void **state)
{
    (void)state;
    static struct test_bytes bytes;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct moot_fact fact = good_fact(i, &bytes);
        bool envelope = i == 1 || i == 2 || i == 3 || i == 5;
        moot_state_facts_clear(&held.state, held.pool);
        assert_int_equal(fold(0, &fact), MOOT_OK);
        struct moot_digest good = test_state_digest(&held);
        for (size_t at = 0; at < bytes.size * 8; at++) {
            bytes.memory[at / 8] ^= (uint8_t)(1U << at % 8);
            moot_state_facts_clear(&held.state, held.pool);
            enum moot_status status = fold(0, &fact);
            struct moot_digest digest = test_state_digest(&held);
            if (status == MOOT_OK && !envelope) { /* another proposal, withdrawal or value */
                assert_true(i != 0 && !moot_digest_equal(&good, &digest));
            } else if (status != MOOT_OK) {
                assert_true(status == MOOT_VOID_PAYLOAD || status == MOOT_VOID_AUTHORITY);
            }
            bytes.memory[at / 8] ^= (uint8_t)(1U << at % 8);
        }
    }
}

static void only_an_admin_of_that_epoch_may_propose_and_only_in_its_own_name(void **state)
{
    (void)state;
    struct moot_body body = test_upgrade(&mesh.devices[1], 3, 4, false);
    test_body_encode(&body, &payload);
    struct moot_fact fact = test_fact(&mesh.devices[1], 4, 3, 1, MOOT_KIND_UPGRADE_PROPOSED,
                                      &mesh.first_timeline, test_bytes_of(&payload));
    assert_int_equal(fold(1, &fact), MOOT_VOID_AUTHORITY); /* a member, no admin */
    fact = test_fact(&mesh.devices[0], 4, 3, 1, MOOT_KIND_UPGRADE_PROPOSED, &mesh.first_timeline,
                     test_bytes_of(&payload));
    assert_int_equal(fold(0, &fact), MOOT_VOID_AUTHORITY); /* in another's name */
    body = test_upgrade(&mesh.devices[0], 2, 4, false);
    test_body_encode(&body, &payload);
    fact.payload = test_bytes_of(&payload);
    assert_int_equal(fold(0, &fact), MOOT_VOID_AUTHORITY); /* of another epoch */
    assert_int_equal(held.state.proposals.count, 0);
}

static struct moot_fact withdrawal(uint32_t device, uint64_t seq, const struct moot_digest *id)
{
    struct moot_writer writer;
    moot_writer_init(&writer, payload.memory, sizeof payload.memory);
    moot_withdrawn_encode(id, &writer);
    payload.size = writer.size;
    return test_fact(&mesh.devices[device], seq, 3, 1, MOOT_KIND_WITHDRAWN, &mesh.first_timeline,
                     test_bytes_of(&payload));
}

static void a_withdrawal_counts_before_and_after_its_proposal_and_only_by_the_proposer(void **state)
{
    (void)state;
    static struct test_bytes bytes;
    for (uint64_t early = 0; early < 2; early++) {
        struct moot_body body = test_upgrade(&mesh.devices[0], 3, 10 + early, false);
        test_body_encode(&body, &bytes);
        struct moot_digest id = test_body_hash(&body);
        struct moot_fact fact =
            test_fact(&mesh.devices[0], 10 + early, 3, 1, MOOT_KIND_UPGRADE_PROPOSED,
                      &mesh.first_timeline, test_bytes_of(&bytes));
        struct moot_fact other = withdrawal(1, 20 + early, &id);
        assert_int_equal(fold(1, &other), MOOT_OK);
        struct moot_fact own = withdrawal(0, 20 + early, &id);
        if (early == 1) {
            assert_int_equal(fold(0, &own), MOOT_OK);
        }
        assert_int_equal(fold(0, &fact), MOOT_OK);
        const struct moot_proposal *proposal = moot_state_proposal(&held.state, held.pool, &id);
        assert_non_null(proposal);
        assert_int_equal(proposal->withdrawn, early == 1);
        own = withdrawal(0, 20 + early, &id);
        assert_int_equal(fold(0, &own), MOOT_OK);
        assert_true(moot_state_proposal(&held.state, held.pool, &id)->withdrawn);
    }
}

static void a_fact_of_an_unknown_kind_is_kept_byte_for_byte_and_is_in_the_digest(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xFF, 0x00, 0x7F};
    struct moot_fact fact = test_fact(&mesh.devices[0], 3, 3, 1, 4711, &mesh.first_timeline,
                                      moot_bytes_of(bytes, sizeof bytes));
    fact.header.protocol = 9; /* of a protocol to come */
    struct moot_digest before = test_state_digest(&held);
    assert_int_equal(fold(0, &fact), MOOT_OK);
    struct moot_digest after = test_state_digest(&held);
    assert_memory_not_equal(before.b, after.b, sizeof before.b);
    struct moot_map_item item;
    assert_true(moot_map_first(held.pool, &held.state.opaques, &item));
    const struct moot_void *kept = item.value;
    assert_true(moot_bytes_equal(moot_blob_get(held.pool, kept->payload), fact.payload));
    assert_int_equal(kept->header.kind, 4711);
}

static void concurrent_values_stay_and_what_a_put_has_seen_is_replaced(void **state)
{
    (void)state;
    struct moot_fact first = put_fact(0, 5, 3);
    assert_int_equal(fold(0, &first), MOOT_OK);
    struct moot_fact second = put_fact(1, 5, 3);
    second.header.lamport = 2;
    assert_int_equal(fold(1, &second), MOOT_OK);
    const struct moot_bytes key = moot_bytes_of_text("key");
    const struct moot_record *record = moot_state_record(&held.state, held.pool, key);
    assert_int_equal(record->values.count, 2);
    const struct moot_record_value *shown = moot_record_shown(record, held.pool);
    assert_true(moot_digest_equal(&shown->chain, &mesh.devices[1].chain));
    /* A tombstone of a lower lamport that has seen both replaces both. */
    struct moot_context_entry context[2] = {{mesh.devices[0].chain, 5}, {mesh.devices[1].chain, 5}};
    if (moot_digest_compare(&context[0].chain, &context[1].chain) > 0) {
        struct moot_context_entry swap = context[0];
        context[0] = context[1];
        context[1] = swap;
    }
    struct moot_fact third = test_fact(&mesh.devices[0], 6, 3, 1, MOOT_KIND_RECORD_PUT,
                                       &mesh.first_timeline, put_bytes("key", NULL, context, 2));
    assert_int_equal(fold(0, &third), MOOT_OK);
    assert_int_equal(record->values.count, 1);
    assert_true(moot_record_shown(record, held.pool)->tombstone);
    /* What is covered does not come back. */
    second = put_fact(1, 4, 3);
    assert_int_equal(fold(1, &second), MOOT_OK);
    assert_int_equal(record->values.count, 1);
}

static void a_full_pool_is_an_answer_and_the_state_stays_readable(void **state)
{
    (void)state;
    struct test_state small;
    test_state_new(&small, &mesh, 64U << 10);
    enum moot_status status = MOOT_OK;
    uint64_t seq = 2;
    for (; status == MOOT_OK && seq < 10000; seq++) {
        char key[32];
        (void)snprintf(key, sizeof key, "key %llu", (unsigned long long)seq);
        struct moot_fact fact = test_fact(&mesh.devices[0], seq, 1, 1, MOOT_KIND_RECORD_PUT,
                                          &mesh.first_timeline, put_bytes(key, "value", NULL, 0));
        status = test_state_fold(&small, &mesh.devices[0], &fact);
    }
    assert_int_equal(status, MOOT_NO_MEMORY);
    assert_true(small.state.records.count > 10);
    (void)test_state_digest(&small);
    moot_state_facts_clear(&small.state, small.pool);
    struct moot_fact fact = put_fact(0, 2, 1);
    fact.payload = put_bytes("key 2", "value", NULL, 0);
    assert_int_equal(test_state_fold(&small, &mesh.devices[0], &fact), MOOT_OK);
    test_state_free(&small);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_rule_gives_its_reason_and_earlier_rules_win),
        CASE(a_void_fact_counts_once_its_epoch_is_certified),
        CASE(folding_a_fact_twice_changes_nothing),
        CASE(a_good_fact_of_every_kind_counts),
        CASE(every_header_field_altered_gives_another_id_and_what_is_judged_its_reason),
        CASE(every_kind_refuses_the_payload_of_every_other),
        CASE(every_bit_of_every_payload_matters),
        CASE(only_an_admin_of_that_epoch_may_propose_and_only_in_its_own_name),
        CASE(a_withdrawal_counts_before_and_after_its_proposal_and_only_by_the_proposer),
        CASE(a_fact_of_an_unknown_kind_is_kept_byte_for_byte_and_is_in_the_digest),
        CASE(concurrent_values_stay_and_what_a_put_has_seen_is_replaced),
        CASE(a_full_pool_is_an_answer_and_the_state_stays_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
