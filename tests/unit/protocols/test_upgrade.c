/* Upgrades among several engines: packages travel, readiness is told, soft forks come into force. */
#include "journal/log_row.h"
#include "tests/lib/engines/net.h"

#define MINUTE 60000u

static void assert_readiness(struct test_net *net, uint32_t viewer, uint32_t node,
                             const struct moot_digest *proposal, enum moot_readiness_state state,
                             enum moot_status reason)
{
    struct moot_view_readiness said = test_net_readiness(net, viewer, node, proposal);
    if (said.state == state && said.reason == reason)
        return;
    test_net_print(net);
    fail_msg("node %u says %d %s", (unsigned)node, (int)said.state,
             moot_status_info(said.reason)->name);
}

static void assert_state(struct test_net *net, const struct moot_digest *proposal,
                         enum moot_proposal_state state)
{
    for (uint32_t i = 0; i < net->count; i++) {
        struct moot_view_proposal view = test_net_proposal(net, i, proposal);
        if (view.state != state) {
            test_net_print(net);
            fail_msg("node %u: %s", (unsigned)i, moot_proposal_state_text(view.state));
        }
    }
}

static uint64_t refused(struct test_net *net, uint32_t node, enum moot_status why)
{
    struct moot_view_stats stats;
    moot_view_stats(&net->nodes[node].env, &stats);
    return stats.refused[why];
}

static void alter(struct test_net *net, uint32_t node, const struct moot_digest *hash)
{
    struct test_file *file = test_net_file(net, node, hash);
    assert_non_null(file);
    file->bytes[file->size / 2] ^= 1;
}

/* The number of facts of that kind in a node's own chain, from its store. */
static uint32_t facts_of_kind(struct test_net *net, uint32_t node, uint16_t kind)
{
    const struct moot_store_port *port = &net->nodes[node].port;
    struct moot_store_row row;
    uint8_t key[9] = {0};
    uint32_t count = 0;
    const struct moot_state *state = moot_view_state(&net->nodes[node].env);
    const struct moot_member *self =
        moot_state_member(state, net->nodes[node].env.pool, &net->nodes[node].identity.key);
    while (port->at_or_after(port->self, MOOT_TABLE_LOG, moot_bytes_of(key, 8), &row) == MOOT_OK) {
        struct moot_run run;
        struct moot_run_reader reader;
        struct moot_fact fact;
        struct moot_digest unknown = {{0}};
        uint32_t index;
        struct moot_bytes encoded;
        assert_int_equal(moot_log_row_check(row.value, &index, &encoded), MOOT_OK);
        assert_int_equal(moot_run_decode(encoded, &run), MOOT_OK);
        moot_run_reader_init(&reader, &run, &unknown, false);
        while (moot_run_reader_next(&reader, &fact)) {
            if (moot_digest_equal(&run.chain, &self->chain) && fact.header.kind == kind)
                count++;
        }
        moot_u64_put(key, moot_u64_get(row.key.data) + 1);
    }
    port->release(port->self);
    return count;
}

static void begin(struct test_net *net, uint32_t count, uint64_t seed, uint32_t block_count,
                  struct test_package *package)
{
    test_net_init(net, count, seed);
    test_net_found(net);
    test_net_package(net, 0, "app", "2.0.0", block_count, seed, package);
}

static void test_blocks_travel_and_the_threshold_activates_everywhere(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 3, 1, 5, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, MINUTE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_IN_FORCE);
    for (uint32_t i = 0; i < 3; i++) {
        struct moot_view_proposal view = test_net_proposal(&net, i, &proposal);
        assert_int_equal(view.ready, 3);
        assert_int_equal(view.blocks_held, 5);
        assert_int_equal(view.blocks_total, 5);
        assert_int_equal(test_net_noticed(&net, i, "upgrade.in_force", 0), 1);
        assert_int_equal(test_net_noticed(&net, i, "block.bad", 0), 0);
        for (uint32_t b = 0; b < 5; b++) {
            struct test_file *file = test_net_file(&net, i, &package.blocks[b]);
            assert_non_null(file);
            assert_int_equal(file->writes, i == 0 ? 0 : 1);
        }
    }
    assert_int_equal(facts_of_kind(&net, 0, MOOT_KIND_UPGRADE_ACTIVATED), 1);
    assert_int_equal(facts_of_kind(&net, 1, MOOT_KIND_UPGRADE_ACTIVATED), 0);
    test_net_free(&net);
}

