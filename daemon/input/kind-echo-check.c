#include "common/path.h"
#include "daemon/input/kinds.h"
#include "daemon/template/template.h"

/* Gives the text of one of the client's files back, accepted when the client's own command exits 0.
 * It asks no model: it is the whole round (need, blob, wait for a command, answer) at no cost, for
 * `genopt doctor` and for tests. */

enum { FIELD_KIND = 1, FIELD_PATH, FIELD_TEXT, FIELD_COMMAND };

static const struct input_field fields[] = {
        {"path", JSON_STRING, true},
        {"command", JSON_INTEGER, true},
};

static int decode(const json_t *params, const char **ret_path, int *ret_command,
                  struct failure **ret_failure)
{
        const json_t *input;
        size_t n_commands = json_array_size(json_object_get(params, "commands"));
        const char *path;
        json_int_t command;
        int r;

        r = kind_input(params, fields, N_ELEMENTS(fields), &input, ret_failure);
        if (r != 0)
                return r;
        path = json_get_text(input, "path");
        command = json_integer_value(json_object_get(input, "command"));
        if (!path_is_relative(span_of(path)))
                return kind_refuse(ret_failure, "/params/input/path",
                                   "`path` must be a relative path without `.` and `..`");
        if (command < 0 || (uint64_t)command >= n_commands)
                return kind_refuse(ret_failure, "/params/input/command",
                                   "`command` must be an index into `commands`, which has %zu",
                                   n_commands);
        *ret_path = path;
        *ret_command = (int)command;
        return 0;
}

static int need(const json_t *params, struct strlist *ret_paths, struct failure **ret_failure)
{
        const char *path = "";
        int command = -1, r;

        r = decode(params, &path, &command, ret_failure);
        return r != 0 ? r : strlist_add(ret_paths, path);
}

static void release(void *keeper)
{
        template_free(keeper);
}

static int fill(struct work *w, const char *path, struct span text, int command)
{
        struct task *t = w->tasks;
        struct template *template = NULL;
        struct diag diag;
        struct canon *c;
        int r;

        r = template_compile("echo", SPAN("{{ text }}"), &template, &diag);
        assert(r <= 0); /* the source is ours */
        if (r < 0)
                return r;
        w->keeper = template;
        w->release = release;
        t->template = template;
        t->command = command;
        t->expected_output_bytes = text.n;
        r = json_put(t->context, "text", json_stringn(text.at, text.n));
        t->inputs = r == 0 ? calloc(1, sizeof(*t->inputs)) : NULL;
        if (r == 0 && !t->inputs)
                r = -ENOMEM;
        if (r == 0)
                r = canon_new(1, &c);
        if (r < 0)
                return r;
        canon_add_text(c, FIELD_KIND, t->kind);
        canon_add_text(c, FIELD_PATH, path);
        canon_add_bytes(c, FIELD_TEXT, text.at, text.n);
        canon_add_u64(c, FIELD_COMMAND, (uint64_t)command);
        canon_get(c, &t->static_key);
        canon_free(c);
        t->inputs[0].name = str_printf("file:%s", path);
        if (!t->inputs[0].name)
                return -ENOMEM;
        t->n_inputs = 1;
        hash_of(text.at, text.n, &t->inputs[0].hash);
        return 0;
}

static int read_work(const struct input *in, struct work **ret, struct failure **ret_failure)
{
        _cleanup_(work_freep) struct work *w = NULL;
        const struct input_file *file = NULL;
        const char *path = "";
        int command = -1, r;

        r = decode(in->params, &path, &command, ret_failure);
        if (r != 0)
                return r;
        for (size_t i = 0; i < in->n_files; i++)
                if (strcmp(in->files[i].path, path) == 0)
                        file = &in->files[i];
        if (!file || file->is_absent)
                return kind_refuse(ret_failure, "/params/input/path", "there is no file %.200s",
                                   path);
        if (!str_is_utf8(file->text) || memchr(file->text.at, '\0', file->text.n))
                return kind_refuse(ret_failure, "/params/input/path", "%.200s is not a UTF-8 text",
                                   path);
        r = kind_one_text("echo", path, "fast", &w);
        if (r == 0)
                r = fill(w, path, file->text, command);
        if (r < 0)
                return r;
        *ret = take(w);
        return 0;
}

const struct job_kind job_kind_echo_check = {
        .name = "echo-check", .is_small = true, .need = need, .read = read_work};
