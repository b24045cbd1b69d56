/*
 * Runs: does it follow, and did the author sign it?
 * Happy path: hash payload and header of every fact, advance the tail by it, verify one signature.
 * Failures: the first rule that does not hold; *ret is left alone then. Nothing is allocated.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "journal/run.h"

/* Adds one payload to one lane's counts. */
static enum moot_status count_fact(uint32_t *facts, uint64_t *bytes, uint32_t facts_max,
                                   uint64_t bytes_max, uint32_t payload_size)
{
    if (*facts >= facts_max || *bytes > bytes_max || payload_size > bytes_max - *bytes) {
        return MOOT_OVER_QUOTA;
    }
    *facts += 1;
    *bytes += payload_size;
    return MOOT_OK;
}

enum moot_status moot_chain_tail_advance(struct moot_chain_tail *tail,
                                         const struct moot_header *header,
                                         const struct moot_digest *id)
{
    if (header->seq <= tail->seq) {
        return MOOT_REPLAYED;
    }
    if (header->seq - tail->seq != 1) {
        return MOOT_GAP;
    }
    if (!moot_digest_equal(&header->prev, &tail->id)) {
        return MOOT_BROKEN_LINK;
    }
    if (header->epoch < tail->epoch) {
        return MOOT_EPOCH_FALLS;
    }
    struct moot_chain_tail next = *tail;
    if (header->epoch > tail->epoch) {
        next.lamport = 0;
        next.lane0_facts = next.lane1_facts = 0;
        next.lane0_bytes = next.lane1_bytes = 0;
    }
    /* Equal is allowed: at the counter's end seq alone orders. Zero is below every first value. */
    if (header->lamport == 0 || header->lamport < next.lamport) {
        return MOOT_LAMPORT_FALLS;
    }
    enum moot_status status =
        header->kind <= MOOT_LANE0_KIND_MAX
            ? count_fact(&next.lane0_facts, &next.lane0_bytes, MOOT_CHAIN_EPOCH_LANE0_FACTS_MAX,
                         MOOT_CHAIN_EPOCH_LANE0_BYTES_MAX, header->payload_size)
            : count_fact(&next.lane1_facts, &next.lane1_bytes, MOOT_CHAIN_EPOCH_FACTS_MAX,
                         MOOT_CHAIN_EPOCH_BYTES_MAX, header->payload_size);
    if (status != MOOT_OK) {
        return status;
    }
    next.seq = header->seq;
    next.id = *id;
    next.epoch = header->epoch;
    next.lamport = header->lamport;
    next.fork_id = header->fork_id;
    *tail = next;
    return MOOT_OK;
}

enum moot_status moot_run_rehash(const struct moot_run *run, const struct moot_chain_tail *before,
                                 struct moot_verified_run *ret)
{
    if (run->first_seq <= before->seq) {
        return MOOT_REPLAYED;
    }
    if (run->first_seq - before->seq != 1) {
        return MOOT_GAP;
    }
    struct moot_chain_tail after = *before;
    struct moot_run_reader reader;
    struct moot_fact fact;
    moot_run_reader_init(&reader, run, &before->id, true);
    while (moot_run_reader_next(&reader, &fact)) {
        enum moot_status status = moot_chain_tail_advance(&after, &fact.header, &fact.id);
        if (status != MOOT_OK) {
            return status;
        }
    }
    MOOT_ENSURE(after.seq - before->seq == run->fact_count);
    *ret = (struct moot_verified_run){.run = *run, .before = *before, .after = after};
    return MOOT_OK;
}

enum moot_status moot_run_verify(const struct moot_run *run, const struct moot_key *device,
                                 const struct moot_chain_tail *before,
                                 struct moot_verified_run *ret)
{
    struct moot_verified_run verified;
    enum moot_status status = moot_run_rehash(run, before, &verified);
    if (status != MOOT_OK) {
        return status;
    }
    if (!moot_head_verify(device, &run->chain, verified.after.seq, &verified.after.id,
                          &run->head_signature)) {
        return MOOT_BAD_HEAD_SIGNATURE;
    }
    *ret = verified;
    return MOOT_OK;
}
