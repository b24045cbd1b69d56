/*
 * The header of a scenario: one function a word, in one table. Defaults are set by the parser before.
 */
#include <stdio.h>
#include <string.h>

#include "sim/words.h"

/* One word of the header. */
struct header {
    const char *word;
    void (*parse)(struct moot_sim_parser *parser);
};

static void name_parse(struct moot_sim_parser *parser)
{
    const struct moot_sim_word *word = moot_sim_words_next(parser, "a title in quotes");
    if (!word)
        return;
    if (!word->quoted || word->text[0] == '\0')
        moot_sim_words_fail(parser, word->column, "the title stands in quotes");
    memcpy(parser->scenario->name, word->text, sizeof parser->scenario->name);
}

static uint64_t seed_value(struct moot_sim_parser *parser, uint32_t column, const char *text)
{
    return moot_sim_value_number(parser, column, text, UINT64_MAX / 2);
}

static void seed_parse(struct moot_sim_parser *parser)
{
    const struct moot_sim_word *word = moot_sim_words_next(parser, "a seed or A..B");
    if (word)
        moot_sim_value_range(parser, word->column, word->text, seed_value,
                             &parser->scenario->seed_first, &parser->scenario->seed_last);
}

static void node_add(struct moot_sim_parser *parser, uint32_t column, const char *name,
                     void *context)
{
    struct moot_sim_scenario *scenario = parser->scenario;
    (void)context;
    struct moot_sim_word word = {.column = column};
    memcpy(word.text, name, strlen(name) + 1);
    if (scenario->node_count == MOOT_SIM_NODES_MAX) {
        moot_sim_words_fail(parser, column, "more than %u nodes", MOOT_SIM_NODES_MAX);
        return;
    }
    struct moot_sim_node_plan *plan = &scenario->nodes[scenario->node_count];
    moot_sim_value_label(parser, &word, plan->name, sizeof plan->name);
    if (strcmp(name, "all") == 0 || strcmp(name, "any") == 0)
        moot_sim_words_fail(parser, column, "\"%s\" is no name for a node", name);
    for (uint32_t i = 0; i < scenario->node_count; i++) {
        if (strcmp(scenario->nodes[i].name, name) == 0)
            moot_sim_words_fail(parser, column, "node \"%s\" is declared twice", name);
    }
    scenario->node_count++;
}

static uint32_t set_count(const struct moot_sim_set *set)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < MOOT_SIM_NODES_MAX; i++)
        count += moot_sim_set_has(set, i) ? 1 : 0;
    return count;
}

static void nodes_parse(struct moot_sim_parser *parser)
{
    static const char *const keys[] = {"admins", "threshold", NULL};
    struct moot_sim_scenario *scenario = parser->scenario;
    const struct moot_sim_word *word = moot_sim_words_next(parser, "nodes");
    if (!word)
        return;
    uint32_t first_column = word->column;
    moot_sim_value_names(parser, word->column, word->text, node_add, NULL);
    while (!parser->failed && parser->next < parser->word_count) {
        const char *value;
        uint32_t column;
        word = moot_sim_words_next(parser, "an option");
        if (moot_sim_words_pair(word, "admins", &value, &column))
            moot_sim_value_nodes(parser, column, value, &scenario->admins);
        else if (moot_sim_words_pair(word, "threshold", &value, &column))
            scenario->threshold =
                (uint32_t)moot_sim_value_number(parser, column, value, MOOT_ADMINS_MAX);
        else
            moot_sim_words_unknown(parser, word->column, "option", word->text, keys);
    }
    uint32_t admins = set_count(&scenario->admins);
    if (admins == 0 || admins > MOOT_ADMINS_MAX)
        moot_sim_words_fail(parser, first_column, "admins= names 1 to %u of the nodes",
                            MOOT_ADMINS_MAX);
    else if (2 * scenario->threshold <= admins || scenario->threshold > admins)
        moot_sim_words_fail(parser, first_column,
                            "threshold= is more than half of the %u admins and at most all",
                            admins);
}

