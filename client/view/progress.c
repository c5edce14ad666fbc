#include "client/view/progress.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"

#define KEY_BYTES 64

const char *const progress_source_names[N_SOURCES] = {
        [SOURCE_KEEP] = "keep",         [SOURCE_REUSE] = "reuse",
        [SOURCE_TEMPLATE] = "template", [SOURCE_MECHANICAL] = "mechanical",
        [SOURCE_CALL] = "call",
};

void progress_init(struct progress *p)
{
        *p = (struct progress){.phase = "queued"};
}

void progress_done(struct progress *p)
{
        json_decref(p->running);
        p->running = NULL;
}

uint64_t progress_number(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);

        if (json_is_integer(value) && json_integer_value(value) > 0)
                return (uint64_t)json_integer_value(value);
        if (json_is_real(value) && json_real_value(value) > 0 && json_real_value(value) < 1e18)
                return (uint64_t)json_real_value(value);
        return 0;
}

uint64_t progress_tokens(const json_t *tokens)
{
        if (!json_is_object(tokens))
                return json_is_integer(tokens) && json_integer_value(tokens) > 0
                               ? (uint64_t)json_integer_value(tokens)
                               : 0;
        return progress_number(tokens, "input") + progress_number(tokens, "cache_read") +
               progress_number(tokens, "cache_write") + progress_number(tokens, "output");
}

/* A task's id may be a number or a text. */
static const char *key_of(const json_t *event, char ret[KEY_BYTES])
{
        const json_t *task = json_object_get(event, "task");

        if (json_is_string(task))
                return json_string_value(task);
        snprintf(ret, KEY_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(task));
        return ret;
}

static int task_started(struct progress *p, const json_t *event)
{
        char key[KEY_BYTES];

        p->phase = "generating";
        if (!p->running)
                p->running = json_object();
        return p->running && json_object_set(p->running, key_of(event, key), (json_t *)event) == 0
                       ? 0
                       : -ENOMEM;
}

static void task_done(struct progress *p, const json_t *event)
{
        const char *source = json_get_text(event, "source"),
                   *verdict = json_get_text(event, "verdict");
        char key[KEY_BYTES];

        if (p->running)
                (void)json_object_del(p->running, key_of(event, key));
        p->n_done++;
        if (verdict && strcmp(verdict, "failed") == 0)
                p->n_failed++;
        for (size_t i = 0; source && i < N_SOURCES; i++)
                if (strcmp(source, progress_source_names[i]) == 0)
                        p->n_by_source[i]++;
}

static void note_progress(struct progress *p, const json_t *event)
{
        uint64_t done = progress_number(event, "done"), total = progress_number(event, "total");

        if (total > 0) {
                p->n_total = total;
                p->n_done = MAX2(p->n_done, MIN2(done, total));
        }
        p->nanousd = MAX2(p->nanousd, progress_number(event, "nanousd"));
        p->n_tokens = MAX2(p->n_tokens, progress_tokens(json_object_get(event, "tokens")));
        p->eta_ms = progress_number(event, "eta_ms");
        p->eta_at_ms = clock_realtime_ms();
}

/* A job that goes on is planned again: what it finished comes again as kept. */
static void start_again(struct progress *p, const json_t *event)
{
        p->phase = "generating";
        p->n_total = progress_number(event, "tasks");
        p->n_done = p->n_failed = 0;
        memset(p->n_by_source, 0, sizeof(p->n_by_source));
        if (p->running)
                json_object_clear(p->running);
}

int progress_apply(struct progress *p, const json_t *event)
{
        const char *type = json_get_text(event, "type"), *time = json_get_text(event, "time");
        uint64_t at;

        if (!type)
                return 0;
        if (p->started_ms == 0)
                p->started_ms =
                        time && clock_parse_rfc3339(time, &at) == 0 ? at : clock_realtime_ms();
        if (strcmp(type, "task.started") == 0)
                return task_started(p, event);
        if (strcmp(type, "task.done") == 0)
                task_done(p, event);
        else if (strcmp(type, "planned") == 0)
                start_again(p, event);
        else if (strcmp(type, "queued") == 0)
                p->phase = "queued";
        else if (strcmp(type, "waiting") == 0)
                p->phase = "waiting";
        else if (strcmp(type, "call.done") == 0) {
                p->n_calls_done++;
                p->n_tokens += progress_tokens(json_object_get(event, "tokens"));
                p->nanousd += progress_number(event, "nanousd");
        } else if (strcmp(type, "task.retry") == 0)
                p->n_retries++;
        else if (strcmp(type, "progress") == 0)
                note_progress(p, event);
        return 0;
}

size_t progress_n_running(const struct progress *p)
{
        return json_object_size(p->running);
}
