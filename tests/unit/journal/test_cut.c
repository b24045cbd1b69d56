/* Cuts as bytes: one form, every rule of it, and what is looked up in them. */
#include "journal/cut.h"

#include "crypto/digest.h"
#include "tests/lib/journal/state_maker.h"
#include "tests/lib/test.h"

#define CHAINS 5U
#define OBJECTS 7U

static uint8_t memory[4096];
static uint8_t chain_rows[CHAINS * MOOT_CUT_CHAIN_BYTES];
static uint8_t object_rows[OBJECTS * 32];

static struct moot_digest digest_of(uint8_t first)
{
    struct moot_digest digest;
    memset(digest.b, 0xab, sizeof digest.b);
    digest.b[0] = first;
    return digest;
}

/* Chains 10, 20, … end at seq 1, 2, …; objects 3, 6, … */
static void rows_reset(void)
{
    for (uint32_t i = 0; i < CHAINS; i++) {
        uint8_t *row = chain_rows + (size_t)i * MOOT_CUT_CHAIN_BYTES;
        memcpy(row, digest_of((uint8_t)(10 * (i + 1))).b, 32);
        moot_u64_put(row + 32, i + 1);
        memcpy(row + 40, digest_of((uint8_t)(100 + i)).b, 32);
    }
    for (uint32_t i = 0; i < OBJECTS; i++) {
        memcpy(object_rows + (size_t)i * 32, digest_of((uint8_t)(3 * (i + 1))).b, 32);
    }
}

struct shape {
    uint64_t version, epoch;
    uint32_t fields;
    size_t chain_bytes, object_bytes;
    bool follows, trailing;
};

static struct shape shape_good(void)
{
    return (struct shape){.version = 1,
                          .epoch = 4,
                          .fields = 6,
                          .chain_bytes = sizeof chain_rows,
                          .object_bytes = sizeof object_rows};
}

