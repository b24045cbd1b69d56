/* Threat 12: packages by a hostile release key's owner. Properly signed, every hash of every block right, and
 * the content endless, exploding, short, or not what was promised. */
#include "tests/lib/test.h"

#include <sys/resource.h>
#include <zstd.h>

#include "crypto/base/attr.h"
#include "tests/lib/node/package_fixture.h"

#define PLAIN_BYTES 300000
#define BOMB_BYTES (1ull << 28)

/* Compressed bytes under construction, and the honest content they started from. */
struct blob {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
};

static uint8_t plain[PLAIN_BYTES];
static char *directory;

static int group_setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * i >> 7);
    directory = test_tempdir_new();
    return directory == NULL ? -1 : 0;
}

static int group_teardown(void **state)
{
    (void)state;
    test_tempdir_remove(directory);
    return 0;
}

/* Appends one frame of `repeats` times `size` bytes, made with the parameter given (0: none). */
static void frame_add(struct blob *blob, const void *bytes, size_t size, uint64_t repeats,
                      ZSTD_cParameter parameter, int value)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    assert_non_null(zstd);
    if (value != 0)
        assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(zstd, parameter, value)));
    for (uint64_t i = 0; i < repeats; i++) {
        ZSTD_inBuffer in = {.src = bytes, .size = size};
        bool last = i + 1 == repeats;
        size_t left = 1;
        while (last ? left != 0 : in.pos < in.size) {
            if (blob->capacity - blob->size < (1u << 20)) {
                blob->capacity = blob->capacity * 2 + (1u << 20);
                blob->bytes = realloc(blob->bytes, blob->capacity);
                assert_non_null(blob->bytes);
            }
            ZSTD_outBuffer out = {.dst = blob->bytes, .size = blob->capacity, .pos = blob->size};
            left = ZSTD_compressStream2(zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
            assert_false(ZSTD_isError(left));
            blob->size = out.pos;
        }
    }
    ZSTD_freeCCtx(zstd);
}

static void raw_add(struct blob *blob, const void *bytes, size_t size)
{
    blob->bytes = realloc(blob->bytes, blob->size + size);
    assert_non_null(blob->bytes);
    memcpy(blob->bytes + blob->size, bytes, size);
    blob->size += size;
    blob->capacity = blob->size;
}

static void honest_add(struct blob *blob)
{
    frame_add(blob, plain, sizeof plain, 1, ZSTD_c_checksumFlag, 0);
}

/* Verifies a package that holds `blob`, promised to be `claimed` bytes with the hashes of `hashed`. */
static enum moot_status judge(struct blob *blob, uint64_t claimed, size_t hashed_size)
{
    const char *path = fixture_path(directory, "hostile.moot");
    fixture_package_by_hand(path, blob->bytes, blob->size, claimed, plain, hashed_size);
    free(blob->bytes);
    *blob = (struct blob){0};
    return moot_package_verify(path, NULL);
}

static void honest_content_passes_however_compressed(void **state)
{
    (void)state;
    struct blob blob = {0};
    honest_add(&blob);
    assert_int_equal(judge(&blob, PLAIN_BYTES, PLAIN_BYTES), MOOT_OK);
    frame_add(&blob, plain, sizeof plain, 1, ZSTD_c_checksumFlag, 1);
    assert_int_equal(judge(&blob, PLAIN_BYTES, PLAIN_BYTES), MOOT_OK);
    frame_add(&blob, plain, sizeof plain, 1, ZSTD_c_contentSizeFlag, 0);
    assert_int_equal(judge(&blob, PLAIN_BYTES, PLAIN_BYTES), MOOT_OK);
    frame_add(&blob, plain, sizeof plain, 1, ZSTD_c_windowLog, 23);
    assert_int_equal(judge(&blob, PLAIN_BYTES, PLAIN_BYTES), MOOT_OK);
    frame_add(&blob, plain, 0, 1, ZSTD_c_checksumFlag, 0);
    assert_int_equal(judge(&blob, 0, 0), MOOT_OK);
}

