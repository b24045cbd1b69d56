/*
 * The three messages of Noise_XX and Noise_XXpsk3:
 *
 *        initiator                          responder
 *   1    -> e                          (psk3: the key is stirred with e at once)
 *   2    <- e, ee, s, es
 *   3    -> s, se                      (psk3: and psk)
 *
 * Writing and reading walk the same table of tokens, so that both sides mix the same things in the
 * same order. Happy path: init, three messages in turn, split. A message that is short, altered,
 * out of turn or made with a key that gives an all-zero secret is BAD_HANDSHAKE; the state is then
 * wiped and answers BAD_HANDSHAKE for ever.
 */
#include "crypto/noise.h"

#include <sodium.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/identity.h"
#include "crypto/noise_kdf.h"

#define KEY_BYTES 32U
#define MESSAGES 3U
#define SPENT UINT32_MAX

enum token { TOKEN_END = 0, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE, TOKEN_PSK };

#define TOKENS_MAX 5
static const enum token xx[MESSAGES][TOKENS_MAX] = {
    {TOKEN_E},
    {TOKEN_E, TOKEN_EE, TOKEN_S, TOKEN_ES},
    {TOKEN_S, TOKEN_SE},
};
static const enum token xxpsk3[MESSAGES][TOKENS_MAX] = {
    {TOKEN_E},
    {TOKEN_E, TOKEN_EE, TOKEN_S, TOKEN_ES},
    {TOKEN_S, TOKEN_SE, TOKEN_PSK},
};

static const enum token *tokens_of(const struct moot_noise *noise)
{
    MOOT_INVARIANT(noise->messages_done < MESSAGES);
    return noise->pattern == MOOT_NOISE_XXPSK3 ? xxpsk3[noise->messages_done]
                                               : xx[noise->messages_done];
}

/* Messages 1 and 3 are the initiator's. */
static bool my_turn_to_write(const struct moot_noise *noise)
{
    return (noise->messages_done % 2 == 0) == (noise->role == MOOT_NOISE_INITIATOR);
}

static enum moot_status spend(struct moot_noise *noise)
{
    moot_wipe(noise, sizeof *noise);
    noise->messages_done = SPENT;
    return MOOT_BAD_HANDSHAKE;
}

static void mix_hash(struct moot_noise *noise, struct moot_bytes bytes)
{
    moot_noise_hash(moot_bytes_of(noise->hash, sizeof noise->hash), bytes, noise->hash);
}

static void cipher_set(struct moot_noise_cipher *cipher, const uint8_t *key)
{
    memcpy(cipher->key, key, sizeof cipher->key); /* the first 32 of 64 bytes */
    cipher->nonce = 0;
    cipher->has_key = true;
}

static void mix_key(struct moot_noise *noise, const uint8_t input[KEY_BYTES])
{
    uint8_t output[3][MOOT_NOISE_HASH_BYTES];
    moot_noise_hkdf(noise->chaining_key, moot_bytes_of(input, KEY_BYTES), 2, output);
    memcpy(noise->chaining_key, output[0], sizeof noise->chaining_key);
    cipher_set(&noise->cipher, output[1]);
    moot_wipe(output, sizeof output);
}

static void mix_psk(struct moot_noise *noise)
{
    uint8_t output[3][MOOT_NOISE_HASH_BYTES];
    moot_noise_hkdf(noise->chaining_key, moot_bytes_of(noise->psk, KEY_BYTES), 3, output);
    memcpy(noise->chaining_key, output[0], sizeof noise->chaining_key);
    mix_hash(noise, moot_bytes_of(output[1], MOOT_NOISE_HASH_BYTES));
    cipher_set(&noise->cipher, output[2]);
    moot_wipe(output, sizeof output);
}

/* False when the shared secret is all zero: the other side sent a key of small order. */
static bool mix_dh(struct moot_noise *noise, const uint8_t secret[KEY_BYTES],
                   const uint8_t public[KEY_BYTES])
{
    uint8_t shared[KEY_BYTES];
    bool good = crypto_scalarmult(shared, secret, public) == 0;
    if (good) {
        mix_key(noise, shared);
    }
    moot_wipe(shared, sizeof shared);
    return good;
}

