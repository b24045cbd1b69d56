/* The outbox: nothing leaves before its commit, order within a link holds, and nothing else waits. */
#include "node/outbox.h"
#include "tests/lib/test.h"

/* What was acted on, as text: "s3:a" a frame "a" on link 3, "c3", "r7", "n" and so on. */
struct trace {
    char text[4096];
    struct moot_outbox *outbox;
    uint32_t drop_on_send; /* this link is dropped when a frame for it goes out; 0: none */
};

static void act(void *context, const struct moot_action *action)
{
    struct trace *trace = context;
    char word[64] = "";
    if (action->kind == MOOT_ACTION_SEND) {
        (void)snprintf(word, sizeof word, "s%u:%.*s ", action->link, (int)action->bytes.size,
                       (const char *)action->bytes.data);
    } else if (action->kind == MOOT_ACTION_CLOSE) {
        (void)snprintf(word, sizeof word, "c%u ", action->link);
    } else if (action->kind == MOOT_ACTION_REPLY) {
        (void)snprintf(word, sizeof word, "r%u:%s:%.*s ", (unsigned)action->call_number,
                       moot_status_info(action->reply.status)->name,
                       (int)action->reply.payload.size, (const char *)action->reply.payload.data);
    } else {
        (void)snprintf(word, sizeof word, "n:%s ", action->notice.name);
    }
    assert_true(strlen(trace->text) + strlen(word) < sizeof trace->text);
    (void)strncat(trace->text, word, sizeof trace->text - strlen(trace->text) - 1);
    if (action->kind == MOOT_ACTION_SEND && action->link == trace->drop_on_send) {
        moot_outbox_drop(trace->outbox, action->link);
    }
}

static struct moot_outbox *outbox_with(struct trace *trace)
{
    memset(trace, 0, sizeof *trace);
    struct moot_outbox_effect effect = {.context = trace, .act = act};
    trace->outbox = moot_outbox_new(&effect);
    assert_non_null(trace->outbox);
    return trace->outbox;
}

static void send(struct moot_outbox *outbox, uint32_t link, const char *text, uint64_t after)
{
    /* A copy that is gone after the call: the outbox may not borrow. */
    char bytes[32];
    (void)snprintf(bytes, sizeof bytes, "%s", text);
    struct moot_action action = {.kind = MOOT_ACTION_SEND,
                                 .link = link,
                                 .after = after,
                                 .bytes = moot_bytes_of(bytes, strlen(bytes))};
    assert_int_equal(moot_outbox_add(outbox, &action), MOOT_OK);
    memset(bytes, '#', sizeof bytes);
}

static void close_link(struct moot_outbox *outbox, uint32_t link, bool flush)
{
    struct moot_action action = {.kind = MOOT_ACTION_CLOSE, .link = link, .flush = flush};
    assert_int_equal(moot_outbox_add(outbox, &action), MOOT_OK);
}

static void reply(struct moot_outbox *outbox, uint64_t call, const char *payload, uint64_t after)
{
    struct moot_action action = {.kind = MOOT_ACTION_REPLY, .call_number = call, .after = after};
    action.reply.payload = moot_bytes_of_text(payload);
    assert_int_equal(moot_outbox_add(outbox, &action), MOOT_OK);
}

static void notice(struct moot_outbox *outbox, const char *name, uint64_t after)
{
    struct moot_action action = {.kind = MOOT_ACTION_NOTICE, .after = after};
    action.notice.name = name;
    assert_int_equal(moot_outbox_add(outbox, &action), MOOT_OK);
}

static void nothing_leaves_before_its_commit(void **state)
{
    (void)state;
    struct trace trace;
    struct moot_outbox *outbox = outbox_with(&trace);
    send(outbox, 1, "a", 0);
    send(outbox, 1, "b", 1);
    reply(outbox, 7, "p", 2);
    notice(outbox, "x", 1);
    assert_string_equal(trace.text, "s1:a ");
    assert_int_equal(moot_outbox_count(outbox), 3);
    moot_outbox_committed(outbox, 1);
    assert_string_equal(trace.text, "s1:a s1:b n:x ");
    moot_outbox_committed(outbox, 2);
    assert_string_equal(trace.text, "s1:a s1:b n:x r7:ok:p ");
    assert_int_equal(moot_outbox_count(outbox), 0);
    assert_int_equal(moot_outbox_bytes(outbox), 0);
    send(outbox, 1, "c", 2);
    assert_string_equal(trace.text, "s1:a s1:b n:x r7:ok:p s1:c ");
    moot_outbox_free(outbox);
}

static void a_link_keeps_its_order_and_others_do_not_wait(void **state)
{
    (void)state;
    struct trace trace;
    struct moot_outbox *outbox = outbox_with(&trace);
    send(outbox, 1, "late", 3);
    send(outbox, 1, "after-it", 0);
    close_link(outbox, 1, true);
    send(outbox, 2, "free", 0);
    reply(outbox, 1, "", 0);
    moot_outbox_committed(outbox, 2);
    assert_string_equal(trace.text, "s2:free r1:ok: ");
    moot_outbox_committed(outbox, 3);
    assert_string_equal(trace.text, "s2:free r1:ok: s1:late s1:after-it c1 ");
    moot_outbox_free(outbox);
}

