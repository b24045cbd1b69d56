/*
 * Runs one fuzz target over its corpus without libFuzzer: every compiler and sanitizer replays what
 * fuzzing once found.
 *
 * Happy path: each file of the directory given as the only argument, in name order; then prints how
 * many. Failures: an unreadable corpus exits 1; a finding crashes, which is the point.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX (4u << 20)

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    size_t size = data == NULL ? 0 : fread(data, 1, INPUT_BYTES_MAX, file);
    int bad = data == NULL || ferror(file);
    fclose(file);
    if (!bad) {
        /* A copy of the exact size: the sanitizers then see a read past the end. */
        uint8_t *exact = malloc(size == 0 ? 1 : size);
        bad = exact == NULL;
        if (!bad) {
            memcpy(exact, data, size);
            (void)LLVMFuzzerTestOneInput(exact, size);
        }
        free(exact);
    }
    free(data);
    return bad ? -1 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
        return 2;
    }
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    struct dirent **entries = NULL;
    int count = scandir(argv[1], &entries, NULL, alphasort);
    if (count < 0) {
        fprintf(stderr, "no corpus: %s\n", argv[1]);
        return 1;
    }
    unsigned replayed = 0;
    int status = 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        int length = snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            if (length <= 0 || (size_t)length >= sizeof path || replay(path) != 0) {
                fprintf(stderr, "cannot replay %s\n", entries[i]->d_name);
                status = 1;
            }
            replayed++;
        }
        free(entries[i]);
    }
    free(entries);
    printf("%u inputs replayed\n", replayed);
    return replayed == 0 ? 1 : status;
}
