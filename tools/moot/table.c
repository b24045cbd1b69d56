/*
 * The command table and the table of flags. Happy path: nothing runs here; others read it. A new
 * command is one row and one function.
 */
#include "tools/moot/table.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "tools/moot/verbs.h"

/* clang-format off */
static const struct moot_flag_info flag_table[MOOT_FLAG_MAX + 1] = {
    [MOOT_FLAG_NODE] = {"--node", NULL, MOOT_FLAG_VALUE, "unix:PATH",
        "the node's socket; default $MOOT_NODE, else unix:/run/moot/mootd.sock"},
    [MOOT_FLAG_JSON] = {"--json", NULL, MOOT_FLAG_SWITCH, NULL, "one JSON document on stdout, errors too"},
    [MOOT_FLAG_HELP] = {"--help", "-h", MOOT_FLAG_SWITCH, NULL, "help for this command"},
    [MOOT_FLAG_WAIT] = {"--wait", NULL, MOOT_FLAG_VALUE_MAYBE, "TIME",
        "acting: until it is done or has ended; reading: until a node answers. 90, 30s, 2m, 1h; default 5m"},
    [MOOT_FLAG_DRY_RUN] = {"--dry-run", NULL, MOOT_FLAG_SWITCH, NULL, "check everything, change nothing, print the exact fact"},
    [MOOT_FLAG_MESH] = {"--mesh", NULL, MOOT_FLAG_VALUE, "NAME", "name of the mesh"},
    [MOOT_FLAG_NAME] = {"--name", NULL, MOOT_FLAG_VALUE, "NAME", "name of the device, or of the package"},
    [MOOT_FLAG_HOME] = {"--home", NULL, MOOT_FLAG_VALUE, "HOME", "home of the device"},
    [MOOT_FLAG_SET] = {"--set", NULL, MOOT_FLAG_VALUE, "NAME,NAME,...", "the administrators, by the names of their devices"},
    [MOOT_FLAG_THRESHOLD] = {"--threshold", NULL, MOOT_FLAG_VALUE, "M", "how many of them decide; more than half"},
    [MOOT_FLAG_SOFT] = {"--soft", NULL, MOOT_FLAG_SWITCH, NULL, "in force as soon as approved and ready"},
    [MOOT_FLAG_HARD] = {"--hard", NULL, MOOT_FLAG_SWITCH, NULL, "mandatory from an epoch on; needs --at-epoch"},
    [MOOT_FLAG_AT_EPOCH] = {"--at-epoch", NULL, MOOT_FLAG_VALUE, "N|+N", "the epoch fence of a hard fork; +N counts from now"},
    [MOOT_FLAG_READY] = {"--ready", NULL, MOOT_FLAG_VALUE, "N", "how many devices must be ready before it activates"},
    [MOOT_FLAG_MIN_PROTOCOL] = {"--min-protocol", NULL, MOOT_FLAG_VALUE, "P", "least protocol from the fence on"},
    [MOOT_FLAG_REVERT_PLAN] = {"--revert-plan", NULL, MOOT_FLAG_VALUE, "TEXT", "how to go back; a hard fork must say it"},
    [MOOT_FLAG_SHORT_NOTICE] = {"--short-notice", NULL, MOOT_FLAG_SWITCH, NULL, "less notice than usual; recorded"},
    [MOOT_FLAG_DIGEST] = {"--digest", NULL, MOOT_FLAG_VALUE, "HEX", "what you approve: the whole digest, or its first 4 or more hex digits"},
    [MOOT_FLAG_MESSAGE] = {"--message", "-m", MOOT_FLAG_VALUE, "WHY", "the reason, for the others to read"},
    [MOOT_FLAG_FOR] = {"--for", NULL, MOOT_FLAG_VALUE, "STATE", "the state to wait for; default in-force"},
    [MOOT_FLAG_VERSION] = {"--version", NULL, MOOT_FLAG_VALUE, "SEMVER", "version of the package"},
    [MOOT_FLAG_OUTPUT] = {"--output", "-o", MOOT_FLAG_VALUE, "FILE.moot", "the file to write"},
    [MOOT_FLAG_CHANNEL] = {"--channel", NULL, MOOT_FLAG_VALUE, "CHANNEL", "stable, beta, nightly or security; default stable"},
    [MOOT_FLAG_NOTES] = {"--notes", NULL, MOOT_FLAG_VALUE, "TEXT", "release notes"},
    [MOOT_FLAG_KEY] = {"--key", NULL, MOOT_FLAG_VALUE, "FILE", "release key; default $MOOT_RELEASE_KEY, else made in ~/.config/moot"},
    [MOOT_FLAG_PLATFORM] = {"--platform", NULL, MOOT_FLAG_VALUE, "NAME", "what it runs on; default any"},
    [MOOT_FLAG_FROM_MIN] = {"--from-min", NULL, MOOT_FLAG_VALUE, "SEMVER", "least version it may be installed over"},
    [MOOT_FLAG_PROTOCOL_MIN] = {"--protocol-min", NULL, MOOT_FLAG_VALUE, "P", "least protocol it speaks; default 1"},
    [MOOT_FLAG_PROTOCOL_MAX] = {"--protocol-max", NULL, MOOT_FLAG_VALUE, "P", "highest protocol it speaks; default the least"},
    [MOOT_FLAG_MANDATORY] = {"--mandatory", NULL, MOOT_FLAG_SWITCH, NULL, "mark it as mandatory"},
    [MOOT_FLAG_SECURITY] = {"--security", NULL, MOOT_FLAG_SWITCH, NULL, "mark it as a security release"},
    [MOOT_FLAG_NO_WAIT] = {"--no-wait", NULL, MOOT_FLAG_SWITCH, NULL, "under a fence exit 9 at once"},
    [MOOT_FLAG_QUEUE] = {"--queue", NULL, MOOT_FLAG_SWITCH, NULL, "return when durably queued"},
    [MOOT_FLAG_DELETE] = {"--delete", NULL, MOOT_FLAG_SWITCH, NULL, "write that the key has no value any more"},
    [MOOT_FLAG_ALL] = {"--all", NULL, MOOT_FLAG_SWITCH, NULL, "all values that stand beside each other, deleted ones too"},
    [MOOT_FLAG_LIMIT] = {"--limit", NULL, MOOT_FLAG_VALUE, "N", "at most so many"},
    [MOOT_FLAG_SINCE] = {"--since", NULL, MOOT_FLAG_VALUE, "N", "only events after number N"},
    [MOOT_FLAG_FOLLOW] = {"--follow", "-f", MOOT_FLAG_SWITCH, NULL, "stay and print what comes"},
    [MOOT_FLAG_ORIGIN] = {"--origin", NULL, MOOT_FLAG_SWITCH, NULL, "say where each value comes from"},
    [MOOT_FLAG_IMAGE] = {"--image", NULL, MOOT_FLAG_SWITCH, NULL, "the bytes of its image on stdout: their BLAKE2b-256 is the state digest"},
    [MOOT_FLAG_MARKDOWN] = {"--markdown", NULL, MOOT_FLAG_SWITCH, NULL, "all commands as docs/CLI.md"},
    [MOOT_FLAG_PREFIX] = {"--prefix", NULL, MOOT_FLAG_SWITCH, NULL, "each KEY means all keys that begin with it"},
    [MOOT_FLAG_AT] = {"--at", NULL, MOOT_FLAG_VALUE, "SEQ", "the last fact of that device that counts; default the last one held here"},
    [MOOT_FLAG_FLOOR] = {"--floor", NULL, MOOT_FLAG_VALUE, "E|+N", "entries stored in an epoch below E are gone; default the epoch after this one; +N counts from now"},
};

