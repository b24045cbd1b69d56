/*
 * A secure channel over one link: the Noise handshake that proves devices to each other, then sealed
 * frames. Bytes in, bytes out; no link, no clock, no randomness of its own.
 *
 *   dialler                         listener
 *   hello ‖ noise message 1   ─▶    (wrong magic, version or hello tag: silence, BAD_GREETING/WRONG_MESH)
 *                             ◀─    noise message 2 {listener's proof}
 *   noise message 3 {proof}   ─▶    (verified: ESTABLISHED on both sides)
 *   sealed frames             ◀─▶   sealed frames
 *
 * hello = "MOOT" ‖ version u8 = 1 ‖ mode u8 ‖ tag 16; tag = first 16 bytes of BLAKE2b-256("moot/hello/1" ‖
 *   mesh id ‖ noise message 1): who does not know the mesh id gets no reply.
 * prologue = "moot/prologue/1" ‖ version ‖ mode ‖ mesh id. Nothing that may differ between members.
 * proof (payload of messages 2 and 3, canonical MessagePack) = array[3]: device key, Ed25519 signature
 *   (tag "moot/link/1" over role u8 ‖ handshake hash 64 before the message ‖ static key 32), greeting bin.
 * Mode MEMBER is Noise_XX; mode JOIN is Noise_XXpsk3, psk = BLAKE2b-256("moot/join/1" ‖ one-time code).
 * A frame is one message of the protocol, cut into sealed records of at most 65,519 bytes of plaintext,
 * one after the other; the link layer puts the 4-byte length in front. The first plaintext byte of every
 * record says what it is: 0 more records follow in this frame, 1 last of the frame, | 2 the sender rekeys
 * after this record. A record counts towards 2^16, at which both sides rekey anyway. Records but the
 * last are full, so a frame has one encoding for each message.
 */
#ifndef MOOT_PROTOCOLS_CHANNEL_H
#define MOOT_PROTOCOLS_CHANNEL_H

#include "crypto/base/arena.h"
#include "crypto/base/random.h"
#include "crypto/identity.h"
#include "crypto/noise.h"
#include "protocols/limits.h"

enum moot_channel_mode { MOOT_CHANNEL_MEMBER = 1, MOOT_CHANNEL_JOIN = 2 };
enum moot_channel_role { MOOT_CHANNEL_DIALLER = 1, MOOT_CHANNEL_LISTENER = 2 };
enum moot_channel_state {
    MOOT_CHANNEL_HELLO = 1, /* listener: waits for hello and message 1 */
    MOOT_CHANNEL_REPLY,     /* dialler: waits for message 2 */
    MOOT_CHANNEL_PROOF,     /* listener: waits for message 3 */
    MOOT_CHANNEL_ESTABLISHED,
    MOOT_CHANNEL_BROKEN /* after any failure: close the link */
};
#define MOOT_CHANNEL_GREETING_BYTES_MAX 1024

/* Plain data with secrets; lies in a pool, wiped by deinit. */
struct moot_channel {
    enum moot_channel_mode mode;
    enum moot_channel_role role;
    enum moot_channel_state state;
    struct moot_digest mesh;
    struct moot_noise noise;
    struct moot_noise_cipher send, receive;
    uint32_t sent_records, received_records; /* since the last rekey */
    bool rekey_wanted;          /* the last record of the next frame says that we rekey */
    struct moot_key peer;       /* proven once ESTABLISHED (dialler: from message 2 on) */
    uint8_t handshake_hash[64]; /* once ESTABLISHED: keys the session's tags */
};

/* What one channel needs from its node; borrowed for the call. */
struct moot_channel_local {
    const struct moot_identity *identity;
    const uint8_t *static_secret; /* 32 bytes, fresh at every start of the node */
    const struct moot_random *random;
    struct moot_bytes greeting; /* canonical bytes that ride in our proof: fork id, epoch, ... */
    /* Listener in mode JOIN: tries each until one fits. */
    const struct moot_digest *psks;
    uint32_t psk_count;
};

/* What one frame led to. Slices lie in the arena. */
struct moot_channel_result {
    struct moot_bytes send;     /* a frame to send (handshake), or empty */
    struct moot_bytes message;  /* one whole message of an established channel, or empty */
    struct moot_bytes greeting; /* the peer's, in the step that verified its proof */
    bool established;           /* became ESTABLISHED in this step */
    uint32_t psk_index;         /* listener in mode JOIN, when established: which one fitted */
};

/* Dialler: makes hello ‖ message 1. psk for mode JOIN, else NULL. NO_MEMORY only. */
enum moot_status moot_channel_dial(struct moot_channel *channel, enum moot_channel_mode mode,
                                   const struct moot_digest *mesh, const struct moot_digest *psk,
                                   const struct moot_channel_local *local, struct moot_arena *arena,
                                   struct moot_bytes *ret_frame);
/* Listener: waits. Which mode is used is the dialler's choice (hello says). */
void moot_channel_listen(struct moot_channel *channel, const struct moot_digest *mesh);

/* One received frame (without its length). Any failure makes the channel BROKEN: BAD_GREETING,
 * WRONG_MESH, BAD_HANDSHAKE, CODE_WRONG (no psk fits), BAD_RECORD, OVERSIZED, NO_MEMORY. */
enum moot_status moot_channel_receive(struct moot_channel *channel, struct moot_bytes frame,
                                      const struct moot_channel_local *local,
                                      struct moot_arena *arena, struct moot_channel_result *ret);

/* Seals one message (at most MOOT_FRAME_BYTES_MAX after sealing, else OVERSIZED) into a frame. */
enum moot_status moot_channel_seal(struct moot_channel *channel, struct moot_bytes message,
                                   struct moot_arena *arena, struct moot_bytes *ret_frame);
/* Asks for a rekey of our direction: the next frame sealed carries it. ESTABLISHED only. */
void moot_channel_rekey(struct moot_channel *channel);
/* Wipes every secret; the channel is BROKEN afterwards. */
void moot_channel_deinit(struct moot_channel *channel);

/* psk of a one-time code (its canonical text, see member.h). */
void moot_channel_psk(struct moot_bytes code, struct moot_digest *ret);

#endif
