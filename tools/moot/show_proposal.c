/*
 * A proposal as text. Happy path: headline, votes, readiness, certificate, and one line on what
 * comes next. Members that are missing are left out.
 */
#include "tools/moot/show.h"

#include <string.h>
#include <time.h>

#include "tools/moot/answer.h"
#include "tools/moot/columns.h"
#include "tools/moot/words.h"

#define NAMES_BYTES 320

static bool is_kind(const json_t *proposal, const char *kind)
{
    return strcmp(moot_at_text(proposal, "kind"), kind) == 0;
}

static bool is_state(const json_t *proposal, const char *state)
{
    return strcmp(moot_at_text(proposal, "state"), state) == 0;
}

static long long number(const json_t *proposal, const char *path)
{
    return (long long)moot_at_number(proposal, path, 0);
}

void moot_show_subject(const json_t *proposal, char ret[MOOT_SHOW_LINE_BYTES])
{
    char names[NAMES_BYTES];
    if (is_kind(proposal, "upgrade")) {
        const char *from = moot_at_text(proposal, "upgrade.from");
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "upgrade %s %s%s%s (%s)",
                 moot_at_text(proposal, "upgrade.package"), from, from[0] != '\0' ? " -> " : "",
                 moot_at_text(proposal, "upgrade.to"), moot_at_text(proposal, "upgrade.kind"));
    } else if (is_kind(proposal, "admins")) {
        moot_at_names(proposal, "admins.names", "and", names, sizeof names);
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "administrators %s: any %lld of %zu", names,
                 number(proposal, "admins.threshold"), moot_at_count(proposal, "admins.names"));
    } else if (is_kind(proposal, "admission")) {
        const char *home = moot_at_text(proposal, "admission.home");
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "admission of %s%s%s",
                 moot_at_text(proposal, "admission.name"), home[0] != '\0' ? ", home " : "", home);
    } else if (is_kind(proposal, "removal")) {
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "removal of %s; its facts count up to %lld",
                 moot_at_text(proposal, "removal.name"), number(proposal, "removal.last_seq"));
    } else if (is_kind(proposal, "replacement")) {
        snprintf(ret, MOOT_SHOW_LINE_BYTES,
                 "replacement of %s by device %.16s; the old one's facts count up to %lld",
                 moot_at_text(proposal, "replacement.name"),
                 moot_at_text(proposal, "replacement.new_device"),
                 number(proposal, "replacement.last_seq"));
    } else if (is_kind(proposal, "rename")) {
        const char *home = moot_at_text(proposal, "rename.home");
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "%s to be called %s%s%s",
                 moot_at_text(proposal, "rename.name"), moot_at_text(proposal, "rename.new_name"),
                 home[0] != '\0' ? ", home " : "", home);
    } else if (is_kind(proposal, "cache")) {
        char prefixes[NAMES_BYTES];
        moot_at_names(proposal, "cache.keys", "and", names, sizeof names);
        moot_at_names(proposal, "cache.prefixes", "and", prefixes, sizeof prefixes);
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "invalidate %.200s%s%s%.200s below epoch %lld", names,
                 names[0] != '\0' && prefixes[0] != '\0' ? " and " : "",
                 prefixes[0] != '\0' ? "all that begins with " : "", prefixes,
                 number(proposal, "cache.floor"));
    } else if (is_kind(proposal, "snapshot")) {
        char size[MOOT_WORDS_BYTES];
        moot_words_size_format((uint64_t)moot_at_number(proposal, "snapshot.image_bytes", 0), size);
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "snapshot of epoch %lld, %s", number(proposal, "epoch"),
                 size);
    } else {
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "%s", moot_at_text(proposal, "kind"));
    }
}

static void votes_format(const json_t *proposal, char *ret, size_t size)
{
    long long have = number(proposal, "approvals.have");
    long long need = number(proposal, "approvals.need");
    long long of = number(proposal, "approvals.of");
    char names[NAMES_BYTES];
    moot_at_names(proposal, "waits_for", "or", names, sizeof names);
    snprintf(ret, size, "any %lld of %lld, %lld so far%s%s", need, of, have,
             have < need && names[0] != '\0' ? ": waiting for " : "", have < need ? names : "");
}

