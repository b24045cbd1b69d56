/*
 * Reconciliation: greeting, pulling what the other side has more, pushing what is fresh.
 *
 *   GREET (one way, both ways)  array[11]: status name text ("" welcome), listen url, version, protocol max,
 *                               epoch, fork id bin8, seq of the receiver's chain as held here, frontier root,
 *                               loose root, base epoch (0), array of array[2]: device key, url
 *   PULL asked                  array[8]: frontier root, loose root, fork id bin8, credit, lists bool,
 *                               array of array[3]: chain id, seq, tag bin8 · array of object tags bin8 ·
 *                               array of loose tags bin8   (the lists are empty when lists is false)
 *   PULL answered               array[7]: state (1 equal, 2 data, 3 send lists), frontier root, loose root,
 *                               more bool, array of objects bin, array of loose bin, array of runs bin
 *   PUSH (one way)              array[5]: frontier root, loose root, objects, loose, runs
 *
 * A chain's tag is the first 8 bytes of BLAKE2b(tag "moot/entry/1" over handshake hash ‖ head id): keyed per
 * session. An object's or loose thing's tag is the first 8 bytes of its id. Roots that differ lead to a PULL
 * with lists; a PULL that brings nothing is not repeated until a root changes or its pause is over.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "protocols/hardfork.h"
#include "protocols/reconcile_parts.h"
#include "protocols/snapshot.h"

#define PEERS_TOLD_MAX 64
#define PUSH_ITEM_BYTES_MAX 16384
#define PUSH_CREDIT_BYTES 65536 /* all items of one PUSH; the rest is pulled */
#define RETRY_MS_MIN 50 /* first pause before a peer is asked again for what it cannot give yet */
/* What the largest message of each kind takes from a step's memory: three copies. */
#define PUSH_ROOM_BYTES (1u << 20)
#define PULL_ROOM_BYTES (2u << 20)

const struct moot_digest *moot_reconcile_root(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    if (engine->root_stale) {
        moot_frontier_root(&engine->state, step->pool, &engine->frontier_root);
        engine->root_stale = false;
    }
    return &engine->frontier_root;
}

static void write_fork(struct moot_step *step, struct moot_writer *writer)
{
    struct moot_fork_id fork =
        moot_fork_id_of(&moot_state_era(&step->engine->state, step->pool)->timeline);
    moot_write_bin(writer, moot_bytes_of(fork.b, sizeof fork.b));
}

void moot_reconcile_read_fork(struct moot_cursor *body, struct moot_fork_id *ret)
{
    struct moot_bytes fork = moot_read_bin(body, sizeof ret->b);
    memset(ret, 0, sizeof *ret);
    if (fork.size == sizeof ret->b)
        memcpy(ret->b, fork.data, sizeof ret->b);
    else
        moot_cursor_fail(body, MOOT_BAD_VALUE);
}

void moot_reconcile_write_roots(struct moot_step *step, struct moot_writer *writer)
{
    moot_write_digest(writer, moot_reconcile_root(step));
    moot_write_digest(writer, moot_loose_root(step));
}

void moot_reconcile_told(struct moot_step *step, struct moot_session *session)
{
    session->told_frontier = *moot_reconcile_root(step);
    session->told_loose = *moot_loose_root(step);
}

void moot_reconcile_offence(struct moot_step *step, struct moot_session *session,
                            enum moot_status why)
{
    moot_step_refuse(step, why);
    moot_session_end(step, session, why);
}

/* ---- GREET ---- */

