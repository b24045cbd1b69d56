/* The worked examples of docs/FORMATS.md, as bytes. */
#ifndef TESTS_LIB_FORMATS_H
#define TESTS_LIB_FORMATS_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of the fenced block tagged "hex NAME" in docs/FORMATS.md (found below $MOOT_SOURCE_DIR,
 * or else the working directory) into `ret`; returns their number. Fails the test when the block is
 * not there, is there twice, is no hex or does not fit. */
size_t test_formats_example(const char *name, uint8_t *ret, size_t capacity);

#endif
