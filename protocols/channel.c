/*
 * The handshake of a channel: drives crypto/noise through three messages and proves devices in it.
 *
 * Happy path: the dialler's hello carries a tag that only somebody who knows the mesh id can make; the
 * listener answers with message 2 and its proof; the dialler checks it and sends message 3 with its
 * own; the listener checks that. Each proof is an Ed25519 signature over the role, the transcript so
 * far and the Noise static key, so it fits this session only, and this end of it only.
 *
 * Failures: whatever does not verify breaks the channel and wipes its secrets; nothing is sent back,
 * so a stranger learns that something listens and no more. In mode JOIN a third message that no open
 * invitation fits is CODE_WRONG: to the listener, a wrong code and an altered message look alike.
 */
#include "protocols/channel.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "journal/codec.h"
#include "protocols/channel_frame.h"

#define VERSION 1u
#define TAG_BYTES 16u
#define HELLO_BYTES (4u + 1u + 1u + TAG_BYTES)
#define HELLO_AT_VERSION 4u
#define HELLO_AT_MODE 5u
#define HELLO_AT_TAG 6u
#define EPHEMERAL_BYTES 32u
/* array[3] ‖ bin 32 ‖ bin 64 ‖ bin: 1 + 34 + 66 + 3 bytes around the greeting. */
#define PROOF_BYTES_MAX (104u + MOOT_CHANNEL_GREETING_BYTES_MAX)
/* Message 2 is the longest: ephemeral, sealed static key, sealed proof. */
#define HANDSHAKE_BYTES_MAX (PROOF_BYTES_MAX + 112u)
#define HASH_BYTES 64u

static const uint8_t magic[4] = {'M', 'O', 'O', 'T'};
static const char link_tag[] = "moot/link/1";

static size_t first_message_bytes(enum moot_channel_mode mode)
{
    /* With a psk pattern even the first, empty payload is sealed. */
    return EPHEMERAL_BYTES + (mode == MOOT_CHANNEL_JOIN ? MOOT_NOISE_TAG_BYTES : 0u);
}

static void hello_tag(const struct moot_digest *mesh, struct moot_bytes message,
                      struct moot_digest *ret)
{
    struct moot_bytes parts[2] = {moot_digest_bytes(mesh), message};
    moot_digest_of("moot/hello/1", parts, 2, ret);
}

static bool tag_fits(const struct moot_digest *tag, const uint8_t *given)
{
    unsigned difference =
        0; /* all bytes every time: the time taken says nothing about the mesh id */
    for (size_t i = 0; i < TAG_BYTES; i++)
        difference |= (unsigned)(tag->b[i] ^ given[i]);
    return difference == 0;
}

static void noise_start(struct moot_channel *channel, const struct moot_digest *psk,
                        const struct moot_channel_local *local)
{
    static const char text[] = "moot/prologue/1";
    static const uint8_t no_psk[32] = {0}; /* the listener learns it with message 3 */
    uint8_t prologue[sizeof text - 1 + 2 + sizeof channel->mesh.b];
    memcpy(prologue, text, sizeof text - 1);
    prologue[sizeof text - 1] = (uint8_t)VERSION;
    prologue[sizeof text] = (uint8_t)channel->mode;
    memcpy(prologue + sizeof text + 1, channel->mesh.b, sizeof channel->mesh.b);

    uint8_t ephemeral[32];
    moot_random_fill(local->random, ephemeral, sizeof ephemeral);
    bool join = channel->mode == MOOT_CHANNEL_JOIN;
    moot_noise_init(&channel->noise, join ? MOOT_NOISE_XXPSK3 : MOOT_NOISE_XX,
                    channel->role == MOOT_CHANNEL_DIALLER ? MOOT_NOISE_INITIATOR
                                                          : MOOT_NOISE_RESPONDER,
                    moot_bytes_of(prologue, sizeof prologue), local->static_secret, ephemeral,
                    !join         ? NULL
                    : psk == NULL ? no_psk
                                  : psk->b);
    moot_wipe(ephemeral, sizeof ephemeral);
}

/* What a proof signs: whose end, the transcript before the message, the Noise static key. */
struct claim {
    uint8_t bytes[1 + HASH_BYTES + 32];
};

