/* A journal that grows at random. What does not fit fails the test. */
#include "tests/lib/engines/log_world.h"

#include "journal/log_row.h"
#include "journal/run.h"

#define POOL_BYTES (16U << 20)
#define ARENA_BYTES (4U << 20)

static uint64_t below(struct test_log_world *world, uint64_t bound)
{
    return test_random_below(&world->random, bound);
}

void test_log_world_put(struct test_log_world *world, enum moot_table table, struct moot_bytes key,
                        struct moot_bytes value)
{
    assert_true(moot_store_batch_put(&world->batch, &world->arena, table, key, value));
}

void test_log_world_delete(struct test_log_world *world, enum moot_table table,
                           struct moot_bytes key)
{
    assert_true(moot_store_batch_delete(&world->batch, &world->arena, table, key));
}

void test_log_world_commit(struct test_log_world *world)
{
    moot_sim_store_submit(world->store, &world->batch, ++world->ticket);
    assert_int_equal(moot_sim_store_commit(world->store, world->ticket), MOOT_OK);
    world->port.release(world->port.self);
    moot_arena_reset(&world->arena);
    moot_store_batch_init(&world->batch);
}

static void rows_put(struct test_log_world *world)
{
    const struct moot_state *state = &world->live.state;
    uint8_t memory[2048], key[8];
    struct moot_writer writer;
    for (uint32_t i = 1; i < state->eras.count; i++) {
        moot_writer_init(&writer, memory, sizeof memory);
        moot_era_encode(moot_list_at(world->live.pool, &state->eras, i), &writer);
        assert_int_equal(writer.status, MOOT_OK);
        moot_u64_put(key, i);
        test_log_world_put(world, MOOT_TABLE_TURN, moot_bytes_of(key, 8),
                           moot_bytes_of(memory, writer.size));
    }
    struct moot_map_item item;
    for (MOOT_MAP_EACH(world->live.pool, &state->chains, item)) {
        const struct moot_chain *chain = item.value;
        moot_writer_init(&writer, memory, sizeof memory);
        moot_chain_encode(chain, &writer);
        assert_int_equal(writer.status, MOOT_OK);
        moot_u32_put(key, chain->index);
        test_log_world_put(world, MOOT_TABLE_CHAIN, moot_bytes_of(key, 4),
                           moot_bytes_of(memory, writer.size));
    }
}

static const struct moot_era *era_now(const struct test_log_world *world)
{
    return moot_state_era(&world->live.state, world->live.pool);
}

/* Certified by all administrators in force, or by the first `signers` if they are more. */
static void object_add(struct test_log_world *world, const struct moot_body *body, uint32_t signers)
{
    struct test_bytes *bytes = malloc(sizeof *bytes);
    assert_non_null(bytes);
    assert_true(world->object_count < LOG_WORLD_OBJECTS_MAX);
    world->objects[world->object_count++] = bytes;
    const struct moot_era *era = era_now(world);
    test_certify(&world->mesh, body, &era->timeline, 0,
                 signers > era->admins.count ? signers : era->admins.count, bytes);
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    assert_int_equal(test_state_object(&world->live, test_bytes_of(bytes), &change), MOOT_OK);
    assert_false(change.refold);
    (void)moot_state_rejudge(&world->live.state, world->live.pool);
    struct moot_object object;
    assert_int_equal(moot_object_decode(test_bytes_of(bytes), &object), MOOT_OK);
    test_log_world_put(world, MOOT_TABLE_OBJECT, moot_digest_bytes(&object.id),
                       test_bytes_of(bytes));
    if (!moot_digest_is_zero(&change.dropped_object)) {
        test_log_world_delete(world, MOOT_TABLE_OBJECT, moot_digest_bytes(&change.dropped_object));
    }
    rows_put(world);
    test_log_world_commit(world);
}

void test_log_world_tick(struct test_log_world *world, uint32_t skip)
{
    struct moot_body body =
        test_tick(&era_now(world)->timeline, world->live.state.epoch + 1 + skip, NULL);
    object_add(world, &body, 0);
}

void test_log_world_admit(struct test_log_world *world, uint32_t device)
{
    char name[] = "device-0";
    name[7] = (char)('0' + device);
    struct moot_body body = test_admission(&world->mesh.devices[0], world->live.state.epoch,
                                           900 + device, &world->mesh.devices[device], name);
    object_add(world, &body, 0);
}

