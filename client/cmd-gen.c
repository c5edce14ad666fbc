/* `genopt gen SPEC`: the files that a specification describes, into a directory. */

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>

#include "client/choices.h"
#include "client/follow.h"
#include "client/offer/own-blueprints.h"
#include "client/offer/text-file.h"
#include "client/spending.h"
#include "client/submit.h"
#include "common/path.h"
#include "common/str.h"

#define SPEC_BYTES ((size_t)4 << 20)

enum gen_option {
        GEN_OUTPUT,
        GEN_BLUEPRINT,
        GEN_TEMPLATES,
        GEN_FRESH,
        GEN_DETACH,
        GEN_SPENDING,
        GEN_CHOICES = GEN_SPENDING + N_SPENDING
};

static const struct option_row gen_options[] = {
        [GEN_OUTPUT] = {"output", 'o', "DIR",
                        "write below this directory (default: the current one)"},
        [GEN_BLUEPRINT] = {"blueprint", 'b', "NAME|DIR",
                           "generate for this stack, or by a blueprint of yours (default: what the "
                           "specification says, or fits best)"},
        [GEN_TEMPLATES] = {"template-dir", 0, "DIR",
                           "templates that go before those of the blueprint: "
                           "DIR/BLUEPRINT/templates/…"},
        [GEN_FRESH] = {"fresh", 0, NULL, "ask again also for what is known"},
        [GEN_DETACH] = {"detach", 'd', NULL,
                        "print the job's id and leave; `genopt attach` delivers the files"},
        SPENDING_ROWS(GEN_SPENDING),
        CHOICE_ROWS(GEN_CHOICES),
        {NULL, 0, NULL, NULL},
};

static int read_spec(const char *path, struct buf *b, struct failure **ret_failure)
{
        bool is_stdin = strcmp(path, "-") == 0;
        _cleanup_close_ int opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        int fd = is_stdin ? STDIN_FILENO : opened;

        return text_file_read(fd, path, "a specification", SPEC_BYTES, b, ret_failure);
}

/* The base name decides which reader reads it: not the rest of the path, which differs from machine
 * to machine. */
static json_t *spec_to_json(const char *path, struct span text)
{
        _cleanup_free_ char *copy = str_dup_span(span_of(path));
        const char *name = strcmp(path, "-") == 0 ? "-" : copy ? basename(copy) : NULL;

        if (!name || !str_is_utf8(span_of(name)))
                name = "-";
        return json_pack("{s:s, s:s%}", "name", name, "text", text.at, text.n);
}

static int make_input(const struct client *c, struct outdir *o, const struct own_blueprints *own,
                      struct span spec, bool is_edited_gone, json_t **ret)
{
        _cleanup_json_ json_t *input = json_object();
        json_t *manifest = NULL, *files = NULL;
        int r = input ? 0 : -ENOMEM;

        r = r < 0 ? r : json_put(input, "spec", spec_to_json(c->args[0], spec));
        r = r < 0 ? r : own_blueprints_list(own, input);
        r = r < 0 ? r : outdir_list_manifest(o, is_edited_gone, &manifest);
        r = r < 0 ? r : json_put(input, "manifest", manifest);
        r = r < 0 ? r : outdir_list_others(o, &files);
        r = r < 0 ? r : json_put(input, "files", files);
        if (r == 0)
                *ret = take(input);
        return r;
}

static int make_offer(const struct outdir *o, const struct own_blueprints *own, const json_t *input,
                      struct offer **ret)
{
        _cleanup_(offer_freep) struct offer *offer = NULL;
        int r;

        r = offer_new(outdir_fd(o), &offer);
        if (r == 0)
                r = offer_add_list(offer, json_object_get(input, "manifest"), "disk");
        if (r == 0)
                r = offer_add_list(offer, json_object_get(input, "files"), "sha256");
        if (r == 0)
                r = own_blueprints_offer(own, offer);
        if (r == 0)
                *ret = take(offer);
        return r;
}

static int show_known(struct follow *f, const json_t *done)
{
        if (f->client->is_json && follow_put_known(done) < 0)
                return EXIT_INTERNAL;
        return follow_print_done(f, done);
}

