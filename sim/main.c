/*
 * moot-sim: runs scenario files on the node's own engine, in virtual time.
 *
 * Exit: 0 all held, 1 an expectation or invariant broke, 2 a scenario or the command line is wrong,
 * 3 not deterministic, 4 the simulator's own trouble.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/contract.h"
#include "crypto/base/mutant.h"
#include "crypto/identity.h"
#include "sim/memory.h"
#include "sim/run.h"

enum exit_code {
    EXIT_HELD = 0,
    EXIT_BROKE = 1,
    EXIT_USAGE = 2,
    EXIT_DIFFERS = 3,
    EXIT_TROUBLE = 4
};

#ifdef MOOT_MUTANTS
const char *moot_mutant_active = "";
#endif

struct options {
    bool json, trace, seeds_given;
    uint64_t seed_first, seed_last;
};

static const char usage[] =
    "usage: moot-sim run FILE... [--seeds A..B] [--json] [--trace]\n"
    "       moot-sim verify FILE... [--seeds A..B]   each seed twice: the same trace hash\n"
    "       moot-sim fmt FILE                        the canonical form, to standard output\n"
    "exit:  0 held, 1 an expectation or invariant broke, 2 scenario error, 3 not deterministic,\n"
    "       4 internal\n";

void moot_contract_report(const char *kind, const char *text, const char *file, int line)
{
    fprintf(stderr, "moot-sim: broken contract: %s: %s at %s:%d\n", kind, text, file, line);
}

/* ---- files ---- */

static char *file_read(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    uint32_t size = 0, capacity = 0;
    int c;
    if (!file) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return NULL;
    }
    while ((c = getc(file)) != EOF && size < (uint32_t)1 << 24) {
        text = (char *)moot_sim_grow(text, size, &capacity, 1);
        text[size++] = (char)c;
    }
    bool bad = ferror(file) != 0;
    fclose(file);
    if (bad) {
        fprintf(stderr, "%s: cannot be read\n", path);
        free(text);
        return NULL;
    }
    *ret_size = size;
    return text ? text : (char *)moot_sim_take(1, 1);
}

static bool scenario_read(const char *path, struct moot_sim_scenario *ret)
{
    struct moot_sim_problem problem;
    size_t size;
    char *text = file_read(path, &size);
    if (!text)
        return false;
    bool good = moot_sim_scenario_parse(text, size, ret, &problem);
    if (!good)
        fprintf(stderr, "%s:%u:%u: %s\n", path, problem.place.line, problem.place.column,
                problem.text);
    free(text);
    return good;
}

/* ---- reports ---- */

static void line_print(void *context, const char *text)
{
    (void)context;
    puts(text);
}

static void json_text(const char *text)
{
    putchar('"');
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\')
            putchar('\\');
        if ((unsigned char)*at >= ' ')
            putchar(*at);
    }
    putchar('"');
}

static void report_json(const char *path, const struct moot_sim_run *run, const char *trace)
{
    const struct moot_sim_failure *failure = &run->failure;
    const struct moot_sim_counts *counts = &run->world->counts;
    printf("{\"schema\":\"moot.sim.run/1\",\"file\":");
    json_text(path);
    printf(",\"scenario\":");
    json_text(run->scenario->name);
    printf(",\"seed\":%llu,\"held\":%s,\"trace\":\"%s\",\"events\":%llu,\"frames\":%llu,"
           "\"lost\":%llu,\"duplicated\":%llu,\"crashes\":%llu,\"commits\":%llu,\"checks\":%llu",
           (unsigned long long)run->options.seed, failure->set ? "false" : "true", trace,
           (unsigned long long)counts->events, (unsigned long long)counts->frames,
           (unsigned long long)counts->lost, (unsigned long long)counts->duplicated,
           (unsigned long long)counts->crashes, (unsigned long long)counts->commits,
           (unsigned long long)run->oracle.checks);
    if (failure->set) {
        printf(",\"failure\":{\"invariant\":");
        json_text(failure->invariant);
        printf(",\"why\":");
        json_text(failure->why);
        printf(",\"event\":%llu,\"time_us\":%lld,\"node\":", (unsigned long long)failure->event,
               (long long)failure->time_us);
        json_text(failure->node);
        printf(",\"line\":%u}", failure->place.line);
    }
    puts("}");
}

