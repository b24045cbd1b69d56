/*
 * The log. Happy path: a line is put together in one buffer on the stack and leaves in one write, so
 * that lines of two threads do not mix. Failures: a log that cannot be written is no reason to stop, so
 * the result of the write is not looked at.
 *
 *   2026-03-01T08:15:00Z warning peer.refused [stranger] 9f31c2aa01020304: 127.0.0.1
 *   {"at":"2026-03-01T08:15:00Z","level":"warning","name":"peer.refused","reason":"stranger",...}
 */
#include "node/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/contract.h"

static const char *const level_names[] = {
    [MOOT_LOG_ERROR] = "error",
    [MOOT_LOG_WARNING] = "warning",
    [MOOT_LOG_INFO] = "info",
    [MOOT_LOG_DEBUG] = "debug",
};
/* Of syslog.h: err, warning, info, debug. */
static const int priorities[] = {
    [MOOT_LOG_ERROR] = 3, [MOOT_LOG_WARNING] = 4, [MOOT_LOG_INFO] = 6, [MOOT_LOG_DEBUG] = 7};

static struct {
    enum moot_log_level level;
    bool json;
    bool journal; /* stderr is the journal: the priority goes in front */
} settings = {.level = MOOT_LOG_INFO};

void moot_log_init(enum moot_log_level level, bool json)
{
    settings.level = level;
    settings.json = json;
    settings.journal = getenv("JOURNAL_STREAM") != NULL && !isatty(STDERR_FILENO) && !json;
}

bool moot_log_level_parse(const char *text, enum moot_log_level *ret)
{
    for (int i = MOOT_LOG_ERROR; i <= MOOT_LOG_LEVEL_MAX; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret = (enum moot_log_level)i;
            return true;
        }
    }
    return false;
}

/* A line being put together; room for the end is always kept. */
struct line {
    char *at;
    size_t used;
    size_t limit;
};

static void line_char(struct line *line, char c)
{
    if (line->used < line->limit) {
        line->at[line->used++] = c;
    }
}

static void line_text(struct line *line, const char *text)
{
    for (; *text != '\0'; text++) {
        line_char(line, *text);
    }
}

/* Text of others: nothing in it may end a line, move a cursor or break JSON. */
static void line_foreign(struct line *line, const char *text, bool json)
{
    bool plain = moot_utf8_valid(moot_bytes_of_text(text));
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !plain)) {
            line_char(line, '?');
            continue;
        }
        if (json && (c == '"' || c == '\\')) {
            line_char(line, '\\');
        }
        line_char(line, (char)c);
    }
}

static void line_hex(struct line *line, struct moot_bytes bytes, size_t size_max)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size && i < size_max; i++) {
        line_char(line, digits[bytes.data[i] >> 4]);
        line_char(line, digits[bytes.data[i] & 15]);
    }
}

static void line_time(struct line *line, uint64_t wall_s)
{
    struct tm tm;
    time_t at = (time_t)wall_s;
    char text[32] = "";
    if (gmtime_r(&at, &tm) != NULL) {
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    line_text(line, text);
}

static void format_json(struct line *line, enum moot_log_level level, uint64_t wall_s,
                        const char *name, enum moot_status status, struct moot_bytes id,
                        const char *text)
{
    line_text(line, "{\"at\":\"");
    line_time(line, wall_s);
    line_text(line, "\",\"level\":\"");
    line_text(line, level_names[level]);
    line_text(line, "\",\"name\":\"");
    line_foreign(line, name, true);
    if (status != MOOT_OK) {
        line_text(line, "\",\"reason\":\"");
        line_text(line, moot_status_info(status)->name);
    }
    if (id.size > 0) {
        line_text(line, "\",\"id\":\"");
        line_hex(line, id, 64);
    }
    line_text(line, "\",\"text\":\"");
    line_foreign(line, text, true);
}

static void format_text(struct line *line, enum moot_log_level level, uint64_t wall_s,
                        const char *name, enum moot_status status, struct moot_bytes id,
                        const char *text)
{
    line_time(line, wall_s);
    line_char(line, ' ');
    line_text(line, level_names[level]);
    line_char(line, ' ');
    line_foreign(line, name, false);
    if (status != MOOT_OK) {
        line_text(line, " [");
        line_text(line, moot_status_info(status)->name);
        line_char(line, ']');
    }
    if (id.size > 0) {
        line_char(line, ' ');
        line_hex(line, id, 8);
    }
    if (text[0] != '\0') {
        line_text(line, ": ");
        line_foreign(line, text, false);
    }
}

size_t moot_log_format(enum moot_log_level level, bool json, uint64_t wall_s, const char *name,
                       enum moot_status status, struct moot_bytes id, const char *text,
                       char ret[MOOT_LOG_LINE_BYTES_MAX])
{
    MOOT_REQUIRE(level >= MOOT_LOG_ERROR && level <= MOOT_LOG_LEVEL_MAX);
    struct line line = {.at = ret, .limit = MOOT_LOG_LINE_BYTES_MAX - 8};
    if (!json) {
        format_text(&line, level, wall_s, name, status, id, text);
    } else {
        format_json(&line, level, wall_s, name, status, id, text);
        if (line.used == line.limit) {
            /* Cut: neither a lone backslash nor half a character may stay at the end. */
            while (line.used > 0 && ((unsigned char)line.at[line.used - 1] >= 0x80 ||
                                     line.at[line.used - 1] == '\\')) {
                line.used--;
            }
        }
    }
    line.limit = MOOT_LOG_LINE_BYTES_MAX - 1;
    line_text(&line, json ? "\"}\n" : "\n");
    ret[line.used] = '\0';
    return line.used;
}

static void emit(enum moot_log_level level, const char *name, enum moot_status status,
                 struct moot_bytes id, const char *text)
{
    char out[MOOT_LOG_LINE_BYTES_MAX + 4];
    size_t head = 0;
    if (settings.journal) {
        int written = snprintf(out, 4, "<%d>", priorities[level]);
        head = written == 3 ? 3 : 0;
    }
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    size_t size = moot_log_format(level, settings.json, (uint64_t)now.tv_sec, name, status, id,
                                  text, out + head);
    ssize_t ignored = write(STDERR_FILENO, out, head + size);
    (void)ignored;
}

void moot_log(enum moot_log_level level, const char *name, enum moot_status status,
              struct moot_bytes id, const char *format, ...)
{
    if (level > settings.level) {
        return;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) {
        text[0] = '\0';
    }
    va_end(arguments);
    emit(level, name, status, id, text);
}

void moot_log_error(const char *name, const struct moot_error *error)
{
    const struct moot_status_info *info = moot_status_info(error->status);
    moot_log(MOOT_LOG_ERROR, name, error->status, (struct moot_bytes){0}, "%s%s%s%s%s (%s)",
             error->detail, error->detail[0] != '\0' ? ": " : "", info->text,
             error->system_errno != 0 ? ": " : "",
             error->system_errno != 0 ? strerror(error->system_errno) : "", info->advice);
}

/* The strong one: a broken contract is said once, then the process ends. */
void moot_contract_report(const char *kind, const char *text, const char *file, int line)
{
    moot_log(MOOT_LOG_ERROR, "contract.broken", MOOT_INTERNAL, (struct moot_bytes){0},
             "%s %s at %s:%d", kind, text, file, line);
}