static void next_of_certified(const json_t *proposal, char *ret)
{
    char names[NAMES_BYTES];
    moot_at_names(proposal, "consent_missing", "and", names, sizeof names);
    if (names[0] != '\0') {
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "waits for the consent of %s", names);
    } else if (is_kind(proposal, "admins")) {
        snprintf(ret, MOOT_SHOW_LINE_BYTES,
                 "in force with a turning tick in epochs %lld to %lld, on every device at once",
                 number(proposal, "admins.earliest"), number(proposal, "admins.last"));
    } else if (is_kind(proposal, "upgrade") &&
               number(proposal, "readiness.ready") < number(proposal, "readiness.need")) {
        snprintf(ret, MOOT_SHOW_LINE_BYTES,
                 "approved; waits until %lld devices are ready, %lld are",
                 number(proposal, "readiness.need"), number(proposal, "readiness.ready"));
    } else if (is_kind(proposal, "upgrade") && moot_at_text(proposal, "activation")[0] == '\0') {
        snprintf(ret, MOOT_SHOW_LINE_BYTES,
                 "approved and ready; administrators' nodes sign the activation (where "
                 "soft_fork_auto_activate is off: moot upgrade activate %s)",
                 moot_at_text(proposal, "id"));
    } else if (moot_at_number(proposal, "fence_epoch", 0) > 0) {
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "activated; mandatory from epoch %lld on",
                 number(proposal, "fence_epoch"));
    } else {
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "certified; about to be in force");
    }
}

void moot_show_next(const json_t *proposal, char ret[MOOT_SHOW_LINE_BYTES])
{
    char names[NAMES_BYTES];
    if (is_state(proposal, "in-force")) {
        long long epoch = number(proposal, "in_force_epoch");
        if (epoch > 0) {
            snprintf(ret, MOOT_SHOW_LINE_BYTES, "in force since epoch %lld", epoch);
        } else {
            snprintf(ret, MOOT_SHOW_LINE_BYTES, "in force");
        }
    } else if (is_state(proposal, "certified")) {
        next_of_certified(proposal, ret);
    } else if (!is_state(proposal, "proposed")) {
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "%s: it has ended; propose anew if it is still wanted",
                 moot_at_text(proposal, "state"));
    } else if (json_is_false(moot_at(proposal, "possible"))) {
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "it cannot be certified any more");
    } else if (moot_at_true(proposal, "waiting_for_you")) {
        snprintf(ret, MOOT_SHOW_LINE_BYTES,
                 "waits for you: moot approve %s, or moot reject %s -m WHY",
                 moot_at_text(proposal, "id"), moot_at_text(proposal, "id"));
    } else {
        moot_at_names(proposal, "waits_for", "or", names, sizeof names);
        if (names[0] == '\0') {
            moot_at_names(proposal, "consent_missing", "and", names, sizeof names);
        }
        snprintf(ret, MOOT_SHOW_LINE_BYTES, "waits for %s",
                 names[0] != '\0' ? names : "the certificate");
    }
}

static void reasons_show(FILE *out, const json_t *proposal)
{
    const json_t *reasons = moot_at(proposal, "reasons");
    for (size_t i = 0; i < json_array_size(reasons); i++) {
        const json_t *reason = json_array_get(reasons, i);
        if (moot_at_text(reason, "reason")[0] != '\0') {
            fprintf(out, "             %s says %s: %s\n", moot_at_text(reason, "name"),
                    moot_at_text(reason, "verdict"), moot_at_text(reason, "reason"));
        }
    }
}

static void votes_show(FILE *out, const json_t *proposal)
{
    char line[MOOT_SHOW_LINE_BYTES];
    char names[NAMES_BYTES];
    votes_format(proposal, line, sizeof line);
    fprintf(out, "  approvals  %s\n", line);
    moot_at_names(proposal, "approvals.yes", "and", names, sizeof names);
    if (names[0] != '\0') {
        fprintf(out, "             yes: %s\n", names);
    }
    moot_at_names(proposal, "approvals.no", "and", names, sizeof names);
    if (names[0] != '\0') {
        fprintf(out, "             no: %s\n", names);
    }
    reasons_show(out, proposal);
    moot_at_names(proposal, "consent_missing", "and", names, sizeof names);
    if (names[0] != '\0') {
        fprintf(out, "  consent    missing from %s\n", names);
    }
}

