/*
 * Bodies as canonical bytes: array[2]: body kind, array of its fields.
 * Happy path: decode reads every field in order, then checks that the values fit together.
 * Failures: the codec's reasons for the bytes; BAD_BODY for values that no node may sign, whatever
 * its state. What depends on state (whose admins, which timeline) is judged in objects.c and fold.c.
 */
#include "journal/body.h"

#include <string.h>

#include "journal/body_parts.h"

enum { TICK_FIELDS = 4, TURN_FIELDS = 8, ADMISSION_FIELDS = 6, UPGRADE_FIELDS = 16 };
enum { ACTIVATION_FIELDS = 3, ADMINS_FIELDS = 3, HARD_FORK_FIELDS = 2 };

void moot_body_write_proposal(const struct moot_body *body, struct moot_writer *writer)
{
    moot_write_key(writer, &body->proposer);
    moot_write_uint(writer, body->epoch);
    moot_write_uint(writer, body->nonce);
}

void moot_body_read_proposal(struct moot_cursor *cursor, struct moot_body *ret)
{
    moot_read_key(cursor, &ret->proposer);
    ret->epoch = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    ret->nonce = moot_read_uint(cursor, UINT64_MAX);
}

void moot_write_digest_or_nil(struct moot_writer *writer, bool there,
                              const struct moot_digest *digest)
{
    if (there) {
        moot_write_digest(writer, digest);
    } else {
        moot_write_nil(writer);
    }
}

bool moot_read_digest_or_nil(struct moot_cursor *cursor, struct moot_digest *ret)
{
    if (moot_read_nil_if(cursor)) {
        return false;
    }
    moot_read_digest(cursor, ret);
    return true;
}

static void write_tick(const struct moot_tick_body *tick, struct moot_writer *writer)
{
    moot_write_array(writer, TICK_FIELDS);
    moot_write_digest(writer, &tick->before);
    moot_write_digest(writer, &tick->after);
    moot_write_uint(writer, tick->epoch);
    moot_write_digest_or_nil(writer, tick->turns, &tick->turn);
}

static void read_tick(struct moot_cursor *cursor, struct moot_body *ret)
{
    moot_read_array(cursor, TICK_FIELDS);
    moot_read_digest(cursor, &ret->tick.before);
    moot_read_digest(cursor, &ret->tick.after);
    ret->tick.epoch = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    ret->tick.turns = moot_read_digest_or_nil(cursor, &ret->tick.turn);
    ret->epoch = ret->tick.epoch;
}

static bool tick_fits(const struct moot_tick_body *tick)
{
    struct moot_digest after = tick->before;
    if (tick->turns) {
        moot_timeline_after(&tick->before, &tick->turn, &after);
    }
    return tick->epoch > 0 && moot_digest_equal(&tick->after, &after);
}

void moot_admin_set_encode(const struct moot_admin_set *set, struct moot_writer *writer)
{
    moot_write_array(writer, ADMINS_FIELDS);
    moot_write_uint(writer, set->threshold);
    moot_write_uint(writer, set->version);
    moot_write_array(writer, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        moot_write_key(writer, &set->keys[i]);
    }
}

void moot_admin_set_decode(struct moot_cursor *cursor, struct moot_admin_set *ret)
{
    *ret = (struct moot_admin_set){0};
    moot_read_array(cursor, ADMINS_FIELDS);
    ret->threshold = (uint32_t)moot_read_uint(cursor, MOOT_ADMINS_MAX);
    ret->version = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    ret->count = moot_read_array_any(cursor, MOOT_ADMINS_MAX);
    for (uint32_t i = 0; i < ret->count; i++) {
        moot_read_key(cursor, &ret->keys[i]);
    }
}

static void write_turn(const struct moot_body *body, struct moot_writer *writer)
{
    const struct moot_turn_body *turn = &body->turn;
    moot_write_array(writer, TURN_FIELDS);
    moot_body_write_proposal(body, writer);
    moot_write_uint(writer, turn->k);
    moot_write_digest(writer, &turn->before);
    moot_write_array(writer, 2);
    moot_write_uint(writer, turn->what);
    if (turn->what == MOOT_TURN_ADMINS) {
        moot_admin_set_encode(&turn->admins, writer);
    } else {
        moot_write_array(writer, HARD_FORK_FIELDS);
        moot_write_digest(writer, &turn->upgrade);
        moot_write_digest(writer, &turn->activation);
    }
    moot_write_uint(writer, turn->earliest);
    moot_write_uint(writer, turn->last);
}