static void test_one_ready_device_short_nothing_is_activated(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 3, 2, 2, &package);
    net.nodes[2].disk_full = true;
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, 5 * MINUTE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_CERTIFIED);
    assert_int_equal(test_net_proposal(&net, 0, &proposal).ready, 2);
    assert_readiness(&net, 0, 2, &proposal, MOOT_READINESS_NOT_READY, MOOT_NO_SPACE);
    assert_int_equal(facts_of_kind(&net, 0, MOOT_KIND_UPGRADE_ACTIVATED), 0);
    net.nodes[2].disk_full = false;
    test_net_run(&net, MINUTE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_IN_FORCE);
    assert_readiness(&net, 1, 2, &proposal, MOOT_READINESS_READY, MOOT_OK);
    test_net_free(&net);
}

static void test_two_of_three_administrators_activate_together(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 3, 3, 2, &package);
    test_net_admins(&net, 3, 2);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, MINUTE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_PROPOSED); /* ready everywhere, approved by one */
    assert_int_equal(test_net_proposal(&net, 1, &proposal).ready, 3);
    char digest[65];
    moot_hex_format(moot_digest_bytes(&proposal), digest);
    struct moot_call approve = {
        .kind = MOOT_CALL_APPROVE, .proposal = proposal, .digest_text = moot_bytes_of_text(digest)};
    assert_int_equal(test_net_call(&net, 1, &approve).status, MOOT_OK);
    test_net_run(&net, MINUTE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_IN_FORCE);
    test_net_free(&net);
}

static void test_a_restart_goes_on_with_the_blocks_on_disk(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 4, 10, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 2);
    uint32_t held = 0;
    while (held < 4) { /* until some blocks are written */
        test_net_run(&net, 1);
        held = 0;
        for (uint32_t b = 0; b < 10; b++)
            held += test_net_file(&net, 1, &package.blocks[b]) ? 1 : 0;
        if (held == 10)
            break;
    }
    if (held == 10) { /* all came in one instant: take half of them away */
        for (uint32_t b = 0; b < 5; b++)
            test_net_file_remove(&net, 1, &package.blocks[2 * b]);
    }
    test_net_stop(&net, 1);
    uint64_t writes = net.nodes[1].jobs[MOOT_JOB_BLOCK_WRITE];
    test_net_run(&net, 5000);
    test_net_start(&net, 1);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_READY, MOOT_OK);
    assert_true(net.nodes[1].jobs[MOOT_JOB_BLOCK_WRITE] - writes <= 6);
    for (uint32_t b = 0; b < 10; b++)
        assert_int_equal(test_net_file(&net, 1, &package.blocks[b])->writes, 1);
    test_net_free(&net);
}

static void test_a_ready_device_says_nothing_new_after_a_restart(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 5, 3, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_READY, MOOT_OK);
    uint32_t since = net.nodes[1].notice_count;
    test_net_stop(&net, 1);
    test_net_start(&net, 1);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_READY, MOOT_OK);
    assert_int_equal(test_net_noticed(&net, 1, "upgrade.readiness", since), 0);
    assert_true(net.nodes[1].jobs[MOOT_JOB_PACKAGE_CHECK] >= 2); /* verified again all the same */
    test_net_free(&net);
}

static void test_an_upgrade_in_force_is_no_news_after_a_restart(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 6, 3, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 2);
    test_net_run(&net, MINUTE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_IN_FORCE);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t since = net.nodes[i].notice_count;
        test_net_stop(&net, i);
        test_net_start(&net, i);
        test_net_run(&net, MINUTE);
        assert_int_equal(test_net_noticed(&net, i, "upgrade.in_force", since), 0);
        assert_int_equal(test_net_proposal(&net, i, &proposal).blocks_held, 3);
    }
    assert_int_equal(facts_of_kind(&net, 0, MOOT_KIND_UPGRADE_ACTIVATED), 1);
    test_net_free(&net);
}