/* Each makes a blob that is not one frame of the promised content. */
static void two_frames(struct blob *blob)
{
    frame_add(blob, plain, 100000, 1, ZSTD_c_checksumFlag, 0);
    frame_add(blob, plain + 100000, PLAIN_BYTES - 100000, 1, ZSTD_c_checksumFlag, 0);
}
static void empty_frame_behind(struct blob *blob)
{
    honest_add(blob);
    frame_add(blob, plain, 0, 1, ZSTD_c_checksumFlag, 0);
}
static void skippable_frame_before(struct blob *blob)
{
    raw_add(blob,
            "\x50\x2a\x4d\x18\x04\x00\x00\x00"
            "abcd",
            12);
    struct blob rest = {0};
    honest_add(&rest);
    raw_add(blob, rest.bytes, rest.size);
    free(rest.bytes);
}
static void skippable_frame_only(struct blob *blob)
{
    raw_add(blob,
            "\x50\x2a\x4d\x18\x04\x00\x00\x00"
            "abcd",
            12);
}
static void endless_skippable_frame(struct blob *blob)
{
    raw_add(blob,
            "\x50\x2a\x4d\x18\xff\xff\xff\xff"
            "abcd",
            12);
}
static void byte_behind(struct blob *blob)
{
    honest_add(blob);
    raw_add(blob, "", 1);
}
static void cut_by_one(struct blob *blob)
{
    honest_add(blob);
    blob->size--;
}
static void head_only(struct blob *blob)
{
    honest_add(blob);
    blob->size = 9;
}
static void one_byte(struct blob *blob)
{
    raw_add(blob, "\x28", 1);
}
static void not_compressed(struct blob *blob)
{
    raw_add(blob, plain, PLAIN_BYTES);
}
static void legacy_magic(struct blob *blob)
{
    honest_add(blob);
    blob->bytes[0] = 0x27;
}
static void false_checksum(struct blob *blob)
{
    frame_add(blob, plain, sizeof plain, 1, ZSTD_c_checksumFlag, 1);
    blob->bytes[blob->size - 1] ^= 1;
}
static void wide_window(struct blob *blob)
{
    frame_add(blob, plain, sizeof plain, 1, ZSTD_c_windowLog, 27);
    /* The frame is small, so zstd shrinks the window: claim 2^41 bytes in the head itself. */
    blob->bytes[4] = 0x00;
    blob->bytes[5] = 0xf8;
}
static void claimed_size_in_the_head(struct blob *blob)
{
    /* single segment, 8-byte content size of 2^62, then a raw block of one byte */
    raw_add(blob,
            "\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x00\x00\x00\x40\x09\x00\x00"
            "x",
            17);
}
static void dictionary_needed(struct blob *blob)
{
    honest_add(blob);
    blob->bytes[4] |= 1; /* a dictionary id follows */
}
static void reserved_bit(struct blob *blob)
{
    honest_add(blob);
    blob->bytes[4] |= 8;
}
static void other_content(struct blob *blob)
{
    uint8_t *other = malloc(PLAIN_BYTES);
    assert_non_null(other);
    memcpy(other, plain, PLAIN_BYTES);
    other[PLAIN_BYTES - 1] ^= 1;
    frame_add(blob, other, PLAIN_BYTES, 1, ZSTD_c_checksumFlag, 0);
    free(other);
}
static void one_byte_less(struct blob *blob)
{
    frame_add(blob, plain, PLAIN_BYTES - 1, 1, ZSTD_c_checksumFlag, 0);
}
static void ten_times_as_much(struct blob *blob)
{
    frame_add(blob, plain, PLAIN_BYTES, 10, ZSTD_c_checksumFlag, 0);
}
static void nothing(struct blob *blob)
{
    frame_add(blob, plain, 0, 1, ZSTD_c_checksumFlag, 0);
}

