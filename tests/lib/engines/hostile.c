/*
 * Messages made by hand. They are sealed by the sender's own channel, so the other side cannot tell them
 * from what the engine would say; whatever it refuses, it refuses for their content.
 */
#include "tests/lib/engines/hostile.h"

#define BODY_BYTES (1u << 20)

struct parcel {
    struct moot_key peer;
    enum moot_message_type type;
    uint32_t number;
    bool answer;
    struct moot_bytes body;
};

static void send_parcel(struct moot_step *step, const void *context)
{
    const struct parcel *parcel = context;
    struct moot_session *session = moot_session_of_peer(step->engine, step->pool, &parcel->peer);
    struct moot_map_item item;
    if (!session && moot_map_first(step->pool, &step->engine->sessions, &item))
        session = item.value; /* a joiner has one session, and no peers yet */
    assert_non_null(session);
    if (parcel->answer)
        moot_session_answer(step, session, parcel->type, parcel->number, parcel->body,
                            MOOT_AFTER_NOTHING);
    else
        moot_session_tell(step, session, parcel->type, parcel->body);
}

void test_hostile_message(struct test_net *net, uint32_t from, uint32_t to,
                          enum moot_message_type type, uint32_t number, bool answer,
                          struct moot_bytes body)
{
    struct parcel parcel = {.peer = net->nodes[to].identity.key,
                            .type = type,
                            .number = number,
                            .answer = answer,
                            .body = body};
    test_net_meddle(net, from, send_parcel, &parcel);
}

static void write_items(struct moot_writer *writer, const struct moot_bytes *items, uint32_t count)
{
    moot_write_array(writer, count);
    for (uint32_t i = 0; i < count; i++)
        moot_write_bin(writer, items[i]);
}

void test_hostile_push(struct test_net *net, uint32_t from, uint32_t to,
                       const struct test_items *items)
{
    struct moot_digest root = {{1}};
    struct moot_writer writer;
    void *memory = malloc(BODY_BYTES);
    assert_non_null(memory);
    moot_writer_init(&writer, memory, BODY_BYTES);
    moot_write_array(&writer, 5);
    moot_write_digest(&writer, &root);
    moot_write_digest(&writer, &root);
    write_items(&writer, items->objects, items->object_count);
    write_items(&writer, items->loose, items->loose_count);
    write_items(&writer, items->runs, items->run_count);
    assert_int_equal(writer.status, MOOT_OK);
    test_hostile_message(net, from, to, MOOT_MESSAGE_PUSH, 0, false,
                         moot_bytes_of(memory, writer.size));
    free(memory);
}

struct moot_bytes test_hostile_approval(struct test_net *net, uint32_t signer,
                                        const struct moot_statement *statement,
                                        uint8_t memory[1024])
{
    const struct moot_identity *identity = &net->nodes[signer].identity;
    struct moot_signature signature;
    uint8_t bytes[MOOT_STATEMENT_BYTES];
    struct moot_writer writer;
    moot_statement_sign(statement, identity, &signature);
    moot_statement_encode(statement, bytes);
    moot_writer_init(&writer, memory, 1024);
    moot_write_array(&writer, 6);
    moot_write_uint(&writer, MOOT_LOOSE_APPROVAL);
    moot_write_bin(&writer, moot_bytes_of(bytes, sizeof bytes));
    moot_write_key(&writer, &identity->key);
    moot_write_signature(&writer, &signature);
    moot_write_text(&writer, moot_bytes_of_text(""));
    moot_write_nil(&writer);
    assert_int_equal(writer.status, MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

uint64_t test_net_refused(const struct test_net *net, uint32_t node, enum moot_status why)
{
    return test_net_engine(net, node)->refused[why];
}

struct moot_engine *test_net_engine(const struct test_net *net, uint32_t node)
{
    return moot_engine_of(&net->nodes[node].env);
}

bool test_net_equal(const struct test_net *net, uint32_t a, uint32_t b)
{
    struct moot_view_stats left, right;
    moot_view_stats(&net->nodes[a].env, &left);
    moot_view_stats(&net->nodes[b].env, &right);
    return moot_digest_equal(&left.frontier_digest, &right.frontier_digest) &&
           moot_digest_equal(&left.state_digest, &right.state_digest);
}
