/*
 * What follows from a body: its hash, the slot it is decided in, the one statement about it, and the
 * timelines that turns make.
 * Nothing here can fail: the body was decoded or built by this node.
 */
#include "journal/body.h"

#include "crypto/base/contract.h"
#include "crypto/digest.h"

const struct moot_body_info *moot_body_info(enum moot_body_kind kind)
{
    static const struct moot_body_info infos[MOOT_BODY_KIND_MAX + 1] = {
        [MOOT_BODY_TICK] = {"tick", "TI"},
        [MOOT_BODY_TURN] = {"admins", "AR"},
        [MOOT_BODY_ADMISSION] = {"admission", "DA"},
        [MOOT_BODY_UPGRADE] = {"upgrade", "UP"},
        [MOOT_BODY_ACTIVATION] = {"activation", "AC"},
        [MOOT_BODY_SNAPSHOT] = {"snapshot", "SN"},
        [MOOT_BODY_CACHE] = {"cache", "CI"},
        [MOOT_BODY_REMOVAL] = {"removal", "DR"},
        [MOOT_BODY_REPLACEMENT] = {"replacement", "DX"},
        [MOOT_BODY_RENAME] = {"rename", "DN"},
    };
    MOOT_REQUIRE(kind >= 1 && kind <= MOOT_BODY_KIND_MAX);
    return &infos[kind];
}

void moot_body_hash(struct moot_bytes bytes, struct moot_digest *ret)
{
    moot_digest_of_bytes("moot/body/1", bytes, ret);
}

void moot_body_slot(const struct moot_body *body, const struct moot_digest *hash,
                    struct moot_slot *ret)
{
    *ret = (struct moot_slot){0};
    switch (body->kind) {
    case MOOT_BODY_TICK:
        ret->kind = MOOT_SLOT_EPOCH;
        ret->number = body->tick.epoch;
        break;
    case MOOT_BODY_TURN:
        ret->kind = MOOT_SLOT_TURN;
        ret->number = body->turn.k;
        break;
    case MOOT_BODY_ADMISSION:
        ret->kind = MOOT_SLOT_ADMIT;
        ret->device = body->admission.device;
        ret->proposal = *hash;
        break;
    case MOOT_BODY_UPGRADE:
        ret->kind = MOOT_SLOT_UPGRADE;
        ret->proposal = *hash;
        break;
    case MOOT_BODY_ACTIVATION:
        ret->kind = MOOT_SLOT_ACTIVATE;
        ret->proposal = body->activation.upgrade;
        break;
    case MOOT_BODY_SNAPSHOT:
        ret->kind = MOOT_SLOT_SNAPSHOT;
        ret->proposal = *hash;
        break;
    case MOOT_BODY_CACHE:
        ret->kind = MOOT_SLOT_CACHE;
        ret->proposal = *hash;
        break;
    case MOOT_BODY_REMOVAL:
        ret->kind = MOOT_SLOT_REMOVE;
        ret->device = body->removal.device;
        ret->proposal = *hash;
        break;
    case MOOT_BODY_REPLACEMENT:
        ret->kind = MOOT_SLOT_REPLACE;
        ret->device = body->replacement.old_device;
        ret->proposal = *hash;
        break;
    case MOOT_BODY_RENAME:
        ret->kind = MOOT_SLOT_RENAME;
        ret->device = body->rename.device;
        ret->proposal = *hash;
        break;
    }
}

void moot_body_statement(const struct moot_body *body, const struct moot_digest *hash,
                         const struct moot_digest *timeline, enum moot_verdict verdict,
                         struct moot_statement *ret)
{
    *ret = (struct moot_statement){
        .timeline = *timeline, .epoch = body->epoch, .body = *hash, .verdict = verdict};
    moot_body_slot(body, hash, &ret->slot);
    if (body->kind == MOOT_BODY_TURN) {
        ret->round = body->turn.earliest; /* a turn that expired gives way to a later one */
    }
}

void moot_timeline_first(const struct moot_digest *mesh, const struct moot_digest *branch,
                         struct moot_digest *ret)
{
    const struct moot_bytes parts[] = {moot_digest_bytes(mesh), moot_digest_bytes(branch)};
    moot_digest_of("moot/timeline/1", parts, 2, ret);
}

void moot_timeline_after(const struct moot_digest *before, const struct moot_digest *turn_body,
                         struct moot_digest *ret)
{
    const struct moot_bytes parts[] = {moot_digest_bytes(before), moot_digest_bytes(turn_body)};
    moot_digest_of("moot/turn/1", parts, 2, ret);
}
