/* Between the library's callbacks (api_request.c) and the loop (api.c). */
#ifndef MOOT_NODE_API_SERVER_H
#define MOOT_NODE_API_SERVER_H

#include "node/api_internal.h"

/* libmicrohttpd's callbacks. */
enum MHD_Result moot_api_on_request(void *context, struct MHD_Connection *connection,
                                    const char *path, const char *method, const char *version,
                                    const char *data, size_t *size, void **slot);
void moot_api_on_completed(void *context, struct MHD_Connection *connection, void **slot,
                           enum MHD_RequestTerminationCode why);

/* The connection rests until resume; from inside the library's callbacks only. */
void moot_api_suspend(struct moot_request *request);
/* Lets a resting connection go on; nothing if it does not rest. */
void moot_api_resume(struct moot_request *request);

#endif
