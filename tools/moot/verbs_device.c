/*
 * Devices that leave, are replaced or renamed. Happy path: one request that proposes it and approves it
 * here; others approve. Failures: what the node says; leaving is for administrators to decide (5).
 */
#include <string.h>

#include "tools/moot/answer.h"
#include "tools/moot/args.h"
#include "tools/moot/report.h"
#include "tools/moot/verbs.h"
#include "tools/moot/wait.h"

static int device_post(struct moot_cli *cli, const char *path, const char *member)
{
    json_t *body = json_object();
    json_object_set_new(body, "name", json_string(cli->arguments[0]));
    if (member != NULL) {
        json_object_set_new(body, member, json_string(cli->arguments[1]));
    }
    if (moot_cli_given(cli, MOOT_FLAG_AT)) {
        uint64_t at = 0;
        if (!moot_args_number(cli, MOOT_FLAG_AT, INT64_MAX, 0, &at)) {
            json_decref(body);
            return 2;
        }
        json_object_set_new(body, "at", json_integer((json_int_t)at));
    }
    if (moot_cli_given(cli, MOOT_FLAG_HOME)) {
        json_object_set_new(body, "home", json_string(moot_cli_flag(cli, MOOT_FLAG_HOME, "")));
    }
    struct moot_answer answer = {0};
    int code = moot_client_post(cli, path, body, 0, &answer);
    code = code != 0 ? code : moot_wait_finish(cli, &answer);
    moot_answer_free(&answer);
    return code;
}

int moot_verb_device_remove(struct moot_cli *cli)
{
    return device_post(cli, "/v1/devices/remove", NULL);
}

int moot_verb_device_replace(struct moot_cli *cli)
{
    return device_post(cli, "/v1/devices/replace", "new");
}

int moot_verb_device_rename(struct moot_cli *cli)
{
    return device_post(cli, "/v1/devices/rename", "new");
}

int moot_verb_device_leave(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    char names[256];
    int code = moot_client_get(cli, "/v1/status", &answer);
    if (code == 0 && !moot_at_true(answer.json, "in_mesh")) {
        code = moot_report(cli, MOOT_NO_MESH, "there is nothing to leave");
    } else if (code == 0) {
        const char *name = moot_at_text(answer.json, "device.name");
        bool admin = false;
        const json_t *admins = moot_at(answer.json, "admins.names");
        for (size_t i = 0; i < json_array_size(admins); i++) {
            admin = admin || strcmp(json_string_value(json_array_get(admins, i)), name) == 0;
        }
        moot_at_names(answer.json, "admins.names", "or", names, sizeof names);
        code = admin
                   ? moot_report(cli, MOOT_IS_ADMIN,
                                 "first another set of administrators (moot propose admins), then "
                                 "on one of their devices: moot device remove %s",
                                 name)
                   : moot_report(cli, MOOT_NOT_ADMIN,
                                 "the administrators decide it; on the device of %s: "
                                 "moot device remove %s. Stopping mootd needs nobody",
                                 names, name);
    }
    moot_answer_free(&answer);
    return code;
}
