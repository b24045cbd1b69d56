/*
 * The command line. Two passes: the first finds --config, so that files are weaker than the
 * environment and the environment weaker than --set, wherever they stand in the line.
 */
#include "node/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "node/config_parse.h"

#define INSTALLED_DIRECTORY "/etc/moot"

const char moot_options_help[] =
    "usage: mootd --data DIR --api unix:PATH [--listen tcp://HOST:PORT] [OPTION]...\n"
    "\n"
    "  --data DIR          the node's data; made if missing\n"
    "  --api unix:PATH     where moot talks to this node\n"
    "  --listen URL        where other devices reach it; port 0 takes a free one\n"
    "  --name NAME         proposed name of this device (default: the host's name)\n"
    "  --home HOME         proposed home of this device\n"
    "  --config FILE       instead of /etc/moot/moot.conf and conf.d\n"
    "  --set KEY=VALUE     one setting; may stand several times (moot config show lists the keys)\n"
    "  --protocol-max N    speak as an older release would: for rehearsals and tests\n"
    "  --alone             sign without hearing a peer first; recorded in the log\n"
    "  --version, --help\n"
    "\n"
    "Settings: built in, then the file, then MOOT_KEY in the environment, then --set.\n"
    "Exit: 0 stopped as asked, 1 failed, 2 usage, 4 not found, 5 not allowed, 6 another node uses "
    "the\n"
    "directory, 10 degraded, 11 broken.\n";

enum option_id {
    OPTION_DATA = 1,
    OPTION_LISTEN,
    OPTION_API,
    OPTION_NAME,
    OPTION_HOME,
    OPTION_HTTP,
    OPTION_CONFIG,
    OPTION_SET,
    OPTION_PROTOCOL_MAX,
    OPTION_ALONE,
    OPTION_VERSION,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"api", required_argument, NULL, OPTION_API},
    {"name", required_argument, NULL, OPTION_NAME},
    {"home", required_argument, NULL, OPTION_HOME},
    {"http", required_argument, NULL, OPTION_HTTP},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"set", required_argument, NULL, OPTION_SET},
    {"protocol-max", required_argument, NULL, OPTION_PROTOCOL_MAX},
    {"alone", no_argument, NULL, OPTION_ALONE},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static enum moot_status name_check(const char *option, const char *name, struct moot_error *error)
{
    size_t size = strlen(name);
    bool good = size > 0 && size <= MOOT_NAME_BYTES_MAX &&
                moot_utf8_valid(moot_bytes_of(name, size)) && strpbrk(name, " ,\t\r\n") == NULL;
    return good ? MOOT_OK
                : moot_error_set(error, MOOT_BAD_ARGUMENT,
                                 "%s takes 1 to %d bytes of text without spaces and commas", option,
                                 MOOT_NAME_BYTES_MAX);
}

/* One option of the first pass; --set waits for the second. */
static enum moot_status take(int id, const char *value, struct moot_options *ret,
                             const char **config_path, struct moot_error *error)
{
    uint64_t number;
    switch ((enum option_id)id) {
    case OPTION_DATA:
        ret->data_directory = value;
        return MOOT_OK;
    case OPTION_LISTEN:
        ret->listen_url = value;
        return MOOT_OK;
    case OPTION_API:
        ret->api_address = value;
        return MOOT_OK;
    case OPTION_NAME:
        ret->name = value;
        return name_check("--name", value, error);
    case OPTION_HOME:
        ret->home = value;
        return name_check("--home", value, error);
    case OPTION_HTTP:
        return moot_error_set(error, MOOT_UNSUPPORTED, "--http comes with a later release");
    case OPTION_CONFIG:
        *config_path = value;
        return MOOT_OK;
    case OPTION_SET:
        return MOOT_OK;
    case OPTION_PROTOCOL_MAX:
        if (!moot_config_count_parse(value, &number) || number == 0 || number > MOOT_PROTOCOL_MAX) {
            return moot_error_set(error, MOOT_BAD_ARGUMENT, "--protocol-max takes 1 to %d",
                                  MOOT_PROTOCOL_MAX);
        }
        ret->protocol_max = (uint16_t)number;
        return MOOT_OK;
    case OPTION_ALONE:
        ret->alone = true;
        return MOOT_OK;
    case OPTION_VERSION:
        ret->version = true;
        return MOOT_OK;
    case OPTION_HELP:
        ret->help = true;
        return MOOT_OK;
    }
    return moot_error_set(error, MOOT_BAD_ARGUMENT, "an option is not known or lacks its value");
}

static enum moot_status read_config(int argc, char **argv, const char *path,
                                    struct moot_options *ret, struct moot_error *error)
{
    moot_config_init(&ret->config);
    enum moot_status status = path != NULL
                                  ? moot_config_file(&ret->config, path, error)
                                  : moot_config_installed(&ret->config, INSTALLED_DIRECTORY, error);
    if (status == MOOT_OK) {
        status = moot_config_environment(&ret->config, error);
    }
    optind = 1;
    for (int id;
         status == MOOT_OK && (id = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (id == OPTION_SET) {
            status = moot_config_assign(&ret->config, optarg, error);
        }
    }
    return status;
}

enum moot_status moot_options_parse(int argc, char **argv, struct moot_options *ret,
                                    struct moot_error *error)
{
    const char *config_path = NULL;
    memset(ret, 0, sizeof *ret);
    opterr = 0;
    optind = 1;
    for (int id; (id = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        enum moot_status status =
            id == '?' ? moot_error_set(error, MOOT_BAD_ARGUMENT,
                                       "'%.80s' is not known or lacks its value", argv[optind - 1])
                      : take(id, optarg, ret, &config_path, error);
        if (status != MOOT_OK) {
            return status;
        }
    }
    if (ret->help || ret->version) {
        return MOOT_OK;
    }
    if (optind < argc) {
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "'%.80s' is not an option", argv[optind]);
    }
    if (ret->data_directory == NULL || ret->api_address == NULL) {
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "--data and --api are needed");
    }
    return read_config(argc, argv, config_path, ret, error);
}
