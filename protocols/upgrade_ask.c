/*
 * Whom a fetch asks for what.
 *
 *   wanted ─▶ asked of one peer ─▶ bytes: a job checks and keeps them
 *               ├─ has them not, no answer in time, link gone ─▶ asked elsewhere; here after a pause
 *               └─ bytes that do not match ─▶ strike; three strikes: not asked at all for a while
 *
 * Devices of our own home come first, then all others, each time starting with another one. When
 * every peer has been asked, and some copy was bad, the fetch says so (rejected) and goes on trying
 * slowly.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/upgrade_fetch.h"

#define ASKS_MAX (MOOT_BLOCK_PEERS_MAX * MOOT_BLOCKS_IN_FLIGHT_PER_PEER) /* of one fetch */

/* A peer that is connected, as this fetch sees it. */
struct server {
    struct moot_session *session;
    uint32_t in_flight;
    bool ignored; /* for its strikes */
    bool paused;  /* it missed too much of this package a moment ago */
};
struct servers {
    struct server all[MOOT_SESSIONS_MAX];
    uint32_t count, near_count;
    uint32_t active; /* with requests in flight */
};

/* ---- refusals ---- */

static const struct moot_refusal *refusal_find(const struct moot_step *step,
                                               const struct moot_fetch *fetch,
                                               const struct moot_key *peer,
                                               const struct moot_digest *hash)
{
    for (uint32_t i = 0; i < fetch->refused.count; i++) {
        const struct moot_refusal *refusal = moot_list_at(step->pool, &fetch->refused, i);
        if (moot_key_equal(&refusal->peer, peer) && moot_digest_equal(&refusal->hash, hash))
            return refusal;
    }
    return NULL;
}

static uint32_t misses_of(const struct moot_step *step, const struct moot_fetch *fetch,
                          const struct moot_key *peer)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fetch->refused.count; i++) {
        const struct moot_refusal *refusal = moot_list_at(step->pool, &fetch->refused, i);
        if (!refusal->bad && moot_key_equal(&refusal->peer, peer))
            count++;
    }
    return count;
}

static void refusal_add(struct moot_step *step, struct moot_fetch *fetch,
                        const struct moot_key *peer, const struct moot_digest *hash,
                        uint64_t until_ms, bool bad)
{
    for (uint32_t i = 0; i < fetch->refused.count; i++) {
        const struct moot_refusal *held = moot_list_at(step->pool, &fetch->refused, i);
        if (moot_key_equal(&held->peer, peer) && moot_digest_equal(&held->hash, hash)) {
            moot_list_remove(step->pool, &fetch->refused, i);
            break;
        }
    }
    if (fetch->refused.count >= MOOT_BLOCK_REFUSALS_MAX)
        moot_list_remove(step->pool, &fetch->refused, 0);
    struct moot_refusal *refusal = moot_list_add(step->pool, &fetch->refused);
    if (refusal)
        *refusal = (struct moot_refusal){*peer, *hash, until_ms, bad};
}

void moot_ask_missed(struct moot_step *step, struct moot_fetch *fetch, const struct moot_key *peer,
                     const struct moot_digest *hash, bool damaged)
{
    uint64_t pause_ms = damaged ? MOOT_BLOCK_BAD_MS : moot_fetch_pause(step, fetch);
    refusal_add(step, fetch, peer, hash, step->engine->now_ms + pause_ms, damaged);
}

static void strike_server(struct moot_step *step, const struct moot_key *peer)
{
    struct moot_engine *engine = step->engine;
    engine->servers.value_size = sizeof(struct moot_server);
    struct moot_server *server =
        moot_map_put(step->pool, &engine->servers, moot_key_bytes(peer), NULL);
    if (!server || ++server->strikes < MOOT_BLOCK_STRIKES_MAX)
        return;
    server->strikes = 0;
    server->ignore_ms = server->ignore_ms == 0 ? MOOT_BLOCK_IGNORE_MS_MIN : server->ignore_ms * 2;
    if (server->ignore_ms > MOOT_BLOCK_IGNORE_MS_MAX)
        server->ignore_ms = MOOT_BLOCK_IGNORE_MS_MAX;
    server->ignored_until_ms = engine->now_ms + server->ignore_ms;
}

