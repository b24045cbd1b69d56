/* Directories to pack and packages made by hand, good and hostile. Every helper fails the test. */
#ifndef TESTS_LIB_NODE_PACKAGE_FIXTURE_H
#define TESTS_LIB_NODE_PACKAGE_FIXTURE_H

#include "node/package.h"
#include "tests/lib/test.h"

/* Path of `name` in `directory`, in one of 32 rotating buffers. */
const char *fixture_path(const char *directory, const char *name);

/* Writes a file, with the directories above it, and sets its mode. */
void fixture_file(const char *directory, const char *path, const void *bytes, size_t size,
                  unsigned mode);

/* Makes a directory `name` in `directory` holding a small release: a program, its twin, an empty file,
 * and "data" of `data_size` incompressible bytes that follow from `seed`. Returns its path. */
const char *fixture_release(const char *directory, const char *name, size_t data_size,
                            uint64_t seed);

/* Options with name, version and a key file in `directory` (made at first use). */
struct moot_package_options fixture_options(const char *directory);

/* fixture_release, packed to `name`.moot in `directory`; its path. Level 1, for speed. */
const char *fixture_package(const char *directory, const char *name, size_t data_size,
                            uint64_t seed);

/* A package of one file "f" whose blob is given as it is, with whatever plain size and content hashes
 * the hashed bytes have. Signed: only its content can be wrong. */
void fixture_package_by_hand(const char *path, const void *blob, size_t blob_size,
                             uint64_t plain_bytes, const void *hashed, size_t hashed_size);

#endif
