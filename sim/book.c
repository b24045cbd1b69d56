/* Open addressing, at most half full. Cannot fail but for memory, which ends the process. */
#include "sim/book.h"

#include <stdlib.h>

#include "sim/memory.h"

/* The row of `key`, or the free row where it belongs. The book is not empty. */
static struct moot_sim_book_row *row_of(const struct moot_sim_book *book,
                                        const struct moot_digest *key)
{
    uint32_t mask = book->capacity - 1;
    uint32_t at = moot_u32_get(key->b) & mask;
    while (book->rows[at].used && !moot_digest_equal(&book->rows[at].key, key))
        at = (at + 1) & mask;
    return &book->rows[at];
}

const struct moot_digest *moot_sim_book_find(const struct moot_sim_book *book,
                                             const struct moot_digest *key)
{
    if (book->capacity == 0)
        return NULL;
    const struct moot_sim_book_row *row = row_of(book, key);
    return row->used ? &row->value : NULL;
}

static void grow(struct moot_sim_book *book)
{
    struct moot_sim_book larger = {.capacity = book->capacity == 0 ? 64 : book->capacity * 2};
    larger.rows = (struct moot_sim_book_row *)moot_sim_take(larger.capacity, sizeof *larger.rows);
    for (uint32_t i = 0; i < book->capacity; i++) {
        if (book->rows[i].used)
            moot_sim_book_add(&larger, &book->rows[i].key, &book->rows[i].value);
    }
    free(book->rows);
    *book = larger;
}

const struct moot_digest *moot_sim_book_add(struct moot_sim_book *book,
                                            const struct moot_digest *key,
                                            const struct moot_digest *value)
{
    if (book->count * 2 >= book->capacity)
        grow(book);
    struct moot_sim_book_row *row = row_of(book, key);
    if (!row->used) {
        *row = (struct moot_sim_book_row){.key = *key, .value = *value, .used = true};
        book->count++;
    }
    return &row->value;
}

void moot_sim_book_deinit(struct moot_sim_book *book)
{
    free(book->rows);
    *book = (struct moot_sim_book){0};
}
