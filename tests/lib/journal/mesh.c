/*
 * Builds meshes for tests. Happy path only: a value that does not encode fails the test.
 */
#include "tests/lib/journal/mesh.h"

#include "crypto/digest.h"
#include "tests/lib/test.h"

void test_mesh_init(struct test_mesh *mesh, uint8_t salt)
{
    memset(mesh, 0, sizeof *mesh);
    assert_true(moot_crypto_init());
    for (uint32_t i = 0; i < TEST_DEVICES; i++) {
        uint8_t seed[32] = {0};
        seed[0] = (uint8_t)(i + 1);
        moot_identity_init(&mesh->devices[i].identity, seed);
    }
    struct moot_founding founding = {.mesh_name = moot_bytes_of_text("mesh"),
                                     .name = moot_bytes_of_text("device-0"),
                                     .home = moot_bytes_of_text("home"),
                                     .founder = mesh->devices[0].identity.key};
    memset(founding.salt, salt, sizeof founding.salt);
    struct moot_writer writer;
    moot_writer_init(&writer, mesh->founding_memory, sizeof mesh->founding_memory);
    moot_founding_encode(&founding, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    mesh->founding = moot_bytes_of(mesh->founding_memory, writer.size);
    moot_mesh_id(mesh->founding, &mesh->mesh);
    const struct moot_digest branch = {{0}};
    moot_timeline_first(&mesh->mesh, &branch, &mesh->first_timeline);
    for (uint32_t i = 0; i < TEST_DEVICES; i++) {
        moot_chain_id(&mesh->mesh, &mesh->devices[i].identity.key, &branch,
                      &mesh->devices[i].chain);
    }
}

struct moot_bytes test_bytes_of(const struct test_bytes *bytes)
{
    return moot_bytes_of(bytes->memory, bytes->size);
}

struct moot_body test_tick(const struct moot_digest *before, uint32_t epoch,
                           const struct moot_digest *turn_or_null)
{
    struct moot_body body;
    memset(&body, 0, sizeof body);
    body.kind = MOOT_BODY_TICK;
    body.epoch = epoch;
    body.tick.before = *before;
    body.tick.after = *before;
    body.tick.epoch = epoch;
    if (turn_or_null != NULL) {
        body.tick.turns = true;
        body.tick.turn = *turn_or_null;
        moot_timeline_after(before, turn_or_null, &body.tick.after);
    }
    return body;
}

static struct moot_body proposal(enum moot_body_kind kind, const struct test_device *proposer,
                                 uint32_t epoch, uint64_t nonce)
{
    struct moot_body body;
    memset(&body, 0, sizeof body);
    body.kind = kind;
    body.proposer = proposer->identity.key;
    body.epoch = epoch;
    body.nonce = nonce;
    return body;
}

struct moot_body test_admission(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                                const struct test_device *device, const char *name)
{
    struct moot_body body = proposal(MOOT_BODY_ADMISSION, proposer, epoch, nonce);
    body.admission.device = device->identity.key;
    body.admission.name = moot_bytes_of_text(name);
    body.admission.home = moot_bytes_of_text("home");
    return body;
}

/* Some id for fact `seq`; zero for 0. */
static struct moot_digest fact_id_any(uint64_t seq)
{
    struct moot_digest id = {{0}};
    uint8_t bytes[8];
    moot_u64_put(bytes, seq);
    if (seq > 0) {
        moot_digest_of_bytes("test", moot_bytes_of(bytes, sizeof bytes), &id);
    }
    return id;
}

struct moot_body test_removal(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                              const struct test_device *device, uint64_t last_seq)
{
    struct moot_body body = {.kind = MOOT_BODY_REMOVAL,
                             .proposer = proposer->identity.key,
                             .epoch = epoch,
                             .nonce = nonce};
    body.removal.device = device->identity.key;
    body.removal.last_seq = last_seq;
    body.removal.last_id = fact_id_any(last_seq);
    return body;
}

struct moot_body test_replacement(const struct test_device *proposer, uint32_t epoch,
                                  uint64_t nonce, const struct test_device *old_device,
                                  const struct test_device *new_device, uint64_t keep_seq)
{
    struct moot_body body = {.kind = MOOT_BODY_REPLACEMENT,
                             .proposer = proposer->identity.key,
                             .epoch = epoch,
                             .nonce = nonce};
    body.replacement.old_device = old_device->identity.key;
    body.replacement.new_device = new_device->identity.key;
    body.replacement.keep_seq = keep_seq;
    body.replacement.keep_id = fact_id_any(keep_seq);
    return body;
}

struct moot_body test_rename(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                             const struct test_device *device, const char *name)
{
    struct moot_body body = {.kind = MOOT_BODY_RENAME,
                             .proposer = proposer->identity.key,
                             .epoch = epoch,
                             .nonce = nonce};
    body.rename.device = device->identity.key;
    body.rename.name = moot_bytes_of_text(name);
    body.rename.home = moot_bytes_of_text("home");
    return body;
}

struct moot_body test_admins(const struct test_mesh *mesh, const struct test_device *proposer,
                             uint32_t epoch, uint64_t nonce, uint64_t k,
                             const struct moot_digest *before, uint32_t first, uint32_t count,
                             uint32_t threshold, uint32_t version)
{
    struct moot_body body = proposal(MOOT_BODY_TURN, proposer, epoch, nonce);
    body.turn.k = k;
    body.turn.before = *before;
    body.turn.what = MOOT_TURN_ADMINS;
    struct moot_admin_set *set = &body.turn.admins;
    set->version = version;
    set->threshold = threshold;
    for (uint32_t i = 0; i < count; i++) {
        struct moot_key key = mesh->devices[first + i].identity.key;
        uint32_t at = set->count++;
        for (; at > 0 && moot_key_compare(&set->keys[at - 1], &key) > 0; at--) {
            set->keys[at] = set->keys[at - 1];
        }
        set->keys[at] = key;
    }
    body.turn.earliest = epoch + 1;
    body.turn.last = epoch + 24;
    return body;
}

struct moot_body test_upgrade(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                              bool hard)
{
    struct moot_body body = proposal(MOOT_BODY_UPGRADE, proposer, epoch, nonce);
    body.upgrade.package_name = moot_bytes_of_text("thermostat");
    body.upgrade.from_version = moot_bytes_of_text("1.0.0");
    body.upgrade.to_version = moot_bytes_of_text("1.1.0");
    body.upgrade.revert_plan = moot_bytes_of_text("install 1.0.0");
    memset(body.upgrade.manifest.b, 7, sizeof body.upgrade.manifest.b);
    body.upgrade.kind = hard ? MOOT_UPGRADE_HARD : MOOT_UPGRADE_SOFT;
    body.upgrade.min_protocol = hard ? 2 : 1;
    body.upgrade.fence_epoch = hard ? epoch + 4 : 0;
    body.upgrade.window = hard ? 24 : 0;
    body.upgrade.ready_needed = 2;
    body.upgrade.deadline_epoch = epoch + 3;
    return body;
}

struct moot_body test_hard_fork(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                                uint64_t k, const struct moot_digest *before,
                                const struct moot_digest *upgrade)
{
    struct moot_body body = proposal(MOOT_BODY_TURN, proposer, epoch, nonce);
    body.turn.k = k;
    body.turn.before = *before;
    body.turn.what = MOOT_TURN_HARD_FORK;
    body.turn.upgrade = *upgrade;
    memset(body.turn.activation.b, 9, sizeof body.turn.activation.b);
    body.turn.earliest = epoch + 1;
    body.turn.last = epoch + 24;
    return body;
}

struct moot_body test_cache(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                            uint32_t floor, bool prefix, const char *key)
{
    struct moot_body body = proposal(MOOT_BODY_CACHE, proposer, epoch, nonce);
    body.cache.floor = floor;
    body.cache.entry_count = 1;
    body.cache.entries[0] =
        (struct moot_cache_entry){.prefix = prefix, .key = moot_bytes_of_text(key)};
    return body;
}

void test_body_encode(const struct moot_body *body, struct test_bytes *ret)
{
    struct moot_writer writer;
    moot_writer_init(&writer, ret->memory, sizeof ret->memory);
    moot_body_encode(body, &writer);
    assert_int_equal(writer.status, MOOT_OK);
    ret->size = writer.size;
}

struct moot_digest test_body_hash(const struct moot_body *body)
{
    struct test_bytes bytes;
    test_body_encode(body, &bytes);
    struct moot_digest hash;
    moot_body_hash(test_bytes_of(&bytes), &hash);
    return hash;
}

void test_certify(const struct test_mesh *mesh, const struct moot_body *body,
                  const struct moot_digest *timeline, uint32_t first, uint32_t count,
                  struct test_bytes *ret)
{
    struct test_bytes encoded;
    test_body_encode(body, &encoded);
    struct moot_digest hash;
    moot_body_hash(test_bytes_of(&encoded), &hash);
    struct moot_certificate certificate;
    memset(&certificate, 0, sizeof certificate);
    moot_body_statement(body, &hash, timeline, MOOT_VERDICT_YES, &certificate.statement);
    for (uint32_t i = first; i < first + count; i++) {
        struct moot_signature signature;
        moot_statement_sign(&certificate.statement, &mesh->devices[i].identity, &signature);
        assert_true(moot_certificate_add(&certificate, &mesh->devices[i].identity.key, &signature));
    }
    struct moot_writer writer;
    moot_writer_init(&writer, ret->memory, sizeof ret->memory);
    moot_object_encode(&certificate, test_bytes_of(&encoded), &writer);
    assert_int_equal(writer.status, MOOT_OK);
    ret->size = writer.size;
}

struct moot_fact test_fact(const struct test_device *device, uint64_t seq, uint32_t epoch,
                           uint32_t lamport, uint16_t kind, const struct moot_digest *timeline,
                           struct moot_bytes payload)
{
    struct moot_fact fact = {.payload = payload};
    fact.header = (struct moot_header){.seq = seq,
                                       .fork_id = moot_fork_id_of(timeline),
                                       .epoch = epoch,
                                       .lamport = lamport,
                                       .protocol = 1,
                                       .kind = kind,
                                       .wall_s = 1700000000 + seq,
                                       .payload_size = (uint32_t)payload.size};
    moot_payload_hash(payload, &fact.header.payload_hash);
    moot_fact_id(&device->chain, &fact.header, &fact.id);
    return fact;
}
