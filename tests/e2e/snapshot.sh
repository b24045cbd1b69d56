#!/usr/bin/env bash
# Snapshots behind a writer fence on real nodes: completed by themselves, writers that wait, are refused or
# queued and killed, proposers that die, collection, images, devices that were away, and crashes in all of it.
exec python3 "${0%.sh}.py"
