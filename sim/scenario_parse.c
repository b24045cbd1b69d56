/*
 * A scenario file, line by line: a header in any order (scenario and nodes are needed), then statements
 * whose times do not go back. Failures: the first one, with its place; nothing is ever skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"
#include "sim/words.h"

#define TEXT_BYTES_MAX ((size_t)4 << 20)
#define SETTLE_US ((uint64_t)60 * MOOT_SIM_US_PER_S)

static const char *const whens[] = {"at", "within", "always", "never", "sometimes", "finally"};
#define WHEN_COUNT (sizeof whens / sizeof whens[0])

/* ---- statements ---- */

static struct moot_sim_statement *statement_add(struct moot_sim_parser *parser,
                                                enum moot_sim_when when, const char *line,
                                                size_t size)
{
    struct moot_sim_scenario *scenario = parser->scenario;
    scenario->statements = (struct moot_sim_statement *)moot_sim_grow(
        scenario->statements, scenario->statement_count, &scenario->statement_capacity,
        sizeof *scenario->statements);
    struct moot_sim_statement *statement = &scenario->statements[scenario->statement_count++];
    memset(statement, 0, sizeof *statement);
    statement->when = when;
    statement->place =
        (struct moot_sim_place){.line = parser->line, .column = parser->words[0].column};
    int shown = (int)(size < sizeof statement->text ? size : sizeof statement->text - 1);
    snprintf(statement->text, sizeof statement->text, "%.*s", shown, line);
    return statement;
}

/* The time of the last `at` above, or 0. */
static uint64_t last_at_us(const struct moot_sim_scenario *scenario, uint32_t before)
{
    for (uint32_t i = before; i > 0; i--) {
        if (scenario->statements[i - 1].when == MOOT_SIM_AT)
            return scenario->statements[i - 1].at_us;
    }
    return 0;
}

static void statement_parse(struct moot_sim_parser *parser, enum moot_sim_when when,
                            const char *line, size_t size)
{
    struct moot_sim_scenario *scenario = parser->scenario;
    struct moot_sim_statement *statement = statement_add(parser, when, line, size);
    uint64_t last_us = last_at_us(scenario, scenario->statement_count - 1);
    if (when == MOOT_SIM_AT || when == MOOT_SIM_WITHIN) {
        const struct moot_sim_word *word = moot_sim_words_next(parser, "a time");
        uint64_t us = word ? moot_sim_value_us(parser, word->column, word->text) : 0;
        statement->at_us = when == MOOT_SIM_AT ? us : last_us;
        statement->span_us = when == MOOT_SIM_AT ? 0 : us;
        if (word && when == MOOT_SIM_AT && us < last_us)
            moot_sim_words_fail(parser, word->column, "the time goes back");
    }
    if (when == MOOT_SIM_WITHIN || when == MOOT_SIM_FINALLY)
        moot_sim_words_must(parser, "expect");
    if (when == MOOT_SIM_AT && !moot_sim_words_if(parser, "expect")) {
        statement->is_act = true;
        moot_sim_parse_act(parser, &statement->act);
        return;
    }
    moot_sim_parse_predicate(parser, &statement->predicate);
}

static void line_parse(struct moot_sim_parser *parser, const char *line, size_t size,
                       uint32_t *said)
{
    const char *known[MOOT_SIM_HEADER_WORDS_MAX + WHEN_COUNT + 1];
    moot_sim_words_split(parser, line, size);
    if (parser->failed || parser->word_count == 0)
        return;
    const struct moot_sim_word *first = moot_sim_words_next(parser, "a statement");
    uint32_t known_count = moot_sim_header_words(known), header_count = known_count;
    for (uint32_t i = 0; i < header_count; i++) {
        if (strcmp(known[i], first->text) != 0)
            continue;
        if ((*said >> i & 1) != 0 && i != MOOT_SIM_HEADER_ALLOW)
            moot_sim_words_fail(parser, first->column, "\"%s\" is said twice", first->text);
        if (parser->scenario->statement_count > 0)
            moot_sim_words_fail(parser, first->column, "\"%s\" belongs above the statements",
                                first->text);
        *said |= (uint32_t)1 << i;
        if (!parser->failed)
            moot_sim_parse_header(parser, i);
        return;
    }
    for (uint32_t i = 0; i < WHEN_COUNT; i++) {
        known[known_count++] = whens[i];
        if (strcmp(whens[i], first->text) != 0)
            continue;
        if ((*said >> MOOT_SIM_HEADER_NODES & 1) == 0)
            moot_sim_words_fail(parser, first->column, "a statement before \"nodes\"");
        else
            statement_parse(parser, (enum moot_sim_when)(i + 1), line, size);
        return;
    }
    known[known_count] = NULL;
    moot_sim_words_unknown(parser, first->column, "statement", first->text, known);
}

/* ---- names across the file ---- */

static bool proposed(const struct moot_sim_scenario *scenario, const char *label)
{
    for (uint32_t i = 0; i < scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &scenario->statements[i];
        if (statement->is_act && moot_sim_act_proposes(statement->act.kind) &&
            strcmp(statement->act.label, label) == 0)
            return true;
    }
    return false;
}

static bool kept(const struct moot_sim_scenario *scenario, const char *key)
{
    for (uint32_t i = 0; i < scenario->statement_count; i++) {
        const struct moot_sim_act *act = &scenario->statements[i].act;
        if (scenario->statements[i].is_act && strcmp(act->key, key) == 0 &&
            (act->kind == MOOT_SIM_CACHE_SET || act->kind == MOOT_SIM_CACHE_GET))
            return true;
    }
    return false;
}

