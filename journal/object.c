/*
 * Certified objects as bytes: array[3]: statement bin162, body bin, array of array[2]: key, signature.
 * Happy path: decode yields certificate, body and id, and has checked that they speak of one thing.
 * Failures: the codec's and the statement's reasons; BAD_CERTIFICATE for signers out of order;
 * BAD_BODY when body and statement do not fit. Signatures and state are for moot_state_object_check.
 */
#include "journal/body.h"

#include <string.h>

static void read_signers(struct moot_cursor *cursor, struct moot_certificate *ret)
{
    ret->signer_count = moot_read_array_any(cursor, MOOT_CERTIFICATE_SIGNERS_MAX);
    for (uint32_t i = 0; i < ret->signer_count; i++) {
        moot_read_array(cursor, 2);
        moot_read_key(cursor, &ret->signers[i].key);
        moot_read_signature(cursor, &ret->signers[i].signature);
    }
}

static bool signers_ascend(const struct moot_certificate *certificate)
{
    for (uint32_t i = 1; i < certificate->signer_count; i++) {
        if (moot_key_compare(&certificate->signers[i - 1].key, &certificate->signers[i].key) >= 0) {
            return false;
        }
    }
    return certificate->signer_count > 0;
}

/* Slot, epoch and hash of the statement are those that follow from the body. */
static bool statement_fits(const struct moot_statement *statement, const struct moot_body *body,
                           struct moot_bytes body_bytes)
{
    struct moot_digest hash;
    moot_body_hash(body_bytes, &hash);
    struct moot_slot slot;
    moot_body_slot(body, &hash, &slot);
    uint8_t wanted[MOOT_SLOT_BYTES];
    uint8_t found[MOOT_SLOT_BYTES];
    moot_slot_encode(&slot, wanted);
    moot_slot_encode(&statement->slot, found);
    return moot_digest_equal(&hash, &statement->body) &&
           memcmp(wanted, found, sizeof wanted) == 0 && statement->epoch == body->epoch;
}

enum moot_status moot_object_decode(struct moot_bytes bytes, struct moot_object *ret)
{
    if (bytes.size > MOOT_OBJECT_BYTES_MAX) {
        return MOOT_OVERSIZED;
    }
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, bytes);
    moot_read_array(&cursor, 3);
    struct moot_bytes statement = moot_read_bin(&cursor, MOOT_STATEMENT_BYTES);
    memset(ret, 0, sizeof *ret);
    ret->encoded = bytes;
    ret->body_bytes = moot_read_bin(&cursor, MOOT_BODY_BYTES_MAX);
    read_signers(&cursor, &ret->certificate);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status != MOOT_OK) {
        return status;
    }
    status = moot_statement_decode(statement, &ret->certificate.statement);
    if (status != MOOT_OK) {
        return status;
    }
    if (!signers_ascend(&ret->certificate)) {
        return MOOT_BAD_CERTIFICATE;
    }
    status = moot_body_decode(ret->body_bytes, &ret->body);
    if (status != MOOT_OK) {
        return status;
    }
    if (!statement_fits(&ret->certificate.statement, &ret->body, ret->body_bytes)) {
        return MOOT_BAD_BODY;
    }
    moot_statement_hash(&ret->certificate.statement, &ret->id);
    return MOOT_OK;
}

void moot_object_encode(const struct moot_certificate *certificate, struct moot_bytes body,
                        struct moot_writer *writer)
{
    uint8_t statement[MOOT_STATEMENT_BYTES];
    moot_statement_encode(&certificate->statement, statement);
    moot_write_array(writer, 3);
    moot_write_bin(writer, moot_bytes_of(statement, sizeof statement));
    moot_write_bin(writer, body);
    moot_write_array(writer, certificate->signer_count);
    for (uint32_t i = 0; i < certificate->signer_count; i++) {
        moot_write_array(writer, 2);
        moot_write_key(writer, &certificate->signers[i].key);
        moot_write_signature(writer, &certificate->signers[i].signature);
    }
}
