/*
 * Links: ordered streams of frames between two nodes.
 *
 *   dial ─delay─▶ DIAL at the target: link up there ─delay─▶ UP at the dialler
 *        └ down, no such address: DIAL_FAIL after a round trip; cut off: after 3 s
 *   send ─delay, in order─▶ FRAME ─▶ LINK_FRAME       lost: nothing follows, both DOWN after 1 s
 *                                                     duplicated: the same FRAME again; the channel
 *                                                     must refuse it, or "replay-refused" broke
 *   cut: frames that arrive are held; healed: they arrive; 20 s in one cut: both DOWN
 *   close, crash: the other end is DOWN after all that was under way
 *
 * A link's number at its node is 2 * link + side + 1, so it is never 0 and never used twice.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"
#include "sim/world.h"

#define LOST_US ((uint64_t)1 * MOOT_SIM_US_PER_S)
#define STALL_US ((uint64_t)20 * MOOT_SIM_US_PER_S)
#define DIAL_TIMEOUT_US ((uint64_t)3 * MOOT_SIM_US_PER_S)

/* What has arrived and cannot be given to the engine yet: the line is cut, or one before it is held. */
struct stalled_frame {
    uint64_t order;
    uint8_t *bytes;
    size_t size;
    uint64_t duplicate;
    bool end; /* no frame: the link's end */
};

struct end {
    uint32_t node, boot;
    uint32_t dial;
    bool up;      /* the engine was told of it */
    bool open;    /* and neither side has ended it as seen from here */
    bool closing; /* the engine has asked for the end: it hears nothing more */
    bool over;    /* the engine was told of the end, or is dead */
    /* From here to the other end: */
    uint64_t ready_us;   /* nothing may overtake what arrives then */
    bool broken;         /* a frame was lost: nothing follows */
    uint64_t sent, next; /* order of the next frame to send, to be received */
    bool draining;       /* one held frame is on its way again */
    struct stalled_frame *stalled;
    uint32_t stalled_count, stalled_capacity;
};

struct moot_sim_link {
    uint32_t number;
    struct end ends[2];
};

static uint32_t number_at(const struct moot_sim_link *link, uint32_t side)
{
    return 2 * link->number + side + 1;
}

/* The link of that number at `node`, if its engine may still use it; else NULL. */
static struct moot_sim_link *link_at(const struct moot_sim_node *node, uint32_t number,
                                     uint32_t *ret_side)
{
    if (number == 0 || (number - 1) / 2 >= node->world->link_count)
        return NULL;
    struct moot_sim_link *link = node->world->links[(number - 1) / 2];
    *ret_side = (number - 1) % 2;
    if (!link || link->ends[*ret_side].node != node->index ||
        link->ends[*ret_side].boot != node->boot || !link->ends[*ret_side].open)
        return NULL;
    return link;
}

static uint32_t pair(const struct moot_sim_world *world, uint32_t from, uint32_t to)
{
    return from * world->node_count + to;
}

static const struct moot_sim_net *net_of(const struct moot_sim_world *world, uint32_t from,
                                         uint32_t to)
{
    bool one_home = world->nodes[from].home[0] != '\0' &&
                    strcmp(world->nodes[from].home, world->nodes[to].home) == 0;
    return one_home ? &world->lan : &world->net;
}

static uint64_t delay_us(struct moot_sim_world *world, uint32_t from, uint32_t to)
{
    const struct moot_sim_net *net = net_of(world, from, to);
    return moot_sim_stream_between(&world->weather[pair(world, from, to)], net->delay_us_min,
                                   net->delay_us_max);
}

static uint64_t later(uint64_t a_us, uint64_t b_us)
{
    return a_us > b_us ? a_us : b_us;
}

/* When something sent now from that end arrives: after all before it. */
static uint64_t arrival_us(struct moot_sim_world *world, struct moot_sim_link *link, uint32_t side)
{
    struct end *from = &link->ends[side];
    uint64_t at_us = world->now_us + delay_us(world, from->node, link->ends[1 - side].node);
    from->ready_us = later(at_us, from->ready_us);
    return from->ready_us;
}

