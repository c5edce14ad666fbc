/* From stored parameters to a plan: reading, looking up, planning, in a worker. It sees what it is
 * given and the store. */

#include "common/json.h"
#include "common/log.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/exec/remember.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/life.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

struct planning_item {
        struct job *job; /* NULL when nobody waits for it any more */
        struct loop *loop;
        struct store *store;
        struct blueprint_shelf *shelf; /* counted */
        struct price_book *prices;     /* counted: planning.tiers point into it */
        struct config *config;         /* counted: model names live in it */
        const struct job_kind *kind;
        struct hash params_hash;
        json_t *params; /* its own, where a worker reads it: counts of Jansson are not atomic */
        struct given {
                char *path, *text; /* owned: the job may be gone before the worker is done */
                struct hash hash;
                bool is_absent;
        } * given;
        struct input_file *files;
        size_t n_files;
        uint32_t uid;
        bool is_dry_run, is_fresh;
        struct planning planning;
        /* what comes out */
        int error;
        struct failure *failure;
        struct work *work;
        struct stands *stands;
        struct plan *plan;
        struct plan_texts texts;
        struct strlist need;
};

static int plan_work(struct planning_item *item)
{
        _cleanup_free_ struct task_facts *facts = NULL;
        _cleanup_json_ json_t *plan_json = NULL, *files = NULL, *beside = NULL;
        int k = stands_read(item->work, json_object_get(item->params, "input"), &item->stands);

        k = k ? k
              : facts_gather(item->store, item->work, item->stands, item->uid, &facts, &item->need);
        if (k < 0 || (item->need.n > 0 && !item->is_dry_run))
                return k;
        strlist_done(&item->need);
        item->need = (struct strlist){0};
        item->planning.work = item->work;
        item->planning.facts = facts;
        k = plan_make(&item->planning, &item->plan);
        k = k ? k : plan_to_json(&item->planning, item->plan, &plan_json);
        k = k ? k : json_write(plan_json, &item->texts.plan);
        k = k ? k : plan_remember(item->store, item->work, item->stands->at, item->plan, &files);
        if (k < 0)
                return k;
        beside = json_pack("{s:O, s:O*}", "files", files, "routing", item->work->routing);
        return beside ? json_write(beside, &item->texts.why) : -ENOMEM;
}

static int read_params(struct planning_item *item)
{
        _cleanup_buf_ struct buf text = {0};
        struct diag diag;
        int k;

        buf_init(&text, 0);
        k = store_blob_get(item->store, item->uid, &item->params_hash, 0, UINT64_MAX, &text);
        if (k == CONDITION_ABSENT) {
                item->failure = failure_new(FAILURE_BAD_STATE,
                                            "the input of this job is not kept any more");
                return item->failure ? CONDITION_REFUSED : -ENOMEM;
        }
        k = k ? k : json_read(buf_span(&text), &item->params, &diag);
        return k > 0 ? -EBADMSG : k;
}

/* The files that came by blob/put, out of state. */
static int read_files(struct planning_item *item)
{
        for (size_t i = 0; i < item->n_files; i++) {
                struct given *g = &item->given[i];
                _cleanup_buf_ struct buf text = {0};
                size_t n_text = 0;
                int k;

                buf_init(&text, 0);
                k = g->is_absent ? 0
                                 : store_blob_get(item->store, item->uid, &g->hash, 0, UINT64_MAX,
                                                  &text);
                if (k)
                        return k < 0 ? k : -ENODATA;
                g->text = buf_steal(&text, &n_text);
                if (!g->text)
                        return -ENOMEM;
                item->files[i] = (struct input_file){
                        .path = g->path, .text = {g->text, n_text}, .is_absent = g->is_absent};
        }
        return 0;
}

static int find_content(const struct hash *h, struct buf *ret, void *arg)
{
        const struct planning_item *item = arg;

        return store_blob_get(item->store, item->uid, h, 0, UINT64_MAX, ret);
}

static bool is_noted(const struct hash *key, void *arg)
{
        const struct planning_item *item = arg;

        return cache_has(item->store, CACHE_REPAIR, key);
}

static int get_note(const struct hash *key, struct buf *ret, void *arg)
{
        const struct planning_item *item = arg;

        return cache_get(item->store, CACHE_REPAIR, key, ret);
}

