/*
 * Configuration: one table of keys, four places a value may come from. Weakest first:
 *
 *   built in  <  file (/etc/moot/moot.conf, conf.d, or --config)  <  MOOT_* in the environment
 *             <  --set KEY=VALUE
 *
 * Each value keeps its origin. A key that does not exist, a value that does not parse or lies
 * outside its range is refused (BAD_ARGUMENT) with the place, never skipped.
 */
#ifndef MOOT_NODE_CONFIG_H
#define MOOT_NODE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crypto/base/status.h"
#include "protocols/engine.h"

enum moot_config_key {
    MOOT_CONFIG_EPOCH_INTERVAL = 1,
    MOOT_CONFIG_GOSSIP_INTERVAL,
    MOOT_CONFIG_READINESS_TIMEOUT,
    MOOT_CONFIG_PROPOSAL_DEADLINE,
    MOOT_CONFIG_SOFT_FORK_AUTO_ACTIVATE,
    MOOT_CONFIG_ADMIN_CONSENT,
    MOOT_CONFIG_FENCE_LEASE,
    MOOT_CONFIG_FENCE_PROPOSE,
    MOOT_CONFIG_SNAPSHOT_EVERY,
    MOOT_CONFIG_SNAPSHOT_MIN_EPOCHS,
    MOOT_CONFIG_OPERATORS,
    MOOT_CONFIG_LOG_LEVEL,
    MOOT_CONFIG_LOG_JSON,
    MOOT_CONFIG_FENCE_NOTICE
};
#define MOOT_CONFIG_KEY_MAX 14

enum moot_config_kind {
    MOOT_CONFIG_DURATION =
        1,              /* "2s", "500ms", "5m", "1h", "7d"; a bare number is seconds; number: ms */
    MOOT_CONFIG_SIZE,   /* "64MiB", "10k"; a bare number is bytes; number: bytes */
    MOOT_CONFIG_COUNT,  /* number */
    MOOT_CONFIG_BOOL,   /* yes, no, true, false, on, off, 1, 0; number: 0 or 1 */
    MOOT_CONFIG_CHOICE, /* one of a few words; number: its place from 0 */
    MOOT_CONFIG_UIDS    /* numbers with commas; empty: the default */
};

#define MOOT_CONFIG_TEXT_BYTES 256   /* a value, with NUL */
#define MOOT_CONFIG_ORIGIN_BYTES 256 /* with NUL */
#define MOOT_CONFIG_UIDS_MAX 16

/* One row of the table. */
struct moot_config_info {
    const char *name;
    enum moot_config_kind kind;
    const char *standard; /* the default, as text */
    uint64_t least, most; /* of the number */
    const char *choices;  /* CHOICE: "auto|person" */
    const char *help;
};

struct moot_config_value {
    char text[MOOT_CONFIG_TEXT_BYTES];
    char origin
        [MOOT_CONFIG_ORIGIN_BYTES]; /* "default", "file PATH:LINE", "environment NAME", "set" */
    uint64_t number;
};

struct moot_config {
    struct moot_config_value values[MOOT_CONFIG_KEY_MAX + 1]; /* by key; [0] is unused */
    uid_t operators[MOOT_CONFIG_UIDS_MAX];
    uint32_t operator_count;
};

/* The row of a key. */
const struct moot_config_info *moot_config_info(enum moot_config_key key);

/* The defaults; operators are the effective uid and 0. */
void moot_config_init(struct moot_config *config);

/* Sets one key by name; `origin` is copied. BAD_ARGUMENT, with the nearest key as a suggestion; the
 * configuration is then unchanged. */
MOOT_MUST_USE enum moot_status moot_config_set(struct moot_config *config, const char *name,
                                               const char *value, const char *origin,
                                               struct moot_error *error);

/* "KEY=VALUE" of --set. */
MOOT_MUST_USE enum moot_status moot_config_assign(struct moot_config *config,
                                                  const char *assignment, struct moot_error *error);

/* One INI file: keys before any section or in [mootd]. NOT_FOUND, FILE_IO, BAD_ARGUMENT. */
MOOT_MUST_USE enum moot_status moot_config_file(struct moot_config *config, const char *path,
                                                struct moot_error *error);

/* The installed files below `directory` ("/etc/moot"): moot.conf, then conf.d/NAME.conf by name.
 * Those that do not exist are fine. */
MOOT_MUST_USE enum moot_status
moot_config_installed(struct moot_config *config, const char *directory, struct moot_error *error);

/* MOOT_EPOCH_INTERVAL and so on, for each key of the table; other MOOT_* are not ours to judge. */
MOOT_MUST_USE enum moot_status moot_config_environment(struct moot_config *config,
                                                       struct moot_error *error);

uint64_t moot_config_number(const struct moot_config *config, enum moot_config_key key);

/* May this uid act? */
bool moot_config_is_operator(const struct moot_config *config, uid_t uid);

/* Copies what the engine needs. */
void moot_config_engine(const struct moot_config *config, struct moot_engine_config *ret);

#endif
