/*
 * The outbox: one list in the order of arrival. Each item carries the ticket it really waits for: its
 * own `after`, raised to that of the last waiting item of the same order, so one pass over the list at a
 * commit releases exactly what may go.
 *
 * Acting may call back into the owner (a send can close a link, which drops items): items are taken off
 * the list before they are acted on, and the walk starts anew after each.
 */
#include "node/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "node/limits.h"

struct item {
    struct item *next;
    uint64_t ticket;
    size_t size;
    struct moot_action action; /* its bytes and payload lie behind it */
    uint8_t bytes[];
};

struct moot_outbox {
    struct moot_outbox_effect effect;
    struct item *first;
    struct item **end;
    uint64_t committed;
    uint64_t bytes;
    uint32_t count;
    bool failed;
};

struct moot_outbox *moot_outbox_new(const struct moot_outbox_effect *effect)
{
    struct moot_outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox != NULL) {
        outbox->effect = *effect;
        outbox->end = &outbox->first;
    }
    return outbox;
}

/* Unlinks the item that `at` points to; the caller frees it. */
static struct item *take(struct moot_outbox *outbox, struct item **at)
{
    struct item *item = *at;
    *at = item->next;
    if (outbox->end == &item->next) {
        outbox->end = at;
    }
    outbox->bytes -= item->size;
    outbox->count--;
    return item;
}

void moot_outbox_free(struct moot_outbox *outbox)
{
    if (outbox == NULL) {
        return;
    }
    while (outbox->first != NULL) {
        free(take(outbox, &outbox->first));
    }
    free(outbox);
}

static bool of_link(const struct moot_action *action)
{
    return action->kind == MOOT_ACTION_SEND || action->kind == MOOT_ACTION_CLOSE;
}

static bool same_order(const struct moot_action *a, const struct moot_action *b)
{
    if (of_link(a) && of_link(b)) {
        return a->link == b->link;
    }
    return a->kind == MOOT_ACTION_NOTICE && b->kind == MOOT_ACTION_NOTICE;
}

/* The ticket this action must wait for, order included. */
static uint64_t waits_for(const struct moot_outbox *outbox, const struct moot_action *action)
{
    uint64_t ticket = action->after;
    if (ticket == 0 && action->kind == MOOT_ACTION_NOTICE) {
        return 0; /* it tells why the others wait */
    }
    for (const struct item *item = outbox->first; item != NULL; item = item->next) {
        if (item->ticket > ticket && same_order(&item->action, action)) {
            ticket = item->ticket;
        }
    }
    return ticket;
}

static enum moot_status keep(struct moot_outbox *outbox, const struct moot_action *action,
                             uint64_t ticket)
{
    size_t payload_size = action->kind == MOOT_ACTION_REPLY ? action->reply.payload.size : 0;
    size_t frame_size = action->kind == MOOT_ACTION_SEND ? action->bytes.size : 0;
    size_t size = sizeof(struct item) + payload_size + frame_size;
    if (outbox->bytes + size > MOOT_HELD_BYTES_MAX) {
        return MOOT_LIMIT;
    }
    struct item *item = malloc(size);
    if (item == NULL) {
        return MOOT_NO_MEMORY;
    }
    item->next = NULL;
    item->ticket = ticket;
    item->size = size;
    item->action = *action;
    item->action.next = NULL;
    if (frame_size > 0) {
        memcpy(item->bytes, action->bytes.data, frame_size);
        item->action.bytes = moot_bytes_of(item->bytes, frame_size);
    }
    if (payload_size > 0) {
        memcpy(item->bytes, action->reply.payload.data, payload_size);
        item->action.reply.payload = moot_bytes_of(item->bytes, payload_size);
    }
    *outbox->end = item;
    outbox->end = &item->next;
    outbox->bytes += size;
    outbox->count++;
    return MOOT_OK;
}

static void act(struct moot_outbox *outbox, const struct moot_action *action)
{
    outbox->effect.act(outbox->effect.context, action);
}

enum moot_status moot_outbox_add(struct moot_outbox *outbox, const struct moot_action *action)
{
    MOOT_REQUIRE(of_link(action) || action->kind == MOOT_ACTION_REPLY ||
                 action->kind == MOOT_ACTION_NOTICE);
    if (action->kind == MOOT_ACTION_CLOSE && !action->flush) {
        moot_outbox_drop(outbox, action->link);
        act(outbox, action);
        return MOOT_OK;
    }
    uint64_t ticket = waits_for(outbox, action);
    if (ticket <= outbox->committed) {
        act(outbox, action);
        return MOOT_OK;
    }
    if (outbox->failed) {
        /* That commit will never come. */
        return MOOT_STORE_IO;
    }
    return keep(outbox, action, ticket);
}

void moot_outbox_committed(struct moot_outbox *outbox, uint64_t ticket)
{
    MOOT_REQUIRE(ticket >= outbox->committed);
    outbox->committed = ticket;
    struct item **at = &outbox->first;
    while (*at != NULL) {
        if ((*at)->ticket > ticket) {
            at = &(*at)->next;
            continue;
        }
        struct item *item = take(outbox, at);
        act(outbox, &item->action);
        free(item);
        at = &outbox->first;
    }
}

void moot_outbox_drop(struct moot_outbox *outbox, uint32_t link)
{
    struct item **at = &outbox->first;
    while (*at != NULL) {
        if (of_link(&(*at)->action) && (*at)->action.link == link) {
            free(take(outbox, at));
        } else {
            at = &(*at)->next;
        }
    }
}

void moot_outbox_full(struct moot_outbox *outbox)
{
    struct item **at = &outbox->first;
    while (*at != NULL) {
        if ((*at)->action.kind != MOOT_ACTION_REPLY) {
            at = &(*at)->next;
            continue;
        }
        struct item *item = take(outbox, at);
        item->action.reply.status = MOOT_STORE_FULL;
        (void)snprintf(item->action.reply.detail, sizeof item->action.reply.detail,
                       "not on disk yet; written when there is space, if the node runs until then");
        act(outbox, &item->action);
        free(item);
        at = &outbox->first;
    }
}

void moot_outbox_fail(struct moot_outbox *outbox, enum moot_status status)
{
    outbox->failed = true;
    while (outbox->first != NULL) {
        struct item *item = take(outbox, &outbox->first);
        if (item->action.kind == MOOT_ACTION_REPLY) {
            item->action.reply.status = status;
            item->action.reply.detail[0] = '\0';
            act(outbox, &item->action);
        }
        free(item);
    }
}

uint64_t moot_outbox_ticket(const struct moot_outbox *outbox)
{
    return outbox->committed;
}

uint32_t moot_outbox_count(const struct moot_outbox *outbox)
{
    return outbox->count;
}

uint64_t moot_outbox_bytes(const struct moot_outbox *outbox)
{
    return outbox->bytes;
}
