/* Bodies, slots and certified objects: one encoding each, and nothing that does not fit together. */
#include "journal/body.h"
#include "tests/lib/journal/mesh.h"
#include "tests/lib/test.h"

static struct test_mesh mesh;

static int setup(void **state)
{
    (void)state;
    test_mesh_init(&mesh, 1);
    return 0;
}

#define BODY_COUNT 8
static void every_body(struct moot_body ret[BODY_COUNT])
{
    const struct test_device *founder = &mesh.devices[0];
    const struct moot_digest *timeline = &mesh.first_timeline;
    struct moot_digest turn = {{3}};
    ret[0] = test_tick(timeline, 2, NULL);
    ret[1] = test_tick(timeline, 300, &turn);
    ret[2] = test_admission(founder, 1, 4, &mesh.devices[1], "fridge");
    ret[3] = test_admins(&mesh, founder, 3, 9, 1, timeline, 0, 3, 2, 2);
    ret[4] = test_hard_fork(founder, 70000, 9, 2, timeline, &turn);
    ret[5] = test_upgrade(founder, 5, 10, false);
    ret[6] = test_upgrade(founder, 5, 11, true);
    memset(&ret[7], 0, sizeof ret[7]);
    ret[7].kind = MOOT_BODY_ACTIVATION;
    ret[7].epoch = 5;
    ret[7].activation.upgrade = turn;
    ret[7].activation.approval = mesh.mesh;
}

static void decoding_and_encoding_give_the_same_bytes_for_every_body(void **state)
{
    (void)state;
    struct moot_body bodies[BODY_COUNT];
    every_body(bodies);
    for (size_t i = 0; i < BODY_COUNT; i++) {
        struct test_bytes first;
        struct test_bytes second;
        test_body_encode(&bodies[i], &first);
        struct moot_body decoded;
        assert_int_equal(moot_body_decode(test_bytes_of(&first), &decoded), MOOT_OK);
        test_body_encode(&decoded, &second);
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.memory, second.memory, first.size);
        assert_int_equal(decoded.epoch, bodies[i].epoch);
        assert_true(moot_key_equal(&decoded.proposer, &bodies[i].proposer));
    }
}

static void every_cut_and_every_trailing_byte_of_a_body_is_refused(void **state)
{
    (void)state;
    struct moot_body bodies[BODY_COUNT];
    every_body(bodies);
    for (size_t i = 0; i < BODY_COUNT; i++) {
        struct test_bytes bytes;
        struct moot_body decoded;
        test_body_encode(&bodies[i], &bytes);
        for (size_t size = 0; size < bytes.size; size++) {
            assert_int_equal(moot_body_decode(moot_bytes_of(bytes.memory, size), &decoded),
                             MOOT_TRUNCATED);
        }
        bytes.memory[bytes.size] = 0;
        assert_int_equal(moot_body_decode(moot_bytes_of(bytes.memory, bytes.size + 1), &decoded),
                         MOOT_TRAILING);
    }
}

/* A changed byte may still be a body, but then it is encoded as exactly those bytes: another hash. */
static void every_altered_byte_of_a_body_is_refused_or_is_another_body(void **state)
{
    (void)state;
    struct moot_body bodies[BODY_COUNT];
    every_body(bodies);
    for (size_t i = 0; i < BODY_COUNT; i++) {
        struct test_bytes bytes;
        test_body_encode(&bodies[i], &bytes);
        for (size_t at = 0; at < bytes.size * 8; at++) {
            bytes.memory[at / 8] ^= (uint8_t)(1U << at % 8);
            struct moot_body decoded;
            if (moot_body_decode(test_bytes_of(&bytes), &decoded) == MOOT_OK) {
                struct test_bytes again;
                test_body_encode(&decoded, &again);
                assert_int_equal(bytes.size, again.size);
                assert_memory_equal(bytes.memory, again.memory, bytes.size);
            }
            bytes.memory[at / 8] ^= (uint8_t)(1U << at % 8);
        }
    }
}

static enum moot_status status_of(const struct moot_body *body)
{
    struct test_bytes bytes;
    struct moot_body decoded;
    test_body_encode(body, &bytes);
    return moot_body_decode(test_bytes_of(&bytes), &decoded);
}

static void values_that_do_not_fit_together_are_bad_bodies(void **state)
{
    (void)state;
    struct moot_body good[BODY_COUNT];
    every_body(good);
    struct moot_body body = good[0];
    body.tick.after.b[0] ^= 1; /* a plain tick that changes the timeline */
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[1];
    body.tick.turn.b[0] ^= 1; /* a turning tick whose timeline is not the turn's */
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[0];
    body.tick.epoch = 0;
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[2];
    body.admission.name.size = 0;
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[3];
    body.turn.admins.threshold = 1; /* no majority of three */
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[3];
    body.turn.admins.keys[1] = body.turn.admins.keys[0];
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[3];
    body.turn.last = body.turn.earliest - 1;
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[4];
    body.turn.k = 0;
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[5];
    body.upgrade.fence_epoch = 9; /* a soft one has no fence */
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[6];
    body.upgrade.window = UINT32_MAX;
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
    body = good[6];
    body.epoch = 0;
    assert_int_equal(status_of(&body), MOOT_BAD_BODY);
}

