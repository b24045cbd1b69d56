/*
 * Two engines from nothing to a turn and a record, told in plain English: which event led to what, and
 * what waited for which commit. A change of this text is a change of what engines do: look at it, then
 * write it anew with MOOT_GOLDEN_WRITE=1. Steps that only send frames are left out; sizes, too.
 */
#include "tests/lib/engines/hostile.h"

#define TRACE_BYTES_MAX (256u << 10)

static char trace[TRACE_BYTES_MAX];
static size_t trace_size;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(trace + trace_size, sizeof trace - trace_size, format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && trace_size + (size_t)length < sizeof trace);
    trace_size += (size_t)length;
}

static const char *call_name(enum moot_call_kind kind)
{
    static const char *const names[] = {
        [MOOT_CALL_INIT] = "found a mesh",
        [MOOT_CALL_INVITE] = "invite",
        [MOOT_CALL_JOIN] = "join",
        [MOOT_CALL_ADMIT] = "admit",
        [MOOT_CALL_PROPOSE_ADMINS] = "propose administrators",
        [MOOT_CALL_RECORD_PUT] = "put a record",
    };
    return (size_t)kind < MOOT_COUNT_OF(names) && names[kind] ? names[kind] : "another call";
}

static const char *table_name(enum moot_table table)
{
    static const char *const names[] = {
        [MOOT_TABLE_META] = "meta",
        [MOOT_TABLE_CHAIN] = "chain",
        [MOOT_TABLE_LOG] = "log",
        [MOOT_TABLE_RUN] = "run",
        [MOOT_TABLE_OBJECT] = "object",
        [MOOT_TABLE_LOOSE] = "loose",
        [MOOT_TABLE_VOTE] = "vote",
        [MOOT_TABLE_TURN] = "turn",
        [MOOT_TABLE_PEER] = "peer",
        [MOOT_TABLE_RECORD] = "record",
        [MOOT_TABLE_CHECKPOINT] = "checkpoint",
    };
    return (size_t)table < MOOT_COUNT_OF(names) && names[table] ? names[table] : "another table";
}

static void say_event(const struct moot_event *event)
{
    switch (event->kind) {
    case MOOT_EVENT_TIME:
        say("time has passed");
        break;
    case MOOT_EVENT_LINK_UP:
        say("a link is up (%s)", event->dial != 0 ? "dialled" : "accepted");
        break;
    case MOOT_EVENT_LINK_FRAME:
        say("a frame came");
        break;
    case MOOT_EVENT_LINK_DOWN:
        say("a link is down");
        break;
    case MOOT_EVENT_COMMITTED:
        say("commit %llu is durable", (unsigned long long)event->ticket);
        break;
    case MOOT_EVENT_STORE_FULL:
        say("the disk is full or free");
        break;
    case MOOT_EVENT_JOB_DONE:
        say("a job is done");
        break;
    case MOOT_EVENT_CALL:
        say("somebody asks to %s", call_name(event->call->kind));
        break;
    }
}

static void say_commit(const struct moot_action *action)
{
    uint32_t puts[MOOT_TABLE_MAX + 1] = {0}, deletes[MOOT_TABLE_MAX + 1] = {0};
    say("    commit %llu:", (unsigned long long)action->ticket);
    for (uint32_t i = 0; i < action->batch.op_count; i++) {
        const struct moot_store_op *op = &action->batch.ops[i];
        if (op->kind == MOOT_STORE_PUT)
            puts[op->table]++;
        else
            deletes[op->table]++;
    }
    for (uint32_t table = 1; table <= MOOT_TABLE_MAX; table++) {
        if (puts[table] > 0)
            say(" %u in %s,", (unsigned)puts[table], table_name((enum moot_table)table));
        if (deletes[table] > 0)
            say(" %u out of %s,", (unsigned)deletes[table], table_name((enum moot_table)table));
    }
    trace[trace_size - 1] = '\n';
}