static void notices_keep_their_order(void **state)
{
    (void)state;
    struct trace trace;
    struct moot_outbox *outbox = outbox_with(&trace);
    notice(outbox, "first", 2);
    notice(outbox, "second", 1);
    moot_outbox_committed(outbox, 1);
    assert_string_equal(trace.text, "");
    moot_outbox_committed(outbox, 5);
    assert_string_equal(trace.text, "n:first n:second ");
    moot_outbox_free(outbox);
}

static void a_hard_close_and_a_lost_link_drop_what_waits(void **state)
{
    (void)state;
    struct trace trace;
    struct moot_outbox *outbox = outbox_with(&trace);
    send(outbox, 1, "a", 1);
    send(outbox, 2, "b", 1);
    send(outbox, 3, "c", 1);
    close_link(outbox, 1, false);
    assert_string_equal(trace.text, "c1 ");
    moot_outbox_drop(outbox, 2);
    moot_outbox_committed(outbox, 1);
    assert_string_equal(trace.text, "c1 s3:c ");
    moot_outbox_free(outbox);
}

static void acting_may_drop_the_rest_of_a_link(void **state)
{
    (void)state;
    struct trace trace;
    struct moot_outbox *outbox = outbox_with(&trace);
    trace.drop_on_send = 1;
    send(outbox, 1, "a", 1);
    send(outbox, 1, "b", 1);
    send(outbox, 2, "c", 1);
    moot_outbox_committed(outbox, 1);
    assert_string_equal(trace.text, "s1:a s2:c ");
    moot_outbox_free(outbox);
}

static void a_dead_store_answers_callers_and_shows_nothing(void **state)
{
    (void)state;
    struct trace trace;
    struct moot_outbox *outbox = outbox_with(&trace);
    send(outbox, 1, "a", 1);
    reply(outbox, 4, "secret", 1);
    notice(outbox, "x", 1);
    moot_outbox_fail(outbox, MOOT_STORE_IO);
    assert_non_null(strstr(trace.text, "r4:store_io"));
    assert_null(strstr(trace.text, "s1"));
    assert_null(strstr(trace.text, "n:"));
    struct moot_action action = {.kind = MOOT_ACTION_REPLY, .after = 2};
    assert_int_equal(moot_outbox_add(outbox, &action), MOOT_STORE_IO);
    moot_outbox_free(outbox);
}

static void a_full_disk_answers_callers_and_holds_back_the_rest(void **state)
{
    (void)state;
    struct trace trace;
    struct moot_outbox *outbox = outbox_with(&trace);
    send(outbox, 1, "a", 1);
    reply(outbox, 4, "", 1);
    notice(outbox, "x", 1);
    moot_outbox_full(outbox);
    notice(outbox, "store.full", 0);
    assert_string_equal(trace.text, "r4:store_full: n:store.full ");
    moot_outbox_committed(outbox, 1);
    assert_string_equal(trace.text, "r4:store_full: n:store.full s1:a n:x ");
    moot_outbox_free(outbox);
}

/* Against a model: each action is remembered with its ticket, and must come out once, after its
 * ticket, and in order within its link. */
static void any_schedule_keeps_both_promises(void **state)
{
    (void)state;
    struct test_random random = test_random_start("outbox");
    for (int round = 0; round < 200; round++) {
        struct trace trace;
        struct moot_outbox *outbox = outbox_with(&trace);
        uint64_t issued = 0, committed = 0;
        uint64_t after[60];
        int count = 0;
        for (int step = 0; step < 100; step++) {
            uint64_t choice = test_random_below(&random, 4);
            if (choice == 0) {
                issued++;
            } else if (choice == 1 && committed < issued) {
                committed += 1 + test_random_below(&random, issued - committed);
                moot_outbox_committed(outbox, committed);
            } else if (count < 60) {
                char text[16];
                (void)snprintf(text, sizeof text, "%d", count);
                after[count] = test_random_below(&random, issued + 1);
                send(outbox, 1 + (uint32_t)(count % 3), text, after[count]);
                count++;
            }
            int last[3] = {-1, -1, -1};
            char copy[sizeof trace.text];
            (void)snprintf(copy, sizeof copy, "%s", trace.text);
            for (char *save, *word = strtok_r(copy, " ", &save); word != NULL;
                 word = strtok_r(NULL, " ", &save)) {
                int number = (int)strtol(strchr(word, ':') + 1, NULL, 10);
                assert_true(after[number] <= committed);
                assert_true(last[number % 3] < number);
                last[number % 3] = number;
            }
        }
        moot_outbox_committed(outbox, issued);
        int words = 0;
        for (const char *at = trace.text; *at != '\0'; at++) {
            words += *at == ' ';
        }
        assert_int_equal(words, count);
        moot_outbox_free(outbox);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leaves_before_its_commit),
        cmocka_unit_test(a_link_keeps_its_order_and_others_do_not_wait),
        cmocka_unit_test(notices_keep_their_order),
        cmocka_unit_test(a_hard_close_and_a_lost_link_drop_what_waits),
        cmocka_unit_test(acting_may_drop_the_rest_of_a_link),
        cmocka_unit_test(a_dead_store_answers_callers_and_shows_nothing),
        cmocka_unit_test(a_full_disk_answers_callers_and_holds_back_the_rest),
        cmocka_unit_test(any_schedule_keeps_both_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
