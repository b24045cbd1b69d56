/*
 * Law 2: state is a pure function of the facts, the objects and the timeline followed.
 *
 * Each seed makes a small world: authors, admissions (some in conflict), removals, replacements and
 * renames (some in conflict, some without effect), ticks, turns with several ticks, hard forks, cache
 * floors, puts, proposals, withdrawals, and facts that are wrong in every way. The world is
 * then folded in random orders, with duplicates, once with a restore from rows in the middle.
 * Wherever the frontier roots are equal, digests and void reasons must be, too.
 */
#include "crypto/digest.h"
#include "journal/state.h"
#include "tests/lib/journal/state_maker.h"
#include "tests/lib/test.h"

#define SEEDS 2000
#define ITEMS_MAX 160
#define STEPS 70
#define POOL_BYTES (8U << 20)
#define MEMBERS 5

struct item {
    bool is_object;
    uint8_t *bytes; /* object, or the fact's payload */
    size_t size;
    uint32_t author;
    struct moot_fact fact;
};

struct world {
    struct test_mesh mesh;
    struct test_random random;
    struct test_state ahead; /* has seen every object: knows which timelines there are */
    struct item items[ITEMS_MAX];
    uint32_t item_count;
    uint64_t seq[MEMBERS];
    struct moot_digest proposals[ITEMS_MAX];
    uint32_t proposal_count;
};

static uint64_t below(struct world *world, uint64_t bound)
{
    return test_random_below(&world->random, bound);
}

static struct item *item_add(struct world *world, struct moot_bytes bytes)
{
    assert_true(world->item_count < ITEMS_MAX);
    struct item *item = &world->items[world->item_count++];
    memset(item, 0, sizeof *item);
    item->bytes = malloc(bytes.size + 1);
    assert_non_null(item->bytes);
    if (bytes.size > 0) {
        memcpy(item->bytes, bytes.data, bytes.size);
    }
    item->size = bytes.size;
    return item;
}

static const struct moot_era *era_any(struct world *world)
{
    const struct moot_state *state = &world->ahead.state;
    uint64_t back = below(world, 3) == 0 ? below(world, state->eras.count) : 0;
    return moot_list_at(world->ahead.pool, &state->eras, (uint32_t)(state->eras.count - 1 - back));
}

/* Signed by the first devices: administrators are always devices 0 .. count - 1. */
static void object_add(struct world *world, const struct moot_body *body,
                       const struct moot_era *era, uint32_t signers)
{
    static struct test_bytes bytes;
    test_certify(&world->mesh, body, &era->timeline, 0, signers, &bytes);
    item_add(world, test_bytes_of(&bytes))->is_object = true;
    (void)test_state_object(&world->ahead, test_bytes_of(&bytes), NULL);
}

static void fact_add(struct world *world, uint32_t author, uint16_t kind, uint32_t epoch,
                     struct moot_bytes payload)
{
    const struct moot_era *era =
        below(world, 12) == 0 ? era_any(world)
                              : moot_state_era_at(&world->ahead.state, world->ahead.pool, epoch);
    struct item *item = item_add(world, payload);
    item->author = author;
    item->fact = test_fact(&world->mesh.devices[author], ++world->seq[author], epoch,
                           (uint32_t)below(world, 5) + 1, kind, &era->timeline,
                           moot_bytes_of(item->bytes, item->size));
    item->fact.header.protocol = below(world, 15) == 0 ? 2 : era->protocol;
}

static uint32_t epoch_any(struct world *world)
{
    uint32_t now = world->ahead.state.epoch;
    uint64_t back = below(world, 4);
    if (below(world, 10) == 0) {
        return now + 1;
    }
    return now > back ? now - (uint32_t)back : 1;
}

static void put_add(struct world *world)
{
    static uint8_t memory[4096];
    struct moot_context_entry context[MEMBERS];
    uint32_t count = 0;
    uint32_t author = (uint32_t)below(world, MEMBERS);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        if (below(world, 2) == 0 && world->seq[i] > 0) {
            struct moot_context_entry entry = {world->mesh.devices[i].chain,
                                               below(world, world->seq[i]) + 1};
            uint32_t at = count++;
            for (; at > 0 && moot_digest_compare(&context[at - 1].chain, &entry.chain) > 0; at--) {
                context[at] = context[at - 1];
            }
            context[at] = entry;
        }
    }
    char key[2] = {(char)('a' + below(world, 3)), '\0'};
    uint8_t value_memory[40];
    test_random_bytes(&world->random, value_memory, sizeof value_memory);
    struct moot_bytes value = moot_bytes_of(value_memory, below(world, sizeof value_memory));
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_record_put_encode(moot_bytes_of_text(key), below(world, 5) == 0 ? NULL : &value, context,
                           count, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    fact_add(world, author, MOOT_KIND_RECORD_PUT, epoch_any(world),
             moot_bytes_of(memory, writer.size - (below(world, 20) == 0 ? 1 : 0)));
}

