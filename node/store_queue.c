/*
 * The store's thread and the two queues between it and the loop: batches to write, reports to
 * deliver. The thread takes everything that waits, writes it in one transaction, and reports; what
 * arrives in between is the next transaction. On a full disk the batches go back to the head of the
 * queue and are tried again, one at a time, until there is room. After any other failure nothing is
 * written any more, and every batch is reported with that failure.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/base/contract.h"
#include "node/store_internal.h"

static void list_append(struct moot_store_list *list, struct moot_store_list *more)
{
    if (more->first == NULL) {
        return;
    }
    if (list->first == NULL) {
        *list = *more;
    } else {
        list->last->next = more->first;
        list->last = more->last;
    }
    *more = (struct moot_store_list){.first = NULL};
}

static bool is_retryable(enum moot_status status)
{
    return status == MOOT_STORE_FULL || status == MOOT_NO_MEMORY;
}

/* From here on the functions named locked_* need the lock held. */

/* What goes into the next transaction, taken from the head of the queue. */
static struct moot_store_list locked_take(struct moot_node_store *store)
{
    struct moot_store_list group = {.first = NULL};
    uint64_t bytes = 0;
    while (store->queue.first != NULL) {
        struct moot_store_queued *batch = store->queue.first;
        bool fits =
            store->trouble == MOOT_OK && bytes + batch->size_bytes <= MOOT_STORE_GROUP_BYTES_MAX;
        if (group.first != NULL && !fits) {
            break;
        }
        bytes += batch->size_bytes;
        store->queue.first = batch->next;
        batch->next = NULL;
        struct moot_store_list one = {.first = batch, .last = batch};
        list_append(&group, &one);
    }
    return group;
}

static void locked_trouble_set(struct moot_node_store *store, enum moot_status status,
                               const struct moot_error *error)
{
    if (store->trouble != status) {
        store->trouble = status;
        store->trouble_error = *error;
        store->trouble_news = true;
    }
}

static void locked_report(struct moot_node_store *store, struct moot_store_list *group,
                          enum moot_status status)
{
    for (struct moot_store_queued *batch = group->first; batch != NULL; batch = batch->next) {
        batch->status = status;
        store->queued_bytes -= batch->size_bytes;
        if (status != MOOT_OK) {
            continue;
        }
        store->counters.batch_count++;
        store->counters.op_count += batch->op_count;
        for (uint32_t i = 0; i < batch->op_count; i++) {
            store->counters.payload_bytes += batch->ops[i].key.size + batch->ops[i].value.size;
        }
    }
    list_append(&store->reports, group);
}

/* Until the next try on a full disk is due, or the store is stopping. */
static void locked_wait_for_retry(struct moot_node_store *store)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += store->retry_ms / 1000;
    until.tv_nsec += (long)(store->retry_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    int rc = 0;
    while (rc != ETIMEDOUT && !store->stopping) {
        rc = pthread_cond_timedwait(&store->work, &store->lock, &until);
    }
}

/* Writes one group; false when the thread should end although something is queued. */
static bool locked_turn(struct moot_node_store *store)
{
    struct moot_error error = {.status = MOOT_OK};
    struct moot_store_list group = locked_take(store);
    enum moot_status status = store->trouble;
    bool dead = status != MOOT_OK && !is_retryable(status);
    if (!dead) {
        (void)pthread_mutex_unlock(&store->lock);
        status = moot_store_write(store, &group, &error);
        (void)pthread_mutex_lock(&store->lock);
        locked_trouble_set(store, status, &error);
    }
    bool again = true;
    if (is_retryable(status)) {
        list_append(&group, &store->queue);
        store->queue = group;
        again = !store->stopping;
    } else {
        locked_report(store, &group, status);
    }
    if (status == MOOT_OK) {
        MDB_envinfo info;
        (void)mdb_env_info(store->env, &info);
        store->counters.commit_count++;
        store->counters.file_bytes = ((uint64_t)info.me_last_pgno + 1) * store->page_bytes;
    }
    (void)pthread_mutex_unlock(&store->lock);
    store->events.wake(store->events.wake_context);
    (void)pthread_mutex_lock(&store->lock);
    if (is_retryable(status) && again) {
        locked_wait_for_retry(store);
    }
    return again;
}

static void *thread_run(void *self)
{
    struct moot_node_store *store = (struct moot_node_store *)self;
    bool again = true;
    (void)pthread_mutex_lock(&store->lock);
    while (again) {
        while (store->queue.first == NULL && !store->stopping) {
            (void)pthread_cond_wait(&store->work, &store->lock);
        }
        again = store->queue.first != NULL && locked_turn(store);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return NULL;
}

enum moot_status moot_node_store_start(struct moot_node_store *store,
                                       const struct moot_node_store_events *events,
                                       struct moot_error *error)
{
    MOOT_REQUIRE(!store->started && !store->stopping);
    MOOT_REQUIRE(events->wake != NULL && events->committed != NULL && events->trouble != NULL);
    store->events = *events;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
    int rc = pthread_create(&store->thread, NULL, thread_run, store);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        return moot_error_set(error, MOOT_NO_MEMORY, "no thread for the store: %s", strerror(rc));
    }
    (void)pthread_setname_np(store->thread, "moot-store");
    store->started = true;
    return MOOT_OK;
}