static struct moot_bytes encode(struct shape shape)
{
    struct moot_writer writer;
    struct moot_digest previous = digest_of(200);
    struct moot_digest timeline = digest_of(201);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, shape.fields);
    moot_write_uint(&writer, shape.version);
    if (shape.follows) {
        moot_write_digest(&writer, &previous);
    } else {
        moot_write_nil(&writer);
    }
    moot_write_digest(&writer, &timeline);
    moot_write_uint(&writer, shape.epoch);
    moot_write_bin(&writer, moot_bytes_of(chain_rows, shape.chain_bytes));
    moot_write_bin(&writer, moot_bytes_of(object_rows, shape.object_bytes));
    if (shape.trailing) {
        moot_write_nil(&writer);
    }
    assert_int_equal(writer.status, MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

static enum moot_status decode(struct shape shape)
{
    struct moot_cut cut;
    return moot_cut_decode(encode(shape), &cut);
}

static void a_cut_finds_what_it_lists_and_nothing_else(void **state)
{
    (void)state;
    struct moot_cut cut;
    struct moot_cut_chain entry;
    struct moot_digest id;
    rows_reset();
    struct shape shape = shape_good();
    shape.follows = true;
    assert_int_equal(moot_cut_decode(encode(shape), &cut), MOOT_OK);
    assert_true(cut.follows);
    assert_memory_equal(cut.previous.b, digest_of(200).b, 32);
    assert_memory_equal(cut.timeline.b, digest_of(201).b, 32);
    assert_int_equal(cut.epoch, 4);
    assert_int_equal(cut.chain_count, CHAINS);
    assert_int_equal(cut.object_count, OBJECTS);
    for (uint32_t first = 0; first < 256; first++) {
        id = digest_of((uint8_t)first);
        bool listed = first % 10 == 0 && first >= 10 && first <= 10 * CHAINS;
        assert_int_equal(moot_cut_chain_find(&cut, &id, &entry), listed);
        assert_int_equal(moot_cut_has_object(&cut, &id),
                         first % 3 == 0 && first >= 3 && first <= 3 * OBJECTS);
        uint64_t seq = first / 10;
        assert_false(moot_cut_has_fact(&cut, &id, listed ? seq + 1 : 1));
        if (listed) {
            assert_int_equal(entry.seq, seq);
            assert_int_equal(entry.head.b[0], 100 + seq - 1);
            assert_true(moot_cut_has_fact(&cut, &id, seq));
        }
    }
    moot_cut_object_at(&cut, OBJECTS - 1, &id);
    assert_int_equal(id.b[0], 3 * OBJECTS);
}

static void each_rule_of_the_encoding_is_kept(void **state)
{
    (void)state;
    rows_reset();
    struct shape shape = shape_good();
    assert_int_equal(decode(shape), MOOT_OK);
    shape.version = 2;
    assert_int_equal(decode(shape), MOOT_UNKNOWN_VERSION);
    shape = shape_good();
    shape.epoch = 0;
    assert_int_equal(decode(shape), MOOT_BAD_VALUE);
    shape.epoch = UINT64_C(1) << 32;
    assert_int_equal(decode(shape), MOOT_BAD_VALUE);
    shape = shape_good();
    shape.chain_bytes -= 1;
    assert_int_equal(decode(shape), MOOT_BAD_VALUE);
    shape = shape_good();
    shape.object_bytes -= 1;
    assert_int_equal(decode(shape), MOOT_BAD_VALUE);
    shape = shape_good();
    shape.trailing = true;
    assert_int_equal(decode(shape), MOOT_TRAILING);
    shape.fields = 7;
    assert_int_equal(decode(shape), MOOT_BAD_VALUE);
    shape = shape_good();
    shape.chain_bytes = shape.object_bytes = 0;
    assert_int_equal(decode(shape), MOOT_OK);
}

static void rows_ascend_and_no_chain_is_empty(void **state)
{
    (void)state;
    rows_reset();
    memcpy(chain_rows + MOOT_CUT_CHAIN_BYTES, chain_rows, 32); /* twice */
    assert_int_equal(decode(shape_good()), MOOT_BAD_VALUE);
    chain_rows[MOOT_CUT_CHAIN_BYTES] = 9; /* below the one before */
    assert_int_equal(decode(shape_good()), MOOT_BAD_VALUE);
    rows_reset();
    memcpy(object_rows + 32, object_rows, 32);
    assert_int_equal(decode(shape_good()), MOOT_BAD_VALUE);
    rows_reset();
    object_rows[32] = 1;
    assert_int_equal(decode(shape_good()), MOOT_BAD_VALUE);
    rows_reset();
    moot_u64_put(chain_rows + 32, 0);
    assert_int_equal(decode(shape_good()), MOOT_BAD_VALUE);
    moot_u64_put(chain_rows + 32, UINT64_MAX);
    assert_int_equal(decode(shape_good()), MOOT_BAD_VALUE);
}

static void a_cut_above_its_limit_is_oversized(void **state)
{
    (void)state;
    static uint8_t large[MOOT_CUT_BYTES_MAX + 1];
    struct moot_cut cut;
    assert_int_equal(moot_cut_decode(moot_bytes_of(large, sizeof large), &cut), MOOT_OVERSIZED);
}

static void every_shorter_cut_is_refused(void **state)
{
    (void)state;
    rows_reset();
    struct moot_bytes good = encode(shape_good());
    struct moot_cut cut;
    for (size_t size = 0; size < good.size; size++) {
        assert_int_not_equal(moot_cut_decode(moot_bytes_of(good.data, size), &cut), MOOT_OK);
    }
}

/* Two encoded cuts at once. */
static struct moot_cut kept(struct shape shape, uint8_t *into)
{
    struct moot_cut cut;
    struct moot_bytes bytes = encode(shape);
    memcpy(into, bytes.data, bytes.size);
    assert_int_equal(moot_cut_decode(moot_bytes_of(into, bytes.size), &cut), MOOT_OK);
    return cut;
}

static void a_later_cut_contains_an_earlier_one_or_says_why_not(void **state)
{
    (void)state;
    static uint8_t first[4096], second[4096];
    static struct test_mesh mesh;
    struct test_state held;
    test_mesh_init(&mesh, 1);
    test_state_new(&held, &mesh, 1U << 20);
    rows_reset();
    struct moot_cut earlier = kept(shape_good(), first);
    moot_u64_put(chain_rows + 32, 9); /* chain 10 went on */
    struct moot_cut later = kept(shape_good(), second);
    assert_int_equal(moot_cut_contains(&later, &earlier, &held.state, held.pool), MOOT_OK);
    assert_int_equal(moot_cut_contains(&earlier, &earlier, &held.state, held.pool), MOOT_OK);
    assert_int_equal(moot_cut_contains(&earlier, &later, &held.state, held.pool), MOOT_NOT_FOUND);
    rows_reset();
    struct shape shape = shape_good();
    shape.chain_bytes -= MOOT_CUT_CHAIN_BYTES;
    later = kept(shape, second);
    assert_int_equal(moot_cut_contains(&later, &earlier, &held.state, held.pool), MOOT_NOT_FOUND);
    shape = shape_good();
    shape.object_bytes -= 32;
    later = kept(shape, second);
    assert_int_equal(moot_cut_contains(&later, &earlier, &held.state, held.pool), MOOT_NOT_FOUND);
    chain_rows[40] ^= 1; /* another head at the same seq */
    later = kept(shape_good(), second);
    assert_int_equal(moot_cut_contains(&later, &earlier, &held.state, held.pool),
                     MOOT_CHAIN_FORKED);
    test_state_free(&held);
}

static void a_plain_tick_that_a_higher_one_outdates_need_not_stay(void **state)
{
    (void)state;
    static uint8_t first[4096], second[4096];
    static struct test_mesh mesh;
    struct test_state held;
    struct moot_store_port none = {0}; /* nothing is cut back: it is not read */
    struct moot_writer writer;
    struct moot_cut earlier;
    struct moot_cut later;
    struct moot_digest tick;
    test_mesh_init(&mesh, 1);
    test_state_new(&held, &mesh, 1U << 20);
    for (uint32_t epoch = 2; epoch <= 3; epoch++) {
        struct moot_body body = test_tick(&mesh.first_timeline, epoch, NULL);
        assert_int_equal(test_state_certify(&held, &mesh, &body, 1), MOOT_OK);
        moot_writer_init(&writer, epoch == 2 ? first : second, sizeof first);
        assert_int_equal(moot_cut_of_state(&held.state, held.pool, &none, NULL, NULL, &writer),
                         MOOT_OK);
        assert_int_equal(moot_cut_decode(moot_bytes_of(writer.data, writer.size),
                                         epoch == 2 ? &earlier : &later),
                         MOOT_OK);
        moot_plain_tick_id(&mesh.first_timeline, epoch, &tick);
        assert_true(moot_cut_has_object(epoch == 2 ? &earlier : &later, &tick));
        struct moot_digest root;
        struct moot_digest held_root;
        moot_cut_root(epoch == 2 ? &earlier : &later, &root);
        moot_frontier_root(&held.state, held.pool, &held_root);
        assert_memory_equal(root.b, held_root.b, sizeof root.b);
    }
    assert_int_equal(moot_cut_contains(&later, &earlier, &held.state, held.pool), MOOT_OK);
    assert_int_equal(moot_cut_contains(&earlier, &later, &held.state, held.pool), MOOT_NOT_FOUND);
    test_state_free(&held);
}

static void the_hash_is_the_bare_one_that_blocks_have(void **state)
{
    (void)state;
    rows_reset();
    struct moot_bytes bytes = encode(shape_good());
    struct moot_digest hash;
    struct moot_digest bare;
    moot_cut_hash(bytes, &hash);
    moot_digest_of_bytes(NULL, bytes, &bare);
    assert_memory_equal(hash.b, bare.b, sizeof hash.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_finds_what_it_lists_and_nothing_else),
        cmocka_unit_test(each_rule_of_the_encoding_is_kept),
        cmocka_unit_test(rows_ascend_and_no_chain_is_empty),
        cmocka_unit_test(a_cut_above_its_limit_is_oversized),
        cmocka_unit_test(every_shorter_cut_is_refused),
        cmocka_unit_test(a_later_cut_contains_an_earlier_one_or_says_why_not),
        cmocka_unit_test(a_plain_tick_that_a_higher_one_outdates_need_not_stay),
        cmocka_unit_test(the_hash_is_the_bare_one_that_blocks_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
