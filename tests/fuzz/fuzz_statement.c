/*
 * The statement decoder: any bytes get an answer, and what decodes encodes to the same bytes again
 * (so there is no second encoding), can be shown, and is not signed by a signature made of rubbish.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/statement.h"
#include "tests/fuzz/fuzz.h"

static void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct moot_statement statement;
    enum moot_status status = moot_statement_decode(moot_bytes_of(data, size), &statement);
    if (status != MOOT_OK) {
        demand(status == (size < MOOT_STATEMENT_BYTES   ? MOOT_TRUNCATED
                          : size > MOOT_STATEMENT_BYTES ? MOOT_TRAILING
                                                        : MOOT_BAD_VALUE));
        return 0;
    }
    uint8_t again[MOOT_STATEMENT_BYTES];
    moot_statement_encode(&statement, again);
    demand(size == sizeof again && memcmp(data, again, size) == 0);
    char text[MOOT_SLOT_TEXT_BYTES];
    moot_slot_format(&statement.slot, text);
    demand(strlen(text) > 0 && strlen(text) < sizeof text);
    struct moot_key key;
    struct moot_signature signature;
    memcpy(key.b, statement.body.b, sizeof key.b);
    memcpy(signature.b, data + size - sizeof signature.b, sizeof signature.b);
    demand(!moot_statement_verify(&statement, &key, &signature));
    return 0;
}