/* One key or prefix invalidated; the nonce makes each its own. */
static void cache_add(struct test_log_world *world)
{
    static const char *const keys[] = {"a", "ab", "abc", "b"};
    struct moot_body body =
        test_cache(&world->mesh.devices[0], world->live.state.epoch, 5000 + world->object_count,
                   1 + (uint32_t)below(world, 9), below(world, 2) == 0, keys[below(world, 4)]);
    object_add(world, &body, 0);
}

static void turn_add(struct test_log_world *world)
{
    const struct moot_era era = *era_now(world);
    uint32_t epoch = world->live.state.epoch;
    uint32_t count = (uint32_t)below(world, 3) + 1;
    struct moot_body body =
        test_admins(&world->mesh, &world->mesh.devices[0], epoch, 3000 + era.k, era.k + 1,
                    &era.timeline, 0, count, count / 2 + 1, era.admins.version + 1);
    if (below(world, 3) == 0) {
        struct moot_body upgrade = test_upgrade(&world->mesh.devices[0], epoch, 1000 + era.k, true);
        upgrade.upgrade.min_protocol = (uint16_t)(era.protocol + 1);
        struct moot_digest id = test_body_hash(&upgrade);
        body = test_hard_fork(&world->mesh.devices[0], epoch, 2000, era.k + 1, &era.timeline, &id);
        object_add(world, &upgrade, 0);
    }
    struct moot_digest turn = test_body_hash(&body);
    object_add(world, &body, body.turn.what == MOOT_TURN_ADMINS ? count : 0);
    struct moot_body tick = test_tick(&era.timeline, epoch + 1 + (uint32_t)below(world, 3), &turn);
    object_add(world, &tick, 0);
}

/* ---- facts ---- */

