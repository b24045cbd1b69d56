/*
 * Reading a node: status, administrators, journal, epoch, fence, events, settings, version. Happy
 * path: one GET, printed. Failures: what the node says; epoch wait: 7 when time is up.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/state.h"
#include "tools/moot/answer.h"
#include "tools/moot/args.h"
#include "tools/moot/columns.h"
#include "tools/moot/report.h"
#include "tools/moot/show.h"
#include "tools/moot/verbs.h"
#include "tools/moot/wait.h"
#include "tools/moot/words.h"

int moot_verb_status(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/status", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        moot_show_status(cli->out, answer.json);
    }
    moot_answer_free(&answer);
    return code;
}

/* A part of the status as a document of its own. */
static void part_print(struct moot_cli *cli, const char *schema, const json_t *part)
{
    json_t *document = json_pack("{s:s}", "schema", schema);
    if (json_is_object(part)) {
        json_object_update_missing(document, moot_at(part, ""));
    }
    moot_report_json(cli, document);
    json_decref(document);
}

int moot_verb_admin_list(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/status", &answer);
    if (code == 0 && !moot_at_true(answer.json, "in_mesh")) {
        code = moot_report(cli, MOOT_NO_MESH, "so there are no administrators");
    } else if (code == 0 && cli->json) {
        part_print(cli, "moot.admins/1", moot_at(answer.json, "admins"));
    } else if (code == 0) {
        const json_t *names = moot_at(answer.json, "admins.names");
        const json_t *keys = moot_at(answer.json, "admins.keys");
        fprintf(cli->out, "set %lld: any %lld of %zu decide\n",
                (long long)moot_at_number(answer.json, "admins.version", 0),
                (long long)moot_at_number(answer.json, "admins.threshold", 0),
                json_array_size(names));
        struct moot_columns columns;
        moot_columns_init(&columns, "NAME KEY");
        for (size_t i = 0; i < json_array_size(names); i++) {
            moot_columns_row(&columns, moot_at_text(json_array_get(names, i), ""),
                             moot_at_text(json_array_get(keys, i), ""));
        }
        moot_columns_print(&columns, cli->out, 0);
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_fence_show(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/status", &answer);
    if (code == 0 && cli->json) {
        json_t *part = json_deep_copy(moot_at(answer.json, "fence"));
        if (part != NULL) {
            json_object_set(part, "fenced", moot_at(answer.json, "fenced"));
            json_object_set(part, "fenced_reason", json_object_get(answer.json, "fenced_reason"));
        }
        part_print(cli, "moot.fence/1", part);
        json_decref(part);
    } else if (code == 0) {
        moot_show_fence(cli->out, answer.json);
    }
    moot_answer_free(&answer);
    return code;
}

static void counts_show(FILE *out, const json_t *stats, const char *member)
{
    json_t *counts = moot_at(stats, member);
    for (void *at = json_object_iter(counts); at != NULL; at = json_object_iter_next(counts, at)) {
        fprintf(out, "%-15s  %s %lld\n", member, json_object_iter_key(at),
                (long long)json_integer_value(json_object_iter_value(at)));
    }
}

int moot_verb_journal_stats(struct moot_cli *cli)
{
    static const char *const members[] = {"facts", "chains",  "objects", "records",
                                          "loose", "pending", "epoch"};
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/journal/stats", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            if (moot_at(answer.json, members[i]) != NULL) {
                fprintf(cli->out, "%-15s  %lld\n", members[i],
                        (long long)moot_at_number(answer.json, members[i], 0));
            }
        }
        char size[MOOT_WORDS_BYTES];
        moot_words_size_format((uint64_t)moot_at_number(answer.json, "bytes", 0), size);
        fprintf(cli->out, "%-15s  %s\n", "bytes", size);
        fprintf(cli->out, "%-15s  %s\n", "frontier_digest",
                moot_at_text(answer.json, "frontier_digest"));
        fprintf(cli->out, "%-15s  %s\n", "state_digest", moot_at_text(answer.json, "state_digest"));
        if (moot_at_text(answer.json, "base.digest")[0] != '\0') {
            fprintf(cli->out, "%-15s  epoch %lld, %s\n", "base",
                    (long long)moot_at_number(answer.json, "base.epoch", 0),
                    moot_at_text(answer.json, "base.digest"));
        }
        counts_show(cli->out, answer.json, "refused");
        counts_show(cli->out, answer.json, "void");
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_journal_log(struct moot_cli *cli)
{
    uint64_t limit = 0;
    if (!moot_args_number(cli, MOOT_FLAG_LIMIT, 1000, 50, &limit)) {
        return 2;
    }
    char path[64];
    snprintf(path, sizeof path, "/v1/journal/log?limit=%" PRIu64, limit);
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, path, &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        struct moot_columns columns;
        moot_columns_init(&columns, "DEVICE SEQ EPOCH KIND ID VOID WRITTEN");
        const json_t *facts = moot_at(answer.json, "facts");
        for (size_t i = 0; i < json_array_size(facts); i++) {
            const json_t *fact = json_array_get(facts, i);
            char seq[MOOT_WORDS_BYTES];
            char epoch[MOOT_WORDS_BYTES];
            char date[MOOT_WORDS_BYTES];
            snprintf(seq, sizeof seq, "%lld", (long long)moot_at_number(fact, "seq", 0));
            snprintf(epoch, sizeof epoch, "%lld", (long long)moot_at_number(fact, "epoch", 0));
            moot_words_date_format((uint64_t)moot_at_number(fact, "wall_s", 0), date);
            moot_columns_row(&columns, moot_at_text(fact, "author"), seq, epoch,
                             moot_at_text(fact, "kind"), moot_at_text(fact, "id"),
                             moot_at_text(fact, "void"), date);
        }
        moot_columns_print(&columns, cli->out, 0);
    }
    moot_answer_free(&answer);
    return code;
}

