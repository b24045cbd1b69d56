/*
 * Upgrades: which packages are fetched, what is told about them, and when one comes into force.
 *
 *   proposed ─▶ fetched by every device ─▶ readiness (loose, a device's last word counts)
 *   certified + enough members ready ─▶ administrators' nodes sign activate/PROPOSAL ─▶ in force
 *
 * Everything is looked at again when something changes that it depends on; nothing is remembered
 * over a restart but what was signed. Hard forks are fetched, too; a turn puts them in force.
 */
#include <string.h>

#include "crypto/base/contract.h"
#include "protocols/upgrade_fetch.h"
#include "protocols/view.h"

#define CHECK_FRESH_MS                                                                             \
    60000 /* a package verified since then is not verified again to activate it */

static void upgrade_body(const struct moot_pool *pool, const struct moot_proposal *proposal,
                         struct moot_body *ret)
{
    enum moot_status status = moot_body_decode(moot_blob_get(pool, proposal->body), ret);
    MOOT_INVARIANT(status == MOOT_OK && ret->kind == MOOT_BODY_UPGRADE); /* the fold decoded it */
}

/* ---- counting ---- */

uint32_t moot_upgrade_ready_count(const struct moot_engine *engine, const struct moot_pool *pool,
                                  const struct moot_proposal *proposal)
{
    struct moot_body body;
    struct moot_map_item item;
    uint8_t prefix[33];
    uint32_t count = 0;
    upgrade_body(pool, proposal, &body);
    prefix[0] = 'R';
    memcpy(prefix + 1, proposal->id.b, 32);
    bool more = moot_map_from(pool, &engine->loose, moot_bytes_of(prefix, sizeof prefix), &item);
    while (more && item.key.size > sizeof prefix &&
           memcmp(item.key.data, prefix, sizeof prefix) == 0) {
        const struct moot_loose *loose = item.value;
        if (loose->readiness == MOOT_READINESS_READY &&
            moot_digest_equal(&loose->manifest, &body.upgrade.manifest) &&
            moot_state_member(&engine->state, pool, &loose->signer))
            count++;
        more = moot_map_after(pool, &engine->loose, item.key, &item);
    }
    return count;
}

/* ---- readiness ---- */

/* True if something new was said. */
static bool publish(struct moot_step *step, struct moot_fetch *fetch)
{
    uint8_t readiness = moot_fetch_readiness(fetch);
    if (!fetch->settled || (readiness == fetch->said && fetch->reason == fetch->said_reason) ||
        !moot_append_ready(step))
        return false;
    moot_loose_readiness(step, &fetch->proposal, &fetch->manifest, readiness, fetch->reason,
                         readiness == MOOT_READINESS_READY ? fetch->free_bytes : 0);
    fetch->said = readiness;
    fetch->said_reason = fetch->reason;
    struct moot_notice *notice = moot_step_notice(step, "upgrade.readiness", fetch->reason);
    notice->proposal = fetch->proposal;
    notice->device = step->engine->identity.key;
    notice->number = readiness;
    return true;
}

/* ---- which are fetched ---- */

static void came_into_force(struct moot_step *step, struct moot_fetch *fetch,
                            const struct moot_proposal *proposal)
{
    fetch->in_force = true;
    if (!step->engine->upgrade_seen.begun)
        return;
    struct moot_notice *notice = moot_step_notice(step, "upgrade.in_force", MOOT_OK);
    notice->proposal = proposal->id;
    notice->device = proposal->proposer;
}

/* The activation is certified: a soft one is in force with it, a hard one waits for its turn. */
static void was_activated(struct moot_step *step, struct moot_fetch *fetch,
                          const struct moot_proposal *proposal)
{
    struct moot_slot slot = {.kind = MOOT_SLOT_ACTIVATE, .proposal = proposal->id};
    if (fetch->activated || moot_state_decision(&step->engine->state, step->pool, &slot).state !=
                                MOOT_DECISION_CERTIFIED)
        return;
    fetch->activated = true;
    if (step->engine->upgrade_seen.begun)
        fetch->envelope_due = moot_key_equal(&proposal->proposer, &step->engine->identity.key);
}

