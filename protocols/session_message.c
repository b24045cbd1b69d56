/*
 * Messages of a session: who may say what, requests and their answers, sealing.
 *
 *   message = array[4]: type, number, answer bool, body (canonical MessagePack), sealed as one frame
 *
 * An answer needs its request; an invited stranger may only ask to join; a member greets first. What does not
 * fit ends the session as BAD_MESSAGE.
 */

#include "crypto/base/contract.h"
#include "protocols/inside.h"

bool moot_session_take(struct moot_step *step, struct moot_session *session, uint32_t number,
                       enum moot_message_type type, struct moot_request *ret)
{
    for (uint32_t i = 0; i < session->requests.count; i++) {
        const struct moot_request *request = moot_list_at(step->pool, &session->requests, i);
        if (request->number == number && request->type == type) {
            *ret = *request;
            moot_list_remove(step->pool, &session->requests, i);
            return true;
        }
    }
    return false;
}

static void ping(struct moot_step *step, struct moot_session *session, uint32_t number, bool answer)
{
    uint8_t nil[1] = {0xc0};
    if (answer)
        session->pings_lost = 0;
    else
        moot_session_answer(step, session, MOOT_MESSAGE_PING, number, moot_bytes_of(nil, 1),
                            MOOT_AFTER_NOTHING);
}

/* One more message that is no answer: within what one peer may send? */
static bool within_budget(const struct moot_engine *engine, struct moot_session *session,
                          enum moot_message_type type, size_t size)
{
    if (engine->now_ms >= session->unasked_since_ms + 1000) {
        session->unasked_since_ms = engine->now_ms;
        session->unasked_messages = 0;
        session->unasked_bytes = 0;
    }
    session->unasked_messages++;
    session->unasked_bytes += size;
    if (engine->committed >= session->asked_ticket)
        session->asked = 0;
    if (type == MOOT_MESSAGE_PULL) {
        session->asked++;
        session->asked_ticket = engine->ticket;
    }
    return session->unasked_messages <= MOOT_UNASKED_MESSAGES_MAX &&
           session->unasked_bytes <= MOOT_UNASKED_BYTES_MAX &&
           session->asked <= MOOT_REQUESTS_OUTSTANDING_MAX;
}

