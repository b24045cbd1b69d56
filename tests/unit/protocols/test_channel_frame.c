/* Sealed frames: every size comes out as it went in, in order, once, unaltered, and keys roll over. */
#include "tests/lib/protocols/channel_pair.h"

#define BODY_BYTES_MAX (MOOT_RECORD_PLAIN_BYTES_MAX - 1)
#define SEALED_BYTES_MAX (MOOT_RECORD_PLAIN_BYTES_MAX + 16)

static int setup(void **state)
{
    struct test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    test_pair_init(pair, 2);
    test_pair_establish(pair, MOOT_CHANNEL_MEMBER);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    test_pair_free(*state);
    free(*state);
    return 0;
}

static enum moot_status try_on_copy(struct test_end *end, struct moot_bytes frame)
{
    struct moot_channel copy = end->channel;
    size_t used = end->arena.used;
    struct moot_channel_result result;
    enum moot_status status = moot_channel_receive(&copy, frame, &end->local, &end->arena, &result);
    end->arena.used = used;
    assert_int_equal(copy.state,
                     status == MOOT_OK ? MOOT_CHANNEL_ESTABLISHED : MOOT_CHANNEL_BROKEN);
    moot_channel_deinit(&copy);
    return status;
}

static uint8_t *some_bytes(size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    struct test_random random = test_random_seeded(size);
    test_random_bytes(&random, bytes, size);
    return bytes;
}

/* One message through, both ways. */
static void exchange(struct test_pair *pair, struct moot_bytes message)
{
    struct test_end *ends[2] = {&pair->dialler, &pair->listener};
    for (size_t i = 0; i < 2; i++) {
        moot_arena_reset(&ends[0]->arena);
        moot_arena_reset(&ends[1]->arena);
        struct moot_bytes frame = test_end_seal(ends[i], message);
        assert_true(frame.size <= MOOT_FRAME_BYTES_MAX);
        struct moot_channel_result result = test_end_receive(ends[1 - i], frame);
        assert_true(moot_bytes_equal(result.message, message));
        assert_false(result.established);
        assert_int_equal(result.send.size, 0);
    }
}

static void messages_of_all_sizes_come_out_as_they_went_in(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   2,
                                   1000,
                                   BODY_BYTES_MAX - 1,
                                   BODY_BYTES_MAX,
                                   BODY_BYTES_MAX + 1,
                                   2 * BODY_BYTES_MAX - 1,
                                   2 * BODY_BYTES_MAX,
                                   2 * BODY_BYTES_MAX + 1,
                                   1u << 20,
                                   17 * BODY_BYTES_MAX};
    for (size_t i = 0; i < MOOT_COUNT_OF(sizes); i++) {
        uint8_t *bytes = some_bytes(sizes[i]);
        exchange(*state, moot_bytes_of(bytes, sizes[i]));
        free(bytes);
    }
}

static void a_message_above_the_limit_is_refused_and_nothing_is_lost(void **state)
{
    struct test_pair *pair = *state;
    static const size_t sizes[] = {17 * BODY_BYTES_MAX + 1, MOOT_FRAME_BYTES_MAX,
                                   MOOT_FRAME_BYTES_MAX + 1};
    uint8_t *bytes = some_bytes(MOOT_FRAME_BYTES_MAX + 1);
    for (size_t i = 0; i < MOOT_COUNT_OF(sizes); i++) {
        struct moot_bytes frame;
        assert_int_equal(moot_channel_seal(&pair->dialler.channel, moot_bytes_of(bytes, sizes[i]),
                                           &pair->dialler.arena, &frame),
                         MOOT_OVERSIZED);
    }
    free(bytes);
    exchange(pair, moot_bytes_of_text("still in step"));
}

static void a_frame_above_the_limit_is_refused(void **state)
{
    struct test_pair *pair = *state;
    uint8_t *bytes = some_bytes(MOOT_FRAME_BYTES_MAX + 1);
    assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(bytes, MOOT_FRAME_BYTES_MAX + 1)),
                     MOOT_OVERSIZED);
    free(bytes);
}

