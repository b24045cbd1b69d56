/* Inviting, joining, admitting: what survives restarts, what is refused, and that all is taken or nothing. */
#include "tests/lib/engines/hostile.h"

static struct moot_reply call(struct test_net *net, uint32_t node, enum moot_call_kind kind,
                              const char *text)
{
    struct moot_call made = {.kind = kind};
    if (kind == MOOT_CALL_JOIN)
        made.uri = moot_bytes_of_text(text);
    else if (kind == MOOT_CALL_INIT)
        made.mesh_name = moot_bytes_of_text(text);
    else if (text)
        made.name = moot_bytes_of_text(text);
    return test_net_call(net, node, &made);
}

static void found_alone(struct test_net *net, uint32_t count, uint64_t seed)
{
    test_net_init(net, count, seed);
    assert_int_equal(call(net, 0, MOOT_CALL_INIT, "alder").status, MOOT_OK);
}

static void invite_and_ask(struct test_net *net, uint32_t node)
{
    struct moot_reply invitation = call(net, 0, MOOT_CALL_INVITE, NULL);
    assert_int_equal(invitation.status, MOOT_OK);
    assert_int_equal(call(net, node, MOOT_CALL_JOIN, invitation.uri).status, MOOT_OK);
}

static enum moot_join_state joining(struct test_net *net, uint32_t node)
{
    struct moot_view_status status;
    moot_view_status(&net->nodes[node].env, net->now_ms, &status);
    return status.joining;
}

static bool in_mesh(const struct test_net *net, uint32_t node)
{
    return moot_view_state(&net->nodes[node].env)->founded;
}

static void test_five_wrong_codes_burn_what_is_open_and_not_what_waits(void **state)
{
    (void)state;
    struct test_net net;
    found_alone(&net, 5, 1);
    invite_and_ask(&net, 1);
    struct moot_reply open = call(&net, 0, MOOT_CALL_INVITE, NULL);
    for (uint32_t i = 2; i < 5; i++) { /* each tries twice */
        char wrong[MOOT_URI_BYTES_MAX];
        memcpy(wrong, open.uri, sizeof wrong);
        char *last = wrong + strlen(wrong) - i;
        *last = *last == 'A' ? 'B' : 'A';
        assert_int_equal(call(&net, i, MOOT_CALL_JOIN, wrong).status, MOOT_CODE_WRONG);
    }
    assert_int_equal(test_net_noticed(&net, 0, "invite.burned", 0), 1);
    assert_int_equal(call(&net, 2, MOOT_CALL_JOIN, open.uri).status, MOOT_CODE_WRONG);
    assert_int_equal(call(&net, 0, MOOT_CALL_ADMIT, "n1").status, MOOT_OK);
    test_net_run(&net, 3000);
    assert_true(in_mesh(&net, 1));
    /* Failures of before do not count against the next invitation. */
    struct moot_reply next = call(&net, 0, MOOT_CALL_INVITE, NULL);
    char wrong[MOOT_URI_BYTES_MAX];
    memcpy(wrong, next.uri, sizeof wrong);
    wrong[strlen(wrong) - 1] ^= 1;
    assert_int_equal(call(&net, 3, MOOT_CALL_JOIN, wrong).status, MOOT_CODE_WRONG);
    assert_int_equal(call(&net, 4, MOOT_CALL_JOIN, next.uri).status, MOOT_OK);
    test_net_free(&net);
}

static void test_an_invitation_lives_fifteen_minutes(void **state)
{
    (void)state;
    struct test_net net;
    found_alone(&net, 3, 2);
    struct moot_reply early = call(&net, 0, MOOT_CALL_INVITE, NULL);
    assert_int_equal(early.expires_in_s, 900);
    test_net_run(&net, MOOT_INVITE_MS - 20000);
    assert_int_equal(call(&net, 1, MOOT_CALL_JOIN, early.uri).status, MOOT_OK);
    struct moot_reply late = call(&net, 0, MOOT_CALL_INVITE, NULL);
    test_net_run(&net, MOOT_INVITE_MS + 1);
    assert_int_equal(call(&net, 2, MOOT_CALL_JOIN, late.uri).status, MOOT_CODE_WRONG);
    assert_int_equal(joining(&net, 1), MOOT_JOIN_PENDING); /* who waits, waits on */
    test_net_free(&net);
}

