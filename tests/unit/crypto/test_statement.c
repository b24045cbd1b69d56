/* A statement has one encoding, and no altered one can pass for it. */
#include "crypto/statement.h"

#include "tests/lib/test.h"

static struct moot_statement random_statement(struct test_random *random, unsigned kind)
{
    struct moot_statement statement = {.round = 0};
    test_random_bytes(random, statement.timeline.b, 32);
    test_random_bytes(random, statement.body.b, 32);
    statement.slot.kind = (enum moot_slot_kind)kind;
    bool numbered = kind == MOOT_SLOT_TURN || kind == MOOT_SLOT_EPOCH;
    bool about_device =
        kind == MOOT_SLOT_ADMIT || kind == MOOT_SLOT_REMOVE || kind == MOOT_SLOT_REPLACE;
    if (numbered) {
        statement.slot.number = test_random_next(random);
    } else {
        test_random_bytes(random, statement.slot.proposal.b, 32);
    }
    if (about_device) {
        test_random_bytes(random, statement.slot.device.b, 32);
    }
    statement.round = kind == MOOT_SLOT_TURN ? (uint32_t)test_random_next(random) : 0;
    statement.epoch = (uint32_t)test_random_next(random);
    statement.verdict = test_random_below(random, 2) == 0 ? MOOT_VERDICT_YES : MOOT_VERDICT_NO;
    return statement;
}

static void test_every_kind_comes_back_from_its_162_bytes(void **state)
{
    (void)state;
    struct test_random random = test_random_start("statement");
    for (unsigned i = 0; i < 900; i++) {
        struct moot_statement statement = random_statement(&random, 1 + i % MOOT_SLOT_KIND_MAX);
        uint8_t bytes[MOOT_STATEMENT_BYTES];
        uint8_t again[MOOT_STATEMENT_BYTES];
        struct moot_statement back;
        assert_int_equal(moot_statement_check(&statement), MOOT_OK);
        moot_statement_encode(&statement, bytes);
        assert_int_equal(moot_statement_decode(moot_bytes_of(bytes, sizeof bytes), &back), MOOT_OK);
        moot_statement_encode(&back, again);
        assert_memory_equal(bytes, again, sizeof bytes);
        assert_int_equal(back.slot.kind, statement.slot.kind);
        assert_int_equal(back.slot.number, statement.slot.number);
        assert_true(moot_key_equal(&back.slot.device, &statement.slot.device));
        assert_true(moot_digest_equal(&back.slot.proposal, &statement.slot.proposal));
        assert_true(moot_digest_equal(&back.timeline, &statement.timeline));
        assert_true(moot_digest_equal(&back.body, &statement.body));
        assert_int_equal(back.round, statement.round);
        assert_int_equal(back.epoch, statement.epoch);
        assert_int_equal(back.verdict, statement.verdict);
    }
}

static void test_the_layout_is_the_documented_one(void **state)
{
    (void)state;
    struct moot_statement statement = {
        .slot = {.kind = MOOT_SLOT_TURN, .number = 0x0102030405060708},
        .round = 0x11121314,
        .epoch = 0x21222324,
        .verdict = MOOT_VERDICT_NO,
    };
    memset(statement.timeline.b, 0xAA, 32);
    memset(statement.body.b, 0xBB, 32);
    uint8_t bytes[MOOT_STATEMENT_BYTES];
    moot_statement_encode(&statement, bytes);
    assert_memory_equal(bytes, "moot/statement/1", 16);
    assert_memory_equal(bytes + 16, statement.timeline.b, 32);
    test_assert_hex(bytes + 48, 9, "010102030405060708");
    test_assert_hex(bytes + 121, 8, "1112131421222324");
    assert_memory_equal(bytes + 129, statement.body.b, 32);
    assert_int_equal(bytes[161], MOOT_VERDICT_NO);
}

