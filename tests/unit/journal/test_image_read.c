/* Images read back: what is damaged is refused, and a refusal leaves neither state nor memory behind. */
#include "journal/image_read.h"

#include "crypto/digest.h"
#include "tests/lib/journal/state_maker.h"
#include "tests/lib/test.h"

#define POOL_BYTES (2U << 20)
#define IMAGE_BYTES_MAX (256U << 10)

static struct test_mesh mesh;
static struct test_state held; /* what the image is of */
static struct test_state into;
static uint8_t image_memory[IMAGE_BYTES_MAX];
static uint8_t altered[IMAGE_BYTES_MAX];
static size_t image_size;
static struct moot_digest hidden; /* an object that nobody supplies */

struct source {
    struct moot_bytes rest;
    size_t piece;
    enum moot_status fails; /* once nothing is left */
};

static enum moot_status source_next(void *context, struct moot_bytes *ret)
{
    struct source *source = context;
    size_t size = source->rest.size < source->piece ? source->rest.size : source->piece;
    *ret = moot_bytes_of(source->rest.data, size);
    source->rest = moot_bytes_of(source->rest.data + size, source->rest.size - size);
    return size == 0 ? source->fails : MOOT_OK;
}

static enum moot_status object_get(void *context, const struct moot_digest *id,
                                   struct moot_bytes *ret)
{
    (void)context;
    const struct moot_object_row *row = moot_state_object(&held.state, held.pool, id);
    if (row == NULL || moot_digest_equal(id, &hidden)) {
        return MOOT_NOT_FOUND;
    }
    *ret = moot_blob_get(held.pool, row->encoded);
    return MOOT_OK;
}

static enum moot_status read_from(struct source *source, struct moot_image_report *report)
{
    const struct moot_image_source pieces = {.context = source, .next = source_next};
    const struct moot_object_source objects = {.get = object_get};
    enum moot_status status = moot_image_read(&into.state, into.pool, &pieces, &objects, report);
    if (status != MOOT_OK) {
        assert_false(into.state.founded);
        assert_int_equal(moot_pool_live(into.pool), 0);
    }
    return status;
}

/* Reads, and forgets again. */
static enum moot_status read_bytes(struct moot_bytes bytes, struct moot_image_report *report)
{
    struct source source = {.rest = bytes, .piece = 700, .fails = MOOT_OK};
    enum moot_status status = read_from(&source, report);
    moot_state_clear(&into.state, into.pool);
    assert_int_equal(moot_pool_live(into.pool), 0);
    return status;
}

static void image_add(void *context, struct moot_bytes bytes)
{
    moot_write_raw(context, bytes);
}

static size_t image_write(const struct test_state *of, uint8_t *memory)
{
    struct moot_writer writer;
    moot_writer_init(&writer, memory, IMAGE_BYTES_MAX);
    const struct moot_sink sink = {.context = &writer, .write = image_add};
    moot_image_write(&of->state, of->pool, &sink);
    assert_int_equal(writer.status, MOOT_OK);
    return writer.size;
}

