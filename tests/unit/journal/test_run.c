/* Runs: what is built decodes and verifies; nothing that was altered does. */
#include "tests/lib/test.h"

#include "journal/run.h"
#include "tests/lib/journal/run_maker.h"

static uint8_t memory[MOOT_RUN_ENCODED_BYTES_MAX];
static uint8_t second[MOOT_RUN_ENCODED_BYTES_MAX];

static struct moot_run decoded(struct moot_bytes bytes)
{
    struct moot_run run;
    assert_int_equal(moot_run_decode(bytes, &run), MOOT_OK);
    return run;
}

static void test_runs_of_1_to_64_facts_decode_verify_and_read_back(void **state)
{
    (void)state;
    struct test_author author = test_author_new(1);
    for (uint32_t count = 1; count <= MOOT_RUN_FACTS_MAX; count++) {
        struct moot_verified_run made = test_run_make(&author, count, 20 + count, memory), verified;
        struct moot_run run = decoded(made.run.encoded);
        assert_int_equal(run.fact_count, count);
        assert_true(run.first_seq == made.before.seq + 1);
        assert_true(moot_digest_equal(&run.chain, &author.chain));
        assert_ptr_equal(run.facts.data, made.run.facts.data);
        assert_int_equal(run.facts.size, made.run.facts.size);
        assert_int_equal(moot_run_verify(&run, &author.identity.key, &made.before, &verified),
                         MOOT_OK);
        assert_memory_equal(&verified.after.id, &made.after.id, sizeof made.after.id);
        assert_true(verified.after.seq == made.after.seq);
        assert_int_equal(verified.after.lane1_facts, made.before.lane1_facts + count);
        assert_true(verified.after.lane1_bytes ==
                    made.before.lane1_bytes + (uint64_t)count * (20 + count));
        assert_int_equal(verified.after.lane0_facts, 0);

        struct moot_run_reader reader, plain;
        struct moot_fact fact, unhashed;
        struct moot_digest prev = made.before.id;
        uint32_t seen = 0;
        moot_run_reader_init(&reader, &run, &made.before.id, true);
        moot_run_reader_init(&plain, &run, NULL, false);
        while (moot_run_reader_next(&reader, &fact)) {
            struct moot_digest hash, id;
            assert_true(moot_run_reader_next(&plain, &unhashed));
            assert_true(moot_digest_is_zero(&unhashed.id));
            assert_true(moot_digest_is_zero(&unhashed.header.prev));
            assert_true(moot_digest_is_zero(&unhashed.header.payload_hash));
            assert_true(moot_bytes_equal(unhashed.payload, fact.payload));
            assert_true(unhashed.header.seq == fact.header.seq);
            assert_true(moot_digest_equal(&fact.header.prev, &prev));
            moot_payload_hash(fact.payload, &hash);
            assert_true(moot_digest_equal(&fact.header.payload_hash, &hash));
            moot_fact_id(&run.chain, &fact.header, &id);
            assert_true(moot_digest_equal(&fact.id, &id));
            assert_int_equal(fact.payload.data[0], (uint8_t)seen);
            prev = fact.id;
            seen++;
        }
        assert_false(moot_run_reader_next(&plain, &unhashed));
        assert_int_equal(seen, count);
        assert_true(moot_digest_equal(&prev, &made.after.id));
    }
}

static void test_encoding_a_decoded_run_gives_its_bytes(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 15, 16, 64};
    struct test_author author = test_author_new(2);
    for (size_t i = 0; i < MOOT_COUNT_OF(counts); i++) {
        struct moot_verified_run made = test_run_make(&author, counts[i], 100, memory), again;
        struct moot_run run = decoded(made.run.encoded);
        struct moot_run_builder builder;
        struct moot_run_reader reader;
        struct moot_fact fact;
        moot_run_builder_init(&builder, &run.chain, &made.before, second, sizeof second);
        moot_run_reader_init(&reader, &run, &made.before.id, false);
        while (moot_run_reader_next(&reader, &fact)) {
            struct moot_digest id;
            assert_int_equal(moot_run_builder_add(&builder, &fact.header, fact.payload, &id),
                             MOOT_OK);
        }
        assert_int_equal(moot_run_builder_finish(&builder, &author.identity, &again), MOOT_OK);
        assert_true(moot_bytes_equal(again.run.encoded, made.run.encoded));
    }
}