static void look_at(struct moot_step *step, const struct moot_proposal *proposal)
{
    struct moot_engine *engine = step->engine;
    struct moot_bytes key = moot_digest_bytes(&proposal->id);
    struct moot_fetch *fetch = moot_map_get(step->pool, &engine->fetches, key);
    bool possible, added;
    uint8_t phase = moot_proposal_phase(engine, step->pool, proposal, &possible);
    bool wanted = !proposal->withdrawn &&
                  (phase == MOOT_PROPOSAL_PROPOSED || phase == MOOT_PROPOSAL_CERTIFIED ||
                   phase == MOOT_PROPOSAL_IN_FORCE);
    if (wanted && !fetch) {
        struct moot_body body;
        upgrade_body(step->pool, proposal, &body);
        fetch = moot_map_put(step->pool, &engine->fetches, key, &added);
        if (!fetch) {
            moot_step_refuse(step, MOOT_NO_MEMORY);
            return;
        }
        moot_fetch_init(step, fetch, &proposal->id, &body.upgrade);
    } else if (!wanted && fetch) {
        moot_fetch_deinit(step->pool, fetch);
        moot_map_remove(step->pool, &engine->fetches, key);
        return;
    }
    if (fetch)
        was_activated(step, fetch, proposal);
    if (fetch && phase == MOOT_PROPOSAL_IN_FORCE && !fetch->in_force)
        came_into_force(step, fetch, proposal);
}

static void look_at_all(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item;
    engine->fetches.value_size = sizeof(struct moot_fetch);
    for (MOOT_MAP_EACH(step->pool, &engine->state.proposals, item)) {
        const struct moot_proposal *proposal = item.value;
        if (proposal->kind == MOOT_BODY_UPGRADE)
            look_at(step, proposal);
    }
    /* A fact that counted may be void now, and its proposal gone. */
    bool more = moot_map_first(step->pool, &engine->fetches, &item);
    while (more) {
        struct moot_fetch *fetch = item.value;
        struct moot_digest id = fetch->proposal;
        if (!moot_state_proposal(&engine->state, step->pool, &id)) {
            moot_fetch_deinit(step->pool, fetch);
            moot_map_remove(step->pool, &engine->fetches, moot_digest_bytes(&id));
        }
        more = moot_map_after(step->pool, &engine->fetches, moot_digest_bytes(&id), &item);
    }
}

/* Has anything changed that decides about fetching and activating? */
static bool changed(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    const struct moot_state *state = &engine->state;
    struct moot_upgrade_seen *seen = &engine->upgrade_seen;
    bool publishing = moot_append_ready(step);
    bool same = seen->begun && !seen->look && !engine->loose_root_stale &&
                seen->proposals == state->proposals.count &&
                seen->withdrawals == state->withdrawals.count &&
                seen->objects == state->objects.count && seen->loose == engine->loose.count &&
                seen->eras == state->eras.count && seen->members == state->members.count &&
                seen->epoch == state->epoch && seen->publishing == publishing;
    seen->proposals = state->proposals.count;
    seen->withdrawals = state->withdrawals.count;
    seen->objects = state->objects.count;
    seen->loose = engine->loose.count;
    seen->eras = state->eras.count;
    seen->members = state->members.count;
    seen->epoch = state->epoch;
    seen->publishing = publishing;
    seen->look = false;
    return !same;
}

/* ---- activation ---- */

static struct moot_slot slot_of(enum moot_slot_kind kind, const struct moot_digest *proposal)
{
    return (struct moot_slot){.kind = kind, .proposal = *proposal};
}

struct moot_bytes moot_upgrade_activation_body(struct moot_step *step,
                                               const struct moot_proposal *proposal)
{
    struct moot_slot slot = slot_of(MOOT_SLOT_UPGRADE, &proposal->id);
    struct moot_decision decision = moot_state_decision(&step->engine->state, step->pool, &slot);
    if (decision.state != MOOT_DECISION_CERTIFIED)
        return moot_bytes_of(NULL, 0);
    struct moot_body body = {.kind = MOOT_BODY_ACTIVATION, .epoch = proposal->epoch};
    struct moot_writer writer;
    uint8_t *memory = moot_arena_take(step->arena, 128);
    MOOT_INVARIANT(memory != NULL);
    body.activation.upgrade = proposal->id;
    body.activation.approval = decision.object->id;
    moot_writer_init(&writer, memory, 128);
    moot_body_encode(&body, &writer);
    MOOT_ENSURE(writer.status == MOOT_OK);
    return moot_bytes_of(memory, writer.size);
}

