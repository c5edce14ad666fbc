/* `genopt attach JOB`: follow a job. In the directory that it was started for, or with -o, its
 * files are delivered: all that it wrote so far, then what comes. */

#include <stdio.h>

#include "client/choices.h"
#include "client/follow.h"

enum attach_option { ATTACH_OUTPUT, ATTACH_CHOICES };

static const struct option_row attach_options[] = {
        [ATTACH_OUTPUT] = {"output", 'o', "DIR", "deliver the job's files below this directory"},
        CHOICE_ROWS(ATTACH_CHOICES),
        {NULL, 0, NULL, NULL},
};

static int follow(struct client *c, const char *job, const char *dir, int *ret_code,
                  struct failure **ret_failure)
{
        _cleanup_(outdir_freep) struct outdir *o = NULL;
        _cleanup_(view_freep) struct view *view = NULL;
        _cleanup_json_ json_t *about = NULL;
        struct follow f = {
                .client = c, .job = job, .hint_dir = dir && strcmp(dir, ".") != 0 ? dir : NULL};
        json_t *params = json_pack("{s:s}", "job", job);
        const char *kind;
        int r;

        if (!params) /* refused by Jansson: not UTF-8 */
                return -EINVAL;
        r = choices_read(c, ATTACH_CHOICES, &f.edits, &f.is_pruning, ret_failure);
        if (r == 0)
                r = connection_open(c, START_IF_NEEDED, &f.connection, ret_failure);
        if (r == 0)
                r = connection_call(f.connection, "job/get", params, &about, ret_failure);
        else
                json_decref(params);
        kind = json_get_text(about, "kind");
        f.is_editing = kind && strcmp(kind, "fix") == 0;
        f.is_text = kind && (strcmp(kind, "ask") == 0 || strcmp(kind, "echo-check") == 0);
        if (r == 0 && dir && !f.is_text)
                r = outdir_open(c, dir, f.is_editing ? OUTDIR_REPAIRED : OUTDIR_GENERATED, true, &o,
                                ret_failure);
        if (r == 0 && o)
                r = outdir_set_job(o, job);
        if (r == 0)
                r = view_new(c, f.is_text, &view);
        f.outdir = o;
        f.view = view;
        f.is_streaming = f.is_text && isatty(STDOUT_FILENO) && !c->is_json;
        if (r == 0 && !f.is_text && !o)
                client_say(c,
                           "the job's files are not written here; `genopt attach %s -o DIR` "
                           "delivers them",
                           job);
        if (r == 0)
                *ret_code = follow_job(&f);
        connection_free(f.connection);
        return r;
}

static int cmd_attach(struct client *c)
{
        const char *dir = c->values[ATTACH_OUTPUT];
        const char *job = c->n_args > 0 ? c->args[0] : NULL;
        char noted[OUTDIR_JOB_BYTES];
        struct failure *failure = NULL;
        int code = EXIT_INTERNAL, r;
        bool is_noted;

        is_noted = outdir_read_job(dir ? dir : ".", noted) == 0;
        if (!job && !is_noted)
                return client_usage(c, "no job was started here; name one");
        if (!job)
                job = noted;
        if (!dir && is_noted && strcmp(job, noted) == 0)
                dir = ".";
        if (choices_fault(c, ATTACH_CHOICES))
                return client_usage(c, "%s", choices_fault(c, ATTACH_CHOICES));
        if (c->values[ATTACH_CHOICES + CHOICE_PRUNE] && (!is_noted || strcmp(job, noted) != 0))
                return client_usage(c,
                                    "--prune goes by the job that was last started for the "
                                    "directory, and that is %s",
                                    is_noted ? noted : "none");
        r = follow(c, job, dir, &code, &failure);
        return r == 0 ? code : client_fail(c, r, failure);
}

const struct command command_attach = {
        .name = "attach",
        .args = "[JOB] [OPTION…]",
        .sentence = "follow a job; deliver its files when this directory started it",
        .detail = "In the directory that a job was started for (or with -o DIR) its files are "
                  "written; elsewhere they are only listed.",
        .options = attach_options,
        .n_args_max = 1,
        .takes = TAKES_WAIT,
        .run = cmd_attach,
};
