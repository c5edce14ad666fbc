#include "daemon/blueprint/tell-routes.h"

#include "daemon/blueprint/layout.h"

/* Written into the work once its tasks are there; what routing.c noted is the reason, the tasks'
 * declared inputs say where it went. */

#define ROUTED_TASKS_MAX 100 /* told by name; beyond that they are counted */

int route_note(struct lay_item *item, const char *by, const char *said, const char *kind,
               const char *name)
{
        json_t *o;
        int r;

        if (!item->because)
                item->because = json_array();
        o = name ? json_pack("{s:s, s:s, s:s}", "by", by, "kind", kind, "name", name)
                 : json_pack("{s:s}", "by", by);
        if (o && said && json_put(o, "said", json_string(said)) < 0) {
                json_decref(o);
                o = NULL;
        }
        for (size_t i = 0; o && i < json_array_size(item->because); i++)
                if (json_equal(json_array_get(item->because, i), o)) {
                        json_decref(o);
                        return 0;
                }
        r = o && item->because ? json_add(item->because, o) : -ENOMEM;
        if (!item->because)
                json_decref(o);
        return r;
}

static int add_row(json_t *list, json_t *index, const struct lay_item *item)
{
        json_t *row = json_object(), *text = json_object_get(item->piece.data, "text");
        int r = json_add(list, row);

        r = r < 0 ? r : json_put(row, "input", json_string(item->piece.name));
        if (r == 0 && text)
                r = json_put(row, "text", json_string(json_string_value(text)));
        r = r < 0 ? r
                  : json_put(row, "because",
                             item->because ? json_incref(item->because) : json_array());
        r = r < 0 ? r : json_put(row, "n_tasks", json_integer(0));
        r = r < 0 ? r : json_put(row, "tasks", json_array());
        return r < 0 ? r : json_put(index, item->piece.name, json_incref(row));
}

static int add_task(json_t *index, const struct task *t, const struct task_input *in)
{
        json_t *row, *tasks;
        size_t n;

        if (!str_has_prefix(in->name, "requirement:") && !str_has_prefix(in->name, "scenario:"))
                return 0;
        row = json_object_get(index, in->name);
        tasks = json_object_get(row, "tasks");
        if (!row)
                return 0;
        n = (size_t)json_integer_value(json_object_get(row, "n_tasks"));
        if (n < ROUTED_TASKS_MAX && json_add(tasks, json_string(t->path)) < 0)
                return -ENOMEM;
        return json_put(row, "n_tasks", json_integer((json_int_t)n + 1));
}

int routes_tell(struct layout *l)
{
        _cleanup_json_ json_t *list = json_array(), *index = json_object();
        const struct work *w = l->work;
        int r = list && index ? 0 : -ENOMEM;

        for (size_t i = 0; i < l->n_requirements && r == 0; i++)
                r = add_row(list, index, &l->requirements[i]);
        for (size_t i = 0; i < l->n_scenarios && r == 0; i++)
                r = add_row(list, index, &l->scenarios[i]);
        for (size_t i = 0; i < w->n_tasks && r == 0; i++)
                for (size_t k = 0; k < w->tasks[i].n_inputs && r == 0; k++)
                        r = add_task(index, &w->tasks[i], &w->tasks[i].inputs[k]);
        if (r == 0)
                l->work->routing = take(list);
        return r;
}
