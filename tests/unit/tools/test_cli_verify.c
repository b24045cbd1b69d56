/* A certificate is checked signature by signature; one bit that differs is noticed. */
#include "tests/lib/test.h"
#include "tests/lib/tools/fake_node.h"

#include "crypto/certificate.h"

struct sample {
    struct moot_statement statement;
    struct moot_identity identities[2];
    char statement_hex[2 * MOOT_STATEMENT_BYTES + 1];
    char digest_hex[65];
    char keys[2][65];
    char signatures[2][129];
    char answer[2048];
};

static void sample_init(struct sample *sample)
{
    uint8_t bytes[MOOT_STATEMENT_BYTES];
    memset(sample, 0, sizeof *sample);
    memset(sample->statement.body.b, 7, sizeof sample->statement.body.b);
    sample->statement.slot.kind = MOOT_SLOT_UPGRADE;
    sample->statement.slot.proposal = sample->statement.body;
    sample->statement.verdict = MOOT_VERDICT_YES;
    moot_statement_encode(&sample->statement, bytes);
    moot_hex_format(moot_bytes_of(bytes, sizeof bytes), sample->statement_hex);
    moot_hex_format(moot_digest_bytes(&sample->statement.body), sample->digest_hex);
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t seed[32];
        struct moot_signature signature;
        memset(seed, i + 1, sizeof seed);
        moot_identity_init(&sample->identities[i], seed);
        moot_statement_sign(&sample->statement, &sample->identities[i], &signature);
        moot_hex_format(moot_key_bytes(&sample->identities[i].key), sample->keys[i]);
        moot_hex_format(moot_bytes_of(signature.b, sizeof signature.b), sample->signatures[i]);
    }
}

/* The answer of a node that holds this certificate, of which `need` signatures are needed. */
static const char *sample_answer(struct sample *sample, int need)
{
    snprintf(sample->answer, sizeof sample->answer,
             "{\"id\":\"UP-1\",\"state\":\"certified\",\"digest\":\"%s\",\"approvals\":{\"need\":"
             "%d},\"certificate\":{\"signers\":[\"a\",\"b\"],\"keys\":[\"%s\",\"%s\"],"
             "\"statement\":\"%s\",\"signatures\":[\"%s\",\"%s\"]}}",
             sample->digest_hex, need, sample->keys[0], sample->keys[1], sample->statement_hex,
             sample->signatures[0], sample->signatures[1]);
    return sample->answer;
}

static int verify(struct sample *sample, int need)
{
    struct fake_node *node = fake_node_new();
    fake_node_answer(node, "GET /v1/proposals/UP-1", 200, sample_answer(sample, need));
    int code = fake_node_run(node, "proposal verify UP-1", NULL);
    fake_node_free(node);
    return code;
}

static void flip(char *digit)
{
    *digit = *digit == '0' ? '1' : '0';
}

static void good_signatures_over_this_digest_pass(void **state)
{
    struct sample sample;
    (void)state;
    sample_init(&sample);
    assert_int_equal(verify(&sample, 2), 0);
}

static void an_altered_signature_key_or_statement_fails(void **state)
{
    struct sample sample;
    (void)state;
    sample_init(&sample);
    flip(&sample.signatures[1][20]);
    assert_int_equal(verify(&sample, 2), 1);
    sample_init(&sample);
    flip(&sample.keys[0][3]);
    assert_int_equal(verify(&sample, 2), 1);
    sample_init(&sample);
    flip(&sample.statement_hex[40]);
    assert_int_equal(verify(&sample, 2), 1);
}

static void another_digest_fails(void **state)
{
    struct sample sample;
    (void)state;
    sample_init(&sample);
    flip(&sample.digest_hex[0]);
    assert_int_equal(verify(&sample, 2), 1);
}

static void too_few_or_repeated_signers_fail(void **state)
{
    struct sample sample;
    (void)state;
    sample_init(&sample);
    assert_int_equal(verify(&sample, 3), 1);
    memcpy(sample.keys[1], sample.keys[0], sizeof sample.keys[1]);
    memcpy(sample.signatures[1], sample.signatures[0], sizeof sample.signatures[1]);
    assert_int_equal(verify(&sample, 2), 1);
}

static void without_a_certificate_there_is_nothing_to_verify(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "GET /v1/proposals/UP-1", 200,
                     "{\"id\":\"UP-1\",\"state\":\"proposed\",\"certificate\":null}");
    assert_int_equal(fake_node_run(node, "proposal verify UP-1", NULL), 4);
    fake_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_signatures_over_this_digest_pass),
        cmocka_unit_test(an_altered_signature_key_or_statement_fails),
        cmocka_unit_test(another_digest_fails),
        cmocka_unit_test(too_few_or_repeated_signers_fail),
        cmocka_unit_test(without_a_certificate_there_is_nothing_to_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
