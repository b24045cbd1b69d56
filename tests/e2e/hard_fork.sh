#!/usr/bin/env bash
# A hard fork over the script contract: refusals, fence, a device of an older release that is fenced, fetches,
# heals when it is raised; what it wrote before counts; a fork that is not ready expires.
# also under: asan tsan
exec python3 "${0%.sh}.py"