static bool may_activate(struct moot_step *step, const struct moot_fetch *fetch,
                         const struct moot_proposal *proposal)
{
    struct moot_engine *engine = step->engine;
    struct moot_slot slot = slot_of(MOOT_SLOT_ACTIVATE, &proposal->id);
    struct moot_body body;
    bool possible;
    if (!engine->config.soft_fork_auto_activate && !fetch->activate)
        return false;
    if (!moot_engine_is_admin(engine, step->pool) || !moot_append_ready(step) ||
        moot_decision_voted(engine, step->pool, &slot))
        return false;
    upgrade_body(step->pool, proposal, &body);
    bool in_time =
        body.upgrade.kind == MOOT_UPGRADE_SOFT || engine->state.epoch < body.upgrade.fence_epoch;
    return in_time &&
           moot_proposal_phase(engine, step->pool, proposal, &possible) ==
               MOOT_PROPOSAL_CERTIFIED &&
           moot_upgrade_ready_count(engine, step->pool, proposal) >= body.upgrade.ready_needed;
}

/* Our own word counts in the threshold: it is looked at once more before it is used. */
static bool own_word_is_fresh(struct moot_step *step, struct moot_fetch *fetch)
{
    if (fetch->stage == MOOT_FETCH_READY &&
        step->engine->now_ms >= fetch->checked_ms + CHECK_FRESH_MS)
        moot_fetch_check(step, fetch);
    return moot_fetch_readiness(fetch) != MOOT_READINESS_READY || fetch->stage == MOOT_FETCH_READY;
}

static void activate(struct moot_step *step, struct moot_fetch *fetch)
{
    const struct moot_proposal *proposal =
        moot_state_proposal(&step->engine->state, step->pool, &fetch->proposal);
    if (!proposal || !may_activate(step, fetch, proposal) || !own_word_is_fresh(step, fetch))
        return;
    enum moot_status status = moot_decision_vote(step, moot_upgrade_activation_body(step, proposal),
                                                 MOOT_VERDICT_YES, moot_bytes_of(NULL, 0));
    if (status != MOOT_OK)
        moot_step_refuse(step, status);
}

/* The proposer's chain shows what came of it. */
static void stage_envelope(struct moot_step *step, struct moot_fetch *fetch)
{
    if (!fetch->envelope_due || !moot_append_ready(step))
        return;
    struct moot_slot slot = slot_of(MOOT_SLOT_ACTIVATE, &fetch->proposal);
    struct moot_decision decision = moot_state_decision(&step->engine->state, step->pool, &slot);
    if (decision.state == MOOT_DECISION_CERTIFIED &&
        moot_append_stage(step, MOOT_KIND_UPGRADE_ACTIVATED,
                          moot_blob_get(step->pool, decision.object->encoded), 0) != MOOT_OK)
        return;
    fetch->envelope_due = false;
}

enum moot_status moot_upgrade_activate(struct moot_step *step,
                                       const struct moot_digest *proposal_id, bool dry_run)
{
    struct moot_engine *engine = step->engine;
    const struct moot_proposal *proposal =
        moot_state_proposal(&engine->state, step->pool, proposal_id);
    bool possible;
    if (!proposal || proposal->kind != MOOT_BODY_UPGRADE)
        return MOOT_NOT_FOUND;
    if (!moot_engine_is_admin(engine, step->pool))
        return MOOT_NOT_ADMIN;
    uint8_t phase = moot_proposal_phase(engine, step->pool, proposal, &possible);
    if (phase == MOOT_PROPOSAL_IN_FORCE)
        return MOOT_OK;
    struct moot_fetch *fetch =
        moot_map_get(step->pool, &engine->fetches, moot_digest_bytes(proposal_id));
    if (!fetch)
        return MOOT_ENDED;
    if (!dry_run)
        fetch->activate = engine->upgrade_seen.look = true;
    return MOOT_OK;
}

/* ---- one step ---- */

void moot_upgrade_step(struct moot_step *step)
{
    struct moot_engine *engine = step->engine;
    struct moot_map_item item, again;
    bool look = changed(step);
    if (look)
        look_at_all(step);
    engine->upgrade_seen.begun = true;
    for (MOOT_MAP_EACH(step->pool, &engine->fetches, item)) {
        struct moot_fetch *fetch = item.value;
        enum moot_fetch_stage before = fetch->stage;
        moot_fetch_step(step, fetch);
        look = publish(step, fetch) || fetch->stage != before || look;
        stage_envelope(step, fetch);
    }
    if (!look)
        return;
    for (MOOT_MAP_EACH(step->pool, &engine->fetches, again)) {
        activate(step, again.value);
    }
}
