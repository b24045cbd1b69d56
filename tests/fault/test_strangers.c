/*
 * Strangers connect, send what they like and drop, again and again, from addresses of their own. A host
 * that keeps the limits of strangers as the node does listens meanwhile; a pair of members keeps talking.
 * Afterwards descriptors, memory and threads are back where they were, and new members get in.
 *
 * 200 strangers x 20 connections; with MOOT_TEST_ROUNDS of 20 or more, 1,000 x 100. The strangers live in
 * a process of their own, so that what is measured is the host's.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/node/link_side.h"
#include "tests/lib/protocols/channel_pair.h"

#define STRANGER_THREADS 4u
#define HOARDED_MAX 100u /* a thread keeps so many open: more than the host allows */
#define RSS_SLACK_BYTES (8u << 20)
#define TIME_MS_MAX 240000u

/* --- strangers: one process, plain sockets */

struct strangers {
    uint16_t port;
    uint32_t count, connections, first; /* this thread's: first, first + STRANGER_THREADS, ... */
    uint64_t connected;
    int hoarded[HOARDED_MAX]; /* a ring; 0: empty */
    uint32_t hoarded_next;
};

static size_t garbage(struct test_random *random, uint8_t *bytes, size_t capacity)
{
    static const char *texts[] = {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", "\0SP\0\0\x10\0\0"};
    static const size_t sizes[] = {18, 11, 8};
    size_t size = (size_t)test_random_below(random, capacity);
    test_random_bytes(random, bytes, size);
    switch (test_random_below(random, 8)) {
    case 0: /* says nothing */
        return 0;
    case 1: /* another protocol */
    case 2: {
        size_t which = (size_t)test_random_below(random, 3);
        memcpy(bytes, texts[which], sizes[which]);
        return sizes[which];
    }
    case 3: /* one whole frame of nonsense, or a claim that is not filled */
        moot_u32_put(bytes, (uint32_t)test_random_below(random, 64));
        return 4 + 48;
    case 4: /* a hello of another mesh */
        moot_u32_put(bytes, 54);
        memcpy(bytes + 4, "MOOT\1\1", 6);
        return 58;
    case 5: /* part of a length */
        return 1 + (size_t)test_random_below(random, 3);
    default:
        return size;
    }
}

/* One connection from an address that is this stranger's alone; false when it was not even taken. */
static bool connect_once(struct strangers *strangers, uint32_t number, struct test_random *random)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f010001u + number);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(strangers->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool connected = bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
                     connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (connected) {
        uint8_t bytes[4096];
        size_t size = garbage(random, bytes, sizeof bytes);
        if (size > 0)
            (void)send(fd, bytes, size, MSG_NOSIGNAL);
        switch (test_random_below(random, 4)) {
        case 0: { /* reset instead of an end */
            struct linger reset = {.l_onoff = 1, .l_linger = 0};
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            break;
        }
        case 1: { /* half-closed, and waits a little for an answer that never comes */
            struct pollfd answer = {.fd = fd, .events = POLLIN};
            (void)shutdown(fd, SHUT_WR);
            (void)poll(&answer, 1, 2);
            break;
        }
        case 2: { /* stays, and lets an older one go */
            int *place = &strangers->hoarded[strangers->hoarded_next++ % HOARDED_MAX];
            int older = *place;
            *place = fd;
            fd = older;
            break;
        }
        default:
            break;
        }
    }
    if (fd > 0)
        close(fd);
    return connected;
}

static void *stranger_thread(void *argument)
{
    struct strangers *strangers = argument;
    struct test_random random = test_random_seeded(strangers->first + 1);
    for (uint32_t c = 0; c < strangers->connections; c++) {
        for (uint32_t i = strangers->first; i < strangers->count; i += STRANGER_THREADS)
            strangers->connected += connect_once(strangers, i, &random);
    }
    return NULL;
}

/* The child: waits for the port, plays all strangers, writes how many connections were taken. */
static void strangers_run(int in, int out, uint32_t count, uint32_t connections)
{
    uint16_t port = 0;
    if (read(in, &port, sizeof port) != sizeof port)
        _exit(1);
    pthread_t threads[STRANGER_THREADS];
    struct strangers parts[STRANGER_THREADS];
    uint64_t connected = 0;
    for (uint32_t i = 0; i < STRANGER_THREADS; i++) {
        parts[i] = (struct strangers){
            .port = port, .count = count, .connections = connections, .first = i};
        if (pthread_create(&threads[i], NULL, stranger_thread, &parts[i]) != 0)
            _exit(1);
    }
    for (uint32_t i = 0; i < STRANGER_THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        connected += parts[i].connected;
    }
    _exit(write(out, &connected, sizeof connected) == sizeof connected ? 0 : 1);
}

/* --- the host: links and channels, and the limits of strangers */

struct host {
    struct test_side side;
    struct test_pair *keys; /* the listener's end serves every link */
    struct session {
        uint32_t link;
        bool member;
        struct moot_channel channel;
    } sessions[MOOT_LINKS_MAX];
    uint64_t ended[MOOT_STATUS_END]; /* links, by reason */
    uint64_t messages, strangers_seen;
    uint32_t oldest_dropped;
};

