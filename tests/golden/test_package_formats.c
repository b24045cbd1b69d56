/* docs/FORMATS.md on packages is true: the examples verify, and the code makes the same bytes. */
#include "tests/lib/test.h"

#include "crypto/digest.h"
#include "node/package.h"
#include "tests/lib/formats.h"

#define SCRATCH_BYTES (MOOT_MANIFEST_BYTES_MAX + MOOT_MANIFEST_ARENA_BYTES)

static uint8_t manifest_bytes[1024];

static struct moot_bytes manifest_example(void)
{
    size_t size = test_formats_example("manifest-1", manifest_bytes, sizeof manifest_bytes);
    return moot_bytes_of(manifest_bytes, size);
}

static struct moot_identity author(void)
{
    struct moot_identity identity;
    uint8_t seed[32];
    assert_true(moot_crypto_init());
    memset(seed, 1, sizeof seed);
    moot_identity_init(&identity, seed);
    return identity;
}

static void the_manifest_example_decodes_and_encodes_to_itself(void **state)
{
    (void)state;
    struct moot_identity key = author();
    struct moot_package_manifest *held;
    assert_int_equal(moot_package_manifest_new(manifest_example(), &held, NULL), MOOT_OK);
    const struct moot_manifest *manifest = &held->manifest;
    assert_true(moot_bytes_equal(manifest->name, moot_bytes_of_text("hello")));
    assert_true(moot_bytes_equal(manifest->files[0].path, moot_bytes_of_text("bin/hello")));
    assert_true(moot_key_equal(&manifest->release_key, &key.key));
    uint8_t hash[32];
    assert_int_equal(test_formats_example("manifest-1-hash", hash, sizeof hash), 32);
    assert_memory_equal(held->hash.b, hash, 32);
    uint8_t *scratch = malloc(SCRATCH_BYTES);
    assert_non_null(scratch);
    struct moot_arena arena;
    struct moot_bytes again;
    moot_arena_init(&arena, scratch, SCRATCH_BYTES);
    assert_int_equal(moot_manifest_encode(manifest, &key, &arena, &again), MOOT_OK);
    assert_true(moot_bytes_equal(again, held->bytes));
    free(scratch);
    moot_package_manifest_free(held);
}

static void the_signature_is_over_what_the_page_says(void **state)
{
    (void)state;
    uint8_t signed_bytes[64];
    struct moot_signature signature;
    struct moot_identity key = author();
    struct moot_bytes manifest = manifest_example();
    size_t size = test_formats_example("manifest-1-signed", signed_bytes, sizeof signed_bytes);
    memcpy(signature.b, manifest.data + manifest.size - 64, 64);
    assert_true(
        moot_identity_verify(&key.key, NULL, moot_bytes_of(signed_bytes, size), &signature));
}

static void the_package_example_verifies(void **state)
{
    (void)state;
    uint8_t file[2048];
    char path[TEST_PATH_MAX];
    char *directory = test_tempdir_new();
    struct moot_bytes manifest = manifest_example();
    size_t size = test_formats_example("package-1-head", file, sizeof file);
    assert_int_equal(size, MOOT_PACKAGE_HEAD_BYTES);
    memcpy(file + size, manifest.data, manifest.size);
    size += manifest.size;
    size += test_formats_example("package-1-blob", file + size, sizeof file - size);
    snprintf(path, sizeof path, "%s/hello.moot", directory);
    test_file_write(path, file, size);
    assert_int_equal(moot_package_verify(path, NULL), MOOT_OK);
    test_tempdir_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manifest_example_decodes_and_encodes_to_itself),
        cmocka_unit_test(the_signature_is_over_what_the_page_says),
        cmocka_unit_test(the_package_example_verifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
