/*
 * docs/FORMATS.md is true of what travels and of the small rows, too: messages, loose things, votes, peers,
 * invitations, the first frame of a link and a sealed record. Each example is made here from its values,
 * and taken up by an engine. With MOOT_GOLDEN_WRITE=1 the blocks are printed instead.
 */
#include "crypto/digest.h"
#include "tests/lib/engines/hostile.h"
#include "tests/lib/formats.h"
#include "tests/lib/protocols/channel_pair.h"

static struct test_net net;
static uint8_t memory[8192];

/* Compares with the page, or prints the block. */
static struct moot_bytes example(const char *name, struct moot_bytes bytes)
{
    static uint8_t wanted[8192];
    if (getenv("MOOT_GOLDEN_WRITE")) {
        printf("\n```hex %s", name);
        for (size_t i = 0; i < bytes.size; i++)
            printf("%s%02x", i % 32 == 0 ? "\n" : "", bytes.data[i]);
        printf("\n```\n");
        return bytes;
    }
    size_t size = test_formats_example(name, wanted, sizeof wanted);
    if (size != bytes.size || memcmp(wanted, bytes.data, size) != 0)
        fail_msg("docs/FORMATS.md, %s, is not what is written", name);
    return bytes;
}

static struct moot_digest digest_of(uint8_t byte)
{
    struct moot_digest digest;
    memset(digest.b, byte, sizeof digest.b);
    return digest;
}

static struct moot_identity author(uint8_t byte)
{
    struct moot_identity identity;
    uint8_t seed[32];
    memset(seed, byte, sizeof seed);
    moot_identity_init(&identity, seed);
    return identity;
}

/* ---- messages ---- */

static struct moot_writer message(enum moot_message_type type, uint32_t number, bool answer)
{
    struct moot_writer writer;
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 4);
    moot_write_uint(&writer, (uint64_t)type);
    moot_write_uint(&writer, number);
    moot_write_bool(&writer, answer);
    return writer;
}

/* The page's message, sent by `from`, is taken up by `to`. */
static void feed(const char *name, const struct moot_writer *writer, uint32_t from, uint32_t to)
{
    assert_int_equal(writer->status, MOOT_OK);
    struct moot_bytes bytes = example(name, moot_bytes_of(writer->data, writer->size));
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, bytes);
    moot_read_array(&cursor, 4);
    enum moot_message_type type =
        (enum moot_message_type)moot_read_uint(&cursor, MOOT_MESSAGE_STRIKE);
    uint32_t number = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    bool answer = moot_read_bool(&cursor);
    struct moot_bytes body = moot_read_value(&cursor);
    assert_int_equal(moot_cursor_finish(&cursor), MOOT_OK);
    struct moot_engine *engine = test_net_engine(&net, to);
    struct moot_pool *pool = net.nodes[to].env.pool;
    struct moot_session *session =
        moot_session_of_peer(engine, pool, &net.nodes[from].identity.key);
    struct moot_map_item item;
    if (!session && moot_map_first(pool, &engine->sessions, &item))
        session = item.value;
    assert_non_null(session);
    if (answer) {
        struct moot_request *request = moot_list_add(pool, &session->requests);
        *request = (struct moot_request){.number = number, .type = type};
    }
    session->greeted = session->greeted && type != MOOT_MESSAGE_GREET;
    uint64_t before = test_net_refused(&net, to, MOOT_BAD_MESSAGE);
    test_hostile_message(&net, from, to, type, number, answer, body);
    test_net_run(&net, 1);
    assert_int_equal(test_net_refused(&net, to, MOOT_BAD_MESSAGE), before);
}

static void begin(uint32_t members, uint32_t count)
{
    test_net_init(&net, count, 1);
    net.count = members;
    test_net_found(&net);
    net.count = count;
}

static void write_roots(struct moot_writer *writer)
{
    const struct moot_digest frontier = digest_of(0xf0), loose = digest_of(0x10);
    moot_write_digest(writer, &frontier);
    moot_write_digest(writer, &loose);
}

