/* `genopt echo-check FILE -- COMMAND…`: a job that gives a file back and is accepted when COMMAND
 * exits 0. It costs nothing and goes the whole way of content and commands; for tests, and to try a
 * new installation. */

#include <fcntl.h>
#include <stdio.h>

#include "client/command.h"
#include "client/follow.h"
#include "client/submit.h"
#include "common/path.h"

static json_t *commands_of(const struct client *c)
{
        json_t *words = json_array(), *commands = json_array();

        for (int i = 1; words && i < c->n_args; i++)
                if (json_array_append_new(words, json_string(c->args[i])) < 0)
                        goto failed;
        if (!commands || !words || json_array_append(commands, words) < 0)
                goto failed;
        json_decref(words);
        return commands;
failed:
        json_decref(words);
        json_decref(commands);
        return NULL;
}

static int echo(struct client *c, int cwd_fd, int *ret_code, struct failure **ret_failure)
{
        _cleanup_json_ json_t *commands = commands_of(c), *input = NULL;
        _cleanup_(offer_freep) struct offer *offer = NULL;
        _cleanup_(view_freep) struct view *view = NULL;
        struct submission s = {.kind = "echo-check", .label = c->args[0], .commands = commands};
        struct follow f = {.client = c, .is_text = true, .commands = commands};
        struct submit_reply reply = {0};
        int r;

        input = json_pack("{s:s, s:i}", "path", c->args[0], "command", 0);
        if (!commands || !input)
                return -ENOMEM;
        s.input = input;
        r = offer_new(cwd_fd, &offer);
        if (r == 0)
                r = offer_add(offer, c->args[0], NULL);
        if (r == 0)
                r = view_new(c, true, &view);
        if (r == 0)
                r = submit_job(c, &s, offer, &f.connection, &reply, ret_failure);
        if (r != 0)
                return r;
        f.job = reply.job;
        f.offer = offer;
        f.view = view;
        if (reply.done)
                *ret_code = follow_print_done(&f, reply.done);
        else
                *ret_code = follow_job(&f);
        json_decref(reply.done);
        connection_free(f.connection);
        return 0;
}

static int cmd_echo_check(struct client *c)
{
        _cleanup_close_ int cwd_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct failure *failure = NULL;
        int code = EXIT_INTERNAL, r;

        if (!path_is_relative(span_of(c->args[0])))
                return client_usage(c, "FILE is a relative path below the current directory");
        r = cwd_fd < 0 ? -errno : echo(c, cwd_fd, &code, &failure);
        return r == 0 ? code : client_fail(c, r, failure);
}

const struct command command_echo_check = {
        .name = "echo-check",
        .args = "FILE -- COMMAND…",
        .sentence = "give FILE back and accept it when COMMAND exits 0 (tests the way of commands)",
        .options = no_options,
        .n_args_min = 2,
        .n_args_max = -1,
        .takes = TAKES_ALL,
        .is_hidden = true,
        .run = cmd_echo_check,
};
