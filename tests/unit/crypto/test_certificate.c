/* Every small administrator set with every subset of signers, and every way to cheat the count. */
#include "crypto/certificate.h"

#include "tests/lib/test.h"

#define PEOPLE 8U /* the first N are members; the rest are outsiders or join later */

struct world {
    struct moot_identity people[PEOPLE]; /* ascending by key */
    struct moot_signature signatures[PEOPLE];
    struct moot_statement statement;
};

static int by_key(const void *a, const void *b)
{
    const struct moot_identity *left = a;
    const struct moot_identity *right = b;
    return moot_key_compare(&left->key, &right->key);
}

static int world_setup(void **state)
{
    static struct world world;
    for (unsigned i = 0; i < PEOPLE; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)};
        moot_identity_init(&world.people[i], seed);
    }
    qsort(world.people, PEOPLE, sizeof world.people[0], by_key);
    world.statement.slot.kind = MOOT_SLOT_UPGRADE;
    world.statement.slot.proposal.b[0] = 1;
    world.statement.verdict = MOOT_VERDICT_YES;
    for (unsigned i = 0; i < PEOPLE; i++) {
        moot_statement_sign(&world.statement, &world.people[i], &world.signatures[i]);
    }
    *state = &world;
    return 0;
}

/* People first, first + 1, ... */
static struct moot_admin_set set_of(const struct world *world, uint32_t first, uint32_t count,
                                    uint32_t threshold)
{
    struct moot_admin_set set = {.version = 1, .count = count, .threshold = threshold};
    for (uint32_t i = 0; i < count; i++) {
        set.keys[i] = world->people[first + i].key;
    }
    return set;
}

/* Signed by those whose bit is set in `who`. */
static struct moot_certificate signed_by(const struct world *world, unsigned who)
{
    struct moot_certificate certificate = {.statement = world->statement};
    for (unsigned i = PEOPLE; i-- > 0;) { /* from the last: the order is the certificate's work */
        if ((who >> i & 1U) != 0) {
            assert_true(
                moot_certificate_add(&certificate, &world->people[i].key, &world->signatures[i]));
        }
    }
    return certificate;
}

static uint32_t bits_in(unsigned who)
{
    uint32_t count = 0;
    for (; who != 0; who >>= 1) {
        count += who & 1U;
    }
    return count;
}

static void test_exactly_the_subsets_with_enough_members_certify(void **state)
{
    const struct world *world = *state;
    for (uint32_t n = 1; n <= 5; n++) {
        for (uint32_t m = 0; m <= n + 1; m++) {
            struct moot_admin_set set = set_of(world, 0, n, m);
            bool possible = m >= 1 && m <= n && 2 * m > n;
            assert_int_equal(moot_admin_set_check(&set), possible ? MOOT_OK : MOOT_BAD_THRESHOLD);
            for (unsigned who = 0; who < 1U << (n + 1); who++) { /* with one outsider */
                struct moot_certificate certificate = signed_by(world, who);
                bool enough = possible && bits_in(who & ((1U << n) - 1)) >= m;
                assert_int_equal(moot_certificate_check(&certificate, &set, NULL),
                                 enough ? MOOT_OK : MOOT_BAD_CERTIFICATE);
            }
        }
    }
}

static void test_one_false_signature_spoils_all(void **state)
{
    const struct world *world = *state;
    struct moot_admin_set set = set_of(world, 0, 3, 2);
    for (uint32_t i = 0; i < 4; i++) { /* the last is an outsider's */
        struct moot_certificate certificate = signed_by(world, 0xF);
        assert_int_equal(moot_certificate_check(&certificate, &set, NULL), MOOT_OK);
        certificate.signers[i].signature.b[i] ^= 1;
        assert_int_equal(moot_certificate_check(&certificate, &set, NULL), MOOT_BAD_SIGNATURE);
    }
    struct moot_certificate certificate = signed_by(world, 0x7);
    certificate.statement.epoch++;
    assert_int_equal(moot_certificate_check(&certificate, &set, NULL), MOOT_BAD_SIGNATURE);
}

static void test_one_key_twice_counts_for_nothing(void **state)
{
    const struct world *world = *state;
    struct moot_admin_set set = set_of(world, 0, 3, 2);
    struct moot_certificate certificate = signed_by(world, 0x1);
    assert_false(moot_certificate_add(&certificate, &world->people[0].key, &world->signatures[0]));
    assert_int_equal(certificate.signer_count, 1);
    certificate.signers[1] = certificate.signers[0]; /* what a hostile encoder would send */
    certificate.signer_count = 2;
    assert_int_equal(moot_certificate_check(&certificate, &set, NULL), MOOT_BAD_CERTIFICATE);
}

