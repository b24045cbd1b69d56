/* Facts: the header's one encoding, and the ids that hang on it. */
#include "journal/fact.h"

#include "crypto/digest.h"
#include "tests/lib/test.h"

static uint64_t number_of_any_length(struct test_random *random, uint64_t max)
{
    uint64_t value = test_random_next(random) >> test_random_below(random, 64);
    return max == UINT64_MAX ? value : value % (max + 1);
}

static struct moot_header header_random(struct test_random *random)
{
    struct moot_header header = {
        .epoch = (uint32_t)number_of_any_length(random, UINT32_MAX),
        .protocol = (uint16_t)number_of_any_length(random, UINT16_MAX),
        .kind = (uint16_t)number_of_any_length(random, UINT16_MAX),
        .wall_s = number_of_any_length(random, UINT64_MAX),
        .payload_size = (uint32_t)number_of_any_length(random, MOOT_PAYLOAD_BYTES_MAX),
    };
    uint64_t seq = number_of_any_length(random, UINT64_MAX);
    uint32_t lamport = (uint32_t)number_of_any_length(random, UINT32_MAX);
    header.seq = seq > 0 ? seq : 1;
    header.lamport = lamport > 0 ? lamport : 1;
    test_random_bytes(random, header.prev.b, sizeof header.prev.b);
    test_random_bytes(random, header.fork_id.b, sizeof header.fork_id.b);
    test_random_bytes(random, header.payload_hash.b, sizeof header.payload_hash.b);
    return header;
}