static void test_a_block_damaged_at_one_server_is_struck_and_fetched_elsewhere(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 3, 7, 4, &package);
    test_net_stop(&net, 2);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_READY, MOOT_OK);
    alter(&net, 0, &package.blocks[1]); /* n0 is in the home of n2 and asked first */
    test_net_start(&net, 2);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 1, 2, &proposal, MOOT_READINESS_READY, MOOT_OK);
    assert_int_equal(test_net_noticed(&net, 2, "block.bad", 0), 1);
    assert_int_equal(refused(&net, 2, MOOT_BAD_BLOCK), 1);
    /* Told about it, the server has looked, said that it is not ready, and fetched the block anew. */
    assert_int_equal(test_net_noticed(&net, 0, "block.damaged", 0), 1);
    assert_readiness(&net, 1, 0, &proposal, MOOT_READINESS_READY, MOOT_OK);
    assert_int_equal(test_net_file(&net, 0, &package.blocks[1])->writes, 1);
    assert_state(&net, &proposal, MOOT_PROPOSAL_IN_FORCE);
    test_net_free(&net);
}

static void test_a_block_damaged_everywhere_rejects_until_good_bytes_come(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 3, 8, 4, &package);
    test_net_file_copy(&net, 0, 2, &package.blocks[3]); /* the only good copy, on a device away */
    test_net_stop(&net, 2);
    alter(&net, 0, &package.blocks[3]);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, 2 * MINUTE);
    assert_readiness(&net, 0, 0, &proposal, MOOT_READINESS_REJECTED, MOOT_BAD_BLOCK);
    assert_int_equal(test_net_proposal(&net, 0, &proposal).ready, 0);
    assert_int_equal(test_net_proposal(&net, 1, &proposal).blocks_held, 3);
    test_net_start(&net, 2);
    test_net_run(&net, 2 * MINUTE);
    for (uint32_t i = 0; i < 3; i++)
        assert_readiness(&net, 1, i, &proposal, MOOT_READINESS_READY, MOOT_OK);
    assert_state(&net, &proposal, MOOT_PROPOSAL_IN_FORCE);
    test_net_free(&net);
}

static void test_bad_bytes_from_the_only_server_reject_on_the_device_that_got_them(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 9, 4, &package);
    test_net_stop(&net, 1);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 2);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 0, &proposal, MOOT_READINESS_READY, MOOT_OK);
    alter(&net, 0, &package.blocks[0]);
    test_net_start(&net, 1);
    test_net_run(&net, 20000);
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_REJECTED, MOOT_BAD_BLOCK);
    assert_readiness(&net, 1, 0, &proposal, MOOT_READINESS_REJECTED,
                     MOOT_BAD_BLOCK); /* withdrawn */
    test_net_run(&net, 10 * MINUTE);  /* tried again, but never accepted */
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_REJECTED, MOOT_BAD_BLOCK);
    assert_state(&net, &proposal, MOOT_PROPOSAL_CERTIFIED);
    test_net_free(&net);
}

static void test_a_package_brought_by_hand_is_noticed(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 10, 4, &package);
    test_net_cut(&net, 0, 1, true);
    test_net_run(&net, 5000);
    test_net_file_remove(&net, 0, &package.blocks[2]);
    struct test_package other;
    test_net_package(&net, 1, "app", "2.0.0", 4, 10, &other); /* the same bytes, kept elsewhere */
    test_net_file_remove(&net, 1, &package.manifest);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 1);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 0, &proposal, MOOT_READINESS_NOT_READY, MOOT_FETCHING);
    test_net_file_copy(&net, 1, 0, &package.blocks[2]);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 0, &proposal, MOOT_READINESS_READY, MOOT_OK);
    test_net_free(&net);
}

static void test_an_altered_manifest_is_rejected_and_never_ready(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 11, 2, &package);
    alter(&net, 0, &package.manifest);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 1);
    test_net_run(&net, 3 * MINUTE);
    assert_readiness(&net, 1, 0, &proposal, MOOT_READINESS_REJECTED, MOOT_BAD_MANIFEST);
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_REJECTED, MOOT_BAD_MANIFEST);
    assert_true(test_net_noticed(&net, 1, "block.bad", 0) >= 1);
    assert_state(&net, &proposal, MOOT_PROPOSAL_CERTIFIED);
    alter(&net, 0, &package.manifest); /* repaired */
    test_net_run(&net, 3 * MINUTE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_IN_FORCE);
    test_net_free(&net);
}

