/* Models of servers: what there is, for messages, and what local servers are told to load. */

#include <jansson.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"
#include "daemon/provider/internal.h"

#define CONTEXT_LEAST 4096U     /* what such a server takes by itself on a small machine */
#define CONTEXT_MOST (1U << 20) /* no local model reads more */
#define BYTES_PER_TOKEN 3       /* a low guess: too much room costs memory, too little the prompt */
#define FRAME_TOKENS 256        /* roles, templates of the model */
#define LOAD_AGAIN_MS 60000     /* a model that was used or loaded since is there */
#define LOAD_LIMIT_MS 600000    /* large ones come from slow disks */
#define NAMES_TOLD 12           /* of a list of models */

static const struct loaded_model *look_up(const struct provider *p, const char *model)
{
        for (size_t i = 0; i < p->n_loaded; i++)
                if (str_is_equal(p->loaded[i].name, model))
                        return &p->loaded[i];
        return NULL;
}

static struct loaded_model *find_loaded(struct provider *p, const char *model)
{
        struct loaded_model *oldest = &p->loaded[0];
        const struct loaded_model *known = look_up(p, model);
        char *name;

        if (known)
                return &p->loaded[known - p->loaded];
        for (size_t i = 0; i < p->n_loaded; i++)
                if (p->loaded[i].used_usec < oldest->used_usec)
                        oldest = &p->loaded[i];
        name = strdup(model);
        if (!name)
                return NULL;
        if (p->n_loaded < LOADED_MAX)
                oldest = &p->loaded[p->n_loaded++];
        free(oldest->name);
        *oldest =
                (struct loaded_model){.name = name, .is_limit_renamed = p->manner.is_limit_renamed};
        return oldest;
}

struct manner model_manner(const struct provider *p, const char *model)
{
        const struct loaded_model *l = look_up(p, model);
        struct manner m = p->manner;

        if (l)
                m.is_limit_renamed = l->is_limit_renamed;
        return m;
}

/* A model that was not asked yet is asked as the last one of its server. */
void model_note_manner(struct provider *p, const char *model, const struct manner *m, bool is_known)
{
        struct loaded_model *l = find_loaded(p, model);

        p->manner.is_limit_renamed = m->is_limit_renamed;
        if (!l)
                return;
        l->is_limit_renamed = m->is_limit_renamed;
        l->is_manner_known = is_known;
}

bool provider_is_manner_known(const struct provider *p, const char *model)
{
        const struct loaded_model *l;

        if (!p || !p->dialect->adapt || p->manner.is_home)
                return true;
        l = look_up(p, model);
        return l && l->is_manner_known;
}

void model_forget(struct provider *p, const char *model)
{
        for (size_t i = 0; i < p->n_loaded; i++)
                if (str_is_equal(p->loaded[i].name, model))
                        p->loaded[i].used_usec = 0;
}

void model_forget_all(struct provider *p)
{
        while (p->n_loaded > 0)
                free(p->loaded[--p->n_loaded].name);
}

/* 4096, 6144, 8192, 12288, 16384 … */
static uint64_t step_up(uint64_t tokens)
{
        uint64_t step = CONTEXT_LEAST;

        while (step < tokens && step < CONTEXT_MOST) {
                if (step + step / 2 >= tokens)
                        return step + step / 2;
                step *= 2;
        }
        return step;
}

uint64_t model_context(struct provider *p, const char *model, uint64_t n_bytes, uint64_t max_tokens)
{
        struct loaded_model *m = find_loaded(p, model);
        uint64_t need = step_up(n_bytes / BYTES_PER_TOKEN +
                                MIN2(max_tokens, (uint64_t)CONTEXT_MOST) + FRAME_TOKENS);

        if (!m)
                return need;
        m->context = MAX2(m->context, need);
        m->used_usec = clock_monotonic_usec();
        return m->context;
}

/* ---- loading ---- */

