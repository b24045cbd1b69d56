/*
 * The engine's dispatch. Happy path: an event is handed to the part that owns it; then the standing
 * rules run once (certificates, ticks, upgrades, own writes), unless another event follows at once; then
 * everything this step wrote becomes one commit, and every action that shows it waits for that commit.
 * Failures: no step fails. What is refused is counted and, where somebody waits, answered.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/hardfork.h"
#include "protocols/snapshot.h"
#include "protocols/view.h"

#define AFTER_THIS_STEP UINT64_MAX
#define AFTER_SHOWN (UINT64_MAX - 1)

void moot_engine_config_init(struct moot_engine_config *config)
{
    *config = (struct moot_engine_config){
        .protocol_max = MOOT_PROTOCOL_MAX,
        .epoch_interval_ms = 3600000,
        .gossip_interval_ms = 1000,
        .readiness_timeout_ms = 86400000,
        .fence_propose_ms = 300000,
        .fence_lease_ms = 600000,
        .snapshot_every = 24,
        .snapshot_min_epochs = 1,
        .fence_notice_ms = 604800000,
        .deadline_epochs = 720,
        .soft_fork_auto_activate = true,
    };
}

void moot_actions_init(struct moot_actions *actions, struct moot_arena *arena)
{
    *actions = (struct moot_actions){.arena = arena, .wake_ms = UINT64_MAX};
}

struct moot_engine *moot_engine_of(const struct moot_engine_env *env)
{
    return moot_pool_at(env->pool, moot_pool_root(env->pool));
}

uint64_t moot_engine_ticket(const struct moot_engine_env *env)
{
    return moot_engine_of(env)->ticket;
}

void moot_engine_close(const struct moot_engine_env *env)
{
    struct moot_engine *engine = moot_engine_of(env);
    moot_identity_deinit(&engine->identity);
    moot_wipe(engine->link_static, sizeof engine->link_static);
}

/* ---- actions ---- */

static struct moot_action *action_add(struct moot_step *step, enum moot_action_kind kind)
{
    struct moot_action *action = moot_arena_take_zeroed(step->arena, 1, sizeof *action);
    /* The arena is sized for the largest step (a full frame in, a full answer out). */
    MOOT_INVARIANT(action != NULL);
    action->kind = kind;
    if (step->actions->last)
        step->actions->last->next = action;
    else
        step->actions->first = action;
    step->actions->last = action;
    return action;
}

void moot_step_put(struct moot_step *step, enum moot_table table, struct moot_bytes key,
                   struct moot_bytes value)
{
    bool fits = moot_store_batch_put(&step->batch, step->arena, table, key, value);
    MOOT_INVARIANT(fits);
}

void moot_step_delete(struct moot_step *step, enum moot_table table, struct moot_bytes key)
{
    bool fits = moot_store_batch_delete(&step->batch, step->arena, table, key);
    MOOT_INVARIANT(fits);
}

void moot_step_send(struct moot_step *step, uint32_t link, struct moot_bytes frame,
                    enum moot_after after)
{
    struct moot_action *action = action_add(step, MOOT_ACTION_SEND);
    action->link = link;
    action->bytes = frame;
    action->after = after == MOOT_AFTER_COMMIT  ? AFTER_THIS_STEP
                    : after == MOOT_AFTER_SHOWN ? AFTER_SHOWN
                                                : 0;
}

void moot_step_close(struct moot_step *step, uint32_t link, enum moot_status why, bool flush)
{
    struct moot_action *action = action_add(step, MOOT_ACTION_CLOSE);
    action->link = link;
    action->status = why;
    action->flush = flush;
}

void moot_step_dial(struct moot_step *step, uint32_t dial, const char *url)
{
    struct moot_action *action = action_add(step, MOOT_ACTION_DIAL);
    struct moot_bytes copy = moot_arena_copy(step->arena, moot_bytes_of(url, strlen(url) + 1));
    MOOT_INVARIANT(copy.data != NULL);
    action->dial = dial;
    action->url = (const char *)copy.data;
}

