/*
 * What a fact means. Judged in this order; the first rule that fails makes it void, with that reason:
 *
 *   1 epoch above the state's                                        VOID_EPOCH
 *   2 fork id not of the timeline in force at its epoch              VOID_TIMELINE
 *   3 author no member, or one in conflict                           VOID_MEMBER
 *   4 epoch below its author's admission                             VOID_EARLY
 *     above the range of an author that was removed or replaced      VOID_REMOVED
 *   5 a kind from 64 on that this build does not know                kept unread (opaque): MOOT_OK
 *   6 protocol other than the one in force at its epoch; lane 0, one encoding under all protocols,
 *     may be below it                                                VOID_PROTOCOL
 *     a protocol that this node does not speak (lane 1)              VOID_UNREAD: judged once it does
 *   7 kind unknown, or later than that protocol                      VOID_KIND (from 64 on: opaque)
 *   8 payload does not decode exactly as the kind says               VOID_PAYLOAD
 *   9 authority: a proposal is its author's own, by an admin of that epoch and with its own place as
 *     nonce; the founding is the founder's first fact                VOID_AUTHORITY
 *
 * Happy path: judged good, reduced at once. Everything reduced is a join, so order, duplicates and
 * batches do not matter.
 * Failures: NO_MEMORY; then it may be applied in part, and folding it again makes up for it.
 */
#include "journal/state.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/base/mutant.h"
#include "journal/state_parts.h"

/* A fact's payload as its kind reads it. */
struct meaning {
    const struct moot_kind_info *info; /* NULL: opaque */
    struct moot_record_put put;
    struct moot_body body;
    struct moot_digest proposal;
};

static enum moot_status judge_proposal(const struct moot_era *era, const struct moot_chain *chain,
                                       const struct moot_fact *fact, enum moot_body_kind kind,
                                       struct moot_body *ret)
{
    if (moot_body_decode(fact->payload, ret) != MOOT_OK || ret->kind != kind) {
        return MOOT_VOID_PAYLOAD;
    }
    bool own = moot_key_equal(&ret->proposer, &chain->author) && ret->epoch == fact->header.epoch &&
               ret->nonce == fact->header.seq;
    return own && moot_admin_set_find(&era->admins, &chain->author) >= 0 ? MOOT_OK
                                                                         : MOOT_VOID_AUTHORITY;
}

static enum moot_status judge_founding(const struct moot_state *state, const struct moot_pool *pool,
                                       const struct moot_chain *chain, const struct moot_fact *fact)
{
    struct moot_founding founding;
    if (moot_founding_decode(fact->payload, &founding) != MOOT_OK) {
        return MOOT_VOID_PAYLOAD;
    }
    bool the_one = fact->header.seq == 1 && moot_key_equal(&founding.founder, &chain->author) &&
                   moot_bytes_equal(fact->payload, moot_blob_get(pool, state->founding));
    return the_one ? MOOT_OK : MOOT_VOID_AUTHORITY;
}

/* Rules 8 and 9. */
static enum moot_status judge_payload(const struct moot_state *state, const struct moot_pool *pool,
                                      const struct moot_era *era, const struct moot_chain *chain,
                                      const struct moot_fact *fact, struct meaning *ret)
{
    enum moot_status status = MOOT_OK;
    if (ret->info->proposes != 0) {
        return judge_proposal(era, chain, fact, ret->info->proposes, &ret->body);
    }
    switch (ret->info->kind) {
    case MOOT_KIND_RECORD_PUT:
        status = moot_record_put_decode(fact->payload, &ret->put);
        return status == MOOT_OK ? MOOT_OK : MOOT_VOID_PAYLOAD;
    case MOOT_KIND_MESH_FOUNDED:
        return judge_founding(state, pool, chain, fact);
    case MOOT_KIND_WITHDRAWN:
        status = moot_withdrawn_decode(fact->payload, &ret->proposal);
        return status == MOOT_OK ? MOOT_OK : MOOT_VOID_PAYLOAD;
    default: /* envelopes */
        break;
    }
    struct moot_object object;
    return moot_fact_envelope(fact, &object) ? MOOT_OK : MOOT_VOID_PAYLOAD;
}

