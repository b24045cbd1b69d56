/*
 * Secrets as valgrind's memcheck sees them: undefined memory, so a branch or an address that depends
 * on one is an error of the run. Without valgrind the marks do nothing and only the answers are
 * tested.
 */
#ifndef MOOT_TESTS_CTIME_SECRETS_H
#define MOOT_TESTS_CTIME_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <valgrind/memcheck.h>

#include "tests/lib/test.h"

/* `size` bytes from `at` on are secret until secret_reveal. */
static inline void secret_mark(void *at, size_t size)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(at, size);
}

/* Whether memcheck takes some bit of the first `size` (at most 1024) bytes for secret. */
static inline bool secret_is(const void *at, size_t size)
{
    uint8_t bits[1024] = {0};
    assert_true(size <= sizeof bits);
    unsigned answer = VALGRIND_GET_VBITS(at, bits, size);
    assert_true(answer == 1 || RUNNING_ON_VALGRIND == 0);
    bool any = false;
    for (size_t i = 0; i < size; i++) {
        any = any || bits[i] != 0;
    }
    return any;
}

/*
 * What was made of a secret goes out to everybody. That it was secret is asserted: else the mark was
 * lost on the way and the test has seen nothing.
 */
static inline void secret_reveal(void *at, size_t size)
{
    assert_true(secret_is(at, size) || RUNNING_ON_VALGRIND == 0);
    (void)VALGRIND_MAKE_MEM_DEFINED(at, size);
}

#endif
