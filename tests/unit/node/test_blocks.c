/* The block store: what is put is there and right, what is altered on disk is found. */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "node/blocks.h"
#include "tests/lib/node/package_fixture.h"

#define DATA_BYTES 1000000 /* incompressible: 4 blocks */

static char *directory;
static struct moot_blocks *blocks;
static uint8_t buffer[MOOT_BLOCK_BYTES];

static int test_setup(void **state)
{
    (void)state;
    directory = test_tempdir_new();
    return directory != NULL && moot_blocks_open(directory, &blocks, NULL) == MOOT_OK ? 0 : -1;
}

static int test_teardown(void **state)
{
    (void)state;
    moot_blocks_close(blocks);
    test_tempdir_remove(directory);
    return 0;
}

static const char *shelf_path(const char *shelf, const struct moot_digest *hash)
{
    char hex[65], name[96];
    moot_hex_format(moot_digest_bytes(hash), hex);
    snprintf(name, sizeof name, "%s/%.2s/%s", shelf, hex, hex);
    return fixture_path(directory, name);
}

static struct moot_digest hash_of(const void *bytes, size_t size)
{
    struct moot_digest hash;
    moot_digest_of_bytes(NULL, moot_bytes_of(bytes, size), &hash);
    return hash;
}

static void byte_alter(const char *path, off_t at)
{
    uint8_t byte;
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

static struct moot_digest sample_import(void)
{
    struct moot_digest manifest;
    struct moot_error error;
    const char *package = fixture_package(directory, "sample", DATA_BYTES, 11);
    if (moot_blocks_import(blocks, package, &manifest, &error) != MOOT_OK)
        fail_msg("cannot import: %s", error.detail);
    return manifest;
}

static void a_block_put_is_there_after_opening_again(void **state)
{
    (void)state;
    size_t size = 0;
    struct moot_digest hash = hash_of("abc", 3);
    assert_false(moot_blocks_has(blocks, &hash, NULL));
    assert_int_equal(moot_blocks_get(blocks, &hash, buffer, &size, NULL), MOOT_BLOCK_MISSING);
    assert_int_equal(moot_blocks_put(blocks, &hash, moot_bytes_of("abc", 3), NULL), MOOT_OK);
    assert_int_equal(moot_blocks_put(blocks, &hash, moot_bytes_of("abc", 3), NULL), MOOT_OK);
    moot_blocks_close(blocks);
    test_file_write(fixture_path(directory, "blocks/new/.moot-new-1-1"), "half", 4);
    assert_int_equal(moot_blocks_open(directory, &blocks, NULL), MOOT_OK);
    assert_int_equal(access(fixture_path(directory, "blocks/new/.moot-new-1-1"), F_OK), -1);
    assert_true(moot_blocks_has(blocks, &hash, &size));
    assert_int_equal(size, 3);
    assert_int_equal(moot_blocks_get_checked(blocks, &hash, buffer, &size, NULL), MOOT_OK);
    assert_int_equal(size, 3);
    assert_memory_equal(buffer, "abc", 3);
    assert_int_equal(moot_blocks_remove(blocks, &hash, NULL), MOOT_OK);
    assert_int_equal(moot_blocks_remove(blocks, &hash, NULL), MOOT_OK);
    assert_false(moot_blocks_has(blocks, &hash, NULL));
}

static void wrong_empty_and_oversized_blocks_are_refused(void **state)
{
    (void)state;
    struct moot_digest hash = hash_of("abc", 3);
    struct moot_digest empty = hash_of("", 0);
    uint8_t *large = calloc(1, MOOT_BLOCK_BYTES + 1);
    assert_non_null(large);
    struct moot_digest whole = hash_of(large, MOOT_BLOCK_BYTES);
    struct moot_digest above = hash_of(large, MOOT_BLOCK_BYTES + 1);
    assert_int_equal(moot_blocks_put(blocks, &hash, moot_bytes_of("abd", 3), NULL), MOOT_BAD_BLOCK);
    assert_int_equal(moot_blocks_put(blocks, &empty, moot_bytes_of("", 0), NULL), MOOT_BAD_BLOCK);
    assert_int_equal(
        moot_blocks_put(blocks, &above, moot_bytes_of(large, MOOT_BLOCK_BYTES + 1), NULL),
        MOOT_OVERSIZED);
    assert_int_equal(moot_blocks_put(blocks, &whole, moot_bytes_of(large, MOOT_BLOCK_BYTES), NULL),
                     MOOT_OK);
    assert_false(moot_blocks_has(blocks, &hash, NULL));
    assert_false(moot_blocks_has(blocks, &empty, NULL));
    assert_false(moot_blocks_has(blocks, &above, NULL));
    free(large);
}

static void a_bad_block_on_disk_is_served_unverified_found_and_replaced(void **state)
{
    (void)state;
    size_t size = 0;
    struct moot_digest hash = hash_of("abc", 3);
    assert_int_equal(moot_blocks_put(blocks, &hash, moot_bytes_of("abc", 3), NULL), MOOT_OK);
    const char *path = shelf_path("blocks", &hash);
    static const size_t sizes[] = {0, 1, 3, 4, MOOT_BLOCK_BYTES + 1};
    uint8_t *zeros = calloc(1, MOOT_BLOCK_BYTES + 1);
    assert_non_null(zeros);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bool possible = sizes[i] > 0 && sizes[i] <= MOOT_BLOCK_BYTES;
        test_file_write(path, zeros, sizes[i]);
        assert_int_equal(moot_blocks_get(blocks, &hash, buffer, &size, NULL),
                         possible ? MOOT_OK : MOOT_BAD_BLOCK);
        assert_int_equal(moot_blocks_get_checked(blocks, &hash, buffer, &size, NULL),
                         MOOT_BAD_BLOCK);
        assert_int_equal(moot_blocks_put(blocks, &hash, moot_bytes_of("abc", 3), NULL), MOOT_OK);
        assert_int_equal(moot_blocks_get_checked(blocks, &hash, buffer, &size, NULL), MOOT_OK);
    }
    free(zeros);
    assert_int_equal(unlink(path), 0); /* a link planted for us is not followed */
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_false(moot_blocks_has(blocks, &hash, NULL));
    assert_int_equal(moot_blocks_get(blocks, &hash, buffer, &size, NULL), MOOT_FILE_IO);
    assert_int_equal(moot_blocks_put(blocks, &hash, moot_bytes_of("abc", 3), NULL), MOOT_OK);
    assert_int_equal(moot_blocks_get_checked(blocks, &hash, buffer, &size, NULL), MOOT_OK);
}

