/* Removals, replacements and renames: what they do to a member, and when they do nothing. */
#include "journal/state.h"
#include "tests/lib/journal/state_maker.h"
#include "tests/lib/test.h"

#define POOL_BYTES (1U << 20)

static struct test_mesh mesh;
static struct test_state held;

/* Device 0 founded the mesh; device 1 ("fridge") was admitted in epoch 1. */
static int setup(void **state)
{
    (void)state;
    test_mesh_init(&mesh, 1);
    test_state_new(&held, &mesh, POOL_BYTES);
    struct moot_body body = test_admission(&mesh.devices[0], 1, 2, &mesh.devices[1], "fridge");
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_state_free(&held);
    return 0;
}

static struct moot_state_change certify(const struct moot_body *body)
{
    static struct test_bytes object;
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    test_certify(&mesh, body, &moot_state_era(&held.state, held.pool)->timeline, 0, 1, &object);
    assert_int_equal(test_state_object(&held, test_bytes_of(&object), &change), MOOT_OK);
    return change;
}

static const struct moot_member *listed(uint32_t device)
{
    return moot_state_member_listed(&held.state, held.pool, &mesh.devices[device].identity.key);
}

static bool in_force(uint32_t device)
{
    return moot_state_member(&held.state, held.pool, &mesh.devices[device].identity.key) != NULL;
}

static void assert_named(uint32_t device, const char *name)
{
    assert_true(
        moot_bytes_equal(moot_blob_get(held.pool, listed(device)->name), moot_bytes_of_text(name)));
}

static enum moot_status put(uint32_t device, uint64_t seq)
{
    uint8_t memory[128];
    struct moot_bytes value = moot_bytes_of_text("4 degrees");
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_record_put_encode(moot_bytes_of_text("heating"), &value, NULL, 0, &writer);
    struct moot_fact fact =
        test_fact(&mesh.devices[device], seq, 1, (uint32_t)seq, MOOT_KIND_RECORD_PUT,
                  &mesh.first_timeline, moot_bytes_of(memory, writer.size));
    moot_state_chain(&held.state, held.pool, &mesh.devices[device].chain)->tail.seq = seq;
    return test_state_fold(&held, &mesh.devices[device], &fact);
}

static void a_removed_device_is_no_member_and_its_facts_count_up_to_the_range(void **state)
{
    (void)state;
    struct moot_body body = test_removal(&mesh.devices[0], 1, 3, &mesh.devices[1], 2);
    assert_int_equal(put(1, 1), MOOT_OK);
    struct moot_state_change change = certify(&body);
    assert_true(change.members);
    assert_false(change.refold); /* nothing above the range was folded */
    assert_false(in_force(1));
    assert_null(moot_state_member_named(&held.state, held.pool, moot_bytes_of_text("fridge")));
    assert_true(listed(1)->retired && !listed(1)->disputed && listed(1)->last_seq == 2);
    assert_int_equal(put(1, 2), MOOT_OK);
    assert_int_equal(put(1, 3), MOOT_VOID_REMOVED);
}

static void a_removal_below_what_was_folded_asks_for_a_refold(void **state)
{
    (void)state;
    struct moot_body body = test_removal(&mesh.devices[0], 1, 3, &mesh.devices[1], 2);
    assert_int_equal(put(1, 3), MOOT_OK);
    assert_true(certify(&body).refold);
}

static void an_admission_after_a_removal_brings_no_key_back(void **state)
{
    (void)state;
    struct moot_body body = test_removal(&mesh.devices[0], 1, 3, &mesh.devices[1], 2);
    struct moot_body again = test_admission(&mesh.devices[0], 1, 4, &mesh.devices[1], "fridge");
    (void)certify(&body);
    (void)certify(&again);
    assert_false(in_force(1));
    assert_int_equal(put(1, 3), MOOT_VOID_MEMBER); /* two admissions of one epoch, too */
}

static void a_removal_of_an_administrator_by_its_own_set_does_nothing(void **state)
{
    (void)state;
    struct moot_body body = test_removal(&mesh.devices[0], 1, 3, &mesh.devices[0], 2);
    struct moot_body replacement =
        test_replacement(&mesh.devices[0], 1, 4, &mesh.devices[0], &mesh.devices[2], 2);
    assert_false(certify(&body).members);
    assert_false(certify(&replacement).members);
    assert_true(in_force(0));
    assert_null(listed(2));
}

