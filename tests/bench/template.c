/* Compiles and renders templates when it is told to: bench-template FILE MS.
 *
 * FILE is a JSON array of {"template": text, "templates": {name: text}, "context": object}. Each
 * line of standard input is `compile N`, `render N` or `text N`, for element N; each is answered by
 * a line: the time of the processor, in nanoseconds, that it takes once (measured for MS
 * milliseconds), or the text as JSON. */

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "common/buf.h"
#include "daemon/template/template.h"
#include "tests/bench/bench.h"

static struct span text_of(const json_t *text)
{
        return (struct span){json_string_value(text), json_string_length(text)};
}

static struct template *compile(const json_t *item)
{
        _cleanup_(template_set_unrefp) struct template_set *set = NULL;
        json_t *others = json_object_get(item, "templates");
        struct template *t = NULL;
        const char *where = "";
        struct diag d = {0};
        int r = template_set_new(&set);

        if (!r)
                r = template_set_add(set, "main", text_of(json_object_get(item, "template")));
        for (void *i = json_object_iter(others); i && !r; i = json_object_iter_next(others, i))
                r = template_set_add(set, json_object_iter_key(i),
                                     text_of(json_object_iter_value(i)));
        if (!r)
                r = template_set_compile(set, "main", &t, &where, &d);
        if (r)
                bench_die("%s:%u:%u: %s", where, d.line, d.column, d.text);
        return t;
}

static void render(const struct template *t, const json_t *item, struct buf *out)
{
        struct diag d;

        buf_clear(out);
        if (template_render(t, json_object_get(item, "context"), out, &d) != 0)
                bench_die("%u:%u: %s", d.line, d.column, d.text);
}

/* Of this process: what else the machine does is not ours. */
static uint64_t cpu_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double time_compile(const json_t *item, uint64_t ns)
{
        uint64_t begin = cpu_now(), n = 0;

        while (cpu_now() - begin < ns) {
                template_free(compile(item));
                n++;
        }
        return (double)(cpu_now() - begin) / (double)n;
}

static double time_render(const struct template *t, const json_t *item, uint64_t ns,
                          struct buf *out)
{
        uint64_t begin, n = 0;

        render(t, item, out); /* warm */
        begin = cpu_now();
        while (cpu_now() - begin < ns) {
                render(t, item, out);
                n++;
        }
        return (double)(cpu_now() - begin) / (double)n;
}

static void answer(const char *what, const json_t *item, const struct template *t, uint64_t ns)
{
        struct buf out = {0};

        if (strcmp(what, "compile") == 0) {
                printf("%.0f\n", time_compile(item, ns));
        } else if (strcmp(what, "render") == 0) {
                printf("%.0f\n", time_render(t, item, ns, &out));
        } else {
                json_t *text;

                render(t, item, &out);
                text = json_stringn(out.at ? out.at : "", out.n);
                json_dumpf(text, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
                json_decref(text);
                putchar('\n');
        }
        buf_done(&out);
        fflush(stdout);
}

int main(int argc, char **argv)
{
        json_error_t error;
        json_t *items;
        struct template **templates;
        char what[16];
        size_t n;

        if (argc != 3)
                bench_die("usage: bench-template FILE MS");
        items = json_load_file(argv[1], JSON_ALLOW_NUL, &error);
        if (!items)
                bench_die("%s: %s", argv[1], error.text);
        templates = calloc(json_array_size(items) + 1, sizeof(*templates));
        if (!templates)
                bench_die("no memory");
        for (size_t i = 0; i < json_array_size(items); i++)
                templates[i] = compile(json_array_get(items, i));
        while (scanf("%15s %zu", what, &n) == 2 && n < json_array_size(items))
                answer(what, json_array_get(items, n), templates[n],
                       bench_number(argv[2]) * 1000000);
        for (size_t i = 0; i < json_array_size(items); i++)
                template_free(templates[i]);
        free(templates);
        json_decref(items);
        return 0;
}
