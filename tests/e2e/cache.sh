#!/usr/bin/env bash
# The cache by hand: values kept on one node, invalidated everywhere by 2 of 3, floors that outlive
# kill -9 and absence.
# also under: asan
exec python3 "${0%.sh}.py"
