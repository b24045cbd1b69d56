/*
 * Values on their way to and from a node. Happy path: text stays text, anything else travels as base64,
 * and what is printed is byte for byte what was given. Failures: too long (1), stdin (1), no memory.
 */
#include "tools/moot/value.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/bytes.h"
#include "journal/limits.h"
#include "tools/moot/answer.h"
#include "tools/moot/cli.h"
#include "tools/moot/report.h"

#define VALUE_BYTES_MAX MOOT_RECORD_VALUE_BYTES_MAX
#define BASE64_BYTES_MAX sodium_base64_ENCODED_LEN(VALUE_BYTES_MAX, sodium_base64_VARIANT_ORIGINAL)

static int bytes_add(struct moot_cli *cli, json_t *body, const char *value, size_t size)
{
    if (size > VALUE_BYTES_MAX) {
        return moot_report(cli, MOOT_OVERSIZED, "a value is at most %d bytes",
                           (int)VALUE_BYTES_MAX);
    }
    if (moot_utf8_valid(moot_bytes_of(value, size))) {
        json_object_set_new(body, "value", json_stringn(value, size));
        return 0;
    }
    char *text = (char *)malloc(BASE64_BYTES_MAX);
    if (text == NULL) {
        return moot_report(cli, MOOT_NO_MEMORY, "encoding the value");
    }
    sodium_bin2base64(text, BASE64_BYTES_MAX, (const unsigned char *)value, size,
                      sodium_base64_VARIANT_ORIGINAL);
    json_object_set_new(body, "value_base64", json_string(text));
    free(text);
    return 0;
}

int moot_value_add(struct moot_cli *cli, json_t *body, const char *argument)
{
    if (strcmp(argument, "-") != 0) {
        return bytes_add(cli, body, argument, strlen(argument));
    }
    char *bytes = (char *)malloc(VALUE_BYTES_MAX + 1);
    if (bytes == NULL) {
        return moot_report(cli, MOOT_NO_MEMORY, "reading the value");
    }
    size_t size = fread(bytes, 1, VALUE_BYTES_MAX + 1, cli->in);
    int code = ferror(cli->in) ? moot_report(cli, MOOT_FILE_IO, "stdin")
                               : bytes_add(cli, body, bytes, size);
    free(bytes);
    return code;
}

void moot_value_print(FILE *out, const json_t *holder)
{
    const json_t *text = moot_at(holder, "value");
    const char *base64 = moot_at_text(holder, "value_base64");
    if (json_is_string(text)) {
        fwrite(json_string_value(text), 1, json_string_length(text), out);
    } else if (base64[0] != '\0') {
        size_t capacity = strlen(base64);
        unsigned char *bytes = (unsigned char *)malloc(capacity);
        size_t size = 0;
        if (bytes != NULL && sodium_base642bin(bytes, capacity, base64, capacity, NULL, &size, NULL,
                                               sodium_base64_VARIANT_ORIGINAL) == 0) {
            fwrite(bytes, 1, size, out);
        }
        free(bytes);
    }
    fputc('\n', out);
}
