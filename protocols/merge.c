/*
 * What comes from elsewhere, on its way in.
 *
 *   run bytes ─▶ decode ─▶ intake of its chain ─▶ job: verify ─▶ admit ─▶ fold + log + index ─▶ commit
 *   object bytes ─▶ decode ─▶ check (signatures) ─▶ merge ─▶ strata 0 and 1 ─▶ judge void facts again
 *
 * One job a chain at a time, so that each run is verified against what the one before left behind.
 * Failures: counted by reason; those that blame the peer end its session.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "journal/log_row.h"
#include "protocols/hardfork.h"
#include "protocols/snapshot.h"

#define INTAKE_BYTES_MAX (4u << 20) /* waiting bytes of one chain; more are asked for again */
#define INTAKE_BYTES_ENOUGH                                                                        \
    (1u << 20) /* of one chain: no more is asked for until some are verified */
#define INTAKE_BYTES_ALL_MAX (64u << 20) /* the same of all chains: nobody has signed them yet */
#define JOB_INPUT_BYTES_MAX (2u << 20)

/* ---- verify jobs ----
 * input: device key 32 ‖ tail (as in memory) ‖ { size u32 ‖ run bytes }*
 * output: struct moot_verified_run[], pointing into the input; status: of the first that failed. */

struct verify_input {
    struct moot_key device;
    struct moot_chain_tail tail;
};

size_t moot_job_verify_arena_bytes(size_t input_size)
{
    /* A run is at least 130 bytes; each leaves one verified run behind. */
    return (input_size / 130 + 2) * (sizeof(struct moot_verified_run) + 16) + 64;
}

void moot_job_verify(const struct moot_job *job, struct moot_arena *arena,
                     enum moot_status *ret_status, struct moot_bytes *ret_output)
{
    struct verify_input head;
    struct moot_bytes input = job->input;
    *ret_output = moot_bytes_of(NULL, 0);
    MOOT_REQUIRE(input.size >= sizeof head);
    memcpy(&head, input.data, sizeof head);
    size_t at = sizeof head;
    size_t count = 0;
    struct moot_verified_run *all =
        moot_arena_take(arena, (input.size / 130 + 1) * sizeof(struct moot_verified_run));
    *ret_status = all ? MOOT_OK : MOOT_NO_MEMORY;
    while (*ret_status == MOOT_OK && at + 4 <= input.size) {
        uint32_t size = moot_u32_get(input.data + at);
        struct moot_run run;
        at += 4;
        *ret_status = moot_run_decode(moot_bytes_of(input.data + at, size), &run);
        at += size;
        if (*ret_status == MOOT_OK)
            *ret_status = moot_run_verify(&run, &head.device, &head.tail, &all[count]);
        if (*ret_status == MOOT_OK)
            head.tail = all[count++].after;
    }
    *ret_output = moot_bytes_of(all, count * sizeof *all);
}

static void waiting_drop(struct moot_step *step, struct moot_intake *intake,
                         struct moot_waiting_run *waiting)
{
    intake->waiting_bytes -= waiting->encoded.size;
    step->engine->intake_bytes -= waiting->encoded.size;
    moot_blob_clear(step->pool, &waiting->encoded);
}

/* `tail` is where the chain ends once all before what waits is merged. */
static void start_job(struct moot_step *step, const struct moot_chain *chain,
                      const struct moot_chain_tail *tail, struct moot_intake *intake)
{
    if (intake->job != 0 || intake->waiting.count == 0)
        return;
    struct verify_input head;
    memset(&head, 0, sizeof head); /* padding too: the input is compared in traces */
    head.device = chain->author;
    head.tail = *tail;
    size_t size = sizeof head;
    uint32_t take = 0, link = 0;
    while (take < intake->waiting.count && size < JOB_INPUT_BYTES_MAX) {
        const struct moot_waiting_run *run = moot_list_at(step->pool, &intake->waiting, take);
        if (take > 0 && run->link != link)
            break; /* one sender a job: who fails is who lied */
        link = run->link;
        size += 4 + run->encoded.size;
        take++;
    }
    uint8_t *input = moot_arena_take(step->arena, size);
    MOOT_INVARIANT(input != NULL);
    memcpy(input, &head, sizeof head);
    size_t at = sizeof head;
    for (uint32_t i = 0; i < take; i++) {
        struct moot_waiting_run *waiting = moot_list_at(step->pool, &intake->waiting, i);
        struct moot_bytes run = moot_blob_get(step->pool, waiting->encoded);
        moot_u32_put(input + at, waiting->encoded.size);
        memcpy(input + at + 4, run.data, run.size);
        at += 4 + run.size;
        waiting_drop(step, intake, waiting);
    }
    moot_list_drop(step->pool, &intake->waiting, take);
    struct moot_job_owner owner = {.key = chain->id, .link = link};
    moot_step_job(step, MOOT_JOB_VERIFY, &chain->id, moot_bytes_of(input, size), &owner,
                  &intake->job);
}

