/* Links over real sockets: frames arrive whole, in order and once; whatever a peer does ends typed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "protocols/limits.h"
#include "tests/lib/node/link_side.h"

#define WAIT_MS 20000u

struct world {
    uv_loop_t loop;
    struct test_side near, far; /* near dials, far listens */
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    test_side_init(&world->near, &world->loop);
    test_side_init(&world->far, &world->loop);
    test_side_listen(&world->far);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    test_side_free(&world->near);
    test_side_free(&world->far);
    test_loop_end(&world->loop);
    free(world);
    return 0;
}

static bool both_up(void *context)
{
    const struct world *world = context;
    return world->near.up == 1 && world->far.up == 1;
}

static bool both_down(void *context)
{
    const struct world *world = context;
    return world->near.down == 1 && world->far.down == 1;
}

static bool far_up(void *context)
{
    return ((const struct world *)context)->far.up > 0;
}

static bool far_down(void *context)
{
    return ((const struct world *)context)->far.down > 0;
}

static bool near_down_without_link(void *context)
{
    return ((const struct world *)context)->near.down_without_link > 0;
}

struct count {
    const struct test_side *side;
    uint64_t frames;
};

static bool frames_there(void *context)
{
    const struct count *count = context;
    return count->side->frames >= count->frames;
}

static void wait_frames(struct world *world, struct test_side *side, uint64_t frames)
{
    struct count count = {.side = side, .frames = frames};
    test_loop_until(&world->loop, frames_there, &count, WAIT_MS);
    assert_int_equal(side->frames, frames);
}

/* A pair, and the small frames of a handshake that every link begins with. */
static void connect_pair(struct world *world)
{
    moot_links_dial(world->near.links, 7, moot_links_address(world->far.links));
    test_loop_until(&world->loop, both_up, world, WAIT_MS);
    moot_links_send(world->near.links, world->near.link, moot_bytes_of_text("1"));
    moot_links_send(world->near.links, world->near.link, moot_bytes_of_text("3"));
    moot_links_send(world->far.links, world->far.link, moot_bytes_of_text("2"));
    wait_frames(world, &world->far, 2);
    wait_frames(world, &world->near, 1);
    world->near.frames = world->far.frames = 0;
    world->near.sum = world->far.sum = 0;
}

static void both_sides_of_a_dial_learn_of_the_link(void **state)
{
    struct world *world = *state;
    moot_links_dial(world->near.links, 7, moot_links_address(world->far.links));
    assert_int_equal(world->near.up, 0);
    test_loop_until(&world->loop, both_up, world, WAIT_MS);
    assert_int_equal(world->near.dial, 7);
    assert_int_equal(world->far.dial, 0);
    assert_string_equal(world->far.remote, "127.0.0.1");
    assert_string_equal(world->near.remote, "127.0.0.1");
    assert_int_not_equal(world->near.link, 0);
    assert_int_equal(moot_links_count(world->near.links), 1);
    assert_int_equal(moot_links_count(world->far.links), 1);
}

static void frames_of_all_sizes_arrive_both_ways(void **state)
{
    static const size_t sizes[] = {
        0,     1,     2,     3,     4,     4095,   4096,     4097, 16380,
        16384, 65518, 65519, 65535, 65536, 262144, 1u << 20, 0,    1,
        1,     1,     1,     1,     1,     1,      1,        1,    MOOT_FRAME_BYTES_MAX};
    struct world *world = *state;
    connect_pair(world);
    uint8_t *bytes = malloc(MOOT_FRAME_BYTES_MAX);
    assert_non_null(bytes);
    struct test_random random = test_random_seeded(1);
    test_random_bytes(&random, bytes, MOOT_FRAME_BYTES_MAX);
    uint64_t sum = 0;
    for (size_t i = 0; i < MOOT_COUNT_OF(sizes); i++) {
        struct moot_bytes frame = moot_bytes_of(bytes, sizes[i]);
        sum = test_side_sum(sum, frame);
        moot_links_send(world->near.links, world->near.link, frame);
        moot_links_send(world->far.links, world->far.link, frame);
    }
    wait_frames(world, &world->far, MOOT_COUNT_OF(sizes));
    wait_frames(world, &world->near, MOOT_COUNT_OF(sizes));
    assert_true(world->far.sum == sum);
    assert_true(world->near.sum == sum);
    free(bytes);
}

