/* `genopt cancel JOB…` and `genopt resume JOB`: one request each. */

#include <stdio.h>

#include "client/command.h"
#include "client/link/connection.h"
#include "client/submit.h"

static int say_state(const struct client *c, const char *job, const json_t *result)
{
        const char *state = json_get_text(result, "state");
        _cleanup_json_ json_t *line = NULL;

        if (!c->is_json) {
                client_say(c, "%s: %s", job, state ? state : "told");
                return EXIT_DONE;
        }
        line = json_pack("{s:s, s:s*}", "job", job, "state", state);
        return line && client_put_json(line) == 0 ? EXIT_DONE : EXIT_INTERNAL;
}

static int tell(const struct client *c, struct connection *k, const char *method, const char *job,
                json_t *options)
{
        json_t *params = json_pack("{s:s, s:O*}", "job", job, "options", options);
        _cleanup_json_ json_t *result = NULL;
        struct failure *failure = NULL;
        int r;

        if (!params)
                return client_usage(c, "a job's id is letters and digits");
        r = connection_call(k, method, params, &result, &failure);
        return r == 0 ? say_state(c, job, result) : client_fail(c, r, failure);
}

static int cmd_cancel(struct client *c)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        struct failure *failure = NULL;
        int r, code = EXIT_DONE, one;

        r = connection_open(c, START_IF_NEEDED, &k, &failure);
        if (r != 0)
                return client_fail(c, r, failure);
        for (int i = 0; i < c->n_args; i++) {
                one = tell(c, k, "job/cancel", c->args[i], NULL);
                if (one != EXIT_DONE)
                        code = one;
        }
        return code;
}

const struct command command_cancel = {
        .name = "cancel",
        .args = "JOB…",
        .sentence = "cancel jobs; finished files are kept",
        .options = no_options,
        .n_args_min = 1,
        .n_args_max = -1,
        .run = cmd_cancel,
};

static int cmd_resume(struct client *c)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        struct failure *failure = NULL;
        int r;

        r = connection_open(c, START_IF_NEEDED, &k, &failure);
        if (r != 0)
                return client_fail(c, r, failure);
        r = tell(c, k, "job/resume", c->args[0], c->options);
        if (r == EXIT_DONE)
                client_say(c, "follow it with `genopt attach %s`", c->args[0]);
        return r;
}

const struct command command_resume = {
        .name = "resume",
        .args = "JOB [--set KEY=VALUE]",
        .sentence = "go on with a job that waits or failed",
        .detail = "Finished work is not paid for again. Follow it with `genopt attach JOB`.",
        .options = no_options,
        .n_args_min = 1,
        .n_args_max = 1,
        .takes = TAKES_SET,
        .run = cmd_resume,
};