static void intake_clear(struct moot_step *step, struct moot_intake *intake)
{
    for (uint32_t i = 0; i < intake->waiting.count; i++)
        waiting_drop(step, intake, moot_list_at(step->pool, &intake->waiting, i));
    moot_list_clear(step->pool, &intake->waiting);
    intake->ahead_seq = 0;
}

uint64_t moot_merge_seq(const struct moot_step *step, const struct moot_chain *chain)
{
    const struct moot_intake *intake =
        moot_map_get(step->pool, &step->engine->intakes, moot_digest_bytes(&chain->id));
    return intake && intake->ahead_seq > chain->tail.seq ? intake->ahead_seq : chain->tail.seq;
}

bool moot_merge_busy(const struct moot_step *step)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->intakes, item)) {
        const struct moot_intake *intake = item.value;
        if (intake->job != 0)
            return true;
    }
    return false;
}

bool moot_merge_full(const struct moot_step *step)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->intakes, item)) {
        const struct moot_intake *intake = item.value;
        if (intake->waiting_bytes >= INTAKE_BYTES_ENOUGH)
            return true;
    }
    return false;
}

static void blame(struct moot_step *step, uint32_t link, enum moot_status why)
{
    struct moot_session *session = moot_session_of_link(step->engine, step->pool, link);
    moot_step_refuse(step, why);
    if (session)
        moot_session_end(step, session, why);
}

bool moot_merge_run_bytes(struct moot_step *step, struct moot_session *session,
                          struct moot_bytes encoded)
{
    struct moot_engine *engine = step->engine;
    struct moot_run run;
    uint32_t link = session->link;
    enum moot_status status = moot_run_decode(encoded, &run);
    if (status != MOOT_OK) {
        blame(step, link, status);
        return false;
    }
    struct moot_chain *chain = moot_state_chain(&engine->state, step->pool, &run.chain);
    if (!chain) {
        moot_step_refuse(step, MOOT_UNKNOWN_CHAIN);
        return false;
    }
    uint64_t last_seq = run.first_seq + run.fact_count - 1;
    uint64_t held_seq = moot_merge_seq(step, chain);
    if (last_seq <= held_seq || run.first_seq != held_seq + 1) {
        moot_step_refuse(step, last_seq <= held_seq ? MOOT_REPLAYED : MOOT_GAP);
        return false;
    }
    struct moot_intake *intake =
        moot_map_put(step->pool, &engine->intakes, moot_digest_bytes(&run.chain), NULL);
    if (!intake || intake->waiting_bytes + encoded.size > INTAKE_BYTES_MAX ||
        engine->intake_bytes + encoded.size > INTAKE_BYTES_ALL_MAX)
        return false; /* asked for again: the roots still differ */
    intake->waiting.item_size = sizeof(struct moot_waiting_run);
    struct moot_waiting_run *waiting = moot_list_add(step->pool, &intake->waiting);
    if (!waiting)
        return false;
    if (!moot_blob_set(step->pool, &waiting->encoded, encoded)) {
        moot_list_remove(step->pool, &intake->waiting, intake->waiting.count - 1);
        return false;
    }
    waiting->link = link;
    intake->waiting_bytes += (uint32_t)encoded.size;
    engine->intake_bytes += encoded.size;
    intake->ahead_seq = last_seq;
    start_job(step, chain, &chain->tail, intake);
    return true;
}

/* Reasons that come from timing, not from the peer: a run that arrived twice or too early. */
static bool is_timing(enum moot_status status)
{
    return status == MOOT_GAP || status == MOOT_REPLAYED;
}

