#!/usr/bin/env bash
# The command line against real nodes: every verb, its exit codes, --json members, --wait, --dry-run.
# also under: asan
exec python3 "${0%.sh}.py"
