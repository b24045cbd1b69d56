/*
 * A certified image takes the place of what lies below it; what this device holds beyond stays.
 *
 *   image's state ─▶ the store's indices ─▶ our turns and objects ─▶ members ─▶ our facts beyond the image
 *
 * Happy path: each chain that is longer here goes on from the image's tail and ends at our own.
 * Failures: see rebuild.h. Nothing is written: rows are the caller's to replace.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "journal/rebuild_parts.h"
#include "journal/state_parts.h"

/* Every chain held gets its row's index; chains that only the image has come after them. */
static enum moot_status indices_set(struct moot_rebuilder *rebuilder)
{
    struct moot_state *state = rebuilder->state;
    uint32_t next = 0;
    struct moot_map_item row;
    for (MOOT_MAP_EACH(rebuilder->pool, &rebuilder->held, row)) {
        const struct moot_chain *held = row.value;
        struct moot_chain *chain = moot_chain_ensure(state, rebuilder->pool, &held->author);
        if (chain == NULL) {
            return MOOT_NO_MEMORY;
        }
        if (!moot_digest_equal(&chain->id, &held->id)) {
            rebuilder->report->chain = held->id;
            return MOOT_STORE_DAMAGED;
        }
        next = held->index >= next ? held->index + 1 : next;
    }
    struct moot_map_item item;
    for (MOOT_MAP_EACH(rebuilder->pool, &state->chains, item)) {
        struct moot_chain *chain = item.value;
        const struct moot_chain *held =
            moot_map_get(rebuilder->pool, &rebuilder->held, moot_digest_bytes(&chain->id));
        chain->index = held != NULL ? held->index : next++;
    }
    state->chain_count = next;
    return MOOT_OK;
}

static enum moot_status object_join(void *context, const struct moot_store_row *row)
{
    const struct moot_rebuilder *rebuilder = context;
    enum moot_status status =
        moot_state_object_restore(rebuilder->state, rebuilder->pool, row->value);
    return status == MOOT_REPLAYED ? MOOT_OK : status;
}

/* A tick that the image implies and that no held one outdates has no certificate here: it could not be
 * written or served, and the epoch would fall at the next start. */
static enum moot_status ticks_check(const struct moot_rebuilder *rebuilder)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(rebuilder->pool, &rebuilder->state->objects, item)) {
        const struct moot_object_row *row = item.value;
        if (row->encoded.size == 0) {
            rebuilder->report->object = row->id;
            return MOOT_GAP;
        }
    }
    return MOOT_OK;
}

static enum moot_status chain_join(struct moot_rebuilder *rebuilder, const struct moot_chain *held)
{
    struct moot_chain *chain = moot_state_chain(rebuilder->state, rebuilder->pool, &held->id);
    MOOT_INVARIANT(chain != NULL);
    if (held->tail.seq < chain->tail.seq) {
        return MOOT_OK;
    }
    enum moot_status status = moot_rebuild_chain(rebuilder, chain, held->index, held->tail.seq);
    if (status != MOOT_OK) {
        return status;
    }
    if (!moot_digest_equal(&chain->tail.id, &held->tail.id)) {
        rebuilder->report->chain = held->id;
        rebuilder->report->seq = held->tail.seq;
        return MOOT_CHAIN_FORKED;
    }
    chain->head_signature = held->head_signature;
    return MOOT_OK;
}

static enum moot_status held_join(struct moot_rebuilder *rebuilder)
{
    enum moot_status status = indices_set(rebuilder);
    if (status == MOOT_OK) {
        status = moot_rebuild_turns(rebuilder, NULL);
    }
    if (status == MOOT_OK) {
        status = moot_store_each(&rebuilder->store, MOOT_TABLE_OBJECT, object_join, rebuilder);
    }
    if (status == MOOT_OK) {
        status = moot_rebuild_derive(rebuilder);
    }
    if (status == MOOT_OK) {
        status = ticks_check(rebuilder);
    }
    struct moot_map_item item;
    for (MOOT_MAP_EACH(rebuilder->pool, &rebuilder->held, item)) {
        if (status == MOOT_OK) {
            status = chain_join(rebuilder, item.value);
        }
    }
    return status;
}

enum moot_status moot_state_install(struct moot_state *state, struct moot_pool *pool,
                                    const struct moot_store_port *store,
                                    struct moot_rebuild_report *ret)
{
    MOOT_REQUIRE(state->founded);
    struct moot_rebuilder rebuilder = {
        .state = state, .pool = pool, .store = *store, .report = ret};
    memset(ret, 0, sizeof *ret);
    enum moot_status status = moot_rebuild_held(&rebuilder);
    if (status == MOOT_OK) {
        status = held_join(&rebuilder);
    }
    state->payload_bytes = ret->payload_bytes;
    return moot_rebuild_end(&rebuilder, status);
}
