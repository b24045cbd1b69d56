/*
 * Happy path: from the place on, run by run, each fact is hashed onto the one before it.
 * A run may begin at or below the place (the cut of another node lies inside it): its facts up to there
 * are passed over unhashed, because the place's id stands for them.
 * Failures: GAP, STORE_DAMAGED, STORE_IO; the place is then before the fact that failed.
 */
#include "journal/chain_walk.h"

#include "journal/log_row.h"
#include "journal/run.h"

static enum moot_status next_run(const struct moot_chain_walk *walk, struct moot_run *ret)
{
    struct moot_bytes encoded;
    enum moot_status status = moot_log_run_at(walk->store, walk->index, walk->seq + 1, &encoded);
    if (status != MOOT_OK) {
        return status == MOOT_NOT_FOUND ? MOOT_GAP : status;
    }
    if (moot_run_decode(encoded, ret) != MOOT_OK || !moot_digest_equal(&ret->chain, &walk->chain)) {
        return MOOT_STORE_DAMAGED;
    }
    return walk->seq - (ret->first_seq - 1) < ret->fact_count ? MOOT_OK : MOOT_GAP;
}

enum moot_status moot_chain_walk(struct moot_chain_walk *walk, uint64_t last,
                                 enum moot_status (*each)(void *context,
                                                          const struct moot_fact *fact),
                                 void *context)
{
    enum moot_status status = MOOT_OK;
    while (status == MOOT_OK && walk->seq < last) {
        struct moot_run run;
        struct moot_run_reader reader;
        struct moot_fact fact;
        status = next_run(walk, &run);
        if (status != MOOT_OK) {
            break;
        }
        moot_run_reader_init(&reader, &run, &walk->id, false);
        while (reader.seq <= walk->seq) {
            (void)moot_run_reader_next(&reader, &fact);
        }
        reader.hashed = true;
        reader.prev = walk->id;
        while (status == MOOT_OK && walk->seq < last && moot_run_reader_next(&reader, &fact)) {
            status = each != NULL ? each(context, &fact) : MOOT_OK;
            if (status == MOOT_OK) {
                walk->seq = fact.header.seq;
                walk->id = fact.id;
            }
        }
        walk->store->release(walk->store->self);
    }
    return status;
}
