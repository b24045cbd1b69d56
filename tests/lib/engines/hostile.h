/* What a member sends that does not keep the rules: by hand, with its own keys and sessions. */
#ifndef TESTS_LIB_ENGINES_HOSTILE_H
#define TESTS_LIB_ENGINES_HOSTILE_H

#include "protocols/inside.h"
#include "tests/lib/engines/net.h"

/* Items of a PUSH or of a PULL's answer; borrowed. */
struct test_items {
    const struct moot_bytes *objects, *loose, *runs;
    uint32_t object_count, loose_count, run_count;
};

/* One message of `from` to `to`, who must be connected; the net is not run. */
void test_hostile_push(struct test_net *net, uint32_t from, uint32_t to,
                       const struct test_items *items);
/* Any message: type, number, answer, body (canonical bytes of one value). */
void test_hostile_message(struct test_net *net, uint32_t from, uint32_t to,
                          enum moot_message_type type, uint32_t number, bool answer,
                          struct moot_bytes body);
/* An approval as it travels, signed by that node; its bytes lie in `memory` of 1024 bytes. */
struct moot_bytes test_hostile_approval(struct test_net *net, uint32_t signer,
                                        const struct moot_statement *statement,
                                        uint8_t memory[1024]);

/* How often `node` refused something for that reason. */
uint64_t test_net_refused(const struct test_net *net, uint32_t node, enum moot_status why);
/* The engine of a node, for looking into it. */
struct moot_engine *test_net_engine(const struct test_net *net, uint32_t node);
/* Both digests of two nodes are the same. */
bool test_net_equal(const struct test_net *net, uint32_t a, uint32_t b);

#endif
