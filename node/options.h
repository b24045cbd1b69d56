/* The daemon's command line (docs/man, moot help). */
#ifndef MOOT_NODE_OPTIONS_H
#define MOOT_NODE_OPTIONS_H

#include "node/config.h"

/* Texts are borrowed from argv. */
struct moot_options {
    const char *data_directory; /* required, unless help or version */
    const char *listen_url;     /* NULL: nobody can dial this node */
    const char *api_address;    /* required */
    const char *name, *home;    /* NULL: the host's name; none */
    uint16_t protocol_max;      /* 0: all this release speaks */
    bool alone;
    bool help, version;
    struct moot_config config; /* files, environment and --set applied */
};

/*
 * Parses the command line and reads the configuration. BAD_ARGUMENT, UNSUPPORTED (--http), NOT_FOUND or
 * FILE_IO (--config).
 */
MOOT_MUST_USE enum moot_status moot_options_parse(int argc, char **argv, struct moot_options *ret,
                                                  struct moot_error *error);

/* The text of --help. */
extern const char moot_options_help[];

#endif