/* The same between two members that have just met: what an answer to it does is none of this. */
static void feed_member(const char *name, const struct moot_writer *writer, uint32_t from,
                        uint32_t to)
{
    begin(2, 2);
    feed(name, writer, from, to);
    test_net_free(&net);
}

static void messages_between_members(void **state)
{
    (void)state;
    const struct moot_identity other = author(3);
    const struct moot_digest block = digest_of(0xbb), chain = digest_of(0xcc);
    const uint8_t fork[8] = {1, 2, 3, 4, 5, 6, 7, 8},
                  tag[8] = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8};
    struct moot_writer writer = message(MOOT_MESSAGE_GREET, 0, false);
    moot_write_array(&writer, 11);
    moot_write_text(&writer, moot_bytes_of_text(""));
    moot_write_text(&writer, moot_bytes_of_text("tcp://10.0.0.2:1"));
    moot_write_text(&writer, moot_bytes_of_text("1.0.0"));
    moot_write_uint(&writer, 1);
    moot_write_uint(&writer, 7);
    moot_write_bin(&writer, moot_bytes_of(fork, 8));
    moot_write_uint(&writer, 1);
    write_roots(&writer);
    moot_write_uint(&writer, 0);
    moot_write_array(&writer, 1);
    moot_write_array(&writer, 2);
    moot_write_key(&writer, &other.key);
    moot_write_text(&writer, moot_bytes_of_text("tcp://10.0.0.3:1"));
    feed_member("message-greet", &writer, 1, 0);
    writer = message(MOOT_MESSAGE_PUSH, 0, false);
    moot_write_array(&writer, 5);
    write_roots(&writer);
    moot_write_array(&writer, 0);
    moot_write_array(&writer, 0);
    moot_write_array(&writer, 0);
    feed_member("message-push", &writer, 1, 0);
    writer = message(MOOT_MESSAGE_BLOCK, 4, false);
    moot_write_array(&writer, 2);
    moot_write_bool(&writer, false);
    moot_write_digest(&writer, &block);
    feed_member("message-block", &writer, 1, 0);
    writer = message(MOOT_MESSAGE_BLOCK, 4, true);
    moot_write_array(&writer, 2);
    moot_write_text(&writer, moot_bytes_of_text("block_missing"));
    moot_write_bin(&writer, moot_bytes_of(NULL, 0));
    feed_member("message-block-answer", &writer, 0, 1);
    writer = message(MOOT_MESSAGE_STRIKE, 0, false);
    moot_write_array(&writer, 1);
    moot_write_digest(&writer, &block);
    feed_member("message-strike", &writer, 1, 0);
    writer = message(MOOT_MESSAGE_PING, 9, false);
    moot_write_nil(&writer);
    feed_member("message-ping", &writer, 0, 1);
    writer = message(MOOT_MESSAGE_PING, 9, true);
    moot_write_nil(&writer);
    feed_member("message-ping-answer", &writer, 1, 0);
    writer = message(MOOT_MESSAGE_PULL, 5, true);
    moot_write_array(&writer, 7);
    moot_write_uint(&writer, 1);
    write_roots(&writer);
    moot_write_bool(&writer, false);
    moot_write_array(&writer, 0);
    moot_write_array(&writer, 0);
    moot_write_array(&writer, 0);
    feed_member("message-pull-answer", &writer, 1, 0);
    writer = message(MOOT_MESSAGE_PULL, 5, false);
    moot_write_array(&writer, 8);
    write_roots(&writer);
    moot_write_bin(&writer, moot_bytes_of(fork, 8));
    moot_write_uint(&writer, MOOT_PULL_CREDIT_BYTES);
    moot_write_bool(&writer, true);
    moot_write_array(&writer, 1);
    moot_write_array(&writer, 3);
    moot_write_digest(&writer, &chain);
    moot_write_uint(&writer, 300);
    moot_write_bin(&writer, moot_bytes_of(tag, 8));
    moot_write_array(&writer, 1);
    moot_write_bin(&writer, moot_bytes_of(tag, 8));
    moot_write_array(&writer, 0);
    feed_member("message-pull", &writer, 1, 0);
}

