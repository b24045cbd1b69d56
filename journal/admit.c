/*
 * Admission: compares a verified run with the chain as it is now. Ids decide, nothing else.
 * Happy path: the run begins where the chain ends, and names its id.
 * Failures: held already, too early, or the author said something else under the same number.
 */
#include "journal/admit.h"

enum moot_status moot_admit(const struct moot_verified_run *verified,
                            const struct moot_chain_tail *tail, struct moot_admitted_run *ret)
{
    const struct moot_chain_tail *before = &verified->before;
    const struct moot_chain_tail *after = &verified->after;
    if (before->seq > tail->seq) {
        return MOOT_GAP;
    }
    if (before->seq == tail->seq) {
        if (!moot_digest_equal(&before->id, &tail->id)) {
            return MOOT_CHAIN_FORKED;
        }
        ret->verified = *verified;
        return MOOT_OK;
    }
    if (after->seq == tail->seq && !moot_digest_equal(&after->id, &tail->id)) {
        return MOOT_CHAIN_FORKED;
    }
    /* Somewhere inside what is held, or across its end: an honest author cuts a chain one way only,
     * so a run across the end is asked for again from there, as the cut that continues it. */
    return MOOT_REPLAYED;
}
