/*
 * Noise_XX and Noise_XXpsk3 (25519, ChaChaPoly, BLAKE2b), revision 34 of the Noise framework, from
 * libsodium's primitives. A pure state machine: bytes in, bytes out, ephemerals handed in. BLAKE2b
 * here has 64-byte output (HASHLEN 64). All structs are plain data and hold secrets: wipe with
 * deinit.
 */
#ifndef MOOT_CRYPTO_NOISE_H
#define MOOT_CRYPTO_NOISE_H

#include <stdbool.h>

#include "crypto/base/bytes.h"
#include "crypto/base/status.h"

#define MOOT_NOISE_MESSAGE_BYTES_MAX 65535
#define MOOT_NOISE_TAG_BYTES 16

enum moot_noise_pattern { MOOT_NOISE_XX = 1, MOOT_NOISE_XXPSK3 = 2 };
enum moot_noise_role { MOOT_NOISE_INITIATOR = 1, MOOT_NOISE_RESPONDER = 2 };

struct moot_noise_cipher {
    uint8_t key[32];
    uint64_t nonce;
    bool has_key;
};

struct moot_noise {
    enum moot_noise_pattern pattern;
    enum moot_noise_role role;
    uint32_t messages_done; /* 0 to 3 */
    uint8_t chaining_key[64];
    uint8_t hash[64];
    struct moot_noise_cipher cipher;
    uint8_t static_secret[32], static_public[32];
    uint8_t ephemeral_secret[32], ephemeral_public[32];
    uint8_t remote_static[32], remote_ephemeral[32];
    uint8_t psk[32];
};

/*
 * static_secret and ephemeral_secret: 32 fresh random bytes each (the ephemeral is used once,
 * here). psk: 32 bytes for XXPSK3, NULL for XX. All copied.
 */
void moot_noise_init(struct moot_noise *noise, enum moot_noise_pattern pattern,
                     enum moot_noise_role role, struct moot_bytes prologue,
                     const uint8_t static_secret[32], const uint8_t ephemeral_secret[32],
                     const uint8_t *psk);
void moot_noise_deinit(struct moot_noise *noise);

/*
 * Replaces the psk before message 3 is read (a responder with several open invitations tries each
 * on a copy).
 */
void moot_noise_psk_set(struct moot_noise *noise, const uint8_t psk[32]);

/*
 * Writes the next message with `payload` into ret (capacity bytes; payload + 112 is enough).
 * OVERSIZED when it would be above MOOT_NOISE_MESSAGE_BYTES_MAX; BAD_HANDSHAKE when the state is
 * spent, or gets spent because the peer's key gives an all-zero secret. To write out of turn is the
 * caller's mistake.
 */
enum moot_status moot_noise_write(struct moot_noise *noise, struct moot_bytes payload, uint8_t *ret,
                                  size_t capacity, size_t *ret_size);
/*
 * Reads the next message; payload into ret (capacity >= message.size, not over `message`).
 * BAD_HANDSHAKE when it does not verify, is short or out of turn: the state is then wiped and
 * spent.
 */
enum moot_status moot_noise_read(struct moot_noise *noise, struct moot_bytes message, uint8_t *ret,
                                 size_t capacity, size_t *ret_size);

/* After message 3: the two transport ciphers, and the handshake hash in noise->hash. */
void moot_noise_split(const struct moot_noise *noise, struct moot_noise_cipher *ret_send,
                      struct moot_noise_cipher *ret_receive);

/*
 * Seals into ret (plain.size + 16 bytes); opens into ret (sealed.size - 16 bytes), BAD_RECORD if
 * false or shorter than 16 bytes. `ad` may be empty; `ret` may be where the input lies. Nonces
 * count up by themselves, only on success; LIMIT at 2^64 - 1.
 */
enum moot_status moot_noise_seal(struct moot_noise_cipher *cipher, struct moot_bytes ad,
                                 struct moot_bytes plain, uint8_t *ret);
enum moot_status moot_noise_open(struct moot_noise_cipher *cipher, struct moot_bytes ad,
                                 struct moot_bytes sealed, uint8_t *ret);
/* Noise's REKEY: the key becomes a function of itself; the nonce goes on. */
void moot_noise_rekey(struct moot_noise_cipher *cipher);

#endif