static bool written(const struct moot_sim_scenario *scenario, const char *word)
{
    for (uint32_t i = 0; i < scenario->statement_count; i++) {
        const struct moot_sim_act *act = &scenario->statements[i].act;
        if (scenario->statements[i].is_act && act->kind == MOOT_SIM_PUT &&
            (strcmp(act->key, word) == 0 || strcmp(act->value, word) == 0))
            return true;
    }
    return false;
}

/* Empty if the statement names only what the file declares; else the name. */
static const char *undeclared(const struct moot_sim_scenario *scenario,
                              const struct moot_sim_statement *statement)
{
    const struct moot_sim_predicate *predicate = &statement->predicate;
    if (statement->is_act) {
        bool names =
            statement->act.kind == MOOT_SIM_APPROVE || statement->act.kind == MOOT_SIM_REJECT ||
            statement->act.kind == MOOT_SIM_WITHDRAW || statement->act.kind == MOOT_SIM_ACTIVATE;
        return names && !proposed(scenario, statement->act.label) ? statement->act.label : NULL;
    }
    bool label = predicate->kind == MOOT_SIM_IS_STATE || predicate->kind == MOOT_SIM_IS_READINESS ||
                 predicate->kind == MOOT_SIM_IS_SIGNERS;
    if (label && !proposed(scenario, predicate->label))
        return predicate->label;
    if (predicate->kind == MOOT_SIM_IS_ACCEPTED && !written(scenario, predicate->label))
        return predicate->label;
    if (predicate->kind == MOOT_SIM_IS_REFUSED && !written(scenario, predicate->label) &&
        !proposed(scenario, predicate->label) && !kept(scenario, predicate->label))
        return predicate->label;
    if (predicate->kind == MOOT_SIM_IS_CACHED && !kept(scenario, predicate->label))
        return predicate->label;
    return NULL;
}

/* Where the word stands in its line. */
static uint32_t column_of(const struct moot_sim_statement *statement, const char *name)
{
    size_t size = strlen(name);
    const char *text = statement->text;
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
        bool begins = at == text || at[-1] == ' ' || at[-1] == '\t';
        bool ends = at[size] == '\0' || at[size] == ' ' || at[size] == '\t';
        if (begins && ends)
            return (uint32_t)(at - text) + 1;
    }
    return statement->place.column;
}

static void names_check(struct moot_sim_parser *parser)
{
    const struct moot_sim_scenario *scenario = parser->scenario;
    for (uint32_t i = 0; i < scenario->statement_count && !parser->failed; i++) {
        const struct moot_sim_statement *statement = &scenario->statements[i];
        parser->line = statement->place.line;
        const char *name = undeclared(scenario, statement);
        if (name) {
            moot_sim_words_fail(parser, column_of(statement, name),
                                "nothing in this file proposes, puts or caches \"%s\"", name);
        }
        for (uint32_t j = 0; j < i && statement->is_act; j++) {
            const struct moot_sim_statement *other = &scenario->statements[j];
            if (moot_sim_act_proposes(statement->act.kind) && other->is_act &&
                moot_sim_act_proposes(other->act.kind) &&
                strcmp(statement->act.label, other->act.label) == 0)
                moot_sim_words_fail(parser, statement->place.column, "\"%s\" is proposed twice",
                                    statement->act.label);
        }
    }
}

static bool judged(const struct moot_sim_scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->statement_count; i++) {
        if (!scenario->statements[i].is_act)
            return true;
    }
    return false;
}

bool moot_sim_scenario_parse(const char *text, size_t size, struct moot_sim_scenario *ret,
                             struct moot_sim_problem *problem)
{
    struct moot_sim_parser *parser = (struct moot_sim_parser *)moot_sim_take(1, sizeof *parser);
    uint32_t said = 0;
    memset(ret, 0, sizeof *ret);
    memset(problem, 0, sizeof *problem);
    parser->scenario = ret;
    parser->problem = problem;
    ret->seed_first = ret->seed_last = 1;
    ret->net = ret->lan = (struct moot_sim_net){.delay_us_min = 5000, .delay_us_max = 50000};
    ret->epoch_interval_ms = 10000;
    ret->protocol_max = MOOT_PROTOCOL_MAX;
    ret->settle_us = SETTLE_US;
    parser->line = 1;
    if (size > TEXT_BYTES_MAX)
        moot_sim_words_fail(parser, 1, "a scenario of more than %zu bytes", TEXT_BYTES_MAX);
    for (size_t at = 0; at < size && !parser->failed;) {
        const char *newline = (const char *)memchr(text + at, '\n', size - at);
        size_t length = newline ? (size_t)(newline - (text + at)) : size - at;
        line_parse(parser, text + at, length, &said);
        at += length + 1;
        parser->line++;
    }
    if (ret->name[0] == '\0' || ret->node_count == 0)
        moot_sim_words_fail(parser, 1, "a scenario has \"scenario\" and \"nodes\"");
    if ((said >> MOOT_SIM_HEADER_LAN & 1) == 0)
        ret->lan = ret->net;
    names_check(parser);
    if (!judged(ret))
        moot_sim_words_fail(parser, 1, "a scenario that expects nothing");
    bool good = !parser->failed;
    free(parser);
    if (!good)
        moot_sim_scenario_deinit(ret);
    return good;
}

void moot_sim_scenario_deinit(struct moot_sim_scenario *scenario)
{
    free(scenario->statements);
    memset(scenario, 0, sizeof *scenario);
}

uint64_t moot_sim_scenario_end_us(const struct moot_sim_scenario *scenario)
{
    uint64_t end_us = 0;
    for (uint32_t i = 0; i < scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &scenario->statements[i];
        uint64_t over_us = statement->at_us + statement->span_us;
        end_us = over_us > end_us ? over_us : end_us;
    }
    return end_us + scenario->settle_us;
}
