/*
 * What the files of the control API share: a request on its way, the table's rows, JSON helpers.
 *
 *   reading ─ body complete ─▶ run ─┬─▶ ready ─▶ answered
 *                                   ├─▶ call (engine's answer) ─▶ finish ─▶ commit ─▶ ready
 *                                   ├─▶ job (package import)   ─▶ finish ─▶ ready
 *                                   ├─▶ commit (durable before visible) ─▶ ready
 *                                   └─▶ stream (events)
 */
#ifndef MOOT_NODE_API_INTERNAL_H
#define MOOT_NODE_API_INTERNAL_H

#include <jansson.h>
#include <microhttpd.h>

#include "node/api.h"
#include "node/limits.h"
#include "node/package.h"
#include "node/region.h"
#include "protocols/view.h"

enum moot_api_phase {
    MOOT_API_READING = 1,
    MOOT_API_CALL,   /* suspended: the engine has it */
    MOOT_API_JOB,    /* suspended: the thread pool has it */
    MOOT_API_COMMIT, /* suspended: the answer is there and waits for the disk */
    MOOT_API_READY,
    MOOT_API_STREAM
};

enum moot_api_type {
    MOOT_API_TEXT = 1,
    MOOT_API_BOOL,
    MOOT_API_NUMBER, /* 0 to 2^53 */
    MOOT_API_TEXTS,  /* array of text */
    MOOT_API_EPOCH   /* number, or text "+N" or "N" */
};

/* A member that a body may have; `name` NULL ends the list. dry_run is always allowed. */
struct moot_api_member {
    const char *name;
    enum moot_api_type type;
    bool required;
};

struct moot_request;
struct moot_api_image;

struct moot_endpoint {
    struct moot_api_row row;
    const char *query;                     /* names allowed, "limit,after"; NULL: none */
    const struct moot_api_member *members; /* POST; NULL: no body member but dry_run */
    bool raw;                              /* the body is a file */
    /* Reading: fills request->answer. Acting: fills request->call (finish set) or starts a job. */
    enum moot_status (*run)(struct moot_request *request);
    /* Acting: fills request->answer from the engine's reply, which is MOOT_OK and no dry run. */
    enum moot_status (*finish)(struct moot_request *request, const struct moot_reply *reply);
};

#define MOOT_API_PATH_BYTES_MAX 1024 /* KEY or ID, decoded */
#define MOOT_API_NAMES_MAX 64

struct moot_request {
    struct moot_request *next, *previous;
    struct moot_api *api;
    struct MHD_Connection *connection;
    const struct moot_endpoint *endpoint;
    enum moot_api_phase phase;
    bool suspended;
    bool gone; /* the client has hung up: the connection ends when it is resumed */
    enum moot_status status;
    struct moot_error error; /* detail for status */

    char *argument; /* ID or KEY, decoded, with a NUL behind it; NULL when the path has none */
    size_t argument_size;

    uint8_t *body;
    size_t body_size, body_capacity;
    uint64_t discarded; /* bytes of a body that is not wanted any more */
    json_t *input;      /* parsed body: an object */

    json_t *answer;
    uint64_t ticket; /* the answer may leave once this is durable */

    struct moot_call call;
    struct moot_bytes names[MOOT_API_NAMES_MAX];
    struct moot_cache_entry entries[MOOT_CACHE_ENTRIES_MAX];
    uint64_t call_number;
    uint8_t *decoded; /* value_base64 */
    struct moot_package_manifest *manifest;
    struct moot_api_image *image; /* api_snapshots.c; freed with the request */

    uv_work_t work; /* package import */
    char *file_path;
    int file;
    uint64_t file_bytes;
    struct moot_digest file_manifest;

    uint64_t since; /* stream */
    bool follow;
    char *line;
    size_t line_size, line_used;
};

struct moot_api {
    uv_loop_t *loop;
    struct moot_shell *shell;
    const struct moot_config *config;
    char *path;
    int listen_fd;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer; /* the library's own time-outs, and runs asked for */
    uv_timer_t sweep; /* looks for clients that hung up while they wait */
    uint32_t handles_open;
    bool started, stopping;
    struct moot_request *requests;
    struct moot_region scratch;
    struct moot_arena arena; /* for one answer */
    uint64_t opened_ms;
    uint32_t file_number;
};

/* ---- api_table.c ---- */

/* The row for method and raw path, and the decoded argument (malloc'ed) in the request. NOT_FOUND;
 * BAD_ARGUMENT: wrong method (detail names the right ones) or a path that does not decode. */
enum moot_status moot_api_route(struct moot_request *request, const char *method, const char *path);

