/*
 * Votes, and looking at decisions. Happy path: one request each. Approving without --digest shows
 * what this node computed and asks a person for the first block of the digest, so that nobody
 * approves by habit; without a person there it is a usage error.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/moot/answer.h"
#include "tools/moot/report.h"
#include "tools/moot/show.h"
#include "tools/moot/verbs.h"
#include "tools/moot/wait.h"

/* POST to a proposal. */
static int proposal_post(struct moot_cli *cli, const char *id, const char *act, json_t *body,
                         struct moot_answer *answer)
{
    char *path = moot_client_path("/v1/proposals/", id, act);
    if (path == NULL) {
        json_decref(body);
        return moot_report(cli, MOOT_NO_MEMORY, "building a request");
    }
    int code = moot_client_post(cli, path, body, 0, answer);
    free(path);
    return code;
}

/* Reads one line of at most 79 characters, blanks dropped. */
static void line_read(FILE *in, char ret[80])
{
    char line[80] = "";
    size_t size = 0;
    if (fgets(line, sizeof line, in) == NULL) {
        line[0] = '\0';
    }
    for (const char *at = line; *at != '\0'; at++) {
        if (*at != ' ' && *at != '\t' && *at != '\r' && *at != '\n') {
            ret[size++] = *at;
        }
    }
    ret[size] = '\0';
}

/* Shows the proposal and asks. *ret_hash is what was shown, so that this and nothing else is
 * approved. */
static int digest_ask(struct moot_cli *cli, const char *id, char ret[80], char ret_hash[80])
{
    struct moot_answer answer = {0};
    int code = moot_client_get_at(cli, "/v1/proposals/", id, "", &answer);
    if (code == 0) {
        moot_show_proposal(cli->err, answer.json);
        snprintf(ret_hash, 80, "%.79s", moot_at_text(answer.json, "hash"));
        fprintf(cli->err, "This is what this node itself computed. To approve it, type the first "
                          "block (4 digits or more)\nof the digest, from where you learned of the "
                          "proposal; nothing to leave it: ");
        fflush(cli->err);
        line_read(cli->in, ret);
        if (ret[0] == '\0') {
            fprintf(cli->err, "nothing was approved\n");
            code = 1;
        }
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_approve(struct moot_cli *cli)
{
    const char *id = cli->arguments[0];
    const char *digest = moot_cli_flag(cli, MOOT_FLAG_DIGEST, NULL);
    char typed[80] = "";
    char shown[80] = "";
    if (digest == NULL && (cli->json || !cli->in_is_terminal)) {
        return moot_report(cli, MOOT_BAD_ARGUMENT,
                           "moot approve needs --digest HEX where nobody can be asked");
    }
    if (digest == NULL) {
        int code = digest_ask(cli, id, typed, shown);
        if (code != 0) {
            return code;
        }
        digest = typed;
        id = shown[0] != '\0' ? shown : id;
    }
    json_t *body = json_object();
    json_object_set_new(body, "digest", json_string(digest));
    struct moot_answer answer = {0};
    int code = proposal_post(cli, id, "/approve", body, &answer);
    code = code != 0 ? code : moot_wait_finish(cli, &answer);
    moot_answer_free(&answer);
    return code;
}

/* Votes and acts that are done when they are answered. */
static int proposal_act(struct moot_cli *cli, const char *act, json_t *body)
{
    struct moot_answer answer = {0};
    int code = proposal_post(cli, cli->arguments[0], act, body, &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        moot_show_proposal(cli->out, answer.json);
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_reject(struct moot_cli *cli)
{
    json_t *body = json_object();
    json_object_set_new(body, "reason", json_string(moot_cli_flag(cli, MOOT_FLAG_MESSAGE, "")));
    return proposal_act(cli, "/reject", body);
}

int moot_verb_withdraw(struct moot_cli *cli)
{
    return proposal_act(cli, "/withdraw", NULL);
}

int moot_verb_upgrade_activate(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = proposal_post(cli, cli->arguments[0], "/activate", NULL, &answer);
    code = code != 0 ? code : moot_wait_finish(cli, &answer);
    moot_answer_free(&answer);
    return code;
}

int moot_verb_proposal_show(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get_at(cli, "/v1/proposals/", cli->arguments[0], "", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        moot_show_proposal(cli->out, answer.json);
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_proposal_list(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/proposals", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        moot_show_proposals(cli->out, moot_at(answer.json, "proposals"));
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_proposal_wait(struct moot_cli *cli)
{
    static const char *const states[] = {"proposed", "certified", "in-force",  "rejected",
                                         "expired",  "withdrawn", "conflicted"};
    const char *state = moot_cli_flag(cli, MOOT_FLAG_FOR, "in-force");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(states[i], state) == 0) {
            return moot_wait_proposal(cli, cli->arguments[0], state);
        }
    }
    return moot_report(cli, MOOT_BAD_ARGUMENT,
                       "--for %s: proposed, certified, in-force, rejected, expired, withdrawn or "
                       "conflicted",
                       state);
}

int moot_verb_upgrade_status(struct moot_cli *cli)
{
    if (cli->argument_count == 1) {
        return moot_verb_proposal_show(cli);
    }
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/upgrades", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        const json_t *upgrades = moot_at(answer.json, "upgrades");
        if (json_array_size(upgrades) == 0) {
            fprintf(cli->out, "no upgrades\n");
        }
        for (size_t i = 0; i < json_array_size(upgrades); i++) {
            moot_show_proposal(cli->out, json_array_get(upgrades, i));
        }
    }
    moot_answer_free(&answer);
    return code;
}
