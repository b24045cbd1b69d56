/*
 * Founding, joining, devices. Happy path: one request each; with --wait the status is asked until
 * this device is a member. Failures: what the node says.
 */
#include <string.h>

#include "tools/moot/answer.h"
#include "tools/moot/report.h"
#include "tools/moot/show.h"
#include "tools/moot/verbs.h"
#include "tools/moot/wait.h"
#include "tools/moot/words.h"

static void member_set(json_t *body, const struct moot_cli *cli, enum moot_flag flag,
                       const char *member)
{
    const char *value = moot_cli_flag(cli, flag, NULL);
    if (value != NULL) {
        json_object_set_new(body, member, json_string(value));
    }
}

static enum moot_wait_verdict member_judge(const json_t *status, const void *context, char *line)
{
    (void)context;
    if (moot_at_true(status, "in_mesh")) {
        return MOOT_WAIT_THERE;
    }
    const char *joining = moot_at_text(status, "joining");
    if (strcmp(joining, "denied") == 0) {
        return MOOT_WAIT_ENDED;
    }
    snprintf(line, MOOT_WAIT_LINE_BYTES, "%.20s: waiting for moot device admit %.80s", joining,
             moot_at_text(status, "device.name"));
    return MOOT_WAIT_ON;
}

/* Waits for membership; *ret is the newest status. */
static int member_wait(struct moot_cli *cli, struct moot_answer *ret)
{
    struct moot_wait wait = {.path = "/v1/status", .judge = member_judge};
    int code = moot_wait_for(cli, &wait, ret);
    if (code != 0) {
        const char *joining = ret->exit == 0 ? moot_at_text(ret->json, "joining") : "";
        char detail[96];
        snprintf(detail, sizeof detail, "this device is no member%s%.20s",
                 joining[0] != '\0' ? ": " : "", joining);
        if (ret->exit == 0) {
            json_object_clear(ret->json); /* the reason is enough, without all of the status */
        }
        return moot_wait_report(cli, code, ret, detail);
    }
    return 0;
}

int moot_verb_init(struct moot_cli *cli)
{
    json_t *body = json_object();
    member_set(body, cli, MOOT_FLAG_MESH, "mesh");
    member_set(body, cli, MOOT_FLAG_NAME, "name");
    member_set(body, cli, MOOT_FLAG_HOME, "home");
    struct moot_answer answer = {0};
    int code = moot_client_post(cli, "/v1/init", body, 0, &answer);
    if (code == 0 && cli->wait && !cli->dry_run) {
        struct moot_answer status = {0};
        code = member_wait(cli, &status);
        moot_answer_free(&status);
    }
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        fprintf(cli->out,
                "founded mesh %s (%.12s); %s, home %s, is its first device and only "
                "administrator\nnext: moot device invite\n",
                moot_at_text(answer.json, "mesh.name"), moot_at_text(answer.json, "mesh.id"),
                moot_at_text(answer.json, "device.name"), moot_at_text(answer.json, "device.home"));
    }
    moot_answer_free(&answer);
    return code;
}

static int join_waited(struct moot_cli *cli)
{
    struct moot_answer status = {0};
    int code = member_wait(cli, &status);
    if (code == 0 && cli->json) {
        json_t *document = json_pack("{s:s,s:s,s:O?,s:O?}", "schema", "moot.joining/1", "state",
                                     "member", "device", moot_at(status.json, "device"), "mesh",
                                     moot_at(status.json, "mesh"));
        moot_report_json(cli, document);
        json_decref(document);
    } else if (code == 0) {
        fprintf(cli->out, "%s is a member of %s\n", moot_at_text(status.json, "device.name"),
                moot_at_text(status.json, "mesh.name"));
    }
    moot_answer_free(&status);
    return code;
}

