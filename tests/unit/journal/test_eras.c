/* Strata 0 and 1: epochs, turns, members and decisions follow from the certified objects. */
#include "tests/lib/journal/state_maker.h"
#include "tests/lib/test.h"

#define POOL_BYTES (4U << 20)

static struct test_mesh mesh;
static struct test_state held;
static struct test_bytes object;

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

static struct moot_digest timeline(void)
{
    return moot_state_era(&held.state, held.pool)->timeline;
}

static enum moot_status tick(uint32_t epoch, const struct moot_digest *turn, uint32_t signers)
{
    struct moot_digest before = timeline();
    struct moot_body body = test_tick(&before, epoch, turn);
    return test_state_certify(&held, &mesh, &body, signers);
}

/* Certifies a turn to devices 0 .. count - 1 with that window; does not turn yet. */
static struct moot_digest turn_to(uint32_t count, uint32_t signers, uint32_t earliest,
                                  uint32_t last, uint64_t nonce)
{
    const struct moot_era *era = moot_state_era(&held.state, held.pool);
    struct moot_body body =
        test_admins(&mesh, &mesh.devices[0], held.state.epoch, nonce, era->k + 1, &era->timeline, 0,
                    count, count / 2 + 1, era->admins.version + 1);
    body.turn.earliest = earliest;
    body.turn.last = last;
    assert_int_equal(test_state_certify(&held, &mesh, &body, signers), MOOT_OK);
    return test_body_hash(&body);
}

static void a_founded_mesh_has_one_admin_one_member_and_one_chain(void **state)
{
    (void)state;
    const struct moot_era *era = moot_state_era(&held.state, held.pool);
    assert_int_equal(era->epoch, MOOT_EPOCH_FIRST);
    assert_int_equal(held.state.epoch, MOOT_EPOCH_FIRST);
    assert_true(moot_digest_equal(&era->timeline, &mesh.first_timeline));
    assert_int_equal(era->admins.count, 1);
    const struct moot_member *founder =
        moot_state_member(&held.state, held.pool, &mesh.devices[0].identity.key);
    assert_non_null(founder);
    assert_ptr_equal(
        founder, moot_state_member_named(&held.state, held.pool, moot_bytes_of_text("device-0")));
    assert_non_null(moot_state_chain(&held.state, held.pool, &mesh.devices[0].chain));
    assert_int_equal(held.state.chain_count, 1);
}

static void the_epoch_is_the_highest_certified_tick_and_lower_ones_are_dropped(void **state)
{
    (void)state;
    assert_int_equal(tick(2, NULL, 1), MOOT_OK);
    assert_int_equal(held.state.epoch, 2);
    assert_int_equal(tick(7, NULL, 1), MOOT_OK);
    assert_int_equal(held.state.epoch, 7);
    assert_int_equal(held.state.object_ids.count, 1);
    assert_int_equal(tick(5, NULL, 1), MOOT_REPLAYED);
    assert_int_equal(tick(7, NULL, 1), MOOT_REPLAYED);
    assert_int_equal(held.state.epoch, 7);
}

static void a_dropped_tick_is_named_so_that_its_row_can_be_deleted(void **state)
{
    (void)state;
    struct moot_digest before = timeline();
    struct moot_body first = test_tick(&before, 2, NULL);
    struct moot_body second = test_tick(&before, 3, NULL);
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    test_certify(&mesh, &first, &before, 0, 1, &object);
    struct moot_object decoded;
    assert_int_equal(moot_object_decode(test_bytes_of(&object), &decoded), MOOT_OK);
    struct moot_digest id = decoded.id;
    assert_int_equal(test_state_object(&held, test_bytes_of(&object), &change), MOOT_OK);
    assert_true(moot_digest_is_zero(&change.dropped_object));
    assert_true(change.objects && change.epoch && !change.turned && !change.refold);
    test_certify(&mesh, &second, &before, 0, 1, &object);
    assert_int_equal(test_state_object(&held, test_bytes_of(&object), &change), MOOT_OK);
    assert_true(moot_digest_equal(&change.dropped_object, &id));
    assert_null(moot_state_object(&held.state, held.pool, &id));
}

