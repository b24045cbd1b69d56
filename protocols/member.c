/*
 * Founding, inviting and joining.
 *
 *   inviter: invite ─▶ code (60 bits, 15 minutes, one device) ─▶ JOIN asked: pending ─▶ a person admits:
 *            AdmissionProposed ─▶ certified ─▶ the next JOIN is answered with founding, turns, admission
 *   joiner:  join URI ─▶ asking ─▶ pending ─▶ admitted: checks all from the founding on, stores it, enters
 *                                       └─▶ denied
 *
 * The joiner trusts the code for one thing only: the mesh id in the invitation. Everything else it checks
 * from MeshFounded on. It writes no fact before it holds its admission.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "protocols/inside.h"
#include "protocols/view.h"

#define PEERS_TOLD_MAX 64 /* enough to begin with; greetings tell of more */

bool moot_name_good(struct moot_bytes name)
{
    if (name.size == 0 || name.size > MOOT_NAME_BYTES_MAX || !moot_utf8_valid(name))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] == ',' || name.data[i] == 127)
            return false;
    }
    return true;
}

struct moot_bytes moot_own_name(const struct moot_engine *engine, struct moot_bytes asked)
{
    if (asked.size > 0)
        return asked;
    return moot_bytes_of_text(engine->config.name[0] ? engine->config.name : "device");
}

/* ---- founding ---- */

static void init(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    struct moot_engine *engine = step->engine;
    struct moot_founding founding = {
        .mesh_name = call->mesh_name,
        .name = moot_own_name(engine, call->name),
        .home = call->home.size > 0 ? call->home : moot_bytes_of_text(engine->config.home),
        .founder = engine->identity.key};
    uint8_t memory[512];
    struct moot_writer writer;
    if (engine->state.founded) {
        moot_call_refuse(step, call_number, MOOT_IN_MESH, NULL);
        return;
    }
    if (!moot_name_good(founding.mesh_name) || !moot_name_good(founding.name) ||
        (founding.home.size > 0 && !moot_name_good(founding.home))) {
        moot_call_refuse(step, call_number, MOOT_BAD_ARGUMENT,
                         "a name has 1 to 63 bytes, without spaces and commas");
        return;
    }
    moot_random_fill(step->env->random, founding.salt, sizeof founding.salt);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_founding_encode(&founding, &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    struct moot_bytes payload = moot_bytes_of(memory, writer.size);
    if (call->dry_run) {
        moot_step_reply(step, call_number, MOOT_OK, "dry run")->payload =
            moot_arena_copy(step->arena, payload);
        return;
    }
    enum moot_status status = moot_state_found(&engine->state, step->pool, payload);
    if (status == MOOT_OK)
        status = moot_append_stage(step, MOOT_KIND_MESH_FOUNDED, payload, call_number);
    if (status != MOOT_OK) {
        moot_step_stop(step, status);
        moot_call_refuse(step, call_number, status, NULL);
        return;
    }
    moot_step_put(step, MOOT_TABLE_META, moot_bytes_of_text("founding"), payload);
    if (engine->joining.state != MOOT_JOIN_NONE)
        moot_join_cancel(step, MOOT_IN_MESH);
    engine->epoch_since_ms = engine->now_ms;
    engine->root_stale = engine->loose_root_stale = true;
    moot_step_notice(step, "mesh.founded", MOOT_OK);
}

/* ---- inviting ---- */

static const char code_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's base 32 */

static void code_format(const uint8_t random[8], char ret[MOOT_CODE_BYTES_MAX])
{
    uint64_t bits = moot_u64_get(random);
    size_t at = 0;
    for (int i = 0; i < 12; i++) {
        if (i == 4 || i == 8)
            ret[at++] = '-';
        ret[at++] = code_digits[bits & 31];
        bits >>= 5;
    }
    ret[at] = 0;
}

static void forget_invite(struct moot_step *step, uint32_t index)
{
    struct moot_invite *invite = moot_list_at(step->pool, &step->engine->invites, index);
    if (invite->bound) {
        uint8_t key[39];
        memcpy(key, "invite/", 7);
        memcpy(key + 7, invite->device.b, 32);
        moot_step_delete(step, MOOT_TABLE_META, moot_bytes_of(key, sizeof key));
    }
    moot_wipe(invite, sizeof *invite);
    moot_list_remove(step->pool, &step->engine->invites, index);
}

/* Invitations that no device has proven yet. */
static uint32_t open_invites(const struct moot_step *step)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < step->engine->invites.count; i++) {
        const struct moot_invite *open = moot_list_at(step->pool, &step->engine->invites, i);
        count += open->bound ? 0 : 1;
    }
    return count;
}

