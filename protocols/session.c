/*
 * Sessions: one link each, from its first byte to its end.
 *
 *   link up ─▶ handshake (5 s) ─▶ proven ─▶ member? greeting ─▶ requests, answers, pings ─▶ end
 *                   │                 └─ no: STRANGER, said once and closed
 *                   └─ anything off: silence and close (a stranger learns that something listens)
 *
 * Message = array[4]: type, number, answer bool, body (canonical MessagePack), sealed as one frame.
 * Before authentication 64 links in all and 8 an address, oldest dropped first. One link a pair: the
 * smaller key's dial wins.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/hardfork.h"
#include "protocols/inside.h"

static struct moot_bytes link_key(uint32_t link, uint8_t memory[4])
{
    moot_u32_put(memory, link);
    return moot_bytes_of(memory, 4);
}

struct moot_session *moot_session_of_link(const struct moot_engine *engine,
                                          const struct moot_pool *pool, uint32_t link)
{
    uint8_t memory[4];
    return link == 0 ? NULL : moot_map_get(pool, &engine->sessions, link_key(link, memory));
}

struct moot_session *moot_session_of_peer(const struct moot_engine *engine,
                                          const struct moot_pool *pool, const struct moot_key *peer)
{
    const struct moot_peer *known = moot_peer_of(engine, pool, peer);
    return known ? moot_session_of_link(engine, pool, known->link) : NULL;
}

/* ---- the end ---- */

/* Offences that cost more than the link: the peer is not spoken to for a while, longer each time. */
static bool is_offence(enum moot_status why)
{
    return why == MOOT_BAD_HEAD_SIGNATURE || why == MOOT_BAD_PAYLOAD || why == MOOT_BROKEN_LINK ||
           why == MOOT_BAD_SIGNATURE || why == MOOT_BAD_MESSAGE || why == MOOT_OVER_CREDIT ||
           why == MOOT_NOT_CANONICAL || why == MOOT_EPOCH_FALLS || why == MOOT_LAMPORT_FALLS;
}

static void forget(struct moot_step *step, struct moot_session *session, enum moot_status why)
{
    struct moot_engine *engine = step->engine;
    uint32_t link = session->link, dial = session->dial;
    struct moot_key peer_key = session->channel.peer;
    bool established = session->established, greeted = session->greeted;
    uint8_t memory[4];
    moot_list_clear(step->pool, &session->requests);
    moot_channel_deinit(&session->channel);
    moot_map_remove(step->pool, &engine->sessions, link_key(link, memory));
    moot_member_link_gone(step, link, dial, why);
    if (dial != 0)
        moot_peer_dial_ended(step, dial, why);
    struct moot_peer *peer = moot_peer_of(engine, step->pool, &peer_key);
    if (!established || !peer || peer->link != link)
        return;
    peer->link = 0;
    if (greeted)
        peer->dial_at_ms = engine->now_ms + MOOT_DIAL_PAUSE_MS_MIN;
    else
        moot_peer_pause(step, peer); /* it does not want us: not five times a second */
    if (is_offence(why)) {
        peer->ban_ms = peer->ban_ms == 0 ? 10000 : peer->ban_ms * 2;
        if (peer->ban_ms > 3600000)
            peer->ban_ms = 3600000;
        peer->banned_until_ms = engine->now_ms + peer->ban_ms;
    }
    moot_upgrade_link_gone(step, link, &peer_key);
    struct moot_notice *notice = moot_step_notice(step, "peer.gone", why);
    notice->device = peer_key;
}

/* Before authentication: a line in our own log and a counter, not a word to the other side. */
static void tell_refused(struct moot_step *step, const struct moot_session *session,
                         enum moot_status why)
{
    struct moot_notice *notice = moot_step_notice(step, "link.refused", why);
    snprintf(notice->detail, sizeof notice->detail, "%s", session->remote);
}

/* What a member whose session ends is told: nothing of what it knows anyway. */
static bool is_told(enum moot_status why)
{
    return why != MOOT_OK && why != MOOT_LINK_FAILED && why != MOOT_DUPLICATE_LINK &&
           why != MOOT_SILENT;
}

void moot_session_end(struct moot_step *step, struct moot_session *session, enum moot_status why)
{
    if (session->established && !session->joining && is_told(why))
        moot_reconcile_refuse(step, session, why);
    moot_step_close(step, session->link, why, why == MOOT_OK || session->established);
    forget(step, session, why);
}

