/* xoshiro256** behind named seeds. Nothing here can fail. */
#include "sim/stream.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"

void moot_sim_stream_init(struct moot_sim_stream *stream, uint64_t seed, const char *purpose,
                          uint32_t from, uint32_t to, uint32_t boot)
{
    uint8_t numbers[20];
    moot_u64_put(numbers, seed);
    moot_u32_put(numbers + 8, from);
    moot_u32_put(numbers + 12, to);
    moot_u32_put(numbers + 16, boot);
    const struct moot_bytes parts[] = {moot_bytes_of(numbers, sizeof numbers),
                                       moot_bytes_of_text(purpose)};
    struct moot_digest digest;
    moot_digest_of("moot/sim-stream/1", parts, 2, &digest);
    for (uint32_t i = 0; i < 4; i++)
        stream->state[i] = moot_u64_get(digest.b + (size_t)i * 8);
    stream->state[0] |= 1; /* the all-zero state is the one that never leaves itself */
}

static uint64_t rotate(uint64_t value, uint32_t by)
{
    return (value << by) | (value >> (64 - by));
}

uint64_t moot_sim_stream_next(struct moot_sim_stream *stream)
{
    uint64_t *s = stream->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t moot_sim_stream_below(struct moot_sim_stream *stream, uint64_t bound)
{
    MOOT_REQUIRE(bound > 0);
    uint64_t uneven = (UINT64_MAX % bound + 1) % bound; /* 2^64 mod bound: refused from the top */
    uint64_t drawn;
    do {
        drawn = moot_sim_stream_next(stream);
    } while (drawn > UINT64_MAX - uneven);
    return drawn % bound;
}

uint64_t moot_sim_stream_between(struct moot_sim_stream *stream, uint64_t least, uint64_t most)
{
    MOOT_REQUIRE(least <= most && most - least < UINT64_MAX);
    return least + moot_sim_stream_below(stream, most - least + 1);
}

bool moot_sim_stream_chance(struct moot_sim_stream *stream, uint32_t parts_per_million)
{
    return parts_per_million > 0 && moot_sim_stream_below(stream, 1000000) < parts_per_million;
}

void moot_sim_stream_fill(struct moot_sim_stream *stream, uint8_t *ret, size_t size)
{
    for (size_t at = 0; at < size; at += 8) {
        uint8_t word[8];
        moot_u64_put(word, moot_sim_stream_next(stream));
        memcpy(ret + at, word, size - at < 8 ? size - at : 8);
    }
}

static void fill(void *context, uint8_t *ret, size_t size)
{
    moot_sim_stream_fill((struct moot_sim_stream *)context, ret, size);
}

struct moot_random moot_sim_stream_random(struct moot_sim_stream *stream)
{
    return (struct moot_random){.fill = fill, .context = stream};
}
