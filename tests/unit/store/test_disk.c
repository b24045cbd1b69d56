/*
 * What the LMDB store owes to a real disk: one process at a time, no silent damage, room that runs
 * out and comes back, commits in groups, descriptors that do not leak.
 */
#include "tests/lib/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/node/store.h"

#define TIMEOUT_MS 20000u

struct fixture {
    char *directory;
    char path[TEST_PATH_MAX - 64];
    char data[TEST_PATH_MAX];
    struct test_store test;
    uint64_t ticket;
};

static int setup(void **state)
{
    struct fixture *fixture = (struct fixture *)calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->directory = test_tempdir_new();
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/store", fixture->directory);
    (void)snprintf(fixture->data, sizeof fixture->data, "%s/data.mdb", fixture->path);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    if (fixture->test.store != NULL) {
        test_store_close(&fixture->test);
    }
    test_tempdir_remove(fixture->directory);
    free(fixture);
    return 0;
}

static void open_store(struct fixture *fixture, const struct moot_node_store_options *options)
{
    assert_int_equal(test_store_open(&fixture->test, fixture->path, options), MOOT_OK);
}

static void submit(struct fixture *fixture, enum moot_table table, const char *key,
                   struct moot_bytes value)
{
    assert_int_equal(test_store_submit_row(&fixture->test, ++fixture->ticket, table,
                                           moot_bytes_of_text(key), value),
                     MOOT_OK);
}

static void commit(struct fixture *fixture, enum moot_table table, const char *key,
                   struct moot_bytes value)
{
    submit(fixture, table, key, value);
    assert_true(test_store_wait(&fixture->test, fixture->ticket, TIMEOUT_MS));
    assert_int_equal(fixture->test.reported_status, MOOT_OK);
}

/* `size` equal bytes, owned by the caller. */
static uint8_t *bytes_new(size_t size, uint8_t byte)
{
    uint8_t *bytes = (uint8_t *)malloc(size);
    assert_non_null(bytes);
    memset(bytes, byte, size);
    return bytes;
}

static void assert_holds(struct fixture *fixture, const char *key, size_t size)
{
    struct moot_store_port *port = &fixture->test.port;
    struct moot_bytes value;
    assert_int_equal(port->get(port->self, MOOT_TABLE_IMAGE, moot_bytes_of_text(key), &value),
                     MOOT_OK);
    assert_int_equal(value.size, size);
    port->release(port->self);
}

static enum moot_status open_status(const char *path)
{
    struct moot_node_store *store = NULL;
    enum moot_status status = moot_node_store_open(path, NULL, &store, NULL);
    if (status == MOOT_OK) {
        moot_node_store_close(store);
    }
    return status;
}

