/*
 * One run of one scenario under one seed.
 *
 *   bring-up (bringup.c): the mesh is founded, joined and turned through the real protocol
 *     └─▶ time 0: statements (act.c, expect.c) and oracles (oracle.c, oracle_votes.c) until the end
 *           └─▶ `finally`, acknowledged everywhere, outcome
 */
#ifndef MOOT_SIM_RUN_H
#define MOOT_SIM_RUN_H

#include "sim/oracle.h"
#include "sim/scenario.h"
#include "sim/world.h"

/* The first thing that went wrong; nothing is judged after it. */
struct moot_sim_failure {
    bool set;
    bool internal; /* the simulator's own trouble, not the engine's */
    char invariant[64];
    char why[400];
    uint64_t event;                 /* number of the event */
    int64_t time_us;                /* from time 0; negative in the bring-up */
    char node[MOOT_SIM_NAME_BYTES]; /* or "" */
    struct moot_sim_place place;    /* of a statement; line 0: none */
};

enum moot_sim_outcome {
    MOOT_SIM_OUTCOME_NONE = 0, /* not done yet */
    MOOT_SIM_OUTCOME_ASKED,
    MOOT_SIM_OUTCOME_DONE,
    MOOT_SIM_OUTCOME_REFUSED,
    MOOT_SIM_OUTCOME_UNKNOWN /* the node died before it answered */
};
/* What became of a statement. */
struct moot_sim_deed {
    enum moot_sim_outcome outcome;
    uint64_t call_number;
    enum moot_status reason;
    char detail[160];
    char key_text[65];                        /* the device that an act is about */
    char digest_text[17];                     /* what a person compared */
    struct moot_bytes names[MOOT_ADMINS_MAX]; /* of a call on its way */
    struct moot_cache_entry entry;            /* the same */
    struct moot_digest proposal;              /* of a propose */
    uint64_t seq;                             /* of a put */
    bool held;                                /* predicates: was true at some check */
    bool over;                                /* WITHIN: judged */
};

struct moot_sim_mark {
    const char *name;
    uint32_t node;
};

struct moot_sim_options {
    uint64_t seed;
    uint8_t fill; /* of fresh memory; must change nothing */
    bool trace;
    void (*line)(void *context, const char *text);
    void *context;
};

struct moot_sim_run {
    const struct moot_sim_scenario *scenario; /* borrowed */
    struct moot_sim_options options;
    struct moot_sim_world *world;
    struct moot_sim_oracle oracle;
    struct moot_sim_deed *deeds; /* one a statement */
    struct moot_sim_mark *marks; /* each (node, name) once */
    uint32_t mark_count, mark_capacity;
    struct moot_sim_failure failure;
    bool stop;    /* a failure, or the end */
    bool started; /* time 0 has been reached */
    uint64_t zero_us;
    uint64_t call_number;
    uint32_t founder;
    /* The bring-up's own call. */
    uint64_t asked_number;
    bool answered;
    struct moot_reply answer;
    /* Prefix of the trace hash after each event, to find where two runs part. */
    uint64_t *hashes;
    uint32_t hash_count, hash_capacity;
};

/* Runs it. The result is in run->failure, run->world->trace and ->counts, run->deeds. */
void moot_sim_run_init(struct moot_sim_run *run, const struct moot_sim_scenario *scenario,
                       const struct moot_sim_options *options);
void moot_sim_run_go(struct moot_sim_run *run);
void moot_sim_run_deinit(struct moot_sim_run *run);

/* Notes the first failure and stops. node may be -1, statement NULL. */
__attribute__((format(printf, 5, 6))) void
moot_sim_run_fail(struct moot_sim_run *run, int node, const struct moot_sim_statement *statement,
                  const char *invariant, const char *format, ...);

/* ---- between the parts of a run ---- */

/* bringup.c: false after a failure. */
bool moot_sim_bring_up(struct moot_sim_run *run);

/* act.c: does the act of statement `number`, or tries it again. */
void moot_sim_act_do(struct moot_sim_run *run, uint32_t number);
void moot_sim_act_replied(struct moot_sim_run *run, uint32_t node, uint64_t call_number,
                          const struct moot_reply *reply);
void moot_sim_act_crashed(struct moot_sim_run *run, uint32_t node);
/* At the end: acts that never happened, refusals that nobody expected. */
void moot_sim_act_judge(struct moot_sim_run *run);

/* expect.c: does it hold now? */
bool moot_sim_holds(struct moot_sim_run *run, const struct moot_sim_predicate *predicate);

/* Timers of a run: numbers of statements first. */
#define MOOT_SIM_TIMER_POLL UINT64_MAX

#endif
