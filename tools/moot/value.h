/* Values of records and of the cache: bytes that go over as text if they are text, else as base64. */
#ifndef MOOT_TOOLS_VALUE_H
#define MOOT_TOOLS_VALUE_H

#include <jansson.h>
#include <stdio.h>

struct moot_cli;

/* Sets "value" or "value_base64" of `body` from the argument; "-": from stdin. The exit code, reported. */
int moot_value_add(struct moot_cli *cli, json_t *body, const char *argument);

/* The value's bytes, exactly, and a newline. */
void moot_value_print(FILE *out, const json_t *holder);

#endif
