/* The canonical codec: one encoding for each value, and nothing else is read. */
#include "tests/lib/test.h"

#include <msgpack.h>

#include "journal/codec.h"

static struct moot_bytes of_hex(const char *hex, uint8_t *buffer, size_t capacity)
{
    return moot_bytes_of(buffer, test_hex_decode(hex, buffer, capacity));
}

/* Generic walk that writes again what it reads. */
static void copy_value(struct moot_cursor *cursor, struct moot_writer *writer)
{
    uint8_t tag = cursor->at < cursor->end ? *cursor->at : 0;
    if (moot_read_nil_if(cursor)) {
        moot_write_nil(writer);
    } else if (tag == 0xc2 || tag == 0xc3) {
        moot_write_bool(writer, moot_read_bool(cursor));
    } else if (tag < 0x80 || (tag >= 0xcc && tag <= 0xcf)) {
        moot_write_uint(writer, moot_read_uint(cursor, UINT64_MAX));
    } else if (tag >= 0xc4 && tag <= 0xc6) {
        moot_write_bin(writer, moot_read_bin(cursor, SIZE_MAX));
    } else if ((tag >= 0xa0 && tag < 0xc0) || (tag >= 0xd9 && tag <= 0xdb)) {
        moot_write_text(writer, moot_read_text(cursor, SIZE_MAX));
    } else {
        uint32_t count = moot_read_array_any(cursor, UINT32_MAX);
        moot_write_array(writer, count);
        for (uint32_t i = 0; i < count && cursor->status == MOOT_OK; i++) {
            copy_value(cursor, writer);
        }
    }
}

/* What msgpack-c's unpacker makes of the same bytes, written by our writer. */
static void write_object(const msgpack_object *object, struct moot_writer *writer)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        moot_write_nil(writer);
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        moot_write_bool(writer, object->via.boolean);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        moot_write_uint(writer, object->via.u64);
        break;
    case MSGPACK_OBJECT_BIN:
        moot_write_bin(writer, moot_bytes_of(object->via.bin.ptr, object->via.bin.size));
        break;
    case MSGPACK_OBJECT_STR:
        moot_write_text(writer, moot_bytes_of(object->via.str.ptr, object->via.str.size));
        break;
    case MSGPACK_OBJECT_ARRAY:
        moot_write_array(writer, object->via.array.size);
        for (uint32_t i = 0; i < object->via.array.size; i++) {
            write_object(&object->via.array.ptr[i], writer);
        }
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
    case MSGPACK_OBJECT_MAP:
    case MSGPACK_OBJECT_EXT:
    default:
        fail_msg("our cursor accepted a type that canonical bytes do not have");
    }
}

/* Accepted bytes: encode(decode(b)) == b, and the second opinion sees the same values. */
static void assert_accepted_means_same(struct moot_bytes bytes)
{
    static uint8_t memory[1 << 17];
    struct moot_cursor cursor;
    struct moot_writer writer;
    moot_cursor_init(&cursor, bytes);
    moot_writer_init(&writer, memory, sizeof memory);
    copy_value(&cursor, &writer);
    assert_int_equal(moot_cursor_finish(&cursor), MOOT_OK);
    assert_int_equal(writer.status, MOOT_OK);
    assert_true(moot_bytes_equal(moot_bytes_of(writer.data, writer.size), bytes));

    msgpack_unpacked unpacked;
    size_t offset = 0;
    msgpack_unpacked_init(&unpacked);
    assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)bytes.data, bytes.size, &offset),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, bytes.size);
    moot_writer_init(&writer, memory, sizeof memory);
    write_object(&unpacked.data, &writer);
    msgpack_unpacked_destroy(&unpacked);
    assert_true(moot_bytes_equal(moot_bytes_of(writer.data, writer.size), bytes));
}