static void test_a_manifest_of_another_package_is_rejected_for_good(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 12, 2, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.1", &package, 1);
    test_net_run(&net, 2 * MINUTE);
    for (uint32_t i = 0; i < 2; i++)
        assert_readiness(&net, 0, i, &proposal, MOOT_READINESS_REJECTED, MOOT_BAD_MANIFEST);
    assert_null(test_net_file(&net, 1, &package.blocks[0])); /* not even fetched */
    assert_state(&net, &proposal, MOOT_PROPOSAL_CERTIFIED);
    test_net_free(&net);
}

static void test_content_that_does_not_verify_is_rejected_for_good(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 13, 2, &package);
    net.nodes[1].check_status = MOOT_BAD_PACKAGE;
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 2);
    test_net_run(&net, 5 * MINUTE);
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_REJECTED, MOOT_BAD_PACKAGE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_CERTIFIED);
    assert_int_equal(net.nodes[1].jobs[MOOT_JOB_PACKAGE_CHECK], 1);
    test_net_free(&net);
}

static void test_a_silent_server_is_passed_over(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 3, 14, 4, &package);
    test_net_stop(&net, 2);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, MINUTE);
    net.nodes[0].jobs_held = true; /* in the home of n2: asked first, answers nothing */
    test_net_start(&net, 2);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 1, 2, &proposal, MOOT_READINESS_READY, MOOT_OK);
    assert_true(refused(&net, 2, MOOT_SILENT) >= 1);
    test_net_free(&net);
}

static void test_three_bad_blocks_and_a_server_is_left_alone(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 18, 8, &package);
    test_net_stop(&net, 1);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 2);
    test_net_run(&net, MINUTE);
    for (uint32_t b = 0; b < 8; b++)
        alter(&net, 0, &package.blocks[b]);
    test_net_start(&net, 1);
    test_net_run(&net, 30000);
    uint32_t strikes = test_net_noticed(&net, 1, "block.bad", 0);
    assert_true(strikes >= 3 && strikes <= 4); /* two are in flight at a time */
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_REJECTED, MOOT_BAD_BLOCK);
    for (uint32_t i = 0; i < 10; i++) { /* from here on always bad: rarer and rarer */
        test_net_package(&net, 0, "app", "2.0.0", 8, 18, &package);
        for (uint32_t b = 0; b < 8; b++)
            alter(&net, 0, &package.blocks[b]);
        test_net_run(&net, 6 * MINUTE);
    }
    strikes = test_net_noticed(&net, 1, "block.bad", 0);
    assert_true(strikes >= 6 && strikes <= 28);
    assert_int_equal(test_net_proposal(&net, 1, &proposal).blocks_held, 0);
    test_net_free(&net);
}

static void test_the_own_home_is_asked_first(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 4, 19, 2, &package);
    test_net_stop(&net, 3);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 4);
    test_net_run(&net, MINUTE);
    uint64_t before[3];
    for (uint32_t i = 0; i < 3; i++)
        before[i] = net.nodes[i].blocks_sent_bytes;
    test_net_start(&net, 3); /* in the home of n1; n0 and n2 are in the other */
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 3, &proposal, MOOT_READINESS_READY, MOOT_OK);
    assert_true(net.nodes[1].blocks_sent_bytes - before[1] > MOOT_BLOCK_BYTES);
    assert_int_equal(net.nodes[0].blocks_sent_bytes - before[0], 0);
    assert_int_equal(net.nodes[2].blocks_sent_bytes - before[2], 0);
    test_net_free(&net);
}

