/* Package files: what is built verifies, and nothing altered, cut or added does. */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/node/package_fixture.h"

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
    test_tempdir_remove(directory);
    return 0;
}

static enum moot_status build(const char *release, const char *name, struct moot_package_built *ret)
{
    struct moot_error error = {0};
    struct moot_package_options options = fixture_options(directory);
    enum moot_status status =
        moot_package_build(release, &options, fixture_path(directory, name), ret, &error);
    assert_int_equal(error.status, status);
    return status;
}

static void assert_same_file(const char *left, const char *right)
{
    size_t left_size, right_size;
    uint8_t *a = test_file_read(fixture_path(directory, left), 1 << 24, &left_size);
    uint8_t *b = test_file_read(fixture_path(directory, right), 1 << 24, &right_size);
    assert_int_equal(left_size, right_size);
    assert_memory_equal(a, b, left_size);
    free(a);
    free(b);
}

static void a_package_says_what_was_packed(void **state)
{
    (void)state;
    struct moot_package *package;
    struct moot_package_built built;
    const char *release = fixture_release(directory, "r", 700000, 1);
    assert_int_equal(build(release, "r.moot", &built), MOOT_OK);
    assert_true(built.key_made);
    assert_string_equal(built.key_path, fixture_path(directory, "release.key"));
    assert_int_equal(moot_package_open(fixture_path(directory, "r.moot"), &package, NULL), MOOT_OK);
    const struct moot_package_manifest *held = moot_package_manifest(package);
    const struct moot_manifest *manifest = &held->manifest;
    assert_true(moot_digest_equal(&held->hash, &built.manifest_hash));
    assert_true(moot_key_equal(&manifest->release_key, &built.release_key));
    static const char *const paths[] = {"bin/program", "data", "empty", "share/twin"};
    static const uint32_t modes[] = {0755, 0644, 0644, 0644};
    static const uint32_t blobs[] = {0, 1, 2, 0};
    static const uint64_t sizes[] = {17, 700000, 0, 17};
    assert_int_equal(manifest->file_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(moot_bytes_equal(manifest->files[i].path, moot_bytes_of_text(paths[i])));
        assert_int_equal(manifest->files[i].mode, modes[i]);
        assert_int_equal(manifest->files[i].blob, blobs[i]);
        assert_int_equal(manifest->files[i].size_bytes, sizes[i]);
    }
    assert_int_equal(manifest->blob_count, 3);
    assert_int_equal(manifest->blobs[1].block_count, 3);
    uint8_t sha256[32]; /* of "#!/bin/sh\nexit 0\n", by sha256sum */
    test_hex_decode("306c6ca7407560340797866e077e053627ad409277d1b9da58106fce4cf717cb", sha256, 32);
    assert_memory_equal(manifest->files[0].sha256, sha256, 32);
    moot_package_close(package);
    assert_int_equal(moot_package_verify(fixture_path(directory, "r.moot"), NULL), MOOT_OK);
    struct stat about;
    assert_int_equal(stat(fixture_path(directory, "r.moot"), &about), 0);
    assert_int_equal(about.st_size, built.package_bytes);
}

static void equal_directories_give_equal_bytes(void **state)
{
    (void)state;
    struct moot_package_built first, second, third;
    const char *release = fixture_release(directory, "a", 300000, 2);
    assert_int_equal(build(release, "a.moot", &first), MOOT_OK);
    release = fixture_release(directory, "b", 300000, 2);
    assert_int_equal(utimensat(AT_FDCWD, fixture_path(release, "data"),
                               (const struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 2}}, 0),
                     0);
    assert_int_equal(mkdir(fixture_path(release, "without-files"), 0700), 0);
    assert_int_equal(build(release, "b.moot", &second), MOOT_OK);
    assert_false(second.key_made);
    assert_same_file("a.moot", "b.moot");
    assert_int_equal(chmod(fixture_path(release, "data"), 0755), 0);
    assert_int_equal(build(release, "c.moot", &third), MOOT_OK);
    assert_false(moot_digest_equal(&first.manifest_hash, &third.manifest_hash));
}

static void odd_directories_pack_and_verify(void **state)
{
    (void)state;
    struct moot_package_built built;
    const char *release = fixture_path(directory, "none");
    assert_int_equal(mkdir(release, 0755), 0);
    assert_int_equal(build(release, "none.moot", &built), MOOT_OK);
    assert_int_equal(built.file_count, 0);
    assert_int_equal(moot_package_verify(fixture_path(directory, "none.moot"), NULL), MOOT_OK);

    release = fixture_path(directory, "many");
    assert_int_equal(mkdir(release, 0755), 0);
    uint8_t *zeros = calloc(1, 3 * MOOT_BLOCK_BYTES);
    assert_non_null(zeros);
    for (unsigned i = 0; i < 600; i++) { /* every tenth the same, sizes around every boundary */
        char name[32];
        snprintf(name, sizeof name, "d%u/f%03u", i % 7, i);
        fixture_file(release, name, zeros, i % 10 == 0 ? 131072 : 131000 + i, 0644);
    }
    fixture_file(release, "exactly", zeros, 3 * MOOT_BLOCK_BYTES, 0644);
    free(zeros);
    assert_int_equal(build(release, "many.moot", &built), MOOT_OK);
    assert_int_equal(built.file_count, 601);
    assert_int_equal(moot_package_verify(fixture_path(directory, "many.moot"), NULL), MOOT_OK);
}