static struct moot_bytes claim_of(struct claim *claim, enum moot_channel_role role,
                                  const uint8_t hash[HASH_BYTES], const uint8_t static_public[32])
{
    claim->bytes[0] = (uint8_t)role;
    memcpy(claim->bytes + 1, hash, HASH_BYTES);
    memcpy(claim->bytes + 1 + HASH_BYTES, static_public, 32);
    return moot_bytes_of(claim->bytes, sizeof claim->bytes);
}

/* Writes the next Noise message with our proof as its payload. */
static enum moot_status proof_write(struct moot_channel *channel,
                                    const struct moot_channel_local *local,
                                    struct moot_arena *arena, struct moot_bytes *ret_message)
{
    MOOT_REQUIRE(local->greeting.size <= MOOT_CHANNEL_GREETING_BYTES_MAX);
    uint8_t *message = moot_arena_take(arena, HANDSHAKE_BYTES_MAX);
    if (message == NULL)
        return MOOT_NO_MEMORY;
    struct claim claim;
    struct moot_signature signature;
    moot_identity_sign(
        local->identity, link_tag,
        claim_of(&claim, channel->role, channel->noise.hash, channel->noise.static_public),
        &signature);
    uint8_t proof[PROOF_BYTES_MAX];
    struct moot_writer writer;
    moot_writer_init(&writer, proof, sizeof proof);
    moot_write_array(&writer, 3);
    moot_write_key(&writer, &local->identity->key);
    moot_write_signature(&writer, &signature);
    moot_write_bin(&writer, local->greeting);
    MOOT_ENSURE(writer.status == MOOT_OK);

    size_t size = 0;
    enum moot_status status = moot_noise_write(&channel->noise, moot_bytes_of(proof, writer.size),
                                               message, HANDSHAKE_BYTES_MAX, &size);
    if (status != MOOT_OK)
        return status;
    moot_arena_trim(arena, message, size);
    *ret_message = moot_bytes_of(message, size);
    return MOOT_OK;
}

/* Checks the proof in a payload that Noise has opened; `hash` is the transcript before the message. */
static enum moot_status proof_check(struct moot_channel *channel, struct moot_bytes payload,
                                    const uint8_t hash[HASH_BYTES], struct moot_bytes *ret_greeting)
{
    struct moot_cursor cursor;
    struct moot_key key;
    struct moot_signature signature;
    moot_cursor_init(&cursor, payload);
    moot_read_array(&cursor, 3);
    moot_read_key(&cursor, &key);
    moot_read_signature(&cursor, &signature);
    struct moot_bytes greeting = moot_read_bin(&cursor, MOOT_CHANNEL_GREETING_BYTES_MAX);
    if (moot_cursor_finish(&cursor) != MOOT_OK)
        return MOOT_BAD_HANDSHAKE;
    struct claim claim;
    enum moot_channel_role theirs =
        channel->role == MOOT_CHANNEL_DIALLER ? MOOT_CHANNEL_LISTENER : MOOT_CHANNEL_DIALLER;
    if (!moot_identity_verify(&key, link_tag,
                              claim_of(&claim, theirs, hash, channel->noise.remote_static),
                              &signature))
        return MOOT_BAD_HANDSHAKE;
    channel->peer = key;
    *ret_greeting = greeting;
    return MOOT_OK;
}

static void establish(struct moot_channel *channel)
{
    moot_noise_split(&channel->noise, &channel->send, &channel->receive);
    memcpy(channel->handshake_hash, channel->noise.hash, HASH_BYTES);
    moot_noise_deinit(&channel->noise);
    channel->state = MOOT_CHANNEL_ESTABLISHED;
}