static void two_removals_that_differ_are_a_dispute_and_neither_is_in_force(void **state)
{
    (void)state;
    struct moot_body body = test_removal(&mesh.devices[0], 1, 3, &mesh.devices[1], 2);
    struct moot_body same = test_removal(&mesh.devices[0], 1, 4, &mesh.devices[1], 2);
    struct moot_body other = test_removal(&mesh.devices[0], 1, 5, &mesh.devices[1], 1);
    (void)certify(&body);
    assert_int_equal(put(1, 3), MOOT_VOID_REMOVED);
    (void)certify(&same);
    assert_true(listed(1)->retired); /* they say the same */
    assert_true(certify(&other).members);
    assert_true(listed(1)->disputed && !listed(1)->retired);
    assert_true(in_force(1));
    assert_int_equal(moot_state_rejudge(&held.state, held.pool), 1);
}

static void a_new_device_takes_the_place_and_the_name_of_the_old_one(void **state)
{
    (void)state;
    struct moot_body rename = test_rename(&mesh.devices[0], 1, 3, &mesh.devices[1], "icebox");
    struct moot_body body =
        test_replacement(&mesh.devices[0], 1, 4, &mesh.devices[1], &mesh.devices[2], 1);
    (void)certify(&body);
    (void)certify(&rename);
    assert_true(listed(1)->retired && listed(1)->replaced);
    assert_true(moot_key_equal(&listed(1)->successor, &mesh.devices[2].identity.key));
    assert_true(in_force(2));
    assert_int_equal(listed(2)->admitted_epoch, 1);
    assert_named(2, "icebox");
    assert_ptr_equal(moot_state_member_named(&held.state, held.pool, moot_bytes_of_text("icebox")),
                     listed(2));
    assert_int_equal(put(1, 1), MOOT_OK);
    assert_int_equal(put(1, 2), MOOT_VOID_REMOVED);
    assert_int_equal(put(2, 1), MOOT_OK);
}

static void a_replacement_in_dispute_lists_the_new_device_but_lets_it_in_nowhere(void **state)
{
    (void)state;
    struct moot_body body =
        test_replacement(&mesh.devices[0], 1, 3, &mesh.devices[1], &mesh.devices[2], 1);
    struct moot_body other = test_removal(&mesh.devices[0], 1, 4, &mesh.devices[1], 1);
    (void)certify(&body);
    assert_int_equal(put(2, 1), MOOT_OK);
    assert_true(certify(&other).refold);
    assert_true(in_force(1) && listed(1)->disputed);
    assert_true(!in_force(2) && listed(2)->conflicted);
}

static void the_rename_of_the_greatest_epoch_counts_and_two_of_one_epoch_do_not(void **state)
{
    (void)state;
    struct moot_body first = test_rename(&mesh.devices[0], 2, 3, &mesh.devices[1], "icebox");
    struct moot_body second = test_rename(&mesh.devices[0], 3, 4, &mesh.devices[1], "larder");
    struct moot_body beside = test_rename(&mesh.devices[0], 3, 5, &mesh.devices[1], "cellar");
    struct moot_body third = test_rename(&mesh.devices[0], 4, 6, &mesh.devices[1], "pantry");
    (void)certify(&second);
    (void)certify(&first);
    assert_named(1, "larder");
    (void)certify(&beside);
    assert_named(1, "icebox");
    (void)certify(&third);
    assert_named(1, "pantry");
}

static void devices_that_replace_each_other_in_a_circle_have_no_name(void **state)
{
    (void)state;
    struct moot_body there =
        test_replacement(&mesh.devices[0], 1, 3, &mesh.devices[2], &mesh.devices[3], 0);
    struct moot_body back =
        test_replacement(&mesh.devices[0], 1, 4, &mesh.devices[3], &mesh.devices[2], 0);
    (void)certify(&there);
    (void)certify(&back);
    assert_false(in_force(2) || in_force(3));
    assert_named(2, "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_removed_device_is_no_member_and_its_facts_count_up_to_the_range),
        TEST(a_removal_below_what_was_folded_asks_for_a_refold),
        TEST(an_admission_after_a_removal_brings_no_key_back),
        TEST(a_removal_of_an_administrator_by_its_own_set_does_nothing),
        TEST(two_removals_that_differ_are_a_dispute_and_neither_is_in_force),
        TEST(a_new_device_takes_the_place_and_the_name_of_the_old_one),
        TEST(a_replacement_in_dispute_lists_the_new_device_but_lets_it_in_nowhere),
        TEST(the_rename_of_the_greatest_epoch_counts_and_two_of_one_epoch_do_not),
        TEST(devices_that_replace_each_other_in_a_circle_have_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
