/*
 * Whatever decodes as a run can be read to its end, re-hashed without a crash, and, built again from
 * what was read, has the same bytes up to the signature.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "journal/admit.h"

#define SIGNATURE_VALUE_BYTES 66u

static void require(bool good)
{
    if (!good) {
        abort();
    }
}

static void rebuild(const struct moot_run *run, const struct moot_chain_tail *before)
{
    static uint8_t memory[MOOT_RUN_ENCODED_BYTES_MAX];
    static struct moot_identity identity; /* fixed: seed zero */
    uint8_t seed[32] = {0};
    struct moot_run_builder builder;
    struct moot_run_reader reader;
    struct moot_verified_run made, verified;
    struct moot_fact fact;
    struct moot_digest id;
    moot_identity_init(&identity, seed);
    moot_run_builder_init(&builder, &run->chain, before, memory, sizeof memory);
    moot_run_reader_init(&reader, run, &before->id, true);
    while (moot_run_reader_next(&reader, &fact)) {
        require(moot_run_builder_add(&builder, &fact.header, fact.payload, &id) == MOOT_OK);
        require(moot_digest_equal(&id, &fact.id));
    }
    require(moot_run_builder_finish(&builder, &identity, &made) == MOOT_OK);
    require(made.run.encoded.size == run->encoded.size);
    require(memcmp(made.run.encoded.data, run->encoded.data,
                   run->encoded.size - SIGNATURE_VALUE_BYTES) == 0);
    require(moot_run_verify(&made.run, &identity.key, before, &verified) == MOOT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct moot_run run;
    struct moot_verified_run verified;
    require(moot_crypto_init());
    if (moot_run_decode(moot_bytes_of(data, size), &run) != MOOT_OK) {
        return 0;
    }
    struct moot_run_reader reader;
    struct moot_fact fact;
    uint32_t count = 0;
    moot_run_reader_init(&reader, &run, NULL, false);
    while (moot_run_reader_next(&reader, &fact)) {
        count++;
    }
    require(count == run.fact_count);
    struct moot_chain_tail before = {.seq = run.first_seq - 1};
    if (before.seq > 0) {
        before.id.b[0] = 1;
    }
    if (moot_run_rehash(&run, &before, &verified) == MOOT_OK &&
        before.seq < UINT64_MAX - MOOT_RUN_FACTS_MAX) {
        rebuild(&run, &before);
    }
    return 0;
}
