/*
 * Snapshots and the writer fence: their part of GET /v1/status, GET /v1/snapshots, one of them, and its image.
 *
 * The image's happy path: a job on the thread pool checks every block and the whole hash against the certified
 * digest, then the bytes leave in order, read block by block as the client takes them. Failures: NOT_FOUND,
 * BLOCK_MISSING and BAD_BLOCK before the first byte; a block that goes bad in between cuts the answer short of
 * its length, so that nobody takes it for whole.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/api_internal.h"
#include "node/blocks.h"
#include "node/config_parse.h"

struct moot_api_image {
    struct moot_blocks *blocks;
    struct moot_digest index_hash, digest;
    uint64_t bytes;
    uint32_t count, at;              /* blocks; the next one */
    size_t used, size;               /* of `block` */
    uint8_t index[MOOT_BLOCK_BYTES]; /* hashes in order */
    uint8_t block[MOOT_BLOCK_BYTES];
};

/* ---- what the status says ---- */

static json_t *name_json(const struct moot_digest *proposal)
{
    char name[MOOT_PROPOSAL_NAME_BYTES];
    if (moot_digest_is_zero(proposal)) {
        return json_null();
    }
    moot_proposal_name(proposal, MOOT_BODY_SNAPSHOT, name);
    return json_string_nocheck(name);
}

static json_t *pending_json(struct moot_request *request)
{
    struct moot_digest pending = {{0}};
    return moot_view_snapshot_pending(moot_api_env(request), &pending) ? name_json(&pending)
                                                                       : json_null();
}

static json_t *fence_json(struct moot_request *request)
{
    struct moot_view_fence view;
    moot_view_fence(moot_api_env(request), moot_api_now(request), &view);
    json_t *fence = json_object();
    moot_json_put(fence, "active", json_boolean(view.up));
    moot_json_put(fence, "draining", json_boolean(view.draining));
    moot_json_put(fence, "proposal", view.up ? name_json(&view.proposal) : json_null());
    moot_json_put(fence, "holder",
                  view.up ? moot_json_name(moot_api_env(request), &view.holder) : json_null());
    moot_json_put(fence, "lease_left_s",
                  view.up ? moot_json_number((view.left_ms + 999) / 1000) : json_null());
    moot_json_put(fence, "queued", moot_json_number(view.queued));
    moot_json_put(fence, "queued_bytes", moot_json_number(view.queued_bytes));
    return fence;
}

void moot_api_put_snapshot(struct moot_request *request, json_t *answer)
{
    struct moot_view_snapshot *all = NULL;
    uint32_t count = moot_view_snapshots(moot_api_env(request), &request->api->arena, &all);
    const struct moot_view_snapshot *last = NULL;
    for (uint32_t i = 0; i < count; i++) {
        last = all[i].last ? &all[i] : last;
    }
    moot_json_put(answer, "fence", fence_json(request));
    json_t *snapshot = json_object();
    moot_json_put(snapshot, "last_epoch",
                  last != NULL ? moot_json_number(last->body.epoch) : json_null());
    moot_json_put(snapshot, "digest",
                  last != NULL ? moot_json_digest(&last->body.snapshot.state_digest) : json_null());
    moot_json_put(snapshot, "pending", pending_json(request));
    moot_json_put(answer, "snapshot", snapshot);
}

/* ---- lists ---- */

json_t *moot_api_snapshot_body_json(const struct moot_snapshot_body *body)
{
    json_t *snapshot = json_object();
    json_t *strata = json_array();
    for (uint32_t i = 0; i < MOOT_STRATA; i++) {
        moot_json_push(strata, moot_json_digest(&body->strata[i]));
    }
    moot_json_put(snapshot, "state_digest", moot_json_digest(&body->state_digest));
    moot_json_put(snapshot, "cut_root", moot_json_digest(&body->cut_root));
    moot_json_put(snapshot, "cut", moot_json_digest(&body->cut_hash));
    moot_json_put(snapshot, "image_bytes", moot_json_number(body->image_bytes));
    moot_json_put(snapshot, "index", moot_json_digest(&body->index));
    moot_json_put(snapshot, "previous",
                  body->follows ? moot_json_digest(&body->previous) : json_null());
    moot_json_put(snapshot, "strata", strata);
    return snapshot;
}

static json_t *snapshot_json(const struct moot_view_snapshot *view)
{
    json_t *snapshot = moot_api_snapshot_body_json(&view->body.snapshot);
    moot_json_put(snapshot, "id", json_string_nocheck(view->name));
    moot_json_put(snapshot, "hash", moot_json_digest(&view->proposal));
    moot_json_put(snapshot, "epoch", moot_json_number(view->body.epoch));
    moot_json_put(snapshot, "certificate", moot_json_digest(&view->certificate));
    moot_json_put(snapshot, "last", json_boolean(view->last));
    moot_json_put(snapshot, "base", json_boolean(view->base));
    moot_json_put(snapshot, "collected", json_boolean(view->collected));
    return snapshot;
}

enum moot_status moot_api_get_snapshots(struct moot_request *request)
{
    struct moot_view_snapshot *all = NULL;
    uint32_t count = moot_view_snapshots(moot_api_env(request), &request->api->arena, &all);
    json_t *snapshots = json_array();
    for (uint32_t i = 0; i < count; i++) {
        moot_json_push(snapshots, snapshot_json(&all[i]));
    }
    json_t *answer = request->answer = moot_json_answer("moot.snapshots/1");
    moot_json_put(answer, "snapshots", snapshots);
    moot_json_put(answer, "pending", pending_json(request));
    moot_json_put(answer, "collectable_facts",
                  moot_json_number(moot_view_collectable(moot_api_env(request))));
    return MOOT_OK;
}

