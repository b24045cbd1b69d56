/*
 * The table of keys and what a value of each kind looks like. Happy path: moot_config_set finds the
 * row, parses, checks the range and stores text, number and origin. Every failure is BAD_ARGUMENT
 * and names key, value and origin.
 */
#include "node/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/contract.h"
#include "node/config_parse.h"

/* clang-format off */
static const struct moot_config_info table[MOOT_CONFIG_KEY_MAX + 1] = {
    [MOOT_CONFIG_EPOCH_INTERVAL] = {"epoch_interval", MOOT_CONFIG_DURATION, "1h", 100, 2592000000, NULL,
        "how long an epoch lasts before this administrator signs the next one"},
    [MOOT_CONFIG_GOSSIP_INTERVAL] = {"gossip_interval", MOOT_CONFIG_DURATION, "1s", 10, 3600000, NULL,
        "pause between two exchanges with a peer"},
    [MOOT_CONFIG_READINESS_TIMEOUT] = {"readiness_timeout", MOOT_CONFIG_DURATION, "24h", 1000, 31536000000, NULL,
        "after this a device that said nothing about an upgrade is shown as not ready"},
    [MOOT_CONFIG_PROPOSAL_DEADLINE] = {"proposal_deadline", MOOT_CONFIG_COUNT, "720", 1, 1000000, NULL,
        "epochs a proposal stays open"},
    [MOOT_CONFIG_SOFT_FORK_AUTO_ACTIVATE] = {"soft_fork_auto_activate", MOOT_CONFIG_BOOL, "yes", 0, 1, NULL,
        "sign the activation of an approved and ready upgrade without asking"},
    [MOOT_CONFIG_ADMIN_CONSENT] = {"admin_consent", MOOT_CONFIG_CHOICE, "auto", 0, 1, "auto|person",
        "who agrees to this device becoming an administrator: the node itself, or a person with moot approve"},
    [MOOT_CONFIG_FENCE_LEASE] = {"fence_lease", MOOT_CONFIG_DURATION, "600s", 1000, 86400000, NULL,
        "longest time that an open snapshot holds back ordinary writes here"},
    [MOOT_CONFIG_FENCE_PROPOSE] = {"fence_propose", MOOT_CONFIG_DURATION, "300s", 1000, 86400000, NULL,
        "longest time that this device holds back its own writes while it prepares a snapshot"},
    [MOOT_CONFIG_SNAPSHOT_EVERY] = {"snapshot_every", MOOT_CONFIG_COUNT, "24", 0, 1000000, NULL,
        "epochs between automatic snapshots; 0: only by hand"},
    [MOOT_CONFIG_SNAPSHOT_MIN_EPOCHS] = {"snapshot_min_epochs", MOOT_CONFIG_COUNT, "1", 1, 1000000, NULL,
        "a snapshot sooner after the last one is refused by this administrator"},
    [MOOT_CONFIG_OPERATORS] = {"operators", MOOT_CONFIG_UIDS, "", 0, 0, NULL,
        "uids that may act over the control API; empty: the daemon's own and 0"},
    [MOOT_CONFIG_LOG_LEVEL] = {"log_level", MOOT_CONFIG_CHOICE, "info", 0, 3, "error|warning|info|debug",
        "least important lines that are logged"},
    [MOOT_CONFIG_LOG_JSON] = {"log_json", MOOT_CONFIG_BOOL, "no", 0, 1, NULL,
        "log lines as JSON objects"},
    [MOOT_CONFIG_FENCE_NOTICE] = {"fence_notice", MOOT_CONFIG_DURATION, "7d", 0, 31536000000, NULL,
        "worth of epochs between the proposal of a hard fork and its fence, unless it says --short-notice"},
};
/* clang-format on */

const struct moot_config_info *moot_config_info(enum moot_config_key key)
{
    MOOT_REQUIRE(key >= 1 && key <= MOOT_CONFIG_KEY_MAX);
    return &table[key];
}

static void default_operators(struct moot_config *config)
{
    config->operators[0] = geteuid();
    config->operators[1] = 0;
    config->operator_count = 2;
}

void moot_config_init(struct moot_config *config)
{
    memset(config, 0, sizeof *config);
    for (int key = 1; key <= MOOT_CONFIG_KEY_MAX; key++) {
        struct moot_error error;
        enum moot_status status =
            moot_config_set(config, table[key].name, table[key].standard, "default", &error);
        MOOT_INVARIANT(status == MOOT_OK);
    }
}

/* The key of that name, 0 when there is none. */
static int find(const char *name)
{
    for (int key = 1; key <= MOOT_CONFIG_KEY_MAX; key++) {
        if (strcmp(table[key].name, name) == 0) {
            return key;
        }
    }
    return 0;
}

static enum moot_status unknown(const char *name, const char *origin, struct moot_error *error)
{
    size_t best = 0;
    const char *nearest = NULL;
    for (int key = 1; key <= MOOT_CONFIG_KEY_MAX; key++) {
        size_t distance = moot_config_distance(name, table[key].name);
        if (nearest == NULL || distance < best) {
            best = distance;
            nearest = table[key].name;
        }
    }
    if (nearest != NULL && best <= 1 + strlen(name) / 3) {
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "%.60s: no key '%.40s': did you mean %s?",
                              origin, name, nearest);
    }
    return moot_error_set(error, MOOT_BAD_ARGUMENT,
                          "%.60s: no key '%.40s': moot config show lists them", origin, name);
}