static void test_numbers_take_their_shortest_form_and_come_back(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *hex;
    } rows[] = {
        {0, "00"},
        {127, "7f"},
        {128, "cc80"},
        {255, "ccff"},
        {256, "cd0100"},
        {65535, "cdffff"},
        {65536, "ce00010000"},
        {UINT32_MAX, "ceffffffff"},
        {UINT64_C(1) << 32, "cf0000000100000000"},
        {UINT64_MAX, "cfffffffffffffffff"},
    };
    for (size_t i = 0; i < MOOT_COUNT_OF(rows); i++) {
        uint8_t memory[16];
        struct moot_writer writer;
        moot_writer_init(&writer, memory, sizeof memory);
        moot_write_uint(&writer, rows[i].value);
        assert_int_equal(writer.status, MOOT_OK);
        test_assert_hex(memory, writer.size, rows[i].hex);
        struct moot_cursor cursor;
        moot_cursor_init(&cursor, moot_bytes_of(memory, writer.size));
        assert_true(moot_read_uint(&cursor, UINT64_MAX) == rows[i].value);
        assert_int_equal(moot_cursor_finish(&cursor), MOOT_OK);
        if (rows[i].value > 0) {
            moot_cursor_init(&cursor, moot_bytes_of(memory, writer.size));
            assert_true(moot_read_uint(&cursor, rows[i].value - 1) == 0);
            assert_int_equal(moot_cursor_finish(&cursor), MOOT_BAD_VALUE);
        }
    }
}

static void test_lengths_take_their_shortest_form_and_come_back(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536};
    static uint8_t body[65536], memory[1 << 17];
    memset(body, 'a', sizeof body);
    for (size_t i = 0; i < MOOT_COUNT_OF(sizes); i++) {
        uint32_t n = sizes[i];
        struct moot_bytes bytes = moot_bytes_of(body, n);
        struct moot_writer writer;
        struct moot_cursor cursor;

        moot_writer_init(&writer, memory, sizeof memory);
        moot_write_bin(&writer, bytes);
        assert_int_equal(writer.size, n + (n < 256 ? 2u : n < 65536 ? 3u : 5u));
        moot_cursor_init(&cursor, moot_bytes_of(memory, writer.size));
        assert_true(moot_bytes_equal(moot_read_bin(&cursor, n), bytes));
        assert_int_equal(moot_cursor_finish(&cursor), MOOT_OK);
        assert_accepted_means_same(moot_bytes_of(memory, writer.size));
        if (n > 0) {
            moot_cursor_init(&cursor, moot_bytes_of(memory, writer.size));
            assert_true(moot_read_bin(&cursor, n - 1).size == 0);
            assert_int_equal(moot_cursor_finish(&cursor), MOOT_OVERSIZED);
        }

        moot_writer_init(&writer, memory, sizeof memory);
        moot_write_text(&writer, bytes);
        assert_int_equal(writer.size, n + (n < 32 ? 1u : n < 256 ? 2u : n < 65536 ? 3u : 5u));
        moot_cursor_init(&cursor, moot_bytes_of(memory, writer.size));
        assert_true(moot_bytes_equal(moot_read_text(&cursor, n), bytes));
        assert_int_equal(moot_cursor_finish(&cursor), MOOT_OK);
        assert_accepted_means_same(moot_bytes_of(memory, writer.size));

        moot_writer_init(&writer, memory, sizeof memory);
        moot_write_array(&writer, n);
        for (uint32_t k = 0; k < n; k++) {
            moot_write_nil(&writer);
        }
        assert_int_equal(writer.size, n + (n < 16 ? 1u : n < 65536 ? 3u : 5u));
        moot_cursor_init(&cursor, moot_bytes_of(memory, writer.size));
        assert_int_equal(moot_read_array_any(&cursor, n), n);
        for (uint32_t k = 0; k < n; k++) {
            assert_true(moot_read_nil_if(&cursor));
        }
        assert_int_equal(moot_cursor_finish(&cursor), MOOT_OK);
        assert_accepted_means_same(moot_bytes_of(memory, writer.size));
    }
}

