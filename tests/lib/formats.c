/*
 * Reads fenced blocks out of docs/FORMATS.md: whitespace and everything from '#' to the end of a
 * line is left out, the rest is hex.
 */
#include "tests/lib/formats.h"

#include "tests/lib/test.h"

#define PAGE_BYTES_MAX (4u << 20)

/* The start of the block's first line, or NULL. */
static const char *find_block(const char *page, const char *name)
{
    char fence[128];
    int length = snprintf(fence, sizeof fence, "\n```hex %s\n", name);
    assert_true(length > 0 && (size_t)length < sizeof fence);
    const char *at = strstr(page, fence);
    return at == NULL ? NULL : at + length;
}

size_t test_formats_example(const char *name, uint8_t *ret, size_t capacity)
{
    const char *source = getenv("MOOT_SOURCE_DIR");
    char path[TEST_PATH_MAX];
    size_t page_size;
    (void)snprintf(path, sizeof path, "%s/docs/FORMATS.md", source != NULL ? source : ".");
    char *page = (char *)test_file_read(path, PAGE_BYTES_MAX, &page_size);
    const char *at = find_block(page, name);
    const char *end = at != NULL ? strstr(at, "\n```") : NULL;
    if (at == NULL || end == NULL) {
        fail_msg("docs/FORMATS.md has no example %s", name);
        return 0;
    }
    if (find_block(end, name) != NULL) {
        fail_msg("docs/FORMATS.md has two examples %s", name);
    }
    char *hex = malloc((size_t)(end - at) + 1);
    assert_non_null(hex);
    size_t count = 0;
    for (bool remark = false; at < end; at++) {
        remark = *at == '#' || (remark && *at != '\n');
        if (!remark && *at != ' ' && *at != '\n') {
            hex[count++] = *at;
        }
    }
    hex[count] = '\0';
    size_t size = test_hex_decode(hex, ret, capacity);
    free(hex);
    free(page);
    return size;
}