void moot_step_job(struct moot_step *step, enum moot_job_kind kind, const struct moot_digest *hash,
                   struct moot_bytes input, const struct moot_job_owner *owner,
                   uint32_t *ret_number)
{
    struct moot_engine *engine = step->engine;
    uint8_t key[4];
    *ret_number = 0;
    if (++engine->job_number == 0)
        engine->job_number = 1;
    moot_u32_put(key, engine->job_number);
    struct moot_job_owner *kept =
        moot_map_put(step->pool, &engine->jobs, moot_bytes_of(key, sizeof key), NULL);
    if (!kept) {
        moot_step_stop(step, MOOT_NO_MEMORY);
        return;
    }
    *kept = *owner;
    kept->kind = kind;
    const struct moot_job job = {
        .number = engine->job_number, .kind = kind, .hash = *hash, .input = input};
    if (step->actions->start_job)
        step->actions->start_job(step->actions->context, &job);
    else
        action_add(step, MOOT_ACTION_JOB)->job = job;
    *ret_number = engine->job_number;
}

struct moot_reply *moot_step_reply(struct moot_step *step, uint64_t call_number,
                                   enum moot_status status, const char *detail)
{
    struct moot_action *action = action_add(step, MOOT_ACTION_REPLY);
    action->call_number = call_number;
    action->reply.status = status;
    action->after = status == MOOT_OK ? AFTER_THIS_STEP : 0;
    if (detail)
        snprintf(action->reply.detail, sizeof action->reply.detail, "%s", detail);
    return &action->reply;
}

struct moot_notice *moot_step_notice(struct moot_step *step, const char *name,
                                     enum moot_status status)
{
    struct moot_action *action = action_add(step, MOOT_ACTION_NOTICE);
    action->notice.name = name;
    action->notice.status = status;
    action->after = AFTER_THIS_STEP;
    return &action->notice;
}

void moot_step_wake(struct moot_step *step, uint64_t at_ms)
{
    if (at_ms < step->actions->wake_ms)
        step->actions->wake_ms = at_ms;
}

bool moot_step_has_room(const struct moot_step *step, size_t size)
{
    return step->arena->size - step->arena->used >= size;
}

void moot_step_refuse(struct moot_step *step, enum moot_status why)
{
    step->engine->refused[why]++;
}

enum moot_status moot_step_writable(const struct moot_step *step)
{
    if (step->engine->store_stopped)
        return step->engine->stopped_why;
    return step->engine->store_full ? MOOT_STORE_FULL : MOOT_OK;
}

void moot_step_stop(struct moot_step *step, enum moot_status why)
{
    if (step->engine->store_stopped)
        return;
    step->engine->store_stopped = true;
    step->engine->stopped_why = why;
    moot_step_notice(step, "node.stopped", why);
}

struct moot_bytes moot_step_finish(struct moot_step *step, struct moot_writer *writer)
{
    struct moot_bytes bytes = moot_writer_finish_arena(writer, step->arena);
    MOOT_INVARIANT(bytes.data != NULL);
    return bytes;
}

void moot_call_refuse(struct moot_step *step, uint64_t call_number, enum moot_status why,
                      const char *detail)
{
    moot_step_refuse(step, why);
    moot_step_reply(step, call_number, why, detail);
}

/* ---- events ---- */

static void committed(struct moot_step *step, const struct moot_event *event)
{
    if (event->status != MOOT_OK) {
        moot_step_stop(step, event->status);
        return;
    }
    step->engine->committed = event->ticket;
    moot_append_committed(step);
}

static void store_full(struct moot_step *step, const struct moot_event *event)
{
    bool full = event->status != MOOT_OK;
    if (step->engine->store_full == full)
        return;
    step->engine->store_full = full;
    moot_step_notice(step, full ? "store.full" : "store.recovered", event->status);
    step->actions->last->after = 0; /* it tells why everything else waits */
    if (!full)
        moot_reconcile_retry(step);
}