void moot_reconcile_greet(struct moot_step *step, struct moot_session *session)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    struct moot_writer writer;
    const struct moot_member *member =
        moot_state_member(&engine->state, step->pool, &session->channel.peer);
    const struct moot_chain *chain =
        member ? moot_state_chain(&engine->state, step->pool, &member->chain) : NULL;
    uint32_t peers = engine->peers.count < PEERS_TOLD_MAX ? engine->peers.count : PEERS_TOLD_MAX;
    moot_writer_init_arena(&writer, step->arena);
    moot_write_array(&writer, 11);
    moot_write_text(&writer, moot_bytes_of_text(""));
    moot_write_text(&writer, moot_bytes_of_text(engine->config.listen_url));
    moot_write_text(&writer, moot_bytes_of_text(engine->config.version));
    moot_write_uint(&writer, engine->config.protocol_max);
    moot_write_uint(&writer, engine->state.epoch);
    write_fork(step, &writer);
    moot_write_uint(&writer, chain ? chain->tail.seq : 0);
    moot_reconcile_write_roots(step, &writer);
    moot_write_uint(&writer, 0);
    moot_write_array(&writer, peers);
    for (MOOT_MAP_EACH(step->pool, &engine->peers, item)) {
        const struct moot_peer *peer = item.value;
        if (peers-- == 0)
            break;
        moot_write_array(&writer, 2);
        moot_write_bin(&writer, item.key);
        moot_write_text(&writer, moot_bytes_of_text(peer->url));
    }
    moot_reconcile_told(step, session);
    moot_session_tell(step, session, MOOT_MESSAGE_GREET, moot_step_finish(step, &writer));
}

void moot_reconcile_refuse(struct moot_step *step, struct moot_session *session,
                           enum moot_status why)
{
    static const uint8_t zeros[32] = {0};
    struct moot_writer writer;
    uint8_t memory[256];
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 11);
    moot_write_text(&writer, moot_bytes_of_text(moot_status_info(why)->name));
    moot_write_text(&writer, moot_bytes_of_text(""));
    moot_write_text(&writer, moot_bytes_of_text(""));
    moot_write_uint(&writer, step->engine->config.protocol_max);
    moot_write_uint(&writer, 0);
    moot_write_bin(&writer, moot_bytes_of(zeros, 8));
    moot_write_uint(&writer, 0);
    moot_write_bin(&writer, moot_bytes_of(zeros, 32));
    moot_write_bin(&writer, moot_bytes_of(zeros, 32));
    moot_write_uint(&writer, 0);
    moot_write_array(&writer, 0);
    MOOT_ENSURE(writer.status == MOOT_OK);
    moot_session_tell(step, session, MOOT_MESSAGE_GREET, moot_bytes_of(memory, writer.size));
}

/* The other side says why it does not serve us: that is for our people to know, and no offence. */
static void refused(struct moot_step *step, struct moot_session *session, struct moot_bytes word)
{
    char name[33] = {0};
    memcpy(name, word.data, word.size);
    enum moot_status why = moot_status_parse(name);
    struct moot_notice *notice =
        moot_step_notice(step, "peer.refused", why == MOOT_OK ? MOOT_BAD_MESSAGE : why);
    notice->device = session->channel.peer;
    snprintf(notice->detail, sizeof notice->detail, "by %s", session->remote);
    moot_session_end(step, session, MOOT_LINK_FAILED);
}

static void learn_peers(struct moot_step *step, struct moot_cursor *body)
{
    uint32_t count = moot_read_array_any(body, PEERS_TOLD_MAX);
    for (uint32_t i = 0; i < count && body->status == MOOT_OK; i++) {
        struct moot_key key;
        moot_read_array(body, 2);
        moot_read_key(body, &key);
        struct moot_bytes url = moot_read_text(body, MOOT_URL_BYTES_MAX - 1);
        /* Hearsay only fills what is unknown: a device's own word counts more. */
        const struct moot_peer *known = moot_peer_of(step->engine, step->pool, &key);
        if (body->status == MOOT_OK && (!known || known->url[0] == 0))
            moot_peer_know(step, &key, url);
    }
}

