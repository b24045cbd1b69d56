/*
 * Structural admission: does this verified run extend the chain we hold? Nothing about meaning.
 *
 *   seq == tail + 1  ─▶ ADMITTED
 *   all held         ─▶ REPLAYED, if the ids agree; else CHAIN_FORKED (evidence)
 *   beyond tail + 1  ─▶ GAP (pending: asked for again)
 */
#ifndef MOOT_JOURNAL_ADMIT_H
#define MOOT_JOURNAL_ADMIT_H

#include "journal/run.h"

/* Admitted: may be merged and reduced. Only moot_admit makes one. */
struct moot_admitted_run {
    struct moot_verified_run verified;
};

/* `tail` is the chain as held now (verification may have run while it grew). MOOT_OK, REPLAYED, GAP,
 * CHAIN_FORKED (same seq, another id: only when the tail is exactly at the run's end or start - 1). */
enum moot_status moot_admit(const struct moot_verified_run *verified,
                            const struct moot_chain_tail *tail, struct moot_admitted_run *ret);

#endif
