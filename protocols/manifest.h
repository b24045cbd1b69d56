/*
 * The manifest of a package: what an upgrade installs, signed by the release key. Approving an
 * upgrade is approving one manifest hash, and the manifest fixes every byte of every file.
 *
 * Canonical MessagePack, an array of 16 (docs/FORMATS.md has the bytes); signature last. Each
 * distinct content is one blob: a zstd frame, cut into blocks of MOOT_BLOCK_BYTES (the last one
 * shorter, never empty). A block hash is the bare BLAKE2b-256 of the block's bytes.
 *
 *   files[] ──blob index──▶ blobs[] ──block_first, block_count──▶ blocks[] (hashes, flat)
 *                                                                    ▲
 *                               distinct[]: ascending by hash, each once
 */
#ifndef MOOT_PROTOCOLS_MANIFEST_H
#define MOOT_PROTOCOLS_MANIFEST_H

#include "crypto/base/arena.h"
#include "crypto/base/bytes.h"
#include "crypto/base/status.h"
#include "crypto/identity.h"
#include "protocols/limits.h"
#include "protocols/version.h"

#define MOOT_MANIFEST_FORMAT 1

/* Memory that is enough for decoding any manifest; small ones take little of it. */
#define MOOT_MANIFEST_ARENA_BYTES 2097152

#define MOOT_MODE_FILE 0644u
#define MOOT_MODE_PROGRAM 0755u

enum moot_release_channel {
    MOOT_RELEASE_STABLE = 1,
    MOOT_RELEASE_BETA = 2,
    MOOT_RELEASE_NIGHTLY = 3,
    MOOT_RELEASE_SECURITY = 4
};
#define MOOT_RELEASE_CHANNEL_MAX 4

/* "stable", "beta", "nightly", "security": a constant. */
const char *moot_release_channel_format(enum moot_release_channel channel);
/* False, and *ret unchanged, for any other text. */
bool moot_release_channel_parse(struct moot_bytes text, enum moot_release_channel *ret);

struct moot_manifest_file {
    struct moot_bytes path;     /* relative, '/' between plain components */
    uint32_t mode;              /* MOOT_MODE_FILE or MOOT_MODE_PROGRAM */
    uint32_t blob;              /* index in blobs */
    uint64_t size_bytes;        /* of the plain content */
    struct moot_digest blake2b; /* bare BLAKE2b-256 of the plain content */
    uint8_t sha256[32];         /* SHA-256 of the same, for tools of other projects */
};

struct moot_manifest_blob {
    uint64_t packed_bytes; /* the zstd frame; block_count = ceil(packed_bytes / MOOT_BLOCK_BYTES) */
    uint64_t plain_bytes;  /* equals size_bytes of every file of it */
    uint32_t block_first;  /* index in blocks */
    uint32_t block_count;
    uint32_t file_first; /* (made) index of the first file with this content */
};

/*
 * A manifest. Decoded: texts are borrowed from the encoded bytes, arrays lie in the arena;
 * signature and structure were checked, so whoever holds one may trust its sums and indexes. To be
 * encoded: the caller fills what is not marked (made).
 */
struct moot_manifest {
    struct moot_bytes name; /* letters, digits, '.', '_', '+', '-'; begins with a letter or digit */
    struct moot_bytes version;  /* see version.h */
    struct moot_bytes platform; /* like name; "any", or as "linux-x86_64" */
    struct moot_bytes from_min; /* least version it may be installed over; empty: any */
    struct moot_bytes notes;    /* UTF-8 for people, may be empty */
    enum moot_release_channel channel;
    uint32_t protocol_min, protocol_max; /* spoken by what is installed; 1 <= min <= max */
    bool mandatory;
    bool security;
    struct moot_key release_key; /* (made) signer */
    uint32_t file_count;         /* may be 0 */
    uint32_t blob_count;
    uint32_t block_count;
    uint32_t distinct_count;                /* (made) */
    const struct moot_manifest_file *files; /* ascending by path bytes */
    const struct moot_manifest_blob *blobs; /* in order of the first file that uses them */
    const struct moot_digest *blocks;       /* blob after blob */
    const uint32_t *distinct;               /* (made) indexes in blocks */
    uint64_t packed_bytes;                  /* (made) all blobs */
    uint64_t plain_bytes;                   /* (made) all files, as installed */
    struct moot_signature signature;        /* (made) */
};

/*
 * Decodes and checks everything: canonical bytes, limits, texts, paths (relative, plain components,
 * ascending, none twice, no file used as a directory), modes, sums, indexes, one content one blob,
 * one hash one size, signature. On success *ret borrows from `bytes` and `arena`. BAD_PATH for a
 * path, BAD_SIGNATURE for the signature, OVERSIZED above MOOT_MANIFEST_BYTES_MAX, NO_MEMORY when
 * the arena is short (never with MOOT_MANIFEST_ARENA_BYTES), BAD_MANIFEST for the rest.
 */
MOOT_MUST_USE enum moot_status
moot_manifest_decode(struct moot_bytes bytes, struct moot_arena *arena, struct moot_manifest *ret);

/*
 * Encodes and signs with the release key; the bytes lie in the arena. Refuses what decode would
 * refuse, with the same reasons; OVERSIZED when it does not fit MOOT_MANIFEST_BYTES_MAX. Needs
 * scratch of MOOT_MANIFEST_BYTES_MAX + MOOT_MANIFEST_ARENA_BYTES at most. Signing is deterministic.
 */
MOOT_MUST_USE enum moot_status moot_manifest_encode(const struct moot_manifest *manifest,
                                                    const struct moot_identity *release_key,
                                                    struct moot_arena *arena,
                                                    struct moot_bytes *ret);

/* BLAKE2b-256("moot/manifest/1" ‖ bytes): what an upgrade names. Signature included. */
void moot_manifest_hash(struct moot_bytes bytes, struct moot_digest *ret);

/* Is this a path that a package may hold? */
bool moot_manifest_path_valid(struct moot_bytes path);
/* The rule for names and platforms, at most MOOT_NAME_BYTES_MAX characters. */
bool moot_manifest_name_valid(struct moot_bytes name);
/* Release notes: UTF-8 without control characters but newline and tab, at most
 * MOOT_PACKAGE_NOTES_BYTES_MAX. */
bool moot_manifest_notes_valid(struct moot_bytes notes);

/* The bytes of block `index` (< block_count). Logarithmic in blobs. */
size_t moot_manifest_block_size(const struct moot_manifest *manifest, uint32_t index);

/* Distinct block number `number` (< distinct_count): its hash; *ret_size_bytes may be NULL. Bitmaps
 * of held blocks count these numbers. */
const struct moot_digest *moot_manifest_distinct(const struct moot_manifest *manifest,
                                                 uint32_t number, size_t *ret_size_bytes);
/* The distinct number of a hash, or -1. Logarithmic. */
int32_t moot_manifest_find(const struct moot_manifest *manifest, const struct moot_digest *hash);

/* The file of that path, or NULL. Logarithmic. */
const struct moot_manifest_file *moot_manifest_file(const struct moot_manifest *manifest,
                                                    struct moot_bytes path);

#endif