static void a_turn_takes_effect_only_through_a_tick_in_its_window_that_names_it(void **state)
{
    (void)state;
    struct moot_digest turn = turn_to(2, 2, 4, 6, 1);
    assert_int_equal(held.state.eras.count, 1);
    assert_int_equal(tick(3, &turn, 1), MOOT_OK); /* before its window: without effect */
    assert_int_equal(held.state.eras.count, 1);
    assert_int_equal(held.state.epoch, 1);
    assert_int_equal(tick(4, NULL, 1), MOOT_OK);
    assert_int_equal(tick(5, &turn, 1), MOOT_OK);
    assert_int_equal(held.state.eras.count, 2);
    const struct moot_era *era = moot_state_era(&held.state, held.pool);
    assert_int_equal(era->epoch, 5);
    assert_int_equal(era->admins.count, 2);
    assert_int_equal(era->admins.version, 2);
    assert_int_equal(held.state.epoch, 5);
    assert_ptr_equal(moot_state_era_at(&held.state, held.pool, 4),
                     moot_state_era_of(&held.state, held.pool, &mesh.first_timeline));
    assert_ptr_equal(moot_state_era_at(&held.state, held.pool, 5), era);
    assert_int_equal(tick(6, NULL, 1), MOOT_BAD_CERTIFICATE); /* two of two now */
    assert_int_equal(tick(6, NULL, 2), MOOT_OK);
}

static void a_turn_takes_effect_at_the_least_of_its_ticks_whenever_that_comes(void **state)
{
    (void)state;
    struct moot_digest turn = turn_to(2, 2, 2, 9, 1);
    struct moot_digest before = timeline();
    assert_int_equal(tick(6, &turn, 1), MOOT_OK);
    assert_int_equal(held.state.epoch, 6);
    struct moot_body earlier = test_tick(&before, 4, &turn);
    test_certify(&mesh, &earlier, &before, 0, 1, &object);
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    assert_int_equal(test_state_object(&held, test_bytes_of(&object), &change), MOOT_OK);
    assert_true(change.turned && change.refold);
    assert_int_equal(moot_state_era(&held.state, held.pool)->epoch, 4);
    assert_int_equal(held.state.epoch, 6); /* the epoch never falls */
    assert_int_equal(held.state.eras.count, 2);
}

/* The object about `body` decided in that round, signed by devices 0 and 1, merged. */
static struct moot_digest certify_in_round(const struct moot_body *body,
                                           const struct moot_digest *on, uint32_t round)
{
    struct moot_object decoded;
    test_certify(&mesh, body, on, 0, 1, &object);
    assert_int_equal(moot_object_decode(test_bytes_of(&object), &decoded), MOOT_OK);
    struct moot_certificate certificate = {.statement = decoded.certificate.statement};
    certificate.statement.round = round;
    for (uint32_t i = 0; i < 2; i++) {
        struct moot_signature signature;
        moot_statement_sign(&certificate.statement, &mesh.devices[i].identity, &signature);
        assert_true(moot_certificate_add(&certificate, &mesh.devices[i].identity.key, &signature));
    }
    static struct test_bytes encoded;
    struct moot_writer writer;
    moot_writer_init(&writer, encoded.memory, sizeof encoded.memory);
    moot_object_encode(&certificate, decoded.body_bytes, &writer);
    encoded.size = writer.size;
    assert_int_equal(test_state_object(&held, test_bytes_of(&encoded), NULL), MOOT_OK);
    struct moot_digest id;
    moot_statement_hash(&certificate.statement, &id);
    return id;
}

static void one_turn_certified_in_two_rounds_is_one_decision_named_by_the_least(void **state)
{
    (void)state;
    struct moot_digest before = timeline();
    struct moot_body body = test_admins(&mesh, &mesh.devices[0], 1, 1, 1, &before, 0, 2, 2, 2);
    struct moot_digest turn = test_body_hash(&body);
    (void)certify_in_round(&body, &before, 5);
    struct moot_digest middle = certify_in_round(&body, &before, 3);
    const struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = 1};
    struct moot_decision decision = moot_state_decision(&held.state, held.pool, &slot);
    assert_int_equal(decision.state, MOOT_DECISION_CERTIFIED);
    assert_int_equal(tick(3, &turn, 1), MOOT_OK);
    const struct moot_era *era = moot_state_era(&held.state, held.pool);
    assert_int_equal(era->k, 1);
    assert_true(moot_digest_equal(&era->turn_object, &middle));
    struct moot_digest least = certify_in_round(&body, &before, 1); /* also when it comes later */
    era = moot_state_era(&held.state, held.pool);
    assert_true(moot_digest_equal(&era->turn_object, &least));
    (void)certify_in_round(&body, &before, 4);
    assert_true(moot_digest_equal(&era->turn_object, &least));
}

