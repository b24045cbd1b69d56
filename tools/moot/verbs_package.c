/*
 * Package files, without a node. Happy path: node/package does the work, this tells about it.
 * Failures: that library's typed errors with their exit codes.
 */
#include <string.h>

#include "node/package.h"
#include "tools/moot/args.h"
#include "tools/moot/columns.h"
#include "tools/moot/report.h"
#include "tools/moot/verbs.h"
#include "tools/moot/words.h"

static json_t *text_of(struct moot_bytes bytes)
{
    return json_stringn((const char *)bytes.data, bytes.size);
}

static json_t *hex_of(const uint8_t *bytes, size_t size)
{
    char text[2 * 32 + 1];
    moot_hex_format(moot_bytes_of(bytes, size), text);
    return json_string(text);
}

static int options_fill(struct moot_cli *cli, struct moot_package_options *ret)
{
    const char *channel = moot_cli_flag(cli, MOOT_FLAG_CHANNEL, "stable");
    uint64_t least = 0;
    uint64_t most = 0;
    *ret = (struct moot_package_options){
        .name = moot_cli_flag(cli, MOOT_FLAG_NAME, NULL),
        .version = moot_cli_flag(cli, MOOT_FLAG_VERSION, NULL),
        .platform = moot_cli_flag(cli, MOOT_FLAG_PLATFORM, NULL),
        .from_min = moot_cli_flag(cli, MOOT_FLAG_FROM_MIN, NULL),
        .notes = moot_cli_flag(cli, MOOT_FLAG_NOTES, NULL),
        .mandatory = moot_cli_given(cli, MOOT_FLAG_MANDATORY),
        .security = moot_cli_given(cli, MOOT_FLAG_SECURITY),
        .key_file = moot_cli_flag(cli, MOOT_FLAG_KEY, NULL),
    };
    if (!moot_release_channel_parse(moot_bytes_of_text(channel), &ret->channel)) {
        return moot_report(cli, MOOT_BAD_ARGUMENT,
                           "--channel %s: stable, beta, nightly or security", channel);
    }
    if (!moot_args_number(cli, MOOT_FLAG_PROTOCOL_MIN, UINT16_MAX, 0, &least) ||
        !moot_args_number(cli, MOOT_FLAG_PROTOCOL_MAX, UINT16_MAX, 0, &most)) {
        return 2;
    }
    ret->protocol_min = (uint32_t)least;
    ret->protocol_max = (uint32_t)most;
    return 0;
}

int moot_verb_package_build(struct moot_cli *cli)
{
    const char *output = moot_cli_flag(cli, MOOT_FLAG_OUTPUT, "");
    struct moot_package_options options;
    struct moot_package_built built;
    struct moot_error error = {0};
    int code = options_fill(cli, &options);
    if (code != 0) {
        return code;
    }
    if (moot_package_build(cli->arguments[0], &options, output, &built, &error) != MOOT_OK) {
        return moot_report_error(cli, &error);
    }
    if (built.key_made) {
        fprintf(cli->err, "a new release key was made: %s; keep it safe\n", built.key_path);
    }
    if (cli->json) {
        json_t *document = json_pack(
            "{s:s,s:o,s:s,s:s,s:I,s:I,s:I,s:o,s:s,s:b,s:s}", "schema", "moot.package/1", "manifest",
            hex_of(built.manifest_hash.b, sizeof built.manifest_hash.b), "name", options.name,
            "version", options.version, "files", (json_int_t)built.file_count, "plain_bytes",
            (json_int_t)built.plain_bytes, "bytes", (json_int_t)built.package_bytes, "release_key",
            hex_of(built.release_key.b, sizeof built.release_key.b), "file", output, "key_made",
            built.key_made, "key_file", built.key_path);
        moot_report_json(cli, document);
        json_decref(document);
        return 0;
    }
    char plain[MOOT_WORDS_BYTES];
    char packed[MOOT_WORDS_BYTES];
    char hash[2 * sizeof built.manifest_hash.b + 1];
    moot_words_size_format(built.plain_bytes, plain);
    moot_words_size_format(built.package_bytes, packed);
    moot_hex_format(moot_digest_bytes(&built.manifest_hash), hash);
    fprintf(cli->out, "%s: %s %s, %u files, %s, %s packed\nmanifest %s\n", output, options.name,
            options.version, built.file_count, plain, packed, hash);
    return 0;
}