static void an_import_is_complete_and_unpacks(void **state)
{
    (void)state;
    struct moot_package_manifest *manifest;
    uint8_t bitmap[4];
    uint64_t held_bytes = 0;
    struct moot_digest hash = sample_import();
    assert_true(moot_blocks_manifest_has(blocks, &hash));
    assert_int_equal(moot_blocks_check(blocks, &hash, NULL, NULL), MOOT_OK);
    assert_int_equal(moot_blocks_manifest_get(blocks, &hash, &manifest, NULL), MOOT_OK);
    uint32_t count = manifest->manifest.distinct_count;
    assert_int_equal(count, 6); /* program, 4 of data, empty */
    assert_int_equal(moot_blocks_scan(blocks, &manifest->manifest, bitmap, &held_bytes), count);
    assert_int_equal(bitmap[0], 0x3f);
    assert_int_equal(held_bytes, manifest->manifest.packed_bytes);
    struct moot_blocks_reader reader = {.blocks = blocks, .manifest = &manifest->manifest};
    struct moot_package_source source = moot_blocks_source(&reader);
    const char *target = fixture_path(directory, "unpacked");
    assert_int_equal(moot_package_unpack(&manifest->manifest, &source, target, NULL), MOOT_OK);
    size_t size;
    uint8_t *data = test_file_read(fixture_path(target, "data"), DATA_BYTES, &size);
    uint8_t *original = test_file_read(fixture_path(directory, "sample/data"), DATA_BYTES, &size);
    assert_int_equal(size, DATA_BYTES);
    assert_memory_equal(data, original, size);
    free(data);
    free(original);
    moot_package_manifest_free(manifest);
    assert_int_equal(
        moot_blocks_import(blocks, fixture_path(directory, "sample.moot"), &hash, NULL),
        MOOT_OK); /* again: nothing to do, and fine */
}

