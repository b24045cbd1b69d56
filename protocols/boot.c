/*
 * From the store to a running engine: founding, chains, turns passed, objects (strata 0 and 1), the
 * checkpoint with its records (strata 2 and 3), then every run that came after it; last the small durable
 * records: votes, loose things, peers, invitations.
 *
 * Turns are replayed from their durable list, never chosen anew. Every row is checked; what does not fit
 * is STORE_DAMAGED with the table and key in the error, never a guess.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "journal/log_row.h"
#include "protocols/snapshot.h"
#include "protocols/view.h"

struct boot {
    const struct moot_engine_env *env;
    struct moot_engine *engine;
    struct moot_pool *pool;
    struct moot_error *error;
};

static const char *table_name(enum moot_table table)
{
    static const char *const names[MOOT_TABLE_MAX + 1] = {
        [MOOT_TABLE_META] = "meta",     [MOOT_TABLE_CHAIN] = "chain",
        [MOOT_TABLE_LOG] = "log",       [MOOT_TABLE_RUN] = "run",
        [MOOT_TABLE_OBJECT] = "object", [MOOT_TABLE_LOOSE] = "loose",
        [MOOT_TABLE_VOTE] = "vote",     [MOOT_TABLE_TURN] = "turn",
        [MOOT_TABLE_RECORD] = "record", [MOOT_TABLE_CHECKPOINT] = "checkpoint",
        [MOOT_TABLE_PEER] = "peer",     [MOOT_TABLE_PENDING] = "pending",
        [MOOT_TABLE_FENCE] = "fence",   [MOOT_TABLE_QUEUE] = "queue",
        [MOOT_TABLE_IMAGE] = "image",
    };
    return names[table];
}

/* Hands every row of a table from `first` on to `each`. */
static enum moot_status each_row(struct boot *boot, enum moot_table table, struct moot_bytes first,
                                 enum moot_status (*each)(struct boot *boot,
                                                          const struct moot_store_row *row))
{
    const struct moot_store_port *store = boot->env->store;
    uint8_t key[MOOT_STORE_KEY_BYTES_MAX + 1];
    size_t size = first.size;
    if (size > 0)
        memcpy(key, first.data, size);
    for (;;) {
        struct moot_store_row row;
        enum moot_status status =
            store->at_or_after(store->self, table, moot_bytes_of(key, size), &row);
        if (status == MOOT_NOT_FOUND)
            return MOOT_OK;
        if (status != MOOT_OK)
            return moot_error_set(boot->error, status, "table %s", table_name(table));
        /* The next key after this one: the same with a zero byte behind it. */
        size = row.key.size;
        memcpy(key, row.key.data, size);
        char hex[33];
        moot_hex_format(moot_bytes_of(key, size < 16 ? size : 16), hex);
        status = each(boot, &row);
        if (status != MOOT_OK)
            return moot_error_set(boot->error, status, "table %s, key %s", table_name(table), hex);
        if (size == MOOT_STORE_KEY_BYTES_MAX) {
            size_t at = size; /* no room for another byte: count up instead */
            while (at > 0 && ++key[at - 1] == 0)
                at--;
            if (at == 0)
                return MOOT_OK;
        } else {
            key[size++] = 0;
        }
        store->release(store->self);
    }
}

static enum moot_status load_chain(struct boot *boot, const struct moot_store_row *row)
{
    if (row->key.size != 4)
        return MOOT_STORE_DAMAGED;
    return moot_state_chain_restore(&boot->engine->state, boot->pool, moot_u32_get(row->key.data),
                                    row->value);
}

static enum moot_status load_object(struct boot *boot, const struct moot_store_row *row)
{
    return moot_state_object_restore(&boot->engine->state, boot->pool, row->value);
}

static enum moot_status load_turn(struct boot *boot, const struct moot_store_row *row)
{
    return moot_state_era_restore(&boot->engine->state, boot->pool, row->value);
}

static enum moot_status load_record(struct boot *boot, const struct moot_store_row *row)
{
    return moot_record_restore(&boot->engine->state, boot->pool, row->key, row->value);
}

static enum moot_status load_vote(struct boot *boot, const struct moot_store_row *row)
{
    return moot_vote_restore(boot->engine, boot->pool, row->key, row->value);
}

static enum moot_status load_loose(struct boot *boot, const struct moot_store_row *row)
{
    return moot_loose_restore(boot->engine, boot->pool, row->value);
}

static enum moot_status load_peer(struct boot *boot, const struct moot_store_row *row)
{
    return moot_peer_restore(boot->engine, boot->pool, row->key, row->value);
}