void moot_ask_strike(struct moot_step *step, struct moot_fetch *fetch, const struct moot_key *peer,
                     const struct moot_digest *hash, enum moot_status why)
{
    struct moot_session *session = moot_session_of_peer(step->engine, step->pool, peer);
    moot_step_refuse(step, why);
    refusal_add(step, fetch, peer, hash, step->engine->now_ms + MOOT_BLOCK_BAD_MS, true);
    strike_server(step, peer);
    struct moot_notice *notice = moot_step_notice(step, "block.bad", why);
    notice->device = *peer;
    notice->proposal = fetch->proposal;
    if (session && session->established) {
        uint8_t memory[64];
        struct moot_writer writer;
        moot_writer_init(&writer, memory, sizeof memory);
        moot_write_array(&writer, 1);
        moot_write_digest(&writer, hash);
        MOOT_ENSURE(writer.status == MOOT_OK);
        moot_session_tell(step, session, MOOT_MESSAGE_STRIKE, moot_bytes_of(memory, writer.size));
    }
}

/* ---- asks ---- */

int32_t moot_ask_find(const struct moot_step *step, const struct moot_fetch *fetch, uint32_t block,
                      uint32_t link)
{
    for (uint32_t i = 0; i < fetch->asks.count; i++) {
        const struct moot_ask *ask = moot_list_at(step->pool, &fetch->asks, i);
        if (ask->block == block && (link == 0 || ask->link == link))
            return (int32_t)i;
    }
    return -1;
}

void moot_ask_end(struct moot_step *step, struct moot_fetch *fetch, uint32_t ask_index)
{
    struct moot_ask ask =
        *(const struct moot_ask *)moot_list_at(step->pool, &fetch->asks, ask_index);
    moot_list_remove(step->pool, &fetch->asks, ask_index);
    if (ask.block >= fetch->blocks.count)
        return;
    const struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, ask.block);
    if (block->state != MOOT_BLOCK_HELD)
        moot_fetch_block_set(step, fetch, ask.block, MOOT_BLOCK_WANTED);
}

void moot_ask_end_all(struct moot_step *step, struct moot_fetch *fetch)
{
    while (fetch->asks.count > 0)
        moot_ask_end(step, fetch, fetch->asks.count - 1);
}

void moot_ask_expire(struct moot_step *step, struct moot_fetch *fetch)
{
    uint64_t now_ms = step->engine->now_ms;
    for (uint32_t i = 0; i < fetch->asks.count;) {
        struct moot_ask ask = *(const struct moot_ask *)moot_list_at(step->pool, &fetch->asks, i);
        if (ask.writing) {
            i++;
        } else if (now_ms < ask.sent_ms + MOOT_BLOCK_ANSWER_MS_MAX) {
            moot_step_wake(step, ask.sent_ms + MOOT_BLOCK_ANSWER_MS_MAX);
            i++;
        } else {
            struct moot_digest hash = fetch->manifest;
            if (ask.block < fetch->blocks.count) {
                const struct moot_block *block =
                    moot_list_at(step->pool, &fetch->blocks, ask.block);
                hash = block->hash;
            }
            moot_step_refuse(step, MOOT_SILENT);
            refusal_add(step, fetch, &ask.peer, &hash, now_ms + MOOT_BLOCK_ANSWER_MS_MAX, false);
            moot_ask_end(step, fetch, i);
        }
    }
    for (uint32_t i = 0; i < fetch->refused.count;) {
        const struct moot_refusal *refusal = moot_list_at(step->pool, &fetch->refused, i);
        if (now_ms < refusal->until_ms) {
            if (fetch->stage <= MOOT_FETCH_BLOCKS)
                moot_step_wake(step, refusal->until_ms);
            i++;
        } else {
            moot_list_remove(step->pool, &fetch->refused, i);
        }
    }
}

