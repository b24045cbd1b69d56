/*
 * JSON from our values. Running out of memory in the middle is remembered instead of checked at each
 * member: an answer that is not whole is thrown away as a whole. Loop thread only.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node/api_internal.h"

static bool failed;

bool moot_json_failed(void)
{
    bool was = failed;
    failed = false;
    return was;
}

void moot_json_put(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) != 0) {
        failed = true;
    }
}

void moot_json_push(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        failed = true;
    }
}

json_t *moot_json_hex(struct moot_bytes bytes)
{
    if (bytes.size <= 64) {
        char text[129];
        moot_hex_format(bytes, text);
        return json_string_nocheck(text);
    }
    char *text = malloc(bytes.size * 2 + 1);
    if (text == NULL) {
        return NULL;
    }
    moot_hex_format(bytes, text);
    json_t *value = json_string_nocheck(text);
    free(text);
    return value;
}

json_t *moot_json_digest(const struct moot_digest *digest)
{
    return moot_json_hex(moot_digest_bytes(digest));
}

json_t *moot_json_digest_or_null(const struct moot_digest *digest)
{
    return moot_digest_is_zero(digest) ? json_null() : moot_json_digest(digest);
}

json_t *moot_json_key(const struct moot_key *key)
{
    return moot_json_hex(moot_key_bytes(key));
}

json_t *moot_json_text(struct moot_bytes text)
{
    if (text.size == 0) {
        return json_string_nocheck("");
    }
    if (moot_utf8_valid(text)) {
        return json_stringn_nocheck((const char *)text.data, text.size);
    }
    char *plain = malloc(text.size);
    if (plain == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < text.size; i++) {
        plain[i] = text.data[i] >= 0x20 && text.data[i] < 0x7f ? (char)text.data[i] : '?';
    }
    json_t *value = json_stringn_nocheck(plain, text.size);
    free(plain);
    return value;
}

json_t *moot_json_number(uint64_t number)
{
    return json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number);
}

json_t *moot_json_name(const struct moot_engine_env *env, const struct moot_key *key)
{
    const struct moot_state *state = moot_view_state(env);
    const struct moot_member *member =
        state->founded ? moot_state_member_listed(state, env->pool, key) : NULL;
    if (member != NULL) {
        return moot_json_text(moot_blob_get(env->pool, member->name));
    }
    return moot_json_hex(moot_bytes_of(key->b, 4));
}

json_t *moot_json_answer(const char *schema)
{
    json_t *answer = json_object();
    moot_json_put(answer, "schema", json_string_nocheck(schema));
    return answer;
}

json_t *moot_json_error(enum moot_status status, const char *detail)
{
    const struct moot_status_info *info = moot_status_info(status);
    json_t *error = json_object();
    moot_json_put(error, "code", json_string_nocheck(info->name));
    moot_json_put(error, "text", json_string_nocheck(info->text));
    moot_json_put(error, "advice", json_string_nocheck(info->advice));
    moot_json_put(error, "detail", moot_json_text(moot_bytes_of_text(detail)));
    moot_json_put(error, "exit", json_integer(info->exit_code));
    json_t *answer = json_object();
    moot_json_put(answer, "error", error);
    return answer;
}

void moot_json_put_bytes(json_t *object, const char *name, const char *name_base64,
                         struct moot_bytes bytes)
{
    if (moot_utf8_valid(bytes)) {
        moot_json_put(object, name, moot_json_text(bytes));
        return;
    }
    size_t size = sodium_base64_ENCODED_LEN(bytes.size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    json_t *value = NULL;
    if (text != NULL) {
        value = json_string_nocheck(
            sodium_bin2base64(text, size, bytes.data, bytes.size, sodium_base64_VARIANT_ORIGINAL));
        free(text);
    }
    moot_json_put(object, name_base64, value);
}

bool moot_base64_parse(const char *text, size_t size, uint8_t **ret, size_t *ret_size)
{
    uint8_t *bytes = malloc(size / 4 * 3 + 4);
    const char *end = NULL;
    if (bytes == NULL ||
        sodium_base642bin(bytes, size / 4 * 3 + 4, text, size, NULL, ret_size, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text + size) {
        free(bytes);
        return false;
    }
    *ret = bytes;
    return true;
}