/* Copies `bytes` to *at and moves *at on. */
static struct moot_bytes copy_to(uint8_t **at, struct moot_bytes bytes)
{
    struct moot_bytes copy = moot_bytes_of(*at, bytes.size);
    if (bytes.size > 0) {
        memcpy(*at, bytes.data, bytes.size);
    }
    *at += bytes.size;
    return copy;
}

/* The batch in one block; NULL when there is no memory for it. */
static struct moot_store_queued *batch_copy(const struct moot_store_batch *batch, uint64_t ticket)
{
    struct moot_store_queued *copy = NULL;
    size_t size = sizeof *copy + (size_t)batch->op_count * sizeof copy->ops[0];
    for (uint32_t i = 0; i < batch->op_count; i++) {
        const struct moot_store_op *op = &batch->ops[i];
        MOOT_REQUIRE(op->table >= MOOT_TABLE_META && op->table <= MOOT_TABLE_MAX);
        MOOT_REQUIRE(op->key.size > 0 && op->key.size <= MOOT_STORE_KEY_BYTES_MAX);
        size_t value_size = op->kind == MOOT_STORE_PUT ? op->value.size : 0;
        if (value_size > UINT32_MAX || size > SIZE_MAX / 2) {
            return NULL;
        }
        size += op->key.size + value_size;
    }
    copy = (struct moot_store_queued *)malloc(size);
    if (copy == NULL) {
        return NULL;
    }
    *copy = (struct moot_store_queued){
        .ticket = ticket, .size_bytes = size, .op_count = batch->op_count};
    uint8_t *at = (uint8_t *)&copy->ops[batch->op_count];
    for (uint32_t i = 0; i < batch->op_count; i++) {
        const struct moot_store_op *op = &batch->ops[i];
        copy->ops[i] = (struct moot_store_op){.kind = op->kind, .table = op->table};
        copy->ops[i].key = copy_to(&at, op->key);
        if (op->kind == MOOT_STORE_PUT) {
            copy->ops[i].value = copy_to(&at, op->value);
        }
    }
    return copy;
}

enum moot_status moot_node_store_submit(struct moot_node_store *store,
                                        const struct moot_store_batch *batch, uint64_t ticket)
{
    MOOT_REQUIRE(store->started && ticket > store->submitted_ticket);
    struct moot_store_queued *copy = batch_copy(batch, ticket);
    if (copy == NULL) {
        return MOOT_NO_MEMORY;
    }
    enum moot_status status = MOOT_OK;
    (void)pthread_mutex_lock(&store->lock);
    if (store->stopping) {
        status = MOOT_STOPPING;
    } else if (store->trouble != MOOT_OK && !is_retryable(store->trouble)) {
        status = store->trouble;
    } else if (store->queued_bytes > 0 &&
               store->queued_bytes + copy->size_bytes > MOOT_STORE_QUEUE_BYTES_MAX) {
        status = MOOT_LIMIT;
    } else {
        struct moot_store_list one = {.first = copy, .last = copy};
        store->queued_bytes += copy->size_bytes;
        list_append(&store->queue, &one);
        (void)pthread_cond_signal(&store->work);
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (status != MOOT_OK) {
        free(copy);
        return status;
    }
    store->submitted_ticket = ticket;
    return MOOT_OK;
}

void moot_node_store_deliver(struct moot_node_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    struct moot_store_queued *batch = store->reports.first;
    store->reports = (struct moot_store_list){.first = NULL};
    bool news = store->trouble_news;
    enum moot_status trouble = store->trouble;
    struct moot_error error = store->trouble_error;
    store->trouble_news = false;
    (void)pthread_mutex_unlock(&store->lock);
    while (batch != NULL) {
        struct moot_store_queued *next = batch->next;
        uint64_t ticket = batch->ticket;
        enum moot_status status = batch->status;
        free(batch);
        store->events.committed(store->events.context, ticket, status);
        batch = next;
    }
    if (news) {
        store->events.trouble(store->events.context, trouble, &error);
    }
}

void moot_node_store_stop(struct moot_node_store *store)
{
    if (!store->started || store->stopping) {
        return;
    }
    struct moot_store_port port = moot_node_store_port(store);
    port.release(port.self); /* the thread may be waiting for it, to grow the map */
    (void)pthread_mutex_lock(&store->lock);
    store->stopping = true;
    (void)pthread_cond_signal(&store->work);
    (void)pthread_mutex_unlock(&store->lock);
    (void)pthread_join(store->thread, NULL);
}

void moot_node_store_count(struct moot_node_store *store, struct moot_node_store_counters *ret)
{
    (void)pthread_mutex_lock(&store->lock);
    *ret = store->counters;
    ret->queued_bytes = store->queued_bytes;
    (void)pthread_mutex_unlock(&store->lock);
}
