/*
 * Rebuilding and installing from a store that lacks something, or that somebody altered: each is refused
 * with its reason and its place, and leaves no state and no memory behind.
 */
#include "journal/chain_walk.h"
#include "journal/log_row.h"
#include "journal/rebuild.h"
#include "journal/run.h"
#include "tests/lib/engines/log_world.h"

#define POOL_BYTES (8U << 20)
#define IMAGE_BYTES_MAX (256U << 10)

static struct test_log_world world;
static struct test_state into;
static uint8_t cut_memory[MOOT_CUT_BYTES_MAX];
static uint8_t early_memory[MOOT_CUT_BYTES_MAX];
static uint8_t image_memory[IMAGE_BYTES_MAX];
static struct moot_cut cut, early;
static struct moot_bytes image; /* at `early` */
static struct moot_rebuild_report report;
static bool from_base;

static enum moot_status image_next(void *context, struct moot_bytes *ret)
{
    struct moot_bytes *rest = context;
    *ret = *rest;
    *rest = moot_bytes_of(NULL, 0);
    return MOOT_OK;
}

static void image_add(void *context, struct moot_bytes bytes)
{
    moot_write_raw(context, bytes);
}

static void cut_take(uint8_t *memory, struct moot_cut *ret)
{
    struct moot_writer writer;
    moot_writer_init(&writer, memory, MOOT_CUT_BYTES_MAX);
    assert_int_equal(
        moot_cut_of_state(&world.live.state, world.live.pool, &world.port, NULL, NULL, &writer),
        MOOT_OK);
    assert_int_equal(moot_cut_decode(moot_bytes_of(memory, writer.size), ret), MOOT_OK);
}

static enum moot_status rebuild_at(const struct moot_cut *at)
{
    struct moot_bytes rest = image;
    const struct moot_image_source base = {.context = &rest, .next = image_next};
    enum moot_status status = moot_state_at_cut(&into.state, into.pool, &world.port,
                                                from_base ? &base : NULL, at, &report);
    if (status != MOOT_OK) {
        assert_false(into.state.founded);
    }
    moot_state_clear(&into.state, into.pool);
    assert_int_equal(moot_pool_live(into.pool), 0);
    return status;
}

static enum moot_status install(void)
{
    struct moot_bytes rest = image;
    struct moot_image_report read;
    const struct moot_image_source source = {.context = &rest, .next = image_next};
    const struct moot_object_source objects = moot_object_source_of_store(&world.port);
    enum moot_status status = moot_image_read(&into.state, into.pool, &source, &objects, &read);
    if (status == MOOT_OK) {
        status = moot_state_install(&into.state, into.pool, &world.port, &report);
    }
    if (status != MOOT_OK) {
        assert_false(into.state.founded);
    }
    moot_state_clear(&into.state, into.pool);
    assert_int_equal(moot_pool_live(into.pool), 0);
    return status;
}

