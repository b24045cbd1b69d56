/*
 * Words and values. Happy path: a line becomes words with their columns, a value becomes a number in
 * its unit. Failures: the first one, with its column and, for unknown words, the nearest known one.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/words.h"

void moot_sim_words_fail(struct moot_sim_parser *parser, uint32_t column, const char *format, ...)
{
    if (parser->failed)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->problem->text, sizeof parser->problem->text, format, arguments);
    va_end(arguments);
    parser->failed = true;
    parser->problem->place = (struct moot_sim_place){.line = parser->line, .column = column};
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* One word from `at`; returns where it ends. */
static size_t word_read(struct moot_sim_parser *parser, const char *line, size_t size, size_t at)
{
    struct moot_sim_word *word = &parser->words[parser->word_count++];
    size_t used = 0, start = at;
    bool inside = false;
    memset(word, 0, sizeof *word);
    word->column = (uint32_t)start + 1;
    for (; at < size && (inside || !space(line[at])); at++) {
        char c = line[at];
        if (c == '"') {
            inside = !inside;
            word->quoted = true;
            continue;
        }
        if (c == '#' && !inside)
            break;
        if ((unsigned char)c < ' ' || c == 127) {
            moot_sim_words_fail(parser, (uint32_t)at + 1, "a control character");
            return size;
        }
        if (used + 1 >= sizeof word->text) {
            moot_sim_words_fail(parser, word->column, "a word of more than %zu characters",
                                sizeof word->text - 1);
            return size;
        }
        word->text[used++] = c;
    }
    if (inside)
        moot_sim_words_fail(parser, word->column, "a quote that is not closed");
    return at;
}

void moot_sim_words_split(struct moot_sim_parser *parser, const char *line, size_t size)
{
    size_t at = 0;
    parser->word_count = parser->next = 0;
    while (!parser->failed) {
        while (at < size && space(line[at]))
            at++;
        if (at >= size || line[at] == '#')
            break;
        if (parser->word_count == MOOT_SIM_WORDS_MAX) {
            moot_sim_words_fail(parser, (uint32_t)at + 1, "more than %u words in a line",
                                MOOT_SIM_WORDS_MAX);
            break;
        }
        at = word_read(parser, line, size, at);
    }
    parser->end_column = (uint32_t)at + 1;
}

const struct moot_sim_word *moot_sim_words_next(struct moot_sim_parser *parser,
                                                const char *expected)
{
    if (!parser->failed && parser->next >= parser->word_count)
        moot_sim_words_fail(parser, parser->end_column, "the line ends where %s is expected",
                            expected);
    return parser->failed ? NULL : &parser->words[parser->next++];
}

bool moot_sim_words_if(struct moot_sim_parser *parser, const char *text)
{
    if (parser->failed || parser->next >= parser->word_count ||
        strcmp(parser->words[parser->next].text, text) != 0)
        return false;
    parser->next++;
    return true;
}

void moot_sim_words_must(struct moot_sim_parser *parser, const char *text)
{
    const struct moot_sim_word *word = moot_sim_words_next(parser, text);
    if (word && strcmp(word->text, text) != 0)
        moot_sim_words_fail(parser, word->column, "\"%s\" where \"%s\" is expected", word->text,
                            text);
}

void moot_sim_words_end(struct moot_sim_parser *parser)
{
    if (!parser->failed && parser->next < parser->word_count)
        moot_sim_words_fail(parser, parser->words[parser->next].column,
                            "\"%s\" follows the end of the statement",
                            parser->words[parser->next].text);
}

/* Letters to change, add or drop: enough to find a slip, capped at 9. */
static uint32_t distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    uint32_t row[MOOT_SIM_WORD_BYTES];
    if (b_size >= MOOT_SIM_WORD_BYTES)
        return 9;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = (uint32_t)j;
    for (size_t i = 1; i <= a_size; i++) {
        uint32_t diagonal = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= b_size; j++) {
            uint32_t above = row[j];
            uint32_t least = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            least = above + 1 < least ? above + 1 : least;
            least = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
            row[j] = least;
            diagonal = above;
        }
    }
    return row[b_size] < 9 ? row[b_size] : 9;
}