void moot_reconcile_greeted(struct moot_step *step, struct moot_session *session, uint32_t number,
                            bool answer, struct moot_cursor *body)
{
    (void)number;
    moot_read_array(body, 11);
    struct moot_bytes refusal = moot_read_text(body, 32);
    struct moot_bytes url = moot_read_text(body, MOOT_URL_BYTES_MAX - 1);
    struct moot_bytes version = moot_read_text(body, MOOT_VERSION_BYTES_MAX - 1);
    uint16_t protocol = (uint16_t)moot_read_uint(body, UINT16_MAX);
    uint32_t epoch = (uint32_t)moot_read_uint(body, UINT32_MAX);
    struct moot_fork_id fork;
    struct moot_digest frontier, loose;
    moot_reconcile_read_fork(body, &fork);
    uint64_t own_seq = moot_read_uint(body, UINT64_MAX);
    moot_read_digest(body, &frontier);
    moot_read_digest(body, &loose);
    (void)moot_read_uint(body, UINT32_MAX);
    if (body->status == MOOT_OK && refusal.size > 0 && !answer) {
        refused(step, session, refusal);
        return;
    }
    learn_peers(step, body);
    if (moot_cursor_finish(body) != MOOT_OK || answer || session->greeted) {
        moot_reconcile_offence(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    session->greeted = true;
    session->peer_fork = fork;
    session->peer_frontier = frontier;
    session->peer_loose = loose;
    session->own_seq_there = own_seq;
    session->peer_protocol = protocol;
    struct moot_peer *peer = moot_peer_know(step, &session->channel.peer, url);
    if (peer) {
        memset(peer->version, 0, sizeof peer->version);
        memcpy(peer->version, version.data, version.size);
        peer->protocol = protocol;
        peer->epoch = epoch;
        peer->pause_ms = 0;
    }
    moot_append_heard(step, session);
}

/* ---- PULL, asking ---- */

void moot_reconcile_entry_tag(const struct moot_session *session, const struct moot_digest *head,
                              uint8_t ret[8])
{
    struct moot_bytes parts[2] = {
        moot_bytes_of(session->channel.handshake_hash, sizeof session->channel.handshake_hash),
        moot_digest_bytes(head)};
    struct moot_digest digest;
    moot_digest_of("moot/entry/1", parts, 2, &digest);
    memcpy(ret, digest.b, 8);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void write_lists(struct moot_step *step, const struct moot_session *session,
                        struct moot_writer *writer)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    uint32_t left = least(engine->state.chains.count, MOOT_CHAINS_LISTED_MAX);
    moot_write_array(writer, left);
    for (MOOT_MAP_EACH(step->pool, &engine->state.chains, item)) {
        if (left-- == 0)
            break;
        const struct moot_chain *chain = item.value;
        uint64_t seq = moot_merge_seq(step, chain);
        uint8_t tag[8] = {0};
        if (seq == chain->tail.seq)
            moot_reconcile_entry_tag(session, &chain->tail.id, tag);
        moot_write_array(writer, 3);
        moot_write_digest(writer, &chain->id);
        moot_write_uint(writer, seq);
        moot_write_bin(writer, moot_bytes_of(tag, sizeof tag));
    }
    left = least(engine->state.object_ids.count, MOOT_TAGS_MAX);
    moot_write_array(writer, left);
    for (MOOT_MAP_EACH(step->pool, &engine->state.object_ids, item)) {
        if (left-- == 0)
            break;
        moot_write_bin(writer, moot_bytes_of(item.key.data, 8));
    }
    left = least(engine->loose.count, MOOT_TAGS_MAX);
    moot_write_array(writer, left);
    for (MOOT_MAP_EACH(step->pool, &engine->loose, item)) {
        if (left-- == 0)
            break;
        const struct moot_loose *loose = item.value;
        moot_write_bin(writer, moot_bytes_of(loose->id.b, 8));
    }
}

static void pull(struct moot_step *step, struct moot_session *session, bool lists)
{
    struct moot_engine *engine = step->engine;
    struct moot_writer writer;
    struct moot_digest none = {0};
    moot_writer_init_arena(&writer, step->arena);
    moot_write_array(&writer, 8);
    /* Asking for more need not wait for the disk, so it does not speak of what is not there yet: the roots
     * are those told last, and the lists say how far to skip, not what is held. */
    if (engine->committed == engine->ticket && step->batch.op_count == 0)
        moot_reconcile_told(step, session);
    moot_write_digest(&writer, &session->told_frontier);
    moot_write_digest(&writer, &session->told_loose);
    write_fork(step, &writer);
    moot_write_uint(&writer, MOOT_PULL_CREDIT_BYTES);
    moot_write_bool(&writer, lists);
    if (lists) {
        write_lists(step, session, &writer);
    } else {
        moot_write_array(&writer, 0);
        moot_write_array(&writer, 0);
        moot_write_array(&writer, 0);
    }
    session->pull_out = true;
    session->pull_lists = lists;
    session->pull_again = false;
    session->pulled_ms = engine->now_ms;
    session->retry_at_ms = 0;
    if (moot_session_ask(step, session, MOOT_MESSAGE_PULL, moot_step_finish(step, &writer), &none,
                         false) == 0)
        session->pull_out = false; /* no memory: after the pause */
}

/* ---- taking in ---- */

#define ITEMS_MAX 4096 /* of one kind in one message */
#define LOOSE_BYTES_MAX 1024

/* More bytes than were granted? One item may be larger than the credit, or nothing would ever come. */
static bool over_credit(struct moot_cursor body, size_t credit)
{
    uint32_t items = 0;
    size_t bytes = 0;
    for (uint32_t list = 0; list < 3 && body.status == MOOT_OK; list++) {
        uint32_t count = moot_read_array_any(&body, ITEMS_MAX);
        for (uint32_t i = 0; i < count && body.status == MOOT_OK; i++, items++)
            bytes += moot_read_bin(&body, MOOT_FRAME_BYTES_MAX).size + MOOT_ITEM_FRONT_BYTES;
    }
    return items > 1 && bytes > credit;
}

/* Nobody who checks what it passes on sends this. (An unknown kind of object is of a later release.) */
static bool is_lie(enum moot_status status)
{
    return status == MOOT_BAD_SIGNATURE || status == MOOT_NOT_CANONICAL ||
           status == MOOT_TRUNCATED || status == MOOT_TRAILING;
}

/* One list of objects or loose things; the status of the first lie, or MOOT_OK. */
static enum moot_status
take_list(struct moot_step *step, uint32_t link, struct moot_cursor *body, size_t item_bytes_max,
          enum moot_status (*merge)(struct moot_step *step, struct moot_bytes encoded,
                                    uint32_t from_link),
          bool *ret_fruitful)
{
    bool writable = moot_step_writable(step) == MOOT_OK;
    uint32_t count = moot_read_array_any(body, ITEMS_MAX);
    for (uint32_t i = 0; i < count && body->status == MOOT_OK; i++) {
        struct moot_bytes item = moot_read_bin(body, item_bytes_max);
        if (body->status != MOOT_OK || !writable)
            continue;
        enum moot_status status = merge(step, item, link);
        if (status == MOOT_OK)
            *ret_fruitful = true;
        else if (is_lie(status))
            return status;
    }
    return MOOT_OK;
}

/* Objects, loose things and runs of a PULL's answer or a PUSH; false when the session has ended. */
static bool take_in(struct moot_step *step, struct moot_session *session, struct moot_cursor *body,
                    size_t credit, bool *ret_fruitful)
{
    const uint32_t link = session->link;
    enum moot_status writable = moot_step_writable(step);
    enum moot_status status = over_credit(*body, credit) ? MOOT_OVER_CREDIT : MOOT_OK;
    if (status == MOOT_OK)
        status =
            take_list(step, link, body, MOOT_OBJECT_BYTES_MAX, moot_merge_object, ret_fruitful);
    if (status == MOOT_OK)
        status = take_list(step, link, body, LOOSE_BYTES_MAX, moot_loose_merge, ret_fruitful);
    if (status != MOOT_OK) {
        moot_reconcile_offence(step, session, status);
        return false;
    }
    uint32_t count = moot_read_array_any(body, ITEMS_MAX);
    for (uint32_t i = 0; i < count && body->status == MOOT_OK; i++) {
        struct moot_bytes run = moot_read_bin(body, MOOT_RUN_ENCODED_BYTES_MAX);
        if (body->status != MOOT_OK || writable != MOOT_OK)
            continue;
        if (moot_merge_run_bytes(step, session, run))
            *ret_fruitful = true;
        else if (!moot_session_of_link(step->engine, step->pool, link))
            return false;
    }
    if (writable != MOOT_OK && count > 0)
        moot_step_refuse(step, writable);
    return true;
}

/* What the peer has and cannot give yet (not durable there, or first other things here) is asked for again
 * soon, but not at once. */
static void retry_later(struct moot_step *step, struct moot_session *session, bool wanted)
{
    uint64_t longest = step->engine->config.gossip_interval_ms;
    if (!wanted) {
        session->retry_at_ms = session->retry_ms = 0;
        return;
    }
    session->retry_ms = session->retry_ms == 0 ? RETRY_MS_MIN : session->retry_ms * 2;
    if (session->retry_ms > longest)
        session->retry_ms = longest;
    session->retry_at_ms = step->engine->now_ms + session->retry_ms;
}

void moot_reconcile_retry(struct moot_step *step)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->sessions, item)) {
        struct moot_session *session = item.value;
        memset(&session->pulled_frontier, 0, sizeof session->pulled_frontier);
    }
}

