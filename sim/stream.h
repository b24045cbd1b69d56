/*
 * Named random streams: each purpose draws from its own, seeded by a hash of (seed, purpose, node or
 * link, boot), so that adding a node or an act moves no other draw. Integers only; the generator is
 * xoshiro256**, good enough to explore and the same on every machine. Simulated keys come from it:
 * they protect nothing.
 */
#ifndef MOOT_SIM_STREAM_H
#define MOOT_SIM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/random.h"

struct moot_sim_stream {
    uint64_t state[4];
};

/* `from` and `to` name a node (to = 0) or a directed link; `boot` counts the starts of a node. */
void moot_sim_stream_init(struct moot_sim_stream *stream, uint64_t seed, const char *purpose,
                          uint32_t from, uint32_t to, uint32_t boot);

uint64_t moot_sim_stream_next(struct moot_sim_stream *stream);
/* Uniform in 0 to bound - 1; bound must not be 0. */
uint64_t moot_sim_stream_below(struct moot_sim_stream *stream, uint64_t bound);
/* Uniform in least to most, both included. */
uint64_t moot_sim_stream_between(struct moot_sim_stream *stream, uint64_t least, uint64_t most);
/* True in `parts` of a million cases; draws nothing for 0. */
bool moot_sim_stream_chance(struct moot_sim_stream *stream, uint32_t parts_per_million);
void moot_sim_stream_fill(struct moot_sim_stream *stream, uint8_t *ret, size_t size);

/* As the engine wants it; the stream is borrowed for as long as the handle is used. */
struct moot_random moot_sim_stream_random(struct moot_sim_stream *stream);

#endif
