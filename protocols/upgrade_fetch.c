/*
 * One package on its way to this device. What is on disk decides where it goes on: a restart
 * resumes.
 *
 *            (not here: ask peers, keep)
 *                 ┌──┐
 *   MANIFEST ─────┴──┴─▶ SCAN ─▶ BLOCKS ─▶ CHECK ─▶ READY
 *     │    ▲               ▲       ▲  ▲      │ │      │
 *     │    └─ manifest ────┼───────┼──┼──────┘ │      │
 *     │       damaged      └ block missing ────┘      │
 *     │                            └─ block damaged ──┘
 *     └─▶ REJECTED: the right bytes, but no package, or not the one that was proposed
 *
 * Readiness follows from `reason` alone: MOOT_OK is ready; a damaged block or manifest that nobody
 * can replace is rejected too, but the fetch goes on trying, and good bytes make it ready.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/manifest.h"
#include "protocols/upgrade_fetch.h"
#include "protocols/view.h"

void moot_fetch_init(struct moot_step *step, struct moot_fetch *fetch,
                     const struct moot_digest *proposal, const struct moot_upgrade_body *body)
{
    uint8_t random[4], key[65];
    *fetch = (struct moot_fetch){.proposal = *proposal,
                                 .manifest = body->manifest,
                                 .stage = MOOT_FETCH_MANIFEST,
                                 .reason = MOOT_FETCHING,
                                 .said = MOOT_READINESS_SILENT};
    fetch->blocks.item_size = sizeof(struct moot_block);
    fetch->asks.item_size = sizeof(struct moot_ask);
    fetch->refused.item_size = sizeof(struct moot_refusal);
    moot_random_fill(step->env->random, random, sizeof random);
    fetch->turn = moot_u32_get(random) >> 8;
    moot_loose_readiness_key(proposal, &step->engine->identity.key, key);
    const struct moot_loose *said =
        moot_map_get(step->pool, &step->engine->loose, moot_bytes_of(key, sizeof key));
    if (said) {
        fetch->said = said->readiness;
        fetch->said_reason = said->readiness_reason;
    }
}

void moot_fetch_deinit(struct moot_pool *pool, struct moot_fetch *fetch)
{
    moot_list_clear(pool, &fetch->blocks);
    moot_list_clear(pool, &fetch->asks);
    moot_list_clear(pool, &fetch->refused);
}

uint8_t moot_fetch_readiness(const struct moot_fetch *fetch)
{
    if (fetch->reason == MOOT_OK)
        return MOOT_READINESS_READY;
    return fetch->reason == MOOT_BAD_BLOCK || fetch->reason == MOOT_BAD_PACKAGE ||
                   fetch->reason == MOOT_BAD_MANIFEST
               ? MOOT_READINESS_REJECTED
               : MOOT_READINESS_NOT_READY;
}

/* ---- blocks ---- */

uint32_t moot_fetch_block_find(const struct moot_step *step, const struct moot_fetch *fetch,
                               const struct moot_digest *hash)
{
    for (uint32_t i = 0; i < fetch->blocks.count; i++) {
        const struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, i);
        if (moot_digest_equal(&block->hash, hash))
            return i;
    }
    return MOOT_ASK_MANIFEST;
}

void moot_fetch_block_set(struct moot_step *step, struct moot_fetch *fetch, uint32_t index,
                          enum moot_block_state state)
{
    struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, index);
    fetch->held -= block->state == MOOT_BLOCK_HELD ? 1 : 0;
    fetch->wanted -= block->state == MOOT_BLOCK_WANTED ? 1 : 0;
    block->state = (uint8_t)state;
    fetch->held += state == MOOT_BLOCK_HELD ? 1 : 0;
    fetch->wanted += state == MOOT_BLOCK_WANTED ? 1 : 0;
    MOOT_INVARIANT(fetch->held + fetch->wanted <= fetch->blocks.count);
}

/* ---- moves ---- */

