/*
 * Events, links and time of a net of engines.
 *
 * Happy path: an event is taken from the queue, its engine steps, the actions become events of other
 * engines (or are done at once: commits). When the queue is empty time jumps to the next wake-up.
 * Failures: too many steps for the time asked for fail the test, so does a store that does not commit.
 */
#include "tests/lib/engines/net.h"

#include "protocols/inside.h"
#include "tests/lib/engines/jobs.h"

#define POOL_BYTES ((size_t)64 << 20)
#define ARENA_BYTES ((size_t)192 << 20)
#define STEPS_MAX 3000000u
#define WALL_S 1767225600u

static void fill(void *context, uint8_t *ret, size_t size)
{
    test_random_bytes(context, ret, size);
}

/* ---- events ---- */

static struct test_event *queue(struct test_net *net, uint32_t node, enum moot_event_kind kind)
{
    struct test_event *event = calloc(1, sizeof *event);
    assert_non_null(event);
    event->node = node;
    event->event.kind = kind;
    if (net->last)
        net->last->next = event;
    else
        net->first = event;
    net->last = event;
    return event;
}

static uint8_t *copy(struct moot_bytes bytes)
{
    uint8_t *memory = malloc(bytes.size > 0 ? bytes.size : 1);
    assert_non_null(memory);
    if (bytes.size > 0)
        memcpy(memory, bytes.data, bytes.size);
    return memory;
}

static void event_free(struct test_event *event)
{
    free(event->memory[0]);
    free(event->memory[1]);
    free(event);
}

/* ---- links ---- */

static struct test_link *link_of(const struct test_net *net, uint32_t number)
{
    struct test_link *link = net->links;
    while (link && link->number != number)
        link = link->next;
    return link;
}

static uint32_t side_of(const struct test_link *link, uint32_t node)
{
    return link->node[0] == node ? 0 : 1;
}

/* One side goes; the other hears of it after what was sent before. */
static void link_close(struct test_net *net, struct test_link *link, uint32_t side,
                       enum moot_status why)
{
    uint32_t other = 1 - side;
    link->open[side] = false;
    if (!link->open[other])
        return;
    struct test_event *event = queue(net, link->node[other], MOOT_EVENT_LINK_DOWN);
    event->event.link = link->number;
    event->event.status = why;
}

static void link_break(struct test_net *net, struct test_link *link)
{
    for (uint32_t side = 0; side < 2; side++) {
        if (!link->open[side])
            continue;
        struct test_event *event = queue(net, link->node[side], MOOT_EVENT_LINK_DOWN);
        event->event.link = link->number;
        event->event.status = MOOT_LINK_FAILED;
    }
}

static void dial(struct test_net *net, struct test_node *node, const struct moot_action *action)
{
    uint32_t target = 0;
    while (target < net->count && strcmp(net->nodes[target].url, action->url) != 0)
        target++;
    if (target == net->count || !net->nodes[target].up || node->cut[target] ||
        target == node->index) {
        struct test_event *event = queue(net, node->index, MOOT_EVENT_LINK_DOWN);
        event->event.dial = action->dial;
        event->event.status = MOOT_LINK_FAILED;
        return;
    }
    struct test_link *link = calloc(1, sizeof *link);
    assert_non_null(link);
    *link = (struct test_link){.number = ++net->link_number,
                               .node = {node->index, target},
                               .open = {true, true},
                               .next = net->links};
    net->links = link;
    for (uint32_t side = 0; side < 2; side++) {
        struct test_event *event = queue(net, link->node[side], MOOT_EVENT_LINK_UP);
        event->event.link = link->number;
        event->event.dial = side == 0 ? action->dial : 0;
        event->event.remote = net->nodes[link->node[1 - side]].url;
    }
}

static void send(struct test_net *net, struct test_node *node, const struct moot_action *action)
{
    struct test_link *link = link_of(net, action->link);
    uint32_t side = link ? side_of(link, node->index) : 0;
    if (!link || !link->open[side] || !link->open[1 - side])
        return;
    if (action->bytes.size > 65536)
        node->blocks_sent_bytes += action->bytes.size;
    struct test_event *event = queue(net, link->node[1 - side], MOOT_EVENT_LINK_FRAME);
    event->memory[0] = copy(action->bytes);
    event->event.link = link->number;
    event->event.bytes = moot_bytes_of(event->memory[0], action->bytes.size);
}

