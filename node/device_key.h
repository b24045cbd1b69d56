/* The device's key on disk: DATA/device.key, the 32-byte seed, mode 0600. */
#ifndef MOOT_NODE_DEVICE_KEY_H
#define MOOT_NODE_DEVICE_KEY_H

#include "crypto/base/status.h"
#include "crypto/identity.h"

/*
 * Reads the key; where there is none and `may_make`, makes one, which appears whole and durable or not at
 * all. The caller holds the directory (the store's lock), so there is one maker. NOT_FOUND: none, and none
 * may be made. NOT_ALLOWED: others may read the file, or it is not ours. STORE_DAMAGED: not a seed.
 * FILE_IO. Wipe the identity with moot_identity_deinit.
 */
MOOT_MUST_USE enum moot_status moot_device_key_load(const char *data_directory, bool may_make,
                                                    struct moot_identity *ret, bool *ret_made,
                                                    struct moot_error *error);

#endif