static void report_text(const char *path, const struct moot_sim_run *run, const char *trace)
{
    const struct moot_sim_failure *failure = &run->failure;
    const struct moot_sim_counts *counts = &run->world->counts;
    unsigned long long seed = (unsigned long long)run->options.seed;
    printf("%s seed %llu: %s, %llu events, %llu checks, %llu frames (%llu lost, %llu twice), "
           "trace %s\n",
           path, seed, failure->set ? "BROKE" : "held", (unsigned long long)counts->events,
           (unsigned long long)run->oracle.checks, (unsigned long long)counts->frames,
           (unsigned long long)counts->lost, (unsigned long long)counts->duplicated, trace);
    if (!failure->set)
        return;
    printf("  invariant  %s\n  why        %s\n  where      event %llu, %lld ms from time 0%s%s",
           failure->invariant, failure->why, (unsigned long long)failure->event,
           (long long)(failure->time_us / 1000), failure->node[0] ? ", node " : "", failure->node);
    if (failure->place.line > 0)
        printf(", %s:%u", path, failure->place.line);
    printf("\n  again      moot-sim run %s --seeds %llu --trace\n", path, seed);
}

/* ---- commands ---- */

static enum exit_code worse(enum exit_code a, enum exit_code b)
{
    return a > b ? a : b;
}

static enum exit_code outcome(const struct moot_sim_run *run)
{
    if (!run->failure.set)
        return EXIT_HELD;
    return run->failure.internal ? EXIT_TROUBLE : EXIT_BROKE;
}

/* `sometimes` is judged over all seeds of the file; fewer seeds cannot tell. */
static enum exit_code sometimes_judge(const char *path, const struct moot_sim_scenario *scenario,
                                      const bool *held, const struct options *options)
{
    enum exit_code code = EXIT_HELD;
    if (options->seed_first > scenario->seed_first || options->seed_last < scenario->seed_last)
        return code;
    for (uint32_t i = 0; i < scenario->statement_count; i++) {
        const struct moot_sim_statement *statement = &scenario->statements[i];
        if (statement->when != MOOT_SIM_SOMETIMES || held[i])
            continue;
        fprintf(options->json ? stderr : stdout,
                "%s:%u: BROKE: held under no seed of %llu..%llu: %s\n", path, statement->place.line,
                (unsigned long long)options->seed_first, (unsigned long long)options->seed_last,
                statement->text);
        code = EXIT_BROKE;
    }
    return code;
}

static void seeds_choose(const struct moot_sim_scenario *scenario, struct options *options)
{
    if (options->seeds_given)
        return;
    options->seed_first = scenario->seed_first;
    options->seed_last = scenario->seed_last;
}

static enum exit_code file_run(const char *path, struct options options)
{
    struct moot_sim_scenario scenario;
    enum exit_code code = EXIT_HELD;
    if (!scenario_read(path, &scenario))
        return EXIT_USAGE;
    seeds_choose(&scenario, &options);
    bool *held = (bool *)moot_sim_take(scenario.statement_count, sizeof *held);
    for (uint64_t seed = options.seed_first; seed <= options.seed_last; seed++) {
        struct moot_sim_options run_options = {
            .seed = seed, .trace = options.trace, .line = line_print};
        struct moot_sim_run run;
        char trace[65];
        moot_sim_run_init(&run, &scenario, &run_options);
        moot_sim_run_go(&run);
        moot_hex_format(moot_digest_bytes(&run.world->trace), trace);
        for (uint32_t i = 0; i < scenario.statement_count; i++)
            held[i] = held[i] || run.deeds[i].held;
        if (options.json)
            report_json(path, &run, trace);
        else
            report_text(path, &run, trace);
        code = worse(code, outcome(&run));
        moot_sim_run_deinit(&run);
    }
    code = worse(code, sometimes_judge(path, &scenario, held, &options));
    free(held);
    moot_sim_scenario_deinit(&scenario);
    return code;
}

/* The first event after which two runs of one seed differ; the count of the shorter if none does. */
static uint32_t first_difference(const struct moot_sim_run *a, const struct moot_sim_run *b)
{
    uint32_t count = a->hash_count < b->hash_count ? a->hash_count : b->hash_count;
    for (uint32_t i = 0; i < count; i++) {
        if (a->hashes[i] != b->hashes[i])
            return i + 1;
    }
    return count;
}