static const char *when(const struct moot_action *action, uint64_t durable)
{
    static char text[48];
    if (action->after <= durable)
        return "at once";
    snprintf(text, sizeof text, "after commit %llu", (unsigned long long)action->after);
    return text;
}

static void watch(struct test_net *net, const struct test_node *node,
                  const struct moot_event *event, const struct moot_actions *actions)
{
    bool worth_telling = false;
    for (const struct moot_action *action = actions->first; action; action = action->next)
        worth_telling = worth_telling || (action->kind != MOOT_ACTION_SEND);
    if (!worth_telling)
        return;
    uint64_t durable = test_net_engine(net, node->index)->committed;
    uint32_t frames = 0;
    say("%llu.%03llu s, n%u: ", (unsigned long long)net->now_ms / 1000,
        (unsigned long long)net->now_ms % 1000, (unsigned)node->index);
    say_event(event);
    say("\n");
    for (const struct moot_action *action = actions->first; action; action = action->next) {
        switch (action->kind) {
        case MOOT_ACTION_COMMIT:
            say_commit(action);
            break;
        case MOOT_ACTION_SEND:
            frames++;
            break;
        case MOOT_ACTION_CLOSE:
            say("    closes a link: %s\n", moot_status_info(action->status)->name);
            break;
        case MOOT_ACTION_DIAL:
            say("    dials %s\n", action->url);
            break;
        case MOOT_ACTION_JOB:
            say("    starts a job\n");
            break;
        case MOOT_ACTION_REPLY:
            say("    answers %s, %s\n", moot_status_info(action->reply.status)->name,
                when(action, durable));
            break;
        case MOOT_ACTION_NOTICE:
            say("    tells %s, %s\n", action->notice.name, when(action, durable));
            break;
        }
    }
    if (frames > 0)
        say("    sends %u frame%s\n", (unsigned)frames, frames == 1 ? "" : "s");
}

static void play(void)
{
    struct test_net net;
    test_net_init(&net, 2, 1);
    net.watch = watch;
    say("-- a mesh is founded, n1 joins it\n");
    test_net_found(&net);
    say("-- both become administrators, two of two\n");
    test_net_admins(&net, 2, 2);
    say("-- a record\n");
    assert_int_equal(test_net_put(&net, 1, "heating", "21.5"), MOOT_OK);
    test_net_run(&net, 1000);
    assert_true(test_net_equal(&net, 0, 1));
    test_net_free(&net);
}

static void path_of(char path[TEST_PATH_MAX])
{
    const char *source = getenv("MOOT_SOURCE_DIR");
    (void)snprintf(path, TEST_PATH_MAX, "%s/tests/golden/trace.txt", source ? source : ".");
}

static void the_engines_do_what_the_text_says(void **state)
{
    char path[TEST_PATH_MAX];
    size_t size;
    (void)state;
    path_of(path);
    play();
    if (getenv("MOOT_GOLDEN_WRITE")) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(trace, 1, trace_size, file), trace_size);
        assert_int_equal(fclose(file), 0);
        return;
    }
    char *wanted = (char *)test_file_read(path, TRACE_BYTES_MAX, &size);
    size_t at = 0, line = 1;
    while (at < size && at < trace_size && wanted[at] == trace[at])
        line += wanted[at++] == '\n' ? 1 : 0;
    if (at != size || at != trace_size) {
        size_t from = at;
        while (from > 0 && trace[from - 1] != '\n')
            from--;
        size_t length = strcspn(trace + from, "\n");
        fail_msg("line %zu differs: %.*s", line, (int)length, trace + from);
    }
    free(wanted);
}

static void the_same_seed_gives_the_same_text_again(void **state)
{
    (void)state;
    trace_size = 0;
    play();
    char *first = malloc(trace_size);
    assert_non_null(first);
    size_t first_size = trace_size;
    memcpy(first, trace, trace_size);
    trace_size = 0;
    play();
    assert_int_equal(trace_size, first_size);
    assert_memory_equal(first, trace, trace_size);
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engines_do_what_the_text_says),
        cmocka_unit_test(the_same_seed_gives_the_same_text_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
