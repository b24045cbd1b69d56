#!/usr/bin/env bash
# Three nodes over the script contract: found, invite, join, admit, turn to 2 of 3, decide, be away,
# converge over any two links; strangers and devices of another mesh are refused.
# also under: asan tsan
exec python3 "${0%.sh}.py"
