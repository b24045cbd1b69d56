/* What is typed wrong is refused before any node is asked: exit 2, and the nearest word. */
#include "tests/lib/test.h"
#include "tests/lib/tools/fake_node.h"

#include <jansson.h>

static void refused(struct fake_node *node, const char *line, const char *words)
{
    int code = fake_node_run(node, line, NULL);
    if (code != 2 || strstr(fake_node_err(node), words) == NULL || fake_node_out(node)[0] != '\0') {
        fail_msg("%s: exit %d, stdout '%s', stderr '%s', expected 2 and '%s'", line, code,
                 fake_node_out(node), fake_node_err(node), words);
    }
    assert_int_equal(fake_node_request_count(node), 0);
}

static void mistyped_words_are_refused_with_the_nearest(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    refused(node, "statuss", "did you mean status?");
    refused(node, "record putt a b", "did you mean record put?");
    refused(node, "propse upgrade x", "propose upgrade?");
    refused(node, "record", "moot help record");
    refused(node, "xyzzy", "there is no verb 'xyzzy'");
    refused(node, "status --jsno", "did you mean --json?");
    refused(node, "propose admins --tresh 2", "moot takes no --tresh");
    refused(node, "record get a --al", "moot takes no --al: did you mean --all?");
    refused(node, "record get a --soft", "moot record get takes no --soft");
    fake_node_free(node);
}

static void missing_and_surplus_words_are_refused(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    refused(node, "approve", "needs ID");
    refused(node, "status now", "does not know what to do with 'now'");
    refused(node, "init", "needs --mesh NAME");
    refused(node, "propose admins --set a,b", "needs --threshold M");
    refused(node, "propose admins --set , --threshold 1", "names nobody");
    refused(node, "propose admins --set a --threshold two", "is no number");
    refused(node, "init --mesh", "--mesh needs a value");
    refused(node, "init --mesh a --mesh b", "given twice");
    refused(node, "status --json=yes", "takes no value");
    refused(node, "init --mesh a --wait=soon", "is no time");
    refused(node, "reject UP-1", "needs --message WHY");
    refused(node, "record put a b --no-wait --queue", "exclude each other");
    refused(node, "record put a", "needs VALUE or --delete");
    refused(node, "record put a b --delete", "needs VALUE or --delete");
    refused(node, "epoch wait soon", "neither N nor +N");
    refused(node, "proposal wait UP-1 --for done", "conflicted");
    refused(node, "status --dry-run", "takes no --dry-run");
    fake_node_free(node);
}

static void an_upgrade_says_exactly_one_of_soft_and_hard(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    refused(node, "propose upgrade p.moot --ready 1", "say --soft, or --hard");
    refused(node, "propose upgrade p.moot --ready 1 --soft --hard", "say --soft, or --hard");
    refused(node, "propose upgrade p.moot --ready 1 --hard", "--hard needs --at-epoch");
    refused(node, "propose upgrade p.moot --ready 1 --soft --at-epoch 9", "goes with --hard");
    refused(node, "propose upgrade p.moot --ready 1 --hard --at-epoch +x", "neither N nor +N");
    refused(node, "propose upgrade p.moot --ready 99999999999 --soft", "is no number");
    fake_node_free(node);
}

static void approving_without_a_digest_and_without_a_person_is_a_usage_error(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    refused(node, "approve UP-1", "needs --digest HEX");
    fake_node_terminal(node, true);
    assert_int_equal(fake_node_run(node, "approve UP-1 --json", NULL), 2);
    assert_int_equal(fake_node_request_count(node), 0);
    fake_node_free(node);
}

static void with_json_a_usage_error_is_a_document_on_stdout(void **state)
{
    static const char *const lines[] = {"--json xyzzy", "xyzzy --json", "status --jsno --json",
                                        "approve UP-1 --json", "record put --json k"};
    struct fake_node *node = fake_node_new();
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(fake_node_run(node, lines[i], NULL), 2);
        assert_string_equal(fake_node_err(node), "");
        json_t *document = json_loads(fake_node_out(node), 0, NULL);
        const json_t *error = json_object_get(document, "error");
        assert_string_equal(json_string_value(json_object_get(error, "code")), "bad_argument");
        assert_true(json_string_length(json_object_get(error, "text")) > 0);
        assert_true(json_string_length(json_object_get(error, "advice")) > 0);
        json_decref(document);
    }
    fake_node_free(node);
}

static void flags_may_stand_anywhere_and_end_at_two_dashes(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    fake_node_answer(node, "POST /v1/records/", 200, "{\"key\":\"k\",\"seq\":3}");
    assert_int_equal(fake_node_run(node, "--json record --no-wait put k v", NULL), 0);
    assert_string_equal(fake_node_body(node, 0), "{\"value\":\"v\",\"no_wait\":true}");
    assert_int_equal(fake_node_run(node, "record put -- k --json", NULL), 0);
    assert_string_equal(fake_node_body(node, 1), "{\"value\":\"--json\"}");
    fake_node_free(node);
}

static void help_needs_no_node_and_names_every_verb(void **state)
{
    struct fake_node *node = fake_node_new();
    (void)state;
    assert_int_equal(fake_node_run(node, "", NULL), 0);
    assert_non_null(strstr(fake_node_out(node), "propose upgrade PKG.moot"));
    assert_int_equal(fake_node_run(node, "help record put", NULL), 0);
    assert_non_null(strstr(fake_node_out(node), "moot record put KEY [VALUE] [--no-wait]"));
    assert_int_equal(fake_node_run(node, "record put --help", NULL), 0);
    assert_non_null(strstr(fake_node_out(node), "--delete"));
    assert_int_equal(fake_node_run(node, "help device", NULL), 0);
    assert_non_null(strstr(fake_node_out(node), "moot device pending"));
    assert_int_equal(fake_node_run(node, "help devise", NULL), 2);
    assert_int_equal(fake_node_request_count(node), 0);
    fake_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistyped_words_are_refused_with_the_nearest),
        cmocka_unit_test(missing_and_surplus_words_are_refused),
        cmocka_unit_test(an_upgrade_says_exactly_one_of_soft_and_hard),
        cmocka_unit_test(approving_without_a_digest_and_without_a_person_is_a_usage_error),
        cmocka_unit_test(with_json_a_usage_error_is_a_document_on_stdout),
        cmocka_unit_test(flags_may_stand_anywhere_and_end_at_two_dashes),
        cmocka_unit_test(help_needs_no_node_and_names_every_verb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