/* ---- choosing ---- */

static bool is_near(const struct moot_step *step, const struct moot_key *peer)
{
    const struct moot_state *state = &step->engine->state;
    const struct moot_member *self =
        moot_state_member(state, step->pool, &step->engine->identity.key);
    const struct moot_member *member = moot_state_member(state, step->pool, peer);
    return self && member && self->home.size > 0 &&
           moot_bytes_equal(moot_blob_get(step->pool, self->home),
                            moot_blob_get(step->pool, member->home));
}

/* Answers whose bytes are not judged yet count too: a peer that sends bad ones is found out early. */
static uint32_t in_flight_at(const struct moot_step *step, const struct moot_fetch *fetch,
                             const struct moot_session *session)
{
    uint32_t count = moot_session_outstanding(step, session, MOOT_MESSAGE_BLOCK);
    for (uint32_t i = 0; i < fetch->asks.count; i++) {
        const struct moot_ask *ask = moot_list_at(step->pool, &fetch->asks, i);
        if (ask->writing && ask->link == session->link)
            count++;
    }
    return count;
}

static void gather_some(struct moot_step *step, const struct moot_fetch *fetch, bool near,
                        struct servers *servers)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &engine->sessions, item)) {
        struct moot_session *session = item.value;
        const struct moot_key *peer = &session->channel.peer;
        if (!session->established || !session->greeted || session->joining ||
            !moot_state_member(&engine->state, step->pool, peer) || is_near(step, peer) != near ||
            servers->count == MOOT_SESSIONS_MAX)
            continue;
        const struct moot_server *known =
            moot_map_get(step->pool, &engine->servers, moot_key_bytes(peer));
        struct server *server = &servers->all[servers->count++];
        *server = (struct server){
            .session = session,
            .in_flight = in_flight_at(step, fetch, session),
            .ignored = known && engine->now_ms < known->ignored_until_ms,
            .paused = misses_of(step, fetch, peer) >= MOOT_BLOCK_MISSES_MAX,
        };
        servers->active += server->in_flight > 0 ? 1 : 0;
        if (server->ignored)
            moot_step_wake(step, known->ignored_until_ms);
    }
}

static void gather(struct moot_step *step, const struct moot_fetch *fetch, struct servers *ret)
{
    ret->count = ret->active = 0;
    gather_some(step, fetch, true, ret);
    ret->near_count = ret->count;
    gather_some(step, fetch, false, ret);
}

/* Could it have these bytes, as far as is known? */
static bool may_have(const struct moot_step *step, const struct moot_fetch *fetch,
                     const struct server *server, const struct moot_digest *hash)
{
    return !server->ignored && !server->paused &&
           !refusal_find(step, fetch, &server->session->channel.peer, hash);
}

static bool is_free(const struct servers *servers, const struct server *server)
{
    return server->in_flight < MOOT_BLOCKS_IN_FLIGHT_PER_PEER &&
           (server->in_flight > 0 || servers->active < MOOT_BLOCK_PEERS_MAX);
}

static bool any_free(const struct servers *servers)
{
    for (uint32_t i = 0; i < servers->count; i++) {
        const struct server *server = &servers->all[i];
        if (!server->ignored && !server->paused && is_free(servers, server))
            return true;
    }
    return false;
}

static struct server *choose_from(const struct moot_step *step, const struct moot_fetch *fetch,
                                  struct servers *servers, uint32_t first, uint32_t count,
                                  const struct moot_digest *hash)
{
    for (uint32_t i = 0; i < count; i++) {
        struct server *server = &servers->all[first + (fetch->turn + i) % count];
        if (is_free(servers, server) && may_have(step, fetch, server, hash))
            return server;
    }
    return NULL;
}