static void a_body_decides_in_the_slot_that_its_kind_and_content_name(void **state)
{
    (void)state;
    struct moot_body bodies[BODY_COUNT];
    every_body(bodies);
    static const enum moot_slot_kind kinds[BODY_COUNT] = {
        MOOT_SLOT_EPOCH, MOOT_SLOT_EPOCH,   MOOT_SLOT_ADMIT,   MOOT_SLOT_TURN,
        MOOT_SLOT_TURN,  MOOT_SLOT_UPGRADE, MOOT_SLOT_UPGRADE, MOOT_SLOT_ACTIVATE};
    for (size_t i = 0; i < BODY_COUNT; i++) {
        struct moot_digest hash = test_body_hash(&bodies[i]);
        struct moot_statement statement;
        moot_body_statement(&bodies[i], &hash, &mesh.first_timeline, MOOT_VERDICT_YES, &statement);
        assert_int_equal(statement.slot.kind, kinds[i]);
        assert_int_equal(statement.epoch, bodies[i].epoch);
        assert_true(moot_digest_equal(&statement.body, &hash));
        uint8_t bytes[MOOT_SLOT_BYTES]; /* unused fields are zero: it decodes */
        struct moot_slot slot;
        moot_slot_encode(&statement.slot, bytes);
        assert_int_equal(moot_slot_decode(bytes, &slot), MOOT_OK);
    }
}

static void an_object_survives_the_round_trip_and_no_bit_of_it_can_change_unnoticed(void **state)
{
    (void)state;
    struct moot_body body = test_admission(&mesh.devices[0], 1, 2, &mesh.devices[1], "fridge");
    struct test_bytes bytes;
    test_certify(&mesh, &body, &mesh.first_timeline, 0, 1, &bytes);
    struct moot_object object;
    assert_int_equal(moot_object_decode(test_bytes_of(&bytes), &object), MOOT_OK);
    assert_int_equal(object.certificate.signer_count, 1);
    struct moot_admin_set admins = {.version = 1, .count = 1, .threshold = 1};
    admins.keys[0] = mesh.devices[0].identity.key;
    assert_int_equal(moot_certificate_check(&object.certificate, &admins, NULL), MOOT_OK);
    for (size_t at = 0; at < bytes.size * 8; at++) {
        bytes.memory[at / 8] ^= (uint8_t)(1U << at % 8);
        struct moot_object altered;
        assert_true(moot_object_decode(test_bytes_of(&bytes), &altered) != MOOT_OK ||
                    moot_certificate_check(&altered.certificate, &admins, NULL) != MOOT_OK);
        bytes.memory[at / 8] ^= (uint8_t)(1U << at % 8);
    }
}

static void an_object_whose_statement_is_not_about_its_body_is_refused(void **state)
{
    (void)state;
    struct moot_body body = test_admission(&mesh.devices[0], 1, 2, &mesh.devices[1], "fridge");
    struct moot_body other = test_admission(&mesh.devices[0], 1, 3, &mesh.devices[1], "fridge");
    struct test_bytes encoded;
    struct test_bytes bytes;
    struct moot_object object;
    test_certify(&mesh, &body, &mesh.first_timeline, 0, 1, &bytes);
    assert_int_equal(moot_object_decode(test_bytes_of(&bytes), &object), MOOT_OK);
    struct moot_certificate certificate = object.certificate;
    test_body_encode(&other, &encoded);
    struct moot_writer writer;
    moot_writer_init(&writer, bytes.memory, sizeof bytes.memory);
    moot_object_encode(&certificate, test_bytes_of(&encoded), &writer);
    assert_int_equal(moot_object_decode(moot_bytes_of(bytes.memory, writer.size), &object),
                     MOOT_BAD_BODY);
    test_body_encode(&body, &encoded);
    certificate.statement.epoch++;
    moot_writer_init(&writer, bytes.memory, sizeof bytes.memory);
    moot_object_encode(&certificate, test_bytes_of(&encoded), &writer);
    assert_int_equal(moot_object_decode(moot_bytes_of(bytes.memory, writer.size), &object),
                     MOOT_BAD_BODY);
    certificate.statement.epoch--;
    certificate.signer_count = 0;
    moot_writer_init(&writer, bytes.memory, sizeof bytes.memory);
    moot_object_encode(&certificate, test_bytes_of(&encoded), &writer);
    assert_int_equal(moot_object_decode(moot_bytes_of(bytes.memory, writer.size), &object),
                     MOOT_BAD_CERTIFICATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_and_encoding_give_the_same_bytes_for_every_body),
        cmocka_unit_test(every_cut_and_every_trailing_byte_of_a_body_is_refused),
        cmocka_unit_test(every_altered_byte_of_a_body_is_refused_or_is_another_body),
        cmocka_unit_test(values_that_do_not_fit_together_are_bad_bodies),
        cmocka_unit_test(a_body_decides_in_the_slot_that_its_kind_and_content_name),
        cmocka_unit_test(an_object_survives_the_round_trip_and_no_bit_of_it_can_change_unnoticed),
        cmocka_unit_test(an_object_whose_statement_is_not_about_its_body_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