static void thousands_of_small_frames_arrive_in_order(void **state)
{
    struct world *world = *state;
    connect_pair(world);
    struct test_random random = test_random_start("small frames");
    uint64_t sums[2] = {0, 0};
    const uint64_t total = 20000;
    for (uint64_t i = 0; i < total; i++) {
        uint8_t bytes[64];
        size_t size = 8 + (size_t)test_random_below(&random, sizeof bytes - 7);
        test_random_bytes(&random, bytes, size);
        moot_u64_put(bytes, i);
        sums[0] = test_side_sum(sums[0], moot_bytes_of(bytes, size));
        moot_links_send(world->near.links, world->near.link, moot_bytes_of(bytes, size));
        bytes[0] = 0xff;
        sums[1] = test_side_sum(sums[1], moot_bytes_of(bytes, size));
        moot_links_send(world->far.links, world->far.link, moot_bytes_of(bytes, size));
        if (test_random_below(&random, 256) == 0)
            (void)uv_run(&world->loop, UV_RUN_NOWAIT);
    }
    wait_frames(world, &world->far, total);
    wait_frames(world, &world->near, total);
    assert_true(world->far.sum == sums[0]);
    assert_true(world->near.sum == sums[1]);
}

static void bytes_that_come_one_by_one_make_the_same_frames(void **state)
{
    struct world *world = *state;
    int peer = test_socket_connect(test_side_port(&world->far));
    static const uint8_t bytes[] = {0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 1, 'd'};
    for (size_t i = 0; i < sizeof bytes; i++) {
        test_socket_write(peer, bytes + i, 1);
        test_loop_for(&world->loop, 5);
    }
    wait_frames(world, &world->far, 3);
    uint64_t sum = test_side_sum(0, moot_bytes_of_text("abc"));
    sum = test_side_sum(test_side_sum(sum, moot_bytes_of(NULL, 0)), moot_bytes_of_text("d"));
    assert_true(world->far.sum == sum);
    close(peer);
    test_loop_until(&world->loop, far_down, world, WAIT_MS);
    assert_int_equal(world->far.why, MOOT_LINK_FAILED);
}

static void assert_length_refused(struct world *world, const uint8_t *bytes, size_t size)
{
    uint32_t downs = world->far.down;
    int peer = test_socket_connect(test_side_port(&world->far));
    test_socket_write(peer, bytes, size);
    test_loop_until(&world->loop, far_down, world, WAIT_MS);
    assert_int_equal(world->far.down, downs + 1);
    assert_int_equal(world->far.why, MOOT_OVERSIZED);
    assert_int_equal(world->far.down_link, world->far.link);
    close(peer);
    world->far.down = 0;
}

static void a_length_above_the_limit_closes_the_link(void **state)
{
    struct world *world = *state;
    uint8_t bytes[14] = {0, 0, 0, 1, 'a', 0, 0, 0, 1, 'b'};
    moot_u32_put(bytes + 10, MOOT_FRAME_BYTES_MAX + 1);
    assert_length_refused(world, bytes, sizeof bytes);
    moot_u32_put(bytes + 10, UINT32_MAX);
    assert_length_refused(world, bytes, sizeof bytes);
    assert_int_equal(world->far.frames, 4);
}

static void a_large_first_frame_closes_the_link(void **state)
{
    struct world *world = *state;
    uint8_t bytes[9] = {0};
    moot_u32_put(bytes, MOOT_LINK_FIRST_FRAME_BYTES_MAX + 1);
    assert_length_refused(world, bytes, 4); /* as the first frame */
    moot_u32_put(bytes, 1);
    moot_u32_put(bytes + 5, MOOT_LINK_FIRST_FRAME_BYTES_MAX + 1);
    assert_length_refused(world, bytes, 9); /* as the second */
}