static uint64_t largest_window(const struct planning *p)
{
        uint64_t largest = 0;

        for (enum tier t = 0; t < N_TIERS; t++)
                if (p->tiers[t].facts)
                        largest = MAX2(largest, p->tiers[t].facts->window);
        return largest;
}

static int read_work(struct planning_item *item)
{
        struct input in = {.content = find_content,
                           .is_noted = is_noted,
                           .get_note = get_note,
                           .is_fresh = item->is_fresh,
                           .window_tokens = largest_window(&item->planning),
                           .arg = item,
                           .need = &item->need,
                           .params = item->params,
                           .files = item->files,
                           .n_files = item->n_files,
                           .shelf = item->shelf};

        return item->kind->read(&in, &item->work, &item->failure);
}

static void run_planning(void *arg)
{
        struct planning_item *item = arg;

        item->error = item->params ? 0 : read_params(item);
        item->error = item->error ? item->error : read_files(item);
        item->error = item->error ? item->error : read_work(item);
        if (item->error == 0 && item->work) /* else content is wanted first */
                item->error = plan_work(item);
}

static void free_item(struct planning_item *item)
{
        for (size_t i = 0; item->given && i < item->n_files; i++) {
                free(item->given[i].path);
                free(item->given[i].text);
        }
        free(item->given);
        free(item->files);
        json_decref(item->params);
        blueprint_shelf_unref(item->shelf);
        price_book_unref(item->prices);
        config_unref(item->config);
        strlist_done(&item->need);
        buf_done(&item->texts.plan);
        buf_done(&item->texts.why);
        free(item);
}

static void finish_planning(void *arg)
{
        struct planning_item *item = arg;

        if (item->job) {
                jobs_look_at_shelf(item->job->jobs, item->job);
                job_prepared(item->job, item->error, item->failure, item->work, item->stands,
                             item->plan, &item->texts, &item->need);
        } else {
                failure_free(item->failure);
                work_release(item->work, item->loop);
                plan_free(item->plan);
                stands_free(item->stands);
        }
        free_item(item);
}

void prepare_forget(struct planning_item *item)
{
        item->job = NULL;
}

static int copy_given(const struct job *job, struct planning_item *item)
{
        item->files = calloc(job->n_needs + 1, sizeof(*item->files));
        item->given = calloc(job->n_needs + 1, sizeof(*item->given));
        if (!item->files || !item->given)
                return -ENOMEM;
        for (size_t i = 0; i < job->n_needs; i++) {
                const struct need *n = &job->needs[i];
                struct given *g = &item->given[item->n_files];

                if (!n->path)
                        continue;
                *g = (struct given){
                        .path = strdup(n->path), .hash = n->hash, .is_absent = n->is_absent};
                if (!g->path)
                        return -ENOMEM;
                item->n_files++;
        }
        return 0;
}

/* What is cheap by its kind takes less time than waking a worker and being woken by it. */
static int start_planning(struct planning_item *item, struct loop *loop)
{
        struct pool_work work = {.run = run_planning, .finish = finish_planning, .arg = item};

        if (!item->kind->is_small)
                return loop_work(loop, &work);
        run_planning(item);
        return loop_defer(loop, finish_planning, item);
}

int prepare_start(struct job *job)
{
        struct planning_item *item = calloc(1, sizeof(*item));
        struct tier_route routes[N_TIERS];
        int k;

        if (!item)
                return -ENOMEM;
        *item = (struct planning_item){.job = job,
                                       .loop = job->jobs->c.loop,
                                       .store = job->jobs->c.store,
                                       .kind = job->kind,
                                       .uid = job->uid,
                                       .params_hash = job->params_hash,
                                       .is_dry_run = job->is_dry_run,
                                       .is_fresh = job->is_fresh,
                                       .shelf = blueprint_shelf_ref(job->jobs->c.shelf),
                                       .prices = price_book_ref(job->jobs->c.prices),
                                       .config = config_ref(job->jobs->c.config)};
        if (job->kind->is_small) /* perhaps not on disk yet */
                item->params = json_incref(job->params);
        job_planning(job, &item->planning, routes);
        buf_init(&item->texts.plan, 0);
        buf_init(&item->texts.why, 0);
        k = copy_given(job, item);
        k = k ? k : start_planning(item, job->jobs->c.loop);
        if (k < 0) {
                free_item(item);
                return k;
        }
        job->planned = job->jobs->generation;
        job->planning = item;
        return 0;
}
