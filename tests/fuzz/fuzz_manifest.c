/*
 * The manifest decoder: any bytes get an answer; what decodes encodes to the same bytes again and answers
 * every question in range. Inputs are tried as they are, then signed anew with the corpus' own key, so that
 * mutations get past the signature.
 */
#include "protocols/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "tests/fuzz/fuzz.h"

#define SIGNATURE_BYTES 64
#define SIGNATURE_ENCODED_BYTES 66

static uint8_t memory[MOOT_MANIFEST_ARENA_BYTES];
static uint8_t again_memory[MOOT_MANIFEST_BYTES_MAX + MOOT_MANIFEST_ARENA_BYTES];

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static void questions(const struct moot_manifest *manifest)
{
    uint64_t packed_bytes = 0;
    uint64_t plain_bytes = 0;
    for (uint32_t i = 0; i < manifest->block_count; i++) {
        size_t size = moot_manifest_block_size(manifest, i);
        demand(size > 0 && size <= MOOT_BLOCK_BYTES);
        packed_bytes += size;
        int32_t number = moot_manifest_find(manifest, &manifest->blocks[i]);
        demand(number >= 0 && (uint32_t)number < manifest->distinct_count);
    }
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        const struct moot_manifest_file *file = &manifest->files[i];
        demand(moot_manifest_path_valid(file->path) && file->blob < manifest->blob_count);
        demand(moot_manifest_file(manifest, file->path) == file);
        plain_bytes += file->size_bytes;
    }
    demand(packed_bytes == manifest->packed_bytes && plain_bytes == manifest->plain_bytes);
    demand(strlen(moot_release_channel_format(manifest->channel)) > 0);
    demand(moot_version_compare(manifest->version, manifest->version) == 0);
}

static enum moot_status one(struct moot_bytes bytes, const struct moot_identity *key)
{
    struct moot_arena arena;
    struct moot_manifest manifest;
    moot_arena_init(&arena, memory, sizeof memory);
    enum moot_status status = moot_manifest_decode(bytes, &arena, &manifest);
    demand(status == MOOT_OK || status == MOOT_BAD_MANIFEST || status == MOOT_BAD_PATH ||
           status == MOOT_BAD_SIGNATURE || status == MOOT_OVERSIZED);
    if (status != MOOT_OK || !moot_key_equal(&manifest.release_key, &key->key))
        return status;
    questions(&manifest);
    struct moot_bytes again;
    moot_arena_init(&arena, again_memory, sizeof again_memory);
    demand(moot_manifest_encode(&manifest, key, &arena, &again) == MOOT_OK);
    demand(moot_bytes_equal(bytes, again));
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = {7};
    struct moot_identity key;
    demand(moot_crypto_init());
    moot_identity_init(&key, seed);
    if (one(moot_bytes_of(data, size), &key) == MOOT_BAD_SIGNATURE) {
        uint8_t *copy = malloc(size); /* it decoded, so it ends in a signature */
        struct moot_digest hash;
        struct moot_signature signature;
        demand(copy != NULL && size > SIGNATURE_ENCODED_BYTES);
        memcpy(copy, data, size);
        moot_digest_of_bytes("moot/manifest-body/1",
                             moot_bytes_of(data, size - SIGNATURE_ENCODED_BYTES), &hash);
        moot_identity_sign(&key, "moot/release/1", moot_digest_bytes(&hash), &signature);
        memcpy(copy + size - SIGNATURE_BYTES, signature.b, SIGNATURE_BYTES);
        (void)one(moot_bytes_of(copy, size), &key);
        free(copy);
    }
    return 0;
}
