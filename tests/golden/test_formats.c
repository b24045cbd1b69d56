/* docs/FORMATS.md is true: its examples decode, encode to themselves, and belong together. */
#include "tests/lib/test.h"

#include "crypto/digest.h"
#include "crypto/statement.h"
#include "journal/run.h"
#include "tests/lib/formats.h"

static uint8_t buffer[1024];

static struct moot_bytes example(const char *name)
{
    return moot_bytes_of(buffer, test_formats_example(name, buffer, sizeof buffer));
}

static struct moot_digest example_digest(const char *name)
{
    struct moot_digest digest;
    assert_int_equal(test_formats_example(name, digest.b, sizeof digest.b), sizeof digest.b);
    return digest;
}

static struct moot_signature example_signature(const char *name)
{
    struct moot_signature signature;
    assert_int_equal(test_formats_example(name, signature.b, sizeof signature.b),
                     sizeof signature.b);
    return signature;
}

static struct moot_identity author(void)
{
    struct moot_identity identity;
    uint8_t seed[32];
    assert_true(moot_crypto_init());
    memset(seed, 1, sizeof seed);
    moot_identity_init(&identity, seed);
    return identity;
}

static void assert_hash_of(const char *hashed, const char *expected)
{
    struct moot_digest digest, wanted = example_digest(expected);
    moot_digest_of_bytes(NULL, example(hashed), &digest);
    assert_memory_equal(digest.b, wanted.b, sizeof wanted.b);
}

static void test_canonical_example_reads_as_the_page_says(void **state)
{
    (void)state;
    struct moot_bytes bytes = example("canonical-1");
    struct moot_cursor cursor;
    struct moot_writer writer;
    uint8_t memory[64];
    assert_int_equal(moot_canonical_check(bytes), MOOT_OK);
    moot_cursor_init(&cursor, bytes);
    moot_read_array(&cursor, 6);
    assert_true(moot_read_uint(&cursor, 7) == 7);
    assert_true(moot_read_uint(&cursor, 300) == 300);
    assert_true(moot_read_nil_if(&cursor));
    assert_true(moot_read_bool(&cursor));
    assert_true(moot_bytes_equal(moot_read_bin(&cursor, 3), moot_bytes_of("\1\2\3", 3)));
    moot_read_array(&cursor, 2);
    assert_true(moot_bytes_equal(moot_read_text(&cursor, 6), moot_bytes_of_text("h\xc3\xb6rth")));
    assert_true(moot_read_uint(&cursor, UINT64_MAX) == UINT64_C(1) << 32);
    assert_int_equal(moot_cursor_finish(&cursor), MOOT_OK);

    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 6);
    moot_write_uint(&writer, 7);
    moot_write_uint(&writer, 300);
    moot_write_nil(&writer);
    moot_write_bool(&writer, true);
    moot_write_bin(&writer, moot_bytes_of("\1\2\3", 3));
    moot_write_array(&writer, 2);
    moot_write_text(&writer, moot_bytes_of_text("h\xc3\xb6rth"));
    moot_write_uint(&writer, UINT64_C(1) << 32);
    assert_true(moot_bytes_equal(moot_bytes_of(memory, writer.size), bytes));
}

static void test_slot_examples_decode_and_encode_to_themselves(void **state)
{
    (void)state;
    static const char *const names[] = {"slot-admit", "slot-epoch"};
    static const enum moot_slot_kind kinds[] = {MOOT_SLOT_ADMIT, MOOT_SLOT_EPOCH};
    for (size_t i = 0; i < MOOT_COUNT_OF(names); i++) {
        struct moot_bytes bytes = example(names[i]);
        struct moot_slot slot;
        uint8_t again[MOOT_SLOT_BYTES];
        assert_int_equal(bytes.size, MOOT_SLOT_BYTES);
        assert_int_equal(moot_slot_decode(bytes.data, &slot), MOOT_OK);
        assert_int_equal(slot.kind, kinds[i]);
        moot_slot_encode(&slot, again);
        assert_memory_equal(again, bytes.data, sizeof again);
    }
}

static void test_statement_example_has_the_id_and_signature_of_the_page(void **state)
{
    (void)state;
    struct moot_bytes bytes = example("statement-1");
    struct moot_statement statement;
    uint8_t again[MOOT_STATEMENT_BYTES];
    assert_int_equal(moot_statement_decode(bytes, &statement), MOOT_OK);
    assert_int_equal(statement.slot.kind, MOOT_SLOT_UPGRADE);
    assert_int_equal(statement.epoch, 7);
    assert_int_equal(statement.verdict, MOOT_VERDICT_YES);
    moot_statement_encode(&statement, again);
    assert_memory_equal(again, bytes.data, sizeof again);

    struct moot_digest id, expected = example_digest("statement-1-id");
    moot_statement_hash(&statement, &id);
    assert_memory_equal(id.b, expected.b, sizeof id.b);
    struct moot_identity identity = author();
    struct moot_signature signature, wanted = example_signature("statement-1-signature");
    moot_statement_sign(&statement, &identity, &signature);
    assert_memory_equal(signature.b, wanted.b, sizeof wanted.b);
    assert_true(moot_statement_verify(&statement, &identity.key, &wanted));
}