static void push_down(struct moot_sim_world *world, const struct moot_sim_link *link, uint32_t side,
                      uint64_t at_us, enum moot_status status)
{
    const struct end *end = &link->ends[side];
    const struct moot_sim_event event = {.kind = MOOT_SIM_DOWN,
                                         .node = end->node,
                                         .boot = end->boot,
                                         .link = link->number,
                                         .side = side,
                                         .status = status};
    moot_sim_world_push(world, at_us, &event);
}

static void link_free(struct moot_sim_world *world, struct moot_sim_link *link)
{
    for (uint32_t side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < link->ends[side].stalled_count; i++)
            free(link->ends[side].stalled[i].bytes);
        free(link->ends[side].stalled);
    }
    world->links[link->number] = NULL;
    free(link);
}

void moot_sim_links_free(struct moot_sim_world *world)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        if (world->links[i])
            link_free(world, world->links[i]);
    }
    free(world->links);
    world->links = NULL;
    world->link_count = world->link_capacity = 0;
}

/* ---- dialling ---- */

void moot_sim_link_dial(struct moot_sim_node *node, uint32_t dial, const char *url)
{
    struct moot_sim_world *world = node->world;
    struct moot_sim_event event = {.kind = MOOT_SIM_DIAL_FAIL,
                                   .node = node->index,
                                   .boot = node->boot,
                                   .dial = dial,
                                   .status = MOOT_LINK_FAILED};
    world->counts.dials++;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (strcmp(world->nodes[i].url, url) != 0)
            continue;
        event.kind = MOOT_SIM_DIAL;
        event.node = i;
        event.from = node->index;
        event.from_boot = node->boot;
        moot_sim_world_push(world, world->now_us + delay_us(world, node->index, i), &event);
        return;
    }
    moot_sim_world_push(world, world->now_us + MOOT_SIM_US_PER_MS, &event);
}

static void dial_fail(struct moot_sim_world *world, const struct moot_sim_event *asked)
{
    bool cut = world->cuts[pair(world, asked->from, asked->node)] != 0;
    struct moot_sim_event event = {.kind = MOOT_SIM_DIAL_FAIL,
                                   .node = asked->from,
                                   .boot = asked->from_boot,
                                   .dial = asked->dial,
                                   .status = MOOT_LINK_FAILED};
    uint64_t wait_us = cut ? DIAL_TIMEOUT_US : delay_us(world, asked->node, asked->from);
    moot_sim_world_push(world, world->now_us + wait_us, &event);
}

static struct moot_sim_link *link_new(struct moot_sim_world *world,
                                      const struct moot_sim_event *asked)
{
    world->links = (struct moot_sim_link **)moot_sim_grow(
        world->links, world->link_count, &world->link_capacity, sizeof *world->links);
    struct moot_sim_link *link = (struct moot_sim_link *)moot_sim_take(1, sizeof *link);
    link->number = world->link_count;
    world->links[world->link_count++] = link;
    world->counts.links++;
    link->ends[0] =
        (struct end){.node = asked->from, .boot = asked->from_boot, .dial = asked->dial};
    link->ends[1] = (struct end){
        .node = asked->node, .boot = world->nodes[asked->node].boot, .up = true, .open = true};
    return link;
}

static void dialled(struct moot_sim_world *world, const struct moot_sim_event *event)
{
    struct moot_sim_node *target = &world->nodes[event->node];
    if (!moot_sim_node_lives(world, event->from, event->from_boot))
        return;
    if (!target->up || world->cuts[pair(world, event->from, event->node)] != 0 ||
        event->from == event->node) {
        dial_fail(world, event);
        return;
    }
    struct moot_sim_link *link = link_new(world, event);
    const struct moot_sim_event up = {
        .kind = MOOT_SIM_UP, .node = event->from, .boot = event->from_boot, .link = link->number};
    moot_sim_world_push(world, arrival_us(world, link, 1), &up);
    struct moot_event step = {.kind = MOOT_EVENT_LINK_UP,
                              .link = number_at(link, 1),
                              .remote = world->nodes[event->from].address};
    moot_sim_node_step(target, &step);
}