static void proposal_add(struct world *world)
{
    static struct test_bytes bytes;
    uint32_t author = (uint32_t)below(world, 3);
    const struct test_device *device = &world->mesh.devices[author];
    uint32_t epoch = epoch_any(world);
    uint64_t nonce = world->seq[author] + 1 + (below(world, 8) == 0 ? 1 : 0);
    uint16_t kind = MOOT_KIND_UPGRADE_PROPOSED;
    struct moot_body body = test_upgrade(device, epoch, nonce, below(world, 2) == 0);
    if (below(world, 2) == 0) {
        kind = MOOT_KIND_ADMISSION_PROPOSED;
        body = test_admission(device, epoch, nonce, &world->mesh.devices[below(world, MEMBERS)],
                              "later");
    }
    test_body_encode(&body, &bytes);
    world->proposals[world->proposal_count++] = test_body_hash(&body);
    fact_add(world, author, kind, epoch, test_bytes_of(&bytes));
}

static void withdrawal_add(struct world *world)
{
    uint8_t memory[64];
    struct moot_digest none = {{1}};
    uint32_t count = world->proposal_count;
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_withdrawn_encode(count > 0 ? &world->proposals[below(world, count)] : &none, &writer);
    fact_add(world, (uint32_t)below(world, 3), MOOT_KIND_WITHDRAWN, epoch_any(world),
             moot_bytes_of(memory, writer.size));
}

static void tick_add(struct world *world, const struct moot_digest *turn)
{
    const struct moot_era *era = era_any(world);
    struct moot_body body =
        test_tick(&era->timeline, era->epoch + 1 + (uint32_t)below(world, 4), turn);
    object_add(world, &body, era, era->admins.count);
}

/* A turn with one to three ticks that name it; now and then a second turn for the same slot. */
static void turn_add(struct world *world)
{
    const struct moot_era era = *moot_state_era(&world->ahead.state, world->ahead.pool);
    uint32_t count = (uint32_t)below(world, 3) + 1;
    struct moot_body body =
        test_admins(&world->mesh, &world->mesh.devices[0], era.epoch, below(world, 2), era.k + 1,
                    &era.timeline, 0, count, count / 2 + 1, era.admins.version + 1);
    if (below(world, 4) == 0) {
        struct moot_body upgrade =
            test_upgrade(&world->mesh.devices[0], era.epoch, 1000 + era.k, true);
        upgrade.upgrade.min_protocol = (uint16_t)(era.protocol + 1);
        struct moot_digest id = test_body_hash(&upgrade);
        body =
            test_hard_fork(&world->mesh.devices[0], era.epoch, 2000, era.k + 1, &era.timeline, &id);
        object_add(world, &upgrade, &era, era.admins.count);
    }
    body.turn.last = body.turn.earliest + 3;
    struct moot_digest turn = test_body_hash(&body);
    uint32_t signers = count > era.admins.count ? count : era.admins.count;
    object_add(world, &body, &era, signers);
    for (uint64_t ticks = below(world, 3) + 1; ticks > 0; ticks--) {
        struct moot_body tick =
            test_tick(&era.timeline, era.epoch + 1 + (uint32_t)below(world, 5), &turn);
        object_add(world, &tick, &era, era.admins.count);
    }
}

static void admission_add(struct world *world)
{
    const struct moot_era *era = era_any(world);
    uint32_t epoch = 1 + (uint32_t)below(world, world->ahead.state.epoch);
    struct moot_body body =
        test_admission(&world->mesh.devices[0], epoch, below(world, 3),
                       &world->mesh.devices[1 + below(world, MEMBERS - 1)], "device");
    object_add(world, &body, era, era->admins.count);
}

static void cache_add(struct world *world)
{
    static const char *const keys[] = {"a", "ab", "abc", "b"};
    const struct moot_era *era = era_any(world);
    struct moot_body body =
        test_cache(&world->mesh.devices[0], world->ahead.state.epoch, 3000 + below(world, 50),
                   1 + (uint32_t)below(world, 6), below(world, 2) == 0,
                   keys[below(world, MOOT_COUNT_OF(keys))]);
    object_add(world, &body, era, era->admins.count);
}

