/*
 * The set of certified objects, and what merging one brings about.
 *
 *   decoded ─ check (timeline, body, certificate) ─▶ merge: insert ─▶ eras ─▶ members · floors
 *
 * Happy path: everything that was certified on a followed timeline is kept for ever; of the plain ticks
 * of one timeline only the highest.
 * Failures: see moot_state_object_check; NO_MEMORY leaves the set as it was, or a derivation behind it
 * (moot_state_derive makes up for it).
 */
#include "journal/state.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "journal/state_parts.h"

static void object_key(const struct moot_statement *statement, const struct moot_digest *id,
                       uint8_t ret[MOOT_OBJECT_KEY_BYTES])
{
    moot_slot_encode(&statement->slot, ret);
    memcpy(ret + MOOT_SLOT_BYTES, id->b, sizeof id->b);
}

static bool begins_with(struct moot_bytes key, struct moot_bytes prefix)
{
    return key.size >= prefix.size && memcmp(key.data, prefix.data, prefix.size) == 0;
}

bool moot_objects_first(const struct moot_state *state, const struct moot_pool *pool,
                        struct moot_bytes prefix, struct moot_map_item *ret)
{
    return moot_map_from(pool, &state->objects, prefix, ret) && begins_with(ret->key, prefix);
}

bool moot_objects_next(const struct moot_state *state, const struct moot_pool *pool,
                       struct moot_bytes prefix, struct moot_map_item *item)
{
    return moot_map_after(pool, &state->objects, item->key, item) && begins_with(item->key, prefix);
}

void moot_object_row_body(const struct moot_pool *pool, const struct moot_object_row *row,
                          struct moot_body *ret)
{
    enum moot_status status = moot_body_decode(moot_blob_get(pool, row->body), ret);
    MOOT_INVARIANT(status == MOOT_OK);
}

const struct moot_object_row *moot_state_object(const struct moot_state *state,
                                                const struct moot_pool *pool,
                                                const struct moot_digest *id)
{
    const uint8_t *key = moot_map_get(pool, &state->object_ids, moot_digest_bytes(id));
    return key == NULL
               ? NULL
               : moot_map_get(pool, &state->objects, moot_bytes_of(key, MOOT_OBJECT_KEY_BYTES));
}

static bool is_plain_tick(const struct moot_body *body)
{
    return body->kind == MOOT_BODY_TICK && !body->tick.turns;
}

/* What the state alone can say of a body on that era's timeline. */
static enum moot_status body_check(const struct moot_object *object, const struct moot_era *era)
{
    const struct moot_body *body = &object->body;
    const struct moot_digest *timeline = &object->certificate.statement.timeline;
    if (body->kind == MOOT_BODY_TICK) {
        if (!moot_digest_equal(&body->tick.before, timeline)) {
            return MOOT_BAD_BODY;
        }
        bool stale = is_plain_tick(body) && body->tick.epoch <= era->plain_epoch;
        return stale ? MOOT_REPLAYED : MOOT_OK;
    }
    if (body->kind == MOOT_BODY_TURN) {
        bool follows =
            moot_digest_equal(&body->turn.before, timeline) && body->turn.k == era->k + 1;
        bool next_set = body->turn.what != MOOT_TURN_ADMINS ||
                        body->turn.admins.version == era->admins.version + 1;
        return follows && next_set ? MOOT_OK : MOOT_BAD_BODY;
    }
    return MOOT_OK;
}

enum moot_status moot_state_object_check(const struct moot_state *state,
                                         const struct moot_pool *pool,
                                         const struct moot_object *object)
{
    if (object->certificate.statement.verdict != MOOT_VERDICT_YES) {
        return MOOT_BAD_BODY;
    }
    if (moot_state_object(state, pool, &object->id) != NULL) {
        return MOOT_REPLAYED;
    }
    const struct moot_era *era =
        moot_state_era_of(state, pool, &object->certificate.statement.timeline);
    if (era == NULL) {
        return MOOT_WRONG_TIMELINE;
    }
    enum moot_status status = body_check(object, era);
    if (status != MOOT_OK) {
        return status;
    }
    const struct moot_body *body = &object->body;
    bool replaces = body->kind == MOOT_BODY_TURN && body->turn.what == MOOT_TURN_ADMINS;
    return moot_certificate_check(&object->certificate, &era->admins,
                                  replaces ? &body->turn.admins : NULL);
}

