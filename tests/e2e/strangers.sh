#!/usr/bin/env bash
# Strangers connect to a live mesh, send all kinds of nonsense and drop, again and again: members go on
# talking meanwhile, and descriptors and memory are back to where they were afterwards.
# 200 strangers 20 times each; with MOOT_TEST_ROUNDS=20 1,000 of them 100 times each.
exec python3 "${0%.sh}.py"