static void only_one_opens_a_store_at_a_time(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    open_store(fixture, NULL);
    assert_int_equal(open_status(fixture->path), MOOT_STORE_LOCKED);
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(open_status(fixture->path) == MOOT_STORE_LOCKED ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    commit(fixture, MOOT_TABLE_IMAGE, "k", moot_bytes_of_text("v"));
    test_store_close(&fixture->test);
    assert_int_equal(open_status(fixture->path), MOOT_OK);
}

static void a_file_cut_short_anywhere_is_damaged_not_a_crash(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    open_store(fixture, NULL);
    uint8_t *value = bytes_new(100000, 7);
    commit(fixture, MOOT_TABLE_IMAGE, "k", moot_bytes_of(value, 100000));
    free(value);
    struct moot_node_store_counters counters;
    moot_node_store_count(fixture->test.store, &counters);
    test_store_close(&fixture->test);
    assert_in_range(counters.file_bytes, 100000, 1u << 20);
    assert_int_equal(truncate(fixture->data, (off_t)counters.file_bytes), 0);
    assert_int_equal(open_status(fixture->path), MOOT_OK);
    for (uint64_t cut = 1; cut <= counters.file_bytes; cut += cut < 4096 ? 500 : 4096) {
        assert_int_equal(truncate(fixture->data, (off_t)(counters.file_bytes - cut)), 0);
        assert_int_equal(open_status(fixture->path), MOOT_STORE_DAMAGED);
    }
    assert_int_equal(truncate(fixture->data, 0), 0);
    assert_int_equal(open_status(fixture->path), MOOT_STORE_DAMAGED);
}

static void a_missing_or_foreign_data_file_is_damaged_and_left_alone(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    open_store(fixture, NULL);
    test_store_close(&fixture->test);
    assert_int_equal(unlink(fixture->data), 0);
    assert_int_equal(open_status(fixture->path), MOOT_STORE_DAMAGED);
    assert_int_equal(access(fixture->data, F_OK), -1);
    uint8_t *noise = bytes_new(65536, 0x5a);
    test_file_write(fixture->data, noise, 65536);
    free(noise);
    assert_int_equal(open_status(fixture->path), MOOT_STORE_DAMAGED);
}

static void another_schema_is_refused(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    open_store(fixture, NULL);
    static const uint8_t later[4] = {0, 0, 0, MOOT_NODE_STORE_SCHEMA + 1};
    commit(fixture, MOOT_TABLE_META, MOOT_NODE_STORE_KEY_SCHEMA, moot_bytes_of(later, 4));
    test_store_close(&fixture->test);
    assert_int_equal(open_status(fixture->path), MOOT_STORE_SCHEMA);
}

static void an_empty_directory_and_a_dead_makers_leftovers_are_no_hindrance(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char leftover[TEST_PATH_MAX];
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    (void)snprintf(leftover, sizeof leftover, "%s.new", fixture->path);
    assert_int_equal(mkdir(leftover, 0700), 0);
    (void)snprintf(leftover, sizeof leftover, "%s.new/data.mdb", fixture->path);
    test_file_write(leftover, "half", 4);
    open_store(fixture, NULL);
    assert_false(moot_node_store_moved(fixture->test.store));
    (void)snprintf(leftover, sizeof leftover, "%s.new", fixture->path);
    assert_int_equal(access(leftover, F_OK), -1);
}

static void a_store_without_a_parent_directory_says_which_path(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char path[TEST_PATH_MAX];
    struct moot_node_store *store = NULL;
    struct moot_error error = {.status = MOOT_OK};
    (void)snprintf(path, sizeof path, "%s/none/store", fixture->directory);
    assert_int_equal(moot_node_store_open(path, NULL, &store, &error), MOOT_FILE_IO);
    assert_int_equal(error.system_errno, ENOENT);
    assert_non_null(strstr(error.detail, "none/store"));
    assert_int_equal(moot_node_store_open("", NULL, &store, NULL), MOOT_BAD_ARGUMENT);
    assert_int_equal(moot_node_store_open("store/", NULL, &store, NULL), MOOT_BAD_ARGUMENT);
}

static void a_copied_store_knows_that_it_was_moved_until_told_otherwise(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    open_store(fixture, NULL);
    commit(fixture, MOOT_TABLE_IMAGE, "k", moot_bytes_of_text("v"));
    test_store_close(&fixture->test);
    size_t size = 0;
    uint8_t *bytes = test_file_read(fixture->data, 64u << 20, &size);
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/copy", fixture->directory);
    (void)snprintf(fixture->data, sizeof fixture->data, "%s/data.mdb", fixture->path);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    test_file_write(fixture->data, bytes, size);
    free(bytes);
    for (int i = 0; i < 2; i++) {
        open_store(fixture, NULL);
        assert_true(moot_node_store_moved(fixture->test.store));
        assert_holds(fixture, "k", 1);
        if (i == 1) {
            commit(fixture, MOOT_TABLE_META, MOOT_NODE_STORE_KEY_DIRECTORY,
                   moot_node_store_identity(fixture->test.store));
        }
        test_store_close(&fixture->test);
    }
    open_store(fixture, NULL);
    assert_false(moot_node_store_moved(fixture->test.store));
}

static void no_descriptor_of_the_store_reaches_a_child(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    open_store(fixture, NULL);
    commit(fixture, MOOT_TABLE_IMAGE, "k", moot_bytes_of_text("v"));
    uint32_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        char link[TEST_PATH_MAX] = "";
        if (readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1) > 0 &&
            strstr(link, fixture->path) != NULL) {
            int flags = fcntl(atoi(entry->d_name), F_GETFD);
            assert_int_equal(flags & FD_CLOEXEC, FD_CLOEXEC);
            count++;
        }
    }
    (void)closedir(directory);
    assert_in_range(count, 3, 6); /* data, lock.mdb, our lock, LMDB's second one for the data */
}

