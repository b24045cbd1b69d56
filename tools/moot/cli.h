/*
 * One run of the command line: where it reads and writes, what was asked for, and how it reports.
 * main.c fills the streams, args.c the wishes; each verb is a function of this struct that returns
 * the exit code.
 */
#ifndef MOOT_TOOLS_CLI_H
#define MOOT_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "crypto/base/attr.h"
#include "crypto/base/status.h"
#include "tools/moot/table.h"

#define MOOT_CLI_NODE_DEFAULT "unix:/run/moot/mootd.sock"
#define MOOT_CLI_WAIT_MS_DEFAULT 300000u

struct moot_cli {
    FILE *in, *out, *err; /* borrowed */
    bool in_is_terminal;  /* somebody can be asked */
    bool err_is_terminal; /* progress may be drawn */
    const char *node;     /* "unix:PATH" */
    bool json;
    bool dry_run;
    bool wait; /* --wait was given */
    uint64_t wait_ms;
    const struct moot_command *command;
    const char **arguments; /* after the verb's words; borrowed from argv */
    size_t argument_count;
    const char
        *flags[MOOT_FLAG_MAX + 1]; /* by enum moot_flag: value, "" for a switch, NULL: not given */
};

/* Runs one command line; returns the exit code. `cli` has its streams and terminals filled. */
int moot_cli_run(struct moot_cli *cli, int argc, const char *const *argv);

/* The value of a flag, or `fallback`. */
const char *moot_cli_flag(const struct moot_cli *cli, enum moot_flag flag, const char *fallback);
bool moot_cli_given(const struct moot_cli *cli, enum moot_flag flag);

#endif
