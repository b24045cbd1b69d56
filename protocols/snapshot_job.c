/*
 * The snapshot's two jobs: pure but for the host they are handed, so that they may run on any thread.
 *
 *   REBUILD  input: array[3]: cut bin, base cut bin (empty: from the founding), base index hash bin32 | nil
 *            output: struct moot_rebuilt; the image's blocks and its index are in the block store
 *   IMAGE    input: array[2]: index hash, image bytes       output: the image, every block checked
 *
 * Failures: GAP or BLOCK_MISSING (something is not here), CHAIN_FORKED, WRONG_TIMELINE, BAD_VALUE, VOID_* (the
 * cut is not one to sign), OVERSIZED, NO_SPACE, STORE_DAMAGED, NO_MEMORY.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "journal/rebuild.h"
#include "protocols/snapshot.h"

#define INDEX_BLOCKS_MAX (MOOT_BLOCK_BYTES / 32)

/* ---- an image out of blocks ---- */

struct block_source {
    const struct moot_job_host *host;
    uint8_t *buffer; /* MOOT_BLOCK_BYTES */
    uint8_t *index;  /* hashes */
    size_t count, at;
};

static enum moot_status source_open(struct block_source *source, const struct moot_job_host *host,
                                    const struct moot_digest *index, struct moot_arena *arena)
{
    size_t size = 0;
    source->host = host;
    source->buffer = moot_arena_take(arena, MOOT_BLOCK_BYTES);
    source->index = moot_arena_take(arena, MOOT_BLOCK_BYTES);
    if (!source->buffer || !source->index)
        return MOOT_NO_MEMORY;
    enum moot_status status = host->block_get(host->blocks, index, source->index, &size);
    if (status == MOOT_OK && (size == 0 || size % 32 != 0))
        status = MOOT_BAD_VALUE;
    source->count = size / 32;
    source->at = 0;
    return status;
}

static enum moot_status source_next(void *context, struct moot_bytes *ret)
{
    struct block_source *source = context;
    struct moot_digest hash;
    size_t size = 0;
    *ret = moot_bytes_of(NULL, 0);
    if (source->at == source->count)
        return MOOT_OK;
    memcpy(hash.b, source->index + 32 * source->at, 32);
    enum moot_status status =
        source->host->block_get(source->host->blocks, &hash, source->buffer, &size);
    if (status != MOOT_OK)
        return status;
    source->at++;
    *ret = moot_bytes_of(source->buffer, size);
    return MOOT_OK;
}

/* ---- an image into blocks ---- */

struct block_sink {
    const struct moot_job_host *host;
    uint8_t *buffer; /* MOOT_BLOCK_BYTES, filled up to `used` */
    size_t used;
    uint8_t *index;
    size_t count;
    uint64_t bytes;
    struct moot_hasher hasher;
    enum moot_status status;
};

static void sink_block(struct block_sink *sink)
{
    struct moot_bytes block = moot_bytes_of(sink->buffer, sink->used);
    struct moot_digest hash;
    if (sink->status != MOOT_OK || sink->used == 0)
        return;
    if (sink->count == INDEX_BLOCKS_MAX) {
        sink->status = MOOT_OVERSIZED;
        return;
    }
    moot_digest_of_bytes(NULL, block, &hash);
    sink->status = sink->host->block_put(sink->host->blocks, &hash, block);
    memcpy(sink->index + 32 * sink->count++, hash.b, 32);
    sink->used = 0;
}

static void sink_write(void *context, struct moot_bytes bytes)
{
    struct block_sink *sink = context;
    moot_hasher_add(&sink->hasher, bytes);
    sink->bytes += bytes.size;
    while (bytes.size > 0 && sink->status == MOOT_OK) {
        size_t room = MOOT_BLOCK_BYTES - sink->used;
        size_t take = bytes.size < room ? bytes.size : room;
        memcpy(sink->buffer + sink->used, bytes.data, take);
        sink->used += take;
        bytes = moot_bytes_of(bytes.data + take, bytes.size - take);
        if (sink->used == MOOT_BLOCK_BYTES)
            sink_block(sink);
    }
}

