/* genoptd: reads its arguments, puts the rooms together, runs. */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "common/log.h"
#include "daemon/assembly.h"
#include "daemon/service.h"
#include "daemon/store/store.h"

#define EX_USAGE_ERROR 2

static const char help[] =
        "Usage: genoptd [--socket PATH] [--config FILE] [--check-config]\n"
        "\n"
        "The daemon behind genopt: it keeps caches and model connections warm and works on the "
        "jobs of all clients.\n"
        "It is usually started by systemd or by genopt itself, with its socket already open.\n"
        "\n"
        "  --socket PATH   listen there when no socket was inherited\n"
        "  --config FILE   instead of $GENOPT_CONFIG, ~/.config/genopt/genopt.yaml, "
        "/etc/genopt/genopt.yaml\n"
        "  --check-config  read the configuration, say what is wrong with it, and exit\n"
        "  --version       print the version\n"
        "  --help          print this\n"
        "\n"
        "SIGTERM finishes the calls that are under way and stops (a second one stops at once); "
        "SIGHUP reloads the\n"
        "configuration. State is kept in $GENOPT_STATE_DIR or ~/.local/state/genopt, what may be "
        "lost in\n"
        "$GENOPT_CACHE_DIR or ~/.cache/genopt. See genoptd(8).\n";

enum { OPT_SOCKET = 256, OPT_CONFIG, OPT_CHECK_CONFIG, OPT_CHECK_STORE, OPT_VERSION, OPT_HELP };

static const struct option long_options[] = {
        {"socket", required_argument, NULL, OPT_SOCKET},
        {"config", required_argument, NULL, OPT_CONFIG},
        {"check-config", no_argument, NULL, OPT_CHECK_CONFIG},
        {"check-store", required_argument, NULL,
         OPT_CHECK_STORE}, /* the daemon runs itself so: see store/check.h */
        {"version", no_argument, NULL, OPT_VERSION},
        {"help", no_argument, NULL, OPT_HELP},
        {0},
};

/* -1: go on and run; else the exit status. */
static int read_arguments(int argc, char **argv, struct assembly_arguments *ret)
{
        bool is_check = false;
        int option;

        while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                switch (option) {
                case OPT_SOCKET:
                        ret->socket = optarg;
                        break;
                case OPT_CONFIG:
                        ret->config = optarg;
                        break;
                case OPT_CHECK_CONFIG:
                        is_check = true;
                        break;
                case OPT_CHECK_STORE:
                        return store_check_main(optarg);
                case OPT_VERSION:
                        puts("genoptd " GENOPT_VERSION);
                        return 0;
                case OPT_HELP:
                        fputs(help, stdout);
                        return 0;
                default:
                        return EX_USAGE_ERROR;
                }
        }
        if (optind < argc) {
                fprintf(stderr, "genoptd: `%s` is not expected; see genoptd --help\n",
                        argv[optind]);
                return EX_USAGE_ERROR;
        }
        return is_check ? assembly_check_config(ret->config) : -1;
}

static int run(int argc, char **argv)
{
        _cleanup_(assembly_freep) struct assembly *a = NULL;
        struct assembly_arguments arguments = {0};
        int exit_code = 1, k = read_arguments(argc, argv, &arguments);

        if (k >= 0)
                return k;
        signal(SIGPIPE, SIG_IGN);
        service_log_to_journal();
        k = assembly_new(&arguments, &a, &exit_code);
        if (k < 0)
                return exit_code;
        k = assembly_run(a);
        if (k < 0)
                log_error("genoptd stops: %s", strerror(-k));
        return k < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
        return run(argc, argv);
}
