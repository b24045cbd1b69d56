/*
 * Words and flags against the table. Happy path: split argv into words and flags, find the command
 * with the longest match of the first words, check that it takes each flag and has the arguments it
 * needs. Every failure is a usage error (exit 2) that names the nearest word.
 */
#include "tools/moot/args.h"

#include <string.h>

#include "tools/moot/report.h"
#include "tools/moot/words.h"

static enum moot_flag flag_find(const char *name, size_t size)
{
    for (int flag = 1; flag <= MOOT_FLAG_MAX; flag++) {
        const struct moot_flag_info *info = moot_flag_info((enum moot_flag)flag);
        if ((strlen(info->name) == size && memcmp(info->name, name, size) == 0) ||
            (info->also != NULL && strlen(info->also) == size &&
             memcmp(info->also, name, size) == 0)) {
            return (enum moot_flag)flag;
        }
    }
    return (enum moot_flag)0;
}

static int flag_unknown(struct moot_cli *cli, const char *name, size_t size, uint64_t taken)
{
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", (int)(size < 60 ? size : 60), name);
    struct moot_words_nearest nearest = {0};
    for (int flag = 1; flag <= MOOT_FLAG_MAX; flag++) {
        if ((taken >> flag & 1) != 0) {
            moot_words_nearest_offer(&nearest, typed, moot_flag_info((enum moot_flag)flag)->name);
        }
    }
    const char *where = cli->command != NULL ? cli->command->words : NULL;
    char verb[80] = "moot";
    if (where != NULL) {
        snprintf(verb, sizeof verb, "moot %s", where);
    }
    if (nearest.word != NULL) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "%s takes no %s: did you mean %s?", verb, typed,
                           nearest.word);
    }
    return moot_report(cli, MOOT_BAD_ARGUMENT, "%s takes no %s", verb, typed);
}

/* argv[*at] is a flag; may take the next word as its value. */
static int flag_take(struct moot_cli *cli, int argc, const char *const *argv, int *at)
{
    const char *word = argv[*at];
    size_t size = word[1] == '-' ? strcspn(word, "=") : strlen(word);
    enum moot_flag flag = flag_find(word, size);
    if (flag == 0) {
        return flag_unknown(cli, word, size, UINT64_MAX);
    }
    const struct moot_flag_info *info = moot_flag_info(flag);
    const char *value = word[size] == '=' ? word + size + 1 : NULL;
    if (info->kind == MOOT_FLAG_SWITCH && value != NULL) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "%s takes no value", info->name);
    }
    if (info->kind == MOOT_FLAG_VALUE && value == NULL) {
        if (*at + 1 >= argc) {
            return moot_report(cli, MOOT_BAD_ARGUMENT, "%s needs a value: %s", info->name,
                               info->value);
        }
        value = argv[++*at];
    }
    if (cli->flags[flag] != NULL) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "%s is given twice", info->name);
    }
    cli->flags[flag] = value != NULL ? value : "";
    return 0;
}

static int split(struct moot_cli *cli, int argc, const char *const *argv, const char **words,
                 size_t *ret_count)
{
    size_t count = 0;
    bool flags_end = false;
    for (int at = 1; at < argc; at++) {
        const char *word = argv[at];
        if (flags_end || word[0] != '-' || word[1] == '\0') {
            words[count++] = word;
        } else if (strcmp(word, "--") == 0) {
            flags_end = true;
        } else {
            int code = flag_take(cli, argc, argv, &at);
            if (code != 0) {
                return code;
            }
        }
    }
    *ret_count = count;
    return 0;
}

/* Words of `command` if the words given begin with them, else 0. */
static size_t match(const struct moot_command *command, const char *const *words, size_t count)
{
    const char *at = command->words;
    for (size_t i = 0; i < count; i++) {
        size_t size = strcspn(at, " ");
        if (strlen(words[i]) != size || memcmp(words[i], at, size) != 0) {
            return 0;
        }
        if (at[size] == '\0') {
            return i + 1;
        }
        at += size + 1;
    }
    return 0;
}

static bool is_group(const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; i < moot_command_count; i++) {
        if (strncmp(moot_commands[i].words, word, size) == 0 &&
            moot_commands[i].words[size] == ' ') {
            return true;
        }
    }
    return false;
}

static int verb_unknown(struct moot_cli *cli, const char *const *words, size_t count)
{
    bool group = is_group(words[0]);
    if (group && count == 1) {
        return moot_report(cli, MOOT_BAD_ARGUMENT,
                           "moot %s needs one more word: moot help %s lists them", words[0],
                           words[0]);
    }
    char typed[128];
    if (count > 1) {
        snprintf(typed, sizeof typed, "%.60s %.60s", words[0], words[1]);
    } else {
        snprintf(typed, sizeof typed, "%.60s", words[0]);
    }
    struct moot_words_nearest nearest = {0};
    for (size_t i = 0; i < moot_command_count; i++) {
        moot_words_nearest_offer(&nearest, typed, moot_commands[i].words);
        if (!group) {
            moot_words_nearest_offer(&nearest, words[0], moot_commands[i].words);
        }
    }
    if (nearest.word != NULL) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "there is no verb '%s': did you mean %s?",
                           group ? typed : words[0], nearest.word);
    }
    return moot_report(cli, MOOT_BAD_ARGUMENT, "there is no verb '%s'", group ? typed : words[0]);
}