/* Removals, replacements and renames of anybody, administrators too; few numbers, so that some agree. */
static void change_add(struct world *world)
{
    static const char *const names[] = {"lamp", "oven"};
    const struct moot_era *era = era_any(world);
    const struct test_device *proposer = &world->mesh.devices[0];
    const struct test_device *device = &world->mesh.devices[below(world, MEMBERS)];
    const struct test_device *other = &world->mesh.devices[1 + below(world, MEMBERS - 1)];
    uint32_t epoch = 1 + (uint32_t)below(world, world->ahead.state.epoch);
    uint64_t nonce = below(world, 4);
    uint64_t last_seq = below(world, 6);
    uint64_t what = below(world, 3);
    struct moot_body body = test_rename(proposer, epoch, nonce, device, names[below(world, 2)]);
    if (what == 0 || (what == 1 && other == device)) {
        body = test_removal(proposer, epoch, nonce, device, last_seq);
    } else if (what == 1) {
        body = test_replacement(proposer, epoch, nonce, device, other, last_seq);
    }
    object_add(world, &body, era, era->admins.count);
}

static void oddity_add(struct world *world)
{
    static const uint16_t kinds[] = {70,
                                     65000,
                                     20,
                                     MOOT_KIND_SNAPSHOT_PROPOSED,
                                     MOOT_KIND_MESH_FOUNDED,
                                     MOOT_KIND_EPOCH_ADVANCED};
    uint8_t payload[3] = {0x91, 0x01, 0x02};
    fact_add(world, (uint32_t)below(world, MEMBERS), kinds[below(world, MOOT_COUNT_OF(kinds))],
             epoch_any(world), moot_bytes_of(payload, 2 + below(world, 2)));
}

static void world_new(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof *world);
    world->random = test_random_seeded(seed);
    test_mesh_init(&world->mesh, (uint8_t)seed);
    test_state_new(&world->ahead, &world->mesh, POOL_BYTES);
    fact_add(world, 0, MOOT_KIND_MESH_FOUNDED, 1, world->mesh.founding);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t what = below(world, 45);
        if (what < 20) {
            put_add(world);
        } else if (what < 24) {
            proposal_add(world);
        } else if (what < 27) {
            withdrawal_add(world);
        } else if (what < 30) {
            oddity_add(world);
        } else if (what < 34) {
            tick_add(world, NULL);
        } else if (what < 39) {
            admission_add(world);
        } else if (what < 42) {
            change_add(world);
        } else if (what < 43) {
            turn_add(world);
        } else {
            cache_add(world);
        }
    }
}

static void world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->item_count; i++) {
        free(world->items[i].bytes);
    }
    test_state_free(&world->ahead);
}

/* ---- one node that hears of the world in some order ---- */

struct node {
    struct test_state held;
    bool folded[ITEMS_MAX];
};

/* As the engine does it: what was taken in is below the tail. */
static void tail_raise(struct node *node, const struct test_device *device, uint64_t seq)
{
    struct moot_chain *chain = moot_state_chain(&node->held.state, node->held.pool, &device->chain);
    if (chain->tail.seq < seq) {
        chain->tail.seq = seq;
    }
}

static void refold(struct world *world, struct node *node)
{
    moot_state_facts_clear(&node->held.state, node->held.pool);
    for (uint32_t i = 0; i < world->item_count; i++) {
        const struct item *item = &world->items[i];
        if (node->folded[i] && !item->is_object) {
            (void)test_state_fold(&node->held, &world->mesh.devices[item->author], &item->fact);
        }
    }
}

/* False: pending. */
static bool deliver(struct world *world, struct node *node, uint32_t index)
{
    const struct item *item = &world->items[index];
    if (!item->is_object) {
        const struct test_device *device = &world->mesh.devices[item->author];
        if (moot_state_chain(&node->held.state, node->held.pool, &device->chain) == NULL) {
            return false;
        }
        enum moot_status status = test_state_fold(&node->held, device, &item->fact);
        assert_int_not_equal(status, MOOT_NO_MEMORY);
        tail_raise(node, device, item->fact.header.seq);
        node->folded[index] = true;
        return true;
    }
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    enum moot_status status =
        test_state_object(&node->held, moot_bytes_of(item->bytes, item->size), &change);
    assert_int_not_equal(status, MOOT_NO_MEMORY);
    if (change.refold) {
        refold(world, node);
    } else if (change.epoch || change.turned || change.members) {
        (void)moot_state_rejudge(&node->held.state, node->held.pool);
    }
    return status != MOOT_WRONG_TIMELINE;
}

