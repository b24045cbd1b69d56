/*
 * The sample manifest: every kind of file and blob there is, with made-up hashes.
 * Nothing here can fail; whether it encodes is for the tests to say.
 */
#include "tests/lib/protocols/manifest_sample.h"

#include <string.h>

struct moot_digest sample_digest(uint32_t number)
{
    struct moot_digest digest = {{0}};
    moot_u32_put(digest.b, number * 2654435761U); /* spread, so that order and number differ */
    moot_u32_put(digest.b + 4, number);
    return digest;
}

void sample_file_set(struct sample *sample, uint32_t index, const char *path, uint32_t mode,
                     uint32_t blob)
{
    struct moot_manifest_file *file = &sample->files[index];
    file->path = moot_bytes_of_text(path);
    file->mode = mode;
    file->blob = blob;
    file->size_bytes = sample->blobs[blob].plain_bytes;
    file->blake2b = sample_digest(100 + blob);
    memset(file->sha256, (int)blob + 1, sizeof file->sha256);
}

void sample_init(struct sample *sample)
{
    memset(sample, 0, sizeof *sample);
    sample->blobs[0] = (struct moot_manifest_blob){.packed_bytes = 9, .block_count = 1};
    sample->blobs[1] = (struct moot_manifest_blob){.packed_bytes = 2 * MOOT_BLOCK_BYTES + 5,
                                                   .plain_bytes = 1000000,
                                                   .block_first = 1,
                                                   .block_count = 3};
    sample->blobs[2] = (struct moot_manifest_blob){.packed_bytes = MOOT_BLOCK_BYTES,
                                                   .plain_bytes = 262000,
                                                   .block_first = 4,
                                                   .block_count = 1};
    for (uint32_t i = 0; i < 5; i++)
        sample->blocks[i] = sample_digest(i == 2 ? 1 : i);
    sample_file_set(sample, 0, "bin/empty", MOOT_MODE_FILE, 0);
    sample_file_set(sample, 1, "bin/mootd", MOOT_MODE_PROGRAM, 1);
    sample_file_set(sample, 2, "hooks/health.d/10-check", MOOT_MODE_PROGRAM, 2);
    sample_file_set(sample, 3, "share/mootd", MOOT_MODE_FILE, 1);
    sample->manifest = (struct moot_manifest){
        .name = moot_bytes_of_text("hearthmoot"),
        .version = moot_bytes_of_text("1.4.0-rc.1+b7"),
        .platform = moot_bytes_of_text("linux-x86_64"),
        .from_min = moot_bytes_of_text("1.2.0"),
        .notes = moot_bytes_of_text("Faster.\n\tAnd safer: \xc3\xa4."),
        .channel = MOOT_RELEASE_BETA,
        .protocol_min = 1,
        .protocol_max = 2,
        .mandatory = true,
        .file_count = 4,
        .blob_count = 3,
        .block_count = 5,
        .files = sample->files,
        .blobs = sample->blobs,
        .blocks = sample->blocks,
    };
}
