/*
 * The state at exactly a cut.
 *
 * Happy path: everything the cut lists is held; each chain, re-hashed from the base on, ends at the id
 * that the cut names, and so the frontier root is the cut's.
 * Failures: see rebuild.h; the report says which chain or object.
 */
#include "journal/rebuild.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "journal/chain_walk.h"
#include "journal/rebuild_parts.h"
#include "journal/state_parts.h"

static enum moot_status held_add(void *context, const struct moot_store_row *row)
{
    struct moot_rebuilder *rebuilder = context;
    struct moot_chain chain;
    if (row->key.size != 4 || moot_chain_decode(row->value, &chain) != MOOT_OK) {
        return MOOT_STORE_DAMAGED;
    }
    bool added;
    struct moot_chain *held =
        moot_map_put(rebuilder->pool, &rebuilder->held, moot_digest_bytes(&chain.id), &added);
    if (held == NULL) {
        return MOOT_NO_MEMORY;
    }
    chain.index = moot_u32_get(row->key.data);
    *held = chain;
    return added && chain.index != UINT32_MAX ? MOOT_OK : MOOT_STORE_DAMAGED;
}

enum moot_status moot_rebuild_held(struct moot_rebuilder *rebuilder)
{
    rebuilder->held.value_size = sizeof(struct moot_chain);
    return moot_store_each(&rebuilder->store, MOOT_TABLE_CHAIN, held_add, rebuilder);
}

struct turns {
    struct moot_rebuilder *rebuilder;
    const struct moot_digest *last;
};

static enum moot_status turn_add(void *context, const struct moot_store_row *row)
{
    const struct turns *turns = context;
    struct moot_state *state = turns->rebuilder->state;
    struct moot_pool *pool = turns->rebuilder->pool;
    struct moot_era era;
    if (moot_era_decode(row->value, &era) != MOOT_OK) {
        return MOOT_STORE_DAMAGED;
    }
    if (era.k < state->eras.count) {
        const struct moot_era *have = moot_state_era_index(state, pool, (uint32_t)era.k);
        return moot_digest_equal(&have->timeline, &era.timeline) ? MOOT_OK : MOOT_WRONG_TIMELINE;
    }
    if (turns->last != NULL &&
        moot_digest_equal(&moot_state_era(state, pool)->timeline, turns->last)) {
        return MOOT_OK; /* a later turn */
    }
    enum moot_status status = moot_state_era_restore(state, pool, row->value);
    return status == MOOT_BAD_VALUE ? MOOT_STORE_DAMAGED : status;
}

enum moot_status moot_rebuild_turns(struct moot_rebuilder *rebuilder,
                                    const struct moot_digest *last)
{
    struct turns turns = {.rebuilder = rebuilder, .last = last};
    enum moot_status status = moot_store_each(&rebuilder->store, MOOT_TABLE_TURN, turn_add, &turns);
    if (status != MOOT_OK || last == NULL) {
        return status;
    }
    const struct moot_era *era = moot_state_era(rebuilder->state, rebuilder->pool);
    return moot_digest_equal(&era->timeline, last) ? MOOT_OK : MOOT_WRONG_TIMELINE;
}

enum moot_status moot_rebuild_derive(struct moot_rebuilder *rebuilder)
{
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    enum moot_status status = moot_eras_settle(rebuilder->state, rebuilder->pool);
    return status == MOOT_OK ? moot_state_derive(rebuilder->state, rebuilder->pool, &change)
                             : status;
}

struct folding {
    struct moot_rebuilder *rebuilder;
    struct moot_chain *chain;
};

static enum moot_status fact_add(void *context, const struct moot_fact *fact)
{
    const struct folding *folding = context;
    struct moot_rebuilder *rebuilder = folding->rebuilder;
    if (moot_chain_tail_advance(&folding->chain->tail, &fact->header, &fact->id) != MOOT_OK) {
        return MOOT_STORE_DAMAGED; /* it was admitted once */
    }
    if (moot_state_fold(rebuilder->state, rebuilder->pool, folding->chain, fact) ==
        MOOT_NO_MEMORY) {
        return MOOT_NO_MEMORY;
    }
    rebuilder->report->facts++;
    rebuilder->report->payload_bytes += fact->payload.size;
    return MOOT_OK;
}

