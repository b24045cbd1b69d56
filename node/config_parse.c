/*
 * Parsing of configuration values. Plain decimal numbers, checked for overflow, followed by a unit
 * out of a table; nothing of the locale, no sign, no fraction.
 */
#include "node/config_parse.h"

#include <string.h>

#include "crypto/base/attr.h"
#include "node/config.h"

/* Digits at the start of `text`; NULL when there are none or the number does not fit. */
static const char *digits(const char *text, uint64_t *ret)
{
    uint64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return NULL;
        }
        number = number * 10 + digit;
    }
    if (at == text) {
        return NULL;
    }
    *ret = number;
    return at;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static bool number_with_unit(const char *text, const struct unit *units, size_t unit_count,
                             uint64_t *ret)
{
    uint64_t number;
    const char *unit = digits(text, &number);
    if (unit == NULL) {
        return false;
    }
    if (*unit == ' ') {
        unit++;
    }
    for (size_t i = 0; i < unit_count; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            if (number > UINT64_MAX / units[i].factor) {
                return false;
            }
            *ret = number * units[i].factor;
            return true;
        }
    }
    return false;
}

bool moot_config_count_parse(const char *text, uint64_t *ret)
{
    static const struct unit units[] = {{"", 1}};
    return number_with_unit(text, units, MOOT_COUNT_OF(units), ret);
}

bool moot_config_duration_parse(const char *text, uint64_t *ret)
{
    static const struct unit units[] = {{"", 1000},     {"ms", 1},      {"s", 1000},
                                        {"m", 60000},   {"min", 60000}, {"h", 3600000},
                                        {"d", 86400000}};
    return number_with_unit(text, units, MOOT_COUNT_OF(units), ret);
}

bool moot_config_size_parse(const char *text, uint64_t *ret)
{
    static const struct unit units[] = {{"", 1},          {"B", 1},          {"k", 1024},
                                        {"K", 1024},      {"KiB", 1024},     {"M", 1048576},
                                        {"MiB", 1048576}, {"G", 1073741824}, {"GiB", 1073741824}};
    return number_with_unit(text, units, MOOT_COUNT_OF(units), ret);
}

bool moot_config_bool_parse(const char *text, uint64_t *ret)
{
    static const struct unit words[] = {{"yes", 1}, {"no", 0},  {"true", 1}, {"false", 0},
                                        {"on", 1},  {"off", 0}, {"1", 1},    {"0", 0}};
    for (size_t i = 0; i < MOOT_COUNT_OF(words); i++) {
        if (strcmp(text, words[i].name) == 0) {
            *ret = words[i].factor;
            return true;
        }
    }
    return false;
}

bool moot_config_choice_parse(const char *text, const char *choices, uint64_t *ret)
{
    size_t size = strlen(text);
    for (uint64_t place = 0;; place++) {
        size_t length = strcspn(choices, "|");
        if (length == size && strncmp(choices, text, size) == 0) {
            *ret = place;
            return true;
        }
        if (choices[length] == '\0') {
            return false;
        }
        choices += length + 1;
    }
}

bool moot_config_uids_parse(const char *text, uid_t *ret, uint32_t *ret_count)
{
    uid_t uids[MOOT_CONFIG_UIDS_MAX];
    uint32_t count = 0;
    for (;;) {
        uint64_t number;
        text += strspn(text, " ");
        text = digits(text, &number);
        /* The highest uid means "none" to the kernel. */
        if (text == NULL || number >= UINT32_MAX || count == MOOT_CONFIG_UIDS_MAX) {
            return false;
        }
        uids[count++] = (uid_t)number;
        text += strspn(text, " ");
        if (*text == '\0') {
            break;
        }
        if (*text++ != ',') {
            return false;
        }
    }
    memcpy(ret, uids, count * sizeof uids[0]);
    *ret_count = count;
    return true;
}

#define DISTANCE_CHARACTERS_MAX 63

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t moot_config_distance(const char *a, const char *b)
{
    size_t row[DISTANCE_CHARACTERS_MAX + 1];
    size_t b_size = strlen(b);
    if (strlen(a) > DISTANCE_CHARACTERS_MAX || b_size > DISTANCE_CHARACTERS_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_size; j++) {
            size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = least(change, 1 + least(row[j], row[j + 1]));
        }
    }
    return row[b_size];
}
