/*
 * The timeline as it went: the founding and every turn. Happy path: one request, shown whole or one of it.
 * Failures: no mesh, and a number that is no turn (4); usage (2).
 */
#include "tools/moot/answer.h"
#include "tools/moot/client.h"
#include "tools/moot/columns.h"
#include "tools/moot/report.h"
#include "tools/moot/verbs.h"
#include "tools/moot/words.h"

static long long number(const json_t *from, const char *member)
{
    return (long long)moot_at_number(from, member, 0);
}

static void next_show(FILE *out, const json_t *forks)
{
    if (moot_at_number(forks, "next.epoch", 0) > 0) {
        fprintf(out, "next: %s at epoch %lld, protocol %lld or later from there on\n",
                moot_at_text(forks, "next.proposal"), number(forks, "next.epoch"),
                number(forks, "next.min_protocol"));
    }
}

int moot_verb_fork_list(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/forks", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        struct moot_columns columns;
        size_t index;
        json_t *fork;
        moot_columns_init(&columns, "TURN EPOCH WHAT PROPOSAL PROTOCOL ADMINS FORK-ID");
        json_array_foreach(moot_at(answer.json, "forks"), index, fork)
        {
            char k[24], epoch[24], protocol[24], admins[24];
            snprintf(k, sizeof k, "%lld", number(fork, "k"));
            snprintf(epoch, sizeof epoch, "%lld", number(fork, "epoch"));
            snprintf(protocol, sizeof protocol, "%lld", number(fork, "protocol"));
            snprintf(admins, sizeof admins, "set %lld", number(fork, "admins_version"));
            moot_columns_row(&columns, k, epoch, moot_at_text(fork, "what"),
                             moot_at_text(fork, "proposal"), protocol, admins,
                             moot_at_text(fork, "fork_id"));
        }
        moot_columns_print(&columns, cli->out, 0);
        next_show(cli->out, answer.json);
    }
    moot_answer_free(&answer);
    return code;
}

static void fork_show(FILE *out, const json_t *fork)
{
    fprintf(out, "turn       %lld, %s %s\n", number(fork, "k"), moot_at_text(fork, "what"),
            moot_at_text(fork, "proposal"));
    fprintf(out, "since      epoch %lld\n", number(fork, "epoch"));
    fprintf(out, "protocol   %lld\n", number(fork, "protocol"));
    fprintf(out, "admins     set %lld\n", number(fork, "admins_version"));
    fprintf(out, "timeline   %s\n", moot_at_text(fork, "timeline"));
    fprintf(out, "fork id    %s\n", moot_at_text(fork, "fork_id"));
}

int moot_verb_fork_show(struct moot_cli *cli)
{
    uint64_t wanted = 0;
    bool last = cli->argument_count == 0;
    if (!last && !moot_words_number_parse(cli->arguments[0], &wanted)) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "%s is no number of a turn", cli->arguments[0]);
    }
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/forks", &answer);
    if (code == 0) {
        json_t *forks = moot_at(answer.json, "forks");
        size_t count = json_array_size(forks);
        json_t *fork = json_array_get(forks, last ? count - 1 : (size_t)wanted);
        if (fork == NULL) {
            code =
                moot_report(cli, MOOT_NOT_FOUND, "turn %s has not been passed", cli->arguments[0]);
        } else if (cli->json) {
            json_object_set_new(fork, "schema", json_string("moot.fork/1"));
            json_dumpf(fork, cli->out, JSON_COMPACT);
            fputc('\n', cli->out);
        } else {
            fork_show(cli->out, fork);
        }
    }
    moot_answer_free(&answer);
    return code;
}