/* The one plain tick of a timeline at an epoch; its body's bytes go to `memory`. */
#define PLAIN_TICK_BYTES_MAX 96
static void plain_tick(const struct moot_digest *timeline, uint32_t epoch,
                       uint8_t memory[PLAIN_TICK_BYTES_MAX], struct moot_object *ret)
{
    struct moot_digest hash;
    struct moot_writer writer;
    memset(ret, 0, sizeof *ret);
    ret->body = (struct moot_body){.kind = MOOT_BODY_TICK, .epoch = epoch};
    ret->body.tick =
        (struct moot_tick_body){.before = *timeline, .after = *timeline, .epoch = epoch};
    moot_writer_init(&writer, memory, PLAIN_TICK_BYTES_MAX);
    moot_body_encode(&ret->body, &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    ret->body_bytes = moot_bytes_of(memory, writer.size);
    moot_body_hash(ret->body_bytes, &hash);
    moot_body_statement(&ret->body, &hash, timeline, MOOT_VERDICT_YES, &ret->certificate.statement);
    moot_statement_hash(&ret->certificate.statement, &ret->id);
}

void moot_plain_tick_id(const struct moot_digest *timeline, uint32_t epoch, struct moot_digest *ret)
{
    uint8_t memory[PLAIN_TICK_BYTES_MAX];
    struct moot_object object;
    plain_tick(timeline, epoch, memory, &object);
    *ret = object.id;
}

bool moot_plain_tick_find(const struct moot_era *era, uint32_t highest,
                          const struct moot_digest *id, uint32_t *ret_epoch)
{
    uint32_t left = MOOT_TICKS_TRIED_MAX;
    for (uint32_t epoch = highest; epoch > era->epoch && left > 0; epoch--, left--) {
        struct moot_digest tick;
        moot_plain_tick_id(&era->timeline, epoch, &tick);
        if (moot_digest_equal(&tick, id)) {
            *ret_epoch = epoch;
            return true;
        }
    }
    return false;
}

static void object_remove(struct moot_state *state, struct moot_pool *pool,
                          const struct moot_digest *id)
{
    uint8_t key[MOOT_OBJECT_KEY_BYTES];
    const uint8_t *held = moot_map_get(pool, &state->object_ids, moot_digest_bytes(id));
    MOOT_REQUIRE(held != NULL);
    memcpy(key, held, sizeof key);
    struct moot_object_row *row =
        moot_map_get(pool, &state->objects, moot_bytes_of(key, sizeof key));
    MOOT_INVARIANT(row != NULL);
    moot_blob_clear(pool, &row->encoded);
    moot_blob_clear(pool, &row->body);
    (void)moot_map_remove(pool, &state->objects, moot_bytes_of(key, sizeof key));
    (void)moot_map_remove(pool, &state->object_ids, moot_digest_bytes(id));
}

/* Into both maps, or into none. */
static bool object_put(struct moot_state *state, struct moot_pool *pool,
                       const struct moot_object *object)
{
    struct moot_object_row row = {.id = object->id, .statement = object->certificate.statement};
    uint8_t key[MOOT_OBJECT_KEY_BYTES];
    object_key(&row.statement, &row.id, key);
    const struct moot_bytes key_bytes = moot_bytes_of(key, sizeof key);
    if (moot_blob_set(pool, &row.encoded, object->encoded) &&
        moot_blob_set(pool, &row.body, object->body_bytes)) {
        struct moot_object_row *held = moot_map_put(pool, &state->objects, key_bytes, NULL);
        uint8_t *held_key =
            held != NULL ? moot_map_put(pool, &state->object_ids, moot_digest_bytes(&row.id), NULL)
                         : NULL;
        if (held_key != NULL) {
            *held = row;
            memcpy(held_key, key, sizeof key);
            return true;
        }
        if (held != NULL) {
            (void)moot_map_remove(pool, &state->objects, key_bytes);
        }
    }
    moot_blob_clear(pool, &row.encoded);
    moot_blob_clear(pool, &row.body);
    return false;
}

/* Puts the object in; a plain tick takes the place of the one it outdates. */
static enum moot_status object_insert(struct moot_state *state, struct moot_pool *pool,
                                      const struct moot_object *object,
                                      struct moot_digest *ret_dropped)
{
    if (!object_put(state, pool, object)) {
        return MOOT_NO_MEMORY;
    }
    if (is_plain_tick(&object->body)) {
        const struct moot_era *found =
            moot_state_era_of(state, pool, &object->certificate.statement.timeline);
        struct moot_era *era = moot_state_era_index(state, pool, (uint32_t)found->k);
        if (era->plain_epoch != 0) {
            *ret_dropped = era->plain_object;
            object_remove(state, pool, &era->plain_object);
        }
        era->plain_epoch = object->body.tick.epoch;
        era->plain_object = object->id;
    }
    return MOOT_OK;
}

enum moot_status moot_state_object_merge(struct moot_state *state, struct moot_pool *pool,
                                         const struct moot_object *object,
                                         struct moot_state_change *change)
{
    MOOT_REQUIRE(state->founded);
    enum moot_status status = object_insert(state, pool, object, &change->dropped_object);
    if (status != MOOT_OK) {
        return status;
    }
    change->objects = true;
    switch (object->body.kind) {
    case MOOT_BODY_TICK:
    case MOOT_BODY_TURN:
    case MOOT_BODY_UPGRADE: /* a hard fork may have waited for it */
        return moot_eras_advance(state, pool, change);
    case MOOT_BODY_ADMISSION:
    case MOOT_BODY_REMOVAL:
    case MOOT_BODY_REPLACEMENT:
    case MOOT_BODY_RENAME:
        return moot_members_merge(state, pool, &object->certificate.statement.slot.device, change);
    case MOOT_BODY_CACHE:
        return moot_floors_merge(state, pool, &object->certificate.statement.slot);
    case MOOT_BODY_ACTIVATION:
    case MOOT_BODY_SNAPSHOT:
        break; /* looked up in the object set when they are asked for */
    }
    return MOOT_OK;
}

enum moot_status moot_state_object_restore(struct moot_state *state, struct moot_pool *pool,
                                           struct moot_bytes encoded)
{
    MOOT_REQUIRE(state->founded);
    struct moot_object object;
    enum moot_status status = moot_object_decode(encoded, &object);
    if (status != MOOT_OK) {
        return status;
    }
    const struct moot_era *era =
        moot_state_era_of(state, pool, &object.certificate.statement.timeline);
    if (era == NULL) {
        return MOOT_WRONG_TIMELINE;
    }
    if (moot_state_object(state, pool, &object.id) != NULL ||
        (is_plain_tick(&object.body) && object.body.tick.epoch <= era->plain_epoch)) {
        return MOOT_REPLAYED;
    }
    struct moot_digest dropped;
    return object_insert(state, pool, &object, &dropped);
}

enum moot_status moot_plain_tick_imply(struct moot_state *state, struct moot_pool *pool,
                                       const struct moot_era *era, uint32_t epoch)
{
    uint8_t memory[PLAIN_TICK_BYTES_MAX];
    struct moot_object object;
    struct moot_digest dropped;
    if (epoch <= era->plain_epoch) {
        return MOOT_REPLAYED;
    }
    plain_tick(&era->timeline, epoch, memory, &object);
    return object_insert(state, pool, &object, &dropped);
}
