/*
 * The log: one line a thing on stderr, with what happened, the reason and the id. Text for people,
 * JSON on request (log_json), journald priorities when stderr is the journal. Loop thread and jobs
 * may both write: a line is one write(2).
 */
#ifndef MOOT_NODE_LOG_H
#define MOOT_NODE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/attr.h"
#include "crypto/base/bytes.h"
#include "crypto/base/status.h"

enum moot_log_level {
    MOOT_LOG_ERROR = 1,
    MOOT_LOG_WARNING = 2,
    MOOT_LOG_INFO = 3,
    MOOT_LOG_DEBUG = 4
};
#define MOOT_LOG_LEVEL_MAX 4

#define MOOT_LOG_LINE_BYTES_MAX 1024 /* a longer line is cut; it still ends in one newline */

/* Before the first line; level info and text until then. */
void moot_log_init(enum moot_log_level level, bool json);

/* "error", "warning", "info", "debug"; false for any other word. */
bool moot_log_level_parse(const char *text, enum moot_log_level *ret);

/*
 * Writes one line if `level` is wanted. `name` is a stable word ("peer.refused"); `status` the reason
 * or MOOT_OK; `id` what it is about (shown in hex, its first 8 bytes in text), may be empty; the rest is for
 * people, without secrets. Control characters and bytes that are not UTF-8 are shown as '?'.
 */
void moot_log(enum moot_log_level level, const char *name, enum moot_status status,
              struct moot_bytes id, const char *format, ...) MOOT_PRINTF(5, 6);

/* An error object as one line: the reason, its advice and the detail. */
void moot_log_error(const char *name, const struct moot_error *error);

/* The line itself, without writing it; returns its length, newline included, no NUL counted. For tests. */
size_t moot_log_format(enum moot_log_level level, bool json, uint64_t wall_s, const char *name,
                       enum moot_status status, struct moot_bytes id, const char *text,
                       char ret[MOOT_LOG_LINE_BYTES_MAX]);

#endif
