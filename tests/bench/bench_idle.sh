#!/usr/bin/env bash
# Meshes of 3 and 6 mootd with 1,000 facts and nothing to do: memory, threads, processor, wake-ups, bytes.
# In a network of its own where that is allowed, so that loopback counts nobody else's bytes.
run=(python3 "$(dirname "$0")/mesh_idle.py")
if unshare -n sh -c 'ip link set lo up' 2>/dev/null; then
    exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "${run[@]}"
fi
echo "(loopback counts everybody's bytes)"
exec "${run[@]}"
