/*
 * Loopback: sealed messages through a channel and links, beside the same frames through links alone and
 * the same bytes through plain sockets (one blocking writer, one reader).
 *
 * Happy path: for each size, sends so many that about 64 MB go through, and prints messages and
 * megabytes a second. Failures: any step that fails ends the program with a sentence.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/contract.h"
#include "tests/lib/node/link_side.h"
#include "tests/lib/protocols/channel_pair.h"

#define BYTES_TOTAL (64u << 20)
#define COUNT_MAX 200000u
#define IN_FLIGHT_BYTES_MAX (2u << 20)

static const size_t sizes[] = {64, 1024, 65000, 917504};

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *what, size_t size, uint64_t count, double seconds)
{
    printf("link.%s.%zu_bytes: %.0f messages/s, %.1f MB/s\n", what, size, (double)count / seconds,
           (double)count * (double)size / seconds / 1e6);
}

struct run {
    uv_loop_t loop;
    struct test_side near, far;
    struct test_pair pair;
    bool sealed;
    struct moot_bytes message;
    uint64_t to_send, sent, received;
};

static void send_some(struct run *run)
{
    /* A sender keeps a bounded amount under way, as credit makes the protocol do. */
    while (run->sent < run->to_send &&
           (run->sent - run->received) * run->message.size < IN_FLIGHT_BYTES_MAX) {
        struct moot_bytes frame = run->message;
        if (run->sealed) {
            moot_arena_reset(&run->pair.dialler.arena);
            frame = test_end_seal(&run->pair.dialler, run->message);
        }
        moot_links_send(run->near.links, run->near.link, frame);
        run->sent++;
    }
}

static void on_frame(struct test_side *side, uint32_t link, struct moot_bytes frame)
{
    struct run *run = side->context;
    (void)link;
    if (run->to_send == 0)
        return;
    if (run->sealed) {
        moot_arena_reset(&run->pair.listener.arena);
        struct moot_channel_result result = test_end_receive(&run->pair.listener, frame);
        MOOT_REQUIRE(result.message.size == run->message.size);
    }
    run->received++;
    if (run->received % 16 == 0 || run->message.size > 16384)
        send_some(run);
}

static bool all_received(void *context)
{
    const struct run *run = context;
    return run->received == run->to_send;
}

static bool both_up(void *context)
{
    const struct run *run = context;
    return run->near.up == 1 && run->far.frames >= 2;
}

static void two_small_frames(struct test_side *side, uint32_t link, uint32_t dial)
{
    (void)dial;
    moot_links_send(side->links, link, moot_bytes_of_text("1"));
    moot_links_send(side->links, link, moot_bytes_of_text("3"));
}

static void bench_links(bool sealed, struct moot_bytes message, uint64_t count)
{
    static struct run run;
    memset(&run, 0, sizeof run);
    run.sealed = sealed;
    run.message = message;
    MOOT_REQUIRE(uv_loop_init(&run.loop) == 0);
    test_pair_init(&run.pair, 5);
    test_pair_establish(&run.pair, MOOT_CHANNEL_MEMBER);
    test_side_init(&run.near, &run.loop);
    test_side_init(&run.far, &run.loop);
    run.near.on_up = two_small_frames;
    run.far.on_frame = on_frame;
    run.far.context = &run;
    test_side_listen(&run.far);
    moot_links_dial(run.near.links, 1, moot_links_address(run.far.links));
    test_loop_until(&run.loop, both_up, &run, 10000);
    run.to_send = count;
    double start = seconds_now();
    send_some(&run);
    test_loop_until(&run.loop, all_received, &run, 120000);
    report(sealed ? "channel" : "bare", message.size, count, seconds_now() - start);
    test_side_free(&run.near);
    test_side_free(&run.far);
    test_loop_end(&run.loop);
    test_pair_free(&run.pair);
}

struct writer {
    int fd;
    struct moot_bytes message;
    uint64_t count;
};

static void *writer_thread(void *argument)
{
    struct writer *writer = argument;
    for (uint64_t i = 0; i < writer->count; i++)
        test_socket_write(writer->fd, writer->message.data, writer->message.size);
    return NULL;
}

static void bench_sockets(struct moot_bytes message, uint64_t count)
{
    int fds[2];
    MOOT_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    struct writer writer = {.fd = fds[0], .message = message, .count = count};
    static uint8_t buffer[65536];
    pthread_t thread;
    double start = seconds_now();
    MOOT_REQUIRE(pthread_create(&thread, NULL, writer_thread, &writer) == 0);
    for (uint64_t left = count * message.size; left > 0;) {
        ssize_t got = recv(fds[1], buffer, sizeof buffer, 0);
        MOOT_REQUIRE(got > 0);
        left -= (uint64_t)got;
    }
    report("plain_socket", message.size, count, seconds_now() - start);
    (void)pthread_join(thread, NULL);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    static uint8_t bytes[1u << 20];
    struct test_random random = test_random_seeded(1);
    test_random_bytes(&random, bytes, sizeof bytes);
    for (size_t i = 0; i < MOOT_COUNT_OF(sizes); i++) {
        struct moot_bytes message = moot_bytes_of(bytes, sizes[i]);
        uint64_t count = BYTES_TOTAL / sizes[i];
        if (count > COUNT_MAX)
            count = COUNT_MAX;
        bench_links(true, message, count);
        bench_links(false, message, count);
        bench_sockets(message, count);
    }
    return 0;
}
