#include "proto/events.h"

#include "common/str.h"

const struct event_type event_table[N_EVENTS] = {
        [EVENT_QUEUED] = {"queued", true, false, {{"kind", true}, {"position", true}}},
        [EVENT_PLANNED] = {"planned",
                           true,
                           false,
                           {{"tasks", true},
                            {"steps", true},
                            {"kinds", true},
                            {"estimate", true},
                            {"naive", true},
                            {"unpriced", false}}},
        [EVENT_STARTED] = {"started", true, false, {{"attempt", true}}},
        [EVENT_WAITING] = {"waiting",
                           true,
                           false,
                           {{"on", true},
                            {"wait", true},
                            {"need", false},
                            {"command", false},
                            {"estimate", false},
                            {"unpriced", false},
                            {"remedy", true}}},
        [EVENT_TASK_STARTED] =
                {"task.started",
                 true,
                 false,
                 {{"task", true}, {"path", true}, {"step", true}, {"attempt", true}}},
        [EVENT_TASK_DELTA] = {"task.delta", false, false, {{"task", true}, {"text", true}}},
        [EVENT_TASK_RETRY] = {"task.retry",
                              true,
                              false,
                              {{"task", false},
                               {"call", false},
                               {"reason", true},
                               {"delay_ms", true},
                               {"attempt", true}}},
        [EVENT_TASK_DONE] = {"task.done",
                             true,
                             false,
                             {{"task", true},
                              {"path", true},
                              {"source", false},
                              {"verdict", true},
                              {"tokens", false},
                              {"nanousd", true},
                              {"ms", true},
                              {"attempts", false},
                              {"joined", false},
                              {"edits", false},
                              {"mended", false},
                              {"confidence", false},
                              {"error", false}}},
        [EVENT_CALL_DONE] = {"call.done",
                             true,
                             false,
                             {{"call", true},
                              {"tasks", true},
                              {"model", true},
                              {"tokens", true},
                              {"nanousd", true},
                              {"first_token_ms", true},
                              {"ms", true},
                              {"state", true},
                              {"joined", false}}},
        [EVENT_FILE] = {"file",
                        true,
                        false,
                        {{"action", true},
                         {"path", true},
                         {"from", false},
                         {"base", true},
                         {"blob", false},
                         {"size", false},
                         {"fingerprint", false},
                         {"source", false},
                         {"findings", false},
                         {"task", false},
                         {"of", false},
                         {"reason", false}}},
        [EVENT_WARNING] = {"warning",
                           true,
                           false,
                           {{"text", true}, {"where", false}, {"level", false}}},
        [EVENT_PROGRESS] = {"progress",
                            true,
                            false,
                            {{"done", true},
                             {"total", true},
                             {"eta_ms", true},
                             {"nanousd", true},
                             {"tokens", true}}},
        [EVENT_DONE] = {"done",
                        true,
                        true,
                        {{"summary", false},
                         {"failures", false},
                         {"left", false},
                         {"text", false},
                         {"blob", false},
                         {"plan", false}}},
        [EVENT_FAILED] = {"failed",
                          true,
                          true,
                          {{"error", true}, {"remedy", true}, {"resume", false}}},
        [EVENT_CANCELLED] = {"cancelled", true, true, {{"resume", false}}},
};

const struct event_type *event_find(const char *name)
{
        for (size_t i = 0; i < N_EVENTS; i++)
                if (str_is_equal(event_table[i].name, name))
                        return &event_table[i];
        return NULL;
}

static bool has_field(const struct event_type *t, const char *name)
{
        for (const struct event_field *f = t->fields; f->name; f++)
                if (str_is_equal(f->name, name))
                        return true;
        return false;
}

const char *event_check(const struct event_type *t, const json_t *fields)
{
        const char *key;
        json_t *value;

        for (const struct event_field *f = t->fields; f->name; f++)
                if (f->is_required && !json_object_get(fields, f->name))
                        return f->name;
        json_object_foreach ((json_t *)fields, key, value) {
                if (!has_field(t, key))
                        return key;
        }
        return NULL;
}
