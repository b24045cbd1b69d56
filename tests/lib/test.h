/*
 * The one door to cmocka, and the few helpers every test shares.
 *
 * Include this and nothing of cmocka. A test file holds static test functions and a main that
 * ends in cmocka_run_group_tests. A failing helper fails the test that called it.
 */
#ifndef TESTS_LIB_TEST_H
#define TESTS_LIB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST_PATH_MAX 4096u

/* Makes an empty directory below $TMPDIR (or /tmp) and returns its path. The path is owned by the
 * helper and valid until test_tempdir_remove(path), which deletes the directory and all in it. */
char *test_tempdir_new(void);

/* Deletes the directory made by test_tempdir_new with everything below it and frees `path`. */
void test_tempdir_remove(char *path);

/* Seeded generator (splitmix64): good enough to explore, never for keys. */
struct test_random {
    uint64_t state;
};

/* Starts a generator from $MOOT_TEST_SEED, else from the clock, and prints the seed together with
 * `name` so that a failure can be repeated with MOOT_TEST_SEED=that. */
struct test_random test_random_start(const char *name);

/* Starts a generator from a fixed seed; prints nothing. */
struct test_random test_random_seeded(uint64_t seed);

/* The next 64 random bits. */
uint64_t test_random_next(struct test_random *random);

/* A number from 0 to bound - 1; bound must not be 0. */
uint64_t test_random_below(struct test_random *random, uint64_t bound);

/* Fills `size` bytes. */
void test_random_bytes(struct test_random *random, uint8_t *out, size_t size);

/* Decodes exactly strlen(hex)/2 bytes into `out` (of `capacity` bytes) and returns their number;
 * fails the test for anything but an even number of hex digits that fit. */
size_t test_hex_decode(const char *hex, uint8_t *out, size_t capacity);

/* Writes 2 * size lower-case digits and a terminator into `out`, which must hold that many. */
void test_hex_encode(const uint8_t *bytes, size_t size, char *out);

/* Fails with both values in hex unless the `size` bytes equal those that `hex` spells. */
void test_assert_hex(const uint8_t *bytes, size_t size, const char *hex);

/* Path of the published vectors below $MOOT_VECTORS_DIR: copies DIR/name into `out`. Skips the
 * calling test, saying which file is missing, when it is not there. */
void test_vectors_path(const char *name, char out[TEST_PATH_MAX]);

/* Reads a whole file of at most `size_bytes_max` bytes; the caller frees the result. It is followed
 * by a 0 byte that does not count. Fails the test when it cannot be read or is larger. */
uint8_t *test_file_read(const char *path, size_t size_bytes_max, size_t *ret_size);

/* Writes (creates or replaces) a whole file. */
void test_file_write(const char *path, const void *bytes, size_t size);

#endif
