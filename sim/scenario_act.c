/*
 * Acts: what a person or the weather does. "NODE VERB ..." for people, "VERB ..." for the weather.
 */
#include <string.h>

#include "sim/words.h"

static const char *const person_verbs[] = {"propose",  "invalidate", "approve", "reject",
                                           "withdraw", "activate",   "put",     "cache",
                                           "remove",   "rename",     NULL};
static const char *const weather_verbs[] = {"crash", "restart", "upgrade", "partition",
                                            "heal",  "isolate", NULL};

static bool known(const char *const *words, const char *word)
{
    for (uint32_t i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

/* The options of a hard fork; false: the word is none of them, or comes twice. */
static bool fork_option(struct moot_sim_parser *parser, const struct moot_sim_word *word,
                        struct moot_sim_act *ret)
{
    const char *value;
    uint32_t column;
    if (moot_sim_words_pair(word, "fence", &value, &column) && ret->fence == 0) {
        if (value[0] != '+')
            moot_sim_words_fail(parser, column, "a fence is so many epochs ahead: fence=+N");
        else
            ret->fence = (uint32_t)moot_sim_value_number(parser, column + 1, value + 1, 1000000);
    } else if (moot_sim_words_pair(word, "window", &value, &column) && ret->window == 0) {
        ret->window = (uint32_t)moot_sim_value_number(parser, column, value, MOOT_TURN_WINDOW_MAX);
    } else if (moot_sim_words_pair(word, "min-protocol", &value, &column) && ret->protocol == 0) {
        ret->protocol = moot_sim_value_protocol(parser, column, value);
    } else {
        return false;
    }
    return true;
}

/* kind=soft ready=N | kind=hard ready=N fence=+N min-protocol=P [window=N] */
static void upgrade_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    static const char *const keys[] = {"kind", "ready", "fence", "min-protocol", "window", NULL};
    bool has_kind = false, has_ready = false;
    ret->kind = MOOT_SIM_PROPOSE_UPGRADE;
    while (!parser->failed && parser->next < parser->word_count) {
        const struct moot_sim_word *word = moot_sim_words_next(parser, "kind= or ready=");
        const char *value;
        uint32_t column;
        if (moot_sim_words_pair(word, "kind", &value, &column) && !has_kind) {
            has_kind = true;
            ret->hard = strcmp(value, "hard") == 0;
            if (!ret->hard && strcmp(value, "soft") != 0)
                moot_sim_words_fail(parser, column, "kind=%s is not known: soft or hard", value);
        } else if (moot_sim_words_pair(word, "ready", &value, &column) && !has_ready) {
            has_ready = true;
            ret->ready = (uint32_t)moot_sim_value_number(parser, column, value, MOOT_SIM_NODES_MAX);
        } else if (!fork_option(parser, word, ret)) {
            moot_sim_words_unknown(parser, word->column, "or repeated option", word->text, keys);
        }
    }
    if (!has_kind || !has_ready)
        moot_sim_words_fail(parser, parser->end_column, "an upgrade needs kind= and ready=");
    else if (ret->hard != (ret->fence != 0 && ret->protocol != 0) ||
             (!ret->hard && (ret->fence != 0 || ret->protocol != 0 || ret->window != 0)))
        moot_sim_words_fail(parser, parser->end_column,
                            "fence=+N and min-protocol=P go with kind=hard, and it needs them");
}

/* set=d1,d2 threshold=M */
static void admins_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    const struct moot_sim_word *word = moot_sim_words_next(parser, "set=");
    const char *value;
    uint32_t column;
    ret->kind = MOOT_SIM_PROPOSE_ADMINS;
    if (!word)
        return;
    if (!moot_sim_words_pair(word, "set", &value, &column)) {
        moot_sim_words_fail(parser, word->column, "\"%s\" where set= is expected", word->text);
        return;
    }
    moot_sim_value_nodes(parser, column, value, &ret->set);
    word = moot_sim_words_next(parser, "threshold=");
    if (!word)
        return;
    if (!moot_sim_words_pair(word, "threshold", &value, &column))
        moot_sim_words_fail(parser, word->column, "\"%s\" where threshold= is expected",
                            word->text);
    else
        ret->threshold = (uint32_t)moot_sim_value_number(parser, column, value, MOOT_ADMINS_MAX);
}

