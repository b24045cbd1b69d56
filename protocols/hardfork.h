/*
 * Turns in their slot (turn.c), hard forks and the three gates (hardfork.c). For the files of protocols/ only.
 */
#ifndef MOOT_PROTOCOLS_HARDFORK_H
#define MOOT_PROTOCOLS_HARDFORK_H

#include "protocols/inside.h"

/* turn.c: the slot turn/K */
enum moot_turn_vote { MOOT_TURN_UNVOTED = 1, MOOT_TURN_VOTED, MOOT_TURN_VOTED_OTHERWISE };
/* What this node has said in that slot of the current timeline: nothing that binds it, a vote on exactly
 * this body, or a yes to another turn that can still take effect. */
enum moot_turn_vote moot_turn_voted(struct moot_step *step, const struct moot_slot *slot,
                                    const struct moot_digest *hash);
/* moot_state_decision, but OPEN when all that was certified in the slot has expired. */
struct moot_decision moot_turn_decision(const struct moot_engine *engine,
                                        const struct moot_pool *pool, const struct moot_slot *slot);

/* hardfork.c */
/* The activated hard fork that comes into force next, if any still can. */
bool moot_hard_fork_next(const struct moot_engine *engine, const struct moot_pool *pool,
                         struct moot_hard_fork *ret);
/* It is not in force and never will be: past its window, or its protocol is not above the one in force. */
bool moot_hard_fork_over(const struct moot_engine *engine, const struct moot_pool *pool,
                         const struct moot_upgrade_body *upgrade);
/* What proposers and signers of a hard fork look at, with the notice counted from the proposal's epoch:
 * NO_REVERT_PLAN, PROTOCOL_TOO_LOW, WINDOW (deadline not before the fence), NOTICE_TOO_SHORT. */
enum moot_status moot_hard_fork_check(const struct moot_engine *engine,
                                      const struct moot_pool *pool,
                                      const struct moot_upgrade_body *upgrade, uint32_t epoch);
/* The era that this upgrade brought, or NULL. */
const struct moot_era *moot_hard_fork_era(const struct moot_engine *engine,
                                          const struct moot_pool *pool,
                                          const struct moot_digest *proposal);
/* The certified upgrade behind that era's turn, without which nobody passes it; NULL for other turns. */
const struct moot_object_row *moot_hard_fork_upgrade(const struct moot_step *step, uint32_t era);
/* The body of the turn with that hash, computed from what is activated; empty if there is none. */
struct moot_bytes moot_hard_fork_body(struct moot_step *step, const struct moot_digest *hash);
void moot_hard_fork_step(struct moot_step *step); /* signs the turn that is due */
/* The mesh speaks a protocol that this device does not: no ordinary writes, state not up to date. */
bool moot_engine_fenced(const struct moot_engine *engine, const struct moot_pool *pool);
void moot_fenced_text(const struct moot_engine *engine, const struct moot_pool *pool,
                      char ret[128]);
/* May this device write a fact with that header? FENCED: an ordinary one of a protocol it does not speak. */
enum moot_status moot_gate_write(const struct moot_engine *engine, const struct moot_pool *pool,
                                 const struct moot_header *header);
/* The least that a device must speak to be given this run: the protocol of its highest ordinary fact. */
uint16_t moot_run_protocol(const struct moot_engine *engine, const struct moot_pool *pool,
                           struct moot_bytes encoded);

#endif