enum moot_status moot_channel_dial(struct moot_channel *channel, enum moot_channel_mode mode,
                                   const struct moot_digest *mesh, const struct moot_digest *psk,
                                   const struct moot_channel_local *local, struct moot_arena *arena,
                                   struct moot_bytes *ret_frame)
{
    MOOT_REQUIRE((mode == MOOT_CHANNEL_JOIN) == (psk != NULL));
    memset(channel, 0, sizeof *channel);
    channel->mode = mode;
    channel->role = MOOT_CHANNEL_DIALLER;
    channel->state = MOOT_CHANNEL_BROKEN;
    channel->mesh = *mesh;
    size_t size_max = HELLO_BYTES + first_message_bytes(mode);
    uint8_t *frame = moot_arena_take(arena, size_max);
    if (frame == NULL)
        return MOOT_NO_MEMORY;
    noise_start(channel, psk, local);
    size_t size = 0;
    enum moot_status status = moot_noise_write(&channel->noise, moot_bytes_of(NULL, 0),
                                               frame + HELLO_BYTES, size_max - HELLO_BYTES, &size);
    if (status != MOOT_OK) {
        moot_channel_deinit(channel);
        return status;
    }
    MOOT_ENSURE(size == size_max - HELLO_BYTES);
    memcpy(frame, magic, sizeof magic);
    frame[HELLO_AT_VERSION] = (uint8_t)VERSION;
    frame[HELLO_AT_MODE] = (uint8_t)mode;
    struct moot_digest tag;
    hello_tag(mesh, moot_bytes_of(frame + HELLO_BYTES, size), &tag);
    memcpy(frame + HELLO_AT_TAG, tag.b, TAG_BYTES);
    channel->state = MOOT_CHANNEL_REPLY;
    *ret_frame = moot_bytes_of(frame, size_max);
    return MOOT_OK;
}

void moot_channel_listen(struct moot_channel *channel, const struct moot_digest *mesh)
{
    memset(channel, 0, sizeof *channel);
    channel->mode = MOOT_CHANNEL_MEMBER; /* until hello says */
    channel->role = MOOT_CHANNEL_LISTENER;
    channel->state = MOOT_CHANNEL_HELLO;
    channel->mesh = *mesh;
}

/* Listener: hello ‖ message 1 in, message 2 out. */
static enum moot_status receive_hello(struct moot_channel *channel, struct moot_bytes frame,
                                      const struct moot_channel_local *local,
                                      struct moot_arena *arena, struct moot_channel_result *ret)
{
    if (frame.size < HELLO_BYTES || memcmp(frame.data, magic, sizeof magic) != 0 ||
        frame.data[HELLO_AT_VERSION] != VERSION)
        return MOOT_BAD_GREETING;
    uint8_t mode = frame.data[HELLO_AT_MODE];
    if (mode != MOOT_CHANNEL_MEMBER && mode != MOOT_CHANNEL_JOIN)
        return MOOT_BAD_GREETING;
    channel->mode = (enum moot_channel_mode)mode;
    struct moot_bytes message = moot_bytes_of(frame.data + HELLO_BYTES, frame.size - HELLO_BYTES);
    if (message.size != first_message_bytes(channel->mode))
        return MOOT_BAD_GREETING;
    struct moot_digest tag;
    hello_tag(&channel->mesh, message, &tag);
    if (!tag_fits(&tag, frame.data + HELLO_AT_TAG))
        return MOOT_WRONG_MESH;

    noise_start(channel, NULL, local);
    uint8_t payload[EPHEMERAL_BYTES + MOOT_NOISE_TAG_BYTES];
    size_t size = 0;
    enum moot_status status =
        moot_noise_read(&channel->noise, message, payload, sizeof payload, &size);
    if (status == MOOT_OK)
        status = proof_write(channel, local, arena, &ret->send);
    if (status == MOOT_OK)
        channel->state = MOOT_CHANNEL_PROOF;
    return status;
}

/* Dialler: message 2 in, message 3 out; done. */
static enum moot_status receive_reply(struct moot_channel *channel, struct moot_bytes frame,
                                      const struct moot_channel_local *local,
                                      struct moot_arena *arena, struct moot_channel_result *ret)
{
    if (frame.size > HANDSHAKE_BYTES_MAX)
        return MOOT_BAD_HANDSHAKE;
    uint8_t *payload = moot_arena_take(arena, HANDSHAKE_BYTES_MAX);
    if (payload == NULL)
        return MOOT_NO_MEMORY;
    uint8_t hash[HASH_BYTES];
    memcpy(hash, channel->noise.hash, sizeof hash);
    size_t size = 0;
    enum moot_status status =
        moot_noise_read(&channel->noise, frame, payload, HANDSHAKE_BYTES_MAX, &size);
    if (status == MOOT_OK)
        status = proof_check(channel, moot_bytes_of(payload, size), hash, &ret->greeting);
    if (status == MOOT_OK)
        status = proof_write(channel, local, arena, &ret->send);
    if (status != MOOT_OK)
        return status;
    establish(channel);
    ret->established = true;
    return MOOT_OK;
}