/* Percent-decoding in place of the copy: `ret` holds `size` + 1 bytes. False for bad escapes. */
bool moot_api_unescape(const char *text, size_t size, char *ret, size_t *ret_size);

/* ---- api_args.c ---- */

/* Parses the body into request->input and holds it against the row's members. */
enum moot_status moot_api_input(struct moot_request *request);
/* The query against the row's names. */
enum moot_status moot_api_query_check(struct moot_request *request);
/* A member of the body as text; empty when it is not there. Borrowed from the input. */
struct moot_bytes moot_api_text(const struct moot_request *request, const char *name);
bool moot_api_flag(const struct moot_request *request, const char *name);
uint64_t moot_api_number(const struct moot_request *request, const char *name, uint64_t standard);
/* A number of the query: `standard` when absent; BAD_ARGUMENT when it is no number. */
enum moot_status moot_api_query_number(struct moot_request *request, const char *name,
                                       uint64_t standard, uint64_t *ret);
/* A text of the query, decoded; empty when absent. BAD_ARGUMENT: too long, or bad escapes. */
enum moot_status moot_api_query_text(struct moot_request *request, const char *name,
                                     char ret[MOOT_API_PATH_BYTES_MAX + 1], size_t *ret_size);

/* ---- api_json.c ---- */

/* Sets a member; `value` is taken over. Out of memory is remembered, see moot_json_failed. */
void moot_json_put(json_t *object, const char *name, json_t *value);
void moot_json_push(json_t *array, json_t *value);
/* True once after any put or push since the last call failed: the answer is not whole. */
bool moot_json_failed(void);
json_t *moot_json_hex(struct moot_bytes bytes);
json_t *moot_json_digest(const struct moot_digest *digest);
json_t *moot_json_digest_or_null(const struct moot_digest *digest); /* null when zero */
json_t *moot_json_key(const struct moot_key *key);
json_t *moot_json_text(struct moot_bytes text); /* bytes that are not UTF-8 become '?' */
json_t *moot_json_number(uint64_t number);
/* The member's name, or the first 8 hex digits of a key that is no member. */
json_t *moot_json_name(const struct moot_engine_env *env, const struct moot_key *key);
/* A new object with its "schema". */
json_t *moot_json_answer(const char *schema);
json_t *moot_json_error(enum moot_status status, const char *detail);
/* "value" as text if it is UTF-8, else "value_base64". `name` is the first's name. */
void moot_json_put_bytes(json_t *object, const char *name, const char *name_base64,
                         struct moot_bytes bytes);
/* Standard base64 with padding; false for anything else. `ret` malloc'ed. */
bool moot_base64_parse(const char *text, size_t size, uint8_t **ret, size_t *ret_size);

/* ---- shared between resources ---- */

/* A member of type MOOT_API_EPOCH: a number, or "+N" from now; 0 when it is not there. */
uint32_t moot_api_epoch(struct moot_request *request, const char *member);
/* The value of a body into request->call: "value" or "value_base64", or "tombstone" if that may be. */
enum moot_status moot_api_value(struct moot_request *request, bool may_delete);

const struct moot_engine_env *moot_api_env(const struct moot_request *request);
uint64_t moot_api_now(const struct moot_request *request);
/* request->argument as a proposal: NOT_FOUND, AMBIGUOUS. */
enum moot_status moot_api_proposal_id(struct moot_request *request, struct moot_digest *ret);
json_t *moot_api_proposal_json(struct moot_request *request, const struct moot_view_proposal *view);
/* Removed and replaced ones at the end, if they are wanted. */
json_t *moot_api_devices_json(struct moot_request *request, bool with_removed);
/* What a removal, replacement or rename is about; NULL for other bodies. */
json_t *moot_api_device_body_json(struct moot_request *request, const struct moot_body *body);
enum moot_status moot_api_do_remove(struct moot_request *request);
enum moot_status moot_api_do_replace(struct moot_request *request);
enum moot_status moot_api_do_rename(struct moot_request *request);
json_t *moot_api_proposals_json(struct moot_request *request, const char *kind_or_null);
json_t *moot_api_memory_json(struct moot_request *request);
json_t *moot_api_self_json(struct moot_request *request);
json_t *moot_api_notes_json(struct moot_request *request, const struct moot_view_status *view);
json_t *moot_api_stalled_json(struct moot_request *request, const struct moot_view_status *view);

/* Members "fence" and "snapshot" of the status. */
void moot_api_put_snapshot(struct moot_request *request, json_t *answer);
json_t *moot_api_snapshot_body_json(const struct moot_snapshot_body *body);