static void put(uint32_t device, uint64_t seq, const char *key, struct moot_bytes value,
                const struct moot_context_entry *context, uint32_t count)
{
    static uint8_t memory[MOOT_PAYLOAD_BYTES_MAX];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_record_put_encode(moot_bytes_of_text(key), &value, context, count, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    struct moot_fact fact = test_fact(&mesh.devices[device], seq, 2, 1, MOOT_KIND_RECORD_PUT,
                                      &mesh.first_timeline, moot_bytes_of(memory, writer.size));
    assert_int_equal(test_state_fold(&held, &mesh.devices[device], &fact), MOOT_OK);
    struct moot_chain *chain =
        moot_state_chain(&held.state, held.pool, &mesh.devices[device].chain);
    chain->tail = (struct moot_chain_tail){
        .seq = seq, .id = fact.id, .epoch = 2, .lamport = 1, .fork_id = fact.header.fork_id};
}

/* Something of every section: two members, a tick, a proposal, a withdrawal, records with context and
 * concurrent values, an opaque fact. */
static int setup(void **state)
{
    (void)state;
    static struct test_bytes payload;
    test_mesh_init(&mesh, 1);
    test_state_new(&held, &mesh, POOL_BYTES);
    test_state_new(&into, &mesh, POOL_BYTES);
    moot_state_clear(&into.state, into.pool);
    struct moot_body body = test_admission(&mesh.devices[0], 1, 900, &mesh.devices[1], "fridge");
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
    body = test_tick(&mesh.first_timeline, 2, NULL);
    assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
    body = test_upgrade(&mesh.devices[0], 2, 1, false);
    test_body_encode(&body, &payload);
    struct moot_fact fact = test_fact(&mesh.devices[0], 1, 2, 1, MOOT_KIND_UPGRADE_PROPOSED,
                                      &mesh.first_timeline, test_bytes_of(&payload));
    assert_int_equal(test_state_fold(&held, &mesh.devices[0], &fact), MOOT_OK);
    struct moot_digest proposal = test_body_hash(&body);
    struct moot_writer writer;
    moot_writer_init(&writer, payload.memory, sizeof payload.memory);
    moot_withdrawn_encode(&proposal, &writer);
    fact = test_fact(&mesh.devices[0], 2, 2, 1, MOOT_KIND_WITHDRAWN, &mesh.first_timeline,
                     moot_bytes_of(payload.memory, writer.size));
    assert_int_equal(test_state_fold(&held, &mesh.devices[0], &fact), MOOT_OK);
    fact = test_fact(&mesh.devices[1], 1, 2, 1, 4711, &mesh.first_timeline,
                     moot_bytes_of_text("later"));
    assert_int_equal(test_state_fold(&held, &mesh.devices[1], &fact), MOOT_OK);
    put(0, 3, "oven", moot_bytes_of_text("on"), NULL, 0);
    put(1, 2, "oven", moot_bytes_of_text("off"), NULL, 0);
    const struct moot_context_entry seen = {.chain = mesh.devices[0].chain, .seq = 3};
    put(1, 3, "lamp", moot_bytes_of_text("dim"), &seen, 1);
    image_size = image_write(&held, image_memory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_state_free(&held);
    test_state_free(&into);
    return 0;
}

static void the_image_reads_back_whole(void **state)
{
    (void)state;
    struct source source = {
        .rest = moot_bytes_of(image_memory, image_size), .piece = 1, .fails = MOOT_OK};
    struct moot_image_report report;
    assert_int_equal(read_from(&source, &report), MOOT_OK);
    assert_int_equal(report.size_bytes, image_size);
    struct moot_digest digest = test_state_digest(&held);
    assert_memory_equal(report.digest.b, digest.b, sizeof digest.b);
    assert_int_equal(image_write(&into, altered), image_size);
    assert_memory_equal(altered, image_memory, image_size);
    const struct moot_record *record =
        moot_state_record(&into.state, into.pool, moot_bytes_of_text("oven"));
    assert_non_null(record);
    assert_true(record->dirty);
    assert_int_equal(record->values.count, 2);
    moot_state_clear(&into.state, into.pool);
}

static void every_bit_that_flips_is_refused_or_gives_another_digest(void **state)
{
    (void)state;
    struct moot_digest digest = test_state_digest(&held);
    uint32_t accepted = 0;
    for (size_t bit = 0; bit < image_size * 8; bit++) {
        struct moot_image_report report;
        memcpy(altered, image_memory, image_size);
        altered[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (read_bytes(moot_bytes_of(altered, image_size), &report) == MOOT_OK) {
            assert_memory_not_equal(report.digest.b, digest.b, sizeof digest.b);
            accepted++;
        }
    }
    /* Values, names of things and times can be anything; structure cannot. */
    assert_true(accepted > 0 && accepted < image_size * 8 / 2);
}

static void every_shorter_image_is_refused_and_a_longer_one_too(void **state)
{
    (void)state;
    struct moot_image_report report;
    for (size_t size = 0; size < image_size; size++) {
        assert_int_not_equal(read_bytes(moot_bytes_of(image_memory, size), &report), MOOT_OK);
    }
    memcpy(altered, image_memory, image_size);
    altered[image_size] = 0xc0;
    assert_int_equal(read_bytes(moot_bytes_of(altered, image_size + 1), &report), MOOT_TRAILING);
}

static void an_object_that_is_missing_is_named(void **state)
{
    (void)state;
    struct moot_image_report report;
    const struct moot_member *member =
        moot_state_member(&held.state, held.pool, &mesh.devices[1].identity.key);
    hidden = member->admission;
    assert_int_equal(read_bytes(moot_bytes_of(image_memory, image_size), &report), MOOT_NOT_FOUND);
    assert_memory_equal(report.missing.b, hidden.b, sizeof hidden.b);
    memset(&hidden, 0, sizeof hidden);
}

static void a_plain_tick_that_is_missing_is_implied(void **state)
{
    (void)state;
    struct source source = {
        .rest = moot_bytes_of(image_memory, image_size), .piece = 4096, .fails = MOOT_OK};
    struct moot_image_report report;
    moot_plain_tick_id(&mesh.first_timeline, 2, &hidden);
    assert_non_null(moot_state_object(&held.state, held.pool, &hidden));
    assert_int_equal(read_from(&source, &report), MOOT_OK);
    assert_int_equal(into.state.epoch, 2);
    const struct moot_object_row *row = moot_state_object(&into.state, into.pool, &hidden);
    assert_non_null(row);
    assert_int_equal(row->encoded.size, 0);
    memset(&hidden, 0, sizeof hidden);
    moot_state_clear(&into.state, into.pool);
    assert_int_equal(moot_pool_live(into.pool), 0);
}

static void a_source_that_fails_or_gives_too_much_ends_the_reading(void **state)
{
    (void)state;
    static uint8_t large[MOOT_IMAGE_PIECE_BYTES_MAX + 1];
    struct moot_image_report report;
    struct source source = {
        .rest = moot_bytes_of(image_memory, image_size - 1), .piece = 50, .fails = MOOT_STORE_IO};
    assert_int_equal(read_from(&source, &report), MOOT_STORE_IO);
    memset(large, 0x90, sizeof large);
    source = (struct source){
        .rest = moot_bytes_of(large, sizeof large), .piece = sizeof large, .fails = MOOT_OK};
    assert_int_equal(read_from(&source, &report), MOOT_OVERSIZED);
}

/* Whatever the pool still has, running out gives everything back. */
static void running_out_of_memory_anywhere_leaves_nothing_behind(void **state)
{
    (void)state;
    uint32_t refused = 0;
    enum moot_status status = MOOT_NO_MEMORY;
    void *memory = into.memory;
    struct moot_pool *pool = into.pool;
    assert_int_equal(posix_memalign(&into.memory, 64, POOL_BYTES), 0);
    for (size_t size = 64U << 10; status == MOOT_NO_MEMORY && size < POOL_BYTES; size += 128) {
        struct source source = {
            .rest = moot_bytes_of(image_memory, image_size), .piece = 700, .fails = MOOT_OK};
        struct moot_image_report report;
        into.pool = moot_pool_init(into.memory, size);
        moot_state_init(&into.state);
        status = read_from(&source, &report);
        refused += status == MOOT_NO_MEMORY ? 1 : 0;
    }
    assert_int_equal(status, MOOT_OK);
    assert_true(refused > 20);
    free(into.memory);
    into.memory = memory;
    into.pool = pool;
    moot_state_init(&into.state);
}

static void a_value_of_the_largest_size_passes(void **state)
{
    (void)state;
    static uint8_t value[MOOT_RECORD_VALUE_BYTES_MAX];
    struct moot_image_report report;
    memset(value, 7, sizeof value);
    put(1, 4, "large", moot_bytes_of(value, sizeof value), NULL, 0);
    put(0, 4, "large", moot_bytes_of(value, sizeof value), NULL, 0);
    size_t size = image_write(&held, altered);
    assert_true(size > 2 * sizeof value);
    assert_int_equal(read_bytes(moot_bytes_of(altered, size), &report), MOOT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_image_reads_back_whole),
        cmocka_unit_test(every_bit_that_flips_is_refused_or_gives_another_digest),
        cmocka_unit_test(every_shorter_image_is_refused_and_a_longer_one_too),
        cmocka_unit_test(an_object_that_is_missing_is_named),
        cmocka_unit_test(a_plain_tick_that_is_missing_is_implied),
        cmocka_unit_test(a_source_that_fails_or_gives_too_much_ends_the_reading),
        cmocka_unit_test(running_out_of_memory_anywhere_leaves_nothing_behind),
        cmocka_unit_test(a_value_of_the_largest_size_passes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
