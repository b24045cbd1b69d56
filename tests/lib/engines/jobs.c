/*
 * The block store of a test's node: files in a list. It does what the contract of the jobs says, and
 * nothing more: reads are not verified, writes are.
 */
#include "tests/lib/engines/jobs.h"

#include "crypto/digest.h"
#include "protocols/inside.h"

static struct test_file *find(const struct test_node *node, const struct moot_digest *hash)
{
    struct test_file *file = node->files;
    while (file && !moot_digest_equal(&file->hash, hash))
        file = file->next;
    return file;
}

static void drop(struct test_node *node, const struct moot_digest *hash)
{
    struct test_file **at = &node->files;
    while (*at && !moot_digest_equal(&(*at)->hash, hash))
        at = &(*at)->next;
    struct test_file *file = *at;
    if (!file)
        return;
    *at = file->next;
    free(file->bytes);
    free(file);
}

static struct test_file *keep(struct test_node *node, const struct moot_digest *hash,
                              struct moot_bytes bytes, bool manifest)
{
    struct test_file *file = find(node, hash);
    if (!file) {
        file = calloc(1, sizeof *file);
        assert_non_null(file);
        file->hash = *hash;
        file->next = node->files;
        node->files = file;
    }
    free(file->bytes);
    file->bytes = malloc(bytes.size > 0 ? bytes.size : 1);
    assert_non_null(file->bytes);
    memcpy(file->bytes, bytes.data, bytes.size);
    file->size = bytes.size;
    file->manifest = manifest;
    return file;
}

static bool file_good(const struct test_file *file)
{
    struct moot_digest hash;
    struct moot_bytes bytes = moot_bytes_of(file->bytes, file->size);
    if (file->manifest)
        moot_manifest_hash(bytes, &hash);
    else
        moot_digest_of_bytes(NULL, bytes, &hash);
    return moot_digest_equal(&hash, &file->hash);
}

static enum moot_status write_file(struct test_node *node, const struct moot_job *job,
                                   bool manifest)
{
    struct moot_digest hash;
    if (manifest)
        moot_manifest_hash(job->input, &hash);
    else
        moot_digest_of_bytes(NULL, job->input, &hash);
    if (!moot_digest_equal(&hash, &job->hash))
        return manifest ? MOOT_BAD_MANIFEST : MOOT_BAD_BLOCK;
    if (node->disk_full)
        return MOOT_NO_SPACE;
    if (manifest) {
        struct moot_manifest decoded;
        struct moot_arena arena;
        void *memory = malloc(MOOT_MANIFEST_ARENA_BYTES);
        assert_non_null(memory);
        moot_arena_init(&arena, memory, MOOT_MANIFEST_ARENA_BYTES);
        enum moot_status status = moot_manifest_decode(job->input, &arena, &decoded);
        free(memory);
        if (status != MOOT_OK)
            return status;
    }
    keep(node, &job->hash, job->input, manifest)->writes++;
    return MOOT_OK;
}

static uint8_t *read_file(const struct test_node *node, const struct moot_job *job,
                          enum moot_status *ret_status, struct moot_bytes *ret_output)
{
    const struct test_file *file = find(node, &job->hash);
    *ret_status = file ? MOOT_OK : MOOT_BLOCK_MISSING;
    if (!file)
        return NULL;
    uint8_t *memory = malloc(file->size > 0 ? file->size : 1);
    assert_non_null(memory);
    memcpy(memory, file->bytes, file->size);
    *ret_output = moot_bytes_of(memory, file->size);
    return memory;
}

/* Decodes a manifest that is held; its arena's memory is the caller's to free. */
static enum moot_status load(const struct test_node *node, const struct moot_digest *hash,
                             struct moot_manifest *ret, void **ret_memory)
{
    const struct test_file *file = find(node, hash);
    struct moot_arena arena;
    *ret_memory = NULL;
    if (!file)
        return MOOT_BLOCK_MISSING;
    if (!file_good(file))
        return MOOT_BAD_MANIFEST;
    *ret_memory = malloc(MOOT_MANIFEST_ARENA_BYTES);
    assert_non_null(*ret_memory);
    moot_arena_init(&arena, *ret_memory, MOOT_MANIFEST_ARENA_BYTES);
    return moot_manifest_decode(moot_bytes_of(file->bytes, file->size), &arena, ret);
}

static uint8_t *scan(const struct test_node *node, const struct moot_job *job,
                     enum moot_status *ret_status, struct moot_bytes *ret_output)
{
    struct moot_manifest manifest;
    void *memory;
    *ret_status = load(node, &job->hash, &manifest, &memory);
    if (*ret_status != MOOT_OK) {
        free(memory);
        return NULL;
    }
    uint8_t *held = calloc(1, manifest.distinct_count + 1);
    uint8_t *seen = calloc(1, manifest.distinct_count + 1);
    size_t used = 0;
    assert_true(held && seen);
    for (uint32_t i = 0; i < manifest.block_count; i++) {
        int32_t number = moot_manifest_find(&manifest, &manifest.blocks[i]);
        assert_true(number >= 0);
        if (seen[number])
            continue;
        seen[number] = 1;
        held[used++] = find(node, &manifest.blocks[i]) ? 1 : 0;
    }
    free(seen);
    free(memory);
    *ret_output = moot_bytes_of(held, used);
    return held;
}

