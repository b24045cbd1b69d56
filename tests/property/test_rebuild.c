/*
 * The state at a cut, images read back, and installs, over journals that grow at random.
 *
 * While a journal grows, cuts are taken, and beside each the digest of a twin that was told exactly what
 * lies in the cut, in the order in which it came. Later, when newer ticks have taken the place of those
 * in the cuts, the state at every cut is rebuilt from nothing and from the images of all earlier cuts.
 */
#include "crypto/digest.h"
#include "journal/log_row.h"
#include "journal/rebuild.h"
#include "journal/run.h"
#include "tests/lib/engines/log_world.h"

#define SEEDS 150
#define STEPS 60
#define CUTS_MAX 8
#define POOL_BYTES (16U << 20)
#define IMAGE_BYTES_MAX (1U << 20)

struct taken {
    uint8_t *cut_memory, *image_memory;
    struct moot_cut cut;
    struct moot_bytes image;
    struct moot_digest digest;
    bool whole; /* no chain was cut back */
};

static struct test_log_world world;
static struct taken taken[CUTS_MAX];
static uint32_t taken_count;

/* ---- images as bytes ---- */

struct pieces {
    struct moot_bytes rest;
    size_t size;
};

static enum moot_status pieces_next(void *context, struct moot_bytes *ret)
{
    struct pieces *pieces = context;
    size_t size = pieces->rest.size < pieces->size ? pieces->rest.size : pieces->size;
    *ret = moot_bytes_of(pieces->rest.data, size);
    pieces->rest = moot_bytes_of(pieces->rest.data + size, pieces->rest.size - size);
    return MOOT_OK;
}

static void image_add(void *context, struct moot_bytes bytes)
{
    moot_write_raw(context, bytes);
}

static struct moot_bytes image_of(const struct test_state *held, uint8_t *memory)
{
    struct moot_writer writer;
    moot_writer_init(&writer, memory, IMAGE_BYTES_MAX);
    const struct moot_sink sink = {.context = &writer, .write = image_add};
    moot_image_write(&held->state, held->pool, &sink);
    assert_int_equal(writer.status, MOOT_OK);
    assert_int_equal(writer.size, moot_image_bytes(&held->state, held->pool));
    return moot_bytes_of(memory, writer.size);
}

static void empty_new(struct test_state *ret)
{
    test_state_new(ret, &world.mesh, POOL_BYTES);
    moot_state_clear(&ret->state, ret->pool);
}

static enum moot_status image_read(struct test_state *into, struct moot_bytes image, size_t piece,
                                   struct moot_image_report *report)
{
    struct pieces pieces = {.rest = image, .size = piece};
    const struct moot_image_source source = {.context = &pieces, .next = pieces_next};
    const struct moot_object_source objects = moot_object_source_of_store(&world.port);
    return moot_image_read(&into->state, into->pool, &source, &objects, report);
}

/* ---- the twin: told exactly what lies in the cut ---- */

struct twin {
    struct test_state held;
    const struct moot_cut *cut;
};

static enum moot_status twin_run(void *context, const struct moot_store_row *row)
{
    struct twin *twin = context;
    struct moot_bytes encoded;
    struct moot_run run;
    struct moot_run_reader reader;
    struct moot_fact fact;
    uint32_t index;
    assert_int_equal(moot_log_row_check(row->value, &index, &encoded), MOOT_OK);
    assert_int_equal(moot_run_decode(encoded, &run), MOOT_OK);
    struct moot_chain *chain = moot_state_chain(&twin->held.state, twin->held.pool, &run.chain);
    if (chain == NULL) {
        return MOOT_OK; /* admitted after the cut */
    }
    moot_run_reader_init(&reader, &run, &chain->tail.id, true);
    while (moot_run_reader_next(&reader, &fact)) {
        if (moot_cut_has_fact(twin->cut, &run.chain, fact.header.seq)) {
            assert_int_equal(moot_chain_tail_advance(&chain->tail, &fact.header, &fact.id),
                             MOOT_OK);
            assert_int_not_equal(moot_state_fold(&twin->held.state, twin->held.pool, chain, &fact),
                                 MOOT_NO_MEMORY);
        }
    }
    return MOOT_OK;
}

static struct moot_digest twin_digest(const struct moot_cut *cut)
{
    struct twin twin = {.cut = cut};
    test_state_new(&twin.held, &world.mesh, POOL_BYTES);
    for (uint32_t i = 0; i < world.object_count; i++) {
        assert_int_equal(test_state_object(&twin.held, test_bytes_of(world.objects[i]), NULL),
                         MOOT_OK);
    }
    assert_int_equal(moot_store_each(&world.port, MOOT_TABLE_LOG, twin_run, &twin), MOOT_OK);
    struct moot_digest digest = test_state_digest(&twin.held);
    struct moot_digest root;
    struct moot_digest wanted;
    moot_frontier_root(&twin.held.state, twin.held.pool, &root);
    moot_cut_root(cut, &wanted);
    assert_memory_equal(root.b, wanted.b, sizeof root.b);
    test_state_free(&twin.held);
    return digest;
}

