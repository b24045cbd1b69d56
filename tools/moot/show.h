/* Answers as text for people: what happens next, and who it waits for. */
#ifndef MOOT_TOOLS_SHOW_H
#define MOOT_TOOLS_SHOW_H

#include <jansson.h>
#include <stdio.h>

#define MOOT_SHOW_LINE_BYTES 512

/* One proposal, whole. */
void moot_show_proposal(FILE *out, const json_t *proposal);
/* Many, one line each; says so when there are none. */
void moot_show_proposals(FILE *out, const json_t *proposals);
/* "upgrade thermostat 1.0.0 -> 1.1.0 (soft)", "admins a, b and c, any 2 of 3", "admission of x". */
void moot_show_subject(const json_t *proposal, char ret[MOOT_SHOW_LINE_BYTES]);
/* What happens next and who it waits for, one line. */
void moot_show_next(const json_t *proposal, char ret[MOOT_SHOW_LINE_BYTES]);

void moot_show_devices(FILE *out, const json_t *devices);
void moot_show_status(FILE *out, const json_t *status);
void moot_show_fence(FILE *out, const json_t *status);

#endif