static void two_live_turns_in_one_slot_pass_nothing_and_show_as_conflict(void **state)
{
    (void)state;
    struct moot_digest first = turn_to(2, 2, 2, 9, 1);
    struct moot_digest second = turn_to(3, 3, 2, 9, 2);
    assert_int_equal(tick(3, &first, 1), MOOT_OK);
    assert_int_equal(tick(4, &second, 1), MOOT_OK);
    assert_int_equal(held.state.eras.count, 1);
    const struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = 1};
    struct moot_decision decision = moot_state_decision(&held.state, held.pool, &slot);
    assert_int_equal(decision.state, MOOT_DECISION_CONFLICT);
    assert_non_null(decision.object);
    assert_non_null(decision.other);
    assert_false(moot_digest_equal(&decision.object->id, &decision.other->id));
}

static void a_second_turn_after_one_was_passed_changes_nothing(void **state)
{
    (void)state;
    struct moot_digest before = timeline();
    struct moot_digest turn = turn_to(2, 2, 2, 9, 1);
    assert_int_equal(tick(3, &turn, 1), MOOT_OK);
    struct moot_digest passed = timeline();
    struct moot_body other = test_admins(&mesh, &mesh.devices[0], 1, 2, 1, &before, 0, 3, 2, 2);
    other.turn.earliest = 2;
    test_certify(&mesh, &other, &before, 0, 3, &object);
    assert_int_equal(test_state_object(&held, test_bytes_of(&object), NULL), MOOT_OK);
    struct moot_digest after = timeline();
    assert_true(moot_digest_equal(&passed, &after));
    const struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = 1};
    struct moot_decision decision = moot_state_decision(&held.state, held.pool, &slot);
    assert_int_equal(decision.state, MOOT_DECISION_CERTIFIED);
    assert_true(moot_digest_equal(&decision.object->statement.body, &turn));
}

static void an_expired_turn_gives_way_to_one_decided_anew(void **state)
{
    (void)state;
    struct moot_digest first = turn_to(2, 2, 2, 3, 1);
    (void)first;
    assert_int_equal(tick(3, NULL, 1), MOOT_OK); /* a plain tick at its last epoch: expired */
    struct moot_digest second = turn_to(3, 3, 4, 9, 2);
    const struct moot_slot slot = {.kind = MOOT_SLOT_TURN, .number = 1};
    struct moot_decision decision = moot_state_decision(&held.state, held.pool, &slot);
    assert_int_equal(decision.state, MOOT_DECISION_CERTIFIED);
    assert_true(moot_digest_equal(&decision.object->statement.body, &second));
    assert_int_equal(tick(4, &second, 1), MOOT_OK);
    assert_int_equal(moot_state_era(&held.state, held.pool)->admins.count, 3);
}

static void a_new_admin_set_needs_the_signature_of_every_new_member(void **state)
{
    (void)state;
    struct moot_digest before = timeline();
    struct moot_body body = test_admins(&mesh, &mesh.devices[0], 1, 1, 1, &before, 0, 3, 2, 2);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_BAD_CERTIFICATE);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 2), MOOT_BAD_CERTIFICATE);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 3), MOOT_OK);
}

static void turns_and_ticks_that_do_not_follow_the_timeline_are_refused(void **state)
{
    (void)state;
    struct moot_digest before = timeline();
    struct moot_body body = test_admins(&mesh, &mesh.devices[0], 1, 1, 2, &before, 0, 1, 1, 2);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_BAD_BODY); /* k */
    body = test_admins(&mesh, &mesh.devices[0], 1, 1, 1, &before, 0, 1, 1, 3);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_BAD_BODY); /* version */
    struct moot_digest other = {{9}};
    body = test_admins(&mesh, &mesh.devices[0], 1, 1, 1, &other, 0, 1, 1, 2);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_BAD_BODY); /* before */
    body = test_tick(&other, 2, NULL);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_BAD_BODY);
    body = test_tick(&before, 2, NULL);
    test_certify(&mesh, &body, &other, 0, 1, &object);
    assert_int_equal(test_state_object(&held, test_bytes_of(&object), NULL), MOOT_WRONG_TIMELINE);
    test_certify(&mesh, &body, &before, 1, 1, &object); /* signed by a stranger */
    assert_int_equal(test_state_object(&held, test_bytes_of(&object), NULL), MOOT_BAD_CERTIFICATE);
}

