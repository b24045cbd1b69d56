/* Whatever decodes as a body encodes to the same bytes, and has a slot and a statement that decode. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "journal/body.h"

static void require(bool good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[MOOT_BODY_BYTES_MAX];
    const struct moot_bytes bytes = moot_bytes_of(data, size);
    const struct moot_digest timeline = {{1}};
    struct moot_body body;
    struct moot_digest hash;
    struct moot_statement statement;
    struct moot_statement again;
    uint8_t encoded[MOOT_STATEMENT_BYTES];
    require(moot_crypto_init());
    if (moot_body_decode(bytes, &body) != MOOT_OK) {
        return 0;
    }
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_body_encode(&body, &writer);
    require(writer.status == MOOT_OK);
    require(moot_bytes_equal(moot_bytes_of(memory, writer.size), bytes));
    moot_body_hash(bytes, &hash);
    moot_body_statement(&body, &hash, &timeline, MOOT_VERDICT_YES, &statement);
    moot_statement_encode(&statement, encoded);
    require(moot_statement_decode(moot_bytes_of(encoded, sizeof encoded), &again) == MOOT_OK);
    return 0;
}
