#!/usr/bin/env bash
# tools/count-tests counts what programs say, and never calls a failure a pass.
# shellcheck disable=SC2016 # single-quoted parts are for the inner bash
# shellcheck source=tests/checks/lib.bash
. "$(dirname "$0")/lib.bash"
unset MOOT_CI

counts() { # NAME EXPECTED STATUS TEXT
    printf '%s\n' "$4" >"$scratch/log"
    must_pass "$1" bash -c '[ "$("$1" log t "$2" "$3" | tail -n 1)" = "$4" ]' counts "$root/tools/count-tests" "$3" "$scratch/log" "$2"
}
counts "a program that says nothing is one test" "1 0 0" 0 "hello"
counts "a program that fails is one failure" "0 1 0" 1 "hello"
counts "cmocka counts by its numbers" "3 0 0" 0 "[==========] Running 3 test(s).
[  PASSED  ] 3 test(s)."
counts "cmocka failures count" "2 1 0" 1 "[  PASSED  ] 2 test(s).
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] a"
counts "two groups in one program add up" "5 0 0" 0 "[  PASSED  ] 2 test(s).
[  PASSED  ] 3 test(s)."
counts "a crash after the tests passed is a failure" "3 1 0" 1 "[  PASSED  ] 3 test(s)."
counts "a time-out is a failure" "0 1 0" 124 "hello"
counts "script lines count" "2 1 1" 1 "ok - a
ok - b
not ok - c
skip - d: no namespaces"
counts "exit 77 is a skip" "0 0 1" 77 "needs a kernel with netem"
MOOT_CI=1
export MOOT_CI
counts "under CI a missing tool is a failure" "0 1 0" 77 "strace is not installed"
counts "under CI another skip stays one" "0 0 1" 77 "needs a kernel with netem"
unset MOOT_CI

cat >"$scratch/junit.xml" <<'XML'
<testsuite><testcase name="a" status="run"><system-out>[  PASSED  ] 4 test(s).</system-out></testcase>
<testcase name="b" status="fail"><failure message="Failed"/><system-out>boom</system-out></testcase>
<testcase name="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/><system-out>no netem</system-out></testcase>
<testcase name="d" status="notrun"><skipped message="Unable to find executable"/><system-out></system-out></testcase>
</testsuite>
XML
must_pass "ctest's results add up, and what could not start failed" \
    bash -c '[ "$("$1" junit "$2" | tail -n 1)" = "4 2 1" ]' junit "$root/tools/count-tests" "$scratch/junit.xml"
echo '<testsuite><testcase' >"$scratch/broken.xml"
must_pass "broken results are an error" bash -c '! "$1" junit "$2"' broken "$root/tools/count-tests" "$scratch/broken.xml"
finish