static void read_turn(struct moot_cursor *cursor, struct moot_body *ret)
{
    struct moot_turn_body *turn = &ret->turn;
    moot_read_array(cursor, TURN_FIELDS);
    moot_body_read_proposal(cursor, ret);
    turn->k = moot_read_uint(cursor, UINT64_MAX);
    moot_read_digest(cursor, &turn->before);
    moot_read_array(cursor, 2);
    uint64_t what = moot_read_uint(cursor, MOOT_TURN_HARD_FORK);
    if (what == MOOT_TURN_ADMINS) {
        turn->what = MOOT_TURN_ADMINS;
        moot_admin_set_decode(cursor, &turn->admins);
    } else if (what == MOOT_TURN_HARD_FORK) {
        turn->what = MOOT_TURN_HARD_FORK;
        moot_read_array(cursor, HARD_FORK_FIELDS);
        moot_read_digest(cursor, &turn->upgrade);
        moot_read_digest(cursor, &turn->activation);
    } else {
        moot_cursor_fail(cursor, MOOT_BAD_VALUE);
    }
    turn->earliest = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    turn->last = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
}

static bool turn_fits(const struct moot_turn_body *turn)
{
    bool admins_good =
        turn->what != MOOT_TURN_ADMINS || moot_admin_set_check(&turn->admins) == MOOT_OK;
    return turn->k > 0 && turn->earliest > 0 && turn->earliest <= turn->last && admins_good;
}

static void write_admission(const struct moot_body *body, struct moot_writer *writer)
{
    moot_write_array(writer, ADMISSION_FIELDS);
    moot_body_write_proposal(body, writer);
    moot_write_key(writer, &body->admission.device);
    moot_write_text(writer, body->admission.name);
    moot_write_text(writer, body->admission.home);
}

static void read_admission(struct moot_cursor *cursor, struct moot_body *ret)
{
    moot_read_array(cursor, ADMISSION_FIELDS);
    moot_body_read_proposal(cursor, ret);
    moot_read_key(cursor, &ret->admission.device);
    ret->admission.name = moot_read_text(cursor, MOOT_NAME_BYTES_MAX);
    ret->admission.home = moot_read_text(cursor, MOOT_NAME_BYTES_MAX);
}

static void write_upgrade(const struct moot_body *body, struct moot_writer *writer)
{
    const struct moot_upgrade_body *upgrade = &body->upgrade;
    moot_write_array(writer, UPGRADE_FIELDS);
    moot_body_write_proposal(body, writer);
    moot_write_text(writer, upgrade->package_name);
    moot_write_text(writer, upgrade->from_version);
    moot_write_text(writer, upgrade->to_version);
    moot_write_digest(writer, &upgrade->manifest);
    moot_write_uint(writer, upgrade->kind);
    moot_write_uint(writer, upgrade->min_protocol);
    moot_write_uint(writer, upgrade->fence_epoch);
    moot_write_uint(writer, upgrade->window);
    moot_write_uint(writer, upgrade->ready_needed);
    moot_write_uint(writer, upgrade->deadline_epoch);
    moot_write_bool(writer, upgrade->short_notice);
    moot_write_text(writer, upgrade->revert_plan);
    moot_write_digest_or_nil(writer, upgrade->rehearsed, &upgrade->rehearsal);
}

static void read_upgrade(struct moot_cursor *cursor, struct moot_body *ret)
{
    struct moot_upgrade_body *upgrade = &ret->upgrade;
    moot_read_array(cursor, UPGRADE_FIELDS);
    moot_body_read_proposal(cursor, ret);
    upgrade->package_name = moot_read_text(cursor, MOOT_NAME_BYTES_MAX);
    upgrade->from_version = moot_read_text(cursor, MOOT_VERSION_TEXT_BYTES_MAX);
    upgrade->to_version = moot_read_text(cursor, MOOT_VERSION_TEXT_BYTES_MAX);
    moot_read_digest(cursor, &upgrade->manifest);
    upgrade->kind = (enum moot_upgrade_kind)moot_read_uint(cursor, MOOT_UPGRADE_HARD);
    upgrade->min_protocol = (uint16_t)moot_read_uint(cursor, UINT16_MAX);
    upgrade->fence_epoch = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    upgrade->window = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    upgrade->ready_needed = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    upgrade->deadline_epoch = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    upgrade->short_notice = moot_read_bool(cursor);
    upgrade->revert_plan = moot_read_text(cursor, MOOT_REVERT_PLAN_BYTES_MAX);
    upgrade->rehearsed = moot_read_digest_or_nil(cursor, &upgrade->rehearsal);
}

static bool upgrade_fits(const struct moot_upgrade_body *upgrade)
{
    if (upgrade->package_name.size == 0 || upgrade->to_version.size == 0) {
        return false;
    }
    switch (upgrade->kind) {
    case MOOT_UPGRADE_SOFT:
        return upgrade->fence_epoch == 0 && upgrade->window == 0;
    case MOOT_UPGRADE_HARD:
        return upgrade->fence_epoch > 0 && upgrade->min_protocol > 0 &&
               upgrade->window <= UINT32_MAX - upgrade->fence_epoch;
    }
    return false;
}

