/*
 * Failures for people and for scripts. Happy path: a status becomes the document that the API would
 * have sent, and one function prints documents. Nothing here fails; a document without words is
 * reported as what it is.
 */
#include "tools/moot/report.h"

#include <stdarg.h>
#include <string.h>

#include "tools/moot/answer.h"

json_t *moot_report_document(enum moot_status status, const char *detail)
{
    const struct moot_status_info *info = moot_status_info(status);
    return json_pack("{s:{s:s,s:s,s:s,s:s,s:i}}", "error", "code", info->name, "text", info->text,
                     "advice", info->advice, "detail", detail, "exit", info->exit_code);
}

int moot_report(struct moot_cli *cli, enum moot_status status, const char *format, ...)
{
    char detail[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    json_t *document = moot_report_document(status, detail);
    if (document == NULL) { /* the words typed are not UTF-8 */
        document = moot_report_document(status, "the words given are not UTF-8 text");
    }
    int code = moot_report_answer(cli, document);
    json_decref(document);
    return code;
}

int moot_report_error(struct moot_cli *cli, const struct moot_error *error)
{
    return moot_report(cli, error->status, "%s", error->detail);
}

int moot_report_answer(struct moot_cli *cli, const json_t *document)
{
    json_int_t code = moot_at_number(document, "error.exit", 1);
    if (cli->json) {
        moot_report_json(cli, document);
    } else {
        const char *text = moot_at_text(document, "error.text");
        const char *detail = moot_at_text(document, "error.detail");
        const char *advice = moot_at_text(document, "error.advice");
        fprintf(cli->err, "moot: %s%s%s\n", text[0] != '\0' ? text : "it failed",
                detail[0] != '\0' ? ": " : "", detail);
        if (advice[0] != '\0') {
            fprintf(cli->err, "      %s\n", advice);
        }
    }
    return code >= 1 && code <= 125 ? (int)code : 1;
}

void moot_report_json(struct moot_cli *cli, const json_t *document)
{
    json_dumpf(document, cli->out, JSON_COMPACT);
    fputc('\n', cli->out);
}