static void dispatch(struct moot_step *step, struct moot_session *session,
                     enum moot_message_type type, uint32_t number, bool answer,
                     struct moot_cursor *body)
{
    struct moot_request request = {0};
    /* A ping is asked again before its answer came: on a line that stalled, both answers come. */
    bool known = !answer || moot_session_take(step, session, number, type, &request) ||
                 type == MOOT_MESSAGE_PING;
    /* An invited stranger asks to join and nothing else; a member greets first, but may hand over what
     * says why it will not (proof.c). */
    bool allowed = session->joining ? type == MOOT_MESSAGE_JOIN || type == MOOT_MESSAGE_PING
                                    : session->greeted || type == MOOT_MESSAGE_GREET ||
                                          type == MOOT_MESSAGE_PING || type == MOOT_MESSAGE_PUSH;
    if (!known || !allowed) {
        moot_step_refuse(step, MOOT_BAD_MESSAGE);
        moot_session_end(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    switch (type) {
    case MOOT_MESSAGE_GREET:
        moot_reconcile_greeted(step, session, number, answer, body);
        return;
    case MOOT_MESSAGE_PULL:
        if (answer)
            moot_reconcile_pull_answered(step, session, body);
        else
            moot_reconcile_pull_asked(step, session, number, body);
        return;
    case MOOT_MESSAGE_PUSH:
        moot_reconcile_pushed(step, session, body);
        return;
    case MOOT_MESSAGE_BLOCK:
        if (answer)
            moot_upgrade_block_answered(step, session, &request, body);
        else
            moot_upgrade_block_asked(step, session, number, body);
        return;
    case MOOT_MESSAGE_JOIN:
        if (answer)
            moot_member_join_answered(step, session, body);
        else
            moot_member_join_asked(step, session, number, body);
        return;
    case MOOT_MESSAGE_PING:
        ping(step, session, number, answer);
        return;
    case MOOT_MESSAGE_STRIKE:
        moot_upgrade_struck(step, session, body);
        return;
    }
}

void moot_session_message(struct moot_step *step, struct moot_session *session,
                          struct moot_bytes bytes)
{
    struct moot_cursor cursor, body;
    moot_cursor_init(&cursor, bytes);
    moot_read_array(&cursor, 4);
    uint64_t type = moot_read_uint(&cursor, MOOT_MESSAGE_STRIKE);
    uint32_t number = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    bool answer = moot_read_bool(&cursor);
    struct moot_bytes value = moot_read_value(&cursor);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status != MOOT_OK || type == 0) {
        moot_step_refuse(step, status == MOOT_OK ? MOOT_BAD_MESSAGE : status);
        moot_session_end(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    moot_cursor_init(&body, value);
    if (!answer &&
        !within_budget(step->engine, session, (enum moot_message_type)type, bytes.size)) {
        moot_step_refuse(step, MOOT_OVER_CREDIT);
        moot_session_end(step, session, MOOT_OVER_CREDIT);
        return;
    }
    dispatch(step, session, (enum moot_message_type)type, number, answer, &body);
}

static void seal_and_send(struct moot_step *step, struct moot_session *session,
                          enum moot_message_type type, uint32_t number, bool answer,
                          struct moot_bytes body, enum moot_after after)
{
    struct moot_writer writer;
    struct moot_bytes frame;
    size_t capacity = body.size + 32;
    void *memory = moot_arena_take(step->arena, capacity);
    MOOT_INVARIANT(memory != NULL);
    moot_writer_init(&writer, memory, capacity);
    moot_write_array(&writer, 4);
    moot_write_uint(&writer, (uint64_t)type);
    moot_write_uint(&writer, number);
    moot_write_bool(&writer, answer);
    moot_write_raw(&writer, body);
    MOOT_ENSURE(writer.status == MOOT_OK);
    enum moot_status status = moot_channel_seal(
        &session->channel, moot_bytes_of(memory, writer.size), step->arena, &frame);
    MOOT_ENSURE(status == MOOT_OK); /* every message of ours is bounded below the frame's limit */
    moot_step_send(step, session->link, frame, after);
}

uint32_t moot_session_ask(struct moot_step *step, struct moot_session *session,
                          enum moot_message_type type, struct moot_bytes body,
                          const struct moot_digest *hash, bool manifest)
{
    struct moot_request *request = moot_list_add(step->pool, &session->requests);
    if (!request)
        return 0;
    if (++session->request_number == 0)
        session->request_number = 1;
    *request = (struct moot_request){.number = session->request_number,
                                     .type = type,
                                     .sent_ms = step->engine->now_ms,
                                     .hash = *hash,
                                     .manifest = manifest};
    seal_and_send(step, session, type, request->number, false, body,
                  type == MOOT_MESSAGE_PULL ? MOOT_AFTER_SHOWN : MOOT_AFTER_COMMIT);
    return session->request_number;
}

void moot_session_answer(struct moot_step *step, struct moot_session *session,
                         enum moot_message_type type, uint32_t number, struct moot_bytes body,
                         enum moot_after after)
{
    seal_and_send(step, session, type, number, true, body, after);
}

void moot_session_tell(struct moot_step *step, struct moot_session *session,
                       enum moot_message_type type, struct moot_bytes body)
{
    seal_and_send(step, session, type, 0, false, body, MOOT_AFTER_COMMIT);
}

uint32_t moot_session_outstanding(const struct moot_step *step, const struct moot_session *session,
                                  enum moot_message_type type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < session->requests.count; i++) {
        const struct moot_request *request = moot_list_at(step->pool, &session->requests, i);
        count += request->type == type ? 1 : 0;
    }
    return count;
}