static void test_the_own_word_is_verified_again_before_it_activates(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    test_net_init(&net, 2, 15);
    net.nodes[0].config.soft_fork_auto_activate = false;
    test_net_stop(&net, 0);
    test_net_start(&net, 0);
    test_net_found(&net);
    test_net_package(&net, 0, "app", "2.0.0", 3, 15, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 2);
    test_net_run(&net, 3 * MINUTE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_CERTIFIED); /* waits for a person */
    assert_int_equal(test_net_proposal(&net, 0, &proposal).ready, 2);
    alter(&net, 0, &package.blocks[1]);
    test_net_cut(&net, 0, 1, true);
    struct moot_call activate = {.kind = MOOT_CALL_ACTIVATE, .proposal = proposal, .dry_run = true};
    assert_int_equal(test_net_call(&net, 0, &activate).status, MOOT_OK);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 0, &proposal, MOOT_READINESS_READY, MOOT_OK); /* nothing was done */
    activate.dry_run = false;
    assert_int_equal(test_net_call(&net, 0, &activate).status, MOOT_OK);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 0, &proposal, MOOT_READINESS_REJECTED, MOOT_BAD_BLOCK);
    assert_int_equal(test_net_proposal(&net, 0, &proposal).state, MOOT_PROPOSAL_CERTIFIED);
    test_net_cut(&net, 0, 1, false);
    test_net_run(&net, 2 * MINUTE);
    assert_state(&net, &proposal, MOOT_PROPOSAL_IN_FORCE);
    test_net_free(&net);
}

static void test_nobody_but_an_administrator_activates(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 2, 16, 2, &package);
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, MINUTE);
    struct moot_call activate = {.kind = MOOT_CALL_ACTIVATE, .proposal = proposal};
    assert_int_equal(test_net_call(&net, 1, &activate).status, MOOT_NOT_ADMIN);
    activate.proposal.b[0] ^= 1;
    assert_int_equal(test_net_call(&net, 0, &activate).status, MOOT_NOT_FOUND);
    test_net_free(&net);
}

static void test_a_withdrawn_upgrade_is_not_fetched_any_more(void **state)
{
    (void)state;
    struct test_net net;
    struct test_package package;
    begin(&net, 3, 17, 2, &package);
    test_net_admins(&net, 3, 2);
    net.nodes[1].disk_full = true;
    struct moot_digest proposal = test_net_propose(&net, "app", "2.0.0", &package, 3);
    test_net_run(&net, MINUTE);
    assert_readiness(&net, 0, 1, &proposal, MOOT_READINESS_NOT_READY, MOOT_NO_SPACE);
    struct moot_call withdraw = {.kind = MOOT_CALL_WITHDRAW, .proposal = proposal};
    assert_int_equal(test_net_call(&net, 0, &withdraw).status, MOOT_OK);
    test_net_run(&net, 5000);
    net.nodes[1].disk_full = false;
    uint64_t jobs = net.nodes[1].jobs[MOOT_JOB_MANIFEST_WRITE];
    test_net_run(&net, 2 * MINUTE);
    assert_int_equal(net.nodes[1].jobs[MOOT_JOB_MANIFEST_WRITE], jobs);
    assert_state(&net, &proposal, MOOT_PROPOSAL_WITHDRAWN);
    assert_int_equal(test_net_proposal(&net, 0, &proposal).ready,
                     0); /* and readiness is forgotten */
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_travel_and_the_threshold_activates_everywhere),
        cmocka_unit_test(test_one_ready_device_short_nothing_is_activated),
        cmocka_unit_test(test_two_of_three_administrators_activate_together),
        cmocka_unit_test(test_a_restart_goes_on_with_the_blocks_on_disk),
        cmocka_unit_test(test_a_ready_device_says_nothing_new_after_a_restart),
        cmocka_unit_test(test_an_upgrade_in_force_is_no_news_after_a_restart),
        cmocka_unit_test(test_a_block_damaged_at_one_server_is_struck_and_fetched_elsewhere),
        cmocka_unit_test(test_a_block_damaged_everywhere_rejects_until_good_bytes_come),
        cmocka_unit_test(test_bad_bytes_from_the_only_server_reject_on_the_device_that_got_them),
        cmocka_unit_test(test_a_package_brought_by_hand_is_noticed),
        cmocka_unit_test(test_an_altered_manifest_is_rejected_and_never_ready),
        cmocka_unit_test(test_a_manifest_of_another_package_is_rejected_for_good),
        cmocka_unit_test(test_content_that_does_not_verify_is_rejected_for_good),
        cmocka_unit_test(test_a_silent_server_is_passed_over),
        cmocka_unit_test(test_three_bad_blocks_and_a_server_is_left_alone),
        cmocka_unit_test(test_the_own_home_is_asked_first),
        cmocka_unit_test(test_the_own_word_is_verified_again_before_it_activates),
        cmocka_unit_test(test_nobody_but_an_administrator_activates),
        cmocka_unit_test(test_a_withdrawn_upgrade_is_not_fetched_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
