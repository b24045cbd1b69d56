/* GET /v1/journal/stats and /v1/journal/log: what the journal holds, in numbers and in order. */
#include <stdio.h>
#include <string.h>

#include "journal/log_row.h"
#include "journal/run.h"
#include "node/api_internal.h"

static json_t *counts_json(const uint64_t counts[MOOT_STATUS_END])
{
    json_t *object = json_object();
    for (int status = 1; status < MOOT_STATUS_END; status++) {
        if (counts[status] != 0) {
            moot_json_put(object, moot_status_info((enum moot_status)status)->name,
                          moot_json_number(counts[status]));
        }
    }
    return object;
}

enum moot_status moot_api_get_stats(struct moot_request *request)
{
    struct moot_view_stats view;
    moot_view_stats(moot_api_env(request), &view);
    json_t *answer = request->answer = moot_json_answer("moot.stats/1");
    moot_json_put(answer, "facts", moot_json_number(view.facts));
    moot_json_put(answer, "bytes", moot_json_number(view.bytes));
    moot_json_put(answer, "chains", moot_json_number(view.chains));
    moot_json_put(answer, "objects", moot_json_number(view.objects));
    moot_json_put(answer, "records", moot_json_number(view.records));
    moot_json_put(answer, "loose", moot_json_number(view.loose));
    moot_json_put(answer, "epoch", moot_json_number(view.epoch));
    moot_json_put(answer, "frontier_digest", moot_json_digest(&view.frontier_digest));
    moot_json_put(answer, "state_digest",
                  view.unread == 0 && view.settled ? moot_json_digest(&view.state_digest)
                                                   : json_null());
    moot_json_put(answer, "unread", moot_json_number(view.unread));
    moot_json_put(answer, "settled", json_boolean(view.settled));
    json_t *base = json_object();
    moot_json_put(base, "epoch", view.has_base ? moot_json_number(view.base_epoch) : json_null());
    moot_json_put(base, "digest",
                  view.has_base ? moot_json_digest(&view.base_digest) : json_null());
    moot_json_put(answer, "base", base);
    moot_json_put(answer, "pending", moot_json_number(view.pending));
    moot_json_put(answer, "refused", counts_json(view.refused));
    moot_json_put(answer, "void", counts_json(view.voids));
    moot_json_put(answer, "memory", moot_api_memory_json(request));
    return MOOT_OK;
}

/* ---- the log ---- */

#define LOG_LIMIT_STANDARD 50
#define LOG_LIMIT_MOST 1000

static json_t *kind_json(uint16_t kind)
{
    const struct moot_kind_info *info = moot_kind_find(kind);
    if (info != NULL) {
        return json_string_nocheck(info->name);
    }
    char text[16];
    (void)snprintf(text, sizeof text, "kind %u", (unsigned)kind);
    return json_string(text);
}

static json_t *void_json(const struct moot_engine_env *env, const struct moot_digest *chain,
                         uint64_t seq)
{
    uint8_t key[sizeof chain->b + 8];
    memcpy(key, chain->b, sizeof chain->b);
    moot_u64_put(key + sizeof chain->b, seq);
    const struct moot_void *row =
        moot_map_get(env->pool, &moot_view_state(env)->voids, moot_bytes_of(key, sizeof key));
    return row != NULL ? json_string_nocheck(moot_status_info(row->reason)->name) : json_null();
}

static json_t *fact_json(const struct moot_engine_env *env, const struct moot_digest *chain_id,
                         const struct moot_fact *fact)
{
    const struct moot_chain *chain = moot_state_chain(moot_view_state(env), env->pool, chain_id);
    char id[64];
    char start[17];
    moot_hex_format(moot_bytes_of(chain_id->b, 8), start);
    (void)snprintf(id, sizeof id, "%s/%llu", start, (unsigned long long)fact->header.seq);
    json_t *entry = json_object();
    moot_json_put(entry, "author",
                  chain != NULL ? moot_json_name(env, &chain->author) : json_null());
    moot_json_put(entry, "device", chain != NULL ? moot_json_key(&chain->author) : json_null());
    moot_json_put(entry, "chain", moot_json_digest(chain_id));
    moot_json_put(entry, "seq", moot_json_number(fact->header.seq));
    moot_json_put(entry, "epoch", moot_json_number(fact->header.epoch));
    moot_json_put(entry, "lamport", moot_json_number(fact->header.lamport));
    moot_json_put(entry, "protocol", moot_json_number(fact->header.protocol));
    moot_json_put(entry, "kind", kind_json(fact->header.kind));
    moot_json_put(entry, "id", json_string_nocheck(id));
    moot_json_put(entry, "bytes", moot_json_number(fact->payload.size));
    moot_json_put(entry, "wall_s", moot_json_number(fact->header.wall_s));
    moot_json_put(entry, "void", void_json(env, chain_id, fact->header.seq));
    return entry;
}

/* Facts of one run, newest first, behind what is there. */
static enum moot_status push_run(const struct moot_engine_env *env, json_t *facts,
                                 struct moot_bytes row, uint64_t limit)
{
    struct moot_run run;
    struct moot_bytes encoded;
    uint32_t index;
    if (moot_log_row_check(row, &index, &encoded) != MOOT_OK ||
        moot_run_decode(encoded, &run) != MOOT_OK) {
        return MOOT_STORE_DAMAGED;
    }
    static const struct moot_digest unknown;
    struct moot_run_reader reader;
    moot_run_reader_init(&reader, &run, &unknown, false);
    json_t *forwards = json_array();
    struct moot_fact fact;
    while (moot_run_reader_next(&reader, &fact)) {
        moot_json_push(forwards, fact_json(env, &run.chain, &fact));
    }
    for (size_t i = json_array_size(forwards); i > 0 && json_array_size(facts) < limit; i--) {
        moot_json_push(facts, json_incref(json_array_get(forwards, i - 1)));
    }
    json_decref(forwards);
    return MOOT_OK;
}

enum moot_status moot_api_get_log(struct moot_request *request)
{
    const struct moot_engine_env *env = moot_api_env(request);
    uint64_t limit;
    enum moot_status status = moot_api_query_number(request, "limit", LOG_LIMIT_STANDARD, &limit);
    if (status != MOOT_OK) {
        return status;
    }
    if (limit > LOG_LIMIT_MOST) {
        limit = LOG_LIMIT_MOST;
    }
    json_t *facts = json_array();
    uint64_t lsn = UINT64_MAX;
    while (status == MOOT_OK && json_array_size(facts) < limit) {
        uint8_t key[8];
        struct moot_store_row row;
        moot_u64_put(key, lsn);
        status = env->store->at_or_before(env->store->self, MOOT_TABLE_LOG,
                                          moot_bytes_of(key, sizeof key), &row);
        if (status == MOOT_OK && row.key.size != sizeof key) {
            status = MOOT_STORE_DAMAGED;
        }
        if (status != MOOT_OK) {
            break;
        }
        lsn = moot_u64_get(row.key.data);
        status = push_run(env, facts, row.value, limit);
        if (lsn-- == 0) {
            break;
        }
    }
    env->store->release(env->store->self);
    request->answer = moot_json_answer("moot.log/1");
    moot_json_put(request->answer, "facts", facts);
    return status == MOOT_NOT_FOUND ? MOOT_OK : status;
}
