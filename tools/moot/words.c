/*
 * Times, sizes and near words as text. Happy path: one small function each. Failures: parsers
 * return false and leave `ret` alone; formatting always fits its buffer.
 */
#include "tools/moot/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WORD_MAX 63u
#define TIME_MS_MAX UINT64_C(31536000000)

static bool digits_parse(const char *text, size_t size, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (size == 0) {
        return false;
    }
    *ret = value;
    return true;
}

bool moot_words_number_parse(const char *text, uint64_t *ret)
{
    return digits_parse(text, strlen(text), ret);
}

bool moot_words_time_parse(const char *text, uint64_t *ret_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = strspn(text, "0123456789");
    uint64_t value = 0;
    if (!digits_parse(text, digits, &value)) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + digits, units[i].unit) == 0) {
            if (value > TIME_MS_MAX / units[i].ms) {
                return false;
            }
            *ret_ms = value * units[i].ms;
            return true;
        }
    }
    return false;
}

void moot_words_time_format(uint64_t seconds, char ret[MOOT_WORDS_BYTES])
{
    uint64_t minutes = seconds / 60;
    uint64_t hours = minutes / 60;
    if (seconds < 60) {
        snprintf(ret, MOOT_WORDS_BYTES, "%" PRIu64 " s", seconds);
    } else if (minutes < 60) {
        snprintf(ret, MOOT_WORDS_BYTES, "%" PRIu64 " min", minutes);
    } else if (hours < 48) {
        if (minutes % 60 == 0) {
            snprintf(ret, MOOT_WORDS_BYTES, "%" PRIu64 " h", hours);
        } else {
            snprintf(ret, MOOT_WORDS_BYTES, "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
        }
    } else if (hours % 24 == 0) {
        snprintf(ret, MOOT_WORDS_BYTES, "%" PRIu64 " d", hours / 24);
    } else {
        snprintf(ret, MOOT_WORDS_BYTES, "%" PRIu64 " d %" PRIu64 " h", hours / 24, hours % 24);
    }
}

void moot_words_size_format(uint64_t bytes, char ret[MOOT_WORDS_BYTES])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(ret, MOOT_WORDS_BYTES, "%" PRIu64 " B", bytes);
        return;
    }
    size_t unit = 0;
    uint64_t whole = bytes / 1024;
    uint64_t rest = bytes % 1024;
    while (whole >= 1024) {
        rest = whole % 1024;
        whole /= 1024;
        unit++;
    }
    snprintf(ret, MOOT_WORDS_BYTES, "%" PRIu64 ".%" PRIu64 " %s", whole, rest * 10 / 1024,
             units[unit]);
}

void moot_words_date_format(uint64_t wall_s, char ret[MOOT_WORDS_BYTES])
{
    struct tm parts;
    time_t when = (time_t)wall_s;
    if (wall_s > (uint64_t)INT64_MAX / 2 || localtime_r(&when, &parts) == NULL ||
        strftime(ret, MOOT_WORDS_BYTES, "%Y-%m-%d %H:%M", &parts) == 0) {
        snprintf(ret, MOOT_WORDS_BYTES, "?");
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t moot_words_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    if (a_size > WORD_MAX || b_size > WORD_MAX) {
        return SIZE_MAX;
    }
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *over = rows[(i + 1) % 3]; /* two above */
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], over[j - 2] + 1);
            }
        }
    }
    return rows[a_size % 3][b_size];
}

void moot_words_nearest_offer(struct moot_words_nearest *nearest, const char *typed,
                              const char *candidate)
{
    size_t distance = moot_words_distance(typed, candidate);
    if (distance > 1 + strlen(typed) / 3 || distance >= strlen(typed)) {
        return;
    }
    if (nearest->word == NULL || distance < nearest->distance) {
        nearest->word = candidate;
        nearest->distance = distance;
    }
}