static void every_bit_flip_and_cut_of_a_frame_is_refused(void **state)
{
    struct test_pair *pair = *state;
    struct moot_bytes good = test_end_seal(&pair->dialler, moot_bytes_of_text("approve slot 12"));
    uint8_t bytes[128];
    assert_true(good.size < sizeof bytes);
    memcpy(bytes, good.data, good.size);
    for (size_t bit = 0; bit < good.size * 8; bit++) {
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1u << (bit % 8)));
        assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(bytes, good.size)),
                         MOOT_BAD_RECORD);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1u << (bit % 8)));
    }
    for (size_t size = 0; size < good.size; size++)
        assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(bytes, size)), MOOT_BAD_RECORD);
    bytes[good.size] = 0;
    assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(bytes, good.size + 1)),
                     MOOT_BAD_RECORD);
    assert_int_equal(try_on_copy(&pair->listener, good), MOOT_OK);
}

static void altered_cut_and_swapped_records_of_a_long_frame_are_refused(void **state)
{
    struct test_pair *pair = *state;
    size_t size = 2 * BODY_BYTES_MAX + 100;
    uint8_t *message = some_bytes(size);
    struct moot_bytes good = test_end_seal(&pair->dialler, moot_bytes_of(message, size));
    uint8_t *bytes = malloc(good.size);
    assert_non_null(bytes);
    struct test_random random = test_random_start("long frame");
    for (int i = 0; i < 64; i++) {
        memcpy(bytes, good.data, good.size);
        size_t bit = (size_t)test_random_below(&random, good.size * 8);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1u << (bit % 8)));
        assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(bytes, good.size)),
                         MOOT_BAD_RECORD);
    }
    /* Cut after a whole record, in the middle of one, and within a tag. */
    static const size_t cuts[] = {SEALED_BYTES_MAX,      2 * SEALED_BYTES_MAX,
                                  SEALED_BYTES_MAX + 17, SEALED_BYTES_MAX + 16,
                                  SEALED_BYTES_MAX + 1,  100};
    for (size_t i = 0; i < MOOT_COUNT_OF(cuts); i++)
        assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(good.data, cuts[i])),
                         MOOT_BAD_RECORD);
    memcpy(bytes, good.data + SEALED_BYTES_MAX, SEALED_BYTES_MAX);
    memcpy(bytes + SEALED_BYTES_MAX, good.data, SEALED_BYTES_MAX);
    memcpy(bytes + 2 * (size_t)SEALED_BYTES_MAX, good.data + 2 * (size_t)SEALED_BYTES_MAX,
           good.size - 2 * (size_t)SEALED_BYTES_MAX);
    assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(bytes, good.size)),
                     MOOT_BAD_RECORD);
    assert_int_equal(try_on_copy(&pair->listener, good), MOOT_OK);
    free(bytes);
    free(message);
}

static void replayed_reordered_and_reflected_frames_are_refused(void **state)
{
    struct test_pair *pair = *state;
    struct moot_bytes first = test_end_seal(&pair->dialler, moot_bytes_of_text("one"));
    struct moot_bytes second = test_end_seal(&pair->dialler, moot_bytes_of_text("two"));
    assert_int_equal(try_on_copy(&pair->listener, second), MOOT_BAD_RECORD); /* out of order */
    assert_int_equal(try_on_copy(&pair->dialler, first), MOOT_BAD_RECORD);   /* reflected */
    test_end_receive(&pair->listener, first);
    assert_int_equal(try_on_copy(&pair->listener, first), MOOT_BAD_RECORD); /* replayed */
    test_end_receive(&pair->listener, second);
    assert_int_equal(try_on_copy(&pair->listener, second), MOOT_BAD_RECORD);
}

static void frames_of_another_session_of_the_same_devices_are_refused(void **state)
{
    struct test_pair *pair = *state;
    struct moot_channel old_dialler = pair->dialler.channel;
    test_pair_establish(pair, MOOT_CHANNEL_MEMBER);
    struct moot_channel new_dialler = pair->dialler.channel;
    pair->dialler.channel = old_dialler;
    struct moot_bytes old_frame = test_end_seal(&pair->dialler, moot_bytes_of_text("old"));
    pair->dialler.channel = new_dialler;
    assert_int_equal(try_on_copy(&pair->listener, old_frame), MOOT_BAD_RECORD);
    exchange(pair, moot_bytes_of_text("new"));
}