static void came_up(struct moot_sim_world *world, const struct moot_sim_event *event)
{
    struct moot_sim_link *link = world->links[event->link];
    if (!link || !moot_sim_node_lives(world, event->node, event->boot))
        return;
    struct end *end = &link->ends[0];
    if (end->over)
        return;
    end->up = end->open = true;
    struct moot_event step = {.kind = MOOT_EVENT_LINK_UP,
                              .link = number_at(link, 0),
                              .dial = end->dial,
                              .remote = world->nodes[link->ends[1].node].address};
    moot_sim_node_step(&world->nodes[event->node], &step);
}

static void dial_failed(struct moot_sim_world *world, const struct moot_sim_event *event)
{
    if (!moot_sim_node_lives(world, event->node, event->boot))
        return;
    struct moot_event step = {
        .kind = MOOT_EVENT_LINK_DOWN, .dial = event->dial, .status = event->status};
    moot_sim_node_step(&world->nodes[event->node], &step);
}

/* ---- frames ---- */

static void push_frame(struct moot_sim_world *world, struct moot_sim_link *link, uint32_t side,
                       struct moot_bytes frame, uint64_t order, uint64_t duplicate, uint64_t at_us)
{
    const struct end *to = &link->ends[1 - side];
    struct moot_sim_event event = {.kind = MOOT_SIM_FRAME,
                                   .node = to->node,
                                   .boot = to->boot,
                                   .link = link->number,
                                   .side = 1 - side,
                                   .order = order,
                                   .number = duplicate,
                                   .size = frame.size};
    event.bytes = (uint8_t *)moot_sim_take(frame.size, 1);
    if (frame.size > 0)
        memcpy(event.bytes, frame.data, frame.size);
    moot_sim_world_push(world, at_us, &event);
}

void moot_sim_link_send(struct moot_sim_node *node, uint32_t number, struct moot_bytes frame)
{
    struct moot_sim_world *world = node->world;
    uint32_t side;
    struct moot_sim_link *link = link_at(node, number, &side);
    if (!link || link->ends[side].broken)
        return;
    uint32_t to = link->ends[1 - side].node;
    const struct moot_sim_net *net = net_of(world, node->index, to);
    struct moot_sim_stream *weather = &world->weather[pair(world, node->index, to)];
    world->counts.frames++;
    world->counts.frame_bytes += frame.size;
    if (!world->calm && moot_sim_stream_chance(weather, net->loss_ppm)) {
        world->counts.lost++;
        world->counts.links_broken++;
        link->ends[side].broken = true;
        moot_sim_trace_note(world, "lost", link->number);
        push_down(world, link, 0, world->now_us + LOST_US, MOOT_LINK_FAILED);
        push_down(world, link, 1, world->now_us + LOST_US, MOOT_LINK_FAILED);
        return;
    }
    struct end *from = &link->ends[side];
    push_frame(world, link, side, frame, from->sent++, 0, arrival_us(world, link, side));
    if (!world->calm && moot_sim_stream_chance(weather, net->dup_ppm)) {
        world->counts.duplicated++;
        push_frame(world, link, side, frame, from->sent++, 1, arrival_us(world, link, side));
    }
}

static void stall(struct end *from, const struct moot_sim_event *event, bool end)
{
    uint64_t order = end ? UINT64_MAX : event->order;
    from->stalled = (struct stalled_frame *)moot_sim_grow(
        from->stalled, from->stalled_count, &from->stalled_capacity, sizeof *from->stalled);
    uint32_t at = from->stalled_count++;
    for (; at > 0 && from->stalled[at - 1].order > order; at--)
        from->stalled[at] = from->stalled[at - 1];
    struct stalled_frame *stalled = &from->stalled[at];
    *stalled = (struct stalled_frame){
        .order = order, .size = event->size, .duplicate = event->number, .end = end};
    stalled->bytes = (uint8_t *)moot_sim_take(event->size, 1);
    if (event->size > 0)
        memcpy(stalled->bytes, event->bytes, event->size);
}