static void homes_parse(struct moot_sim_parser *parser)
{
    while (!parser->failed && parser->next < parser->word_count) {
        const struct moot_sim_word *word = moot_sim_words_next(parser, "HOME=NODES");
        const char *equals = strchr(word->text, '=');
        struct moot_sim_set set;
        if (!equals || equals == word->text ||
            (size_t)(equals - word->text) >= MOOT_SIM_NAME_BYTES) {
            moot_sim_words_fail(parser, word->column, "\"%s\" is not HOME=NODES", word->text);
            return;
        }
        uint32_t column = word->column + (uint32_t)(equals - word->text) + 1;
        moot_sim_value_nodes(parser, column, equals + 1, &set);
        for (uint32_t i = 0; i < parser->scenario->node_count && !parser->failed; i++) {
            struct moot_sim_node_plan *plan = &parser->scenario->nodes[i];
            if (!moot_sim_set_has(&set, i))
                continue;
            if (plan->home[0] != '\0')
                moot_sim_words_fail(parser, column, "node \"%s\" has two homes", plan->name);
            snprintf(plan->home, sizeof plan->home, "%.*s", (int)(equals - word->text), word->text);
        }
    }
}

static void weather_parse(struct moot_sim_parser *parser, struct moot_sim_net *net)
{
    static const char *const keys[] = {"delay", "loss", "dup", NULL};
    while (!parser->failed && parser->next < parser->word_count) {
        const struct moot_sim_word *word = moot_sim_words_next(parser, "an option");
        const char *value;
        uint32_t column;
        if (moot_sim_words_pair(word, "delay", &value, &column))
            moot_sim_value_range(parser, column, value, moot_sim_value_us, &net->delay_us_min,
                                 &net->delay_us_max);
        else if (moot_sim_words_pair(word, "loss", &value, &column))
            net->loss_ppm = moot_sim_value_ppm(parser, column, value);
        else if (moot_sim_words_pair(word, "dup", &value, &column))
            net->dup_ppm = moot_sim_value_ppm(parser, column, value);
        else
            moot_sim_words_unknown(parser, word->column, "option", word->text, keys);
    }
}

static void net_parse(struct moot_sim_parser *parser)
{
    weather_parse(parser, &parser->scenario->net);
}

static void lan_parse(struct moot_sim_parser *parser)
{
    weather_parse(parser, &parser->scenario->lan);
}

static void epoch_parse(struct moot_sim_parser *parser)
{
    const struct moot_sim_word *word = moot_sim_words_next(parser, "interval=TIME");
    const char *value;
    uint32_t column;
    if (!word)
        return;
    if (!moot_sim_words_pair(word, "interval", &value, &column)) {
        moot_sim_words_fail(parser, word->column, "\"%s\" where interval= is expected", word->text);
        return;
    }
    uint64_t interval_us = moot_sim_value_us(parser, column, value);
    if (interval_us < MOOT_SIM_US_PER_S)
        moot_sim_words_fail(parser, column, "an epoch lasts a second or more");
    parser->scenario->epoch_interval_ms = interval_us / MOOT_SIM_US_PER_MS;
}

static void protocol_parse(struct moot_sim_parser *parser)
{
    const struct moot_sim_word *word = moot_sim_words_next(parser, "max=N");
    const char *value;
    uint32_t column;
    if (!word)
        return;
    if (moot_sim_words_pair(word, "max", &value, &column))
        parser->scenario->protocol_max = moot_sim_value_protocol(parser, column, value);
    else
        moot_sim_words_fail(parser, word->column, "\"%s\" where max= is expected", word->text);
}