/* A record whose first byte says the wrong thing, made with the right key. */
static void a_record_that_lies_about_its_place_is_refused(void **state)
{
    struct test_pair *pair = *state;
    for (unsigned what = 0; what < 256; what++) {
        struct moot_noise_cipher cipher = pair->dialler.channel.send;
        uint8_t plain[2] = {(uint8_t)what, 'x'};
        uint8_t sealed[2 + 16];
        assert_int_equal(
            moot_noise_seal(&cipher, moot_bytes_of(NULL, 0), moot_bytes_of(plain, 2), sealed),
            MOOT_OK);
        assert_int_equal(try_on_copy(&pair->listener, moot_bytes_of(sealed, sizeof sealed)),
                         what == 1 || what == 3 ? MOOT_OK : MOOT_BAD_RECORD);
    }
}

static void both_sides_rekey_after_the_agreed_number_of_records(void **state)
{
    struct test_pair *pair = *state;
    uint8_t before[32];
    memcpy(before, pair->dialler.channel.send.key, sizeof before);
    for (uint32_t i = 0; i < MOOT_REKEY_RECORDS + 3; i++) {
        moot_arena_reset(&pair->dialler.arena);
        moot_arena_reset(&pair->listener.arena);
        struct moot_bytes frame = test_end_seal(&pair->dialler, moot_bytes_of_text("x"));
        test_end_receive(&pair->listener, frame);
        bool rolled = memcmp(before, pair->dialler.channel.send.key, sizeof before) != 0;
        assert_int_equal(rolled, i + 1 >= MOOT_REKEY_RECORDS);
        assert_memory_equal(pair->dialler.channel.send.key, pair->listener.channel.receive.key, 32);
    }
    assert_int_equal(pair->dialler.channel.sent_records, 3);
    exchange(pair, moot_bytes_of_text("both ways"));
}

static void a_rekey_asked_for_rolls_one_direction(void **state)
{
    struct test_pair *pair = *state;
    uint8_t sending[32];
    uint8_t receiving[32];
    memcpy(sending, pair->dialler.channel.send.key, 32);
    memcpy(receiving, pair->dialler.channel.receive.key, 32);
    size_t size = BODY_BYTES_MAX + 5; /* two records: the last one carries it */
    uint8_t *message = some_bytes(size);
    moot_channel_rekey(&pair->dialler.channel);
    exchange(pair, moot_bytes_of(message, size));
    free(message);
    assert_memory_not_equal(pair->dialler.channel.send.key, sending, 32);
    assert_memory_equal(pair->dialler.channel.receive.key, receiving, 32);
    assert_int_equal(pair->dialler.channel.sent_records, 0);
    memcpy(sending, pair->dialler.channel.send.key, 32);
    exchange(pair, moot_bytes_of_text("once only"));
    assert_memory_equal(pair->dialler.channel.send.key, sending, 32);
}

static void short_memory_seals_nothing_and_stays_in_step(void **state)
{
    struct test_pair *pair = *state;
    size_t size = 3 * BODY_BYTES_MAX;
    uint8_t *message = some_bytes(size);
    for (size_t left = 0; left < size + BODY_BYTES_MAX; left += 10007) {
        pair->dialler.arena.used = pair->dialler.arena.size - left;
        struct moot_bytes frame;
        assert_int_equal(moot_channel_seal(&pair->dialler.channel, moot_bytes_of(message, size),
                                           &pair->dialler.arena, &frame),
                         MOOT_NO_MEMORY);
    }
    exchange(pair, moot_bytes_of(message, size));
    pair->listener.arena.used = pair->listener.arena.size;
    moot_arena_reset(&pair->dialler.arena);
    struct moot_bytes frame = test_end_seal(&pair->dialler, moot_bytes_of_text("x"));
    assert_int_equal(try_on_copy(&pair->listener, frame), MOOT_NO_MEMORY);
    free(message);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(messages_of_all_sizes_come_out_as_they_went_in),
        TEST(a_message_above_the_limit_is_refused_and_nothing_is_lost),
        TEST(a_frame_above_the_limit_is_refused),
        TEST(every_bit_flip_and_cut_of_a_frame_is_refused),
        TEST(altered_cut_and_swapped_records_of_a_long_frame_are_refused),
        TEST(replayed_reordered_and_reflected_frames_are_refused),
        TEST(frames_of_another_session_of_the_same_devices_are_refused),
        TEST(a_record_that_lies_about_its_place_is_refused),
        TEST(both_sides_rekey_after_the_agreed_number_of_records),
        TEST(a_rekey_asked_for_rolls_one_direction),
        TEST(short_memory_seals_nothing_and_stays_in_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
