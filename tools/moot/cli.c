/*
 * One command line from words to exit code. Happy path: parse against the table, choose the node,
 * call the verb. Failures are reported where they happen; this only passes their exit code on.
 */
#include "tools/moot/cli.h"

#include <stdlib.h>

#include "crypto/identity.h"
#include "tools/moot/args.h"
#include "tools/moot/report.h"

const char *moot_cli_flag(const struct moot_cli *cli, enum moot_flag flag, const char *fallback)
{
    return cli->flags[flag] != NULL ? cli->flags[flag] : fallback;
}

bool moot_cli_given(const struct moot_cli *cli, enum moot_flag flag)
{
    return cli->flags[flag] != NULL;
}

int moot_cli_run(struct moot_cli *cli, int argc, const char *const *argv)
{
    if (!moot_crypto_init()) {
        return moot_report(cli, MOOT_INTERNAL, "libsodium does not start");
    }
    /* one place more than words: --version alone becomes a word */
    const char **words = (const char **)calloc((size_t)argc + 1, sizeof *words);
    if (words == NULL) {
        return moot_report(cli, MOOT_NO_MEMORY, "reading the command line");
    }
    int code = moot_args_parse(cli, argc, argv, words);
    if (code == 0) {
        const char *standard = getenv("MOOT_NODE");
        cli->node = moot_cli_flag(cli, MOOT_FLAG_NODE,
                                  standard != NULL && standard[0] != '\0' ? standard
                                                                          : MOOT_CLI_NODE_DEFAULT);
        code = cli->command->run(cli);
    }
    cli->arguments = NULL;
    free(words);
    return code;
}
