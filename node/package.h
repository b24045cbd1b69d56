/*
 * Package files: building, inspecting and verifying FILE.moot. A library of its own (moot_package):
 * the command line uses it without a node. Nothing here prints; failures fill a struct moot_error.
 *
 * A file is "MOOTPKG1" ‖ u32 manifest size (big-endian) ‖ manifest ‖ the blobs in manifest order.
 * The same directory, options and key give the same bytes: no times, owners or absolute paths are
 * in it.
 */
#ifndef MOOT_NODE_PACKAGE_H
#define MOOT_NODE_PACKAGE_H

#include "crypto/base/status.h"
#include "protocols/manifest.h"

#define MOOT_PACKAGE_MAGIC "MOOTPKG1"
#define MOOT_PACKAGE_HEAD_BYTES 12
#define MOOT_PACKAGE_ZSTD_LEVEL 19

/* All texts borrowed. NULL or 0 means the default in brackets. */
struct moot_package_options {
    const char *name;                  /* required */
    const char *version;               /* required */
    const char *platform;              /* ["any"] */
    const char *from_min;              /* [""] */
    const char *notes;                 /* [""] */
    enum moot_release_channel channel; /* [MOOT_RELEASE_STABLE] */
    uint32_t protocol_min;             /* [1] */
    uint32_t protocol_max;             /* [protocol_min] */
    bool mandatory;
    bool security;
    const char *key_file; /* [$MOOT_RELEASE_KEY, else $HOME/.config/moot/release.key] */
    int zstd_level;       /* [MOOT_PACKAGE_ZSTD_LEVEL] */
};

/* What build did, for the one who reports it. */
struct moot_package_built {
    struct moot_digest manifest_hash;
    struct moot_key release_key;
    uint32_t file_count;
    uint64_t plain_bytes;   /* of all files */
    uint64_t package_bytes; /* of FILE.moot */
    bool key_made;          /* a new release key was made: say so, with key_path */
    char key_path[4096];
};

/*
 * Packs every regular file below `directory` into `output`, which appears complete or not at all
 * (temporary file beside it, fsync, rename, fsync of the directory). Modes become 0755 if the owner
 * may execute, else 0644. Empty directories are not packed. BAD_PATH: a symbolic link, device, pipe
 * or socket, or a name that a manifest may not hold. BAD_ARGUMENT: an option. LIMIT: too many files
 * or bytes. FILE_IO, NO_SPACE, NO_MEMORY. BAD_PACKAGE: a file changed while it was read. *ret may
 * be NULL.
 */
MOOT_MUST_USE enum moot_status
moot_package_build(const char *directory, const struct moot_package_options *options,
                   const char *output, struct moot_package_built *ret, struct moot_error *error);

/*
 * A release key file: the 32-byte seed as 64 hex digits and a newline, mode 0600. `path` NULL: the
 * default above. Missing: made, with the directories it needs, and *ret_made true (may be NULL).
 * ret_path (4096 bytes, may be NULL) gets the path used. Refuses (NOT_ALLOWED) a file that others
 * may read. Wipe the identity with moot_identity_deinit.
 */
MOOT_MUST_USE enum moot_status moot_package_key_load(const char *path, struct moot_identity *ret,
                                                     bool *ret_made, char *ret_path,
                                                     struct moot_error *error);

/* A manifest with the memory it lies in. */
struct moot_package_manifest {
    struct moot_manifest manifest;
    struct moot_digest hash;
    struct moot_bytes bytes; /* as encoded */
};
/* Copies and decodes (see moot_manifest_decode for the reasons). Free with
 * moot_package_manifest_free. */
MOOT_MUST_USE enum moot_status moot_package_manifest_new(struct moot_bytes bytes,
                                                         struct moot_package_manifest **ret,
                                                         struct moot_error *error);
void moot_package_manifest_free(struct moot_package_manifest *manifest); /* NULL is fine */

struct moot_package;

/*
 * Opens FILE.moot: header, manifest with signature, and the size of the whole file are checked
 * (BAD_PACKAGE, BAD_MANIFEST, BAD_SIGNATURE, BAD_PATH, FILE_IO, NOT_FOUND). Blocks are not read
 * yet.
 */
MOOT_MUST_USE enum moot_status moot_package_open(const char *path, struct moot_package **ret,
                                                 struct moot_error *error);
void moot_package_close(struct moot_package *package); /* NULL is fine */

/* Borrowed until close: all there is to say about the package (`moot package inspect`). */
const struct moot_package_manifest *moot_package_manifest(const struct moot_package *package);

/* Block `index` into `buffer` (MOOT_BLOCK_BYTES), hash checked: BAD_BLOCK, BAD_PACKAGE (cut short),
 * FILE_IO. Safe from several threads at once. */
MOOT_MUST_USE enum moot_status moot_package_block(struct moot_package *package, uint32_t index,
                                                  uint8_t *buffer, size_t *ret_size,
                                                  struct moot_error *error);

/* Opens and checks the whole file: every block, every decompressed size, both hashes of every file.
 * Memory does not depend on the sizes claimed. */
MOOT_MUST_USE enum moot_status moot_package_verify(const char *path, struct moot_error *error);

/* Where blocks come from: a package file, the block store. `read` fills `buffer` (MOOT_BLOCK_BYTES)
 * with block `index` of the manifest; the bytes are checked by the caller of `read`. */
struct moot_package_source {
    enum moot_status (*read)(void *context, uint32_t index, uint8_t *buffer, size_t *ret_size,
                             struct moot_error *error);
    void *context;
};
/* Where plain bytes go, in order; anything but MOOT_OK ends the reading with that status. */
struct moot_package_sink {
    enum moot_status (*write)(void *context, struct moot_bytes bytes, struct moot_error *error);
    void *context;
};

/* The blocks of an open package file as a source; good until close. */
struct moot_package_source moot_package_source_of(struct moot_package *package);

/*
 * Streams the plain content of one blob into `sink` (NULL: nowhere), checking block hashes, the
 * exact plain size and the hashes of its files. Only after MOOT_OK is what the sink got the right
 * content. BAD_BLOCK (*ret_bad, may be NULL, is the first bad block's index), BAD_PACKAGE, or what
 * the source or sink said.
 */
MOOT_MUST_USE enum moot_status moot_package_blob(const struct moot_manifest *manifest,
                                                 uint32_t blob,
                                                 const struct moot_package_source *source,
                                                 const struct moot_package_sink *sink,
                                                 uint32_t *ret_bad, struct moot_error *error);

/* moot_package_blob over all blobs, with no sink. */
MOOT_MUST_USE enum moot_status moot_package_check(const struct moot_manifest *manifest,
                                                  const struct moot_package_source *source,
                                                  uint32_t *ret_bad, struct moot_error *error);

/*
 * Unpacks all files into `directory`, which must not exist yet and then is complete and durable, or
 * is gone again. Checked while written: each file is opened once, new, never through a link.
 * Reasons as above and FILE_IO, NO_SPACE.
 */
MOOT_MUST_USE enum moot_status moot_package_unpack(const struct moot_manifest *manifest,
                                                   const struct moot_package_source *source,
                                                   const char *directory, struct moot_error *error);

#endif
