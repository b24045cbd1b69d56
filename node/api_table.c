/*
 * The one table of endpoints, and how a path finds its row. Paths are compared as they came, segment by
 * segment; only what stands for ID or KEY is percent-decoded, so an escaped slash never splits anything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/api_internal.h"

static const struct moot_api_member init_members[] = {{"mesh", MOOT_API_TEXT, true},
                                                      {"name", MOOT_API_TEXT, false},
                                                      {"home", MOOT_API_TEXT, false},
                                                      {0}};
static const struct moot_api_member join_members[] = {{"uri", MOOT_API_TEXT, true}, {0}};
static const struct moot_api_member name_members[] = {{"name", MOOT_API_TEXT, true}, {0}};
static const struct moot_api_member remove_members[] = {
    {"name", MOOT_API_TEXT, true}, {"at", MOOT_API_NUMBER, false}, {0}};
static const struct moot_api_member replace_members[] = {{"name", MOOT_API_TEXT, true},
                                                         {"new", MOOT_API_TEXT, true},
                                                         {"at", MOOT_API_NUMBER, false},
                                                         {0}};
static const struct moot_api_member rename_members[] = {{"name", MOOT_API_TEXT, true},
                                                        {"new", MOOT_API_TEXT, true},
                                                        {"home", MOOT_API_TEXT, false},
                                                        {0}};
static const struct moot_api_member admins_members[] = {
    {"names", MOOT_API_TEXTS, true}, {"threshold", MOOT_API_NUMBER, true}, {0}};
static const struct moot_api_member upgrade_members[] = {
    {"manifest", MOOT_API_TEXT, true},      {"kind", MOOT_API_TEXT, true},
    {"ready", MOOT_API_NUMBER, true},       {"min_protocol", MOOT_API_NUMBER, false},
    {"at_epoch", MOOT_API_EPOCH, false},    {"revert_plan", MOOT_API_TEXT, false},
    {"short_notice", MOOT_API_BOOL, false}, {0}};
static const struct moot_api_member approve_members[] = {{"digest", MOOT_API_TEXT, true}, {0}};
static const struct moot_api_member reject_members[] = {{"reason", MOOT_API_TEXT, true}, {0}};
static const struct moot_api_member put_members[] = {
    {"value", MOOT_API_TEXT, false},     {"value_base64", MOOT_API_TEXT, false},
    {"tombstone", MOOT_API_BOOL, false}, {"no_wait", MOOT_API_BOOL, false},
    {"queue", MOOT_API_BOOL, false},     {0}};
static const struct moot_api_member cache_members[] = {{"keys", MOOT_API_TEXTS, false},
                                                       {"prefixes", MOOT_API_TEXTS, false},
                                                       {"floor", MOOT_API_EPOCH, false},
                                                       {0}};
static const struct moot_api_member value_members[] = {
    {"value", MOOT_API_TEXT, false}, {"value_base64", MOOT_API_TEXT, false}, {0}};

#define READ(path, query, run)                                                                     \
    {                                                                                              \
        {"GET", path, MOOT_API_READ}, query, NULL, false, run, NULL                                \
    }
#define ACT(path, members, run, finish)                                                            \
    {                                                                                              \
        {"POST", path, MOOT_API_ACT}, NULL, members, false, run, finish                            \
    }

/* clang-format off */
static const struct moot_endpoint table[] = {
    READ("/v1/status", NULL, moot_api_get_status),
    READ("/v1/epoch", NULL, moot_api_get_epoch),
    READ("/v1/forks", NULL, moot_api_get_forks),
    READ("/v1/config", NULL, moot_api_get_config),
    READ("/v1/devices", NULL, moot_api_get_devices),
    READ("/v1/devices/pending", NULL, moot_api_get_pending),
    READ("/v1/proposals", NULL, moot_api_get_proposals),
    READ("/v1/proposals/ID", NULL, moot_api_get_proposal),
    READ("/v1/upgrades", NULL, moot_api_get_upgrades),
    READ("/v1/journal/stats", NULL, moot_api_get_stats),
    READ("/v1/journal/log", "limit", moot_api_get_log),
    READ("/v1/records", "prefix,after,limit", moot_api_get_records),
    READ("/v1/records/KEY", "all", moot_api_get_record),
    READ("/v1/snapshots", NULL, moot_api_get_snapshots),
    READ("/v1/snapshots/ID", NULL, moot_api_get_snapshot),
    READ("/v1/snapshots/ID/image", NULL, moot_api_get_image),
    READ("/v1/events", "since,follow", moot_api_get_events),
    READ("/v1/cache", NULL, moot_api_get_cache),
    READ("/v1/cache-check/KEY", NULL, moot_api_get_cache_check),
    {{"GET", "/v1/cache/KEY", MOOT_API_READ}, NULL, NULL, false, moot_api_do_cache_get, moot_api_did_cache_get},
    ACT("/v1/init", init_members, moot_api_do_init, moot_api_did_init),
    ACT("/v1/join", join_members, moot_api_do_join, moot_api_did_join),
    ACT("/v1/invite", NULL, moot_api_do_invite, moot_api_did_invite),
    ACT("/v1/devices/admit", name_members, moot_api_do_admit, moot_api_did_propose),
    ACT("/v1/devices/deny", name_members, moot_api_do_deny, moot_api_did_deny),
    ACT("/v1/devices/remove", remove_members, moot_api_do_remove, moot_api_did_propose),
    ACT("/v1/devices/replace", replace_members, moot_api_do_replace, moot_api_did_propose),
    ACT("/v1/devices/rename", rename_members, moot_api_do_rename, moot_api_did_propose),
    ACT("/v1/propose/admins", admins_members, moot_api_do_admins, moot_api_did_propose),
    ACT("/v1/propose/upgrade", upgrade_members, moot_api_do_upgrade, moot_api_did_propose),
    ACT("/v1/propose/cache", cache_members, moot_api_do_propose_cache, moot_api_did_propose),
    ACT("/v1/propose/snapshot", NULL, moot_api_do_snapshot, moot_api_did_propose),
    ACT("/v1/proposals/ID/approve", approve_members, moot_api_do_approve, moot_api_did_propose),
    ACT("/v1/proposals/ID/reject", reject_members, moot_api_do_reject, moot_api_did_propose),
    ACT("/v1/proposals/ID/withdraw", NULL, moot_api_do_withdraw, moot_api_did_propose),
    ACT("/v1/proposals/ID/activate", NULL, moot_api_do_activate, moot_api_did_propose),
    ACT("/v1/records/KEY", put_members, moot_api_do_put, moot_api_did_put),
    ACT("/v1/cache/KEY", value_members, moot_api_do_cache_set, moot_api_did_cache_set),
    {{"PUT", "/v1/packages", MOOT_API_ACT}, NULL, NULL, true, moot_api_do_package, NULL},
    {{"POST", "/v1/packages", MOOT_API_ACT}, NULL, NULL, true, moot_api_do_package, NULL},
};
/* clang-format on */

