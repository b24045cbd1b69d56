/*
 * The 162 bytes of a statement, written and read field by field. One table says which fields a slot
 * kind uses; what it does not use is zero, so a statement has one encoding and an encoding one
 * statement. Decoding answers with a status; encoding a malformed statement is a mistake of ours.
 */
#include "crypto/statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"

#define STATEMENT_TAG "moot/statement/1"
#define TAG_BYTES (sizeof STATEMENT_TAG - 1)

_Static_assert(TAG_BYTES + 32 + MOOT_SLOT_BYTES + 4 + 4 + 32 + 1 == MOOT_STATEMENT_BYTES,
               "the layout adds up");

/*
 * Which fields a kind uses, and how people see it: WORD/number, WORD/proposal,
 * device/ID/WORD/...
 */
static const struct slot_shape {
    const char *word;
    bool number, device, proposal;
} shapes[MOOT_SLOT_KIND_MAX + 1] = {
    [MOOT_SLOT_TURN] = {"turn", true, false, false},
    [MOOT_SLOT_SNAPSHOT] = {"snapshot", false, false, true},
    [MOOT_SLOT_UPGRADE] = {"upgrade", false, false, true},
    [MOOT_SLOT_ACTIVATE] = {"activate", false, false, true},
    [MOOT_SLOT_ADMIT] = {"admit", false, true, true},
    [MOOT_SLOT_REMOVE] = {"remove", false, true, true},
    [MOOT_SLOT_REPLACE] = {"replace", false, true, true},
    [MOOT_SLOT_CACHE] = {"cache", false, false, true},
    [MOOT_SLOT_EPOCH] = {"epoch", true, false, false},
    [MOOT_SLOT_RENAME] = {"rename", false, true, true},
};

/* NULL for a kind that does not exist. */
static const struct slot_shape *shape_of(enum moot_slot_kind kind)
{
    bool known = (unsigned)kind >= 1 && (unsigned)kind <= MOOT_SLOT_KIND_MAX;
    return known ? &shapes[kind] : NULL;
}

enum moot_status moot_slot_check(const struct moot_slot *slot)
{
    static const struct moot_key no_device = {{0}};
    const struct slot_shape *shape = shape_of(slot->kind);
    if (shape == NULL || (!shape->number && slot->number != 0) ||
        (!shape->device && !moot_key_equal(&slot->device, &no_device)) ||
        (!shape->proposal && !moot_digest_is_zero(&slot->proposal))) {
        return MOOT_BAD_VALUE;
    }
    return MOOT_OK;
}

enum moot_status moot_statement_check(const struct moot_statement *statement)
{
    bool verdict_known =
        statement->verdict == MOOT_VERDICT_YES || statement->verdict == MOOT_VERDICT_NO;
    bool round_fits = statement->round == 0 || statement->slot.kind == MOOT_SLOT_TURN;
    return verdict_known && round_fits ? moot_slot_check(&statement->slot) : MOOT_BAD_VALUE;
}

void moot_slot_encode(const struct moot_slot *slot, uint8_t ret[MOOT_SLOT_BYTES])
{
    MOOT_REQUIRE(moot_slot_check(slot) == MOOT_OK);
    ret[0] = (uint8_t)slot->kind;
    moot_u64_put(ret + 1, slot->number);
    memcpy(ret + 9, slot->device.b, 32);
    memcpy(ret + 41, slot->proposal.b, 32);
}

enum moot_status moot_slot_decode(const uint8_t bytes[MOOT_SLOT_BYTES], struct moot_slot *ret)
{
    if (bytes[0] < 1 || bytes[0] > MOOT_SLOT_KIND_MAX) {
        return MOOT_BAD_VALUE;
    }
    struct moot_slot slot = {
        .kind = (enum moot_slot_kind)bytes[0],
        .number = moot_u64_get(bytes + 1),
    };
    memcpy(slot.device.b, bytes + 9, 32);
    memcpy(slot.proposal.b, bytes + 41, 32);
    enum moot_status status = moot_slot_check(&slot);
    if (status == MOOT_OK) {
        *ret = slot;
    }
    return status;
}

