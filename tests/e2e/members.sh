#!/usr/bin/env bash
# Devices removed, replaced and renamed on real nodes by 2 of 3, with one of them away.
# also under: asan
exec python3 "${0%.sh}.py"