uint64_t moot_fetch_pause(const struct moot_step *step, struct moot_fetch *fetch)
{
    uint64_t now_ms = step->engine->now_ms;
    if (now_ms < fetch->grown_ms)
        return fetch->pause_ms;
    fetch->pause_ms = fetch->pause_ms == 0 ? MOOT_BLOCK_PAUSE_MS_MIN : fetch->pause_ms * 2;
    if (fetch->pause_ms > MOOT_BLOCK_PAUSE_MS_MAX)
        fetch->pause_ms = MOOT_BLOCK_PAUSE_MS_MAX;
    fetch->grown_ms = now_ms + fetch->pause_ms;
    return fetch->pause_ms;
}

void moot_fetch_rest(const struct moot_step *step, struct moot_fetch *fetch)
{
    fetch->next_ms = step->engine->now_ms + moot_fetch_pause(step, fetch);
}

void moot_fetch_go(struct moot_fetch *fetch, enum moot_fetch_stage stage)
{
    fetch->stage = stage;
    fetch->job = 0; /* the result of one under way is not waited for any more */
}

void moot_fetch_reject(struct moot_step *step, struct moot_fetch *fetch, enum moot_status why)
{
    moot_ask_end_all(step, fetch);
    moot_list_clear(step->pool, &fetch->blocks);
    fetch->held = fetch->wanted = 0;
    fetch->reason = why;
    fetch->settled = true;
    moot_fetch_go(fetch, MOOT_FETCH_REJECTED);
}

/* Something is missing. A package that was found bad stays so until good bytes come. */
void moot_fetch_miss(struct moot_fetch *fetch)
{
    if (moot_fetch_readiness(fetch) != MOOT_READINESS_REJECTED)
        fetch->reason = MOOT_FETCHING;
    fetch->settled = true;
}

void moot_fetch_lack_space(const struct moot_step *step, struct moot_fetch *fetch)
{
    fetch->reason = MOOT_NO_SPACE;
    fetch->settled = true;
    moot_fetch_rest(step, fetch);
}

static void back_to_manifest(struct moot_step *step, struct moot_fetch *fetch)
{
    moot_ask_end_all(step, fetch);
    fetch->asking = false;
    moot_fetch_go(fetch, MOOT_FETCH_MANIFEST);
}

/* ---- jobs ---- */

static void start(struct moot_step *step, struct moot_fetch *fetch, enum moot_job_kind kind)
{
    struct moot_job_owner owner = {.key = fetch->proposal, .hash = fetch->manifest};
    if (fetch->job == 0)
        moot_step_job(step, kind, &fetch->manifest, moot_bytes_of(NULL, 0), &owner, &fetch->job);
}

void moot_fetch_check(struct moot_step *step, struct moot_fetch *fetch)
{
    if (fetch->stage != MOOT_FETCH_READY)
        return;
    moot_fetch_go(fetch, MOOT_FETCH_CHECK);
    start(step, fetch, MOOT_JOB_PACKAGE_CHECK);
}

/* A person may bring the package here in a file while no peer has it. */
static bool is_rescan_due(struct moot_step *step, struct moot_fetch *fetch)
{
    uint64_t now_ms = step->engine->now_ms;
    if (fetch->asks.count > 0)
        return false;
    if (now_ms < fetch->rescan_ms) {
        moot_step_wake(step, fetch->rescan_ms);
        return false;
    }
    fetch->rescan_ms = now_ms + MOOT_BLOCK_RESCAN_MS;
    return true;
}

void moot_fetch_step(struct moot_step *step, struct moot_fetch *fetch)
{
    moot_ask_expire(step, fetch);
    if (fetch->stage >= MOOT_FETCH_READY || fetch->job != 0)
        return;
    if (step->engine->now_ms < fetch->next_ms) {
        moot_step_wake(step, fetch->next_ms);
        return;
    }
    if (fetch->stage == MOOT_FETCH_BLOCKS && fetch->held == fetch->blocks.count)
        moot_fetch_go(fetch, MOOT_FETCH_CHECK);
    switch (fetch->stage) {
    case MOOT_FETCH_MANIFEST:
        if (is_rescan_due(step, fetch))
            fetch->asking = false;
        if (fetch->asking)
            moot_ask_manifest(step, fetch);
        else
            start(step, fetch, MOOT_JOB_MANIFEST_READ);
        break;
    case MOOT_FETCH_SCAN:
        start(step, fetch, MOOT_JOB_PACKAGE_SCAN);
        break;
    case MOOT_FETCH_BLOCKS:
        if (is_rescan_due(step, fetch)) {
            moot_fetch_go(fetch, MOOT_FETCH_SCAN);
            start(step, fetch, MOOT_JOB_PACKAGE_SCAN);
        } else {
            moot_ask_blocks(step, fetch);
        }
        break;
    case MOOT_FETCH_CHECK:
        start(step, fetch, MOOT_JOB_PACKAGE_CHECK);
        break;
    case MOOT_FETCH_READY:
    case MOOT_FETCH_REJECTED:
        break;
    }
}