static int follow_or_leave(struct client *c, struct follow *f, struct outdir *o,
                           const struct own_blueprints *own, struct submit_reply *reply)
{
        if (!c->is_dry_run && outdir_set_job(o, reply->job) < 0)
                client_warn(c, "the job's id cannot be noted in .genopt/job");
        f->job = reply->job;
        if (c->values[GEN_DETACH] && !c->is_dry_run)
                return follow_detach(f, own->n > 0 || own->templates);
        f->outdir = c->is_dry_run ? NULL : o;
        f->planned = c->is_dry_run ? o : NULL;
        return follow_job(f);
}

/* CONDITION_REFUSED with failure; 0: *ret_code. */
static int generate(struct client *c, const char *dir, int *ret_code, struct failure **ret_failure)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        _cleanup_(outdir_freep) struct outdir *o = NULL;
        _cleanup_(own_blueprints_done) struct own_blueprints own = {0};
        _cleanup_(offer_freep) struct offer *offer = NULL;
        _cleanup_(view_freep) struct view *view = NULL;
        _cleanup_json_ json_t *input = NULL;
        _cleanup_buf_ struct buf spec = {0};
        struct submission s = {
                .kind = "generate", .label = c->args[0], .is_fresh = c->values[GEN_FRESH]};
        struct submit_reply reply = {0};
        struct follow f = {.client = c, .hint_dir = c->values[GEN_OUTPUT]};
        int r;

        s.can_ask = client_is_terminal(c) && isatty(STDIN_FILENO) && !c->values[GEN_DETACH];
        r = spending_set(c, GEN_SPENDING);
        if (r == 0)
                r = choices_read(c, GEN_CHOICES, &f.edits, &f.is_pruning, ret_failure);
        if (r == 0)
                r = own_blueprints_open(c->values[GEN_BLUEPRINT], c->values[GEN_TEMPLATES], &own,
                                        ret_failure);
        if (r == 0)
                r = read_spec(c->args[0], &spec, ret_failure);
        if (r == 0)
                r = outdir_open(c, dir, OUTDIR_GENERATED, !c->is_dry_run, &o, ret_failure);
        if (r == 0)
                r = make_input(c, o, &own, buf_span(&spec), f.edits == EDITS_OVERWRITE, &input);
        if (r == 0)
                r = make_offer(o, &own, input, &offer);
        if (r == 0)
                r = view_new(c, c->is_dry_run, &view);
        s.input = input;
        if (r == 0)
                r = submit_job(c, &s, offer, &k, &reply, ret_failure);
        if (r != 0)
                return r;
        f.connection = take(k);
        f.offer = offer;
        f.view = view;
        *ret_code =
                reply.done ? show_known(&f, reply.done) : follow_or_leave(c, &f, o, &own, &reply);
        json_decref(reply.done);
        connection_free(f.connection);
        return 0;
}

static int cmd_gen(struct client *c)
{
        const char *dir = c->values[GEN_OUTPUT] ? c->values[GEN_OUTPUT] : ".";
        struct failure *failure = NULL;
        int code = EXIT_INTERNAL, r;

        if (!str_is_utf8(span_of(c->args[0])) ||
            (c->values[GEN_BLUEPRINT] && !str_is_utf8(span_of(c->values[GEN_BLUEPRINT]))))
                return client_usage(c, "words must be UTF-8");
        code = spending_check(c, GEN_SPENDING);
        if (code)
                return code;
        if (choices_fault(c, GEN_CHOICES))
                return client_usage(c, "%s", choices_fault(c, GEN_CHOICES));
        r = generate(c, dir, &code, &failure);
        return r == 0 ? code : client_fail(c, r, failure);
}

const struct command command_gen = {
        .name = "gen",
        .args = "SPEC [OPTION…]",
        .sentence = "generate the files that a specification describes",
        .detail = "SPEC is a file, or - for standard input: a GoCreator specification (YAML, JSON, "
                  "Markdown), an OpenAPI 3 document, a list of entities, or sentences like `create "
                  "a student with name and age:int`. Files are written below DIR (default: the "
                  "current directory), never over an edit of yours: such a file is kept as it "
                  "stands and named, unless you say --merge or --overwrite. A generated file that "
                  "you deleted is made again. What stands unchanged is not asked for again.",
        .options = gen_options,
        .n_args_min = 1,
        .n_args_max = 1,
        .takes = TAKES_ALL,
        .run = cmd_gen,
};
