/*
 * The joiner's side: this node asks to be let in, waits, checks everything from the founding on, enters.
 *
 *   join URI ─▶ asking ─▶ pending (asks again every 400 ms) ─▶ admitted: takes it all or nothing
 *                  └─ refused, or hung up on twice (code wrong, used up, expired) ─▶ denied
 *
 * The request survives a restart; the one-time code is useless to others once it is bound to our key.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/inside.h"
#include "protocols/view.h"

#define JOIN_ASK_MS 400      /* pause between two questions of a waiting joiner */
#define JOIN_ANSWER_MS 15000 /* how long moot join waits for the inviter to be reached */
/* An inviter says nothing to a wrong code: it hangs up. The second time is not bad luck any more, and
 * going on would burn the open invitations of others (MOOT_INVITE_FAILURES_MAX). */
#define JOIN_CUT_SHORT_MAX 2

void moot_join_ask(struct moot_step *step, struct moot_session *session)
{
    const struct moot_engine *engine = step->engine;
    uint8_t memory[512];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 4);
    moot_write_text(&writer, moot_own_name(engine, moot_bytes_of(NULL, 0)));
    moot_write_text(&writer, moot_bytes_of_text(engine->config.home));
    moot_write_text(&writer, moot_bytes_of_text(engine->config.listen_url));
    moot_write_text(&writer, moot_bytes_of_text(engine->config.version));
    MOOT_ENSURE(writer.status == MOOT_OK);
    struct moot_digest none = {0};
    moot_session_ask(step, session, MOOT_MESSAGE_JOIN, moot_bytes_of(memory, writer.size), &none,
                     false);
}

/* moot://HOST:PORT/MESH?code=CODE */
static enum moot_status parse_uri(struct moot_bytes uri, struct moot_joining *ret)
{
    char text[MOOT_URI_BYTES_MAX] = {0};
    char code[MOOT_CODE_BYTES_MAX] = {0};
    if (uri.size >= sizeof text || uri.size < 8 || memcmp(uri.data, "moot://", 7) != 0)
        return MOOT_BAD_ARGUMENT;
    memcpy(text, uri.data, uri.size);
    char *slash = strchr(text + 7, '/');
    char *query = slash ? strstr(slash, "?code=") : NULL;
    if (!query || strlen(query + 6) >= sizeof code || slash - (text + 7) > MOOT_URL_BYTES_MAX - 8)
        return MOOT_BAD_ARGUMENT;
    if (!moot_hex_parse(slash + 1, (size_t)(query - slash - 1), ret->mesh.b, sizeof ret->mesh.b))
        return MOOT_BAD_ARGUMENT;
    for (size_t i = 0; query[6 + i]; i++)
        code[i] = query[6 + i] >= 'a' && query[6 + i] <= 'z' ? (char)(query[6 + i] - 'a' + 'A')
                                                             : query[6 + i];
    *slash = 0;
    snprintf(ret->url, sizeof ret->url, "tcp://%.*s", MOOT_URL_BYTES_MAX - 7, text + 7);
    moot_channel_psk(moot_bytes_of_text(code), &ret->psk);
    moot_wipe(code, sizeof code);
    moot_wipe(text, sizeof text);
    return MOOT_OK;
}

static void keep_joining(struct moot_step *step)
{
    const struct moot_joining *joining = &step->engine->joining;
    uint8_t memory[256];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 3);
    moot_write_text(&writer, moot_bytes_of_text(joining->url));
    moot_write_digest(&writer, &joining->mesh);
    moot_write_digest(&writer, &joining->psk);
    MOOT_ENSURE(writer.status == MOOT_OK);
    moot_step_put(step, MOOT_TABLE_META, moot_bytes_of_text("joining"),
                  moot_bytes_of(memory, writer.size));
}

enum moot_status moot_join_restore(struct moot_engine *engine, struct moot_bytes row)
{
    struct moot_joining *joining = &engine->joining;
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 3);
    struct moot_bytes url = moot_read_text(&cursor, MOOT_URL_BYTES_MAX - 1);
    moot_read_digest(&cursor, &joining->mesh);
    moot_read_digest(&cursor, &joining->psk);
    if (moot_cursor_finish(&cursor) != MOOT_OK)
        return MOOT_STORE_DAMAGED;
    memcpy(joining->url, url.data, url.size);
    joining->state = MOOT_JOIN_ASKING;
    joining->next_ms = engine->now_ms;
    return MOOT_OK;
}

