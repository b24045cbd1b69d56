/* Manifests: one encoding, everything checked, nothing altered goes unnoticed. */
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

/* Signs altered bytes as the release key's owner would. */
static void resign(uint8_t *data, size_t size)
{
    struct moot_digest hash;
    struct moot_signature signature;
    moot_digest_of_bytes("moot/manifest-body/1", moot_bytes_of(data, size - 66), &hash);
    moot_identity_sign(&release_key, "moot/release/1", moot_digest_bytes(&hash), &signature);
    memcpy(data + size - 64, signature.b, 64);
}

static void assert_text(struct moot_bytes bytes, const char *text)
{
    assert_true(moot_bytes_equal(bytes, moot_bytes_of_text(text)));
}

static void encoding_and_decoding_keep_every_field(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = sample_bytes(&size);
    struct moot_manifest manifest;
    assert_int_equal(decode(data, size, &manifest), MOOT_OK);
    struct sample sample;
    sample_init(&sample);
    assert_text(manifest.name, "hearthmoot");
    assert_text(manifest.version, "1.4.0-rc.1+b7");
    assert_text(manifest.platform, "linux-x86_64");
    assert_text(manifest.from_min, "1.2.0");
    assert_true(moot_bytes_equal(manifest.notes, sample.manifest.notes));
    assert_int_equal(manifest.channel, MOOT_RELEASE_BETA);
    assert_int_equal(manifest.protocol_min, 1);
    assert_int_equal(manifest.protocol_max, 2);
    assert_true(manifest.mandatory);
    assert_false(manifest.security);
    assert_true(moot_key_equal(&manifest.release_key, &release_key.key));
    assert_int_equal(manifest.file_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const struct moot_manifest_file *file = &manifest.files[i];
        assert_true(moot_bytes_equal(file->path, sample.files[i].path));
        assert_int_equal(file->mode, sample.files[i].mode);
        assert_int_equal(file->blob, sample.files[i].blob);
        assert_int_equal(file->size_bytes, sample.files[i].size_bytes);
        assert_true(moot_digest_equal(&file->blake2b, &sample.files[i].blake2b));
        assert_memory_equal(file->sha256, sample.files[i].sha256, 32);
    }
    assert_int_equal(manifest.blob_count, 3);
    assert_int_equal(manifest.block_count, 5);
    assert_memory_equal(manifest.blocks, sample.blocks, sizeof sample.blocks);
    assert_int_equal(manifest.plain_bytes, 2262000);
    assert_int_equal(manifest.packed_bytes, 9 + 3 * MOOT_BLOCK_BYTES + 5);
    assert_int_equal(manifest.blobs[1].file_first, 1);

    struct moot_manifest again = manifest; /* what was decoded encodes to the same bytes */
    uint8_t *more = malloc(MEMORY_BYTES);
    assert_non_null(more);
    struct moot_arena rest;
    struct moot_bytes bytes;
    moot_arena_init(&rest, more, MEMORY_BYTES);
    assert_int_equal(moot_manifest_encode(&again, &release_key, &rest, &bytes), MOOT_OK);
    assert_int_equal(bytes.size, size);
    assert_memory_equal(bytes.data, data, size);
    free(more);
    free(data);
}

static void queries_find_sizes_and_distinct_blocks(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = sample_bytes(&size);
    struct moot_manifest manifest;
    assert_int_equal(decode(data, size, &manifest), MOOT_OK);
    static const size_t sizes[5] = {9, MOOT_BLOCK_BYTES, MOOT_BLOCK_BYTES, 5, MOOT_BLOCK_BYTES};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(moot_manifest_block_size(&manifest, i), sizes[i]);
        int32_t number = moot_manifest_find(&manifest, &manifest.blocks[i]);
        assert_true(number >= 0);
        size_t distinct_size = 0;
        const struct moot_digest *hash =
            moot_manifest_distinct(&manifest, (uint32_t)number, &distinct_size);
        assert_true(moot_digest_equal(hash, &manifest.blocks[i]));
        assert_int_equal(distinct_size, sizes[i]);
    }
    assert_int_equal(manifest.distinct_count, 4);
    for (uint32_t i = 1; i < manifest.distinct_count; i++)
        assert_true(moot_digest_compare(moot_manifest_distinct(&manifest, i - 1, NULL),
                                        moot_manifest_distinct(&manifest, i, NULL)) < 0);
    struct moot_digest absent = sample_digest(99);
    assert_int_equal(moot_manifest_find(&manifest, &absent), -1);
    assert_ptr_equal(moot_manifest_file(&manifest, moot_bytes_of_text("share/mootd")),
                     &manifest.files[3]);
    assert_null(moot_manifest_file(&manifest, moot_bytes_of_text("share")));
    assert_null(moot_manifest_file(&manifest, moot_bytes_of_text("")));
    free(data);
}