static void test_every_other_form_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum moot_status status;
    } rows[] = {
        {"cc00", MOOT_NOT_CANONICAL},
        {"cc7f", MOOT_NOT_CANONICAL},
        {"cd00ff", MOOT_NOT_CANONICAL},
        {"ce0000ffff", MOOT_NOT_CANONICAL},
        {"cf00000000ffffffff", MOOT_NOT_CANONICAL},
        {"c5000161", MOOT_NOT_CANONICAL},
        {"c60000000161", MOOT_NOT_CANONICAL},
        {"d90161", MOOT_NOT_CANONICAL},
        {"da000161", MOOT_NOT_CANONICAL},
        {"db0000000161", MOOT_NOT_CANONICAL},
        {"dc000101", MOOT_NOT_CANONICAL},
        {"dd0000000101", MOOT_NOT_CANONICAL},
        {"", MOOT_TRUNCATED},
        {"cc", MOOT_TRUNCATED},
        {"cf00000001", MOOT_TRUNCATED},
        {"c40261", MOOT_TRUNCATED},
        {"a261", MOOT_TRUNCATED},
        {"9201", MOOT_TRUNCATED},
        {"92c403", MOOT_TRUNCATED},
        {"ddffffffff", MOOT_TRUNCATED},
        {"c6ffffffff", MOOT_TRUNCATED},
        {"0000", MOOT_TRAILING},
        {"9000", MOOT_TRAILING},
        {"e0", MOOT_BAD_TYPE},                 /* -32 */
        {"ff", MOOT_BAD_TYPE},                 /* -1 */
        {"d001", MOOT_BAD_TYPE},               /* int8 */
        {"d10001", MOOT_BAD_TYPE},             /* int16 */
        {"d200000001", MOOT_BAD_TYPE},         /* int32 */
        {"d30000000000000001", MOOT_BAD_TYPE}, /* int64 */
        {"80", MOOT_BAD_TYPE},                 /* map */
        {"810101", MOOT_BAD_TYPE},
        {"de0000", MOOT_BAD_TYPE},
        {"df00000000", MOOT_BAD_TYPE},
        {"ca00000000", MOOT_BAD_TYPE},         /* float */
        {"cb0000000000000000", MOOT_BAD_TYPE}, /* double */
        {"c1", MOOT_BAD_TYPE},                 /* never used */
        {"c70001", MOOT_BAD_TYPE},             /* ext */
        {"d40100", MOOT_BAD_TYPE},
        {"a1ff", MOOT_BAD_TEXT},
        {"a3eda080", MOOT_BAD_TEXT}, /* a surrogate */
        {"a2c080", MOOT_BAD_TEXT},   /* overlong */
        {"a1"
         "00",
         MOOT_BAD_TEXT},
        {"9191919191919191"
         "90",
         MOOT_TOO_DEEP},
        {"9191919191919191"
         "00",
         MOOT_OK},
        {"9892909291909001909090909090", MOOT_OK},
    };
    for (size_t i = 0; i < MOOT_COUNT_OF(rows); i++) {
        uint8_t buffer[64];
        struct moot_bytes bytes = of_hex(rows[i].hex, buffer, sizeof buffer);
        enum moot_status status = moot_canonical_check(bytes);
        if (status != rows[i].status) {
            fail_msg("%s: %s", rows[i].hex, moot_status_info(status)->name);
        }
    }
}