static struct server *choose(const struct moot_step *step, const struct moot_fetch *fetch,
                             struct servers *servers, const struct moot_digest *hash)
{
    uint32_t near = servers->near_count;
    struct server *server = choose_from(step, fetch, servers, 0, near, hash);
    return server ? server : choose_from(step, fetch, servers, near, servers->count - near, hash);
}

static void ask(struct moot_step *step, struct moot_fetch *fetch, struct servers *servers,
                struct server *server, uint32_t index, const struct moot_digest *hash)
{
    uint8_t memory[64];
    struct moot_writer writer;
    bool manifest = index == MOOT_ASK_MANIFEST;
    struct moot_ask *added = moot_list_add(step->pool, &fetch->asks);
    if (!added)
        return;
    *added = (struct moot_ask){.block = index,
                               .link = server->session->link,
                               .peer = server->session->channel.peer,
                               .sent_ms = step->engine->now_ms};
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 2);
    moot_write_bool(&writer, manifest);
    moot_write_digest(&writer, hash);
    MOOT_ENSURE(writer.status == MOOT_OK);
    servers->active += server->in_flight == 0 ? 1 : 0;
    server->in_flight++;
    (void)moot_session_ask(step, server->session, MOOT_MESSAGE_BLOCK,
                           moot_bytes_of(memory, writer.size), hash, manifest);
    moot_step_wake(step, step->engine->now_ms + MOOT_BLOCK_ANSWER_MS_MAX);
}

/* Are bytes for this hash known to be damaged somewhere, and is nobody left who may have others? */
static bool is_hopeless(const struct moot_step *step, const struct moot_fetch *fetch,
                        const struct servers *servers, const struct moot_digest *hash, bool damaged)
{
    for (uint32_t i = 0; i < servers->count; i++) {
        const struct server *server = &servers->all[i];
        const struct moot_refusal *refusal =
            refusal_find(step, fetch, &server->session->channel.peer, hash);
        if (may_have(step, fetch, server, hash))
            return false;
        damaged = damaged || server->ignored || (refusal && refusal->bad);
    }
    return damaged;
}

void moot_ask_manifest(struct moot_step *step, struct moot_fetch *fetch)
{
    struct servers servers;
    if (fetch->asks.count > 0)
        return;
    gather(step, fetch, &servers);
    struct server *server = choose(step, fetch, &servers, &fetch->manifest);
    if (server) {
        fetch->turn++;
        ask(step, fetch, &servers, server, MOOT_ASK_MANIFEST, &fetch->manifest);
    } else if (is_hopeless(step, fetch, &servers, &fetch->manifest, fetch->damaged)) {
        fetch->reason = MOOT_BAD_MANIFEST;
    }
}

void moot_ask_blocks(struct moot_step *step, struct moot_fetch *fetch)
{
    struct servers servers;
    uint32_t count = fetch->blocks.count;
    uint32_t first = fetch->turn % (count > 0 ? count : 1);
    if (fetch->wanted == 0)
        return;
    gather(step, fetch, &servers);
    for (uint32_t i = 0; i < count && any_free(&servers) && fetch->asks.count < ASKS_MAX; i++) {
        uint32_t index = (first + i) % count;
        const struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, index);
        struct server *server =
            block->state == MOOT_BLOCK_WANTED ? choose(step, fetch, &servers, &block->hash) : NULL;
        if (!server)
            continue;
        fetch->turn = index + 1;
        ask(step, fetch, &servers, server, index, &block->hash);
        moot_fetch_block_set(step, fetch, index, MOOT_BLOCK_ASKED);
    }
    for (uint32_t i = 0; i < count && fetch->asks.count == 0; i++) {
        const struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, i);
        if (block->state == MOOT_BLOCK_WANTED &&
            is_hopeless(step, fetch, &servers, &block->hash, block->damaged)) {
            fetch->reason = MOOT_BAD_BLOCK;
            break;
        }
    }
}
