/*
 * The cache of this device, and invalidations for all. Happy path: one request each; get prints exactly
 * the value and a newline. Failures: a miss (4), a value that would not be served (1), usage (2).
 */
#include <string.h>

#include "tools/moot/answer.h"
#include "tools/moot/args.h"
#include "tools/moot/client.h"
#include "tools/moot/report.h"
#include "tools/moot/value.h"
#include "tools/moot/verbs.h"
#include "tools/moot/wait.h"

int moot_verb_propose_cache(struct moot_cli *cli)
{
    json_t *keys = json_array();
    json_t *floor = NULL;
    if (moot_cli_given(cli, MOOT_FLAG_FLOOR)) {
        floor = moot_args_epoch(cli, MOOT_FLAG_FLOOR);
        if (floor == NULL) {
            json_decref(keys);
            return 2;
        }
    }
    for (size_t i = 0; i < cli->argument_count; i++) {
        json_t *key = json_string(cli->arguments[i]);
        if (key == NULL) {
            json_decref(keys);
            json_decref(floor);
            return moot_report(cli, MOOT_BAD_ARGUMENT, "a key to invalidate must be UTF-8");
        }
        json_array_append_new(keys, key);
    }
    json_t *body = json_object();
    json_object_set_new(body, moot_cli_given(cli, MOOT_FLAG_PREFIX) ? "prefixes" : "keys", keys);
    if (floor != NULL) {
        json_object_set_new(body, "floor", floor);
    }
    struct moot_answer answer = {0};
    int code = moot_client_post(cli, "/v1/propose/cache", body, 0, &answer);
    code = code != 0 ? code : moot_wait_finish(cli, &answer);
    moot_answer_free(&answer);
    return code;
}

int moot_verb_cache_set(struct moot_cli *cli)
{
    json_t *body = json_object();
    int code = moot_value_add(cli, body, cli->arguments[1]);
    char *path = code == 0 ? moot_client_path("/v1/cache/", cli->arguments[0], "") : NULL;
    struct moot_answer answer = {0};
    if (path == NULL) {
        json_decref(body);
        return code != 0 ? code : moot_report(cli, MOOT_NO_MEMORY, "building a request");
    }
    code = moot_client_post(cli, path, body, 0, &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        fprintf(cli->out, "%s cached in epoch %lld\n", cli->arguments[0],
                (long long)moot_at_number(answer.json, "epoch", 0));
    }
    free(path);
    moot_answer_free(&answer);
    return code;
}

int moot_verb_cache_get(struct moot_cli *cli)
{
    char *path = moot_client_path("/v1/cache/", cli->arguments[0], "");
    struct moot_answer answer = {0};
    int code = 0;
    if (path == NULL) {
        return moot_report(cli, MOOT_NO_MEMORY, "building a request");
    }
    struct moot_request request = {.method = "GET", .path = path, .exact = true};
    moot_client_read(cli, &request, &answer);
    if (answer.exit != 0) {
        code = moot_report_answer(cli, answer.json);
    } else if (cli->json) {
        moot_answer_print(cli, &answer);
    } else {
        moot_value_print(cli->out, answer.json);
    }
    free(path);
    moot_answer_free(&answer);
    return code;
}

int moot_verb_cache_check(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get_at(cli, "/v1/cache-check/", cli->arguments[0], "", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        long long epoch = (long long)moot_at_number(answer.json, "epoch", 0);
        long long floor = (long long)moot_at_number(answer.json, "floor", 0);
        if (moot_at_true(answer.json, "held")) {
            fprintf(cli->out, "%s: stored in epoch %lld, %s", cli->arguments[0], epoch,
                    moot_at_true(answer.json, "served") ? "served" : "not served");
        } else {
            fprintf(cli->out, "%s: not here", cli->arguments[0]);
        }
        if (floor > 0) {
            fprintf(cli->out, "; floor %lld, the epoch is %lld\n", floor,
                    (long long)moot_at_number(answer.json, "epoch_now", 0));
        } else {
            fprintf(cli->out, "; never invalidated\n");
        }
    }
    if (code == 0 && !moot_at_true(answer.json, "served")) {
        code = 4;
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_cache_stats(struct moot_cli *cli)
{
    static const char *const names[] = {"hits",   "misses",  "invalidated",
                                        "stored", "evicted", "floors"};
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/cache", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        fprintf(cli->out, "%-12s %lld of %lld\n", "entries",
                (long long)moot_at_number(answer.json, "entries", 0),
                (long long)moot_at_number(answer.json, "entries_max", 0));
        fprintf(cli->out, "%-12s %lld of %lld\n", "bytes",
                (long long)moot_at_number(answer.json, "bytes", 0),
                (long long)moot_at_number(answer.json, "bytes_max", 0));
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            fprintf(cli->out, "%-12s %lld\n", names[i],
                    (long long)moot_at_number(answer.json, names[i], 0));
        }
    }
    moot_answer_free(&answer);
    return code;
}
