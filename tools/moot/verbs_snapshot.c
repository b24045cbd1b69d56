/*
 * Snapshots. Happy path: one request, printed; an image goes to stdout as it comes, or through a temporary
 * file when it is verified here. Failures: usage (2), no such snapshot or a block that is not here (4), a block
 * or a digest that does not match (8).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/bytes.h"
#include "crypto/digest.h"
#include "tools/moot/answer.h"
#include "tools/moot/client.h"
#include "tools/moot/columns.h"
#include "tools/moot/report.h"
#include "tools/moot/verbs.h"
#include "tools/moot/wait.h"
#include "tools/moot/words.h"

#define PROPOSE_MS 300000u /* draining and rebuilding a large state take their time */
#define IMAGE_MS 600000u

int moot_verb_propose_snapshot(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_post(cli, "/v1/propose/snapshot", NULL, PROPOSE_MS, &answer);
    code = code != 0 ? code : moot_wait_finish(cli, &answer);
    moot_answer_free(&answer);
    return code;
}

static const char *wanted(const struct moot_cli *cli)
{
    return cli->argument_count > 0 ? cli->arguments[0] : "last";
}

int moot_verb_snapshot_list(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/snapshots", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        const json_t *snapshots = moot_at(answer.json, "snapshots");
        struct moot_columns columns;
        moot_columns_init(&columns, "ID EPOCH IMAGE DIGEST FACTS");
        for (size_t i = 0; i < json_array_size(snapshots); i++) {
            const json_t *snapshot = json_array_get(snapshots, i);
            char epoch[MOOT_WORDS_BYTES];
            char size[MOOT_WORDS_BYTES];
            char digest[20];
            snprintf(epoch, sizeof epoch, "%lld", (long long)moot_at_number(snapshot, "epoch", 0));
            moot_words_size_format((uint64_t)moot_at_number(snapshot, "image_bytes", 0), size);
            snprintf(digest, sizeof digest, "%.16s", moot_at_text(snapshot, "state_digest"));
            moot_columns_row(&columns, moot_at_text(snapshot, "id"), epoch, size, digest,
                             moot_at_true(snapshot, "collected") ? "collected"
                             : moot_at_true(snapshot, "base")    ? "being collected"
                                                                 : "kept");
        }
        if (json_array_size(snapshots) == 0) {
            fprintf(cli->out, "no snapshot has been completed\n");
        }
        moot_columns_print(&columns, cli->out, 0);
        if (moot_at_text(answer.json, "pending")[0] != '\0') {
            fprintf(cli->out, "%s is open\n", moot_at_text(answer.json, "pending"));
        }
    }
    moot_answer_free(&answer);
    return code;
}

/* The image's bytes into `out`. */
static int image_get(struct moot_cli *cli, const char *id, FILE *out)
{
    char *path = moot_client_path("/v1/snapshots/", id, "/image");
    if (path == NULL) {
        return moot_report(cli, MOOT_NO_MEMORY, "building a request");
    }
    struct moot_answer answer = {0};
    struct moot_request request = {
        .method = "GET", .path = path, .stream = out, .timeout_ms = IMAGE_MS};
    moot_client_read(cli, &request, &answer);
    int code = answer.exit != 0 ? moot_report_answer(cli, answer.json) : 0;
    moot_answer_free(&answer);
    free(path);
    return code;
}

static void snapshot_print(FILE *out, const json_t *snapshot)
{
    char size[MOOT_WORDS_BYTES];
    moot_words_size_format((uint64_t)moot_at_number(snapshot, "image_bytes", 0), size);
    const char *previous = moot_at_text(snapshot, "previous");
    fprintf(out, "%s  snapshot of epoch %lld%s\n", moot_at_text(snapshot, "id"),
            (long long)moot_at_number(snapshot, "epoch", 0),
            moot_at_true(snapshot, "last") ? ", the last one" : "");
    fprintf(out, "  digest     %s\n", moot_at_text(snapshot, "state_digest"));
    fprintf(out, "  image      %s\n", size);
    fprintf(out, "  cut root   %s\n", moot_at_text(snapshot, "cut_root"));
    fprintf(out, "  follows    %s\n", previous[0] != '\0' ? previous : "nothing: it is the first");
    fprintf(out, "  facts      %s\n",
            moot_at_true(snapshot, "collected") ? "those under its cut are gone here"
                                                : "those under its cut are kept here");
}

