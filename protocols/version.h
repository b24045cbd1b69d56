/*
 * Release versions: the text of Semantic Versioning 2.0.0 (semver.org), MAJOR.MINOR.PATCH with
 * optional -prerelease and +build. Numbers fit 32 bits; the whole is at most
 * MOOT_SEMVER_BYTES_MAX.
 */
#ifndef MOOT_PROTOCOLS_VERSION_H
#define MOOT_PROTOCOLS_VERSION_H

#include "crypto/base/bytes.h"

#define MOOT_SEMVER_BYTES_MAX 64

/* True for a well-formed version. */
bool moot_version_valid(struct moot_bytes text);

/*
 * Precedence of two valid versions (section 11): negative, zero or positive like memcmp. Build
 * metadata does not count, so versions that compare equal may differ as text.
 */
int moot_version_compare(struct moot_bytes a, struct moot_bytes b);

#endif