/* Sends what is held on its way, one by one and in order: the next when this one has arrived. */
static void drain(struct moot_sim_world *world, struct moot_sim_link *link, uint32_t side,
                  uint64_t at_us)
{
    struct end *from = &link->ends[side], *to = &link->ends[1 - side];
    if (from->stalled_count == 0 || from->draining ||
        world->cuts[pair(world, from->node, to->node)] != 0)
        return;
    struct stalled_frame first = from->stalled[0];
    if (!first.end && first.order != from->next)
        return; /* the one before it is still under way */
    from->stalled_count--;
    memmove(from->stalled, from->stalled + 1, from->stalled_count * sizeof first);
    if (first.end) {
        push_down(world, link, 1 - side, at_us, MOOT_LINK_FAILED);
    } else {
        from->draining = true;
        push_frame(world, link, side, moot_bytes_of(first.bytes, first.size), first.order,
                   first.duplicate, at_us);
    }
    free(first.bytes);
}

static void frame_give(struct moot_sim_world *world, struct moot_sim_link *link,
                       const struct moot_sim_event *event)
{
    uint32_t number = number_at(link, event->side), side;
    struct moot_event step = {.kind = MOOT_EVENT_LINK_FRAME,
                              .link = number,
                              .bytes = moot_bytes_of(event->bytes, event->size)};
    moot_sim_node_step(&world->nodes[event->node], &step);
    if (event->number == 0)
        return;
    link = link_at(&world->nodes[event->node], number, &side);
    if (link && !link->ends[side].closing)
        moot_sim_world_broken(world, event->node, "replay-refused",
                              "a frame that arrived twice did not end its link");
    else
        world->counts.duplicates_refused++;
}

static void frame_arrived(struct moot_sim_world *world, const struct moot_sim_event *event)
{
    struct moot_sim_link *link = world->links[event->link];
    if (!link || !moot_sim_node_lives(world, event->node, event->boot))
        return;
    struct end *to = &link->ends[event->side], *from = &link->ends[1 - event->side];
    if (!to->open || to->closing)
        return;
    if (event->order == from->next)
        from->draining = false;
    if (world->cuts[pair(world, from->node, to->node)] != 0 || event->order != from->next) {
        stall(from, event, false);
        return;
    }
    from->next++;
    frame_give(world, link, event);
    if (world->links[event->link]) /* the step may have ended it */
        drain(world, link, 1 - event->side, world->now_us);
}

/* ---- ends ---- */

static void over(struct moot_sim_world *world, struct moot_sim_link *link, uint32_t side)
{
    link->ends[side].open = false;
    link->ends[side].over = true;
    if (link->ends[1 - side].over)
        link_free(world, link);
}

void moot_sim_link_closing(struct moot_sim_node *node, uint32_t number)
{
    uint32_t side;
    struct moot_sim_link *link = link_at(node, number, &side);
    if (link)
        link->ends[side].closing = true;
}

void moot_sim_link_close(struct moot_sim_node *node, uint32_t number, enum moot_status why)
{
    struct moot_sim_world *world = node->world;
    uint32_t side;
    struct moot_sim_link *link = link_at(node, number, &side);
    if (!link)
        return;
    link->ends[side].open = false;
    push_down(world, link, side, world->now_us, why);
    push_down(world, link, 1 - side, arrival_us(world, link, side), MOOT_LINK_FAILED);
}

