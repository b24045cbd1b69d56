/* Jobs over a real block store: each kind's result is what protocols/engine.h promises. */
#include <fcntl.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "node/jobs.h"
#include "tests/lib/node/package_fixture.h"
#include "tests/lib/test.h"

static char *directory;
static struct moot_blocks *blocks;
static struct moot_digest manifest_hash;
static struct moot_package_manifest *manifest;

static int setup(void **state)
{
    (void)state;
    struct moot_error error;
    assert_true(moot_crypto_init());
    directory = test_tempdir_new();
    const char *path = fixture_package(directory, "lamp", 900000, 7);
    assert_int_equal(moot_blocks_open(directory, &blocks, &error), MOOT_OK);
    assert_int_equal(moot_blocks_import(blocks, path, &manifest_hash, &error), MOOT_OK);
    assert_int_equal(moot_blocks_manifest_get(blocks, &manifest_hash, &manifest, &error), MOOT_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    moot_package_manifest_free(manifest);
    moot_blocks_close(blocks);
    test_tempdir_remove(directory);
    return 0;
}

static enum moot_status run(enum moot_job_kind kind, const struct moot_digest *hash,
                            struct moot_bytes input, uint8_t *ret, size_t *ret_size)
{
    struct moot_job job = {.number = 1, .kind = kind, .hash = *hash, .input = input};
    void *memory;
    struct moot_bytes output;
    enum moot_status status = moot_job_run(&job, blocks, NULL, &memory, &output);
    assert_true(output.size <= MOOT_MANIFEST_BYTES_MAX);
    if (ret != NULL) {
        memcpy(ret, output.data, output.size);
        *ret_size = output.size;
    }
    free(memory);
    return status;
}

/* Alters the last byte of a block's file. */
static void damage(const struct moot_digest *hash)
{
    char hex[65], path[TEST_PATH_MAX];
    moot_hex_format(moot_digest_bytes(hash), hex);
    (void)snprintf(path, sizeof path, "%s/blocks/%.2s/%s", directory, hex, hex);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    off_t end = lseek(file, -1, SEEK_END);
    uint8_t byte;
    assert_int_equal(pread(file, &byte, 1, end), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, end), 1);
    assert_int_equal(close(file), 0);
}

static void a_scan_counts_blocks_in_order_of_first_use(void **state)
{
    (void)state;
    const struct moot_manifest *content = &manifest->manifest;
    assert_true(content->distinct_count >= 3);
    uint8_t held[64];
    size_t size = 0;
    const struct moot_bytes none = {0};
    assert_int_equal(run(MOOT_JOB_PACKAGE_SCAN, &manifest_hash, none, held, &size), MOOT_OK);
    assert_int_equal(size, content->distinct_count);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(held[i], 1);
    }
    /* Take one away at a time: exactly its place in order of first use turns 0. */
    for (uint32_t block = 0; block < content->block_count; block++) {
        uint32_t place = 0;
        bool first = true;
        for (uint32_t i = 0; i < block; i++) {
            bool new_here = true;
            for (uint32_t j = 0; j < i; j++) {
                new_here = new_here && !moot_digest_equal(&content->blocks[i], &content->blocks[j]);
            }
            place += new_here;
            first = first && !moot_digest_equal(&content->blocks[i], &content->blocks[block]);
        }
        if (!first) {
            continue;
        }
        static uint8_t bytes[MOOT_BLOCK_BYTES];
        size_t block_size;
        struct moot_error error;
        const struct moot_digest *hash = &content->blocks[block];
        assert_int_equal(moot_blocks_get(blocks, hash, bytes, &block_size, &error), MOOT_OK);
        assert_int_equal(moot_blocks_remove(blocks, hash, &error), MOOT_OK);
        assert_int_equal(run(MOOT_JOB_PACKAGE_SCAN, &manifest_hash, none, held, &size), MOOT_OK);
        for (uint32_t i = 0; i < size; i++) {
            assert_int_equal(held[i], i == place ? 0 : 1);
        }
        assert_int_equal(run(MOOT_JOB_PACKAGE_CHECK, &manifest_hash, none, NULL, NULL),
                         MOOT_FETCHING);
        assert_int_equal(
            run(MOOT_JOB_BLOCK_WRITE, hash, moot_bytes_of(bytes, block_size), NULL, NULL), MOOT_OK);
    }
}

