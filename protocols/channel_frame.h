/* Sealed frames of an established channel: the part of protocols/channel.c that comes after the
 * handshake. For channel.c and the tests' eyes only; everybody else includes protocols/channel.h. */
#ifndef MOOT_PROTOCOLS_CHANNEL_FRAME_H
#define MOOT_PROTOCOLS_CHANNEL_FRAME_H

#include "protocols/channel.h"

/* Opens one frame of an ESTABLISHED channel into one message in the arena. BAD_RECORD, NO_MEMORY;
 * after either the ciphers are out of step and the channel must not be used any more. */
enum moot_status moot_channel_frame_open(struct moot_channel *channel, struct moot_bytes frame,
                                         struct moot_arena *arena, struct moot_bytes *ret_message);

#endif