static void went_down(struct moot_sim_world *world, const struct moot_sim_event *event)
{
    struct moot_sim_link *link = world->links[event->link];
    if (!link || link->ends[event->side].over)
        return;
    struct end *end = &link->ends[event->side], *other = &link->ends[1 - event->side];
    bool cut = world->cuts[pair(world, other->node, end->node)] != 0;
    if (end->open && !other->open && !other->broken && (cut || other->stalled_count > 0)) {
        stall(other, event, true); /* the other side's end does not come through either */
        return;
    }
    bool told = end->up;
    uint32_t number = number_at(link, event->side), dial = end->dial;
    over(world, link, event->side);
    if (!moot_sim_node_lives(world, event->node, event->boot))
        return;
    struct moot_event step = {.kind = MOOT_EVENT_LINK_DOWN,
                              .link = told ? number : 0,
                              .dial = dial,
                              .status = event->status};
    moot_sim_node_step(&world->nodes[event->node], &step);
}

void moot_sim_link_node_died(struct moot_sim_world *world, uint32_t node)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        struct moot_sim_link *link = world->links[i];
        for (uint32_t side = 0; link && side < 2; side++) {
            struct end *end = &link->ends[side];
            if (end->node != node || end->over)
                continue;
            if (!link->ends[1 - side].over)
                push_down(world, link, 1 - side, arrival_us(world, link, side), MOOT_LINK_FAILED);
            over(world, link, side);
            link = world->links[i];
        }
    }
}

/* ---- cuts ---- */

static void cut_pair(struct moot_sim_world *world, uint32_t a, uint32_t b)
{
    if (world->cuts[pair(world, a, b)] == 0)
        world->cuts[pair(world, a, b)] = world->cuts[pair(world, b, a)] = world->cut_number;
}

static int group_of(const struct moot_sim_set *groups, uint32_t count, uint32_t node)
{
    for (uint32_t i = 0; i < count; i++) {
        if (moot_sim_set_has(&groups[i], node))
            return (int)i;
    }
    return -1;
}

void moot_sim_cut(struct moot_sim_world *world, const struct moot_sim_set *groups,
                  uint32_t group_count)
{
    world->cut_number++;
    for (uint32_t a = 0; a < world->node_count; a++) {
        for (uint32_t b = 0; b < a; b++) {
            int group_a = group_of(groups, group_count, a);
            int group_b = group_of(groups, group_count, b);
            if (group_a >= 0 && group_b >= 0 && group_a != group_b)
                cut_pair(world, a, b);
        }
    }
    const struct moot_sim_event event = {.kind = MOOT_SIM_STALL, .number = world->cut_number};
    moot_sim_world_push(world, world->now_us + STALL_US, &event);
}

/* Links that have been cut since that cut began are given up at both ends. */
static void stalled(struct moot_sim_world *world, uint64_t cut)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        struct moot_sim_link *link = world->links[i];
        if (!link || world->cuts[pair(world, link->ends[0].node, link->ends[1].node)] != cut)
            continue;
        world->counts.links_broken++;
        for (uint32_t side = 0; side < 2; side++) {
            link->ends[side].broken = true;
            push_down(world, link, side, world->now_us, MOOT_LINK_FAILED);
        }
    }
}

void moot_sim_heal(struct moot_sim_world *world)
{
    memset(world->cuts, 0, (size_t)world->node_count * world->node_count * sizeof *world->cuts);
    for (uint32_t i = 0; i < world->link_count; i++) {
        struct moot_sim_link *link = world->links[i];
        for (uint32_t side = 0; link && side < 2; side++)
            drain(world, link, side, arrival_us(world, link, side));
    }
}

void moot_sim_link_event(struct moot_sim_world *world, const struct moot_sim_event *event)
{
    if (event->kind == MOOT_SIM_DIAL)
        dialled(world, event);
    else if (event->kind == MOOT_SIM_DIAL_FAIL)
        dial_failed(world, event);
    else if (event->kind == MOOT_SIM_UP)
        came_up(world, event);
    else if (event->kind == MOOT_SIM_FRAME)
        frame_arrived(world, event);
    else if (event->kind == MOOT_SIM_DOWN)
        went_down(world, event);
    else if (event->kind == MOOT_SIM_STALL)
        stalled(world, event->number);
}