/* ES is the initiator's ephemeral with the responder's static key, SE the other way round. */
static bool mix_token(struct moot_noise *noise, enum token token)
{
    bool initiator = noise->role == MOOT_NOISE_INITIATOR;
    if (token == TOKEN_EE) {
        return mix_dh(noise, noise->ephemeral_secret, noise->remote_ephemeral);
    }
    if ((token == TOKEN_ES && initiator) || (token == TOKEN_SE && !initiator)) {
        return mix_dh(noise, noise->ephemeral_secret, noise->remote_static);
    }
    if (token == TOKEN_ES || token == TOKEN_SE) {
        return mix_dh(noise, noise->static_secret, noise->remote_ephemeral);
    }
    MOOT_INVARIANT(token == TOKEN_PSK);
    mix_psk(noise);
    return true;
}

/* An ephemeral in the clear; with a psk it is also stirred into the key (section 9.2). */
static void mix_ephemeral(struct moot_noise *noise, const uint8_t public[KEY_BYTES])
{
    mix_hash(noise, moot_bytes_of(public, KEY_BYTES));
    if (noise->pattern == MOOT_NOISE_XXPSK3) {
        mix_key(noise, public);
    }
}

static size_t tag_bytes(const struct moot_noise *noise)
{
    return noise->cipher.has_key ? MOOT_NOISE_TAG_BYTES : 0;
}

/* Seals (or, before there is a key, copies) to `ret` and mixes in what goes over the line. */
static size_t write_sealed(struct moot_noise *noise, struct moot_bytes plain, uint8_t *ret)
{
    size_t size = plain.size + tag_bytes(noise);
    if (noise->cipher.has_key) {
        enum moot_status status = moot_noise_seal(
            &noise->cipher, moot_bytes_of(noise->hash, sizeof noise->hash), plain, ret);
        MOOT_ENSURE(status == MOOT_OK);
    } else if (plain.size > 0) {
        memcpy(ret, plain.data, plain.size);
    }
    mix_hash(noise, moot_bytes_of(ret, size));
    return size;
}

static bool read_sealed(struct moot_noise *noise, struct moot_bytes sealed, uint8_t *ret)
{
    if (noise->cipher.has_key) {
        if (moot_noise_open(&noise->cipher, moot_bytes_of(noise->hash, sizeof noise->hash), sealed,
                            ret) != MOOT_OK) {
            return false;
        }
    } else if (sealed.size > 0) {
        memcpy(ret, sealed.data, sealed.size);
    }
    mix_hash(noise, sealed);
    return true;
}

void moot_noise_init(struct moot_noise *noise, enum moot_noise_pattern pattern,
                     enum moot_noise_role role, struct moot_bytes prologue,
                     const uint8_t static_secret[32], const uint8_t ephemeral_secret[32],
                     const uint8_t *psk)
{
    bool with_psk = pattern == MOOT_NOISE_XXPSK3;
    const char *name =
        with_psk ? "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2b" : "Noise_XX_25519_ChaChaPoly_BLAKE2b";
    MOOT_REQUIRE(with_psk || pattern == MOOT_NOISE_XX);
    MOOT_REQUIRE(role == MOOT_NOISE_INITIATOR || role == MOOT_NOISE_RESPONDER);
    MOOT_REQUIRE(with_psk == (psk != NULL));
    memset(noise, 0, sizeof *noise);
    noise->pattern = pattern;
    noise->role = role;
    /* A name that is no longer than a hash is its own hash, filled up with zeros. */
    memcpy(noise->hash, name, strlen(name));
    memcpy(noise->chaining_key, noise->hash, sizeof noise->chaining_key);
    mix_hash(noise, prologue);
    memcpy(noise->static_secret, static_secret, KEY_BYTES);
    memcpy(noise->ephemeral_secret, ephemeral_secret, KEY_BYTES);
    int failed = crypto_scalarmult_base(noise->static_public, static_secret);
    failed |= crypto_scalarmult_base(noise->ephemeral_public, ephemeral_secret);
    MOOT_ENSURE(failed == 0);
    if (with_psk) {
        memcpy(noise->psk, psk, KEY_BYTES);
    }
}

void moot_noise_deinit(struct moot_noise *noise)
{
    moot_wipe(noise, sizeof *noise);
}

void moot_noise_psk_set(struct moot_noise *noise, const uint8_t psk[32])
{
    MOOT_REQUIRE(noise->pattern == MOOT_NOISE_XXPSK3 && noise->messages_done < MESSAGES);
    memcpy(noise->psk, psk, KEY_BYTES);
}

