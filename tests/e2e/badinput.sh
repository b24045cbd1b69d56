#!/usr/bin/env bash
# Bad input from links, from a member's stolen key, over the API and on the command line, and a disk that
# is full: each refused with its own reason, counted, and the node goes on. The full disk needs the right
# to mount.
exec python3 "${0%.sh}.py"