/* Opens message 3; in mode JOIN with the first psk that fits, each tried on a copy of the state. */
static enum moot_status proof_read(struct moot_channel *channel, struct moot_bytes frame,
                                   const struct moot_channel_local *local, uint8_t *payload,
                                   size_t *ret_size, uint32_t *ret_psk_index)
{
    if (channel->mode == MOOT_CHANNEL_MEMBER)
        return moot_noise_read(&channel->noise, frame, payload, HANDSHAKE_BYTES_MAX, ret_size);
    for (uint32_t i = 0; i < local->psk_count; i++) {
        struct moot_noise noise = channel->noise;
        moot_noise_psk_set(&noise, local->psks[i].b);
        bool fits =
            moot_noise_read(&noise, frame, payload, HANDSHAKE_BYTES_MAX, ret_size) == MOOT_OK;
        if (fits) {
            channel->noise = noise;
            *ret_psk_index = i;
        }
        moot_noise_deinit(&noise);
        if (fits)
            return MOOT_OK;
    }
    return MOOT_CODE_WRONG;
}

/* Listener: message 3 in; done. */
static enum moot_status receive_proof(struct moot_channel *channel, struct moot_bytes frame,
                                      const struct moot_channel_local *local,
                                      struct moot_arena *arena, struct moot_channel_result *ret)
{
    /* Sealed static key and sealed proof: without them nobody has tried a code. */
    if (frame.size < 32u + 2u * MOOT_NOISE_TAG_BYTES || frame.size > HANDSHAKE_BYTES_MAX)
        return MOOT_BAD_HANDSHAKE;
    uint8_t *payload = moot_arena_take(arena, HANDSHAKE_BYTES_MAX);
    if (payload == NULL)
        return MOOT_NO_MEMORY;
    uint8_t hash[HASH_BYTES];
    memcpy(hash, channel->noise.hash, sizeof hash);
    size_t size = 0;
    enum moot_status status = proof_read(channel, frame, local, payload, &size, &ret->psk_index);
    if (status == MOOT_OK)
        status = proof_check(channel, moot_bytes_of(payload, size), hash, &ret->greeting);
    if (status != MOOT_OK)
        return status;
    establish(channel);
    ret->established = true;
    return MOOT_OK;
}

enum moot_status moot_channel_receive(struct moot_channel *channel, struct moot_bytes frame,
                                      const struct moot_channel_local *local,
                                      struct moot_arena *arena, struct moot_channel_result *ret)
{
    memset(ret, 0, sizeof *ret);
    enum moot_status status = MOOT_BAD_HANDSHAKE;
    if (frame.size > MOOT_FRAME_BYTES_MAX) {
        status = MOOT_OVERSIZED;
    } else {
        switch (channel->state) {
        case MOOT_CHANNEL_HELLO:
            status = receive_hello(channel, frame, local, arena, ret);
            break;
        case MOOT_CHANNEL_REPLY:
            status = receive_reply(channel, frame, local, arena, ret);
            break;
        case MOOT_CHANNEL_PROOF:
            status = receive_proof(channel, frame, local, arena, ret);
            break;
        case MOOT_CHANNEL_ESTABLISHED:
            status = moot_channel_frame_open(channel, frame, arena, &ret->message);
            break;
        case MOOT_CHANNEL_BROKEN: /* what was on its way when the channel broke */
            break;
        }
    }
    if (status != MOOT_OK) {
        memset(ret, 0, sizeof *ret);
        moot_channel_deinit(channel);
    }
    return status;
}

void moot_channel_rekey(struct moot_channel *channel)
{
    MOOT_REQUIRE(channel->state == MOOT_CHANNEL_ESTABLISHED);
    channel->rekey_wanted = true;
}

void moot_channel_deinit(struct moot_channel *channel)
{
    moot_noise_deinit(&channel->noise);
    moot_wipe(&channel->send, sizeof channel->send);
    moot_wipe(&channel->receive, sizeof channel->receive);
    channel->state = MOOT_CHANNEL_BROKEN;
}

void moot_channel_psk(struct moot_bytes code, struct moot_digest *ret)
{
    moot_digest_of_bytes("moot/join/1", code, ret);
}
