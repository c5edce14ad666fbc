/* The blueprints at hand, and looking at one that somebody writes. Both are requests and no jobs:
 * nothing is promised and nothing kept, so nothing needs to be durable. They compile, which takes
 * longer than a turn of the loop may: a worker does it. */

#include "common/json.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/jobs/internal.h"
#include "daemon/loop/loop.h"

struct looking {
        struct jobs *jobs;             /* borrowed: outlives its workers */
        struct blueprint_shelf *shelf; /* counted; for a list */
        char *name;                    /* owned; for a check, as what follows */
        struct blueprint_file *files;  /* owned, with their texts */
        size_t n_files;
        jobs_reply_fn *on_reply;
        void *arg;
        int error;
        struct failure *failure; /* owned */
        struct buf reply;
};

static void looking_free(struct looking *l)
{
        for (size_t i = 0; i < l->n_files; i++) {
                free(l->files[i].path);
                free(l->files[i].text);
        }
        free(l->files);
        free(l->name);
        blueprint_shelf_unref(l->shelf);
        failure_free(l->failure);
        buf_done(&l->reply);
        free(l);
}

/* One that cannot be read stands among the faults, and hides no other. */
static int list_one(const struct blueprint_shelf *s, size_t i, json_t *list, json_t *faults)
{
        _cleanup_(blueprint_unrefp) struct blueprint *b = NULL;
        _cleanup_(failure_freep) struct failure *f = NULL;
        json_t *one = NULL;
        int r = blueprint_shelf_get(s, i, &b, &f);

        if (r < 0)
                return r;
        if (r > 0)
                return json_add(faults,
                                json_pack("{s:s, s:s*, s:s}", "name", blueprint_shelf_name(s, i),
                                          "where", f->where, "message", failure_message(f)));
        r = blueprint_to_json(b, &one);
        return r ? r : json_add(list, one);
}

static void run_list(void *arg)
{
        struct looking *l = arg;
        _cleanup_json_ json_t *list = json_array(), *faults = json_array(), *reply = NULL;
        size_t n = blueprint_shelf_count(l->shelf);

        l->error = list && faults ? 0 : -ENOMEM;
        for (size_t i = 0; i < n && l->error == 0; i++)
                l->error = list_one(l->shelf, i, list, faults);
        if (l->error == 0) {
                reply = json_pack("{s:O, s:O}", "blueprints", list, "faults", faults);
                l->error = reply ? json_write(reply, &l->reply) : -ENOMEM;
        }
}

static void run_check(void *arg)
{
        struct looking *l = arg;
        _cleanup_(blueprint_unrefp) struct blueprint *b = NULL;
        _cleanup_json_ json_t *reply = NULL;

        l->error = blueprint_new(l->name, l->files, l->n_files, &b, &l->failure);
        if (l->error == 0)
                l->error = blueprint_to_json(b, &reply);
        if (l->error == 0)
                l->error = json_write(reply, &l->reply);
}

static void finish(void *arg)
{
        struct looking *l = arg;

        jobs_look_at_shelf(l->jobs, NULL);
        if (l->error < 0)
                l->failure = failure_new(FAILURE_INTERNAL, "%s", strerror(-l->error));
        l->on_reply(l->arg, buf_span(&l->reply), l->error ? l->failure : NULL);
        looking_free(l);
}

static void start(struct jobs *j, struct looking *l, int r, void (*run)(void *arg),
                  jobs_reply_fn *on_reply, void *arg)
{
        struct pool_work work = {.run = run, .finish = finish, .arg = l};
        struct failure *f;

        if (l) {
                l->jobs = j;
                l->on_reply = on_reply;
                l->arg = arg;
        }
        r = r ? r : loop_work(j->c.loop, &work);
        if (r == 0)
                return;
        f = failure_new(FAILURE_INTERNAL, "%s", strerror(-r));
        on_reply(arg, (struct span){0}, f);
        failure_free(f);
        if (l)
                looking_free(l);
}

void jobs_list_blueprints(struct jobs *j, jobs_reply_fn *on_reply, void *arg)
{
        struct looking *l = calloc(1, sizeof(*l));

        if (l) {
                buf_init(&l->reply, 0);
                l->shelf = blueprint_shelf_ref(j->c.shelf);
        }
        start(j, l, l ? 0 : -ENOMEM, run_list, on_reply, arg);
}

static int copy_files(struct looking *l, const json_t *files)
{
        const char *path;
        json_t *text;

        l->files = calloc(json_object_size(files) + 1, sizeof(*l->files));
        if (!l->files)
                return -ENOMEM;
        json_object_foreach ((json_t *)files, path, text) {
                struct blueprint_file *f = &l->files[l->n_files++];

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
        struct looking *l = calloc(1, sizeof(*l));
        int r = l ? 0 : -ENOMEM;

        if (l) {
                buf_init(&l->reply, 0);
                l->name = str_dup_span(span_of(json_get_text(params, "name")));
                r = l->name ? copy_files(l, json_object_get(params, "files")) : -ENOMEM;
        }
        start(j, l, r, run_check, on_reply, arg);
}