enum moot_status moot_rebuild_chain(struct moot_rebuilder *rebuilder, struct moot_chain *chain,
                                    uint32_t index, uint64_t seq)
{
    struct folding folding = {.rebuilder = rebuilder, .chain = chain};
    struct moot_chain_walk walk = {.store = &rebuilder->store,
                                   .index = index,
                                   .chain = chain->id,
                                   .seq = chain->tail.seq,
                                   .id = chain->tail.id};
    enum moot_status status = moot_chain_walk(&walk, seq, fact_add, &folding);
    if (status != MOOT_OK) {
        rebuilder->report->chain = chain->id;
        rebuilder->report->seq = walk.seq + 1;
    }
    return status;
}

enum moot_status moot_rebuild_end(struct moot_rebuilder *rebuilder, enum moot_status status)
{
    rebuilder->store.release(rebuilder->store.self);
    moot_map_clear(rebuilder->pool, &rebuilder->held);
    if (status != MOOT_OK) {
        moot_state_clear(rebuilder->state, rebuilder->pool);
    }
    return status;
}

static enum moot_status begin(struct moot_rebuilder *rebuilder,
                              const struct moot_image_source *base)
{
    if (base != NULL) {
        struct moot_image_report report;
        const struct moot_object_source objects = moot_object_source_of_store(&rebuilder->store);
        enum moot_status status =
            moot_image_read(rebuilder->state, rebuilder->pool, base, &objects, &report);
        if (status == MOOT_NOT_FOUND) {
            rebuilder->report->object = report.missing;
            return MOOT_GAP;
        }
        return status;
    }
    struct moot_bytes founding;
    enum moot_status status = rebuilder->store.get(rebuilder->store.self, MOOT_TABLE_META,
                                                   moot_bytes_of_text("founding"), &founding);
    if (status == MOOT_OK) {
        status = moot_state_found(rebuilder->state, rebuilder->pool, founding);
    }
    return status == MOOT_NOT_FOUND ? MOOT_GAP : status;
}

/* The plain tick that a cut names and nobody keeps any more is believed when a higher one of its
 * timeline is held: that one was certified, and between the two nothing is different. */
struct search {
    const struct moot_rebuilder *rebuilder;
    const struct moot_digest *id;
    const struct moot_era *era; /* found */
    uint32_t epoch;
};

static enum moot_status tick_search(void *context, const struct moot_store_row *row)
{
    struct search *search = context;
    struct moot_object object;
    if (moot_object_decode(row->value, &object) != MOOT_OK) {
        return MOOT_STORE_DAMAGED;
    }
    if (search->era != NULL || object.body.kind != MOOT_BODY_TICK || object.body.tick.turns) {
        return MOOT_OK;
    }
    const struct moot_era *era = moot_state_era_of(
        search->rebuilder->state, search->rebuilder->pool, &object.certificate.statement.timeline);
    if (era != NULL &&
        moot_plain_tick_find(era, object.body.tick.epoch, search->id, &search->epoch)) {
        search->era = era;
    }
    return MOOT_OK;
}

static enum moot_status tick_imply(struct moot_rebuilder *rebuilder, const struct moot_digest *id)
{
    struct search search = {.rebuilder = rebuilder, .id = id};
    enum moot_status status =
        moot_store_each(&rebuilder->store, MOOT_TABLE_OBJECT, tick_search, &search);
    if (status != MOOT_OK) {
        return status;
    }
    if (search.era == NULL) {
        rebuilder->report->object = *id;
        return MOOT_GAP;
    }
    return moot_plain_tick_imply(rebuilder->state, rebuilder->pool, search.era, search.epoch);
}

