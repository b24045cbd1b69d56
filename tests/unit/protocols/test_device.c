/*
 * Devices that are removed, replaced and renamed, among whole engines: what everybody sees of it, also
 * those who were away, and what is refused before it is proposed or approved.
 */
#include "protocols/inside.h"
#include "tests/lib/engines/net.h"

static struct moot_bytes text(const char *string)
{
    return moot_bytes_of_text(string);
}

static struct moot_reply put(struct test_net *net, uint32_t node, const char *value)
{
    struct moot_call call = {
        .kind = MOOT_CALL_RECORD_PUT, .key = text("heating"), .value = text(value)};
    return test_net_call(net, node, &call);
}

static struct moot_reply remove_device(struct test_net *net, uint32_t node, const char *name)
{
    struct moot_call call = {.kind = MOOT_CALL_REMOVE, .name = text(name)};
    return test_net_call(net, node, &call);
}

static struct moot_reply rename_device(struct test_net *net, uint32_t node, const char *name,
                                       const char *new_name)
{
    struct moot_call call = {
        .kind = MOOT_CALL_RENAME, .name = text(name), .new_name = text(new_name)};
    return test_net_call(net, node, &call);
}

static enum moot_status approve(struct test_net *net, uint32_t node,
                                const struct moot_digest *proposal)
{
    char hex[65];
    moot_hex_format(moot_digest_bytes(proposal), hex);
    struct moot_call call = {
        .kind = MOOT_CALL_APPROVE, .proposal = *proposal, .digest_text = text(hex)};
    return test_net_call(net, node, &call).status;
}

static struct moot_view_device device_of(struct test_net *net, uint32_t viewer, uint32_t node)
{
    struct moot_view_device *all = NULL;
    moot_arena_reset(&net->arena);
    uint32_t count = moot_view_devices(&net->nodes[viewer].env, net->now_ms, &net->arena, &all);
    for (uint32_t i = 0; i < count; i++) {
        if (moot_key_equal(&all[i].key, &net->nodes[node].identity.key))
            return all[i];
    }
    fail_msg("node %u does not list node %u", viewer, node);
    return (struct moot_view_device){0};
}

static uint32_t sessions(struct test_net *net, uint32_t node)
{
    struct moot_view_status status;
    moot_view_status(&net->nodes[node].env, net->now_ms, &status);
    return status.session_count;
}

static uint64_t voids(struct test_net *net, uint32_t node, enum moot_status reason)
{
    struct moot_view_stats stats;
    moot_view_stats(&net->nodes[node].env, &stats);
    return stats.voids[reason];
}

static void assert_same_state(struct test_net *net, const uint32_t *nodes, uint32_t count)
{
    struct moot_view_stats first, other;
    moot_view_stats(&net->nodes[nodes[0]].env, &first);
    for (uint32_t i = 1; i < count; i++) {
        moot_view_stats(&net->nodes[nodes[i]].env, &other);
        assert_memory_equal(&first.frontier_digest, &other.frontier_digest, 32);
        assert_memory_equal(&first.state_digest, &other.state_digest, 32);
    }
}

static void a_removed_device_is_let_go_by_all_and_knows_it(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 3, 1);
    test_net_found(&net);
    assert_int_equal(put(&net, 2, "18").status, MOOT_OK);
    test_net_run(&net, 3000);
    assert_int_equal(remove_device(&net, 0, "n2").status, MOOT_OK);
    test_net_run(&net, 5000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(device_of(&net, i, 2).state, MOOT_DEVICE_REMOVED);
        assert_int_equal(test_net_noticed(&net, i, "device.removed", 0), 1);
    }
    assert_int_equal(sessions(&net, 0), 1);
    assert_int_equal(sessions(&net, 2), 0);
    assert_int_equal(put(&net, 2, "30").status, MOOT_REMOVED);
    test_net_run(&net, 120000); /* nobody tries again and again */
    assert_int_equal(sessions(&net, 2), 0);
    assert_int_equal(voids(&net, 0, MOOT_VOID_REMOVED), 0); /* what it wrote before stays */
    const uint32_t members[] = {0, 1};
    assert_same_state(&net, members, 2);
    test_net_free(&net);
}

static void what_it_wrote_above_the_range_is_void_everywhere(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 3, 2);
    test_net_found(&net);
    uint64_t last = put(&net, 2, "18").seq;
    assert_int_equal(put(&net, 2, "30").status, MOOT_OK);
    test_net_run(&net, 3000);
    struct moot_call call = {
        .kind = MOOT_CALL_REMOVE, .name = text("n2"), .at_given = true, .at_seq = last + 9};
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_BAD_ARGUMENT);
    call.at_seq = last;
    assert_int_equal(test_net_call(&net, 0, &call).status, MOOT_OK);
    test_net_run(&net, 5000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(voids(&net, i, MOOT_VOID_REMOVED), 1);
        assert_int_equal(device_of(&net, i, 2).last_seq, last);
    }
    const uint32_t all[] = {0, 1};
    assert_same_state(&net, all, 2);
    test_net_stop(&net, 1); /* and after a start from what is on disk */
    test_net_start(&net, 1);
    test_net_run(&net, 5000);
    assert_int_equal(voids(&net, 1, MOOT_VOID_REMOVED), 1);
    assert_same_state(&net, all, 2);
    test_net_free(&net);
}