static void epoch_print(struct moot_cli *cli, const struct moot_answer *answer)
{
    if (cli->json) {
        moot_answer_print(cli, answer);
        return;
    }
    char time[MOOT_WORDS_BYTES];
    moot_words_time_format((uint64_t)moot_at_number(answer->json, "interval_ms", 0) / 1000, time);
    fprintf(cli->out, "epoch %lld, a new one every %s\n",
            (long long)moot_at_number(answer->json, "epoch", 0), time);
    json_int_t stalled = moot_at_number(answer->json, "epoch_stalled_s", 0);
    if (stalled > 0) {
        char names[256];
        moot_words_time_format((uint64_t)stalled, time);
        moot_at_names(answer->json, "epoch_waits_for", "and", names, sizeof names);
        fprintf(cli->out, "stalled for %s: waiting for %s\n", time, names);
    }
}

int moot_verb_epoch_show(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/epoch", &answer);
    if (code == 0) {
        epoch_print(cli, &answer);
    }
    moot_answer_free(&answer);
    return code;
}

static enum moot_wait_verdict epoch_judge(const json_t *answer, const void *context, char *line)
{
    const uint64_t *wanted = (const uint64_t *)context;
    json_int_t epoch = moot_at_number(answer, "epoch", 0);
    snprintf(line, MOOT_WAIT_LINE_BYTES, "epoch %lld of %" PRIu64, (long long)epoch, *wanted);
    return epoch >= 0 && (uint64_t)epoch >= *wanted ? MOOT_WAIT_THERE : MOOT_WAIT_ON;
}

int moot_verb_epoch_wait(struct moot_cli *cli)
{
    const char *text = cli->arguments[0];
    uint64_t wanted = 0;
    if (!moot_words_number_parse(text + (text[0] == '+' ? 1 : 0), &wanted) || wanted > UINT32_MAX) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "epoch %s is neither N nor +N", text);
    }
    struct moot_answer answer = {0};
    if (text[0] == '+') {
        int code = moot_client_get(cli, "/v1/epoch", &answer);
        if (code != 0) {
            moot_answer_free(&answer);
            return code;
        }
        wanted += (uint64_t)moot_at_number(answer.json, "epoch", 0);
    }
    struct moot_wait wait = {.path = "/v1/epoch", .judge = epoch_judge, .context = &wanted};
    int code = moot_wait_for(cli, &wait, &answer);
    if (code == 0) {
        epoch_print(cli, &answer);
    } else {
        char detail[96];
        snprintf(detail, sizeof detail, "the epoch is %lld, not %" PRIu64,
                 (long long)moot_at_number(answer.json, "epoch", 0), wanted);
        code = moot_wait_report(cli, code, &answer, detail);
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_events(struct moot_cli *cli)
{
    uint64_t since = 0;
    bool follow = moot_cli_given(cli, MOOT_FLAG_FOLLOW);
    if (!moot_args_number(cli, MOOT_FLAG_SINCE, INT64_MAX, 0, &since)) {
        return 2;
    }
    char path[80];
    snprintf(path, sizeof path, "/v1/events?since=%" PRIu64 "%s", since, follow ? "&follow=1" : "");
    struct moot_answer answer = {0};
    struct moot_request request = {
        .method = "GET", .path = path, .stream = cli->out, .timeout_ms = follow ? UINT64_MAX : 0};
    moot_client_call(cli, &request, &answer);
    int code = answer.exit != 0 ? moot_report_answer(cli, answer.json) : 0;
    moot_answer_free(&answer);
    return code;
}

int moot_verb_config_show(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/config", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        const json_t *settings = moot_at(answer.json, "settings");
        struct moot_columns columns;
        bool origin = moot_cli_given(cli, MOOT_FLAG_ORIGIN);
        moot_columns_init(&columns, origin ? "KEY VALUE ORIGIN" : "KEY VALUE");
        for (size_t i = 0; i < json_array_size(settings); i++) {
            const json_t *setting = json_array_get(settings, i);
            moot_columns_row(&columns, moot_at_text(setting, "key"), moot_at_text(setting, "value"),
                             moot_at_text(setting, "origin"));
        }
        moot_columns_print(&columns, cli->out, 0);
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_version(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    struct moot_request request = {.method = "GET", .path = "/v1/status", .timeout_ms = 2000};
    moot_client_call(cli, &request, &answer);
    bool answered = answer.exit == 0;
    if (cli->json) {
        json_t *node = answered
                           ? json_pack("{s:O?,s:O?}", "version", moot_at(answer.json, "version"),
                                       "protocol", moot_at(answer.json, "protocol"))
                           : NULL;
        json_t *document = json_pack("{s:s,s:s,s:i,s:o?}", "schema", "moot.version/1", "version",
                                     MOOT_VERSION, "protocol_max", MOOT_PROTOCOL_MAX, "node", node);
        moot_report_json(cli, document);
        json_decref(document);
    } else {
        fprintf(cli->out, "moot %s, protocols up to %d\n", MOOT_VERSION, MOOT_PROTOCOL_MAX);
        if (answered) {
            fprintf(cli->out, "node %s, speaks protocol %lld\n",
                    moot_at_text(answer.json, "version"),
                    (long long)moot_at_number(answer.json, "protocol.speaks", 0));
        }
    }
    moot_answer_free(&answer);
    return 0;
}
