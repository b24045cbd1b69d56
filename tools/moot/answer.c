/*
 * Dotted paths over jansson. Happy path: walk the members, then look at the type. Nothing fails.
 */
#include "tools/moot/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *moot_at(const json_t *root, const char *path)
{
    const json_t *at = root;
    while (at != NULL && *path != '\0') {
        char member[64];
        size_t size = strcspn(path, ".");
        if (size >= sizeof member) {
            return NULL;
        }
        memcpy(member, path, size);
        member[size] = '\0';
        at = json_object_get(at, member);
        path += size + (path[size] == '.' ? 1 : 0);
    }
    /* jansson hands out what it holds as changeable */
    union {
        const json_t *in;
        json_t *out;
    } value = {.in = json_is_null(at) ? NULL : at};
    return value.out;
}

const char *moot_at_text(const json_t *root, const char *path)
{
    const char *text = json_string_value(moot_at(root, path));
    return text != NULL ? text : "";
}

json_int_t moot_at_number(const json_t *root, const char *path, json_int_t fallback)
{
    const json_t *value = moot_at(root, path);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool moot_at_true(const json_t *root, const char *path)
{
    return json_is_true(moot_at(root, path));
}

size_t moot_at_count(const json_t *root, const char *path)
{
    return json_array_size(moot_at(root, path));
}

void moot_at_names(const json_t *root, const char *path, const char *last, char *ret, size_t size)
{
    const json_t *list = moot_at(root, path);
    size_t count = json_array_size(list);
    size_t used = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(list, i);
        const char *name =
            json_is_string(entry) ? json_string_value(entry) : moot_at_text(entry, "name");
        char between[16] = "";
        if (i > 0) {
            snprintf(between, sizeof between, i + 1 == count ? " %s " : ", ", last);
        }
        int wrote = snprintf(ret + used, size - used, "%s%s", between, name);
        if (wrote < 0 || (size_t)wrote >= size - used) {
            if (size >= 4) {
                memcpy(ret + size - 4, "...", 4);
            }
            return;
        }
        used += (size_t)wrote;
    }
}

static void text_tame(json_t *text)
{
    const char *value = json_string_value(text);
    size_t size = json_string_length(text);
    char *copy = NULL;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)value[i];
        bool c1 = c == 0xc2 && i + 1 < size && (unsigned char)value[i + 1] < 0xa0;
        if (c >= 0x20 && c != 0x7f && !c1) {
            continue;
        }
        copy = copy != NULL ? copy : strndup(value, size);
        if (copy == NULL) {
            json_string_set(text, "?");
            return;
        }
        copy[i] = '?';
        if (c1) {
            copy[++i] = '?';
        }
    }
    if (copy != NULL) {
        json_string_setn(text, copy, size);
        free(copy);
    }
}

void moot_answer_tame(json_t *root)
{
    if (json_is_string(root)) {
        text_tame(root);
    } else if (json_is_array(root)) {
        for (size_t i = 0; i < json_array_size(root); i++) {
            moot_answer_tame(json_array_get(root, i));
        }
    } else if (json_is_object(root)) {
        for (void *at = json_object_iter(root); at != NULL; at = json_object_iter_next(root, at)) {
            moot_answer_tame(json_object_iter_value(at));
        }
    }
}