static void test_unsorted_signers_are_refused(void **state)
{
    const struct world *world = *state;
    struct moot_admin_set set = set_of(world, 0, 3, 2);
    struct moot_certificate certificate = signed_by(world, 0x7);
    struct moot_signed_by first = certificate.signers[0];
    certificate.signers[0] = certificate.signers[1];
    certificate.signers[1] = first;
    assert_int_equal(moot_certificate_check(&certificate, &set, NULL), MOOT_BAD_CERTIFICATE);
}

static void test_one_signature_under_two_names_is_false(void **state)
{
    const struct world *world = *state;
    struct moot_admin_set set = set_of(world, 0, 3, 2);
    struct moot_certificate certificate = signed_by(world, 0x3);
    certificate.signers[1].signature = certificate.signers[0].signature;
    assert_int_equal(moot_certificate_check(&certificate, &set, NULL), MOOT_BAD_SIGNATURE);
}

static void test_a_joining_set_must_sign_to_the_last_member(void **state)
{
    const struct world *world = *state;
    struct moot_admin_set set = set_of(world, 0, 3, 2);
    struct moot_admin_set joining = set_of(world, 2, 3, 2); /* 2, 3, 4: one is in both */
    for (unsigned who = 0; who < 1U << 5; who++) {
        struct moot_certificate certificate = signed_by(world, who);
        bool enough = bits_in(who & 0x7U) >= 2 && (who & 0x1CU) == 0x1CU;
        assert_int_equal(moot_certificate_check(&certificate, &set, &joining),
                         enough ? MOOT_OK : MOOT_BAD_CERTIFICATE);
    }
}

static void test_a_malformed_set_or_statement_certifies_nothing(void **state)
{
    const struct world *world = *state;
    struct moot_certificate certificate = signed_by(world, 0x7);
    struct moot_admin_set set = set_of(world, 0, 3, 2);
    set.keys[1] = set.keys[0];
    assert_int_equal(moot_admin_set_check(&set), MOOT_BAD_VALUE);
    assert_int_equal(moot_certificate_check(&certificate, &set, NULL), MOOT_BAD_CERTIFICATE);
    set = set_of(world, 0, 3, 2);
    set.count = MOOT_ADMINS_MAX + 1;
    assert_int_equal(moot_admin_set_check(&set), MOOT_BAD_VALUE);
    set = set_of(world, 0, 0, 0);
    assert_int_equal(moot_admin_set_check(&set), MOOT_BAD_THRESHOLD);
    set = set_of(world, 0, 3, UINT32_MAX);
    assert_int_equal(moot_admin_set_check(&set), MOOT_BAD_THRESHOLD);

    set = set_of(world, 0, 3, 2);
    certificate.statement.slot.kind = (enum moot_slot_kind)77;
    assert_int_equal(moot_certificate_check(&certificate, &set, NULL), MOOT_BAD_CERTIFICATE);
    certificate = signed_by(world, 0x7);
    certificate.signer_count = MOOT_CERTIFICATE_SIGNERS_MAX + 1;
    assert_int_equal(moot_certificate_check(&certificate, &set, NULL), MOOT_BAD_CERTIFICATE);
}

static void test_a_full_certificate_takes_no_more(void **state)
{
    const struct world *world = *state;
    struct moot_certificate certificate = {.statement = world->statement};
    struct moot_key key = {{0}};
    for (unsigned i = 0; i < MOOT_CERTIFICATE_SIGNERS_MAX; i++) {
        key.b[0] = (uint8_t)(i * 5 % 32); /* every one once, out of order */
        assert_true(moot_certificate_add(&certificate, &key, &world->signatures[0]));
    }
    key.b[0] = 200;
    assert_false(moot_certificate_add(&certificate, &key, &world->signatures[0]));
    for (unsigned i = 0; i < MOOT_CERTIFICATE_SIGNERS_MAX; i++) {
        assert_int_equal(certificate.signers[i].key.b[0], i);
    }
}

static void test_members_are_found_by_key(void **state)
{
    const struct world *world = *state;
    struct moot_admin_set set = set_of(world, 0, 5, 3);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(moot_admin_set_find(&set, &world->people[i].key), i);
    }
    assert_int_equal(moot_admin_set_find(&set, &world->people[5].key), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exactly_the_subsets_with_enough_members_certify),
        cmocka_unit_test(test_one_false_signature_spoils_all),
        cmocka_unit_test(test_one_key_twice_counts_for_nothing),
        cmocka_unit_test(test_unsorted_signers_are_refused),
        cmocka_unit_test(test_one_signature_under_two_names_is_false),
        cmocka_unit_test(test_a_joining_set_must_sign_to_the_last_member),
        cmocka_unit_test(test_a_malformed_set_or_statement_certifies_nothing),
        cmocka_unit_test(test_a_full_certificate_takes_no_more),
        cmocka_unit_test(test_members_are_found_by_key),
    };
    return moot_crypto_init() ? cmocka_run_group_tests(tests, world_setup, NULL) : 1;
}
