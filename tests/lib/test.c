/*
 * Helpers of the tests: temporary directories, seeded randomness, hex, files, vectors.
 *
 * Happy path: each call does its small job. Failures: the helper fails the calling cmocka test with
 * a sentence; a missing vector file skips it, named, so that the runner can count it.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char *test_tempdir_new(void)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL || base[0] == '\0')
        base = "/tmp";
    char path[TEST_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/moot-test-XXXXXX", base);
    assert_true(length > 0 && (size_t)length < sizeof path);
    if (mkdtemp(path) == NULL)
        fail_msg("mkdtemp %s: %s", path, strerror(errno));
    char *copy = strdup(path);
    assert_non_null(copy);
    return copy;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void test_tempdir_remove(char *path)
{
    if (path == NULL)
        return;
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
        fail_msg("cannot remove %s: %s", path, strerror(errno));
    free(path);
}

struct test_random test_random_seeded(uint64_t seed)
{
    return (struct test_random){.state = seed};
}

struct test_random test_random_start(const char *name)
{
    const char *given = getenv("MOOT_TEST_SEED");
    uint64_t seed = 0;
    if (given != NULL && given[0] != '\0') {
        char *end = NULL;
        seed = strtoull(given, &end, 0);
        assert_true(*end == '\0');
    } else {
        struct timespec now;
        assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
        seed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }
    print_message("%s: seed %" PRIu64 " (repeat with MOOT_TEST_SEED=%" PRIu64 ")\n", name, seed,
                  seed);
    return test_random_seeded(seed);
}

uint64_t test_random_next(struct test_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t test_random_below(struct test_random *random, uint64_t bound)
{
    assert_true(bound != 0);
    return test_random_next(random) % bound;
}

void test_random_bytes(struct test_random *random, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)test_random_next(random);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

size_t test_hex_decode(const char *hex, uint8_t *out, size_t capacity)
{
    size_t length = strlen(hex);
    if (length % 2 != 0 || length / 2 > capacity)
        fail_msg("hex of %zu digits does not fit %zu bytes", length, capacity);
    for (size_t i = 0; i < length / 2; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            fail_msg("not hex at byte %zu of %s", i, hex);
        out[i] = (uint8_t)(high * 16 + low);
    }
    return length / 2;
}

void test_hex_encode(const uint8_t *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15u];
    }
    out[2 * size] = '\0';
}

void test_assert_hex(const uint8_t *bytes, size_t size, const char *hex)
{
    char *text = malloc(2 * size + 1);
    assert_non_null(text);
    test_hex_encode(bytes, size, text);
    bool equal = strcasecmp(text, hex) == 0;
    if (!equal)
        print_error("got      %s\nexpected %s\n", text, hex);
    free(text);
    assert_true(equal);
}

void test_vectors_path(const char *name, char out[TEST_PATH_MAX])
{
    const char *base = getenv("MOOT_VECTORS_DIR");
    int length =
        snprintf(out, TEST_PATH_MAX, "%s/%s", base == NULL ? "../shared/vectors" : base, name);
    assert_true(length > 0 && (size_t)length < TEST_PATH_MAX);
    if (access(out, R_OK) != 0) {
        print_message("skipped: test vectors not found: %s (set MOOT_VECTORS_DIR)\n", name);
        skip();
    }
}

uint8_t *test_file_read(const char *path, size_t size_bytes_max, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s: %s", path, strerror(errno));
    struct stat status;
    assert_int_equal(fstat(fileno(file), &status), 0);
    if (status.st_size < 0 || (uint64_t)status.st_size > size_bytes_max)
        fail_msg("%s is larger than %zu bytes", path, size_bytes_max);
    size_t size = (size_t)status.st_size;
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    bytes[size] = 0;
    *ret_size = size;
    return bytes;
}

void test_file_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        fail_msg("cannot create %s: %s", path, strerror(errno));
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}