static void test_a_name_that_is_taken_is_refused_and_the_joiner_hears_why(void **state)
{
    (void)state;
    struct test_net net;
    found_alone(&net, 3, 3);
    snprintf(net.nodes[1].config.name, sizeof net.nodes[1].config.name, "n0");
    test_net_stop(&net, 1);
    test_net_start(&net, 1);
    struct moot_reply invitation = call(&net, 0, MOOT_CALL_INVITE, NULL);
    assert_int_equal(call(&net, 1, MOOT_CALL_JOIN, invitation.uri).status, MOOT_NAME_TAKEN);
    assert_int_equal(joining(&net, 1), MOOT_JOIN_DENIED);
    test_net_free(&net);
}

static void test_two_that_wait_under_one_name_are_told_apart_by_their_keys(void **state)
{
    (void)state;
    struct test_net net;
    char hex[65];
    found_alone(&net, 3, 4);
    snprintf(net.nodes[2].config.name, sizeof net.nodes[2].config.name, "n1");
    test_net_stop(&net, 2);
    test_net_start(&net, 2);
    invite_and_ask(&net, 1);
    invite_and_ask(&net, 2);
    assert_int_equal(call(&net, 0, MOOT_CALL_ADMIT, "n1").status, MOOT_AMBIGUOUS);
    assert_int_equal(call(&net, 0, MOOT_CALL_DENY, "n1").status, MOOT_AMBIGUOUS);
    moot_hex_format(moot_key_bytes(&net.nodes[2].identity.key), hex);
    assert_int_equal(call(&net, 0, MOOT_CALL_DENY, hex).status, MOOT_OK);
    moot_hex_format(moot_key_bytes(&net.nodes[1].identity.key), hex);
    assert_int_equal(call(&net, 0, MOOT_CALL_ADMIT, hex).status, MOOT_OK);
    test_net_run(&net, 3000);
    assert_true(in_mesh(&net, 1));
    assert_int_equal(joining(&net, 2), MOOT_JOIN_DENIED);
    test_net_free(&net);
}

static void deny_many(struct moot_step *step, const void *context)
{
    (void)context;
    for (uint32_t i = 0; i < MOOT_JOINS_PENDING_MAX; i++) {
        struct moot_key key = {{0xdd}};
        moot_u32_put(key.b + 4, i);
        struct moot_joiner *joiner =
            moot_map_put(step->pool, &step->engine->joiners, moot_key_bytes(&key), NULL);
        assert_non_null(joiner);
        assert_true(moot_blob_set(step->pool, &joiner->name, moot_bytes_of_text("denied")));
        joiner->denied = true;
    }
}

static void test_devices_that_were_denied_do_not_fill_the_room_of_those_that_ask(void **state)
{
    (void)state;
    struct test_net net;
    found_alone(&net, 2, 5);
    test_net_meddle(&net, 0, deny_many, NULL);
    invite_and_ask(&net, 1);
    assert_int_equal(call(&net, 0, MOOT_CALL_ADMIT, "n1").status, MOOT_OK);
    test_net_run(&net, 3000);
    assert_true(in_mesh(&net, 1));
    test_net_free(&net);
}

static void test_a_denied_device_may_ask_again_with_a_new_invitation_only(void **state)
{
    (void)state;
    struct test_net net;
    found_alone(&net, 2, 7);
    struct moot_reply used = call(&net, 0, MOOT_CALL_INVITE, NULL);
    assert_int_equal(call(&net, 1, MOOT_CALL_JOIN, used.uri).status, MOOT_OK);
    assert_int_equal(call(&net, 0, MOOT_CALL_DENY, "n1").status, MOOT_OK);
    test_net_run(&net, 5000);
    assert_int_equal(joining(&net, 1), MOOT_JOIN_DENIED);
    assert_int_equal(call(&net, 1, MOOT_CALL_JOIN, used.uri).status, MOOT_REJECTED);
    invite_and_ask(&net, 1);
    assert_int_equal(joining(&net, 1), MOOT_JOIN_PENDING);
    assert_int_equal(call(&net, 0, MOOT_CALL_ADMIT, "n1").status, MOOT_OK);
    test_net_run(&net, 3000);
    assert_true(in_mesh(&net, 1));
    test_net_free(&net);
}