/* ---- actions ---- */

static void commit(struct test_net *net, struct test_node *node, const struct moot_action *action)
{
    if (node->commit_status != MOOT_OK) {
        struct test_event *failed = queue(net, node->index, MOOT_EVENT_COMMITTED);
        failed->event.ticket = action->ticket;
        failed->event.status = node->commit_status;
        return;
    }
    node->stored++; /* the engine counts from its start, the store for ever */
    moot_sim_store_submit(node->store, &action->batch, node->stored);
    assert_int_equal(moot_sim_store_commit(node->store, node->stored), MOOT_OK);
    struct test_event *event = queue(net, node->index, MOOT_EVENT_COMMITTED);
    event->event.ticket = action->ticket;
}

static void job(struct test_net *net, struct test_node *node, const struct moot_action *action)
{
    const struct moot_job *asked = &action->job;
    assert_true(asked->kind >= MOOT_JOB_VERIFY && asked->kind <= MOOT_JOB_IMAGE);
    node->jobs[asked->kind]++;
    if (node->jobs_held && asked->kind == MOOT_JOB_BLOCK_READ)
        return;
    struct test_event *event = queue(net, node->index, MOOT_EVENT_JOB_DONE);
    event->memory[1] = copy(asked->input);
    event->job = *asked;
    event->job.input = moot_bytes_of(event->memory[1], asked->input.size);
    event->event.job = &event->job;
    event->memory[0] = test_job_run(node, &event->job, &event->event.status, &event->event.bytes);
}

static void act(struct test_net *net, struct test_node *node, const struct moot_actions *actions)
{
    for (const struct moot_action *action = actions->first; action; action = action->next) {
        switch (action->kind) {
        case MOOT_ACTION_COMMIT:
            commit(net, node, action);
            break;
        case MOOT_ACTION_SEND:
            send(net, node, action);
            break;
        case MOOT_ACTION_CLOSE: {
            struct test_link *link = link_of(net, action->link);
            if (link && link->open[side_of(link, node->index)])
                link_close(net, link, side_of(link, node->index), MOOT_LINK_FAILED);
            break;
        }
        case MOOT_ACTION_DIAL:
            dial(net, node, action);
            break;
        case MOOT_ACTION_JOB:
            job(net, node, action);
            break;
        case MOOT_ACTION_REPLY:
            assert_null(test_net_answer(net, action->call_number)); /* one reply a call */
            assert_true(net->answer_count < TEST_NET_ANSWERS);
            net->answers[net->answer_count++] =
                (struct test_answer){.call_number = action->call_number,
                                     .at_ms = net->now_ms,
                                     .status = action->reply.status,
                                     .seq = action->reply.seq};
            node->replied = action->call_number == net->call_number;
            node->reply = action->reply;
            break;
        case MOOT_ACTION_NOTICE:
            if (node->notice_count < TEST_NET_NOTICES)
                node->notices[node->notice_count++] =
                    (struct test_notice){.at_ms = net->now_ms, .notice = action->notice};
            break;
        }
    }
}

static void step(struct test_net *net, struct test_node *node, struct moot_event *event)
{
    struct moot_actions actions;
    moot_arena_reset(&net->arena);
    moot_actions_init(&actions, &net->arena);
    event->now_ms = net->now_ms;
    event->wall_s = WALL_S + net->now_ms / 1000;
    moot_engine_step(&node->env, event, &actions);
    node->wake_ms = actions.wake_ms > net->now_ms ? actions.wake_ms : net->now_ms + 1;
    if (net->watch)
        net->watch(net, node, event, &actions);
    act(net, node, &actions);
    if (net->after)
        net->after(net, node);
    net->steps++;
}

void test_net_event(struct test_net *net, uint32_t node, const struct moot_event *event)
{
    struct moot_event copied = *event;
    step(net, &net->nodes[node], &copied);
}

