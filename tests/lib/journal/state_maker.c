/* States for tests. A full pool fails the test. */
#include "tests/lib/journal/state_maker.h"

#include "tests/lib/test.h"

void test_state_new(struct test_state *ret, const struct test_mesh *mesh, size_t pool_bytes)
{
    memset(ret, 0, sizeof *ret);
    assert_int_equal(posix_memalign(&ret->memory, 64, pool_bytes), 0);
    ret->pool = moot_pool_init(ret->memory, pool_bytes);
    moot_state_init(&ret->state);
    assert_int_equal(moot_state_found(&ret->state, ret->pool, mesh->founding), MOOT_OK);
}

void test_state_free(struct test_state *state)
{
    free(state->memory);
    memset(state, 0, sizeof *state);
}

enum moot_status test_state_object(struct test_state *state, struct moot_bytes encoded,
                                   struct moot_state_change *change)
{
    struct moot_object object;
    struct moot_state_change own;
    memset(&own, 0, sizeof own);
    enum moot_status status = moot_object_decode(encoded, &object);
    if (status == MOOT_OK) {
        status = moot_state_object_check(&state->state, state->pool, &object);
    }
    if (status == MOOT_OK) {
        status = moot_state_object_merge(&state->state, state->pool, &object,
                                         change != NULL ? change : &own);
    }
    return status;
}

enum moot_status test_state_certify(struct test_state *state, const struct test_mesh *mesh,
                                    const struct moot_body *body, uint32_t count)
{
    static struct test_bytes bytes;
    test_certify(mesh, body, &moot_state_era(&state->state, state->pool)->timeline, 0, count,
                 &bytes);
    return test_state_object(state, test_bytes_of(&bytes), NULL);
}

enum moot_status test_state_fold(struct test_state *state, const struct test_device *device,
                                 const struct moot_fact *fact)
{
    const struct moot_chain *chain = moot_state_chain(&state->state, state->pool, &device->chain);
    assert_non_null(chain);
    return moot_state_fold(&state->state, state->pool, chain, fact);
}

struct moot_digest test_state_digest(const struct test_state *state)
{
    struct moot_digest digest;
    moot_state_digest(&state->state, state->pool, &digest);
    return digest;
}