static void readiness_show(FILE *out, const json_t *proposal)
{
    if (moot_at(proposal, "readiness") == NULL) {
        return;
    }
    fprintf(out, "  readiness  %lld of %lld ready, %lld needed\n",
            number(proposal, "readiness.ready"), number(proposal, "readiness.of"),
            number(proposal, "readiness.need"));
    struct moot_columns columns;
    moot_columns_init(&columns, "DEVICE STATUS REASON FREE");
    const json_t *devices = moot_at(proposal, "readiness.devices");
    for (size_t i = 0; i < json_array_size(devices); i++) {
        const json_t *device = json_array_get(devices, i);
        char space[MOOT_WORDS_BYTES] = "";
        json_int_t bytes = moot_at_number(device, "free_bytes", 0);
        if (bytes > 0) {
            moot_words_size_format((uint64_t)bytes, space);
        }
        moot_columns_row(&columns, moot_at_text(device, "name"), moot_at_text(device, "status"),
                         moot_at_text(device, "reason"), space);
    }
    moot_columns_print(&columns, out, 13);
    if (number(proposal, "blocks.total") > 0) {
        fprintf(out, "  blocks     %lld of %lld here\n", number(proposal, "blocks.held"),
                number(proposal, "blocks.total"));
    }
}

static void upgrade_show(FILE *out, const json_t *proposal)
{
    if (!is_kind(proposal, "upgrade")) {
        return;
    }
    fprintf(out, "  manifest   %s\n", moot_at_text(proposal, "upgrade.manifest"));
    if (moot_at_number(proposal, "fence_epoch", 0) > 0) {
        fprintf(out, "  fence      epoch %lld, protocol %lld or later from there on%s\n",
                number(proposal, "fence_epoch"), number(proposal, "upgrade.min_protocol"),
                moot_at_true(proposal, "upgrade.short_notice") ? ", short notice" : "");
    }
    if (moot_at_text(proposal, "upgrade.revert_plan")[0] != '\0') {
        fprintf(out, "  way back   %s\n", moot_at_text(proposal, "upgrade.revert_plan"));
    }
}

void moot_show_proposal(FILE *out, const json_t *proposal)
{
    char line[MOOT_SHOW_LINE_BYTES];
    moot_show_subject(proposal, line);
    fprintf(out, "%s  %s  [%s]\n", moot_at_text(proposal, "id"), line,
            moot_at_text(proposal, "state"));
    char date[MOOT_WORDS_BYTES];
    moot_words_date_format((uint64_t)moot_at_number(proposal, "wall_s", 0), date);
    fprintf(out, "  proposed   by %s at epoch %lld, %s\n", moot_at_text(proposal, "proposer.name"),
            number(proposal, "epoch"), date);
    fprintf(out, "  digest     %s\n", moot_at_text(proposal, "digest"));
    upgrade_show(out, proposal);
    if (is_kind(proposal, "snapshot")) {
        fprintf(out, "  state      %s\n", moot_at_text(proposal, "snapshot.state_digest"));
    }
    votes_show(out, proposal);
    readiness_show(out, proposal);
    if (moot_at(proposal, "certificate") != NULL) {
        char names[NAMES_BYTES];
        moot_at_names(proposal, "certificate.signers", "and", names, sizeof names);
        fprintf(out, "  signed by  %s\n", names);
    }
    if (moot_at_number(proposal, "epoch_deadline", 0) > 0 && is_state(proposal, "proposed")) {
        fprintf(out, "  open until epoch %lld\n", number(proposal, "epoch_deadline"));
    }
    moot_show_next(proposal, line);
    fprintf(out, "  next       %s\n", line);
}

void moot_show_proposals(FILE *out, const json_t *proposals)
{
    if (json_array_size(proposals) == 0) {
        fprintf(out, "no proposals\n");
        return;
    }
    struct moot_columns columns;
    moot_columns_init(&columns, "ID STATE APPROVALS WHAT NEXT");
    for (size_t i = 0; i < json_array_size(proposals); i++) {
        const json_t *proposal = json_array_get(proposals, i);
        char subject[MOOT_SHOW_LINE_BYTES];
        char next[MOOT_SHOW_LINE_BYTES];
        char votes[64];
        moot_show_subject(proposal, subject);
        moot_show_next(proposal, next);
        snprintf(votes, sizeof votes, "%lld/%lld of %lld", number(proposal, "approvals.have"),
                 number(proposal, "approvals.need"), number(proposal, "approvals.of"));
        moot_columns_row(&columns, moot_at_text(proposal, "id"), moot_at_text(proposal, "state"),
                         votes, subject, next);
    }
    moot_columns_print(&columns, out, 0);
}
