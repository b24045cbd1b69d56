/*
 * Canonical MessagePack, writing: msgpack-c's packer, which always takes the shortest form, with a
 * callback into a bounded buffer.
 * Happy path: every call appends one value, or the head of one array, to writer->data.
 * Failures: what does not fit leaves the buffer as it is and the writer at OVERSIZED; text that is
 * not UTF-8 leaves it at BAD_TEXT. After that every call does nothing.
 */
#include "journal/codec.h"

#include <string.h>

#include <msgpack.h>

#include "crypto/base/contract.h"

#define ARENA_ALIGN 16u /* what moot_arena_take rounds up to */

static void append(struct moot_writer *writer, const void *data, size_t size)
{
    if (writer->status != MOOT_OK) {
        return;
    }
    if (size > writer->capacity - writer->size) {
        writer->status = MOOT_OVERSIZED;
        return;
    }
    if (size > 0) {
        memcpy(writer->data + writer->size, data, size);
        writer->size += size;
    }
}

/* The packer's callback: anything but 0 ends the packing of that value. */
static int on_packed(void *context, const char *data, size_t size)
{
    struct moot_writer *writer = context;
    append(writer, data, size);
    return writer->status == MOOT_OK ? 0 : -1;
}

static msgpack_packer packer_of(struct moot_writer *writer)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, writer, on_packed);
    return packer;
}

void moot_writer_init(struct moot_writer *writer, void *memory, size_t capacity)
{
    *writer = (struct moot_writer){.data = memory, .capacity = capacity, .status = MOOT_OK};
}

void moot_writer_init_arena(struct moot_writer *writer, struct moot_arena *arena)
{
    size_t rest = arena->size - arena->used;
    size_t pad = (size_t)(0 - (uintptr_t)(arena->base + arena->used)) & (ARENA_ALIGN - 1);
    size_t capacity = rest > pad ? rest - pad : 0;
    void *memory = capacity > 0 ? moot_arena_take(arena, capacity) : NULL;
    moot_writer_init(writer, memory, memory != NULL ? capacity : 0);
}

struct moot_bytes moot_writer_finish_arena(struct moot_writer *writer, struct moot_arena *arena)
{
    bool good = writer->status == MOOT_OK;
    if (writer->data != NULL) {
        moot_arena_trim(arena, writer->data, good ? writer->size : 0);
    }
    return good ? moot_bytes_of(writer->data, writer->size) : moot_bytes_of(NULL, 0);
}

void moot_write_array(struct moot_writer *writer, uint32_t count)
{
    msgpack_packer packer = packer_of(writer);
    msgpack_pack_array(&packer, count);
}

void moot_write_uint(struct moot_writer *writer, uint64_t value)
{
    msgpack_packer packer = packer_of(writer);
    msgpack_pack_uint64(&packer, value);
}

void moot_write_bin(struct moot_writer *writer, struct moot_bytes bytes)
{
    if (bytes.size > UINT32_MAX) {
        moot_writer_fail(writer, MOOT_OVERSIZED);
        return;
    }
    msgpack_packer packer = packer_of(writer);
    if (msgpack_pack_bin(&packer, bytes.size) == 0) {
        append(writer, bytes.data, bytes.size);
    }
}

void moot_write_bin_head(struct moot_writer *writer, uint32_t size)
{
    msgpack_packer packer = packer_of(writer);
    msgpack_pack_bin(&packer, size);
}

void moot_write_text(struct moot_writer *writer, struct moot_bytes text)
{
    if (text.size > UINT32_MAX) {
        moot_writer_fail(writer, MOOT_OVERSIZED);
        return;
    }
    if (!moot_utf8_valid(text)) {
        moot_writer_fail(writer, MOOT_BAD_TEXT);
        return;
    }
    msgpack_packer packer = packer_of(writer);
    if (msgpack_pack_str(&packer, text.size) == 0) {
        append(writer, text.data, text.size);
    }
}

void moot_write_bool(struct moot_writer *writer, bool value)
{
    msgpack_packer packer = packer_of(writer);
    if (value) {
        msgpack_pack_true(&packer);
    } else {
        msgpack_pack_false(&packer);
    }
}

void moot_write_nil(struct moot_writer *writer)
{
    msgpack_packer packer = packer_of(writer);
    msgpack_pack_nil(&packer);
}

void moot_write_digest(struct moot_writer *writer, const struct moot_digest *digest)
{
    moot_write_bin(writer, moot_digest_bytes(digest));
}

void moot_write_key(struct moot_writer *writer, const struct moot_key *key)
{
    moot_write_bin(writer, moot_key_bytes(key));
}

void moot_write_signature(struct moot_writer *writer, const struct moot_signature *signature)
{
    moot_write_bin(writer, moot_bytes_of(signature->b, sizeof signature->b));
}

void moot_write_raw(struct moot_writer *writer, struct moot_bytes bytes)
{
    append(writer, bytes.data, bytes.size);
}

void moot_writer_fail(struct moot_writer *writer, enum moot_status status)
{
    MOOT_REQUIRE(status != MOOT_OK);
    if (writer->status == MOOT_OK) {
        writer->status = status;
    }
}