static enum moot_status load_lease(struct boot *boot, const struct moot_store_row *row)
{
    return moot_fence_restore(boot->engine, boot->pool, row->key, row->value);
}

static enum moot_status load_queued(struct boot *boot, const struct moot_store_row *row)
{
    return moot_queue_restore(boot->engine, boot->pool, row->key, row->value);
}

static enum moot_status load_meta(struct boot *boot, const struct moot_store_row *row)
{
    if (moot_bytes_equal(row->key, moot_bytes_of_text("base")))
        return moot_base_restore(boot->engine, row->value);
    if (moot_bytes_equal(row->key, moot_bytes_of_text("approved")))
        return moot_approved_restore(boot->engine, row->value);
    return moot_member_restore(boot->engine, boot->pool, row->key, row->value);
}

/* Folds one logged run again. The row's own checksum and the run's shape are checked. */
static enum moot_status fold_row(struct boot *boot, const struct moot_store_row *row, bool count)
{
    struct moot_bytes encoded;
    struct moot_run run;
    struct moot_run_reader reader;
    struct moot_fact fact;
    struct moot_digest unknown = {{0}};
    uint32_t index;
    if (row->key.size != 8 || moot_log_row_check(row->value, &index, &encoded) != MOOT_OK ||
        moot_run_decode(encoded, &run) != MOOT_OK)
        return MOOT_STORE_DAMAGED;
    const struct moot_chain *chain = moot_state_chain(&boot->engine->state, boot->pool, &run.chain);
    if (!chain || chain->index != index)
        return MOOT_STORE_DAMAGED;
    moot_run_reader_init(&reader, &run, &unknown, false);
    while (moot_run_reader_next(&reader, &fact)) {
        if (moot_state_fold(&boot->engine->state, boot->pool, chain, &fact) == MOOT_NO_MEMORY)
            return MOOT_NO_MEMORY;
        if (count)
            boot->engine->state.payload_bytes += fact.payload.size;
    }
    boot->engine->folded_since_checkpoint += run.fact_count;
    return MOOT_OK;
}

static enum moot_status replay_run(struct boot *boot, const struct moot_store_row *row)
{
    enum moot_status status = fold_row(boot, row, true);
    if (status == MOOT_OK)
        boot->engine->lsn = moot_u64_get(row->key.data);
    return status;
}

static enum moot_status refold_run(struct boot *boot, const struct moot_store_row *row)
{
    return fold_row(boot, row, false);
}

enum moot_status moot_boot_refold(const struct moot_engine_env *env, struct moot_engine *engine)
{
    struct boot boot = {.env = env, .engine = engine, .pool = env->pool};
    uint64_t payload_bytes = engine->state.payload_bytes;
    moot_state_facts_clear(&engine->state, env->pool);
    engine->state.payload_bytes = payload_bytes;
    return each_row(&boot, MOOT_TABLE_LOG, moot_bytes_of(NULL, 0), refold_run);
}

static enum moot_status load_checkpoint(struct boot *boot)
{
    const struct moot_store_port *store = boot->env->store;
    struct moot_bytes row;
    enum moot_status status =
        store->get(store->self, MOOT_TABLE_CHECKPOINT, moot_bytes_of_text("state"), &row);
    if (status == MOOT_NOT_FOUND)
        return MOOT_OK;
    if (status == MOOT_OK)
        status = moot_checkpoint_restore(&boot->engine->state, boot->pool, row,
                                         &boot->engine->checkpoint_lsn);
    boot->engine->lsn = boot->engine->checkpoint_lsn;
    return status == MOOT_OK ? status : moot_error_set(boot->error, status, "checkpoint");
}