void moot_reconcile_pull_answered(struct moot_step *step, struct moot_session *session,
                                  struct moot_cursor *body)
{
    bool fruitful = false;
    moot_read_array(body, 7);
    uint64_t state = moot_read_uint(body, MOOT_PULL_BEHIND);
    moot_read_digest(body, &session->peer_frontier);
    moot_read_digest(body, &session->peer_loose);
    bool more = moot_read_bool(body);
    session->pull_out = false;
    if (!take_in(step, session, body, MOOT_PULL_CREDIT_BYTES, &fruitful))
        return;
    bool lists_again = state == MOOT_PULL_LISTS && session->pull_lists;
    if (moot_cursor_finish(body) != MOOT_OK || state == 0 || lists_again) {
        moot_reconcile_offence(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    if (state == MOOT_PULL_BEHIND)
        moot_snapshot_behind(step);
    session->pull_again = fruitful || state == MOOT_PULL_LISTS;
    if (session->pull_again)
        session->pull_pause_ms = 0;
    else if (state == MOOT_PULL_EQUAL || !moot_merge_busy(step))
        session->pull_pause_ms *= 2; /* in vain: not so soon again, unless a root changes */
    retry_later(step, session, more && !fruitful);
    if (state != MOOT_PULL_LISTS && !more)
        session->pulled_all = true;
    if (!session->pull_again) {
        session->pulled_frontier = session->peer_frontier;
        session->pulled_loose = session->peer_loose;
    }
}

void moot_reconcile_pushed(struct moot_step *step, struct moot_session *session,
                           struct moot_cursor *body)
{
    bool fruitful = false;
    moot_read_array(body, 5);
    moot_read_digest(body, &session->peer_frontier);
    moot_read_digest(body, &session->peer_loose);
    if (!take_in(step, session, body, PUSH_CREDIT_BYTES, &fruitful))
        return;
    if (moot_cursor_finish(body) != MOOT_OK)
        moot_reconcile_offence(step, session, MOOT_BAD_MESSAGE);
}

/* ---- pushing ---- */

static void fresh_add(struct moot_step *step, struct moot_fresh *items, uint32_t *count,
                      uint32_t capacity, struct moot_bytes encoded, uint32_t from,
                      uint16_t protocol)
{
    size_t size = encoded.size + MOOT_ITEM_FRONT_BYTES;
    if (*count == capacity || encoded.size > PUSH_ITEM_BYTES_MAX ||
        step->push_bytes + size > PUSH_CREDIT_BYTES)
        return; /* the changed root leads to a PULL */
    struct moot_bytes copy = moot_arena_copy(step->arena, encoded);
    MOOT_INVARIANT(copy.data != NULL);
    items[(*count)++] = (struct moot_fresh){copy, from, protocol};
    step->push_bytes += size;
}

void moot_reconcile_fresh_run(struct moot_step *step, struct moot_bytes encoded, uint32_t from)
{
    fresh_add(step, step->push_runs, &step->push_run_count, MOOT_COUNT_OF(step->push_runs), encoded,
              from, moot_run_protocol(step->engine, step->pool, encoded));
}

void moot_reconcile_fresh_object(struct moot_step *step, struct moot_bytes encoded, uint32_t from)
{
    fresh_add(step, step->push_objects, &step->push_object_count, MOOT_COUNT_OF(step->push_objects),
              encoded, from, 1);
}

void moot_reconcile_fresh_loose(struct moot_step *step, struct moot_bytes encoded, uint32_t from)
{
    fresh_add(step, step->push_loose, &step->push_loose_count, MOOT_COUNT_OF(step->push_loose),
              encoded, from, 1);
}

static bool is_news(const struct moot_fresh *item, const struct moot_session *to)
{
    return item->from != to->link && item->protocol <= to->peer_protocol;
}

static uint32_t news(const struct moot_fresh *items, uint32_t count, const struct moot_session *to)
{
    uint32_t result = 0;
    for (uint32_t i = 0; i < count; i++)
        result += is_news(&items[i], to) ? 1 : 0;
    return result;
}

static void write_news(struct moot_writer *writer, const struct moot_fresh *items, uint32_t count,
                       const struct moot_session *session)
{
    moot_write_array(writer, news(items, count, session));
    for (uint32_t i = 0; i < count; i++) {
        if (is_news(&items[i], session))
            moot_write_bin(writer, items[i].encoded);
    }
}

static bool has_news(const struct moot_step *step, const struct moot_session *session)
{
    return news(step->push_objects, step->push_object_count, session) +
               news(step->push_loose, step->push_loose_count, session) +
               news(step->push_runs, step->push_run_count, session) >
           0;
}

static void push(struct moot_step *step, struct moot_session *session)
{
    struct moot_writer writer;
    moot_writer_init_arena(&writer, step->arena);
    moot_write_array(&writer, 5);
    moot_reconcile_write_roots(step, &writer);
    write_news(&writer, step->push_objects, step->push_object_count, session);
    write_news(&writer, step->push_loose, step->push_loose_count, session);
    write_news(&writer, step->push_runs, step->push_run_count, session);
    moot_reconcile_told(step, session);
    moot_session_tell(step, session, MOOT_MESSAGE_PUSH, moot_step_finish(step, &writer));
}

/* ---- at the end of each step ---- */

static bool same_roots(struct moot_step *step, const struct moot_digest *frontier,
                       const struct moot_digest *loose)
{
    return moot_digest_equal(frontier, moot_reconcile_root(step)) &&
           moot_digest_equal(loose, moot_loose_root(step));
}

static void maybe_push(struct moot_step *step, struct moot_session *session)
{
    if (same_roots(step, &session->told_frontier, &session->told_loose))
        return;
    if (session->pull_out && !has_news(step, session))
        return; /* bare roots can wait for the answer: more is on its way */
    if (same_roots(step, &session->peer_frontier, &session->peer_loose))
        moot_reconcile_told(step, session); /* it got there by itself: nothing to tell */
    else if (moot_step_has_room(step, PUSH_ROOM_BYTES))
        push(step, session);
    else
        moot_step_wake(step, step->engine->now_ms + 1); /* its roots are told then */
}

/* What the intakes have room for. */
struct intake_room {
    bool busy, full;
};

static void maybe_pull(struct moot_step *step, struct moot_session *session,
                       const struct intake_room *room)
{
    struct moot_engine *engine = step->engine;
    uint64_t pause = session->pull_pause_ms;
    if (pause < engine->config.gossip_interval_ms)
        pause = engine->config.gossip_interval_ms;
    if (pause > MOOT_PULL_IDLE_MS_MAX)
        pause = MOOT_PULL_IDLE_MS_MAX;
    session->pull_pause_ms = pause;
    bool equal = same_roots(step, &session->peer_frontier, &session->peer_loose);
    if (moot_digest_equal(&session->peer_frontier, moot_reconcile_root(step))) {
        /* the same facts and objects: the same epoch, for people to see */
        struct moot_peer *peer = moot_peer_of(engine, step->pool, &session->channel.peer);
        if (peer)
            peer->epoch = engine->state.epoch;
    }
    if (session->pull_out || room->full) /* the end of a job comes by here again */
        return;
    bool tried = moot_digest_equal(&session->peer_frontier, &session->pulled_frontier) &&
                 moot_digest_equal(&session->peer_loose, &session->pulled_loose);
    bool retry = session->retry_at_ms != 0 && !equal;
    uint64_t at_ms = session->pulled_ms + pause;
    if (retry && session->retry_at_ms < at_ms)
        at_ms = session->retry_at_ms;
    if (session->pull_again || (!equal && !tried && !room->busy && !retry))
        at_ms = engine->now_ms;
    if (engine->now_ms < at_ms)
        moot_step_wake(step, at_ms);
    else if (moot_step_has_room(step, PULL_ROOM_BYTES))
        pull(step, session, session->pull_again || !equal);
    else
        moot_step_wake(step, engine->now_ms + 1);
}

void moot_reconcile_end(struct moot_step *step)
{
    struct moot_map_item item;
    struct intake_room room = {.busy = moot_merge_busy(step), .full = moot_merge_full(step)};
    for (MOOT_MAP_EACH(step->pool, &step->engine->sessions, item)) {
        struct moot_session *session = item.value;
        if (!session->greeted)
            continue;
        moot_append_heard(step, session);
        maybe_push(step, session);
        maybe_pull(step, session, &room);
    }
}
