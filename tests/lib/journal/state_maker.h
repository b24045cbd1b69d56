/* A state in a pool of its own, and short ways to put objects and facts into it. */
#ifndef TESTS_LIB_JOURNAL_STATE_MAKER_H
#define TESTS_LIB_JOURNAL_STATE_MAKER_H

#include "journal/state.h"
#include "tests/lib/journal/mesh.h"

struct test_state {
    struct moot_state state;
    struct moot_pool *pool;
    void *memory;
};
/* Founded with the mesh's founding. Free with test_state_free. */
void test_state_new(struct test_state *ret, const struct test_mesh *mesh, size_t pool_bytes);
void test_state_free(struct test_state *state);

/* Check, then merge; the status of the first that is not MOOT_OK. *change may be NULL. */
enum moot_status test_state_object(struct test_state *state, struct moot_bytes encoded,
                                   struct moot_state_change *change);
/* The object that says `body` on the timeline in force, signed by devices[0 .. count - 1], merged. */
enum moot_status test_state_certify(struct test_state *state, const struct test_mesh *mesh,
                                    const struct moot_body *body, uint32_t count);
/* Folds a fact of `device`, which must have a chain. */
enum moot_status test_state_fold(struct test_state *state, const struct test_device *device,
                                 const struct moot_fact *fact);
struct moot_digest test_state_digest(const struct test_state *state);

#endif
