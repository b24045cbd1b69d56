/*
 * How links come to be: the listener's accepts and our own dials.
 *
 * Happy path: one accept is always under way; each stream it yields becomes a link and the next
 * accept starts. A dial has a dialler of its own, resolves and connects on nng's threads and ends in
 * `up` or `down` with its number.
 *
 * Failures: an accept that fails (no descriptors left) is taken up again after a pause, so that a
 * flood cannot make the loop spin. A dial that connects to nothing ends as LINK_FAILED after
 * MOOT_LINK_DIAL_MS_MAX; the kernel would try for two minutes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/link_internal.h"

#define ACCEPT_PAUSE_MS 100u

static bool scheme_known(const char *url)
{
    static const char *schemes[] = {"tcp://", "tcp4://", "tcp6://", "ipc://"};
    for (size_t i = 0; i < MOOT_COUNT_OF(schemes); i++) {
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    }
    return false;
}

static void accept_start(struct moot_links *links)
{
    links->accept.busy = true;
    nng_stream_listener_accept(links->listener, links->accept.aio);
}

/* The address really bound: the port may have been 0. */
static void address_format(struct moot_links *links, const char *url)
{
    nng_sockaddr address;
    char host[64];
    memset(&address, 0, sizeof address);
    (void)snprintf(links->address, sizeof links->address, "%s", url);
    if (nng_stream_listener_get_addr(links->listener, NNG_OPT_LOCADDR, &address) != 0)
        return;
    uint8_t port[2];
    if (address.s_family == NNG_AF_INET) {
        memcpy(port, &address.s_in.sa_port, sizeof port);
        if (uv_inet_ntop(AF_INET, &address.s_in.sa_addr, host, sizeof host) == 0)
            (void)snprintf(links->address, sizeof links->address, "tcp://%s:%u", host,
                           moot_u16_get(port));
    } else if (address.s_family == NNG_AF_INET6) {
        memcpy(port, &address.s_in6.sa_port, sizeof port);
        if (uv_inet_ntop(AF_INET6, address.s_in6.sa_addr, host, sizeof host) == 0)
            (void)snprintf(links->address, sizeof links->address, "tcp://[%s]:%u", host,
                           moot_u16_get(port));
    }
}

static void listener_drop(struct moot_links *links)
{
    moot_link_op_deinit(&links->accept);
    if (links->listener != NULL)
        nng_stream_listener_free(links->listener);
    links->listener = NULL;
    links->address[0] = '\0';
}

enum moot_status moot_links_listen(struct moot_links *links, const char *url,
                                   struct moot_error *error)
{
    if (links->listener != NULL)
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "listens already at %s", links->address);
    if (!scheme_known(url))
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "not tcp:// or ipc://: %s", url);
    int failed = nng_stream_listener_alloc(&links->listener, url);
    if (failed != 0) {
        links->listener = NULL;
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "%s: %s", url, nng_strerror(failed));
    }
    /* ipc has neither option. */
    (void)nng_stream_listener_set_bool(links->listener, NNG_OPT_TCP_NODELAY, true);
    (void)nng_stream_listener_set_bool(links->listener, NNG_OPT_TCP_KEEPALIVE, true);
    failed = nng_stream_listener_listen(links->listener);
    if (failed != 0) {
        listener_drop(links);
        return moot_error_set(error, MOOT_LINK_FAILED, "cannot listen at %s: %s", url,
                              nng_strerror(failed));
    }
    if (!moot_link_op_init(&links->accept, links, MOOT_LINK_OP_ACCEPT, links)) {
        listener_drop(links);
        return moot_error_set(error, MOOT_NO_MEMORY, "cannot listen at %s", url);
    }
    address_format(links, url);
    accept_start(links);
    return MOOT_OK;
}

void moot_link_accept_done(struct moot_links *links)
{
    if (nng_aio_result(links->accept.aio) == 0) {
        nng_stream *stream = nng_aio_get_output(links->accept.aio, 0);
        if (links->dead)
            nng_stream_free(stream);
        else
            moot_link_adopt(links, stream, 0);
        if (!links->dead)
            accept_start(links);
    } else if (!links->dead) {
        links->accept_again_ms = uv_now(links->loop) + ACCEPT_PAUSE_MS;
        moot_links_tick_start(links);
    }
}