void moot_merge_job_done(struct moot_step *step, const struct moot_job_owner *owner,
                         const struct moot_event *event)
{
    struct moot_engine *engine = step->engine;
    struct moot_chain *chain = moot_state_chain(&engine->state, step->pool, &owner->key);
    struct moot_intake *intake =
        moot_map_get(step->pool, &engine->intakes, moot_digest_bytes(&owner->key));
    if (!chain || !intake)
        return;
    intake->job = 0;
    if (moot_step_writable(step) != MOOT_OK) {
        moot_step_refuse(step, moot_step_writable(step));
        intake_clear(step, intake);
        return;
    }
    size_t count = event->bytes.size / sizeof(struct moot_verified_run);
    if (event->status == MOOT_OK && count > 0) {
        struct moot_verified_run last; /* the next ones can be verified while these are merged */
        memcpy(&last, event->bytes.data + (count - 1) * sizeof last, sizeof last);
        start_job(step, chain, &last.after, intake);
    }
    for (size_t i = 0; i < count; i++) {
        struct moot_verified_run verified;
        struct moot_admitted_run admitted;
        memcpy(&verified, event->bytes.data + i * sizeof verified, sizeof verified);
        enum moot_status status = moot_admit(&verified, &chain->tail, &admitted);
        if (status == MOOT_OK)
            moot_merge_admitted(step, chain, &admitted, owner->link);
        else
            moot_step_refuse(step, status);
    }
    if (event->status != MOOT_OK && is_timing(event->status)) {
        moot_step_refuse(step, event->status);
        intake_clear(step, intake);
    } else if (event->status != MOOT_OK) {
        intake_clear(step, intake);
        blame(step, owner->link, event->status);
        return;
    }
    start_job(step, chain, &chain->tail, intake);
    if (intake->job == 0)
        intake->ahead_seq = 0;
}

/* ---- merge and reduce ---- */

static void log_run(struct moot_step *step, const struct moot_chain *chain,
                    const struct moot_verified_run *verified)
{
    struct moot_engine *engine = step->engine;
    const struct moot_run *run = &verified->run;
    uint8_t lsn[MOOT_LSN_KEY_BYTES], index[MOOT_RUN_KEY_BYTES];
    size_t size = MOOT_LOG_ROW_HEAD_BYTES + run->encoded.size;
    uint8_t *row = moot_arena_take(step->arena, size);
    MOOT_INVARIANT(row != NULL);
    moot_u64_put(lsn, ++engine->lsn);
    moot_log_row_encode(chain->index, run->encoded, row);
    moot_step_put(step, MOOT_TABLE_LOG, moot_bytes_of(lsn, sizeof lsn), moot_bytes_of(row, size));
    moot_run_key(chain->index, run->first_seq, index);
    moot_step_put(step, MOOT_TABLE_RUN, moot_bytes_of(index, sizeof index),
                  moot_bytes_of(lsn, sizeof lsn));
}

