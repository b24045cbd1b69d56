/*
 * mootd: one node. Happy path: options, limits of the process, shell, API, "ready", the loop; a signal
 * ends it: commits are finished, answers sent, and the process leaves by _exit (links are never waited for).
 *
 * What fails at the start is said in one line, and the exit code is that of the reason.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "crypto/identity.h"
#include "node/api.h"
#include "node/log.h"
#include "node/options.h"
#include "node/shell.h"

struct daemon {
    uv_loop_t loop;
    uv_signal_t term, interrupt;
    struct moot_options options;
    struct moot_shell *shell;
    struct moot_api *api;
};

/* Before the first thread and the first secret. */
static void prepare_process(void)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setenv("UV_THREADPOOL_SIZE", "2", 1);
    (void)mallopt(M_ARENA_MAX, 2);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct daemon *node = signal->data;
    moot_log(MOOT_LOG_INFO, "stopping", MOOT_OK, (struct moot_bytes){0}, "signal %d", number);
    moot_api_stop(node->api);
    moot_shell_stop(node->shell); /* commits; answers reach their requests */
    moot_api_flush(node->api);    /* and leave */
    moot_log(MOOT_LOG_INFO, "stopped", MOOT_OK, (struct moot_bytes){0}, "%s", "");
    _exit(0);
}

static void watch_signals(struct daemon *node)
{
    (void)uv_signal_init(&node->loop, &node->term);
    (void)uv_signal_init(&node->loop, &node->interrupt);
    node->term.data = node->interrupt.data = node;
    (void)uv_signal_start(&node->term, on_signal, SIGTERM);
    (void)uv_signal_start(&node->interrupt, on_signal, SIGINT);
}

static void host_name(char ret[MOOT_NAME_BYTES_MAX + 1])
{
    char name[256] = "";
    (void)gethostname(name, sizeof name - 1);
    name[strcspn(name, ". ,")] = '\0';
    size_t size = strlen(name);
    bool good =
        size > 0 && size <= MOOT_NAME_BYTES_MAX && moot_utf8_valid(moot_bytes_of(name, size));
    (void)snprintf(ret, MOOT_NAME_BYTES_MAX + 1, "%.63s", good ? name : "device");
}

static void engine_config(const struct moot_options *options, struct moot_engine_config *ret)
{
    moot_engine_config_init(ret);
    moot_config_engine(&options->config, ret);
    (void)snprintf(ret->version, sizeof ret->version, "%s", MOOT_VERSION);
    host_name(ret->name);
    if (options->name != NULL) {
        (void)snprintf(ret->name, sizeof ret->name, "%s", options->name);
    }
    if (options->home != NULL) {
        (void)snprintf(ret->home, sizeof ret->home, "%s", options->home);
    }
    if (options->protocol_max != 0) {
        ret->protocol_max = options->protocol_max;
    }
    ret->alone = options->alone;
}

static enum moot_status start(struct daemon *node, struct moot_error *error)
{
    const struct moot_options *options = &node->options;
    moot_log_init(
        (enum moot_log_level)(moot_config_number(&options->config, MOOT_CONFIG_LOG_LEVEL) + 1),
        moot_config_number(&options->config, MOOT_CONFIG_LOG_JSON) != 0);
    if (uv_loop_init(&node->loop) != 0 || !moot_crypto_init()) {
        return moot_error_set(error, MOOT_INTERNAL, "neither loop nor libsodium");
    }
    struct moot_engine_config engine;
    engine_config(options, &engine);
    struct moot_shell_options shell = {.data_directory = options->data_directory,
                                       .listen_url = options->listen_url,
                                       .engine = &engine};
    enum moot_status status = moot_shell_open(&node->loop, &shell, &node->shell, error);
    if (status != MOOT_OK) {
        return status;
    }
    struct moot_api_options api = {
        .address = options->api_address, .shell = node->shell, .config = &options->config};
    return moot_api_open(&node->loop, &api, &node->api, error);
}

/* Always said, whatever the log's level: starters wait for this line. */
static void say_ready(const struct daemon *node)
{
    const char *listen = moot_shell_address(node->shell);
    dprintf(STDERR_FILENO, "mootd: ready: version %s, api %s, listen %s\n", MOOT_VERSION,
            node->options.api_address, listen[0] != '\0' ? listen : "none");
}

int main(int argc, char **argv)
{
    static struct daemon node;
    struct moot_error error = {0};
    prepare_process();
    enum moot_status status = moot_options_parse(argc, argv, &node.options, &error);
    if (status == MOOT_OK && node.options.help) {
        (void)fputs(moot_options_help, stdout);
        return 0;
    }
    if (status == MOOT_OK && node.options.version) {
        (void)printf("mootd %s, protocol %d\n", MOOT_VERSION, MOOT_PROTOCOL_MAX);
        return 0;
    }
    if (status == MOOT_OK) {
        status = start(&node, &error);
    }
    if (status != MOOT_OK) {
        error.status = status;
        moot_log_error("start.failed", &error);
        _exit(moot_status_info(status)->exit_code);
    }
    watch_signals(&node);
    say_ready(&node);
    (void)uv_run(&node.loop, UV_RUN_DEFAULT);
    return moot_status_info(MOOT_INTERNAL)->exit_code; /* the loop never runs dry */
}
