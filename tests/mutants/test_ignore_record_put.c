/* A reducer that forgets RecordPut must show: another state digest at an equal frontier root. */
#include "crypto/base/mutant.h"
#include "journal/state.h"
#include "tests/lib/test.h"

#define POOL_BYTES (1U << 20)

const char *moot_mutant_active = "";

struct digests {
    struct moot_digest root, state;
};

static struct moot_bytes founding_bytes(const struct moot_key *founder, uint8_t *memory,
                                        size_t size)
{
    const struct moot_founding founding = {.mesh_name = moot_bytes_of_text("mesh"),
                                           .name = moot_bytes_of_text("device"),
                                           .founder = *founder};
    struct moot_writer writer;
    moot_writer_init(&writer, memory, size);
    moot_founding_encode(&founding, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

/* The founder's chain with its founding and one put, folded from nothing. */
static struct digests fold_one_put(void)
{
    const uint8_t seed[32] = {1};
    uint8_t founding_memory[256];
    uint8_t put_memory[256];
    struct moot_identity founder;
    struct moot_state state;
    void *memory = NULL;
    assert_true(moot_crypto_init());
    moot_identity_init(&founder, seed);
    assert_int_equal(posix_memalign(&memory, 64, POOL_BYTES), 0);
    struct moot_pool *pool = moot_pool_init(memory, POOL_BYTES);
    moot_state_init(&state);
    struct moot_bytes payloads[2];
    payloads[0] = founding_bytes(&founder.key, founding_memory, sizeof founding_memory);
    assert_int_equal(moot_state_found(&state, pool, payloads[0]), MOOT_OK);
    const struct moot_bytes value = moot_bytes_of_text("21.5");
    struct moot_writer writer;
    moot_writer_init(&writer, put_memory, sizeof put_memory);
    moot_record_put_encode(moot_bytes_of_text("heating"), &value, NULL, 0, &writer);
    payloads[1] = moot_bytes_of(put_memory, writer.size);

    struct moot_map_item item;
    assert_true(moot_map_first(pool, &state.chains, &item));
    struct moot_chain *chain = item.value;
    const struct moot_era *era = moot_state_era(&state, pool);
    for (uint32_t i = 0; i < 2; i++) {
        struct moot_fact fact = {.payload = payloads[i]};
        fact.header.seq = i + 1;
        fact.header.fork_id = moot_fork_id_of(&era->timeline);
        fact.header.epoch = MOOT_EPOCH_FIRST;
        fact.header.lamport = i + 1;
        fact.header.protocol = 1;
        fact.header.kind = i == 0 ? MOOT_KIND_MESH_FOUNDED : MOOT_KIND_RECORD_PUT;
        fact.header.prev = chain->tail.id;
        fact.header.payload_size = (uint32_t)payloads[i].size;
        moot_payload_hash(payloads[i], &fact.header.payload_hash);
        moot_fact_id(&chain->id, &fact.header, &fact.id);
        assert_int_equal(moot_chain_tail_advance(&chain->tail, &fact.header, &fact.id), MOOT_OK);
        assert_int_equal(moot_state_fold(&state, pool, chain, &fact), MOOT_OK);
    }
    struct digests digests;
    moot_frontier_root(&state, pool, &digests.root);
    moot_state_digest(&state, pool, &digests.state);
    free(memory);
    return digests;
}

static void ignoring_record_put_changes_the_state_digest_at_an_equal_frontier(void **state)
{
    (void)state;
    moot_mutant_active = "";
    const struct digests right = fold_one_put();
    const struct digests again = fold_one_put();
    assert_memory_equal(right.state.b, again.state.b, sizeof right.state.b);
    moot_mutant_active = "ignore-record-put";
    const struct digests wrong = fold_one_put();
    assert_memory_equal(right.root.b, wrong.root.b, sizeof right.root.b);
    assert_memory_not_equal(right.state.b, wrong.state.b, sizeof right.state.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ignoring_record_put_changes_the_state_digest_at_an_equal_frontier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