/* False when the event is of no use any more: its node is down or its link closed. */
static bool deliverable(const struct test_net *net, const struct test_event *event)
{
    if (!net->nodes[event->node].up)
        return false;
    if (event->event.link == 0)
        return true;
    struct test_link *link = link_of(net, event->event.link);
    uint32_t side = link ? side_of(link, event->node) : 0;
    if (!link || !link->open[side])
        return false;
    if (event->event.kind == MOOT_EVENT_LINK_DOWN)
        link->open[side] = false;
    return true;
}

/* One event or one wake-up; false when nothing is due until `end_ms`. */
static bool advance(struct test_net *net, uint64_t end_ms)
{
    struct test_event *event = net->first;
    if (event) {
        net->first = event->next;
        if (!net->first)
            net->last = NULL;
        if (deliverable(net, event)) {
            event->event.call = event->event.kind == MOOT_EVENT_CALL ? &event->call : NULL;
            step(net, &net->nodes[event->node], &event->event);
        }
        event_free(event);
        return true;
    }
    struct test_node *next = NULL;
    for (uint32_t i = 0; i < net->count; i++) {
        struct test_node *node = &net->nodes[i];
        if (node->up && (!next || node->wake_ms < next->wake_ms))
            next = node;
    }
    if (!next || next->wake_ms > end_ms)
        return false;
    if (net->now_ms < next->wake_ms)
        net->now_ms = next->wake_ms;
    struct moot_event time = {.kind = MOOT_EVENT_TIME};
    step(net, next, &time);
    return true;
}

void test_net_run(struct test_net *net, uint64_t ms)
{
    uint64_t end_ms = net->now_ms + ms;
    uint64_t before = net->steps;
    while (advance(net, end_ms)) {
        if (net->steps - before > STEPS_MAX)
            fail_msg("%u steps in %llu ms", STEPS_MAX, (unsigned long long)ms);
    }
    net->now_ms = end_ms;
}

void test_net_until(struct test_net *net, bool (*done)(struct test_net *net, const void *context),
                    const void *context, uint64_t ms)
{
    uint64_t end_ms = net->now_ms + ms;
    while (!done(net, context)) {
        if (net->now_ms >= end_ms) {
            test_net_print(net);
            fail_msg("it did not happen within %llu ms", (unsigned long long)ms);
        }
        test_net_run(net, 100);
    }
}

/* ---- life ---- */

static void open_engine(struct test_net *net, struct test_node *node)
{
    struct moot_error error = {0};
    node->memory = aligned_alloc(4096, POOL_BYTES);
    assert_non_null(node->memory);
    node->env = (struct moot_engine_env){.pool = moot_pool_init(node->memory, POOL_BYTES),
                                         .random = &node->random,
                                         .store = &node->port};
    moot_arena_reset(&net->arena);
    enum moot_status status = moot_engine_open(&node->env, &node->config, &node->identity,
                                               net->now_ms, &net->arena, &error);
    if (status != MOOT_OK)
        fail_msg("engine %u does not open: %s", node->index, error.detail);
    node->up = true;
    node->wake_ms = net->now_ms;
}

void test_net_init(struct test_net *net, uint32_t count, uint64_t seed)
{
    memset(net, 0, sizeof *net);
    assert_true(count <= TEST_NET_NODES);
    assert_true(moot_crypto_init());
    net->count = count;
    net->seed = seed;
    net->now_ms = 1000;
    void *memory = malloc(ARENA_BYTES);
    assert_non_null(memory);
    moot_arena_init(&net->arena, memory, ARENA_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        struct test_node *node = &net->nodes[i];
        uint8_t key_seed[32];
        node->index = i;
        node->stream = test_random_seeded(seed * 100 + i);
        node->random = (struct moot_random){.fill = fill, .context = &node->stream};
        test_random_bytes(&node->stream, key_seed, sizeof key_seed);
        moot_identity_init(&node->identity, key_seed);
        moot_engine_config_init(&node->config);
        snprintf(node->config.name, sizeof node->config.name, "n%u", (unsigned)i);
        snprintf(node->config.home, sizeof node->config.home, "home%u", (unsigned)(i % 2));
        snprintf(node->url, sizeof node->url, "tcp://10.0.0.%u:1", (unsigned)(i + 1));
        memcpy(node->config.listen_url, node->url, sizeof node->url);
        node->config.epoch_interval_ms = 10000;
        node->config.snapshot_every = 0; /* by hand */
        node->store = moot_sim_store_new();
        node->port = moot_sim_store_port(node->store);
        node->check_status = node->commit_status = MOOT_OK;
        open_engine(net, node);
    }
}

