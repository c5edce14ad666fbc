/* genopt: the light client. Parses its words, runs one command, ends. */

#include "client/command.h"

static int run(struct client *c, int argc, char **argv)
{
        int r;

        r = command_parse(c, argc, argv);
        if (r < 0)
                r = c->command->run(c);
        if (fflush(stdout) != 0 && r == EXIT_DONE)
                r = client_fail(c, -errno, NULL);
        return r;
}

int main(int argc, char **argv)
{
        struct client c = {0};
        int r;

        r = run(&c, argc, argv);
        json_decref(c.options);
        return r;
}