static void on_loaded(struct http_transfer *t _unused_, enum http_fault fault _unused_,
                      const char *message _unused_, void *arg)
{
        struct provider *p = arg;

        p->loading = NULL;
        p->probed_usec = 0;
}

void provider_load(struct provider *p, const char *model, uint64_t n_bytes, uint64_t max_tokens)
{
        const struct dialect *d = p->dialect;
        struct http_request r = provider_request(p);
        struct manner m = p->manner;
        struct loaded_model *l;
        struct head head = {};
        uint64_t before, used;

        if (!d->write_load || p->loading)
                return;
        l = find_loaded(p, model);
        if (!l)
                return;
        before = l->context;
        used = l->used_usec;
        m.context = model_context(p, model, n_bytes, max_tokens);
        if (used > 0 && before == m.context &&
            clock_monotonic_usec() - used < LOAD_AGAIN_MS * 1000ULL)
                return;
        buf_clear(&p->load_body);
        r.head = &head;
        r.max_bytes = PROVIDER_ERROR_BYTES;
        r.first_byte_ms = r.total_ms = LOAD_LIMIT_MS;
        if (d->write_load(model, &m, &p->load_body) == 0 && d->write_head(&head, p->key) == 0) {
                r.body = buf_span(&p->load_body);
                (void)(http_start(p->room->http, &r, &(struct http_events){.on_end = on_loaded}, p,
                                  &p->loading) == 0);
        }
        head_done(&head);
}

/* ---- what there is ---- */

char *models_url(const struct provider *p)
{
        return str_printf("%s%s%s", p->base.url, p->dialect->root, p->dialect->list_path);
}

/* {"data": [{"id"}]} or {"models": [{"name"}]}; at most NAMES_TOLD of them. */
static void write_names(struct span list, struct buf *out)
{
        _cleanup_json_ json_t *body = json_loadb(list.at, list.n, 0, NULL);
        const json_t *data = json_object_get(body, "data"), *at;
        const char *key = data ? "id" : "name";
        size_t n;

        at = data ?: json_object_get(body, "models");
        n = json_array_size(at);
        for (size_t i = 0; i < n && i < NAMES_TOLD; i++) {
                const char *name = json_get_text(json_array_get(at, i), key);

                if (!name)
                        continue;
                (void)buf_add_text(out, out->n > 0 ? ", " : "");
                dialect_quote(span_of(name), out);
        }
        if (n > NAMES_TOLD)
                (void)buf_printf(out, " and %zu more", n - NAMES_TOLD);
}

int models_advise(const struct provider *p, const char *model, struct span list, struct failure *f)
{
        _cleanup_buf_ struct buf names = {};
        const char *pull = p->dialect->pull;

        if (list.n > 0)
                write_names(list, &names);
        if (names.failed)
                return names.failed;
        if (names.n == 0 && !pull)
                return 0;
        return failure_set_remedy(f, "%s%s%s%scorrect `tiers` in genopt.yaml%s%s", pull ? "`" : "",
                                  pull ?: "", pull ? model : "", pull ? "`, or " : "",
                                  names.n > 0 ? "; the server has: " : "",
                                  names.n > 0 ? names.at : "");
}

int provider_describe(const struct provider *p, json_t **ret)
{
        uint64_t now = clock_monotonic_usec();
        json_t *list = json_array(), *o = json_pack("{s:o}", "models", list);

        if (!o)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_loaded; i++)
                if (p->loaded[i].used_usec > 0 && p->dialect->write_load &&
                    json_add(list, json_pack("{s:s,s:I,s:I}", "name", p->loaded[i].name, "context",
                                             (json_int_t)p->loaded[i].context, "used_ms",
                                             (json_int_t)((now - p->loaded[i].used_usec) / 1000))) <
                            0)
                        break;
        if (p->warmed_usec > 0)
                (void)!json_put(o, "connection_ms",
                                json_integer((json_int_t)((now - p->warmed_usec) / 1000)));
        *ret = o;
        return 0;
}
