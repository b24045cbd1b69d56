#!/usr/bin/env bash
# tools/check-layers passes the tree as it is and notices every kind of forbidden include.
# shellcheck source=tests/checks/lib.bash
. "$(dirname "$0")/lib.bash"

plant() { # NAME FILE INCLUDE WORDS
    fresh_tree
    mkdir -p "$scratch/tree/$(dirname "$2")"
    printf '%s\n' "$3" >"$scratch/tree/$2"
    must_fail "$1" "$4" "$root/tools/check-layers" "$scratch/tree"
}

must_pass "the tree as it is" "$root/tools/check-layers" "$root"
plant "crypto may not see journal" crypto/planted.c '#include "journal/limits.h"' 'crypto/ may not include journal/'
plant "journal may not see protocols" journal/planted.h '#include "protocols/limits.h"' 'journal/ may not include protocols/'
plant "protocols may not see node" protocols/planted.c '#include "node/limits.h"' 'protocols/ may not include node/'
plant "protocols may not see sim" protocols/planted.c '#  include "sim/world.h"' 'protocols/ may not include sim/'
plant "sim may not see node" sim/planted.c '#include "node/limits.h"' 'sim/ may not include node/'
plant "node may not see sim" node/planted.c '#include "sim/world.h"' 'node/ may not include sim/'
plant "tools may not see the node's loop" tools/moot/planted.c '#include "node/loop.h"' 'tools/ may not include node/'
plant "nobody sees tests" crypto/planted.c '#include "tests/lib/test.h"' 'crypto/ may not include tests/'
plant "crypto may not use uv" crypto/planted.c '#include <uv.h>' 'crypto/ may not use uv'
plant "protocols may not use libsodium" protocols/planted.c '#include <sodium.h>' 'protocols/ may not use sodium'
plant "crypto may not use msgpack" crypto/planted.c '#include <msgpack/pack.h>' 'crypto/ may not use msgpack'
plant "sim may not use LMDB" sim/planted.c '#include <lmdb.h>' 'sim/ may not use lmdb'
plant "journal may not use zstd" journal/planted.c '#include <zstd.h>' 'journal/ may not use zstd'
plant "sim may not use nng" sim/planted.c '#include <nng/nng.h>' 'sim/ may not use nng'
plant "a pure folder has no clock" journal/planted.c '#include <time.h>' 'journal/ is pure'
plant "a pure folder has no files" crypto/planted.c '#include <unistd.h>' 'crypto/ is pure'
plant "a pure folder has no threads" protocols/planted.h '	#	include <pthread.h>' 'protocols/ is pure'
plant "a pure folder has no heap" crypto/planted.c '#include <stdlib.h>' 'crypto/ is pure'
plant "sim has no real clock" sim/planted.c '#include <time.h>' 'sim/ owns time'
plant "includes are written from the top" crypto/planted.c '#include "base/status.h"' '"base/status.h" is not written from the top'
plant "no way round over .." node/planted.c '#include "crypto/../sim/world.h"' 'is not written from the top'
plant "our headers take quotes" node/planted.c '#include <sim/world.h>' 'our own headers'
plant "a computed include is refused" crypto/planted.c '#include MOOT_HEADER' 'does not understand'
plant "cmocka has one door" tests/unit/crypto/test_planted.c '#include <cmocka.h>' 'through tests/lib/test.h only'
fresh_tree
printf '#include "node/package.h"\n' >"$scratch/tree/tools/moot/planted.c"
must_pass "tools may use the package library" "$root/tools/check-layers" "$scratch/tree"
finish
