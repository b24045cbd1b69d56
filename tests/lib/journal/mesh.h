/*
 * A small mesh for tests: devices with fixed keys, bodies with plausible values, certified objects
 * and facts. Everything is deterministic; nothing is allocated. The founder is device 0.
 */
#ifndef TESTS_LIB_JOURNAL_MESH_H
#define TESTS_LIB_JOURNAL_MESH_H

#include "journal/kinds.h"

struct test_device {
    struct moot_identity identity;
    struct moot_digest chain; /* on the first branch of the mesh */
};

#define TEST_DEVICES 8
struct test_mesh {
    uint8_t founding_memory[512];
    struct moot_bytes founding; /* payload of MeshFounded */
    struct moot_digest mesh, first_timeline;
    struct test_device devices[TEST_DEVICES];
};
/* `salt` makes it a mesh of its own; the devices are the same in every mesh. */
void test_mesh_init(struct test_mesh *mesh, uint8_t salt);

/* Encoded bytes in memory of the caller's. */
struct test_bytes {
    uint8_t memory[MOOT_OBJECT_BYTES_MAX];
    size_t size;
};
struct moot_bytes test_bytes_of(const struct test_bytes *bytes);

/* Bodies. */
struct moot_body test_tick(const struct moot_digest *before, uint32_t epoch,
                           const struct moot_digest *turn_or_null);
struct moot_body test_admission(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                                const struct test_device *device, const char *name);
struct moot_body test_removal(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                              const struct test_device *device, uint64_t last_seq);
struct moot_body test_replacement(const struct test_device *proposer, uint32_t epoch,
                                  uint64_t nonce, const struct test_device *old_device,
                                  const struct test_device *new_device, uint64_t keep_seq);
struct moot_body test_rename(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                             const struct test_device *device, const char *name);
/* Admins are devices[first] to devices[first + count - 1], sorted by key. */
struct moot_body test_admins(const struct test_mesh *mesh, const struct test_device *proposer,
                             uint32_t epoch, uint64_t nonce, uint64_t k,
                             const struct moot_digest *before, uint32_t first, uint32_t count,
                             uint32_t threshold, uint32_t version);
struct moot_body test_upgrade(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                              bool hard);
struct moot_body test_hard_fork(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                                uint64_t k, const struct moot_digest *before,
                                const struct moot_digest *upgrade);

/* One key, or all that begin with it. */
struct moot_body test_cache(const struct test_device *proposer, uint32_t epoch, uint64_t nonce,
                            uint32_t floor, bool prefix, const char *key);

void test_body_encode(const struct moot_body *body, struct test_bytes *ret);
struct moot_digest test_body_hash(const struct moot_body *body);

/* A certified object: the body's statement on `timeline` signed by devices[first .. first + count - 1]. */
void test_certify(const struct test_mesh *mesh, const struct moot_body *body,
                  const struct moot_digest *timeline, uint32_t first, uint32_t count,
                  struct test_bytes *ret);

/* A fact of `device`; the payload is borrowed. Its id is filled in, prev is zero. */
struct moot_fact test_fact(const struct test_device *device, uint64_t seq, uint32_t epoch,
                           uint32_t lamport, uint16_t kind, const struct moot_digest *timeline,
                           struct moot_bytes payload);

#endif
