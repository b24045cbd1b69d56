/*
 * Looking for trouble. Happy path: each check looks at status and statistics and adds a line; the
 * worst line is the exit code (0, 10, 11). Failure: no node answers (3).
 */
#include <string.h>

#include "tools/moot/answer.h"
#include "tools/moot/client.h"
#include "tools/moot/columns.h"
#include "tools/moot/report.h"
#include "tools/moot/verbs.h"
#include "tools/moot/words.h"

enum level { LEVEL_GOOD = 1, LEVEL_WARNING, LEVEL_BROKEN };

static const char *level_text(enum level level)
{
    return level == LEVEL_GOOD ? "ok" : level == LEVEL_WARNING ? "warning" : "broken";
}

struct findings {
    json_t *checks;
    enum level worst;
};

static void find(struct findings *findings, const char *name, enum level level, const char *text,
                 const char *advice)
{
    json_array_append_new(findings->checks,
                          json_pack("{s:s,s:s,s:s,s:s}", "name", name, "level", level_text(level),
                                    "text", text, "advice", advice));
    findings->worst = level > findings->worst ? level : findings->worst;
}

static void mesh_check(struct findings *findings, const json_t *status)
{
    if (moot_at_true(status, "in_mesh")) {
        find(findings, "mesh", LEVEL_GOOD, moot_at_text(status, "mesh.name"), "");
    } else {
        find(findings, "mesh", LEVEL_WARNING, "this node is in no mesh",
             "moot init --mesh NAME, or moot join URI");
    }
}

static void release_check(struct findings *findings, const json_t *status)
{
    const char *version = moot_at_text(status, "version");
    bool same = strcmp(version, MOOT_VERSION) == 0;
    find(findings, "release", same ? LEVEL_GOOD : LEVEL_WARNING, version,
         same ? "" : "this command is of another release: install both together");
}

static void peers_check(struct findings *findings, const json_t *status)
{
    const json_t *devices = moot_at(status, "devices");
    size_t others = 0;
    size_t connected = 0;
    for (size_t i = 0; i < json_array_size(devices); i++) {
        const json_t *device = json_array_get(devices, i);
        const char *state = moot_at_text(device, "state");
        others += strcmp(state, "self") != 0 ? 1 : 0;
        connected += strcmp(state, "connected") == 0 ? 1 : 0;
        if (strcmp(state, "conflicted") == 0) {
            find(findings, "chain", LEVEL_BROKEN, moot_at_text(device, "name"),
                 "its key signed two histories: replace the device");
        }
    }
    char text[64];
    snprintf(text, sizeof text, "%zu of %zu other devices are connected", connected, others);
    bool alone = others > 0 && connected == 0;
    find(findings, "peers", alone ? LEVEL_WARNING : LEVEL_GOOD, text,
         alone ? "see that they run and that a network joins them" : "");
}

static void epoch_check(struct findings *findings, const json_t *status)
{
    char text[320];
    json_int_t stalled = moot_at_number(status, "epoch_stalled_s", 0);
    if (stalled > 0) {
        char since[MOOT_WORDS_BYTES];
        char names[200];
        moot_words_time_format((uint64_t)stalled, since);
        moot_at_names(status, "epoch_waits_for", "and", names, sizeof names);
        snprintf(text, sizeof text, "stalled for %s, waiting for %s", since, names);
        find(findings, "epoch", LEVEL_WARNING, text,
             "start the administrators' devices it waits for");
    } else {
        snprintf(text, sizeof text, "%lld", (long long)moot_at_number(status, "epoch", 0));
        find(findings, "epoch", LEVEL_GOOD, text, "");
    }
}

static void fence_check(struct findings *findings, const json_t *status)
{
    if (moot_at_true(status, "fenced")) {
        find(findings, "fence", LEVEL_WARNING, moot_at_text(status, "fenced_reason"),
             "see moot status");
    } else {
        find(findings, "fence", LEVEL_GOOD, "ordinary writes pass", "");
    }
}

static void notes_check(struct findings *findings, const json_t *status)
{
    const json_t *notes = moot_at(status, "notes");
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const json_t *note = json_array_get(notes, i);
        const char *level = moot_at_text(note, "level");
        bool broken = strcmp(level, "error") == 0 || strcmp(level, "broken") == 0;
        bool known = strcmp(level, "info") == 0;
        find(findings, moot_at_text(note, "code"),
             broken  ? LEVEL_BROKEN
             : known ? LEVEL_GOOD
                     : LEVEL_WARNING,
             moot_at_text(note, "text"), moot_at_text(note, "advice"));
    }
}

/* What was refused since the start: told, but no trouble of this node. */
static void journal_check(struct findings *findings, const json_t *stats)
{
    json_t *refused = moot_at(stats, "refused");
    char text[240];
    size_t used = (size_t)snprintf(text, sizeof text, "%lld facts",
                                   (long long)moot_at_number(stats, "facts", 0));
    for (void *at = json_object_iter(refused); at != NULL && used < sizeof text - 64;
         at = json_object_iter_next(refused, at)) {
        used += (size_t)snprintf(text + used, sizeof text - used, ", refused %.30s %lld",
                                 json_object_iter_key(at),
                                 (long long)json_integer_value(json_object_iter_value(at)));
    }
    find(findings, "journal", LEVEL_GOOD, text, "");
}

static void findings_print(struct moot_cli *cli, const struct findings *findings)
{
    if (cli->json) {
        json_t *document = json_pack("{s:s,s:s,s:O}", "schema", "moot.doctor/1", "level",
                                     level_text(findings->worst), "checks", findings->checks);
        moot_report_json(cli, document);
        json_decref(document);
        return;
    }
    struct moot_columns columns;
    moot_columns_init(&columns, "CHECK LEVEL FINDING HELPS");
    for (size_t i = 0; i < json_array_size(findings->checks); i++) {
        const json_t *check = json_array_get(findings->checks, i);
        moot_columns_row(&columns, moot_at_text(check, "name"), moot_at_text(check, "level"),
                         moot_at_text(check, "text"), moot_at_text(check, "advice"));
    }
    moot_columns_print(&columns, cli->out, 0);
}

int moot_verb_doctor(struct moot_cli *cli)
{
    struct moot_answer status = {0};
    struct moot_answer stats = {0};
    int code = moot_client_get(cli, "/v1/status", &status);
    if (code != 0) {
        moot_answer_free(&status);
        return code;
    }
    struct findings findings = {.checks = json_array(), .worst = LEVEL_GOOD};
    find(&findings, "node", LEVEL_GOOD, "answers", "");
    release_check(&findings, status.json);
    mesh_check(&findings, status.json);
    if (moot_at_true(status.json, "in_mesh")) {
        peers_check(&findings, status.json);
        epoch_check(&findings, status.json);
        fence_check(&findings, status.json);
    }
    notes_check(&findings, status.json);
    struct moot_request request = {.method = "GET", .path = "/v1/journal/stats"};
    moot_client_call(cli, &request, &stats);
    if (stats.exit == 0) {
        journal_check(&findings, stats.json);
    } else if (moot_at_true(status.json, "in_mesh")) {
        find(&findings, "journal", LEVEL_BROKEN, moot_at_text(stats.json, "error.text"),
             moot_at_text(stats.json, "error.advice"));
    }
    findings_print(cli, &findings);
    json_decref(findings.checks);
    moot_answer_free(&status);
    moot_answer_free(&stats);
    return findings.worst == LEVEL_GOOD ? 0 : findings.worst == LEVEL_WARNING ? 10 : 11;
}
