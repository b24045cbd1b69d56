/* Plays a scenario from a test: text or shipped file, one seed, and what came of it. */
#ifndef TESTS_LIB_SIM_PLAY_H
#define TESTS_LIB_SIM_PLAY_H

#include "sim/run.h"
#include "tests/lib/test.h"

struct played {
    struct moot_sim_failure failure;
    struct moot_digest trace;
    struct moot_sim_counts counts;
    uint64_t checks;
};

/* Fails the test if the text is no scenario. `held` (may be NULL) has one entry a statement: those
 * that were true at some check are set. */
static inline struct played play_scenario(const struct moot_sim_scenario *scenario, uint64_t seed,
                                          uint8_t fill, bool *held)
{
    const struct moot_sim_options options = {.seed = seed, .fill = fill};
    struct moot_sim_run run;
    moot_sim_run_init(&run, scenario, &options);
    moot_sim_run_go(&run);
    struct played played = {.failure = run.failure,
                            .trace = run.world->trace,
                            .counts = run.world->counts,
                            .checks = run.oracle.checks};
    for (uint32_t i = 0; held && i < scenario->statement_count; i++)
        held[i] = held[i] || run.deeds[i].held;
    moot_sim_run_deinit(&run);
    return played;
}

static inline void play_parse(const char *text, struct moot_sim_scenario *ret)
{
    struct moot_sim_problem problem;
    assert_true(moot_crypto_init());
    if (!moot_sim_scenario_parse(text, strlen(text), ret, &problem))
        fail_msg("%u:%u: %s", problem.place.line, problem.place.column, problem.text);
}

/* One run of a text. */
static inline struct played play_text(const char *text, uint64_t seed)
{
    struct moot_sim_scenario scenario;
    play_parse(text, &scenario);
    struct played played = play_scenario(&scenario, seed, 0, NULL);
    moot_sim_scenario_deinit(&scenario);
    return played;
}

/* A shipped scenario by its name; skips the test when the sources are not told of. */
static inline void play_shipped(const char *name, struct moot_sim_scenario *ret)
{
    const char *source = getenv("MOOT_SOURCE_DIR");
    char path[TEST_PATH_MAX];
    size_t size;
    if (!source)
        skip();
    snprintf(path, sizeof path, "%s/sim/scenarios/%s.sim", source, name);
    char *text = (char *)test_file_read(path, (size_t)1 << 20, &size);
    play_parse(text, ret);
    free(text);
}

#endif
