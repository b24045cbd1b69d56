/*
 * docs/FORMATS.md is true above the facts, too: bodies, objects, payloads, rows, image and frontier
 * root. The bodies of the page are decoded, signed and merged; what the state then writes is the page.
 */
#include "tests/lib/test.h"

#include "crypto/digest.h"
#include "journal/cut.h"
#include "journal/image_read.h"
#include "journal/log_row.h"
#include "tests/lib/formats.h"

#define POOL_BYTES (1U << 20)

static struct moot_identity devices[2];
static struct moot_state held;
static struct moot_pool *pool;
static void *pool_memory;
static uint8_t memory[8192];

static struct moot_bytes example(const char *name)
{
    static uint8_t buffer[8192];
    return moot_bytes_of(buffer, test_formats_example(name, buffer, sizeof buffer));
}

static void assert_example(const char *name, struct moot_bytes bytes)
{
    struct moot_bytes wanted = example(name);
    assert_int_equal(wanted.size, bytes.size);
    assert_memory_equal(wanted.data, bytes.data, bytes.size);
}

static struct moot_bytes written(const struct moot_writer *writer)
{
    assert_int_equal(writer->status, MOOT_OK);
    return moot_bytes_of(writer->data, writer->size);
}

/* The object about the page's body of that name, on the timeline in force, signed by both devices if
 * `signers` is 2; merged. */
static void certify(const char *body_name, uint32_t signers)
{
    static uint8_t body_memory[2048];
    static uint8_t object_memory[4096];
    size_t size = test_formats_example(body_name, body_memory, sizeof body_memory);
    const struct moot_bytes bytes = moot_bytes_of(body_memory, size);
    struct moot_body body;
    struct moot_digest hash;
    struct moot_certificate certificate;
    memset(&certificate, 0, sizeof certificate);
    assert_int_equal(moot_body_decode(bytes, &body), MOOT_OK);
    moot_body_hash(bytes, &hash);
    moot_body_statement(&body, &hash, &moot_state_era(&held, pool)->timeline, MOOT_VERDICT_YES,
                        &certificate.statement);
    for (uint32_t i = 0; i < signers; i++) {
        struct moot_signature signature;
        moot_statement_sign(&certificate.statement, &devices[i], &signature);
        assert_true(moot_certificate_add(&certificate, &devices[i].key, &signature));
    }
    struct moot_writer writer;
    moot_writer_init(&writer, object_memory, sizeof object_memory);
    moot_object_encode(&certificate, bytes, &writer);
    struct moot_object object;
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    assert_int_equal(moot_object_decode(written(&writer), &object), MOOT_OK);
    assert_int_equal(moot_state_object_check(&held, pool, &object), MOOT_OK);
    assert_int_equal(moot_state_object_merge(&held, pool, &object, &change), MOOT_OK);
}

static struct moot_chain *founder_chain(void)
{
    const struct moot_member *member = moot_state_member(&held, pool, &devices[0].key);
    assert_non_null(member);
    return moot_state_chain(&held, pool, &member->chain);
}

static enum moot_status fold(uint16_t kind, uint32_t epoch, struct moot_bytes payload)
{
    struct moot_chain *chain = founder_chain();
    struct moot_fact fact;
    memset(&fact, 0, sizeof fact);
    fact.payload = payload;
    fact.header.seq = chain->tail.seq + 1;
    fact.header.prev = chain->tail.id;
    fact.header.fork_id = moot_fork_id_of(&moot_state_era_at(&held, pool, epoch)->timeline);
    fact.header.epoch = epoch;
    fact.header.lamport = epoch == chain->tail.epoch ? chain->tail.lamport + 1 : 1;
    fact.header.protocol = 1;
    fact.header.kind = kind;
    fact.header.wall_s = 1700000000;
    fact.header.payload_size = (uint32_t)payload.size;
    moot_payload_hash(payload, &fact.header.payload_hash);
    moot_fact_id(&chain->id, &fact.header, &fact.id);
    assert_int_equal(moot_chain_tail_advance(&chain->tail, &fact.header, &fact.id), MOOT_OK);
    moot_head_sign(&devices[0], &chain->id, fact.header.seq, &fact.id, &chain->head_signature);
    return moot_state_fold(&held, pool, chain, &fact);
}

/* The small mesh of the page: founded, one admission, one turn, one cache invalidation, six facts of the
 * founder. */