void moot_slot_format(const struct moot_slot *slot, char ret[MOOT_SLOT_TEXT_BYTES])
{
    const struct slot_shape *shape = shape_of(slot->kind);
    char device[9];
    char proposal[9];
    moot_hex_format(moot_bytes_of(slot->device.b, 4), device);
    moot_hex_format(moot_bytes_of(slot->proposal.b, 4), proposal);
    int size = 0;
    if (shape == NULL) {
        size = snprintf(ret, MOOT_SLOT_TEXT_BYTES, "unknown/%u", (unsigned)slot->kind);
    } else if (shape->device) {
        size =
            snprintf(ret, MOOT_SLOT_TEXT_BYTES, "device/%s/%s/%s", device, shape->word, proposal);
    } else if (shape->proposal) {
        size = snprintf(ret, MOOT_SLOT_TEXT_BYTES, "%s/%s", shape->word, proposal);
    } else {
        size = snprintf(ret, MOOT_SLOT_TEXT_BYTES, "%s/%" PRIu64, shape->word, slot->number);
    }
    MOOT_ENSURE(size > 0 && size < MOOT_SLOT_TEXT_BYTES);
}

void moot_statement_encode(const struct moot_statement *statement,
                           uint8_t ret[MOOT_STATEMENT_BYTES])
{
    MOOT_REQUIRE(moot_statement_check(statement) == MOOT_OK);
    uint8_t *at = ret;
    memcpy(at, STATEMENT_TAG, TAG_BYTES);
    at += TAG_BYTES;
    memcpy(at, statement->timeline.b, 32);
    at += 32;
    moot_slot_encode(&statement->slot, at);
    at += MOOT_SLOT_BYTES;
    moot_u32_put(at, statement->round);
    moot_u32_put(at + 4, statement->epoch);
    at += 8;
    memcpy(at, statement->body.b, 32);
    at[32] = (uint8_t)statement->verdict;
}

enum moot_status moot_statement_decode(struct moot_bytes bytes, struct moot_statement *ret)
{
    if (bytes.size != MOOT_STATEMENT_BYTES) {
        return bytes.size < MOOT_STATEMENT_BYTES ? MOOT_TRUNCATED : MOOT_TRAILING;
    }
    const uint8_t *at = bytes.data;
    if (memcmp(at, STATEMENT_TAG, TAG_BYTES) != 0) {
        return MOOT_BAD_VALUE;
    }
    at += TAG_BYTES;
    struct moot_statement statement = {.round = 0};
    memcpy(statement.timeline.b, at, 32);
    at += 32;
    enum moot_status status = moot_slot_decode(at, &statement.slot);
    if (status != MOOT_OK) {
        return status;
    }
    at += MOOT_SLOT_BYTES;
    statement.round = moot_u32_get(at);
    statement.epoch = moot_u32_get(at + 4);
    at += 8;
    memcpy(statement.body.b, at, 32);
    if (at[32] != MOOT_VERDICT_YES && at[32] != MOOT_VERDICT_NO) {
        return MOOT_BAD_VALUE;
    }
    statement.verdict = (enum moot_verdict)at[32];
    status = moot_statement_check(&statement);
    if (status == MOOT_OK) {
        *ret = statement;
    }
    return status;
}

void moot_statement_hash(const struct moot_statement *statement, struct moot_digest *ret)
{
    uint8_t bytes[MOOT_STATEMENT_BYTES];
    moot_statement_encode(statement, bytes);
    moot_digest_of_bytes("moot/statement-id/1", moot_bytes_of(bytes, sizeof bytes), ret);
}

void moot_statement_sign(const struct moot_statement *statement,
                         const struct moot_identity *identity, struct moot_signature *ret)
{
    uint8_t bytes[MOOT_STATEMENT_BYTES];
    moot_statement_encode(statement, bytes);
    moot_identity_sign(identity, NULL, moot_bytes_of(bytes, sizeof bytes), ret);
}

bool moot_statement_verify(const struct moot_statement *statement, const struct moot_key *key,
                           const struct moot_signature *signature)
{
    if (moot_statement_check(statement) != MOOT_OK) {
        return false; /* it has no bytes that could have been signed */
    }
    uint8_t bytes[MOOT_STATEMENT_BYTES];
    moot_statement_encode(statement, bytes);
    return moot_identity_verify(key, NULL, moot_bytes_of(bytes, sizeof bytes), signature);
}