void moot_join_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    struct moot_engine *engine = step->engine;
    struct moot_joining asked = {0};
    enum moot_status status = engine->state.founded ? MOOT_IN_MESH : parse_uri(call->uri, &asked);
    if (status == MOOT_OK && !moot_name_good(moot_own_name(engine, moot_bytes_of(NULL, 0))))
        status = MOOT_BAD_ARGUMENT;
    if (status != MOOT_OK || call->dry_run) {
        if (status != MOOT_OK)
            moot_step_refuse(step, status);
        moot_step_reply(step, call_number, status, NULL);
        return;
    }
    if (engine->joining.call_number != 0)
        moot_step_reply(step, engine->joining.call_number, MOOT_CODE_EXPIRED, "asked anew");
    if (engine->joining.link != 0) {
        struct moot_session *session =
            moot_session_of_link(engine, step->pool, engine->joining.link);
        if (session)
            moot_session_end(step, session, MOOT_LINK_FAILED);
    }
    asked.state = MOOT_JOIN_ASKING;
    asked.call_number = call_number;
    asked.next_ms = engine->now_ms;
    asked.ends_ms = engine->now_ms + JOIN_ANSWER_MS;
    engine->joining = asked;
    keep_joining(step);
}

static void answer_caller(struct moot_step *step, enum moot_status status, const char *detail)
{
    struct moot_joining *joining = &step->engine->joining;
    if (joining->call_number == 0)
        return;
    moot_step_reply(step, joining->call_number, status, detail);
    joining->call_number = 0;
}

void moot_join_cancel(struct moot_step *step, enum moot_status why)
{
    struct moot_engine *engine = step->engine;
    struct moot_session *session = moot_session_of_link(engine, step->pool, engine->joining.link);
    answer_caller(step, why, NULL);
    if (session)
        moot_session_end(step, session, MOOT_OK);
    moot_wipe(&engine->joining, sizeof engine->joining);
    engine->joining.state = MOOT_JOIN_NONE;
    moot_step_delete(step, MOOT_TABLE_META, moot_bytes_of_text("joining"));
}

static void give_up(struct moot_step *step, enum moot_status why)
{
    struct moot_joining *joining = &step->engine->joining;
    answer_caller(step, why, why == MOOT_CODE_WRONG ? "or it is used up or expired" : NULL);
    joining->state = MOOT_JOIN_DENIED;
    joining->next_ms = UINT64_MAX;
    moot_wipe(&joining->psk, sizeof joining->psk);
    moot_step_delete(step, MOOT_TABLE_META, moot_bytes_of_text("joining"));
    moot_step_notice(step, "join.refused", why);
}

/* Checks everything from the founding on, and takes it all or nothing. */
static enum moot_status enter(struct moot_step *step, struct moot_bytes founding,
                              struct moot_cursor *body, uint32_t object_count)
{
    struct moot_engine *engine = step->engine;
    struct moot_digest mesh;
    moot_mesh_id(founding, &mesh);
    if (!moot_digest_equal(&mesh, &engine->joining.mesh))
        return MOOT_WRONG_MESH;
    enum moot_status status = moot_state_found(&engine->state, step->pool, founding);
    for (uint32_t i = 0; status == MOOT_OK && i < object_count; i++) {
        status = moot_merge_object(step, moot_read_bin(body, MOOT_OBJECT_BYTES_MAX), 0);
        if (status == MOOT_REPLAYED)
            status = MOOT_OK; /* the newest tick may be the one that turned */
    }
    if (status == MOOT_OK && !moot_append_chain(step))
        status = MOOT_BAD_CERTIFICATE;
    if (status == MOOT_OK)
        moot_step_put(step, MOOT_TABLE_META, moot_bytes_of_text("founding"), founding);
    return status;
}

static void learn_peers(struct moot_step *step, struct moot_cursor *body)
{
    uint32_t count = moot_read_array_any(body, MOOT_DEVICES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct moot_key key;
        moot_read_array(body, 2);
        moot_read_key(body, &key);
        struct moot_bytes url = moot_read_text(body, MOOT_URL_BYTES_MAX - 1);
        if (body->status == MOOT_OK)
            moot_peer_know(step, &key, url);
    }
}

/* Nothing of what was merged stays, and nobody hears of it: this step has written nothing else. */
static void take_back(struct moot_step *step, struct moot_action *last)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    moot_state_init(&engine->state);
    engine->state.protocol_max = engine->config.protocol_max;
    for (MOOT_MAP_EACH(step->pool, &engine->pending, item))
        moot_blob_clear(step->pool, item.value);
    moot_map_clear(step->pool, &engine->pending);
    moot_append_overtaken(step);
    moot_store_batch_init(&step->batch);
    step->push_object_count = 0;
    step->actions->last = last;
    if (last)
        last->next = NULL;
    else
        step->actions->first = NULL;
}

