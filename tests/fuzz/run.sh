#!/usr/bin/env bash
# run.sh FUZZER CORPUS: the corpus once, then MOOT_FUZZ_SECONDS (default 3) of new inputs.
# New finds land in a scratch directory, not in git; a crash is kept beside the fuzzer and fails.
set -euo pipefail
fuzzer=$1 corpus=$2 seconds=${MOOT_FUZZ_SECONDS:-3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
[ -n "$(ls "$corpus")" ] || { echo "no corpus: $corpus" >&2; exit 1; }
"$fuzzer" -artifact_prefix="$fuzzer-crash-" -max_total_time="$seconds" -max_len=65536 -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 "$scratch" "$corpus"
