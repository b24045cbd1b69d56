/*
 * Words and numbers of people: times and sizes as they are typed and as they are read, and the
 * nearest word to a mistyped one.
 */
#ifndef MOOT_TOOLS_WORDS_H
#define MOOT_TOOLS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOOT_WORDS_BYTES 32 /* any text made here, with NUL */

/* A whole decimal number, nothing around it; false above UINT64_MAX. */
bool moot_words_number_parse(const char *text, uint64_t *ret);
/* "90", "500ms", "30s", "2m", "1h", "7d" in milliseconds; a bare number is seconds. At most 365 days. */
bool moot_words_time_parse(const char *text, uint64_t *ret_ms);

/* "3 s", "5 min", "2 h 10 min", "3 d 4 h". */
void moot_words_time_format(uint64_t seconds, char ret[MOOT_WORDS_BYTES]);
/* "512 B", "1.2 MiB". */
void moot_words_size_format(uint64_t bytes, char ret[MOOT_WORDS_BYTES]);
/* Local date and minute of seconds since 1970. */
void moot_words_date_format(uint64_t wall_s, char ret[MOOT_WORDS_BYTES]);

/* Edits (insert, drop, change, swap of neighbours) between two words; SIZE_MAX above 63 bytes. */
size_t moot_words_distance(const char *a, const char *b);

/* Keeps the nearest candidate. Start with zero. */
struct moot_words_nearest {
    const char *word; /* borrowed; NULL while nothing was near enough */
    size_t distance;
};
/* `near enough` is at most one edit and one more for every three letters of `typed`. */
void moot_words_nearest_offer(struct moot_words_nearest *nearest, const char *typed,
                              const char *candidate);

#endif
