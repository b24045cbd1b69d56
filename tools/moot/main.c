/* The program `moot`: streams and terminals, then tools/moot/cli.c. */
#include <curl/curl.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/moot/cli.h"

int main(int argc, char **argv)
{
    struct moot_cli cli = {.in = stdin,
                           .out = stdout,
                           .err = stderr,
                           .in_is_terminal = isatty(STDIN_FILENO) == 1,
                           .err_is_terminal = isatty(STDERR_FILENO) == 1};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fputs("moot: libcurl does not start\n", stderr);
        return 11;
    }
    int code = moot_cli_run(&cli, argc, (const char *const *)argv);
    curl_global_cleanup();
    if (fflush(stdout) != 0 && code == 0) {
        fputs("moot: stdout could not be written\n", stderr);
        code = 1;
    }
    return code;
}
