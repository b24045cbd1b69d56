/*
 * Runs: building our own.
 * Happy path: init, add up to 64 facts, finish. The facts are written behind room for the longest
 * front; finish puts the real front directly before them, so no payload is moved:
 *
 *   | room ... | front: array[4], chain id, first seq, array[n] | fact | fact | ... | signature |
 *
 * Failures: a fact that cannot be added leaves the builder as it was.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "journal/run.h"

#define RUN_VALUES 4u
#define FACT_VALUES 7u
#define FRONT_BYTES_MAX (1u + 34u + 9u + 3u) /* 64 facts at most: array16 is the longest */
#define SIGNATURE_VALUE_BYTES (2u + 64u)

void moot_run_builder_init(struct moot_run_builder *builder, const struct moot_digest *chain,
                           const struct moot_chain_tail *before, void *memory, size_t capacity)
{
    MOOT_REQUIRE(before->seq < UINT64_MAX - MOOT_RUN_FACTS_MAX);
    *builder = (struct moot_run_builder){.before = *before, .after = *before, .chain = *chain};
    moot_writer_init(&builder->writer, memory, capacity);
    if (capacity < FRONT_BYTES_MAX) {
        moot_writer_fail(&builder->writer, MOOT_OVERSIZED);
    } else {
        builder->writer.size = FRONT_BYTES_MAX;
    }
}

static void write_fact(struct moot_writer *writer, const struct moot_header *header,
                       bool fork_id_changes, struct moot_bytes payload)
{
    moot_write_array(writer, FACT_VALUES);
    if (fork_id_changes) {
        moot_write_bin(writer, moot_bytes_of(header->fork_id.b, sizeof header->fork_id.b));
    } else {
        moot_write_nil(writer);
    }
    moot_write_uint(writer, header->epoch);
    moot_write_uint(writer, header->lamport);
    moot_write_uint(writer, header->protocol);
    moot_write_uint(writer, header->kind);
    moot_write_uint(writer, header->wall_s);
    moot_write_bin(writer, payload);
}

enum moot_status moot_run_builder_add(struct moot_run_builder *builder, struct moot_header *header,
                                      struct moot_bytes payload, struct moot_digest *ret_id)
{
    bool empty = builder->fact_count == 0;
    if (payload.size > MOOT_PAYLOAD_BYTES_MAX) {
        return MOOT_OVERSIZED;
    }
    if (builder->fact_count == MOOT_RUN_FACTS_MAX ||
        payload.size > MOOT_RUN_BYTES_MAX - builder->payload_bytes) {
        return MOOT_LIMIT;
    }
    struct moot_writer writer = builder->writer;
    bool changes = empty || !moot_fork_id_equal(header->fork_id, builder->after.fork_id);
    write_fact(&writer, header, changes, payload);
    if (writer.status != MOOT_OK || writer.capacity - writer.size < SIGNATURE_VALUE_BYTES) {
        return empty ? MOOT_OVERSIZED : MOOT_LIMIT; /* another run would not help an empty one */
    }
    struct moot_header filled = *header;
    filled.seq = builder->after.seq + 1;
    filled.prev = builder->after.id;
    filled.payload_size = (uint32_t)payload.size;
    moot_payload_hash(payload, &filled.payload_hash);
    struct moot_digest id;
    moot_fact_id(&builder->chain, &filled, &id);
    enum moot_status status = moot_chain_tail_advance(&builder->after, &filled, &id);
    if (status != MOOT_OK) {
        return status;
    }
    builder->writer = writer;
    builder->fact_count++;
    builder->payload_bytes += payload.size;
    *header = filled;
    *ret_id = id;
    return MOOT_OK;
}

enum moot_status moot_run_builder_finish(struct moot_run_builder *builder,
                                         const struct moot_identity *identity,
                                         struct moot_verified_run *ret)
{
    struct moot_writer *writer = &builder->writer;
    MOOT_REQUIRE(builder->fact_count > 0 && writer->status == MOOT_OK);

    uint8_t front_bytes[FRONT_BYTES_MAX];
    struct moot_writer front;
    moot_writer_init(&front, front_bytes, sizeof front_bytes);
    moot_write_array(&front, RUN_VALUES);
    moot_write_digest(&front, &builder->chain);
    moot_write_uint(&front, builder->before.seq + 1);
    size_t count_at = front.size;
    moot_write_array(&front, builder->fact_count);
    MOOT_ENSURE(front.status == MOOT_OK);
    uint8_t *start = writer->data + (FRONT_BYTES_MAX - front.size);
    memcpy(start, front_bytes, front.size);

    size_t facts_end = writer->size;
    struct moot_run run = {.chain = builder->chain,
                           .first_seq = builder->before.seq + 1,
                           .fact_count = builder->fact_count};
    moot_head_sign(identity, &builder->chain, builder->after.seq, &builder->after.id,
                   &run.head_signature);
    moot_write_signature(writer, &run.head_signature);
    MOOT_ENSURE(writer->status == MOOT_OK); /* add kept the room for it */
    run.encoded = moot_bytes_of(start, (size_t)(writer->data + writer->size - start));
    run.facts =
        moot_bytes_of(start + count_at, (size_t)(writer->data + facts_end - (start + count_at)));
    *ret =
        (struct moot_verified_run){.run = run, .before = builder->before, .after = builder->after};
    return MOOT_OK;
}