static int setup(void **state)
{
    (void)state;
    assert_true(moot_crypto_init());
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t seed[32];
        memset(seed, i + 1, sizeof seed);
        moot_identity_init(&devices[i], seed);
    }
    assert_int_equal(posix_memalign(&pool_memory, 64, POOL_BYTES), 0);
    pool = moot_pool_init(pool_memory, POOL_BYTES);
    moot_state_init(&held);
    assert_int_equal(moot_state_found(&held, pool, example("founding-1")), MOOT_OK);
    assert_int_equal(fold(MOOT_KIND_MESH_FOUNDED, 1, example("founding-1")), MOOT_OK);
    assert_int_equal(fold(MOOT_KIND_ADMISSION_PROPOSED, 1, example("body-admission")), MOOT_OK);
    certify("body-admission", 1);
    certify("body-turn", 2);
    certify("body-tick", 1);
    certify("body-cache", 2);
    assert_int_equal(fold(MOOT_KIND_RECORD_PUT, 2, example("put-1")), MOOT_OK);
    assert_int_equal(fold(MOOT_KIND_WITHDRAWN, 2, example("withdrawn-1")), MOOT_OK);
    assert_int_equal(fold(4711, 2, moot_bytes_of_text("later")), MOOT_OK);
    assert_int_equal(fold(MOOT_KIND_RECORD_PUT, 3, example("put-2")), MOOT_VOID_EPOCH);
    held.payload_bytes = 1000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(pool_memory);
    return 0;
}

static void every_body_decodes_and_encodes_to_itself(void **state)
{
    (void)state;
    static const char *const names[] = {"body-tick-plain",  "body-tick",      "body-turn",
                                        "body-turn-fork",   "body-admission", "body-upgrade",
                                        "body-activation",  "body-cache",     "body-removal",
                                        "body-replacement", "body-rename"};
    for (size_t i = 0; i < MOOT_COUNT_OF(names); i++) {
        struct moot_bytes bytes = example(names[i]);
        struct moot_body body;
        struct moot_writer writer;
        assert_int_equal(moot_body_decode(bytes, &body), MOOT_OK);
        moot_writer_init(&writer, memory, sizeof memory);
        moot_body_encode(&body, &writer);
        assert_true(moot_bytes_equal(written(&writer), bytes));
    }
}

static void the_payloads_decode_and_encode_to_themselves(void **state)
{
    (void)state;
    struct moot_founding founding;
    struct moot_digest proposal;
    struct moot_record_put put;
    struct moot_writer writer;
    struct moot_bytes bytes = example("founding-1");
    assert_int_equal(moot_founding_decode(bytes, &founding), MOOT_OK);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_founding_encode(&founding, &writer);
    assert_true(moot_bytes_equal(written(&writer), bytes));
    bytes = example("withdrawn-1");
    assert_int_equal(moot_withdrawn_decode(bytes, &proposal), MOOT_OK);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_withdrawn_encode(&proposal, &writer);
    assert_true(moot_bytes_equal(written(&writer), bytes));
    bytes = example("put-2");
    assert_int_equal(moot_record_put_decode(bytes, &put), MOOT_OK);
    assert_true(put.tombstone);
    assert_int_equal(put.context_count, 1);
    struct moot_context_entry entry;
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, put.context);
    moot_context_entry_read(&cursor, &entry);
    assert_int_equal(moot_cursor_finish(&cursor), MOOT_OK);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_record_put_encode(put.key, NULL, &entry, 1, &writer);
    assert_true(moot_bytes_equal(written(&writer), bytes));
}

static void the_mesh_and_its_timelines_have_the_hashes_of_the_page(void **state)
{
    (void)state;
    assert_example("mesh-1", moot_digest_bytes(&held.mesh));
    assert_example("timeline-1", moot_digest_bytes(&moot_state_era_at(&held, pool, 1)->timeline));
    assert_example("timeline-2", moot_digest_bytes(&moot_state_era(&held, pool)->timeline));
}

static void the_certified_object_is_the_one_of_the_page(void **state)
{
    (void)state;
    struct moot_object object;
    assert_int_equal(moot_object_decode(example("object-1"), &object), MOOT_OK);
    const struct moot_object_row *row = moot_state_object(&held, pool, &object.id);
    assert_non_null(row);
    assert_example("object-1", moot_blob_get(pool, row->encoded));
    assert_example("object-1-id", moot_digest_bytes(&row->id));
}

static void the_rows_are_those_of_the_page(void **state)
{
    (void)state;
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_chain_encode(founder_chain(), &writer);
    assert_example("chain-row-1", written(&writer));
    moot_writer_init(&writer, memory, sizeof memory);
    moot_era_encode(moot_state_era(&held, pool), &writer);
    assert_example("era-row-1", written(&writer));
    const struct moot_record *record =
        moot_state_record(&held, pool, moot_bytes_of_text("heating"));
    assert_non_null(record);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_record_encode(record, pool, &writer);
    assert_example("record-row-1", written(&writer));
    moot_writer_init(&writer, memory, sizeof memory);
    moot_checkpoint_encode(&held, pool, 6, &writer);
    assert_example("checkpoint-1", written(&writer));
}

static void sink_write(void *context, struct moot_bytes bytes)
{
    moot_write_raw(context, bytes);
}