/* The oldest that nobody has used; a device that waits keeps its own as long as that is possible. */
static uint32_t least_wanted(const struct moot_step *step)
{
    for (uint32_t i = 0; i < step->engine->invites.count; i++) {
        const struct moot_invite *open = moot_list_at(step->pool, &step->engine->invites, i);
        if (!open->bound)
            return i;
    }
    return 0;
}

static void invite(struct moot_step *step, uint64_t call_number)
{
    struct moot_engine *engine = step->engine;
    uint8_t draw[8];
    char hex[65];
    if (!moot_engine_is_admin(engine, step->pool)) {
        moot_call_refuse(step, call_number, MOOT_NOT_ADMIN, NULL);
        return;
    }
    if (strncmp(engine->config.listen_url, "tcp://", 6) != 0) {
        moot_call_refuse(step, call_number, MOOT_BAD_ARGUMENT,
                         "this node listens nowhere: --listen");
        return;
    }
    if (engine->invites.count >= MOOT_INVITES_MAX)
        forget_invite(step, least_wanted(step));
    if (open_invites(step) == 0)
        engine->invite_failures = 0;
    struct moot_invite *added = moot_list_add(step->pool, &engine->invites);
    if (!added) {
        moot_call_refuse(step, call_number, MOOT_NO_MEMORY, NULL);
        return;
    }
    added->number = ++engine->invite_number;
    added->ends_ms = engine->now_ms + MOOT_INVITE_MS;
    moot_random_fill(step->env->random, draw, sizeof draw);
    code_format(draw, added->code);
    moot_channel_psk(moot_bytes_of_text(added->code), &added->psk);
    struct moot_reply *reply = moot_step_reply(step, call_number, MOOT_OK, NULL);
    moot_hex_format(moot_digest_bytes(&engine->state.mesh), hex);
    snprintf(reply->uri, sizeof reply->uri, "moot://%s/%s?code=%s", engine->config.listen_url + 6,
             hex, added->code);
    memcpy(reply->code, added->code, sizeof reply->code);
    reply->expires_in_s = MOOT_INVITE_MS / 1000;
}

uint32_t moot_member_psks(const struct moot_step *step, struct moot_digest ret[MOOT_INVITES_MAX])
{
    const struct moot_engine *engine = step->engine;
    for (uint32_t i = 0; i < engine->invites.count; i++) {
        const struct moot_invite *open = moot_list_at(step->pool, &engine->invites, i);
        ret[i] = open->psk;
    }
    return engine->invites.count;
}

void moot_member_code_failed(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    moot_step_refuse(step, MOOT_CODE_WRONG);
    if (open_invites(step) == 0 || ++engine->invite_failures < MOOT_INVITE_FAILURES_MAX)
        return;
    engine->invite_failures = 0;
    for (uint32_t i = engine->invites.count; i > 0; i--) {
        const struct moot_invite *open = moot_list_at(step->pool, &engine->invites, i - 1);
        if (!open->bound)
            forget_invite(step, i - 1);
    }
    moot_step_notice(step, "invite.burned", MOOT_CODE_WRONG);
}

/* A bound invitation survives a restart: its device may be waiting for days. */
static void keep_bound(struct moot_step *step, const struct moot_invite *invite)
{
    uint8_t key[39], memory[64];
    struct moot_writer writer;
    memcpy(key, "invite/", 7);
    memcpy(key + 7, invite->device.b, 32);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 1);
    moot_write_text(&writer, moot_bytes_of_text(invite->code));
    moot_step_put(step, MOOT_TABLE_META, moot_bytes_of(key, sizeof key),
                  moot_bytes_of(memory, writer.size));
}

static enum moot_status restore_invite(struct moot_engine *engine, struct moot_pool *pool,
                                       struct moot_bytes key, struct moot_bytes row)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 1);
    struct moot_bytes code = moot_read_text(&cursor, MOOT_CODE_BYTES_MAX - 1);
    if (moot_cursor_finish(&cursor) != MOOT_OK || key.size != 39)
        return MOOT_STORE_DAMAGED;
    struct moot_invite *added = moot_list_add(pool, &engine->invites);
    if (!added)
        return MOOT_NO_MEMORY;
    added->number = ++engine->invite_number;
    added->bound = true;
    memcpy(added->device.b, key.data + 7, 32);
    memcpy(added->code, code.data, code.size);
    moot_channel_psk(code, &added->psk);
    return MOOT_OK;
}

/* ---- the inviter's side of a join ---- */