static void the_data_file_never_gets_a_standard_descriptor(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (int descriptor = 0; descriptor <= 2; descriptor++) {
            (void)close(descriptor);
        }
        struct moot_node_store *store = NULL;
        enum moot_status status = moot_node_store_open(fixture->path, NULL, &store, NULL);
        bool good = status == MOOT_OK && moot_node_store_descriptor(store) > 2 &&
                    fcntl(0, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0;
        moot_node_store_close(store);
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_growing_map_waits_for_the_reader_and_what_waits_shares_one_commit(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct moot_node_store_options small = {.map_bytes = 256 * 1024};
    open_store(fixture, &small);
    uint8_t *value = bytes_new(600000, 9);
    commit(fixture, MOOT_TABLE_IMAGE, "old", moot_bytes_of(value, 1000));
    struct moot_store_port *port = &fixture->test.port;
    struct moot_bytes borrowed;
    assert_int_equal(port->get(port->self, MOOT_TABLE_IMAGE, moot_bytes_of_text("old"), &borrowed),
                     MOOT_OK);
    submit(fixture, MOOT_TABLE_IMAGE, "big", moot_bytes_of(value, 600000));
    for (int i = 0; i < 100; i++) {
        submit(fixture, MOOT_TABLE_PEER, "many", moot_bytes_of_text("v"));
    }
    assert_false(test_store_wait(&fixture->test, 2, 100));
    assert_memory_equal(borrowed.data, value, borrowed.size);
    port->release(port->self);
    assert_true(test_store_wait(&fixture->test, fixture->ticket, TIMEOUT_MS));
    assert_int_equal(fixture->test.reported_status, MOOT_OK);
    assert_holds(fixture, "big", 600000);
    struct moot_node_store_counters counters;
    moot_node_store_count(fixture->test.store, &counters);
    assert_in_range(counters.map_growth_count, 1, 3);
    assert_int_equal(counters.batch_count, 102);
    assert_in_range(counters.commit_count, 2, 3);
    free(value);
}

static void pages_given_up_are_used_again_once_reads_are_released(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    open_store(fixture, NULL);
    uint8_t *value = bytes_new(100000, 3);
    for (int i = 0; i < 100; i++) {
        commit(fixture, MOOT_TABLE_IMAGE, "k", moot_bytes_of(value, 100000));
        assert_holds(fixture, "k", 100000);
    }
    free(value);
    struct moot_node_store_counters counters;
    moot_node_store_count(fixture->test.store, &counters);
    assert_in_range(counters.file_bytes, 200000, 1000000);
}

/* The disk has become full: shows that writes wait, reads go on, and nothing is lost; `room` makes
 * the disk usable again. */
static void while_full(struct fixture *fixture, void (*room)(struct fixture *fixture))
{
    uint8_t *value = bytes_new(3000000, 5);
    submit(fixture, MOOT_TABLE_IMAGE, "large", moot_bytes_of(value, 3000000));
    submit(fixture, MOOT_TABLE_IMAGE, "small", moot_bytes_of(value, 10));
    free(value);
    bool told = test_store_wait_trouble(&fixture->test, MOOT_STORE_FULL, TIMEOUT_MS);
    bool waits = !test_store_wait(&fixture->test, fixture->ticket - 1, 200);
    room(fixture);
    assert_true(told);
    assert_true(waits);
    assert_true(test_store_wait(&fixture->test, fixture->ticket, TIMEOUT_MS));
    assert_int_equal(fixture->test.reported_status, MOOT_OK);
    assert_true(test_store_wait_trouble(&fixture->test, MOOT_OK, TIMEOUT_MS));
    assert_int_equal(fixture->test.trouble_count, 2);
    assert_holds(fixture, "before", 1000);
    assert_holds(fixture, "large", 3000000);
    assert_holds(fixture, "small", 10);
}

static void limit_set(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void limit_lift(struct fixture *fixture)
{
    assert_holds(fixture, "before", 1000);
    limit_set(RLIM_INFINITY);
}

static void a_file_at_its_limit_delays_writes_and_nothing_else(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct moot_node_store_options options = {.retry_ms = 20};
    (void)signal(SIGXFSZ, SIG_IGN);
    open_store(fixture, &options);
    uint8_t *value = bytes_new(1000, 1);
    commit(fixture, MOOT_TABLE_IMAGE, "before", moot_bytes_of(value, 1000));
    free(value);
    limit_set(2u << 20);
    while_full(fixture, limit_lift);
    (void)signal(SIGXFSZ, SIG_DFL);
}

static void ballast_remove(struct fixture *fixture)
{
    char ballast[TEST_PATH_MAX];
    assert_holds(fixture, "before", 1000);
    (void)snprintf(ballast, sizeof ballast, "%s/disk/ballast", fixture->directory);
    assert_int_equal(unlink(ballast), 0);
}

static void a_full_disk_delays_writes_and_nothing_else(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct moot_node_store_options options = {.retry_ms = 20};
    char disk[TEST_PATH_MAX - 96];
    char ballast[TEST_PATH_MAX];
    (void)snprintf(disk, sizeof disk, "%.3900s/disk", fixture->directory);
    assert_int_equal(mkdir(disk, 0700), 0);
    /* In a mount namespace of this process, so that nothing stays mounted whatever happens. */
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", disk, "tmpfs", 0, "size=16m") != 0) {
        printf("skipped: may not mount a small file system (%s)\n", strerror(errno));
        skip();
    }
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/store", disk);
    open_store(fixture, &options);
    uint8_t *value = bytes_new(12u << 20, 1);
    commit(fixture, MOOT_TABLE_IMAGE, "before", moot_bytes_of(value, 1000));
    (void)snprintf(ballast, sizeof ballast, "%s/ballast", disk);
    test_file_write(ballast, value, 12u << 20);
    free(value);
    while_full(fixture, ballast_remove);
    test_store_close(&fixture->test);
    assert_int_equal(umount(disk), 0);
}

static void a_stopped_store_takes_nothing_and_has_committed_all(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    open_store(fixture, NULL);
    for (int i = 0; i < 50; i++) {
        submit(fixture, MOOT_TABLE_IMAGE, "k", moot_bytes_of_text("value"));
    }
    moot_node_store_stop(fixture->test.store);
    moot_node_store_deliver(fixture->test.store);
    assert_int_equal(fixture->test.reported_ticket, 50);
    assert_int_equal(fixture->test.reported_status, MOOT_OK);
    assert_int_equal(test_store_submit_row(&fixture->test, 51, MOOT_TABLE_IMAGE,
                                           moot_bytes_of_text("k"), moot_bytes_of_text("late")),
                     MOOT_STOPPING);
    assert_holds(fixture, "k", 5);
}

#define DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK(only_one_opens_a_store_at_a_time),
        DISK(a_file_cut_short_anywhere_is_damaged_not_a_crash),
        DISK(a_missing_or_foreign_data_file_is_damaged_and_left_alone),
        DISK(another_schema_is_refused),
        DISK(an_empty_directory_and_a_dead_makers_leftovers_are_no_hindrance),
        DISK(a_store_without_a_parent_directory_says_which_path),
        DISK(a_copied_store_knows_that_it_was_moved_until_told_otherwise),
        DISK(no_descriptor_of_the_store_reaches_a_child),
        DISK(the_data_file_never_gets_a_standard_descriptor),
        DISK(a_growing_map_waits_for_the_reader_and_what_waits_shares_one_commit),
        DISK(pages_given_up_are_used_again_once_reads_are_released),
        DISK(a_file_at_its_limit_delays_writes_and_nothing_else),
        DISK(a_full_disk_delays_writes_and_nothing_else),
        DISK(a_stopped_store_takes_nothing_and_has_committed_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
