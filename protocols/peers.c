/*
 * Whom to dial. Every member whose address is known and who has no session here is dialled, with pauses
 * that grow and jitter; both sides may dial, session.c keeps one link. Addresses come from greetings and
 * from the invitation; they are hints and live in PEER rows.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/inside.h"

struct moot_peer *moot_peer_of(const struct moot_engine *engine, const struct moot_pool *pool,
                               const struct moot_key *key)
{
    return moot_map_get(pool, &engine->peers, moot_key_bytes(key));
}

/* "tcp://…" without control characters, short enough. */
static bool url_plausible(struct moot_bytes url)
{
    if (url.size < 7 || url.size >= MOOT_URL_BYTES_MAX || memcmp(url.data, "tcp://", 6) != 0)
        return false;
    for (size_t i = 0; i < url.size; i++) {
        if (url.data[i] <= ' ' || url.data[i] > '~')
            return false;
    }
    return true;
}

static void write_row(struct moot_step *step, const struct moot_key *key,
                      const struct moot_peer *peer)
{
    uint8_t memory[MOOT_URL_BYTES_MAX + 16];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 1);
    moot_write_text(&writer, moot_bytes_of_text(peer->url));
    MOOT_ENSURE(writer.status == MOOT_OK);
    moot_step_put(step, MOOT_TABLE_PEER, moot_key_bytes(key), moot_bytes_of(memory, writer.size));
}

/* Room for one more: addresses of devices that are no members (hearsay, or not admitted yet) give way to
 * a member, and to nobody else. */
static bool make_room(struct moot_step *step, const struct moot_key *key)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    if (engine->peers.count < MOOT_PEERS_KNOWN_MAX ||
        moot_map_get(step->pool, &engine->peers, moot_key_bytes(key)))
        return true;
    if (!moot_state_member(&engine->state, step->pool, key))
        return false;
    for (MOOT_MAP_EACH(step->pool, &engine->peers, item)) {
        const struct moot_peer *other = item.value;
        struct moot_key stranger;
        memcpy(stranger.b, item.key.data, sizeof stranger.b);
        if (other->link == 0 && !moot_state_member(&engine->state, step->pool, &stranger)) {
            moot_step_delete(step, MOOT_TABLE_PEER, moot_key_bytes(&stranger));
            return moot_map_remove(step->pool, &engine->peers, moot_key_bytes(&stranger));
        }
    }
    return false;
}

struct moot_peer *moot_peer_know(struct moot_step *step, const struct moot_key *key,
                                 struct moot_bytes url)
{
    struct moot_engine *engine = step->engine;
    if (moot_key_equal(key, &engine->identity.key) || !make_room(step, key))
        return NULL;
    struct moot_peer *peer = moot_map_put(step->pool, &engine->peers, moot_key_bytes(key), NULL);
    if (!peer || !url_plausible(url) || moot_bytes_equal(url, moot_bytes_of_text(peer->url)))
        return peer;
    memset(peer->url, 0, sizeof peer->url);
    memcpy(peer->url, url.data, url.size);
    peer->dial_at_ms = engine->now_ms;
    peer->pause_ms = 0;
    write_row(step, key, peer);
    return peer;
}

enum moot_status moot_peer_restore(struct moot_engine *engine, struct moot_pool *pool,
                                   struct moot_bytes key, struct moot_bytes row)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, row);
    moot_read_array(&cursor, 1);
    struct moot_bytes url = moot_read_text(&cursor, MOOT_URL_BYTES_MAX - 1);
    if (moot_cursor_finish(&cursor) != MOOT_OK || key.size != 32)
        return MOOT_STORE_DAMAGED;
    struct moot_peer *peer = moot_map_put(pool, &engine->peers, key, NULL);
    if (!peer)
        return MOOT_NO_MEMORY;
    if (url_plausible(url))
        memcpy(peer->url, url.data, url.size);
    return MOOT_OK;
}

/* Grows from MIN to MAX by doubling; the real pause lies between half of it and all of it. */
void moot_peer_pause(struct moot_step *step, struct moot_peer *peer)
{
    uint8_t draw[4];
    peer->pause_ms = peer->pause_ms == 0 ? MOOT_DIAL_PAUSE_MS_MIN : peer->pause_ms * 2;
    if (peer->pause_ms > MOOT_DIAL_PAUSE_MS_MAX)
        peer->pause_ms = MOOT_DIAL_PAUSE_MS_MAX;
    moot_random_fill(step->env->random, draw, sizeof draw);
    uint64_t half = peer->pause_ms / 2;
    peer->dial_at_ms = step->engine->now_ms + half + moot_u32_get(draw) % (half + 1);
}

void moot_peer_dial_ended(struct moot_step *step, uint32_t dial, enum moot_status why)
{
    struct moot_map_item item;
    (void)why;
    for (MOOT_MAP_EACH(step->pool, &step->engine->peers, item)) {
        struct moot_peer *peer = item.value;
        if (peer->dial != dial)
            continue;
        peer->dial = 0;
        moot_peer_pause(step, peer);
        return;
    }
}

void moot_peer_time(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    if (engine->sessions.count >= MOOT_SESSIONS_MAX + MOOT_STRANGERS_MAX)
        return; /* the end of one comes by here again */
    if (moot_device_is_gone(engine, step->pool, &engine->identity.key))
        return; /* nobody would talk to us */
    for (MOOT_MAP_EACH(step->pool, &engine->peers, item)) {
        struct moot_peer *peer = item.value;
        struct moot_key key;
        memcpy(key.b, item.key.data, sizeof key.b);
        if (peer->link != 0 || peer->dial != 0 || peer->url[0] == 0 ||
            !moot_state_member(&engine->state, step->pool, &key))
            continue;
        uint64_t at =
            peer->dial_at_ms > peer->banned_until_ms ? peer->dial_at_ms : peer->banned_until_ms;
        if (engine->now_ms < at) {
            moot_step_wake(step, at);
            continue;
        }
        if (++engine->dial_number == 0)
            engine->dial_number = 1;
        peer->dial = engine->dial_number;
        moot_step_dial(step, peer->dial, peer->url);
    }
}