static struct moot_bytes encode(const struct moot_header *header, uint8_t *memory)
{
    struct moot_writer writer;
    moot_writer_init(&writer, memory, MOOT_HEADER_BYTES_MAX);
    moot_header_encode(header, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

static void assert_headers_equal(const struct moot_header *a, const struct moot_header *b)
{
    assert_true(a->seq == b->seq && moot_digest_equal(&a->prev, &b->prev));
    assert_true(moot_fork_id_equal(a->fork_id, b->fork_id));
    assert_true(a->epoch == b->epoch && a->lamport == b->lamport);
    assert_true(a->protocol == b->protocol && a->kind == b->kind && a->wall_s == b->wall_s);
    assert_true(a->payload_size == b->payload_size);
    assert_true(moot_digest_equal(&a->payload_hash, &b->payload_hash));
}

static void test_packed_header_is_what_msgpack_c_writes_and_decodes_to_itself(void **state)
{
    (void)state;
    struct test_random random = test_random_start("header");
    for (uint32_t i = 0; i < 20000; i++) {
        struct moot_header header = header_random(&random), back;
        uint8_t memory[MOOT_HEADER_BYTES_MAX], packed[MOOT_HEADER_BYTES_MAX];
        struct moot_bytes bytes = encode(&header, memory);
        size_t size = moot_header_pack(&header, packed);
        assert_true(moot_bytes_equal(bytes, moot_bytes_of(packed, size)));
        assert_int_equal(moot_header_decode(bytes, &back), MOOT_OK);
        assert_headers_equal(&header, &back);
    }
}

static void test_header_cut_anywhere_or_longer_is_refused(void **state)
{
    (void)state;
    struct test_random random = test_random_seeded(1);
    struct moot_header header = header_random(&random), back;
    uint8_t memory[MOOT_HEADER_BYTES_MAX + 1];
    struct moot_bytes bytes = encode(&header, memory);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(moot_header_decode(moot_bytes_of(memory, size), &back), MOOT_TRUNCATED);
    }
    memory[bytes.size] = 0xc0;
    assert_int_equal(moot_header_decode(moot_bytes_of(memory, bytes.size + 1), &back),
                     MOOT_TRAILING);
}

static void test_any_flipped_bit_of_a_header_is_refused_or_changes_the_id(void **state)
{
    (void)state;
    struct test_random random = test_random_seeded(2);
    struct moot_header header = header_random(&random);
    struct moot_digest chain = {{1}}, id, other;
    uint8_t memory[MOOT_HEADER_BYTES_MAX], again[MOOT_HEADER_BYTES_MAX];
    struct moot_bytes bytes = encode(&header, memory);
    moot_fact_id(&chain, &header, &id);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        struct moot_header back;
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (moot_header_decode(bytes, &back) == MOOT_OK) {
            assert_true(moot_bytes_equal(encode(&back, again), bytes));
            moot_fact_id(&chain, &back, &other);
            assert_false(moot_digest_equal(&id, &other));
        }
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_header_limits_and_versions_have_their_own_reasons(void **state)
{
    (void)state;
    struct test_random random = test_random_seeded(3);
    uint8_t memory[MOOT_HEADER_BYTES_MAX];
    struct moot_header header, back;

    header = header_random(&random);
    header.seq = 0;
    assert_int_equal(moot_header_decode(encode(&header, memory), &back), MOOT_BAD_VALUE);
    header = header_random(&random);
    header.lamport = 0;
    assert_int_equal(moot_header_decode(encode(&header, memory), &back), MOOT_BAD_VALUE);
    header = header_random(&random);
    header.payload_size = MOOT_PAYLOAD_BYTES_MAX + 1;
    assert_int_equal(moot_header_decode(encode(&header, memory), &back), MOOT_BAD_VALUE);

    header = header_random(&random);
    struct moot_bytes bytes = encode(&header, memory);
    memory[1] = 2;
    assert_int_equal(moot_header_decode(bytes, &back), MOOT_UNKNOWN_VERSION);
    memory[1] = 0;
    assert_int_equal(moot_header_decode(bytes, &back), MOOT_BAD_VALUE);
    /* A later version may have another shape, but never another encoding. */
    assert_int_equal(moot_header_decode(moot_bytes_of("\x92\x02\xc0", 3), &back),
                     MOOT_UNKNOWN_VERSION);
    assert_int_equal(moot_header_decode(moot_bytes_of("\x92\x02\xcc\x01", 4), &back),
                     MOOT_NOT_CANONICAL);
    assert_int_equal(moot_header_decode(moot_bytes_of("\x92\x01\xc0", 3), &back), MOOT_BAD_VALUE);
}

static void test_ids_are_tagged_hashes_of_their_parts_in_order(void **state)
{
    (void)state;
    struct test_random random = test_random_seeded(4);
    struct moot_header header = header_random(&random);
    struct moot_digest mesh = {{1}}, branch = {{3}}, got, expected;
    struct moot_key device = {{2}};
    uint8_t joined[256], memory[MOOT_HEADER_BYTES_MAX];

    memcpy(joined, "moot/chain/1", 12);
    memcpy(joined + 12, mesh.b, 32);
    memcpy(joined + 44, device.b, 32);
    memcpy(joined + 76, branch.b, 32);
    moot_digest_of_bytes(NULL, moot_bytes_of(joined, 108), &expected);
    moot_chain_id(&mesh, &device, &branch, &got);
    assert_true(moot_digest_equal(&got, &expected));

    struct moot_bytes bytes = encode(&header, memory);
    memcpy(joined, "moot/fact/1", 11);
    memcpy(joined + 11, got.b, 32);
    memcpy(joined + 43, bytes.data, bytes.size);
    moot_digest_of_bytes(NULL, moot_bytes_of(joined, 43 + bytes.size), &expected);
    moot_fact_id(&got, &header, &mesh);
    assert_true(moot_digest_equal(&mesh, &expected));

    moot_digest_of_bytes(NULL, moot_bytes_of("moot/payload/1abc", 17), &expected);
    moot_payload_hash(moot_bytes_of("abc", 3), &got);
    assert_true(moot_digest_equal(&got, &expected));
    moot_digest_of_bytes(NULL, moot_bytes_of("moot/mesh/1abc", 14), &expected);
    moot_mesh_id(moot_bytes_of("abc", 3), &got);
    assert_true(moot_digest_equal(&got, &expected));
    assert_memory_equal(moot_fork_id_of(&expected).b, expected.b, MOOT_FORK_ID_BYTES);
}

static void test_head_signature_binds_device_chain_seq_and_id(void **state)
{
    (void)state;
    struct moot_identity identity, other;
    uint8_t seed[32] = {5};
    struct moot_digest chain = {{1}}, id = {{2}}, wrong = {{3}};
    struct moot_signature signature;
    assert_true(moot_crypto_init());
    moot_identity_init(&identity, seed);
    seed[0] = 6;
    moot_identity_init(&other, seed);
    moot_head_sign(&identity, &chain, 64, &id, &signature);
    assert_true(moot_head_verify(&identity.key, &chain, 64, &id, &signature));
    assert_false(moot_head_verify(&other.key, &chain, 64, &id, &signature));
    assert_false(moot_head_verify(&identity.key, &wrong, 64, &id, &signature));
    assert_false(moot_head_verify(&identity.key, &chain, 65, &id, &signature));
    assert_false(moot_head_verify(&identity.key, &chain, 64, &wrong, &signature));

    uint8_t joined[72];
    memcpy(joined, chain.b, 32);
    moot_u64_put(joined + 32, 64);
    memcpy(joined + 40, id.b, 32);
    assert_true(moot_identity_verify(&identity.key, "moot/head/1",
                                     moot_bytes_of(joined, sizeof joined), &signature));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_header_is_what_msgpack_c_writes_and_decodes_to_itself),
        cmocka_unit_test(test_header_cut_anywhere_or_longer_is_refused),
        cmocka_unit_test(test_any_flipped_bit_of_a_header_is_refused_or_changes_the_id),
        cmocka_unit_test(test_header_limits_and_versions_have_their_own_reasons),
        cmocka_unit_test(test_ids_are_tagged_hashes_of_their_parts_in_order),
        cmocka_unit_test(test_head_signature_binds_device_chain_seq_and_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
