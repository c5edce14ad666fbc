/* The blueprints at hand, and looking at one that somebody writes. Checking is a request and no
 * job: nothing is promised and nothing kept, so nothing needs to be durable. It compiles what it is
 * given, which takes longer than a turn of the loop may: a worker does it. */

#include "common/json.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/jobs/internal.h"
#include "daemon/loop/loop.h"

int jobs_blueprints(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
                    struct failure **ret_failure)
{
        _cleanup_json_ json_t *list = json_array(), *reply = NULL;
        struct blueprint *const *all;
        size_t n = blueprint_shelf_list(j->c.shelf, &all);
        int r = list ? 0 : -ENOMEM;

        (void)p;
        (void)params;
        (void)ret_failure;
        for (size_t i = 0; i < n && r == 0; i++) {
                json_t *one = NULL;

                r = blueprint_to_json(all[i], &one);
                r = r ? r : json_add(list, one);
        }
        reply = r == 0 ? json_pack("{s:O}", "blueprints", list) : NULL;
        if (!reply)
                return r ? r : -ENOMEM;
        return json_write(reply, out);
}

struct checking {
        char *name;                   /* owned */
        struct blueprint_file *files; /* owned, with their texts */
        size_t n_files;
        jobs_reply_fn *on_reply;
        void *arg;
        int error;
        struct failure *failure; /* owned */
        struct buf reply;
};

static void checking_free(struct checking *c)
{
        for (size_t i = 0; i < c->n_files; i++) {
                free(c->files[i].path);
                free(c->files[i].text);
        }
        free(c->files);
        free(c->name);
        failure_free(c->failure);
        buf_done(&c->reply);
        free(c);
}

static void run_check(void *arg)
{
        struct checking *c = arg;
        _cleanup_(blueprint_unrefp) struct blueprint *b = NULL;
        _cleanup_json_ json_t *reply = NULL;

        c->error = blueprint_new(c->name, c->files, c->n_files, &b, &c->failure);
        if (c->error == 0)
                c->error = blueprint_to_json(b, &reply);
        if (c->error == 0)
                c->error = json_write(reply, &c->reply);
}

static void finish_check(void *arg)
{
        struct checking *c = arg;

        if (c->error < 0)
                c->failure = failure_new(FAILURE_INTERNAL, "%s", strerror(-c->error));
        c->on_reply(c->arg, buf_span(&c->reply), c->error ? c->failure : NULL);
        checking_free(c);
}

static int copy_files(struct checking *c, const json_t *files)
{
        const char *path;
        json_t *text;

        c->files = calloc(json_object_size(files) + 1, sizeof(*c->files));
        if (!c->files)
                return -ENOMEM;
        json_object_foreach ((json_t *)files, path, text) {
                struct blueprint_file *f = &c->files[c->n_files++];

                f->n_text = json_string_length(text);
                f->path = str_dup_span(span_of(path));
                f->text = str_dup_span((struct span){json_string_value(text), f->n_text});
                if (!f->path || !f->text)
                        return -ENOMEM;
        }
        return 0;
}

void jobs_check_blueprint(struct jobs *j, const json_t *params, jobs_reply_fn *on_reply, void *arg)
{
        struct checking *c = calloc(1, sizeof(*c));
        struct pool_work work = {.run = run_check, .finish = finish_check, .arg = c};
        int r = c ? 0 : -ENOMEM;

        if (c) {
                c->on_reply = on_reply;
                c->arg = arg;
                buf_init(&c->reply, 0);
                c->name = str_dup_span(span_of(json_get_text(params, "name")));
                r = c->name ? copy_files(c, json_object_get(params, "files")) : -ENOMEM;
        }
        r = r ? r : loop_work(j->c.loop, &work);
        if (r < 0) {
                struct failure *f = failure_new(FAILURE_INTERNAL, "%s", strerror(-r));

                on_reply(arg, (struct span){0}, f);
                failure_free(f);
                if (c)
                        checking_free(c);
        }
}
