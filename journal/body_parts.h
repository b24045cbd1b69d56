/* What the files that encode bodies share. */
#ifndef MOOT_JOURNAL_BODY_PARTS_H
#define MOOT_JOURNAL_BODY_PARTS_H

#include "journal/body.h"

/* The first three fields of every proposal: proposer, epoch, nonce. */
void moot_body_write_proposal(const struct moot_body *body, struct moot_writer *writer);
void moot_body_read_proposal(struct moot_cursor *cursor, struct moot_body *ret);
void moot_write_digest_or_nil(struct moot_writer *writer, bool there,
                              const struct moot_digest *digest);
bool moot_read_digest_or_nil(struct moot_cursor *cursor, struct moot_digest *ret);

/* body_snapshot.c */
void moot_snapshot_body_write(const struct moot_body *body, struct moot_writer *writer);
void moot_snapshot_body_read(struct moot_cursor *cursor, struct moot_body *ret);
void moot_cache_body_write(const struct moot_body *body, struct moot_writer *writer);
void moot_cache_body_read(struct moot_cursor *cursor, struct moot_body *ret);
bool moot_cache_body_fits(const struct moot_cache_body *cache);

/* body_device.c */
void moot_removal_body_write(const struct moot_body *body, struct moot_writer *writer);
void moot_removal_body_read(struct moot_cursor *cursor, struct moot_body *ret);
void moot_replacement_body_write(const struct moot_body *body, struct moot_writer *writer);
void moot_replacement_body_read(struct moot_cursor *cursor, struct moot_body *ret);
bool moot_replacement_body_fits(const struct moot_replacement_body *replacement);
void moot_rename_body_write(const struct moot_body *body, struct moot_writer *writer);
void moot_rename_body_read(struct moot_cursor *cursor, struct moot_body *ret);

#endif