void moot_session_down(struct moot_step *step, const struct moot_event *event)
{
    struct moot_session *session = moot_session_of_link(step->engine, step->pool, event->link);
    if (session) {
        enum moot_status why = event->status == MOOT_OK ? MOOT_LINK_FAILED : event->status;
        if (why != MOOT_LINK_FAILED) { /* what it sent is the reason: oversized, truncated */
            moot_step_refuse(step, why);
            if (!session->established)
                tell_refused(step, session, why);
        }
        forget(step, session, why);
        return;
    }
    if (event->dial != 0) {
        moot_member_link_gone(step, 0, event->dial, event->status);
        moot_peer_dial_ended(step, event->dial, event->status);
    }
}

/* ---- the start ---- */

static size_t greeting_of(const struct moot_engine *engine, const struct moot_pool *pool,
                          uint8_t ret[64])
{
    struct moot_writer writer;
    struct moot_fork_id fork = {{0}};
    struct moot_hard_fork next = {.fence = 0};
    if (engine->state.founded)
        fork = moot_fork_id_of(&moot_state_era(&engine->state, pool)->timeline);
    (void)moot_hard_fork_next(engine, pool, &next);
    moot_writer_init(&writer, ret, 64);
    moot_write_array(&writer, 5);
    moot_write_bin(&writer, moot_bytes_of(fork.b, sizeof fork.b));
    moot_write_uint(&writer, engine->state.epoch);
    moot_write_uint(&writer, 1);
    moot_write_uint(&writer, engine->config.protocol_max);
    moot_write_uint(&writer, next.fence);
    MOOT_ENSURE(writer.status == MOOT_OK);
    return writer.size;
}

static struct moot_channel_local local_of(struct moot_step *step, uint8_t greeting[64],
                                          struct moot_digest psks[MOOT_INVITES_MAX])
{
    struct moot_engine *engine = step->engine;
    return (struct moot_channel_local){
        .identity = &engine->identity,
        .static_secret = engine->link_static,
        .random = step->env->random,
        .greeting = moot_bytes_of(greeting, greeting_of(engine, step->pool, greeting)),
        .psks = psks,
        .psk_count = moot_member_psks(step, psks),
    };
}

/* Makes room for one more stranger: the oldest goes. */
static void make_room(struct moot_step *step, const char *remote)
{
    struct moot_map_item item;
    if (!remote)
        remote = "";
    struct moot_session *oldest = NULL, *oldest_here = NULL;
    uint32_t count = 0, here = 0;
    for (MOOT_MAP_EACH(step->pool, &step->engine->sessions, item)) {
        struct moot_session *other = item.value;
        if (other->established || other->dial != 0)
            continue;
        count++;
        if (!oldest || other->opened_ms < oldest->opened_ms)
            oldest = other;
        if (strncmp(other->remote, remote, sizeof other->remote - 1) != 0)
            continue;
        here++;
        if (!oldest_here || other->opened_ms < oldest_here->opened_ms)
            oldest_here = other;
    }
    struct moot_session *victim = here >= MOOT_STRANGERS_PER_ADDRESS_MAX ? oldest_here
                                  : count >= MOOT_STRANGERS_MAX          ? oldest
                                                                         : NULL;
    if (!victim)
        return;
    moot_step_refuse(step, MOOT_TOO_MANY_LINKS);
    moot_session_end(step, victim, MOOT_TOO_MANY_LINKS);
}

static void dial_channel(struct moot_step *step, struct moot_session *session)
{
    struct moot_engine *engine = step->engine;
    uint8_t greeting[64];
    struct moot_digest psks[MOOT_INVITES_MAX];
    struct moot_channel_local local = local_of(step, greeting, psks);
    struct moot_bytes frame;
    bool joins = engine->joining.dial == session->dial && !engine->state.founded;
    session->joining = joins;
    enum moot_status status =
        moot_channel_dial(&session->channel, joins ? MOOT_CHANNEL_JOIN : MOOT_CHANNEL_MEMBER,
                          joins ? &engine->joining.mesh : &engine->state.mesh,
                          joins ? &engine->joining.psk : NULL, &local, step->arena, &frame);
    if (status != MOOT_OK) {
        moot_session_end(step, session, status);
        return;
    }
    moot_step_send(step, session->link, frame, MOOT_AFTER_NOTHING);
}

