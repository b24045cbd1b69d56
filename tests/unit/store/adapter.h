/*
 * What the contract tests need of a store beyond the port, the same for every implementation.
 * Each is a table of functions; the functions fail the running test when something goes wrong.
 */
#ifndef TESTS_UNIT_STORE_ADAPTER_H
#define TESTS_UNIT_STORE_ADAPTER_H

#include <stddef.h>
#include <stdint.h>

#include "journal/store.h"

struct adapted_store;

struct store_adapter {
    const char *name;
    struct adapted_store *(*open)(void);
    void (*close)(struct adapted_store *store);
    /* Good until the next restart. */
    struct moot_store_port (*port)(struct adapted_store *store);
    /* The batch is copied; its memory is the caller's again at once. */
    void (*submit)(struct adapted_store *store, const struct moot_store_batch *batch,
                   uint64_t ticket);
    /* Returns when the commit of `ticket`, and of all before it, is reported as durable. */
    void (*settle)(struct adapted_store *store, uint64_t ticket);
    /* What a new process finds. Everything borrowed ends. */
    void (*restart)(struct adapted_store *store);
};

extern const struct store_adapter *const store_adapters[];
extern const size_t store_adapter_count;

#endif