static void write_activation(const struct moot_body *body, struct moot_writer *writer)
{
    moot_write_array(writer, ACTIVATION_FIELDS);
    moot_write_digest(writer, &body->activation.upgrade);
    moot_write_uint(writer, body->epoch);
    moot_write_digest(writer, &body->activation.approval);
}

static void read_activation(struct moot_cursor *cursor, struct moot_body *ret)
{
    moot_read_array(cursor, ACTIVATION_FIELDS);
    moot_read_digest(cursor, &ret->activation.upgrade);
    ret->epoch = (uint32_t)moot_read_uint(cursor, UINT32_MAX);
    moot_read_digest(cursor, &ret->activation.approval);
}

void moot_body_encode(const struct moot_body *body, struct moot_writer *writer)
{
    moot_write_array(writer, 2);
    moot_write_uint(writer, body->kind);
    switch (body->kind) {
    case MOOT_BODY_TICK:
        write_tick(&body->tick, writer);
        break;
    case MOOT_BODY_TURN:
        write_turn(body, writer);
        break;
    case MOOT_BODY_ADMISSION:
        write_admission(body, writer);
        break;
    case MOOT_BODY_UPGRADE:
        write_upgrade(body, writer);
        break;
    case MOOT_BODY_ACTIVATION:
        write_activation(body, writer);
        break;
    case MOOT_BODY_SNAPSHOT:
        moot_snapshot_body_write(body, writer);
        break;
    case MOOT_BODY_CACHE:
        moot_cache_body_write(body, writer);
        break;
    case MOOT_BODY_REMOVAL:
        moot_removal_body_write(body, writer);
        break;
    case MOOT_BODY_REPLACEMENT:
        moot_replacement_body_write(body, writer);
        break;
    case MOOT_BODY_RENAME:
        moot_rename_body_write(body, writer);
        break;
    }
}

static void read_fields(struct moot_cursor *cursor, struct moot_body *ret)
{
    switch (ret->kind) {
    case MOOT_BODY_TICK:
        read_tick(cursor, ret);
        return;
    case MOOT_BODY_TURN:
        read_turn(cursor, ret);
        return;
    case MOOT_BODY_ADMISSION:
        read_admission(cursor, ret);
        return;
    case MOOT_BODY_UPGRADE:
        read_upgrade(cursor, ret);
        return;
    case MOOT_BODY_ACTIVATION:
        read_activation(cursor, ret);
        return;
    case MOOT_BODY_SNAPSHOT:
        moot_snapshot_body_read(cursor, ret);
        return;
    case MOOT_BODY_CACHE:
        moot_cache_body_read(cursor, ret);
        return;
    case MOOT_BODY_REMOVAL:
        moot_removal_body_read(cursor, ret);
        return;
    case MOOT_BODY_REPLACEMENT:
        moot_replacement_body_read(cursor, ret);
        return;
    case MOOT_BODY_RENAME:
        moot_rename_body_read(cursor, ret);
        return;
    }
    moot_cursor_fail(cursor, MOOT_BAD_VALUE);
}

static bool body_fits(const struct moot_body *body)
{
    if (body->epoch == 0) {
        return false;
    }
    switch (body->kind) {
    case MOOT_BODY_TICK:
        return tick_fits(&body->tick);
    case MOOT_BODY_TURN:
        return turn_fits(&body->turn);
    case MOOT_BODY_ADMISSION:
        return body->admission.name.size > 0;
    case MOOT_BODY_UPGRADE:
        return upgrade_fits(&body->upgrade);
    case MOOT_BODY_ACTIVATION:
        return true;
    case MOOT_BODY_SNAPSHOT:
        return body->snapshot.image_bytes > 0;
    case MOOT_BODY_CACHE:
        return moot_cache_body_fits(&body->cache);
    case MOOT_BODY_REMOVAL:
        return (body->removal.last_seq == 0) == moot_digest_is_zero(&body->removal.last_id);
    case MOOT_BODY_REPLACEMENT:
        return moot_replacement_body_fits(&body->replacement);
    case MOOT_BODY_RENAME:
        return body->rename.name.size > 0;
    }
    return false;
}

enum moot_status moot_body_decode(struct moot_bytes bytes, struct moot_body *ret)
{
    if (bytes.size > MOOT_BODY_BYTES_MAX) {
        return MOOT_OVERSIZED;
    }
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, bytes);
    struct moot_body body;
    memset(&body, 0, sizeof body);
    moot_read_array(&cursor, 2);
    body.kind = (enum moot_body_kind)moot_read_uint(&cursor, MOOT_BODY_KIND_MAX);
    read_fields(&cursor, &body);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status != MOOT_OK) {
        return status;
    }
    if (!body_fits(&body)) {
        return MOOT_BAD_BODY;
    }
    *ret = body;
    return MOOT_OK;
}