static struct moot_invite *invite_numbered(struct moot_step *step, uint32_t number)
{
    for (uint32_t i = 0; i < step->engine->invites.count; i++) {
        struct moot_invite *open = moot_list_at(step->pool, &step->engine->invites, i);
        if (open->number == number)
            return open;
    }
    return NULL;
}

/* One session an invitation: its device came again. */
static void end_older(struct moot_step *step, const struct moot_session *session)
{
    struct moot_map_item item;
    struct moot_session *older = NULL;
    for (MOOT_MAP_EACH(step->pool, &step->engine->sessions, item)) {
        struct moot_session *other = item.value;
        if (other != session && other->joining && other->established && other->dial == 0 &&
            other->invite == session->invite)
            older = other;
    }
    if (older)
        moot_session_end(step, older, MOOT_DUPLICATE_LINK);
}

static void forget_joiner(struct moot_step *step, const struct moot_key *key)
{
    struct moot_joiner *joiner =
        moot_map_get(step->pool, &step->engine->joiners, moot_key_bytes(key));
    moot_blob_clear(step->pool, &joiner->name);
    moot_blob_clear(step->pool, &joiner->home);
    moot_map_remove(step->pool, &step->engine->joiners, moot_key_bytes(key));
}

void moot_member_proven(struct moot_step *step, struct moot_session *session)
{
    struct moot_engine *engine = step->engine;
    if (session->dial != 0) {
        if (engine->joining.dial != session->dial) { /* asked anew meanwhile, by another code */
            moot_session_end(step, session, MOOT_CODE_EXPIRED);
            return;
        }
        engine->joining.link = session->link;
        engine->joining.dial = 0;
        moot_join_ask(step, session);
        return;
    }
    struct moot_invite *open = invite_numbered(step, session->invite);
    if (!open || (open->bound && !moot_key_equal(&open->device, &session->channel.peer))) {
        moot_step_refuse(step, MOOT_CODE_EXPIRED);
        moot_session_end(step, session, MOOT_CODE_EXPIRED);
        return;
    }
    if (!open->bound) {
        open->bound = true;
        open->device = session->channel.peer;
        keep_bound(step, open);
        const struct moot_joiner *joiner =
            moot_map_get(step->pool, &engine->joiners, moot_key_bytes(&open->device));
        if (joiner && joiner->denied) /* invited anew after that: a person looks again */
            forget_joiner(step, &open->device);
    }
    end_older(step, session);
}

static void answer_join(struct moot_step *step, struct moot_session *session, uint32_t number,
                        unsigned state, enum moot_status why, const struct moot_member *member)
{
    struct moot_writer writer;
    struct moot_map_item item;
    moot_writer_init_arena(&writer, step->arena);
    moot_write_array(&writer, 5);
    moot_write_uint(&writer, state);
    moot_write_text(&writer, why == MOOT_OK ? moot_bytes_of_text("")
                                            : moot_bytes_of_text(moot_status_info(why)->name));
    moot_write_bin(&writer, member ? moot_blob_get(step->pool, step->engine->state.founding)
                                   : moot_bytes_of(NULL, 0));
    if (member)
        moot_proof_write(step, &writer, &member->admission);
    else
        moot_write_array(&writer, 0);
    uint32_t peers =
        step->engine->peers.count < PEERS_TOLD_MAX ? step->engine->peers.count : PEERS_TOLD_MAX;
    moot_write_array(&writer, member ? peers : 0);
    if (member) {
        for (MOOT_MAP_EACH(step->pool, &step->engine->peers, item)) {
            const struct moot_peer *peer = item.value;
            if (peers-- == 0)
                break;
            moot_write_array(&writer, 2);
            moot_write_bin(&writer, item.key);
            moot_write_text(&writer, moot_bytes_of_text(peer->url));
        }
    }
    struct moot_bytes body = moot_step_finish(step, &writer);
    if (body.size > MOOT_JOIN_ANSWER_BYTES_MAX) {
        moot_step_refuse(step, MOOT_LIMIT);
        answer_join(step, session, number, MOOT_JOIN_SAYS_REFUSED, MOOT_LIMIT, NULL);
        return;
    }
    moot_session_answer(step, session, MOOT_MESSAGE_JOIN, number, body, MOOT_AFTER_COMMIT);
}

/* A device that was denied gives way to one that asks. */
static void forget_denied(struct moot_step *step)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->joiners, item)) {
        struct moot_joiner *joiner = item.value;
        if (!joiner->denied)
            continue;
        struct moot_key key;
        memcpy(key.b, item.key.data, sizeof key.b);
        forget_joiner(step, &key);
        return;
    }
}

