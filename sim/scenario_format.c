/*
 * The canonical form of a scenario file: what `moot-sim fmt` prints. Words keep their bytes; only the
 * space between them changes. The text parses before and after, to the same scenario.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"
#include "sim/scenario.h"

#define FIRST_COLUMN 10u

struct text {
    char *bytes;
    uint32_t count, capacity;
};

static void put(struct text *text, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        text->bytes = (char *)moot_sim_grow(text->bytes, text->count, &text->capacity, 1);
        text->bytes[text->count++] = bytes[i];
    }
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void line_put(struct text *text, const char *line, size_t size)
{
    size_t at = 0, words = 0;
    for (;;) {
        while (at < size && space(line[at]))
            at++;
        if (at >= size)
            break;
        size_t start = at;
        bool comment = line[at] == '#', inside = false;
        if (comment) {
            at = size;
            while (space(line[at - 1]))
                at--;
        }
        for (; at < size && !comment; at++) {
            if (!inside && (space(line[at]) || line[at] == '#'))
                break;
            if (line[at] == '"')
                inside = !inside;
        }
        if (words > 0)
            put(text, "  ", comment ? 2 : 1);
        put(text, line + start, at - start);
        for (size_t pad = at - start; words == 0 && !comment && pad + 1 < FIRST_COLUMN; pad++)
            put(text, " ", 1);
        words++;
        if (comment)
            break;
    }
    while (text->count > 0 && text->bytes[text->count - 1] == ' ')
        text->count--;
    put(text, "\n", 1);
}

char *moot_sim_scenario_format(const char *text, size_t size)
{
    struct text out = {0};
    bool empty_before = true;
    for (size_t at = 0; at < size;) {
        const char *newline = (const char *)memchr(text + at, '\n', size - at);
        size_t length = newline ? (size_t)(newline - (text + at)) : size - at;
        bool empty = true;
        for (size_t i = 0; i < length && empty; i++)
            empty = space(text[at + i]);
        if (!empty || !empty_before)
            line_put(&out, text + at, length);
        empty_before = empty;
        at += length + 1;
    }
    while (out.count > 1 && out.bytes[out.count - 1] == '\n' && out.bytes[out.count - 2] == '\n')
        out.count--;
    put(&out, "", 1);
    return out.bytes;
}