static void put_chain_row(struct moot_step *step, const struct moot_chain *chain)
{
    uint8_t key[4], memory[512];
    struct moot_writer writer;
    moot_u32_put(key, chain->index);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_chain_encode(chain, &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    moot_step_put(step, MOOT_TABLE_CHAIN, moot_bytes_of(key, sizeof key),
                  moot_bytes_of(memory, writer.size));
}

/* Tells the author's own people that a fact of theirs has no effect. */
static void tell_void(struct moot_step *step, const struct moot_chain *chain,
                      const struct moot_fact *fact, enum moot_status why)
{
    if (!moot_key_equal(&chain->author, &step->engine->identity.key))
        return;
    struct moot_notice *notice = moot_step_notice(step, "fact.void", why);
    notice->number = fact->header.seq;
    notice->device = chain->author;
}

static void tell_proposed(struct moot_step *step, const struct moot_chain *chain,
                          const struct moot_fact *fact)
{
    uint16_t kind = fact->header.kind;
    const struct moot_kind_info *info = moot_kind_find(kind);
    if (!info || (info->proposes == 0 && kind != MOOT_KIND_WITHDRAWN))
        return;
    struct moot_notice *notice = moot_step_notice(
        step, kind == MOOT_KIND_WITHDRAWN ? "proposal.withdrawn" : "proposal.proposed", MOOT_OK);
    notice->device = chain->author;
    if (kind == MOOT_KIND_WITHDRAWN)
        (void)moot_withdrawn_decode(fact->payload, &notice->proposal);
    else
        moot_body_hash(fact->payload, &notice->proposal);
    step->engine->collect_wanted = true;
}

void moot_merge_admitted(struct moot_step *step, struct moot_chain *chain,
                         const struct moot_admitted_run *admitted, uint32_t from_link)
{
    struct moot_engine *engine = step->engine;
    const struct moot_verified_run *verified = &admitted->verified;
    struct moot_run_reader reader;
    struct moot_fact fact;
    uint32_t ops = step->batch.op_count;
    log_run(step, chain, verified);
    chain->tail = verified->after;
    chain->head_signature = verified->run.head_signature;
    if (from_link != 0 && moot_key_equal(&chain->author, &engine->identity.key))
        moot_append_overtaken(step);
    put_chain_row(step, chain);
    if (from_link != 0)
        step->unseen_op_count += step->batch.op_count - ops;
    engine->root_stale = true;
    moot_run_reader_init(&reader, &verified->run, &verified->before.id, false);
    while (moot_run_reader_next(&reader, &fact)) {
        struct moot_object object;
        engine->state.payload_bytes += fact.payload.size;
        if (moot_fact_envelope(&fact, &object))
            (void)moot_merge_object(step, object.encoded, from_link);
        enum moot_status status = moot_state_fold(&engine->state, step->pool, chain, &fact);
        if (status == MOOT_NO_MEMORY)
            moot_step_stop(step, status);
        else if (status != MOOT_OK)
            tell_void(step, chain, &fact, status);
        else
            tell_proposed(step, chain, &fact);
    }
    engine->folded_since_checkpoint += verified->run.fact_count;
    if (from_link == 0 || verified->run.fact_count < 8)
        moot_reconcile_fresh_run(step, verified->run.encoded, from_link);
}

/* ---- objects ---- */

static void keep_pending(struct moot_step *step, const struct moot_object *object)
{
    struct moot_engine *engine = step->engine;
    if (engine->pending.count >= MOOT_PENDING_MAX) {
        struct moot_map_item item;
        if (moot_map_first(step->pool, &engine->pending, &item)) {
            struct moot_digest id;
            memcpy(id.b, item.key.data, sizeof id.b);
            moot_blob_clear(step->pool, item.value);
            moot_map_remove(step->pool, &engine->pending, moot_digest_bytes(&id));
        }
    }
    struct moot_blob *blob =
        moot_map_put(step->pool, &engine->pending, moot_digest_bytes(&object->id), NULL);
    if (blob && blob->size == 0)
        (void)moot_blob_set(step->pool, blob, object->encoded);
}

static void tell_object(struct moot_step *step, const struct moot_object *object)
{
    static const char *const names[MOOT_SLOT_KIND_MAX + 1] = {
        [MOOT_SLOT_TURN] = "turn.certified",        [MOOT_SLOT_UPGRADE] = "proposal.certified",
        [MOOT_SLOT_ACTIVATE] = "upgrade.activated", [MOOT_SLOT_ADMIT] = "device.admitted",
        [MOOT_SLOT_CACHE] = "cache.invalidated",    [MOOT_SLOT_REMOVE] = "device.removed",
        [MOOT_SLOT_REPLACE] = "device.replaced",    [MOOT_SLOT_RENAME] = "device.renamed",
    };
    const struct moot_slot *slot = &object->certificate.statement.slot;
    if (!names[slot->kind])
        return;
    struct moot_notice *notice = moot_step_notice(step, names[slot->kind], MOOT_OK);
    notice->proposal =
        slot->kind == MOOT_SLOT_TURN ? object->certificate.statement.body : slot->proposal;
    notice->device = slot->device;
    notice->number = slot->number;
}

/* The proposer's node writes the certificate of its own proposal into its chain: the journal tells the
 * whole story, although the fold reads the object set. (UpgradeActivated: upgrade.c.) */
static void write_envelope(struct moot_step *step, const struct moot_object *object)
{
    uint16_t kind = moot_kind_envelope(object->certificate.statement.slot.kind);
    bool fork = object->body.kind == MOOT_BODY_TURN && object->body.turn.what != MOOT_TURN_ADMINS;
    if (kind == 0 || fork || /* of a hard fork the activation is carried */
        !moot_key_equal(&object->body.proposer, &step->engine->identity.key))
        return; /* ticks and activations have no proposer */
    enum moot_status status = moot_append_stage(step, kind, object->encoded, 0);
    if (status != MOOT_OK)
        moot_step_refuse(step, status);
}

enum moot_status moot_merge_object(struct moot_step *step, struct moot_bytes encoded,
                                   uint32_t from_link)
{
    struct moot_engine *engine = step->engine;
    struct moot_object object;
    struct moot_state_change change = {0};
    enum moot_status status = moot_object_decode(encoded, &object);
    if (status == MOOT_OK)
        status = moot_state_object_check(&engine->state, step->pool, &object);
    if (status == MOOT_WRONG_TIMELINE)
        keep_pending(step, &object);
    if (status != MOOT_OK) {
        if (status != MOOT_REPLAYED)
            moot_step_refuse(step, status);
        return status;
    }
    status = moot_state_object_merge(&engine->state, step->pool, &object, &change);
    if (status != MOOT_OK) {
        moot_step_stop(step, status);
        return status;
    }
    moot_step_put(step, MOOT_TABLE_OBJECT, moot_digest_bytes(&object.id), encoded);
    if (!moot_digest_is_zero(&change.dropped_object))
        moot_step_delete(step, MOOT_TABLE_OBJECT, moot_digest_bytes(&change.dropped_object));
    engine->root_stale = true;
    engine->loose_root_stale = true; /* what is worth keeping depends on what is decided */
    if (object.body.kind == MOOT_BODY_CACHE)
        moot_cache_invalidated(step, &object.body.cache);
    if (object.certificate.statement.slot.kind == MOOT_SLOT_SNAPSHOT)
        engine->last_snapshot_known = false;
    tell_object(step, &object);
    write_envelope(step, &object);
    moot_reconcile_fresh_object(step, encoded, from_link);
    moot_merge_changed(step, &change);
    return MOOT_OK;
}

void moot_merge_put_eras(struct moot_step *step)
{
    const struct moot_engine *engine = step->engine;
    for (uint32_t i = 1; i < engine->state.eras.count; i++) {
        const struct moot_era *era = moot_list_at(step->pool, &engine->state.eras, i);
        uint8_t key[8], memory[1024];
        struct moot_writer writer;
        moot_u64_put(key, era->k);
        moot_writer_init(&writer, memory, sizeof memory);
        moot_era_encode(era, &writer);
        MOOT_ENSURE(writer.status == MOOT_OK);
        moot_step_put(step, MOOT_TABLE_TURN, moot_bytes_of(key, sizeof key),
                      moot_bytes_of(memory, writer.size));
    }
}

void moot_merge_put_chains(struct moot_step *step)
{
    struct moot_map_item item;
    for (MOOT_MAP_EACH(step->pool, &step->engine->state.chains, item))
        put_chain_row(step, item.value);
}

void moot_merge_changed(struct moot_step *step, const struct moot_state_change *change)
{
    struct moot_engine *engine = step->engine;
    if (change->turned) {
        moot_merge_put_eras(step);
        const struct moot_era *era = moot_state_era(&engine->state, step->pool);
        struct moot_notice *notice = moot_step_notice(step, "turn.in_force", MOOT_OK);
        notice->proposal = era->turn_body;
        notice->number = era->epoch;
        if (moot_engine_fenced(engine, step->pool)) {
            notice = moot_step_notice(step, "fence.observed", MOOT_FENCED);
            notice->device = engine->identity.key;
            notice->number = era->epoch;
        }
    }
    if (change->epoch) {
        engine->epoch_since_ms = engine->now_ms;
        struct moot_notice *notice = moot_step_notice(step, "epoch.advanced", MOOT_OK);
        notice->number = engine->state.epoch;
    }
    engine->members_changed |= change->members;
    if (change->members)
        moot_merge_put_chains(step);
    if (change->refold) {
        /* A start must not build on what was folded under the old rules, either. */
        engine->refold_wanted = true;
        moot_step_delete(step, MOOT_TABLE_CHECKPOINT, moot_bytes_of_text("state"));
        engine->checkpoint_lsn = 0;
    }
    if (change->epoch || change->turned || change->members) {
        if (moot_state_rejudge(&engine->state, step->pool) > 0)
            engine->root_stale = true;
        engine->collect_wanted = true;
        moot_merge_pending(step);
    }
}

/* Pending objects whose timeline is followed now. Each success may settle others: until none does. */
void moot_merge_pending(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    bool more = moot_map_first(step->pool, &engine->pending, &item);
    while (more) {
        struct moot_digest id;
        struct moot_object object;
        struct moot_bytes kept = moot_blob_get(step->pool, *(struct moot_blob *)item.value);
        memcpy(id.b, item.key.data, sizeof id.b);
        enum moot_status status = moot_object_decode(kept, &object);
        if (status == MOOT_OK)
            status = moot_state_object_check(&engine->state, step->pool, &object);
        if (status != MOOT_WRONG_TIMELINE) {
            struct moot_bytes copy = moot_arena_copy(step->arena, kept);
            MOOT_INVARIANT(copy.data != NULL);
            moot_blob_clear(step->pool, item.value);
            moot_map_remove(step->pool, &engine->pending, moot_digest_bytes(&id));
            (void)moot_merge_object(step, copy, 0);
        }
        more = moot_map_after(step->pool, &engine->pending, moot_digest_bytes(&id), &item);
    }
}