static enum moot_status load_founded(struct boot *boot, struct moot_bytes founding)
{
    struct moot_state_change change = {0};
    struct moot_bytes all = moot_bytes_of(NULL, 0);
    uint8_t after[8];
    enum moot_status status = moot_state_found(&boot->engine->state, boot->pool, founding);
    boot->env->store->release(boot->env->store->self);
    if (status == MOOT_OK)
        status = each_row(boot, MOOT_TABLE_TURN, all, load_turn);
    if (status == MOOT_OK)
        status = each_row(boot, MOOT_TABLE_CHAIN, all, load_chain);
    if (status == MOOT_OK)
        status = each_row(boot, MOOT_TABLE_OBJECT, all, load_object);
    if (status == MOOT_OK)
        status = moot_state_derive(&boot->engine->state, boot->pool, &change);
    if (status == MOOT_OK)
        status = load_checkpoint(boot);
    if (status == MOOT_OK)
        status = each_row(boot, MOOT_TABLE_RECORD, all, load_record);
    if (status == MOOT_OK && boot->engine->checkpoint_lsn == 0)
        moot_state_facts_clear(&boot->engine->state, boot->pool); /* keys alone: all is folded */
    moot_u64_put(after, boot->engine->checkpoint_lsn + 1);
    if (status == MOOT_OK)
        status = each_row(boot, MOOT_TABLE_LOG, moot_bytes_of(after, sizeof after), replay_run);
    if (status != MOOT_OK)
        return status;
    moot_state_rejudge(&boot->engine->state, boot->pool);
    status = each_row(boot, MOOT_TABLE_VOTE, all, load_vote);
    if (status == MOOT_OK)
        status = each_row(boot, MOOT_TABLE_LOOSE, all, load_loose);
    if (status == MOOT_OK)
        status = each_row(boot, MOOT_TABLE_PEER, all, load_peer);
    if (status == MOOT_OK)
        status = each_row(boot, MOOT_TABLE_FENCE, all, load_lease);
    if (status == MOOT_OK)
        status = each_row(boot, MOOT_TABLE_QUEUE, all, load_queued);
    return status;
}

enum moot_status moot_boot_load(const struct moot_engine_env *env, struct moot_engine *engine,
                                struct moot_error *error)
{
    struct boot boot = {.env = env, .engine = engine, .pool = env->pool, .error = error};
    struct moot_bytes founding;
    enum moot_status status = env->store->get(env->store->self, MOOT_TABLE_META,
                                              moot_bytes_of_text("founding"), &founding);
    if (status == MOOT_OK)
        status = load_founded(&boot, founding);
    else if (status == MOOT_NOT_FOUND)
        status = MOOT_OK;
    else
        moot_error_set(error, status, "founding");
    if (status == MOOT_OK)
        status = each_row(&boot, MOOT_TABLE_META, moot_bytes_of(NULL, 0), load_meta);
    if (engine->base.there && engine->checkpoint_lsn == 0)
        engine->refold_wanted = true; /* it ended before it had folded again from the base on */
    env->store->release(env->store->self);
    return status;
}

static void empty_collections(struct moot_engine *engine)
{
    moot_state_init(&engine->state);
    engine->staged.item_size = sizeof(struct moot_staged);
    engine->staged_puts.value_size = sizeof(uint64_t);
    engine->heard.item_size = sizeof(struct moot_key);
    engine->invites.item_size = sizeof(struct moot_invite);
    engine->votes.value_size = sizeof(struct moot_vote);
    engine->loose.value_size = sizeof(struct moot_loose);
    engine->loose_signers.value_size = sizeof(uint32_t);
    engine->pending.value_size = sizeof(struct moot_blob);
    engine->sessions.value_size = sizeof(struct moot_session);
    engine->peers.value_size = sizeof(struct moot_peer);
    engine->intakes.value_size = sizeof(struct moot_intake);
    engine->jobs.value_size = sizeof(struct moot_job_owner);
    engine->joiners.value_size = sizeof(struct moot_joiner);
    moot_cache_init(&engine->cache);
    engine->fetches.value_size = sizeof(struct moot_fetch);
    engine->contents.value_size = sizeof(struct moot_content);
    engine->leases.value_size = sizeof(struct moot_lease);
    engine->queue.value_size = sizeof(struct moot_queued);
    engine->checks.value_size = sizeof(struct moot_check);
}

enum moot_status moot_engine_open(const struct moot_engine_env *env,
                                  const struct moot_engine_config *config,
                                  const struct moot_identity *identity, uint64_t now_ms,
                                  struct moot_arena *arena, struct moot_error *error)
{
    (void)arena;
    uint32_t handle = moot_pool_take(env->pool, sizeof(struct moot_engine));
    if (handle == 0)
        return moot_error_set(error, MOOT_NO_MEMORY, "the engine does not fit its pool");
    struct moot_engine *engine = moot_pool_at(env->pool, handle);
    moot_pool_root_set(env->pool, handle);
    engine->config = *config;
    engine->identity = *identity;
    engine->now_ms = engine->started_ms = engine->epoch_since_ms = now_ms;
    engine->root_stale = engine->loose_root_stale = true;
    engine->collect_wanted = true;
    engine->joining.state = MOOT_JOIN_NONE;
    moot_random_fill(env->random, engine->link_static, sizeof engine->link_static);
    empty_collections(engine);
    engine->state.protocol_max = config->protocol_max;
    return moot_boot_load(env, engine, error);
}
