/* Values of the configuration as text: one parser for each kind. All return false, and leave `ret` alone, for
 * anything but a whole well-formed value. */
#ifndef MOOT_NODE_CONFIG_PARSE_H
#define MOOT_NODE_CONFIG_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

bool moot_config_count_parse(const char *text, uint64_t *ret);
/* ms, s, m, h, d; bare: seconds. *ret in milliseconds. */
bool moot_config_duration_parse(const char *text, uint64_t *ret);
/* k, M, G and KiB, MiB, GiB are all powers of 1024; bare, or B: bytes. */
bool moot_config_size_parse(const char *text, uint64_t *ret);
bool moot_config_bool_parse(const char *text, uint64_t *ret);
/* Place of `text` among "a|b|c", from 0. */
bool moot_config_choice_parse(const char *text, const char *choices, uint64_t *ret);
/* 1 to MOOT_CONFIG_UIDS_MAX numbers. */
bool moot_config_uids_parse(const char *text, uid_t *ret, uint32_t *ret_count);

/* Edit distance of two words of at most 63 characters (longer: SIZE_MAX): for suggestions. */
size_t moot_config_distance(const char *a, const char *b);

#endif