static struct moot_bytes put_payload(struct test_log_world *world, uint8_t *memory, size_t capacity)
{
    struct moot_context_entry context[LOG_WORLD_MEMBERS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < LOG_WORLD_MEMBERS; i++) {
        const struct moot_chain *chain =
            moot_state_chain(&world->live.state, world->live.pool, &world->mesh.devices[i].chain);
        if (chain == NULL || chain->tail.seq == 0 || below(world, 2) == 0) {
            continue;
        }
        struct moot_context_entry entry = {chain->id, below(world, chain->tail.seq) + 1};
        uint32_t at = count++;
        for (; at > 0 && moot_digest_compare(&context[at - 1].chain, &entry.chain) > 0; at--) {
            context[at] = context[at - 1];
        }
        context[at] = entry;
    }
    char key[] = "a";
    key[0] = (char)('a' + below(world, 6));
    uint8_t value_memory[80];
    test_random_bytes(&world->random, value_memory, sizeof value_memory);
    struct moot_bytes value = moot_bytes_of(value_memory, below(world, sizeof value_memory));
    struct moot_writer writer;
    moot_writer_init(&writer, memory, capacity);
    moot_record_put_encode(moot_bytes_of_text(key), below(world, 6) == 0 ? NULL : &value, context,
                           count, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

/* Kind and payload of one more fact. */
static struct moot_bytes payload_of(struct test_log_world *world, uint32_t author,
                                    struct moot_header *header, uint64_t seq, uint8_t *memory,
                                    size_t capacity)
{
    struct moot_writer writer;
    uint64_t what = below(world, 20);
    if (what == 0) {
        struct moot_body body =
            test_upgrade(&world->mesh.devices[author], header->epoch, seq, below(world, 2) == 0);
        moot_writer_init(&writer, memory, capacity);
        moot_body_encode(&body, &writer);
        assert_int_equal(writer.status, MOOT_OK);
        header->kind = MOOT_KIND_UPGRADE_PROPOSED;
        if (world->proposal_count < LOG_WORLD_OBJECTS_MAX) {
            world->proposals[world->proposal_count++] = test_body_hash(&body);
        }
        return moot_bytes_of(memory, writer.size);
    }
    if (what == 1 && world->proposal_count > 0) {
        moot_writer_init(&writer, memory, capacity);
        moot_withdrawn_encode(&world->proposals[below(world, world->proposal_count)], &writer);
        header->kind = MOOT_KIND_WITHDRAWN;
        return moot_bytes_of(memory, writer.size);
    }
    if (what == 2) {
        header->kind = (uint16_t)(below(world, 2) == 0 ? 4711 : 20); /* opaque, or void */
        test_random_bytes(&world->random, memory, 100);
        return moot_bytes_of(memory, below(world, 100));
    }
    header->kind = MOOT_KIND_RECORD_PUT;
    return put_payload(world, memory, capacity);
}

static void fact_add(struct test_log_world *world, struct moot_run_builder *builder,
                     uint32_t author, bool wrong)
{
    const struct moot_state *state = &world->live.state;
    static uint8_t payload[4096];
    struct moot_header header;
    memset(&header, 0, sizeof header);
    const struct moot_chain_tail *tail = &builder->after;
    uint32_t epoch = state->epoch > tail->epoch ? state->epoch : tail->epoch;
    const struct moot_era *era = era_now(world);
    header.epoch = epoch + (wrong && below(world, 2) == 0 ? 1 : 0);
    header.lamport = header.epoch == tail->epoch ? tail->lamport + (uint32_t)below(world, 2) : 1;
    header.protocol = era->protocol;
    header.wall_s = 1700000000 + tail->seq;
    header.fork_id = moot_fork_id_of(&moot_state_era_at(state, world->live.pool, epoch)->timeline);
    if (wrong && header.epoch == epoch) {
        if (era->k > 0 && below(world, 2) == 0) {
            header.fork_id = moot_fork_id_of(&world->mesh.first_timeline); /* left */
        } else {
            header.fork_id.b[0] ^= 1; /* of a timeline that nobody knows */
        }
    }
    struct moot_bytes bytes =
        payload_of(world, author, &header, tail->seq + 1, payload, sizeof payload);
    struct moot_digest id;
    assert_int_equal(moot_run_builder_add(builder, &header, bytes, &id), MOOT_OK);
}

static void run_log(struct test_log_world *world, struct moot_chain *chain,
                    const struct moot_verified_run *verified)
{
    const struct moot_run *run = &verified->run;
    uint8_t lsn[MOOT_LSN_KEY_BYTES], key[MOOT_RUN_KEY_BYTES];
    size_t size = MOOT_LOG_ROW_HEAD_BYTES + run->encoded.size;
    uint8_t *row = malloc(size);
    assert_non_null(row);
    moot_u64_put(lsn, ++world->lsn);
    moot_run_key(chain->index, run->first_seq, key);
    moot_log_row_encode(chain->index, run->encoded, row);
    test_log_world_put(world, MOOT_TABLE_LOG, moot_bytes_of(lsn, sizeof lsn),
                       moot_bytes_of(row, size));
    test_log_world_put(world, MOOT_TABLE_RUN, moot_bytes_of(key, sizeof key),
                       moot_bytes_of(lsn, sizeof lsn));
    free(row);
    chain->tail = verified->after;
    chain->head_signature = run->head_signature;
    struct moot_run_reader reader;
    struct moot_fact fact;
    moot_run_reader_init(&reader, run, &verified->before.id, false);
    while (moot_run_reader_next(&reader, &fact)) {
        world->live.state.payload_bytes += fact.payload.size;
        assert_int_not_equal(moot_state_fold(&world->live.state, world->live.pool, chain, &fact),
                             MOOT_NO_MEMORY);
    }
    rows_put(world);
    test_log_world_commit(world);
}

void test_log_world_run(struct test_log_world *world, uint32_t author, uint32_t facts)
{
    static uint8_t memory[MOOT_RUN_ENCODED_BYTES_MAX];
    struct moot_chain *chain =
        moot_state_chain(&world->live.state, world->live.pool, &world->mesh.devices[author].chain);
    assert_non_null(chain);
    struct moot_run_builder builder;
    struct moot_verified_run verified;
    moot_run_builder_init(&builder, &chain->id, &chain->tail, memory, sizeof memory);
    uint64_t wrong = below(world, 100) < world->wrong_percent ? below(world, facts) : UINT64_MAX;
    for (uint32_t i = 0; i < facts; i++) {
        fact_add(world, &builder, author, i == wrong);
    }
    moot_run_builder_finish(&builder, &world->mesh.devices[author].identity, &verified);
    run_log(world, chain, &verified);
}

static void founding_log(struct test_log_world *world)
{
    static uint8_t memory[MOOT_RUN_ENCODED_BYTES_MAX];
    struct moot_chain *chain =
        moot_state_chain(&world->live.state, world->live.pool, &world->mesh.devices[0].chain);
    struct moot_run_builder builder;
    struct moot_verified_run verified;
    struct moot_digest id;
    struct moot_header header;
    memset(&header, 0, sizeof header);
    header.epoch = header.lamport = header.protocol = 1;
    header.kind = MOOT_KIND_MESH_FOUNDED;
    header.fork_id = moot_fork_id_of(&world->mesh.first_timeline);
    moot_run_builder_init(&builder, &chain->id, &chain->tail, memory, sizeof memory);
    assert_int_equal(moot_run_builder_add(&builder, &header, world->mesh.founding, &id), MOOT_OK);
    moot_run_builder_finish(&builder, &world->mesh.devices[0].identity, &verified);
    test_log_world_put(world, MOOT_TABLE_META, moot_bytes_of_text("founding"),
                       world->mesh.founding);
    run_log(world, chain, &verified);
}

void test_log_world_new(struct test_log_world *world, uint64_t seed)
{
    memset(world, 0, sizeof *world);
    world->random = test_random_seeded(seed);
    world->wrong_percent = 6;
    test_mesh_init(&world->mesh, (uint8_t)seed);
    test_state_new(&world->live, &world->mesh, POOL_BYTES);
    world->store = moot_sim_store_new();
    world->port = moot_sim_store_port(world->store);
    void *memory = malloc(ARENA_BYTES);
    assert_non_null(memory);
    moot_arena_init(&world->arena, memory, ARENA_BYTES);
    moot_store_batch_init(&world->batch);
    founding_log(world);
}

void test_log_world_free(struct test_log_world *world)
{
    for (uint32_t i = 0; i < world->object_count; i++) {
        free(world->objects[i]);
    }
    free(world->arena.base);
    moot_sim_store_free(world->store);
    test_state_free(&world->live);
}

void test_log_world_step(struct test_log_world *world)
{
    uint64_t what = below(world, 100);
    if (what < 12) {
        test_log_world_tick(world, (uint32_t)below(world, 2));
    } else if (what < 20) {
        uint32_t device = 1 + (uint32_t)below(world, LOG_WORLD_MEMBERS - 1);
        if (moot_state_member(&world->live.state, world->live.pool,
                              &world->mesh.devices[device].identity.key) == NULL) {
            test_log_world_admit(world, device);
        }
    } else if (what < 23) {
        turn_add(world);
    } else if (what < 26) {
        cache_add(world);
    } else {
        uint32_t author = (uint32_t)below(world, LOG_WORLD_MEMBERS);
        if (moot_state_member(&world->live.state, world->live.pool,
                              &world->mesh.devices[author].identity.key) != NULL) {
            test_log_world_run(world, author, 1 + (uint32_t)below(world, 12));
        }
    }
}

uint32_t test_log_world_collect(struct test_log_world *world, const struct moot_cut *cut)
{
    uint32_t count = 0;
    for (uint64_t lsn = 1; lsn <= world->lsn; lsn++) {
        uint8_t key[MOOT_LSN_KEY_BYTES], run_key[MOOT_RUN_KEY_BYTES];
        struct moot_bytes row, encoded;
        struct moot_run run;
        uint32_t index;
        moot_u64_put(key, lsn);
        if (world->port.get(world->port.self, MOOT_TABLE_LOG, moot_bytes_of(key, sizeof key),
                            &row) != MOOT_OK) {
            continue;
        }
        assert_int_equal(moot_log_row_check(row, &index, &encoded), MOOT_OK);
        assert_int_equal(moot_run_decode(encoded, &run), MOOT_OK);
        if (moot_cut_has_fact(cut, &run.chain, run.first_seq + run.fact_count - 1)) {
            moot_run_key(index, run.first_seq, run_key);
            test_log_world_delete(world, MOOT_TABLE_LOG, moot_bytes_of(key, sizeof key));
            test_log_world_delete(world, MOOT_TABLE_RUN, moot_bytes_of(run_key, sizeof run_key));
            count++;
        }
    }
    test_log_world_commit(world);
    return count;
}