static void one_that_was_away_gets_the_proof_when_it_comes_back(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 3, 3);
    test_net_found(&net);
    test_net_cut(&net, 0, 2, true);
    test_net_cut(&net, 1, 2, true);
    test_net_run(&net, 1000);
    assert_int_equal(put(&net, 2, "18").status, MOOT_OK);
    const struct moot_bytes names[] = {text("n0"), text("n1")};
    struct moot_call turn = {.kind = MOOT_CALL_PROPOSE_ADMINS,
                             .names = names,
                             .name_count = 2,
                             .threshold = 2}; /* a turn that it does not know either */
    assert_int_equal(test_net_call(&net, 0, &turn).status, MOOT_OK);
    test_net_run(&net, 3 * net.nodes[0].config.epoch_interval_ms);
    struct moot_reply removal = remove_device(&net, 0, "n2");
    test_net_run(&net, 3000);
    assert_int_equal(approve(&net, 1, &removal.proposal), MOOT_OK);
    test_net_run(&net, 5000);
    assert_int_equal(device_of(&net, 0, 2).state, MOOT_DEVICE_REMOVED);
    assert_int_equal(device_of(&net, 2, 2).state, MOOT_DEVICE_SELF);
    test_net_cut(&net, 0, 2, false);
    test_net_cut(&net, 1, 2, false);
    test_net_run(&net, 60000);
    assert_int_equal(device_of(&net, 2, 2).state, MOOT_DEVICE_REMOVED);
    assert_int_equal(put(&net, 2, "30").status, MOOT_REMOVED);
    assert_int_equal(sessions(&net, 2), 0);
    test_net_free(&net);
}

static void an_administrators_device_is_not_removed_nor_one_that_is_gone(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 3, 4);
    test_net_found(&net);
    assert_int_equal(remove_device(&net, 0, "n0").status, MOOT_IS_ADMIN);
    assert_int_equal(remove_device(&net, 0, "n9").status, MOOT_NOT_FOUND);
    assert_int_equal(remove_device(&net, 1, "n2").status, MOOT_NOT_ADMIN);
    assert_int_equal(remove_device(&net, 0, "n2").status, MOOT_OK);
    test_net_run(&net, 3000);
    assert_int_equal(remove_device(&net, 0, "n2").status, MOOT_REMOVED);
    assert_int_equal(rename_device(&net, 0, "n2", "oven").status, MOOT_REMOVED);
    test_net_free(&net);
}

static void one_removal_at_a_time_and_no_approval_of_a_second(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 4, 5);
    test_net_found(&net);
    test_net_admins(&net, 3, 2);
    test_net_cut(&net, 0, 1, true);
    test_net_cut(&net, 0, 2, true);
    test_net_cut(&net, 0, 3, true);
    test_net_run(&net, 1000);
    struct moot_reply first = remove_device(&net, 0, "n3");
    assert_int_equal(first.status, MOOT_OK);
    assert_int_equal(remove_device(&net, 0, "n3").status, MOOT_SLOT_TAKEN);
    assert_int_equal(put(&net, 3, "21").status, MOOT_OK);
    test_net_run(&net, 3000);
    struct moot_reply second = remove_device(&net, 1, "n3"); /* with another range */
    assert_int_equal(second.status, MOOT_OK);
    test_net_cut(&net, 0, 1, false);
    test_net_cut(&net, 0, 2, false);
    test_net_cut(&net, 0, 3, false);
    test_net_run(&net, 60000);
    assert_int_equal(approve(&net, 1, &first.proposal), MOOT_DOUBLE_VOTE);
    assert_int_equal(approve(&net, 2, &second.proposal), MOOT_OK);
    test_net_run(&net, 3000);
    assert_int_equal(approve(&net, 2, &first.proposal), MOOT_DECIDED);
    struct moot_call reject = {
        .kind = MOOT_CALL_REJECT, .proposal = second.proposal, .reason = text("no")};
    assert_int_equal(test_net_call(&net, 0, &reject).status, MOOT_DECIDED);
    struct moot_call withdraw = {.kind = MOOT_CALL_WITHDRAW, .proposal = second.proposal};
    assert_int_equal(test_net_call(&net, 1, &withdraw).status, MOOT_DECIDED);
    assert_int_equal(device_of(&net, 0, 3).state, MOOT_DEVICE_REMOVED);
    assert_int_equal(test_net_proposal(&net, 0, &second.proposal).state, MOOT_PROPOSAL_IN_FORCE);
    test_net_free(&net);
}

