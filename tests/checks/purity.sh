#!/usr/bin/env bash
# tools/check-purity passes small pure archives and notices every kind of impurity planted in one.
# shellcheck source=tests/checks/lib.bash
. "$(dirname "$0")/lib.bash"
compiler=${CC:-cc}

archives() { # FOLDER CODE: three pure archives, CODE added to FOLDER's
    rm -rf "$scratch/build"
    local folder
    for folder in crypto journal protocols; do
        mkdir -p "$scratch/build/$folder"
        printf 'int moot_%s_probe(void);\nint moot_%s_probe(void) { return 1; }\n' "$folder" "$folder" >"$scratch/build/$folder/probe.c"
        [ "$folder" != "$1" ] || printf '%s\n' "$2" >"$scratch/build/$folder/planted.c"
        (cd "$scratch/build/$folder" && "$compiler" -w -O1 -c ./*.c && ar rc "libmoot_$folder.a" ./*.o)
    done
    printf 'CMAKE_C_COMPILER:FILEPATH=%s\nMOOT_SANITIZE:STRING=\n' "$compiler" >"$scratch/build/CMakeCache.txt"
}

plant() { # NAME FOLDER CODE WORDS
    archives "$2" "$3"
    must_fail "$1" "$4" "$root/tools/check-purity" "$scratch/build"
}

archives crypto '#include <string.h>
static const char *const names[] = {"a", "b"};
int moot_length(unsigned i);
int moot_length(unsigned i) { return (int)strlen(names[i]); }'
must_pass "constant tables and memory functions are pure" "$root/tools/check-purity" "$scratch/build"
archives protocols 'int moot_journal_probe(void); int moot_up(void) { return moot_journal_probe(); }'
must_pass "a folder may call those below" "$root/tools/check-purity" "$scratch/build"

plant "a clock" crypto '#include <time.h>
long moot_now(void) { return (long)time(0); }' 'calls time, which is not on the list'
plant "a file" journal '#include <stdio.h>
void *moot_open(const char *p) { return fopen(p, "r"); }' 'calls fopen'
plant "printing to a stream" protocols '#include <stdio.h>
void moot_say(int i) { printf("%d", i); }' 'calls printf'
plant "a socket" protocols '#include <sys/socket.h>
int moot_socket(void) { return socket(1, 1, 0); }' 'calls socket'
plant "a thread" crypto '#include <pthread.h>
int moot_lock(pthread_mutex_t *m) { return pthread_mutex_lock(m); }' 'calls pthread_mutex_lock'
plant "the heap" journal '#include <stdlib.h>
void *moot_get(void) { return malloc(9); }' 'calls malloc'
plant "qsort" journal '#include <stdlib.h>
void moot_sort(void *p, int (*f)(const void *, const void *)) { qsort(p, 2, 2, f); }' 'calls qsort'
plant "randomness" crypto 'void randombytes_buf(void *, unsigned long); void moot_r(void *p) { randombytes_buf(p, 8); }' 'calls randombytes_buf, which is forbidden'
plant "a drawn key pair" crypto 'int crypto_sign_keypair(void *, void *); int moot_k(void *p) { return crypto_sign_keypair(p, p); }' 'calls crypto_sign_keypair'
plant "a drawn key" crypto 'void crypto_secretbox_keygen(void *); void moot_k(void *p) { crypto_secretbox_keygen(p); }' 'calls crypto_secretbox_keygen, which is forbidden'
plant "a drawn scalar" crypto 'void crypto_core_ed25519_scalar_random(void *); void moot_k(void *p) { crypto_core_ed25519_scalar_random(p); }' 'is forbidden'
plant "libsodium above the ground floor" protocols 'int sodium_memcmp(const void *, const void *, unsigned long); int moot_c(void *p) { return sodium_memcmp(p, p, 1); }' 'calls sodium_memcmp'
plant "an initialised global" crypto 'int moot_counter = 5; int moot_count(void) { return moot_counter++; }' 'in .data: moot_counter'
plant "a zeroed global" journal 'int moot_counter; int moot_count(void) { return moot_counter++; }' 'in .bss: moot_counter'
plant "a static in a function" protocols 'int moot_count(void) { static int calls; return calls++; }' 'in .bss: calls'
plant "a thread-local global" crypto '_Thread_local int moot_mine; int moot_count(void) { return moot_mine++; }' 'in .tbss: moot_mine'
plant "a call upwards" journal 'int moot_protocols_probe(void); int moot_up(void) { return moot_protocols_probe(); }' 'journal/: does not link alone'
plant "a call to nothing" crypto 'int moot_missing(void); int moot_up(void) { return moot_missing(); }' 'calls moot_missing'
archives crypto ''
rm "$scratch/build/journal/libmoot_journal.a"
must_fail "a library that is missing" "no library" "$root/tools/check-purity" "$scratch/build"

# Floating point: the compiler refuses it, or its helper is not on the list.
if "$compiler" -mgeneral-regs-only -c -o "$scratch/x.o" "$scratch/build/crypto/probe.c" 2>/dev/null; then
    printf 'double moot_f(double a);\ndouble moot_f(double a) { return a * 3; }\n' >"$scratch/f.c"
    if "$compiler" -mgeneral-regs-only -c -o "$scratch/f.o" "$scratch/f.c" 2>/dev/null; then
        archives crypto ''
        (cd "$scratch/build/crypto" && ar rc libmoot_crypto.a "$scratch/f.o")
        must_fail "floating point" "which is not on the list" "$root/tools/check-purity" "$scratch/build"
    else
        echo "ok - floating point does not compile"
    fi
fi
finish