static void test_chain_and_fact_ids_are_the_hashes_of_what_the_page_shows(void **state)
{
    (void)state;
    struct moot_identity identity = author();
    struct moot_digest mesh, branch = {0}, chain, expected = example_digest("chain-1");
    memset(mesh.b, 0x4d, sizeof mesh.b);
    moot_chain_id(&mesh, &identity.key, &branch, &chain);
    assert_memory_equal(chain.b, expected.b, sizeof expected.b);
    assert_hash_of("chain-1-hashed", "chain-1");
    assert_hash_of("fact-1-hashed", "fact-1");
}

static void test_header_examples_encode_to_themselves_and_give_the_fact_ids(void **state)
{
    (void)state;
    static const struct {
        const char *header, *fact, *payload;
    } rows[] = {{"header-1", "fact-1", "hello"}, {"header-2", "fact-2", "kettle"}};
    struct moot_digest chain = example_digest("chain-1");
    for (size_t i = 0; i < MOOT_COUNT_OF(rows); i++) {
        struct moot_bytes bytes = example(rows[i].header);
        struct moot_header header;
        struct moot_writer writer;
        struct moot_digest digest, expected;
        uint8_t memory[MOOT_HEADER_BYTES_MAX];
        assert_int_equal(moot_header_decode(bytes, &header), MOOT_OK);
        moot_writer_init(&writer, memory, sizeof memory);
        moot_header_encode(&header, &writer);
        assert_true(moot_bytes_equal(moot_bytes_of(memory, writer.size), bytes));
        moot_payload_hash(moot_bytes_of_text(rows[i].payload), &digest);
        assert_true(moot_digest_equal(&digest, &header.payload_hash));
        moot_fact_id(&chain, &header, &digest);
        expected = example_digest(rows[i].fact);
        assert_memory_equal(digest.b, expected.b, sizeof expected.b);
    }
}

static void test_head_signature_is_over_what_the_page_shows(void **state)
{
    (void)state;
    struct moot_identity identity = author();
    struct moot_signature signature = example_signature("head-2"), signed_bytes;
    struct moot_digest chain = example_digest("chain-1"), id = example_digest("fact-2");
    assert_true(moot_head_verify(&identity.key, &chain, 2, &id, &signature));
    moot_identity_sign(&identity, NULL, example("head-2-signed"), &signed_bytes);
    assert_memory_equal(signed_bytes.b, signature.b, sizeof signature.b);
}

static void test_run_example_verifies_and_is_built_to_the_same_bytes(void **state)
{
    (void)state;
    static uint8_t memory[MOOT_RUN_ENCODED_BYTES_MAX];
    struct moot_identity identity = author();
    struct moot_bytes bytes = example("run-1");
    struct moot_chain_tail empty = {0};
    struct moot_run run;
    struct moot_verified_run verified, built;
    assert_int_equal(moot_run_decode(bytes, &run), MOOT_OK);
    assert_int_equal(moot_run_verify(&run, &identity.key, &empty, &verified), MOOT_OK);
    struct moot_digest id, last = example_digest("fact-2");
    assert_true(moot_digest_equal(&verified.after.id, &last));

    struct moot_run_reader reader;
    struct moot_run_builder builder;
    struct moot_fact fact;
    moot_run_builder_init(&builder, &run.chain, &empty, memory, sizeof memory);
    moot_run_reader_init(&reader, &run, &empty.id, true);
    while (moot_run_reader_next(&reader, &fact)) {
        assert_int_equal(moot_run_builder_add(&builder, &fact.header, fact.payload, &id), MOOT_OK);
    }
    assert_int_equal(moot_run_builder_finish(&builder, &identity, &built), MOOT_OK);
    assert_true(moot_bytes_equal(built.run.encoded, bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical_example_reads_as_the_page_says),
        cmocka_unit_test(test_slot_examples_decode_and_encode_to_themselves),
        cmocka_unit_test(test_statement_example_has_the_id_and_signature_of_the_page),
        cmocka_unit_test(test_chain_and_fact_ids_are_the_hashes_of_what_the_page_shows),
        cmocka_unit_test(test_header_examples_encode_to_themselves_and_give_the_fact_ids),
        cmocka_unit_test(test_head_signature_is_over_what_the_page_shows),
        cmocka_unit_test(test_run_example_verifies_and_is_built_to_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
