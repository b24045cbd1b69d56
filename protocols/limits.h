/* Limits of the protocols. docs/LIMITS.md is made from these lines: the comment says what happens. */
#ifndef MOOT_PROTOCOLS_LIMITS_H
#define MOOT_PROTOCOLS_LIMITS_H

/* clang-format off */

#define MOOT_FRAME_BYTES_MAX 1114112 /* one frame on a link (1 MiB + 64 KiB); a larger length closes the link */
#define MOOT_RECORD_PLAIN_BYTES_MAX 65519 /* plaintext of one sealed record */
#define MOOT_REKEY_RECORDS 65536 /* records in one direction after which both sides rekey */
#define MOOT_SESSIONS_MAX 64 /* authenticated links; one more is refused */
#define MOOT_STRANGERS_MAX 64 /* links that are not authenticated yet; the oldest is dropped for a new one */
#define MOOT_STRANGERS_PER_ADDRESS_MAX 8 /* the same from one address; one more is dropped */
#define MOOT_HANDSHAKE_MS_MAX 5000 /* a link that is not authenticated by then is closed */
#define MOOT_PING_INTERVAL_MS 5000 /* idle time after which a peer is asked for a sign of life */
#define MOOT_PINGS_LOST_MAX 3 /* pings without answer after which a link is dead */
#define MOOT_REQUESTS_OUTSTANDING_MAX 4 /* unanswered requests of one peer; one more ends the session */
#define MOOT_UNASKED_MESSAGES_MAX 20000 /* messages in a second that are no answers; one more ends the session */
#define MOOT_UNASKED_BYTES_MAX 67108864 /* their bytes in a second; more end the session */
#define MOOT_PEERS_KNOWN_MAX 1088 /* devices whose address is kept; those of no member give way to members */
#define MOOT_DIAL_PAUSE_MS_MIN 200 /* first pause before dialling again */
#define MOOT_DIAL_PAUSE_MS_MAX 30000 /* longest pause before dialling again */
#define MOOT_PULL_CREDIT_BYTES 917504 /* bytes of runs and objects asked for in one PULL */
#define MOOT_PULL_IDLE_MS_MAX 30000 /* longest pause between two PULLs of an idle pair */
#define MOOT_PENDING_MAX 64 /* objects kept that cannot be judged yet; the oldest goes first */
#define MOOT_LOOSE_MAX 16384 /* loose approvals, tick signatures and readiness (this up to three quarters); more are refused */
#define MOOT_LOOSE_PER_SIGNER_MAX 256 /* the same of one device; more are refused */
#define MOOT_INVITES_MAX 16 /* open invitations; the oldest goes first */
#define MOOT_INVITE_MS 900000 /* life of an invitation: 15 minutes */
#define MOOT_INVITE_FAILURES_MAX 5 /* wrong tries after which every open invitation burns */
#define MOOT_JOIN_ANSWER_BYTES_MAX 1048576 /* founding and all turns for a new member; more turns than fit refuse it with limit */
#define MOOT_JOINS_PENDING_MAX 16 /* devices that asked to join; more are refused */
#define MOOT_PROPOSALS_OPEN_PER_ADMIN_MAX 16 /* open proposals of one administrator (upgrades 5, snapshots 10) */
#define MOOT_UPGRADES_OPEN_PER_ADMIN_MAX 5 /* open upgrades of one administrator; one more is refused */
#define MOOT_TICKS_AHEAD_MAX 16 /* epochs above the highest certified that an administrator signs for */
#define MOOT_TURN_WINDOW_MAX 24 /* last - earliest of a turn, and earliest within so many epochs of now */
#define MOOT_BLOCK_BYTES 262144 /* one block of a package */
#define MOOT_BLOCKS_IN_FLIGHT_PER_PEER 2 /* block requests outstanding at one peer */
#define MOOT_BLOCK_STRIKES_MAX 3 /* bad blocks after which a peer is not asked for blocks for a while */
#define MOOT_BLOCK_PEERS_MAX 4 /* peers asked for blocks at the same time */
#define MOOT_BLOCK_ANSWER_MS_MAX 10000 /* time for one block to come; then it is asked for elsewhere */
#define MOOT_BLOCK_PAUSE_MS_MIN 500 /* first pause before a peer is asked again for what it had not */
#define MOOT_BLOCK_PAUSE_MS_MAX 10000 /* longest such pause, and the one of a disk that takes nothing */
#define MOOT_BLOCK_BAD_MS 30000 /* pause before a peer is asked again for a block it sent damaged */
#define MOOT_BLOCK_RESCAN_MS 30000 /* pause before the disk is asked again for what no peer has */
#define MOOT_BLOCK_IGNORE_MS_MIN 60000 /* first time for which a peer that sends bad blocks is not asked */
#define MOOT_BLOCK_IGNORE_MS_MAX 3600000 /* longest such time; it doubles from one to the next */
#define MOOT_BLOCK_MISSES_MAX 8 /* blocks a peer has not, after which it is asked for no other in the pause */
#define MOOT_BLOCK_REFUSALS_MAX 256 /* remembered per upgrade: who has not what; the oldest goes first */
#define MOOT_BLOCKS_SERVED_MAX 8 /* blocks read for peers at the same time; more are answered with limit */
#define MOOT_BLOCK_RECHECKS_MAX 4 /* blocks read again after a peer's complaint at the same time; more complaints are dropped */
#define MOOT_MANIFEST_BYTES_MAX 786432 /* one package manifest; larger is refused */
#define MOOT_PACKAGE_FILES_MAX 4096 /* files in one package; more are refused */
#define MOOT_PACKAGE_BLOCKS_MAX 16384 /* blocks in one package (4 GiB compressed); more are refused */
#define MOOT_PACKAGE_BYTES_MAX 17179869184 /* unpacked bytes of one package (16 GiB); more is refused */
#define MOOT_PACKAGE_PATH_BYTES_MAX 512 /* one path in a package; longer is refused as a bad path */
#define MOOT_PACKAGE_DEPTH_MAX 16 /* components of one path; deeper is refused as a bad path */
#define MOOT_PACKAGE_NOTES_BYTES_MAX 16384 /* release notes of one package; longer is refused */
#define MOOT_FENCE_QUEUE_MAX 1024 /* writes that wait behind a fence; one more is refused as fenced */
#define MOOT_FENCE_QUEUE_BYTES_MAX 4194304 /* their keys and values; more is refused as fenced */
#define MOOT_SNAPSHOT_OPEN_EPOCHS_MAX 24 /* epochs a snapshot stays open at most; then it has expired */
#define MOOT_IMAGE_BYTES_MAX 33554432 /* one snapshot image; a larger state is not snapshotted */
#define MOOT_JOBS_MAX 64 /* jobs under way; more wait in the engine */
#define MOOT_CACHE_KEYS_MAX 4096 /* entries of the local cache; the one used longest ago goes first */
#define MOOT_CACHE_BYTES_MAX 8388608 /* their keys and values; the one used longest ago goes first */
#define MOOT_CACHE_FLOOR_AHEAD_MAX 720 /* epochs above the present one that a cache floor may lie; higher is neither proposed nor signed, for floors never fall */
#define MOOT_STAGED_FACTS_MAX 16384 /* own facts waiting to be written; one more is refused */
#define MOOT_STAGED_BYTES_MAX 8388608 /* their payload bytes; records beyond are refused */
#define MOOT_STAGED_RESERVE_FACTS 256 /* of these places none is for records: lane 0 is never crowded out */
#define MOOT_FLUSH_BYTES_MAX 4194304 /* payload bytes of own facts in one commit; more go into the next one */

/* clang-format on */

#endif
