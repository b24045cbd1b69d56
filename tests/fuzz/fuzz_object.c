/* Whatever decodes as a certified object encodes to the same bytes and can be checked by a state. */
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

/* A founded mesh; its timeline is that of the corpus, so checks reach the certificate. */
static void check(const struct moot_object *object)
{
    static _Alignas(64) uint8_t memory[256U << 10];
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
    struct moot_state state;
    struct moot_state_change change;
    memset(&change, 0, sizeof change);
    struct moot_pool *pool = moot_pool_init(memory, sizeof memory);
    moot_state_init(&state);
    require(moot_state_found(&state, pool, moot_bytes_of(payload, writer.size)) == MOOT_OK);
    if (moot_state_object_check(&state, pool, object) == MOOT_OK) {
        require(moot_state_object_merge(&state, pool, object, &change) == MOOT_OK);
        require(moot_state_object_check(&state, pool, object) == MOOT_REPLAYED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[MOOT_OBJECT_BYTES_MAX];
    struct moot_object object;
    require(moot_crypto_init());
    if (moot_object_decode(moot_bytes_of(data, size), &object) != MOOT_OK) {
        return 0;
    }
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_object_encode(&object.certificate, object.body_bytes, &writer);
    require(writer.status == MOOT_OK && writer.size == size);
    require(memcmp(memory, data, size) == 0);
    check(&object);
    return 0;
}
