/* The implementations of the store port under test. */
#include "tests/unit/store/adapter.h"

#include "tests/unit/store/adapter_list.h"

const struct store_adapter *const store_adapters[] = {&store_adapter_sim, &store_adapter_lmdb,
                                                      &store_adapter_lmdb_small_map};
const size_t store_adapter_count = sizeof store_adapters / sizeof store_adapters[0];
