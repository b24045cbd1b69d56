#!/usr/bin/env bash
# tools/test itself: its closing line, its exit code, and that it leaves no process behind.
# The suite `checks` is run in a tree whose checks are stubs.
# shellcheck source=tests/checks/lib.bash
# shellcheck disable=SC2016 # single-quoted parts are for the inner bash
. "$(dirname "$0")/lib.bash"
unset MOOT_CI CI

stubs() { # BODY: what tools/check-layers does; the other checks pass
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree/tools"
    cp "$root/tools/test" "$root/tools/count-tests" "$scratch/tree/tools/"
    local check
    for check in check-layers check-tree check-headers check-format gen-docs setup; do
        printf '#!/usr/bin/env bash\n%s\n' "echo fine" >"$scratch/tree/tools/$check"
        chmod +x "$scratch/tree/tools/$check"
    done
    printf '#!/usr/bin/env bash\n%s\n' "$1" >"$scratch/tree/tools/check-layers"
}
closing() { # NAME REGEX: of the run kept last
    must_pass "$1" grep -qE "$2" <(tail -n 1 "$scratch/kept")
}

stubs 'echo fine'
must_pass "all passed: exit 0" "$scratch/tree/tools/test" --only checks
"$scratch/tree/tools/test" --only checks >"$scratch/kept" 2>&1 || true
closing "the closing line stands alone and last" '^[345] passed, 0 failed, [01] skipped$'

stubs 'echo planted trouble; exit 1'
must_fail "one failed: exit 1 and its output is shown" "planted trouble" "$scratch/tree/tools/test" --only checks
must_fail "its suite is named" "fail layers" "$scratch/tree/tools/test" --only checks
must_pass "its output is kept" grep -q "planted trouble" "$scratch/tree/build/log/layers.log"
"$scratch/tree/tools/test" --only checks >"$scratch/kept" 2>&1 || true
closing "the failure is in the closing line" '^[234] passed, 1 failed'

stubs 'printf "ok - a\nnot ok - b\nskip - c: no reason\n"; exit 1'
"$scratch/tree/tools/test" --only checks >"$scratch/kept" 2>&1 || true
must_pass "a script's lines are counted one by one" grep -qE '^layers +1 passed +1 failed +1 skipped' "$scratch/kept"

stubs 'echo $$ >"$(dirname "$0")/pid"; sleep 120'
"$scratch/tree/tools/test" --only checks >"$scratch/kept" 2>&1 &
runner=$!
for _ in $(seq 100); do
    [ -s "$scratch/tree/tools/pid" ] && break
    sleep 0.1
done
kill -TERM "$runner"
status=0
wait "$runner" || status=$?
sleep 0.3
must_pass "interrupted: exit code says so" test "$status" -eq 130
must_pass "interrupted: nothing of it is left running" bash -c '! kill -0 "$(cat "$1")" 2>/dev/null' gone "$scratch/tree/tools/pid"

must_pass "the suites can be listed" "$root/tools/test" --list
status=0
"$root/tools/test" --only nonsense >/dev/null 2>&1 || status=$?
must_pass "an unknown suite is a usage error" test "$status" -eq 2
finish