/* The answer is ready (or request->status says why not): waits for its commit, then leaves. */
void moot_api_finish(struct moot_request *request, enum moot_status status);

/* ---- endpoints ---- */

enum moot_status moot_api_get_status(struct moot_request *request);
enum moot_status moot_api_get_epoch(struct moot_request *request);
enum moot_status moot_api_get_forks(struct moot_request *request);
/* The hard fork that is activated and not yet in force, or null. */
json_t *moot_api_next_fence_json(const struct moot_view_status *view);
enum moot_status moot_api_get_config(struct moot_request *request);
enum moot_status moot_api_get_devices(struct moot_request *request);
enum moot_status moot_api_get_pending(struct moot_request *request);
enum moot_status moot_api_get_proposals(struct moot_request *request);
enum moot_status moot_api_get_proposal(struct moot_request *request);
enum moot_status moot_api_get_upgrades(struct moot_request *request);
enum moot_status moot_api_get_stats(struct moot_request *request);
enum moot_status moot_api_get_log(struct moot_request *request);
enum moot_status moot_api_get_records(struct moot_request *request);
enum moot_status moot_api_get_record(struct moot_request *request);
enum moot_status moot_api_get_snapshots(struct moot_request *request);
enum moot_status moot_api_get_snapshot(struct moot_request *request);
enum moot_status moot_api_get_image(struct moot_request *request);
enum moot_status moot_api_get_events(struct moot_request *request);
enum moot_status moot_api_get_cache(struct moot_request *request);
enum moot_status moot_api_get_cache_check(struct moot_request *request);

enum moot_status moot_api_do_init(struct moot_request *request);
enum moot_status moot_api_do_join(struct moot_request *request);
enum moot_status moot_api_do_invite(struct moot_request *request);
enum moot_status moot_api_do_admit(struct moot_request *request);
enum moot_status moot_api_do_deny(struct moot_request *request);
enum moot_status moot_api_do_admins(struct moot_request *request);
enum moot_status moot_api_do_upgrade(struct moot_request *request);
enum moot_status moot_api_do_snapshot(struct moot_request *request);
enum moot_status moot_api_do_approve(struct moot_request *request);
enum moot_status moot_api_do_reject(struct moot_request *request);
enum moot_status moot_api_do_withdraw(struct moot_request *request);
enum moot_status moot_api_do_activate(struct moot_request *request);
enum moot_status moot_api_do_put(struct moot_request *request);
enum moot_status moot_api_did_init(struct moot_request *request, const struct moot_reply *reply);
enum moot_status moot_api_did_join(struct moot_request *request, const struct moot_reply *reply);
enum moot_status moot_api_did_invite(struct moot_request *request, const struct moot_reply *reply);
enum moot_status moot_api_did_deny(struct moot_request *request, const struct moot_reply *reply);
enum moot_status moot_api_did_propose(struct moot_request *request, const struct moot_reply *reply);
enum moot_status moot_api_did_put(struct moot_request *request, const struct moot_reply *reply);
enum moot_status moot_api_do_propose_cache(struct moot_request *request);
enum moot_status moot_api_do_cache_get(struct moot_request *request);
enum moot_status moot_api_do_cache_set(struct moot_request *request);
enum moot_status moot_api_did_cache_get(struct moot_request *request,
                                        const struct moot_reply *reply);
enum moot_status moot_api_did_cache_set(struct moot_request *request,
                                        const struct moot_reply *reply);

/* ---- api_package.c: a raw body goes to a file, then through a job ---- */
enum moot_status moot_api_package_begin(struct moot_request *request);
enum moot_status moot_api_package_write(struct moot_request *request, const char *data,
                                        size_t size);
enum moot_status moot_api_do_package(struct moot_request *request);
void moot_api_package_drop(struct moot_request *request);

/* ---- api_events.c ---- */
/* The body of an event stream: MHD_ContentReaderCallback. */
ssize_t moot_api_events_read(void *context, uint64_t position, char *buffer, size_t size);
bool moot_api_events_waiting(const struct moot_request *request); /* has something to say */

/* ---- api_snapshots.c ---- */
/* The bytes of request->image: MHD_ContentReaderCallback; and how many there are. */
ssize_t moot_api_image_read(void *context, uint64_t position, char *buffer, size_t size);
uint64_t moot_api_image_bytes(const struct moot_request *request);

/* ---- api_socket.c ---- */
enum moot_status moot_api_socket_open(const char *address, char **ret_path, int *ret_socket,
                                      struct moot_error *error);

#endif
