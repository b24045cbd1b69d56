/* A small manifest that tests change in every field before it is encoded. */
#ifndef TESTS_LIB_PROTOCOLS_MANIFEST_SAMPLE_H
#define TESTS_LIB_PROTOCOLS_MANIFEST_SAMPLE_H

#include "protocols/manifest.h"

/* manifest's arrays are the ones below. */
struct sample {
    struct moot_manifest manifest;
    struct moot_manifest_file files[4];
    struct moot_manifest_blob blobs[3];
    struct moot_digest blocks[5];
};

/* Four files, two with the same content; a blob of three blocks whose second equals its first. */
void sample_init(struct sample *sample);

/* Replaces a file: path (borrowed), mode, and everything that follows from its blob. */
void sample_file_set(struct sample *sample, uint32_t index, const char *path, uint32_t mode,
                     uint32_t blob);

/* A hash that stands for content `number`; hashes are not in the order of their numbers. */
struct moot_digest sample_digest(uint32_t number);

#endif