static enum moot_status note_joiner(struct moot_step *step, const struct moot_key *key,
                                    struct moot_bytes name, struct moot_bytes home)
{
    struct moot_engine *engine = step->engine;
    bool added = false;
    if (!moot_name_good(name) || home.size > MOOT_NAME_BYTES_MAX)
        return MOOT_BAD_ARGUMENT;
    if (moot_device_is_gone(engine, step->pool, key))
        return MOOT_REMOVED;
    if (moot_device_name_taken(engine, step->pool, name, NULL))
        return MOOT_NAME_TAKEN;
    if (!moot_map_get(step->pool, &engine->joiners, moot_key_bytes(key)) &&
        engine->joiners.count >= MOOT_JOINS_PENDING_MAX)
        forget_denied(step);
    if (!moot_map_get(step->pool, &engine->joiners, moot_key_bytes(key)) &&
        engine->joiners.count >= MOOT_JOINS_PENDING_MAX)
        return MOOT_LIMIT;
    struct moot_joiner *joiner =
        moot_map_put(step->pool, &engine->joiners, moot_key_bytes(key), &added);
    if (!joiner || !moot_blob_set(step->pool, &joiner->name, name) ||
        !moot_blob_set(step->pool, &joiner->home, home))
        return MOOT_NO_MEMORY;
    if (joiner->denied)
        return MOOT_REJECTED;
    if (added) {
        joiner->asked_ms = engine->now_ms;
        struct moot_notice *notice = moot_step_notice(step, "device.pending", MOOT_OK);
        notice->device = *key;
        snprintf(notice->detail, sizeof notice->detail, "%.*s", (int)name.size,
                 (const char *)name.data);
    }
    return MOOT_OK;
}

void moot_member_join_asked(struct moot_step *step, struct moot_session *session, uint32_t number,
                            struct moot_cursor *body)
{
    struct moot_engine *engine = step->engine;
    const struct moot_key key = session->channel.peer;
    moot_read_array(body, 4);
    struct moot_bytes name = moot_read_text(body, MOOT_NAME_BYTES_MAX);
    struct moot_bytes home = moot_read_text(body, MOOT_NAME_BYTES_MAX);
    struct moot_bytes url = moot_read_text(body, MOOT_URL_BYTES_MAX - 1);
    (void)moot_read_text(body, MOOT_VERSION_BYTES_MAX - 1);
    if (moot_cursor_finish(body) != MOOT_OK || !session->joining || session->dial != 0) {
        moot_session_end(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    const struct moot_member *member = moot_state_member(&engine->state, step->pool, &key);
    if (member && !moot_digest_is_zero(&member->admission)) {
        moot_peer_know(step, &key, url);
        answer_join(step, session, number, MOOT_JOIN_SAYS_ADMITTED, MOOT_OK, member);
        return;
    }
    enum moot_status status = note_joiner(step, &key, name, home);
    answer_join(step, session, number,
                status == MOOT_OK ? MOOT_JOIN_SAYS_PENDING : MOOT_JOIN_SAYS_REFUSED, status, NULL);
}

/* The joiner a person means: its name, or its key in hex. NULL, and the call is answered, when there is none
 * or when two go by that name. */
struct moot_joiner *moot_member_joiner_find(struct moot_step *step, uint64_t call_number,
                                            struct moot_bytes text, struct moot_key *ret_key)
{
    struct moot_map_item item;
    struct moot_joiner *found = NULL;
    uint32_t count = 0;
    for (MOOT_MAP_EACH(step->pool, &step->engine->joiners, item)) {
        struct moot_joiner *joiner = item.value;
        char hex[65];
        moot_hex_format(item.key, hex);
        if (moot_bytes_equal(moot_blob_get(step->pool, joiner->name), text) ||
            moot_bytes_equal(moot_bytes_of_text(hex), text)) {
            memcpy(ret_key->b, item.key.data, sizeof ret_key->b);
            found = joiner;
            count++;
        }
    }
    if (count == 1)
        return found;
    if (count == 0)
        moot_call_refuse(step, call_number, MOOT_NOT_FOUND,
                         "no such device waits: moot device pending");
    else
        moot_call_refuse(step, call_number, MOOT_AMBIGUOUS,
                         "two devices wait under that name: give the device id");
    return NULL;
}

/* An admission of that device that is open already. */
static const struct moot_proposal *open_admission(struct moot_step *step,
                                                  const struct moot_key *key)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        struct moot_body body;
        bool possible;
        if (proposal->kind == MOOT_BODY_ADMISSION &&
            moot_body_decode(moot_blob_get(step->pool, proposal->body), &body) == MOOT_OK &&
            moot_key_equal(&body.admission.device, key) &&
            moot_proposal_phase(step->engine, step->pool, proposal, &possible) ==
                MOOT_PROPOSAL_PROPOSED)
            return proposal;
    }
    return NULL;
}