static void messages_of_a_joiner(void **state)
{
    (void)state;
    begin(1, 2);
    struct moot_call invite = {.kind = MOOT_CALL_INVITE};
    struct moot_reply invitation = test_net_call(&net, 0, &invite);
    struct moot_call join = {.kind = MOOT_CALL_JOIN, .uri = moot_bytes_of_text(invitation.uri)};
    assert_int_equal(test_net_call(&net, 1, &join).status, MOOT_OK);
    struct moot_writer writer = message(MOOT_MESSAGE_JOIN, 2, true);
    moot_write_array(&writer, 5);
    moot_write_uint(&writer, MOOT_JOIN_SAYS_PENDING);
    moot_write_text(&writer, moot_bytes_of_text(""));
    moot_write_bin(&writer, moot_bytes_of(NULL, 0));
    moot_write_array(&writer, 0);
    moot_write_array(&writer, 0);
    feed("message-join-answer", &writer, 0, 1);
    writer = message(MOOT_MESSAGE_JOIN, 2, false);
    moot_write_array(&writer, 4);
    moot_write_text(&writer, moot_bytes_of_text("pi-4"));
    moot_write_text(&writer, moot_bytes_of_text("hill"));
    moot_write_text(&writer, moot_bytes_of_text("tcp://10.0.0.2:1"));
    moot_write_text(&writer, moot_bytes_of_text("1.0.0"));
    feed("message-join", &writer, 1, 0);
    struct moot_joiner *joiner =
        moot_map_get(net.nodes[0].env.pool, &test_net_engine(&net, 0)->joiners,
                     moot_key_bytes(&net.nodes[1].identity.key));
    assert_true(moot_bytes_equal(moot_blob_get(net.nodes[0].env.pool, joiner->name),
                                 moot_bytes_of_text("pi-4")));
    test_net_free(&net);
}

/* ---- loose things and rows ---- */

static struct moot_statement statement_1(void)
{
    return (struct moot_statement){.timeline = digest_of(0x22),
                                   .slot = {.kind = MOOT_SLOT_UPGRADE, .proposal = digest_of(0x55)},
                                   .epoch = 2,
                                   .body = digest_of(0x55),
                                   .verdict = MOOT_VERDICT_YES};
}

static void say_it(struct moot_step *step, const void *context)
{
    struct moot_statement statement = statement_1();
    struct moot_digest proposal = digest_of(0x55), manifest = digest_of(0x66);
    (void)context;
    step->engine->identity = author(1);
    step->engine->state.mesh = digest_of(0x4d);
    step->engine->wall_s = 1767225600;
    moot_loose_approval(step, &statement, moot_bytes_of_text("tested at home"));
    moot_loose_readiness(step, &proposal, &manifest, MOOT_READINESS_NOT_READY, MOOT_NO_SPACE, 4096);
}

static void loose_things(void **state)
{
    (void)state;
    begin(1, 1);
    test_net_meddle(&net, 0, say_it, NULL);
    struct moot_engine *engine = test_net_engine(&net, 0);
    struct moot_pool *pool = net.nodes[0].env.pool;
    struct moot_map_item item;
    for (MOOT_MAP_EACH(pool, &engine->loose, item)) {
        struct moot_loose *loose = item.value;
        struct moot_digest id = loose->id;
        bool approval = loose->kind == MOOT_LOOSE_APPROVAL;
        struct moot_bytes bytes = moot_blob_get(pool, loose->encoded);
        memcpy(memory, bytes.data, bytes.size);
        bytes = example(approval ? "loose-approval" : "loose-readiness",
                        moot_bytes_of(memory, bytes.size));
        assert_int_equal(moot_loose_restore(engine, pool, bytes), MOOT_OK);
        assert_memory_equal(&loose->id, &id, sizeof id);
        example(approval ? "loose-approval-key" : "loose-readiness-key", item.key);
    }
    assert_int_equal(engine->loose.count, 2);
    test_net_free(&net);
}

