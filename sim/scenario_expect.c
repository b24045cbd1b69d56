/*
 * Predicates: what must hold. One row of the table a predicate; WHO is all, any, or a list of nodes.
 */
#include <string.h>

#include "sim/words.h"

struct row {
    const char *word;
    enum moot_sim_predicate_kind kind;
    void (*parse)(struct moot_sim_parser *parser, struct moot_sim_predicate *ret);
};

static void who_read(struct moot_sim_parser *parser, const struct moot_sim_word *word,
                     struct moot_sim_predicate *ret)
{
    if (!word)
        return;
    ret->any = strcmp(word->text, "any") == 0;
    if (ret->any || strcmp(word->text, "all") == 0) {
        for (uint32_t i = 0; i < parser->scenario->node_count; i++)
            moot_sim_set_add(&ret->who, i);
        return;
    }
    moot_sim_value_nodes(parser, word->column, word->text, &ret->who);
}

static void who_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    who_read(parser, moot_sim_words_next(parser, "all, any or nodes"), ret);
}

/* [on WHO]; without it: all. */
static void on_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    static const struct moot_sim_word all = {.text = "all"};
    if (moot_sim_words_if(parser, "on"))
        who_parse(parser, ret);
    else if (!parser->failed)
        who_read(parser, &all, ret);
}

static void label_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    moot_sim_value_label(parser, moot_sim_words_next(parser, "a name"), ret->label,
                         sizeof ret->label);
}

static void compare_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    static const char *const words[] = {"==", "!=", ">=", "<=", ">", "<", NULL};
    const struct moot_sim_word *word = moot_sim_words_next(parser, "a comparison such as ==");
    for (uint32_t i = 0; word && words[i]; i++) {
        if (strcmp(words[i], word->text) == 0) {
            ret->compare = (enum moot_sim_compare)(i + 1);
            return;
        }
    }
    if (word)
        moot_sim_words_unknown(parser, word->column, "comparison", word->text, words);
}

static void number_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    compare_parse(parser, ret);
    const struct moot_sim_word *word = moot_sim_words_next(parser, "a number");
    if (word)
        ret->number = moot_sim_value_number(parser, word->column, word->text, UINT32_MAX);
}

static void equal_must(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    uint32_t column =
        parser->next < parser->word_count ? parser->words[parser->next].column : parser->end_column;
    compare_parse(parser, ret);
    if (!parser->failed && ret->compare != MOOT_SIM_EQ && ret->compare != MOOT_SIM_NE)
        moot_sim_words_fail(parser, column, "only == and != compare these");
}

static void state_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    const char *words[MOOT_PROPOSAL_CONFLICTED + 1];
    label_parse(parser, ret);
    equal_must(parser, ret);
    const struct moot_sim_word *word = moot_sim_words_next(parser, "a state such as in-force");
    for (uint32_t i = 0; i < MOOT_PROPOSAL_CONFLICTED; i++)
        words[i] = moot_proposal_state_text((enum moot_proposal_state)(i + 1));
    words[MOOT_PROPOSAL_CONFLICTED] = NULL;
    for (uint32_t i = 0; word && words[i]; i++) {
        if (strcmp(words[i], word->text) == 0)
            ret->state = (enum moot_proposal_state)(i + 1);
    }
    if (word && ret->state == 0)
        moot_sim_words_unknown(parser, word->column, "state", word->text, words);
    on_parse(parser, ret);
}

static void count_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    who_parse(parser, ret);
    number_parse(parser, ret);
}

static void accepted_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    who_parse(parser, ret);
    label_parse(parser, ret);
}

static void admins_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    who_parse(parser, ret);
    equal_must(parser, ret);
    const struct moot_sim_word *word = moot_sim_words_next(parser, "nodes");
    if (word)
        moot_sim_value_nodes(parser, word->column, word->text, &ret->admins);
}

static void readiness_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    static const char *const words[] = {"silent", "ready", "not-ready", "rejected", NULL};
    label_parse(parser, ret);
    const struct moot_sim_word *word = moot_sim_words_next(parser, "ready, not-ready, ...");
    for (uint32_t i = 0; word && words[i]; i++) {
        if (strcmp(words[i], word->text) == 0)
            ret->readiness = (enum moot_readiness_state)(i + 1);
    }
    if (word && ret->readiness == 0)
        moot_sim_words_unknown(parser, word->column, "readiness", word->text, words);
    number_parse(parser, ret);
    on_parse(parser, ret);
}

static void signers_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    label_parse(parser, ret);
    number_parse(parser, ret);
    on_parse(parser, ret);
}