static void admit(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    struct moot_engine *engine = step->engine;
    struct moot_body body = {.kind = MOOT_BODY_ADMISSION};
    if (!moot_engine_is_admin(engine, step->pool)) {
        moot_call_refuse(step, call_number, MOOT_NOT_ADMIN, NULL);
        return;
    }
    struct moot_joiner *joiner =
        moot_member_joiner_find(step, call_number, call->name, &body.admission.device);
    if (!joiner)
        return;
    body.admission.name = moot_blob_get(step->pool, joiner->name);
    body.admission.home = moot_blob_get(step->pool, joiner->home);
    if (moot_state_member(&engine->state, step->pool, &body.admission.device) ||
        moot_device_name_taken(engine, step->pool, body.admission.name, NULL)) {
        moot_call_refuse(step, call_number, MOOT_NAME_TAKEN, NULL);
        return;
    }
    if (engine->state.members.count >= MOOT_DEVICES_MAX) {
        moot_call_refuse(step, call_number, MOOT_LIMIT, NULL);
        return;
    }
    const struct moot_proposal *open = open_admission(step, &body.admission.device);
    if (open) {
        moot_step_reply(step, call_number, MOOT_OK, "proposed already")->proposal = open->id;
        return;
    }
    if (!call->dry_run)
        joiner->denied = false;
    moot_propose_body(step, call_number, MOOT_KIND_ADMISSION_PROPOSED, &body, call->dry_run);
}

static void deny(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    struct moot_key key;
    if (!moot_engine_is_admin(step->engine, step->pool)) {
        moot_call_refuse(step, call_number, MOOT_NOT_ADMIN, NULL);
        return;
    }
    struct moot_joiner *joiner = moot_member_joiner_find(step, call_number, call->name, &key);
    if (!joiner)
        return;
    if (!call->dry_run)
        joiner->denied = true;
    moot_step_reply(step, call_number, MOOT_OK, NULL);
}

enum moot_status moot_member_restore(struct moot_engine *engine, struct moot_pool *pool,
                                     struct moot_bytes key, struct moot_bytes row)
{
    if (key.size > 7 && memcmp(key.data, "invite/", 7) == 0)
        return restore_invite(engine, pool, key, row);
    if (moot_bytes_equal(key, moot_bytes_of_text("joining")) && !engine->state.founded)
        return moot_join_restore(engine, row);
    return MOOT_OK;
}

void moot_member_time(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    moot_join_time(step);
    for (uint32_t i = engine->invites.count; i > 0; i--) {
        const struct moot_invite *open = moot_list_at(step->pool, &engine->invites, i - 1);
        bool over = open->bound ? moot_state_member(&engine->state, step->pool, &open->device) &&
                                      !moot_session_of_peer(engine, step->pool, &open->device) &&
                                      engine->now_ms >= open->ends_ms
                                : engine->now_ms >= open->ends_ms;
        if (over)
            forget_invite(step, i - 1);
    }
    struct moot_map_item item;
    bool more = moot_map_first(step->pool, &engine->joiners, &item);
    while (more) {
        struct moot_key key;
        struct moot_joiner *joiner = item.value;
        memcpy(key.b, item.key.data, sizeof key.b);
        if (moot_state_member(&engine->state, step->pool, &key)) {
            moot_blob_clear(step->pool, &joiner->name);
            moot_blob_clear(step->pool, &joiner->home);
            moot_map_remove(step->pool, &engine->joiners, moot_key_bytes(&key));
        }
        more = moot_map_after(step->pool, &engine->joiners, moot_key_bytes(&key), &item);
    }
}

void moot_member_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    if (call->kind == MOOT_CALL_INIT) {
        init(step, call_number, call);
        return;
    }
    if (call->kind == MOOT_CALL_JOIN) {
        moot_join_call(step, call_number, call);
        return;
    }
    if (!step->engine->state.founded) {
        moot_call_refuse(step, call_number, MOOT_NO_MESH, NULL);
        return;
    }
    if (call->kind == MOOT_CALL_INVITE)
        invite(step, call_number);
    else if (call->kind == MOOT_CALL_ADMIT)
        admit(step, call_number, call);
    else
        deny(step, call_number, call);
}
