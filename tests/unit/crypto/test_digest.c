/* Digests: known answers, and the tag and the cutting into parts as documented. */
#include "crypto/digest.h"

#include "crypto/identity.h"
#include "tests/lib/test.h"

static void test_a_bare_hash_is_blake2b_256(void **state)
{
    (void)state;
    struct moot_digest digest;
    moot_digest_of_bytes(NULL, moot_bytes_of(NULL, 0), &digest);
    test_assert_hex(digest.b, 32,
                    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    moot_digest_of_bytes(NULL, moot_bytes_of_text("abc"), &digest);
    test_assert_hex(digest.b, 32,
                    "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void test_the_tag_goes_in_front_and_parts_are_joined(void **state)
{
    (void)state;
    struct moot_digest bare;
    struct moot_digest tagged;
    struct moot_digest joined;
    struct moot_digest streamed;
    const struct moot_bytes parts[3] = {moot_bytes_of_text("ab"), moot_bytes_of(NULL, 0),
                                        moot_bytes_of_text("c")};
    moot_digest_of_bytes(NULL, moot_bytes_of_text("moot/test/1abc"), &bare);
    moot_digest_of_bytes("moot/test/1", moot_bytes_of_text("abc"), &tagged);
    moot_digest_of("moot/test/1", parts, 3, &joined);
    struct moot_hasher hasher;
    moot_hasher_init(&hasher, "moot/test/1");
    moot_hasher_add(&hasher, moot_bytes_of_text("a"));
    struct moot_hasher copy = hasher; /* plain data: a hasher in flight can be copied */
    moot_hasher_add(&copy, moot_bytes_of_text("bc"));
    moot_hasher_finish(&copy, &streamed);
    assert_true(moot_digest_equal(&bare, &tagged));
    assert_true(moot_digest_equal(&bare, &joined));
    assert_true(moot_digest_equal(&bare, &streamed));
    moot_digest_of("moot/test/1", NULL, 0, &joined);
    moot_digest_of_bytes(NULL, moot_bytes_of_text("moot/test/1"), &bare);
    assert_true(moot_digest_equal(&bare, &joined));
}

static void test_another_tag_is_another_digest(void **state)
{
    (void)state;
    struct moot_digest one;
    struct moot_digest two;
    moot_digest_of_bytes("moot/test/1", moot_bytes_of_text("abc"), &one);
    moot_digest_of_bytes("moot/test/2", moot_bytes_of_text("abc"), &two);
    assert_false(moot_digest_equal(&one, &two));
}

static void test_a_checksum_sees_every_flipped_bit(void **state)
{
    (void)state;
    uint8_t bytes[257];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    uint64_t sum = moot_checksum_of(moot_bytes_of(bytes, sizeof bytes));
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(moot_checksum_of(moot_bytes_of(bytes, sizeof bytes)) != sum);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(moot_checksum_of(moot_bytes_of(bytes, sizeof bytes)) == sum);
    assert_true(moot_checksum_of(moot_bytes_of(bytes, sizeof bytes - 1)) != sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bare_hash_is_blake2b_256),
        cmocka_unit_test(test_the_tag_goes_in_front_and_parts_are_joined),
        cmocka_unit_test(test_another_tag_is_another_digest),
        cmocka_unit_test(test_a_checksum_sees_every_flipped_bit),
    };
    return moot_crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
