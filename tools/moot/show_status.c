/*
 * The status of a node as text. Happy path: who and where, epoch and administrators, devices,
 * proposals that are not settled, notes. Members that are missing are left out.
 */
#include "tools/moot/show.h"

#include <string.h>

#include "tools/moot/answer.h"
#include "tools/moot/columns.h"
#include "tools/moot/words.h"

static long long number(const json_t *root, const char *path)
{
    return (long long)moot_at_number(root, path, 0);
}

static void optional_format(const json_t *root, const char *path, char ret[MOOT_WORDS_BYTES])
{
    ret[0] = '\0';
    if (json_is_integer(moot_at(root, path))) {
        snprintf(ret, MOOT_WORDS_BYTES, "%lld", number(root, path));
    }
}

void moot_show_devices(FILE *out, const json_t *devices)
{
    struct moot_columns columns;
    moot_columns_init(&columns, "NAME HOME STATE ADMIN VERSION PROTOCOL EPOCH SEEN");
    for (size_t i = 0; i < json_array_size(devices); i++) {
        const json_t *device = json_array_get(devices, i);
        char protocol[MOOT_WORDS_BYTES];
        char epoch[MOOT_WORDS_BYTES];
        char seen[MOOT_WORDS_BYTES + 8] = "never";
        optional_format(device, "protocol", protocol);
        optional_format(device, "epoch", epoch);
        if (strcmp(moot_at_text(device, "state"), "self") == 0) {
            snprintf(seen, sizeof seen, "here");
        } else if (json_is_integer(moot_at(device, "seen_s"))) {
            char ago[MOOT_WORDS_BYTES];
            moot_words_time_format((uint64_t)number(device, "seen_s"), ago);
            snprintf(seen, sizeof seen, "%s ago", ago);
        }
        moot_columns_row(&columns, moot_at_text(device, "name"), moot_at_text(device, "home"),
                         moot_at_text(device, "state"),
                         moot_at_true(device, "admin") ? "admin" : "",
                         moot_at_text(device, "version"), protocol, epoch, seen);
    }
    moot_columns_print(&columns, out, 0);
}

static bool is_settled(const json_t *proposal)
{
    const char *state = moot_at_text(proposal, "state");
    return strcmp(state, "proposed") != 0 && strcmp(state, "certified") != 0;
}

static void open_show(FILE *out, const json_t *status)
{
    const json_t *proposals = moot_at(status, "proposals");
    bool any = false;
    for (size_t i = 0; i < json_array_size(proposals); i++) {
        const json_t *proposal = json_array_get(proposals, i);
        if (is_settled(proposal)) {
            continue;
        }
        char subject[MOOT_SHOW_LINE_BYTES];
        char next[MOOT_SHOW_LINE_BYTES];
        moot_show_subject(proposal, subject);
        moot_show_next(proposal, next);
        fprintf(out, "%s%s  %s [%s]\n    %s\n", any ? "" : "\n", moot_at_text(proposal, "id"),
                subject, moot_at_text(proposal, "state"), next);
        any = true;
    }
}

static void notes_show(FILE *out, const json_t *status)
{
    const json_t *notes = moot_at(status, "notes");
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const json_t *note = json_array_get(notes, i);
        fprintf(out, "%s%s: %s\n    %s\n", i == 0 ? "\n" : "", moot_at_text(note, "level"),
                moot_at_text(note, "text"), moot_at_text(note, "advice"));
    }
}

static void outside_show(FILE *out, const json_t *status)
{
    const char *joining = moot_at_text(status, "joining");
    fprintf(out, "%s is in no mesh", moot_at_text(status, "device.name"));
    if (strcmp(joining, "pending") == 0) {
        fprintf(out, " yet: it waits for moot device admit %s on an administrator's device\n",
                moot_at_text(status, "device.name"));
    } else if (strcmp(joining, "asking") == 0) {
        fprintf(out, " yet: it is asking the inviting node\n");
    } else if (strcmp(joining, "denied") == 0) {
        fprintf(out, ": it asked to join and was turned away\n");
    } else {
        fprintf(out, "\n    moot init --mesh NAME founds one, moot join URI enters one\n");
    }
}

static void epoch_show(FILE *out, const json_t *status)
{
    fprintf(out, "epoch      %lld", number(status, "epoch"));
    long long stalled = number(status, "epoch_stalled_s");
    if (stalled > 0) {
        char since[MOOT_WORDS_BYTES];
        char names[256];
        moot_words_time_format((uint64_t)stalled, since);
        moot_at_names(status, "epoch_waits_for", "and", names, sizeof names);
        fprintf(out, ", stalled for %s%s%s", since, names[0] != '\0' ? ": waiting for " : "",
                names);
    }
    fputc('\n', out);
}

void moot_show_fence(FILE *out, const json_t *status)
{
    if (moot_at_true(status, "fence.active")) {
        char left[MOOT_WORDS_BYTES];
        moot_words_time_format((uint64_t)number(status, "fence.lease_left_s"), left);
        const char *proposal = moot_at_text(status, "fence.proposal");
        fprintf(out, "writes are held back for %s by %s, for %s at most; %lld wait\n",
                proposal[0] != '\0' ? proposal : "a snapshot being taken",
                moot_at_text(status, "fence.holder"), left, number(status, "fence.queued"));
    } else {
        fprintf(out, "no writer fence: records are written at once\n");
    }
    if (moot_at_true(status, "fenced")) {
        fprintf(out, "this device is fenced: %s\n", moot_at_text(status, "fenced_reason"));
    }
}

void moot_show_status(FILE *out, const json_t *status)
{
    if (!moot_at_true(status, "in_mesh")) {
        outside_show(out, status);
        notes_show(out, status);
        return;
    }
    char names[256];
    fprintf(out, "mesh       %s (%.12s)\n", moot_at_text(status, "mesh.name"),
            moot_at_text(status, "mesh.id"));
    fprintf(out, "device     %s, home %s%s (%.12s), listens at %s\n",
            moot_at_text(status, "device.name"), moot_at_text(status, "device.home"),
            moot_at_true(status, "device.admin") ? ", administrator" : "",
            moot_at_text(status, "device.id"), moot_at_text(status, "listen"));
    fprintf(out, "release    %s, speaks protocol %lld\n", moot_at_text(status, "version"),
            number(status, "protocol.speaks"));
    epoch_show(out, status);
    moot_at_names(status, "admins.names", "and", names, sizeof names);
    fprintf(out, "admins     %s: any %lld of %zu\n", names, number(status, "admins.threshold"),
            moot_at_count(status, "admins.names"));
    if (moot_at_true(status, "fence.active") || moot_at_true(status, "fenced")) {
        fprintf(out, "fence      ");
        moot_show_fence(out, status);
    }
    fputc('\n', out);
    moot_show_devices(out, moot_at(status, "devices"));
    open_show(out, status);
    notes_show(out, status);
}