int moot_verb_join(struct moot_cli *cli)
{
    json_t *body = json_object();
    json_object_set_new(body, "uri", json_string(cli->arguments[0]));
    struct moot_answer answer = {0};
    int code = moot_client_post(cli, "/v1/join", body, 0, &answer);
    if (code == 0 && cli->wait && !cli->dry_run) {
        code = join_waited(cli);
    } else if (code == 0 && !moot_answer_printed(cli, &answer)) {
        fprintf(cli->out,
                "%s has asked to join (%s)\nnext, on the inviting device: moot device "
                "admit %s\n",
                moot_at_text(answer.json, "device.name"), moot_at_text(answer.json, "state"),
                moot_at_text(answer.json, "device.name"));
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_device_invite(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_post(cli, "/v1/invite", NULL, 0, &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        char left[MOOT_WORDS_BYTES];
        moot_words_time_format((uint64_t)moot_at_number(answer.json, "expires_in_s", 0), left);
        fprintf(cli->out, "%s\n", moot_at_text(answer.json, "uri"));
        fprintf(cli->err, "on the new device: moot join URI. It works once, for %s. Code %s\n",
                left, moot_at_text(answer.json, "code"));
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_device_pending(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/devices/pending", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        const json_t *pending = moot_at(answer.json, "pending");
        if (json_array_size(pending) == 0) {
            fprintf(cli->out, "no device waits to be admitted\n");
        }
        for (size_t i = 0; i < json_array_size(pending); i++) {
            const json_t *device = json_array_get(pending, i);
            char ago[MOOT_WORDS_BYTES];
            moot_words_time_format((uint64_t)moot_at_number(device, "asked_s", 0), ago);
            fprintf(cli->out, "%s, home %s, asked %s ago, key %s\n    ",
                    moot_at_text(device, "name"), moot_at_text(device, "home"), ago,
                    moot_at_text(device, "id"));
            if (moot_at_text(device, "proposal")[0] != '\0') {
                fprintf(cli->out, "proposed: moot show %s\n", moot_at_text(device, "proposal"));
            } else {
                fprintf(cli->out, "moot device admit %s, or moot device deny %s\n",
                        moot_at_text(device, "name"), moot_at_text(device, "name"));
            }
        }
    }
    moot_answer_free(&answer);
    return code;
}

static int name_post(struct moot_cli *cli, const char *path, struct moot_answer *answer)
{
    json_t *body = json_object();
    json_object_set_new(body, "name", json_string(cli->arguments[0]));
    return moot_client_post(cli, path, body, 0, answer);
}

int moot_verb_device_admit(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = name_post(cli, "/v1/devices/admit", &answer);
    code = code != 0 ? code : moot_wait_finish(cli, &answer);
    moot_answer_free(&answer);
    return code;
}

int moot_verb_device_deny(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = name_post(cli, "/v1/devices/deny", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        fprintf(cli->out, "%s is turned away\n", cli->arguments[0]);
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_device_list(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/devices", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        moot_show_devices(cli->out, moot_at(answer.json, "devices"));
    }
    moot_answer_free(&answer);
    return code;
}

/* The device of that name or with an id that begins so; how many there are. Of one that was removed only
 * when no other goes by that name: names are used again. */
static size_t device_find(const json_t *devices, const char *name, json_t **ret)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(devices); i++) {
        json_t *device = json_array_get(devices, i);
        if (count > 0 && strcmp(moot_at_text(device, "state"), "removed") == 0) {
            continue; /* they are at the end */
        }
        bool named = strcmp(moot_at_text(device, "name"), name) == 0;
        bool begins =
            strlen(name) >= 4 && strncmp(moot_at_text(device, "id"), name, strlen(name)) == 0;
        if (named || begins) {
            *ret = device;
            count++;
        }
    }
    return count;
}

int moot_verb_device_show(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    json_t *device = NULL;
    int code = moot_client_get(cli, "/v1/devices", &answer);
    if (code == 0) {
        size_t count = device_find(moot_at(answer.json, "devices"), cli->arguments[0], &device);
        if (count != 1) {
            code = moot_report(cli, count == 0 ? MOOT_NOT_FOUND : MOOT_AMBIGUOUS, "device %s",
                               cli->arguments[0]);
        } else if (cli->json) {
            moot_report_json(cli, device);
        } else {
            json_t *one = json_pack("[O]", device);
            fprintf(cli->out, "key  %s\n", moot_at_text(device, "id"));
            moot_show_devices(cli->out, one);
            json_decref(one);
        }
    }
    moot_answer_free(&answer);
    return code;
}