static void job_done(struct moot_step *step, const struct moot_event *event)
{
    struct moot_engine *engine = step->engine;
    uint8_t key[4];
    moot_u32_put(key, event->job->number);
    struct moot_job_owner *kept =
        moot_map_get(step->pool, &engine->jobs, moot_bytes_of(key, sizeof key));
    if (!kept)
        return;
    struct moot_job_owner owner = *kept;
    moot_map_remove(step->pool, &engine->jobs, moot_bytes_of(key, sizeof key));
    if (owner.kind == MOOT_JOB_VERIFY)
        moot_merge_job_done(step, &owner, event);
    else if (owner.part == MOOT_JOB_FOR_CONTENT)
        moot_content_job_done(step, &owner, event);
    else if (owner.part == MOOT_JOB_FOR_SNAPSHOT)
        moot_snapshot_job_done(step, &owner, event);
    else if (owner.part == MOOT_JOB_FOR_CHECK)
        moot_snapshot_check_done(step, &owner, event);
    else if (owner.part == MOOT_JOB_FOR_INSTALL)
        moot_snapshot_install_done(step, &owner, event);
    else
        moot_upgrade_job_done(step, &owner, event);
}

static void call(struct moot_step *step, const struct moot_event *event)
{
    const struct moot_call *asked = event->call;
    if (asked->kind == MOOT_CALL_CACHE_SET || asked->kind == MOOT_CALL_CACHE_GET) {
        moot_cache_call(step, event->call_number, asked); /* writes nothing to the store */
        return;
    }
    enum moot_status status = moot_step_writable(step);
    if (status != MOOT_OK) {
        moot_step_refuse(step, status);
        moot_step_reply(step, event->call_number, status, NULL);
        return;
    }
    switch (asked->kind) {
    case MOOT_CALL_INIT:
    case MOOT_CALL_INVITE:
    case MOOT_CALL_JOIN:
    case MOOT_CALL_ADMIT:
    case MOOT_CALL_DENY:
        moot_member_call(step, event->call_number, asked);
        return;
    case MOOT_CALL_PROPOSE_ADMINS:
    case MOOT_CALL_PROPOSE_UPGRADE:
    case MOOT_CALL_PROPOSE_CACHE:
    case MOOT_CALL_APPROVE:
    case MOOT_CALL_REJECT:
    case MOOT_CALL_WITHDRAW:
    case MOOT_CALL_ACTIVATE:
        moot_propose_call(step, event->call_number, asked);
        return;
    case MOOT_CALL_REMOVE:
    case MOOT_CALL_REPLACE:
    case MOOT_CALL_RENAME:
        moot_device_call(step, event->call_number, asked);
        return;
    case MOOT_CALL_RECORD_PUT:
        moot_record_call(step, event->call_number, asked);
        return;
    case MOOT_CALL_CACHE_SET:
    case MOOT_CALL_CACHE_GET:
        break; /* above */
    case MOOT_CALL_PROPOSE_SNAPSHOT:
        moot_snapshot_call(step, event->call_number, asked);
        return;
    }
    moot_step_reply(step, event->call_number, MOOT_UNSUPPORTED, NULL);
}

static void dispatch(struct moot_step *step, const struct moot_event *event)
{
    switch (event->kind) {
    case MOOT_EVENT_TIME:
        break;
    case MOOT_EVENT_LINK_UP:
        moot_session_up(step, event);
        break;
    case MOOT_EVENT_LINK_FRAME:
        moot_session_frame(step, event);
        break;
    case MOOT_EVENT_LINK_DOWN:
        moot_session_down(step, event);
        break;
    case MOOT_EVENT_COMMITTED:
        committed(step, event);
        break;
    case MOOT_EVENT_STORE_FULL:
        store_full(step, event);
        break;
    case MOOT_EVENT_JOB_DONE:
        job_done(step, event);
        break;
    case MOOT_EVENT_CALL:
        call(step, event);
        break;
    }
}

