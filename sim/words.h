/*
 * Lines, words and values of a scenario file, for the parser's files. Everything reports its first
 * problem and then stays failed, so callers may go on and ask once.
 */
#ifndef MOOT_SIM_WORDS_H
#define MOOT_SIM_WORDS_H

#include "sim/scenario.h"

#define MOOT_SIM_WORDS_MAX 64u /* in one line */

struct moot_sim_word {
    char text[MOOT_SIM_WORD_BYTES];
    uint32_t column;
    bool quoted;
};

struct moot_sim_parser {
    struct moot_sim_scenario *scenario;
    struct moot_sim_problem *problem;
    bool failed;
    uint32_t line;
    struct moot_sim_word words[MOOT_SIM_WORDS_MAX];
    uint32_t word_count;
    uint32_t next; /* word to read */
    uint32_t end_column;
};

/* Splits one line (no newline in it) into words; a `#` outside quotes begins a comment. */
void moot_sim_words_split(struct moot_sim_parser *parser, const char *line, size_t size);

/* Records the problem (only the first) at a column. */
__attribute__((format(printf, 3, 4))) void
moot_sim_words_fail(struct moot_sim_parser *parser, uint32_t column, const char *format, ...);

/* The next word, or NULL with a problem that says what was expected. */
const struct moot_sim_word *moot_sim_words_next(struct moot_sim_parser *parser,
                                                const char *expected);
/* The next word if it is this one: then it is read. */
bool moot_sim_words_if(struct moot_sim_parser *parser, const char *text);
/* The next word must be this one. */
void moot_sim_words_must(struct moot_sim_parser *parser, const char *text);
/* Nothing may follow. */
void moot_sim_words_end(struct moot_sim_parser *parser);

/* An unknown word, with the nearest of `known` (NULL-terminated) as a suggestion. */
void moot_sim_words_unknown(struct moot_sim_parser *parser, uint32_t column, const char *what,
                            const char *found, const char *const *known);

/* If the word is "key=value", true, with the value and its column. */
bool moot_sim_words_pair(const struct moot_sim_word *word, const char *key, const char **ret_value,
                         uint32_t *ret_column);

/* Values; `column` is where `text` begins. All return 0 after a failure. */
uint64_t moot_sim_value_us(struct moot_sim_parser *parser, uint32_t column, const char *text);
uint64_t moot_sim_value_number(struct moot_sim_parser *parser, uint32_t column, const char *text,
                               uint64_t most);
/* A protocol that this build speaks. */
uint16_t moot_sim_value_protocol(struct moot_sim_parser *parser, uint32_t column, const char *text);
uint32_t moot_sim_value_ppm(struct moot_sim_parser *parser, uint32_t column, const char *text);
/* "A..B" or "A" through `one`; the second is not below the first. */
void moot_sim_value_range(struct moot_sim_parser *parser, uint32_t column, const char *text,
                          uint64_t (*one)(struct moot_sim_parser *, uint32_t, const char *),
                          uint64_t *ret_first, uint64_t *ret_last);

/* Calls `each` for every name of "a,b,d1..d5". */
void moot_sim_value_names(struct moot_sim_parser *parser, uint32_t column, const char *text,
                          void (*each)(struct moot_sim_parser *, uint32_t column, const char *name,
                                       void *context),
                          void *context);
/* Index of a declared node; 0 and a problem if there is none. */
uint32_t moot_sim_value_node(struct moot_sim_parser *parser, uint32_t column, const char *text);
/* Declared nodes, at least one, each once. */
void moot_sim_value_nodes(struct moot_sim_parser *parser, uint32_t column, const char *text,
                          struct moot_sim_set *ret);
/* A word that may be a label, key or value: letters, digits, '-', '_', '.', '/'. */
void moot_sim_value_label(struct moot_sim_parser *parser, const struct moot_sim_word *word,
                          char *ret, size_t ret_size);

/* scenario_header.c: the words of the header, and the rest of the line of one of them. */
#define MOOT_SIM_HEADER_WORDS_MAX 16u
#define MOOT_SIM_HEADER_NODES 2u
#define MOOT_SIM_HEADER_LAN 5u
#define MOOT_SIM_HEADER_ALLOW 9u /* may be said more than once */
uint32_t moot_sim_header_words(const char **ret);
void moot_sim_parse_header(struct moot_sim_parser *parser, uint32_t number);
/* scenario_act.c: the act from parser->next on, to the end of the line. */
void moot_sim_parse_act(struct moot_sim_parser *parser, struct moot_sim_act *ret);
/* scenario_expect.c: the predicate from parser->next on, to the end of the line. */
void moot_sim_parse_predicate(struct moot_sim_parser *parser, struct moot_sim_predicate *ret);

#endif