int moot_verb_snapshot_show(struct moot_cli *cli)
{
    if (moot_cli_given(cli, MOOT_FLAG_IMAGE)) {
        return image_get(cli, wanted(cli), cli->out);
    }
    struct moot_answer answer = {0};
    int code = moot_client_get_at(cli, "/v1/snapshots/", wanted(cli), "", &answer);
    if (code == 0 && !moot_answer_printed(cli, &answer)) {
        snapshot_print(cli->out, answer.json);
    }
    moot_answer_free(&answer);
    return code;
}

static enum moot_status digest_of_file(FILE *file, uint64_t *ret_bytes, struct moot_digest *ret)
{
    uint8_t buffer[16384];
    struct moot_hasher hasher;
    size_t size;
    *ret_bytes = 0;
    moot_hasher_init(&hasher, NULL);
    rewind(file);
    while ((size = fread(buffer, 1, sizeof buffer, file)) > 0) {
        moot_hasher_add(&hasher, moot_bytes_of(buffer, size));
        *ret_bytes += size;
    }
    moot_hasher_finish(&hasher, ret);
    return ferror(file) ? MOOT_FILE_IO : MOOT_OK;
}

/* Against the digest that the administrators signed. */
static int image_check(struct moot_cli *cli, const json_t *snapshot, FILE *file)
{
    const char *hash = moot_at_text(snapshot, "hash");
    struct moot_digest digest;
    struct moot_digest certified;
    uint64_t bytes;
    int code = image_get(cli, hash, file);
    if (code != 0) {
        return code;
    }
    const char *text = moot_at_text(snapshot, "state_digest");
    enum moot_status status = digest_of_file(file, &bytes, &digest);
    if (status == MOOT_OK && (!moot_hex_parse(text, strlen(text), certified.b, 32) ||
                              !moot_digest_equal(&digest, &certified))) {
        status = MOOT_BAD_BLOCK;
    }
    if (status != MOOT_OK) {
        return moot_report(cli, status, "the image of %.40s", moot_at_text(snapshot, "id"));
    }
    if (cli->json) {
        json_t *document =
            json_pack("{s:s,s:b,s:O,s:O,s:I,s:O}", "schema", "moot.verified/1", "verified", 1, "id",
                      moot_at(snapshot, "id"), "epoch", moot_at(snapshot, "epoch"), "bytes",
                      (json_int_t)bytes, "state_digest", moot_at(snapshot, "state_digest"));
        moot_report_json(cli, document);
        json_decref(document);
    } else {
        fprintf(cli->out, "%s: every block and all %llu bytes hash to the certified digest %s\n",
                moot_at_text(snapshot, "id"), (unsigned long long)bytes, text);
    }
    return 0;
}

int moot_verb_snapshot_verify(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    int code = moot_client_get_at(cli, "/v1/snapshots/", wanted(cli), "", &answer);
    FILE *file = code == 0 ? tmpfile() : NULL;
    if (file != NULL) {
        code = image_check(cli, answer.json, file);
        fclose(file);
    } else if (code == 0) {
        code = moot_report(cli, MOOT_FILE_IO, "a temporary file: %s", strerror(errno));
    }
    moot_answer_free(&answer);
    return code;
}

int moot_verb_snapshot_gc(struct moot_cli *cli)
{
    if (!cli->dry_run) {
        return moot_report(cli, MOOT_BAD_ARGUMENT,
                           "collection happens by itself behind a completed snapshot: --dry-run "
                           "tells what the next one will collect");
    }
    struct moot_answer answer = {0};
    int code = moot_client_get(cli, "/v1/snapshots", &answer);
    if (code == 0 && cli->json) {
        json_t *document =
            json_pack("{s:s,s:b,s:O?}", "schema", "moot.gc/1", "dry_run", 1, "collectable_facts",
                      moot_at(answer.json, "collectable_facts"));
        moot_report_json(cli, document);
        json_decref(document);
    } else if (code == 0) {
        fprintf(cli->out, "%lld facts go here when the next snapshot is completed\n",
                (long long)moot_at_number(answer.json, "collectable_facts", 0));
    }
    moot_answer_free(&answer);
    return code;
}
