#!/usr/bin/env bash
# For every store call of a snapshot (fence, verification, collection) and of an installed image: the node is killed
# there (MOOT_CRASH_AT=N), started again, and checked against what it had acknowledged.
exec python3 "${0%.sh}.py" "$@"
