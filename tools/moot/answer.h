/* Reading JSON answers by dotted paths: "approvals.need". What is missing, null or of another type
 * reads as empty, so that an older or newer node never breaks the text. */
#ifndef MOOT_TOOLS_ANSWER_H
#define MOOT_TOOLS_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

json_t *moot_at(const json_t *root, const char *path);          /* borrowed, or NULL */
const char *moot_at_text(const json_t *root, const char *path); /* borrowed, or "" */
json_int_t moot_at_number(const json_t *root, const char *path, json_int_t fallback);
bool moot_at_true(const json_t *root, const char *path);
size_t moot_at_count(const json_t *root, const char *path); /* of an array, or 0 */

/* "a, b or c" of an array of texts (or of objects with "name") into `ret`; cut with "..." when it
 * does not fit. */
void moot_at_names(const json_t *root, const char *path, const char *last, char *ret, size_t size);

/* Control characters in every text become '?': what others wrote never drives the terminal. */
void moot_answer_tame(json_t *root);

#endif