static void twenty_wrong_contents_are_refused(void **state)
{
    (void)state;
    static void (*const wrongs[])(struct blob *) = {two_frames,
                                                    empty_frame_behind,
                                                    skippable_frame_before,
                                                    skippable_frame_only,
                                                    endless_skippable_frame,
                                                    byte_behind,
                                                    cut_by_one,
                                                    head_only,
                                                    one_byte,
                                                    not_compressed,
                                                    legacy_magic,
                                                    false_checksum,
                                                    wide_window,
                                                    claimed_size_in_the_head,
                                                    dictionary_needed,
                                                    reserved_bit,
                                                    other_content,
                                                    one_byte_less,
                                                    ten_times_as_much,
                                                    nothing};
    assert_int_equal(MOOT_COUNT_OF(wrongs), 20);
    for (size_t i = 0; i < MOOT_COUNT_OF(wrongs); i++) {
        struct blob blob = {0};
        wrongs[i](&blob);
        enum moot_status status = judge(&blob, PLAIN_BYTES, PLAIN_BYTES);
        if (status != MOOT_BAD_PACKAGE)
            fail_msg("wrong content %zu: %s", i, moot_status_info(status)->name);
    }
}

static void wrong_hashes_and_sizes_are_refused(void **state)
{
    (void)state;
    struct blob blob = {0};
    honest_add(&blob);
    assert_int_equal(judge(&blob, PLAIN_BYTES, PLAIN_BYTES - 1), MOOT_BAD_PACKAGE);
    honest_add(&blob);
    assert_int_equal(judge(&blob, PLAIN_BYTES - 1, PLAIN_BYTES), MOOT_BAD_PACKAGE);
    honest_add(&blob);
    assert_int_equal(judge(&blob, PLAIN_BYTES + 1, PLAIN_BYTES), MOOT_BAD_PACKAGE);
    honest_add(&blob);
    assert_int_equal(judge(&blob, 0, PLAIN_BYTES), MOOT_BAD_PACKAGE);
    honest_add(&blob);
    assert_int_equal(judge(&blob, MOOT_PACKAGE_BYTES_MAX, PLAIN_BYTES), MOOT_BAD_PACKAGE);
}

static enum moot_status count_bytes(void *context, struct moot_bytes bytes,
                                    struct moot_error *error)
{
    (void)error;
    uint64_t *count = context;
    *count += bytes.size;
    return MOOT_OK;
}

/* 256 MiB in some dozen kilobytes, promised to be `claimed` bytes. */
static void a_bomb_stops_at_the_promised_size(void **state)
{
    (void)state;
    struct blob blob = {0};
    uint8_t *zeros = calloc(1, 1u << 20);
    assert_non_null(zeros);
    frame_add(&blob, zeros, 1u << 20, BOMB_BYTES >> 20, ZSTD_c_compressionLevel, 1);
    free(zeros);
    assert_true(blob.size < 200000);
    static const uint64_t claims[] = {0, 1, 1000, 1000000, BOMB_BYTES - 1};
    struct rusage before, after;
    const char *path = fixture_path(directory, "bomb.moot");
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    for (size_t i = 0; i < MOOT_COUNT_OF(claims); i++) {
        struct moot_package *package;
        uint64_t seen = 0;
        fixture_package_by_hand(path, blob.bytes, blob.size, claims[i], plain, 1);
        assert_int_equal(moot_package_open(path, &package, NULL), MOOT_OK);
        struct moot_package_source source = moot_package_source_of(package);
        struct moot_package_sink sink = {.write = count_bytes, .context = &seen};
        assert_int_equal(moot_package_blob(&moot_package_manifest(package)->manifest, 0, &source,
                                           &sink, NULL, NULL),
                         MOOT_BAD_PACKAGE);
        assert_true(seen <= claims[i]);
        moot_package_close(package);
    }
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024); /* KiB: far from the whole */
    free(blob.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_content_passes_however_compressed),
        cmocka_unit_test(twenty_wrong_contents_are_refused),
        cmocka_unit_test(wrong_hashes_and_sizes_are_refused),
        cmocka_unit_test(a_bomb_stops_at_the_promised_size),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