/* Two members, a cut after their first runs, more runs and ticks, another cut, a tick that outdates. */
static int setup(void **state)
{
    (void)state;
    test_log_world_new(&world, 5);
    world.wrong_percent = 0;
    test_state_new(&into, &world.mesh, POOL_BYTES);
    moot_state_clear(&into.state, into.pool);
    test_log_world_admit(&world, 1);
    test_log_world_tick(&world, 0);
    test_log_world_run(&world, 0, 10);
    test_log_world_run(&world, 1, 20);
    cut_take(early_memory, &early);
    struct moot_writer writer;
    moot_writer_init(&writer, image_memory, sizeof image_memory);
    const struct moot_sink sink = {.context = &writer, .write = image_add};
    moot_image_write(&world.live.state, world.live.pool, &sink);
    assert_int_equal(writer.status, MOOT_OK);
    image = moot_bytes_of(image_memory, writer.size);
    test_log_world_run(&world, 1, 20);
    test_log_world_tick(&world, 0);
    test_log_world_run(&world, 0, 5);
    cut_take(cut_memory, &cut);
    test_log_world_tick(&world, 1);
    test_log_world_run(&world, 1, 3);
    from_base = false;
    assert_int_equal(rebuild_at(&cut), MOOT_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_state_free(&into);
    test_log_world_free(&world);
    return 0;
}

static struct moot_chain *chain_of(uint32_t device)
{
    return moot_state_chain(&world.live.state, world.live.pool, &world.mesh.devices[device].chain);
}

static struct moot_bytes run_key(uint32_t device, uint64_t first_seq)
{
    static uint8_t key[MOOT_RUN_KEY_BYTES];
    moot_run_key(chain_of(device)->index, first_seq, key);
    return moot_bytes_of(key, sizeof key);
}

static void lsn_of(uint32_t device, uint64_t first_seq, uint8_t ret[MOOT_LSN_KEY_BYTES])
{
    struct moot_bytes lsn;
    assert_int_equal(
        world.port.get(world.port.self, MOOT_TABLE_RUN, run_key(device, first_seq), &lsn), MOOT_OK);
    memcpy(ret, lsn.data, MOOT_LSN_KEY_BYTES);
    world.port.release(world.port.self);
}

static void a_run_that_is_not_held_is_a_gap_that_is_named(void **state)
{
    (void)state;
    test_log_world_delete(&world, MOOT_TABLE_RUN, run_key(1, 21));
    test_log_world_commit(&world);
    assert_int_equal(rebuild_at(&cut), MOOT_GAP);
    assert_memory_equal(report.chain.b, world.mesh.devices[1].chain.b, 32);
    assert_int_equal(report.seq, 21);
    assert_int_equal(install(), MOOT_GAP);
    assert_int_equal(report.seq, 21);
}

static void facts_below_the_base_need_not_be_held(void **state)
{
    (void)state;
    assert_true(test_log_world_collect(&world, &early) >= 3);
    assert_int_equal(rebuild_at(&cut), MOOT_GAP);
    from_base = true;
    assert_int_equal(rebuild_at(&cut), MOOT_OK);
    assert_int_equal(report.facts, 25);
    assert_int_equal(rebuild_at(&early), MOOT_OK);
    assert_int_equal(report.facts, 0);
    assert_int_equal(install(), MOOT_OK);
    assert_int_equal(report.facts, 28);
}

static void a_damaged_log_row_is_damage_and_not_another_history(void **state)
{
    (void)state;
    uint8_t lsn[MOOT_LSN_KEY_BYTES];
    static uint8_t row[MOOT_RUN_ENCODED_BYTES_MAX + MOOT_LOG_ROW_HEAD_BYTES];
    struct moot_bytes found;
    lsn_of(1, 21, lsn);
    assert_int_equal(
        world.port.get(world.port.self, MOOT_TABLE_LOG, moot_bytes_of(lsn, sizeof lsn), &found),
        MOOT_OK);
    size_t size = found.size;
    memcpy(row, found.data, size);
    row[size / 2] ^= 1;
    test_log_world_put(&world, MOOT_TABLE_LOG, moot_bytes_of(lsn, sizeof lsn),
                       moot_bytes_of(row, size));
    test_log_world_commit(&world);
    assert_int_equal(rebuild_at(&cut), MOOT_STORE_DAMAGED);
    assert_int_equal(rebuild_at(&early), MOOT_OK);
    /* With a checksum that fits it is another history: the cut's head says so. */
    static uint8_t forged[sizeof row];
    struct moot_run run;
    row[size / 2] ^= 1;
    row[size - 70] ^= 1; /* in the last payload, before the signature */
    const struct moot_bytes encoded =
        moot_bytes_of(row + MOOT_LOG_ROW_HEAD_BYTES, size - MOOT_LOG_ROW_HEAD_BYTES);
    assert_int_equal(moot_run_decode(encoded, &run), MOOT_OK);
    moot_log_row_encode(moot_u32_get(row), encoded, forged);
    test_log_world_put(&world, MOOT_TABLE_LOG, moot_bytes_of(lsn, sizeof lsn),
                       moot_bytes_of(forged, size));
    test_log_world_commit(&world);
    assert_int_equal(rebuild_at(&cut), MOOT_CHAIN_FORKED);
    assert_memory_equal(report.chain.b, world.mesh.devices[1].chain.b, 32);
    assert_int_equal(install(), MOOT_CHAIN_FORKED);
}

static void a_cut_with_another_head_is_a_fork(void **state)
{
    (void)state;
    cut_memory[cut.chains.data - cut_memory + 40] ^= 1;
    assert_int_equal(rebuild_at(&cut), MOOT_CHAIN_FORKED);
    struct moot_cut_chain entry;
    moot_cut_chain_at(&cut, 0, &entry);
    assert_memory_equal(report.chain.b, entry.chain.b, 32);
    assert_int_equal(report.seq, entry.seq);
}

static void a_cut_inside_a_run_is_rebuilt_too(void **state)
{
    (void)state;
    /* A node that got the author's facts in other runs may be cut where none of ours ends. */
    struct moot_cut_chain entry;
    size_t at = (size_t)(cut.chains.data - cut_memory);
    moot_cut_chain_at(&cut, 0, &entry);
    const struct moot_chain *chain =
        moot_state_chain(&world.live.state, world.live.pool, &entry.chain);
    struct moot_chain_walk walk = {
        .store = &world.port, .index = chain->index, .chain = entry.chain};
    assert_int_equal(moot_chain_walk(&walk, entry.seq - 1, NULL, NULL), MOOT_OK);
    moot_u64_put(cut_memory + at + 32, walk.seq);
    memcpy(cut_memory + at + 40, walk.id.b, 32);
    assert_int_equal(rebuild_at(&cut), MOOT_OK);
    /* And the walk goes on from there. */
    assert_int_equal(moot_chain_walk(&walk, entry.seq, NULL, NULL), MOOT_OK);
    assert_memory_equal(walk.id.b, entry.head.b, 32);
    assert_int_equal(moot_chain_walk(&walk, chain->tail.seq + 1, NULL, NULL), MOOT_GAP);
    assert_int_equal(walk.seq, chain->tail.seq);
}

static void an_object_that_is_not_held_is_a_gap_that_is_named(void **state)
{
    (void)state;
    const struct moot_member *member =
        moot_state_member(&world.live.state, world.live.pool, &world.mesh.devices[1].identity.key);
    test_log_world_delete(&world, MOOT_TABLE_OBJECT, moot_digest_bytes(&member->admission));
    test_log_world_commit(&world);
    assert_int_equal(rebuild_at(&cut), MOOT_GAP);
    assert_memory_equal(report.object.b, member->admission.b, 32);
    from_base = true;
    assert_int_equal(rebuild_at(&cut), MOOT_GAP);
    assert_memory_equal(report.object.b, member->admission.b, 32);
}

static void an_outdated_tick_is_believed_only_while_a_higher_one_is_held(void **state)
{
    (void)state;
    struct moot_digest tick;
    moot_plain_tick_id(&world.mesh.first_timeline, world.live.state.epoch, &tick);
    test_log_world_delete(&world, MOOT_TABLE_OBJECT, moot_digest_bytes(&tick));
    test_log_world_commit(&world);
    assert_int_equal(rebuild_at(&cut), MOOT_GAP);
    moot_plain_tick_id(&world.mesh.first_timeline, cut.epoch, &tick);
    assert_memory_equal(report.object.b, tick.b, 32);
    assert_int_equal(install(), MOOT_GAP); /* the epoch would fall at the next start */
}

static void a_cut_of_another_timeline_is_refused(void **state)
{
    (void)state;
    struct moot_writer writer;
    struct moot_cut other;
    struct moot_digest timeline = {{9}};
    static uint8_t memory[MOOT_CUT_BYTES_MAX];
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 6);
    moot_write_uint(&writer, 1);
    moot_write_nil(&writer);
    moot_write_digest(&writer, &timeline);
    moot_write_uint(&writer, cut.epoch);
    moot_write_bin(&writer, cut.chains);
    moot_write_bin(&writer, cut.objects);
    assert_int_equal(moot_cut_decode(moot_bytes_of(memory, writer.size), &other), MOOT_OK);
    assert_int_equal(rebuild_at(&other), MOOT_WRONG_TIMELINE);
}

