#!/usr/bin/env bash
# moot-sim on the command line: exit codes, places of errors, what a failure prints, fmt, verify, --json.
# also under: asan
set -euo pipefail
bin=${MOOT_BIN:?}
here=${MOOT_SOURCE_DIR:?}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# WHAT CODE WORDS COMMAND...: the command exits with CODE and its output has WORDS.
shows() {
    local what=$1 code=$2 words=$3 found=0
    shift 3
    "$@" >"$scratch/out" 2>&1 || found=$?
    if [ "$found" -ne "$code" ] || ! grep -qF -- "$words" "$scratch/out"; then
        echo "FAILED: $what: exit $found, expected $code and \"$words\":"
        head -n 20 "$scratch/out"
        failures=$((failures + 1))
    fi
}

head_lines='scenario "t"
nodes d1..d3 admins=d1,d2,d3 threshold=2'
printf '%s\nfinally expect digest-equal all\n' "$head_lines" >"$scratch/good.sim"
printf '%s\nat 5s expect epoch all == 9999\n' "$head_lines" >"$scratch/false.sim"
printf '%s\nsometimes epoch all == 9999\n' "$head_lines" >"$scratch/never.sim"
printf '%s\nat 5s expcet epoch all == 1\n' "$head_lines" >"$scratch/slip.sim"
printf '%s\nat 1s d1 propose upgrade U kind=soft ready=1\nat 2s d1 reject U "changed my mind"\nfinally expect digest-equal all\n' \
    "$head_lines" >"$scratch/refused.sim"

shows "a scenario that holds" 0 "seed 1: held" "$bin/moot-sim" run "$scratch/good.sim"
shows "a range of seeds" 0 "seed 3: held" "$bin/moot-sim" run "$scratch/good.sim" --seeds 2..3
shows "an expectation that is false" 1 "invariant  expect" "$bin/moot-sim" run "$scratch/false.sim"
shows "its line" 1 "false.sim:3" "$bin/moot-sim" run "$scratch/false.sim"
shows "how to see it again" 1 "--seeds 7 --trace" "$bin/moot-sim" run "$scratch/false.sim" --seeds 7
shows "a sometimes that never is" 1 "never.sim:3: BROKE" "$bin/moot-sim" run "$scratch/never.sim"
shows "a refusal nobody spoke of" 1 "act-refused" "$bin/moot-sim" run "$scratch/refused.sim"
shows "a slip" 2 "slip.sim:3:7: unknown act" "$bin/moot-sim" run "$scratch/slip.sim"
shows "a slip among good files" 2 "slip.sim:3:7" "$bin/moot-sim" run "$scratch/good.sim" "$scratch/slip.sim"
shows "no such file" 2 "cannot be read" "$bin/moot-sim" run "$scratch/none.sim"
shows "no file" 2 "usage:" "$bin/moot-sim" run
shows "no such command" 2 "usage:" "$bin/moot-sim" walk "$scratch/good.sim"
shows "no such option" 2 "--sedes is not understood" "$bin/moot-sim" run "$scratch/good.sim" --sedes 1
shows "seeds that end before they begin" 2 "not understood" "$bin/moot-sim" run "$scratch/good.sim" --seeds 3..1
shows "help" 0 "usage:" "$bin/moot-sim" --help
shows "verify" 0 "the same twice" "$bin/moot-sim" verify "$scratch/good.sim"
shows "one object a run" 0 '"held":true' "$bin/moot-sim" run "$scratch/good.sim" --json
shows "a failure in it" 1 '"failure":{"invariant":"expect"' "$bin/moot-sim" run "$scratch/false.sim" --json
shows "every event" 0 "commit" "$bin/moot-sim" run "$scratch/good.sim" --trace
if [ -x "$bin/moot-sim-mutants" ]; then
    shows "a run that differs" 3 "DIFFERS first at event" \
        "$bin/moot-sim-mutants" verify "$scratch/good.sim" --mutant run-reads-fresh-memory
    shows "an approval that counts twice" 1 "invariant  certificate" \
        "$bin/moot-sim-mutants" run "$here/sim/scenarios/soft-fork-straggler.sim" --seeds 1 --mutant count-approval-twice
fi
for file in "$here"/sim/scenarios/*.sim; do
    "$bin/moot-sim" fmt "$file" >"$scratch/canonical"
    cmp "$file" "$scratch/canonical" || failures=$((failures + 1))
done
echo "simulator on the command line: $failures failures"
[ "$failures" -eq 0 ]