/* ---- cuts ---- */

static bool is_whole(const struct moot_cut *cut)
{
    struct moot_digest root;
    struct moot_digest wanted;
    moot_frontier_root(&world.live.state, world.live.pool, &root);
    moot_cut_root(cut, &wanted);
    return moot_digest_equal(&root, &wanted);
}

static void cut_take(void)
{
    struct taken *one = &taken[taken_count];
    const struct taken *last = taken_count > 0 ? &taken[taken_count - 1] : NULL;
    one->cut_memory = malloc(MOOT_CUT_BYTES_MAX);
    one->image_memory = malloc(IMAGE_BYTES_MAX);
    assert_non_null(one->cut_memory);
    assert_non_null(one->image_memory);
    struct moot_digest previous = {{(uint8_t)taken_count}};
    struct moot_writer writer;
    moot_writer_init(&writer, one->cut_memory, MOOT_CUT_BYTES_MAX);
    assert_int_equal(moot_cut_of_state(&world.live.state, world.live.pool, &world.port,
                                       last != NULL ? &last->cut : NULL,
                                       last != NULL ? &previous : NULL, &writer),
                     MOOT_OK);
    assert_int_equal(moot_cut_decode(moot_bytes_of(one->cut_memory, writer.size), &one->cut),
                     MOOT_OK);
    one->whole = is_whole(&one->cut);
    one->digest = twin_digest(&one->cut);
    if (one->whole) {
        struct moot_digest live = test_state_digest(&world.live);
        assert_memory_equal(live.b, one->digest.b, sizeof live.b);
    }
    for (uint32_t i = 0; i < taken_count; i++) {
        assert_int_equal(
            moot_cut_contains(&one->cut, &taken[i].cut, &world.live.state, world.live.pool),
            MOOT_OK);
    }
    taken_count++;
}

static void world_grow(uint64_t seed)
{
    test_log_world_new(&world, seed);
    taken_count = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        test_log_world_step(&world);
        if (taken_count < CUTS_MAX && step % 8 == 7) {
            cut_take();
        }
    }
    test_log_world_tick(&world, 0); /* the plain tick of the last cut is gone, too */
}

static void world_end(void)
{
    for (uint32_t i = 0; i < taken_count; i++) {
        free(taken[i].cut_memory);
        free(taken[i].image_memory);
    }
    test_log_world_free(&world);
}

/* Rebuilds at cut `index` from the image of cut `base` (or from nothing: UINT32_MAX). */
static void rebuild(struct test_state *into, uint32_t base, uint32_t index)
{
    struct moot_rebuild_report report;
    struct pieces pieces = {.size = 1000};
    const struct moot_image_source source = {.context = &pieces, .next = pieces_next};
    if (base != UINT32_MAX) {
        pieces.rest = taken[base].image;
    }
    empty_new(into);
    assert_int_equal(moot_state_at_cut(&into->state, into->pool, &world.port,
                                       base != UINT32_MAX ? &source : NULL, &taken[index].cut,
                                       &report),
                     MOOT_OK);
    struct moot_digest digest = test_state_digest(into);
    assert_memory_equal(digest.b, taken[index].digest.b, sizeof digest.b);
    struct moot_cut_fault fault;
    assert_int_equal(moot_cut_check(&into->state, into->pool, &fault), MOOT_OK);
}

static void the_state_at_a_cut_is_that_of_a_node_that_held_just_that(void **state)
{
    (void)state;
    struct test_random random = test_random_start("rebuild");
    uint32_t cut_back = 0;
    uint32_t turned = 0;
    for (uint32_t round = 0; round < SEEDS; round++) {
        world_grow(test_random_next(&random));
        for (uint32_t i = 0; i < taken_count; i++) {
            struct test_state at;
            rebuild(&at, UINT32_MAX, i);
            taken[i].image = image_of(&at, taken[i].image_memory);
            test_state_free(&at);
            for (uint32_t base = 0; base < i; base += 1 + (round % 3)) {
                rebuild(&at, base, i);
                test_state_free(&at);
            }
            cut_back += taken[i].whole ? 0 : 1;
        }
        turned += world.live.state.eras.count - 1;
        world_end();
    }
    printf("%u worlds, %u cuts cut back, %u turns\n", SEEDS, cut_back, turned);
    assert_true(cut_back > SEEDS / 10 && turned > SEEDS / 4);
}

