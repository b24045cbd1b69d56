/* Manifests at their rules and limits: every wrong field, every mix, the largest there are. */
#include "tests/lib/test.h"

#include "crypto/base/attr.h"
#include "crypto/digest.h"
#include "journal/codec.h"
#include "tests/lib/protocols/manifest_sample.h"

#define MEMORY_BYTES (2 * MOOT_MANIFEST_ARENA_BYTES + MOOT_MANIFEST_BYTES_MAX)

static struct moot_identity release_key;
static uint8_t *memory;
static struct moot_arena arena;

static int group_setup(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {7};
    memory = malloc(MEMORY_BYTES);
    if (memory == NULL || !moot_crypto_init())
        return -1;
    moot_identity_init(&release_key, seed);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static enum moot_status sample_encode(struct sample *sample, struct moot_bytes *ret)
{
    moot_arena_init(&arena, memory, MEMORY_BYTES);
    return moot_manifest_encode(&sample->manifest, &release_key, &arena, ret);
}

/* The sample's bytes in memory of exactly their size, so that a sanitizer sees a read past the end. */
static uint8_t *sample_bytes(size_t *ret_size)
{
    struct sample sample;
    struct moot_bytes bytes;
    sample_init(&sample);
    assert_int_equal(sample_encode(&sample, &bytes), MOOT_OK);
    uint8_t *copy = malloc(bytes.size);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    *ret_size = bytes.size;
    return copy;
}

static enum moot_status decode(const uint8_t *data, size_t size, struct moot_manifest *ret)
{
    moot_arena_init(&arena, memory, MOOT_MANIFEST_ARENA_BYTES);
    return moot_manifest_decode(moot_bytes_of(data, size), &arena, ret);
}

/* One wrong value in each field; every one must be refused although properly signed. */
#define CHANGE(name, what)                                                                         \
    static void name(struct sample *s)                                                             \
    {                                                                                              \
        what;                                                                                      \
    }
CHANGE(wrong_version, s->manifest.version = moot_bytes_of_text("1.2"))
CHANGE(wrong_name, s->manifest.name = moot_bytes_of_text("../moot"))
CHANGE(no_name, s->manifest.name = moot_bytes_of_text(""))
CHANGE(wrong_platform, s->manifest.platform = moot_bytes_of_text("a b"))
CHANGE(wrong_from, s->manifest.from_min = moot_bytes_of_text("latest"))
CHANGE(wrong_notes, s->manifest.notes = moot_bytes_of_text("\x1b[31m"))
CHANGE(channel_zero, s->manifest.channel = (enum moot_release_channel)0)
CHANGE(channel_five, s->manifest.channel = (enum moot_release_channel)5)
CHANGE(protocol_zero, s->manifest.protocol_min = 0)
CHANGE(protocol_crossed, s->manifest.protocol_min = 3)
CHANGE(mode_setuid, s->files[1].mode = 04755)
CHANGE(mode_writable, s->files[1].mode = 0777)
CHANGE(mode_link, s->files[1].mode = 0120755)
CHANGE(size_of_file, s->files[1].size_bytes++)
CHANGE(size_of_blob, s->blobs[2].plain_bytes--)
CHANGE(sha_of_twin, s->files[3].sha256[5] ^= 1)
CHANGE(hash_of_twin, s->files[3].blake2b.b[5] ^= 1)
CHANGE(one_content_two_blobs, s->files[2].blake2b = s->files[1].blake2b)
CHANGE(blob_unknown, s->files[3].blob = 3)
CHANGE(blob_out_of_order, sample_file_set(s, 0, "bin/empty", MOOT_MODE_FILE, 1))
CHANGE(blob_unused, s->manifest.file_count = 2)
CHANGE(blob_empty, s->blobs[0].packed_bytes = 0)
CHANGE(blob_too_long, s->blobs[2].packed_bytes++)
CHANGE(blob_too_short, s->blobs[1].packed_bytes -= 5)
CHANGE(blob_huge, s->blobs[2].packed_bytes = UINT64_MAX)
CHANGE(plain_huge, s->blobs[2].plain_bytes = s->files[2].size_bytes = UINT64_MAX / 2)
CHANGE(plain_sum_above_limit, s->blobs[1].plain_bytes = s->files[1].size_bytes =
                                  s->files[3].size_bytes = MOOT_PACKAGE_BYTES_MAX)
CHANGE(one_hash_two_sizes, s->blocks[3] = s->blocks[1])
CHANGE(blocks_left_over, s->manifest.block_count = 4)
CHANGE(blocks_overlap, s->blobs[2].block_first = 3)

static void each_wrong_field_is_refused_though_signed(void **state)
{
    (void)state;
    static void (*const wrongs[])(struct sample *) = {
        wrong_version,      wrong_name,        no_name,
        wrong_platform,     wrong_from,        wrong_notes,
        channel_zero,       channel_five,      protocol_zero,
        protocol_crossed,   mode_setuid,       mode_writable,
        mode_link,          size_of_file,      size_of_blob,
        sha_of_twin,        hash_of_twin,      one_content_two_blobs,
        blob_unknown,       blob_out_of_order, blob_unused,
        blob_empty,         blob_too_long,     blob_too_short,
        blob_huge,          plain_huge,        plain_sum_above_limit,
        one_hash_two_sizes, blocks_left_over,  blocks_overlap};
    for (size_t i = 0; i < MOOT_COUNT_OF(wrongs); i++) {
        struct sample sample;
        struct moot_bytes bytes;
        sample_init(&sample);
        wrongs[i](&sample);
        enum moot_status status = sample_encode(&sample, &bytes);
        if (status != MOOT_BAD_MANIFEST)
            fail_msg("wrong %zu: %s", i, moot_status_info(status)->name);
    }
}

/* Threat 11: approval of one hash is approval of every field. */
CHANGE(other_name, s->manifest.name = moot_bytes_of_text("other"))
CHANGE(other_version, s->manifest.version = moot_bytes_of_text("1.4.1"))
CHANGE(other_platform, s->manifest.platform = moot_bytes_of_text("any"))
CHANGE(other_from, s->manifest.from_min = moot_bytes_of_text(""))
CHANGE(other_channel, s->manifest.channel = MOOT_RELEASE_STABLE)
CHANGE(other_protocol_min, s->manifest.protocol_min = 2)
CHANGE(other_protocol_max, s->manifest.protocol_max = 3)
CHANGE(other_mandatory, s->manifest.mandatory = false)
CHANGE(other_security, s->manifest.security = true)
CHANGE(other_notes, s->manifest.notes = moot_bytes_of_text(""))
CHANGE(other_path, s->files[2].path = moot_bytes_of_text("hooks/health.d/11-check"))
CHANGE(other_mode, s->files[2].mode = MOOT_MODE_FILE)
CHANGE(other_sha256, s->files[2].sha256[0] ^= 1)
CHANGE(other_blake2b, s->files[2].blake2b.b[0] ^= 1)
CHANGE(other_size, s->files[2].size_bytes = ++s->blobs[2].plain_bytes)
CHANGE(other_block, s->blocks[4].b[31] ^= 1)
CHANGE(other_packed_size, s->blobs[2].packed_bytes--)
CHANGE(other_nothing, (void)s)

static void no_two_fields_mixed_give_the_same_hash(void **state)
{
    (void)state;
    static void (*const changes[])(struct sample *) = {
        other_name,      other_version,      other_platform,     other_from,     other_channel,
        other_mandatory, other_protocol_min, other_protocol_max, other_security, other_notes,
        other_path,      other_mode,         other_sha256,       other_blake2b,  other_size,
        other_block,     other_packed_size,  other_nothing};
    enum { CHANGES = MOOT_COUNT_OF(changes) };
    struct moot_digest hashes[CHANGES * (CHANGES - 1) / 2 + 1];
    size_t count = 0;
    for (size_t a = 0; a < CHANGES; a++) {
        for (size_t b = a + 1; b <= CHANGES; b++) {
            if (b == CHANGES && a != CHANGES - 1)
                continue; /* only the last, "nothing", goes alone: the sample itself */
            struct sample sample;
            struct moot_bytes bytes;
            sample_init(&sample);
            changes[a](&sample);
            if (b < CHANGES)
                changes[b](&sample);
            assert_int_equal(sample_encode(&sample, &bytes), MOOT_OK);
            moot_manifest_hash(bytes, &hashes[count]);
            for (size_t i = 0; i < count; i++)
                if (moot_digest_equal(&hashes[i], &hashes[count]))
                    fail_msg("changes %zu and %zu: a hash seen before", a, b);
            count++;
        }
    }
    assert_int_equal(count, MOOT_COUNT_OF(hashes));
}

/* `files` files of their own content; the first blob has all blocks that are left of `blocks`. */
static enum moot_status encode_large(uint32_t files, uint32_t blocks, uint8_t **ret_memory,
                                     struct moot_bytes *ret)
{
    struct moot_manifest_file *file = calloc(files, sizeof *file);
    struct moot_manifest_blob *blob = calloc(files, sizeof *blob);
    struct moot_digest *block = calloc(blocks, sizeof *block);
    char(*paths)[16] = calloc(files, sizeof *paths);
    *ret_memory = malloc(MEMORY_BYTES);
    assert_true(file && blob && block && paths && *ret_memory);
    uint32_t next = 0;
    for (uint32_t i = 0; i < files; i++) {
        uint32_t count = i == 0 ? blocks - files + 1 : 1;
        snprintf(paths[i], sizeof paths[i], "%06u", i);
        file[i] = (struct moot_manifest_file){.path = moot_bytes_of(paths[i], 6),
                                              .mode = MOOT_MODE_FILE,
                                              .blob = i,
                                              .blake2b = sample_digest(i)};
        blob[i] = (struct moot_manifest_blob){.packed_bytes = (uint64_t)count * MOOT_BLOCK_BYTES,
                                              .block_first = next,
                                              .block_count = count};
        next += count;
    }
    for (uint32_t i = 0; i < blocks; i++)
        block[i] = sample_digest(i);
    struct sample sample;
    sample_init(&sample);
    sample.manifest.files = file;
    sample.manifest.blobs = blob;
    sample.manifest.blocks = block;
    sample.manifest.file_count = sample.manifest.blob_count = files;
    sample.manifest.block_count = blocks;
    struct moot_arena large;
    moot_arena_init(&large, *ret_memory, MEMORY_BYTES);
    enum moot_status status = moot_manifest_encode(&sample.manifest, &release_key, &large, ret);
    free(file);
    free(blob);
    free(block);
    free(paths);
    return status;
}

static void the_limits_hold_and_the_arena_is_enough_at_them(void **state)
{
    (void)state;
    static const struct {
        uint32_t files, blocks;
        enum moot_status status;
    } cases[] = {
        {MOOT_PACKAGE_FILES_MAX, MOOT_PACKAGE_FILES_MAX, MOOT_OK},
        {MOOT_PACKAGE_FILES_MAX, 11000, MOOT_OK},
        {MOOT_PACKAGE_FILES_MAX, MOOT_PACKAGE_BLOCKS_MAX, MOOT_OVERSIZED},
        {2000, MOOT_PACKAGE_BLOCKS_MAX, MOOT_OK},
        {1, MOOT_PACKAGE_BLOCKS_MAX, MOOT_OK},
        {1, MOOT_PACKAGE_BLOCKS_MAX + 1, MOOT_BAD_MANIFEST},
        {2, MOOT_PACKAGE_BLOCKS_MAX + 1, MOOT_BAD_MANIFEST},
        {MOOT_PACKAGE_FILES_MAX + 1, MOOT_PACKAGE_FILES_MAX + 1, MOOT_BAD_MANIFEST},
    };
    for (size_t i = 0; i < MOOT_COUNT_OF(cases); i++) {
        uint8_t *large;
        struct moot_bytes bytes;
        struct moot_manifest manifest;
        enum moot_status status = encode_large(cases[i].files, cases[i].blocks, &large, &bytes);
        if (status != cases[i].status)
            fail_msg("case %zu: %s", i, moot_status_info(status)->name);
        if (status == MOOT_OK) {
            assert_int_equal(decode(bytes.data, bytes.size, &manifest), MOOT_OK);
            assert_int_equal(manifest.distinct_count, cases[i].blocks);
        }
        free(large);
    }
    struct moot_manifest manifest;
    uint8_t *big = calloc(1, MOOT_MANIFEST_BYTES_MAX + 1);
    assert_non_null(big);
    assert_int_equal(decode(big, MOOT_MANIFEST_BYTES_MAX + 1, &manifest), MOOT_OVERSIZED);
    free(big);
}

static void a_short_arena_is_no_memory_and_never_less(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = sample_bytes(&size);
    struct moot_manifest manifest;
    bool enough = false;
    unsigned short_count = 0;
    for (size_t left = 0; left < 8192 && !enough; left++) {
        uint8_t *exact = malloc(left == 0 ? 1 : left);
        assert_non_null(exact);
        moot_arena_init(&arena, exact, left);
        enum moot_status status =
            moot_manifest_decode(moot_bytes_of(data, size), &arena, &manifest);
        enough = status == MOOT_OK;
        if (!enough)
            assert_int_equal(status, MOOT_NO_MEMORY);
        short_count += !enough;
        free(exact);
    }
    assert_true(enough);
    assert_true(short_count > 100);
    free(data);
}

static void a_package_without_files_is_a_manifest_too(void **state)
{
    (void)state;
    struct sample sample;
    struct moot_bytes bytes;
    sample_init(&sample);
    sample.manifest.file_count = sample.manifest.blob_count = sample.manifest.block_count = 0;
    assert_int_equal(sample_encode(&sample, &bytes), MOOT_OK);
    uint8_t copy[1024];
    assert_true(bytes.size <= sizeof copy);
    memcpy(copy, bytes.data, bytes.size);
    struct moot_manifest manifest;
    assert_int_equal(decode(copy, bytes.size, &manifest), MOOT_OK);
    assert_int_equal(manifest.distinct_count, 0);
    struct moot_digest hash = sample_digest(1);
    assert_int_equal(moot_manifest_find(&manifest, &hash), -1);
}

static void channels_have_one_name_each(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= MOOT_RELEASE_CHANNEL_MAX; i++) {
        enum moot_release_channel channel = (enum moot_release_channel)i, parsed;
        const char *name = moot_release_channel_format(channel);
        assert_true(moot_release_channel_parse(moot_bytes_of_text(name), &parsed));
        assert_int_equal(parsed, channel);
    }
    enum moot_release_channel parsed = MOOT_RELEASE_BETA;
    assert_false(moot_release_channel_parse(moot_bytes_of_text("Stable"), &parsed));
    assert_int_equal(parsed, MOOT_RELEASE_BETA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wrong_field_is_refused_though_signed),
        cmocka_unit_test(no_two_fields_mixed_give_the_same_hash),
        cmocka_unit_test(the_limits_hold_and_the_arena_is_enough_at_them),
        cmocka_unit_test(a_short_arena_is_no_memory_and_never_less),
        cmocka_unit_test(a_package_without_files_is_a_manifest_too),
        cmocka_unit_test(channels_have_one_name_each),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
