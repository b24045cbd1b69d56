/*
 * Records. Happy path of put: a value from the command line or stdin goes over as text if it is
 * text, else as base64. get prints exactly the value and a newline. Failures: too long (1), no such
 * key or deleted (4), fenced with --no-wait (9).
 */
#include <stdlib.h>
#include <string.h>

#include "tools/moot/answer.h"
#include "tools/moot/args.h"
#include "tools/moot/client.h"
#include "tools/moot/columns.h"
#include "tools/moot/report.h"
#include "tools/moot/value.h"
#include "tools/moot/verbs.h"

#define FENCE_MS_MAX 1800000u /* longer than any writer fence can last */

/* VALUE, stdin for "-", or the tombstone. */
static int content_add(struct moot_cli *cli, json_t *body)
{
    const char *value = cli->argument_count > 1 ? cli->arguments[1] : NULL;
    if (moot_cli_given(cli, MOOT_FLAG_DELETE) == (value != NULL)) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "moot record put KEY needs VALUE or --delete");
    }
    if (value == NULL) {
        json_object_set_new(body, "tombstone", json_true());
        return 0;
    }
    return moot_value_add(cli, body, value);
}

int moot_verb_record_put(struct moot_cli *cli)
{
    bool no_wait = moot_cli_given(cli, MOOT_FLAG_NO_WAIT);
    bool queue = moot_cli_given(cli, MOOT_FLAG_QUEUE);
    if (no_wait && queue) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "--no-wait and --queue exclude each other");
    }
    json_t *body = json_object();
    int code = content_add(cli, body);
    if (code != 0) {
        json_decref(body);
        return code;
    }
    if (no_wait) {
        json_object_set_new(body, "no_wait", json_true());
    }
    if (queue) {
        json_object_set_new(body, "queue", json_true());
    }
    uint64_t timeout_ms = FENCE_MS_MAX;
    if (no_wait || queue) {
        timeout_ms = 0;
    } else if (cli->wait) {
        timeout_ms = cli->wait_ms > 0 ? cli->wait_ms : 1;
    }
    char *path = moot_client_path("/v1/records/", cli->arguments[0], "");
    struct moot_answer answer = {0};
    if (path == NULL) {
        json_decref(body);
        code = moot_report(cli, MOOT_NO_MEMORY, "building a request");
    } else {
        code = moot_client_post(cli, path, body, timeout_ms, &answer);
    }
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        const char *done = moot_cli_given(cli, MOOT_FLAG_DELETE) ? "deleted" : "written";
        if (moot_at_true(answer.json, "queued")) {
            fprintf(cli->out, "%s queued: it is %s when the fence is down\n", cli->arguments[0],
                    done);
        } else {
            fprintf(cli->out, "%s %s, fact %lld of this device\n", cli->arguments[0], done,
                    (long long)moot_at_number(answer.json, "seq", 0));
        }
    }
    free(path);
    moot_answer_free(&answer);
    return code;
}

static void values_show(FILE *out, json_t *answer)
{
    moot_answer_tame(answer);
    const json_t *values = moot_at(answer, "values");
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i);
        fprintf(out, "%s, epoch %lld, fact %lld%s\n    ", moot_at_text(value, "author"),
                (long long)moot_at_number(value, "epoch", 0),
                (long long)moot_at_number(value, "seq", 0), i == 0 ? " (shown)" : "");
        if (moot_at_true(value, "tombstone")) {
            fprintf(out, "(deleted)\n");
        } else {
            moot_value_print(out, value);
        }
    }
}

int moot_verb_record_get(struct moot_cli *cli)
{
    bool all = moot_cli_given(cli, MOOT_FLAG_ALL);
    char *path = moot_client_path("/v1/records/", cli->arguments[0], all ? "?all=1" : "");
    struct moot_answer answer = {0};
    int code = 0;
    if (path == NULL) {
        return moot_report(cli, MOOT_NO_MEMORY, "building a request");
    }
    struct moot_request request = {.method = "GET", .path = path, .exact = true};
    moot_client_read(cli, &request, &answer);
    if (answer.exit != 0) {
        code = moot_report_answer(cli, answer.json);
    } else if (!all && moot_at_true(answer.json, "tombstone")) {
        code = moot_report(cli, MOOT_NOT_FOUND, "%.100s was deleted", cli->arguments[0]);
    } else if (cli->json) {
        moot_answer_print(cli, &answer);
    } else if (all) {
        values_show(cli->out, answer.json);
    } else {
        moot_value_print(cli->out, answer.json);
        json_int_t beside = moot_at_number(answer.json, "concurrent", 0);
        if (beside > 1) {
            fprintf(cli->err, "%lld values stand beside each other: moot record get %s --all\n",
                    (long long)beside, cli->arguments[0]);
        }
    }
    free(path);
    moot_answer_free(&answer);
    return code;
}

int moot_verb_record_list(struct moot_cli *cli)
{
    uint64_t limit = 0;
    if (!moot_args_number(cli, MOOT_FLAG_LIMIT, 1000, 1000, &limit)) {
        return 2;
    }
    char suffix[32];
    snprintf(suffix, sizeof suffix, "&limit=%d", (int)limit);
    struct moot_answer answer = {0};
    int code = moot_client_get_at(
        cli, "/v1/records?prefix=", cli->argument_count > 0 ? cli->arguments[0] : "", suffix,
        &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        const json_t *records = moot_at(answer.json, "records");
        for (size_t i = 0; i < json_array_size(records); i++) {
            const json_t *record = json_array_get(records, i);
            json_int_t beside = moot_at_number(record, "concurrent", 0);
            fprintf(cli->out, "%s%s", moot_at_text(record, "key"),
                    moot_at_true(record, "tombstone") ? " (deleted)" : "");
            if (beside > 1) {
                fprintf(cli->out, " (%lld values)", (long long)beside);
            }
            fputc('\n', cli->out);
        }
        if (json_array_size(records) == 0) {
            fprintf(cli->err, "no records\n");
        }
        if (moot_at_text(answer.json, "next")[0] != '\0') {
            fprintf(cli->err, "there are more: give a PREFIX\n");
        }
    }
    moot_answer_free(&answer);
    return code;
}
