/*
 * The end of a process that found itself in the wrong: report once, then abort.
 * The report here says nothing; a shell defines its own (strong) one that logs.
 */
#include "crypto/base/contract.h"

#include <stdlib.h>

MOOT_WEAK void moot_contract_report(const char *kind, const char *text, const char *file, int line)
{
    (void)kind;
    (void)text;
    (void)file;
    (void)line;
}

_Noreturn void moot_contract_failed(const char *kind, const char *text, const char *file, int line)
{
    moot_contract_report(kind, text, file, line);
    abort();
}
