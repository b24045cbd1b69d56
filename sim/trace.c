/*
 * The trace hash: after every event, hash(before ‖ time, kind, node, bytes, actions). Two runs with the
 * same hash did the same things in the same order. With --trace the same is said in words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "sim/world.h"

static void add_number(struct moot_sim_world *world, uint64_t number)
{
    uint8_t bytes[8];
    moot_u64_put(bytes, number);
    moot_hasher_add(world->hasher, moot_bytes_of(bytes, sizeof bytes));
}

static void add_bytes(struct moot_sim_world *world, struct moot_bytes bytes)
{
    add_number(world, bytes.size);
    if (bytes.size > 0)
        moot_hasher_add(world->hasher, bytes);
}

__attribute__((format(printf, 2, 3))) static void say(struct moot_sim_world *world,
                                                      const char *format, ...)
{
    if (!world->line)
        return;
    va_list arguments;
    va_start(arguments, format);
    size_t used = strlen(world->line);
    vsnprintf(world->line + used, world->line_size - used, format, arguments);
    va_end(arguments);
}

void moot_sim_trace_begin(struct moot_sim_world *world, const struct moot_sim_event *event)
{
    moot_hasher_init(world->hasher, "moot/sim-trace/1");
    moot_hasher_add(world->hasher, moot_digest_bytes(&world->trace));
    add_number(world, world->now_us);
    add_number(world, (uint64_t)event->kind);
    add_number(world, event->node);
    add_number(world, event->boot);
    add_number(world, event->link);
    add_number(world, event->number);
    add_number(world, (uint64_t)event->status);
    add_bytes(world, moot_bytes_of(event->bytes, event->size));
    if (!world->line)
        return;
    world->line[0] = '\0';
    say(world, "%8llu.%06llu  %-4s %-12s", (unsigned long long)(world->now_us / MOOT_SIM_US_PER_S),
        (unsigned long long)(world->now_us % MOOT_SIM_US_PER_S),
        event->kind == MOOT_SIM_TIMER ? "-" : world->nodes[event->node].name,
        moot_sim_event_kind_text(event->kind));
    if (event->kind == MOOT_SIM_FRAME)
        say(world, " link=%u bytes=%zu", event->link, event->size);
    if (event->kind == MOOT_SIM_DISK)
        say(world, " ticket=%llu", (unsigned long long)event->number);
}

static void action_say(struct moot_sim_world *world, const struct moot_action *action)
{
    switch (action->kind) {
    case MOOT_ACTION_COMMIT:
        say(world, " | commit %llu (%u rows)", (unsigned long long)action->ticket,
            action->batch.op_count);
        break;
    case MOOT_ACTION_SEND:
        say(world, " | send %zu after %llu", action->bytes.size, (unsigned long long)action->after);
        break;
    case MOOT_ACTION_CLOSE:
        say(world, " | close %s", moot_status_info(action->status)->name);
        break;
    case MOOT_ACTION_DIAL:
        say(world, " | dial %s", action->url);
        break;
    case MOOT_ACTION_JOB:
        say(world, " | job %u kind %u", action->job.number, (unsigned)action->job.kind);
        break;
    case MOOT_ACTION_REPLY:
        say(world, " | reply %s", moot_status_info(action->reply.status)->name);
        break;
    case MOOT_ACTION_NOTICE:
        say(world, " | notice %s %s", action->notice.name,
            moot_status_info(action->notice.status)->name);
        break;
    }
}

void moot_sim_trace_action(struct moot_sim_world *world, const struct moot_action *action)
{
    add_number(world, (uint64_t)action->kind);
    add_number(world, action->after);
    add_number(world, action->ticket);
    add_number(world, action->link);
    add_number(world, action->dial);
    add_number(world, (uint64_t)action->status);
    add_number(world, action->call_number);
    add_bytes(world, action->bytes);
    if (action->kind == MOOT_ACTION_COMMIT) {
        for (uint32_t i = 0; i < action->batch.op_count; i++) {
            const struct moot_store_op *op = &action->batch.ops[i];
            add_number(world, (uint64_t)op->kind);
            add_number(world, (uint64_t)op->table);
            add_bytes(world, op->key);
            add_bytes(world, op->kind == MOOT_STORE_PUT ? op->value : moot_bytes_of(NULL, 0));
        }
    }
    if (action->kind == MOOT_ACTION_JOB) {
        add_number(world, (uint64_t)action->job.kind);
        add_number(world, action->job.number);
        add_bytes(world, moot_digest_bytes(&action->job.hash));
    }
    if (action->kind == MOOT_ACTION_REPLY) {
        add_number(world, (uint64_t)action->reply.status);
        add_bytes(world, moot_digest_bytes(&action->reply.proposal));
        add_number(world, action->reply.seq);
    }
    if (action->kind == MOOT_ACTION_NOTICE) {
        add_bytes(world, moot_bytes_of_text(action->notice.name));
        add_number(world, (uint64_t)action->notice.status);
        add_number(world, action->notice.number);
    }
    action_say(world, action);
}

void moot_sim_trace_note(struct moot_sim_world *world, const char *word, uint64_t number)
{
    add_bytes(world, moot_bytes_of_text(word));
    add_number(world, number);
    say(world, " | %s %llu", word, (unsigned long long)number);
}

void moot_sim_trace_end(struct moot_sim_world *world)
{
    moot_hasher_finish(world->hasher, &world->trace);
    if (world->hooks.done)
        world->hooks.done(world->hooks.context);
    if (world->line && world->hooks.line)
        world->hooks.line(world->hooks.context, world->line);
}

void moot_sim_trace_digest(struct moot_sim_world *world, const struct moot_digest *digest)
{
    const struct moot_bytes parts[] = {moot_digest_bytes(&world->trace), moot_digest_bytes(digest)};
    struct moot_digest folded;
    moot_digest_of("moot/sim-trace/1", parts, 2, &folded);
    world->trace = folded;
}