static void dial_free(struct moot_link_dial *dial)
{
    struct moot_link_dial **at = &dial->links->dials;
    while (*at != dial)
        at = &(*at)->next;
    *at = dial->next;
    moot_link_op_deinit(&dial->op);
    if (dial->dialer != NULL)
        nng_stream_dialer_free(dial->dialer);
    free(dial);
}

static void dial_down(struct moot_links *links, uint32_t number, enum moot_status why)
{
    if (!links->dead)
        links->callbacks.down(links->callbacks.context, 0, number, why);
}

static enum moot_status dial_start(struct moot_link_dial *dial, const char *url)
{
    if (!scheme_known(url) || nng_stream_dialer_alloc(&dial->dialer, url) != 0) {
        dial->dialer = NULL;
        return MOOT_BAD_ARGUMENT;
    }
    (void)nng_stream_dialer_set_bool(dial->dialer, NNG_OPT_TCP_NODELAY, true);
    (void)nng_stream_dialer_set_bool(dial->dialer, NNG_OPT_TCP_KEEPALIVE, true);
    if (!moot_link_op_init(&dial->op, dial->links, MOOT_LINK_OP_DIAL, dial))
        return MOOT_NO_MEMORY;
    dial->op.busy = true;
    nng_stream_dialer_dial(dial->dialer, dial->op.aio);
    return MOOT_OK;
}

void moot_links_dial(struct moot_links *links, uint32_t number, const char *url)
{
    struct moot_link_dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL) {
        /* The one answer that comes before this returns: there is nothing to remember it in. */
        dial_down(links, number, MOOT_NO_MEMORY);
        return;
    }
    dial->links = links;
    dial->number = number;
    dial->deadline_ms = uv_now(links->loop) + MOOT_LINK_DIAL_MS_MAX;
    dial->next = links->dials;
    links->dials = dial;
    dial->failed = dial_start(dial, url);
    moot_links_tick_start(links);
    if (dial->failed != MOOT_OK)
        (void)uv_async_send(&links->wake);
}

void moot_link_dial_done(struct moot_link_dial *dial)
{
    struct moot_links *links = dial->links;
    uint32_t number = dial->number;
    bool connected = nng_aio_result(dial->op.aio) == 0;
    nng_stream *stream = connected ? nng_aio_get_output(dial->op.aio, 0) : NULL;
    dial_free(dial);
    if (!connected)
        dial_down(links, number, MOOT_LINK_FAILED);
    else if (links->dead)
        nng_stream_free(stream);
    else
        moot_link_adopt(links, stream, number);
}

/* The first dial that never started, if any; counts them all. */
static struct moot_link_dial *dial_failed(struct moot_links *links, uint32_t *ret_count)
{
    struct moot_link_dial *first = NULL;
    *ret_count = 0;
    for (struct moot_link_dial *dial = links->dials; dial != NULL; dial = dial->next) {
        if (dial->failed == MOOT_OK)
            continue;
        if (first == NULL)
            first = dial;
        (*ret_count)++;
    }
    return first;
}

bool moot_link_dial_tick(struct moot_links *links, uint64_t now_ms)
{
    uint32_t count;
    uint32_t left;
    struct moot_link_dial *failed = dial_failed(links, &count);
    /* A callback may dial again, and fail again: that one's turn is the next. */
    for (; count > 0 && failed != NULL; count--, failed = dial_failed(links, &left)) {
        uint32_t number = failed->number;
        enum moot_status why = failed->failed;
        dial_free(failed);
        dial_down(links, number, why);
    }
    for (struct moot_link_dial *dial = links->dials; dial != NULL; dial = dial->next) {
        if (dial->op.busy && now_ms >= dial->deadline_ms)
            nng_stream_dialer_close(dial->dialer); /* the operation comes back as closed */
    }
    if (links->accept_again_ms != 0 && now_ms >= links->accept_again_ms && !links->dead) {
        links->accept_again_ms = 0;
        accept_start(links);
    }
    return links->dials != NULL || links->accept_again_ms != 0;
}

bool moot_link_dial_stop(struct moot_links *links)
{
    if (links->listener != NULL && links->accept.busy)
        nng_stream_listener_close(links->listener);
    else
        listener_drop(links);
    struct moot_link_dial *next;
    for (struct moot_link_dial *dial = links->dials; dial != NULL; dial = next) {
        next = dial->next;
        if (dial->op.busy)
            nng_stream_dialer_close(dial->dialer);
        else
            dial_free(dial);
    }
    return links->listener == NULL && links->dials == NULL;
}