static void a_dial_to_a_closed_port_ends_in_down(void **state)
{
    struct world *world = *state;
    char url[64];
    struct test_side other;
    test_side_init(&other, &world->loop);
    test_side_listen(&other);
    (void)snprintf(url, sizeof url, "%s", moot_links_address(other.links));
    test_side_free(&other);
    test_loop_for(&world->loop, 50); /* the port is closed now */
    moot_links_dial(world->near.links, 99, url);
    test_loop_until(&world->loop, near_down_without_link, world, WAIT_MS);
    assert_int_equal(world->near.why, MOOT_LINK_FAILED);
    assert_int_equal(world->near.down_dial, 99);
    assert_int_equal(world->near.down_link, 0);
    assert_int_equal(world->near.up, 0);
}

static void dials_that_cannot_work_end_in_down_later(void **state)
{
    static const char *urls[] = {"http://127.0.0.1:1", "tcp://",           "nonsense", "",
                                 "inproc://x",         "ws://127.0.0.1:1/"};
    struct world *world = *state;
    for (size_t i = 0; i < MOOT_COUNT_OF(urls); i++) {
        world->near.down_without_link = 0;
        moot_links_dial(world->near.links, 5, urls[i]);
        assert_int_equal(world->near.down_without_link, 0);
        test_loop_until(&world->loop, near_down_without_link, world, WAIT_MS);
        assert_int_equal(world->near.why, MOOT_BAD_ARGUMENT);
    }
}

static void listening_that_cannot_work_says_why(void **state)
{
    struct world *world = *state;
    struct moot_error error = {0};
    assert_int_equal(
        moot_links_listen(world->near.links, moot_links_address(world->far.links), &error),
        MOOT_LINK_FAILED);
    assert_non_null(strstr(error.detail, moot_links_address(world->far.links)));
    assert_int_equal(moot_links_listen(world->near.links, "http://127.0.0.1:0", &error),
                     MOOT_BAD_ARGUMENT);
    assert_int_equal(moot_links_listen(world->far.links, "tcp://127.0.0.1:0", &error),
                     MOOT_BAD_ARGUMENT);
    assert_string_equal(moot_links_address(world->near.links), "");
    assert_int_equal(moot_links_listen(world->near.links, "tcp://127.0.0.1:0", &error), MOOT_OK);
}

static void a_close_with_flush_delivers_what_is_queued(void **state)
{
    struct world *world = *state;
    connect_pair(world);
    uint8_t *bytes = calloc(1, 1u << 20);
    assert_non_null(bytes);
    for (int i = 0; i < 7; i++)
        moot_links_send(world->near.links, world->near.link, moot_bytes_of(bytes, 1u << 20));
    moot_links_send(world->near.links, world->near.link, moot_bytes_of_text("the reason"));
    /* What the peer says meanwhile must not turn the close into a reset. */
    moot_links_send(world->far.links, world->far.link, moot_bytes_of(bytes, 1u << 20));
    moot_links_close(world->near.links, world->near.link, MOOT_STRANGER, true);
    moot_links_send(world->near.links, world->near.link, moot_bytes_of_text("too late"));
    test_loop_until(&world->loop, both_down, world, WAIT_MS);
    assert_int_equal(world->far.frames, 8);
    assert_int_equal(world->far.last_size, strlen("the reason"));
    assert_int_equal(world->near.why, MOOT_STRANGER);
    assert_int_equal(world->far.why, MOOT_LINK_FAILED);
    assert_int_equal(world->near.frames, 0);
    free(bytes);
}

static void a_flushed_close_to_a_peer_that_does_not_read_ends_in_time(void **state)
{
    struct world *world = *state;
    int peer = test_socket_connect(test_side_port(&world->far));
    test_loop_until(&world->loop, far_up, world, WAIT_MS);
    uint8_t *bytes = calloc(1, 1u << 20);
    assert_non_null(bytes);
    for (int i = 0; i < 7; i++)
        moot_links_send(world->far.links, world->far.link, moot_bytes_of(bytes, 1u << 20));
    uv_update_time(&world->loop);
    uint64_t start_ms = uv_now(&world->loop);
    moot_links_close(world->far.links, world->far.link, MOOT_BANNED, true);
    test_loop_until(&world->loop, far_down, world, WAIT_MS);
    assert_true(uv_now(&world->loop) - start_ms >= 200);
    assert_true(uv_now(&world->loop) - start_ms < 5000);
    assert_int_equal(world->far.why, MOOT_BANNED);
    close(peer);
    free(bytes);
}