static int command_find(struct moot_cli *cli, const char **words, size_t count)
{
    size_t best = 0;
    for (size_t i = 0; i < moot_command_count; i++) {
        size_t length = match(&moot_commands[i], words, count);
        if (length > best) {
            best = length;
            cli->command = &moot_commands[i];
        }
    }
    if (best == 0) {
        return verb_unknown(cli, words, count);
    }
    cli->arguments = words + best;
    cli->argument_count = count - best;
    return 0;
}

static int flags_check(struct moot_cli *cli)
{
    uint64_t taken = moot_command_flags(cli->command);
    for (int flag = 1; flag <= MOOT_FLAG_MAX; flag++) {
        const struct moot_flag_info *info = moot_flag_info((enum moot_flag)flag);
        bool given = cli->flags[flag] != NULL;
        if (given && (taken >> flag & 1) == 0) {
            return flag_unknown(cli, info->name, strlen(info->name), taken);
        }
        if (!given && (cli->command->required >> flag & 1) != 0) {
            return moot_report(cli, MOOT_BAD_ARGUMENT, "moot %s needs %s%s%s", cli->command->words,
                               info->name, info->value != NULL ? " " : "",
                               info->value != NULL ? info->value : "");
        }
    }
    return 0;
}

static int arguments_check(struct moot_cli *cli)
{
    size_t least = 0;
    size_t most = 0;
    moot_command_counts(cli->command, &least, &most);
    bool unnamed = least > 0 && cli->argument_count > 0 && cli->arguments[0][0] == '\0';
    if (cli->argument_count < least || unnamed) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "moot %s needs %s", cli->command->words,
                           cli->command->arguments);
    }
    if (cli->argument_count > most) {
        return moot_report(cli, MOOT_BAD_ARGUMENT, "moot %s does not know what to do with '%s'",
                           cli->command->words, cli->arguments[most]);
    }
    return 0;
}

static int wait_check(struct moot_cli *cli)
{
    const char *time = cli->flags[MOOT_FLAG_WAIT];
    cli->wait = time != NULL;
    cli->wait_ms = MOOT_CLI_WAIT_MS_DEFAULT;
    if (time != NULL && time[0] != '\0' && !moot_words_time_parse(time, &cli->wait_ms)) {
        return moot_report(cli, MOOT_BAD_ARGUMENT,
                           "--wait=%s is no time such as 90, 500ms, 30s, 2m or 1h", time);
    }
    return 0;
}

/* `moot`, `moot --help`, `moot VERB --help`, `moot --version` as people type them. */
static bool asks_for_help(struct moot_cli *cli, const char **words, size_t count)
{
    if (count != 0 && cli->flags[MOOT_FLAG_HELP] == NULL) {
        return false;
    }
    for (size_t i = 0; i < moot_command_count; i++) {
        if (strcmp(moot_commands[i].words, "help") == 0) {
            cli->command = &moot_commands[i];
        }
    }
    cli->arguments = words;
    cli->argument_count = count;
    return true;
}

int moot_args_parse(struct moot_cli *cli, int argc, const char *const *argv, const char **arguments)
{
    for (int at = 1; at < argc && strcmp(argv[at], "--") != 0; at++) {
        cli->json = cli->json || strcmp(argv[at], "--json") == 0; /* for what fails before */
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        arguments[0] = "version";
        return command_find(cli, arguments, 1);
    }
    size_t count = 0;
    int code = split(cli, argc, argv, arguments, &count);
    if (code != 0 || asks_for_help(cli, arguments, count)) {
        return code;
    }
    code = command_find(cli, arguments, count);
    code = code != 0 ? code : flags_check(cli);
    code = code != 0 ? code : arguments_check(cli);
    code = code != 0 ? code : wait_check(cli);
    cli->dry_run = cli->flags[MOOT_FLAG_DRY_RUN] != NULL;
    return code;
}

bool moot_args_number(struct moot_cli *cli, enum moot_flag flag, uint64_t most, uint64_t fallback,
                      uint64_t *ret)
{
    const char *text = cli->flags[flag];
    uint64_t value = fallback;
    if (text != NULL && (!moot_words_number_parse(text, &value) || value > most)) {
        moot_report(cli, MOOT_BAD_ARGUMENT, "%s %s is no number up to %llu",
                    moot_flag_info(flag)->name, text, (unsigned long long)most);
        return false;
    }
    *ret = value;
    return true;
}

json_t *moot_args_epoch(struct moot_cli *cli, enum moot_flag flag)
{
    const char *text = moot_cli_flag(cli, flag, "");
    uint64_t epoch = 0;
    const char *digits = text[0] == '+' ? text + 1 : text;
    if (!moot_words_number_parse(digits, &epoch) || epoch > UINT32_MAX) {
        moot_report(cli, MOOT_BAD_ARGUMENT, "%s %s is neither N nor +N", moot_flag_info(flag)->name,
                    text);
        return NULL;
    }
    return digits != text ? json_string(text) : json_integer((json_int_t)epoch);
}
