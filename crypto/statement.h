/*
 * A statement: what an administrator signs, and all of it. One fixed layout of 162 bytes, so there
 * is one encoding for each statement. The slot says what excludes what: an honest administrator
 * signs at most one statement for each (timeline, slot, round).
 */
#ifndef MOOT_CRYPTO_STATEMENT_H
#define MOOT_CRYPTO_STATEMENT_H

#include <stdint.h>

#include "crypto/base/bytes.h"
#include "crypto/base/status.h"
#include "crypto/identity.h"

enum moot_slot_kind {
    MOOT_SLOT_TURN = 1,     /* turn/K             number = K */
    MOOT_SLOT_SNAPSHOT = 2, /* snapshot/PROPOSAL  proposal */
    MOOT_SLOT_UPGRADE = 3,  /* upgrade/PROPOSAL */
    MOOT_SLOT_ACTIVATE = 4, /* activate/PROPOSAL */
    MOOT_SLOT_ADMIT = 5,    /* device/ID/admit/PROPOSAL    device, proposal */
    MOOT_SLOT_REMOVE = 6,   /* device/ID/remove/PROPOSAL */
    MOOT_SLOT_REPLACE = 7,  /* device/OLD/replace/PROPOSAL */
    MOOT_SLOT_CACHE = 8,    /* cache/PROPOSAL */
    MOOT_SLOT_EPOCH = 9,    /* epoch/E            number = E */
    MOOT_SLOT_RENAME = 10   /* device/ID/rename/PROPOSAL */
};
#define MOOT_SLOT_KIND_MAX 10

/* Fields a kind does not use are zero; anything else does not decode. */
struct moot_slot {
    enum moot_slot_kind kind;
    uint64_t number;
    struct moot_key device;
    struct moot_digest proposal;
};
/* BAD_VALUE for a kind that does not exist or a field its kind does not use. */
enum moot_status moot_slot_check(const struct moot_slot *slot);

/* Only what moot_slot_check passes is encoded; anything else is a mistake of the caller. */
#define MOOT_SLOT_BYTES 73 /* kind u8, number u64, device 32, proposal 32 */
void moot_slot_encode(const struct moot_slot *slot, uint8_t ret[MOOT_SLOT_BYTES]);
enum moot_status moot_slot_decode(const uint8_t bytes[MOOT_SLOT_BYTES], struct moot_slot *ret);

/*
 * "turn/3", "upgrade/9f31…" for people: at most MOOT_SLOT_TEXT_BYTES with the NUL, ids as 8 hex
 * digits.
 */
#define MOOT_SLOT_TEXT_BYTES 64
void moot_slot_format(const struct moot_slot *slot, char ret[MOOT_SLOT_TEXT_BYTES]);

enum moot_verdict { MOOT_VERDICT_YES = 1, MOOT_VERDICT_NO = 2 };

struct moot_statement {
    struct moot_digest timeline; /* fixes mesh, branch, admin set and turns passed */
    struct moot_slot slot;
    uint32_t round;          /* 0 but for turns */
    uint32_t epoch;          /* the proposal's epoch; for a tick the epoch it certifies */
    struct moot_digest body; /* hash of the body that the signer itself computed */
    enum moot_verdict verdict;
};
/* BAD_VALUE for a bad slot, a verdict that is neither, or a round outside a turn's slot. */
enum moot_status moot_statement_check(const struct moot_statement *statement);

/*
 * Only what moot_statement_check passes is encoded, hashed or signed (anything else is a mistake of
 * the caller) and verifies. What moot_statement_decode gave passes.
 * tag "moot/statement/1" 16, timeline 32, slot 73, round u32, epoch u32, body 32, verdict u8 */
#define MOOT_STATEMENT_BYTES 162
void moot_statement_encode(const struct moot_statement *statement,
                           uint8_t ret[MOOT_STATEMENT_BYTES]);
/*
 * TRUNCATED/TRAILING for a wrong size, BAD_VALUE for a wrong tag, kind, verdict, an unused field
 * that is not zero or a round outside a turn's slot. `ret` is set only on success.
 */
enum moot_status moot_statement_decode(struct moot_bytes bytes, struct moot_statement *ret);

/* BLAKE2b-256 of the 162 bytes, tag "moot/statement-id/1": also the id of a certified object. */
void moot_statement_hash(const struct moot_statement *statement, struct moot_digest *ret);

/* Ed25519 over the 162 bytes. */
void moot_statement_sign(const struct moot_statement *statement,
                         const struct moot_identity *identity, struct moot_signature *ret);
bool moot_statement_verify(const struct moot_statement *statement, const struct moot_key *key,
                           const struct moot_signature *signature);

#endif
