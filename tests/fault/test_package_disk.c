/*
 * Packages and blocks on a disk that is full, and files that change while they are read (threat 13).
 * The full disk is a tmpfs in a mount namespace of this process; without the right to make one the tests
 * are skipped and say so.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "node/blocks.h"
#include "tests/lib/node/package_fixture.h"

#define DISK_BYTES (2u << 20)
#define SWAPS_MIN 100000u

static char *directory;

static int test_setup(void **state)
{
    (void)state;
    directory = test_tempdir_new();
    return directory == NULL ? -1 : 0;
}

static int test_teardown(void **state)
{
    (void)state;
    (void)umount2(fixture_path(directory, "disk"), MNT_DETACH);
    test_tempdir_remove(directory);
    return 0;
}

/* A disk of DISK_BYTES at DIRECTORY/disk, seen by this process alone. */
static const char *small_disk(void)
{
    const char *disk = fixture_path(directory, "disk");
    fixture_file(directory, "disk/below", "", 0, 0600);
    char options[32];
    snprintf(options, sizeof options, "size=%u", DISK_BYTES);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", disk, "tmpfs", 0, options) != 0) {
        print_message("SKIPPED: a full disk needs the right to mount a tmpfs (run as root)\n");
        skip();
    }
    return disk;
}

static uint64_t free_bytes(const char *disk)
{
    struct statvfs about;
    assert_int_equal(statvfs(disk, &about), 0);
    return (uint64_t)about.f_bavail * about.f_frsize;
}

static bool shelves_empty(const char *disk)
{
    char command[TEST_PATH_MAX * 2];
    snprintf(command, sizeof command, "test -z \"$(find '%s' -type f)\"", disk);
    return system(command) == 0;
}

static void a_build_on_a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    const char *disk = small_disk();
    struct moot_error error = {0};
    const char *release = fixture_release(directory, "r", 3u << 20, 21);
    struct moot_package_options options = fixture_options(directory);
    assert_int_equal(
        moot_package_build(release, &options, fixture_path(disk, "r.moot"), NULL, &error),
        MOOT_NO_SPACE);
    assert_int_equal(error.system_errno, ENOSPC);
    assert_true(shelves_empty(disk));
    release = fixture_release(directory, "s", 1000, 21);
    assert_int_equal(
        moot_package_build(release, &options, fixture_path(disk, "s.moot"), NULL, &error), MOOT_OK);
}

static void blocks_on_a_full_disk_are_refused_until_there_is_space(void **state)
{
    (void)state;
    const char *disk = small_disk();
    struct moot_blocks *blocks;
    struct moot_error error = {0};
    struct moot_digest hashes[16];
    uint64_t available = 0;
    uint8_t *block = calloc(1, MOOT_BLOCK_BYTES);
    assert_non_null(block);
    assert_int_equal(moot_blocks_open(disk, &blocks, NULL), MOOT_OK);
    assert_int_equal(moot_blocks_free_bytes(blocks, &available, NULL), MOOT_OK);
    assert_int_equal(available, free_bytes(disk));
    unsigned held = 0;
    enum moot_status status = MOOT_OK;
    while (status == MOOT_OK && held < 16) {
        block[0] = (uint8_t)held;
        moot_digest_of_bytes(NULL, moot_bytes_of(block, MOOT_BLOCK_BYTES), &hashes[held]);
        status =
            moot_blocks_put(blocks, &hashes[held], moot_bytes_of(block, MOOT_BLOCK_BYTES), &error);
        held += status == MOOT_OK;
    }
    assert_int_equal(status, MOOT_NO_SPACE);
    assert_int_equal(error.system_errno, ENOSPC);
    assert_in_range(held, 1, 8);
    assert_false(moot_blocks_has(blocks, &hashes[held], NULL));
    size_t size;
    for (unsigned i = 0; i < held; i++)
        assert_int_equal(moot_blocks_get_checked(blocks, &hashes[i], block, &size, NULL), MOOT_OK);
    assert_int_equal(moot_blocks_remove(blocks, &hashes[0], NULL), MOOT_OK);
    memset(block, 0, MOOT_BLOCK_BYTES);
    block[0] = (uint8_t)held;
    assert_int_equal(
        moot_blocks_put(blocks, &hashes[held], moot_bytes_of(block, MOOT_BLOCK_BYTES), NULL),
        MOOT_OK);
    moot_blocks_close(blocks);
    free(block);
}