void moot_session_up(struct moot_step *step, const struct moot_event *event)
{
    struct moot_engine *engine = step->engine;
    uint8_t memory[4];
    bool joins = event->dial != 0 && engine->joining.dial == event->dial;
    if (!engine->state.founded && !joins) {
        moot_step_close(step, event->link, MOOT_NO_MESH, false);
        return;
    }
    if (event->dial == 0)
        make_room(step, event->remote);
    struct moot_session *session =
        moot_map_put(step->pool, &engine->sessions, link_key(event->link, memory), NULL);
    if (!session) {
        moot_step_close(step, event->link, MOOT_NO_MEMORY, false);
        return;
    }
    session->link = event->link;
    session->dial = event->dial;
    snprintf(session->remote, sizeof session->remote, "%s", event->remote ? event->remote : "");
    session->opened_ms = session->heard_ms = engine->now_ms;
    session->requests.item_size = sizeof(struct moot_request);
    if (event->dial != 0)
        dial_channel(step, session);
    else
        moot_channel_listen(&session->channel, &engine->state.mesh);
}

/* ---- proven ---- */

/* Of two links between one pair the smaller key's dial stays; of two in one direction the newer. */
static bool keep_new(const struct moot_engine *engine, const struct moot_session *new_one,
                     const struct moot_session *old_one)
{
    bool mine_smaller = moot_key_compare(&engine->identity.key, &new_one->channel.peer) < 0;
    bool new_wins = (new_one->dial != 0) == mine_smaller;
    bool old_wins = (old_one->dial != 0) == mine_smaller;
    return new_wins || !old_wins;
}

void moot_session_refuse(struct moot_step *step, struct moot_session *session, enum moot_status why)
{
    struct moot_notice *notice = moot_step_notice(step, "peer.refused", why);
    notice->device = session->channel.peer;
    snprintf(notice->detail, sizeof notice->detail, "%s", session->remote);
    moot_step_refuse(step, why);
    moot_session_end(step, session, why);
}

static uint32_t established_count(const struct moot_step *step)
{
    struct moot_map_item item;
    uint32_t count = 0;
    for (MOOT_MAP_EACH(step->pool, &step->engine->sessions, item)) {
        const struct moot_session *session = item.value;
        count += session->established ? 1 : 0;
    }
    return count;
}

static void established(struct moot_step *step, struct moot_session *session)
{
    struct moot_engine *engine = step->engine;
    bool full = established_count(step) >= MOOT_SESSIONS_MAX;
    session->established = true;
    session->joining = session->channel.mode == MOOT_CHANNEL_JOIN;
    if (session->dial != 0 && !session->joining)
        moot_peer_dial_ended(step, session->dial, MOOT_OK); /* whoever answers at that address */
    if (session->joining) {
        if (full && session->dial == 0)
            moot_session_refuse(step, session, MOOT_TOO_MANY_LINKS);
        else
            moot_member_proven(step, session);
        return;
    }
    if (moot_proof_end_removed(step, session))
        return;
    if (!moot_state_member(&engine->state, step->pool, &session->channel.peer) ||
        moot_key_equal(&engine->identity.key, &session->channel.peer)) {
        moot_session_refuse(step, session, MOOT_STRANGER);
        return;
    }
    struct moot_peer *peer = moot_peer_know(step, &session->channel.peer, moot_bytes_of(NULL, 0));
    if (!peer) {
        moot_session_refuse(step, session, MOOT_NO_MEMORY);
        return;
    }
    if (engine->now_ms < peer->banned_until_ms) {
        moot_session_refuse(step, session, MOOT_BANNED);
        return;
    }
    struct moot_session *old = moot_session_of_link(engine, step->pool, peer->link);
    if (full && !old) {
        moot_session_refuse(step, session, MOOT_TOO_MANY_LINKS);
        return;
    }
    if (old && !keep_new(engine, session, old)) {
        moot_session_end(step, session, MOOT_DUPLICATE_LINK);
        return;
    }
    if (old)
        moot_session_end(step, old, MOOT_DUPLICATE_LINK);
    peer->link = session->link;
    peer->dial = 0;
    peer->seen_ms = engine->now_ms;
    struct moot_notice *notice = moot_step_notice(step, "peer.connected", MOOT_OK);
    notice->device = session->channel.peer;
    moot_reconcile_greet(step, session);
}