void moot_sim_words_unknown(struct moot_sim_parser *parser, uint32_t column, const char *what,
                            const char *found, const char *const *known)
{
    const char *nearest = NULL;
    uint32_t least = 3;
    for (uint32_t i = 0; known[i]; i++) {
        uint32_t off = distance(found, known[i]);
        if (off < least) {
            least = off;
            nearest = known[i];
        }
    }
    if (nearest)
        moot_sim_words_fail(parser, column, "unknown %s \"%s\": \"%s\"?", what, found, nearest);
    else
        moot_sim_words_fail(parser, column, "unknown %s \"%s\"", what, found);
}

bool moot_sim_words_pair(const struct moot_sim_word *word, const char *key, const char **ret_value,
                         uint32_t *ret_column)
{
    size_t size = strlen(key);
    if (strncmp(word->text, key, size) != 0 || word->text[size] != '=')
        return false;
    *ret_value = word->text + size + 1;
    *ret_column = word->column + (uint32_t)size + 1;
    return true;
}

/* ---- values ---- */

static const char *digits_read(const char *text, uint64_t *ret, bool *ret_good)
{
    const char *at = text;
    *ret = 0;
    *ret_good = *at >= '0' && *at <= '9';
    for (; *at >= '0' && *at <= '9'; at++) {
        if (*ret > (UINT64_MAX - 9) / 10) {
            *ret_good = false;
            return at;
        }
        *ret = *ret * 10 + (uint64_t)(*at - '0');
    }
    return at;
}

uint64_t moot_sim_value_us(struct moot_sim_parser *parser, uint32_t column, const char *text)
{
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {{"us", 1},
                 {"ms", 1000},
                 {"s", 1000000},
                 {"m", 60000000},
                 {"h", UINT64_C(3600000000)},
                 {"d", UINT64_C(86400000000)}};
    uint64_t number;
    bool good;
    const char *unit = digits_read(text, &number, &good);
    for (size_t i = 0; good && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].name) == 0 && number <= UINT64_C(31536000000000) / units[i].us)
            return number * units[i].us;
    }
    moot_sim_words_fail(parser, column,
                        "\"%s\" is no time of up to a year: a whole number and us, ms, s, m, h, d",
                        text);
    return 0;
}

uint64_t moot_sim_value_number(struct moot_sim_parser *parser, uint32_t column, const char *text,
                               uint64_t most)
{
    uint64_t number;
    bool good;
    const char *end = digits_read(text, &number, &good);
    if (good && *end == '\0' && number <= most)
        return number;
    moot_sim_words_fail(parser, column, "\"%s\" is no whole number up to %llu", text,
                        (unsigned long long)most);
    return 0;
}

/* "5%", "0.25%": up to four digits after the point. */
uint16_t moot_sim_value_protocol(struct moot_sim_parser *parser, uint32_t column, const char *text)
{
    uint64_t number = moot_sim_value_number(parser, column, text, MOOT_PROTOCOL_MAX);
    if (number == 0)
        moot_sim_words_fail(parser, column, "protocols are 1 to %d", MOOT_PROTOCOL_MAX);
    return (uint16_t)number;
}

uint32_t moot_sim_value_ppm(struct moot_sim_parser *parser, uint32_t column, const char *text)
{
    uint64_t whole, part = 0;
    uint64_t scale = 10000;
    bool good;
    const char *at = digits_read(text, &whole, &good);
    if (good && *at == '.') {
        for (at++; *at >= '0' && *at <= '9' && scale > 1; at++) {
            scale /= 10;
            part += (uint64_t)(*at - '0') * scale;
        }
    }
    if (good && strcmp(at, "%") == 0 && whole <= 100 && whole * 10000 + part <= 1000000)
        return (uint32_t)(whole * 10000 + part);
    moot_sim_words_fail(parser, column, "\"%s\" is no share: for example 5%% or 0.25%%", text);
    return 0;
}

void moot_sim_value_range(struct moot_sim_parser *parser, uint32_t column, const char *text,
                          uint64_t (*one)(struct moot_sim_parser *, uint32_t, const char *),
                          uint64_t *ret_first, uint64_t *ret_last)
{
    char first[MOOT_SIM_WORD_BYTES];
    const char *dots = strstr(text, "..");
    if (!dots) {
        *ret_first = *ret_last = one(parser, column, text);
        return;
    }
    size_t size = (size_t)(dots - text);
    memcpy(first, text, size);
    first[size] = '\0';
    *ret_first = one(parser, column, first);
    *ret_last = one(parser, column + (uint32_t)size + 2, dots + 2);
    if (*ret_first > *ret_last)
        moot_sim_words_fail(parser, column, "\"%s\" ends before it begins", text);
}
