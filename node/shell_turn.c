/*
 * One turn: an event into the engine, its actions out. Turns never nest: an event that arises while
 * actions are carried out (a full link closes, a job cannot start) is copied and follows at once.
 *
 * Failures: a batch the store does not take means that memory is ahead of the disk for good, so the
 * store counts as stopped. A frame that cannot be held back closes its link.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/base/contract.h"
#include "node/log.h"
#include "node/shell_internal.h"
#include "protocols/view.h"

#define SCRATCH_KEEP_BYTES 262144u
#define SCRATCH_QUIET_MS 1000u

static uint64_t wall_seconds(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec;
}

/* ---- what the outbox lets go ---- */

static void answer(struct moot_shell *shell, uint64_t number, const struct moot_reply *reply)
{
    for (uint32_t i = 0; i < shell->call_count; i++) {
        if (shell->calls[i].number == number) {
            struct moot_shell_caller caller = shell->calls[i].caller;
            shell->calls[i] = shell->calls[--shell->call_count];
            caller.answered(caller.context, reply);
            return;
        }
    }
}

static void notice(struct moot_shell *shell, const struct moot_notice *notice)
{
    moot_ring_add(shell->ring, notice, wall_seconds());
    bool proposal = !moot_digest_is_zero(&notice->proposal);
    struct moot_bytes id =
        proposal ? moot_digest_bytes(&notice->proposal) : moot_key_bytes(&notice->device);
    static const struct moot_key none;
    if (!proposal && moot_key_equal(&notice->device, &none)) {
        id.size = 0;
    }
    enum moot_log_level level = notice->status == MOOT_OK ? MOOT_LOG_INFO
                                : moot_status_info(notice->status)->exit_code >= 10
                                    ? MOOT_LOG_ERROR
                                    : MOOT_LOG_WARNING;
    moot_log(level, notice->name, notice->status, id, "%llu %s", (unsigned long long)notice->number,
             notice->detail);
}

void moot_shell_act(void *context, const struct moot_action *action)
{
    struct moot_shell *shell = context;
    switch (action->kind) {
    case MOOT_ACTION_SEND:
        moot_links_send(shell->links, action->link, action->bytes);
        return;
    case MOOT_ACTION_CLOSE:
        moot_links_close(shell->links, action->link, action->status, action->flush);
        return;
    case MOOT_ACTION_REPLY:
        answer(shell, action->call_number, &action->reply);
        return;
    case MOOT_ACTION_NOTICE:
        notice(shell, &action->notice);
        return;
    case MOOT_ACTION_COMMIT:
    case MOOT_ACTION_DIAL:
    case MOOT_ACTION_JOB:
        break;
    }
    MOOT_REQUIRE(action->kind == MOOT_ACTION_SEND); /* the others never wait */
}

/* ---- actions ---- */

static void enqueue(struct moot_shell *shell, const struct moot_event *event)
{
    struct moot_shell_queued *queued = calloc(1, sizeof *queued + event->bytes.size);
    /* Without memory for a few bytes the node cannot keep its word; what it promised is on disk. */
    MOOT_INVARIANT(queued != NULL);
    queued->event = *event;
    if (event->bytes.size > 0) {
        memcpy(queued->bytes, event->bytes.data, event->bytes.size);
        queued->event.bytes.data = queued->bytes;
    }
    if (event->remote != NULL) {
        size_t size = strnlen(event->remote, sizeof queued->remote - 1);
        memcpy(queued->remote, event->remote, size);
        queued->event.remote = queued->remote;
    }
    if (event->job != NULL) {
        queued->job = *event->job;
        queued->event.job = &queued->job;
    }
    *shell->end = queued;
    shell->end = &queued->next;
}

static void store_stopped(struct moot_shell *shell, uint64_t ticket, enum moot_status status)
{
    if (shell->store_stopped) {
        return;
    }
    shell->store_stopped = true;
    enqueue(shell,
            &(struct moot_event){.kind = MOOT_EVENT_COMMITTED, .ticket = ticket, .status = status});
}

