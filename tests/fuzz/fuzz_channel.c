/*
 * A channel fed arbitrary bytes in every state. The first byte chooses: raw bytes to each of the four
 * live states, or bytes behind a seal that is right, so that the decoders under it are reached too.
 *
 * Happy path: each input is refused, or leads to one more good state. Failures: a crash, a broken
 * channel that still says something, an established one without a proof.
 */
#include "tests/fuzz/fuzz.h"

#include "crypto/base/contract.h"
#include "crypto/digest.h"
#include "tests/lib/protocols/channel_pair.h"

enum choice { HELLO = 0, REPLY, PROOF, FRAME, TAGGED_HELLO, SEALED_PROOF, SEALED_RECORD, CHOICES };

/* Made once: both ends in every state; each input works on copies. */
static struct test_pair pair;
static struct moot_channel at[CHOICES];
static struct moot_noise dialler_noise; /* about to write message 3 */
static struct moot_noise_cipher dialler_cipher;
static bool made;

static void make(void)
{
    test_pair_init(&pair, 3);
    struct moot_bytes hello = test_pair_hello(&pair, MOOT_CHANNEL_MEMBER);
    at[HELLO] = at[TAGGED_HELLO] = pair.listener.channel;
    at[REPLY] = pair.dialler.channel;
    struct moot_channel_result reply = test_end_receive(&pair.listener, hello);
    at[PROOF] = at[SEALED_PROOF] = pair.listener.channel;
    dialler_noise = pair.dialler.channel.noise;
    uint8_t payload[2048];
    size_t size = 0;
    MOOT_REQUIRE(moot_noise_read(&dialler_noise, reply.send, payload, sizeof payload, &size) ==
                 MOOT_OK);
    struct moot_channel_result proof = test_end_receive(&pair.dialler, reply.send);
    test_end_receive(&pair.listener, proof.send);
    at[FRAME] = at[SEALED_RECORD] = pair.listener.channel;
    dialler_cipher = pair.dialler.channel.send;
    made = true;
}

/* The bytes as they arrive: as they are, or sealed. */
static size_t dress(enum choice choice, const uint8_t *data, size_t size, uint8_t *ret)
{
    size_t sealed = size;
    memcpy(ret, data, size);
    if (choice == TAGGED_HELLO && size > 22) {
        struct moot_bytes parts[2] = {moot_digest_bytes(&pair.mesh),
                                      moot_bytes_of(data + 22, size - 22)};
        struct moot_digest tag;
        moot_digest_of("moot/hello/1", parts, 2, &tag);
        memcpy(ret, "MOOT\1", 5);
        memcpy(ret + 6, tag.b, 16);
    } else if (choice == SEALED_PROOF) {
        struct moot_noise noise = dialler_noise;
        MOOT_REQUIRE(moot_noise_write(&noise, moot_bytes_of(data, size), ret, size + 128,
                                      &sealed) == MOOT_OK);
    } else if (choice == SEALED_RECORD) {
        struct moot_noise_cipher cipher = dialler_cipher;
        MOOT_REQUIRE(moot_noise_seal(&cipher, moot_bytes_of(NULL, 0), moot_bytes_of(data, size),
                                     ret) == MOOT_OK);
        sealed = size + MOOT_NOISE_TAG_BYTES;
    }
    return sealed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!made)
        make();
    if (size == 0 || size > 60000)
        return 0;
    enum choice choice = (enum choice)(data[0] % CHOICES);
    uint8_t *bytes = malloc(size + 128);
    MOOT_REQUIRE(bytes != NULL);
    size_t dressed = dress(choice, data + 1, size - 1, bytes);
    uint8_t *exact = malloc(dressed == 0 ? 1 : dressed);
    MOOT_REQUIRE(exact != NULL);
    memcpy(exact, bytes, dressed);

    struct test_end *end = choice == REPLY ? &pair.dialler : &pair.listener;
    struct moot_channel channel = at[choice];
    struct moot_channel_result result;
    moot_arena_reset(&end->arena);
    enum moot_status status = moot_channel_receive(&channel, moot_bytes_of(exact, dressed),
                                                   &end->local, &end->arena, &result);
    MOOT_REQUIRE((status == MOOT_OK) == (channel.state != MOOT_CHANNEL_BROKEN));
    MOOT_REQUIRE(status == MOOT_OK ||
                 (result.send.size == 0 && result.message.size == 0 && !result.established));
    /* Nobody can sign for another device, so no input of this program proves one. */
    MOOT_REQUIRE(!result.established);
    moot_channel_deinit(&channel);
    free(exact);
    free(bytes);
    return 0;
}
