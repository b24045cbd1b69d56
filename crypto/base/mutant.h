/*
 * Mutants: named, planted protocol bugs that tests and simulator must notice. In every shipped
 * library MOOT_MUTANT(name) is the constant false and nothing of it remains; only the separate
 * library that the mutation tests link is compiled with MOOT_MUTANTS.
 */
#ifndef MOOT_CRYPTO_BASE_MUTANT_H
#define MOOT_CRYPTO_BASE_MUTANT_H

#ifdef MOOT_MUTANTS
#include <stdbool.h>
#include <string.h>
/* Name of the mutant that is switched on, or "" for none. Owned by the test program. */
extern const char *moot_mutant_active;
#define MOOT_MUTANT(name) (strcmp(moot_mutant_active, name) == 0)
#else
#define MOOT_MUTANT(name) false
#endif

#endif