/* A fenced device's state is behind: it proposes, judges, collects and installs nothing. */
static void snapshot_rules(struct moot_step *step)
{
    if (moot_engine_fenced(step->engine, step->pool))
        return;
    moot_snapshot_step(step);
    moot_snapshot_check_step(step);
    moot_snapshot_base_step(step);
    moot_snapshot_install_step(step);
}

/* What holds after every event, whatever it was. The order matters: own writes come last but one, so
 * that everything decided in this step is in the same commit; sending comes last. */
static void standing_rules(struct moot_step *step)
{
    moot_member_time(step);
    if (step->engine->state.founded && moot_step_writable(step) == MOOT_OK) {
        moot_merge_end(step);
        moot_propose_consent(step);
        moot_hard_fork_step(step);
        moot_timeline_step(step);
        moot_decision_collect(step);
        moot_upgrade_step(step);
        snapshot_rules(step);
        moot_content_step(step);
        moot_fence_step(step);
        moot_append_flush(step);
        moot_decision_collect(step);
        moot_loose_sweep(step);
    }
    moot_append_time(step);
    if (step->engine->state.founded) {
        moot_reconcile_end(step);
        moot_proof_members_changed(step);
        moot_peer_time(step);
    }
    moot_session_time(step);
}

/* After the store has stopped nothing becomes durable any more: nothing is written, and nothing that
 * would show it is said. Callers get the reason. */
static void finish_stopped(struct moot_step *step)
{
    struct moot_actions *actions = step->actions;
    struct moot_action *action = actions->first;
    actions->first = actions->last = NULL;
    while (action) {
        struct moot_action *next = action->next;
        bool waits = action->after == AFTER_THIS_STEP || action->after == AFTER_SHOWN;
        bool says_why = action->kind == MOOT_ACTION_REPLY ||
                        (action->kind == MOOT_ACTION_NOTICE && action->notice.status != MOOT_OK);
        action->next = NULL;
        if (waits && action->kind == MOOT_ACTION_REPLY)
            action->reply = (struct moot_reply){.status = step->engine->stopped_why};
        if (waits && says_why)
            action->after = 0;
        if (!waits || says_why) {
            if (actions->last)
                actions->last->next = action;
            else
                actions->first = action;
            actions->last = action;
        }
        action = next;
    }
}

/* One commit for all this step wrote, in front of the actions that wait for it. */
static void finish(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_actions *actions = step->actions;
    if (engine->store_stopped) {
        finish_stopped(step);
        return;
    }
    if (step->batch.op_count > 0) {
        struct moot_action *commit = moot_arena_take_zeroed(step->arena, 1, sizeof *commit);
        MOOT_INVARIANT(commit != NULL);
        commit->kind = MOOT_ACTION_COMMIT;
        commit->ticket = ++engine->ticket;
        commit->batch = step->batch;
        commit->next = actions->first;
        actions->first = commit;
        if (!actions->last)
            actions->last = commit;
        if (step->batch.op_count > step->unseen_op_count)
            engine->shown_ticket = engine->ticket;
    }
    for (struct moot_action *action = actions->first; action; action = action->next) {
        if (action->after == AFTER_THIS_STEP)
            action->after = engine->ticket;
        else if (action->after == AFTER_SHOWN)
            action->after = engine->shown_ticket;
    }
}

void moot_engine_step(const struct moot_engine_env *env, const struct moot_event *event,
                      struct moot_actions *actions)
{
    struct moot_step step = {
        .env = env,
        .engine = moot_engine_of(env),
        .pool = env->pool,
        .arena = actions->arena,
        .actions = actions,
    };
    moot_store_batch_init(&step.batch);
    if (event->now_ms > step.engine->now_ms)
        step.engine->now_ms = event->now_ms;
    step.engine->wall_s = event->wall_s;
    dispatch(&step, event);
    if (!event->more)
        standing_rules(&step);
    finish(&step);
    env->store->release(env->store->self);
}
