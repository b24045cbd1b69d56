/*
 * Certificates for somebody who cannot ask for them: a device that enters, and one that has left.
 *
 *   enters: JOIN answered ─▶ turns, tick, what admitted it
 *   left:   PUSH of turns, tick, what retired it ─▶ greeting that refuses ─▶ the link ends
 *
 * A device that was away when it was removed finds out when it comes back, and can check it: it believes
 * the certificates, not the greeting.
 */
#include "crypto/base/contract.h"
#include "protocols/hardfork.h"
#include "protocols/reconcile_parts.h"

/* A PUSH stays far below a frame. With more turns than that only the last object goes, which helps a
 * device that knows the turns. */
#define TURN_BYTES_MAX 262144

static const struct moot_object_row *object_of(const struct moot_step *step,
                                               const struct moot_digest *id)
{
    const struct moot_object_row *row = moot_state_object(&step->engine->state, step->pool, id);
    MOOT_INVARIANT(row != NULL);
    return row;
}

static void write_object(struct moot_step *step, struct moot_writer *writer,
                         const struct moot_digest *id)
{
    moot_write_bin(writer, moot_blob_get(step->pool, object_of(step, id)->encoded));
}

/* The highest plain tick of the current timeline, or NULL. */
static const struct moot_object_row *newest_tick(const struct moot_step *step)
{
    const struct moot_state *state = &step->engine->state;
    struct moot_slot slot = {.kind = MOOT_SLOT_EPOCH, .number = state->epoch};
    struct moot_decision decision = moot_state_decision(state, step->pool, &slot);
    return decision.state == MOOT_DECISION_CERTIFIED ? decision.object : NULL;
}

/* Oldest first, as they have to be checked. */
void moot_proof_write(struct moot_step *step, struct moot_writer *writer,
                      const struct moot_digest *last)
{
    const struct moot_state *state = &step->engine->state;
    const struct moot_object_row *tick = newest_tick(step);
    uint32_t turns = state->eras.count - 1;
    uint32_t forks = 0;
    for (uint32_t i = 1; i <= turns; i++)
        forks += moot_hard_fork_upgrade(step, i) ? 1 : 0;
    moot_write_array(writer, forks + 2 * turns + (tick ? 1 : 0) + 1);
    for (uint32_t i = 1; i <= turns; i++) {
        const struct moot_era *era = moot_list_at(step->pool, &state->eras, i);
        const struct moot_object_row *upgrade = moot_hard_fork_upgrade(step, i);
        if (upgrade)
            moot_write_bin(writer, moot_blob_get(step->pool, upgrade->encoded));
        write_object(step, writer, &era->turn_object);
        write_object(step, writer, &era->tick_object);
    }
    if (tick)
        moot_write_bin(writer, moot_blob_get(step->pool, tick->encoded));
    write_object(step, writer, last);
}

static bool turns_fit(const struct moot_step *step)
{
    const struct moot_state *state = &step->engine->state;
    size_t size = 0;
    for (uint32_t i = 1; i < state->eras.count; i++) {
        const struct moot_era *era = moot_list_at(step->pool, &state->eras, i);
        size += object_of(step, &era->turn_object)->encoded.size;
        size += object_of(step, &era->tick_object)->encoded.size;
        const struct moot_object_row *upgrade = moot_hard_fork_upgrade(step, i);
        size += upgrade ? upgrade->encoded.size : 0;
    }
    return size <= TURN_BYTES_MAX;
}

static void tell_removed(struct moot_step *step, struct moot_session *session,
                         const struct moot_member *member)
{
    struct moot_writer writer;
    moot_writer_init_arena(&writer, step->arena);
    moot_write_array(&writer, 5);
    moot_reconcile_write_roots(step, &writer);
    if (turns_fit(step)) {
        moot_proof_write(step, &writer, &member->retirement);
    } else {
        moot_write_array(&writer, 1);
        write_object(step, &writer, &member->retirement);
    }
    moot_write_array(&writer, 0);
    moot_write_array(&writer, 0);
    moot_session_tell(step, session, MOOT_MESSAGE_PUSH, moot_step_finish(step, &writer));
}

bool moot_proof_end_removed(struct moot_step *step, struct moot_session *session)
{
    struct moot_engine *engine = step->engine;
    const struct moot_key *keys[] = {&session->channel.peer, &engine->identity.key};
    for (size_t i = 0; i < MOOT_COUNT_OF(keys); i++) {
        const struct moot_member *member =
            moot_state_member_listed(&engine->state, step->pool, keys[i]);
        if (member && member->retired) {
            tell_removed(step, session, member);
            moot_session_refuse(step, session, MOOT_REMOVED);
            return true;
        }
    }
    return false;
}

void moot_proof_members_changed(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    if (!engine->members_changed)
        return;
    engine->members_changed = false;
    bool more = moot_map_first(step->pool, &engine->sessions, &item);
    while (more) {
        struct moot_session *session = item.value;
        uint8_t key[4];
        moot_u32_put(key, session->link);
        if (session->established && !session->joining && !moot_proof_end_removed(step, session) &&
            !moot_state_member(&engine->state, step->pool, &session->channel.peer))
            moot_session_refuse(step, session, MOOT_STRANGER); /* two certificates dispute it */
        more = moot_map_after(step->pool, &engine->sessions, moot_bytes_of(key, sizeof key), &item);
    }
}
