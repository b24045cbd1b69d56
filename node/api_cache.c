/*
 * The cache: GET and POST of one key, what a get would find, counters; and the proposal that invalidates
 * keys everywhere. Everything but the proposal concerns this node alone.
 */
#include "node/api_internal.h"
#include "node/config_parse.h"

static enum moot_status key_of(struct moot_request *request, struct moot_bytes *ret)
{
    *ret = moot_bytes_of(request->argument, request->argument_size);
    if (ret->size > MOOT_RECORD_KEY_BYTES_MAX) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "a key is at most %d bytes",
                              MOOT_RECORD_KEY_BYTES_MAX);
    }
    return MOOT_OK;
}

static json_t *epoch_or_null(uint32_t epoch)
{
    return epoch != 0 ? moot_json_number(epoch) : json_null();
}

enum moot_status moot_api_do_cache_get(struct moot_request *request)
{
    request->call.kind = MOOT_CALL_CACHE_GET;
    return key_of(request, &request->call.key);
}

static json_t *begin_answer(struct moot_request *request, const char *schema,
                            const struct moot_reply *reply)
{
    request->answer = moot_json_answer(schema);
    moot_json_put_bytes(request->answer, "key", "key_base64", request->call.key);
    moot_json_put(request->answer, "epoch", moot_json_number(reply->epoch));
    moot_json_put(request->answer, "floor", epoch_or_null(reply->floor));
    return request->answer;
}

enum moot_status moot_api_did_cache_get(struct moot_request *request,
                                        const struct moot_reply *reply)
{
    json_t *answer = begin_answer(request, "moot.cache-entry/1", reply);
    moot_json_put_bytes(answer, "value", "value_base64", reply->payload);
    return MOOT_OK;
}

enum moot_status moot_api_do_cache_set(struct moot_request *request)
{
    request->call.kind = MOOT_CALL_CACHE_SET;
    enum moot_status status = key_of(request, &request->call.key);
    return status == MOOT_OK ? moot_api_value(request, false) : status;
}

enum moot_status moot_api_did_cache_set(struct moot_request *request,
                                        const struct moot_reply *reply)
{
    (void)begin_answer(request, "moot.cached/1", reply);
    return MOOT_OK;
}

enum moot_status moot_api_get_cache_check(struct moot_request *request)
{
    const struct moot_engine_env *env = moot_api_env(request);
    struct moot_bytes key;
    struct moot_view_cached view;
    enum moot_status status = key_of(request, &key);
    if (status != MOOT_OK) {
        return status;
    }
    if (!moot_view_state(env)->founded) {
        return MOOT_NO_MESH;
    }
    moot_view_cached(env, key, &view);
    json_t *answer = request->answer = moot_json_answer("moot.cache-check/1");
    moot_json_put_bytes(answer, "key", "key_base64", key);
    moot_json_put(answer, "held", json_boolean(view.held));
    moot_json_put(answer, "served", json_boolean(view.served));
    moot_json_put(answer, "epoch", epoch_or_null(view.epoch));
    moot_json_put(answer, "floor", epoch_or_null(view.floor));
    moot_json_put(answer, "bytes", view.held ? moot_json_number(view.bytes) : json_null());
    moot_json_put(answer, "epoch_now", moot_json_number(moot_view_state(env)->epoch));
    return MOOT_OK;
}

enum moot_status moot_api_get_cache(struct moot_request *request)
{
    struct moot_view_cache view;
    moot_view_cache(moot_api_env(request), &view);
    json_t *answer = request->answer = moot_json_answer("moot.cache/1");
    moot_json_put(answer, "entries", moot_json_number(view.entries));
    moot_json_put(answer, "entries_max", moot_json_number(MOOT_CACHE_KEYS_MAX));
    moot_json_put(answer, "bytes", moot_json_number(view.bytes));
    moot_json_put(answer, "bytes_max", moot_json_number(MOOT_CACHE_BYTES_MAX));
    moot_json_put(answer, "hits", moot_json_number(view.hits));
    moot_json_put(answer, "misses", moot_json_number(view.misses));
    moot_json_put(answer, "invalidated", moot_json_number(view.invalidated));
    moot_json_put(answer, "stored", moot_json_number(view.stored));
    moot_json_put(answer, "evicted", moot_json_number(view.evicted));
    moot_json_put(answer, "floors", moot_json_number(view.floors));
    return MOOT_OK;
}

/* ---- the proposal ---- */

static void entries_add(struct moot_request *request, const char *member, bool prefix)
{
    const json_t *texts = json_object_get(request->input, member);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *text = json_array_get(texts, i);
        request->entries[request->call.entry_count++] = (struct moot_cache_entry){
            .prefix = prefix,
            .key = moot_bytes_of(json_string_value(text), json_string_length(text))};
    }
}

enum moot_status moot_api_do_propose_cache(struct moot_request *request)
{
    size_t count = json_array_size(json_object_get(request->input, "keys")) +
                   json_array_size(json_object_get(request->input, "prefixes"));
    if (count == 0 || count > MOOT_CACHE_ENTRIES_MAX) {
        return moot_error_set(&request->error, count == 0 ? MOOT_BAD_ARGUMENT : MOOT_LIMIT,
                              "'keys' and 'prefixes' name 1 to %d in all", MOOT_CACHE_ENTRIES_MAX);
    }
    request->call.kind = MOOT_CALL_PROPOSE_CACHE;
    entries_add(request, "keys", false);
    entries_add(request, "prefixes", true);
    request->call.entries = request->entries;
    if (json_object_get(request->input, "floor") != NULL) {
        request->call.floor = moot_api_epoch(request, "floor");
        if (request->call.floor == 0) {
            return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "'floor' is an epoch");
        }
    }
    return MOOT_OK;
}
