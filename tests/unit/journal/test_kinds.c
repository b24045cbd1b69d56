/* The table of kinds and the small payloads: exact, in order, within limits. */
#include "journal/kinds.h"
#include "tests/lib/journal/mesh.h"
#include "tests/lib/test.h"

static uint8_t memory[MOOT_PAYLOAD_BYTES_MAX];

static void the_table_knows_each_kind_of_this_build_and_no_other(void **state)
{
    (void)state;
    uint32_t known = 0;
    for (uint32_t kind = 0; kind <= UINT16_MAX; kind++) {
        const struct moot_kind_info *info = moot_kind_find((uint16_t)kind);
        if (info != NULL) {
            known++;
            assert_int_equal(info->kind, kind);
            assert_true(info->stratum <= 3 && info->since >= 1 && info->name[0] != '\0');
        }
    }
    assert_int_equal(known, 20);
    assert_string_equal(moot_kind_find(MOOT_KIND_RECORD_PUT)->name, "RecordPut");
    assert_null(moot_kind_find(MOOT_KIND_BRANCH_FOLLOWED));
    for (unsigned body = MOOT_BODY_TURN; body <= MOOT_BODY_KIND_MAX; body++) {
        uint16_t kind = moot_kind_proposing((enum moot_body_kind)body);
        bool proposed = body != MOOT_BODY_ACTIVATION;
        assert_int_equal(kind != 0, proposed);
        assert_true(!proposed || moot_kind_find(kind)->proposes == body);
    }
    assert_int_equal(moot_kind_envelope(MOOT_SLOT_SNAPSHOT), MOOT_KIND_SNAPSHOT_COMPLETED);
    assert_int_equal(moot_kind_envelope(MOOT_SLOT_UPGRADE), 0);
}

static void a_founding_survives_the_round_trip_and_needs_its_names(void **state)
{
    (void)state;
    struct test_mesh mesh;
    test_mesh_init(&mesh, 4);
    struct moot_founding founding;
    assert_int_equal(moot_founding_decode(mesh.founding, &founding), MOOT_OK);
    assert_true(moot_key_equal(&founding.founder, &mesh.devices[0].identity.key));
    assert_int_equal(founding.salt[31], 4);
    founding.name.size = 0;
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_founding_encode(&founding, &writer);
    assert_int_equal(moot_founding_decode(moot_bytes_of(memory, writer.size), &founding),
                     MOOT_BAD_VALUE);
    assert_int_equal(
        moot_founding_decode(moot_bytes_of(mesh.founding.data, mesh.founding.size - 1), &founding),
        MOOT_TRUNCATED);
}

static void a_withdrawal_names_one_proposal(void **state)
{
    (void)state;
    struct moot_digest proposal = {{1, 2, 3}};
    struct moot_digest decoded;
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_withdrawn_encode(&proposal, &writer);
    struct moot_bytes bytes = moot_bytes_of(memory, writer.size);
    assert_int_equal(moot_withdrawn_decode(bytes, &decoded), MOOT_OK);
    assert_true(moot_digest_equal(&proposal, &decoded));
    memory[0] = 0x92;
    assert_int_not_equal(moot_withdrawn_decode(bytes, &decoded), MOOT_OK);
}

static enum moot_status put_status(const char *key, const struct moot_context_entry *context,
                                   uint32_t count)
{
    struct moot_writer writer;
    struct moot_record_put put;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_record_put_encode(moot_bytes_of_text(key), NULL, context, count, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    return moot_record_put_decode(moot_bytes_of(memory, writer.size), &put);
}

static void a_put_keeps_key_value_and_context(void **state)
{
    (void)state;
    const struct moot_context_entry context[] = {{{{1}}, 7}, {{{2}}, 70000}};
    struct moot_bytes value = moot_bytes_of_text("21.5");
    struct moot_writer writer;
    struct moot_record_put put;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_record_put_encode(moot_bytes_of_text("heating"), &value, context, 2, &writer);
    assert_int_equal(moot_record_put_decode(moot_bytes_of(memory, writer.size), &put), MOOT_OK);
    assert_false(put.tombstone);
    assert_true(moot_bytes_equal(put.key, moot_bytes_of_text("heating")));
    assert_true(moot_bytes_equal(put.value, value));
    assert_int_equal(put.context_count, 2);
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, put.context);
    for (size_t i = 0; i < 2; i++) {
        struct moot_context_entry entry;
        moot_context_entry_read(&cursor, &entry);
        assert_true(moot_digest_equal(&entry.chain, &context[i].chain));
        assert_int_equal(entry.seq, context[i].seq);
    }
    assert_int_equal(moot_cursor_finish(&cursor), MOOT_OK);
}

static void a_put_out_of_order_or_without_key_is_refused(void **state)
{
    (void)state;
    const struct moot_context_entry good[] = {{{{1}}, 7}, {{{2}}, 1}};
    const struct moot_context_entry swapped[] = {{{{2}}, 7}, {{{1}}, 1}};
    const struct moot_context_entry twice[] = {{{{1}}, 7}, {{{1}}, 8}};
    const struct moot_context_entry zero[] = {{{{1}}, 0}};
    assert_int_equal(put_status("k", good, 2), MOOT_OK);
    assert_int_equal(put_status("k", swapped, 2), MOOT_BAD_VALUE);
    assert_int_equal(put_status("k", twice, 2), MOOT_BAD_VALUE);
    assert_int_equal(put_status("k", zero, 1), MOOT_BAD_VALUE);
    assert_int_equal(put_status("", good, 2), MOOT_BAD_VALUE);
    char key[MOOT_RECORD_KEY_BYTES_MAX + 2];
    memset(key, 'k', sizeof key);
    key[MOOT_RECORD_KEY_BYTES_MAX] = '\0';
    assert_int_equal(put_status(key, good, 2), MOOT_OK);
    key[MOOT_RECORD_KEY_BYTES_MAX] = 'k';
    key[MOOT_RECORD_KEY_BYTES_MAX + 1] = '\0';
    assert_int_equal(put_status(key, good, 2), MOOT_OVERSIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_knows_each_kind_of_this_build_and_no_other),
        cmocka_unit_test(a_founding_survives_the_round_trip_and_needs_its_names),
        cmocka_unit_test(a_withdrawal_names_one_proposal),
        cmocka_unit_test(a_put_keeps_key_value_and_context),
        cmocka_unit_test(a_put_out_of_order_or_without_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