static void small_rows(void **state)
{
    (void)state;
    const struct moot_identity other = author(3);
    const struct moot_statement statement = statement_1();
    uint8_t key[256], encoded[MOOT_STATEMENT_BYTES];
    struct moot_writer writer;
    test_net_init(&net, 1, 1);
    struct moot_engine *engine = test_net_engine(&net, 0);
    struct moot_pool *pool = net.nodes[0].env.pool;

    moot_statement_encode(&statement, encoded);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 3);
    moot_write_uint(&writer, 0);
    moot_write_uint(&writer, 0);
    moot_write_bin(&writer, moot_bytes_of(encoded, sizeof encoded));
    memcpy(key, statement.timeline.b, 32);
    moot_slot_encode(&statement.slot, key + 32);
    moot_u32_put(key + 32 + MOOT_SLOT_BYTES, 0);
    struct moot_bytes vote_key = moot_bytes_of(key, MOOT_VOTE_KEY_BYTES);
    example("vote-row-key", vote_key);
    struct moot_bytes row = example("vote-row", moot_bytes_of(memory, writer.size));
    assert_int_equal(moot_vote_restore(engine, pool, vote_key, row), MOOT_OK);
    const struct moot_vote *vote = moot_map_get(pool, &engine->votes, vote_key);
    uint8_t again[MOOT_STATEMENT_BYTES];
    moot_statement_encode(&vote->statement, again);
    assert_memory_equal(again, encoded, sizeof encoded);

    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 1);
    moot_write_text(&writer, moot_bytes_of_text("tcp://10.0.0.3:1"));
    row = example("peer-row", moot_bytes_of(memory, writer.size));
    assert_int_equal(moot_peer_restore(engine, pool, moot_key_bytes(&other.key), row), MOOT_OK);
    assert_string_equal(moot_peer_of(engine, pool, &other.key)->url, "tcp://10.0.0.3:1");

    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 1);
    moot_write_text(&writer, moot_bytes_of_text("7K3M-Q2ZX-94TD"));
    row = example("invite-row", moot_bytes_of(memory, writer.size));
    memcpy(key, "invite/", 7);
    memcpy(key + 7, other.key.b, 32);
    assert_int_equal(moot_member_restore(engine, pool, moot_bytes_of(key, 39), row), MOOT_OK);
    const struct moot_invite *invite = moot_list_at(pool, &engine->invites, 0);
    assert_string_equal(invite->code, "7K3M-Q2ZX-94TD");
    assert_memory_equal(&invite->device, &other.key, 32);

    struct moot_digest mesh = digest_of(0x4d);
    moot_writer_init(&writer, memory, sizeof memory);
    moot_write_array(&writer, 3);
    moot_write_text(&writer, moot_bytes_of_text("tcp://10.0.0.1:1"));
    moot_write_digest(&writer, &mesh);
    moot_write_digest(&writer, &invite->psk);
    row = example("joining-row", moot_bytes_of(memory, writer.size));
    assert_int_equal(moot_join_restore(engine, row), MOOT_OK);
    assert_string_equal(engine->joining.url, "tcp://10.0.0.1:1");
    test_net_free(&net);
}

/* ---- the first frame of a link, and a sealed one ---- */

static void frames(void **state)
{
    struct test_pair pair;
    (void)state;
    test_pair_init(&pair, 1);
    struct moot_bytes hello = test_pair_hello(&pair, MOOT_CHANNEL_MEMBER);
    example("hello-1", hello);
    struct moot_channel_result reply = test_end_receive(&pair.listener, hello);
    assert_true(reply.send.size > 0);
    struct moot_channel_result proof = test_end_receive(&pair.dialler, reply.send);
    (void)test_end_receive(&pair.listener, proof.send);
    struct moot_writer writer = message(MOOT_MESSAGE_PING, 9, false);
    moot_write_nil(&writer);
    struct moot_bytes sealed =
        test_end_seal(&pair.dialler, moot_bytes_of(writer.data, writer.size));
    example("record-1", sealed);
    struct moot_channel_result opened = test_end_receive(&pair.listener, sealed);
    assert_int_equal(opened.message.size, writer.size);
    assert_memory_equal(opened.message.data, writer.data, writer.size);
    test_pair_free(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_between_members),
        cmocka_unit_test(messages_of_a_joiner),
        cmocka_unit_test(loose_things),
        cmocka_unit_test(small_rows),
        cmocka_unit_test(frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
