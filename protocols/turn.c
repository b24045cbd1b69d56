/*
 * The slot turn/K: one turn at a time, and a new one after a turn that expired.
 *
 * A turn's round is its earliest epoch, so turns proposed one after the other have rounds of their own.
 * An administrator's node votes for a turn only if every other turn it voted for in the slot is over: a
 * plain tick at or above its last epoch is certified. Two quorums share a node, so of two certified turns
 * of one slot the first had expired before the second was certified: never two that can take effect.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/hardfork.h"
#include "protocols/inside.h"

/* The last epoch of a turn on the current timeline, from wherever its body is known; 0: not known. */
static uint32_t last_of(struct moot_step *step, const struct moot_digest *hash)
{
    const struct moot_state *state = &step->engine->state;
    const struct moot_proposal *proposal = moot_state_proposal(state, step->pool, hash);
    struct moot_bytes bytes =
        proposal ? moot_blob_get(step->pool, proposal->body) : moot_hard_fork_body(step, hash);
    struct moot_body body;
    if (bytes.size == 0 || moot_body_decode(bytes, &body) != MOOT_OK || body.kind != MOOT_BODY_TURN)
        return 0;
    return body.turn.last;
}

/* Could a turn that ends then still take effect on the current timeline? */
static bool lives(const struct moot_engine *engine, const struct moot_pool *pool, uint32_t last)
{
    return last == 0 || moot_state_era(&engine->state, pool)->plain_epoch < last;
}

struct moot_decision moot_turn_decision(const struct moot_engine *engine,
                                        const struct moot_pool *pool, const struct moot_slot *slot)
{
    struct moot_decision decision = moot_state_decision(&engine->state, pool, slot);
    struct moot_body body;
    if (slot->kind != MOOT_SLOT_TURN || decision.state == MOOT_DECISION_OPEN ||
        slot->number <= moot_state_era(&engine->state, pool)->k)
        return decision;
    /* Those that live come before those that expired: if this one has expired, so have all. */
    if (moot_body_decode(moot_blob_get(pool, decision.object->body), &body) == MOOT_OK &&
        !lives(engine, pool, body.turn.last))
        decision = (struct moot_decision){.state = MOOT_DECISION_OPEN};
    return decision;
}

static void look(struct moot_step *step, const struct moot_statement *said,
                 const struct moot_digest *hash, enum moot_turn_vote *result)
{
    if (moot_digest_equal(&said->body, hash)) {
        if (*result == MOOT_TURN_UNVOTED)
            *result = MOOT_TURN_VOTED;
    } else if (said->verdict == MOOT_VERDICT_YES &&
               lives(step->engine, step->pool, last_of(step, &said->body))) {
        *result = MOOT_TURN_VOTED_OTHERWISE;
    }
}

enum moot_turn_vote moot_turn_voted(struct moot_step *step, const struct moot_slot *slot,
                                    const struct moot_digest *hash)
{
    struct moot_engine *engine = step->engine;
    const struct moot_digest *timeline = &moot_state_era(&engine->state, step->pool)->timeline;
    enum moot_turn_vote result = MOOT_TURN_UNVOTED;
    uint8_t prefix[1 + 32 + MOOT_SLOT_BYTES];
    struct moot_map_item item;
    memcpy(prefix, timeline->b, 32);
    moot_slot_encode(slot, prefix + 32);
    const size_t vote_size = 32 + MOOT_SLOT_BYTES;
    bool more = moot_map_from(step->pool, &engine->votes, moot_bytes_of(prefix, vote_size), &item);
    while (more && memcmp(item.key.data, prefix, vote_size) == 0) {
        const struct moot_vote *vote = item.value;
        look(step, &vote->statement, hash, &result);
        more = moot_map_after(step->pool, &engine->votes, item.key, &item);
    }
    /* Votes that a restored disk forgot, but a peer gave back. */
    prefix[0] = 'A';
    moot_slot_encode(slot, prefix + 1);
    memcpy(prefix + 1 + MOOT_SLOT_BYTES, timeline->b, 32);
    more = moot_map_from(step->pool, &engine->loose, moot_bytes_of(prefix, sizeof prefix), &item);
    while (more && item.key.size > sizeof prefix &&
           memcmp(item.key.data, prefix, sizeof prefix) == 0) {
        const struct moot_loose *loose = item.value;
        if (moot_key_equal(&loose->signer, &engine->identity.key))
            look(step, &loose->statement, hash, &result);
        more = moot_map_after(step->pool, &engine->loose, item.key, &item);
    }
    return result;
}