static void scan_and_check_find_missing_and_altered_blocks(void **state)
{
    (void)state;
    struct moot_package_manifest *manifest;
    struct moot_digest bad;
    struct moot_digest hash = sample_import();
    assert_int_equal(moot_blocks_manifest_get(blocks, &hash, &manifest, NULL), MOOT_OK);
    for (uint32_t i = 0; i < manifest->manifest.distinct_count; i++) {
        size_t size;
        uint8_t bitmap[1];
        const struct moot_digest *block = moot_manifest_distinct(&manifest->manifest, i, &size);
        const char *path = shelf_path("blocks", block);
        off_t at = (off_t)(size * i / 6); /* somewhere else in each */
        byte_alter(path, at);
        assert_int_equal(moot_blocks_scan(blocks, &manifest->manifest, bitmap, NULL), 6);
        memset(&bad, 0, sizeof bad);
        assert_int_equal(moot_blocks_check(blocks, &hash, &bad, NULL), MOOT_BAD_BLOCK);
        assert_true(moot_digest_equal(&bad, block));
        byte_alter(path, at);

        size_t held;
        assert_int_equal(moot_blocks_get(blocks, block, buffer, &held, NULL), MOOT_OK);
        assert_int_equal(truncate(path, (off_t)size - 1), 0);
        assert_int_equal(moot_blocks_scan(blocks, &manifest->manifest, bitmap, NULL), 5);
        assert_int_equal(bitmap[0], 0x3f & ~(1 << i));
        assert_int_equal(moot_blocks_check(blocks, &hash, &bad, NULL), MOOT_BAD_BLOCK);
        assert_int_equal(moot_blocks_remove(blocks, block, NULL), MOOT_OK);
        assert_int_equal(moot_blocks_scan(blocks, &manifest->manifest, bitmap, NULL), 5);
        assert_int_equal(moot_blocks_check(blocks, &hash, &bad, NULL), MOOT_FETCHING);
        assert_int_equal(moot_blocks_put(blocks, block, moot_bytes_of(buffer, held), NULL),
                         MOOT_OK);
        assert_int_equal(moot_blocks_check(blocks, &hash, &bad, NULL), MOOT_OK);
    }
    moot_package_manifest_free(manifest);
}

static void missing_blocks_do_not_hide_a_bad_one(void **state)
{
    (void)state;
    struct moot_package_manifest *manifest;
    struct moot_digest bad;
    struct moot_digest hash = sample_import();
    assert_int_equal(moot_blocks_manifest_get(blocks, &hash, &manifest, NULL), MOOT_OK);
    const struct moot_digest *first = moot_manifest_distinct(&manifest->manifest, 0, NULL);
    const struct moot_digest *last = moot_manifest_distinct(&manifest->manifest, 5, NULL);
    assert_int_equal(moot_blocks_remove(blocks, first, NULL), MOOT_OK);
    byte_alter(shelf_path("blocks", last), 0);
    assert_int_equal(moot_blocks_check(blocks, &hash, &bad, NULL), MOOT_BAD_BLOCK);
    assert_true(moot_digest_equal(&bad, last));
    moot_package_manifest_free(manifest);
}