static struct session *session_of(struct host *host, uint32_t link)
{
    return &host->sessions[link & 0xffu];
}

static void host_up(struct test_side *side, uint32_t link, uint32_t dial)
{
    struct host *host = side->context;
    (void)dial;
    uint32_t strangers = 0;
    struct session *oldest = NULL;
    for (size_t i = 0; i < MOOT_LINKS_MAX; i++) {
        struct session *session = &host->sessions[i];
        if (session->link == 0 || session->member)
            continue;
        strangers++;
        if (oldest == NULL || session->link >> 8 < oldest->link >> 8)
            oldest = session;
    }
    if (strangers >= MOOT_STRANGERS_MAX) {
        host->oldest_dropped++;
        moot_links_close(side->links, oldest->link, MOOT_TOO_MANY_LINKS, false);
    }
    struct session *session = session_of(host, link);
    session->link = link;
    session->member = false;
    moot_channel_listen(&session->channel, &host->keys->mesh);
    host->strangers_seen++;
}

static void host_frame(struct test_side *side, uint32_t link, struct moot_bytes frame)
{
    struct host *host = side->context;
    struct session *session = session_of(host, link);
    struct test_end *end = &host->keys->listener;
    struct moot_channel_result result;
    moot_arena_reset(&end->arena);
    enum moot_status status =
        moot_channel_receive(&session->channel, frame, &end->local, &end->arena, &result);
    if (status != MOOT_OK) {
        moot_links_close(side->links, link, status, false);
        return;
    }
    if (result.established)
        session->member = true;
    if (result.send.size > 0)
        moot_links_send(side->links, link, result.send);
    if (result.message.size > 0) { /* says it back */
        struct moot_bytes answer;
        assert_int_equal(moot_channel_seal(&session->channel, result.message, &end->arena, &answer),
                         MOOT_OK);
        moot_links_send(side->links, link, answer);
        host->messages++;
    }
}

static void host_down(struct test_side *side, uint32_t link)
{
    struct host *host = side->context;
    struct session *session = session_of(host, link);
    host->ended[side->why]++;
    if (link != 0 && session->link == link) {
        moot_channel_deinit(&session->channel);
        session->link = 0;
    }
}

/* --- a member: dials, proves itself, says something and waits to hear it back */

struct member {
    struct test_side side;
    struct test_end *end;
    const struct moot_digest *mesh;
    uint64_t said, answers;
};

static void member_say(struct member *member)
{
    uint8_t text[8];
    moot_u64_put(text, member->said++);
    moot_arena_reset(&member->end->arena);
    moot_links_send(member->side.links, member->side.link,
                    test_end_seal(member->end, moot_bytes_of(text, sizeof text)));
}

static void member_up(struct test_side *side, uint32_t link, uint32_t dial)
{
    struct member *member = side->context;
    struct moot_bytes hello;
    (void)dial;
    moot_arena_reset(&member->end->arena);
    assert_int_equal(moot_channel_dial(&member->end->channel, MOOT_CHANNEL_MEMBER, member->mesh,
                                       NULL, &member->end->local, &member->end->arena, &hello),
                     MOOT_OK);
    moot_links_send(side->links, link, hello);
}

static void member_frame(struct test_side *side, uint32_t link, struct moot_bytes frame)
{
    struct member *member = side->context;
    moot_arena_reset(&member->end->arena);
    struct moot_channel_result result = test_end_receive(member->end, frame);
    if (result.send.size > 0)
        moot_links_send(side->links, link, result.send);
    if (result.established)
        member_say(member);
    if (result.message.size > 0) {
        assert_int_equal(result.message.size, 8);
        assert_int_equal(moot_u64_get(result.message.data), member->answers);
        member->answers++;
    }
}

static bool member_answered(void *context)
{
    const struct member *member = context;
    return member->answers > 0 && member->answers == member->said;
}

/* --- what a process uses */

struct use {
    size_t descriptors, threads, rss_bytes;
};

