/*
 * The shell's life: what is opened in which order, and how it ends. Happy path: directory, store (which
 * locks the directory), key, blocks, links listening, engine, store thread; then the loop runs.
 *
 * Whatever fails at the start is one typed error, and everything opened before it is closed again.
 */
#include "node/shell.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/base/contract.h"
#include "node/device_key.h"
#include "node/last_address.h"
#include "node/log.h"
#include "node/shell_internal.h"

#define POOL_BYTES_LEAST (64u << 20)
#define SCRATCH_BYTES_LEAST (16u << 20)

static void fill_random(void *context, uint8_t *ret, size_t size)
{
    (void)context;
    randombytes_buf(ret, size);
}

/* Makes the directory and what is missing above it; on false errno says why. */
static bool directory_made(const char *directory)
{
    char path[4096];
    size_t size = strlen(directory);
    if (size >= sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(path, directory, size + 1);
    for (size_t i = 1; i < size; i++) {
        if (path[i] != '/') {
            continue;
        }
        path[i] = '\0';
        (void)mkdir(path, 0700); /* whatever is wrong above shows below */
        path[i] = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static enum moot_status open_store(struct moot_shell *shell, struct moot_error *error)
{
    if (!directory_made(shell->directory)) {
        int why = errno;
        (void)moot_error_set(error, MOOT_FILE_IO, "%.120s", shell->directory);
        if (error != NULL) {
            error->system_errno = why;
        }
        return MOOT_FILE_IO;
    }
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/journal", shell->directory);
    if (size < 0 || (size_t)size >= sizeof path) {
        return moot_error_set(error, MOOT_BAD_ARGUMENT, "the data directory's path is too long");
    }
    enum moot_status status = moot_node_store_open(path, NULL, &shell->store, error);
    if (status != MOOT_OK) {
        return status;
    }
    shell->port = moot_node_store_port(shell->store);
    shell->moved = moot_node_store_moved(shell->store);
    if (shell->moved) {
        moot_log(MOOT_LOG_WARNING, "store.moved", MOOT_OK, (struct moot_bytes){0},
                 "the data directory is a copy or was restored: nothing is signed before peers are "
                 "heard");
    }
    return MOOT_OK;
}

/* A device whose journal holds anything has a key; without it, it would be somebody else. */
static enum moot_status may_make_key(struct moot_shell *shell, bool *ret, struct moot_error *error)
{
    static const enum moot_table tables[] = {MOOT_TABLE_LOG, MOOT_TABLE_VOTE, MOOT_TABLE_CHAIN};
    *ret = true;
    for (size_t i = 0; i < MOOT_COUNT_OF(tables); i++) {
        struct moot_store_row row;
        enum moot_status status =
            shell->port.at_or_after(shell->port.self, tables[i], (struct moot_bytes){0}, &row);
        if (status == MOOT_OK) {
            *ret = false;
        } else if (status != MOOT_NOT_FOUND) {
            shell->port.release(shell->port.self);
            return moot_error_set(error, status, "table %d", (int)tables[i]);
        }
    }
    shell->port.release(shell->port.self);
    return MOOT_OK;
}

static enum moot_status load_identity(struct moot_shell *shell, struct moot_identity *identity,
                                      struct moot_error *error)
{
    bool may_make;
    enum moot_status status = may_make_key(shell, &may_make, error);
    if (status != MOOT_OK) {
        return status;
    }
    bool made;
    status = moot_device_key_load(shell->directory, may_make, identity, &made, error);
    if (status == MOOT_NOT_FOUND) {
        return moot_error_set(error, MOOT_STORE_DAMAGED,
                              "device.key is missing beside a journal that is not empty");
    }
    if (status == MOOT_OK && made) {
        moot_log(MOOT_LOG_INFO, "device.key.made", MOOT_OK, moot_key_bytes(&identity->key), "%s",
                 "");
    }
    return status;
}

static enum moot_status open_parts(struct moot_shell *shell, const char *listen_url,
                                   struct moot_error *error)
{
    enum moot_status status = moot_blocks_open(shell->directory, &shell->blocks, error);
    if (status != MOOT_OK) {
        return status;
    }
    struct moot_jobs_callbacks jobs = moot_shell_jobs_callbacks;
    jobs.context = shell;
    shell->jobs = moot_jobs_new(shell->loop, shell->blocks, shell->store, &jobs);
    struct moot_outbox_effect effect = {.context = shell, .act = moot_shell_act};
    shell->outbox = moot_outbox_new(&effect);
    shell->ring = moot_ring_new();
    if (shell->jobs == NULL || shell->outbox == NULL || shell->ring == NULL) {
        return moot_error_set(error, MOOT_NO_MEMORY, "at the start");
    }
    struct moot_link_callbacks links = moot_shell_link_callbacks;
    links.context = shell;
    shell->links = moot_links_new(shell->loop, &links, error);
    if (shell->links == NULL) {
        return error != NULL ? error->status : MOOT_LINK_FAILED;
    }
    if (listen_url != NULL && listen_url[0] != '\0') {
        return moot_last_address_listen(shell->links, shell->directory, listen_url, error);
    }
    return MOOT_OK;
}

static enum moot_status open_engine(struct moot_shell *shell,
                                    const struct moot_shell_options *options,
                                    const struct moot_identity *identity, struct moot_error *error)
{
    size_t pool_bytes = options->pool_bytes != 0 ? options->pool_bytes : MOOT_POOL_BYTES_MAX;
    shell->pool_region =
        moot_region_new(pool_bytes, pool_bytes < POOL_BYTES_LEAST ? pool_bytes : POOL_BYTES_LEAST);
    shell->scratch = moot_region_new(MOOT_SCRATCH_BYTES, SCRATCH_BYTES_LEAST);
    if (shell->pool_region.memory == NULL || shell->scratch.memory == NULL) {
        return moot_error_set(error, MOOT_NO_MEMORY, "no address space for the engine");
    }
    moot_arena_init(&shell->arena, shell->scratch.memory, shell->scratch.size);
    shell->random = (struct moot_random){.fill = fill_random};
    shell->env = (struct moot_engine_env){
        .pool = moot_pool_init(shell->pool_region.memory, shell->pool_region.size),
        .random = &shell->random,
        .store = &shell->port,
    };
    struct moot_engine_config config = *options->engine;
    (void)snprintf(config.listen_url, sizeof config.listen_url, "%s",
                   moot_links_address(shell->links));
    config.restored = shell->moved;
    enum moot_status status = moot_engine_open(&shell->env, &config, identity,
                                               moot_shell_now_ms(shell), &shell->arena, error);
    shell->port.release(shell->port.self);
    moot_region_trim(&shell->scratch, shell->arena.used, 0);
    moot_arena_reset(&shell->arena);
    shell->engine_open = status == MOOT_OK;
    return status;
}

static enum moot_status open_all(struct moot_shell *shell, const struct moot_shell_options *options,
                                 struct moot_error *error)
{
    enum moot_status status = open_store(shell, error);
    if (status != MOOT_OK) {
        return status;
    }
    struct moot_identity identity;
    status = load_identity(shell, &identity, error);
    if (status != MOOT_OK) {
        return status;
    }
    status = open_parts(shell, options->listen_url, error);
    if (status == MOOT_OK) {
        status = open_engine(shell, options, &identity, error);
    }
    moot_identity_deinit(&identity);
    if (status != MOOT_OK) {
        return status;
    }
    struct moot_node_store_events events = moot_shell_store_events;
    events.context = shell;
    status = moot_commits_start(&shell->commits, shell->loop, shell->store, &events, error);
    shell->commits_started = status == MOOT_OK;
    return status;
}

enum moot_status moot_shell_open(uv_loop_t *loop, const struct moot_shell_options *options,
                                 struct moot_shell **ret, struct moot_error *error)
{
    struct moot_shell *shell = calloc(1, sizeof *shell);
    if (shell == NULL) {
        return moot_error_set(error, MOOT_NO_MEMORY, "at the start");
    }
    shell->loop = loop;
    shell->end = &shell->first;
    shell->directory = strdup(options->data_directory);
    uv_update_time(loop);
    if (uv_timer_init(loop, &shell->wake) != 0 || shell->directory == NULL) {
        free(shell->directory);
        free(shell);
        return moot_error_set(error, MOOT_NO_MEMORY, "at the start");
    }
    shell->wake.data = shell;
    shell->handles_open = 1;
    enum moot_status status = open_all(shell, options, error);
    if (status != MOOT_OK) {
        moot_shell_stop(shell);
        moot_shell_close(shell);
        return status;
    }
    /* The first turn: whatever the engine wants to do by itself. */
    (void)uv_timer_start(&shell->wake, moot_shell_on_wake, 0, 0);
    *ret = shell;
    return MOOT_OK;
}

static void on_closed(void *context)
{
    struct moot_shell *shell = context;
    shell->handles_open--;
}

static void on_handle_closed(uv_handle_t *handle)
{
    on_closed(handle->data);
}

void moot_shell_stop(struct moot_shell *shell)
{
    if (shell->commits_started) {
        shell->commits_started = false;
        shell->handles_open++;
        moot_commits_stop(&shell->commits, on_closed, shell);
    }
    shell->stopped = true;
    if (!uv_is_closing((uv_handle_t *)&shell->wake)) {
        uv_close((uv_handle_t *)&shell->wake, on_handle_closed);
    }
}

void moot_shell_close(struct moot_shell *shell)
{
    MOOT_REQUIRE(shell->stopped);
    if (shell->links != NULL) {
        moot_links_free(shell->links);
    }
    while (shell->handles_open > 0 || (shell->jobs != NULL && moot_jobs_running(shell->jobs) > 0)) {
        (void)uv_run(shell->loop, UV_RUN_ONCE);
    }
    moot_jobs_free(shell->jobs);
    if (shell->engine_open) {
        moot_engine_close(&shell->env);
    }
    moot_outbox_free(shell->outbox);
    moot_ring_free(shell->ring);
    moot_blocks_close(shell->blocks);
    moot_node_store_close(shell->store);
    moot_region_free(&shell->pool_region);
    moot_region_free(&shell->scratch);
    free(shell->calls);
    free(shell->directory);
    free(shell);
}

/* ---- what others ask ---- */

const struct moot_engine_env *moot_shell_env(const struct moot_shell *shell)
{
    return &shell->env;
}

uint64_t moot_shell_now_ms(const struct moot_shell *shell)
{
    /* Never 0: the engine reads 0 as "not yet". */
    return uv_now(shell->loop) + 1;
}

bool moot_shell_durable(const struct moot_shell *shell, uint64_t ticket)
{
    return shell->store_full || shell->store_stopped || moot_outbox_ticket(shell->outbox) >= ticket;
}

const struct moot_ring *moot_shell_ring(const struct moot_shell *shell)
{
    return shell->ring;
}

struct moot_blocks *moot_shell_blocks(const struct moot_shell *shell)
{
    return shell->blocks;
}

const char *moot_shell_address(const struct moot_shell *shell)
{
    return moot_links_address(shell->links);
}

const char *moot_shell_directory(const struct moot_shell *shell)
{
    return shell->directory;
}

void moot_shell_watch(struct moot_shell *shell, const struct moot_shell_watcher *watcher)
{
    shell->watcher = watcher != NULL ? *watcher : (struct moot_shell_watcher){0};
}

/* ---- calls ---- */

uint64_t moot_shell_call(struct moot_shell *shell, const struct moot_call *call,
                         const struct moot_shell_caller *caller)
{
    MOOT_REQUIRE(!shell->busy);
    uint64_t number = ++shell->call_number;
    if (shell->call_count == shell->call_capacity) {
        uint32_t wanted = shell->call_capacity != 0 ? shell->call_capacity * 2 : 16;
        struct moot_shell_call_entry *calls =
            shell->stopped ? NULL : realloc(shell->calls, wanted * sizeof calls[0]);
        if (calls == NULL) {
            struct moot_reply reply = {.status = shell->stopped ? MOOT_STOPPING : MOOT_NO_MEMORY};
            caller->answered(caller->context, &reply);
            return number;
        }
        shell->calls = calls;
        shell->call_capacity = wanted;
    }
    if (shell->stopped) {
        struct moot_reply reply = {.status = MOOT_STOPPING};
        caller->answered(caller->context, &reply);
        return number;
    }
    shell->calls[shell->call_count++] =
        (struct moot_shell_call_entry){.number = number, .caller = *caller};
    moot_shell_event(
        shell, &(struct moot_event){.kind = MOOT_EVENT_CALL, .call_number = number, .call = call});
    return number;
}

void moot_shell_forget(struct moot_shell *shell, uint64_t call_number)
{
    for (uint32_t i = 0; i < shell->call_count; i++) {
        if (shell->calls[i].number == call_number) {
            shell->calls[i] = shell->calls[--shell->call_count];
            return;
        }
    }
}
