#!/usr/bin/env bash
# Blocks of a package between three nodes whose data lie in mount namespaces of their own: they travel;
# damaged ones are noticed, struck and fetched elsewhere; what was altered after it was proposed is
# rejected, never ready. Needs the right to mount.
exec python3 "${0%.sh}.py"
