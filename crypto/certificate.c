/*
 * Who signed, and whether that is enough. The cheap questions (order, membership, numbers) come
 * before the dear ones (signatures), so a hostile certificate costs its sender more than us.
 */
#include "crypto/certificate.h"

#include <string.h>

#include "crypto/base/mutant.h"

enum moot_status moot_admin_set_check(const struct moot_admin_set *set)
{
    if (set->count > MOOT_ADMINS_MAX) {
        return MOOT_BAD_VALUE;
    }
    for (uint32_t i = 1; i < set->count; i++) {
        if (moot_key_compare(&set->keys[i - 1], &set->keys[i]) >= 0) {
            return MOOT_BAD_VALUE;
        }
    }
    /* A majority, so that two quorums always share a member; nobody can have 0 of 0. */
    if (set->threshold > set->count || (uint64_t)set->threshold * 2 <= set->count) {
        return MOOT_BAD_THRESHOLD;
    }
    return set->threshold > 0 ? MOOT_OK : MOOT_BAD_THRESHOLD;
}

int moot_admin_set_find(const struct moot_admin_set *set, const struct moot_key *key)
{
    for (uint32_t i = 0; i < set->count && i < MOOT_ADMINS_MAX; i++) {
        if (moot_key_equal(&set->keys[i], key)) {
            return (int)i;
        }
    }
    return -1;
}

bool moot_certificate_add(struct moot_certificate *certificate, const struct moot_key *key,
                          const struct moot_signature *signature)
{
    if (certificate->signer_count >= MOOT_CERTIFICATE_SIGNERS_MAX) {
        return false;
    }
    uint32_t at = 0;
    while (at < certificate->signer_count &&
           moot_key_compare(&certificate->signers[at].key, key) < 0) {
        at++;
    }
    if (at < certificate->signer_count && moot_key_equal(&certificate->signers[at].key, key)) {
        return false;
    }
    memmove(&certificate->signers[at + 1], &certificate->signers[at],
            (certificate->signer_count - at) * sizeof certificate->signers[0]);
    certificate->signers[at] = (struct moot_signed_by){.key = *key, .signature = *signature};
    certificate->signer_count++;
    return true;
}

static bool signers_ascend(const struct moot_certificate *certificate)
{
    for (uint32_t i = 1; i < certificate->signer_count; i++) {
        if (moot_key_compare(&certificate->signers[i - 1].key, &certificate->signers[i].key) >= 0) {
            return false;
        }
    }
    return true;
}

/* How many members of `set` are among the signers, who are distinct. */
static uint32_t members_among(const struct moot_certificate *certificate,
                              const struct moot_admin_set *set)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < certificate->signer_count; i++) {
        uint32_t weight = MOOT_MUTANT("count-approval-twice") ? 2 : 1;
        count += moot_admin_set_find(set, &certificate->signers[i].key) >= 0 ? weight : 0;
    }
    return count;
}

enum moot_status moot_certificate_check(const struct moot_certificate *certificate,
                                        const struct moot_admin_set *set,
                                        const struct moot_admin_set *joining)
{
    /* A set that nobody could be a majority of certifies nothing. */
    if (moot_admin_set_check(set) != MOOT_OK ||
        (joining != NULL && moot_admin_set_check(joining) != MOOT_OK)) {
        return MOOT_BAD_CERTIFICATE;
    }
    if (certificate->signer_count > MOOT_CERTIFICATE_SIGNERS_MAX || !signers_ascend(certificate) ||
        members_among(certificate, set) < set->threshold ||
        (joining != NULL && members_among(certificate, joining) < joining->count)) {
        return MOOT_BAD_CERTIFICATE;
    }
    if (moot_statement_check(&certificate->statement) != MOOT_OK) {
        return MOOT_BAD_CERTIFICATE;
    }
    for (uint32_t i = 0; i < certificate->signer_count; i++) {
        const struct moot_signed_by *signer = &certificate->signers[i];
        if (!moot_statement_verify(&certificate->statement, &signer->key, &signer->signature)) {
            return MOOT_BAD_SIGNATURE;
        }
    }
    return MOOT_OK;
}
