/*
 * Crash points for tests. MOOT_CRASH_AT=N in the environment makes the process kill itself at its
 * Nth store call (beginning a transaction, each put and delete, before and after a commit, each step
 * of making the environment); MOOT_CRASH_COUNT=FILE keeps the number of calls so far in FILE, as a
 * u64 in the machine's own byte order, so that a test can learn how many there are. Failure to set
 * this up ends the process: a test that injects nothing would prove nothing.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/base/contract.h"
#include "node/store_internal.h"

void moot_store_crash_init(struct moot_store_crash *crash)
{
    *crash = (struct moot_store_crash){.at = 0};
    const char *at = getenv("MOOT_CRASH_AT");
    if (at != NULL) {
        crash->at = strtoull(at, NULL, 10);
    }
    const char *path = getenv("MOOT_CRASH_COUNT");
    if (path == NULL) {
        return;
    }
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    MOOT_REQUIRE(descriptor >= 0);
    MOOT_REQUIRE(ftruncate(descriptor, sizeof(uint64_t)) == 0);
    void *memory = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    MOOT_REQUIRE(memory != MAP_FAILED);
    (void)close(descriptor);
    crash->shared = (volatile uint64_t *)memory;
    *crash->shared = 0;
}

void moot_store_crash_deinit(struct moot_store_crash *crash)
{
    if (crash->shared != NULL) {
        (void)munmap((void *)(uintptr_t)crash->shared, sizeof(uint64_t));
        crash->shared = NULL;
    }
}

void moot_store_crash_point(struct moot_store_crash *crash)
{
    crash->count++;
    if (crash->shared != NULL) {
        *crash->shared = crash->count;
    }
    if (crash->count == crash->at) {
        (void)kill(getpid(), SIGKILL);
        for (;;) {
            (void)pause();
        }
    }
}
