/* Aligned columns of text. Cells are copied; a row has exactly the columns of the table. */
#ifndef MOOT_TOOLS_COLUMNS_H
#define MOOT_TOOLS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MOOT_COLUMNS_MAX 10u

struct moot_columns {
    size_t column_count;
    size_t cell_count, cell_capacity;
    char **cells;
};

/* Starts a table whose headings are the words of `headings`, separated by blanks. */
void moot_columns_init(struct moot_columns *columns, const char *headings);
/* One row: as many texts as there are columns. "" and NULL show as "-". */
void moot_columns_row(struct moot_columns *columns, ...);
/* Prints everything, each line after `indent` blanks, and frees the cells. */
void moot_columns_print(struct moot_columns *columns, FILE *out, int indent);

#endif