static enum moot_status object_add(struct moot_rebuilder *rebuilder, const struct moot_digest *id)
{
    struct moot_bytes encoded;
    struct moot_store_port *store = &rebuilder->store;
    enum moot_status status =
        store->get(store->self, MOOT_TABLE_OBJECT, moot_digest_bytes(id), &encoded);
    if (status == MOOT_NOT_FOUND) {
        status = tick_imply(rebuilder, id);
    } else if (status == MOOT_OK) {
        status = moot_state_object_restore(rebuilder->state, rebuilder->pool, encoded);
    }
    store->release(store->self);
    /* Two plain ticks of one timeline are never members together. */
    return status == MOOT_REPLAYED ? MOOT_BAD_VALUE : status;
}

static enum moot_status objects_add(struct moot_rebuilder *rebuilder, const struct moot_cut *cut)
{
    enum moot_status status = MOOT_OK;
    for (uint32_t i = 0; i < cut->object_count && status == MOOT_OK; i++) {
        struct moot_digest id;
        moot_cut_object_at(cut, i, &id);
        if (moot_state_object(rebuilder->state, rebuilder->pool, &id) == NULL) {
            status = object_add(rebuilder, &id);
        }
    }
    return status;
}

static enum moot_status chain_add(struct moot_rebuilder *rebuilder,
                                  const struct moot_cut_chain *entry)
{
    struct moot_chain *chain = moot_state_chain(rebuilder->state, rebuilder->pool, &entry->chain);
    rebuilder->report->chain = entry->chain;
    rebuilder->report->seq = entry->seq;
    if (chain == NULL || chain->tail.seq > entry->seq) {
        return MOOT_BAD_VALUE; /* lacks the admission of its author, or what is in the base */
    }
    if (chain->tail.seq < entry->seq) {
        const struct moot_chain *held =
            moot_map_get(rebuilder->pool, &rebuilder->held, moot_digest_bytes(&entry->chain));
        enum moot_status status = MOOT_GAP;
        if (held != NULL) {
            status = moot_rebuild_chain(rebuilder, chain, held->index, entry->seq);
        }
        if (status != MOOT_OK) {
            return status;
        }
    }
    return moot_digest_equal(&chain->tail.id, &entry->head) ? MOOT_OK : MOOT_CHAIN_FORKED;
}

static enum moot_status cut_add(struct moot_rebuilder *rebuilder, const struct moot_cut *cut)
{
    enum moot_status status = moot_rebuild_turns(rebuilder, &cut->timeline);
    if (status == MOOT_OK) {
        status = objects_add(rebuilder, cut);
    }
    if (status == MOOT_OK) {
        status = moot_rebuild_derive(rebuilder);
    }
    if (status == MOOT_OK && rebuilder->state->epoch != cut->epoch) {
        status = MOOT_BAD_VALUE;
    }
    for (uint32_t i = 0; i < cut->chain_count && status == MOOT_OK; i++) {
        struct moot_cut_chain entry;
        moot_cut_chain_at(cut, i, &entry);
        status = chain_add(rebuilder, &entry);
    }
    if (status != MOOT_OK) {
        return status;
    }
    struct moot_digest root;
    struct moot_digest wanted;
    memset(&rebuilder->report->chain, 0, sizeof rebuilder->report->chain);
    rebuilder->report->seq = 0;
    moot_frontier_root(rebuilder->state, rebuilder->pool, &root);
    moot_cut_root(cut, &wanted);
    return moot_digest_equal(&root, &wanted) ? MOOT_OK : MOOT_BAD_VALUE;
}

enum moot_status moot_state_at_cut(struct moot_state *state, struct moot_pool *pool,
                                   const struct moot_store_port *store,
                                   const struct moot_image_source *base, const struct moot_cut *cut,
                                   struct moot_rebuild_report *ret)
{
    MOOT_REQUIRE(!state->founded && state->eras.count == 0);
    struct moot_rebuilder rebuilder = {
        .state = state, .pool = pool, .store = *store, .report = ret};
    memset(ret, 0, sizeof *ret);
    enum moot_status status = moot_rebuild_held(&rebuilder);
    if (status == MOOT_OK) {
        status = begin(&rebuilder, base);
    }
    if (status == MOOT_OK) {
        status = cut_add(&rebuilder, cut);
    }
    return moot_rebuild_end(&rebuilder, status);
}