static void an_image_reads_back_to_its_own_bytes_in_pieces_of_any_size(void **state)
{
    (void)state;
    static uint8_t again[IMAGE_BYTES_MAX];
    struct test_random random = test_random_start("image round trip");
    for (uint32_t round = 0; round < SEEDS; round++) {
        world_grow(test_random_next(&random));
        for (uint32_t i = round % 3; i < taken_count; i += 3) {
            struct test_state at;
            struct test_state read;
            struct moot_image_report report;
            rebuild(&at, UINT32_MAX, i);
            struct moot_bytes image = image_of(&at, taken[i].image_memory);
            empty_new(&read);
            size_t piece = 1 + (size_t)test_random_below(&world.random, 3000);
            assert_int_equal(image_read(&read, image, piece, &report), MOOT_OK);
            assert_int_equal(report.size_bytes, image.size);
            assert_memory_equal(report.digest.b, taken[i].digest.b, sizeof report.digest.b);
            assert_true(moot_bytes_equal(image_of(&read, again), image));
            struct moot_digest left[MOOT_STRATA];
            struct moot_digest right[MOOT_STRATA];
            moot_strata_digests(&at.state, at.pool, left);
            moot_strata_digests(&read.state, read.pool, right);
            assert_memory_equal(left, right, sizeof left);
            size_t full = moot_pool_live(read.pool);
            moot_state_clear(&read.state, read.pool);
            assert_int_equal(moot_pool_live(read.pool), 0);
            assert_true(full > 0);
            test_state_free(&at);
            test_state_free(&read);
        }
        world_end();
    }
}

static void assert_same_facts(const struct test_state *a, const struct test_state *b)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(a->pool, &a->state.proposals, item)) {
        const struct moot_proposal *mine = item.value;
        const struct moot_proposal *other = moot_state_proposal(&b->state, b->pool, &mine->id);
        assert_non_null(other);
        assert_int_equal(mine->withdrawn, other->withdrawn);
    }
    struct moot_map_item chain;
    for (MOOT_MAP_EACH(a->pool, &a->state.chains, chain)) {
        const struct moot_chain *mine = chain.value;
        const struct moot_chain *other = moot_state_chain(&b->state, b->pool, &mine->id);
        assert_non_null(other);
        assert_int_equal(mine->index, other->index);
        assert_memory_equal(&mine->head_signature, &other->head_signature,
                            sizeof mine->head_signature);
    }
}

/* Outside the cut both judge alike; inside it the one that replayed forgets what is final. */
static uint32_t assert_same_voids(struct test_state *replayed, const struct test_state *installed,
                                  const struct moot_cut *cut)
{
    uint32_t forgotten = moot_cut_voids_forget(&replayed->state, replayed->pool, cut);
    assert_int_equal(replayed->state.voids.count, installed->state.voids.count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(replayed->pool, &replayed->state.voids, item)) {
        const struct moot_void *mine = item.value;
        const struct moot_void *other =
            moot_map_get(installed->pool, &installed->state.voids, item.key);
        assert_non_null(other);
        assert_int_equal(mine->reason, other->reason);
    }
    return forgotten;
}

static void a_node_that_installed_an_image_is_one_that_replayed_everything(void **state)
{
    (void)state;
    struct test_random random = test_random_start("install");
    uint64_t collected = 0;
    uint64_t forgotten = 0;
    for (uint32_t round = 0; round < SEEDS; round++) {
        world_grow(test_random_next(&random));
        struct moot_digest live = test_state_digest(&world.live);
        for (uint32_t i = 0; i < taken_count; i++) { /* ever less is left in the log */
            struct test_state at;
            struct moot_image_report image_report;
            struct moot_rebuild_report report;
            rebuild(&at, i > 0 ? i - 1 : UINT32_MAX, i);
            taken[i].image = image_of(&at, taken[i].image_memory);
            collected += test_log_world_collect(&world, &taken[i].cut);
            moot_state_clear(&at.state, at.pool);
            assert_int_equal(image_read(&at, taken[i].image, 4096, &image_report), MOOT_OK);
            assert_int_equal(moot_state_install(&at.state, at.pool, &world.port, &report), MOOT_OK);
            struct moot_digest digest = test_state_digest(&at);
            assert_memory_equal(digest.b, live.b, sizeof live.b);
            assert_same_facts(&world.live, &at);
            forgotten += assert_same_voids(&world.live, &at, &taken[i].cut);
            assert_int_equal(report.payload_bytes, at.state.payload_bytes);
            test_state_free(&at);
        }
        world_end();
    }
    printf("%llu runs collected, %llu void facts forgotten\n", (unsigned long long)collected,
           (unsigned long long)forgotten);
    assert_true(collected > SEEDS && forgotten > SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_at_a_cut_is_that_of_a_node_that_held_just_that),
        cmocka_unit_test(an_image_reads_back_to_its_own_bytes_in_pieces_of_any_size),
        cmocka_unit_test(a_node_that_installed_an_image_is_one_that_replayed_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
