/*
 * Records: the replicated register that applications write. A put names, for every chain that wrote this
 * key, the highest sequence number held here, so that what is concurrent is known, not guessed.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/hardfork.h"
#include "protocols/snapshot.h"

/* Entries ascend by chain; the one of `chain` becomes at least `seq`. Room for one more is there. */
static void context_raise(struct moot_context_entry *entries, uint32_t *count,
                          const struct moot_digest *chain, uint64_t seq)
{
    uint32_t at = 0;
    while (at < *count && moot_digest_compare(&entries[at].chain, chain) < 0)
        at++;
    if (at == *count || !moot_digest_equal(&entries[at].chain, chain)) {
        memmove(&entries[at + 1], &entries[at], (*count - at) * sizeof entries[0]);
        entries[at] = (struct moot_context_entry){.chain = *chain};
        (*count)++;
    }
    if (entries[at].seq < seq)
        entries[at].seq = seq;
}

/* What the register has seen, and what of ours is staged for it already. */
static uint32_t context_of(const struct moot_step *step, struct moot_bytes key,
                           struct moot_context_entry **ret)
{
    const struct moot_engine *engine = step->engine;
    const struct moot_chain *own = moot_append_chain(step);
    const struct moot_record *record = moot_state_record(&engine->state, step->pool, key);
    uint32_t held = record ? record->context.count : 0;
    uint32_t values = record ? record->values.count : 0;
    struct moot_context_entry *entries =
        moot_arena_take_zeroed(step->arena, held + values + 1u, sizeof *entries);
    MOOT_INVARIANT(entries != NULL);
    uint32_t count = 0;
    for (uint32_t i = 0; i < held; i++)
        entries[count++] =
            *(struct moot_context_entry *)moot_list_at(step->pool, &record->context, i);
    for (uint32_t i = 0; i < values; i++) {
        const struct moot_record_value *value = moot_list_at(step->pool, &record->values, i);
        context_raise(entries, &count, &value->chain, value->seq);
    }
    uint64_t staged_seq = moot_append_staged_put(step, key);
    if (own && staged_seq > 0)
        context_raise(entries, &count, &own->id, staged_seq);
    *ret = entries;
    return count;
}

/* Encodes a put with its context. */
static enum moot_status encode_put(struct moot_step *step, struct moot_bytes key,
                                   const struct moot_bytes *value, struct moot_bytes *ret)
{
    struct moot_context_entry *context;
    struct moot_writer writer;
    uint32_t count = context_of(step, key, &context);
    void *memory = moot_arena_take(step->arena, MOOT_PAYLOAD_BYTES_MAX);
    MOOT_INVARIANT(memory != NULL);
    moot_writer_init(&writer, memory, MOOT_PAYLOAD_BYTES_MAX);
    moot_record_put_encode(key, value, context, count, &writer);
    *ret = moot_bytes_of(memory, writer.size);
    moot_arena_trim(step->arena, memory, writer.size);
    return writer.status;
}

enum moot_status moot_record_stage(struct moot_step *step, uint64_t call_number,
                                   struct moot_bytes key, const struct moot_bytes *value)
{
    struct moot_bytes payload;
    enum moot_status status = encode_put(step, key, value, &payload);
    if (status == MOOT_OK)
        status = moot_append_stage(step, MOOT_KIND_RECORD_PUT, payload, call_number);
    return status;
}

static enum moot_status check_put(const struct moot_step *step, const struct moot_call *call)
{
    if (!step->engine->state.founded)
        return MOOT_NO_MESH;
    if (call->key.size == 0 || call->key.size > MOOT_RECORD_KEY_BYTES_MAX)
        return MOOT_BAD_ARGUMENT;
    return call->value.size > MOOT_RECORD_VALUE_BYTES_MAX ? MOOT_OVERSIZED : MOOT_OK;
}

void moot_record_call(struct moot_step *step, uint64_t call_number, const struct moot_call *call)
{
    const struct moot_bytes *value = call->tombstone ? NULL : &call->value;
    char detail[160] = "";
    enum moot_status status = check_put(step, call);
    bool fenced = status == MOOT_OK && moot_engine_fenced(step->engine, step->pool);
    if (fenced) {
        moot_fenced_text(step->engine, step->pool, detail);
        status = MOOT_FENCED;
    }
    if (status == MOOT_OK && call->dry_run) {
        struct moot_bytes payload;
        status = encode_put(step, call->key, value, &payload);
        if (status == MOOT_OK) {
            moot_step_reply(step, call_number, MOOT_OK, "dry run")->payload = payload;
            return;
        }
    }
    if (status == MOOT_OK && !moot_fence_holds(step))
        status = moot_record_stage(step, call_number, call->key, value);
    else if (status == MOOT_OK && call->put_mode == MOOT_PUT_NO_WAIT)
        status = MOOT_FENCED;
    else if (status == MOOT_OK)
        status = moot_fence_enqueue(step, call_number, call);
    if (status == MOOT_FENCED && !fenced)
        moot_fence_describe(step, detail, sizeof detail);
    if (status != MOOT_OK)
        moot_call_refuse(step, call_number, status, detail[0] ? detail : NULL);
}