/* every=N lease=TIME */
static void snapshots_parse(struct moot_sim_parser *parser)
{
    static const char *const keys[] = {"every", "lease", NULL};
    while (!parser->failed && parser->next < parser->word_count) {
        const struct moot_sim_word *word = moot_sim_words_next(parser, "an option");
        const char *value;
        uint32_t column;
        if (moot_sim_words_pair(word, "every", &value, &column))
            parser->scenario->snapshot_every =
                (uint32_t)moot_sim_value_number(parser, column, value, 1000000);
        else if (moot_sim_words_pair(word, "lease", &value, &column))
            parser->scenario->fence_lease_ms =
                moot_sim_value_us(parser, column, value) / MOOT_SIM_US_PER_MS;
        else
            moot_sim_words_unknown(parser, word->column, "option", word->text, keys);
    }
}

static void clocks_parse(struct moot_sim_parser *parser)
{
    static const char *const keys[] = {"skew", "drift", NULL};
    while (!parser->failed && parser->next < parser->word_count) {
        const struct moot_sim_word *word = moot_sim_words_next(parser, "an option");
        const char *value;
        uint32_t column;
        if (moot_sim_words_pair(word, "skew", &value, &column))
            parser->scenario->clock_skew_us_max = moot_sim_value_us(parser, column, value);
        else if (moot_sim_words_pair(word, "drift", &value, &column))
            parser->scenario->clock_drift_ppm_max = moot_sim_value_ppm(parser, column, value);
        else
            moot_sim_words_unknown(parser, word->column, "option", word->text, keys);
    }
    if (parser->scenario->clock_drift_ppm_max > 100000)
        moot_sim_words_fail(parser, 1, "a clock drifts by 10%% at most");
}

static void settle_parse(struct moot_sim_parser *parser)
{
    const struct moot_sim_word *word = moot_sim_words_next(parser, "a time");
    if (word)
        parser->scenario->settle_us = moot_sim_value_us(parser, word->column, word->text);
}

/* Invariants that a file may leave unjudged: all but those of its own expectations. */
static const char *const invariants[] = {
    "equal-states",
    "epoch-falls",
    "one-vote",
    "durable-before-visible",
    "certificate",
    "acknowledged",
    "replay-refused",
    "honest-blamed",
    "restart",
    "livelock",
    "act-refused",
    "act",
    "cache-floor",
    "writer-fence",
    NULL,
};

int moot_sim_invariant_find(const char *name)
{
    for (int i = 0; invariants[i]; i++) {
        if (strcmp(invariants[i], name) == 0)
            return i;
    }
    return -1;
}

static void allow_parse(struct moot_sim_parser *parser)
{
    const struct moot_sim_word *word = moot_sim_words_next(parser, "an invariant");
    const struct moot_sim_word *why = moot_sim_words_next(parser, "why, in quotes");
    int number = word ? moot_sim_invariant_find(word->text) : -1;
    if (word && number < 0)
        moot_sim_words_unknown(parser, word->column, "invariant", word->text, invariants);
    if (why && (!why->quoted || why->text[0] == '\0'))
        moot_sim_words_fail(parser, why->column, "why it is allowed stands in quotes");
    if (number >= 0)
        parser->scenario->allowed |= (uint32_t)1 << number;
}

static const struct header headers[] = {
    {"scenario", name_parse}, {"seed", seed_parse},         {"nodes", nodes_parse},
    {"homes", homes_parse},   {"net", net_parse},           {"lan", lan_parse},
    {"epoch", epoch_parse},   {"clocks", clocks_parse},     {"settle", settle_parse},
    {"allow", allow_parse},   {"protocol", protocol_parse}, {"snapshots", snapshots_parse},
};
#define HEADER_COUNT (sizeof headers / sizeof headers[0])

uint32_t moot_sim_header_words(const char **ret)
{
    for (size_t i = 0; i < HEADER_COUNT; i++)
        ret[i] = headers[i].word;
    return HEADER_COUNT;
}

void moot_sim_parse_header(struct moot_sim_parser *parser, uint32_t number)
{
    headers[number].parse(parser);
    moot_sim_words_end(parser);
}