static void mark_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    who_parse(parser, ret);
    uint32_t column =
        parser->next < parser->word_count ? parser->words[parser->next].column : parser->end_column;
    label_parse(parser, ret);
    if (!parser->failed && !moot_sim_mark_known(ret->label))
        moot_sim_words_fail(parser, column, "unknown mark \"%s\": no engine gives such a notice",
                            ret->label);
}

/* WHO up|down */
static void fence_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    static const char *const words[] = {"up", "down", NULL};
    who_parse(parser, ret);
    const struct moot_sim_word *word = moot_sim_words_next(parser, "up or down");
    if (word && strcmp(word->text, "up") != 0 && strcmp(word->text, "down") != 0)
        moot_sim_words_unknown(parser, word->column, "state of a fence", word->text, words);
    ret->number = word && strcmp(word->text, "up") == 0 ? 1 : 0;
}

static void refused_parse(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    const char *value;
    uint32_t column;
    accepted_parse(parser, ret);
    const struct moot_sim_word *word = moot_sim_words_next(parser, "reason=");
    if (!word)
        return;
    if (!moot_sim_words_pair(word, "reason", &value, &column)) {
        moot_sim_words_fail(parser, word->column, "\"%s\" where reason= is expected", word->text);
        return;
    }
    ret->reason = moot_status_parse(value);
    if (ret->reason == MOOT_OK)
        moot_sim_words_fail(parser, column, "unknown reason \"%s\": see docs/ERRORS.md", value);
}

static const struct row rows[] = {
    {"state", MOOT_SIM_IS_STATE, state_parse},
    {"epoch", MOOT_SIM_IS_EPOCH, count_parse},
    {"digest-equal", MOOT_SIM_IS_DIGEST, who_parse},
    {"frontier-equal", MOOT_SIM_IS_FRONTIER, who_parse},
    {"accepted", MOOT_SIM_IS_ACCEPTED, accepted_parse},
    {"fence", MOOT_SIM_IS_FENCE, fence_parse},
    {"admins", MOOT_SIM_IS_ADMINS, admins_parse},
    {"threshold", MOOT_SIM_IS_THRESHOLD, count_parse},
    {"members", MOOT_SIM_IS_MEMBERS, count_parse},
    {"protocol", MOOT_SIM_IS_PROTOCOL, count_parse},
    {"fenced", MOOT_SIM_IS_FENCED, who_parse},
    {"readiness", MOOT_SIM_IS_READINESS, readiness_parse},
    {"signers", MOOT_SIM_IS_SIGNERS, signers_parse},
    {"mark", MOOT_SIM_IS_MARK, mark_parse},
    {"refused", MOOT_SIM_IS_REFUSED, refused_parse},
    {"cached", MOOT_SIM_IS_CACHED, accepted_parse},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

void moot_sim_parse_predicate(struct moot_sim_parser *parser, struct moot_sim_predicate *ret)
{
    const char *words[ROW_COUNT + 1];
    memset(ret, 0, sizeof *ret);
    const struct moot_sim_word *word = moot_sim_words_next(parser, "a predicate");
    if (!word)
        return;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        words[i] = rows[i].word;
        if (strcmp(rows[i].word, word->text) == 0) {
            ret->kind = rows[i].kind;
            rows[i].parse(parser, ret);
            if (ret->any && (ret->kind == MOOT_SIM_IS_DIGEST || ret->kind == MOOT_SIM_IS_FRONTIER))
                moot_sim_words_fail(parser, word->column, "%s compares all or a list of nodes",
                                    word->text);
            moot_sim_words_end(parser);
            return;
        }
    }
    words[ROW_COUNT] = NULL;
    moot_sim_words_unknown(parser, word->column, "predicate", word->text, words);
}

/* Notices of the engine, sorted; tests/unit/sim/test_marks compares with protocols/. */
static const char *const marks[] = {
    "admin.double_vote",      "block.bad",           "block.damaged",      "cache.invalidated",
    "chain.forked",           "device.admitted",     "device.pending",     "device.removed",
    "device.renamed",         "device.replaced",     "epoch.advanced",     "fact.void",
    "fence.lowered",          "fence.observed",      "fence.raised",       "invite.burned",
    "join.refused",           "link.refused",        "mesh.founded",       "mesh.joined",
    "node.stopped",           "peer.connected",      "peer.gone",          "peer.refused",
    "proposal.certified",     "proposal.proposed",   "proposal.withdrawn", "snapshot.behind",
    "snapshot.collected",     "snapshot.collecting", "snapshot.failed",    "snapshot.installed",
    "snapshot.not_installed", "snapshot.rejected",   "store.damaged",      "store.full",
    "store.recovered",        "turn.certified",      "turn.in_force",      "upgrade.activated",
    "upgrade.in_force",       "upgrade.readiness",
};

bool moot_sim_mark_known(const char *name)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strcmp(marks[i], name) == 0)
            return true;
    }
    return false;
}