/* ID: "last", an epoch, or a proposal. Of several in one epoch the newest. */
static enum moot_status find(struct moot_request *request, struct moot_view_snapshot *ret)
{
    struct moot_view_snapshot *all = NULL;
    const struct moot_view_snapshot *found = NULL;
    struct moot_bytes text = moot_bytes_of(request->argument, request->argument_size);
    bool last = moot_bytes_equal(text, moot_bytes_of_text("last"));
    uint64_t epoch = 0;
    bool by_epoch = !last && text.size < 10 && moot_config_count_parse(request->argument, &epoch);
    struct moot_digest id = {{0}};
    uint32_t count = moot_view_snapshots(moot_api_env(request), &request->api->arena, &all);
    if (!last && !by_epoch && moot_view_resolve(moot_api_env(request), text, &id) != MOOT_OK) {
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool fits = last       ? all[i].last
                    : by_epoch ? all[i].body.epoch == epoch
                               : moot_digest_equal(&all[i].proposal, &id);
        found = fits ? &all[i] : found;
    }
    if (found == NULL) {
        return moot_error_set(&request->error, MOOT_NOT_FOUND,
                              "no completed snapshot '%.40s': moot snapshot list names them",
                              request->argument);
    }
    *ret = *found;
    return MOOT_OK;
}

enum moot_status moot_api_get_snapshot(struct moot_request *request)
{
    struct moot_view_snapshot view;
    enum moot_status status = find(request, &view);
    if (status == MOOT_OK) {
        request->answer = snapshot_json(&view);
        moot_json_put(request->answer, "schema", json_string_nocheck("moot.snapshot/1"));
    }
    return status;
}

/* ---- the image ---- */

static struct moot_digest hash_at(const struct moot_api_image *image, uint32_t at)
{
    struct moot_digest hash;
    memcpy(hash.b, image->index + (size_t)32 * at, sizeof hash.b);
    return hash;
}

static enum moot_status next_block(struct moot_api_image *image, struct moot_error *error)
{
    struct moot_digest hash = hash_at(image, image->at);
    image->used = image->size = 0;
    enum moot_status status =
        moot_blocks_get_checked(image->blocks, &hash, image->block, &image->size, error);
    image->at += status == MOOT_OK ? 1 : 0;
    return status;
}

static enum moot_status check(struct moot_api_image *image, struct moot_error *error)
{
    struct moot_hasher hasher;
    struct moot_digest digest;
    uint64_t bytes = 0;
    size_t size = 0;
    enum moot_status status =
        moot_blocks_get_checked(image->blocks, &image->index_hash, image->index, &size, error);
    image->count = (uint32_t)(size / 32);
    moot_hasher_init(&hasher, NULL);
    while (status == MOOT_OK && image->at < image->count) {
        status = next_block(image, error);
        if (status == MOOT_OK) {
            moot_hasher_add(&hasher, moot_bytes_of(image->block, image->size));
            bytes += image->size;
        }
    }
    moot_hasher_finish(&hasher, &digest);
    if (status == MOOT_OK &&
        (bytes != image->bytes || !moot_digest_equal(&digest, &image->digest))) {
        status = moot_error_set(error, MOOT_BAD_BLOCK,
                                "the blocks are not the image that was certified");
    }
    image->at = 0;
    image->used = image->size = 0;
    return status;
}

/* On the thread pool: the loop touches nothing of the request until on_checked. */
static void check_work(uv_work_t *work)
{
    struct moot_request *request = work->data;
    request->error = (struct moot_error){0};
    request->status = check(request->image, &request->error);
}

static void on_checked(uv_work_t *work, int uv_status)
{
    (void)uv_status; /* never cancelled */
    struct moot_request *request = work->data;
    moot_api_finish(request, request->status);
}

enum moot_status moot_api_get_image(struct moot_request *request)
{
    struct moot_view_snapshot view;
    enum moot_status status = find(request, &view);
    if (status != MOOT_OK) {
        return status;
    }
    request->image = calloc(1, sizeof *request->image);
    if (request->image == NULL) {
        return MOOT_NO_MEMORY;
    }
    request->image->blocks = moot_shell_blocks(request->api->shell);
    request->image->index_hash = view.body.snapshot.index;
    request->image->digest = view.body.snapshot.state_digest;
    request->image->bytes = view.body.snapshot.image_bytes;
    request->work.data = request;
    if (uv_queue_work(request->api->loop, &request->work, check_work, on_checked) != 0) {
        return MOOT_NO_MEMORY;
    }
    request->phase = MOOT_API_JOB;
    return MOOT_OK;
}

uint64_t moot_api_image_bytes(const struct moot_request *request)
{
    return request->image->bytes;
}

ssize_t moot_api_image_read(void *context, uint64_t position, char *buffer, size_t size)
{
    (void)position; /* asked for in order */
    struct moot_request *request = context;
    struct moot_api_image *image = request->image;
    if (image->used == image->size) {
        if (image->at == image->count) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
        if (next_block(image, NULL) != MOOT_OK) {
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }
    size_t left = image->size - image->used;
    size_t part = left < size ? left : size;
    memcpy(buffer, image->block + image->used, part);
    image->used += part;
    return (ssize_t)part;
}

/* ---- proposing ---- */

enum moot_status moot_api_do_snapshot(struct moot_request *request)
{
    request->call.kind = MOOT_CALL_PROPOSE_SNAPSHOT;
    return MOOT_OK;
}
