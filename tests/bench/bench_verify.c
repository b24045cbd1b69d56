/*
 * What a join would cost if every fact carried its own signature: runs of one fact, verified on two
 * threads. The number that the cold join is compared with. Usage: bench_verify [facts]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "journal/run.h"

#define FACTS 20000u
#define VALUE_BYTES 200u
#define TRIES 3

struct half {
    struct moot_identity identity;
    struct moot_digest chain;
    uint32_t facts;
    uint8_t *memory;
    struct moot_bytes *runs;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench_verify: %s failed\n", what);
        exit(1);
    }
}

static void build(struct half *half, uint8_t number, uint32_t facts)
{
    static uint8_t payload[VALUE_BYTES];
    uint8_t seed[32] = {number};
    struct moot_chain_tail tail = {0};
    size_t capacity = 256 + VALUE_BYTES + 64;
    half->facts = facts;
    half->chain.b[0] = number;
    half->memory = (uint8_t *)malloc(facts * capacity);
    half->runs = (struct moot_bytes *)calloc(facts, sizeof *half->runs);
    check(half->memory != NULL && half->runs != NULL, "allocating");
    moot_identity_init(&half->identity, seed);
    for (uint32_t i = 0; i < facts; i++) {
        struct moot_run_builder builder;
        struct moot_verified_run made;
        struct moot_header header = {.epoch = 1, .lamport = i + 1, .protocol = 1, .kind = 64};
        struct moot_digest id;
        moot_run_builder_init(&builder, &half->chain, &tail, half->memory + i * capacity, capacity);
        check(moot_run_builder_add(&builder, &header, moot_bytes_of(payload, sizeof payload),
                                   &id) == MOOT_OK &&
                  moot_run_builder_finish(&builder, &half->identity, &made) == MOOT_OK,
              "building");
        half->runs[i] = made.run.encoded;
        tail = made.after;
    }
}

static void *verify(void *context)
{
    const struct half *half = (const struct half *)context;
    struct moot_chain_tail tail = {0};
    for (uint32_t i = 0; i < half->facts; i++) {
        struct moot_run run;
        struct moot_verified_run verified;
        check(moot_run_decode(half->runs[i], &run) == MOOT_OK &&
                  moot_run_verify(&run, &half->identity.key, &tail, &verified) == MOOT_OK,
              "verifying");
        tail = verified.after;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct half halves[2];
    unsigned long facts = argc > 1 ? strtoul(argv[1], NULL, 10) : FACTS;
    check(facts >= 2 && facts <= 1000000 && moot_crypto_init(), "starting");
    double best = 0;
    for (uint8_t i = 0; i < 2; i++) {
        build(&halves[i], (uint8_t)(i + 1), (uint32_t)facts / 2);
    }
    for (int try = 0; try < TRIES; try++) {
        pthread_t other;
        double start = now_s();
        check(pthread_create(&other, NULL, verify, &halves[1]) == 0, "starting a thread");
        (void)verify(&halves[0]);
        check(pthread_join(other, NULL) == 0, "joining a thread");
        double seconds = now_s() - start;
        best = best == 0 || seconds < best ? seconds : best;
    }
    printf("every fact verified, two threads %10.0f facts/s\n", (double)facts / best);
    for (int i = 0; i < 2; i++) {
        free(halves[i].memory);
        free(halves[i].runs);
    }
    return 0;
}
