/*
 * The table of reasons as data: status.def unrolled into rows, the lower-case names made from the
 * very same words at compile time, so that code and name cannot drift apart.
 */
#include "crypto/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"

#define NAME_BYTES 24

/* Character i of a string literal in lower case; NUL behind its end. */
#define CHAR_AT(s, i) ((i) < sizeof(s) ? (s)[(i) < sizeof(s) ? (i) : 0] : 0)
#define LOWER_AT(s, i)                                                                             \
    (char)(CHAR_AT(s, i) >= 'A' && CHAR_AT(s, i) <= 'Z' ? CHAR_AT(s, i) + 32 : CHAR_AT(s, i))
#define LOWER_8(s, i)                                                                              \
    LOWER_AT(s, i), LOWER_AT(s, (i) + 1), LOWER_AT(s, (i) + 2), LOWER_AT(s, (i) + 3),              \
        LOWER_AT(s, (i) + 4), LOWER_AT(s, (i) + 5), LOWER_AT(s, (i) + 6), LOWER_AT(s, (i) + 7)

#define MOOT_STATUS(name, blame, exit_code, text, advice)                                          \
    _Static_assert(sizeof #name <= NAME_BYTES, "a status name is too long");
#include "crypto/base/status.def"
#undef MOOT_STATUS

static const char names[MOOT_STATUS_END][NAME_BYTES] = {
    [MOOT_OK] = "ok",
#define MOOT_STATUS(name, blame, exit_code, text, advice)                                          \
    [MOOT_##name] = {LOWER_8(#name, 0), LOWER_8(#name, 8), LOWER_8(#name, 16)},
#include "crypto/base/status.def"
#undef MOOT_STATUS
};

static const struct moot_status_info rows[MOOT_STATUS_END] = {
    /* Nobody failed, so nobody is to blame; HERE keeps the field in range. */
    [MOOT_OK] = {names[MOOT_OK], "done", "", MOOT_BLAME_HERE, 0},
#define MOOT_STATUS(name, blame, exit_code, text, advice)                                          \
    [MOOT_##name] = {names[MOOT_##name], text, advice, MOOT_BLAME_##blame, exit_code},
#include "crypto/base/status.def"
#undef MOOT_STATUS
};

const struct moot_status_info *moot_status_info(enum moot_status status)
{
    MOOT_REQUIRE((unsigned)status < MOOT_STATUS_END);
    return &rows[status];
}

enum moot_status moot_status_parse(const char *name)
{
    for (unsigned i = 1; i < MOOT_STATUS_END; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return (enum moot_status)i;
        }
    }
    return MOOT_OK;
}

enum moot_status moot_error_set(struct moot_error *error, enum moot_status status,
                                const char *format, ...)
{
    if (error == NULL) {
        return status;
    }
    error->status = status;
    error->system_errno = 0;
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(error->detail, sizeof error->detail, format, arguments);
    va_end(arguments);
    if (written < 0) {
        error->detail[0] = '\0';
    }
    return status;
}
