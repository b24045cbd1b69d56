/*
 * Where configuration comes from outside the command line: INI files (read with inih, lines counted
 * by our own reader so that each value can say where it stands) and the environment.
 *
 * Failures: a file that cannot be read is FILE_IO or NOT_FOUND; a line that is no "key = value", a key
 * twice in one file, a section that is not [mootd] are BAD_ARGUMENT with PATH:LINE.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/config.h"

struct reading {
    struct moot_config *config;
    FILE *file;
    const char *path;
    unsigned line;
    bool seen[MOOT_CONFIG_KEY_MAX + 1];
    enum moot_status status;
    struct moot_error *error;
};

static char *read_line(char *ret, int size, void *stream)
{
    struct reading *reading = stream;
    if (reading->status != MOOT_OK || fgets(ret, size, reading->file) == NULL) {
        return NULL;
    }
    reading->line++;
    if (strchr(ret, '\n') == NULL && !feof(reading->file)) {
        reading->status =
            moot_error_set(reading->error, MOOT_BAD_ARGUMENT, "%.90s:%u: the line is too long",
                           reading->path, reading->line);
        return NULL;
    }
    return ret;
}

static int take(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    if (reading->status != MOOT_OK) {
        return 1;
    }
    if (section[0] != '\0' && strcmp(section, "mootd") != 0) {
        reading->status =
            moot_error_set(reading->error, MOOT_BAD_ARGUMENT, "%.80s:%u: no section [%.30s]",
                           reading->path, reading->line, section);
        return 1;
    }
    for (int key = 1; key <= MOOT_CONFIG_KEY_MAX; key++) {
        if (strcmp(moot_config_info((enum moot_config_key)key)->name, name) != 0) {
            continue;
        }
        if (reading->seen[key]) {
            reading->status =
                moot_error_set(reading->error, MOOT_BAD_ARGUMENT, "%.80s:%u: %.40s stands twice",
                               reading->path, reading->line, name);
            return 1;
        }
        reading->seen[key] = true;
    }
    char origin[MOOT_CONFIG_ORIGIN_BYTES];
    (void)snprintf(origin, sizeof origin, "file %.230s:%u", reading->path, reading->line);
    reading->status = moot_config_set(reading->config, name, value, origin, reading->error);
    return 1;
}

enum moot_status moot_config_file(struct moot_config *config, const char *path,
                                  struct moot_error *error)
{
    struct reading reading = {.config = config, .path = path, .error = error};
    reading.file = fopen(path, "re");
    if (reading.file == NULL) {
        int why = errno;
        (void)moot_error_set(error, why == ENOENT ? MOOT_NOT_FOUND : MOOT_FILE_IO, "%.150s", path);
        if (error != NULL) {
            error->system_errno = why;
        }
        return why == ENOENT ? MOOT_NOT_FOUND : MOOT_FILE_IO;
    }
    int bad_line = ini_parse_stream(read_line, &reading, take, &reading);
    bool failed = ferror(reading.file) != 0;
    (void)fclose(reading.file);
    if (reading.status != MOOT_OK) {
        return reading.status;
    }
    if (failed) {
        return moot_error_set(error, MOOT_FILE_IO, "%.150s", path);
    }
    if (bad_line != 0) {
        return moot_error_set(error, MOOT_BAD_ARGUMENT,
                              "%.100s:%d: neither a section nor KEY = VALUE", path, bad_line);
    }
    return MOOT_OK;
}

static int is_conf(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".conf") == 0;
}

enum moot_status moot_config_installed(struct moot_config *config, const char *directory,
                                       struct moot_error *error)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/moot.conf", directory);
    enum moot_status status = moot_config_file(config, path, error);
    if (status != MOOT_OK && status != MOOT_NOT_FOUND) {
        return status;
    }
    (void)snprintf(path, sizeof path, "%s/conf.d", directory);
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_conf, alphasort);
    status = MOOT_OK;
    for (int i = 0; i < count; i++) {
        if (status == MOOT_OK) {
            (void)snprintf(path, sizeof path, "%s/conf.d/%s", directory, entries[i]->d_name);
            status = moot_config_file(config, path, error);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

enum moot_status moot_config_environment(struct moot_config *config, struct moot_error *error)
{
    for (int key = 1; key <= MOOT_CONFIG_KEY_MAX; key++) {
        const char *name = moot_config_info((enum moot_config_key)key)->name;
        char variable[80] = "MOOT_";
        size_t used = 5;
        for (const char *at = name; *at != '\0' && used + 1 < sizeof variable; at++) {
            variable[used++] = (char)toupper((unsigned char)*at);
        }
        variable[used] = '\0';
        const char *value = getenv(variable);
        if (value == NULL) {
            continue;
        }
        char origin[MOOT_CONFIG_ORIGIN_BYTES];
        (void)snprintf(origin, sizeof origin, "environment %s", variable);
        enum moot_status status = moot_config_set(config, name, value, origin, error);
        if (status != MOOT_OK) {
            return status;
        }
    }
    return MOOT_OK;
}
