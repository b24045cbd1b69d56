/*
 * Sealed frames: one message cut into records, each one Noise transport message.
 *
 * Happy path: seal copies the message piece by piece behind a first byte that says what the record is,
 * and encrypts it into the frame; open decrypts record after record into one block, letting each
 * record's first byte fall on the last byte of the piece before it, which is put back. Every record
 * but the last is full, so both sides know the cuts from the frame's length alone.
 *
 * Failures: a record that does not open, says the wrong thing about its place or carries nothing
 * behind a full one is BAD_RECORD. Nonces make a repeated, dropped, swapped or reflected record one that does not
 * open. A message too large to seal is OVERSIZED and changes nothing.
 */
#include "protocols/channel_frame.h"

#include <string.h>

#include "crypto/base/contract.h"

#define SEALED_BYTES_MAX (MOOT_RECORD_PLAIN_BYTES_MAX + MOOT_NOISE_TAG_BYTES)
#define BODY_BYTES_MAX (MOOT_RECORD_PLAIN_BYTES_MAX - 1)
#define OVERHEAD_BYTES (1 + MOOT_NOISE_TAG_BYTES)

/* First plaintext byte of a record. */
#define RECORD_LAST 1u
#define RECORD_REKEY 2u

static void record_count(struct moot_noise_cipher *cipher, uint32_t *records, bool said)
{
    (*records)++;
    if (said || *records == MOOT_REKEY_RECORDS) {
        moot_noise_rekey(cipher);
        *records = 0;
    }
}

enum moot_status moot_channel_seal(struct moot_channel *channel, struct moot_bytes message,
                                   struct moot_arena *arena, struct moot_bytes *ret_frame)
{
    MOOT_REQUIRE(channel->state == MOOT_CHANNEL_ESTABLISHED);
    if (message.size > MOOT_FRAME_BYTES_MAX)
        return MOOT_OVERSIZED;
    size_t records = message.size == 0 ? 1 : (message.size + BODY_BYTES_MAX - 1) / BODY_BYTES_MAX;
    size_t size = message.size + records * OVERHEAD_BYTES;
    if (size > MOOT_FRAME_BYTES_MAX)
        return MOOT_OVERSIZED;
    uint8_t *frame = moot_arena_take(arena, size);
    uint8_t *plain =
        moot_arena_take(arena, records > 1 ? MOOT_RECORD_PLAIN_BYTES_MAX : message.size + 1);
    if (frame == NULL || plain == NULL)
        return MOOT_NO_MEMORY;

    size_t from = 0;
    size_t to = 0;
    enum moot_status status = MOOT_OK;
    for (size_t i = 0; i < records && status == MOOT_OK; i++) {
        bool last = i + 1 == records;
        bool rekey = last && channel->rekey_wanted;
        size_t body = last ? message.size - from : BODY_BYTES_MAX;
        plain[0] = (uint8_t)((last ? RECORD_LAST : 0u) | (rekey ? RECORD_REKEY : 0u));
        if (body > 0)
            memcpy(plain + 1, message.data + from, body);
        status = moot_noise_seal(&channel->send, moot_bytes_of(NULL, 0),
                                 moot_bytes_of(plain, body + 1), frame + to);
        record_count(&channel->send, &channel->sent_records, rekey);
        from += body;
        to += body + OVERHEAD_BYTES;
    }
    moot_arena_trim(arena, plain, 0);
    if (status != MOOT_OK) {
        moot_channel_deinit(channel);
        return status;
    }
    channel->rekey_wanted = false;
    MOOT_ENSURE(from == message.size && to == size);
    *ret_frame = moot_bytes_of(frame, size);
    return MOOT_OK;
}

enum moot_status moot_channel_frame_open(struct moot_channel *channel, struct moot_bytes frame,
                                         struct moot_arena *arena, struct moot_bytes *ret_message)
{
    if (frame.size < OVERHEAD_BYTES)
        return MOOT_BAD_RECORD;
    /* One byte in front takes the first record's first byte; the rest is the message. */
    uint8_t *block = moot_arena_take(arena, frame.size);
    if (block == NULL)
        return MOOT_NO_MEMORY;
    size_t at = 0;
    size_t size = 0;
    while (at < frame.size) {
        size_t sealed = frame.size - at;
        if (sealed > SEALED_BYTES_MAX)
            sealed = SEALED_BYTES_MAX;
        bool last = at + sealed == frame.size;
        if (sealed < OVERHEAD_BYTES || (at > 0 && sealed == OVERHEAD_BYTES))
            return MOOT_BAD_RECORD;
        uint8_t kept = size > 0 ? block[size] : 0;
        if (moot_noise_open(&channel->receive, moot_bytes_of(NULL, 0),
                            moot_bytes_of(frame.data + at, sealed), block + size) != MOOT_OK)
            return MOOT_BAD_RECORD;
        uint8_t what = block[size];
        if (size > 0)
            block[size] = kept;
        bool rekey = (what & RECORD_REKEY) != 0;
        if ((what & ~RECORD_REKEY) != (last ? RECORD_LAST : 0u))
            return MOOT_BAD_RECORD;
        record_count(&channel->receive, &channel->received_records, rekey);
        at += sealed;
        size += sealed - OVERHEAD_BYTES;
    }
    *ret_message = moot_bytes_of(block + 1, size);
    return MOOT_OK;
}