static void a_check_names_the_damaged_block_and_a_recheck_removes_it(void **state)
{
    (void)state;
    const struct moot_digest *hash = &manifest->manifest.blocks[1];
    const struct moot_bytes none = {0};
    uint8_t output[64];
    size_t size = 0;
    assert_int_equal(run(MOOT_JOB_PACKAGE_CHECK, &manifest_hash, none, output, &size), MOOT_OK);
    assert_int_equal(size, 8);
    assert_true(moot_u64_get(output) > 0);
    damage(hash);
    assert_int_equal(run(MOOT_JOB_PACKAGE_CHECK, &manifest_hash, none, output, &size),
                     MOOT_BAD_BLOCK);
    assert_int_equal(size, 32);
    assert_memory_equal(output, hash->b, 32);
    assert_int_equal(run(MOOT_JOB_BLOCK_RECHECK, hash, none, NULL, NULL), MOOT_BAD_BLOCK);
    assert_int_equal(run(MOOT_JOB_BLOCK_RECHECK, hash, none, NULL, NULL), MOOT_BLOCK_MISSING);
    assert_int_equal(run(MOOT_JOB_BLOCK_READ, hash, none, NULL, NULL), MOOT_BLOCK_MISSING);
    assert_int_equal(run(MOOT_JOB_PACKAGE_CHECK, &manifest_hash, none, NULL, NULL), MOOT_FETCHING);
}

static void bytes_that_do_not_match_are_not_kept(void **state)
{
    (void)state;
    struct moot_digest hash = {{1, 2, 3}};
    static const uint8_t bytes[] = "not it";
    struct moot_bytes input = moot_bytes_of(bytes, sizeof bytes);
    assert_int_equal(run(MOOT_JOB_BLOCK_WRITE, &hash, input, NULL, NULL), MOOT_BAD_BLOCK);
    assert_int_equal(run(MOOT_JOB_BLOCK_READ, &hash, (struct moot_bytes){0}, NULL, NULL),
                     MOOT_BLOCK_MISSING);
    assert_int_equal(run(MOOT_JOB_MANIFEST_WRITE, &hash, input, NULL, NULL), MOOT_BAD_MANIFEST);
    assert_int_equal(run(MOOT_JOB_MANIFEST_READ, &hash, (struct moot_bytes){0}, NULL, NULL),
                     MOOT_BLOCK_MISSING);
    assert_int_equal(run(MOOT_JOB_PACKAGE_SCAN, &hash, (struct moot_bytes){0}, NULL, NULL),
                     MOOT_BLOCK_MISSING);
}

static void a_manifest_reads_back_as_it_was_written(void **state)
{
    (void)state;
    static uint8_t output[MOOT_MANIFEST_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(
        run(MOOT_JOB_MANIFEST_READ, &manifest_hash, (struct moot_bytes){0}, output, &size),
        MOOT_OK);
    assert_int_equal(size, manifest->bytes.size);
    assert_memory_equal(output, manifest->bytes.data, size);
    assert_int_equal(
        run(MOOT_JOB_MANIFEST_WRITE, &manifest_hash, moot_bytes_of(output, size), NULL, NULL),
        MOOT_OK);
}

/* ---- on the pool ---- */

struct collected {
    unsigned done;
    bool input_whole;
};

static void on_done(void *context, const struct moot_job *job, enum moot_status status,
                    struct moot_bytes output)
{
    struct collected *collected = context;
    (void)output;
    assert_int_equal(status, MOOT_BAD_BLOCK);
    for (size_t i = 0; i < job->input.size; i++) {
        collected->input_whole =
            collected->input_whole && job->input.data[i] == (uint8_t)job->number;
    }
    collected->done++;
}

static void many_jobs_keep_their_own_input(void **state)
{
    (void)state;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct collected collected = {.input_whole = true};
    struct moot_jobs_callbacks callbacks = {.context = &collected, .done = on_done};
    struct moot_jobs *jobs = moot_jobs_new(&loop, blocks, NULL, &callbacks);
    assert_non_null(jobs);
    for (uint32_t i = 1; i <= 200; i++) {
        uint8_t bytes[1000];
        memset(bytes, (int)i, sizeof bytes);
        struct moot_job job = {.number = i,
                               .kind = MOOT_JOB_BLOCK_WRITE,
                               .hash = {{9}},
                               .input = moot_bytes_of(bytes, sizeof bytes)};
        assert_int_equal(moot_jobs_start(jobs, &job), MOOT_OK);
        memset(bytes, 0xee, sizeof bytes);
    }
    assert_int_equal(moot_jobs_running(jobs), 200);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(collected.done, 200);
    assert_true(collected.input_whole);
    moot_jobs_free(jobs);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_scan_counts_blocks_in_order_of_first_use, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_check_names_the_damaged_block_and_a_recheck_removes_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_that_do_not_match_are_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_manifest_reads_back_as_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(many_jobs_keep_their_own_input, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
