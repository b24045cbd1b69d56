/* Bodies that change one device: removal, replacement, rename. Failures: the cursor's. */
#include "journal/body_parts.h"

enum { REMOVAL_FIELDS = 6, REPLACEMENT_FIELDS = 7, RENAME_FIELDS = 6 };

void moot_removal_body_write(const struct moot_body *body, struct moot_writer *writer)
{
    moot_write_array(writer, REMOVAL_FIELDS);
    moot_body_write_proposal(body, writer);
    moot_write_key(writer, &body->removal.device);
    moot_write_uint(writer, body->removal.last_seq);
    moot_write_digest(writer, &body->removal.last_id);
}

void moot_removal_body_read(struct moot_cursor *cursor, struct moot_body *ret)
{
    moot_read_array(cursor, REMOVAL_FIELDS);
    moot_body_read_proposal(cursor, ret);
    moot_read_key(cursor, &ret->removal.device);
    ret->removal.last_seq = moot_read_uint(cursor, UINT64_MAX);
    moot_read_digest(cursor, &ret->removal.last_id);
}

void moot_replacement_body_write(const struct moot_body *body, struct moot_writer *writer)
{
    moot_write_array(writer, REPLACEMENT_FIELDS);
    moot_body_write_proposal(body, writer);
    moot_write_key(writer, &body->replacement.old_device);
    moot_write_key(writer, &body->replacement.new_device);
    moot_write_uint(writer, body->replacement.keep_seq);
    moot_write_digest(writer, &body->replacement.keep_id);
}

void moot_replacement_body_read(struct moot_cursor *cursor, struct moot_body *ret)
{
    moot_read_array(cursor, REPLACEMENT_FIELDS);
    moot_body_read_proposal(cursor, ret);
    moot_read_key(cursor, &ret->replacement.old_device);
    moot_read_key(cursor, &ret->replacement.new_device);
    ret->replacement.keep_seq = moot_read_uint(cursor, UINT64_MAX);
    moot_read_digest(cursor, &ret->replacement.keep_id);
}

bool moot_replacement_body_fits(const struct moot_replacement_body *replacement)
{
    return !moot_key_equal(&replacement->old_device, &replacement->new_device) &&
           (replacement->keep_seq == 0) == moot_digest_is_zero(&replacement->keep_id);
}

void moot_rename_body_write(const struct moot_body *body, struct moot_writer *writer)
{
    moot_write_array(writer, RENAME_FIELDS);
    moot_body_write_proposal(body, writer);
    moot_write_key(writer, &body->rename.device);
    moot_write_text(writer, body->rename.name);
    moot_write_text(writer, body->rename.home);
}

void moot_rename_body_read(struct moot_cursor *cursor, struct moot_body *ret)
{
    moot_read_array(cursor, RENAME_FIELDS);
    moot_body_read_proposal(cursor, ret);
    moot_read_key(cursor, &ret->rename.device);
    ret->rename.name = moot_read_text(cursor, MOOT_NAME_BYTES_MAX);
    ret->rename.home = moot_read_text(cursor, MOOT_NAME_BYTES_MAX);
}
