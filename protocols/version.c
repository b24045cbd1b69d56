/*
 * Semantic versions: one strict reader that both checks and compares.
 *
 * Happy path: "1.4.0-rc.1+build" splits into three numbers, prerelease identifiers and build metadata;
 * precedence compares them in that order. Failures: anything else is not a version.
 */
#include "protocols/version.h"

#include "crypto/base/contract.h"

struct version {
    uint32_t numbers[3];
    struct moot_bytes prerelease; /* without '-'; empty: a release */
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_identifier_character(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/* Takes a number without leading zeros off the front; false if there is none or it is too large. */
static bool take_number(struct moot_bytes *text, uint32_t *ret)
{
    uint64_t value = 0;
    size_t at = 0;
    while (at < text->size && is_digit(text->data[at]) && value <= UINT32_MAX)
        value = value * 10 + (uint64_t)(text->data[at++] - '0');
    if (at == 0 || value > UINT32_MAX || (at > 1 && text->data[0] == '0'))
        return false;
    *text = moot_bytes_of(text->data + at, text->size - at);
    *ret = (uint32_t)value;
    return true;
}

/* Takes the next dotted identifier off the front of a non-empty list. */
static struct moot_bytes take_identifier(struct moot_bytes *list)
{
    size_t size = 0;
    while (size < list->size && list->data[size] != '.')
        size++;
    struct moot_bytes identifier = moot_bytes_of(list->data, size);
    size_t skip = size < list->size ? size + 1 : size;
    *list = moot_bytes_of(list->data + skip, list->size - skip);
    return identifier;
}

static bool is_number(struct moot_bytes identifier)
{
    for (size_t i = 0; i < identifier.size; i++)
        if (!is_digit(identifier.data[i]))
            return false;
    return true;
}

/* Dotted, none empty; where `strict`, numbers have no leading zeros (build metadata may). */
static bool identifiers_valid(struct moot_bytes list, bool strict)
{
    if (list.size == 0 || list.data[list.size - 1] == '.')
        return false;
    while (list.size > 0) {
        struct moot_bytes identifier = take_identifier(&list);
        if (identifier.size == 0)
            return false;
        for (size_t i = 0; i < identifier.size; i++)
            if (!is_identifier_character(identifier.data[i]))
                return false;
        if (strict && identifier.size > 1 && identifier.data[0] == '0' && is_number(identifier))
            return false;
    }
    return true;
}

static bool version_read(struct moot_bytes text, struct version *ret)
{
    if (text.size > MOOT_SEMVER_BYTES_MAX)
        return false;
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            if (text.size == 0 || text.data[0] != '.')
                return false;
            text = moot_bytes_of(text.data + 1, text.size - 1);
        }
        if (!take_number(&text, &ret->numbers[i]))
            return false;
    }
    ret->prerelease = moot_bytes_of(NULL, 0);
    if (text.size > 0 && text.data[0] == '-') {
        size_t size = 1;
        while (size < text.size && text.data[size] != '+')
            size++;
        ret->prerelease = moot_bytes_of(text.data + 1, size - 1);
        if (!identifiers_valid(ret->prerelease, true))
            return false;
        text = moot_bytes_of(text.data + size, text.size - size);
    }
    if (text.size == 0)
        return true;
    return text.data[0] == '+' &&
           identifiers_valid(moot_bytes_of(text.data + 1, text.size - 1), false);
}

bool moot_version_valid(struct moot_bytes text)
{
    struct version version;
    return version_read(text, &version);
}

/* Numbers compare as numbers and come before words; words compare as bytes. */
static int identifier_compare(struct moot_bytes a, struct moot_bytes b)
{
    bool a_number = is_number(a);
    bool b_number = is_number(b);
    if (a_number != b_number)
        return a_number ? -1 : 1;
    if (a_number && a.size != b.size)
        return a.size < b.size ? -1 : 1;
    return moot_bytes_compare(a, b);
}

int moot_version_compare(struct moot_bytes a, struct moot_bytes b)
{
    struct version left;
    struct version right;
    bool readable = version_read(a, &left) && version_read(b, &right);
    MOOT_REQUIRE(readable);
    for (int i = 0; i < 3; i++)
        if (left.numbers[i] != right.numbers[i])
            return left.numbers[i] < right.numbers[i] ? -1 : 1;
    struct moot_bytes x = left.prerelease;
    struct moot_bytes y = right.prerelease;
    if (x.size == 0 || y.size == 0)
        return (x.size == 0) - (y.size == 0); /* a release comes after its prereleases */
    while (x.size > 0 && y.size > 0) {
        int order = identifier_compare(take_identifier(&x), take_identifier(&y));
        if (order != 0)
            return order;
    }
    return (x.size > 0) - (y.size > 0);
}