static void every_altered_bit_and_every_cut_is_refused(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = sample_bytes(&size);
    struct moot_manifest manifest;
    struct moot_digest hash, other;
    moot_manifest_hash(moot_bytes_of(data, size), &hash);
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            data[i] ^= (uint8_t)(1 << bit);
            enum moot_status status = decode(data, size, &manifest);
            moot_manifest_hash(moot_bytes_of(data, size), &other);
            if (status == MOOT_OK || moot_digest_equal(&hash, &other))
                fail_msg("bit %d of byte %zu altered unnoticed", bit, i);
            if (status != MOOT_BAD_MANIFEST && status != MOOT_BAD_PATH &&
                status != MOOT_BAD_SIGNATURE)
                fail_msg("byte %zu: %s", i, moot_status_info(status)->name);
            data[i] ^= (uint8_t)(1 << bit);
        }
    }
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut == 0 ? 1 : cut);
        assert_non_null(exact);
        memcpy(exact, data, cut);
        assert_int_equal(decode(exact, cut, &manifest), MOOT_BAD_MANIFEST);
        free(exact);
    }
    uint8_t *longer = malloc(size + 1);
    assert_non_null(longer);
    memcpy(longer, data, size);
    longer[size] = 0xc0;
    assert_int_equal(decode(longer, size + 1, &manifest), MOOT_BAD_MANIFEST);
    free(longer);
    assert_int_equal(decode(data, size, &manifest), MOOT_OK);
    free(data);
}

static void a_format_or_patch_of_later_releases_is_refused_even_if_signed(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = sample_bytes(&size);
    struct moot_manifest manifest;
    assert_int_equal(data[3], MOOT_MANIFEST_FORMAT); /* after the 3-byte array header */
    for (unsigned format = 0; format < 128; format++) {
        data[3] = (uint8_t)format;
        resign(data, size);
        assert_int_equal(decode(data, size, &manifest),
                         format == MOOT_MANIFEST_FORMAT ? MOOT_OK : MOOT_BAD_MANIFEST);
    }
    data[3] = MOOT_MANIFEST_FORMAT;
    assert_int_equal(data[size - 67], 0x90); /* the empty array of patches */
    data[size - 67] = 0xc0;
    resign(data, size);
    assert_int_equal(decode(data, size, &manifest), MOOT_BAD_MANIFEST);
    free(data);
}

static void the_key_inside_decides_who_signed(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = sample_bytes(&size);
    struct moot_manifest manifest;
    static const uint8_t seed[32] = {8};
    struct moot_identity other;
    moot_identity_init(&other, seed);
    bool found = false;
    for (size_t i = 0; i + 32 <= size && !found; i++) {
        found = memcmp(data + i, release_key.key.b, 32) == 0;
        if (found)
            memcpy(data + i, other.key.b, 32);
    }
    assert_true(found);
    resign(data, size);
    assert_int_equal(decode(data, size, &manifest), MOOT_BAD_SIGNATURE);
    moot_identity_deinit(&other);
    free(data);
}