static void manifests_are_kept_whole_or_refused(void **state)
{
    (void)state;
    struct moot_package_manifest *manifest;
    struct moot_digest absent = {{1}};
    struct moot_digest hash = sample_import();
    assert_int_equal(moot_blocks_manifest_get(blocks, &absent, &manifest, NULL),
                     MOOT_BLOCK_MISSING);
    assert_int_equal(moot_blocks_check(blocks, &absent, NULL, NULL), MOOT_BLOCK_MISSING);
    const char *path = shelf_path("manifests", &hash);
    size_t size;
    uint8_t *bytes = test_file_read(path, MOOT_MANIFEST_BYTES_MAX, &size);
    assert_int_equal(moot_blocks_manifest_put(blocks, &absent, moot_bytes_of(bytes, size), NULL),
                     MOOT_BAD_MANIFEST);
    for (size_t at = 0; at < size; at += 7) {
        byte_alter(path, (off_t)at);
        assert_int_equal(moot_blocks_manifest_get(blocks, &hash, &manifest, NULL),
                         MOOT_BAD_MANIFEST);
        assert_int_equal(moot_blocks_check(blocks, &hash, NULL, NULL), MOOT_BAD_MANIFEST);
        byte_alter(path, (off_t)at);
    }
    bytes[size - 1] ^= 1;
    assert_int_equal(moot_blocks_manifest_put(blocks, NULL, moot_bytes_of(bytes, size), NULL),
                     MOOT_BAD_SIGNATURE);
    bytes[size - 1] ^= 1;
    assert_int_equal(moot_blocks_manifest_remove(blocks, &hash, NULL), MOOT_OK);
    assert_false(moot_blocks_manifest_has(blocks, &hash));
    assert_int_equal(moot_blocks_manifest_put(blocks, &hash, moot_bytes_of(bytes, size), NULL),
                     MOOT_OK);
    assert_int_equal(moot_blocks_check(blocks, &hash, NULL, NULL), MOOT_OK);
    free(bytes);
}

static void a_damaged_package_leaves_nothing_behind(void **state)
{
    (void)state;
    struct moot_digest hash;
    const char *path = fixture_package(directory, "sample", DATA_BYTES, 12);
    byte_alter(path, DATA_BYTES / 2);
    assert_int_equal(moot_blocks_import(blocks, path, &hash, NULL), MOOT_BAD_BLOCK);
    char command[TEST_PATH_MAX + 64];
    snprintf(command, sizeof command, "test -z \"$(find '%s/blocks' '%s/manifests' -type f)\"",
             directory, directory);
    assert_int_equal(system(command), 0);
}

/* Four threads that put, read and check the same blocks. */
static void *put_all(void *argument)
{
    uint8_t *own = malloc(MOOT_BLOCK_BYTES);
    uintptr_t failures = own == NULL;
    for (unsigned i = 0; i < 200 && own != NULL; i++) {
        uint8_t content[1000];
        size_t size = 0;
        memset(content, (int)(i % 50), sizeof content);
        struct moot_digest hash = hash_of(content, sizeof content);
        failures +=
            moot_blocks_put(blocks, &hash, moot_bytes_of(content, sizeof content), NULL) != MOOT_OK;
        failures += moot_blocks_get_checked(blocks, &hash, own, &size, NULL) != MOOT_OK;
        failures += size != sizeof content;
    }
    free(own);
    (void)argument;
    return (void *)failures;
}

static void threads_may_put_the_same_blocks_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_all, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failures;
        assert_int_equal(pthread_join(threads[i], &failures), 0);
        assert_null(failures);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_block_put_is_there_after_opening_again),
        TEST(wrong_empty_and_oversized_blocks_are_refused),
        TEST(a_bad_block_on_disk_is_served_unverified_found_and_replaced),
        TEST(an_import_is_complete_and_unpacks),
        TEST(scan_and_check_find_missing_and_altered_blocks),
        TEST(missing_blocks_do_not_hide_a_bad_one),
        TEST(manifests_are_kept_whole_or_refused),
        TEST(a_damaged_package_leaves_nothing_behind),
        TEST(threads_may_put_the_same_blocks_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
