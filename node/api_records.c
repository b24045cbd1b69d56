/* GET /v1/records and one record, with every value that stands beside the one shown. */
#include <string.h>

#include "node/api_internal.h"

#define RECORDS_LIMIT_MOST 1000

static const struct moot_chain *chain_of(const struct moot_engine_env *env,
                                         const struct moot_digest *id)
{
    return moot_state_chain(moot_view_state(env), env->pool, id);
}

static json_t *author_json(const struct moot_engine_env *env, const struct moot_record_value *value)
{
    const struct moot_chain *chain = chain_of(env, &value->chain);
    return chain != NULL ? moot_json_name(env, &chain->author) : json_null();
}

static void put_value(const struct moot_engine_env *env, json_t *object,
                      const struct moot_record_value *value)
{
    const struct moot_chain *chain = chain_of(env, &value->chain);
    if (value->tombstone) {
        moot_json_put(object, "value", json_null());
    } else {
        moot_json_put_bytes(object, "value", "value_base64",
                            moot_blob_get(env->pool, value->value));
    }
    moot_json_put(object, "tombstone", json_boolean(value->tombstone));
    moot_json_put(object, "author", author_json(env, value));
    moot_json_put(object, "device", chain != NULL ? moot_json_key(&chain->author) : json_null());
    moot_json_put(object, "seq", moot_json_number(value->seq));
    moot_json_put(object, "epoch", moot_json_number(value->epoch));
    moot_json_put(object, "lamport", moot_json_number(value->lamport));
    moot_json_put(object, "wall_s", moot_json_number(value->wall_s));
}

static json_t *values_json(const struct moot_engine_env *env, const struct moot_record *record)
{
    json_t *values = json_array();
    for (uint32_t i = 0; i < record->values.count; i++) {
        json_t *entry = json_object();
        put_value(env, entry, moot_list_at(env->pool, &record->values, i));
        moot_json_push(values, entry);
    }
    return values;
}

enum moot_status moot_api_get_record(struct moot_request *request)
{
    const struct moot_engine_env *env = moot_api_env(request);
    const struct moot_state *state = moot_view_state(env);
    struct moot_bytes key = moot_bytes_of(request->argument, request->argument_size);
    uint64_t all;
    enum moot_status status = moot_api_query_number(request, "all", 0, &all);
    if (status != MOOT_OK) {
        return status;
    }
    if (!state->founded) {
        return MOOT_NO_MESH;
    }
    if (key.size > MOOT_RECORD_KEY_BYTES_MAX) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "a key is at most %d bytes",
                              MOOT_RECORD_KEY_BYTES_MAX);
    }
    const struct moot_record *record = moot_state_record(state, env->pool, key);
    const struct moot_record_value *shown =
        record != NULL ? moot_record_shown(record, env->pool) : NULL;
    if (shown == NULL) {
        return moot_error_set(&request->error, MOOT_NOT_FOUND, "no record of that key");
    }
    if (shown->tombstone && all == 0) {
        return moot_error_set(&request->error, MOOT_NOT_FOUND, "the record was deleted");
    }
    json_t *answer = request->answer = moot_json_answer("moot.record/1");
    moot_json_put_bytes(answer, "key", "key_base64", key);
    put_value(env, answer, shown);
    moot_json_put(answer, "concurrent", moot_json_number(record->values.count));
    if (all != 0) {
        moot_json_put(answer, "values", values_json(env, record));
    }
    return MOOT_OK;
}

static json_t *row_json(const struct moot_engine_env *env, struct moot_bytes key,
                        const struct moot_record *record, const struct moot_record_value *shown)
{
    json_t *row = json_object();
    moot_json_put_bytes(row, "key", "key_base64", key);
    moot_json_put(row, "tombstone", json_boolean(shown->tombstone));
    moot_json_put(row, "concurrent", moot_json_number(record->values.count));
    moot_json_put(row, "epoch", moot_json_number(shown->epoch));
    moot_json_put(row, "author", author_json(env, shown));
    return row;
}

enum moot_status moot_api_get_records(struct moot_request *request)
{
    const struct moot_engine_env *env = moot_api_env(request);
    const struct moot_state *state = moot_view_state(env);
    char prefix[MOOT_API_PATH_BYTES_MAX + 1], after[MOOT_API_PATH_BYTES_MAX + 1];
    size_t prefix_size, after_size;
    uint64_t limit;
    enum moot_status status = moot_api_query_number(request, "limit", RECORDS_LIMIT_MOST, &limit);
    if (status == MOOT_OK) {
        status = moot_api_query_text(request, "prefix", prefix, &prefix_size);
    }
    if (status == MOOT_OK) {
        status = moot_api_query_text(request, "after", after, &after_size);
    }
    if (status != MOOT_OK) {
        return status;
    }
    if (!state->founded) {
        return MOOT_NO_MESH;
    }
    if (limit > RECORDS_LIMIT_MOST || limit == 0) {
        limit = RECORDS_LIMIT_MOST;
    }
    json_t *rows = json_array();
    json_t *next = json_null();
    struct moot_map_item item;
    bool more =
        after_size > 0
            ? moot_map_after(env->pool, &state->records, moot_bytes_of(after, after_size), &item)
            : moot_map_from(env->pool, &state->records, moot_bytes_of(prefix, prefix_size), &item);
    struct moot_bytes last = {0};
    for (; more && item.key.size >= prefix_size && memcmp(item.key.data, prefix, prefix_size) == 0;
         more = moot_map_after(env->pool, &state->records, item.key, &item)) {
        const struct moot_record *record = item.value;
        const struct moot_record_value *shown = moot_record_shown(record, env->pool);
        if (shown == NULL) {
            continue;
        }
        if (json_array_size(rows) == limit) {
            json_decref(next);
            next = moot_json_text(last);
            break;
        }
        moot_json_push(rows, row_json(env, item.key, record, shown));
        last = item.key;
    }
    request->answer = moot_json_answer("moot.records/1");
    moot_json_put(request->answer, "records", rows);
    moot_json_put(request->answer, "next", next);
    return MOOT_OK;
}