static void only_plain_files_are_packed(void **state)
{
    (void)state;
    static const char *const names[] = {"link", "pipe", "bad\nname", "back\\slash", "bad\xff"};
    for (unsigned i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "r%u", i);
        const char *release = fixture_release(directory, name, 10, 3);
        const char *path = fixture_path(release, names[i]);
        if (i == 0)
            assert_int_equal(symlink("data", path), 0);
        else if (i == 1)
            assert_int_equal(mkfifo(path, 0600), 0);
        else
            test_file_write(path, "x", 1);
        assert_int_equal(build(release, "out.moot", NULL), MOOT_BAD_PATH);
    }
    const char *release = fixture_release(directory, "linked-directory", 10, 3);
    assert_int_equal(symlink("/", fixture_path(release, "root")), 0);
    assert_int_equal(build(release, "out.moot", NULL), MOOT_BAD_PATH);
    assert_int_equal(access(fixture_path(directory, "out.moot"), F_OK), -1);
}

static void wrong_options_are_refused_before_anything_is_written(void **state)
{
    (void)state;
    const char *release = fixture_release(directory, "r", 10, 4);
    for (unsigned i = 0; i < 9; i++) {
        struct moot_package_options options = fixture_options(directory);
        if (i == 0)
            options.name = NULL;
        else if (i == 1)
            options.name = "a/b";
        else if (i == 2)
            options.version = "1.2";
        else if (i == 3)
            options.version = NULL;
        else if (i == 4)
            options.from_min = "old";
        else if (i == 5)
            options.notes = "\x1b[2J";
        else if (i == 6)
            options.protocol_min = 2, options.protocol_max = 1;
        else if (i == 7)
            options.zstd_level = 22;
        else
            options.channel = (enum moot_release_channel)9;
        assert_int_equal(
            moot_package_build(release, &options, fixture_path(directory, "o.moot"), NULL, NULL),
            MOOT_BAD_ARGUMENT);
        assert_int_equal(access(options.key_file, F_OK), -1);
    }
    struct moot_package_options options = fixture_options(directory);
    assert_int_equal(
        moot_package_build(release, &options, fixture_path(release, "o.moot"), NULL, NULL),
        MOOT_BAD_ARGUMENT); /* it would pack itself the next time */
    assert_int_equal(moot_package_build(fixture_path(directory, "none"), &options,
                                        fixture_path(directory, "o.moot"), NULL, NULL),
                     MOOT_NOT_FOUND);
}

static void the_release_key_is_for_its_owner_alone(void **state)
{
    (void)state;
    struct moot_identity first, second;
    struct stat about;
    bool made = false;
    char path[TEST_PATH_MAX], used[TEST_PATH_MAX];
    snprintf(path, sizeof path, "%s", fixture_path(directory, "deep/er/release.key"));
    assert_int_equal(moot_package_key_load(path, &first, &made, used, NULL), MOOT_OK);
    assert_true(made);
    assert_string_equal(used, path);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_int_equal(moot_package_key_load(path, &second, &made, NULL, NULL), MOOT_OK);
    assert_false(made);
    assert_true(moot_key_equal(&first.key, &second.key));
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(moot_package_key_load(path, &second, NULL, NULL, NULL), MOOT_NOT_ALLOWED);
    static const char *const bad[] = {"", "12", "zz", "\n"};
    assert_int_equal(chmod(path, 0600), 0);
    for (size_t i = 0; i < 4; i++) {
        test_file_write(path, bad[i], strlen(bad[i]));
        assert_int_equal(moot_package_key_load(path, &second, NULL, NULL, NULL), MOOT_BAD_ARGUMENT);
    }
    assert_int_equal(setenv("MOOT_RELEASE_KEY", fixture_path(directory, "env.key"), 1), 0);
    assert_int_equal(moot_package_key_load(NULL, &second, &made, used, NULL), MOOT_OK);
    assert_true(made);
    assert_string_equal(used, fixture_path(directory, "env.key"));
    assert_int_equal(unsetenv("MOOT_RELEASE_KEY"), 0);
    assert_int_equal(setenv("HOME", directory, 1), 0);
    assert_int_equal(moot_package_key_load(NULL, &second, &made, used, NULL), MOOT_OK);
    assert_string_equal(used, fixture_path(directory, ".config/moot/release.key"));
}

