/* The device's key on disk: made once, never replaced, refused when others may read it. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/device_key.h"
#include "tests/lib/test.h"

static char *directory;
static char path[TEST_PATH_MAX];

static int setup(void **state)
{
    (void)state;
    directory = test_tempdir_new();
    (void)snprintf(path, sizeof path, "%s/device.key", directory);
    return moot_crypto_init() ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    test_tempdir_remove(directory);
    return 0;
}

static void a_key_is_made_once_and_found_again(void **state)
{
    (void)state;
    struct moot_identity first, second;
    struct moot_error error;
    bool made;
    assert_int_equal(moot_device_key_load(directory, false, &first, &made, &error), MOOT_NOT_FOUND);
    assert_int_equal(moot_device_key_load(directory, true, &first, &made, &error), MOOT_OK);
    assert_true(made);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(moot_device_key_load(directory, true, &second, &made, &error), MOOT_OK);
    assert_false(made);
    assert_true(moot_key_equal(&first.key, &second.key));
}

static void a_start_cut_short_leaves_no_half_key(void **state)
{
    (void)state;
    char left[TEST_PATH_MAX + 8];
    (void)snprintf(left, sizeof left, "%s.new", path);
    int file = open(left, O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, "half", 4), 4);
    assert_int_equal(close(file), 0);
    struct moot_identity identity;
    struct moot_error error;
    bool made;
    assert_int_equal(moot_device_key_load(directory, true, &identity, &made, &error), MOOT_OK);
    assert_true(made);
    assert_int_equal(access(left, F_OK), -1);
}

static void a_key_that_is_not_private_or_not_whole_is_refused(void **state)
{
    (void)state;
    struct moot_identity identity;
    struct moot_error error;
    bool made;
    assert_int_equal(moot_device_key_load(directory, true, &identity, &made, &error), MOOT_OK);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(moot_device_key_load(directory, true, &identity, &made, &error),
                     MOOT_NOT_ALLOWED);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 31), 0);
    assert_int_equal(moot_device_key_load(directory, true, &identity, &made, &error),
                     MOOT_STORE_DAMAGED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_int_equal(moot_device_key_load(directory, true, &identity, &made, &error), MOOT_FILE_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(moot_device_key_load(directory, true, &identity, &made, &error),
                     MOOT_STORE_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_made_once_and_found_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_start_cut_short_leaves_no_half_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_is_not_private_or_not_whole_is_refused, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
