/*
 * A scenario: what a .sim file says, checked. docs/SIMULATOR.md is the manual of the language; every
 * word that is not in it is an error with file, line and column, never a pass.
 *
 *   text ─▶ lines of words (scenario_words.c) ─▶ statements (scenario_parse.c, _act.c, _expect.c)
 *        ─▶ names checked against what the file declares ─▶ struct moot_sim_scenario
 */
#ifndef MOOT_SIM_SCENARIO_H
#define MOOT_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/view.h"
#include "sim/world.h"

#define MOOT_SIM_WORD_BYTES 128u /* one word of a scenario, with NUL */
#define MOOT_SIM_GROUPS_MAX 8u

/* Where in the file, both from 1. */
struct moot_sim_place {
    uint32_t line;
    uint32_t column;
};
/* Why a file is no scenario. */
struct moot_sim_problem {
    struct moot_sim_place place;
    char text[240];
};

enum moot_sim_when {
    MOOT_SIM_AT = 1,    /* at_us: do it, or it must hold then */
    MOOT_SIM_WITHIN,    /* at_us to at_us + span_us: must hold at some moment */
    MOOT_SIM_ALWAYS,    /* at every check from time 0 on */
    MOOT_SIM_NEVER_DO,  /* at no check */
    MOOT_SIM_SOMETIMES, /* at some check of some seed */
    MOOT_SIM_FINALLY    /* at the end */
};

enum moot_sim_act_kind {
    MOOT_SIM_PROPOSE_UPGRADE = 1,
    MOOT_SIM_PROPOSE_ADMINS,
    MOOT_SIM_REMOVE,
    MOOT_SIM_RENAME,
    MOOT_SIM_PROPOSE_SNAPSHOT,
    MOOT_SIM_INVALIDATE,
    MOOT_SIM_APPROVE,
    MOOT_SIM_REJECT,
    MOOT_SIM_WITHDRAW,
    MOOT_SIM_ACTIVATE,
    MOOT_SIM_PUT,
    MOOT_SIM_CACHE_SET,
    MOOT_SIM_CACHE_GET,
    MOOT_SIM_CRASH,
    MOOT_SIM_RESTART,
    MOOT_SIM_UPGRADE, /* a restart that speaks another protocol at most */
    MOOT_SIM_PARTITION,
    MOOT_SIM_HEAL,
    MOOT_SIM_ISOLATE
};
/* Gives a label to a proposal; is asked of a node, which may refuse. */
static inline bool moot_sim_act_proposes(enum moot_sim_act_kind kind)
{
    return kind <= MOOT_SIM_INVALIDATE;
}
static inline bool moot_sim_act_asks(enum moot_sim_act_kind kind)
{
    return kind <= MOOT_SIM_CACHE_GET;
}
struct moot_sim_act {
    enum moot_sim_act_kind kind;
    uint32_t node;                   /* who acts */
    char label[MOOT_SIM_NAME_BYTES]; /* of the proposal; of a put: its value */
    char key[MOOT_SIM_WORD_BYTES];   /* put, cache, invalidate: key; reject: reason; rename: name */
    char value[MOOT_SIM_WORD_BYTES];
    uint32_t subject; /* remove, rename: which device */
    bool at_given;    /* remove: `at_seq` is the last fact that counts */
    uint64_t at_seq;
    uint32_t ready;          /* upgrade: devices that must be ready */
    bool hard;               /* upgrade */
    uint32_t fence, window;  /* of a hard one: epochs from now, epochs; 0: the engine's choice */
    uint16_t protocol;       /* of a hard one: least; of a restart: what it speaks at most */
    uint32_t threshold;      /* admins */
    bool prefix;             /* invalidate: all keys that begin with `key` */
    uint32_t floor;          /* invalidate; 0: the engine's choice */
    struct moot_sim_set set; /* admins; crash, restart, isolate: whom */
    struct moot_sim_set groups[MOOT_SIM_GROUPS_MAX];
    uint32_t group_count;
};

