#!/usr/bin/env bash
# kill -9 of any of three nodes at any moment, for half a minute of writing and voting: nothing that
# was acknowledged is lost, nobody votes twice, and in the end all hold the same.
exec python3 "${0%.sh}.py"
