/* Limits of the journal. docs/LIMITS.md is made from these lines: the comment says what happens. */
#ifndef MOOT_JOURNAL_LIMITS_H
#define MOOT_JOURNAL_LIMITS_H

/* clang-format off */

#define MOOT_DEVICES_MAX 1024 /* devices per mesh; one more is refused before it is proposed */
#define MOOT_PAYLOAD_BYTES_MAX 65536 /* one fact's payload; larger is refused as oversized */
#define MOOT_RUN_FACTS_MAX 64 /* facts between head signatures; a longer run is refused */
#define MOOT_RUN_BYTES_MAX 524288 /* payload bytes between head signatures; a larger run is refused */
#define MOOT_RUN_ENCODED_BYTES_MAX 589824 /* one run on the wire and on disk, headers included */
#define MOOT_RECORD_KEY_BYTES_MAX 256 /* a record's key; longer is refused as a bad argument */
#define MOOT_RECORD_VALUE_BYTES_MAX 49152 /* a record's value; longer is refused as oversized */
#define MOOT_NAME_BYTES_MAX 63 /* names of meshes, devices and homes; longer is a bad argument */
#define MOOT_DEPTH_MAX 8 /* nesting of values; deeper is refused as too deep */
#define MOOT_CHAIN_EPOCH_FACTS_MAX 20000000 /* lane 1 facts of one chain in one epoch (version 1); more is over quota */
#define MOOT_CHAIN_EPOCH_BYTES_MAX 17179869184 /* lane 1 payload bytes of one chain in one epoch; more is over quota */
#define MOOT_CHAIN_EPOCH_LANE0_FACTS_MAX 65536 /* lane 0 facts of one chain in one epoch; more is over quota */
#define MOOT_CHAIN_EPOCH_LANE0_BYTES_MAX 268435456 /* lane 0 payload bytes of one chain in one epoch; more is over quota */
#define MOOT_BODY_BYTES_MAX 49152 /* body of one decision; larger is refused as oversized */
#define MOOT_OBJECT_BYTES_MAX 57344 /* one certified object, body and signatures included */
#define MOOT_CUT_BYTES_MAX 524288 /* a snapshot's list of chains and objects; with more no snapshot is proposed */
#define MOOT_VERSION_TEXT_BYTES_MAX 64 /* a package version in an upgrade; longer is refused as oversized */
#define MOOT_REVERT_PLAN_BYTES_MAX 4096 /* revert plan of an upgrade; longer is refused as oversized */
#define MOOT_REASON_BYTES_MAX 256 /* a person's reason with an approval or rejection; longer is a bad argument */

/* clang-format on */

#endif