static void image_digest_and_frontier_root_are_those_of_the_page(void **state)
{
    (void)state;
    struct moot_writer writer;
    struct moot_digest digest;
    struct moot_digest hashed;
    moot_writer_init(&writer, memory, sizeof memory);
    const struct moot_sink sink = {.context = &writer, .write = sink_write};
    moot_image_write(&held, pool, &sink);
    assert_example("image-1", written(&writer));
    assert_int_equal(moot_canonical_check(written(&writer)), MOOT_OK);
    moot_state_digest(&held, pool, &digest);
    assert_example("image-1-digest", moot_digest_bytes(&digest));
    moot_digest_of_bytes(NULL, written(&writer), &hashed);
    assert_true(moot_digest_equal(&digest, &hashed));
    moot_frontier_root(&held, pool, &digest);
    assert_example("frontier-1", moot_digest_bytes(&digest));
    moot_digest_of_bytes(NULL, example("frontier-1-hashed"), &hashed);
    assert_true(moot_digest_equal(&digest, &hashed));
}

struct page {
    struct moot_bytes rest;
};

static enum moot_status page_next(void *context, struct moot_bytes *ret)
{
    struct page *page = context;
    *ret = page->rest;
    page->rest = moot_bytes_of(NULL, 0);
    return MOOT_OK;
}

static enum moot_status object_get(void *context, const struct moot_digest *id,
                                   struct moot_bytes *ret)
{
    (void)context;
    const struct moot_object_row *row = moot_state_object(&held, pool, id);
    assert_non_null(row);
    *ret = moot_blob_get(pool, row->encoded);
    return MOOT_OK;
}

static void the_image_of_the_page_reads_back(void **state)
{
    (void)state;
    struct moot_state read;
    struct moot_image_report report;
    struct page page = {.rest = example("image-1")};
    const struct moot_image_source source = {.context = &page, .next = page_next};
    const struct moot_object_source objects = {.get = object_get};
    moot_state_init(&read);
    assert_int_equal(moot_image_read(&read, pool, &source, &objects, &report), MOOT_OK);
    assert_example("image-1-digest", moot_digest_bytes(&report.digest));
    assert_int_equal(report.size_bytes, moot_image_bytes(&held, pool));
    moot_state_clear(&read, pool);
}

static void the_cut_is_the_frontier_of_the_page(void **state)
{
    (void)state;
    static uint8_t cut_memory[1024];
    size_t size = test_formats_example("cut-1", cut_memory, sizeof cut_memory);
    struct moot_cut cut;
    struct moot_cut_chain entry;
    struct moot_digest digest;
    assert_int_equal(moot_cut_decode(moot_bytes_of(cut_memory, size), &cut), MOOT_OK);
    assert_false(cut.follows);
    assert_int_equal(cut.epoch, held.epoch);
    assert_int_equal(cut.object_count, held.object_ids.count);
    assert_true(moot_cut_chain_find(&cut, &founder_chain()->id, &entry));
    assert_int_equal(entry.seq, 6);
    assert_memory_equal(entry.head.b, founder_chain()->tail.id.b, sizeof entry.head.b);
    moot_cut_root(&cut, &digest);
    assert_example("frontier-1", moot_digest_bytes(&digest));
    moot_cut_hash(cut.encoded, &digest);
    assert_example("cut-1-hash", moot_digest_bytes(&digest));
}

static void the_strata_have_the_hashes_of_the_page(void **state)
{
    (void)state;
    struct moot_digest strata[MOOT_STRATA];
    moot_strata_digests(&held, pool, strata);
    assert_example("strata-1", moot_bytes_of(strata, sizeof strata));
}

static void a_log_row_is_index_checksum_and_run(void **state)
{
    (void)state;
    struct moot_bytes run;
    uint32_t index;
    struct moot_bytes wanted = example("run-1");
    moot_log_row_encode(7, wanted, memory);
    assert_int_equal(
        moot_log_row_check(moot_bytes_of(memory, wanted.size + MOOT_LOG_ROW_HEAD_BYTES), &index,
                           &run),
        MOOT_OK);
    assert_int_equal(index, 7);
    assert_true(moot_bytes_equal(run, wanted));
    assert_example("log-row-1", moot_bytes_of(memory, wanted.size + MOOT_LOG_ROW_HEAD_BYTES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_decodes_and_encodes_to_itself),
        cmocka_unit_test(the_payloads_decode_and_encode_to_themselves),
        cmocka_unit_test(the_mesh_and_its_timelines_have_the_hashes_of_the_page),
        cmocka_unit_test(the_certified_object_is_the_one_of_the_page),
        cmocka_unit_test(the_rows_are_those_of_the_page),
        cmocka_unit_test(image_digest_and_frontier_root_are_those_of_the_page),
        cmocka_unit_test(the_image_of_the_page_reads_back),
        cmocka_unit_test(the_cut_is_the_frontier_of_the_page),
        cmocka_unit_test(the_strata_have_the_hashes_of_the_page),
        cmocka_unit_test(a_log_row_is_index_checksum_and_run),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