static void a_base_that_is_not_inside_the_cut_is_refused(void **state)
{
    (void)state;
    static uint8_t memory[MOOT_CUT_BYTES_MAX];
    struct moot_writer writer;
    struct moot_cut smaller;
    from_base = true;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 6);
    moot_write_uint(&writer, 1);
    moot_write_nil(&writer);
    moot_write_digest(&writer, &early.timeline);
    moot_write_uint(&writer, early.epoch);
    moot_write_bin(&writer, moot_bytes_of(early.chains.data, MOOT_CUT_CHAIN_BYTES));
    moot_write_bin(&writer, early.objects);
    assert_int_equal(moot_cut_decode(moot_bytes_of(memory, writer.size), &smaller), MOOT_OK);
    assert_int_equal(rebuild_at(&smaller), MOOT_BAD_VALUE);
    from_base = false;
    assert_int_equal(rebuild_at(&smaller), MOOT_OK);
}

static void a_cut_without_the_admission_of_its_author_is_refused(void **state)
{
    (void)state;
    static uint8_t memory[MOOT_CUT_BYTES_MAX];
    struct moot_writer writer;
    struct moot_cut other;
    struct moot_digest tick;
    moot_plain_tick_id(&cut.timeline, cut.epoch, &tick);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 6);
    moot_write_uint(&writer, 1);
    moot_write_nil(&writer);
    moot_write_digest(&writer, &cut.timeline);
    moot_write_uint(&writer, cut.epoch);
    moot_write_bin(&writer, cut.chains);
    moot_write_bin(&writer, moot_digest_bytes(&tick));
    assert_int_equal(moot_cut_decode(moot_bytes_of(memory, writer.size), &other), MOOT_OK);
    assert_int_equal(rebuild_at(&other), MOOT_BAD_VALUE);
    assert_memory_equal(report.chain.b, world.mesh.devices[1].chain.b, 32);
}