/* ---- blocks of the package ---- */

static void become_ready(struct moot_fetch *fetch)
{
    fetch->reason = MOOT_OK;
    fetch->settled = true;
    fetch->pause_ms = fetch->grown_ms = 0;
    moot_fetch_go(fetch, MOOT_FETCH_READY);
}

static void scanned(struct moot_step *step, struct moot_fetch *fetch,
                    const struct moot_event *event)
{
    if (event->status == MOOT_BLOCK_MISSING || event->status == MOOT_BAD_MANIFEST) {
        back_to_manifest(step, fetch);
        return;
    }
    if (event->status != MOOT_OK || event->bytes.size != fetch->blocks.count) {
        moot_fetch_rest(step, fetch);
        return;
    }
    moot_ask_end_all(step, fetch);
    for (uint32_t i = 0; i < fetch->blocks.count; i++)
        moot_fetch_block_set(step, fetch, i,
                             event->bytes.data[i] != 0 ? MOOT_BLOCK_HELD : MOOT_BLOCK_WANTED);
    moot_fetch_go(fetch, MOOT_FETCH_BLOCKS);
    fetch->rescan_ms = step->engine->now_ms + MOOT_BLOCK_RESCAN_MS;
    if (fetch->wanted > 0)
        moot_fetch_miss(fetch);
    else if (fetch->in_force && fetch->said == MOOT_READINESS_READY && !fetch->settled)
        become_ready(fetch); /* after a restart: what was verified then is trusted until doubted */
}

/* A bad block: it is read again, which takes it away if it is damaged. True if that was started. */
static bool doubt_block(struct moot_step *step, struct moot_fetch *fetch, struct moot_bytes output)
{
    struct moot_digest bad;
    if (output.size != sizeof bad.b)
        return false;
    memcpy(bad.b, output.data, sizeof bad.b);
    fetch->job = moot_serve_recheck(step, &bad, &fetch->proposal);
    return fetch->job != 0;
}

static void checked(struct moot_step *step, struct moot_fetch *fetch,
                    const struct moot_event *event)
{
    enum moot_status status = event->status;
    if (status == MOOT_OK) {
        fetch->free_bytes = event->bytes.size == 8 ? moot_u64_get(event->bytes.data) : 0;
        fetch->checked_ms = step->engine->now_ms;
        become_ready(fetch);
    } else if (status == MOOT_BAD_PACKAGE) {
        moot_fetch_reject(step, fetch, MOOT_BAD_PACKAGE);
    } else if (status != MOOT_BAD_BLOCK || !doubt_block(step, fetch, event->bytes)) {
        if (status == MOOT_FETCHING)
            moot_fetch_go(fetch, MOOT_FETCH_SCAN);
        else if (status == MOOT_BLOCK_MISSING || status == MOOT_BAD_MANIFEST)
            back_to_manifest(step, fetch); /* our copy of it; the next read says what is wrong */
        moot_fetch_rest(step, fetch);
    }
}

bool moot_fetch_block_lost(struct moot_step *step, struct moot_fetch *fetch,
                           const struct moot_digest *hash, bool damaged)
{
    uint32_t index = moot_fetch_block_find(step, fetch, hash);
    if (index == MOOT_ASK_MANIFEST)
        return false;
    struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, index);
    if (block->state != MOOT_BLOCK_HELD)
        return false;
    block->damaged = block->damaged || damaged;
    moot_fetch_block_set(step, fetch, index, MOOT_BLOCK_WANTED);
    if (fetch->stage == MOOT_FETCH_CHECK || fetch->stage == MOOT_FETCH_READY)
        moot_fetch_go(fetch, MOOT_FETCH_BLOCKS);
    fetch->next_ms = 0;
    fetch->checked_ms = 0;
    moot_fetch_miss(fetch);
    return true;
}

