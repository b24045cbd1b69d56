#!/usr/bin/env bash
# tools/check-tree, check-headers, check-format and gen-docs pass the tree as it is and notice what is planted.
# shellcheck source=tests/checks/lib.bash
. "$(dirname "$0")/lib.bash"

plant() { # NAME FILE TEXT WORDS
    fresh_tree
    printf '%s\n' "$3" >"$scratch/tree/$2"
    must_fail "$1" "$4" "$root/tools/check-tree" "$scratch/tree"
}

must_pass "the tree as it is" "$root/tools/check-tree" "$root"
plant "a file of 601 lines" crypto/planted.c "$(yes '/* line */' | head -n 601)" 'crypto/planted.c: 601 lines'
plant "a typedef" journal/planted.h 'typedef struct moot_x moot_x;' 'journal/planted.h:1: no typedef here'
plant "a name ending in _t" journal/planted.h 'struct moot_x_t { int a; };' 'a name ending in _t'
plant "a dangerous call" node/planted.c 'void f(char *a) { strcpy(a, "x"); }' 'node/planted.c:1: a call with a better alternative'
plant "unfinished words" protocols/planted.c "/* TO""DO: later */" 'unfinished by its own words'
plant "a machine's path" docs/PLANTED.md "see /ho""me/somebody/x" 'a path of one machine'
plant "a file without a place" stray.txt 'x' 'stray.txt: has no place at the top level'
fresh_tree
mkdir "$scratch/tree/crypto/newfolder"
must_fail "a folder without README" 'crypto/newfolder: has no README.md' "$root/tools/check-tree" "$scratch/tree"

mkdir "$scratch/tree/crypto/other"
printf '# other\n\nSee [here](../nowhere.md).\n' >"$scratch/tree/crypto/other/README.md"
must_fail "a link to nothing" 'crypto/other/README.md:3: a link to nothing: ../nowhere.md' "$root/tools/check-tree" "$scratch/tree"
fresh_tree
printf '#ifndef PLANTED\n#define PLANTED\nstruct moot_x { uint8_t a; };\n#endif\n' >"$scratch/tree/journal/planted.h"
must_fail "a header that needs another" 'journal/planted.h: does not compile alone' "$root/tools/check-headers" "$scratch/tree"

must_pass "the generated pages are up to date" "$root/tools/gen-docs" --check "$root"
fresh_tree
sed -i 's/^\(#define MOOT_DEVICES_MAX\) [0-9]*/\1 7/' "$scratch/tree/journal/limits.h"
must_fail "a changed limit" 'docs/LIMITS.md is not what its source says' "$root/tools/gen-docs" --check "$scratch/tree"
fresh_tree
sed -i '0,/^MOOT_STATUS(/s//MOOT_STATUS(PLANTED, PEER, 1, "planted", "none")\n&/' "$scratch/tree/crypto/base/status.def"
must_fail "a new status" 'docs/ERRORS.md is not what its source says' "$root/tools/gen-docs" --check "$scratch/tree"
fresh_tree
printf '#define MOOT_SILENT_MAX 3\n' >>"$scratch/tree/journal/limits.h"
must_fail "a limit that does not say what happens" 'MOOT_SILENT_MAX does not say' "$root/tools/gen-docs" --check "$scratch/tree"

if command -v clang-format >/dev/null; then
    fresh_tree
    printf 'int  moot_x( void );\n' >"$scratch/tree/crypto/planted.h"
    must_fail "a file not formatted" 'crypto/planted.h: not formatted' "$root/tools/check-format" "$scratch/tree"
else
    echo "skip - a file not formatted: clang-format is not installed"
fi
finish
