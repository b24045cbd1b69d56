/* Whatever decodes as a cut is canonical, lists what it finds, contains itself, and can be encoded again
 * from what was read to the same bytes. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "journal/cut.h"

static void require(bool good)
{
    if (!good) {
        abort();
    }
}

static void encode_again(const struct moot_cut *cut)
{
    static uint8_t memory[MOOT_CUT_BYTES_MAX];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 6);
    moot_write_uint(&writer, 1);
    if (cut->follows) {
        moot_write_digest(&writer, &cut->previous);
    } else {
        moot_write_nil(&writer);
    }
    moot_write_digest(&writer, &cut->timeline);
    moot_write_uint(&writer, cut->epoch);
    moot_write_bin(&writer, cut->chains);
    moot_write_bin(&writer, cut->objects);
    require(writer.status == MOOT_OK);
    require(moot_bytes_equal(moot_bytes_of(memory, writer.size), cut->encoded));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct moot_cut cut;
    struct moot_cut_chain entry;
    struct moot_cut_chain found;
    struct moot_digest id;
    struct moot_state nothing;
    if (moot_cut_decode(moot_bytes_of(data, size), &cut) != MOOT_OK) {
        return 0;
    }
    require(moot_canonical_check(moot_bytes_of(data, size)) == MOOT_OK);
    for (uint32_t i = 0; i < cut.chain_count; i++) {
        moot_cut_chain_at(&cut, i, &entry);
        require(moot_cut_chain_find(&cut, &entry.chain, &found));
        require(memcmp(&entry, &found, sizeof entry) == 0);
        require(moot_cut_has_fact(&cut, &entry.chain, entry.seq));
        require(!moot_cut_has_fact(&cut, &entry.chain, entry.seq + 1));
    }
    for (uint32_t i = 0; i < cut.object_count; i++) {
        moot_cut_object_at(&cut, i, &id);
        require(moot_cut_has_object(&cut, &id));
    }
    moot_state_init(&nothing);
    require(moot_cut_contains(&cut, &cut, &nothing, NULL) == MOOT_OK);
    moot_cut_root(&cut, &id);
    encode_again(&cut);
    return 0;
}
