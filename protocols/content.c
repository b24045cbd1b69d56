/*
 * Content by hash: cuts, indexes and blocks of snapshot images, which no package manifest lists.
 *
 *   wanted ─▶ looked for here (job) ─▶ asked of one peer after the other ─▶ written (job checks) ─▶ held
 *                                            └─ nobody has it: again after a growing pause
 *
 * Small things that the engine reads itself (cuts, indexes) are kept in memory once held.
 * Failures: bad bytes are a strike against their sender like any other block's.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/snapshot.h"

#define PAUSE_MS_MIN 500
#define PAUSE_MS_MAX 30000
#define ANSWER_MS_MAX 10000

static void job(struct moot_step *step, struct moot_content *content, enum moot_job_kind kind,
                const struct moot_digest *hash, struct moot_bytes input)
{
    struct moot_job_owner owner = {.key = *hash, .hash = *hash, .part = MOOT_JOB_FOR_CONTENT};
    moot_step_job(step, kind, hash, input, &owner, &content->job);
}

struct moot_content *moot_content_want(struct moot_step *step, const struct moot_digest *hash,
                                       bool keep)
{
    bool added = false;
    struct moot_content *content =
        moot_map_put(step->pool, &step->engine->contents, moot_digest_bytes(hash), &added);
    if (!content)
        return NULL;
    content->keep = content->keep || keep;
    if (added) {
        content->stage = MOOT_CONTENT_LOOKING;
        job(step, content, MOOT_JOB_BLOCK_READ, hash, moot_bytes_of(NULL, 0));
    }
    return content;
}

void moot_content_put(struct moot_step *step, const struct moot_digest *hash,
                      struct moot_bytes bytes)
{
    struct moot_content *content =
        moot_map_put(step->pool, &step->engine->contents, moot_digest_bytes(hash), NULL);
    if (!content || content->stage == MOOT_CONTENT_HELD)
        return;
    content->keep = true;
    if (!moot_blob_set(step->pool, &content->bytes, bytes))
        return;
    content->stage = MOOT_CONTENT_WRITING;
    job(step, content, MOOT_JOB_BLOCK_WRITE, hash, bytes);
}

bool moot_content_held(const struct moot_step *step, const struct moot_digest *hash,
                       struct moot_bytes *ret_bytes)
{
    const struct moot_content *content =
        moot_map_get(step->pool, &step->engine->contents, moot_digest_bytes(hash));
    if (!content || content->stage != MOOT_CONTENT_HELD)
        return false;
    if (ret_bytes)
        *ret_bytes = moot_blob_get(step->pool, content->bytes);
    return true;
}

void moot_content_forget(struct moot_step *step, const struct moot_digest *hash)
{
    struct moot_content *content =
        moot_map_get(step->pool, &step->engine->contents, moot_digest_bytes(hash));
    if (!content)
        return;
    moot_blob_clear(step->pool, &content->bytes);
    moot_map_remove(step->pool, &step->engine->contents, moot_digest_bytes(hash));
}

static void wait_again(struct moot_step *step, struct moot_content *content)
{
    content->stage = MOOT_CONTENT_WANTED;
    content->pause_ms = content->pause_ms == 0 ? PAUSE_MS_MIN : content->pause_ms * 2;
    if (content->pause_ms > PAUSE_MS_MAX)
        content->pause_ms = PAUSE_MS_MAX;
    content->next_ms = step->engine->now_ms + content->pause_ms;
    content->asked_count = 0;
}

static void held(struct moot_step *step, struct moot_content *content, struct moot_bytes bytes)
{
    if (content->keep && content->bytes.size == 0 &&
        !moot_blob_set(step->pool, &content->bytes, bytes)) {
        wait_again(step, content);
        return;
    }
    content->stage = MOOT_CONTENT_HELD;
}

void moot_content_job_done(struct moot_step *step, const struct moot_job_owner *owner,
                           const struct moot_event *event)
{
    struct moot_content *content =
        moot_map_get(step->pool, &step->engine->contents, moot_digest_bytes(&owner->key));
    if (!content || content->job != event->job->number)
        return;
    content->job = 0;
    if (owner->kind == MOOT_JOB_BLOCK_READ) {
        struct moot_digest hash;
        moot_digest_of_bytes(NULL, event->bytes, &hash);
        if (event->status == MOOT_OK && moot_digest_equal(&hash, &owner->key)) {
            held(step, content, event->bytes);
        } else {
            content->stage = MOOT_CONTENT_WANTED;
            content->next_ms = 0;
        }
        return;
    }
    if (event->status == MOOT_OK) {
        held(step, content, event->job->input);
        return;
    }
    moot_step_refuse(step, event->status);
    moot_blob_clear(step->pool, &content->bytes);
    wait_again(step, content);
}

static void ask(struct moot_step *step, struct moot_content *content, struct moot_session *session,
                const struct moot_digest *hash)
{
    uint8_t memory[64];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 2);
    moot_write_bool(&writer, false);
    moot_write_digest(&writer, hash);
    MOOT_ENSURE(writer.status == MOOT_OK);
    content->stage = MOOT_CONTENT_ASKED;
    content->link = session->link;
    content->asked_ms = step->engine->now_ms;
    (void)moot_session_ask(step, session, MOOT_MESSAGE_BLOCK, moot_bytes_of(memory, writer.size),
                           hash, false);
}

/* The session after the last one asked, in the order of links; none left: everybody was asked. */
static void ask_next(struct moot_step *step, struct moot_content *content,
                     const struct moot_digest *hash)
{
    struct moot_map_item item;
    uint32_t number = 0;
    for (MOOT_MAP_EACH(step->pool, &step->engine->sessions, item)) {
        struct moot_session *session = item.value;
        if (!session->greeted)
            continue;
        if (number++ < content->asked_count)
            continue;
        if (moot_session_outstanding(step, session, MOOT_MESSAGE_BLOCK) >=
            MOOT_BLOCKS_IN_FLIGHT_PER_PEER)
            return; /* looked at again when an answer comes */
        content->asked_count++;
        ask(step, content, session, hash);
        return;
    }
    wait_again(step, content);
}