/* Bytes that the next message needs beside its payload. */
static size_t overhead(const struct moot_noise *noise)
{
    bool sealed = noise->cipher.has_key;
    size_t size = 0;
    const enum token *tokens = tokens_of(noise);
    for (size_t i = 0; i < TOKENS_MAX && tokens[i] != TOKEN_END; i++) {
        if (tokens[i] == TOKEN_E) {
            size += KEY_BYTES;
            sealed = sealed || noise->pattern == MOOT_NOISE_XXPSK3;
        } else if (tokens[i] == TOKEN_S) {
            size += KEY_BYTES + (sealed ? MOOT_NOISE_TAG_BYTES : 0);
        } else {
            sealed = true;
        }
    }
    return size + (sealed ? MOOT_NOISE_TAG_BYTES : 0);
}

enum moot_status moot_noise_write(struct moot_noise *noise, struct moot_bytes payload, uint8_t *ret,
                                  size_t capacity, size_t *ret_size)
{
    if (noise->messages_done == SPENT) {
        return MOOT_BAD_HANDSHAKE;
    }
    MOOT_REQUIRE(noise->messages_done < MESSAGES && my_turn_to_write(noise));
    size_t needed = overhead(noise);
    if (payload.size > MOOT_NOISE_MESSAGE_BYTES_MAX - needed) {
        return MOOT_OVERSIZED;
    }
    MOOT_REQUIRE(capacity >= payload.size + needed);
    const enum token *tokens = tokens_of(noise);
    size_t at = 0;
    for (size_t i = 0; i < TOKENS_MAX && tokens[i] != TOKEN_END; i++) {
        if (tokens[i] == TOKEN_E) {
            memcpy(ret + at, noise->ephemeral_public, KEY_BYTES);
            mix_ephemeral(noise, noise->ephemeral_public);
            at += KEY_BYTES;
        } else if (tokens[i] == TOKEN_S) {
            at += write_sealed(noise, moot_bytes_of(noise->static_public, KEY_BYTES), ret + at);
        } else if (!mix_token(noise, tokens[i])) {
            return spend(noise);
        }
    }
    at += write_sealed(noise, payload, ret + at);
    MOOT_ENSURE(at == payload.size + needed);
    noise->messages_done++;
    *ret_size = at;
    return MOOT_OK;
}

enum moot_status moot_noise_read(struct moot_noise *noise, struct moot_bytes message, uint8_t *ret,
                                 size_t capacity, size_t *ret_size)
{
    MOOT_REQUIRE(capacity >= message.size);
    /* Out of turn is the sender's doing, not ours. */
    if (noise->messages_done >= MESSAGES || my_turn_to_write(noise) ||
        message.size > MOOT_NOISE_MESSAGE_BYTES_MAX || message.size < overhead(noise)) {
        return spend(noise);
    }
    const enum token *tokens = tokens_of(noise);
    size_t payload_size = message.size - overhead(noise);
    const uint8_t *at = message.data;
    for (size_t i = 0; i < TOKENS_MAX && tokens[i] != TOKEN_END; i++) {
        bool good = true;
        if (tokens[i] == TOKEN_E) {
            memcpy(noise->remote_ephemeral, at, KEY_BYTES);
            mix_ephemeral(noise, noise->remote_ephemeral);
            at += KEY_BYTES;
        } else if (tokens[i] == TOKEN_S) {
            size_t size = KEY_BYTES + tag_bytes(noise);
            good = read_sealed(noise, moot_bytes_of(at, size), noise->remote_static);
            at += size;
        } else {
            good = mix_token(noise, tokens[i]);
        }
        if (!good) {
            return spend(noise);
        }
    }
    if (!read_sealed(noise, moot_bytes_of(at, payload_size + tag_bytes(noise)), ret)) {
        return spend(noise);
    }
    noise->messages_done++;
    *ret_size = payload_size;
    return MOOT_OK;
}

void moot_noise_split(const struct moot_noise *noise, struct moot_noise_cipher *ret_send,
                      struct moot_noise_cipher *ret_receive)
{
    MOOT_REQUIRE(noise->messages_done == MESSAGES);
    bool initiator = noise->role == MOOT_NOISE_INITIATOR;
    uint8_t output[3][MOOT_NOISE_HASH_BYTES];
    moot_noise_hkdf(noise->chaining_key, moot_bytes_of(NULL, 0), 2, output);
    cipher_set(initiator ? ret_send : ret_receive, output[0]);
    cipher_set(initiator ? ret_receive : ret_send, output[1]);
    moot_wipe(output, sizeof output);
}