enum moot_sim_predicate_kind {
    MOOT_SIM_IS_STATE = 1, /* state LABEL == STATE [on WHO] */
    MOOT_SIM_IS_EPOCH,     /* epoch WHO OP N */
    MOOT_SIM_IS_DIGEST,    /* digest-equal WHO */
    MOOT_SIM_IS_FRONTIER,  /* frontier-equal WHO */
    MOOT_SIM_IS_ACCEPTED,  /* accepted WHO WORD */
    MOOT_SIM_IS_ADMINS,    /* admins WHO == NODES */
    MOOT_SIM_IS_THRESHOLD, /* threshold WHO OP N */
    MOOT_SIM_IS_MEMBERS,   /* members WHO OP N */
    MOOT_SIM_IS_READINESS, /* readiness LABEL STATE OP N [on WHO] */
    MOOT_SIM_IS_SIGNERS,   /* signers LABEL OP N [on WHO]: of its certificate */
    MOOT_SIM_IS_MARK,      /* mark WHO NAME: a notice of that name */
    MOOT_SIM_IS_REFUSED,   /* refused WHO WORD reason=STATUS */
    MOOT_SIM_IS_CACHED,    /* cached WHO KEY: a get would be served */
    MOOT_SIM_IS_PROTOCOL,  /* protocol WHO OP N: in force */
    MOOT_SIM_IS_FENCED,    /* fenced WHO: it does not speak the protocol in force */
    MOOT_SIM_IS_FENCE      /* fence WHO up|down */
};
enum moot_sim_compare {
    MOOT_SIM_EQ = 1,
    MOOT_SIM_NE,
    MOOT_SIM_GE,
    MOOT_SIM_LE,
    MOOT_SIM_GT,
    MOOT_SIM_LT
};
struct moot_sim_predicate {
    enum moot_sim_predicate_kind kind;
    bool any; /* one of `who` is enough; else each must */
    struct moot_sim_set who;
    char label[MOOT_SIM_WORD_BYTES]; /* proposal, word of a put, or mark */
    enum moot_sim_compare compare;
    uint64_t number;
    enum moot_proposal_state state;
    enum moot_readiness_state readiness;
    struct moot_sim_set admins;
    enum moot_status reason;
};

struct moot_sim_statement {
    enum moot_sim_when when;
    struct moot_sim_place place;
    uint64_t at_us;   /* AT, WITHIN */
    uint64_t span_us; /* WITHIN */
    bool is_act;
    struct moot_sim_act act;
    struct moot_sim_predicate predicate;
    char text[200]; /* as written, for reports */
};

struct moot_sim_scenario {
    char name[MOOT_SIM_WORD_BYTES];
    uint64_t seed_first, seed_last;
    struct moot_sim_node_plan nodes[MOOT_SIM_NODES_MAX];
    uint32_t node_count;
    struct moot_sim_set admins;
    uint32_t threshold;
    struct moot_sim_net net, lan;
    uint64_t epoch_interval_ms;
    uint32_t snapshot_every; /* 0: only those that are proposed here */
    uint64_t fence_lease_ms; /* 0: the engine's own */
    uint64_t clock_skew_us_max;
    uint32_t clock_drift_ppm_max;
    uint16_t protocol_max; /* what every node speaks at first */
    uint32_t allowed;      /* bit of each invariant that is not judged */
    uint64_t settle_us;    /* after the last statement, before `finally` */
    struct moot_sim_statement *statements;
    uint32_t statement_count, statement_capacity;
};

/* Parses `text` (`size` bytes). On failure false, with *problem filled, and *ret is freed again. */
bool moot_sim_scenario_parse(const char *text, size_t size, struct moot_sim_scenario *ret,
                             struct moot_sim_problem *problem);
void moot_sim_scenario_deinit(struct moot_sim_scenario *scenario);

/* When the last statement is over, settling included. */
uint64_t moot_sim_scenario_end_us(const struct moot_sim_scenario *scenario);

/* Writes the canonical form of a scenario that parses: words one space apart, first words in a column
 * of ten, comments kept, at most one empty line in a row. Allocated; the caller frees it. */
char *moot_sim_scenario_format(const char *text, size_t size);

/* Number of an invariant by its name, or -1; its bit in `allowed` is 1 << number. */
int moot_sim_invariant_find(const char *name);

/* Is this the name of a notice that an engine can give? */
bool moot_sim_mark_known(const char *name);

#endif