bool moot_content_answered(struct moot_step *step, struct moot_session *session,
                           const struct moot_request *request, struct moot_bytes status_name,
                           struct moot_bytes bytes)
{
    struct moot_content *content =
        moot_map_get(step->pool, &step->engine->contents, moot_digest_bytes(&request->hash));
    if (!content || content->stage != MOOT_CONTENT_ASKED || content->link != session->link)
        return false;
    struct moot_digest hash;
    moot_digest_of_bytes(NULL, bytes, &hash);
    content->stage = MOOT_CONTENT_WANTED;
    content->next_ms = 0;
    if (status_name.size > 0)
        return true;
    if (!moot_digest_equal(&hash, &request->hash)) {
        moot_step_refuse(step, MOOT_BAD_BLOCK);
        moot_step_notice(step, "block.bad", MOOT_BAD_BLOCK)->device = session->channel.peer;
        return true;
    }
    content->stage = MOOT_CONTENT_WRITING;
    job(step, content, MOOT_JOB_BLOCK_WRITE, &request->hash, bytes);
    return true;
}

void moot_content_step(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    bool more = moot_map_first(step->pool, &engine->contents, &item);
    while (more) {
        struct moot_content *content = item.value;
        struct moot_digest hash;
        memcpy(hash.b, item.key.data, sizeof hash.b);
        if (content->stage == MOOT_CONTENT_ASKED) {
            bool gone = !moot_session_of_link(engine, step->pool, content->link);
            if (gone || engine->now_ms >= content->asked_ms + ANSWER_MS_MAX) {
                content->stage = MOOT_CONTENT_WANTED;
                content->next_ms = 0;
            } else {
                moot_step_wake(step, content->asked_ms + ANSWER_MS_MAX);
            }
        }
        if (content->stage == MOOT_CONTENT_WANTED) {
            if (engine->now_ms >= content->next_ms)
                ask_next(step, content, &hash);
            if (content->stage == MOOT_CONTENT_WANTED && content->next_ms > engine->now_ms)
                moot_step_wake(step, content->next_ms);
        }
        more = moot_map_after(step->pool, &engine->contents, moot_digest_bytes(&hash), &item);
    }
}