void moot_fetch_block_good(struct moot_step *step, struct moot_fetch *fetch)
{
    if (fetch->stage != MOOT_FETCH_CHECK)
        return;
    moot_fetch_go(fetch, MOOT_FETCH_SCAN);
    moot_fetch_rest(step, fetch);
}

void moot_fetch_bytes(struct moot_step *step, struct moot_fetch *fetch, uint32_t ask_index,
                      struct moot_bytes bytes)
{
    struct moot_ask *ask = moot_list_at(step->pool, &fetch->asks, ask_index);
    struct moot_job_owner owner = {.key = fetch->proposal, .hash = fetch->manifest};
    uint32_t number;
    if (ask->block == MOOT_ASK_MANIFEST) {
        struct moot_digest hash;
        moot_manifest_hash(bytes, &hash);
        if (!moot_digest_equal(&hash, &fetch->manifest)) {
            struct moot_key peer = ask->peer;
            fetch->damaged = true;
            moot_ask_end(step, fetch, ask_index);
            moot_ask_strike(step, fetch, &peer, &fetch->manifest, MOOT_BAD_MANIFEST);
            return;
        }
        ask->writing = true;
        moot_step_job(step, MOOT_JOB_MANIFEST_WRITE, &fetch->manifest, bytes, &owner, &fetch->job);
        return;
    }
    const struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, ask->block);
    owner.hash = block->hash;
    ask->writing = true;
    moot_fetch_block_set(step, fetch, ask->block, MOOT_BLOCK_WRITING);
    moot_step_job(step, MOOT_JOB_BLOCK_WRITE, &owner.hash, bytes, &owner, &number);
}

static void block_written(struct moot_step *step, struct moot_fetch *fetch,
                          const struct moot_digest *hash, enum moot_status status)
{
    uint32_t index = moot_fetch_block_find(step, fetch, hash);
    if (index == MOOT_ASK_MANIFEST)
        return;
    int32_t ask_index = moot_ask_find(step, fetch, index, 0);
    struct moot_ask ask = {0};
    if (ask_index >= 0)
        ask = *(const struct moot_ask *)moot_list_at(step->pool, &fetch->asks, (uint32_t)ask_index);
    if (status == MOOT_OK) {
        struct moot_block *block = moot_list_at(step->pool, &fetch->blocks, index);
        block->damaged = false;
        moot_fetch_block_set(step, fetch, index, MOOT_BLOCK_HELD);
        fetch->pause_ms = fetch->grown_ms = 0;
        if (fetch->reason != MOOT_OK)
            fetch->reason = MOOT_FETCHING;
    }
    if (ask_index >= 0)
        moot_ask_end(step, fetch, (uint32_t)ask_index);
    if (status == MOOT_BAD_BLOCK && ask_index >= 0)
        moot_ask_strike(step, fetch, &ask.peer, hash, MOOT_BAD_BLOCK);
    else if (status == MOOT_NO_SPACE)
        moot_fetch_lack_space(step, fetch);
    else if (status != MOOT_OK)
        moot_fetch_rest(step, fetch);
}

void moot_fetch_job_done(struct moot_step *step, struct moot_fetch *fetch,
                         const struct moot_job_owner *owner, const struct moot_event *event)
{
    if (owner->kind == MOOT_JOB_BLOCK_WRITE) {
        block_written(step, fetch, &owner->hash, event->status);
        return;
    }
    if (event->job->number != fetch->job)
        return;
    fetch->job = 0;
    switch (owner->kind) {
    case MOOT_JOB_MANIFEST_READ:
        moot_fetch_manifest_read(step, fetch, event);
        break;
    case MOOT_JOB_MANIFEST_WRITE:
        moot_fetch_manifest_written(step, fetch, event);
        break;
    case MOOT_JOB_PACKAGE_SCAN:
        scanned(step, fetch, event);
        break;
    case MOOT_JOB_PACKAGE_CHECK:
        checked(step, fetch, event);
        break;
    case MOOT_JOB_REBUILD:
    case MOOT_JOB_IMAGE:
    case MOOT_JOB_VERIFY:
    case MOOT_JOB_BLOCK_READ:
    case MOOT_JOB_BLOCK_WRITE:
    case MOOT_JOB_BLOCK_RECHECK:
        break;
    }
}
