/*
 * Contracts: statements about our own code that stay on in release builds. Never for bytes from a
 * peer, a disk or a person: those get a status. A broken contract ends the process; what was
 * acknowledged is on disk already, so nothing is lost by stopping.
 */
#ifndef MOOT_CRYPTO_BASE_CONTRACT_H
#define MOOT_CRYPTO_BASE_CONTRACT_H

#include "crypto/base/attr.h"

/* Called once before the process aborts. Weak and silent here; a shell overrides it to log. */
void moot_contract_report(const char *kind, const char *text, const char *file, int line);

_Noreturn void moot_contract_failed(const char *kind, const char *text, const char *file, int line);

#define MOOT_CONTRACT_(kind, condition)                                                            \
    ((condition) ? (void)0 : moot_contract_failed(kind, #condition, __FILE__, __LINE__))
#define MOOT_REQUIRE(condition) MOOT_CONTRACT_("require", condition)
#define MOOT_ENSURE(condition) MOOT_CONTRACT_("ensure", condition)
#define MOOT_INVARIANT(condition) MOOT_CONTRACT_("invariant", condition)

#endif
