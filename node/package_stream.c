/*
 * From blocks to plain content, one block at a time, with every check on the way.
 *
 * Happy path: each block is read, hashed and decompressed piece by piece into both content hashes and the
 * sink. Failures: the first wrong block (BAD_BLOCK); a blob that is not one zstd frame of exactly the
 * promised size and content (BAD_PACKAGE). More than the promised size stops at once: nothing past it is
 * hashed or passed on. Memory is bounded by the window limit, whatever a frame claims.
 */
#include "node/package.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "crypto/digest.h"
#include "node/package_internal.h"

/* What one reading needs; reused for all blobs of a package. */
struct stream {
    ZSTD_DCtx *zstd;
    uint8_t packed[MOOT_BLOCK_BYTES];
    uint8_t plain[MOOT_BLOCK_BYTES];
};

/* What is known of the blob under way. */
struct progress {
    const struct moot_manifest_file *file; /* the first with this content */
    const struct moot_package_sink *sink;
    uint64_t plain_bytes;
    bool frame_done;
    struct moot_hasher blake2b;
    crypto_hash_sha256_state sha256;
};

static enum moot_status stream_new(struct stream **ret, struct moot_error *error)
{
    struct stream *stream = malloc(sizeof *stream);
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    if (stream == NULL || zstd == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, MOOT_PACKAGE_WINDOW_LOG))) {
        free(stream);
        ZSTD_freeDCtx(zstd);
        return moot_error_set(error, MOOT_NO_MEMORY, "no memory to decompress");
    }
    stream->zstd = zstd;
    *ret = stream;
    return MOOT_OK;
}

static void stream_free(struct stream *stream)
{
    ZSTD_freeDCtx(stream->zstd);
    free(stream);
}

static enum moot_status wrong(struct moot_error *error, const struct moot_manifest_file *file,
                              const char *what)
{
    return moot_error_set(error, MOOT_BAD_PACKAGE, "%.*s: %s",
                          file->path.size > 100 ? 100 : (int)file->path.size,
                          (const char *)file->path.data, what);
}

static enum moot_status plain_take(struct progress *progress, struct moot_bytes plain,
                                   struct moot_error *error)
{
    if (plain.size > progress->file->size_bytes - progress->plain_bytes)
        return wrong(error, progress->file, "unpacks to more than its size");
    progress->plain_bytes += plain.size;
    moot_hasher_add(&progress->blake2b, plain);
    crypto_hash_sha256_update(&progress->sha256, plain.data, plain.size);
    if (progress->sink == NULL || plain.size == 0)
        return MOOT_OK;
    return progress->sink->write(progress->sink->context, plain, error);
}

static enum moot_status block_unpack(struct stream *stream, struct progress *progress, size_t size,
                                     struct moot_error *error)
{
    ZSTD_inBuffer in = {.src = stream->packed, .size = size};
    bool full = false;
    while (in.pos < in.size || full) {
        if (progress->frame_done)
            return wrong(error, progress->file, "bytes follow its compressed content");
        ZSTD_outBuffer out = {.dst = stream->plain, .size = sizeof stream->plain};
        size_t result = ZSTD_decompressStream(stream->zstd, &out, &in);
        if (ZSTD_isError(result)) {
            if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
                return moot_error_set(error, MOOT_NO_MEMORY, "no memory to decompress");
            return wrong(error, progress->file, ZSTD_getErrorName(result));
        }
        enum moot_status status =
            plain_take(progress, moot_bytes_of(stream->plain, out.pos), error);
        if (status != MOOT_OK)
            return status;
        progress->frame_done = result == 0;
        full = !progress->frame_done && out.pos == out.size; /* zstd may hold more back */
    }
    return MOOT_OK;
}

static enum moot_status content_judge(struct progress *progress, struct moot_error *error)
{
    const struct moot_manifest_file *file = progress->file;
    struct moot_digest blake2b;
    uint8_t sha256[crypto_hash_sha256_BYTES];
    if (!progress->frame_done || progress->plain_bytes != file->size_bytes)
        return wrong(error, file, "unpacks to less than its size");
    moot_hasher_finish(&progress->blake2b, &blake2b);
    crypto_hash_sha256_final(&progress->sha256, sha256);
    if (!moot_digest_equal(&blake2b, &file->blake2b))
        return wrong(error, file, "content does not match its BLAKE2b hash");
    if (memcmp(sha256, file->sha256, sizeof sha256) != 0)
        return wrong(error, file, "content does not match its SHA-256 hash");
    return MOOT_OK;
}

enum moot_status moot_package_block_judge(const struct moot_manifest *manifest, uint32_t index,
                                          struct moot_bytes bytes, struct moot_error *error)
{
    struct moot_digest hash;
    if (bytes.size == moot_manifest_block_size(manifest, index)) {
        moot_digest_of_bytes(NULL, bytes, &hash);
        if (moot_digest_equal(&hash, &manifest->blocks[index]))
            return MOOT_OK;
    }
    return moot_error_set(error, MOOT_BAD_BLOCK, "block %u of %u", (unsigned)index,
                          (unsigned)manifest->block_count);
}

static enum moot_status blob_read(struct stream *stream, const struct moot_manifest *manifest,
                                  uint32_t index, const struct moot_package_source *source,
                                  const struct moot_package_sink *sink, uint32_t *ret_bad,
                                  struct moot_error *error)
{
    const struct moot_manifest_blob *blob = &manifest->blobs[index];
    struct progress progress = {.file = &manifest->files[blob->file_first], .sink = sink};
    moot_hasher_init(&progress.blake2b, NULL);
    crypto_hash_sha256_init(&progress.sha256);
    (void)ZSTD_DCtx_reset(stream->zstd, ZSTD_reset_session_only);
    for (uint32_t i = 0; i < blob->block_count; i++) {
        uint32_t number = blob->block_first + i;
        size_t size = 0;
        enum moot_status status =
            source->read(source->context, number, stream->packed, &size, error);
        if (status == MOOT_OK)
            status = moot_package_block_judge(manifest, number, moot_bytes_of(stream->packed, size),
                                              error);
        if (status == MOOT_BAD_BLOCK && ret_bad != NULL)
            *ret_bad = number;
        if (status == MOOT_OK)
            status = block_unpack(stream, &progress, size, error);
        if (status != MOOT_OK)
            return status;
    }
    return content_judge(&progress, error);
}

enum moot_status moot_package_blob(const struct moot_manifest *manifest, uint32_t blob,
                                   const struct moot_package_source *source,
                                   const struct moot_package_sink *sink, uint32_t *ret_bad,
                                   struct moot_error *error)
{
    struct stream *stream;
    enum moot_status status = stream_new(&stream, error);
    if (status != MOOT_OK)
        return status;
    status = blob_read(stream, manifest, blob, source, sink, ret_bad, error);
    stream_free(stream);
    return status;
}

enum moot_status moot_package_check(const struct moot_manifest *manifest,
                                    const struct moot_package_source *source, uint32_t *ret_bad,
                                    struct moot_error *error)
{
    struct stream *stream;
    enum moot_status status = stream_new(&stream, error);
    if (status != MOOT_OK)
        return status;
    for (uint32_t i = 0; i < manifest->blob_count && status == MOOT_OK; i++)
        status = blob_read(stream, manifest, i, source, NULL, ret_bad, error);
    stream_free(stream);
    return status;
}