static uint8_t *check(const struct test_node *node, const struct moot_job *job,
                      enum moot_status *ret_status, struct moot_bytes *ret_output)
{
    struct moot_manifest manifest;
    void *memory;
    *ret_status = load(node, &job->hash, &manifest, &memory);
    uint8_t *output = calloc(1, 32);
    assert_non_null(output);
    for (uint32_t i = 0; *ret_status == MOOT_OK && i < manifest.block_count; i++) {
        const struct test_file *file = find(node, &manifest.blocks[i]);
        if (!file) {
            *ret_status = MOOT_FETCHING;
        } else if (!file_good(file)) {
            *ret_status = MOOT_BAD_BLOCK;
            memcpy(output, manifest.blocks[i].b, 32);
            *ret_output = moot_bytes_of(output, 32);
        }
    }
    free(memory);
    if (*ret_status == MOOT_OK)
        *ret_status = node->check_status;
    if (*ret_status == MOOT_OK) {
        moot_u64_put(output, 123456789);
        *ret_output = moot_bytes_of(output, 8);
    }
    return output;
}

static enum moot_status recheck(struct test_node *node, const struct moot_digest *hash)
{
    const struct test_file *file = find(node, hash);
    if (!file)
        return MOOT_BLOCK_MISSING;
    if (file_good(file))
        return MOOT_OK;
    drop(node, hash);
    return MOOT_BAD_BLOCK;
}

/* ---- snapshots ---- */

static enum moot_status block_get(void *blocks, const struct moot_digest *hash, uint8_t *buffer,
                                  size_t *ret_size)
{
    const struct test_file *file = find(blocks, hash);
    if (!file || file->manifest)
        return MOOT_BLOCK_MISSING;
    if (!file_good(file))
        return MOOT_BAD_BLOCK;
    memcpy(buffer, file->bytes, file->size);
    *ret_size = file->size;
    return MOOT_OK;
}

static enum moot_status block_put(void *blocks, const struct moot_digest *hash,
                                  struct moot_bytes bytes)
{
    struct test_node *node = blocks;
    if (node->disk_full)
        return MOOT_NO_SPACE;
    keep(node, hash, bytes, false)->writes++;
    return MOOT_OK;
}

/* Rebuilding and reading an image, with a pool of their own. */
static uint8_t *with_host(struct test_node *node, const struct moot_job *job,
                          enum moot_status *ret_status, struct moot_bytes *ret_output)
{
    const size_t pool_bytes = (size_t)16 << 20;
    void *pool_memory = calloc(1, pool_bytes);
    bool image = job->kind == MOOT_JOB_IMAGE;
    size_t size = MOOT_JOB_HOST_ARENA_BYTES + (image ? (size_t)moot_job_image_bytes(job) : 0);
    uint8_t *memory = malloc(size);
    assert_non_null(pool_memory);
    assert_non_null(memory);
    struct moot_arena arena;
    moot_arena_init(&arena, memory, size);
    const struct moot_job_host host = {.store = &node->port,
                                       .pool = moot_pool_init(pool_memory, pool_bytes),
                                       .blocks = node,
                                       .block_get = block_get,
                                       .block_put = block_put};
    *ret_status = image ? moot_job_image(job, &host, &arena, ret_output)
                        : moot_job_rebuild(job, &host, &arena, ret_output);
    node->port.release(node->port.self);
    free(pool_memory);
    return memory;
}

uint8_t *test_job_run(struct test_node *node, const struct moot_job *job,
                      enum moot_status *ret_status, struct moot_bytes *ret_output)
{
    *ret_output = moot_bytes_of(NULL, 0);
    *ret_status = MOOT_OK;
    switch (job->kind) {
    case MOOT_JOB_VERIFY: {
        struct moot_arena arena;
        size_t size = moot_job_verify_arena_bytes(job->input.size);
        uint8_t *memory = malloc(size);
        assert_non_null(memory);
        moot_arena_init(&arena, memory, size);
        moot_job_verify(job, &arena, ret_status, ret_output);
        return memory;
    }
    case MOOT_JOB_BLOCK_READ:
    case MOOT_JOB_MANIFEST_READ:
        return read_file(node, job, ret_status, ret_output);
    case MOOT_JOB_BLOCK_WRITE:
    case MOOT_JOB_MANIFEST_WRITE:
        *ret_status = write_file(node, job, job->kind == MOOT_JOB_MANIFEST_WRITE);
        return NULL;
    case MOOT_JOB_BLOCK_RECHECK:
        *ret_status = recheck(node, &job->hash);
        return NULL;
    case MOOT_JOB_PACKAGE_SCAN:
        return scan(node, job, ret_status, ret_output);
    case MOOT_JOB_PACKAGE_CHECK:
        return check(node, job, ret_status, ret_output);
    case MOOT_JOB_REBUILD:
    case MOOT_JOB_IMAGE:
        return with_host(node, job, ret_status, ret_output);
    }
    fail_msg("job of kind %d", (int)job->kind);
    return NULL;
}

