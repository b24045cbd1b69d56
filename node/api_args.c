/*
 * What a request brings: its body against the members its row allows, its query against the names. Everything that is
 * not understood is refused and named, so that a misspelled option is never silently ignored.
 */
#include <stdio.h>
#include <string.h>

#include "node/api_internal.h"
#include "node/config_parse.h"

static bool name_in_list(const char *list, const char *name)
{
    size_t size = strlen(name);
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ",");
        if (length == size && strncmp(list, name, size) == 0) {
            return true;
        }
        list += length + (list[length] == ',' ? 1 : 0);
    }
    return false;
}

static bool epoch_parse(const json_t *value)
{
    if (json_is_integer(value)) {
        return json_integer_value(value) >= 0 && json_integer_value(value) <= UINT32_MAX;
    }
    const char *text = json_string_value(value);
    uint64_t number;
    if (text == NULL) {
        return false;
    }
    return moot_config_count_parse(text + (text[0] == '+' ? 1 : 0), &number) &&
           number <= UINT32_MAX;
}

static bool type_fits(enum moot_api_type type, const json_t *value)
{
    switch (type) {
    case MOOT_API_TEXT:
        return json_is_string(value);
    case MOOT_API_BOOL:
        return json_is_boolean(value);
    case MOOT_API_NUMBER:
        return json_is_integer(value) && json_integer_value(value) >= 0 &&
               json_integer_value(value) <= (1ll << 53);
    case MOOT_API_EPOCH:
        return epoch_parse(value);
    case MOOT_API_TEXTS: {
        if (!json_is_array(value) || json_array_size(value) > MOOT_API_NAMES_MAX) {
            return false;
        }
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (!json_is_string(json_array_get(value, i))) {
                return false;
            }
        }
        return true;
    }
    }
    return false;
}

static const char *type_text(enum moot_api_type type)
{
    switch (type) {
    case MOOT_API_TEXT:
        return "text";
    case MOOT_API_BOOL:
        return "true or false";
    case MOOT_API_NUMBER:
        return "a whole number from 0";
    case MOOT_API_TEXTS:
        return "a list of at most 64 texts";
    case MOOT_API_EPOCH:
        return "an epoch, or \"+N\" for so many from now";
    }
    return "";
}

static enum moot_status check_members(struct moot_request *request)
{
    const struct moot_api_member *members = request->endpoint->members;
    const char *name;
    json_t *value;
    json_object_foreach(request->input, name, value)
    {
        const struct moot_api_member *member = members;
        while (member != NULL && member->name != NULL && strcmp(member->name, name) != 0) {
            member++;
        }
        bool known = member != NULL && member->name != NULL;
        if (!known && strcmp(name, "dry_run") != 0) {
            return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "no member '%.60s' here",
                                  name);
        }
        enum moot_api_type type = known ? member->type : MOOT_API_BOOL;
        if (!type_fits(type, value)) {
            return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "'%.60s' must be %s", name,
                                  type_text(type));
        }
    }
    for (; members != NULL && members->name != NULL; members++) {
        if (members->required && json_object_get(request->input, members->name) == NULL) {
            return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "'%s' is missing",
                                  members->name);
        }
    }
    return MOOT_OK;
}

enum moot_status moot_api_input(struct moot_request *request)
{
    if (request->body_size == 0) {
        request->input = json_object();
    } else {
        json_error_t error;
        request->input = json_loadb((const char *)request->body, request->body_size,
                                    JSON_REJECT_DUPLICATES, &error);
        if (request->input == NULL) {
            return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                                  "the body is not JSON: line %d, column %d: %.90s", error.line,
                                  error.column, error.text);
        }
    }
    if (!json_is_object(request->input)) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                              "the body must be one JSON object");
    }
    return check_members(request);
}

static enum MHD_Result check_query_name(void *context, enum MHD_ValueKind kind, const char *key,
                                        const char *value)
{
    (void)kind;
    (void)value;
    struct moot_request *request = context;
    if (!name_in_list(request->endpoint->query, key)) {
        request->status =
            moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "no query '%.60s' here", key);
        return MHD_NO;
    }
    return MHD_YES;
}

enum moot_status moot_api_query_check(struct moot_request *request)
{
    request->status = MOOT_OK;
    (void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, check_query_name,
                                    request);
    return request->status;
}

struct moot_bytes moot_api_text(const struct moot_request *request, const char *name)
{
    const json_t *value = json_object_get(request->input, name);
    if (!json_is_string(value)) {
        return (struct moot_bytes){0};
    }
    return moot_bytes_of(json_string_value(value), json_string_length(value));
}

bool moot_api_flag(const struct moot_request *request, const char *name)
{
    return json_is_true(json_object_get(request->input, name));
}

uint64_t moot_api_number(const struct moot_request *request, const char *name, uint64_t standard)
{
    const json_t *value = json_object_get(request->input, name);
    return json_is_integer(value) ? (uint64_t)json_integer_value(value) : standard;
}

static const char *query_value(struct moot_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

enum moot_status moot_api_query_text(struct moot_request *request, const char *name,
                                     char ret[MOOT_API_PATH_BYTES_MAX + 1], size_t *ret_size)
{
    const char *text = query_value(request, name);
    size_t size = text != NULL ? strlen(text) : 0;
    ret[0] = '\0';
    *ret_size = 0;
    if (size > MOOT_API_PATH_BYTES_MAX || !moot_api_unescape(text, size, ret, ret_size)) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                              "%s= is too long or not percent-encoded as it should be", name);
    }
    return MOOT_OK;
}

enum moot_status moot_api_query_number(struct moot_request *request, const char *name,
                                       uint64_t standard, uint64_t *ret)
{
    const char *text = query_value(request, name);
    *ret = standard;
    if (text != NULL && !moot_config_count_parse(text, ret)) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT, "%s=%.40s is not a number", name,
                              text);
    }
    return MOOT_OK;
}
