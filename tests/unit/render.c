/* Renders templates for tests/integration/test_template_diff.py, which compares the bytes with
 * Jinja2's.
 *
 * Standard input: a JSON array of {"template": text, "context": object, "templates": {name: text}},
 * the last for what the template includes. Standard output: a JSON array with, for each,
 * {"text": …} or {"refused": message, "where": name, "stage": "compile" | "render", "line",
 * "column"}.
 * With --tables: {"filters": [names], "tests": [names]}, for the page that lists them. */

#include <stdio.h>

#include "common/json.h"
#include "daemon/template/engine.h"
#include "daemon/template/template.h"

static int refuse(json_t *reply, const char *stage, const struct diag *d)
{
        int r = json_put(reply, "refused", json_string(d->text));

        if (!r)
                r = json_put(reply, "stage", json_string(stage));
        if (!r)
                r = json_put(reply, "line", json_integer(d->line));
        if (!r)
                r = json_put(reply, "column", json_integer(d->column));
        return r;
}

static struct span text_of(const json_t *text)
{
        return (struct span){json_string_value(text), json_string_length(text)};
}

static int read_set(const json_t *pair, struct template_set *set)
{
        json_t *others = json_object_get(pair, "templates");
        int r = template_set_add(set, "main", text_of(json_object_get(pair, "template")));

        for (void *i = json_object_iter(others); i && !r; i = json_object_iter_next(others, i))
                r = template_set_add(set, json_object_iter_key(i),
                                     text_of(json_object_iter_value(i)));
        return r;
}

static int render_one(const json_t *pair, json_t *replies)
{
        _cleanup_(template_set_unrefp) struct template_set *set = NULL;
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_buf_ struct buf out = {0};
        json_t *reply = json_object();
        const char *where = "main";
        struct diag d = {0};
        int r;

        if (!reply)
                return -ENOMEM;
        r = template_set_new(&set);
        if (!r)
                r = read_set(pair, set);
        if (!r)
                r = template_set_compile(set, "main", &t, &where, &d);
        if (r == CONDITION_REFUSED) {
                r = refuse(reply, "compile", &d);
                if (!r)
                        r = json_put(reply, "where", json_string(where));
        } else if (!r) {
                r = template_render(t, json_object_get(pair, "context"), &out, &d);
                if (r == CONDITION_REFUSED)
                        r = refuse(reply, "render", &d);
                else if (!r)
                        r = json_put(reply, "text", json_stringn(out.at ? out.at : "", out.n));
        }
        if (r) {
                json_decref(reply);
                return r;
        }
        return json_add(replies, reply);
}

static int render_all(void)
{
        json_error_t error;
        _cleanup_json_ json_t *pairs = json_loadf(stdin, JSON_ALLOW_NUL, &error);
        _cleanup_json_ json_t *replies = json_array();
        json_t *pair;
        size_t i;

        if (!pairs || !json_is_array(pairs) || !replies) {
                fprintf(stderr, "render: %s\n", error.text);
                return 2;
        }
        json_array_foreach (pairs, i, pair) {
                int r = render_one(pair, replies);

                if (r) {
                        fprintf(stderr, "render: pair %zu: %s\n", i, strerror(-r));
                        return 1;
                }
        }
        return json_dumpf(replies, stdout, JSON_COMPACT) ? 1 : 0;
}

static int print_tables(void)
{
        _cleanup_json_ json_t *filters = json_array(), *tests = json_array();
        json_t *tables;
        int r = 0;

        for (size_t i = 0; i < n_filters && !r; i++)
                r = json_add(filters, json_string(filter_table[i].name));
        for (size_t i = 0; i < n_tests && !r; i++)
                r = json_add(tests, json_string(test_table[i].name));
        tables = r ? NULL : json_pack("{s:O, s:O}", "filters", filters, "tests", tests);
        if (!tables)
                return 1;
        r = json_dumpf(tables, stdout, JSON_COMPACT);
        json_decref(tables);
        return r ? 1 : 0;
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "--tables") == 0)
                return print_tables();
        return render_all();
}