static bool is_refusal(enum moot_status status)
{
    return moot_status_info(status)->exit_code == 8 && /* whatever was altered: one exit code */
           (status == MOOT_BAD_PACKAGE || status == MOOT_BAD_MANIFEST || status == MOOT_BAD_BLOCK);
}

static void every_altered_byte_of_a_package_is_found(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    const char *path = fixture_package(directory, "small", 100, 5);
    size_t size;
    uint8_t *bytes = test_file_read(path, 1 << 20, &size);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(file >= 0);
    for (size_t i = 0; i < size; i++) {
        for (size_t k = 0; k < sizeof masks; k++) {
            uint8_t altered = bytes[i] ^ masks[k];
            struct moot_error error = {0};
            assert_int_equal(pwrite(file, &altered, 1, (off_t)i), 1);
            enum moot_status status = moot_package_verify(path, &error);
            if (!is_refusal(status) || error.status != status)
                fail_msg("byte %zu ^ %02x: %s", i, masks[k], moot_status_info(status)->name);
        }
        assert_int_equal(pwrite(file, &bytes[i], 1, (off_t)i), 1);
    }
    assert_int_equal(moot_package_verify(path, NULL), MOOT_OK);
    close(file);
    free(bytes);
}

static void a_package_cut_or_lengthened_is_refused(void **state)
{
    (void)state;
    const char *path = fixture_package(directory, "medium", 30000, 6);
    size_t size;
    uint8_t *bytes = test_file_read(path, 1 << 20, &size);
    const char *cut = fixture_path(directory, "cut.moot");
    for (size_t left = 0; left < size; left += left < 1500 ? 1 : 100) {
        test_file_write(cut, bytes, left);
        enum moot_status status = moot_package_verify(cut, NULL);
        if (status != MOOT_BAD_PACKAGE)
            fail_msg("cut to %zu bytes: %s", left, moot_status_info(status)->name);
    }
    test_file_write(cut, bytes, size + 1); /* test_file_read adds a 0 byte */
    assert_int_equal(moot_package_verify(cut, NULL), MOOT_BAD_PACKAGE);
    test_file_write(cut, bytes, size);
    assert_int_equal(moot_package_verify(cut, NULL), MOOT_OK);
    free(bytes);
    assert_int_equal(moot_package_verify(fixture_path(directory, "absent"), NULL), MOOT_NOT_FOUND);
    assert_int_equal(moot_package_verify(directory, NULL), MOOT_BAD_PACKAGE);
    assert_int_equal(mkfifo(fixture_path(directory, "pipe"), 0600), 0);
    assert_int_equal(moot_package_verify(fixture_path(directory, "pipe"), NULL), MOOT_BAD_PACKAGE);
}

static void unpacking_gives_the_files_back_or_nothing(void **state)
{
    (void)state;
    struct moot_package *package;
    struct stat about;
    const char *path = fixture_package(directory, "r", 600000, 7);
    assert_int_equal(moot_package_open(path, &package, NULL), MOOT_OK);
    struct moot_package_source source = moot_package_source_of(package);
    const struct moot_manifest *manifest = &moot_package_manifest(package)->manifest;
    const char *target = fixture_path(directory, "out");
    mode_t mask = umask(077);
    assert_int_equal(moot_package_unpack(manifest, &source, target, NULL), MOOT_OK);
    umask(mask);
    assert_same_file("r/data", "out/data");
    assert_same_file("r/empty", "out/empty");
    assert_same_file("r/share/twin", "out/share/twin");
    assert_int_equal(stat(fixture_path(target, "bin/program"), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0755);
    assert_int_equal(stat(fixture_path(target, "data"), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0644);
    assert_int_equal(moot_package_unpack(manifest, &source, target, NULL), MOOT_FILE_IO);
    assert_same_file("r/data", "out/data");

    int file = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, "\x55\xaa", 2, 300000), 2); /* after open: found when read */
    close(file);
    assert_int_equal(moot_package_unpack(manifest, &source, fixture_path(directory, "new"), NULL),
                     MOOT_BAD_BLOCK);
    moot_package_close(package);
    char command[TEST_PATH_MAX + 64]; /* neither the target nor anything temporary is left */
    snprintf(command, sizeof command,
             "test -z \"$(find '%s' -maxdepth 1 -name new -o -name '.moot*')\"", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_package_says_what_was_packed, test_setup, test_teardown),
        cmocka_unit_test_setup_teardown(equal_directories_give_equal_bytes, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(odd_directories_pack_and_verify, test_setup, test_teardown),
        cmocka_unit_test_setup_teardown(only_plain_files_are_packed, test_setup, test_teardown),
        cmocka_unit_test_setup_teardown(wrong_options_are_refused_before_anything_is_written,
                                        test_setup, test_teardown),
        cmocka_unit_test_setup_teardown(the_release_key_is_for_its_owner_alone, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(every_altered_byte_of_a_package_is_found, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(a_package_cut_or_lengthened_is_refused, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(unpacking_gives_the_files_back_or_nothing, test_setup,
                                        test_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
