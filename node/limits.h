/* Limits of the daemon. docs/LIMITS.md is made from these lines: the comment says what happens. */
#ifndef MOOT_NODE_LIMITS_H
#define MOOT_NODE_LIMITS_H

/* clang-format off */

#define MOOT_LINKS_MAX 160 /* open links, strangers included; one more is closed at once */
#define MOOT_LINK_SEND_BYTES_MAX 8388608 /* bytes waiting on one link; more closes it as silent */
#define MOOT_LINK_FIRST_FRAME_BYTES_MAX 4096 /* a frame of the handshake; a larger length closes the link */
#define MOOT_LINK_DIAL_MS_MAX 10000 /* a dial that is not connected by then ends as link_failed */
#define MOOT_API_BODY_BYTES_MAX 1048576 /* body of one API request; larger is refused */
#define MOOT_API_CONNECTIONS_MAX 64 /* open API connections; one more waits */
#define MOOT_EVENTS_KEPT_MAX 4096 /* events kept for moot events --since; the oldest goes first */
#define MOOT_POOL_BYTES_MAX 4294967296 /* the engine's memory; at the end it refuses with no_memory */
#define MOOT_HELD_BYTES_MAX 67108864 /* frames and answers waiting for a commit; more closes the link they are for */
#define MOOT_API_DISCARD_BYTES_MAX 67108864 /* bytes of a refused body read and thrown away before the connection is closed */
#define MOOT_PACKAGE_FILE_BYTES_MAX 8589934592 /* one package file taken over the API; larger is refused as oversized */
#define MOOT_API_SCRATCH_BYTES 67108864 /* memory for one answer (reserved, touched on use) */
#define MOOT_STORE_QUEUE_BYTES_MAX 268435456 /* batches waiting for the disk; at the end a submit is refused with limit */
#define MOOT_STORE_GROUP_BYTES_MAX 67108864 /* batches in one transaction; more go into the next one */
#define MOOT_STORE_MAP_BYTES 68719476736 /* address space for the store at first; it doubles by itself */
#define MOOT_SCRATCH_BYTES 268435456 /* memory for one turn of the engine (reserved, touched on use) */

/* clang-format on */

#endif
