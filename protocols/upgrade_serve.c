/*
 * Answering peers that ask for blocks and manifests, and hearing their complaints.
 *
 *   BLOCK array[2]: manifest bool, hash         ─▶ job: read ─▶ answer array[2]: status name, bytes
 *                                                  (name "" and the bytes, or why not and no bytes)
 *   STRIKE array[1]: hash of what was damaged   ─▶ job: read again; if damaged, removed, fetched
 *
 * What is served is not verified here: whoever asked does that, and complains.
 */
#include "crypto/base/contract.h"
#include "protocols/snapshot.h"
#include "protocols/upgrade_fetch.h"

#define STATUS_NAME_BYTES_MAX 48

/* Bytes borrowed by an answer; the name is that of a status, "" for MOOT_OK. */
static void answer(struct moot_step *step, struct moot_session *session, uint32_t number,
                   enum moot_status status, struct moot_bytes bytes)
{
    struct moot_writer writer;
    moot_writer_init_arena(&writer, step->arena);
    moot_write_array(&writer, 2);
    moot_write_text(&writer,
                    moot_bytes_of_text(status == MOOT_OK ? "" : moot_status_info(status)->name));
    moot_write_bin(&writer, status == MOOT_OK ? bytes : moot_bytes_of(NULL, 0));
    moot_session_answer(step, session, MOOT_MESSAGE_BLOCK, number, moot_step_finish(step, &writer),
                        MOOT_AFTER_NOTHING);
}

static uint32_t serving(const struct moot_step *step)
{
    struct moot_map_item item;
    uint32_t count = 0;
    for (MOOT_MAP_EACH(step->pool, &step->engine->jobs, item)) {
        const struct moot_job_owner *owner = item.value;
        if (owner->link != 0 &&
            (owner->kind == MOOT_JOB_BLOCK_READ || owner->kind == MOOT_JOB_MANIFEST_READ))
            count++;
    }
    return count;
}

void moot_upgrade_block_asked(struct moot_step *step, struct moot_session *session, uint32_t number,
                              struct moot_cursor *body)
{
    struct moot_digest hash;
    uint32_t job;
    moot_read_array(body, 2);
    bool manifest = moot_read_bool(body);
    moot_read_digest(body, &hash);
    if (moot_cursor_finish(body) != MOOT_OK) {
        moot_step_refuse(step, MOOT_BAD_MESSAGE);
        moot_session_end(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    if (serving(step) >= MOOT_BLOCKS_SERVED_MAX) {
        moot_step_refuse(step, MOOT_LIMIT);
        answer(step, session, number, MOOT_LIMIT, moot_bytes_of(NULL, 0));
        return;
    }
    struct moot_job_owner owner = {
        .key = hash, .hash = hash, .link = session->link, .request_number = number};
    moot_step_job(step, manifest ? MOOT_JOB_MANIFEST_READ : MOOT_JOB_BLOCK_READ, &hash,
                  moot_bytes_of(NULL, 0), &owner, &job);
}

/* What we said we hold is not there, or not as it should be. */
static void doubt(struct moot_step *step, const struct moot_digest *hash, bool seen_here)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->fetches, item)) {
        struct moot_fetch *fetch = item.value;
        if (moot_digest_equal(&fetch->manifest, hash)) {
            moot_fetch_manifest_doubted(step, fetch, seen_here);
            continue;
        }
        uint32_t index = moot_fetch_block_find(step, fetch, hash);
        if (index == MOOT_ASK_MANIFEST)
            continue;
        const struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, index);
        if (block->state == MOOT_BLOCK_HELD)
            (void)moot_serve_recheck(step, hash, NULL);
    }
}

