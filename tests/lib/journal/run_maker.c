/* Makes valid runs; a refusal by the code under test fails the test that asked. */
#include "tests/lib/journal/run_maker.h"

#include "tests/lib/test.h"

struct test_author test_author_new(uint8_t seed)
{
    struct test_author author = {0};
    uint8_t bytes[32];
    struct moot_digest mesh, branch = {0};
    assert_true(moot_crypto_init());
    memset(bytes, seed, sizeof bytes);
    memset(mesh.b, 0x4d, sizeof mesh.b);
    moot_identity_init(&author.identity, bytes);
    moot_chain_id(&mesh, &author.identity.key, &branch, &author.chain);
    return author;
}

struct moot_header test_header_next(const struct moot_chain_tail *tail)
{
    return (struct moot_header){.fork_id = {{1, 2, 3, 4, 5, 6, 7, 8}},
                                .epoch = tail->epoch > 0 ? tail->epoch : 1,
                                .lamport = tail->lamport + 1,
                                .protocol = 1,
                                .kind = 64,
                                .wall_s = 1700000000};
}

struct moot_verified_run test_run_make(struct test_author *author, uint32_t fact_count,
                                       size_t payload_size, uint8_t *memory)
{
    struct moot_run_builder builder;
    struct moot_verified_run made;
    uint8_t *payload = calloc(payload_size + 1, 1);
    moot_run_builder_init(&builder, &author->chain, &author->tail, memory,
                          MOOT_RUN_ENCODED_BYTES_MAX);
    for (uint32_t i = 0; i < fact_count; i++) {
        struct moot_header header = test_header_next(&builder.after);
        struct moot_digest id;
        for (size_t k = 0; k < payload_size; k++) {
            payload[k] = (uint8_t)(i + k);
        }
        assert_int_equal(
            moot_run_builder_add(&builder, &header, moot_bytes_of(payload, payload_size), &id),
            MOOT_OK);
    }
    free(payload);
    assert_int_equal(moot_run_builder_finish(&builder, &author->identity, &made), MOOT_OK);
    author->tail = made.after;
    return made;
}