#define BIT(flag) MOOT_FLAG_BIT(MOOT_FLAG_##flag)
#define READS MOOT_EFFECT_READS
#define ACTS MOOT_EFFECT_ACTS
#define OFFLINE MOOT_EFFECT_OFFLINE

const struct moot_command moot_commands[] = {
    {"The mesh", "init", "", ACTS, BIT(MESH) | BIT(NAME) | BIT(HOME), BIT(MESH), moot_verb_init,
        "found a mesh on this node", "This device becomes its first member and only administrator (1 of 1)."},
    {NULL, "join", "URI", ACTS, 0, 0, moot_verb_join,
        "ask to enter a mesh by an invitation",
        "Returns when the inviting node knows of it; with --wait when this device is a member. There: `moot device admit NAME`."},
    {NULL, "status", "", READS, 0, 0, moot_verb_status, "what this node knows, what happens next, who it waits for", NULL},
    {NULL, "doctor", "", READS, 0, 0, moot_verb_doctor, "look for trouble and say what helps",
        "Exit 0: all well; 10: something is limited; 11: something is broken; 3: no node answers."},
    {NULL, "version", "", OFFLINE, 0, 0, moot_verb_version, "version of this command, and of the node if one answers", NULL},

    {"Devices", "device invite", "", ACTS, 0, 0, moot_verb_device_invite,
        "make an invitation for one device", "The URI holds an address, the mesh and a secret that works once."},
    {NULL, "device pending", "", READS, 0, 0, moot_verb_device_pending, "devices that asked to join", NULL},
    {NULL, "device admit", "NAME", ACTS, 0, 0, moot_verb_device_admit, "propose to admit a device that asked, and approve it here", NULL},
    {NULL, "device deny", "NAME", ACTS, 0, 0, moot_verb_device_deny, "turn a device that asked away", NULL},
    {NULL, "device remove", "NAME", ACTS, BIT(AT), 0, moot_verb_device_remove,
        "propose to remove a device, and approve it here",
        "What it wrote above --at becomes void everywhere, what it wrote before stays. Its key never comes back. An administrator's device leaves their set first: moot propose admins."},
    {NULL, "device replace", "OLD NEW", ACTS, BIT(AT), 0, moot_verb_device_replace,
        "propose that a device that asked to join takes the place of another, and approve it here",
        "NEW is its name in moot device pending, or its id. It gets the name and home of OLD, whose key is retired as with device remove."},
    {NULL, "device rename", "NAME NEWNAME", ACTS, BIT(HOME), 0, moot_verb_device_rename,
        "propose another name for a device, and approve it here", "The home stays as it is without --home."},
    {NULL, "device leave", "", READS, 0, 0, moot_verb_device_leave, "say who can let this device leave, and how",
        "Exit 5: it takes administrators; 6: this device is one of them."},
    {NULL, "device list", "", READS, 0, 0, moot_verb_device_list, "all devices of the mesh, removed ones at the end", NULL},
    {NULL, "device show", "NAME", READS, 0, 0, moot_verb_device_show, "one device", NULL},
    {NULL, "admin list", "", READS, 0, 0, moot_verb_admin_list, "the administrators and their threshold", NULL},

    {"Decisions", "propose admins", "", ACTS, BIT(SET) | BIT(THRESHOLD), BIT(SET) | BIT(THRESHOLD), moot_verb_propose_admins,
        "propose another set of administrators", "Takes effect with a turning tick, on every device at the same epoch."},
    {NULL, "propose upgrade", "PKG.moot", ACTS,
        BIT(SOFT) | BIT(HARD) | BIT(AT_EPOCH) | BIT(READY) | BIT(MIN_PROTOCOL) | BIT(REVERT_PLAN) | BIT(SHORT_NOTICE), BIT(READY),
        moot_verb_propose_upgrade, "hand a package to this node and propose it",
        "With --dry-run the package is stored on this node, but nothing is proposed."},
    {NULL, "propose cache", "KEY...", ACTS, BIT(PREFIX) | BIT(FLOOR), 0, moot_verb_propose_cache,
        "propose to invalidate keys in every device's cache",
        "Everything stored in this epoch or before is gone once enough administrators approved. Until the next epoch these keys are not cached; --floor with the present epoch spares what was stored in it."},
    {NULL, "propose snapshot", "", ACTS, 0, 0, moot_verb_propose_snapshot, "take a snapshot of the state and propose it",
        "Ordinary writes wait meanwhile. The other administrators' nodes rebuild the state and sign by themselves."},
    {NULL, "approve", "ID", ACTS, BIT(DIGEST), 0, moot_verb_approve, "approve a proposal",
        "Without --digest it shows what this node itself computed and asks for the first block of the digest; that takes a terminal."},
    {NULL, "reject", "ID", ACTS, BIT(MESSAGE), BIT(MESSAGE), moot_verb_reject, "vote against a proposal", NULL},
    {NULL, "withdraw", "ID", ACTS, 0, 0, moot_verb_withdraw, "take an own proposal back", NULL},
    {NULL, "show", "ID", READS, 0, 0, moot_verb_proposal_show, "one proposal: state, approvals, readiness, certificate", NULL},
    {NULL, "proposal list", "", READS, 0, 0, moot_verb_proposal_list, "all proposals, oldest first", NULL},
    {NULL, "proposal show", "ID", READS, 0, 0, moot_verb_proposal_show, "the same as show", NULL},
    {NULL, "proposal wait", "ID", READS, BIT(FOR), 0, moot_verb_proposal_wait, "wait until a proposal is in a state, or ended otherwise",
        "Waits for --wait=TIME, 5m when not given. Exit 0: it is; 7: not in time; 8: rejected, expired or withdrawn; 6: conflicted."},
    {NULL, "proposal verify", "ID", READS, 0, 0, moot_verb_proposal_verify, "check the certificate of a proposal again, here, signature by signature",
        "The signatures are checked by this command itself; which keys are administrators is the node's word."},
    {NULL, "upgrade status", "[ID]", READS, 0, 0, moot_verb_upgrade_status, "upgrades: approvals, readiness, blocks", NULL},
    {NULL, "upgrade activate", "ID", ACTS, 0, 0, moot_verb_upgrade_activate, "sign the activation of an approved and ready upgrade",
        "Needed only where soft_fork_auto_activate is off."},

    {"Packages", "package build", "DIR", OFFLINE,
        BIT(NAME) | BIT(VERSION) | BIT(OUTPUT) | BIT(CHANNEL) | BIT(NOTES) | BIT(KEY) | BIT(PLATFORM) | BIT(FROM_MIN) |
            BIT(PROTOCOL_MIN) | BIT(PROTOCOL_MAX) | BIT(MANDATORY) | BIT(SECURITY),
        BIT(NAME) | BIT(VERSION) | BIT(OUTPUT), moot_verb_package_build, "pack a directory and sign it with the release key",
        "The same directory, options and key give the same bytes."},
    {NULL, "package inspect", "FILE", OFFLINE, 0, 0, moot_verb_package_inspect, "what a package holds and who signed it", NULL},
    {NULL, "package verify", "FILE", OFFLINE, 0, 0, moot_verb_package_verify, "check every byte of a package", NULL},

    {"Records", "record put", "KEY [VALUE]", ACTS, BIT(NO_WAIT) | BIT(QUEUE) | BIT(DELETE), 0, moot_verb_record_put, "write a record",
        "VALUE - reads it from stdin. Returns when it is durable here; waits out a writer fence. Every member can read every record."},
    {NULL, "record get", "KEY", READS, BIT(ALL), 0, moot_verb_record_get, "print a record's value, exactly, and a newline",
        "Exit 4 when there is none or it was deleted."},
    {NULL, "record list", "[PREFIX]", READS, BIT(LIMIT), 0, moot_verb_record_list, "keys of records", NULL},

    {"The cache of this device", "cache get", "KEY", READS, 0, 0, moot_verb_cache_get, "print a cached value, exactly, and a newline",
        "Exit 4 when there is none or it was invalidated. The cache is this process's own: not replicated, not durable."},
    {NULL, "cache set", "KEY VALUE", ACTS, 0, 0, moot_verb_cache_set, "keep a value in the cache of this device",
        "VALUE - reads it from stdin. Exit 1 (below_floor) while the key is invalidated beyond the present epoch."},
    {NULL, "cache check", "KEY", READS, 0, 0, moot_verb_cache_check, "what a get would find, and the floor of the key; counts nothing",
        "Exit 4 when nothing would be served."},
    {NULL, "cache invalidate", "KEY...", ACTS, BIT(PREFIX) | BIT(FLOOR), 0, moot_verb_propose_cache, "the same as propose cache", NULL},
    {NULL, "cache stats", "", READS, 0, 0, moot_verb_cache_stats, "entries, bytes, hits, misses, invalidated, stored, evicted", NULL},

    {"The journal", "journal stats", "", READS, 0, 0, moot_verb_journal_stats, "counts and digests; equal frontier_digest means equal state_digest", NULL},
    {NULL, "journal log", "", READS, BIT(LIMIT), 0, moot_verb_journal_log, "the facts this node committed, newest first", NULL},
    {NULL, "epoch show", "", READS, 0, 0, moot_verb_epoch_show, "the epoch, and what it waits for when it stalls", NULL},
    {NULL, "epoch wait", "N", READS, 0, 0, moot_verb_epoch_wait, "wait until the epoch is N or later; +N counts from now",
        "Waits for --wait=TIME, 5m when not given; exit 7 when it is not reached."},
    {NULL, "fork list", "", READS, 0, 0, moot_verb_fork_list, "the founding and every turn since: changes of administrators, hard forks", NULL},
    {NULL, "fork show", "[K]", READS, 0, 0, moot_verb_fork_show, "one turn, the last when none is named", NULL},
    {NULL, "fence show", "", READS, 0, 0, moot_verb_fence_show, "whether ordinary writes are held back, by whom, how long", NULL},
    {NULL, "snapshot list", "", READS, 0, 0, moot_verb_snapshot_list, "completed snapshots", NULL},
    {NULL, "snapshot show", "[E]", READS, BIT(IMAGE), 0, moot_verb_snapshot_show, "one snapshot; E is its epoch or id, the last one when not given", NULL},
    {NULL, "snapshot verify", "[E]", READS, 0, 0, moot_verb_snapshot_verify,
        "check every block of a snapshot's image, and the whole against the certified digest", NULL},
    {NULL, "snapshot gc", "", READS, BIT(DRY_RUN), BIT(DRY_RUN), moot_verb_snapshot_gc, "how many facts the next snapshot lets this node forget",
        "Collection itself happens without being asked."},
    {NULL, "events", "", READS, BIT(SINCE) | BIT(FOLLOW), 0, moot_verb_events, "events as lines of JSON", NULL},
    {NULL, "config show", "", READS, BIT(ORIGIN), 0, moot_verb_config_show, "the node's settings", NULL},

    {"Help", "help", "[VERB...]", OFFLINE, BIT(MARKDOWN), 0, moot_verb_help, "this list, or the page of one command", NULL},
};
/* clang-format on */