static void path_tricks_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "/",
                                      "/etc/passwd",
                                      "..",
                                      "../x",
                                      "a/../b",
                                      "a/..",
                                      ".",
                                      "./a",
                                      "a/.",
                                      "a/./b",
                                      "a//b",
                                      "a/",
                                      "//a",
                                      "a\\b",
                                      "a\nb",
                                      "a\x7f",
                                      "a\x1b[2Jb",
                                      "\xc2\x9b"
                                      "2J",
                                      "a\xe2\x80\xae"
                                      "b",
                                      "\xef\xbb\xbf"
                                      "a",
                                      "a\xe2\x80\x8b",
                                      "a\xff",
                                      "a\xc0\xaf"
                                      "b",
                                      "a\xed\xa0\x80",
                                      "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"};
    static const char *const good[] = {"a",
                                       "...",
                                       "..a",
                                       ".hidden",
                                       "a b",
                                       "-rf",
                                       "\xc3\xa4/\xe2\x82\xac",
                                       "a/b/c/d/e/f/g/h",
                                       "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p",
                                       "CON",
                                       "a:b"};
    for (size_t i = 0; i < MOOT_COUNT_OF(bad); i++) {
        struct sample sample;
        struct moot_bytes bytes;
        sample_init(&sample);
        sample.files[0].path = moot_bytes_of_text(bad[i]);
        if (sample_encode(&sample, &bytes) != MOOT_BAD_PATH)
            fail_msg("not refused: path %zu \"%s\"", i, bad[i]);
    }
    for (size_t i = 0; i < MOOT_COUNT_OF(good); i++)
        if (!moot_manifest_path_valid(moot_bytes_of_text(good[i])))
            fail_msg("refused: \"%s\"", good[i]);
    assert_false(moot_manifest_path_valid(moot_bytes_of("a\0b", 3)));
    char path[MOOT_PACKAGE_PATH_BYTES_MAX + 2];
    memset(path, 'a', sizeof path);
    assert_true(moot_manifest_path_valid(moot_bytes_of(path, 255)));
    assert_false(moot_manifest_path_valid(moot_bytes_of(path, 256)));
    path[200] = path[400] = '/';
    assert_true(moot_manifest_path_valid(moot_bytes_of(path, MOOT_PACKAGE_PATH_BYTES_MAX)));
    assert_false(moot_manifest_path_valid(moot_bytes_of(path, MOOT_PACKAGE_PATH_BYTES_MAX + 1)));
}

static void hostile_paths_are_refused_in_signed_bytes_too(void **state)
{
    (void)state;
    static const char *const same_length[] = {"/in/empty", "bin/../..", "../bin/em", "bin//empt",
                                              "bin/empt/", "./n/empty", "bin/./emp", "bin\\empty",
                                              "bin/mootd", "zin/empty"};
    for (size_t i = 0; i < MOOT_COUNT_OF(same_length); i++) {
        size_t size;
        uint8_t *data = sample_bytes(&size);
        struct moot_manifest manifest;
        uint8_t *at = memmem(data, size, "bin/empty", 9);
        assert_non_null(at);
        memcpy(at, same_length[i], 9);
        resign(data, size);
        assert_int_equal(decode(data, size, &manifest), MOOT_BAD_PATH);
        free(data);
    }
}

static void a_file_cannot_be_a_directory_and_order_is_strict(void **state)
{
    (void)state;
    static const char *const bad[][4] = {{"a", "a-b", "a/b", "c"},
                                         {"a", "b", "b", "c"},
                                         {"b", "a", "c", "d"},
                                         {"a/b", "a/b/c", "d", "e"},
                                         {"a", "b", "c", "c/d/e/f"}};
    static const char *const good[] = {"a", "a-b", "a.b", "ab/c"};
    struct sample sample;
    struct moot_bytes bytes;
    for (size_t i = 0; i < MOOT_COUNT_OF(bad); i++) {
        sample_init(&sample);
        for (uint32_t k = 0; k < 4; k++)
            sample.files[k].path = moot_bytes_of_text(bad[i][k]);
        assert_int_equal(sample_encode(&sample, &bytes), MOOT_BAD_PATH);
    }
    sample_init(&sample);
    for (uint32_t k = 0; k < 4; k++)
        sample.files[k].path = moot_bytes_of_text(good[k]);
    assert_int_equal(sample_encode(&sample, &bytes), MOOT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_and_decoding_keep_every_field),
        cmocka_unit_test(queries_find_sizes_and_distinct_blocks),
        cmocka_unit_test(every_altered_bit_and_every_cut_is_refused),
        cmocka_unit_test(a_format_or_patch_of_later_releases_is_refused_even_if_signed),
        cmocka_unit_test(the_key_inside_decides_who_signed),
        cmocka_unit_test(path_tricks_are_refused),
        cmocka_unit_test(hostile_paths_are_refused_in_signed_bytes_too),
        cmocka_unit_test(a_file_cannot_be_a_directory_and_order_is_strict),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