static void a_close_at_once_ends_both_sides_with_its_reason_here(void **state)
{
    struct world *world = *state;
    connect_pair(world);
    moot_links_close(world->near.links, world->near.link, MOOT_DUPLICATE_LINK, false);
    assert_int_equal(world->near.down, 0); /* later, never inside the call */
    moot_links_close(world->near.links, world->near.link, MOOT_BANNED, true);
    test_loop_until(&world->loop, both_down, world, WAIT_MS);
    assert_int_equal(world->near.why, MOOT_DUPLICATE_LINK);
    assert_int_equal(world->near.down_dial, 7);
    assert_int_equal(moot_links_count(world->near.links), 0);
    /* A number that is gone does nothing. */
    moot_links_send(world->near.links, world->near.link, moot_bytes_of_text("x"));
    moot_links_close(world->near.links, world->near.link, MOOT_BANNED, false);
    test_loop_for(&world->loop, 20);
    assert_int_equal(world->near.down, 1);
}

static void a_peer_that_does_not_read_is_closed_at_the_queue_limit(void **state)
{
    struct world *world = *state;
    int peer = test_socket_connect(test_side_port(&world->far));
    test_loop_until(&world->loop, far_up, world, WAIT_MS);
    uint8_t *bytes = calloc(1, 1u << 20);
    assert_non_null(bytes);
    int sent = 0;
    while (world->far.down == 0 && sent < 100) {
        moot_links_send(world->far.links, world->far.link, moot_bytes_of(bytes, 1u << 20));
        test_loop_for(&world->loop, 10);
        sent++;
    }
    assert_int_equal(world->far.down, 1);
    assert_int_equal(world->far.why, MOOT_SILENT);
    assert_true(sent >= MOOT_LINK_SEND_BYTES_MAX / (1 << 20));
    close(peer);
    free(bytes);
}

static void half_open_and_half_said_peers_cost_nothing_and_end(void **state)
{
    struct world *world = *state;
    int peers[32];
    for (size_t i = 0; i < MOOT_COUNT_OF(peers); i++) {
        peers[i] = test_socket_connect(test_side_port(&world->far));
        uint8_t length[4];
        moot_u32_put(length, MOOT_LINK_FIRST_FRAME_BYTES_MAX);
        if (i % 3 > 0) /* a claim, never filled; every third says nothing at all */
            test_socket_write(peers[i], length, i % 3 + 2);
    }
    test_loop_for(&world->loop, 100);
    assert_int_equal(world->far.up, MOOT_COUNT_OF(peers));
    world->far.up = 0;
    connect_pair(world); /* others get through meanwhile */
    for (size_t i = 0; i < MOOT_COUNT_OF(peers); i++) {
        if (i % 2 == 0)
            assert_int_equal(shutdown(peers[i], SHUT_WR), 0);
        else
            close(peers[i]);
    }
    for (int i = 0; i < 200 && world->far.down < MOOT_COUNT_OF(peers); i++)
        test_loop_for(&world->loop, 20);
    assert_int_equal(world->far.down, MOOT_COUNT_OF(peers));
    assert_int_equal(moot_links_count(world->far.links), 1);
    for (size_t i = 0; i < MOOT_COUNT_OF(peers); i += 2)
        close(peers[i]);
}

static void one_link_too_many_is_closed_at_once(void **state)
{
    struct world *world = *state;
    int peers[MOOT_LINKS_MAX + 8];
    for (size_t i = 0; i < MOOT_COUNT_OF(peers); i++) {
        peers[i] = test_socket_connect(test_side_port(&world->far));
        test_loop_for(&world->loop, 1);
    }
    test_loop_for(&world->loop, 200);
    assert_int_equal(world->far.up, MOOT_LINKS_MAX);
    assert_int_equal(moot_links_count(world->far.links), MOOT_LINKS_MAX);
    char byte;
    assert_int_equal(recv(peers[MOOT_LINKS_MAX + 7], &byte, 1, 0), 0);
    for (size_t i = 0; i < MOOT_COUNT_OF(peers); i++)
        close(peers[i]);
    for (int i = 0; i < 200 && world->far.down < MOOT_LINKS_MAX; i++)
        test_loop_for(&world->loop, 20);
    assert_int_equal(world->far.down, MOOT_LINKS_MAX);
    world->far.up = world->far.down = 0;
    connect_pair(world);
}

