/*
 * Whatever reads as an image writes the same bytes again; whatever does not leaves no memory behind. No
 * object is supplied: members beyond the founder cannot be, plain ticks are implied.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "journal/image_read.h"

#define POOL_BYTES (4U << 20)

struct input {
    struct moot_bytes rest;
    size_t piece;
};

struct output {
    struct moot_bytes wanted;
    size_t at;
    bool differs;
};

static void require(bool good)
{
    if (!good) {
        abort();
    }
}

static enum moot_status input_next(void *context, struct moot_bytes *ret)
{
    struct input *input = context;
    size_t size = input->rest.size < input->piece ? input->rest.size : input->piece;
    *ret = moot_bytes_of(input->rest.data, size);
    input->rest = moot_bytes_of(input->rest.data + size, input->rest.size - size);
    return MOOT_OK;
}

static enum moot_status no_object(void *context, const struct moot_digest *id,
                                  struct moot_bytes *ret)
{
    (void)context;
    (void)id;
    (void)ret;
    return MOOT_NOT_FOUND;
}

static void output_write(void *context, struct moot_bytes bytes)
{
    struct output *output = context;
    if (output->differs || bytes.size > output->wanted.size - output->at ||
        memcmp(output->wanted.data + output->at, bytes.data, bytes.size) != 0) {
        output->differs = true;
        return;
    }
    output->at += bytes.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(64) uint8_t memory[POOL_BYTES];
    struct moot_pool *pool = moot_pool_init(memory, sizeof memory);
    struct moot_state state;
    struct moot_image_report report;
    struct input input = {.rest = moot_bytes_of(data, size), .piece = 1 + size % 1000};
    const struct moot_image_source source = {.context = &input, .next = input_next};
    const struct moot_object_source objects = {.get = no_object};
    moot_state_init(&state);
    if (moot_image_read(&state, pool, &source, &objects, &report) == MOOT_OK) {
        struct output output = {.wanted = moot_bytes_of(data, size)};
        const struct moot_sink sink = {.context = &output, .write = output_write};
        moot_image_write(&state, pool, &sink);
        require(!output.differs && output.at == size);
        require(report.size_bytes == size && moot_image_bytes(&state, pool) == size);
        moot_state_clear(&state, pool);
    }
    require(moot_pool_live(pool) == 0);
    return 0;
}