/* Every byte string up to 3 bytes, and random longer ones grown from accepted ones. */
static void test_whatever_is_accepted_has_the_same_values_for_msgpack_c(void **state)
{
    (void)state;
    uint32_t accepted = 0;
    for (uint32_t i = 0; i < (1u << 16); i++) {
        uint8_t b[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        for (size_t size = 1; size <= 2; size++) {
            if (moot_canonical_check(moot_bytes_of(b, size)) == MOOT_OK) {
                assert_accepted_means_same(moot_bytes_of(b, size));
                accepted++;
            }
        }
    }
    struct test_random random = test_random_start("codec");
    for (uint32_t i = 0; i < 200000; i++) {
        static const uint8_t heads[] = {0x91, 0x92, 0x93, 0xa1, 0xa2, 0xc0, 0xc2, 0xc3, 0xc4,
                                        0xc5, 0xcc, 0xcd, 0xce, 0xd9, 0xdc, 0x00, 0x01, 0x20};
        uint8_t b[24];
        size_t size = 1 + (size_t)test_random_below(&random, sizeof b);
        for (size_t k = 0; k < size; k++) {
            uint64_t r = test_random_next(&random);
            b[k] = r & 256 ? (uint8_t)r : heads[(r >> 9) % sizeof heads];
        }
        struct moot_cursor cursor;
        moot_cursor_init(&cursor, moot_bytes_of(b, size));
        struct moot_bytes value = moot_read_value(&cursor);
        if (cursor.status == MOOT_OK) {
            assert_int_equal(moot_canonical_check(value), MOOT_OK);
            assert_accepted_means_same(value);
            accepted++;
        }
    }
    assert_true(accepted > 10000);
}

static struct moot_bytes sample(uint8_t *memory, size_t capacity)
{
    struct moot_writer writer;
    struct moot_digest digest = {{1, 2, 3}};
    struct moot_signature signature = {{9}};
    moot_writer_init(&writer, memory, capacity);
    moot_write_array(&writer, 8);
    moot_write_uint(&writer, 77777);
    moot_write_array(&writer, 0);
    moot_write_array(&writer, 2);
    moot_write_text(&writer, moot_bytes_of_text("h\xc3\xb6rth"));
    moot_write_bool(&writer, true);
    moot_write_nil(&writer);
    moot_write_digest(&writer, &digest);
    moot_write_signature(&writer, &signature);
    moot_write_bin(&writer, moot_bytes_of("xyz", 3));
    moot_write_bool(&writer, false);
    return writer.status == MOOT_OK ? moot_bytes_of(memory, writer.size) : moot_bytes_of(NULL, 0);
}

static enum moot_status read_sample(struct moot_bytes bytes)
{
    struct moot_cursor cursor;
    struct moot_digest digest;
    struct moot_signature signature;
    moot_cursor_init(&cursor, bytes);
    moot_read_array(&cursor, 8);
    uint64_t number = moot_read_uint(&cursor, 100000);
    moot_read_array(&cursor, 0);
    uint32_t count = moot_read_array_any(&cursor, 2);
    struct moot_bytes text = moot_read_text(&cursor, 10);
    bool yes = moot_read_bool(&cursor);
    bool nil = moot_read_nil_if(&cursor);
    moot_read_digest(&cursor, &digest);
    moot_read_signature(&cursor, &signature);
    struct moot_bytes raw = moot_read_value(&cursor);
    bool no = moot_read_bool(&cursor);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status == MOOT_OK) {
        assert_true(number == 77777 && count == 2 && yes && nil && !no);
        assert_true(moot_bytes_equal(text, moot_bytes_of_text("h\xc3\xb6rth")));
        assert_true(digest.b[2] == 3 && signature.b[0] == 9);
        assert_true(moot_bytes_equal(raw, moot_bytes_of("\xc4\x03xyz", 5)));
    } else {
        assert_true(moot_read_uint(&cursor, 5) == 0 && cursor.status == status);
    }
    return status;
}

static void test_truncation_at_every_byte_is_refused(void **state)
{
    (void)state;
    uint8_t memory[256];
    struct moot_bytes whole = sample(memory, sizeof memory);
    assert_non_null(whole.data);
    assert_int_equal(read_sample(whole), MOOT_OK);
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *exact = malloc(size + 1); /* so that a sanitizer sees a read too far */
        memcpy(exact, whole.data, size);
        struct moot_bytes cut = moot_bytes_of(exact, size);
        assert_int_equal(moot_canonical_check(cut), MOOT_TRUNCATED);
        assert_int_not_equal(read_sample(cut), MOOT_OK);
        free(exact);
    }
    memory[whole.size] = 0;
    assert_int_equal(read_sample(moot_bytes_of(memory, whole.size + 1)), MOOT_TRAILING);
}

static void test_writing_into_any_smaller_buffer_is_oversized_and_stays_inside(void **state)
{
    (void)state;
    uint8_t whole[256];
    size_t size = sample(whole, sizeof whole).size;
    for (size_t capacity = 0; capacity < size; capacity++) {
        uint8_t *memory = malloc(capacity + 1);
        memory[capacity] = 0xee;
        assert_null(sample(memory, capacity).data);
        assert_int_equal(memory[capacity], 0xee);
        free(memory);
    }
}