static void running_out_of_descriptors_pauses_accepting_without_spinning(void **state)
{
    struct world *world = *state;
    int peers[16];
    for (size_t i = 0; i < MOOT_COUNT_OF(peers); i++)
        assert_true((peers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)peers[15] + 1, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    /* Numbers below the limit that sockets of earlier tests give back late are taken, too. */
    int fillers[256];
    size_t filler_count = 0;
    for (int quiet = 0; quiet < 10; quiet++) {
        int filler;
        while (filler_count < MOOT_COUNT_OF(fillers) && (filler = dup(peers[0])) >= 0) {
            fillers[filler_count++] = filler;
            quiet = 0;
        }
        test_loop_for(&world->loop, 20);
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(test_side_port(&world->far))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < MOOT_COUNT_OF(peers); i++)
        assert_int_equal(connect(peers[i], (struct sockaddr *)&address, sizeof address), 0);
    clock_t before = clock(); /* of the whole process */
    test_loop_for(&world->loop, 500);
    bool spun = (clock() - before) * 1000 / CLOCKS_PER_SEC > 250;
    uint32_t up = world->far.up;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (filler_count > 0)
        close(fillers[--filler_count]);
    assert_int_equal(up, 0); /* the fault happened */
    assert_false(spun);
    for (int i = 0; i < 200 && world->far.up < MOOT_COUNT_OF(peers); i++)
        test_loop_for(&world->loop, 10);
    assert_int_equal(world->far.up, MOOT_COUNT_OF(peers));
    for (size_t i = 0; i < MOOT_COUNT_OF(peers); i++)
        close(peers[i]);
}

/* Calls from inside callbacks, where links and the set itself are in use. */
static void close_inside_frame(struct test_side *side, uint32_t link, struct moot_bytes frame)
{
    (void)frame;
    moot_links_close(side->links, link, MOOT_BAD_GREETING, false);
}

static void no_frame_comes_after_a_close_inside_a_frame(void **state)
{
    struct world *world = *state;
    world->far.on_frame = close_inside_frame;
    int peer = test_socket_connect(test_side_port(&world->far));
    static const uint8_t two[] = {0, 0, 0, 1, 'a', 0, 0, 0, 1, 'b'};
    test_socket_write(peer, two, sizeof two);
    test_loop_until(&world->loop, far_down, world, WAIT_MS);
    assert_int_equal(world->far.frames, 1);
    assert_int_equal(world->far.why, MOOT_BAD_GREETING);
    close(peer);
}

static void close_inside_up(struct test_side *side, uint32_t link, uint32_t dial)
{
    (void)dial;
    moot_links_close(side->links, link, MOOT_BANNED, false);
}

static void a_close_inside_up_ends_the_link(void **state)
{
    struct world *world = *state;
    world->far.on_up = close_inside_up;
    moot_links_dial(world->near.links, 7, moot_links_address(world->far.links));
    test_loop_until(&world->loop, both_down, world, WAIT_MS);
    assert_int_equal(world->far.why, MOOT_BANNED);
}

static void free_inside_frame(struct test_side *side, uint32_t link, struct moot_bytes frame)
{
    (void)link;
    (void)frame;
    test_side_free(side);
}

static void the_set_may_be_freed_inside_a_callback(void **state)
{
    struct world *world = *state;
    world->far.on_frame = free_inside_frame;
    moot_links_dial(world->near.links, 7, moot_links_address(world->far.links));
    test_loop_until(&world->loop, both_up, world, WAIT_MS);
    for (int i = 0; i < 10; i++)
        moot_links_send(world->near.links, world->near.link, moot_bytes_of_text("x"));
    for (int i = 0; i < 200 && world->near.down == 0; i++)
        test_loop_for(&world->loop, 20);
    assert_int_equal(world->near.down, 1);
    assert_int_equal(world->far.down, 0); /* no callback after the free */
    assert_int_equal(world->far.frames, 1);
}

static void a_set_with_dials_under_way_can_be_freed(void **state)
{
    struct world *world = *state;
    for (uint32_t i = 1; i <= 20; i++)
        moot_links_dial(world->near.links, i,
                        i % 2 == 0 ? moot_links_address(world->far.links) : "tcp://192.0.2.1:9");
    moot_links_dial(world->near.links, 21, "nonsense");
    test_side_free(&world->near);
    test_loop_for(&world->loop, 100);
    assert_int_equal(world->near.up, 0);
    assert_int_equal(world->near.down_without_link, 0);
}

static void links_over_a_unix_socket_work_too(void **state)
{
    struct world *world = *state;
    char *folder = test_tempdir_new();
    char url[256];
    (void)snprintf(url, sizeof url, "ipc://%s/link", folder);
    struct test_side local;
    test_side_init(&local, &world->loop);
    struct moot_error error = {0};
    assert_int_equal(moot_links_listen(local.links, url, &error), MOOT_OK);
    assert_string_equal(moot_links_address(local.links), url);
    moot_links_dial(world->near.links, 1, url);
    for (int i = 0; i < 200 && (world->near.up == 0 || local.up == 0); i++)
        test_loop_for(&world->loop, 10);
    moot_links_send(world->near.links, world->near.link, moot_bytes_of_text("hello"));
    wait_frames(world, &local, 1);
    test_side_free(&local);
    test_loop_for(&world->loop, 50);
    test_tempdir_remove(folder);
}

static void links_over_ipv6_work_too(void **state)
{
    struct world *world = *state;
    struct test_side far6;
    struct moot_error error = {0};
    test_side_init(&far6, &world->loop);
    bool there = moot_links_listen(far6.links, "tcp://[::1]:0", &error) == MOOT_OK;
    if (there) {
        assert_non_null(strstr(moot_links_address(far6.links), "tcp://[::1]:"));
        moot_links_dial(world->near.links, 1, moot_links_address(far6.links));
        for (int i = 0; i < 200 && (world->near.up == 0 || far6.up == 0); i++)
            test_loop_for(&world->loop, 10);
        assert_string_equal(far6.remote, "::1");
        assert_string_equal(world->near.remote, "::1");
    }
    test_side_free(&far6);
    test_loop_for(&world->loop, 20);
    if (!there) {
        print_message("skipped: no IPv6 loopback here: %s\n", error.detail);
        skip();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(both_sides_of_a_dial_learn_of_the_link),
        TEST(frames_of_all_sizes_arrive_both_ways),
        TEST(thousands_of_small_frames_arrive_in_order),
        TEST(bytes_that_come_one_by_one_make_the_same_frames),
        TEST(a_length_above_the_limit_closes_the_link),
        TEST(a_large_first_frame_closes_the_link),
        TEST(a_dial_to_a_closed_port_ends_in_down),
        TEST(dials_that_cannot_work_end_in_down_later),
        TEST(listening_that_cannot_work_says_why),
        TEST(a_close_with_flush_delivers_what_is_queued),
        TEST(a_flushed_close_to_a_peer_that_does_not_read_ends_in_time),
        TEST(a_close_at_once_ends_both_sides_with_its_reason_here),
        TEST(a_peer_that_does_not_read_is_closed_at_the_queue_limit),
        TEST(half_open_and_half_said_peers_cost_nothing_and_end),
        TEST(one_link_too_many_is_closed_at_once),
        TEST(running_out_of_descriptors_pauses_accepting_without_spinning),
        TEST(no_frame_comes_after_a_close_inside_a_frame),
        TEST(a_close_inside_up_ends_the_link),
        TEST(the_set_may_be_freed_inside_a_callback),
        TEST(a_set_with_dials_under_way_can_be_freed),
        TEST(links_over_a_unix_socket_work_too),
        TEST(links_over_ipv6_work_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
