/*
 * The manifest of a fetch: read here, or kept after a peer sent it; then the list of its blocks.
 *
 * What does not hash to the proposal's manifest hash is somebody's damage, and asked for elsewhere.
 * What hashes right and does not decode, or names another package, is what was proposed: rejected
 * for good.
 */
#include "crypto/base/contract.h"
#include "protocols/manifest.h"
#include "protocols/upgrade_fetch.h"

/* Is it the package that was proposed? */
static bool fits_proposal(const struct moot_step *step, const struct moot_fetch *fetch,
                          const struct moot_manifest *manifest)
{
    const struct moot_proposal *proposal =
        moot_state_proposal(&step->engine->state, step->pool, &fetch->proposal);
    struct moot_body body;
    return proposal &&
           moot_body_decode(moot_blob_get(step->pool, proposal->body), &body) == MOOT_OK &&
           moot_bytes_equal(body.upgrade.package_name, manifest->name) &&
           moot_bytes_equal(body.upgrade.to_version, manifest->version);
}

/* The distinct blocks, all wanted, in the order in which the manifest first uses them. */
static enum moot_status list_blocks(struct moot_step *step, struct moot_fetch *fetch,
                                    const struct moot_manifest *manifest,
                                    struct moot_arena *scratch)
{
    bool *seen = moot_arena_take_zeroed(scratch, manifest->distinct_count, sizeof *seen);
    if (!seen && manifest->distinct_count > 0)
        return MOOT_NO_MEMORY;
    moot_list_clear(step->pool, &fetch->blocks);
    fetch->blocks.item_size = sizeof(struct moot_block);
    fetch->held = fetch->wanted = 0;
    for (uint32_t i = 0; i < manifest->block_count; i++) {
        int32_t number = moot_manifest_find(manifest, &manifest->blocks[i]);
        MOOT_INVARIANT(number >= 0);
        if (seen[number])
            continue;
        seen[number] = true;
        struct moot_block *block = moot_list_add(step->pool, &fetch->blocks);
        if (!block)
            return MOOT_NO_MEMORY;
        block->hash = manifest->blocks[i];
        block->state = MOOT_BLOCK_WANTED;
        fetch->wanted++;
    }
    return MOOT_OK;
}

static void manifest_use(struct moot_step *step, struct moot_fetch *fetch, struct moot_bytes bytes)
{
    struct moot_arena scratch = *step->arena; /* nothing taken from it is kept */
    struct moot_manifest manifest;
    struct moot_digest hash;
    moot_manifest_hash(bytes, &hash);
    if (!moot_digest_equal(&hash, &fetch->manifest)) {
        fetch->damaged = fetch->asking = true;
        moot_fetch_miss(fetch);
        return;
    }
    enum moot_status status = moot_manifest_decode(bytes, &scratch, &manifest);
    if (status == MOOT_OK)
        status = fits_proposal(step, fetch, &manifest) ? MOOT_OK : MOOT_BAD_MANIFEST;
    if (status == MOOT_OK && manifest.protocol_min > step->engine->config.protocol_max) {
        moot_fetch_reject(step, fetch, MOOT_UNSUPPORTED);
        return;
    }
    if (status == MOOT_OK)
        status = list_blocks(step, fetch, &manifest, &scratch);
    if (status == MOOT_NO_MEMORY) {
        moot_fetch_rest(step, fetch);
    } else if (status != MOOT_OK) {
        moot_fetch_reject(step, fetch, MOOT_BAD_MANIFEST);
    } else {
        if (fetch->reason == MOOT_BAD_MANIFEST)
            fetch->reason = MOOT_FETCHING;
        fetch->damaged = false;
        moot_fetch_go(fetch, MOOT_FETCH_SCAN);
    }
}

void moot_fetch_manifest_read(struct moot_step *step, struct moot_fetch *fetch,
                              const struct moot_event *event)
{
    if (event->status == MOOT_OK) {
        manifest_use(step, fetch, event->bytes);
    } else if (event->status == MOOT_BLOCK_MISSING || event->status == MOOT_BAD_MANIFEST) {
        fetch->damaged = fetch->damaged || event->status == MOOT_BAD_MANIFEST;
        fetch->asking = true;
        moot_fetch_miss(fetch);
    } else {
        moot_fetch_rest(step, fetch);
    }
}

/* The bytes hash right: what is wrong with them now is the package's own fault. */
void moot_fetch_manifest_written(struct moot_step *step, struct moot_fetch *fetch,
                                 const struct moot_event *event)
{
    moot_ask_end_all(step, fetch);
    if (event->status == MOOT_OK) {
        fetch->asking = false;
        fetch->pause_ms = fetch->grown_ms = 0;
    } else if (event->status == MOOT_NO_SPACE) {
        moot_fetch_lack_space(step, fetch);
    } else if (moot_status_info(event->status)->blame == MOOT_BLAME_PEER ||
               event->status == MOOT_BAD_PATH) {
        moot_fetch_reject(step, fetch, MOOT_BAD_MANIFEST);
    } else {
        moot_fetch_rest(step, fetch);
    }
}

void moot_fetch_manifest_doubted(struct moot_step *step, struct moot_fetch *fetch, bool seen_here)
{
    /* Others read it anyway before they are ready; complaints cost one check a minute at most. */
    if (fetch->stage != MOOT_FETCH_READY ||
        (!seen_here && step->engine->now_ms < fetch->checked_ms + MOOT_BLOCK_IGNORE_MS_MIN))
        return;
    fetch->asking = false;
    moot_fetch_go(fetch, MOOT_FETCH_MANIFEST);
}