static void commit(struct moot_shell *shell, struct moot_action *action)
{
    if (shell->store_stopped) {
        return;
    }
    struct moot_view_status view;
    if (shell->moved) {
        moot_view_status(&shell->env, moot_shell_now_ms(shell), &view);
        if (view.heard && moot_store_batch_put(&action->batch, &shell->arena, MOOT_TABLE_META,
                                               moot_bytes_of_text(MOOT_NODE_STORE_KEY_DIRECTORY),
                                               moot_node_store_identity(shell->store))) {
            shell->moved = false; /* peers have spoken: this directory is the right one now */
        }
    }
    enum moot_status status = moot_node_store_submit(shell->store, &action->batch, action->ticket);
    if (status != MOOT_OK) {
        store_stopped(shell, action->ticket, status);
    }
}

static void start_job(void *context, const struct moot_job *job)
{
    struct moot_shell *shell = context;
    enum moot_status status = moot_jobs_start(shell->jobs, job);
    if (status != MOOT_OK) {
        /* The input goes with the turn's memory; a job that never ran needs none. */
        struct moot_job copy = *job;
        copy.input = (struct moot_bytes){0};
        enqueue(shell,
                &(struct moot_event){.kind = MOOT_EVENT_JOB_DONE, .job = &copy, .status = status});
    }
}

static void hold(struct moot_shell *shell, const struct moot_action *action)
{
    enum moot_status status = moot_outbox_add(shell->outbox, action);
    if (status == MOOT_OK) {
        return;
    }
    if (action->kind == MOOT_ACTION_REPLY) {
        struct moot_reply reply = {.status = status};
        answer(shell, action->call_number, &reply);
    } else if (action->kind != MOOT_ACTION_NOTICE) {
        moot_links_close(shell->links, action->link, status, false);
    }
}

static void act(struct moot_shell *shell, struct moot_action *action)
{
    switch (action->kind) {
    case MOOT_ACTION_COMMIT:
        commit(shell, action);
        return;
    case MOOT_ACTION_DIAL:
        moot_links_dial(shell->links, action->dial, action->url);
        return;
    case MOOT_ACTION_JOB:
        start_job(shell, &action->job);
        return;
    case MOOT_ACTION_SEND:
    case MOOT_ACTION_CLOSE:
    case MOOT_ACTION_REPLY:
    case MOOT_ACTION_NOTICE:
        hold(shell, action);
        return;
    }
}

/* ---- the turn ---- */

static void set_wake(struct moot_shell *shell, uint64_t wake_ms)
{
    if (wake_ms == UINT64_MAX) {
        (void)uv_timer_stop(&shell->wake);
        return;
    }
    uint64_t now = moot_shell_now_ms(shell);
    (void)uv_timer_start(&shell->wake, moot_shell_on_wake, wake_ms > now ? wake_ms - now : 0, 0);
}

/* What busy turns have touched goes back to the system after a quiet second, not before: to touch it
 * again costs as much as many a turn. Returns when to look again, or UINT64_MAX. */
static uint64_t tidy(struct moot_shell *shell)
{
    uint64_t now = moot_shell_now_ms(shell);
    if (shell->arena.used > SCRATCH_KEEP_BYTES) {
        shell->scratch_high_ms = now;
        if (shell->arena.used > shell->scratch_high) {
            shell->scratch_high = shell->arena.used;
        }
    }
    moot_arena_reset(&shell->arena);
    if (shell->scratch_high == 0) {
        return UINT64_MAX;
    }
    if (now < shell->scratch_high_ms + SCRATCH_QUIET_MS) {
        return shell->scratch_high_ms + SCRATCH_QUIET_MS;
    }
    moot_region_trim(&shell->scratch, shell->scratch_high, SCRATCH_KEEP_BYTES);
    (void)malloc_trim(0); /* frames and inputs of jobs */
    shell->scratch_high = 0;
    return UINT64_MAX;
}