static void test_any_flipped_bit_fails_decoding_or_verification(void **state)
{
    (void)state;
    struct test_author author = test_author_new(3);
    (void)test_run_make(&author, 2, 3, memory);
    struct moot_verified_run made = test_run_make(&author, 3, 5, memory), verified;
    size_t offset = (size_t)(made.run.encoded.data - memory);
    for (size_t bit = 0; bit < made.run.encoded.size * 8; bit++) {
        struct moot_run run;
        memory[offset + bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (moot_run_decode(made.run.encoded, &run) == MOOT_OK) {
            assert_int_not_equal(
                moot_run_verify(&run, &author.identity.key, &made.before, &verified), MOOT_OK);
        }
        memory[offset + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    struct moot_run run = decoded(made.run.encoded);
    assert_int_equal(moot_run_verify(&run, &author.identity.key, &made.before, &verified), MOOT_OK);
}

static void test_a_run_cut_anywhere_or_longer_is_refused(void **state)
{
    (void)state;
    struct test_author author = test_author_new(4);
    struct moot_verified_run made = test_run_make(&author, 3, 40, memory);
    struct moot_run run;
    for (size_t size = 0; size < made.run.encoded.size; size++) {
        uint8_t *exact = malloc(size + 1); /* so that a sanitizer sees a read too far */
        memcpy(exact, made.run.encoded.data, size);
        assert_int_equal(moot_run_decode(moot_bytes_of(exact, size), &run), MOOT_TRUNCATED);
        free(exact);
    }
    memcpy(second, made.run.encoded.data, made.run.encoded.size);
    second[made.run.encoded.size] = 0;
    assert_int_equal(moot_run_decode(moot_bytes_of(second, made.run.encoded.size + 1), &run),
                     MOOT_TRAILING);
}

static void test_wrong_key_chain_or_place_is_refused_with_its_reason(void **state)
{
    (void)state;
    struct test_author author = test_author_new(5), other = test_author_new(6);
    (void)test_run_make(&author, 4, 8, memory);
    struct moot_verified_run made = test_run_make(&author, 4, 8, memory), verified;
    struct moot_run run = made.run;
    const struct moot_key *key = &author.identity.key;
    assert_int_equal(moot_run_verify(&run, key, &made.before, &verified), MOOT_OK);
    assert_int_equal(moot_run_verify(&run, &other.identity.key, &made.before, &verified),
                     MOOT_BAD_HEAD_SIGNATURE);
    run.chain = other.chain;
    assert_int_equal(moot_run_verify(&run, key, &made.before, &verified), MOOT_BAD_HEAD_SIGNATURE);
    run = made.run;

    struct moot_chain_tail tail = {0};
    assert_int_equal(moot_run_verify(&run, key, &tail, &verified), MOOT_GAP);
    assert_int_equal(moot_run_verify(&run, key, &made.after, &verified), MOOT_REPLAYED);
    tail = made.before;
    tail.id.b[0] ^= 1;
    assert_int_equal(moot_run_verify(&run, key, &tail, &verified), MOOT_BAD_HEAD_SIGNATURE);
    assert_int_equal(moot_run_rehash(&run, &tail, &verified), MOOT_OK);
    assert_false(moot_digest_equal(&verified.after.id, &made.after.id));
    tail = made.before;
    tail.epoch++;
    assert_int_equal(moot_run_verify(&run, key, &tail, &verified), MOOT_EPOCH_FALLS);
    tail = made.before;
    tail.lamport += 2;
    assert_int_equal(moot_run_verify(&run, key, &tail, &verified), MOOT_LAMPORT_FALLS);
    tail = made.before;
    tail.lane1_facts = MOOT_CHAIN_EPOCH_FACTS_MAX - 3;
    assert_int_equal(moot_run_verify(&run, key, &tail, &verified), MOOT_OVER_QUOTA);
    tail.lane1_facts = MOOT_CHAIN_EPOCH_FACTS_MAX - 4;
    assert_int_equal(moot_run_verify(&run, key, &tail, &verified), MOOT_OK);
}

/* What a hostile writer could send; encoded by hand because the builder refuses. */
struct hand_fact {
    const char *fork; /* hex, or NULL for nil */
    uint32_t lamport;
    size_t payload_size;
};
static struct moot_bytes by_hand(uint64_t first_seq, uint32_t count, const struct hand_fact *facts)
{
    static uint8_t body[MOOT_PAYLOAD_BYTES_MAX + 1];
    struct moot_writer writer;
    struct moot_digest chain = {{7}};
    struct moot_signature signature = {{8}};
    moot_writer_init(&writer, second, sizeof second);
    moot_write_array(&writer, 4);
    moot_write_digest(&writer, &chain);
    moot_write_uint(&writer, first_seq);
    moot_write_array(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        moot_write_array(&writer, 7);
        if (facts[i].fork == NULL) {
            moot_write_nil(&writer);
        } else {
            uint8_t fork[16];
            size_t size = test_hex_decode(facts[i].fork, fork, sizeof fork);
            moot_write_bin(&writer, moot_bytes_of(fork, size));
        }
        moot_write_uint(&writer, 1);
        moot_write_uint(&writer, facts[i].lamport);
        moot_write_uint(&writer, 1);
        moot_write_uint(&writer, 64);
        moot_write_uint(&writer, 0);
        moot_write_bin(&writer, moot_bytes_of(body, facts[i].payload_size));
    }
    moot_write_signature(&writer, &signature);
    assert_int_equal(writer.status, MOOT_OK);
    return moot_bytes_of(writer.data, writer.size);
}

static enum moot_status decode_by_hand(uint64_t first_seq, uint32_t count,
                                       const struct hand_fact *facts)
{
    struct moot_run run;
    return moot_run_decode(by_hand(first_seq, count, facts), &run);
}

#define FORK_A "0000000000000000"
#define FORK_B "0000000000000001"

static void test_decoding_refuses_what_the_reader_could_not_read(void **state)
{
    (void)state;
    const struct hand_fact good[] = {{FORK_A, 1, 5}, {NULL, 1, 5}, {FORK_B, 1, 5}};
    assert_int_equal(decode_by_hand(1, 3, good), MOOT_OK);
    assert_int_equal(decode_by_hand(0, 3, good), MOOT_BAD_VALUE);
    assert_int_equal(decode_by_hand(UINT64_MAX - 3, 3, good), MOOT_OK);
    assert_int_equal(decode_by_hand(UINT64_MAX - 2, 3, good), MOOT_BAD_VALUE);
    assert_int_equal(decode_by_hand(1, 0, good), MOOT_BAD_VALUE);

    const struct hand_fact nil_first[] = {{NULL, 1, 5}};
    const struct hand_fact repeated[] = {{FORK_B, 1, 5}, {FORK_B, 1, 5}};
    const struct hand_fact repeated_after_nil[] = {{FORK_B, 1, 5}, {NULL, 1, 5}, {FORK_B, 1, 5}};
    const struct hand_fact there_and_back[] = {{FORK_B, 1, 5}, {FORK_A, 1, 5}, {FORK_B, 1, 5}};
    const struct hand_fact short_fork[] = {{"00000000000000", 1, 5}};
    const struct hand_fact lamport_zero[] = {{FORK_A, 1, 5}, {NULL, 0, 5}};
    const struct hand_fact largest[] = {{FORK_A, 1, MOOT_PAYLOAD_BYTES_MAX}};
    const struct hand_fact too_large[] = {{FORK_A, 1, MOOT_PAYLOAD_BYTES_MAX + 1}};
    assert_int_equal(decode_by_hand(1, 1, nil_first), MOOT_BAD_TYPE);
    assert_int_equal(decode_by_hand(1, 2, repeated), MOOT_NOT_CANONICAL);
    assert_int_equal(decode_by_hand(1, 3, repeated_after_nil), MOOT_NOT_CANONICAL);
    assert_int_equal(decode_by_hand(1, 3, there_and_back), MOOT_OK);
    assert_int_equal(decode_by_hand(1, 1, short_fork), MOOT_BAD_VALUE);
    assert_int_equal(decode_by_hand(1, 2, lamport_zero), MOOT_BAD_VALUE);
    assert_int_equal(decode_by_hand(1, 1, largest), MOOT_OK);
    assert_int_equal(decode_by_hand(1, 1, too_large), MOOT_OVERSIZED);

    struct hand_fact many[MOOT_RUN_FACTS_MAX + 1] = {{FORK_A, 1, 0}};
    for (size_t i = 1; i < MOOT_COUNT_OF(many); i++) {
        many[i] = (struct hand_fact){NULL, 1, 0};
    }
    assert_int_equal(decode_by_hand(1, MOOT_RUN_FACTS_MAX, many), MOOT_OK);
    assert_int_equal(decode_by_hand(1, MOOT_RUN_FACTS_MAX + 1, many), MOOT_OVERSIZED);
    for (size_t i = 0; i < 8; i++) {
        many[i].payload_size = MOOT_RUN_BYTES_MAX / 8;
    }
    assert_int_equal(decode_by_hand(1, 9, many), MOOT_OK);
    many[8].payload_size = 1;
    assert_int_equal(decode_by_hand(1, 9, many), MOOT_OVERSIZED);

    /* Five bytes that claim four thousand million facts. */
    struct moot_bytes claim = by_hand(1, 0, many);
    struct moot_run run;
    memcpy(second + 36, "\xdd\xff\xff\xff\xff", 5);
    assert_int_equal(moot_run_decode(claim, &run), MOOT_TRUNCATED);
    assert_int_equal(moot_run_decode(moot_bytes_of(second, MOOT_RUN_ENCODED_BYTES_MAX + 1), &run),
                     MOOT_OVERSIZED);
}

static void test_fork_id_is_carried_on_within_a_run_only(void **state)
{
    (void)state;
    const struct hand_fact facts[] = {{FORK_B, 1, 1}, {NULL, 1, 2}, {FORK_A, 1, 3}};
    struct moot_run run = decoded(by_hand(9, 3, facts));
    struct moot_run_reader reader;
    struct moot_fact fact;
    static const uint8_t last_bytes[] = {1, 1, 0};
    moot_run_reader_init(&reader, &run, NULL, false);
    for (size_t i = 0; i < 3; i++) {
        assert_true(moot_run_reader_next(&reader, &fact));
        assert_int_equal(fact.header.fork_id.b[7], last_bytes[i]);
        assert_true(fact.header.seq == 9 + i);
        assert_int_equal(fact.header.payload_size, i + 1);
    }
    assert_false(moot_run_reader_next(&reader, &fact));
}

static void test_builder_refuses_at_each_limit_and_stays_usable(void **state)
{
    (void)state;
    static uint8_t payload[MOOT_PAYLOAD_BYTES_MAX + 1];
    struct test_author author = test_author_new(7);
    struct moot_run_builder builder;
    struct moot_verified_run made, verified;
    struct moot_digest id;
    struct moot_header header = test_header_next(&author.tail);
    moot_run_builder_init(&builder, &author.chain, &author.tail, memory, sizeof memory);
    assert_int_equal(
        moot_run_builder_add(&builder, &header, moot_bytes_of(payload, sizeof payload), &id),
        MOOT_OVERSIZED);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(moot_run_builder_add(&builder, &header,
                                              moot_bytes_of(payload, MOOT_PAYLOAD_BYTES_MAX), &id),
                         MOOT_OK);
    }
    assert_int_equal(moot_run_builder_add(&builder, &header, moot_bytes_of(payload, 1), &id),
                     MOOT_LIMIT);
    struct moot_header falls = header;
    falls.epoch = 0;
    assert_int_equal(moot_run_builder_add(&builder, &falls, moot_bytes_of(payload, 0), &id),
                     MOOT_EPOCH_FALLS);
    falls = header;
    falls.lamport = 0;
    assert_int_equal(moot_run_builder_add(&builder, &falls, moot_bytes_of(payload, 0), &id),
                     MOOT_LAMPORT_FALLS);
    while (builder.fact_count < MOOT_RUN_FACTS_MAX) {
        assert_int_equal(moot_run_builder_add(&builder, &header, moot_bytes_of(payload, 0), &id),
                         MOOT_OK);
    }
    assert_int_equal(moot_run_builder_add(&builder, &header, moot_bytes_of(payload, 0), &id),
                     MOOT_LIMIT);
    assert_int_equal(moot_run_builder_finish(&builder, &author.identity, &made), MOOT_OK);
    struct moot_run run = decoded(made.run.encoded);
    assert_int_equal(moot_run_verify(&run, &author.identity.key, &author.tail, &verified), MOOT_OK);
    assert_true(moot_digest_equal(&verified.after.id, &id));
}

static void test_builder_in_any_smaller_memory_fails_early_or_makes_the_same_run(void **state)
{
    (void)state;
    struct test_author author = test_author_new(8);
    for (size_t capacity = 0; capacity < 400; capacity++) {
        struct moot_run_builder builder;
        struct moot_verified_run made;
        uint8_t *exact = malloc(capacity + 1);
        exact[capacity] = 0xee;
        moot_run_builder_init(&builder, &author.chain, &author.tail, exact, capacity);
        enum moot_status status;
        do {
            struct moot_header header = test_header_next(&builder.after);
            struct moot_digest id;
            status = moot_run_builder_add(&builder, &header, moot_bytes_of("0123456789", 10), &id);
        } while (status == MOOT_OK);
        assert_int_equal(status, builder.fact_count == 0 ? MOOT_OVERSIZED : MOOT_LIMIT);
        if (builder.fact_count > 0) {
            assert_int_equal(moot_run_builder_finish(&builder, &author.identity, &made), MOOT_OK);
            assert_int_equal(decoded(made.run.encoded).fact_count, builder.fact_count);
        }
        assert_int_equal(exact[capacity], 0xee);
        free(exact);
    }
}

static enum moot_status advance(struct moot_chain_tail *tail, uint32_t epoch, uint32_t lamport,
                                uint16_t kind, uint32_t size)
{
    struct moot_header header = {.seq = tail->seq + 1,
                                 .prev = tail->id,
                                 .epoch = epoch,
                                 .lamport = lamport,
                                 .kind = kind,
                                 .payload_size = size};
    struct moot_digest id = {{(uint8_t)(tail->seq + 1)}};
    struct moot_chain_tail before = *tail;
    enum moot_status status = moot_chain_tail_advance(tail, &header, &id);
    if (status != MOOT_OK) {
        assert_memory_equal(tail, &before, sizeof before);
    }
    return status;
}

static void test_epoch_never_falls_and_lamport_restarts_with_each_epoch(void **state)
{
    (void)state;
    struct moot_chain_tail tail = {0};
    assert_int_equal(advance(&tail, 0, 0, 64, 1), MOOT_LAMPORT_FALLS);
    assert_int_equal(advance(&tail, 0, 1, 64, 1), MOOT_OK);
    assert_int_equal(advance(&tail, 5, 9, 64, 1), MOOT_OK);
    assert_int_equal(advance(&tail, 4, 10, 64, 1), MOOT_EPOCH_FALLS);
    assert_int_equal(advance(&tail, 5, 8, 64, 1), MOOT_LAMPORT_FALLS);
    assert_int_equal(advance(&tail, 5, 9, 64, 1), MOOT_OK);
    assert_int_equal(advance(&tail, 5, UINT32_MAX, 64, 1), MOOT_OK);
    assert_int_equal(advance(&tail, 5, UINT32_MAX, 64, 1), MOOT_OK);
    assert_int_equal(advance(&tail, 6, 0, 64, 1), MOOT_LAMPORT_FALLS);
    assert_int_equal(advance(&tail, 6, 1, 64, 1), MOOT_OK);
    assert_true(tail.seq == 6 && tail.epoch == 6 && tail.lamport == 1);
}

static void test_tail_takes_only_the_next_seq_with_the_right_prev(void **state)
{
    (void)state;
    struct moot_chain_tail tail = {.seq = 5, .id = {{5}}};
    struct moot_header header = {.seq = 6, .prev = {{4}}, .lamport = 1, .kind = 64};
    struct moot_digest id = {{6}};
    assert_int_equal(moot_chain_tail_advance(&tail, &header, &id), MOOT_BROKEN_LINK);
    header.prev.b[0] = 5;
    header.seq = 5;
    assert_int_equal(moot_chain_tail_advance(&tail, &header, &id), MOOT_REPLAYED);
    header.seq = 7;
    assert_int_equal(moot_chain_tail_advance(&tail, &header, &id), MOOT_GAP);
    header.seq = 6;
    assert_int_equal(moot_chain_tail_advance(&tail, &header, &id), MOOT_OK);
}

static void test_quota_counts_each_lane_apart_and_anew_in_each_epoch(void **state)
{
    (void)state;
    struct moot_chain_tail tail = {.epoch = 3, .lamport = 1};
    tail.lane0_facts = MOOT_CHAIN_EPOCH_LANE0_FACTS_MAX - 1;
    tail.lane1_facts = MOOT_CHAIN_EPOCH_FACTS_MAX - 1;
    assert_int_equal(advance(&tail, 3, 1, MOOT_LANE0_KIND_MAX, 7), MOOT_OK);
    assert_int_equal(tail.lane0_bytes, 7);
    assert_int_equal(advance(&tail, 3, 1, MOOT_LANE0_KIND_MAX, 0), MOOT_OVER_QUOTA);
    assert_int_equal(advance(&tail, 3, 1, MOOT_LANE0_KIND_MAX + 1, 8), MOOT_OK);
    assert_int_equal(tail.lane1_bytes, 8);
    assert_int_equal(advance(&tail, 3, 1, MOOT_LANE0_KIND_MAX + 1, 0), MOOT_OVER_QUOTA);
    assert_int_equal(advance(&tail, 4, 1, 0, 1), MOOT_OK);
    assert_int_equal(tail.lane0_facts, 1);
    assert_int_equal(tail.lane0_bytes, 1);
    assert_int_equal(tail.lane1_facts, 0);
    assert_int_equal(tail.lane1_bytes, 0);

    tail.lane0_bytes = MOOT_CHAIN_EPOCH_LANE0_BYTES_MAX - 10;
    assert_int_equal(advance(&tail, 4, 1, 1, 11), MOOT_OVER_QUOTA);
    assert_int_equal(advance(&tail, 4, 1, 1, 10), MOOT_OK);
    assert_int_equal(advance(&tail, 4, 1, 1, 0), MOOT_OK);
    tail.lane1_bytes = MOOT_CHAIN_EPOCH_BYTES_MAX - 10;
    assert_int_equal(advance(&tail, 4, 1, 99, 11), MOOT_OVER_QUOTA);
    assert_int_equal(advance(&tail, 4, 1, 99, 10), MOOT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_of_1_to_64_facts_decode_verify_and_read_back),
        cmocka_unit_test(test_encoding_a_decoded_run_gives_its_bytes),
        cmocka_unit_test(test_any_flipped_bit_fails_decoding_or_verification),
        cmocka_unit_test(test_a_run_cut_anywhere_or_longer_is_refused),
        cmocka_unit_test(test_wrong_key_chain_or_place_is_refused_with_its_reason),
        cmocka_unit_test(test_decoding_refuses_what_the_reader_could_not_read),
        cmocka_unit_test(test_fork_id_is_carried_on_within_a_run_only),
        cmocka_unit_test(test_builder_refuses_at_each_limit_and_stays_usable),
        cmocka_unit_test(test_builder_in_any_smaller_memory_fails_early_or_makes_the_same_run),
        cmocka_unit_test(test_epoch_never_falls_and_lamport_restarts_with_each_epoch),
        cmocka_unit_test(test_tail_takes_only_the_next_seq_with_the_right_prev),
        cmocka_unit_test(test_quota_counts_each_lane_apart_and_anew_in_each_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
