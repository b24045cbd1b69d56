/*
 * Checking a certificate again. Happy path: the node hands over the statement and the signatures;
 * each signature is verified here, the statement must be about this proposal, and enough distinct
 * signers are counted. Failures: NOT_FOUND (no certificate yet), BAD_SIGNATURE, BAD_CERTIFICATE.
 */
#include <string.h>

#include "crypto/certificate.h"
#include "tools/moot/answer.h"
#include "tools/moot/client.h"
#include "tools/moot/report.h"
#include "tools/moot/verbs.h"

static bool hex_at(const json_t *value, uint8_t *ret, size_t size)
{
    const char *text = json_string_value(value);
    return text != NULL && moot_hex_parse(text, strlen(text), ret, size);
}

/* Statement and signatures of the certificate; BAD_CERTIFICATE when a part is missing or odd. */
static enum moot_status certificate_read(const json_t *proposal, struct moot_certificate *ret)
{
    const json_t *keys = moot_at(proposal, "certificate.keys");
    const json_t *signatures = moot_at(proposal, "certificate.signatures");
    size_t count = json_array_size(keys);
    uint8_t bytes[MOOT_STATEMENT_BYTES];
    if (!hex_at(moot_at(proposal, "certificate.statement"), bytes, sizeof bytes) || count == 0 ||
        count != json_array_size(signatures) || count > MOOT_CERTIFICATE_SIGNERS_MAX) {
        return MOOT_BAD_CERTIFICATE;
    }
    enum moot_status status =
        moot_statement_decode(moot_bytes_of(bytes, sizeof bytes), &ret->statement);
    for (size_t i = 0; status == MOOT_OK && i < count; i++) {
        struct moot_key key;
        struct moot_signature signature;
        if (!hex_at(json_array_get(keys, i), key.b, sizeof key.b) ||
            !hex_at(json_array_get(signatures, i), signature.b, sizeof signature.b) ||
            !moot_certificate_add(ret, &key, &signature)) {
            return MOOT_BAD_CERTIFICATE;
        }
        if (!moot_statement_verify(&ret->statement, &key, &signature)) {
            return MOOT_BAD_SIGNATURE;
        }
    }
    return status;
}

static enum moot_status certificate_verify(const json_t *proposal, uint32_t *ret_count)
{
    struct moot_certificate certificate = {0};
    struct moot_digest digest;
    enum moot_status status = certificate_read(proposal, &certificate);
    if (status != MOOT_OK) {
        return status;
    }
    json_int_t need = moot_at_number(proposal, "approvals.need", 0);
    if (!hex_at(moot_at(proposal, "digest"), digest.b, sizeof digest.b) ||
        !moot_digest_equal(&digest, &certificate.statement.body) ||
        certificate.statement.verdict != MOOT_VERDICT_YES || need < 1 ||
        (json_int_t)certificate.signer_count < need) {
        return MOOT_BAD_CERTIFICATE;
    }
    *ret_count = certificate.signer_count;
    return MOOT_OK;
}

int moot_verb_proposal_verify(struct moot_cli *cli)
{
    struct moot_answer answer = {0};
    uint32_t count = 0;
    int code = moot_client_get_at(cli, "/v1/proposals/", cli->arguments[0], "", &answer);
    if (code == 0 && moot_at(answer.json, "certificate") == NULL) {
        code = moot_report(cli, MOOT_NOT_FOUND, "%.40s has no certificate: it is %.20s",
                           moot_at_text(answer.json, "id"), moot_at_text(answer.json, "state"));
    } else if (code == 0) {
        enum moot_status status = certificate_verify(answer.json, &count);
        if (status != MOOT_OK) {
            code = moot_report(cli, status, "the certificate of %.40s",
                               moot_at_text(answer.json, "id"));
        }
    }
    if (code == 0 && cli->json) {
        json_t *document =
            json_pack("{s:s,s:b,s:O,s:O,s:O}", "schema", "moot.verified/1", "verified", 1, "id",
                      moot_at(answer.json, "id"), "digest", moot_at(answer.json, "digest"),
                      "signers", moot_at(answer.json, "certificate.signers"));
        moot_report_json(cli, document);
        json_decref(document);
    } else if (code == 0) {
        char names[320];
        moot_at_names(answer.json, "certificate.signers", "and", names, sizeof names);
        fprintf(cli->out, "%s: %u good signatures over digest %s: %s\n",
                moot_at_text(answer.json, "id"), count, moot_at_text(answer.json, "digest"), names);
    }
    moot_answer_free(&answer);
    return code;
}
