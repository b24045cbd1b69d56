/* See tests/lib/node/writer.h. */
#include "tests/lib/node/writer.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "node/device_key.h"

#define POOL_BYTES ((size_t)2 << 30)
#define ARENA_BYTES ((size_t)64 << 20)

static void fill_random(void *context, uint8_t *ret, size_t size)
{
    (void)context;
    randombytes_buf(ret, size);
}

static uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static enum moot_status open_engine(struct test_writer *writer)
{
    struct moot_engine_config config;
    moot_engine_config_init(&config);
    (void)snprintf(config.name, sizeof config.name, "writer");
    writer->pool_memory = reserve(POOL_BYTES);
    writer->arena_memory = reserve(ARENA_BYTES);
    if (writer->pool_memory == NULL || writer->arena_memory == NULL) {
        return MOOT_NO_MEMORY;
    }
    moot_arena_init(&writer->arena, writer->arena_memory, ARENA_BYTES);
    writer->random = (struct moot_random){.fill = fill_random};
    writer->env = (struct moot_engine_env){.pool = moot_pool_init(writer->pool_memory, POOL_BYTES),
                                           .random = &writer->random,
                                           .store = &writer->store.port};
    struct moot_error error = {0};
    uint64_t start = now_us();
    enum moot_status status = moot_engine_open(&writer->env, &config, &writer->identity,
                                               now_us() / 1000, &writer->arena, &error);
    writer->open_s = (double)(now_us() - start) / 1e6;
    moot_arena_reset(&writer->arena);
    writer->told = moot_engine_ticket(&writer->env);
    return status;
}

enum moot_status test_writer_open(struct test_writer *writer, const char *directory)
{
    char path[4096];
    bool made;
    memset(writer, 0, sizeof *writer);
    int size = snprintf(path, sizeof path, "%s/journal", directory);
    if (size < 0 || (size_t)size >= sizeof path) {
        return MOOT_BAD_ARGUMENT;
    }
    enum moot_status status = test_store_open(&writer->store, path, NULL);
    if (status != MOOT_OK) {
        return status;
    }
    status = moot_device_key_load(directory, true, &writer->identity, &made, NULL);
    if (status == MOOT_OK) {
        status = open_engine(writer);
    }
    if (status != MOOT_OK) {
        test_writer_close(writer);
    }
    return status;
}

void test_writer_close(struct test_writer *writer)
{
    test_store_close(&writer->store);
    moot_identity_deinit(&writer->identity);
    if (writer->pool_memory != NULL) {
        (void)munmap(writer->pool_memory, POOL_BYTES);
    }
    if (writer->arena_memory != NULL) {
        (void)munmap(writer->arena_memory, ARENA_BYTES);
    }
    writer->pool_memory = writer->arena_memory = NULL;
}

static void step(struct test_writer *writer, struct moot_event *event)
{
    struct moot_actions actions;
    event->now_ms = now_us() / 1000;
    event->wall_s = 1700000000;
    moot_actions_init(&actions, &writer->arena);
    moot_engine_step(&writer->env, event, &actions);
    for (struct moot_action *action = actions.first; action != NULL; action = action->next) {
        if (action->kind == MOOT_ACTION_COMMIT &&
            moot_node_store_submit(writer->store.store, &action->batch, action->ticket) !=
                MOOT_OK) {
            writer->refused++;
        }
        if (action->kind == MOOT_ACTION_REPLY) {
            writer->answered++; /* counted early: test_writer_wait waits for the commits, too */
            if (action->reply.status != MOOT_OK) {
                writer->refused++;
                writer->refused_why = action->reply.status;
            }
        }
    }
    moot_arena_reset(&writer->arena);
}

/* Tells the engine what has become durable; false when nothing new has. */
static bool tell(struct test_writer *writer)
{
    if (writer->store.reported_ticket <= writer->told) {
        return false;
    }
    writer->told = writer->store.reported_ticket;
    step(writer, &(struct moot_event){.kind = MOOT_EVENT_COMMITTED,
                                      .ticket = writer->told,
                                      .status = writer->store.reported_status});
    return true;
}

void test_writer_call(struct test_writer *writer, const struct moot_call *call, bool more)
{
    step(writer,
         &(struct moot_event){
             .kind = MOOT_EVENT_CALL, .call_number = ++writer->asked, .call = call, .more = more});
}

bool test_writer_wait(struct test_writer *writer, uint32_t timeout_ms)
{
    uint64_t until = now_us() + (uint64_t)timeout_ms * 1000;
    while (writer->refused == 0 && now_us() < until) {
        uint64_t ticket = moot_engine_ticket(&writer->env);
        if (writer->answered == writer->asked && writer->told == ticket) {
            return true;
        }
        if (writer->told < ticket &&
            !test_store_wait(&writer->store, writer->told + 1, timeout_ms)) {
            return false;
        }
        if (!tell(writer)) {
            step(writer, &(struct moot_event){.kind = MOOT_EVENT_TIME});
        }
    }
    return false;
}

bool test_writer_found(struct test_writer *writer)
{
    struct moot_call call = {.kind = MOOT_CALL_INIT,
                             .mesh_name = moot_bytes_of_text("bench"),
                             .name = moot_bytes_of_text("writer"),
                             .home = moot_bytes_of_text("here")};
    test_writer_call(writer, &call, false);
    return test_writer_wait(writer, 10000);
}
