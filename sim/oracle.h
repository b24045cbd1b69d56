/*
 * Oracles: what must be true of every run, judged against ground truth that no node can see. They
 * watch what nodes write to their disks and what they answer; none asks a node whether it is right.
 *
 *   equal-states           every frontier root seen in the run has one state digest
 *   epoch-falls            on a node, within a start and from what was durable to the next
 *   facts-vanish           a node never holds fewer facts, within a start and after what was durable
 *   one-number             what is durable at one number of a chain is one fact, on all nodes
 *   one-vote               an admin's signatures in one (timeline, slot, round) name one statement
 *   durable-before-visible whose signature a peer has written down had written it down before
 *   certificate            enough distinct admins of its own timeline, every signature good
 *   acknowledged           a put that was answered is on its node, after a restart too, and at
 *                          the end everywhere
 *   honest-blamed          while no frame arrives twice, no node blames another's bytes: all are honest
 *   cache-floor            no node would serve an entry below its floor (oracle_cache.c)
 *   replay-refused         (link.c) a frame that arrives twice ends its link
 *   restart                (node.c) an engine opens on its own disk
 */
#ifndef MOOT_SIM_ORACLE_H
#define MOOT_SIM_ORACLE_H

#include "crypto/certificate.h"
#include "journal/store.h"
#include "sim/book.h"
#include "sim/world.h"

struct moot_sim_run;

/* A signature that one batch makes durable at its signer. */
struct moot_sim_vote {
    struct moot_digest slot;      /* hash of timeline, slot, round and signer */
    struct moot_digest statement; /* its hash */
};
struct moot_sim_head {
    struct moot_digest place; /* hash of chain and number */
    struct moot_digest fact;
};
/* A batch on its way to the disk. */
struct moot_sim_pending {
    uint64_t ticket;
    uint32_t epoch;
    uint64_t facts;
    struct moot_sim_vote *votes; /* owned */
    uint32_t vote_count, vote_capacity;
    struct moot_sim_head *heads; /* owned: of every chain as held then */
    uint32_t head_count, head_capacity;
    bool fenced; /* a snapshot's fence is up */
    struct moot_digest fence;
};
struct moot_sim_watch {
    uint32_t epoch;                /* of this start */
    uint32_t epoch_durable;        /* over all starts */
    uint64_t facts, facts_durable; /* the same for the number of facts held */
    bool fenced;                   /* durably, for that snapshot */
    struct moot_digest fence, fence_restarted;
    struct moot_sim_pending *pending;
    uint32_t pending_count, pending_capacity;
};
struct moot_sim_rule {
    struct moot_digest timeline;
    struct moot_admin_set admins;
};
struct moot_sim_ack {
    uint32_t node;
    uint64_t seq;
    const char *key; /* the scenario's */
    const char *value;
};

/* A floor that a node was told of. */
struct moot_sim_floor {
    uint32_t node;
    uint64_t ticket; /* of the batch that brings it; 0: durable */
    uint32_t epoch;
    bool prefix;
    uint32_t key_size;
    uint8_t key[MOOT_RECORD_KEY_BYTES_MAX];
};
/* A key that a node has cached since its start. */
struct moot_sim_cached {
    uint32_t node;
    const char *key; /* the scenario's */
};

struct moot_sim_oracle {
    struct moot_sim_run *run;
    struct moot_sim_watch *watches; /* one a node */
    struct moot_sim_book states;    /* frontier root → state digest */
    struct moot_sim_book heads;     /* chain and number → fact */
    struct moot_sim_book votes;     /* durable ones: slot → statement */
    struct moot_sim_book verified;  /* hash of a signature that is good */
    struct moot_sim_book objects;   /* hash of an object's bytes that was judged */
    struct moot_sim_rule *rules;    /* admin sets by timeline, as certified turns made them */
    uint32_t rule_count, rule_capacity;
    struct moot_sim_ack *acks;
    uint32_t ack_count, ack_capacity;
    struct moot_sim_floor *floors;
    uint32_t floor_count, floor_capacity;
    struct moot_sim_cached *cached;
    uint32_t cached_count, cached_capacity;
    uint64_t checks;
};

void moot_sim_oracle_init(struct moot_sim_oracle *oracle, struct moot_sim_run *run);
void moot_sim_oracle_deinit(struct moot_sim_oracle *oracle);

/* oracle_fence.c */
void moot_sim_oracle_fence_batch(struct moot_sim_oracle *oracle, uint32_t node,
                                 struct moot_sim_pending *pending,
                                 const struct moot_store_batch *batch);
void moot_sim_oracle_fence_durable(struct moot_sim_watch *watch,
                                   const struct moot_sim_pending *pending);
void moot_sim_oracle_fence_opened(struct moot_sim_oracle *oracle, uint32_t node);

void moot_sim_oracle_submitted(struct moot_sim_oracle *oracle, uint32_t node, uint64_t ticket,
                               const struct moot_store_batch *batch);
void moot_sim_oracle_durable(struct moot_sim_oracle *oracle, uint32_t node, uint64_t ticket);
void moot_sim_oracle_crashed(struct moot_sim_oracle *oracle, uint32_t node);
void moot_sim_oracle_opened(struct moot_sim_oracle *oracle, uint32_t node);
void moot_sim_oracle_stepped(struct moot_sim_oracle *oracle, uint32_t node);
void moot_sim_oracle_noticed(struct moot_sim_oracle *oracle, uint32_t node,
                             const struct moot_notice *notice);
/* A put was answered with success. Both texts are borrowed for the run. */
void moot_sim_oracle_acknowledged(struct moot_sim_oracle *oracle, uint32_t node, uint64_t seq,
                                  const char *key, const char *value);
/* At the end, with all nodes up and joined: is everything acknowledged everywhere? Else says what
 * is missing where. */
bool moot_sim_oracle_everywhere(struct moot_sim_oracle *oracle, char *ret_missing, size_t size);

/* oracle_cache.c: what a batch raises, what is durable or lost, what was stored, what would be served. */
void moot_sim_oracle_floors(struct moot_sim_oracle *oracle, uint32_t node, uint64_t ticket,
                            const struct moot_cache_body *body);
void moot_sim_oracle_cache_durable(struct moot_sim_oracle *oracle, uint32_t node, uint64_t ticket);
void moot_sim_oracle_cache_crashed(struct moot_sim_oracle *oracle, uint32_t node);
void moot_sim_oracle_cached(struct moot_sim_oracle *oracle, uint32_t node, const char *key);
void moot_sim_oracle_cache_stepped(struct moot_sim_oracle *oracle, uint32_t node);

/* oracle_votes.c: reads what a batch signs. */
void moot_sim_oracle_batch(struct moot_sim_oracle *oracle, uint32_t node,
                           struct moot_sim_pending *pending, const struct moot_store_batch *batch);

#endif
