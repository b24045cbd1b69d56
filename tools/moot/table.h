/*
 * The command table: the one source of dispatch, help, docs/CLI.md and completions. A flag means the
 * same with every command, so the table of flags is one, and each command names those it takes.
 */
#ifndef MOOT_TOOLS_TABLE_H
#define MOOT_TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct moot_cli;

enum moot_flag {
    MOOT_FLAG_NODE = 1,
    MOOT_FLAG_JSON,
    MOOT_FLAG_HELP,
    MOOT_FLAG_WAIT,
    MOOT_FLAG_DRY_RUN,
    MOOT_FLAG_MESH,
    MOOT_FLAG_NAME,
    MOOT_FLAG_HOME,
    MOOT_FLAG_SET,
    MOOT_FLAG_THRESHOLD,
    MOOT_FLAG_SOFT,
    MOOT_FLAG_HARD,
    MOOT_FLAG_AT_EPOCH,
    MOOT_FLAG_READY,
    MOOT_FLAG_MIN_PROTOCOL,
    MOOT_FLAG_REVERT_PLAN,
    MOOT_FLAG_SHORT_NOTICE,
    MOOT_FLAG_DIGEST,
    MOOT_FLAG_MESSAGE,
    MOOT_FLAG_FOR,
    MOOT_FLAG_VERSION,
    MOOT_FLAG_OUTPUT,
    MOOT_FLAG_CHANNEL,
    MOOT_FLAG_NOTES,
    MOOT_FLAG_KEY,
    MOOT_FLAG_PLATFORM,
    MOOT_FLAG_FROM_MIN,
    MOOT_FLAG_PROTOCOL_MIN,
    MOOT_FLAG_PROTOCOL_MAX,
    MOOT_FLAG_MANDATORY,
    MOOT_FLAG_SECURITY,
    MOOT_FLAG_NO_WAIT,
    MOOT_FLAG_QUEUE,
    MOOT_FLAG_DELETE,
    MOOT_FLAG_ALL,
    MOOT_FLAG_LIMIT,
    MOOT_FLAG_SINCE,
    MOOT_FLAG_FOLLOW,
    MOOT_FLAG_ORIGIN,
    MOOT_FLAG_IMAGE,
    MOOT_FLAG_MARKDOWN,
    MOOT_FLAG_PREFIX,
    MOOT_FLAG_FLOOR,
    MOOT_FLAG_AT
};
#define MOOT_FLAG_MAX 44

enum moot_flag_kind {
    MOOT_FLAG_SWITCH = 1, /* --json */
    MOOT_FLAG_VALUE,      /* --name X or --name=X */
    MOOT_FLAG_VALUE_MAYBE /* --wait or --wait=TIME */
};

struct moot_flag_info {
    const char *name; /* with its dashes */
    const char *also; /* "-m", or NULL */
    enum moot_flag_kind kind;
    const char *value; /* what its value is called, or NULL */
    const char *help;
};
const struct moot_flag_info *moot_flag_info(enum moot_flag flag);

#define MOOT_FLAG_BIT(flag) (UINT64_C(1) << (flag))
/* What every command takes. */
#define MOOT_FLAGS_GLOBAL                                                                          \
    (MOOT_FLAG_BIT(MOOT_FLAG_NODE) | MOOT_FLAG_BIT(MOOT_FLAG_JSON) | MOOT_FLAG_BIT(MOOT_FLAG_HELP))

enum moot_effect {
    MOOT_EFFECT_READS = 1, /* asks the node */
    MOOT_EFFECT_ACTS,      /* changes something through the node; takes --dry-run and --wait */
    MOOT_EFFECT_OFFLINE    /* needs no node */
};

struct moot_command {
    const char *section;   /* set on the first command of a section of the help */
    const char *words;     /* "record put" */
    const char *arguments; /* "KEY [VALUE]": optional ones in brackets, NAME... for several */
    enum moot_effect effect;
    uint64_t flags;    /* bits, beside the global ones and those of the effect */
    uint64_t required; /* bits of `flags` that must be given */
    int (*run)(struct moot_cli *cli);
    const char *help; /* one line */
    const char *more; /* further sentences of its page, or NULL */
};

extern const struct moot_command moot_commands[];
extern const size_t moot_command_count;

/* All flags a command takes. */
uint64_t moot_command_flags(const struct moot_command *command);
/* How many arguments the synopsis asks for; *ret_most is SIZE_MAX for NAME... */
void moot_command_counts(const struct moot_command *command, size_t *ret_least, size_t *ret_most);

#endif