static void a_void_fact_that_may_still_count_stays_outside_and_is_found_inside(void **state)
{
    (void)state;
    struct moot_cut_fault fault;
    world.wrong_percent = 100;
    uint64_t seq = chain_of(1)->tail.seq;
    test_log_world_run(&world, 1, 4);
    cut_take(cut_memory, &cut);
    struct moot_cut_chain entry;
    assert_true(moot_cut_chain_find(&cut, &world.mesh.devices[1].chain, &entry));
    assert_int_equal(entry.seq, seq);
    assert_int_equal(rebuild_at(&cut), MOOT_OK);
    assert_int_not_equal(moot_cut_check(&world.live.state, world.live.pool, &fault), MOOT_OK);
    assert_memory_equal(fault.chain.b, world.mesh.devices[1].chain.b, 32);
    assert_true(fault.seq > seq && fault.seq <= seq + 4);
}

static void a_cut_back_below_what_the_log_holds_is_a_gap(void **state)
{
    (void)state;
    struct moot_writer writer;
    static uint8_t memory[MOOT_CUT_BYTES_MAX];
    world.wrong_percent = 100;
    test_log_world_run(&world, 1, 4);
    assert_true(test_log_world_collect(&world, &early) > 0);
    moot_writer_init(&writer, memory, sizeof memory);
    assert_int_equal(
        moot_cut_of_state(&world.live.state, world.live.pool, &world.port, NULL, NULL, &writer),
        MOOT_GAP);
    moot_writer_init(&writer, memory, sizeof memory);
    assert_int_equal(
        moot_cut_of_state(&world.live.state, world.live.pool, &world.port, &early, NULL, &writer),
        MOOT_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_that_is_not_held_is_a_gap_that_is_named),
        TEST(facts_below_the_base_need_not_be_held),
        TEST(a_damaged_log_row_is_damage_and_not_another_history),
        TEST(a_cut_with_another_head_is_a_fork),
        TEST(a_cut_inside_a_run_is_rebuilt_too),
        TEST(an_object_that_is_not_held_is_a_gap_that_is_named),
        TEST(an_outdated_tick_is_believed_only_while_a_higher_one_is_held),
        TEST(a_cut_of_another_timeline_is_refused),
        TEST(a_base_that_is_not_inside_the_cut_is_refused),
        TEST(a_cut_without_the_admission_of_its_author_is_refused),
        TEST(a_void_fact_that_may_still_count_stays_outside_and_is_found_inside),
        TEST(a_cut_back_below_what_the_log_holds_is_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