/* Twice, the second time with other bytes in fresh memory. */
static enum exit_code file_verify(const char *path, struct options options)
{
    struct moot_sim_scenario scenario;
    enum exit_code code = EXIT_HELD;
    if (!scenario_read(path, &scenario))
        return EXIT_USAGE;
    seeds_choose(&scenario, &options);
    for (uint64_t seed = options.seed_first; seed <= options.seed_last; seed++) {
        const struct moot_sim_options plain = {.seed = seed};
        const struct moot_sim_options filled = {.seed = seed, .fill = 0xa5};
        struct moot_sim_run one, two;
        char trace[65];
        moot_sim_run_init(&one, &scenario, &plain);
        moot_sim_run_go(&one);
        moot_sim_run_init(&two, &scenario, &filled);
        moot_sim_run_go(&two);
        moot_hex_format(moot_digest_bytes(&one.world->trace), trace);
        if (moot_digest_equal(&one.world->trace, &two.world->trace)) {
            printf("%s seed %llu: the same twice, %u events, trace %s\n", path,
                   (unsigned long long)seed, one.hash_count, trace);
        } else {
            printf("%s seed %llu: DIFFERS first at event %u\n", path, (unsigned long long)seed,
                   first_difference(&one, &two));
            code = EXIT_DIFFERS;
        }
        moot_sim_run_deinit(&one);
        moot_sim_run_deinit(&two);
    }
    moot_sim_scenario_deinit(&scenario);
    return code;
}

static enum exit_code file_format(const char *path, struct options options)
{
    struct moot_sim_scenario scenario;
    size_t size;
    (void)options;
    if (!scenario_read(path, &scenario))
        return EXIT_USAGE;
    moot_sim_scenario_deinit(&scenario);
    char *text = file_read(path, &size);
    if (!text)
        return EXIT_USAGE;
    char *canonical = moot_sim_scenario_format(text, size);
    fputs(canonical, stdout);
    free(canonical);
    free(text);
    return EXIT_HELD;
}

/* ---- command line ---- */

static bool number_read(const char *text, const char **ret_end, uint64_t *ret)
{
    *ret = 0;
    *ret_end = text;
    for (; **ret_end >= '0' && **ret_end <= '9' && *ret < UINT64_MAX / 100; (*ret_end)++)
        *ret = *ret * 10 + (uint64_t)(**ret_end - '0');
    return *ret_end != text;
}

static bool seeds_read(const char *text, struct options *ret)
{
    const char *end;
    if (!number_read(text, &end, &ret->seed_first))
        return false;
    ret->seed_last = ret->seed_first;
    if (strncmp(end, "..", 2) == 0 && !number_read(end + 2, &end, &ret->seed_last))
        return false;
    ret->seeds_given = true;
    return *end == '\0' && ret->seed_first <= ret->seed_last;
}

static bool option_read(char **arguments, int count, int *at, struct options *ret)
{
    const char *word = arguments[*at];
    if (strcmp(word, "--json") == 0)
        ret->json = true;
    else if (strcmp(word, "--trace") == 0)
        ret->trace = true;
    else if (strcmp(word, "--seeds") == 0 && *at + 1 < count)
        return seeds_read(arguments[++*at], ret);
#ifdef MOOT_MUTANTS
    else if (strcmp(word, "--mutant") == 0 && *at + 1 < count)
        moot_mutant_active = arguments[++*at];
#endif
    else
        return false;
    return true;
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        enum exit_code (*run)(const char *path, struct options options);
    } commands[] = {{"run", file_run}, {"verify", file_verify}, {"fmt", file_format}};
    struct options options = {0};
    enum exit_code code = EXIT_HELD;
    int files = 0, command = -1;
    for (int i = 0; count > 1 && i < 3; i++) {
        if (strcmp(arguments[1], commands[i].name) == 0)
            command = i;
    }
    for (int i = 2; command >= 0 && i < count; i++) {
        if (arguments[i][0] != '-') {
            files++;
        } else if (!option_read(arguments, count, &i, &options)) {
            fprintf(stderr, "moot-sim: %s is not understood\n", arguments[i]);
            command = -1;
        }
    }
    if (command < 0 || files == 0) {
        bool help = count == 2 && strcmp(arguments[1], "--help") == 0;
        fputs(usage, help ? stdout : stderr);
        return (int)(help ? EXIT_HELD : EXIT_USAGE);
    }
    if (!moot_crypto_init())
        return (int)EXIT_TROUBLE;
    for (int i = 2; i < count; i++) {
        if (arguments[i][0] != '-')
            code = worse(code, commands[command].run(arguments[i], options));
        else if (strcmp(arguments[i], "--json") != 0 && strcmp(arguments[i], "--trace") != 0)
            i++; /* an option with a value */
    }
    return (int)code;
}
