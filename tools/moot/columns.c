/*
 * Tables for people. Happy path: collect cells, measure each column in characters, print. A cell
 * that cannot be copied (no memory) is left empty.
 */
#include "tools/moot/columns.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"

static void cell_add(struct moot_columns *columns, const char *text, size_t size)
{
    if (columns->cell_count == columns->cell_capacity) {
        size_t capacity = columns->cell_capacity == 0 ? 64 : columns->cell_capacity * 2;
        char **grown = (char **)realloc(columns->cells, capacity * sizeof *grown);
        if (grown == NULL) {
            return;
        }
        columns->cells = grown;
        columns->cell_capacity = capacity;
    }
    columns->cells[columns->cell_count++] = strndup(text, size);
}

void moot_columns_init(struct moot_columns *columns, const char *headings)
{
    *columns = (struct moot_columns){0};
    for (const char *at = headings; *at != '\0';) {
        size_t size = strcspn(at, " ");
        cell_add(columns, at, size);
        columns->column_count++;
        at += size;
        at += strspn(at, " ");
    }
    MOOT_REQUIRE(columns->column_count > 0 && columns->column_count <= MOOT_COLUMNS_MAX);
}

void moot_columns_row(struct moot_columns *columns, ...)
{
    va_list cells;
    va_start(cells, columns);
    for (size_t i = 0; i < columns->column_count; i++) {
        const char *text = va_arg(cells, const char *);
        text = text == NULL || text[0] == '\0' ? "-" : text;
        cell_add(columns, text, strlen(text));
    }
    va_end(cells);
}

/* Characters, not bytes: what continues a character is not counted. */
static int width_of(const char *text)
{
    int width = 0;
    for (; text != NULL && *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    }
    return width;
}

void moot_columns_print(struct moot_columns *columns, FILE *out, int indent)
{
    int widths[MOOT_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < columns->cell_count; i++) {
        int width = width_of(columns->cells[i]);
        int *widest = &widths[i % columns->column_count];
        *widest = width > *widest ? width : *widest;
    }
    for (size_t i = 0; i < columns->cell_count; i++) {
        size_t column = i % columns->column_count;
        const char *text = columns->cells[i] != NULL ? columns->cells[i] : "";
        bool last = column + 1 == columns->column_count;
        fprintf(out, "%*s%s", column == 0 ? indent : 0, "", text);
        if (last) {
            fputc('\n', out);
        } else {
            fprintf(out, "%*s", widths[column] - width_of(text) + 2, "");
        }
    }
    for (size_t i = 0; i < columns->cell_count; i++) {
        free(columns->cells[i]);
    }
    free(columns->cells);
    *columns = (struct moot_columns){0};
}
