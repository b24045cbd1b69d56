/*
 * The table of kinds, and the small payloads of lane 0.
 * Happy path: a kind's row says how its facts are judged (fold.c). A kind without a row is not of
 * this build: void below 64, opaque from 64 on.
 * Failures: the codec's reasons for payloads.
 */
#include "journal/kinds.h"

#include <string.h>

#include "crypto/base/attr.h"

/* Ascending by kind. */
static const struct moot_kind_info kinds[] = {
    {MOOT_KIND_MESH_FOUNDED, "MeshFounded", 0, 1, 0, 0},
    {MOOT_KIND_DEVICE_ADMITTED, "DeviceAdmitted", 1, 1, MOOT_SLOT_ADMIT, 0},
    {MOOT_KIND_DEVICE_REMOVED, "DeviceRemoved", 1, 1, MOOT_SLOT_REMOVE, 0},
    {MOOT_KIND_DEVICE_REPLACED, "DeviceReplaced", 1, 1, MOOT_SLOT_REPLACE, 0},
    {MOOT_KIND_ADMIN_REPLACEMENT, "AdminReplacement", 0, 1, MOOT_SLOT_TURN, 0},
    {MOOT_KIND_EPOCH_ADVANCED, "EpochAdvanced", 0, 1, MOOT_SLOT_EPOCH, 0},
    {MOOT_KIND_SNAPSHOT_PROPOSED, "SnapshotProposed", 2, 1, 0, MOOT_BODY_SNAPSHOT},
    {MOOT_KIND_SNAPSHOT_COMPLETED, "SnapshotCompleted", 2, 1, MOOT_SLOT_SNAPSHOT, 0},
    {MOOT_KIND_UPGRADE_PROPOSED, "UpgradeProposed", 2, 1, 0, MOOT_BODY_UPGRADE},
    {MOOT_KIND_UPGRADE_ACTIVATED, "UpgradeActivated", 2, 1, MOOT_SLOT_ACTIVATE, 0},
    {MOOT_KIND_CACHE_INVALIDATED, "CacheInvalidated", 2, 1, MOOT_SLOT_CACHE, 0},
    {MOOT_KIND_ADMISSION_PROPOSED, "AdmissionProposed", 2, 1, 0, MOOT_BODY_ADMISSION},
    {MOOT_KIND_ADMINS_PROPOSED, "AdminsProposed", 2, 1, 0, MOOT_BODY_TURN},
    {MOOT_KIND_WITHDRAWN, "Withdrawn", 2, 1, 0, 0},
    {MOOT_KIND_CACHE_PROPOSED, "CacheProposed", 2, 1, 0, MOOT_BODY_CACHE},
    {MOOT_KIND_REMOVAL_PROPOSED, "RemovalProposed", 2, 1, 0, MOOT_BODY_REMOVAL},
    {MOOT_KIND_REPLACEMENT_PROPOSED, "ReplacementProposed", 2, 1, 0, MOOT_BODY_REPLACEMENT},
    {MOOT_KIND_RENAME_PROPOSED, "RenameProposed", 2, 1, 0, MOOT_BODY_RENAME},
    {MOOT_KIND_DEVICE_RENAMED, "DeviceRenamed", 1, 1, MOOT_SLOT_RENAME, 0},
    {MOOT_KIND_RECORD_PUT, "RecordPut", 3, 1, 0, 0},
};

const struct moot_kind_info *moot_kind_find(uint16_t kind)
{
    for (size_t i = MOOT_COUNT_OF(kinds); i-- > 0;) {
        if (kinds[i].kind == kind) {
            return &kinds[i]; /* from the end: records are most of all facts */
        }
    }
    return NULL;
}

uint16_t moot_kind_proposing(enum moot_body_kind body)
{
    for (size_t i = 0; i < MOOT_COUNT_OF(kinds); i++) {
        if (kinds[i].proposes == body) {
            return kinds[i].kind;
        }
    }
    return 0;
}

uint16_t moot_kind_envelope(enum moot_slot_kind slot)
{
    for (size_t i = 0; i < MOOT_COUNT_OF(kinds); i++) {
        if (kinds[i].envelope_slot == slot) {
            return kinds[i].kind;
        }
    }
    return 0;
}

void moot_founding_encode(const struct moot_founding *founding, struct moot_writer *writer)
{
    moot_write_array(writer, 5);
    moot_write_text(writer, founding->mesh_name);
    moot_write_key(writer, &founding->founder);
    moot_write_text(writer, founding->name);
    moot_write_text(writer, founding->home);
    moot_write_bin(writer, moot_bytes_of(founding->salt, sizeof founding->salt));
}

enum moot_status moot_founding_decode(struct moot_bytes payload, struct moot_founding *ret)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, payload);
    struct moot_founding founding;
    moot_read_array(&cursor, 5);
    founding.mesh_name = moot_read_text(&cursor, MOOT_NAME_BYTES_MAX);
    moot_read_key(&cursor, &founding.founder);
    founding.name = moot_read_text(&cursor, MOOT_NAME_BYTES_MAX);
    founding.home = moot_read_text(&cursor, MOOT_NAME_BYTES_MAX);
    struct moot_digest salt;
    moot_read_digest(&cursor, &salt);
    memcpy(founding.salt, salt.b, sizeof founding.salt);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status != MOOT_OK) {
        return status;
    }
    if (founding.mesh_name.size == 0 || founding.name.size == 0) {
        return MOOT_BAD_VALUE;
    }
    *ret = founding;
    return MOOT_OK;
}

void moot_withdrawn_encode(const struct moot_digest *proposal, struct moot_writer *writer)
{
    moot_write_array(writer, 1);
    moot_write_digest(writer, proposal);
}

enum moot_status moot_withdrawn_decode(struct moot_bytes payload, struct moot_digest *ret)
{
    struct moot_cursor cursor;
    moot_cursor_init(&cursor, payload);
    struct moot_digest proposal;
    moot_read_array(&cursor, 1);
    moot_read_digest(&cursor, &proposal);
    enum moot_status status = moot_cursor_finish(&cursor);
    if (status == MOOT_OK) {
        *ret = proposal;
    }
    return status;
}