static void a_rename_is_shown_everywhere_and_names_stay_unique(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 3, 6);
    test_net_found(&net);
    assert_int_equal(rename_device(&net, 0, "n2", "n1").status, MOOT_NAME_TAKEN);
    assert_int_equal(rename_device(&net, 0, "n2", "two words").status, MOOT_BAD_ARGUMENT);
    assert_int_equal(rename_device(&net, 0, "n2", "n2").status, MOOT_BAD_ARGUMENT);
    assert_int_equal(rename_device(&net, 0, "n2", "oven").status, MOOT_OK);
    test_net_run(&net, 3000);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(moot_bytes_equal(device_of(&net, i, 2).name, text("oven")));
    struct moot_view_status status;
    moot_view_status(&net.nodes[2].env, net.now_ms, &status);
    assert_true(moot_bytes_equal(status.name, text("oven")));
    assert_int_equal(rename_device(&net, 0, "n1", "oven").status, MOOT_NAME_TAKEN);
    test_net_free(&net);
}

/* Node 2 asks to join the mesh of 0 and 1, in vain or not. */
static void ask_to_join(struct test_net *net, uint32_t node)
{
    struct moot_call invite = {.kind = MOOT_CALL_INVITE};
    struct moot_reply reply = test_net_call(net, 0, &invite);
    assert_int_equal(reply.status, MOOT_OK);
    struct moot_call join = {.kind = MOOT_CALL_JOIN, .uri = text(reply.uri)};
    assert_int_equal(test_net_call(net, node, &join).status, MOOT_OK);
}

static bool in_mesh(struct test_net *net, const void *context)
{
    struct moot_view_status status;
    moot_view_status(&net->nodes[*(const uint32_t *)context].env, net->now_ms, &status);
    return status.in_mesh;
}

static void a_new_device_goes_on_under_the_name_of_the_old_one(void **state)
{
    struct test_net net;
    (void)state;
    const uint32_t old_one = 1, new_one = 3;
    test_net_init(&net, 4, 7);
    net.count = 3; /* node 3 stays outside for now */
    test_net_found(&net);
    net.count = 4;
    assert_int_equal(put(&net, old_one, "18").status, MOOT_OK);
    test_net_run(&net, 3000);
    ask_to_join(&net, new_one);
    struct moot_call replace = {
        .kind = MOOT_CALL_REPLACE, .name = text("n1"), .new_name = text("n9")};
    assert_int_equal(test_net_call(&net, 0, &replace).status, MOOT_NOT_FOUND);
    replace.new_name = text("n3");
    assert_int_equal(test_net_call(&net, 0, &replace).status, MOOT_OK);
    test_net_until(&net, in_mesh, &new_one, 120000);
    test_net_run(&net, 10000);
    for (uint32_t i = 0; i < 4; i++) {
        struct moot_view_device old = device_of(&net, i, old_one);
        assert_int_equal(old.state, MOOT_DEVICE_REMOVED);
        assert_true(old.replaced &&
                    moot_key_equal(&old.successor, &net.nodes[new_one].identity.key));
        struct moot_view_device now = device_of(&net, i, new_one);
        assert_true(now.state != MOOT_DEVICE_REMOVED && now.state != MOOT_DEVICE_CONFLICTED);
        assert_true(moot_bytes_equal(now.name, text("n1")));
    }
    assert_int_equal(put(&net, old_one, "30").status, MOOT_REMOVED);
    assert_int_equal(put(&net, new_one, "19").status, MOOT_OK);
    test_net_run(&net, 5000);
    const uint32_t members[] = {0, 2, 3};
    assert_same_state(&net, members, 3);
    assert_int_equal(rename_device(&net, 0, "n1", "attic").status, MOOT_OK); /* the new one's */
    test_net_run(&net, 3000);
    assert_true(moot_bytes_equal(device_of(&net, 2, new_one).name, text("attic")));
    test_net_free(&net);
}

static void all_of_it_survives_a_start(void **state)
{
    struct test_net net;
    (void)state;
    test_net_init(&net, 3, 8);
    test_net_found(&net);
    assert_int_equal(rename_device(&net, 0, "n1", "oven").status, MOOT_OK);
    assert_int_equal(remove_device(&net, 0, "n2").status, MOOT_OK);
    test_net_run(&net, 5000);
    for (uint32_t i = 0; i < 3; i++) {
        test_net_stop(&net, i);
        test_net_start(&net, i);
    }
    test_net_run(&net, 30000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(moot_bytes_equal(device_of(&net, i, 1).name, text("oven")));
        assert_int_equal(device_of(&net, i, 2).state, MOOT_DEVICE_REMOVED);
    }
    assert_int_equal(sessions(&net, 0), 1);
    assert_int_equal(put(&net, 2, "30").status, MOOT_REMOVED);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removed_device_is_let_go_by_all_and_knows_it),
        cmocka_unit_test(what_it_wrote_above_the_range_is_void_everywhere),
        cmocka_unit_test(one_that_was_away_gets_the_proof_when_it_comes_back),
        cmocka_unit_test(an_administrators_device_is_not_removed_nor_one_that_is_gone),
        cmocka_unit_test(one_removal_at_a_time_and_no_approval_of_a_second),
        cmocka_unit_test(a_rename_is_shown_everywhere_and_names_stay_unique),
        cmocka_unit_test(a_new_device_goes_on_under_the_name_of_the_old_one),
        cmocka_unit_test(all_of_it_survives_a_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