static void label_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    moot_sim_value_label(parser, moot_sim_words_next(parser, "the name of a proposal"), ret->label,
                         sizeof ret->label);
}

static void propose_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    static const char *const what[] = {"upgrade", "admins", "snapshot", NULL};
    const struct moot_sim_word *word = moot_sim_words_next(parser, "upgrade, admins or snapshot");
    if (!word)
        return;
    if (!known(what, word->text)) {
        moot_sim_words_unknown(parser, word->column, "kind of proposal", word->text, what);
        return;
    }
    label_parse(parser, ret);
    if (strcmp(word->text, "upgrade") == 0)
        upgrade_parse(parser, ret);
    else if (strcmp(word->text, "admins") == 0)
        admins_parse(parser, ret);
    else
        ret->kind = MOOT_SIM_PROPOSE_SNAPSHOT;
}

static void key_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    moot_sim_value_label(parser, moot_sim_words_next(parser, "a key"), ret->key, sizeof ret->key);
}

static void value_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    moot_sim_value_label(parser, moot_sim_words_next(parser, "a value"), ret->value,
                         sizeof ret->value);
}

/* U KEY [prefix] [floor=E] */
static void invalidate_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    const char *value;
    uint32_t column;
    ret->kind = MOOT_SIM_INVALIDATE;
    label_parse(parser, ret);
    key_parse(parser, ret);
    ret->prefix = moot_sim_words_if(parser, "prefix");
    if (parser->failed || parser->next >= parser->word_count)
        return;
    const struct moot_sim_word *word = moot_sim_words_next(parser, "floor=");
    if (!moot_sim_words_pair(word, "floor", &value, &column))
        moot_sim_words_fail(parser, word->column, "\"%s\" where prefix or floor= is expected",
                            word->text);
    else
        ret->floor = (uint32_t)moot_sim_value_number(parser, column, value, UINT32_MAX);
}

/* U NODE [at=SEQ] | U NODE NAME */
static void device_parse(struct moot_sim_parser *parser, bool removes, struct moot_sim_act *ret)
{
    const char *value;
    uint32_t column;
    ret->kind = removes ? MOOT_SIM_REMOVE : MOOT_SIM_RENAME;
    label_parse(parser, ret);
    const struct moot_sim_word *word = moot_sim_words_next(parser, "a node");
    if (!word)
        return;
    ret->subject = moot_sim_value_node(parser, word->column, word->text);
    if (!removes) {
        key_parse(parser, ret);
        return;
    }
    if (parser->failed || parser->next >= parser->word_count)
        return;
    word = moot_sim_words_next(parser, "at=");
    if (!moot_sim_words_pair(word, "at", &value, &column)) {
        moot_sim_words_fail(parser, word->column, "\"%s\" where at= is expected", word->text);
        return;
    }
    ret->at_given = true;
    ret->at_seq = moot_sim_value_number(parser, column, value, UINT32_MAX);
}

/* set KEY VALUE | get KEY */
static void cache_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    static const char *const verbs[] = {"set", "get", NULL};
    const struct moot_sim_word *word = moot_sim_words_next(parser, "set or get");
    if (!word)
        return;
    if (!known(verbs, word->text)) {
        moot_sim_words_unknown(parser, word->column, "act on a cache", word->text, verbs);
        return;
    }
    ret->kind = word->text[0] == 's' ? MOOT_SIM_CACHE_SET : MOOT_SIM_CACHE_GET;
    key_parse(parser, ret);
    if (ret->kind == MOOT_SIM_CACHE_SET)
        value_parse(parser, ret);
}

static void person_parse(struct moot_sim_parser *parser, const struct moot_sim_word *verb,
                         struct moot_sim_act *ret)
{
    const struct moot_sim_word *word;
    if (!verb)
        return;
    switch (verb->text[0]) {
    case 'p':
        if (strcmp(verb->text, "propose") == 0) {
            propose_parse(parser, ret);
            break;
        }
        ret->kind = MOOT_SIM_PUT;
        key_parse(parser, ret);
        value_parse(parser, ret);
        break;
    case 'i':
        invalidate_parse(parser, ret);
        break;
    case 'c':
        cache_parse(parser, ret);
        break;
    case 'r':
        if (strcmp(verb->text, "reject") != 0) {
            device_parse(parser, strcmp(verb->text, "remove") == 0, ret);
            break;
        }
        ret->kind = MOOT_SIM_REJECT;
        label_parse(parser, ret);
        word = moot_sim_words_next(parser, "a reason in quotes");
        if (word)
            memcpy(ret->key, word->text, sizeof ret->key);
        break;
    case 'w':
        ret->kind = MOOT_SIM_WITHDRAW;
        label_parse(parser, ret);
        break;
    default:
        ret->kind = strcmp(verb->text, "approve") == 0 ? MOOT_SIM_APPROVE : MOOT_SIM_ACTIVATE;
        label_parse(parser, ret);
        break;
    }
}