/* Rule 6. */
static enum moot_status judge_protocol(const struct moot_state *state, const struct moot_era *era,
                                       const struct moot_header *header)
{
    if (MOOT_MUTANT("no-protocol-gate")) {
        return MOOT_OK;
    }
    if (header->kind <= MOOT_LANE0_KIND_MAX) {
        bool known = header->protocol >= 1 && header->protocol <= era->protocol;
        return known ? MOOT_OK : MOOT_VOID_PROTOCOL;
    }
    if (header->protocol != era->protocol) {
        return MOOT_VOID_PROTOCOL;
    }
    return era->protocol > state->protocol_max ? MOOT_VOID_UNREAD : MOOT_OK;
}

static enum moot_status judge(const struct moot_state *state, const struct moot_pool *pool,
                              const struct moot_chain *chain, const struct moot_fact *fact,
                              struct meaning *ret)
{
    const struct moot_header *header = &fact->header;
    if (header->epoch > state->epoch) {
        return MOOT_VOID_EPOCH;
    }
    const struct moot_era *era = moot_state_era_at(state, pool, header->epoch);
    if (!moot_fork_id_equal(header->fork_id, moot_fork_id_of(&era->timeline))) {
        return MOOT_VOID_TIMELINE;
    }
    const struct moot_member *member = moot_state_member_listed(state, pool, &chain->author);
    if (member == NULL || member->conflicted) {
        return MOOT_VOID_MEMBER;
    }
    if (header->epoch < member->admitted_epoch) {
        return MOOT_VOID_EARLY;
    }
    if (member->retired && header->seq > member->last_seq) {
        return MOOT_VOID_REMOVED;
    }
    ret->info = moot_kind_find(header->kind);
    bool lane0 = header->kind <= MOOT_LANE0_KIND_MAX;
    if (ret->info == NULL && !lane0) {
        return MOOT_OK;
    }
    enum moot_status status = judge_protocol(state, era, header);
    if (status != MOOT_OK) {
        return status;
    }
    if (ret->info == NULL || ret->info->since > era->protocol) {
        ret->info = NULL;
        return lane0 ? MOOT_VOID_KIND : MOOT_OK;
    }
    return judge_payload(state, pool, era, chain, fact, ret);
}

static void fact_key(const struct moot_digest *chain, uint64_t seq,
                     uint8_t ret[MOOT_FACT_KEY_BYTES])
{
    memcpy(ret, chain->b, sizeof chain->b);
    moot_u64_put(ret + sizeof chain->b, seq);
}

/* Keeps a fact whole, as void or opaque. */
static enum moot_status keep(struct moot_pool *pool, struct moot_map *map, struct moot_bytes key,
                             const struct moot_fact *fact, enum moot_status reason)
{
    bool added;
    struct moot_void *kept = moot_map_put(pool, map, key, &added);
    if (kept == NULL) {
        return MOOT_NO_MEMORY;
    }
    kept->reason = reason;
    if (!added) {
        return MOOT_OK;
    }
    kept->header = fact->header;
    kept->header.prev = (struct moot_digest){{0}};
    kept->header.payload_hash = (struct moot_digest){{0}};
    if (!moot_blob_set(pool, &kept->payload, fact->payload)) {
        (void)moot_map_remove(pool, map, key);
        return MOOT_NO_MEMORY;
    }
    return MOOT_OK;
}

enum moot_status moot_opaque_keep(struct moot_state *state, struct moot_pool *pool,
                                  const struct moot_digest *chain, const struct moot_fact *fact)
{
    uint8_t key[MOOT_FACT_KEY_BYTES];
    fact_key(chain, fact->header.seq, key);
    return keep(pool, &state->opaques, moot_bytes_of(key, sizeof key), fact, MOOT_OK);
}