static void served(struct moot_step *step, const struct moot_job_owner *owner,
                   const struct moot_event *event)
{
    struct moot_session *session = moot_session_of_link(step->engine, step->pool, owner->link);
    enum moot_status status = event->status;
    size_t size_max =
        owner->kind == MOOT_JOB_BLOCK_READ ? MOOT_BLOCK_BYTES : MOOT_MANIFEST_BYTES_MAX;
    if (status == MOOT_OK && event->bytes.size > size_max)
        status = MOOT_BAD_BLOCK;
    if (status != MOOT_OK)
        doubt(step, &owner->hash, true);
    if (session && session->established)
        answer(step, session, owner->request_number, status, event->bytes);
}

/* ---- complaints ---- */

uint32_t moot_serve_recheck(struct moot_step *step, const struct moot_digest *hash,
                            const struct moot_digest *proposal)
{
    struct moot_map_item item;
    struct moot_job_owner owner = {.hash = *hash};
    uint32_t under_way = 0, job;
    for (MOOT_MAP_EACH(step->pool, &step->engine->jobs, item)) {
        const struct moot_job_owner *other = item.value;
        if (other->kind != MOOT_JOB_BLOCK_RECHECK)
            continue;
        if (moot_digest_equal(&other->hash, hash))
            return 0;
        under_way++;
    }
    if (under_way >= MOOT_BLOCK_RECHECKS_MAX)
        return 0;
    if (proposal)
        owner.key = *proposal;
    moot_step_job(step, MOOT_JOB_BLOCK_RECHECK, hash, moot_bytes_of(NULL, 0), &owner, &job);
    return job;
}

void moot_upgrade_struck(struct moot_step *step, struct moot_session *session,
                         struct moot_cursor *body)
{
    struct moot_digest hash;
    moot_read_array(body, 1);
    moot_read_digest(body, &hash);
    if (moot_cursor_finish(body) != MOOT_OK) {
        moot_step_refuse(step, MOOT_BAD_MESSAGE);
        moot_session_end(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    doubt(step, &hash, false);
}

static void rechecked(struct moot_step *step, const struct moot_job_owner *owner,
                      const struct moot_event *event)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    bool damaged = event->status == MOOT_BAD_BLOCK;
    bool lost = false;
    for (MOOT_MAP_EACH(step->pool, &engine->fetches, item)) {
        struct moot_fetch *fetch = item.value;
        if (damaged || event->status == MOOT_BLOCK_MISSING)
            lost = moot_fetch_block_lost(step, fetch, &owner->hash, damaged) || lost;
        if (fetch->job == event->job->number)
            moot_fetch_block_good(step, fetch);
    }
    if (lost) {
        moot_step_refuse(step, MOOT_BAD_BLOCK);
        moot_step_notice(step, "block.damaged", MOOT_BAD_BLOCK);
    }
}

void moot_upgrade_job_done(struct moot_step *step, const struct moot_job_owner *owner,
                           const struct moot_event *event)
{
    if (owner->kind == MOOT_JOB_BLOCK_RECHECK) {
        rechecked(step, owner, event);
    } else if (owner->kind == MOOT_JOB_BLOCK_READ ||
               (owner->kind == MOOT_JOB_MANIFEST_READ && owner->link != 0)) {
        served(step, owner, event);
    } else {
        struct moot_fetch *fetch =
            moot_map_get(step->pool, &step->engine->fetches, moot_digest_bytes(&owner->key));
        if (fetch)
            moot_fetch_job_done(step, fetch, owner, event);
        step->engine->upgrade_seen.look = true;
    }
}

/* ---- what others answer ---- */

static uint32_t index_of(const struct moot_step *step, const struct moot_fetch *fetch,
                         const struct moot_request *request, bool *ret_there)
{
    uint32_t index = MOOT_ASK_MANIFEST;
    if (request->manifest) {
        *ret_there = moot_digest_equal(&fetch->manifest, &request->hash);
    } else {
        index = moot_fetch_block_find(step, fetch, &request->hash);
        *ret_there = index != MOOT_ASK_MANIFEST;
    }
    return index;
}

/* The fetch that waits for exactly this answer, and its ask. */
static struct moot_fetch *waiting_for(const struct moot_step *step,
                                      const struct moot_request *request, uint32_t link,
                                      uint32_t *ret_ask)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->fetches, item)) {
        struct moot_fetch *fetch = item.value;
        bool there;
        uint32_t index = index_of(step, fetch, request, &there);
        int32_t at = there ? moot_ask_find(step, fetch, index, link) : -1;
        if (at < 0)
            continue;
        const struct moot_ask *ask = moot_list_at(step->pool, &fetch->asks, (uint32_t)at);
        if (!ask->writing) {
            *ret_ask = (uint32_t)at;
            return fetch;
        }
    }
    return NULL;
}

