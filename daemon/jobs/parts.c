#include "daemon/jobs/parts.h"

#include "common/json.h"

void tokens_read(const json_t *o, struct tokens *t)
{
        (void)json_get_u64(o, "input", &t->input);
        (void)json_get_u64(o, "cache_read", &t->cache_read);
        (void)json_get_u64(o, "cache_write", &t->cache_write);
        (void)json_get_u64(o, "output", &t->output);
}

static uint64_t share_of(uint64_t whole, size_t i, size_t n)
{
        return whole / n + (i < whole % n);
}

void parts_add(struct part *parts, size_t n_tasks, const json_t *call)
{
        const json_t *tasks = json_object_get(call, "tasks");
        size_t n = json_array_size(tasks);
        struct tokens all = {0};
        uint64_t nanousd = 0;

        tokens_read(json_object_get(call, "tokens"), &all);
        (void)json_get_u64(call, "nanousd", &nanousd);
        for (size_t i = 0; i < n; i++) {
                json_int_t task = json_integer_value(json_array_get(tasks, i));
                struct part *p;

                if (task < 0 || (size_t)task >= n_tasks)
                        continue;
                p = &parts[task];
                p->is_known = true;
                p->is_joined = json_is_true(json_object_get(call, "joined"));
                p->tokens.input += share_of(all.input, i, n);
                p->tokens.cache_read += share_of(all.cache_read, i, n);
                p->tokens.cache_write += share_of(all.cache_write, i, n);
                p->tokens.output += share_of(all.output, i, n);
                p->nanousd += share_of(nanousd, i, n);
        }
}

static int put(const struct part *p, json_t *row)
{
        int k;

        if (!p->is_known)
                return 0;
        if (p->is_joined && json_get_text(row, "source") &&
            json_put(row, "joined", json_true()) < 0)
                return -ENOMEM;
        k = json_put(row, "tokens",
                     json_pack("{s:I,s:I,s:I,s:I}", "input", (json_int_t)p->tokens.input,
                               "cache_read", (json_int_t)p->tokens.cache_read, "cache_write",
                               (json_int_t)p->tokens.cache_write, "output",
                               (json_int_t)p->tokens.output));
        return k ? k : json_put(row, "nanousd", json_integer((json_int_t)p->nanousd));
}

int parts_put(const struct part *parts, size_t n_tasks, json_t *rows)
{
        json_t *row;
        size_t i;

        json_array_foreach (rows, i, row) {
                uint64_t task;
                int k = json_get_u64(row, "task", &task) && task < n_tasks ? put(&parts[task], row)
                                                                           : 0;

                if (k < 0)
                        return k;
        }
        return 0;
}