/* A,B | C | ... */
static void partition_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    struct moot_sim_set all = {{0}};
    ret->kind = MOOT_SIM_PARTITION;
    do {
        const struct moot_sim_word *word = moot_sim_words_next(parser, "nodes");
        if (!word)
            return;
        if (ret->group_count == MOOT_SIM_GROUPS_MAX) {
            moot_sim_words_fail(parser, word->column, "more than %u groups", MOOT_SIM_GROUPS_MAX);
            return;
        }
        struct moot_sim_set *group = &ret->groups[ret->group_count++];
        moot_sim_value_nodes(parser, word->column, word->text, group);
        for (uint32_t i = 0; i < parser->scenario->node_count; i++) {
            if (moot_sim_set_has(&all, i) && moot_sim_set_has(group, i))
                moot_sim_words_fail(parser, word->column, "node \"%s\" is in two groups",
                                    parser->scenario->nodes[i].name);
            if (moot_sim_set_has(group, i))
                moot_sim_set_add(&all, i);
        }
    } while (moot_sim_words_if(parser, "|"));
    if (ret->group_count < 2)
        moot_sim_words_fail(parser, parser->end_column,
                            "a partition has two groups or more: A | B");
}

/* to protocol=N */
static void to_parse(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    const char *value;
    uint32_t column;
    moot_sim_words_must(parser, "to");
    const struct moot_sim_word *word = moot_sim_words_next(parser, "protocol=N");
    if (!word)
        return;
    if (moot_sim_words_pair(word, "protocol", &value, &column))
        ret->protocol = moot_sim_value_protocol(parser, column, value);
    else
        moot_sim_words_fail(parser, word->column, "\"%s\" where protocol= is expected", word->text);
}

static void weather_parse(struct moot_sim_parser *parser, const struct moot_sim_word *verb,
                          struct moot_sim_act *ret)
{
    if (strcmp(verb->text, "heal") == 0) {
        ret->kind = MOOT_SIM_HEAL;
        return;
    }
    if (strcmp(verb->text, "partition") == 0) {
        partition_parse(parser, ret);
        return;
    }
    ret->kind = strcmp(verb->text, "crash") == 0     ? MOOT_SIM_CRASH
                : strcmp(verb->text, "restart") == 0 ? MOOT_SIM_RESTART
                : strcmp(verb->text, "upgrade") == 0 ? MOOT_SIM_UPGRADE
                                                     : MOOT_SIM_ISOLATE;
    const struct moot_sim_word *word = moot_sim_words_next(parser, "nodes");
    if (word)
        moot_sim_value_nodes(parser, word->column, word->text, &ret->set);
    if (ret->kind == MOOT_SIM_UPGRADE)
        to_parse(parser, ret);
}

void moot_sim_parse_act(struct moot_sim_parser *parser, struct moot_sim_act *ret)
{
    memset(ret, 0, sizeof *ret);
    const struct moot_sim_word *word = moot_sim_words_next(parser, "an act");
    if (!word)
        return;
    if (known(weather_verbs, word->text)) {
        weather_parse(parser, word, ret);
    } else if (parser->next < parser->word_count &&
               known(person_verbs, parser->words[parser->next].text)) {
        ret->node = moot_sim_value_node(parser, word->column, word->text);
        person_parse(parser, moot_sim_words_next(parser, "a verb"), ret);
    } else {
        bool is_node = false;
        for (uint32_t i = 0; i < parser->scenario->node_count; i++)
            is_node = is_node || strcmp(parser->scenario->nodes[i].name, word->text) == 0;
        const struct moot_sim_word *verb = is_node ? moot_sim_words_next(parser, "a verb") : word;
        if (verb)
            moot_sim_words_unknown(parser, verb->column, "act", verb->text,
                                   is_node ? person_verbs : weather_verbs);
    }
    moot_sim_words_end(parser);
}
