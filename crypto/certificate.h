/*
 * A certificate: signatures of distinct members over one statement. It is good for a set of
 * administrators when enough of them signed; it also says exactly who.
 */
#ifndef MOOT_CRYPTO_CERTIFICATE_H
#define MOOT_CRYPTO_CERTIFICATE_H

#include "crypto/statement.h"

#define MOOT_ADMINS_MAX 16              /* members of one administrator set */
#define MOOT_CERTIFICATE_SIGNERS_MAX 32 /* an old set and, for its replacement, all of the new */

/* An administrator set. keys are sorted ascending and distinct; threshold * 2 > count. */
struct moot_admin_set {
    uint32_t version; /* 1 at founding, one more with each replacement */
    uint32_t count;
    uint32_t threshold;
    struct moot_key keys[MOOT_ADMINS_MAX];
};
/* BAD_THRESHOLD, BAD_VALUE (unsorted, repeated, too many). */
enum moot_status moot_admin_set_check(const struct moot_admin_set *set);
/* Index of the member, or -1. */
int moot_admin_set_find(const struct moot_admin_set *set, const struct moot_key *key);

struct moot_signed_by {
    struct moot_key key;
    struct moot_signature signature;
};

struct moot_certificate {
    struct moot_statement statement;
    uint32_t signer_count;
    struct moot_signed_by signers[MOOT_CERTIFICATE_SIGNERS_MAX]; /* ascending by key, distinct */
};

/*
 * Adds a signer in order; false if it is there already or the certificate is full. No
 * verification.
 */
bool moot_certificate_add(struct moot_certificate *certificate, const struct moot_key *key,
                          const struct moot_signature *signature);

/*
 * Verifies every signature and counts the members of `set` among the signers: BAD_SIGNATURE if any
 * is false, BAD_CERTIFICATE if signers are unsorted or repeated or fewer than set->threshold are
 * members. With `joining` (may be NULL), every member of it must have signed too.
 */
enum moot_status moot_certificate_check(const struct moot_certificate *certificate,
                                        const struct moot_admin_set *set,
                                        const struct moot_admin_set *joining);

#endif