static void test_every_single_bit_flip_is_refused_or_another_statement(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {7};
    struct test_random random = test_random_start("statement flips");
    struct moot_identity identity;
    moot_identity_init(&identity, seed);
    for (unsigned kind = 1; kind <= MOOT_SLOT_KIND_MAX; kind++) {
        struct moot_statement statement = random_statement(&random, kind);
        struct moot_signature signature;
        struct moot_digest hash;
        uint8_t bytes[MOOT_STATEMENT_BYTES];
        moot_statement_encode(&statement, bytes);
        moot_statement_hash(&statement, &hash);
        moot_statement_sign(&statement, &identity, &signature);
        assert_true(moot_statement_verify(&statement, &identity.key, &signature));
        for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            struct moot_statement other;
            enum moot_status status =
                moot_statement_decode(moot_bytes_of(bytes, sizeof bytes), &other);
            if (status == MOOT_OK) {
                struct moot_digest other_hash;
                moot_statement_hash(&other, &other_hash);
                assert_false(moot_digest_equal(&hash, &other_hash));
                assert_false(moot_statement_verify(&other, &identity.key, &signature));
            } else {
                assert_int_equal(status, MOOT_BAD_VALUE);
            }
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    moot_identity_deinit(&identity);
}

static void test_a_wrong_size_names_its_direction_and_sets_nothing(void **state)
{
    (void)state;
    struct test_random random = test_random_seeded(3);
    struct moot_statement statement = random_statement(&random, MOOT_SLOT_CACHE);
    uint8_t bytes[MOOT_STATEMENT_BYTES + 1] = {0};
    moot_statement_encode(&statement, bytes);
    struct moot_statement ret;
    struct moot_statement untouched;
    memset(&ret, 0x5A, sizeof ret);
    memset(&untouched, 0x5A, sizeof untouched);
    for (size_t size = 0; size < MOOT_STATEMENT_BYTES; size++) {
        assert_int_equal(moot_statement_decode(moot_bytes_of(bytes, size), &ret), MOOT_TRUNCATED);
    }
    assert_int_equal(moot_statement_decode(moot_bytes_of(bytes, sizeof bytes), &ret),
                     MOOT_TRAILING);
    bytes[0] = 'M';
    assert_int_equal(moot_statement_decode(moot_bytes_of(bytes, MOOT_STATEMENT_BYTES), &ret),
                     MOOT_BAD_VALUE);
    assert_memory_equal(&ret, &untouched, sizeof ret);
}

static void test_a_field_its_kind_does_not_use_is_refused(void **state)
{
    (void)state;
    struct test_random random = test_random_seeded(4);
    for (unsigned kind = 1; kind <= MOOT_SLOT_KIND_MAX; kind++) {
        bool numbered = kind == MOOT_SLOT_TURN || kind == MOOT_SLOT_EPOCH;
        bool about_device = kind == MOOT_SLOT_ADMIT || kind == MOOT_SLOT_REMOVE ||
                            kind == MOOT_SLOT_REPLACE || kind == MOOT_SLOT_RENAME;
        struct moot_statement good = random_statement(&random, kind);
        struct moot_statement bad = good;
        bad.slot.number = 1;
        assert_int_equal(moot_statement_check(&bad), numbered ? MOOT_OK : MOOT_BAD_VALUE);
        bad = good;
        bad.slot.device.b[31] ^= 1;
        assert_int_equal(moot_statement_check(&bad), about_device ? MOOT_OK : MOOT_BAD_VALUE);
        bad = good;
        bad.slot.proposal.b[0] ^= 1;
        assert_int_equal(moot_statement_check(&bad), numbered ? MOOT_BAD_VALUE : MOOT_OK);
        bad = good;
        bad.round = 1;
        assert_int_equal(moot_statement_check(&bad),
                         kind == MOOT_SLOT_TURN ? MOOT_OK : MOOT_BAD_VALUE);
    }
}

static void test_slots_read_as_people_write_them(void **state)
{
    (void)state;
    char text[MOOT_SLOT_TEXT_BYTES];
    struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = 3};
    moot_slot_format(&slot, text);
    assert_string_equal(text, "turn/3");
    slot = (struct moot_slot){.kind = MOOT_SLOT_EPOCH, .number = UINT64_MAX};
    moot_slot_format(&slot, text);
    assert_string_equal(text, "epoch/18446744073709551615");
    slot = (struct moot_slot){.kind = MOOT_SLOT_UPGRADE, .proposal = {{0x9f, 0x31, 0x00, 0xcd}}};
    moot_slot_format(&slot, text);
    assert_string_equal(text, "upgrade/9f3100cd");
    slot.kind = MOOT_SLOT_REPLACE;
    memset(slot.device.b, 0xee, 32);
    moot_slot_format(&slot, text);
    assert_string_equal(text, "device/eeeeeeee/replace/9f3100cd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_comes_back_from_its_162_bytes),
        cmocka_unit_test(test_the_layout_is_the_documented_one),
        cmocka_unit_test(test_every_single_bit_flip_is_refused_or_another_statement),
        cmocka_unit_test(test_a_wrong_size_names_its_direction_and_sets_nothing),
        cmocka_unit_test(test_a_field_its_kind_does_not_use_is_refused),
        cmocka_unit_test(test_slots_read_as_people_write_them),
    };
    return moot_crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
