#!/usr/bin/env bash
# Cold join between two mootd over the real link; memory before and after; the same build's cost of
# verifying every fact. MOOT_BENCH_FACTS (200,000) and MOOT_BENCH_TRIES (5) change the size.
exec python3 "$(dirname "$0")/mesh_join.py"
