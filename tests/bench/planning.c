/* What planning takes: a specification is read and laid out, then planned, with templates and
 * without (then every file is a model's). One line of JSON for each size.
 *
 *     bench-planning DATA [REPEATS]        DATA: where models.yaml and blueprints/ are
 */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/buf.h"
#include "common/str.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/input/input.h"
#include "daemon/plan/planner.h"
#include "tests/bench/bench.h"

#define FILES_PER_ENTITY 7

/* Of this process alone: one thread does all of it, and others may be at work on the machine. */
static uint64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct bench {
        struct price_book *prices;
        struct blueprint_shelf *shelf;
};

static char *write_spec(size_t n_entities)
{
        struct buf b;

        buf_init(&b, 0);
        (void)buf_add_text(&b, "name: Planned\ndescription: Many things.\nrequirements:\n"
                               "  - {id: FR-001, description: \"A thing0 has a name.\"}\n"
                               "data_model:\n  entities:\n");
        for (size_t i = 0; i < n_entities; i++)
                (void)buf_printf(
                        &b,
                        "    - {name: Thing%zu, package: group%zu, attributes: {ID: string, "
                        "Name: string, Size: int, Owner: string}}\n",
                        i, i / 8);
        (void)buf_add_text(&b, "build_config: {go_version: \"1.19\"}\n");
        return buf_steal(&b, NULL);
}

static struct work *read_work(const struct bench *x, const char *spec)
{
        json_t *params =
                json_pack("{s:{s:{s:s,s:s}}}", "input", "spec", "name", "s.yaml", "text", spec);
        struct input in = {params, NULL, 0, x->shelf};
        struct failure *f = NULL;
        struct work *w = NULL;

        if (job_kind_find("generate")->read(&in, &w, &f) != 0)
                bench_die("%s", f ? failure_message(f) : "the specification cannot be read");
        json_decref(params);
        return w;
}

static void make_plan(const struct bench *x, const struct work *w, bool has_templates,
                      size_t *ret_calls)
{
        static const char *const models[N_TIERS] = {"claude-haiku-4-5", "claude-sonnet-5-5",
                                                    "claude-opus-5-5"};
        struct planning in = {
                .work = w, .n_parallel = 8, .objective = PLAN_BALANCED, .batch_max_output = 8000};
        struct plan *p = NULL;

        for (enum tier t = 0; t < N_TIERS; t++)
                in.tiers[t] = (struct tier_model){"p", models[t],
                                                  price_book_find(x->prices, models[t]), true};
        for (size_t i = 0; i < N_PLAN_RULES; i++)
                in.is_on[i] = i != RULE_TEMPLATE || has_templates;
        if (plan_make(&in, &p) < 0)
                bench_die("no plan: out of memory");
        *ret_calls = p->totals.calls;
        plan_free(p);
}

static void measure(const struct bench *x, size_t n_files, size_t repeats)
{
        char *spec = write_spec(n_files / FILES_PER_ENTITY);
        struct times reading = {0}, rendered = {0}, asked = {0};
        size_t n_tasks = 0, n_rendered = 0, n_asked = 0;

        for (size_t i = 0; i < repeats; i++) {
                uint64_t a = now_ns(), b, c;
                struct work *w = read_work(x, spec);

                b = now_ns();
                make_plan(x, w, true, &n_rendered);
                c = now_ns();
                make_plan(x, w, false, &n_asked);
                times_add(&asked, now_ns() - c);
                times_add(&rendered, c - b);
                times_add(&reading, b - a);
                n_tasks = w->n_tasks;
                work_free(w);
        }
        printf("{\"tasks\": %zu, \"read_ms\": %.2f, \"plan_ms\": %.2f, \"calls\": %zu, "
               "\"plan_without_templates_ms\": %.2f, \"calls_without_templates\": %zu}\n",
               n_tasks, times_usec(&reading, 500) / 1000, times_usec(&rendered, 500) / 1000,
               n_rendered, times_usec(&asked, 500) / 1000, n_asked);
        fflush(stdout);
        times_done(&reading);
        times_done(&rendered);
        times_done(&asked);
        free(spec);
}

int main(int argc, char **argv)
{
        static const size_t sizes[] = {100, 1000, 10000};
        struct failure *f = NULL;
        struct bench x = {NULL};
        char *book = argc > 1 ? str_printf("%s/models.yaml", argv[1]) : NULL;
        char *blueprints = argc > 1 ? str_printf("%s/blueprints", argv[1]) : NULL;

        if (!book || !blueprints)
                bench_die("usage: bench-planning DATA [REPEATS]");
        if (price_book_load(book, &x.prices, &f) != 0 ||
            blueprint_shelf_open(blueprints, NULL, &x.shelf, &f) != 0)
                bench_die("%s", f ? failure_message(f) : "out of memory");
        for (size_t i = 0; i < N_ELEMENTS(sizes); i++)
                measure(&x, sizes[i], argc > 2 ? bench_number(argv[2]) : 7);
        blueprint_shelf_unref(x.shelf);
        price_book_unref(x.prices);
        free(book);
        free(blueprints);
        return 0;
}
