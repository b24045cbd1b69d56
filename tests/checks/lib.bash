# For the scripts here: a scratch copy of the tree, and "this must pass", "this must fail and say that".
# Sourced, not run. Each statement is one counted test.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

fresh_tree() { # copies what the checks read to $scratch/tree
    rm -rf "$scratch/tree"
    mkdir "$scratch/tree"
    local entry
    for entry in "$root"/* "$root"/.clang-format; do
        [ "$(basename "$entry")" = build ] || cp -r "$entry" "$scratch/tree/"
    done
}

must_pass() { # NAME COMMAND...
    local name=$1 status=0
    shift
    "$@" >"$scratch/out" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        echo "ok - $name"
    else
        echo "not ok - $name: exit $status"
        sed 's/^/    /' "$scratch/out"
        failed=1
    fi
}

must_fail() { # NAME WORDS COMMAND...: exit 1 and the words in what it says
    local name=$1 words=$2 status=0
    shift 2
    "$@" >"$scratch/out" 2>&1 || status=$?
    if [ "$status" -eq 1 ] && grep -qF -- "$words" "$scratch/out"; then
        echo "ok - $name"
    else
        echo "not ok - $name: exit $status, expected 1 and: $words"
        sed 's/^/    /' "$scratch/out"
        failed=1
    fi
}

finish() { exit "$failed"; }