/* A block that came too late is still good for a fetch that wants it, or has asked elsewhere. */
static struct moot_fetch *glad_of(const struct moot_step *step, const struct moot_request *request,
                                  const struct moot_session *session, uint32_t *ret_ask)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->fetches, item)) {
        struct moot_fetch *fetch = item.value;
        bool there;
        uint32_t index = index_of(step, fetch, request, &there);
        if (!there || request->manifest)
            continue;
        const struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, index);
        if (block->state != MOOT_BLOCK_WANTED && block->state != MOOT_BLOCK_ASKED)
            continue;
        int32_t at = moot_ask_find(step, fetch, index, 0);
        struct moot_ask *ask = at >= 0 ? moot_list_at(step->pool, &fetch->asks, (uint32_t)at)
                                       : moot_list_add(step->pool, &fetch->asks);
        if (!ask)
            return NULL;
        *ask = (struct moot_ask){.block = index,
                                 .link = session->link,
                                 .peer = session->channel.peer,
                                 .sent_ms = step->engine->now_ms};
        *ret_ask = at >= 0 ? (uint32_t)at : fetch->asks.count - 1;
        return fetch;
    }
    return NULL;
}

void moot_upgrade_block_answered(struct moot_step *step, struct moot_session *session,
                                 const struct moot_request *request, struct moot_cursor *body)
{
    uint32_t ask;
    moot_read_array(body, 2);
    struct moot_bytes name = moot_read_text(body, STATUS_NAME_BYTES_MAX);
    struct moot_bytes bytes =
        moot_read_bin(body, request->manifest ? MOOT_MANIFEST_BYTES_MAX : MOOT_BLOCK_BYTES);
    if (moot_cursor_finish(body) != MOOT_OK) {
        moot_step_refuse(step, MOOT_BAD_MESSAGE);
        moot_session_end(step, session, MOOT_BAD_MESSAGE);
        return;
    }
    if (moot_content_answered(step, session, request, name, bytes))
        return;
    struct moot_fetch *fetch = waiting_for(step, request, session->link, &ask);
    if (!fetch && name.size == 0)
        fetch = glad_of(step, request, session, &ask);
    if (!fetch)
        return; /* not wanted any more */
    if (name.size == 0) {
        moot_fetch_bytes(step, fetch, ask, bytes);
    } else {
        bool damaged = moot_bytes_equal(name, moot_bytes_of_text("bad_manifest")) ||
                       moot_bytes_equal(name, moot_bytes_of_text("bad_block"));
        moot_ask_end(step, fetch, ask);
        moot_ask_missed(step, fetch, &session->channel.peer, &request->hash, damaged);
    }
}

void moot_upgrade_link_gone(struct moot_step *step, uint32_t link, const struct moot_key *peer)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->fetches, item)) {
        struct moot_fetch *fetch = item.value;
        for (uint32_t i = fetch->asks.count; i-- > 0;) {
            const struct moot_ask *ask = moot_list_at(step->pool, &fetch->asks, i);
            if (ask->link == link && !ask->writing)
                moot_ask_end(step, fetch, i);
        }
        for (uint32_t i = fetch->refused.count; peer && i-- > 0;) {
            const struct moot_refusal *refusal = moot_list_at(step->pool, &fetch->refused, i);
            if (moot_key_equal(&refusal->peer, peer))
                moot_list_remove(step->pool, &fetch->refused, i);
        }
    }
}
