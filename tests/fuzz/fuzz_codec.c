/* Whatever is canonical by the check is, read value by value and written again, the same bytes. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "journal/codec.h"

static void require(bool good)
{
    if (!good) {
        abort();
    }
}

/* Reads one value by its first byte and writes what was read. */
static void copy_value(struct moot_cursor *cursor, struct moot_writer *writer)
{
    uint8_t tag = cursor->at < cursor->end ? *cursor->at : 0;
    if (moot_read_nil_if(cursor)) {
        moot_write_nil(writer);
    } else if (tag == 0xc2 || tag == 0xc3) {
        moot_write_bool(writer, moot_read_bool(cursor));
    } else if (tag < 0x80 || (tag >= 0xcc && tag <= 0xcf)) {
        moot_write_uint(writer, moot_read_uint(cursor, UINT64_MAX));
    } else if (tag >= 0xc4 && tag <= 0xc6) {
        moot_write_bin(writer, moot_read_bin(cursor, SIZE_MAX));
    } else if ((tag >= 0xa0 && tag < 0xc0) || (tag >= 0xd9 && tag <= 0xdb)) {
        moot_write_text(writer, moot_read_text(cursor, SIZE_MAX));
    } else {
        uint32_t count = moot_read_array_any(cursor, UINT32_MAX);
        moot_write_array(writer, count);
        for (uint32_t i = 0; i < count && cursor->status == MOOT_OK; i++) {
            copy_value(cursor, writer);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct moot_bytes bytes = moot_bytes_of(data, size);
    struct moot_cursor cursor;
    struct moot_writer writer;
    uint8_t *memory = malloc(size + 1);
    require(memory != NULL);
    moot_cursor_init(&cursor, bytes);
    moot_writer_init(&writer, memory, size);
    copy_value(&cursor, &writer);
    bool good = moot_cursor_finish(&cursor) == MOOT_OK;
    require(good == (moot_canonical_check(bytes) == MOOT_OK));
    if (good) {
        require(writer.status == MOOT_OK);
        require(moot_bytes_equal(moot_bytes_of(memory, writer.size), bytes));
    }
    free(memory);
    return 0;
}