const size_t moot_command_count = sizeof moot_commands / sizeof moot_commands[0];

const struct moot_flag_info *moot_flag_info(enum moot_flag flag)
{
    MOOT_REQUIRE(flag >= 1 && flag <= MOOT_FLAG_MAX);
    return &flag_table[flag];
}

uint64_t moot_command_flags(const struct moot_command *command)
{
    uint64_t flags = command->flags | MOOT_FLAGS_GLOBAL;
    if (command->effect != MOOT_EFFECT_OFFLINE) {
        flags |= BIT(WAIT);
    }
    if (command->effect == MOOT_EFFECT_ACTS) {
        flags |= BIT(DRY_RUN);
    }
    return flags;
}

void moot_command_counts(const struct moot_command *command, size_t *ret_least, size_t *ret_most)
{
    size_t least = 0;
    size_t most = 0;
    for (const char *at = command->arguments; *at != '\0';) {
        size_t length = strcspn(at, " ");
        bool optional = at[0] == '[';
        bool several = length > 3 && (memcmp(at + length - 3, "...", 3) == 0 ||
                                      (length > 4 && memcmp(at + length - 4, "...]", 4) == 0));
        least += optional ? 0 : 1;
        most = several ? SIZE_MAX : most + 1;
        at += length;
        at += strspn(at, " ");
    }
    *ret_least = least;
    *ret_most = most;
}