/* The members every answer about a package file has. */
static json_t *manifest_document(const char *schema, const struct moot_package_manifest *package)
{
    const struct moot_manifest *manifest = &package->manifest;
    json_t *document = json_pack(
        "{s:s,s:o,s:o?,s:o?,s:o?,s:o?,s:o?,s:s,s:I,s:I,s:b,s:b,s:o}", "schema", schema, "manifest",
        hex_of(package->hash.b, sizeof package->hash.b), "name", text_of(manifest->name), "version",
        text_of(manifest->version), "platform", text_of(manifest->platform), "from_min",
        text_of(manifest->from_min), "notes", text_of(manifest->notes), "channel",
        moot_release_channel_format(manifest->channel), "protocol_min",
        (json_int_t)manifest->protocol_min, "protocol_max", (json_int_t)manifest->protocol_max,
        "mandatory", manifest->mandatory, "security", manifest->security, "release_key",
        hex_of(manifest->release_key.b, sizeof manifest->release_key.b));
    json_object_set_new(document, "files", json_integer((json_int_t)manifest->file_count));
    json_object_set_new(document, "blocks", json_integer((json_int_t)manifest->block_count));
    json_object_set_new(document, "bytes", json_integer((json_int_t)manifest->packed_bytes));
    json_object_set_new(document, "plain_bytes", json_integer((json_int_t)manifest->plain_bytes));
    return document;
}

static void inspect_json(struct moot_cli *cli, const struct moot_package_manifest *package)
{
    const struct moot_manifest *manifest = &package->manifest;
    json_t *document = manifest_document("moot.manifest/1", package);
    json_t *contents = json_array();
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        const struct moot_manifest_file *file = &manifest->files[i];
        char mode[8];
        snprintf(mode, sizeof mode, "%04o", file->mode & 07777u);
        json_array_append_new(
            contents, json_pack("{s:o?,s:s,s:I,s:o,s:o}", "path", text_of(file->path), "mode", mode,
                                "bytes", (json_int_t)file->size_bytes, "sha256",
                                hex_of(file->sha256, sizeof file->sha256), "blake2b",
                                hex_of(file->blake2b.b, sizeof file->blake2b.b)));
    }
    json_object_set_new(document, "contents", contents);
    moot_report_json(cli, document);
    json_decref(document);
}

static void head_show(FILE *out, const struct moot_package_manifest *package)
{
    const struct moot_manifest *manifest = &package->manifest;
    char hex[2 * 32 + 1];
    char plain[MOOT_WORDS_BYTES];
    char packed[MOOT_WORDS_BYTES];
    moot_words_size_format(manifest->plain_bytes, plain);
    moot_words_size_format(manifest->packed_bytes, packed);
    fprintf(out, "%.*s %.*s, %s, for %.*s, protocols %u to %u%s%s\n", (int)manifest->name.size,
            (const char *)manifest->name.data, (int)manifest->version.size,
            (const char *)manifest->version.data, moot_release_channel_format(manifest->channel),
            (int)manifest->platform.size, (const char *)manifest->platform.data,
            manifest->protocol_min, manifest->protocol_max,
            manifest->mandatory ? ", mandatory" : "", manifest->security ? ", security" : "");
    fprintf(out, "%u files, %s; %u blocks, %s packed\n", manifest->file_count, plain,
            manifest->block_count, packed);
    moot_hex_format(moot_digest_bytes(&package->hash), hex);
    fprintf(out, "manifest     %s\n", hex);
    moot_hex_format(moot_key_bytes(&manifest->release_key), hex);
    fprintf(out, "release key  %s\n", hex);
}

int moot_verb_package_inspect(struct moot_cli *cli)
{
    struct moot_package *package = NULL;
    struct moot_error error = {0};
    if (moot_package_open(cli->arguments[0], &package, &error) != MOOT_OK) {
        return moot_report_error(cli, &error);
    }
    const struct moot_package_manifest *manifest = moot_package_manifest(package);
    if (cli->json) {
        inspect_json(cli, manifest);
    } else {
        head_show(cli->out, manifest);
        struct moot_columns columns;
        moot_columns_init(&columns, "MODE SIZE PATH");
        for (uint32_t i = 0; i < manifest->manifest.file_count; i++) {
            const struct moot_manifest_file *file = &manifest->manifest.files[i];
            char mode[8];
            char size[MOOT_WORDS_BYTES];
            char path[1024];
            snprintf(mode, sizeof mode, "%04o", file->mode & 07777u);
            moot_words_size_format(file->size_bytes, size);
            snprintf(path, sizeof path, "%.*s", (int)file->path.size,
                     (const char *)file->path.data);
            moot_columns_row(&columns, mode, size, path);
        }
        moot_columns_print(&columns, cli->out, 0);
    }
    moot_package_close(package);
    return 0;
}

int moot_verb_package_verify(struct moot_cli *cli)
{
    struct moot_package *package = NULL;
    struct moot_error error = {0};
    if (moot_package_verify(cli->arguments[0], &error) != MOOT_OK ||
        moot_package_open(cli->arguments[0], &package, &error) != MOOT_OK) {
        return moot_report_error(cli, &error);
    }
    const struct moot_package_manifest *manifest = moot_package_manifest(package);
    if (cli->json) {
        json_t *document = manifest_document("moot.package-verified/1", manifest);
        json_object_set_new(document, "verified", json_true());
        moot_report_json(cli, document);
        json_decref(document);
    } else {
        head_show(cli->out, manifest);
        fprintf(cli->out, "every block, every file and the signature are good\n");
    }
    moot_package_close(package);
    return 0;
}