/* ---- files and packages, for tests ---- */

struct test_file *test_net_file(struct test_net *net, uint32_t node, const struct moot_digest *hash)
{
    return find(&net->nodes[node], hash);
}

void test_net_file_remove(struct test_net *net, uint32_t node, const struct moot_digest *hash)
{
    drop(&net->nodes[node], hash);
}

void test_net_file_copy(struct test_net *net, uint32_t from, uint32_t to,
                        const struct moot_digest *hash)
{
    const struct test_file *file = find(&net->nodes[from], hash);
    assert_non_null(file);
    keep(&net->nodes[to], hash, moot_bytes_of(file->bytes, file->size), file->manifest);
}

void test_net_package(struct test_net *net, uint32_t node, const char *name, const char *version,
                      uint32_t block_count, uint64_t seed, struct test_package *ret)
{
    struct test_random random = test_random_seeded(seed);
    struct moot_identity release;
    uint8_t release_seed[32] = {9};
    size_t size = (size_t)block_count * MOOT_BLOCK_BYTES - 100;
    uint8_t *bytes = malloc(size);
    assert_true(bytes && block_count > 0 && block_count <= 16);
    test_random_bytes(&random, bytes, size);
    ret->block_count = block_count;
    for (uint32_t i = 0; i < block_count; i++) {
        size_t at = (size_t)i * MOOT_BLOCK_BYTES;
        struct moot_bytes block =
            moot_bytes_of(bytes + at, size - at < MOOT_BLOCK_BYTES ? size - at : MOOT_BLOCK_BYTES);
        moot_digest_of_bytes(NULL, block, &ret->blocks[i]);
        keep(&net->nodes[node], &ret->blocks[i], block, false);
    }
    struct moot_manifest_file file = {.path = moot_bytes_of_text("bin/app"),
                                      .mode = MOOT_MODE_PROGRAM,
                                      .size_bytes = size,
                                      .blake2b = ret->blocks[0]};
    struct moot_manifest_blob blob = {
        .packed_bytes = size, .plain_bytes = size, .block_count = block_count};
    struct moot_manifest manifest = {.name = moot_bytes_of_text(name),
                                     .version = moot_bytes_of_text(version),
                                     .platform = moot_bytes_of_text("any"),
                                     .channel = MOOT_RELEASE_STABLE,
                                     .protocol_min = 1,
                                     .protocol_max = 1,
                                     .file_count = 1,
                                     .blob_count = 1,
                                     .block_count = block_count,
                                     .files = &file,
                                     .blobs = &blob,
                                     .blocks = ret->blocks};
    struct moot_bytes encoded;
    moot_identity_init(&release, release_seed);
    moot_arena_reset(&net->arena);
    assert_int_equal(moot_manifest_encode(&manifest, &release, &net->arena, &encoded), MOOT_OK);
    moot_manifest_hash(encoded, &ret->manifest);
    keep(&net->nodes[node], &ret->manifest, encoded, true);
    free(bytes);
}

struct moot_digest test_net_propose(struct test_net *net, const char *name, const char *version,
                                    const struct test_package *package, uint32_t ready_needed)
{
    struct moot_call call = {.kind = MOOT_CALL_PROPOSE_UPGRADE,
                             .upgrade = {.package_name = moot_bytes_of_text(name),
                                         .from_version = moot_bytes_of_text("1.0.0"),
                                         .to_version = moot_bytes_of_text(version),
                                         .manifest = package->manifest,
                                         .kind = MOOT_UPGRADE_SOFT,
                                         .ready_needed = ready_needed}};
    for (uint32_t i = 0; ready_needed > net->count && i < net->count; i++) {
        net->nodes[i].config.soft_fork_auto_activate = false;
        if (net->nodes[i].up)
            moot_engine_of(&net->nodes[i].env)->config.soft_fork_auto_activate = false;
        call.upgrade.ready_needed = net->count;
    }
    struct moot_reply reply = test_net_call(net, 0, &call);
    if (reply.status != MOOT_OK)
        fail_msg("%s %s", moot_status_info(reply.status)->name, reply.detail);
    return reply.proposal;
}

struct moot_view_proposal test_net_proposal(struct test_net *net, uint32_t viewer,
                                            const struct moot_digest *proposal)
{
    struct moot_view_proposal view;
    moot_arena_reset(&net->arena);
    assert_int_equal(
        moot_view_proposal(&net->nodes[viewer].env, net->now_ms, proposal, &net->arena, &view),
        MOOT_OK);
    return view;
}

struct moot_view_readiness test_net_readiness(struct test_net *net, uint32_t viewer, uint32_t node,
                                              const struct moot_digest *proposal)
{
    struct moot_view_proposal view = test_net_proposal(net, viewer, proposal);
    for (uint32_t i = 0; i < view.readiness_of; i++) {
        if (moot_key_equal(&view.readiness[i].device, &net->nodes[node].identity.key))
            return view.readiness[i];
    }
    fail_msg("node %u is not listed", (unsigned)node);
    return (struct moot_view_readiness){0};
}
