/* The only compiler extensions in the tree, each behind a name. */
#ifndef MOOT_CRYPTO_BASE_ATTR_H
#define MOOT_CRYPTO_BASE_ATTR_H

#define MOOT_MUST_USE __attribute__((warn_unused_result))
#define MOOT_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define MOOT_CLEANUP(function) __attribute__((cleanup(function)))
#define MOOT_WEAK __attribute__((weak))
#define MOOT_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