static void admitted(struct moot_step *step, struct moot_session *session,
                     struct moot_bytes founding, struct moot_cursor *body)
{
    struct moot_engine *engine = step->engine;
    struct moot_key inviter = session->channel.peer;
    uint32_t count = moot_read_array_any(body, 2 * 4096);
    struct moot_action *last = step->actions->last;
    enum moot_status status = enter(step, founding, body, count);
    if (status != MOOT_OK) {
        take_back(step, last);
        moot_step_refuse(step, status);
        moot_session_end(step, session, status);
        give_up(step, status);
        return;
    }
    learn_peers(step, body);
    moot_peer_know(step, &inviter, moot_bytes_of_text(engine->joining.url));
    moot_session_end(step, session, MOOT_OK);
    answer_caller(step, MOOT_OK, "admitted");
    moot_wipe(&engine->joining, sizeof engine->joining);
    engine->joining.state = MOOT_JOIN_NONE;
    engine->epoch_since_ms = engine->now_ms;
    engine->root_stale = engine->loose_root_stale = true;
    moot_step_delete(step, MOOT_TABLE_META, moot_bytes_of_text("joining"));
    moot_step_notice(step, "mesh.joined", MOOT_OK);
}

void moot_member_join_answered(struct moot_step *step, struct moot_session *session,
                               struct moot_cursor *body)
{
    struct moot_engine *engine = step->engine;
    char name[32] = {0};
    moot_read_array(body, 5);
    uint64_t state = moot_read_uint(body, MOOT_JOIN_SAYS_REFUSED);
    struct moot_bytes reason = moot_read_text(body, sizeof name - 1);
    struct moot_bytes founding = moot_read_bin(body, MOOT_PAYLOAD_BYTES_MAX);
    if (body->status != MOOT_OK || state == 0 || engine->state.founded) {
        moot_session_end(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    if (state == MOOT_JOIN_SAYS_ADMITTED) {
        admitted(step, session, founding, body);
        return;
    }
    if (state == MOOT_JOIN_SAYS_REFUSED) {
        if (reason.size > 0)
            memcpy(name, reason.data, reason.size);
        enum moot_status why = moot_status_parse(name);
        moot_session_end(step, session, MOOT_OK);
        give_up(step, why == MOOT_OK ? MOOT_REJECTED : why);
        return;
    }
    engine->joining.state = MOOT_JOIN_PENDING;
    engine->joining.next_ms = engine->now_ms + JOIN_ASK_MS;
    answer_caller(step, MOOT_OK, "pending");
}

void moot_member_link_gone(struct moot_step *step, uint32_t link, uint32_t dial,
                           enum moot_status why)
{
    struct moot_joining *joining = &step->engine->joining;
    bool ours = (link != 0 && joining->link == link) || (dial != 0 && joining->dial == dial);
    if (!ours)
        return;
    joining->link = joining->dial = 0;
    if (link != 0 && joining->state == MOOT_JOIN_ASKING &&
        ++joining->cut_short >= JOIN_CUT_SHORT_MAX)
        why = MOOT_CODE_WRONG;
    if (why == MOOT_CODE_WRONG || why == MOOT_CODE_EXPIRED) {
        give_up(step, why);
        return;
    }
    joining->next_ms = step->engine->now_ms + JOIN_ASK_MS;
}

void moot_join_time(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_joining *joining = &engine->joining;
    if (joining->state != MOOT_JOIN_ASKING && joining->state != MOOT_JOIN_PENDING)
        return;
    if (joining->call_number != 0 && engine->now_ms >= joining->ends_ms)
        answer_caller(step, MOOT_TIMED_OUT, "the inviter was not reached; this node keeps asking");
    if (joining->call_number != 0)
        moot_step_wake(step, joining->ends_ms);
    if (joining->dial != 0)
        return;
    if (engine->now_ms < joining->next_ms) {
        moot_step_wake(step, joining->next_ms);
        return;
    }
    struct moot_session *session = moot_session_of_link(engine, step->pool, joining->link);
    if (session) {
        if (moot_session_outstanding(step, session, MOOT_MESSAGE_JOIN) == 0)
            moot_join_ask(step, session);
        joining->next_ms = engine->now_ms + JOIN_ASK_MS;
        return;
    }
    if (++engine->dial_number == 0)
        engine->dial_number = 1;
    joining->dial = engine->dial_number;
    moot_step_dial(step, joining->dial, joining->url);
}