/* What a value should have looked like. */
static const char *wanted(const struct moot_config_info *info)
{
    switch (info->kind) {
    case MOOT_CONFIG_DURATION:
        return "a time such as 500ms, 2s, 5m, 1h or 7d";
    case MOOT_CONFIG_SIZE:
        return "a size such as 4096, 10k or 64MiB";
    case MOOT_CONFIG_COUNT:
        return "a number";
    case MOOT_CONFIG_BOOL:
        return "yes or no";
    case MOOT_CONFIG_CHOICE:
        return info->choices;
    case MOOT_CONFIG_UIDS:
        return "uids with commas";
    }
    return "";
}

static bool parse(const struct moot_config_info *info, const char *value, uint64_t *ret,
                  struct moot_config *config)
{
    switch (info->kind) {
    case MOOT_CONFIG_DURATION:
        return moot_config_duration_parse(value, ret);
    case MOOT_CONFIG_SIZE:
        return moot_config_size_parse(value, ret);
    case MOOT_CONFIG_COUNT:
        return moot_config_count_parse(value, ret);
    case MOOT_CONFIG_BOOL:
        return moot_config_bool_parse(value, ret);
    case MOOT_CONFIG_CHOICE:
        return moot_config_choice_parse(value, info->choices, ret);
    case MOOT_CONFIG_UIDS:
        *ret = 0;
        if (value[0] == '\0') {
            default_operators(config);
            return true;
        }
        return moot_config_uids_parse(value, config->operators, &config->operator_count);
    }
    return false;
}

enum moot_status moot_config_set(struct moot_config *config, const char *name, const char *value,
                                 const char *origin, struct moot_error *error)
{
    int key = find(name);
    if (key == 0) {
        return unknown(name, origin, error);
    }
    const struct moot_config_info *info = &table[key];
    uint64_t number = 0;
    if (strlen(value) >= MOOT_CONFIG_TEXT_BYTES || !parse(info, value, &number, config)) {
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "%.40s: %s = '%.24s' is not %.60s", origin,
                              name, value, wanted(info));
    }
    if (number < info->least || number > info->most) {
        return moot_error_set(error, MOOT_BAD_ARGUMENT,
                              "%.40s: %s = '%.24s' is outside %llu to %llu%s", origin, name, value,
                              (unsigned long long)info->least, (unsigned long long)info->most,
                              info->kind == MOOT_CONFIG_DURATION ? " ms" : "");
    }
    struct moot_config_value *at = &config->values[key];
    (void)snprintf(at->text, sizeof at->text, "%s", value);
    (void)snprintf(at->origin, sizeof at->origin, "%s", origin);
    at->number = number;
    return MOOT_OK;
}

enum moot_status moot_config_assign(struct moot_config *config, const char *assignment,
                                    struct moot_error *error)
{
    char name[64];
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment || (size_t)(equals - assignment) >= sizeof name) {
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "--set '%.60s' is not KEY=VALUE",
                              assignment);
    }
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    return moot_config_set(config, name, equals + 1, "set", error);
}

uint64_t moot_config_number(const struct moot_config *config, enum moot_config_key key)
{
    MOOT_REQUIRE(key >= 1 && key <= MOOT_CONFIG_KEY_MAX);
    return config->values[key].number;
}

bool moot_config_is_operator(const struct moot_config *config, uid_t uid)
{
    for (uint32_t i = 0; i < config->operator_count; i++) {
        if (config->operators[i] == uid) {
            return true;
        }
    }
    return false;
}

void moot_config_engine(const struct moot_config *config, struct moot_engine_config *ret)
{
    ret->epoch_interval_ms = moot_config_number(config, MOOT_CONFIG_EPOCH_INTERVAL);
    ret->gossip_interval_ms = moot_config_number(config, MOOT_CONFIG_GOSSIP_INTERVAL);
    ret->readiness_timeout_ms = moot_config_number(config, MOOT_CONFIG_READINESS_TIMEOUT);
    ret->fence_notice_ms = moot_config_number(config, MOOT_CONFIG_FENCE_NOTICE);
    ret->deadline_epochs = (uint32_t)moot_config_number(config, MOOT_CONFIG_PROPOSAL_DEADLINE);
    ret->soft_fork_auto_activate =
        moot_config_number(config, MOOT_CONFIG_SOFT_FORK_AUTO_ACTIVATE) != 0;
    ret->fence_lease_ms = moot_config_number(config, MOOT_CONFIG_FENCE_LEASE);
    ret->fence_propose_ms = moot_config_number(config, MOOT_CONFIG_FENCE_PROPOSE);
    ret->snapshot_every = (uint32_t)moot_config_number(config, MOOT_CONFIG_SNAPSHOT_EVERY);
    ret->snapshot_min_epochs =
        (uint32_t)moot_config_number(config, MOOT_CONFIG_SNAPSHOT_MIN_EPOCHS);
    ret->consent_by_person = moot_config_number(config, MOOT_CONFIG_ADMIN_CONSENT) != 0;
}
