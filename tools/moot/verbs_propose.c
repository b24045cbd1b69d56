/*
 * Proposals by people. Happy path: check what can be checked here, hand a package over by
 * streaming it, then one request. Failures: usage (2), the package (1, 4 or 8), what the node says.
 */
#include <inttypes.h>
#include <string.h>

#include "node/package.h"
#include "tools/moot/answer.h"
#include "tools/moot/args.h"
#include "tools/moot/report.h"
#include "tools/moot/verbs.h"
#include "tools/moot/wait.h"
#include "tools/moot/words.h"

#define UPLOAD_MS 600000u

int moot_verb_propose_admins(struct moot_cli *cli)
{
    uint64_t threshold = 0;
    if (!moot_args_number(cli, MOOT_FLAG_THRESHOLD, UINT32_MAX, 0, &threshold)) {
        return 2;
    }
    json_t *names = json_array();
    for (const char *at = moot_cli_flag(cli, MOOT_FLAG_SET, ""); *at != '\0';) {
        size_t size = strcspn(at, ",");
        if (size > 0) {
            json_array_append_new(names, json_stringn(at, size));
        }
        at += size + (at[size] == ',' ? 1 : 0);
    }
    if (json_array_size(names) == 0) {
        json_decref(names);
        return moot_report(cli, MOOT_BAD_ARGUMENT, "--set names nobody");
    }
    json_t *body = json_object();
    json_object_set_new(body, "names", names);
    json_object_set_new(body, "threshold", json_integer((json_int_t)threshold));
    struct moot_answer answer = {0};
    int code = moot_client_post(cli, "/v1/propose/admins", body, 0, &answer);
    code = code != 0 ? code : moot_wait_finish(cli, &answer);
    moot_answer_free(&answer);
    return code;
}

/* Everything but the manifest. NULL: reported. */
static json_t *upgrade_body(struct moot_cli *cli)
{
    bool soft = moot_cli_given(cli, MOOT_FLAG_SOFT);
    bool hard = moot_cli_given(cli, MOOT_FLAG_HARD);
    const char *at_epoch = moot_cli_flag(cli, MOOT_FLAG_AT_EPOCH, NULL);
    uint64_t ready = 0;
    uint64_t protocol = 0;
    if (soft == hard) {
        moot_report(cli, MOOT_BAD_ARGUMENT, "say --soft, or --hard with --at-epoch N");
        return NULL;
    }
    if (hard != (at_epoch != NULL)) {
        moot_report(cli, MOOT_BAD_ARGUMENT,
                    hard ? "--hard needs --at-epoch N or +N" : "--at-epoch goes with --hard");
        return NULL;
    }
    if (!moot_args_number(cli, MOOT_FLAG_READY, UINT32_MAX, 0, &ready) ||
        !moot_args_number(cli, MOOT_FLAG_MIN_PROTOCOL, UINT16_MAX, 0, &protocol)) {
        return NULL;
    }
    json_t *epoch = at_epoch != NULL ? moot_args_epoch(cli, MOOT_FLAG_AT_EPOCH) : NULL;
    if (at_epoch != NULL && epoch == NULL) {
        return NULL;
    }
    json_t *body = json_object();
    json_object_set_new(body, "kind", json_string(hard ? "hard" : "soft"));
    json_object_set_new(body, "ready", json_integer((json_int_t)ready));
    if (epoch != NULL) {
        json_object_set_new(body, "at_epoch", epoch);
    }
    if (moot_cli_given(cli, MOOT_FLAG_MIN_PROTOCOL)) {
        json_object_set_new(body, "min_protocol", json_integer((json_int_t)protocol));
    }
    if (moot_cli_given(cli, MOOT_FLAG_REVERT_PLAN)) {
        json_object_set_new(body, "revert_plan",
                            json_string(moot_cli_flag(cli, MOOT_FLAG_REVERT_PLAN, "")));
    }
    if (moot_cli_given(cli, MOOT_FLAG_SHORT_NOTICE)) {
        json_object_set_new(body, "short_notice", json_true());
    }
    return body;
}

/* Head and manifest are looked at here, so that a wrong file fails before it travels. */
static int package_check(struct moot_cli *cli, const char *path)
{
    struct moot_package *package = NULL;
    struct moot_error error = {0};
    if (moot_package_open(path, &package, &error) != MOOT_OK) {
        return moot_report_error(cli, &error);
    }
    moot_package_close(package);
    return 0;
}

int moot_verb_propose_upgrade(struct moot_cli *cli)
{
    const char *path = cli->arguments[0];
    json_t *body = upgrade_body(cli);
    if (body == NULL) {
        return 2;
    }
    int code = package_check(cli, path);
    struct moot_answer stored = {0};
    if (code == 0) {
        struct moot_request request = {
            .method = "PUT", .path = "/v1/packages", .file = path, .timeout_ms = UPLOAD_MS};
        moot_client_call(cli, &request, &stored);
        code = stored.exit != 0 ? moot_report_answer(cli, stored.json) : 0;
    }
    if (code != 0) {
        json_decref(body);
        moot_answer_free(&stored);
        return code;
    }
    json_object_set(body, "manifest", moot_at(stored.json, "manifest"));
    struct moot_answer answer = {0};
    code = moot_client_post(cli, "/v1/propose/upgrade", body, 0, &answer);
    code = code != 0 ? code : moot_wait_finish(cli, &answer);
    moot_answer_free(&stored);
    moot_answer_free(&answer);
    return code;
}