static void broken(struct moot_step *step, struct moot_session *session, enum moot_status why)
{
    tell_refused(step, session, why);
    if (why == MOOT_CODE_WRONG && session->dial == 0)
        moot_member_code_failed(step);
    else
        moot_step_refuse(step, why);
    moot_step_close(step, session->link, why, false);
    forget(step, session, why);
}

void moot_session_frame(struct moot_step *step, const struct moot_event *event)
{
    struct moot_engine *engine = step->engine;
    struct moot_session *session = moot_session_of_link(engine, step->pool, event->link);
    uint8_t greeting[64];
    struct moot_digest psks[MOOT_INVITES_MAX];
    struct moot_channel_result result;
    if (!session)
        return;
    struct moot_channel_local local = local_of(step, greeting, psks);
    enum moot_status status =
        moot_channel_receive(&session->channel, event->bytes, &local, step->arena, &result);
    if (status != MOOT_OK) {
        broken(step, session, status);
        return;
    }
    session->heard_ms = engine->now_ms;
    if (result.send.size > 0)
        moot_step_send(step, session->link, result.send, MOOT_AFTER_NOTHING);
    if (result.established) {
        if (session->channel.mode == MOOT_CHANNEL_JOIN && session->dial == 0) {
            const struct moot_invite *open =
                moot_list_at(step->pool, &engine->invites, result.psk_index);
            session->invite = open->number;
        }
        established(step, session);
        return;
    }
    if (result.message.size > 0) {
        struct moot_peer *peer = moot_peer_of(engine, step->pool, &session->channel.peer);
        if (peer)
            peer->seen_ms = engine->now_ms;
        moot_session_message(step, session, result.message);
    }
}

/* ---- time ---- */

static enum moot_status session_time(struct moot_step *step, struct moot_session *session)
{
    struct moot_engine *engine = step->engine;
    uint64_t now = engine->now_ms;
    if (!session->established) {
        if (now >= session->opened_ms + MOOT_HANDSHAKE_MS_MAX)
            return MOOT_SILENT;
        moot_step_wake(step, session->opened_ms + MOOT_HANDSHAKE_MS_MAX);
        return MOOT_OK;
    }
    uint64_t quiet_since =
        session->heard_ms > session->pinged_ms ? session->heard_ms : session->pinged_ms;
    if (session->heard_ms >= session->pinged_ms)
        session->pings_lost = 0;
    if (now < quiet_since + MOOT_PING_INTERVAL_MS) {
        moot_step_wake(step, quiet_since + MOOT_PING_INTERVAL_MS);
        return MOOT_OK;
    }
    if (session->pings_lost >= MOOT_PINGS_LOST_MAX)
        return MOOT_SILENT;
    session->pings_lost++;
    session->pinged_ms = now;
    struct moot_request gone;
    while (moot_session_outstanding(step, session, MOOT_MESSAGE_PING) > 0) {
        for (uint32_t i = 0; i < session->requests.count; i++) {
            const struct moot_request *request = moot_list_at(step->pool, &session->requests, i);
            if (request->type == MOOT_MESSAGE_PING) {
                (void)moot_session_take(step, session, request->number, MOOT_MESSAGE_PING, &gone);
                break;
            }
        }
    }
    uint8_t nil[1] = {0xc0};
    struct moot_digest none = {0};
    moot_session_ask(step, session, MOOT_MESSAGE_PING, moot_bytes_of(nil, 1), &none, false);
    moot_step_wake(step, now + MOOT_PING_INTERVAL_MS);
    return MOOT_OK;
}

void moot_session_time(struct moot_step *step)
{
    struct moot_map_item item;
    bool more = moot_map_first(step->pool, &step->engine->sessions, &item);
    while (more) {
        struct moot_session *session = item.value;
        uint8_t memory[4];
        uint32_t link = session->link;
        enum moot_status why = session_time(step, session);
        if (why != MOOT_OK) {
            moot_step_refuse(step, why);
            moot_session_end(step, session, why);
        }
        more = moot_map_after(step->pool, &step->engine->sessions, link_key(link, memory), &item);
    }
}