static void a_hard_fork_turns_only_once_its_upgrade_is_certified_and_sets_the_protocol(void **state)
{
    (void)state;
    struct moot_digest before = timeline();
    struct moot_body upgrade = test_upgrade(&mesh.devices[0], 1, 5, true);
    struct moot_digest id = test_body_hash(&upgrade);
    struct moot_body fork = test_hard_fork(&mesh.devices[0], 1, 6, 1, &before, &id);
    struct moot_digest turn = test_body_hash(&fork);
    assert_int_equal(test_state_certify(&held, &mesh, &fork, 1), MOOT_OK);
    assert_int_equal(tick(5, &turn, 1), MOOT_OK);
    assert_int_equal(held.state.eras.count, 1);
    assert_int_equal(test_state_certify(&held, &mesh, &upgrade, 1), MOOT_OK);
    assert_int_equal(held.state.eras.count, 2);
    const struct moot_era *era = moot_state_era(&held.state, held.pool);
    assert_int_equal(era->protocol, 2);
    assert_int_equal(era->admins.version, 1);
    assert_int_equal(held.state.epoch, 5);
}

static void an_admission_makes_a_member_and_its_chain(void **state)
{
    (void)state;
    struct moot_body body = test_admission(&mesh.devices[0], 1, 2, &mesh.devices[1], "fridge");
    assert_null(moot_state_chain(&held.state, held.pool, &mesh.devices[1].chain));
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
    const struct moot_member *member =
        moot_state_member(&held.state, held.pool, &mesh.devices[1].identity.key);
    assert_non_null(member);
    assert_int_equal(member->admitted_epoch, 1);
    const struct moot_chain *chain =
        moot_state_chain(&held.state, held.pool, &mesh.devices[1].chain);
    assert_non_null(chain);
    assert_int_equal(chain->index, 1);
    assert_null(moot_state_member(&held.state, held.pool, &mesh.devices[2].identity.key));
}

static void admissions_of_one_least_epoch_that_differ_are_a_conflict_until_a_lower_one(void **state)
{
    (void)state;
    struct moot_key *key = &mesh.devices[1].identity.key;
    struct moot_body body = test_admission(&mesh.devices[0], 3, 2, &mesh.devices[1], "fridge");
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
    struct moot_body other = test_admission(&mesh.devices[0], 3, 4, &mesh.devices[1], "oven");
    struct moot_digest before = timeline();
    test_certify(&mesh, &other, &before, 0, 1, &object);
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    assert_int_equal(test_state_object(&held, test_bytes_of(&object), &change), MOOT_OK);
    assert_true(change.members && change.refold);
    assert_null(moot_state_member(&held.state, held.pool, key));
    assert_null(moot_state_member_named(&held.state, held.pool, moot_bytes_of_text("oven")));
    struct moot_body lower = test_admission(&mesh.devices[0], 2, 5, &mesh.devices[1], "stove");
    assert_int_equal(test_state_certify(&held, &mesh, &lower, 1), MOOT_OK);
    const struct moot_member *member = moot_state_member(&held.state, held.pool, key);
    assert_non_null(member);
    assert_int_equal(member->admitted_epoch, 2);
    assert_true(
        moot_bytes_equal(moot_blob_get(held.pool, member->name), moot_bytes_of_text("stove")));
    assert_int_equal(held.state.chain_count, 2);
}

static void names_that_two_members_share_name_nobody(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 2; i++) {
        struct moot_body body = test_admission(&mesh.devices[0], 1, i, &mesh.devices[i], "lamp");
        assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
    }
    assert_null(moot_state_member_named(&held.state, held.pool, moot_bytes_of_text("lamp")));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_founded_mesh_has_one_admin_one_member_and_one_chain),
        CASE(the_epoch_is_the_highest_certified_tick_and_lower_ones_are_dropped),
        CASE(a_dropped_tick_is_named_so_that_its_row_can_be_deleted),
        CASE(a_turn_takes_effect_only_through_a_tick_in_its_window_that_names_it),
        CASE(a_turn_takes_effect_at_the_least_of_its_ticks_whenever_that_comes),
        CASE(one_turn_certified_in_two_rounds_is_one_decision_named_by_the_least),
        CASE(two_live_turns_in_one_slot_pass_nothing_and_show_as_conflict),
        CASE(a_second_turn_after_one_was_passed_changes_nothing),
        CASE(an_expired_turn_gives_way_to_one_decided_anew),
        CASE(a_new_admin_set_needs_the_signature_of_every_new_member),
        CASE(turns_and_ticks_that_do_not_follow_the_timeline_are_refused),
        CASE(a_hard_fork_turns_only_once_its_upgrade_is_certified_and_sets_the_protocol),
        CASE(an_admission_makes_a_member_and_its_chain),
        CASE(admissions_of_one_least_epoch_that_differ_are_a_conflict_until_a_lower_one),
        CASE(names_that_two_members_share_name_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
