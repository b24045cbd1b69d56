/*
 * A member that sends anything at all: real messages with bytes turned over, cut, doubled and mixed. Whatever
 * it is, the other members go on, agree in the end, and nobody's memory for one step runs out.
 */
#include "tests/lib/engines/hostile.h"

#define ROUNDS 1500u
#define STEP_BYTES ((size_t)64 << 20) /* what a real node has */
#define BODY_BYTES_MAX (1000u << 10)

static uint8_t body[BODY_BYTES_MAX];
static size_t arena_used_max;

static void watch(struct test_net *net, const struct test_node *node,
                  const struct moot_event *event, const struct moot_actions *actions)
{
    (void)net;
    (void)node;
    (void)event;
    if (actions->arena->used > arena_used_max)
        arena_used_max = actions->arena->used;
}

static void write_list(struct moot_writer *writer, struct test_random *random, uint32_t count_max,
                       uint32_t size)
{
    uint32_t count = (uint32_t)(test_random_next(random) % (count_max + 1));
    uint8_t item[600];
    moot_write_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        test_random_bytes(random, item, size);
        moot_write_bin(writer, moot_bytes_of(item, size));
    }
}

/* Some well-formed body of that type; its values are anything. */
static size_t make(struct test_net *net, struct test_random *random, enum moot_message_type type)
{
    const struct moot_engine *engine = test_net_engine(net, 1);
    struct moot_writer writer;
    struct moot_digest digest;
    struct moot_map_item item;
    struct moot_pool *pool = net->nodes[1].env.pool;
    test_random_bytes(random, digest.b, sizeof digest.b);
    moot_writer_init(&writer, body, sizeof body);
    switch (type) {
    case MOOT_MESSAGE_GREET:
        moot_write_array(&writer, 11);
        moot_write_text(&writer, moot_bytes_of_text(test_random_next(random) % 2 ? "" : "banned"));
        moot_write_text(&writer, moot_bytes_of_text("tcp://10.0.0.2:1"));
        moot_write_text(&writer, moot_bytes_of_text("1"));
        moot_write_uint(&writer, 1);
        moot_write_uint(&writer, test_random_next(random));
        moot_write_bin(&writer, moot_bytes_of(digest.b, 8));
        moot_write_uint(&writer, test_random_next(random));
        moot_write_digest(&writer, &digest);
        moot_write_digest(&writer, &digest);
        moot_write_uint(&writer, 0);
        moot_write_array(&writer, 0);
        break;
    case MOOT_MESSAGE_PULL:
        moot_write_array(&writer, 8);
        moot_write_digest(&writer, &digest);
        moot_write_digest(&writer, &digest);
        moot_write_bin(&writer, moot_bytes_of(digest.b, 8));
        moot_write_uint(&writer, test_random_next(random) % MOOT_FRAME_BYTES_MAX);
        moot_write_bool(&writer, true);
        moot_write_array(&writer, engine->state.chains.count);
        for (MOOT_MAP_EACH(pool, &engine->state.chains, item)) {
            moot_write_array(&writer, 3);
            moot_write_bin(&writer, item.key);
            moot_write_uint(&writer, test_random_next(random) >> (test_random_next(random) % 64));
            moot_write_bin(&writer, moot_bytes_of(digest.b, 8));
        }
        write_list(&writer, random, 16384, 8);
        write_list(&writer, random, 16384, 8);
        break;
    case MOOT_MESSAGE_PUSH:
        moot_write_array(&writer, 5);
        moot_write_digest(&writer, &digest);
        moot_write_digest(&writer, &digest);
        moot_write_array(&writer, engine->state.objects.count);
        for (MOOT_MAP_EACH(pool, &engine->state.objects, item)) {
            const struct moot_object_row *row = item.value;
            moot_write_bin(&writer, moot_blob_get(pool, row->encoded));
        }
        moot_write_array(&writer, engine->loose.count);
        for (MOOT_MAP_EACH(pool, &engine->loose, item)) {
            const struct moot_loose *loose = item.value;
            moot_write_bin(&writer, moot_blob_get(pool, loose->encoded));
        }
        write_list(&writer, random, 8, 600);
        break;
    case MOOT_MESSAGE_BLOCK:
        moot_write_array(&writer, 2);
        moot_write_bool(&writer, test_random_next(random) % 2 != 0);
        moot_write_digest(&writer, &digest);
        break;
    case MOOT_MESSAGE_JOIN:
        moot_write_array(&writer, 4);
        for (uint32_t i = 0; i < 4; i++)
            moot_write_text(&writer, moot_bytes_of_text("text"));
        break;
    case MOOT_MESSAGE_PING:
        moot_write_nil(&writer);
        break;
    case MOOT_MESSAGE_STRIKE:
        moot_write_array(&writer, 1);
        moot_write_digest(&writer, &digest);
        break;
    }
    assert_int_equal(writer.status, MOOT_OK);
    return writer.size;
}

static bool connected(struct test_net *net)
{
    const struct moot_session *session = moot_session_of_peer(
        test_net_engine(net, 1), net->nodes[1].env.pool, &net->nodes[0].identity.key);
    return session && session->greeted;
}

static void forgive(struct test_net *net)
{
    for (uint32_t i = 0; i < net->count; i++) {
        struct moot_map_item item;
        for (MOOT_MAP_EACH(net->nodes[i].env.pool, &test_net_engine(net, i)->peers, item)) {
            struct moot_peer *peer = item.value;
            peer->banned_until_ms = peer->ban_ms = peer->dial_at_ms = peer->pause_ms = 0;
        }
    }
}

static void whatever_a_member_sends_the_others_go_on(void **state)
{
    (void)state;
    struct test_net net;
    struct test_random random = test_random_seeded(2026);
    test_net_init(&net, 3, 1);
    test_net_found(&net);
    test_net_admins(&net, 2, 2);
    net.watch = watch;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        enum moot_message_type type =
            (enum moot_message_type)(1 + test_random_next(&random) % MOOT_MESSAGE_STRIKE);
        size_t size = make(&net, &random, type);
        uint32_t turned = (uint32_t)(test_random_next(&random) % 4);
        for (uint32_t i = 0; i < turned; i++)
            body[test_random_next(&random) % size] ^=
                (uint8_t)(1u << (test_random_next(&random) % 8));
        if (test_random_next(&random) % 8 == 0)
            size = 1 + test_random_next(&random) % size;
        for (uint32_t i = 0; i < 50 && !connected(&net); i++) {
            forgive(&net);
            test_net_run(&net, 100);
        }
        assert_true(connected(&net));
        test_hostile_message(&net, 1, 0, type, (uint32_t)test_random_next(&random),
                             test_random_next(&random) % 8 == 0, moot_bytes_of(body, size));
        test_net_run(&net, 20);
    }
    forgive(&net);
    test_net_run(&net, 60000);
    assert_int_equal(test_net_put(&net, 2, "still", "here"), MOOT_OK);
    test_net_run(&net, 35000);
    assert_true(test_net_equal(&net, 0, 2) && test_net_equal(&net, 0, 1));
    print_message("seed 2026, %u messages; largest step %zu KiB\n", ROUNDS, arena_used_max / 1024);
    assert_true(arena_used_max < STEP_BYTES / 2);
    test_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_a_member_sends_the_others_go_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