bool moot_api_row(size_t index, struct moot_api_row *ret)
{
    if (index >= MOOT_COUNT_OF(table)) {
        return false;
    }
    *ret = table[index].row;
    return true;
}

unsigned moot_api_http_status(int exit_code)
{
    static const unsigned statuses[] = {200, 422, 400, 502, 404, 403, 409, 504, 410, 423, 503, 500};
    return exit_code >= 0 && exit_code < (int)MOOT_COUNT_OF(statuses) ? statuses[exit_code] : 500;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool moot_api_unescape(const char *text, size_t size, char *ret, size_t *ret_size)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '%') {
            ret[used++] = text[i];
            continue;
        }
        int high = i + 2 < size ? hex_digit(text[i + 1]) : -1;
        int low = i + 2 < size ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        ret[used++] = (char)(high * 16 + low);
        i += 2;
    }
    ret[used] = '\0';
    *ret_size = used;
    return true;
}

/* Does the path fit? *ret_argument is what stands for ID or KEY, still escaped. */
static bool fits(const char *pattern, const char *path, struct moot_bytes *ret_argument)
{
    *ret_argument = (struct moot_bytes){0};
    while (*pattern != '\0') {
        if (strncmp(pattern, "ID", 2) == 0 || strcmp(pattern, "KEY") == 0) {
            bool key = pattern[0] == 'K';
            size_t size = key ? strlen(path) : strcspn(path, "/");
            if (size == 0) {
                return false;
            }
            *ret_argument = moot_bytes_of(path, size);
            path += size;
            pattern += key ? 3 : 2;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

/* The row of method and path. `methods` collects what the path would take. */
static const struct moot_endpoint *find(const char *method, const char *path,
                                        struct moot_bytes *ret_argument, char *methods,
                                        size_t methods_size)
{
    for (size_t i = 0; i < MOOT_COUNT_OF(table); i++) {
        struct moot_bytes argument;
        if (!fits(table[i].row.pattern, path, &argument)) {
            continue;
        }
        if (strcmp(table[i].row.method, method) == 0) {
            *ret_argument = argument;
            return &table[i];
        }
        size_t used = strlen(methods);
        (void)snprintf(methods + used, methods_size - used, "%s%s", used > 0 ? ", " : "",
                       table[i].row.method);
    }
    return NULL;
}

enum moot_status moot_api_route(struct moot_request *request, const char *method, const char *path)
{
    char methods[32] = "";
    struct moot_bytes argument;
    request->endpoint = find(method, path, &argument, methods, sizeof methods);
    if (request->endpoint == NULL) {
        if (methods[0] != '\0') {
            return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                                  "this path takes %s, not '%.20s'", methods, method);
        }
        return moot_error_set(&request->error, MOOT_NOT_FOUND,
                              "no such path: docs/API.md lists them");
    }
    if (argument.size == 0) {
        return MOOT_OK;
    }
    request->argument = malloc(argument.size + 1);
    if (request->argument == NULL) {
        return MOOT_NO_MEMORY;
    }
    if (argument.size > 3 * MOOT_API_PATH_BYTES_MAX ||
        !moot_api_unescape((const char *)argument.data, argument.size, request->argument,
                           &request->argument_size) ||
        request->argument_size > MOOT_API_PATH_BYTES_MAX) {
        return moot_error_set(&request->error, MOOT_BAD_ARGUMENT,
                              "the path is too long or not percent-encoded as it should be");
    }
    return MOOT_OK;
}
