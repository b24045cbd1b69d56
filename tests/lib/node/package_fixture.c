/*
 * Releases on disk for tests: a happy one built by the library, and one put together by hand so that a
 * hostile release key's owner can be played. Anything unexpected fails the test that called.
 */
#include "tests/lib/node/package_fixture.h"

#include <errno.h>
#include <sodium.h>
#include <sys/stat.h>

#include "crypto/digest.h"

const char *fixture_path(const char *directory, const char *name)
{
    static char paths[32][TEST_PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 32];
    int length = snprintf(path, TEST_PATH_MAX, "%s/%s", directory, name);
    assert_true(length > 0 && (unsigned)length < TEST_PATH_MAX);
    return path;
}

void fixture_file(const char *directory, const char *path, const void *bytes, size_t size,
                  unsigned mode)
{
    char full[TEST_PATH_MAX];
    int length = snprintf(full, sizeof full, "%s/%s", directory, path);
    assert_true(length > 0 && (unsigned)length < sizeof full);
    for (char *at = full + strlen(directory) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
        *at = '/';
    }
    test_file_write(full, bytes, size);
    assert_int_equal(chmod(full, mode), 0);
}

const char *fixture_release(const char *directory, const char *name, size_t data_size,
                            uint64_t seed)
{
    const char *release = fixture_path(directory, name);
    struct test_random random = test_random_seeded(seed);
    uint8_t *data = malloc(data_size + 1);
    assert_non_null(data);
    test_random_bytes(&random, data, data_size);
    assert_int_equal(mkdir(release, 0755), 0);
    fixture_file(release, "bin/program", "#!/bin/sh\nexit 0\n", 17, 0755);
    fixture_file(release, "share/twin", "#!/bin/sh\nexit 0\n", 17, 0644);
    fixture_file(release, "empty", "", 0, 0600);
    fixture_file(release, "data", data, data_size, 0640);
    free(data);
    return release;
}

struct moot_package_options fixture_options(const char *directory)
{
    return (struct moot_package_options){.name = "sample",
                                         .version = "1.2.3",
                                         .key_file = fixture_path(directory, "release.key"),
                                         .zstd_level = 1};
}

const char *fixture_package(const char *directory, const char *name, size_t data_size,
                            uint64_t seed)
{
    char file[256];
    struct moot_error error;
    snprintf(file, sizeof file, "%s.moot", name);
    const char *release = fixture_release(directory, name, data_size, seed);
    struct moot_package_options options = fixture_options(directory);
    const char *output = fixture_path(directory, file);
    if (moot_package_build(release, &options, output, NULL, &error) != MOOT_OK)
        fail_msg("cannot build: %s", error.detail);
    return output;
}

void fixture_package_by_hand(const char *path, const void *blob, size_t blob_size,
                             uint64_t plain_bytes, const void *hashed, size_t hashed_size)
{
    static const uint8_t seed[32] = {9};
    size_t block_count = (blob_size + MOOT_BLOCK_BYTES - 1) / MOOT_BLOCK_BYTES;
    struct moot_digest *blocks = calloc(block_count, sizeof *blocks);
    size_t memory_size = MOOT_MANIFEST_BYTES_MAX + MOOT_MANIFEST_ARENA_BYTES;
    uint8_t *memory = malloc(memory_size);
    uint8_t *file = malloc(MOOT_PACKAGE_HEAD_BYTES + MOOT_MANIFEST_BYTES_MAX + blob_size);
    assert_true(moot_crypto_init() && blocks != NULL && memory != NULL && file != NULL);
    for (size_t i = 0; i < block_count; i++) {
        size_t at = i * MOOT_BLOCK_BYTES;
        size_t size = blob_size - at < MOOT_BLOCK_BYTES ? blob_size - at : MOOT_BLOCK_BYTES;
        moot_digest_of_bytes(NULL, moot_bytes_of((const uint8_t *)blob + at, size), &blocks[i]);
    }
    struct moot_manifest_file one = {
        .path = moot_bytes_of_text("f"), .mode = MOOT_MODE_FILE, .size_bytes = plain_bytes};
    moot_digest_of_bytes(NULL, moot_bytes_of(hashed, hashed_size), &one.blake2b);
    crypto_hash_sha256(one.sha256, hashed, hashed_size);
    struct moot_manifest_blob whole = {.packed_bytes = blob_size,
                                       .plain_bytes = plain_bytes,
                                       .block_count = (uint32_t)block_count};
    struct moot_manifest manifest = {.name = moot_bytes_of_text("hostile"),
                                     .version = moot_bytes_of_text("1.0.0"),
                                     .platform = moot_bytes_of_text("any"),
                                     .channel = MOOT_RELEASE_STABLE,
                                     .protocol_min = 1,
                                     .protocol_max = 1,
                                     .file_count = 1,
                                     .blob_count = 1,
                                     .block_count = (uint32_t)block_count,
                                     .files = &one,
                                     .blobs = &whole,
                                     .blocks = blocks};
    struct moot_identity key;
    struct moot_arena arena;
    struct moot_bytes bytes;
    moot_identity_init(&key, seed);
    moot_arena_init(&arena, memory, memory_size);
    assert_int_equal(moot_manifest_encode(&manifest, &key, &arena, &bytes), MOOT_OK);
    memcpy(file, MOOT_PACKAGE_MAGIC, 8);
    moot_u32_put(file + 8, (uint32_t)bytes.size);
    memcpy(file + MOOT_PACKAGE_HEAD_BYTES, bytes.data, bytes.size);
    memcpy(file + MOOT_PACKAGE_HEAD_BYTES + bytes.size, blob, blob_size);
    test_file_write(path, file, MOOT_PACKAGE_HEAD_BYTES + bytes.size + blob_size);
    free(blocks);
    free(memory);
    free(file);
}