static size_t entries(const char *path)
{
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static struct use use_now(void)
{
    struct use use = {.descriptors = entries("/proc/self/fd"),
                      .threads = entries("/proc/self/task")};
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    unsigned long total = 0;
    unsigned long resident = 0;
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    (void)fclose(file);
    use.rss_bytes = resident * (size_t)sysconf(_SC_PAGESIZE);
    return use;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RSS_MEANS_NOTHING 1 /* the sanitizer keeps what is freed */
#endif
#endif

/* --- the test */

struct run {
    struct host *host;
    struct member *member;
    pid_t child;
    int status;
    bool over;
};

static bool strangers_over(void *context)
{
    struct run *run = context;
    if (member_answered(run->member))
        member_say(run->member);
    if (!run->over && waitpid(run->child, &run->status, WNOHANG) == run->child)
        run->over = true;
    return run->over;
}

static bool only_the_member_left(void *context)
{
    const struct run *run = context;
    return moot_links_count(run->host->side.links) == 1;
}

static struct use base_use;

static bool descriptors_back(void *context)
{
    (void)context;
    return use_now().descriptors <= base_use.descriptors;
}

static void member_init(struct member *member, uv_loop_t *loop, struct test_pair *pair)
{
    test_side_init(&member->side, loop);
    member->end = &pair->dialler;
    member->mesh = &pair->mesh;
    member->side.context = member;
    member->side.on_up = member_up;
    member->side.on_frame = member_frame;
    member->said = member->answers = 0;
}

static void strangers_leave_nothing_behind_and_members_keep_talking(void **state)
{
    (void)state;
    const char *rounds = getenv("MOOT_TEST_ROUNDS");
    bool all = rounds != NULL && strtol(rounds, NULL, 10) >= 20;
    uint32_t count = all ? 1000 : 200;
    uint32_t connections = all ? 100 : 20;
    int go[2];
    int done[2];
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    struct run run = {.child = fork()}; /* before the library of the links starts its threads */
    assert_true(run.child >= 0);
    if (run.child == 0) {
        close(go[1]);
        strangers_run(go[0], done[1], count, connections);
    }
    close(go[0]);

    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct test_pair pair;
    struct test_pair newcomer;
    test_pair_init(&pair, 11);
    test_pair_init(&newcomer, 12);
    static struct host host;
    struct member member;
    struct member late;
    test_side_init(&host.side, &loop);
    host.keys = &pair;
    host.side.context = &host;
    host.side.on_up = host_up;
    host.side.on_frame = host_frame;
    host.side.on_down = host_down;
    run.host = &host;
    run.member = &member;
    test_side_listen(&host.side);
    member_init(&member, &loop, &pair);
    moot_links_dial(member.side.links, 1, moot_links_address(host.side.links));
    test_loop_until(&loop, member_answered, &member, 20000);

    base_use = use_now();
    uint16_t port = test_side_port(&host.side);
    assert_int_equal(write(go[1], &port, sizeof port), sizeof port);
    uv_update_time(&loop);
    uint64_t start_ms = uv_now(&loop);
    test_loop_until(&loop, strangers_over, &run, TIME_MS_MAX);
    assert_true(WIFEXITED(run.status) && WEXITSTATUS(run.status) == 0);
    uint64_t connected = 0;
    assert_int_equal(read(done[0], &connected, sizeof connected), sizeof connected);
    test_loop_until(&loop, only_the_member_left, &run, 20000);
    test_loop_until(&loop, descriptors_back, NULL, 20000);
    test_loop_until(&loop, member_answered, &member, 20000);

    struct use use = use_now();
    print_message(
        "%llu of %u connections, %llu reached the host, in %llu ms: ended by themselves %llu, "
        "bad greeting %llu, wrong mesh %llu, oversized %llu, dropped as the oldest %u\n",
        (unsigned long long)connected, count * connections,
        (unsigned long long)host.strangers_seen - 1, (unsigned long long)(uv_now(&loop) - start_ms),
        (unsigned long long)host.ended[MOOT_LINK_FAILED],
        (unsigned long long)host.ended[MOOT_BAD_GREETING],
        (unsigned long long)host.ended[MOOT_WRONG_MESH],
        (unsigned long long)host.ended[MOOT_OVERSIZED], host.oldest_dropped);
    print_message("descriptors %zu -> %zu, threads %zu -> %zu, resident %zu -> %zu KiB; member's "
                  "answers meanwhile %llu\n",
                  base_use.descriptors, use.descriptors, base_use.threads, use.threads,
                  base_use.rss_bytes / 1024, use.rss_bytes / 1024,
                  (unsigned long long)member.answers);
    /* The fault happened. */
    assert_int_equal(connected, (uint64_t)count * connections);
    assert_true(host.strangers_seen > connected / 2);
    assert_true(host.ended[MOOT_BAD_GREETING] > 0);
    assert_true(host.ended[MOOT_WRONG_MESH] > 0);
    assert_true(host.ended[MOOT_OVERSIZED] > 0);
    assert_true(host.ended[MOOT_LINK_FAILED] > 0);
    assert_true(host.oldest_dropped > 0);
    /* And left nothing. */
    assert_int_equal(use.descriptors, base_use.descriptors);
    assert_int_equal(use.threads, base_use.threads);
#ifndef RSS_MEANS_NOTHING
    assert_true(use.rss_bytes <= base_use.rss_bytes + RSS_SLACK_BYTES);
#endif
    assert_int_equal(member.side.down, 0);
    assert_true(member.answers > 10);

    member_init(&late, &loop, &newcomer);
    moot_links_dial(late.side.links, 1, moot_links_address(host.side.links));
    test_loop_until(&loop, member_answered, &late, 20000);

    test_side_free(&late.side);
    test_side_free(&member.side);
    test_side_free(&host.side);
    test_loop_end(&loop);
    test_pair_free(&pair);
    test_pair_free(&newcomer);
    close(go[1]);
    close(done[0]);
    close(done[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_leave_nothing_behind_and_members_keep_talking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
