/*
 * A link set whose events are counted.
 *
 * Happy path: init, listen, run the loop until a condition holds, free, end. Failures: whatever goes
 * wrong, or takes too long, fails the test that called.
 */
#include "tests/lib/node/link_side.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

uint64_t test_side_sum(uint64_t sum, struct moot_bytes frame)
{
    sum = (sum ^ frame.size) * 0x100000001b3u;
    for (size_t i = 0; i < frame.size; i++)
        sum = (sum ^ frame.data[i]) * 0x100000001b3u;
    return sum;
}

static void on_up(void *context, uint32_t link, uint32_t dial, const char *remote)
{
    struct test_side *side = context;
    side->up++;
    side->link = link;
    side->dial = dial;
    (void)snprintf(side->remote, sizeof side->remote, "%s", remote);
    if (side->on_up != NULL)
        side->on_up(side, link, dial);
}

static void on_frame(void *context, uint32_t link, struct moot_bytes frame)
{
    struct test_side *side = context;
    side->frames++;
    side->frame_bytes += frame.size;
    side->last_size = frame.size;
    if (side->on_frame != NULL)
        side->on_frame(side, link, frame);
    else
        side->sum = test_side_sum(side->sum, frame);
}

static void on_down(void *context, uint32_t link, uint32_t dial, enum moot_status why)
{
    struct test_side *side = context;
    if (link == 0)
        side->down_without_link++;
    else
        side->down++;
    side->down_link = link;
    side->down_dial = dial;
    side->why = why;
    if (side->on_down != NULL)
        side->on_down(side, link);
}

void test_side_init(struct test_side *side, uv_loop_t *loop)
{
    memset(side, 0, sizeof *side);
    struct moot_link_callbacks callbacks = {
        .context = side, .up = on_up, .frame = on_frame, .down = on_down};
    struct moot_error error;
    side->links = moot_links_new(loop, &callbacks, &error);
    assert_non_null(side->links);
}

void test_side_listen(struct test_side *side)
{
    struct moot_error error = {0};
    if (moot_links_listen(side->links, "tcp://127.0.0.1:0", &error) != MOOT_OK)
        fail_msg("cannot listen: %s", error.detail);
}

uint16_t test_side_port(const struct test_side *side)
{
    const char *colon = strrchr(moot_links_address(side->links), ':');
    assert_non_null(colon);
    unsigned long port = strtoul(colon + 1, NULL, 10);
    assert_true(port > 0 && port < 65536);
    return (uint16_t)port;
}

void test_side_free(struct test_side *side)
{
    moot_links_free(side->links);
    side->links = NULL;
}

struct wait {
    uv_timer_t timer;
    bool closed;
};

static void on_time(uv_timer_t *timer)
{
    (void)timer; /* only wakes the loop, so that the condition and the time are looked at */
}

static void on_closed(uv_handle_t *handle)
{
    struct wait *wait = handle->data;
    wait->closed = true;
}

static bool loop_run(uv_loop_t *loop, bool (*done)(void *context), void *context, uint64_t ms)
{
    struct wait wait = {.closed = false};
    assert_int_equal(uv_timer_init(loop, &wait.timer), 0);
    wait.timer.data = &wait;
    assert_int_equal(uv_timer_start(&wait.timer, on_time, 5, 5), 0);
    uv_update_time(loop);
    uint64_t end_ms = uv_now(loop) + ms;
    bool happened = false;
    while (!(happened = done != NULL && done(context)) && uv_now(loop) < end_ms)
        (void)uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&wait.timer, on_closed);
    while (!wait.closed)
        (void)uv_run(loop, UV_RUN_NOWAIT);
    return happened;
}

void test_loop_until(uv_loop_t *loop, bool (*done)(void *context), void *context, uint64_t ms_max)
{
    if (!loop_run(loop, done, context, ms_max))
        fail_msg("it did not happen within %llu ms", (unsigned long long)ms_max);
}

void test_loop_for(uv_loop_t *loop, uint64_t ms)
{
    (void)loop_run(loop, NULL, NULL, ms);
}

static bool loop_is_empty(void *context)
{
    uv_loop_t *loop = context;
    return loop->active_handles <= 1; /* the timer of loop_run itself */
}

void test_loop_end(uv_loop_t *loop)
{
    test_loop_until(loop, loop_is_empty, loop, 10000);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

int test_socket_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int result = connect(fd, (struct sockaddr *)&address, sizeof address);
    if (result != 0)
        fail_msg("cannot connect: %s", strerror(errno));
    return fd;
}

void test_socket_write(int socket, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            fail_msg("cannot send: %s", strerror(errno));
        at += sent;
        size -= (size_t)sent;
    }
}
