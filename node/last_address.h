/*
 * A node told to listen on port 0 takes a free port, and after a restart the same one if it still can:
 * peers that were away meanwhile know the old address. Kept in DATA/listen.last, one line; a hint only.
 */
#ifndef MOOT_NODE_LAST_ADDRESS_H
#define MOOT_NODE_LAST_ADDRESS_H

#include "node/link.h"

/* Listens on `url`, or, where its port is 0, first on the address that the directory `data`
 * remembers for the same host. Remembers what came of it. Errors are those of moot_links_listen. */
enum moot_status moot_last_address_listen(struct moot_links *links, const char *data,
                                          const char *url, struct moot_error *error);

#endif
