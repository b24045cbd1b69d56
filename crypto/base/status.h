/*
 * Every way a thing can fail, once. The table is status.def; this makes the enum, the text
 * function, the reasons of the API, the exit codes of the command line and docs/ERRORS.md from it.
 */
#ifndef MOOT_CRYPTO_BASE_STATUS_H
#define MOOT_CRYPTO_BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/attr.h"

enum moot_status {
    MOOT_OK = 0,
#define MOOT_STATUS(name, blame, exit_code, text, advice) MOOT_##name,
#include "crypto/base/status.def"
#undef MOOT_STATUS
    MOOT_STATUS_END
};

/* Who is to blame decides the reaction: strike the peer, tell the operator, stop. */
enum moot_blame { MOOT_BLAME_PEER = 1, MOOT_BLAME_HERE, MOOT_BLAME_OPERATOR, MOOT_BLAME_BUG };

/* One row of the table; for MOOT_OK a row with empty advice and exit code 0. */
struct moot_status_info {
    const char *name;   /* lower case, as in the API and in counters: "wrong_digest" */
    const char *text;   /* for people, one line */
    const char *advice; /* the command or act that helps */
    enum moot_blame blame;
    int exit_code;
};
const struct moot_status_info *moot_status_info(enum moot_status status);

/* The status of that lower-case name, or MOOT_OK when there is none. */
enum moot_status moot_status_parse(const char *name);

/* What failed, filled only on failure, passed last. No secrets in `detail`. */
struct moot_error {
    enum moot_status status;
    int system_errno;
    char detail[160];
};

/* Fills `error` (which may be NULL) and returns `status`; a longer detail is cut. */
enum moot_status moot_error_set(struct moot_error *error, enum moot_status status,
                                const char *format, ...) MOOT_PRINTF(3, 4);

#endif