static void test_text_that_is_not_utf8_is_not_written(void **state)
{
    (void)state;
    uint8_t memory[32];
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_text(&writer, moot_bytes_of("\xff", 1));
    moot_write_uint(&writer, 1);
    assert_int_equal(writer.status, MOOT_BAD_TEXT);
    assert_int_equal(writer.size, 0);
}

static void test_an_arena_writer_uses_the_rest_and_gives_back_what_it_did_not_need(void **state)
{
    (void)state;
    _Alignas(16) uint8_t memory[128];
    struct moot_arena arena;
    struct moot_writer writer;
    for (size_t before = 0; before < sizeof memory; before++) {
        moot_arena_init(&arena, memory, sizeof memory);
        assert_true(before == 0 || moot_arena_take(&arena, before) != NULL);
        size_t used = arena.used;
        moot_writer_init_arena(&writer, &arena);
        moot_write_array(&writer, 1);
        moot_write_uint(&writer, 300);
        struct moot_bytes bytes = moot_writer_finish_arena(&writer, &arena);
        if (bytes.data != NULL) {
            test_assert_hex(bytes.data, bytes.size, "91cd012c");
            assert_true(arena.used >= used + 4 && arena.used <= used + 32);
        } else {
            assert_true(before > sizeof memory - 32);
        }
        moot_writer_init_arena(&writer, &arena);
        moot_write_bin(&writer, moot_bytes_of(memory, sizeof memory));
        assert_null(moot_writer_finish_arena(&writer, &arena).data);
    }
}

static void test_a_decoders_own_rule_fails_the_cursor_once(void **state)
{
    (void)state;
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, moot_bytes_of("\x01\x02", 2));
    assert_int_equal(moot_read_uint(&cursor, 9), 1);
    moot_cursor_fail(&cursor, MOOT_BAD_BODY);
    moot_cursor_fail(&cursor, MOOT_BAD_VALUE);
    assert_int_equal(moot_read_uint(&cursor, 9), 0);
    assert_false(moot_read_nil_if(&cursor));
    assert_int_equal(moot_read_value(&cursor).size, 0);
    assert_int_equal(moot_cursor_finish(&cursor), MOOT_BAD_BODY);
}

static void test_wrong_counts_and_wrong_fixed_sizes_are_bad_values(void **state)
{
    (void)state;
    struct moot_cursor cursor;
    struct moot_digest digest;
    moot_cursor_init(&cursor, moot_bytes_of("\x92\x01\x02", 3));
    moot_read_array(&cursor, 3);
    assert_int_equal(moot_cursor_finish(&cursor), MOOT_BAD_VALUE);
    moot_cursor_init(&cursor, moot_bytes_of("\x92\x01\x02", 3));
    assert_int_equal(moot_read_array_any(&cursor, 1), 0);
    assert_int_equal(moot_cursor_finish(&cursor), MOOT_OVERSIZED);
    moot_cursor_init(&cursor, moot_bytes_of("\xc4\x02\x01\x02", 4));
    memset(&digest, 7, sizeof digest);
    moot_read_digest(&cursor, &digest);
    assert_int_equal(moot_cursor_finish(&cursor), MOOT_BAD_VALUE);
    assert_true(moot_digest_is_zero(&digest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_take_their_shortest_form_and_come_back),
        cmocka_unit_test(test_lengths_take_their_shortest_form_and_come_back),
        cmocka_unit_test(test_every_other_form_is_refused_with_its_reason),
        cmocka_unit_test(test_whatever_is_accepted_has_the_same_values_for_msgpack_c),
        cmocka_unit_test(test_truncation_at_every_byte_is_refused),
        cmocka_unit_test(test_writing_into_any_smaller_buffer_is_oversized_and_stays_inside),
        cmocka_unit_test(test_text_that_is_not_utf8_is_not_written),
        cmocka_unit_test(test_an_arena_writer_uses_the_rest_and_gives_back_what_it_did_not_need),
        cmocka_unit_test(test_a_decoders_own_rule_fails_the_cursor_once),
        cmocka_unit_test(test_wrong_counts_and_wrong_fixed_sizes_are_bad_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
