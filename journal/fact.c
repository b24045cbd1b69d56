/*
 * Facts: the header's canonical bytes, the ids that follow from them, and the signature of a head.
 * Happy path: hash payload, fill header, moot_fact_id, and every 64 facts moot_head_sign.
 * Failures: a header that does not decode says why; hashing and signing cannot fail.
 */
#include "journal/fact.h"

#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/digest.h"

#define HEADER_VALUES 11u
#define HEADER_VALUES_MAX 64u /* what a later version may have before we call it hostile */

struct moot_fork_id moot_fork_id_of(const struct moot_digest *timeline)
{
    struct moot_fork_id fork_id;
    memcpy(fork_id.b, timeline->b, sizeof fork_id.b);
    return fork_id;
}

bool moot_fork_id_equal(struct moot_fork_id a, struct moot_fork_id b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

void moot_header_encode(const struct moot_header *header, struct moot_writer *writer)
{
    moot_write_array(writer, HEADER_VALUES);
    moot_write_uint(writer, MOOT_FACT_VERSION);
    moot_write_uint(writer, header->seq);
    moot_write_digest(writer, &header->prev);
    moot_write_bin(writer, moot_bytes_of(header->fork_id.b, sizeof header->fork_id.b));
    moot_write_uint(writer, header->epoch);
    moot_write_uint(writer, header->lamport);
    moot_write_uint(writer, header->protocol);
    moot_write_uint(writer, header->kind);
    moot_write_uint(writer, header->wall_s);
    moot_write_uint(writer, header->payload_size);
    moot_write_digest(writer, &header->payload_hash);
}

/* The shortest form of a number; returns its size (1 to 9). */
static size_t pack_uint(uint8_t *at, uint64_t value)
{
    if (value < 0x80) {
        at[0] = (uint8_t)value;
        return 1;
    }
    if (value <= UINT8_MAX) {
        at[0] = 0xcc;
        at[1] = (uint8_t)value;
        return 2;
    }
    if (value <= UINT16_MAX) {
        at[0] = 0xcd;
        moot_u16_put(at + 1, (uint16_t)value);
        return 3;
    }
    if (value <= UINT32_MAX) {
        at[0] = 0xce;
        moot_u32_put(at + 1, (uint32_t)value);
        return 5;
    }
    at[0] = 0xcf;
    moot_u64_put(at + 1, value);
    return 9;
}

static size_t pack_bin(uint8_t *at, const uint8_t *data, uint8_t size)
{
    at[0] = 0xc4;
    at[1] = size;
    memcpy(at + 2, data, size);
    return 2 + (size_t)size;
}

size_t moot_header_pack(const struct moot_header *header, uint8_t ret[MOOT_HEADER_BYTES_MAX])
{
    uint8_t *at = ret;
    *at++ = 0x90 + HEADER_VALUES;
    *at++ = MOOT_FACT_VERSION;
    at += pack_uint(at, header->seq);
    at += pack_bin(at, header->prev.b, sizeof header->prev.b);
    at += pack_bin(at, header->fork_id.b, sizeof header->fork_id.b);
    at += pack_uint(at, header->epoch);
    at += pack_uint(at, header->lamport);
    at += pack_uint(at, header->protocol);
    at += pack_uint(at, header->kind);
    at += pack_uint(at, header->wall_s);
    at += pack_uint(at, header->payload_size);
    at += pack_bin(at, header->payload_hash.b, sizeof header->payload_hash.b);
    size_t size = (size_t)(at - ret);
    MOOT_ENSURE(size <= MOOT_HEADER_BYTES_MAX);
    return size;
}

enum moot_status moot_header_decode(struct moot_bytes bytes, struct moot_header *ret)
{
    struct moot_cursor cursor;
    struct moot_header header = {0};
    moot_cursor_init(&cursor, bytes);
    uint32_t count = moot_read_array_any(&cursor, HEADER_VALUES_MAX);
    uint64_t version = moot_read_uint(&cursor, UINT64_MAX);
    if (cursor.status == MOOT_OK && version > MOOT_FACT_VERSION) {
        enum moot_status status = moot_canonical_check(bytes);
        return status == MOOT_OK ? MOOT_UNKNOWN_VERSION : status;
    }
    if (cursor.status == MOOT_OK && (version != MOOT_FACT_VERSION || count != HEADER_VALUES)) {
        return MOOT_BAD_VALUE;
    }
    header.seq = moot_read_uint(&cursor, UINT64_MAX);
    moot_read_digest(&cursor, &header.prev);
    moot_read_fork_id(&cursor, &header.fork_id);
    header.epoch = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    header.lamport = (uint32_t)moot_read_uint(&cursor, UINT32_MAX);
    header.protocol = (uint16_t)moot_read_uint(&cursor, UINT16_MAX);
    header.kind = (uint16_t)moot_read_uint(&cursor, UINT16_MAX);
    header.wall_s = moot_read_uint(&cursor, UINT64_MAX);
    header.payload_size = (uint32_t)moot_read_uint(&cursor, MOOT_PAYLOAD_BYTES_MAX);
    moot_read_digest(&cursor, &header.payload_hash);
    if (cursor.status == MOOT_OK && (header.seq == 0 || header.lamport == 0)) {
        moot_cursor_fail(&cursor, MOOT_BAD_VALUE);
    }
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status == MOOT_OK) {
        *ret = header;
    }
    return status;
}