static void turn(struct moot_shell *shell, struct moot_event *event)
{
    if (event->kind == MOOT_EVENT_LINK_DOWN && event->link != 0) {
        moot_outbox_drop(shell->outbox, event->link);
    }
    if (event->kind == MOOT_EVENT_COMMITTED) {
        if (event->status == MOOT_OK) {
            moot_outbox_committed(shell->outbox, event->ticket);
        } else {
            moot_outbox_fail(shell->outbox, event->status);
        }
    }
    uv_update_time(shell->loop);
    event->now_ms = moot_shell_now_ms(shell);
    event->wall_s = wall_seconds();
    struct moot_actions actions;
    moot_actions_init(&actions, &shell->arena);
    actions.start_job = start_job;
    actions.context = shell;
    moot_engine_step(&shell->env, event, &actions);
    for (struct moot_action *action = actions.first; action != NULL; action = action->next) {
        act(shell, action);
    }
    uint64_t tidy_ms = tidy(shell);
    set_wake(shell, tidy_ms < actions.wake_ms ? tidy_ms : actions.wake_ms);
}

void moot_shell_event(struct moot_shell *shell, struct moot_event *event)
{
    if (shell->stopped) {
        return;
    }
    if (shell->busy) {
        MOOT_REQUIRE(event->kind != MOOT_EVENT_CALL);
        enqueue(shell, event);
        return;
    }
    shell->busy = true;
    turn(shell, event);
    while (shell->first != NULL) {
        struct moot_shell_queued *queued = shell->first;
        shell->first = queued->next;
        if (shell->first == NULL) {
            shell->end = &shell->first;
        }
        queued->event.more = shell->first != NULL;
        turn(shell, &queued->event);
        free(queued);
    }
    shell->busy = false;
    if (shell->watcher.changed != NULL) {
        shell->watcher.changed(shell->watcher.context);
    }
}

/* ---- reports ---- */

void moot_shell_on_wake(uv_timer_t *timer)
{
    moot_shell_event(timer->data, &(struct moot_event){.kind = MOOT_EVENT_TIME});
}

static void link_up(void *context, uint32_t link, uint32_t dial, const char *remote)
{
    moot_shell_event(context,
                     &(struct moot_event){
                         .kind = MOOT_EVENT_LINK_UP, .link = link, .dial = dial, .remote = remote});
}

static void link_frame(void *context, uint32_t link, struct moot_bytes frame)
{
    moot_shell_event(
        context, &(struct moot_event){.kind = MOOT_EVENT_LINK_FRAME, .link = link, .bytes = frame});
}

static void link_down(void *context, uint32_t link, uint32_t dial, enum moot_status why)
{
    moot_shell_event(context,
                     &(struct moot_event){
                         .kind = MOOT_EVENT_LINK_DOWN, .link = link, .dial = dial, .status = why});
}

const struct moot_link_callbacks moot_shell_link_callbacks = {
    .up = link_up, .frame = link_frame, .down = link_down};

static void job_done(void *context, const struct moot_job *job, enum moot_status status,
                     struct moot_bytes output)
{
    moot_shell_event(
        context, &(struct moot_event){
                     .kind = MOOT_EVENT_JOB_DONE, .job = job, .status = status, .bytes = output});
}

const struct moot_jobs_callbacks moot_shell_jobs_callbacks = {.done = job_done};

static void committed(void *context, uint64_t ticket, enum moot_status status)
{
    struct moot_shell *shell = context;
    if (status != MOOT_OK) {
        if (shell->store_stopped) {
            return;
        }
        shell->store_stopped = true;
    }
    moot_shell_event(shell, &(struct moot_event){
                                .kind = MOOT_EVENT_COMMITTED, .ticket = ticket, .status = status});
}

static void trouble(void *context, enum moot_status status, const struct moot_error *error)
{
    struct moot_shell *shell = context;
    if (status != MOOT_OK) {
        moot_log_error("store.trouble", error);
    }
    if (status == MOOT_STORE_IO) {
        committed(shell, moot_engine_ticket(&shell->env), status);
        return;
    }
    shell->store_full = status != MOOT_OK;
    if (shell->store_full) {
        moot_outbox_full(shell->outbox);
    }
    moot_shell_event(shell,
                     &(struct moot_event){.kind = MOOT_EVENT_STORE_FULL,
                                          .status = status == MOOT_OK ? MOOT_OK : MOOT_STORE_FULL});
}

const struct moot_node_store_events moot_shell_store_events = {.committed = committed,
                                                               .trouble = trouble};
