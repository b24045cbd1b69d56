/*
 * Names in a scenario: lists of nodes, ranges of them, labels. A name that was not declared is an
 * error at its own column.
 */
#include <stdio.h>
#include <string.h>

#include "sim/words.h"

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
}

void moot_sim_value_label(struct moot_sim_parser *parser, const struct moot_sim_word *word,
                          char *ret, size_t ret_size)
{
    if (!word)
        return;
    if (word->text[0] == '\0' || strlen(word->text) >= ret_size) {
        moot_sim_words_fail(parser, word->column, "\"%s\" is no name of 1 to %zu characters",
                            word->text, ret_size - 1);
        return;
    }
    for (const char *at = word->text; *at; at++) {
        if (!name_char(*at)) {
            moot_sim_words_fail(parser, word->column,
                                "\"%s\" is no name: letters, digits, '-', '_', '.', '/'",
                                word->text);
            return;
        }
    }
    snprintf(ret, ret_size, "%s", word->text);
}

/* Splits "d12" into "d" and 12; false when there is no number at its end. */
static bool numbered(const char *name, size_t size, size_t *ret_stem, uint32_t *ret_number)
{
    size_t stem = size;
    uint32_t number = 0;
    while (stem > 0 && name[stem - 1] >= '0' && name[stem - 1] <= '9')
        stem--;
    if (stem == size || size - stem > 4)
        return false;
    for (size_t i = stem; i < size; i++)
        number = number * 10 + (uint32_t)(name[i] - '0');
    *ret_stem = stem;
    *ret_number = number;
    return true;
}

/* One part of a list: a name, or "d1..d5". */
static void part_read(struct moot_sim_parser *parser, uint32_t column, const char *part,
                      size_t size,
                      void (*each)(struct moot_sim_parser *, uint32_t, const char *, void *),
                      void *context)
{
    char name[MOOT_SIM_WORD_BYTES];
    size_t dots = 0, stem, last_stem;
    uint32_t first, last;
    while (dots + 1 < size && !(part[dots] == '.' && part[dots + 1] == '.'))
        dots++;
    if (dots + 1 >= size) {
        snprintf(name, sizeof name, "%.*s", (int)size, part);
        each(parser, column, name, context);
        return;
    }
    const char *end = part + dots + 2;
    if (!numbered(part, dots, &stem, &first) ||
        !numbered(end, size - dots - 2, &last_stem, &last) || stem != last_stem ||
        memcmp(part, end, stem) != 0 || last < first) {
        moot_sim_words_fail(parser, column, "\"%.*s\" is no range: for example d1..d5", (int)size,
                            part);
        return;
    }
    for (uint32_t i = first; i <= last && !parser->failed; i++) {
        snprintf(name, sizeof name, "%.*s%u", (int)stem, part, i);
        each(parser, column, name, context);
    }
}

void moot_sim_value_names(struct moot_sim_parser *parser, uint32_t column, const char *text,
                          void (*each)(struct moot_sim_parser *, uint32_t column, const char *name,
                                       void *context),
                          void *context)
{
    size_t start = 0;
    for (size_t at = 0; !parser->failed; at++) {
        if (text[at] != ',' && text[at] != '\0')
            continue;
        if (at == start)
            moot_sim_words_fail(parser, column + (uint32_t)at, "a name is missing in \"%s\"", text);
        else
            part_read(parser, column + (uint32_t)start, text + start, at - start, each, context);
        if (text[at] == '\0')
            break;
        start = at + 1;
    }
}

static int node_find(const struct moot_sim_scenario *scenario, const char *name)
{
    for (uint32_t i = 0; i < scenario->node_count; i++) {
        if (strcmp(scenario->nodes[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

uint32_t moot_sim_value_node(struct moot_sim_parser *parser, uint32_t column, const char *text)
{
    int node = node_find(parser->scenario, text);
    if (node >= 0)
        return (uint32_t)node;
    const char *known[MOOT_SIM_NODES_MAX + 1];
    for (uint32_t i = 0; i < parser->scenario->node_count; i++)
        known[i] = parser->scenario->nodes[i].name;
    known[parser->scenario->node_count] = NULL;
    moot_sim_words_unknown(parser, column, "node", text, known);
    return 0;
}

static void set_add(struct moot_sim_parser *parser, uint32_t column, const char *name,
                    void *context)
{
    struct moot_sim_set *set = (struct moot_sim_set *)context;
    uint32_t node = moot_sim_value_node(parser, column, name);
    if (parser->failed)
        return;
    if (moot_sim_set_has(set, node))
        moot_sim_words_fail(parser, column, "node \"%s\" is named twice", name);
    moot_sim_set_add(set, node);
}

void moot_sim_value_nodes(struct moot_sim_parser *parser, uint32_t column, const char *text,
                          struct moot_sim_set *ret)
{
    memset(ret, 0, sizeof *ret);
    moot_sim_value_names(parser, column, text, set_add, ret);
}
