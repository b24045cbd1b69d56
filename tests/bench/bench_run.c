/*
 * Facts a second, one core: building, verifying and re-hashing runs, beside checking one Ed25519
 * signature for every fact. Usage: bench_run [facts [payload bytes [facts a run]]]
 * Nothing here fails for being slow; a wrong result ends the program with 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/base/attr.h"
#include "journal/run.h"

#define FACTS 1000000u
#define PAYLOAD_BYTES 200u
#define PER_RUN MOOT_RUN_FACTS_MAX
#define SIGNATURE_FACTS 5000u /* enough for a rate */

struct bench {
    struct moot_identity identity;
    struct moot_digest chain;
    struct moot_bytes *runs; /* in `memory` */
    uint32_t run_count;
    uint8_t *memory;
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
        fprintf(stderr, "bench_run: %s failed\n", what);
        exit(1);
    }
}

static void line(const char *what, uint32_t facts, double seconds)
{
    printf("%-28s %10.0f facts/s %8.3f us/fact\n", what, facts / seconds, seconds * 1e6 / facts);
}

static struct moot_chain_tail build(struct bench *bench, uint32_t facts, uint32_t payload_size,
                                    uint32_t per_run)
{
    static uint8_t payload[MOOT_PAYLOAD_BYTES_MAX];
    struct moot_chain_tail tail = {0};
    uint8_t *at = bench->memory;
    for (uint32_t done = 0; done < facts;) {
        struct moot_run_builder builder;
        struct moot_verified_run made;
        uint32_t count = facts - done < per_run ? facts - done : per_run;
        size_t capacity = 256 + (size_t)count * (payload_size + 64);
        moot_run_builder_init(&builder, &bench->chain, &tail, at, capacity);
        for (uint32_t i = 0; i < count; i++) {
            struct moot_header header = {.epoch = 1,
                                         .lamport = done + i + 1,
                                         .protocol = 1,
                                         .kind = 64,
                                         .wall_s = 1700000000};
            struct moot_digest id;
            memcpy(payload, &header.lamport, sizeof header.lamport);
            check(moot_run_builder_add(&builder, &header, moot_bytes_of(payload, payload_size),
                                       &id) == MOOT_OK,
                  "building");
        }
        check(moot_run_builder_finish(&builder, &bench->identity, &made) == MOOT_OK, "finishing");
        bench->runs[bench->run_count++] = made.run.encoded;
        at += capacity;
        tail = made.after;
        done += count;
    }
    return tail;
}

static struct moot_chain_tail walk(const struct bench *bench, bool verify)
{
    struct moot_chain_tail tail = {0};
    for (uint32_t i = 0; i < bench->run_count; i++) {
        struct moot_run run;
        struct moot_verified_run verified;
        check(moot_run_decode(bench->runs[i], &run) == MOOT_OK, "decoding");
        check((verify ? moot_run_verify(&run, &bench->identity.key, &tail, &verified)
                      : moot_run_rehash(&run, &tail, &verified)) == MOOT_OK,
              "verifying");
        tail = verified.after;
    }
    return tail;
}

static uint32_t read_only(const struct bench *bench)
{
    uint32_t facts = 0;
    for (uint32_t i = 0; i < bench->run_count; i++) {
        struct moot_run run;
        struct moot_run_reader reader;
        struct moot_fact fact;
        check(moot_run_decode(bench->runs[i], &run) == MOOT_OK, "decoding");
        moot_run_reader_init(&reader, &run, NULL, false);
        while (moot_run_reader_next(&reader, &fact)) {
            facts++;
        }
    }
    return facts;
}

static void signatures(const struct bench *bench, const struct moot_digest *id)
{
    struct moot_signature signature;
    moot_head_sign(&bench->identity, &bench->chain, 1, id, &signature);
    double start = now_s();
    for (uint32_t i = 0; i < SIGNATURE_FACTS; i++) {
        check(moot_head_verify(&bench->identity.key, &bench->chain, 1, id, &signature), "a head");
    }
    line("Ed25519 for every fact", SIGNATURE_FACTS, now_s() - start);
}

static uint32_t argument(int argc, char **argv, int at, uint32_t otherwise, uint32_t max)
{
    unsigned long value = argc > at ? strtoul(argv[at], NULL, 10) : otherwise;
    check(value >= 1 && value <= max, "reading the arguments");
    return (uint32_t)value;
}

int main(int argc, char **argv)
{
    uint32_t facts = argument(argc, argv, 1, FACTS, 10000000);
    uint32_t payload_size = argument(argc, argv, 2, PAYLOAD_BYTES, 8192);
    uint32_t per_run = argument(argc, argv, 3, PER_RUN, MOOT_RUN_FACTS_MAX);
    struct bench bench = {.chain = {{1}}};
    uint8_t seed[32] = {1};
    check(payload_size >= 4 && moot_crypto_init(), "starting");
    moot_identity_init(&bench.identity, seed);
    size_t run_max = facts / per_run + 1;
    bench.runs = calloc(run_max, sizeof *bench.runs);
    bench.memory = malloc(run_max * 256 + (size_t)facts * (payload_size + 64));
    check(bench.runs != NULL && bench.memory != NULL, "allocating");

    double start = now_s();
    struct moot_chain_tail built = build(&bench, facts, payload_size, per_run);
    line("build and sign runs", facts, now_s() - start);
    start = now_s();
    struct moot_chain_tail verified = walk(&bench, true);
    line("decode and verify runs", facts, now_s() - start);
    start = now_s();
    struct moot_chain_tail rehashed = walk(&bench, false);
    line("decode and rehash runs", facts, now_s() - start);
    start = now_s();
    check(read_only(&bench) == facts, "reading");
    line("decode and read, no hashing", facts, now_s() - start);
    check(moot_digest_equal(&built.id, &verified.id) && moot_digest_equal(&built.id, &rehashed.id),
          "comparing heads");
    signatures(&bench, &built.id);
    free(bench.memory);
    free(bench.runs);
    return 0;
}
