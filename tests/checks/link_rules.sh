#!/usr/bin/env bash
# The links use the stream interface of nng and nothing that strangers can wedge or that panics:
# no SP socket, no time-out on an operation. Every nng function called in node/ must be on this list.
set -euo pipefail
cd "${MOOT_SOURCE_DIR:-$(dirname "$0")/../..}"
allowed='nng_strerror nng_aio_alloc nng_aio_free nng_aio_result nng_aio_count nng_aio_set_iov nng_aio_get_output
nng_stream_free nng_stream_close nng_stream_send nng_stream_recv nng_stream_get_addr
nng_stream_dialer_alloc nng_stream_dialer_free nng_stream_dialer_close nng_stream_dialer_dial nng_stream_dialer_set_bool
nng_stream_listener_alloc nng_stream_listener_free nng_stream_listener_close nng_stream_listener_listen
nng_stream_listener_accept nng_stream_listener_get_addr nng_stream_listener_set_bool'

violations() { # DIRECTORY: the calls that are not on the list
    local call
    while read -r call; do
        grep -qw -- "$call" <<<"$allowed" || echo "$call"
    done < <(grep -rhoE --include='*.c' --include='*.h' '\bnng_[a-z0-9_]+ ?\(' "$1" | tr -d ' (' | sort -u)
}

found=$(violations node)
[ -z "$found" ] || { echo "not ok - node/ calls $found"; exit 1; }
grep -rqE --include='*.c' '\bnng_stream_recv ?\(' node || { echo "not ok - node/ calls no nng stream at all"; exit 1; }
if grep -rnE --include='*.c' --include='*.h' 'nng/(protocol|supplemental|transport)/' node; then
    echo "not ok - node/ includes more than nng/nng.h"
    exit 1
fi

# The check itself notices: an SP socket and a time-out, planted in a copy.
planted=$(mktemp -d)
trap 'rm -rf "$planted"' EXIT
printf 'void f(void) { nng_bus0_open(&s); nng_aio_set_timeout(aio, 5); nng_stream_free(x); }\n' >"$planted/x.c"
[ "$(violations "$planted" | tr '\n' ' ')" = "nng_aio_set_timeout nng_bus0_open " ] ||
    { echo "not ok - a planted violation is not noticed"; exit 1; }
echo "ok - node/ keeps to the stream interface of nng"