static enum moot_status write_image(const struct moot_state *state, const struct moot_pool *pool,
                                    const struct moot_job_host *host, struct moot_arena *arena,
                                    struct moot_rebuilt *ret)
{
    struct block_sink sink = {.host = host};
    struct moot_sink image = {.context = &sink, .write = sink_write};
    sink.buffer = moot_arena_take(arena, MOOT_BLOCK_BYTES);
    sink.index = moot_arena_take(arena, MOOT_BLOCK_BYTES);
    if (!sink.buffer || !sink.index)
        return MOOT_NO_MEMORY;
    moot_hasher_init(&sink.hasher, NULL);
    moot_image_write(state, pool, &image);
    sink_block(&sink);
    moot_hasher_finish(&sink.hasher, &ret->digest);
    ret->image_bytes = sink.bytes;
    if (sink.status == MOOT_OK && sink.bytes > MOOT_IMAGE_BYTES_MAX)
        sink.status = MOOT_OVERSIZED;
    if (sink.status != MOOT_OK)
        return sink.status;
    struct moot_bytes index = moot_bytes_of(sink.index, 32 * sink.count);
    moot_digest_of_bytes(NULL, index, &ret->index);
    return host->block_put(host->blocks, &ret->index, index);
}

/* ---- the jobs ---- */

enum moot_status moot_job_rebuild(const struct moot_job *job, const struct moot_job_host *host,
                                  struct moot_arena *arena, struct moot_bytes *ret_output)
{
    struct moot_cursor cursor;
    struct moot_digest base_index = {{0}};
    struct moot_cut cut;
    struct moot_state state;
    struct moot_rebuild_report report;
    struct moot_cut_fault fault;
    struct block_source source;
    struct moot_image_source image = {.context = &source, .next = source_next};
    moot_cursor_init(&cursor, job->input);
    moot_read_array(&cursor, 2);
    struct moot_bytes cut_bytes = moot_read_bin(&cursor, MOOT_BLOCK_BYTES);
    bool from_founding = moot_read_nil_if(&cursor);
    if (!from_founding)
        moot_read_digest(&cursor, &base_index);
    enum moot_status status = moot_cursor_finish(&cursor);
    MOOT_REQUIRE(status == MOOT_OK); /* the engine made it */
    status = moot_cut_decode(cut_bytes, &cut);
    if (status == MOOT_OK && !from_founding)
        status = source_open(&source, host, &base_index, arena);
    moot_state_init(&state);
    if (status == MOOT_OK)
        status = moot_state_at_cut(&state, host->pool, host->store, from_founding ? NULL : &image,
                                   &cut, &report);
    if (status == MOOT_OK)
        status = moot_cut_check(&state, host->pool, &fault);
    struct moot_rebuilt *rebuilt = moot_arena_take_zeroed(arena, 1, sizeof *rebuilt);
    if (status == MOOT_OK && !rebuilt)
        status = MOOT_NO_MEMORY;
    if (status == MOOT_OK)
        status = write_image(&state, host->pool, host, arena, rebuilt);
    if (status != MOOT_OK)
        return status;
    moot_frontier_root(&state, host->pool, &rebuilt->root);
    moot_strata_digests(&state, host->pool, rebuilt->strata);
    *ret_output = moot_bytes_of(rebuilt, sizeof *rebuilt);
    return MOOT_OK;
}

static void read_image_input(const struct moot_job *job, struct moot_digest *ret_index,
                             uint64_t *ret_bytes)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, job->input);
    moot_read_array(&cursor, 2);
    moot_read_digest(&cursor, ret_index);
    *ret_bytes = moot_read_uint(&cursor, MOOT_IMAGE_BYTES_MAX);
    enum moot_status status = moot_cursor_finish(&cursor);
    MOOT_REQUIRE(status == MOOT_OK);
}

uint64_t moot_job_image_bytes(const struct moot_job *job)
{
    struct moot_digest index;
    uint64_t bytes;
    read_image_input(job, &index, &bytes);
    return bytes;
}

enum moot_status moot_job_image(const struct moot_job *job, const struct moot_job_host *host,
                                struct moot_arena *arena, struct moot_bytes *ret_output)
{
    struct block_source source;
    struct moot_digest index;
    uint64_t size, used = 0;
    read_image_input(job, &index, &size);
    uint8_t *image = moot_arena_take(arena, (size_t)size);
    if (!image)
        return MOOT_NO_MEMORY;
    enum moot_status status = source_open(&source, host, &index, arena);
    while (status == MOOT_OK) {
        struct moot_bytes piece;
        status = source_next(&source, &piece);
        if (status != MOOT_OK || piece.size == 0)
            break;
        if (piece.size > size - used)
            return MOOT_OVERSIZED;
        memcpy(image + used, piece.data, piece.size);
        used += piece.size;
    }
    if (status == MOOT_OK && used != size)
        status = MOOT_TRUNCATED;
    *ret_output = moot_bytes_of(image, status == MOOT_OK ? (size_t)size : 0);
    return status;
}
