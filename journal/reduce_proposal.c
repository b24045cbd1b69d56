/*
 * Stratum 2: proposals and their withdrawals.
 * Happy path: a proposal is kept under the hash of its body. A withdrawal is kept by author and
 * proposal, known or not, and is in effect when the author is the proposer: so either may come first.
 * Failures: NO_MEMORY.
 */
#include "journal/state.h"

#include <string.h>

#include "journal/state_parts.h"

static void withdrawal_key(const struct moot_key *author, const struct moot_digest *proposal,
                           uint8_t ret[MOOT_WITHDRAWAL_KEY_BYTES])
{
    memcpy(ret, author->b, sizeof author->b);
    memcpy(ret + sizeof author->b, proposal->b, sizeof proposal->b);
}

enum moot_status moot_reduce_proposal(struct moot_state *state, struct moot_pool *pool,
                                      const struct moot_fact *fact, const struct moot_body *body)
{
    struct moot_digest id;
    moot_body_hash(fact->payload, &id);
    bool added;
    struct moot_proposal *proposal =
        moot_map_put(pool, &state->proposals, moot_digest_bytes(&id), &added);
    if (proposal == NULL) {
        return MOOT_NO_MEMORY;
    }
    if (!added) {
        return MOOT_OK; /* the nonce ties a body to one fact: this is that fact once more */
    }
    if (!moot_blob_set(pool, &proposal->body, fact->payload)) {
        (void)moot_map_remove(pool, &state->proposals, moot_digest_bytes(&id));
        return MOOT_NO_MEMORY;
    }
    proposal->id = id;
    proposal->kind = body->kind;
    proposal->proposer = body->proposer;
    proposal->epoch = body->epoch;
    proposal->seq = body->nonce;
    proposal->wall_s = fact->header.wall_s;
    uint8_t key[MOOT_WITHDRAWAL_KEY_BYTES];
    withdrawal_key(&body->proposer, &id, key);
    proposal->withdrawn =
        moot_map_get(pool, &state->withdrawals, moot_bytes_of(key, sizeof key)) != NULL;
    return MOOT_OK;
}

enum moot_status moot_reduce_withdrawal(struct moot_state *state, struct moot_pool *pool,
                                        const struct moot_key *author,
                                        const struct moot_digest *proposal)
{
    uint8_t key[MOOT_WITHDRAWAL_KEY_BYTES];
    withdrawal_key(author, proposal, key);
    uint8_t *mark = moot_map_put(pool, &state->withdrawals, moot_bytes_of(key, sizeof key), NULL);
    if (mark == NULL) {
        return MOOT_NO_MEMORY;
    }
    *mark = 1;
    struct moot_proposal *known =
        moot_map_get(pool, &state->proposals, moot_digest_bytes(proposal));
    if (known != NULL && moot_key_equal(&known->proposer, author)) {
        known->withdrawn = true;
    }
    return MOOT_OK;
}

void moot_proposals_clear(struct moot_state *state, struct moot_pool *pool)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->proposals, item)) {
        struct moot_proposal *proposal = item.value;
        moot_blob_clear(pool, &proposal->body);
    }
    moot_map_clear(pool, &state->proposals);
    moot_map_clear(pool, &state->withdrawals);
}