static void test_asking_survives_restarts_of_either_side(void **state)
{
    (void)state;
    for (uint32_t who = 0; who < 3; who++) {
        struct test_net net;
        found_alone(&net, 2, 6 + who);
        invite_and_ask(&net, 1);
        for (uint32_t i = 0; i < 2; i++) {
            if (who == i || who == 2) {
                test_net_stop(&net, i);
                test_net_run(&net, 3000);
                test_net_start(&net, i);
            }
        }
        test_net_run(&net, 5000);
        assert_int_equal(joining(&net, 1), MOOT_JOIN_PENDING);
        assert_int_equal(call(&net, 0, MOOT_CALL_ADMIT, "n1").status, MOOT_OK);
        test_net_run(&net, 3000);
        assert_true(in_mesh(&net, 1));
        test_net_free(&net);
    }
}

/* Two administrators, both needed; node 2 asked and is admitted but has not heard of it. */
static void admitted_unheard(struct test_net *net, uint64_t seed)
{
    char hex[65];
    test_net_init(net, 3, seed);
    net->count = 2;
    test_net_found(net);
    test_net_admins(net, 2, 2);
    net->count = 3;
    invite_and_ask(net, 2);
    test_net_cut(net, 0, 2, true);
    struct moot_reply reply = call(net, 0, MOOT_CALL_ADMIT, "n2");
    assert_int_equal(reply.status, MOOT_OK);
    moot_hex_format(moot_digest_bytes(&reply.proposal), hex);
    struct moot_call approve = {.kind = MOOT_CALL_APPROVE,
                                .proposal = reply.proposal,
                                .digest_text = moot_bytes_of_text(hex)};
    test_net_run(net, 100);
    assert_int_equal(test_net_call(net, 1, &approve).status, MOOT_OK);
    test_net_run(net, 100);
}

static void test_a_device_is_let_in_within_the_epoch_of_a_turn(void **state)
{
    (void)state;
    struct test_net net;
    admitted_unheard(&net, 20);
    const struct moot_state *held = moot_view_state(&net.nodes[0].env);
    const struct moot_era *era = moot_state_era(held, net.nodes[0].env.pool);
    assert_int_equal(held->epoch, era->epoch); /* the newest tick is the one that turned */
    test_net_cut(&net, 0, 2, false);
    test_net_run(&net, 3000);
    assert_true(in_mesh(&net, 2));
    test_net_run(&net, 3000);
    assert_true(test_net_equal(&net, 0, 2));
    test_net_free(&net);
}

static struct moot_blob *object_of(struct test_net *net, uint32_t which)
{
    struct moot_engine *engine = test_net_engine(net, 0);
    struct moot_pool *pool = net->nodes[0].env.pool;
    const struct moot_era *era = moot_state_era(&engine->state, pool);
    const struct moot_member *member =
        moot_state_member(&engine->state, pool, &net->nodes[2].identity.key);
    const struct moot_digest *ids[] = {&era->turn_object, &era->tick_object, &member->admission};
    const uint8_t *key =
        moot_map_get(pool, &engine->state.object_ids, moot_digest_bytes(ids[which]));
    assert_non_null(key);
    struct moot_object_row *row =
        moot_map_get(pool, &engine->state.objects, moot_bytes_of(key, MOOT_SLOT_BYTES + 32));
    assert_non_null(row);
    return &row->encoded;
}

static void test_an_admission_with_one_altered_byte_is_refused_as_a_whole(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 24; i++) {
        struct test_net net;
        admitted_unheard(&net, 21);
        struct moot_blob *blob = object_of(&net, i % 3);
        uint8_t *bytes = moot_pool_at(net.nodes[0].env.pool, blob->handle);
        bytes[(i / 3) * (blob->size - 1) / 7] ^= 0x41;
        uint32_t since = net.nodes[2].notice_count;
        uint64_t stored = net.nodes[2].stored;
        test_net_cut(&net, 0, 2, false);
        test_net_run(&net, 3000);
        assert_false(in_mesh(&net, 2));
        assert_int_equal(joining(&net, 2), MOOT_JOIN_DENIED);
        assert_int_equal(test_net_noticed(&net, 2, "join.refused", since), 1);
        assert_int_equal(test_net_noticed(&net, 2, "turn.certified", since), 0);
        assert_int_equal(test_net_noticed(&net, 2, "device.admitted", since), 0);
        assert_true(net.nodes[2].stored <= stored + 1); /* no more than: it asks no longer */
        struct moot_bytes value;
        assert_int_equal(net.nodes[2].port.get(net.nodes[2].port.self, MOOT_TABLE_META,
                                               moot_bytes_of_text("founding"), &value),
                         MOOT_NOT_FOUND);
        net.nodes[2].port.release(net.nodes[2].port.self);
        /* Nothing of it is left over: the device can found a mesh of its own. */
        assert_int_equal(call(&net, 2, MOOT_CALL_INIT, "own").status, MOOT_OK);
        test_net_stop(&net, 2);
        test_net_start(&net, 2);
        assert_int_equal(moot_view_state(&net.nodes[2].env)->members.count, 1);
        test_net_free(&net);
    }
}