static struct moot_bytes written(uint8_t *memory, const struct moot_writer *writer)
{
    assert_int_equal(writer->status, MOOT_OK);
    return moot_bytes_of(memory, writer->size);
}

/* What a restart does: everything through rows, into another pool. */
static void restart(struct world *world, struct node *node)
{
    static uint8_t memory[1U << 20];
    struct test_state next;
    struct moot_state *from = &node->held.state;
    struct moot_pool *pool = node->held.pool;
    struct moot_writer writer;
    test_state_new(&next, &world->mesh, POOL_BYTES);
    for (uint32_t i = 1; i < from->eras.count; i++) {
        moot_writer_init(&writer, memory, sizeof memory);
        moot_era_encode(moot_list_at(pool, &from->eras, i), &writer);
        assert_int_equal(moot_state_era_restore(&next.state, next.pool, written(memory, &writer)),
                         MOOT_OK);
    }
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &from->chains, item)) {
        const struct moot_chain *chain = item.value;
        moot_writer_init(&writer, memory, sizeof memory);
        moot_chain_encode(chain, &writer);
        assert_int_equal(moot_state_chain_restore(&next.state, next.pool, chain->index,
                                                  written(memory, &writer)),
                         MOOT_OK);
    }
    struct moot_map_item object;
    for (MOOT_MAP_EACH(pool, &from->objects, object)) {
        const struct moot_object_row *row = object.value;
        assert_int_equal(
            moot_state_object_restore(&next.state, next.pool, moot_blob_get(pool, row->encoded)),
            MOOT_OK);
    }
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    assert_int_equal(moot_state_derive(&next.state, next.pool, &change), MOOT_OK);
    struct moot_map_item record;
    for (MOOT_MAP_EACH(pool, &from->records, record)) {
        moot_writer_init(&writer, memory, sizeof memory);
        moot_record_encode(record.value, pool, &writer);
        assert_int_equal(
            moot_record_restore(&next.state, next.pool, record.key, written(memory, &writer)),
            MOOT_OK);
    }
    moot_writer_init(&writer, memory, sizeof memory);
    moot_checkpoint_encode(from, pool, 77, &writer);
    uint64_t lsn = 0;
    assert_int_equal(
        moot_checkpoint_restore(&next.state, next.pool, written(memory, &writer), &lsn), MOOT_OK);
    assert_int_equal(lsn, 77);
    struct moot_digest before = test_state_digest(&node->held);
    struct moot_digest after = test_state_digest(&next);
    assert_memory_equal(before.b, after.b, sizeof before.b);
    test_state_free(&node->held);
    node->held = next;
}

/* Once all is folded, every chain that exists ends the same way. */
static void tails_set(struct world *world, struct node *node)
{
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct moot_chain *chain =
            moot_state_chain(&node->held.state, node->held.pool, &world->mesh.devices[i].chain);
        if (chain != NULL) {
            chain->tail.seq = world->seq[i];
            moot_digest_of_bytes("test", moot_digest_bytes(&chain->id), &chain->tail.id);
        }
    }
}

static void hear_all(struct world *world, struct node *node, struct test_random *random,
                     bool with_restart)
{
    memset(node, 0, sizeof *node);
    test_state_new(&node->held, &world->mesh, POOL_BYTES);
    uint32_t order[ITEMS_MAX];
    uint32_t count = world->item_count;
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = (uint32_t)test_random_below(random, i);
        uint32_t swap = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swap;
    }
    uint32_t restart_at = with_restart ? (uint32_t)test_random_below(random, count) : count;
    bool pending = true;
    for (uint32_t round = 0; pending && round < ITEMS_MAX; round++) {
        uint32_t left = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (round == 0 && i == restart_at) {
                restart(world, node);
            }
            bool taken = deliver(world, node, order[i]);
            if (taken && test_random_below(random, 4) == 0) {
                (void)deliver(world, node, order[i]);
                (void)deliver(world, node, order[test_random_below(random, i + 1)]);
            }
            if (!taken) {
                order[left++] = order[i];
            }
        }
        pending = left < count && left > 0;
        count = left;
    }
    tails_set(world, node);
}

static void assert_voids_equal(const struct node *a, const struct node *b)
{
    assert_int_equal(a->held.state.voids.count, b->held.state.voids.count);
    struct moot_map_item item;
    for (MOOT_MAP_EACH(a->held.pool, &a->held.state.voids, item)) {
        const struct moot_void *mine = item.value;
        const struct moot_void *other = moot_map_get(b->held.pool, &b->held.state.voids, item.key);
        assert_non_null(other);
        assert_int_equal(mine->reason, other->reason);
    }
}

