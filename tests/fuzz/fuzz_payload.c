/*
 * The first two bytes are a kind, the rest a payload: folding it into a founded mesh gives a typed
 * answer, folding it twice changes nothing, and a put encodes to the same bytes.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "journal/state.h"

static void require(bool good)
{
    if (!good) {
        abort();
    }
}

static struct moot_state state;
static struct moot_pool *pool;

static struct moot_chain *found(void)
{
    static _Alignas(64) uint8_t memory[1U << 20];
    static uint8_t payload[256];
    struct moot_identity founder;
    uint8_t seed[32];
    memset(seed, 1, sizeof seed);
    moot_identity_init(&founder, seed);
    struct moot_founding founding = {.mesh_name = moot_bytes_of_text("elm street"),
                                     .name = moot_bytes_of_text("hall"),
                                     .home = moot_bytes_of_text("no. 7"),
                                     .founder = founder.key};
    memset(founding.salt, 0x5a, sizeof founding.salt);
    struct moot_writer writer;
    moot_writer_init(&writer, payload, sizeof payload);
    moot_founding_encode(&founding, &writer);
    pool = moot_pool_init(memory, sizeof memory);
    moot_state_init(&state);
    require(moot_state_found(&state, pool, moot_bytes_of(payload, writer.size)) == MOOT_OK);
    struct moot_map_item item;
    require(moot_map_first(pool, &state.chains, &item));
    return item.value;
}

static void put_again(struct moot_bytes payload)
{
    static uint8_t memory[MOOT_PAYLOAD_BYTES_MAX * 2];
    static struct moot_context_entry context[MOOT_DEVICES_MAX];
    struct moot_record_put put;
    if (moot_record_put_decode(payload, &put) != MOOT_OK) {
        return;
    }
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, put.context);
    for (uint32_t i = 0; i < put.context_count; i++) {
        moot_context_entry_read(&cursor, &context[i]);
    }
    require(moot_cursor_finish(&cursor) == MOOT_OK);
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_record_put_encode(put.key, put.tombstone ? NULL : &put.value, context, put.context_count,
                           &writer);
    require(moot_bytes_equal(moot_bytes_of(memory, writer.size), payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require(moot_crypto_init());
    if (size < 2 || size - 2 > MOOT_PAYLOAD_BYTES_MAX) {
        return 0;
    }
    const struct moot_chain *chain = found();
    const struct moot_bytes payload = moot_bytes_of(data + 2, size - 2);
    struct moot_fact fact = {.payload = payload};
    fact.header.seq = 2;
    fact.header.fork_id = moot_fork_id_of(&moot_state_era(&state, pool)->timeline);
    fact.header.epoch = 1;
    fact.header.protocol = 1;
    fact.header.kind = moot_u16_get(data);
    struct moot_digest first;
    struct moot_digest second;
    enum moot_status status = moot_state_fold(&state, pool, chain, &fact);
    require(status == MOOT_OK || status == MOOT_VOID_PAYLOAD || status == MOOT_VOID_KIND ||
            status == MOOT_VOID_AUTHORITY);
    moot_state_digest(&state, pool, &first);
    require(moot_state_fold(&state, pool, chain, &fact) == status);
    moot_state_digest(&state, pool, &second);
    require(moot_digest_equal(&first, &second));
    put_again(payload);
    return 0;
}