static void an_import_asks_for_space_first_and_an_unpack_cleans_up(void **state)
{
    (void)state;
    const char *disk = small_disk();
    struct moot_blocks *blocks;
    struct moot_digest hash;
    const char *large = fixture_package(directory, "large", 3u << 20, 22);
    assert_int_equal(moot_blocks_open(disk, &blocks, NULL), MOOT_OK);
    assert_int_equal(moot_blocks_import(blocks, large, &hash, NULL), MOOT_NO_SPACE);
    assert_true(shelves_empty(disk)); /* not one block was tried */
    moot_blocks_close(blocks);

    struct moot_package *package;
    assert_int_equal(moot_package_open(large, &package, NULL), MOOT_OK);
    struct moot_package_source source = moot_package_source_of(package);
    assert_int_equal(moot_package_unpack(&moot_package_manifest(package)->manifest, &source,
                                         fixture_path(disk, "unpacked"), NULL),
                     MOOT_NO_SPACE);
    assert_int_equal(access(fixture_path(disk, "unpacked"), F_OK), -1);
    assert_true(shelves_empty(disk));
    moot_package_close(package);
}

/* A thread that swaps the package's name between two releases and alters bytes in place. */
struct swapper {
    const char *path;
    const char *spare[2];
    _Atomic unsigned swaps;
    _Atomic bool stop;
};

static void *swap_until_told(void *argument)
{
    struct swapper *swapper = argument;
    uint8_t byte;
    while (!atomic_load(&swapper->stop)) {
        unsigned count = atomic_fetch_add(&swapper->swaps, 1);
        (void)renameat2(AT_FDCWD, swapper->path, AT_FDCWD, swapper->spare[count % 2],
                        RENAME_EXCHANGE);
        if (count % 64 != 0)
            continue;
        int file = open(swapper->path, O_RDWR | O_CLOEXEC);
        off_t at = (off_t)(count % 5000);
        if (file >= 0 && pread(file, &byte, 1, at) == 1) {
            uint8_t altered = byte ^ 1;
            (void)!pwrite(file, &altered, 1, at);
            sched_yield();
            (void)!pwrite(file, &byte, 1, at);
        }
        if (file >= 0)
            close(file);
    }
    return NULL;
}

static void what_is_kept_is_right_whatever_happens_to_the_file(void **state)
{
    (void)state;
    struct moot_blocks *blocks;
    struct swapper swapper = {.path = fixture_package(directory, "a", 5000, 31)};
    swapper.spare[0] = fixture_package(directory, "b", 5000, 32);
    swapper.spare[1] = fixture_path(directory, "bad.moot");
    test_file_write(swapper.spare[1], "MOOTPKG1 and no more", 20);
    assert_int_equal(moot_blocks_open(directory, &blocks, NULL), MOOT_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, swap_until_told, &swapper), 0);
    unsigned good = 0, refused = 0;
    for (unsigned i = 0; i < 100000; i++) {
        struct moot_digest hash;
        enum moot_status status = moot_blocks_import(blocks, swapper.path, &hash, NULL);
        if (status == MOOT_OK) {
            good++;
            if (moot_blocks_check(blocks, &hash, NULL, NULL) != MOOT_OK)
                break;
        } else {
            refused++;
        }
        if (atomic_load(&swapper.swaps) >= SWAPS_MIN && good >= 20 && refused >= 20)
            break;
    }
    unsigned swaps = atomic_load(&swapper.swaps);
    atomic_store(&swapper.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    print_message("%u swaps, %u imports, %u refused\n", swaps, good, refused);
    assert_true(swaps >= SWAPS_MIN && good >= 20 && refused >= 20);
    moot_blocks_close(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_build_on_a_full_disk_leaves_nothing, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(blocks_on_a_full_disk_are_refused_until_there_is_space,
                                        test_setup, test_teardown),
        cmocka_unit_test_setup_teardown(an_import_asks_for_space_first_and_an_unpack_cleans_up,
                                        test_setup, test_teardown),
        cmocka_unit_test_setup_teardown(what_is_kept_is_right_whatever_happens_to_the_file,
                                        test_setup, test_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