/* Not in the image, because it follows from the withdrawals that are. */
static void assert_withdrawn_equal(const struct node *a, const struct node *b)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(a->held.pool, &a->held.state.proposals, item)) {
        const struct moot_proposal *mine = item.value;
        const struct moot_proposal *other =
            moot_state_proposal(&b->held.state, b->held.pool, &mine->id);
        assert_non_null(other);
        assert_int_equal(mine->withdrawn, other->withdrawn);
    }
}

static bool roots_equal(const struct node *a, const struct node *b)
{
    struct moot_digest left;
    struct moot_digest right;
    moot_frontier_root(&a->held.state, a->held.pool, &left);
    moot_frontier_root(&b->held.state, b->held.pool, &right);
    return moot_digest_equal(&left, &right);
}

/* That the worlds are not too tame to show anything. */
struct counts {
    uint32_t retired, succeeds, disputed, conflicted, renamed, void_removed;
};

static void count_members(const struct node *node, struct counts *counts)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(node->held.pool, &node->held.state.members, item)) {
        const struct moot_member *member = item.value;
        struct moot_bytes name = moot_blob_get(node->held.pool, member->name);
        counts->retired += member->retired ? 1 : 0;
        counts->succeeds += member->succeeds && !member->conflicted ? 1 : 0;
        counts->disputed += member->disputed ? 1 : 0;
        counts->conflicted += member->conflicted ? 1 : 0;
        counts->renamed += moot_bytes_equal(name, moot_bytes_of_text("lamp")) ||
                                   moot_bytes_equal(name, moot_bytes_of_text("oven"))
                               ? 1
                               : 0;
    }
    struct moot_map_item kept;
    for (MOOT_MAP_EACH(node->held.pool, &node->held.state.voids, kept)) {
        const struct moot_void *fact = kept.value;
        counts->void_removed += fact->reason == MOOT_VOID_REMOVED ? 1 : 0;
    }
}

static void equal_frontiers_mean_equal_states_in_every_order(void **state)
{
    (void)state;
    static struct world world;
    static struct node nodes[3];
    struct test_random random = test_random_start("state order");
    uint32_t compared = 0;
    uint64_t voids = 0;
    uint64_t turned = 0;
    uint64_t members = 0;
    uint64_t floors = 0;
    struct counts counts = {0};
    for (uint32_t round = 0; round < SEEDS; round++) {
        uint64_t seed = test_random_next(&random);
        world_new(&world, seed);
        for (uint32_t i = 0; i < 3; i++) {
            hear_all(&world, &nodes[i], &random, i == 2);
        }
        for (uint32_t i = 1; i < 3; i++) {
            if (roots_equal(&nodes[0], &nodes[i])) {
                struct moot_digest first = test_state_digest(&nodes[0].held);
                struct moot_digest second = test_state_digest(&nodes[i].held);
                if (!moot_digest_equal(&first, &second)) {
                    fail_msg("world %llu: equal frontier, other state", (unsigned long long)seed);
                }
                assert_voids_equal(&nodes[0], &nodes[i]);
                assert_withdrawn_equal(&nodes[0], &nodes[i]);
                compared++;
            }
        }
        voids += nodes[0].held.state.voids.count;
        turned += nodes[0].held.state.eras.count - 1;
        members += nodes[0].held.state.members.count;
        floors += nodes[0].held.state.floors.count;
        count_members(&nodes[0], &counts);
        for (uint32_t i = 0; i < 3; i++) {
            test_state_free(&nodes[i].held);
        }
        world_free(&world);
    }
    printf("%u worlds, %u comparisons, %llu turns, %llu members, %llu floors, %llu void facts\n",
           SEEDS, compared, (unsigned long long)turned, (unsigned long long)members,
           (unsigned long long)floors, (unsigned long long)voids);
    printf("%u retired, %u replaced, %u disputed, %u conflicted, %u renamed, %u facts void after "
           "them\n",
           counts.retired, counts.succeeds, counts.disputed, counts.conflicted, counts.renamed,
           counts.void_removed);
    assert_true(counts.retired > SEEDS / 8 && counts.succeeds > SEEDS / 20 &&
                counts.disputed > SEEDS / 40 && counts.renamed > SEEDS / 8 &&
                counts.void_removed > SEEDS / 8);
    /* Worlds with competing turns may end on different branches: most do not. */
    assert_true(compared > SEEDS && turned > SEEDS / 4 && voids > SEEDS && floors > SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_frontiers_mean_equal_states_in_every_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