static void test_founding_ends_the_asking_to_join(void **state)
{
    (void)state;
    struct test_net net;
    found_alone(&net, 2, 30);
    invite_and_ask(&net, 1);
    assert_int_equal(call(&net, 1, MOOT_CALL_INIT, "own").status, MOOT_OK);
    assert_int_equal(joining(&net, 1), MOOT_JOIN_NONE);
    assert_int_equal(call(&net, 0, MOOT_CALL_ADMIT, "n1").status, MOOT_OK);
    test_net_run(&net, 20000);
    assert_int_equal(moot_view_state(&net.nodes[1].env)->members.count, 1);
    test_net_stop(&net, 1);
    test_net_start(&net, 1);
    test_net_run(&net, 5000);
    assert_int_equal(joining(&net, 1), MOOT_JOIN_NONE);
    assert_int_equal(moot_view_state(&net.nodes[1].env)->members.count, 1);
    test_net_free(&net);
}

static void test_calls_that_need_a_mesh_or_an_administrator_say_so(void **state)
{
    (void)state;
    struct test_net net;
    test_net_init(&net, 2, 31);
    assert_int_equal(call(&net, 0, MOOT_CALL_INVITE, NULL).status, MOOT_NO_MESH);
    assert_int_equal(call(&net, 0, MOOT_CALL_ADMIT, "x").status, MOOT_NO_MESH);
    assert_int_equal(call(&net, 0, MOOT_CALL_JOIN, "moot://nonsense").status, MOOT_BAD_ARGUMENT);
    assert_int_equal(call(&net, 0, MOOT_CALL_INIT, "two words").status, MOOT_BAD_ARGUMENT);
    test_net_found(&net);
    assert_int_equal(call(&net, 0, MOOT_CALL_INIT, "again").status, MOOT_IN_MESH);
    assert_int_equal(call(&net, 1, MOOT_CALL_INVITE, NULL).status, MOOT_NOT_ADMIN);
    assert_int_equal(call(&net, 1, MOOT_CALL_ADMIT, "x").status, MOOT_NOT_ADMIN);
    assert_int_equal(call(&net, 1, MOOT_CALL_DENY, "x").status, MOOT_NOT_ADMIN);
    assert_int_equal(call(&net, 0, MOOT_CALL_ADMIT, "x").status, MOOT_NOT_FOUND);
    assert_int_equal(call(&net, 0, MOOT_CALL_DENY, "x").status, MOOT_NOT_FOUND);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_wrong_codes_burn_what_is_open_and_not_what_waits),
        cmocka_unit_test(test_an_invitation_lives_fifteen_minutes),
        cmocka_unit_test(test_a_name_that_is_taken_is_refused_and_the_joiner_hears_why),
        cmocka_unit_test(test_two_that_wait_under_one_name_are_told_apart_by_their_keys),
        cmocka_unit_test(test_devices_that_were_denied_do_not_fill_the_room_of_those_that_ask),
        cmocka_unit_test(test_a_denied_device_may_ask_again_with_a_new_invitation_only),
        cmocka_unit_test(test_asking_survives_restarts_of_either_side),
        cmocka_unit_test(test_a_device_is_let_in_within_the_epoch_of_a_turn),
        cmocka_unit_test(test_an_admission_with_one_altered_byte_is_refused_as_a_whole),
        cmocka_unit_test(test_founding_ends_the_asking_to_join),
        cmocka_unit_test(test_calls_that_need_a_mesh_or_an_administrator_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
