/* Whatever decodes as a header encodes to the same bytes, by the writer and by the fast path. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "journal/fact.h"

static void require(bool good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct moot_bytes bytes = moot_bytes_of(data, size);
    struct moot_header header;
    enum moot_status status = moot_header_decode(bytes, &header);
    if (status == MOOT_OK) {
        uint8_t memory[MOOT_HEADER_BYTES_MAX];
        struct moot_writer writer;
        moot_writer_init(&writer, memory, sizeof memory);
        moot_header_encode(&header, &writer);
        require(writer.status == MOOT_OK);
        require(moot_bytes_equal(moot_bytes_of(memory, writer.size), bytes));
        require(moot_header_pack(&header, memory) == size);
        require(moot_bytes_equal(moot_bytes_of(memory, size), bytes));
    } else if (status == MOOT_UNKNOWN_VERSION) {
        require(moot_canonical_check(bytes) == MOOT_OK);
    }
    return 0;
}