void test_net_free(struct test_net *net)
{
    for (uint32_t i = 0; i < net->count; i++) {
        struct test_node *node = &net->nodes[i];
        if (node->up)
            moot_engine_close(&node->env);
        free(node->memory);
        moot_sim_store_free(node->store);
        moot_identity_deinit(&node->identity);
        while (node->files) {
            struct test_file *file = node->files;
            node->files = file->next;
            free(file->bytes);
            free(file);
        }
    }
    while (net->first) {
        struct test_event *event = net->first;
        net->first = event->next;
        event_free(event);
    }
    while (net->links) {
        struct test_link *link = net->links;
        net->links = link->next;
        free(link);
    }
    free(net->arena.base);
}

void test_net_stop(struct test_net *net, uint32_t index)
{
    struct test_node *node = &net->nodes[index];
    assert_true(node->up);
    for (struct test_link *link = net->links; link; link = link->next) {
        if (link->open[0] && link->open[1] && (link->node[0] == index || link->node[1] == index))
            link_close(net, link, side_of(link, index), MOOT_LINK_FAILED);
    }
    moot_engine_close(&node->env);
    free(node->memory);
    node->memory = NULL;
    node->up = false;
    moot_sim_store_crash(node->store);
    /* What was on its way to it is lost. */
    struct test_event **at = &net->first;
    net->last = NULL;
    while (*at) {
        struct test_event *event = *at;
        if (event->node == index) {
            *at = event->next;
            event_free(event);
        } else {
            net->last = event;
            at = &event->next;
        }
    }
}

void test_net_start(struct test_net *net, uint32_t index)
{
    open_engine(net, &net->nodes[index]);
}

void test_net_cut(struct test_net *net, uint32_t a, uint32_t b, bool cut)
{
    net->nodes[a].cut[b] = net->nodes[b].cut[a] = cut;
    for (struct test_link *link = net->links; cut && link; link = link->next) {
        if ((link->node[0] == a && link->node[1] == b) ||
            (link->node[0] == b && link->node[1] == a))
            link_break(net, link);
    }
}

/* ---- calls ---- */

uint64_t test_net_ask(struct test_net *net, uint32_t index, const struct moot_call *call)
{
    struct test_event *event = queue(net, index, MOOT_EVENT_CALL);
    event->event.call_number = ++net->call_number;
    event->call = *call;
    return event->event.call_number;
}

const struct test_answer *test_net_answer(const struct test_net *net, uint64_t call_number)
{
    for (uint32_t i = 0; i < net->answer_count; i++) {
        if (net->answers[i].call_number == call_number)
            return &net->answers[i];
    }
    return NULL;
}

void test_net_store_full(struct test_net *net, uint32_t node, enum moot_status status)
{
    queue(net, node, MOOT_EVENT_STORE_FULL)->event.status = status;
}

enum moot_status test_net_put(struct test_net *net, uint32_t node, const char *key,
                              const char *value)
{
    struct moot_call call = {.kind = MOOT_CALL_RECORD_PUT,
                             .key = moot_bytes_of_text(key),
                             .value = moot_bytes_of_text(value)};
    return test_net_call(net, node, &call).status;
}

struct moot_reply test_net_call(struct test_net *net, uint32_t index, const struct moot_call *call)
{
    struct test_node *node = &net->nodes[index];
    node->replied = false;
    (void)test_net_ask(net, index, call);
    for (uint32_t i = 0; i < 6000 && !node->replied; i++)
        test_net_run(net, 10);
    if (!node->replied) {
        test_net_print(net);
        fail_msg("node %u does not answer call %d", (unsigned)index, (int)call->kind);
    }
    return node->reply;
}

