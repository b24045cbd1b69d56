/* One adapter for each implementation of the store port. */
#ifndef TESTS_UNIT_STORE_ADAPTER_LIST_H
#define TESTS_UNIT_STORE_ADAPTER_LIST_H

#include "tests/unit/store/adapter.h"

extern const struct store_adapter store_adapter_sim;
extern const struct store_adapter store_adapter_lmdb;
extern const struct store_adapter store_adapter_lmdb_small_map;

#endif