static void kept_forget(struct moot_pool *pool, struct moot_map *map, struct moot_bytes key)
{
    struct moot_void *kept = map->count > 0 ? moot_map_get(pool, map, key) : NULL;
    if (kept != NULL) {
        moot_blob_clear(pool, &kept->payload);
        (void)moot_map_remove(pool, map, key);
    }
}

static enum moot_status apply(struct moot_state *state, struct moot_pool *pool,
                              const struct moot_chain *chain, const struct moot_fact *fact,
                              const struct meaning *meaning)
{
    if (meaning->info == NULL) {
        return moot_opaque_keep(state, pool, &chain->id, fact);
    }
    if (meaning->info->proposes != 0) {
        return moot_reduce_proposal(state, pool, fact, &meaning->body);
    }
    switch (meaning->info->kind) {
    case MOOT_KIND_RECORD_PUT:
        return moot_reduce_put(state, pool, &chain->id, &fact->header, &meaning->put);
    case MOOT_KIND_WITHDRAWN:
        return moot_reduce_withdrawal(state, pool, &chain->author, &meaning->proposal);
    default:
        return MOOT_OK; /* the founding and envelopes: their effect is elsewhere */
    }
}

enum moot_status moot_state_fold(struct moot_state *state, struct moot_pool *pool,
                                 const struct moot_chain *chain, const struct moot_fact *fact)
{
    MOOT_REQUIRE(state->founded);
    struct meaning meaning;
    enum moot_status reason = judge(state, pool, chain, fact, &meaning);
    uint8_t key_memory[MOOT_FACT_KEY_BYTES];
    fact_key(&chain->id, fact->header.seq, key_memory);
    const struct moot_bytes key = moot_bytes_of(key_memory, sizeof key_memory);
    if (reason != MOOT_OK) {
        enum moot_status status = keep(pool, &state->voids, key, fact, reason);
        return status == MOOT_OK ? reason : status;
    }
    enum moot_status status = apply(state, pool, chain, fact, &meaning);
    if (status == MOOT_OK) {
        kept_forget(pool, &state->voids, key);
    }
    return status;
}

bool moot_fact_envelope(const struct moot_fact *fact, struct moot_object *ret)
{
    const struct moot_kind_info *info = moot_kind_find(fact->header.kind);
    return info != NULL && info->envelope_slot != 0 &&
           moot_object_decode(fact->payload, ret) == MOOT_OK &&
           ret->certificate.statement.slot.kind == info->envelope_slot;
}

uint32_t moot_state_rejudge(struct moot_state *state, struct moot_pool *pool)
{
    uint32_t count = 0;
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->voids, item)) {
        struct moot_void *kept = item.value;
        struct moot_digest chain_id;
        memcpy(chain_id.b, item.key.data, sizeof chain_id.b);
        const struct moot_chain *chain = moot_state_chain(state, pool, &chain_id);
        MOOT_INVARIANT(chain != NULL);
        const struct moot_fact fact = {.header = kept->header,
                                       .payload = moot_blob_get(pool, kept->payload)};
        struct meaning meaning;
        enum moot_status reason = judge(state, pool, chain, &fact, &meaning);
        if (reason != MOOT_OK) {
            kept->reason = reason;
        } else if (apply(state, pool, chain, &fact, &meaning) == MOOT_OK) {
            kept_forget(pool, &state->voids, item.key);
            count++;
        }
    }
    return count;
}

uint32_t moot_state_unread(const struct moot_state *state, const struct moot_pool *pool)
{
    uint32_t count = 0;
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &state->voids, item)) {
        const struct moot_void *kept = item.value;
        count += kept->reason == MOOT_VOID_UNREAD ? 1 : 0;
    }
    return count;
}

static void kept_clear(struct moot_pool *pool, struct moot_map *map)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, map, item)) {
        struct moot_void *kept = item.value;
        moot_blob_clear(pool, &kept->payload);
    }
    moot_map_clear(pool, map);
}

void moot_state_facts_clear(struct moot_state *state, struct moot_pool *pool)
{
    moot_proposals_clear(state, pool);
    moot_records_clear(state, pool);
    kept_clear(pool, &state->voids);
    kept_clear(pool, &state->opaques);
}