static struct moot_reply call_well(struct test_net *net, uint32_t node,
                                   const struct moot_call *call)
{
    struct moot_reply reply = test_net_call(net, node, call);
    if (reply.status != MOOT_OK) {
        test_net_print(net);
        fail_msg("call %d: %s %s", (int)call->kind, moot_status_info(reply.status)->name,
                 reply.detail);
    }
    return reply;
}

static bool joined(struct test_net *net, const void *context)
{
    uint32_t count = *(const uint32_t *)context;
    for (uint32_t i = 0; i < count; i++) {
        if (moot_view_state(&net->nodes[i].env)->members.count != count)
            return false;
    }
    return true;
}

void test_net_found(struct test_net *net)
{
    struct moot_call init = {.kind = MOOT_CALL_INIT, .mesh_name = moot_bytes_of_text("net")};
    call_well(net, 0, &init);
    for (uint32_t i = 1; i < net->count; i++) {
        struct moot_call invite = {.kind = MOOT_CALL_INVITE};
        struct moot_reply invitation = call_well(net, 0, &invite);
        struct moot_call join = {.kind = MOOT_CALL_JOIN, .uri = moot_bytes_of_text(invitation.uri)};
        call_well(net, i, &join);
        struct moot_call admit = {.kind = MOOT_CALL_ADMIT,
                                  .name = moot_bytes_of_text(net->nodes[i].config.name)};
        call_well(net, 0, &admit);
        uint32_t count = i + 1;
        test_net_until(net, joined, &count, 120000);
    }
    test_net_run(net, 5000);
}

static bool turned(struct test_net *net, const void *context)
{
    (void)context;
    for (uint32_t i = 0; i < net->count; i++) {
        const struct moot_state *state = moot_view_state(&net->nodes[i].env);
        if (state->eras.count != moot_view_state(&net->nodes[0].env)->eras.count ||
            state->eras.count < 2)
            return false;
    }
    return true;
}

void test_net_admins(struct test_net *net, uint32_t count, uint32_t threshold)
{
    struct moot_bytes names[TEST_NET_NODES];
    for (uint32_t i = 0; i < count; i++)
        names[i] = moot_bytes_of_text(net->nodes[i].config.name);
    struct moot_call call = {.kind = MOOT_CALL_PROPOSE_ADMINS,
                             .names = names,
                             .name_count = count,
                             .threshold = threshold};
    call_well(net, 0, &call);
    test_net_until(net, turned, NULL, 120000);
}

void test_net_meddle(struct test_net *net, uint32_t index,
                     void (*act_on)(struct moot_step *step, const void *context),
                     const void *context)
{
    struct test_node *node = &net->nodes[index];
    struct moot_actions actions;
    moot_arena_reset(&net->arena);
    moot_actions_init(&actions, &net->arena);
    struct moot_step meddled = {.env = &node->env,
                                .engine = moot_engine_of(&node->env),
                                .pool = node->env.pool,
                                .arena = &net->arena,
                                .actions = &actions};
    act_on(&meddled, context);
    act(net, node, &actions);
}

/* ---- what came out ---- */

uint32_t test_net_noticed(const struct test_net *net, uint32_t index, const char *name,
                          uint32_t since)
{
    const struct test_node *node = &net->nodes[index];
    uint32_t count = 0;
    for (uint32_t i = since; i < node->notice_count; i++)
        count += strcmp(node->notices[i].notice.name, name) == 0 ? 1 : 0;
    return count;
}

void test_net_print(const struct test_net *net)
{
    for (uint32_t n = 0; n < net->count; n++) {
        const struct test_node *node = &net->nodes[n];
        for (uint32_t i = 0; i < node->notice_count; i++) {
            const struct test_notice *at = &node->notices[i];
            print_message("%8llu n%u %s %s %llu %s\n", (unsigned long long)at->at_ms, (unsigned)n,
                          at->notice.name, moot_status_info(at->notice.status)->name,
                          (unsigned long long)at->notice.number, at->notice.detail);
        }
    }
}
