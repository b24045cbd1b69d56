/* Between the two files that make up manifest decoding; nobody else includes this. */
#ifndef MOOT_PROTOCOLS_MANIFEST_CHECK_H
#define MOOT_PROTOCOLS_MANIFEST_CHECK_H

#include "protocols/manifest.h"

/* Everything but encoding and signature; fills the sums, each blob's file_first and `distinct` (in the
 * arena). `blobs` is manifest->blobs, writable. BAD_PATH, BAD_MANIFEST, NO_MEMORY. */
enum moot_status moot_manifest_check_(struct moot_manifest *manifest,
                                      struct moot_manifest_blob *blobs, struct moot_arena *arena);

#endif