void moot_read_fork_id(struct moot_cursor *cursor, struct moot_fork_id *ret)
{
    struct moot_bytes bytes = moot_read_bin(cursor, SIZE_MAX);
    *ret = (struct moot_fork_id){0};
    if (cursor->status != MOOT_OK) {
        return;
    }
    if (bytes.size != sizeof ret->b) {
        moot_cursor_fail(cursor, MOOT_BAD_VALUE);
        return;
    }
    memcpy(ret->b, bytes.data, sizeof ret->b);
}

void moot_fact_id(const struct moot_digest *chain, const struct moot_header *header,
                  struct moot_digest *ret)
{
    uint8_t bytes[sizeof chain->b + MOOT_HEADER_BYTES_MAX];
    memcpy(bytes, chain->b, sizeof chain->b);
    size_t size = moot_header_pack(header, bytes + sizeof chain->b);
    moot_digest_of_bytes("moot/fact/1", moot_bytes_of(bytes, sizeof chain->b + size), ret);
}

void moot_payload_hash(struct moot_bytes payload, struct moot_digest *ret)
{
    moot_digest_of_bytes("moot/payload/1", payload, ret);
}

void moot_chain_id(const struct moot_digest *mesh, const struct moot_key *device,
                   const struct moot_digest *branch, struct moot_digest *ret)
{
    const struct moot_bytes parts[] = {moot_digest_bytes(mesh), moot_key_bytes(device),
                                       moot_digest_bytes(branch)};
    moot_digest_of("moot/chain/1", parts, MOOT_COUNT_OF(parts), ret);
}

#define HEAD_BYTES (32 + 8 + 32)

static void head_encode(const struct moot_digest *chain, uint64_t seq,
                        const struct moot_digest *fact_id, uint8_t ret[HEAD_BYTES])
{
    memcpy(ret, chain->b, 32);
    moot_u64_put(ret + 32, seq);
    memcpy(ret + 40, fact_id->b, 32);
}

void moot_head_sign(const struct moot_identity *identity, const struct moot_digest *chain,
                    uint64_t seq, const struct moot_digest *fact_id, struct moot_signature *ret)
{
    uint8_t bytes[HEAD_BYTES];
    head_encode(chain, seq, fact_id, bytes);
    moot_identity_sign(identity, "moot/head/1", moot_bytes_of(bytes, sizeof bytes), ret);
}

bool moot_head_verify(const struct moot_key *device, const struct moot_digest *chain, uint64_t seq,
                      const struct moot_digest *fact_id, const struct moot_signature *signature)
{
    uint8_t bytes[HEAD_BYTES];
    head_encode(chain, seq, fact_id, bytes);
    return moot_identity_verify(device, "moot/head/1", moot_bytes_of(bytes, sizeof bytes),
                                signature);
}

void moot_mesh_id(struct moot_bytes founding_payload, struct moot_digest *ret)
{
    moot_digest_of_bytes("moot/mesh/1", founding_payload, ret);
}
