/*
 * The loop behind --wait. Happy path: ask, judge, sleep, ask again. A node that goes away is given
 * 5 s to come back, because restarting one in the middle is ordinary.
 */
#include "tools/moot/wait.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/moot/answer.h"
#include "tools/moot/report.h"
#include "tools/moot/show.h"

#define PAUSE_MS 150u
#define AWAY_MS_MAX 5000u

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_ms(uint64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

static bool is_away(const struct moot_answer *answer)
{
    int silent = moot_status_info(MOOT_NO_NODE)->exit_code;
    return answer->exit == silent ||
           strcmp(moot_at_text(answer->json, "error.code"), "stopping") == 0;
}

static void progress_say(struct moot_cli *cli, const char *line, char *said)
{
    if (!cli->json && line[0] != '\0' && strcmp(line, said) != 0) {
        snprintf(said, MOOT_WAIT_LINE_BYTES, "%s", line);
        fprintf(cli->err, "%s\n", line);
        fflush(cli->err);
    }
}

int moot_wait_for(struct moot_cli *cli, const struct moot_wait *wait, struct moot_answer *ret)
{
    const uint64_t end_ms = now_ms() + cli->wait_ms;
    uint64_t heard_ms = now_ms();
    char said[MOOT_WAIT_LINE_BYTES] = "";
    struct moot_answer answer = {0};
    for (;;) {
        struct moot_request request = {.method = "GET", .path = wait->path};
        moot_client_call(cli, &request, &answer);
        uint64_t now = now_ms();
        enum moot_wait_verdict verdict = MOOT_WAIT_ON;
        if (answer.exit == 0) {
            char line[MOOT_WAIT_LINE_BYTES] = "";
            heard_ms = now;
            moot_answer_free(ret);
            *ret = answer;
            answer = (struct moot_answer){0};
            verdict = wait->judge(ret->json, wait->context, line);
            if (verdict == MOOT_WAIT_ON) {
                progress_say(cli, line, said);
            }
        } else if (!is_away(&answer) || now - heard_ms > AWAY_MS_MAX) {
            moot_answer_free(ret);
            *ret = answer;
            return ret->exit;
        }
        if (verdict == MOOT_WAIT_THERE) {
            moot_answer_free(&answer);
            return 0;
        }
        if (verdict == MOOT_WAIT_ENDED) {
            moot_answer_free(&answer);
            bool split = strcmp(moot_at_text(ret->json, "state"), "conflicted") == 0;
            return split ? 6 : 8;
        }
        if (now >= end_ms) {
            moot_answer_free(&answer);
            return 7;
        }
        pause_ms(now + PAUSE_MS > end_ms ? end_ms - now : PAUSE_MS);
    }
}

static enum moot_status status_of(int code)
{
    return code == 7 ? MOOT_TIMED_OUT : code == 6 ? MOOT_SLOT_TAKEN : MOOT_REJECTED;
}

int moot_wait_report(struct moot_cli *cli, int code, struct moot_answer *answer, const char *detail)
{
    if (answer->exit != 0) { /* the node itself said no, or is gone */
        return moot_report_answer(cli, answer->json);
    }
    json_t *document = moot_report_document(status_of(code), detail);
    if (code == 6) {
        json_t *error = json_object_get(document, "error");
        json_object_set_new(error, "code", json_string("conflicted"));
        json_object_set_new(error, "text",
                            json_string("two certificates exist in one slot: neither is in force"));
        json_object_set_new(error, "advice",
                            json_string("moot show ID names who signed; propose anew"));
    }
    if (cli->json && json_is_object(answer->json)) {
        json_object_update_missing(document, answer->json);
    }
    moot_report_answer(cli, document);
    json_decref(document);
    return code;
}

/* proposed < certified < in-force; the ends stand beside them. */
static int rank(const char *state)
{
    static const char *const ranks[] = {"proposed", "certified", "in-force"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(state, ranks[i]) == 0) {
            return i + 1;
        }
    }
    return 0;
}

static enum moot_wait_verdict proposal_judge(const json_t *answer, const void *context, char *line)
{
    const char *wanted = (const char *)context;
    const char *state = moot_at_text(answer, "state");
    if (strcmp(state, wanted) == 0 || (rank(wanted) > 0 && rank(state) >= rank(wanted))) {
        return MOOT_WAIT_THERE;
    }
    if (rank(state) == 0 || strcmp(state, "in-force") == 0) {
        return MOOT_WAIT_ENDED;
    }
    char next[MOOT_SHOW_LINE_BYTES];
    moot_show_next(answer, next);
    snprintf(line, MOOT_WAIT_LINE_BYTES, "%s %s: %.200s", moot_at_text(answer, "id"), state, next);
    return MOOT_WAIT_ON;
}

int moot_wait_proposal(struct moot_cli *cli, const char *id, const char *state)
{
    char *path = moot_client_path("/v1/proposals/", id, "");
    if (path == NULL) {
        return moot_report(cli, MOOT_NO_MEMORY, "building a request");
    }
    struct moot_wait wait = {.path = path, .judge = proposal_judge, .context = state};
    struct moot_answer answer = {0};
    int code = moot_wait_for(cli, &wait, &answer);
    if (code == 0 && cli->json) {
        moot_answer_print(cli, &answer);
    } else if (answer.exit == 0 && !cli->json) {
        moot_show_proposal(cli->out, answer.json);
    }
    if (code != 0) {
        char detail[160];
        snprintf(detail, sizeof detail, "%.40s is %.40s, not %.40s",
                 answer.exit == 0 ? moot_at_text(answer.json, "id") : id,
                 moot_at_text(answer.json, "state"), state);
        code = moot_wait_report(cli, code, &answer, detail);
    }
    moot_answer_free(&answer);
    free(path);
    return code;
}

int moot_wait_finish(struct moot_cli *cli, const struct moot_answer *answer)
{
    const char *id = moot_at_text(answer->json, "hash"); /* names are short and may meet */
    if (cli->wait && !cli->dry_run && id[0] != '\0') {
        return moot_wait_proposal(cli, id, "in-force");
    }
    if (!moot_answer_printed(cli, answer)) {
        moot_show_proposal(cli->out, answer->json);
    }
    return 0;
}
